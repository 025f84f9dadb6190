//! Packets between the switch and the router's IP stack.
//!
//! - [`frame`]: Ethernet and label stack of a packet that the switch punted.
//! - [`queue`]: packets that wait, by punt class.
//! - [`icmp`]: ICMP errors about packets inside an LSP: expired or too big.
//! - [`fragment`]: fragments of packets that are too big.
//! - [`punt`]: what happens to a punted packet, by its reason.
//! - [`origin`]: labels for packets that the router itself sends into an LSP.
//! - [`counters`]: what is counted.
//! - [`rate`]: a token bucket.
//! - [`view`]: what these need to know of the router.

pub mod counters;
pub mod fragment;
pub mod frame;
pub mod icmp;
pub mod origin;
pub mod punt;
pub mod queue;
pub mod rate;
pub mod view;
