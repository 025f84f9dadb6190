//! The IGP, and the routes that come of it.

use std::collections::BTreeMap;
use std::time::Duration;

use ldp::MultiTopologyId;

use super::{Event, Network};
use crate::igp::{self, Half, Links, Paths, half_of, of_half};

/// After which time the IGP sends again what was not acknowledged.
const RETRANSMISSION: Duration = Duration::from_secs(1);
/// After which time a router answers a word of its own that is not true any more.
const OWN_WORD: Duration = Duration::from_millis(10);

impl Network {
    /// Whether the IGP could have an adjacency over a link: both directions work and both ends run.
    pub fn link_usable(&self, link: usize) -> bool {
        let state = &self.links[link];
        let of = &self.topology.links[link];
        state.carrier
            && state.wires.iter().all(|wire| wire.works)
            && [of.a, of.b].iter().all(|router| {
                let router = &self.routers[*router];
                router.host_on && router.switch_on
            })
    }

    /// Something about a link changed: both ends' IGP will notice, at once if the interface went down, by
    /// silence otherwise.
    pub(super) fn link_changed(&mut self, link: usize) {
        let state = &self.links[link];
        let at_once = !state.carrier || {
            let of = &self.topology.links[link];
            !self.routers[of.a].switch_on || !self.routers[of.b].switch_on
        };
        let milliseconds = Duration::from_millis;
        for end in [0, 1] {
            let delay = if self.link_usable(link) {
                self.igp_rng.duration(milliseconds(300), milliseconds(1500))
            } else if at_once {
                self.igp_rng.duration(milliseconds(5), milliseconds(50))
            } else {
                self.igp_rng
                    .duration(milliseconds(2500), milliseconds(5000))
            };
            self.queue
                .push(self.now + delay, Event::Adjacency { link, end });
        }
        self.refresh_interfaces(link);
    }

    /// The interfaces at both ends of a link are up or down.
    fn refresh_interfaces(&mut self, link: usize) {
        let of = self.topology.links[link];
        let on = |router: usize| self.routers[router].switch_on;
        let up = self.links[link].carrier && on(of.a) && on(of.b);
        for number in [of.a, of.b] {
            let router = &mut self.routers[number];
            let Some(place) = router.place_of(link) else {
                continue;
            };
            let interface = &mut router.interfaces[place];
            if interface.up == up {
                continue;
            }
            interface.up = up;
            let interface = interface.clone();
            let name = forwarding::InterfaceName::from(&*interface.name);
            router.forwarding.set_interface(name, up);
            self.inform(number, |protocol, now| protocol.interface(&interface, now));
        }
    }

    /// An end looks whether its adjacency is up.
    pub(super) fn adjacency(&mut self, link: usize, end: usize) {
        let of = self.topology.links[link];
        let router = of.end(end);
        if !self.routers[router].host_on {
            return;
        }
        let up = self.link_usable(link);
        let index = half_of(link, end);
        let known = self.views[router].half(index);
        if known.up == up && known.sequence > 0 {
            return;
        }
        self.sequence += 1;
        let half = Half {
            sequence: self.sequence,
            up,
        };
        self.learn(router, index, half);
        if up {
            let to = of.end(1 - end);
            let at = self.now + Duration::from_millis(20);
            self.queue.push(at, Event::Synchronize { link, to });
            let at = self.now + Duration::from_millis(25);
            self.queue.push(at, Event::Synchronize { link, to: router });
        }
    }

    /// A router learnt a word of an end: it tells its neighbours and computes its paths later.
    fn learn(&mut self, router: usize, index: usize, half: Half) {
        if !self.views[router].learn(index, half) {
            return;
        }
        self.schedule_paths(router);
        let (link, end) = of_half(index);
        if self.topology.links[link].end(end) == router && half.up != self.link_usable(link) {
            // Its own word of before a restart, which is later than the one that it found when it came back: it has
            // to say again how things are, as RFC 2328 section 13.4 asks for.
            let at = self.now + OWN_WORD;
            self.queue.push(at, Event::Adjacency { link, end });
        }
        for place in 0..self.links_of[router].len() {
            let link = self.links_of[router][place];
            if (self.link_usable(link) || self.is_adjacent(link, router))
                && let Some(to) = self.other_end(link, router)
            {
                let delay = Duration::from_micros(self.topology.links[link].delay)
                    + self
                        .igp_rng
                        .duration(Duration::from_millis(1), Duration::from_millis(30));
                let event = Event::Flood {
                    link,
                    to,
                    index,
                    half,
                };
                self.queue.push(self.now + delay, event);
            }
        }
    }

