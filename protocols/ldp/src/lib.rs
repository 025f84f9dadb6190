//! The Label Distribution Protocol (RFC 5036) as a state machine without I/O.
//!
//! * [`packet`]: PDUs, messages and TLVs, and the octets of each.
//! * [`label`]: which labels are bound, requested, retained and advertised (RFC 5036 section 2.6,
//!   appendix A), apart from how sessions come and go.
//! * [`discovery`]: Hello adjacencies of links and of targeted peers (RFC 5036 section 2.4).
//! * [`session`]: the session state machine (RFC 5036 section 2.5).
//! * [`engine`]: all of it together, as one LSR's speaker of the protocol.
//!
//! The crate does no I/O, reads no clock and starts no thread. Time and randomness are handed in.

pub mod discovery;
pub mod engine;
mod identifier;
pub mod label;
pub mod packet;
mod prefix;
pub mod session;

pub use identifier::LdpIdentifier;
pub use prefix::{MultiTopologyId, ParsePrefixFecError, PrefixFec};
