//! TCP between routers.

use std::net::IpAddr;
use std::time::Duration;

use super::{Event, Network};
use crate::faults::FaultKind;
use crate::stream::{Connection, Direction, End, WINDOW};

/// Octets of the headers of IP and TCP.
const HEADERS: usize = 60;

/// When an attempt to connect is made again, and after which it has failed.
const SYN_TIMEOUTS: [u64; 4] = [1, 2, 4, 8];

impl Network {
    pub(super) fn connect(
        &mut self,
        router: usize,
        protocol: usize,
        id: u64,
        local: IpAddr,
        remote: IpAddr,
        one_hop: bool,
    ) {
        let key = self.next_connection;
        self.next_connection += 1;
        let end = |router, address, open| End {
            router,
            protocol,
            id,
            address,
            open,
            known: open,
            one_hop: one_hop && open,
        };
        let Some(to) = self.owner_of(remote) else {
            // No router has such an address: nothing comes back.
            let connection = Connection {
                ends: [end(router, local, true), end(router, remote, false)],
                directions: [Direction::default(), Direction::default()],
                established: false,
            };
            self.connections.insert(key, connection);
            self.by_id[router].insert((protocol, id), (key, 0));
            let attempt = SYN_TIMEOUTS.len() as u32;
            let at = self.now + Duration::from_secs(15);
            let event = Event::Syn {
                connection: key,
                attempt,
            };
            self.queue.push(at, event);
            return;
        };
        let connection = Connection {
            ends: [end(router, local, true), end(to, remote, false)],
            directions: [Direction::default(), Direction::default()],
            established: false,
        };
        self.connections.insert(key, connection);
        self.by_id[router].insert((protocol, id), (key, 0));
        self.syn(key, 0);
    }

    /// How far a side's packets may go.
    fn most_hops(connection: &Connection, from: usize) -> usize {
        if connection.ends[1 - from].one_hop {
            1
        } else {
            64
        }
    }

    pub(super) fn syn(&mut self, key: u64, attempt: u32) {
        let Some(connection) = self.connections.get(&key) else {
            return;
        };
        if connection.established || !connection.ends[0].open {
            return;
        }
        let (from, to) = (connection.ends[0].router, connection.ends[1].router);
        let most = Self::most_hops(connection, 0);
        let Some(timeout) = SYN_TIMEOUTS.get(attempt as usize) else {
            return self.connect_fails(key, "timed out");
        };
        if let Some((delay, _)) = self.ip_path(from, to, most, HEADERS) {
            self.queue.push(self.now + delay, Event::SynArrives(key));
        }
        let event = Event::Syn {
            connection: key,
            attempt: attempt + 1,
        };
        self.queue
            .push(self.now + Duration::from_secs(*timeout), event);
    }

    fn connect_fails(&mut self, key: u64, reason: &str) {
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        let end = &mut connection.ends[0];
        let (router, protocol, id, open) = (end.router, end.protocol, end.id, end.open);
        let event = Event::Syn {
            connection: key,
            attempt: SYN_TIMEOUTS.len() as u32,
        };
        if self.put_off(router, event) {
            return;
        }
        self.forget(key, 0);
        if open {
            self.trace(4, key);
            self.tell(router, protocol, |engine, now| {
                engine.connect_failed(id, reason, now);
            });
        }
    }

    pub(super) fn syn_arrives(&mut self, key: u64) {
        let Some(connection) = self.connections.get(&key) else {
            return;
        };
        let (number, protocol) = (connection.ends[1].router, connection.ends[1].protocol);
        if connection.established || connection.ends[1].known || !self.routers[number].host_on {
            return;
        }
        let (local, remote) = (connection.ends[1].address, connection.ends[0].address);
        let to = connection.ends[0].router;
        if self.put_off(number, Event::SynArrives(key)) {
            return;
        }
        let refused = !self.routers[number].running;
        if !refused {
            let now = self.clock_of(number);
            let engine = self.routers[number].protocols.get_mut(protocol);
            let accepted = engine.and_then(|engine| engine.accept(local, remote, now));
            self.trace(5, key << 1 | u64::from(accepted.is_some()));
            let Some(connection) = self.connections.get_mut(&key) else {
                return;
            };
            let end = &mut connection.ends[1];
            end.known = true;
            match accepted {
                Some(accepted) => {
                    end.id = accepted.id;
                    end.open = true;
                    end.one_hop = accepted.one_hop;
                    self.by_id[number].insert((protocol, accepted.id), (key, 1));
                }
                // The kernel made the connection; the daemon closes it.
                None => connection.directions[1].close(),
            }
        }
        // A SYN-ACK that gets lost is sent again; that it comes late makes no difference here.
        let delay = self
            .ip_path(number, to, 64, HEADERS)
            .map_or(Duration::from_secs(1), |(delay, _)| delay);
        let event = Event::SynAnswered {
            connection: key,
            refused,
        };
        self.queue.push(self.now + delay, event);
        self.drain_all(number);
    }

    fn drain_all(&mut self, number: usize) {
        for protocol in 0..self.routers[number].protocols.len() {
            self.drain(number, protocol);
        }
        self.settle_router(number);
    }

