//! A stand-in for a link-state IGP: each router has its own view of the network, which follows what happens
//! by flooding, and computes shortest paths from it a while later. So routers do not agree for a time, and
//! micro-loops come about as they do in networks.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::topology::Topology;

/// The links by which a destination is reached, at equal cost; in ascending order.
pub type Links = SmallVec<[u32; 2]>;

/// One end's word on a link, as routers flood it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Half {
    /// The later word has the greater number.
    pub sequence: u32,
    /// The end has an adjacency over the link.
    pub up: bool,
}

/// What a router knows of the network: both ends' word of each link.
#[derive(Debug, Clone, Default)]
pub struct View {
    // In a network in which nothing fails all routers share it.
    halves: Arc<Vec<Half>>,
    /// A computation is to come.
    pub scheduled: bool,
}

/// Where a half is in a view.
pub const fn half_of(link: usize, end: usize) -> usize {
    link * 2 + end
}

/// The link and the end of a half in a view.
pub const fn of_half(index: usize) -> (usize, usize) {
    (index / 2, index % 2)
}

impl View {
    /// The view of a router that has just started and knows of nothing.
    pub fn empty(links: usize) -> Self {
        Self {
            halves: Arc::new(vec![Half::default(); links * 2]),
            scheduled: false,
        }
    }

    /// The view in which all links are up.
    pub fn complete(links: usize) -> Self {
        let half = Half {
            sequence: 1,
            up: true,
        };
        Self {
            halves: Arc::new(vec![half; links * 2]),
            scheduled: false,
        }
    }

    /// What is known of a half.
    pub fn half(&self, index: usize) -> Half {
        self.halves.get(index).copied().unwrap_or_default()
    }

    /// Learns an end's word; gives whether it was news.
    pub fn learn(&mut self, index: usize, half: Half) -> bool {
        let known = self.halves.get(index);
        if known.is_none_or(|known| known.sequence >= half.sequence) {
            return false;
        }
        if let Some(known) = Arc::make_mut(&mut self.halves).get_mut(index) {
            *known = half;
        }
        true
    }

    /// Learns all that another router knows; gives the halves that were news.
    pub fn merge(&mut self, other: &[Half]) -> Vec<usize> {
        (0..other.len())
            .filter(|&index| self.learn(index, other[index]))
            .collect()
    }

    /// All that is known.
    pub fn halves(&self) -> &[Half] {
        &self.halves
    }

    /// Whether a link counts: both ends say so.
    pub fn is_up(&self, link: usize) -> bool {
        self.half(half_of(link, 0)).up && self.half(half_of(link, 1)).up
    }
}

/// The shortest paths from a router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The distance of each router; `None`: it is not reached. No sum of metrics overflows it.
    pub distance: Vec<Option<u64>>,
    /// The first links towards each router.
    pub links: Vec<Links>,
}

/// Computes the shortest paths from a router, all those of equal cost, by the metric that each link has for it;
/// `None`: the link does not count.
pub fn shortest_paths(
    root: usize,
    topology: &Topology,
    links_of: &[Vec<usize>],
    metric: impl Fn(usize) -> Option<u32>,
) -> Paths {
    let routers = topology.routers;
    let mut distance: Vec<Option<u64>> = vec![None; routers];
    let mut first: Vec<Links> = vec![Links::new(); routers];
    let mut done = vec![false; routers];
    let mut heap = BinaryHeap::new();
    distance[root] = Some(0);
    heap.push(Reverse((0_u64, root)));
    while let Some(Reverse((at, router))) = heap.pop() {
        if std::mem::replace(&mut done[router], true) {
            continue;
        }
        for &number in &links_of[router] {
            let Some(metric) = metric(number) else {
                continue;
            };
            let other = topology.links[number].other(router);
            let through = at + u64::from(metric);
            let known = distance[other];
            if done[other] || known.is_some_and(|known| known < through) {
                continue;
            }
            if known != Some(through) {
                distance[other] = Some(through);
                first[other].clear();
                heap.push(Reverse((through, other)));
            }
            if router == root {
                first[other].push(number as u32);
            } else {
                let from = first[router].clone();
                first[other].extend(from);
            }
            first[other].sort_unstable();
            first[other].dedup();
        }
    }
    Paths {
        distance,
        links: first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Link;

    fn square() -> Topology {
        let links = [(0, 1), (1, 2), (2, 3), (3, 0)];
        Topology {
            routers: 4,
            multi_topology_id: None,
            links: links.iter().map(|&(a, b)| Link::new(a, b)).collect(),
        }
    }

    fn paths(topology: &Topology, view: &View, root: usize) -> Paths {
        let metric = |link| view.is_up(link).then_some(topology.links[link].metric);
        shortest_paths(root, topology, &topology.links_of_routers(), metric)
    }

    #[test]
    fn two_paths_of_equal_cost_are_both_used() {
        let topology = square();
        let found = paths(&topology, &View::complete(4), 0);
        assert_eq!(found.distance, [Some(0), Some(1), Some(2), Some(1)]);
        assert_eq!(found.links[1].as_slice(), [0]);
        assert_eq!(found.links[2].as_slice(), [0, 3]);
        assert!(found.links[0].is_empty());
    }

    #[test]
    fn a_metric_moves_the_traffic_away() {
        let mut topology = square();
        topology.links[0].metric = 5;
        let found = paths(&topology, &View::complete(4), 0);
        assert_eq!(found.distance[1], Some(3));
        assert_eq!(found.links[1].as_slice(), [3]);
    }

    #[test]
    fn a_long_way_is_longer_than_a_short_one_however_great_the_metrics_are() {
        let mut topology = square();
        for link in &mut topology.links {
            link.metric = u32::MAX;
        }
        let found = paths(&topology, &View::complete(4), 0);
        assert_eq!(found.distance[2], Some(2 * u64::from(u32::MAX)));
        assert_eq!(found.links[1].as_slice(), [0]);
    }

    #[test]
    fn a_link_of_which_one_end_says_that_it_is_down_is_not_used() {
        let topology = square();
        let mut view = View::complete(4);
        let down = Half {
            sequence: 2,
            up: false,
        };
        assert!(view.learn(half_of(0, 1), down));
        assert!(!view.learn(half_of(0, 1), down));
        let found = paths(&topology, &view, 0);
        assert_eq!(found.links[1].as_slice(), [3]);
        // An old word does not count.
        let up = Half {
            sequence: 1,
            up: true,
        };
        assert!(!view.learn(half_of(0, 1), up));
        assert!(!view.is_up(0));
    }

    #[test]
    fn what_is_cut_off_is_not_reached() {
        let topology = square();
        let mut view = View::empty(4);
        let news = view.merge(View::complete(4).halves());
        assert_eq!(news.len(), 8);
        for link in [0, 3] {
            let down = Half {
                sequence: 2,
                up: false,
            };
            view.learn(half_of(link, 0), down);
        }
        let found = paths(&topology, &view, 0);
        assert_eq!(found.distance, [Some(0), None, None, None]);
    }

    #[test]
    fn parallel_links_share() {
        let topology = Topology {
            routers: 2,
            multi_topology_id: None,
            links: vec![Link::new(0, 1), Link::new(1, 0)],
        };
        let found = paths(&topology, &View::complete(2), 0);
        assert_eq!(found.links[1].as_slice(), [0, 1]);
    }
}
