//! Who sends Hellos that are discarded: the neighbours that an operator looks for and does not find.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Ldp;
use super::io::ReceivedDatagram;
use super::view::DiscardedSourceView;
use crate::LdpIdentifier;
use crate::discovery::{AdjacencyKey, HelloDiscard, Scope};

/// So many of them are kept: those that were heard last.
const SOURCES: usize = 64;
/// And for so long after their last Hello: longer than a targeted Hello is awaited, by far.
const KEPT: Duration = Duration::from_secs(300);

/// Sources whose last Hello was discarded, in the order of those Hellos.
#[derive(Debug, Default)]
pub(super) struct DiscardedSources(VecDeque<DiscardedSource>);

#[derive(Debug)]
struct DiscardedSource {
    key: AdjacencyKey,
    interface: Arc<str>,
    identifier: Option<LdpIdentifier>,
    reason: String,
    hellos: u64,
    last: Instant,
}

impl DiscardedSources {
    fn note(&mut self, mut source: DiscardedSource) {
        if let Some(index) = self.0.iter().position(|of| of.key == source.key) {
            source.hellos += self.0.remove(index).map_or(0, |before| before.hellos);
        } else if self.0.len() >= SOURCES {
            self.0.pop_front();
        }
        self.0.push_back(source);
    }

    /// A Hello of a source was accepted.
    pub(super) fn accepted(&mut self, key: AdjacencyKey) {
        self.0.retain(|source| source.key != key);
    }
}

impl Ldp {
    /// Keeps why a Hello of an LSR, as far as that could be read, was discarded.
    pub(super) fn note_discarded_source(
        &mut self,
        datagram: ReceivedDatagram<'_>,
        interface: u32,
        identifier: Option<LdpIdentifier>,
        discard: &HelloDiscard,
        now: Instant,
    ) {
        let scope = match datagram.destination.is_multicast() {
            true => Scope::Link(interface),
            false => Scope::Targeted,
        };
        let Some(interface) = self.interface(interface) else {
            return;
        };
        let source = DiscardedSource {
            key: AdjacencyKey {
                scope,
                source: datagram.source,
            },
            interface: Arc::clone(&interface.name),
            identifier,
            reason: discard.to_string(),
            hellos: 1,
            last: now,
        };
        self.discarded_sources.note(source);
    }

    /// The sources whose last Hello was discarded, with the reason: at most 64, those that were heard last,
    /// and none that was silent for five minutes.
    pub fn discarded_sources(&self, now: Instant) -> Vec<DiscardedSourceView> {
        let heard = self.discarded_sources.0.iter().filter_map(|source| {
            let age = now.saturating_duration_since(source.last);
            (age < KEPT).then(|| DiscardedSourceView {
                source: source.key.source,
                interface: Arc::clone(&source.interface),
                targeted: source.key.scope == Scope::Targeted,
                neighbour: source.identifier,
                reason: source.reason.clone(),
                hellos: source.hellos,
                age: age.as_secs_f64(),
            })
        });
        let mut views: Vec<_> = heard.collect();
        views.sort_by(|one, other| {
            (&one.interface, one.source).cmp(&(&other.interface, other.source))
        });
        views
    }
}