    pub(super) fn schedule_paths(&mut self, router: usize) {
        if std::mem::replace(&mut self.views[router].scheduled, true) {
            return;
        }
        // Some routers are quick, others slow: that is what makes micro-loops.
        let slowest = 50 + 100 * (router as u64 % 8);
        let delay = self
            .igp_rng
            .duration(Duration::from_millis(10), Duration::from_millis(slowest));
        self.queue
            .push(self.now + delay, Event::ShortestPaths(router));
    }

    pub(super) fn flood_arrives(&mut self, link: usize, to: usize, index: usize, half: Half) {
        if self.link_usable(link) {
            self.learn(to, index, half);
        } else if self.speaks_to(link, to) {
            // It is sent again until it is acknowledged, or the adjacency is gone.
            let event = Event::Flood {
                link,
                to,
                index,
                half,
            };
            self.queue.push(self.now + RETRANSMISSION, event);
        }
    }

    /// Whether a router has an adjacency over a link, as far as it knows.
    fn is_adjacent(&self, link: usize, router: usize) -> bool {
        let end = self.topology.links[link].end_of(router);
        end.is_some_and(|end| self.views[router].half(half_of(link, end)).up)
    }

    /// Whether the other end of a link still has its adjacency with a router.
    fn speaks_to(&self, link: usize, router: usize) -> bool {
        self.other_end(link, router)
            .is_some_and(|from| self.routers[from].host_on && self.is_adjacent(link, from))
    }

    /// A router gets all that its neighbour knows: their adjacency is new.
    pub(super) fn synchronize(&mut self, link: usize, to: usize) {
        let Some(from) = self.other_end(link, to) else {
            return;
        };
        if !self.link_usable(link) {
            if self.speaks_to(link, to) {
                let event = Event::Synchronize { link, to };
                self.queue.push(self.now + RETRANSMISSION, event);
            }
            return;
        }
        let halves = self.views[from].halves().to_vec();
        for (index, half) in halves.into_iter().enumerate() {
            if self.views[to].half(index).sequence < half.sequence {
                self.learn(to, index, half);
            }
        }
    }

    /// The IGP of a router starts without any knowledge.
    pub(super) fn restart_igp(&mut self, router: usize) {
        self.views[router] = igp::View::empty(self.topology.links.len());
        self.schedule_paths(router);
        for link in self.links_of[router].clone() {
            self.link_changed(link);
        }
    }

    /// The shortest paths from a router by what it knows, in each topology that it has: over routers that have it.
    fn paths_from(&self, root: usize) -> BTreeMap<MultiTopologyId, Paths> {
        let topologies = self.topology.topologies();
        let own = topologies.filter(|topology| self.routers[root].has_topology(*topology));
        own.map(|topology| {
            let metric = |link: usize| {
                let is_up = self.views[root].is_up(link);
                is_up.then(|| self.metric_in(link, topology)).flatten()
            };
            let paths = igp::shortest_paths(root, &self.topology, &self.links_of, metric);
            (topology, paths)
        })
        .collect()
    }

    /// A router computes its paths; the kernel, the LFIB and the engines are told what changed.
    pub(super) fn shortest_paths(&mut self, router: usize) {
        self.views[router].scheduled = false;
        if !self.routers[router].host_on || self.withdrawn {
            return;
        }
        let paths = self.paths_from(router);
        self.trace(12, router as u64);
        let mut changed = false;
        for prefix in 0..self.prefixes.len() {
            let of = &self.prefixes[prefix];
            let mut links: Option<Links> = None;
            let paths = paths.get(&of.fec.topology);
            let nearest = paths.and_then(|paths| {
                let owners = of.owners.iter();
                owners.filter_map(|owner| paths.distance[*owner]).min()
            });
            if let (Some(paths), Some(nearest)) = (paths, nearest)
                && of.present
            {
                let mut all = Links::new();
                for owner in of
                    .owners
                    .iter()
                    .filter(|of| paths.distance[**of] == Some(nearest))
                {
                    all.extend_from_slice(&paths.links[*owner]);
                }
                all.sort_unstable();
                all.dedup();
                links = Some(all);
            }
            if self.routers[router].routes[prefix] == links {
                continue;
            }
            let (fec, host) = (of.fec, of.host);
            let state = &mut self.routers[router];
            if state.running {
                state.bind_route(fec, host, links.as_ref());
            }
            state.routes[prefix] = links;
            if state.running {
                self.tell_route(router, prefix);
                changed = true;
            }
        }
        if changed {
            self.settle_router(router);
        }
    }
}
