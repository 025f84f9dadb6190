//! TCP segments that the kernel refuses for their keys, in silence: what that says of a peer that does not connect
//! (RFC 5036 section 2.9, RFC 5925 section 7.3).

use std::time::{Duration, Instant};

use super::Ldp;
use super::state::Neighbour;
use crate::LdpIdentifier;
use crate::session::Role;

/// For so long segments that were refused may be those of a peer that does not connect: it tries again by then.
const RECENT: Duration = Duration::from_secs(60);

/// Segments that the kernel refused, of whatever peer: how many more since it was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefusedSegments {
    /// Without a signature, from an address that has a key here.
    pub unsigned: u64,
    /// With a signature, from an address that has no key here.
    pub unexpected: u64,
    /// With a signature that does not match the key.
    pub wrong: u64,
}

/// When segments of each kind were refused last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RefusedAt {
    unsigned: Option<Instant>,
    unexpected: Option<Instant>,
    wrong: Option<Instant>,
}

impl Ldp {
    /// The kernel refused TCP segments for their keys. It does not say whose they are.
    pub fn handle_refused_segments(&mut self, refused: RefusedSegments, now: Instant) {
        self.last_now = now;
        let RefusedSegments {
            unsigned,
            unexpected,
            wrong,
        } = refused;
        let at = &mut self.refused;
        for (count, at) in [
            (unsigned, &mut at.unsigned),
            (unexpected, &mut at.unexpected),
            (wrong, &mut at.wrong),
        ] {
            if count > 0 {
                *at = Some(now);
            }
        }
    }

    /// What segments that were refused say of a peer that does not connect, in words.
    pub(super) fn hint_of_refused(
        &self,
        identifier: LdpIdentifier,
        neighbour: &Neighbour,
        now: Instant,
    ) -> Option<&'static str> {
        let passive = neighbour
            .transport
            .as_ref()
            .is_some_and(|transport| transport.role == Role::Passive);
        if !passive || neighbour.connection.is_some() {
            return None;
        }
        let recent =
            |at: Option<Instant>| at.is_some_and(|at| now.saturating_duration_since(at) < RECENT);
        let has_key = self
            .config
            .peers
            .get(&identifier.lsr_id)
            .is_some_and(|peer| peer.key.is_some());
        let refused = &self.refused;
        if has_key && recent(refused.wrong) {
            Some("the kernel refuses signed TCP segments: the keys may differ")
        } else if has_key && recent(refused.unsigned) {
            Some("the kernel refuses TCP segments without signature: the peer may have no key")
        } else if !has_key && recent(refused.unexpected) {
            Some(
                "the kernel refuses signed TCP segments: the peer may have a key, and here is none for it",
            )
        } else {
            None
        }
    }
}
