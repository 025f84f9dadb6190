//! Packets between the switch and the router's IP stack.
//!
//! - [`frame`]: Ethernet and label stack of a packet that the switch punted.
//! - [`icmp`]: ICMP time exceeded, for packets whose TTL ran out inside an LSP.
//! - [`punt`]: what happens to a punted packet, by its reason.
//! - [`origin`]: labels for packets that the router itself sends into an LSP.
//! - [`rate`]: a token bucket.
//! - [`view`]: what these need to know of the router.

pub mod frame;
pub mod icmp;
pub mod origin;
pub mod punt;
pub mod rate;
pub mod view;
