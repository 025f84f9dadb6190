//! Hellos that are received (RFC 5036 section 3.5.2.1).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::{AcceptTargeted, HelloAuthentication};
use super::event::{EventKind, Severity, Subject};
use super::hello_out::hold_time;
use super::io::ReceivedDatagram;
use super::state::Timer;
use super::view::DuplicateLsrId;
use super::{Family, Ldp};
use crate::LdpIdentifier;
use crate::discovery::{
    Adjacency, AdjacencyKey, HelloDiscard, Scope, check_link_datagram, check_preference,
    check_targeted_datagram, negotiated_hold_time, transport_address,
};
use crate::packet::{Body, Hello, Pdu, StatusCode, verify};

/// Hellos that an interface sends out of turn in a second, at most.
const HELLOS_OUT_OF_TURN: u32 = 10;

/// A Hello, and how it came.
struct Received<'a> {
    datagram: ReceivedDatagram<'a>,
    interface: u32,
    key: AdjacencyKey,
    identifier: LdpIdentifier,
    hello: Hello,
}

impl Ldp {
    /// Takes a datagram of port 646.
    pub(super) fn receive_hello(&mut self, datagram: ReceivedDatagram<'_>, now: Instant) {
        self.totals.received.pdus += 1;
        self.totals.received.octets += datagram.octets.len() as u64;
        let family = Family::of(datagram.source);
        let Some(interface) = self.interface_numbers.get(datagram.interface).copied() else {
            self.count_discard(&HelloDiscard::NotEnabled(family));
            return;
        };
        if let Some(interface) = self.interface_mut(interface) {
            interface.family_mut(family).received += 1;
        }
        if let Err(discard) = self.examine(datagram, interface, now) {
            self.discard(datagram, interface, &discard, now);
        }
    }

    fn examine(
        &mut self,
        datagram: ReceivedDatagram<'_>,
        interface: u32,
        now: Instant,
    ) -> Result<(), HelloDiscard> {
        let ReceivedDatagram {
            source,
            destination,
            hop_limit,
            ..
        } = datagram;
        // The hop limit is checked before any processing that is specific to LDP (RFC 7552 section 5.1).
        if destination.is_multicast() {
            check_link_datagram(source, destination, hop_limit)?;
        }
        let pdu = Pdu::decode(datagram.octets)
            .map_err(|error| HelloDiscard::Malformed(error.to_string()))?;
        let identifier = pdu.identifier;
        for message in pdu.messages {
            let Body::Hello(hello) = message.body else {
                return Err(HelloDiscard::Malformed(format!(
                    "a {} in a datagram",
                    message.body.name()
                )));
            };
            self.totals.received.hello += 1;
            let scope = if hello.targeted {
                check_targeted_datagram(source, destination)?;
                Scope::Targeted
            } else {
                check_link_datagram(source, destination, hop_limit)?;
                Scope::Link(interface)
            };
            self.accept_hello(
                Received {
                    datagram,
                    interface,
                    key: AdjacencyKey { scope, source },
                    identifier,
                    hello,
                },
                now,
            )?;
        }
        Ok(())
    }

    fn accept_hello(&mut self, received: Received<'_>, now: Instant) -> Result<(), HelloDiscard> {
        let Received {
            datagram,
            interface,
            key,
            identifier,
            hello,
        } = received;
        let family = key.family();
        if identifier.lsr_id == self.identifier.lsr_id {
            self.report_duplicate(datagram, now);
            return Err(HelloDiscard::OwnLsrId(identifier.lsr_id));
        }
        if identifier.lsr_id.is_unspecified() {
            return Err(HelloDiscard::ZeroLsrId);
        }
        let accepted_targeted = match key.scope {
            Scope::Link(_) => {
                let active = self
                    .interface(interface)
                    .is_some_and(|interface| interface.family(family).source.is_some());
                if !active {
                    return Err(HelloDiscard::NotEnabled(family));
                }
                false
            }
            Scope::Targeted => self.targeted_acceptable(key.source, &hello)?,
        };
        self.check_authentication(datagram, key, &hello)?;
        let transport = transport_address(key.source, &hello)?;
        if let Err(discard) = check_preference(self.local_preference(), &hello) {
            self.preference_mismatch(identifier, &discard, now);
            return Err(discard);
        }
        if !self.adjacencies.contains_key(&key) {
            self.check_limits(key)?;
        }
        if accepted_targeted {
            self.answer_targeted(key.source);
        }
        if let Some(authentication) = &hello.authentication
            && self.authentication_of(key).is_some()
        {
            // No more are kept than there can be adjacencies: those of sources that are silent go first.
            if self.cryptographic_seen.len() > 2 * self.config.limits.adjacencies {
                let adjacencies = &self.adjacencies;
                self.cryptographic_seen
                    .retain(|key, _| adjacencies.contains_key(key));
            }
            self.cryptographic_seen.insert(key, authentication.sequence);
        }
        self.note_hello(key, identifier, &hello, transport, now);
        Ok(())
    }

