//! Hellos that are received (RFC 5036 section 3.5.2.1).

use std::net::IpAddr;
use std::time::Instant;

use super::config::{AcceptTargeted, HelloAuthentication};
use super::io::ReceivedDatagram;
use super::{Family, Ldp, SessionState};
use crate::LdpIdentifier;
use crate::discovery::{
    AdjacencyKey, HelloDiscard, Scope, check_link_datagram, check_preference,
    check_targeted_datagram, transport_address,
};
use crate::packet::{Body, Hello, Pdu, StatusCode, verify};

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
        let mut identifier = None;
        if let Err(discard) = self.examine(datagram, interface, &mut identifier, now) {
            self.discard(datagram, interface, &discard, now);
            self.note_discarded_source(datagram, interface, identifier, &discard, now);
        }
    }

    /// Takes a datagram of an interface. Whose it is goes in `from` as soon as it is read.
    fn examine(
        &mut self,
        datagram: ReceivedDatagram<'_>,
        interface: u32,
        from: &mut Option<LdpIdentifier>,
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
        *from = Some(identifier);
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
                    hello: *hello,
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
        if self.config.lacks_key(identifier.lsr_id) {
            return Err(HelloDiscard::NoKey(identifier.lsr_id));
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
        self.check_authentication(datagram, key, &hello, now)?;
        let transport = transport_address(key.source, &hello)?;
        if let Err(discard) = check_preference(self.local_preference(), &hello) {
            self.preference_mismatch(identifier, &discard, now);
            return Err(discard);
        }
        match self.adjacencies.get(&key) {
            None => self.check_limits(key)?,
            Some(adjacency) => self.check_session_of_source(adjacency.neighbour, identifier)?,
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
        self.discarded_sources.accepted(key);
        self.note_hello(key, identifier, &hello, transport, now);
        Ok(())
    }

    /// Whether the source of an adjacency with `known` may be another LSR now.
    fn check_session_of_source(
        &self,
        known: LdpIdentifier,
        identifier: LdpIdentifier,
    ) -> Result<(), HelloDiscard> {
        let is_operational = self
            .connection_of(known)
            .and_then(|id| self.connections.get(&id))
            .is_some_and(|connection| connection.state == SessionState::Operational);
        match known != identifier && is_operational {
            true => Err(HelloDiscard::SourceHasSession(known)),
            false => Ok(()),
        }
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
        now: Instant,
    ) -> Result<(), HelloDiscard> {
        let Some(required) = self.authentication_of(key) else {
            return Ok(());
        };
        let Some(authentication) = &hello.authentication else {
            return Err(HelloDiscard::NotAuthenticated);
        };
        let association = authentication.security_association;
        let key_of_association = required.accepting(association, self.wall_time(now))?;
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
}
