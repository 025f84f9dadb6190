//! Hellos that are discarded: counted, logged, and kept as the reason why there is no session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::{EventKind, Severity, Subject};
use super::io::ReceivedDatagram;
use super::view::DuplicateLsrId;
use super::{Family, Ldp};
use crate::discovery::{AdjacencyKey, HelloDiscard, Scope};

/// So long after its last Hello another LSR with this LSR's Id counts as there: more than the hold times of RFC 5036
/// section 3.5.2.
const DUPLICATE_FOR: Duration = Duration::from_secs(60);

impl Ldp {
    pub(super) fn report_duplicate(&mut self, datagram: ReceivedDatagram<'_>, now: Instant) {
        // The router's own Hello, that came back by another of its interfaces, is none of another LSR.
        if self.router_addresses.contains(&datagram.source)
            || self.interfaces.iter().any(|interface| {
                interface.state.as_ref().is_some_and(|state| {
                    state
                        .addresses
                        .iter()
                        .any(|address| address.addr() == datagram.source)
                })
            })
        {
            return;
        }
        let duplicate = DuplicateLsrId {
            lsr_id: self.identifier.lsr_id,
            source: datagram.source,
            interface: Arc::from(datagram.interface),
        };
        let known = self.duplicate_lsr_id(now);
        if known.as_ref() != Some(&duplicate) {
            self.log_limited(
                Subject::Lsr,
                Severity::Warning,
                EventKind::DuplicateLsrId,
                &format!(
                    "another LSR has the LSR Id {} of this one: {} on {}",
                    duplicate.lsr_id, duplicate.source, duplicate.interface
                ),
                now,
            );
        }
        self.duplicate_lsr_id = Some((duplicate, now));
    }

    /// Another LSR that has this LSR's Id, while it says so.
    pub(super) fn duplicate_lsr_id(&self, now: Instant) -> Option<DuplicateLsrId> {
        let (duplicate, last) = self.duplicate_lsr_id.as_ref()?;
        let is_heard = now.saturating_duration_since(*last) <= DUPLICATE_FOR;
        is_heard.then(|| duplicate.clone())
    }

    /// Counts and logs a Hello that is discarded, and keeps why.
    pub(super) fn discard(
        &mut self,
        datagram: ReceivedDatagram<'_>,
        interface: u32,
        discard: &HelloDiscard,
        now: Instant,
    ) {
        self.count_discard(discard);
        let family = Family::of(datagram.source);
        let reason = format!("a Hello from {} was discarded: {discard}", datagram.source);
        if let Some(interface) = self.interface_mut(interface) {
            let state = interface.family_mut(family);
            state.discarded += 1;
            state.last_discard = Some(reason.clone());
        }
        if let Some(targeted) = self.targeted.get_mut(&datagram.source) {
            targeted.last_discard = Some(reason.clone());
        }
        self.log_limited(
            Subject::Interface(Arc::from(datagram.interface)),
            Severity::Warning,
            EventKind::HelloDiscarded,
            &reason,
            now,
        );
    }

    pub(super) fn count_discard(&mut self, discard: &HelloDiscard) {
        let counts = &mut self.discards;
        let count = match discard {
            HelloDiscard::Malformed(_) => &mut counts.malformed,
            HelloDiscard::NotEnabled(_) => &mut counts.not_enabled,
            HelloDiscard::WrongDestination { .. } => &mut counts.wrong_destination,
            HelloDiscard::HopLimit(_) => &mut counts.hop_limit,
            HelloDiscard::LinkHelloFromGlobal(_) | HelloDiscard::TargetedHelloFromLinkLocal(_) => {
                &mut counts.wrong_source
            }
            HelloDiscard::WrongTransport(_) => &mut counts.wrong_transport,
            HelloDiscard::PreferenceMismatch { .. } => &mut counts.preference_mismatch,
            HelloDiscard::NotAuthenticated
            | HelloDiscard::UnknownSecurityAssociation(_)
            | HelloDiscard::KeyNotValid { .. }
            | HelloDiscard::WrongDigest
            | HelloDiscard::NoKey(_) => &mut counts.authentication,
            HelloDiscard::Replayed { .. } => &mut counts.replayed,
            HelloDiscard::OwnLsrId(_) | HelloDiscard::ZeroLsrId => &mut counts.own_lsr_id,
            HelloDiscard::SourceHasSession(_) => &mut counts.source_has_session,
            HelloDiscard::TargetedNotAccepted(_) => &mut counts.targeted_not_accepted,
            HelloDiscard::TooMany(_) => &mut counts.too_many,
        };
        *count += 1;
    }

    /// Where an adjacency is, in words.
    pub(super) fn place(&self, key: AdjacencyKey) -> String {
        match key.scope {
            Scope::Link(number) => format!(
                "on {} with {}",
                self.interface(number)
                    .map_or("an interface", |interface| &interface.name),
                key.source
            ),
            Scope::Targeted => format!("targeted with {}", key.source),
        }
    }
}
