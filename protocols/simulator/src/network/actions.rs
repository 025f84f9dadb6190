//! What engines want done.

use std::net::IpAddr;
use std::sync::Arc;

use forwarding::{IlmKey, Owner};

use super::{Event, Invariant, Network, Prefix};
use crate::router::{Action, Datagram};

impl Network {
    /// Does what an engine wants done, until it wants no more.
    pub(super) fn drain(&mut self, router: usize, protocol: usize) {
        while let Some(engine) = self.routers[router].protocols.get_mut(protocol) {
            let Some(action) = engine.poll() else {
                return;
            };
            self.act(router, protocol, action);
        }
    }

    fn act(&mut self, number: usize, protocol: usize, action: Action) {
        let now = self.clock_of(number);
        let router = &mut self.routers[number];
        if self.verbose && !matches!(action, Action::Datagram { .. }) {
            match &action {
                Action::Send { id, octets } => {
                    for line in router.protocols[protocol].describe(octets) {
                        eprintln!("{} router {number}: sends on {id}: {line}", self.now);
                    }
                }
                Action::Log(text) => eprintln!("{} router {number}: {text}", self.now),
                other => eprintln!("{} router {number}: {other:?}", self.now),
            }
        }
        let Some(source) = router.protocols.get(protocol).map(|of| of.owner()) else {
            return;
        };
        self.lfib_changes += u64::from(action.changes_lfib());
        match action {
            Action::Datagram {
                interface: Some(interface),
                datagram,
            } => self.send_datagram(number, &interface, datagram),
            Action::Datagram {
                interface: None,
                datagram,
            } => self.route_datagram(number, datagram),
            Action::Connect {
                id,
                local,
                remote,
                one_hop,
            } => self.connect(number, protocol, id, local, remote, one_hop),
            Action::Send { id, octets } => {
                self.check_topologies(number, protocol, id, &octets);
                self.write(number, protocol, id, &octets);
            }
            Action::Close { id } => self.close(number, protocol, id),
            Action::Allocate { fec } => match router.allocate(source, fec, now) {
                Ok(label) => {
                    let told = format!("{fec} {}", label.as_ref().map_or(0, |of| of.value()));
                    self.trace_octets(14, number as u64, told.as_bytes());
                    let router = &mut self.routers[number];
                    if let Some(engine) = router.protocols.get_mut(protocol) {
                        engine.label(fec, label, now);
                    }
                }
                Err(text) => self.broken(number, Invariant::OneFecPerLabel, &text),
            },
            Action::Adopt { fec, label } => {
                if let Err(text) = router.adopt(source, fec, label) {
                    self.broken(number, Invariant::OneFecPerLabel, &text);
                }
            }
            Action::Release { fec, label } => match router.release(source, fec, label, now) {
                Ok(true) => {
                    for engine in &mut router.protocols {
                        engine.labels_available(now);
                    }
                }
                Ok(false) => {}
                Err(text) => self.broken(number, Invariant::OneFecPerLabel, &text),
            },
            Action::Ftn { fec, action } => {
                let owner = Owner::from(source);
                match action {
                    Some(action) => router.forwarding.bind_ftn(owner, fec, action),
                    None => router.forwarding.unbind_ftn(&owner, &fec),
                }
            }
            Action::Ilm { label, fec, action } => {
                let (owner, key) = (Owner::from(source), IlmKey::platform(label));
                let Some(action) = action else {
                    router.forwarding.unbind_ilm(&owner, &key);
                    let other = router.bound.remove(&label).filter(|other| *other != fec);
                    if let Some(other) = other {
                        let text = format!("label {label} of {other} is unbound as one of {fec}");
                        self.broken(number, Invariant::OneFecPerLabel, &text);
                    }
                    return;
                };
                let other = router
                    .bound
                    .insert(label, fec)
                    .filter(|other| *other != fec);
                if let Some(other) = other {
                    let text = format!("label {label} is bound to {other} and to {fec}");
                    return self.broken(number, Invariant::OneFecPerLabel, &text);
                }
                if let Err(error) = router.forwarding.bind_ilm(owner, key, action) {
                    self.broken(number, Invariant::OneFecPerLabel, &error.to_string());
                }
            }
            Action::Log(_) => {}
        }
    }

