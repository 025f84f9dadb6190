//! Sessions: from a Hello adjacency to an operational session, and its end (RFC 5036 section 2.5).

mod backoff;
mod state;

pub use backoff::Backoff;
pub use state::{Role, SessionAction, SessionEvent, SessionState};