    /// Whether a Targeted Hello is acceptable: this LSR sends Hellos to its source, or is configured to
    /// accept it (then `true`, if it is to be answered from now on).
    fn targeted_acceptable(&self, source: IpAddr, hello: &Hello) -> Result<bool, HelloDiscard> {
        if self
            .targeted
            .get(&source)
            .is_some_and(|targeted| targeted.initiated())
        {
            return Ok(false);
        }
        let allowed = match &self.config.accept_targeted {
            AcceptTargeted::Never => false,
            AcceptTargeted::From { prefixes, .. } => {
                prefixes.iter().any(|prefix| prefix.contains(&source))
            }
        };
        if allowed && (hello.request_targeted || self.targeted.contains_key(&source)) {
            Ok(true)
        } else {
            Err(HelloDiscard::TargetedNotAccepted(source))
        }
    }

    /// Authentication (RFC 7349 section 6.2).
    fn check_authentication(
        &self,
        datagram: ReceivedDatagram<'_>,
        key: AdjacencyKey,
        hello: &Hello,
    ) -> Result<(), HelloDiscard> {
        let Some(required) = self.authentication_of(key) else {
            return Ok(());
        };
        let Some(authentication) = &hello.authentication else {
            return Err(HelloDiscard::NotAuthenticated);
        };
        let association = authentication.security_association;
        let key_of_association = std::iter::once(&required.send)
            .chain(&required.accept)
            .find(|key| key.security_association == association)
            .ok_or(HelloDiscard::UnknownSecurityAssociation(association))?;
        if let Some(last) = self.cryptographic_seen.get(&key).copied()
            && authentication.sequence <= last
        {
            return Err(HelloDiscard::Replayed {
                received: authentication.sequence,
                last,
            });
        }
        verify(
            datagram.octets,
            &key_of_association.secret,
            key_of_association.algorithm,
            key.source,
        )
        .map_err(|_| HelloDiscard::WrongDigest)
    }

    fn authentication_of(&self, key: AdjacencyKey) -> Option<&HelloAuthentication> {
        match key.scope {
            Scope::Link(number) => self
                .interface(number)?
                .config
                .as_ref()?
                .hello_authentication
                .as_ref(),
            Scope::Targeted => {
                if let Some(targeted) = self.targeted.get(&key.source)
                    && targeted.initiated()
                {
                    return targeted.config()?.hello_authentication.as_ref();
                }
                match &self.config.accept_targeted {
                    AcceptTargeted::Never => None,
                    AcceptTargeted::From { answer, .. } => answer.hello_authentication.as_ref(),
                }
            }
        }
    }

    fn check_limits(&self, key: AdjacencyKey) -> Result<(), HelloDiscard> {
        let limits = &self.config.limits;
        if self.adjacencies.len() >= limits.adjacencies {
            return Err(HelloDiscard::TooMany(limits.adjacencies));
        }
        let of_interface = key
            .interface()
            .and_then(|number| self.interface(number))
            .map_or(0, |interface| {
                interface.family(key.family()).adjacencies.len()
            });
        if of_interface >= limits.adjacencies_of_interface {
            return Err(HelloDiscard::TooMany(limits.adjacencies_of_interface));
        }
        Ok(())
    }

    /// Makes or refreshes the adjacency of an acceptable Hello.
    fn note_hello(
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
        let targeted = key.scope == Scope::Targeted;
        match negotiated_hold_time(self.proposed_hold_time(key), peer, targeted) {
            Some(hold) => {
                let due = now + Duration::from_secs(u64::from(hold));
                self.timers.set(Timer::Adjacency(key), due);
            }
            None => self.timers.cancel(Timer::Adjacency(key)),
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
            .or_insert_with(super::state::Neighbour::new);
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

    /// Another transport preference ends a session that is there (RFC 7552 section 6.1.1).
    fn preference_mismatch(
        &mut self,
        identifier: LdpIdentifier,
        discard: &HelloDiscard,
        now: Instant,
    ) {
        let Some(neighbour) = self.neighbours.get(&identifier) else {
            return;
        };
        let keys = neighbour.adjacencies.clone();
        if let Some(connection) = neighbour.connection {
            self.end_with_status(
                connection,
                StatusCode::TRANSPORT_CONNECTION_MISMATCH,
                discard.to_string(),
                now,
            );
        }
        for key in keys {
            self.remove_adjacency(key, "the transport preferences differ", now);
        }
    }

    fn report_duplicate(&mut self, datagram: ReceivedDatagram<'_>, now: Instant) {
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
        if self.duplicate_lsr_id.as_ref() != Some(&duplicate) {
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
            self.duplicate_lsr_id = Some(duplicate);
        }
    }

    /// Counts and logs a Hello that is discarded, and keeps why.
    fn discard(
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

    fn count_discard(&mut self, discard: &HelloDiscard) {
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
            | HelloDiscard::WrongDigest => &mut counts.authentication,
            HelloDiscard::Replayed { .. } => &mut counts.replayed,
            HelloDiscard::OwnLsrId(_) | HelloDiscard::ZeroLsrId => &mut counts.own_lsr_id,
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
