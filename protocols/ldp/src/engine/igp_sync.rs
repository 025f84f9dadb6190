//! LDP-IGP synchronization (RFC 5443, RFC 6138): LDP's side of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Ldp;
use super::event::{EventKind, Severity, Subject};
use super::io::Output;
use super::state::Timer;
use super::view::IgpSyncState;
use crate::LdpIdentifier;

impl Ldp {
    /// The interfaces that a neighbour has adjacencies on may have another state now.
    pub(super) fn refresh_igp_sync_of(&mut self, identifier: LdpIdentifier, now: Instant) {
        let interfaces: Vec<u32> = self
            .neighbours
            .get(&identifier)
            .map(|neighbour| {
                neighbour
                    .adjacencies
                    .iter()
                    .filter_map(|key| key.interface())
                    .collect()
            })
            .unwrap_or_default();
        for number in interfaces {
            self.refresh_igp_sync(number, now);
        }
    }

    /// Finds the state of an interface anew, and tells of it if it changed.
    pub(super) fn refresh_igp_sync(&mut self, number: u32, now: Instant) {
        let (new, wait) = self.igp_sync_state(number, now);
        match wait {
            Some(until) => self.timers.set(Timer::IgpSync(number), until),
            None => self.timers.cancel(Timer::IgpSync(number)),
        }
        let Some(interface) = self.interface_mut(number) else {
            return;
        };
        let old = std::mem::replace(&mut interface.igp_sync, new);
        if old == new {
            return;
        }
        let name = Arc::clone(&interface.name);
        let achieved = |state| state == IgpSyncState::Achieved;
        if new != IgpSyncState::Disabled
            && (achieved(old) != achieved(new) || old == IgpSyncState::Disabled)
        {
            self.outputs.push_back(Output::IgpSync {
                interface: Arc::clone(&name),
                achieved: achieved(new),
            });
        }
        self.log(
            Subject::Interface(name),
            Severity::Info,
            EventKind::IgpSync,
            format!(
                "LDP-IGP synchronization: {}",
                match new {
                    IgpSyncState::Disabled => "not asked for",
                    IgpSyncState::NotAchieved => "not achieved",
                    IgpSyncState::WaitingForLabels => "waiting for the neighbours' labels",
                    IgpSyncState::Achieved => "achieved",
                }
            ),
            now,
        );
    }

    /// The state, and until when labels are waited for.
    ///
    /// On a link with several neighbours all of them have to be ready: a link that is advertised with its
    /// normal metric is used towards each of them (RFC 6138 section 2).
    fn igp_sync_state(&self, number: u32, now: Instant) -> (IgpSyncState, Option<Instant>) {
        let Some(interface) = self.interface(number) else {
            return (IgpSyncState::Disabled, None);
        };
        let Some(delay) = interface
            .config
            .as_ref()
            .and_then(|config| config.igp_sync_delay)
        else {
            return (IgpSyncState::Disabled, None);
        };
        let delay: Duration = delay.duration();
        let mut wait: Option<Instant> = None;
        let mut neighbours = 0;
        for family in [&interface.ipv4, &interface.ipv6] {
            for source in &family.adjacencies {
                let key = crate::discovery::AdjacencyKey {
                    scope: crate::discovery::Scope::Link(number),
                    source: *source,
                };
                let Some(adjacency) = self.adjacencies.get(&key) else {
                    continue;
                };
                neighbours += 1;
                let since = self
                    .neighbours
                    .get(&adjacency.neighbour)
                    .and_then(|neighbour| neighbour.connection)
                    .and_then(|id| self.connections.get(&id))
                    .and_then(|connection| connection.operational_since);
                let Some(since) = since else {
                    return (IgpSyncState::NotAchieved, None);
                };
                let until = since + delay;
                let complete = self
                    .labels
                    .peer(adjacency.neighbour)
                    .is_some_and(|peer| peer.synchronized);
                if !complete && until > now {
                    wait = Some(wait.map_or(until, |wait| wait.max(until)));
                }
            }
        }
        match (neighbours, wait) {
            (0, _) => (IgpSyncState::NotAchieved, None),
            (_, Some(until)) => (IgpSyncState::WaitingForLabels, Some(until)),
            (_, None) => (IgpSyncState::Achieved, None),
        }
    }
}
