//! Sessions: from a Hello adjacency to an operational session, and its end (RFC 5036 section 2.5).

mod backoff;
pub mod capability;
mod negotiation;
mod outgoing;
mod state;

pub use backoff::Backoff;
pub use negotiation::{LEARN_FROM_NETWORK, Parameters, Unacceptable, negotiate};
pub use outgoing::Outgoing;
pub use state::{Role, SessionAction, SessionEvent, SessionState};
