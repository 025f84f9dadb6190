//! Hellos that are sent (RFC 5036 section 3.5.2).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt;

use super::config::HelloKey;
use super::event::Subject;
use super::io::Output;
use super::state::Timer;
use super::{Family, Ldp};
use crate::discovery::{
    ALL_ROUTERS_IPV4, ALL_ROUTERS_IPV6, AdjacencyKey, Scope, hello_interval, negotiated_hold_time,
};
use crate::packet::{
    Body, CryptographicAuthentication, DualStack, Hello, Message, Pdu, TransportPreference,
    authenticate,
};

impl Ldp {
    /// Sends the Link Hello of an interface and family, and sets the time of the next one.
    pub(super) fn send_link_hello(&mut self, number: u32, family: Family, now: Instant) {
        let Some(interface) = self.interface(number) else {
            return;
        };
        let state = interface.family(family);
        let (Some(config), Some(source), Some(transport)) =
            (&interface.config, state.source, state.transport)
        else {
            return;
        };
        let name = Arc::clone(&interface.name);
        let hello = Hello {
            hold_time: hold_time(config.hello_hold_time.get()),
            gtsm: config.gtsm,
            ..Hello::default()
        };
        let authentication = config.hello_authentication.clone();
        let key = authentication.map(|authentication| {
            self.sending_key(
                &authentication,
                || Subject::Interface(Arc::clone(&name)),
                now,
            )
        });
        let octets = self.encode_hello(hello, source, transport, key.as_ref());
        let interval = self.link_hello_interval(number, family);
        self.schedule_hello(Timer::LinkHello(number, family), interval, now);
        if let Some(interface) = self.interface_mut(number) {
            interface.family_mut(family).sent += 1;
        }
        let (destination, hop_limit) = match family {
            // Hellos are never forwarded (RFC 6720 section 2.2).
            Family::Ipv4 => (ALL_ROUTERS_IPV4, 1),
            // RFC 7552 section 5.1.
            Family::Ipv6 => (ALL_ROUTERS_IPV6, 255),
        };
        self.outputs.push_back(Output::SendHello {
            interface: Some(name),
            source: Some(source),
            destination,
            hop_limit,
            octets,
        });
    }

    /// Sends the Targeted Hello to a peer, and sets the time of the next one.
    pub(super) fn send_targeted_hello(&mut self, address: IpAddr, now: Instant) {
        let Some(targeted) = self.targeted.get_mut(&address) else {
            return;
        };
        let (Some(config), Some(source)) = (targeted.config(), targeted.source) else {
            return;
        };
        let hello = Hello {
            hold_time: hold_time(config.hello_hold_time.get()),
            targeted: true,
            request_targeted: targeted.initiated(),
            ..Hello::default()
        };
        let authentication = config.hello_authentication.clone();
        targeted.sent += 1;
        let key = authentication.map(|authentication| {
            self.sending_key(&authentication, || Subject::Address(address), now)
        });
        let octets = self.encode_hello(hello, source, source, key.as_ref());
        let interval = self.targeted_hello_interval(address);
        self.schedule_hello(Timer::TargetedHello(address), interval, now);
        self.outputs.push_back(Output::SendHello {
            interface: None,
            source: Some(source),
            destination: address,
            hop_limit: 255,
            octets,
        });
    }

    /// The time between Hellos of an interface: a third of the shortest hold time that is in use.
    pub(super) fn link_hello_interval(&self, number: u32, family: Family) -> Duration {
        let Some(interface) = self.interface(number) else {
            return hello_interval(None, None, false);
        };
        let Some(config) = &interface.config else {
            return hello_interval(None, None, false);
        };
        let local = hold_time(config.hello_hold_time.get());
        let peers = interface
            .family(family)
            .adjacencies
            .iter()
            .filter_map(|source| {
                self.adjacencies.get(&AdjacencyKey {
                    scope: Scope::Link(number),
                    source: *source,
                })
            })
            .map(|adjacency| adjacency.peer_hold_time);
        // For ever counts last.
        let hold = std::iter::once(local)
            .chain(peers)
            .filter_map(|peer| negotiated_hold_time(local, peer, false))
            .min();
        let configured = config.hello_interval.map(|interval| interval.duration());
        hello_interval(hold, configured, false)
    }

    /// The time between Hellos to a targeted peer.
    pub(super) fn targeted_hello_interval(&self, address: IpAddr) -> Duration {
        let Some(config) = self
            .targeted
            .get(&address)
            .and_then(|targeted| targeted.config())
        else {
            return hello_interval(None, None, true);
        };
        let local = hold_time(config.hello_hold_time.get());
        let key = AdjacencyKey {
            scope: Scope::Targeted,
            source: address,
        };
        let peer = self
            .adjacencies
            .get(&key)
            .map_or(local, |adjacency| adjacency.peer_hold_time);
        let configured = config.hello_interval.map(|interval| interval.duration());
        hello_interval(negotiated_hold_time(local, peer, true), configured, true)
    }

    /// Sets the time of the next Hello: a little before the interval is over, so that routers that
    /// started together do not send together.
    pub(super) fn schedule_hello(&mut self, timer: Timer, interval: Duration, now: Instant) {
        let part = self.rng.random_range(0.8..=1.0);
        self.timers.set(timer, now + interval.mul_f64(part));
    }

    /// The PDU of a Hello.
    fn encode_hello(
        &mut self,
        mut hello: Hello,
        source: IpAddr,
        transport: IpAddr,
        key: Option<&HelloKey>,
    ) -> Vec<u8> {
        // At most one, of the family of the packet (RFC 7552 section 6.1, rule 1).
        match transport {
            IpAddr::V4(address) => hello.ipv4_transport = Some(address),
            IpAddr::V6(address) => hello.ipv6_transport = Some(address),
        }
        hello.configuration_sequence = Some(self.configuration_sequence);
        hello.dual_stack = self.local_preference().map(|preference| DualStack {
            preference: match preference {
                Family::Ipv4 => TransportPreference::Ipv4,
                Family::Ipv6 => TransportPreference::Ipv6,
            },
        });
        if let Some(key) = key {
            // One sequence for all of the router's Hellos (RFC 7349 section 2.3).
            self.cryptographic_sequence += 1;
            hello.authentication = Some(CryptographicAuthentication::unsigned(
                key.security_association,
                self.cryptographic_sequence,
                key.algorithm,
            ));
        }
        let id = self.next_message_id();
        self.totals.sent.pdus += 1;
        self.totals.sent.hello += 1;
        let pdu = Pdu {
            identifier: self.identifier,
            messages: vec![Message::new(id, Body::Hello(Box::new(hello)))],
        };
        let mut octets = pdu.encode().unwrap_or_default();
        self.totals.sent.octets += octets.len() as u64;
        if let Some(key) = key {
            // The TLV is there: it was put there above.
            let _ = authenticate(&mut octets, &key.secret, key.algorithm, source);
        }
        octets
    }
}

/// A configured hold time as it is sent.
pub(super) fn hold_time(seconds: u32) -> u16 {
    u16::try_from(seconds).unwrap_or(u16::MAX)
}
