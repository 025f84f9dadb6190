//! Hello adjacencies that come up, and what each Hello does to one (RFC 5036 section 3.5.2.1).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::event::{EventKind, Severity, Subject};
use super::hello_out::hold_time;
use super::state::{Neighbour, Timer};
use super::{Family, Ldp};
use crate::LdpIdentifier;
use crate::discovery::{Adjacency, AdjacencyKey, Scope, negotiated_hold_time};
use crate::packet::Hello;

/// Hellos that an interface sends out of turn in a second, at most.
const HELLOS_OUT_OF_TURN: u32 = 10;

/// A peer that was to be held for ever may say Hello seldom, until it hears of another hold time: so long at least its
/// next one is waited for.
const FIRST_HOLD: Duration = Duration::from_secs(60);

impl Ldp {
    /// Makes or refreshes the adjacency of an acceptable Hello.
    pub(super) fn note_hello(
        &mut self,
        key: AdjacencyKey,
        identifier: LdpIdentifier,
        hello: &Hello,
        transport: IpAddr,
        now: Instant,
    ) {
        // The peer of a source is another one now.
        if self
            .adjacencies
            .get(&key)
            .is_some_and(|adjacency| adjacency.neighbour != identifier)
        {
            self.remove_adjacency(key, "its source has another LDP Identifier now", now);
        }
        let mut new = Adjacency::new(key, identifier, hello, transport, now);
        let before = self.adjacencies.get(&key);
        let changed = before.is_none_or(|before| {
            before.transport != new.transport || before.dual_stack != new.dual_stack
        });
        let slower = before.is_some_and(|before| before.peer_hold_time != new.peer_hold_time);
        if let Some(before) = before {
            new.since = before.since;
            new.hellos = before.hellos + 1;
        }
        let is_new = before.is_none();
        self.adjacencies.insert(key, new);
        self.set_hold_timer(key, hello.hold_time, now);
        match key.scope {
            Scope::Link(number) => {
                if let Some(interface) = self.interface_mut(number) {
                    let state = interface.family_mut(key.family());
                    state.last_discard = None;
                    if is_new {
                        state.adjacencies.push(key.source);
                    }
                }
            }
            Scope::Targeted => {
                if let Some(targeted) = self.targeted.get_mut(&key.source) {
                    targeted.received += 1;
                    targeted.last_discard = None;
                }
            }
        }
        if is_new {
            self.adjacency_up(key, identifier, now);
        } else {
            if slower {
                self.reschedule_hello(key, now);
            }
            if changed {
                self.adjacencies_changed(identifier, key, true, now);
            }
        }
        let reconfigured = self.note_configuration_sequence(identifier, hello, now);
        if changed {
            self.refresh_listen_keys();
            self.check_same_transport(key, transport, now);
        }
        if changed || reconfigured {
            self.evaluate(identifier, now);
        }
    }

    /// The negotiated hold time runs from now on.
    fn set_hold_timer(&mut self, key: AdjacencyKey, peer: u16, now: Instant) {
        match self.negotiated_hold(key, peer) {
            Some(hold) => self.timers.set(Timer::Adjacency(key), now + hold),
            None => self.timers.cancel(Timer::Adjacency(key)),
        }
    }

    /// For how long an adjacency is held whose peer proposes this; `None`: for ever.
    fn negotiated_hold(&self, key: AdjacencyKey, peer: u16) -> Option<Duration> {
        let targeted = key.scope == Scope::Targeted;
        let hold = negotiated_hold_time(self.proposed_hold_time(key), peer, targeted)?;
        Some(Duration::from_secs(u64::from(hold)))
    }

    /// Adjacencies that were held for ever are not with another hold time. Those that are held for some time expire by
    /// what was negotiated before, unless a Hello comes, which starts the new time.
    pub(super) fn hold_adjacencies(&mut self, now: Instant) {
        let for_ever: Vec<_> = self
            .adjacencies
            .iter()
            .filter(|(key, _)| self.timers.due(Timer::Adjacency(**key)).is_none())
            .map(|(key, adjacency)| (*key, adjacency.peer_hold_time))
            .collect();
        for (key, peer) in for_ever {
            if let Some(hold) = self.negotiated_hold(key, peer) {
                let due = now + hold.max(FIRST_HOLD);
                self.timers.set(Timer::Adjacency(key), due);
            }
        }
    }

