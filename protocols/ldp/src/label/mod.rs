//! Label distribution and management: the LIB, and the procedures of RFC 5036 appendix A.
//!
//! [`LabelDistribution`] knows peers by their [`LdpIdentifier`](crate::LdpIdentifier) only: that a
//! session is up, what was negotiated for it, and which messages about labels and addresses come by it.
//! How the session came up is [`crate::session`]'s matter.

mod api;

pub use api::{
    IlmOperation, LabelEvent, LabelOutput, LabelledNextHop, LfibChange, NextHop, PeerParameters,
    Route,
};