    pub(super) fn syn_answered(&mut self, key: u64, refused: bool) {
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        let end = connection.ends[0].clone();
        if connection.established {
            return;
        }
        if refused {
            return self.connect_fails(key, "refused");
        }
        let event = Event::SynAnswered {
            connection: key,
            refused,
        };
        if self.put_off(end.router, event) {
            return;
        }
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        connection.established = true;
        if end.open {
            self.trace(6, key);
            self.tell(end.router, end.protocol, |engine, now| {
                engine.connected(end.id, end.address, now);
            });
        }
        for direction in [0, 1] {
            self.pump(key, direction);
        }
    }

    /// An engine writes.
    pub(super) fn write(&mut self, router: usize, protocol: usize, id: u64, octets: &[u8]) {
        let Some(&(key, end)) = self.by_id[router].get(&(protocol, id)) else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.directions[end].write(octets);
            self.pump(key, end);
        }
    }

    /// An engine closes.
    pub(super) fn close(&mut self, router: usize, protocol: usize, id: u64) {
        let Some((key, end)) = self.by_id[router].remove(&(protocol, id)) else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.ends[end].open = false;
            if connection.established || end == 1 {
                connection.directions[end].close();
                self.pump(key, end);
            } else {
                connection.ends[end].known = false;
                connection.directions[end].abandon();
            }
            self.sweep(key);
        }
    }

    /// The smallest window that a fault gives a router's connections.
    fn window(&self, router: usize) -> usize {
        let active = self
            .faults
            .iter()
            .zip(&self.active)
            .filter(|(_, active)| **active);
        let windows = active.filter_map(|(fault, _)| match fault.kind {
            FaultKind::SmallWindow { router: of, octets } if of == router => Some(octets),
            _ => None,
        });
        windows.min().unwrap_or(WINDOW)
    }

    fn pump(&mut self, key: u64, direction: usize) {
        let Some(connection) = self.connections.get(&key) else {
            return;
        };
        if !connection.established {
            return;
        }
        let routers = [connection.ends[0].router, connection.ends[1].router];
        let window = self.window(routers[0]).min(self.window(routers[1]));
        if let Some(connection) = self.connections.get_mut(&key)
            && let Some(number) = connection.directions[direction].begin(window)
        {
            self.transmit(key, direction, number);
        }
    }

    fn transmit(&mut self, key: u64, direction: usize, number: u64) {
        let Some(connection) = self.connections.get(&key) else {
            return;
        };
        let from = connection.ends[direction].router;
        let to = connection.ends[1 - direction].router;
        let most = Self::most_hops(connection, direction);
        let octets = HEADERS + connection.directions[direction].outstanding();
        let path = if self.routers[from].host_on {
            self.ip_path(from, to, most, octets)
        } else {
            None
        };
        if let Some((delay, _)) = path {
            let event = Event::Segment {
                connection: key,
                direction,
                number,
            };
            self.queue.push(self.now + delay, event);
        } else {
            self.try_again(key, direction, number);
        }
    }

    /// The flight will be sent again, or the connection is broken.
    fn try_again(&mut self, key: u64, direction: usize, number: u64) {
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        match connection.directions[direction].attempt() {
            Some(timeout) => {
                let event = Event::Retransmit {
                    connection: key,
                    direction,
                    number,
                };
                self.queue.push(self.now + timeout, event);
            }
            None => self.breaks(key, direction, "timed out"),
        }
    }

    pub(super) fn retransmit(&mut self, key: u64, direction: usize, number: u64) {
        let Some(connection) = self.connections.get(&key) else {
            return;
        };
        if connection.directions[direction].is_outstanding(number) {
            self.transmit(key, direction, number);
        }
    }

    pub(super) fn segment_arrives(&mut self, key: u64, direction: usize, number: u64) {
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        if !connection.directions[direction].is_outstanding(number) {
            return;
        }
        let from = connection.ends[direction].router;
        let end = connection.ends[1 - direction].clone();
        let most = Self::most_hops(connection, direction);
        if !self.routers[end.router].host_on {
            return self.try_again(key, direction, number);
        }
        // Nobody knows the connection here, or the daemon closed it: that is answered with a reset.
        if !end.known {
            return self.send_reset(key, direction);
        }
        let event = Event::Segment {
            connection: key,
            direction,
            number,
        };
        if self.put_off(end.router, event) {
            return;
        }
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        let delivery = connection.directions[direction].arrive(number);
        let refused = !end.open && delivery.as_ref().is_some_and(|of| !of.octets.is_empty());
        if refused {
            return self.send_reset(key, direction);
        }
        // The acknowledgement.
        if let Some((delay, _)) = self.ip_path(end.router, from, most, HEADERS) {
            let event = Event::Acknowledgement {
                connection: key,
                direction,
                number,
            };
            self.queue.push(self.now + delay, event);
        } else {
            self.try_again(key, direction, number);
        }
        let Some(delivery) = delivery.filter(|_| end.open) else {
            return;
        };
        if !delivery.octets.is_empty() {
            self.trace_octets(7, key, &delivery.octets);
            self.tell(end.router, end.protocol, |engine, now| {
                engine.octets(end.id, &delivery.octets, now);
            });
        }
        let open = |network: &Self| {
            let connection = network.connections.get(&key);
            connection.is_some_and(|of| of.ends[1 - direction].open)
        };
        if delivery.closed && open(self) {
            self.trace(8, key);
            self.tell(end.router, end.protocol, |engine, now| {
                engine.closed(end.id, "closed by the peer", now);
            });
            self.close(end.router, end.protocol, end.id);
        }
    }

    pub(super) fn acknowledged(&mut self, key: u64, direction: usize, number: u64) {
        let Some(connection) = self.connections.get(&key) else {
            return;
        };
        let end = connection.ends[direction].clone();
        let event = Event::Acknowledgement {
            connection: key,
            direction,
            number,
        };
        if self.put_off(end.router, event) {
            return;
        }
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        let Some(octets) = connection.directions[direction].acknowledge(number) else {
            return;
        };
        if end.open && octets > 0 {
            self.tell(end.router, end.protocol, |engine, now| {
                engine.written(end.id, octets, now);
            });
        }
        self.pump(key, direction);
        self.sweep(key);
    }

    /// The receiver of a direction does not know the connection.
    fn send_reset(&mut self, key: u64, direction: usize) {
        let Some(connection) = self.connections.get(&key) else {
            return;
        };
        let to = connection.ends[direction].router;
        let from = connection.ends[1 - direction].router;
        let most = Self::most_hops(connection, 1 - direction);
        match self.ip_path(from, to, most, HEADERS) {
            Some((delay, _)) => {
                let event = Event::Reset {
                    connection: key,
                    end: direction,
                };
                self.queue.push(self.now + delay, event);
            }
            // It is lost, and what caused it is sent again.
            None => {
                let number = self.connections.get(&key).and_then(|connection| {
                    let direction = &connection.directions[direction];
                    direction.outstanding_number()
                });
                if let Some(number) = number {
                    self.try_again(key, direction, number);
                }
            }
        }
    }

    pub(super) fn reset_arrives(&mut self, key: u64, end: usize) {
        self.breaks(key, end, "reset by the peer");
    }

    /// A side learns that its connection is no more.
    fn breaks(&mut self, key: u64, end: usize, reason: &str) {
        let Some(connection) = self.connections.get(&key) else {
            return;
        };
        let side = connection.ends[end].clone();
        let event = Event::Reset {
            connection: key,
            end,
        };
        if self.put_off(side.router, event) {
            return;
        }
        self.forget(key, end);
        if side.open {
            self.trace(9, key);
            self.tell(side.router, side.protocol, |engine, now| {
                engine.closed(side.id, reason, now);
            });
        }
    }

    /// A side does not know the connection any more.
    fn forget(&mut self, key: u64, end: usize) {
        if let Some(connection) = self.connections.get_mut(&key) {
            let side = &mut connection.ends[end];
            side.known = false;
            side.open = false;
            let place = (side.protocol, side.id);
            let router = side.router;
            connection.directions[end].abandon();
            if self.by_id[router].get(&place) == Some(&(key, end)) {
                self.by_id[router].remove(&place);
            }
        }
        self.sweep(key);
    }

    fn sweep(&mut self, key: u64) {
        if self.connections.get(&key).is_some_and(Connection::is_over) {
            self.connections.remove(&key);
        }
    }

    fn connections_of(&self, router: usize) -> Vec<(u64, usize)> {
        let of = |(key, connection): (&u64, &Connection)| {
            let end = connection
                .ends
                .iter()
                .position(|end| end.router == router && end.known);
            end.map(|end| (*key, end))
        };
        self.connections.iter().filter_map(of).collect()
    }

    /// The daemon of a router is gone: the kernel closes its connections. Those that are not made yet are
    /// forgotten.
    pub(super) fn close_all(&mut self, router: usize) {
        for (key, end) in self.connections_of(router) {
            if let Some(connection) = self.connections.get_mut(&key) {
                if !connection.established && end == 0 {
                    self.forget(key, end);
                    continue;
                }
                connection.ends[end].open = false;
                connection.directions[end].close();
            }
            self.pump(key, end);
            self.sweep(key);
        }
        self.by_id[router].clear();
    }

    /// A router forgets its connections without a word; its engines are told if they are there.
    pub(super) fn lose_connections(&mut self, router: usize) {
        for (key, end) in self.connections_of(router) {
            self.breaks(key, end, "lost");
        }
    }

    /// Both sides of all connections of a router learn at once that they are reset.
    pub(super) fn reset_connections(&mut self, router: usize) {
        for (key, end) in self.connections_of(router) {
            self.breaks(key, end, "reset by the peer");
            self.breaks(key, 1 - end, "reset by the peer");
        }
    }

    /// The kernel of a router is gone with all that it knew.
    pub(super) fn crash_connections(&mut self, router: usize) {
        for (key, end) in self.connections_of(router) {
            self.forget(key, end);
        }
    }
}