    /// The hold time that this LSR proposes for an adjacency.
    pub(super) fn proposed_hold_time(&self, key: AdjacencyKey) -> u16 {
        match key.scope {
            Scope::Link(number) => self
                .interface(number)
                .and_then(|interface| interface.config.as_ref())
                .map_or(0, |config| hold_time(config.hello_hold_time.get())),
            Scope::Targeted => self
                .targeted
                .get(&key.source)
                .and_then(|targeted| targeted.config())
                .map_or(0, |config| hold_time(config.hello_hold_time.get())),
        }
    }

    fn adjacency_up(&mut self, key: AdjacencyKey, identifier: LdpIdentifier, now: Instant) {
        let neighbour = self
            .neighbours
            .entry(identifier)
            .or_insert_with(Neighbour::new);
        neighbour.adjacencies.push(key);
        let place = self.place(key);
        self.log_limited(
            Subject::Neighbour(identifier),
            Severity::Info,
            EventKind::AdjacencyUp,
            &format!("Hello adjacency {place} is up"),
            now,
        );
        // The peer has to have an adjacency, too, before it takes an Initialization message (RFC 5036
        // section 2.5.3): it gets a Hello before the connection is opened.
        self.adjacencies_changed(identifier, key, true, now);
        match key.scope {
            Scope::Link(number) => {
                self.hello_out_of_turn(number, key.family(), now);
                self.refresh_igp_sync(number, now);
            }
            Scope::Targeted => self.send_targeted_hello(key.source, now),
        }
    }

    /// Sends a Hello for a new neighbour, unless strangers make many of them.
    fn hello_out_of_turn(&mut self, number: u32, family: Family, now: Instant) {
        let admitted = self.interface_mut(number).is_some_and(|interface| {
            interface
                .family_mut(family)
                .out_of_turn
                .admit(Duration::from_secs(1), HELLOS_OUT_OF_TURN, now)
                .is_some()
        });
        if admitted {
            self.send_link_hello(number, family, now);
        }
    }

    /// RFC 5036 section 2.5.2: the transport address is the same in all Hellos of a label space and (RFC
    /// 7552 section 4) family. If it is not, two LSRs may have one LSR Id.
    fn check_same_transport(&mut self, key: AdjacencyKey, transport: IpAddr, now: Instant) {
        let Some(identifier) = self.adjacencies.get(&key).map(|found| found.neighbour) else {
            return;
        };
        let other = self.neighbours.get(&identifier).and_then(|neighbour| {
            neighbour.adjacencies.iter().find_map(|other| {
                self.adjacencies
                    .get(other)
                    .map(|adjacency| adjacency.transport)
                    .filter(|other| {
                        *other != transport && Family::of(*other) == Family::of(transport)
                    })
            })
        });
        if let Some(other) = other {
            self.log_limited(
                Subject::Neighbour(identifier),
                Severity::Warning,
                EventKind::DuplicateLsrId,
                &format!(
                    "its Hellos have two transport addresses, {other} and {transport}: two LSRs may \
                     have one LSR Id"
                ),
                now,
            );
        }
    }

    /// The peer wants another hold time: the next Hello may be due sooner.
    fn reschedule_hello(&mut self, key: AdjacencyKey, now: Instant) {
        let (timer, interval) = match key.scope {
            Scope::Link(number) => (
                Timer::LinkHello(number, key.family()),
                self.link_hello_interval(number, key.family()),
            ),
            Scope::Targeted => (
                Timer::TargetedHello(key.source),
                self.targeted_hello_interval(key.source),
            ),
        };
        if self
            .timers
            .due(timer)
            .is_some_and(|due| due > now + interval)
        {
            self.schedule_hello(timer, interval, now);
        }
    }

    /// A peer that was configured anew may be tried at once (RFC 5036 section 3.5.2.1). Gives whether it
    /// was.
    fn note_configuration_sequence(
        &mut self,
        identifier: LdpIdentifier,
        hello: &Hello,
        now: Instant,
    ) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(&identifier) else {
            return false;
        };
        let before = neighbour.configuration_sequence;
        if hello.configuration_sequence.is_none() || before == hello.configuration_sequence {
            return false;
        }
        neighbour.configuration_sequence = hello.configuration_sequence;
        if before.is_none() {
            return false;
        }
        neighbour.backoff.reset();
        if neighbour.connection.is_none() && self.timers.due(Timer::Attempt(identifier)).is_some() {
            self.timers.cancel(Timer::Attempt(identifier));
            self.log_neighbour(
                identifier,
                Severity::Info,
                EventKind::Configuration,
                "the peer was configured anew: the delay before the next attempt ends".to_owned(),
                now,
            );
        }
        true
    }
}