    /// Sends a datagram out of an interface.
    fn send_datagram(&mut self, from: usize, interface: &Arc<str>, datagram: Datagram) {
        let router = &self.routers[from];
        let found = router.interfaces.iter().find(|of| of.name == *interface);
        let Some((link, true)) = found.map(|of| (of.link, of.up && router.switch_on)) else {
            return;
        };
        let Some(end) = self.topology.links[link].end_of(from) else {
            return;
        };
        let to = self.topology.links[link].end(1 - end);
        let length = datagram.octets.len() + 28;
        let wire = &mut self.links[link].wires[end];
        for arrival in wire.send(self.now, length, &mut self.link_rng) {
            let mut datagram = Box::new(datagram.clone());
            if let Some(bit) = arrival.flipped
                && !datagram.octets.is_empty()
            {
                let bit = (bit % (datagram.octets.len() as u64 * 8)) as usize;
                datagram.octets[bit / 8] ^= 1 << (bit % 8);
            }
            let event = Event::Datagram {
                router: to,
                interface: Arc::clone(interface),
                datagram,
            };
            self.queue.push(arrival.at, event);
        }
    }

    /// Sends a datagram to an address, by the routers' routes.
    fn route_datagram(&mut self, from: usize, datagram: Datagram) {
        let Some(to) = self.router_of(datagram.destination) else {
            return;
        };
        let most = usize::from(datagram.hop_limit);
        let octets = datagram.octets.len() + 28;
        let Some((delay, link)) = self.ip_path(from, to, most, octets) else {
            return;
        };
        let Some(interface) = self.routers[to]
            .place_of(link)
            .map(|place| Arc::clone(&self.routers[to].interfaces[place].name))
        else {
            return;
        };
        let event = Event::Datagram {
            router: to,
            interface,
            datagram: Box::new(datagram),
        };
        self.queue.push(self.now + delay, event);
    }

    pub(super) fn datagram_arrives(
        &mut self,
        number: usize,
        interface: Arc<str>,
        datagram: Box<Datagram>,
    ) {
        let router = &self.routers[number];
        let up = router
            .interfaces
            .iter()
            .any(|of| of.name == interface && of.up);
        if !router.running || !router.switch_on || !up {
            return;
        }
        if let Some(until) = self.paused(number) {
            let event = Event::Datagram {
                router: number,
                interface,
                datagram,
            };
            self.queue.push(until, event);
            return;
        }
        self.trace_octets(3, number as u64, &datagram.octets);
        self.inform(number, |protocol, now| {
            if protocol.udp_ports().contains(&datagram.destination_port) {
                protocol.datagram(&interface, &datagram, now);
            }
        });
    }

    /// The way that packets of the routers' own take from one to another: how long they take, and the
    /// last link. `None`: they do not arrive, this time.
    pub(super) fn ip_path(
        &mut self,
        from: usize,
        to: usize,
        most: usize,
        octets: usize,
    ) -> Option<(std::time::Duration, usize)> {
        let mut at = from;
        let mut delay = std::time::Duration::ZERO;
        for _ in 0..most.min(64) {
            let router = &self.routers[at];
            if !router.switch_on {
                return None;
            }
            let is_direct = |link: usize| self.other_end(link, at) == Some(to);
            let loopback = |of: &&Prefix| of.host && of.owners.as_slice() == [to];
            let link = match self.prefixes.get(to).filter(loopback) {
                Some(_) => {
                    let links = router.routes.get(to)?.as_ref()?;
                    let direct = links.iter().find(|link| is_direct(**link as usize));
                    *direct.or(links.first())? as usize
                }
                // The IGP does not tell of all loopbacks: a neighbour's is known all the same.
                None => {
                    let mut links = router.interfaces.iter().map(|interface| interface.link);
                    links.find(|link| is_direct(*link))?
                }
            };
            let place = router.place_of(link)?;
            let end = self.topology.links[link].end_of(at)?;
            let wire = &mut self.links[link].wires[end];
            // A segment with a wrong checksum is as good as lost.
            let corrupted = self.link_rng.chance(wire.quality.corruption);
            if !router.interfaces[place].up || corrupted || wire.loses(&mut self.link_rng) {
                return None;
            }
            let arrival = wire.arrival(self.now + delay, octets, &mut self.link_rng);
            delay = arrival.since(self.now);
            at = self.topology.links[link].end(1 - end);
            if at == to {
                return self.routers[to].switch_on.then_some((delay, link));
            }
        }
        None
    }

    /// The address at which a router's protocols listen.
    pub(super) fn owner_of(&self, address: IpAddr) -> Option<usize> {
        self.router_of(address)
    }
}
