//! Which routers there are, and which links between them.

mod shape;

pub use shape::{Shape, ShapeError};

use std::path::Path;

use ldp::MultiTopologyId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::place::line_of;

/// Routers, by their numbers from 0 on, and links. It is also how a topology is written in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// How many routers there are.
    pub routers: usize,
    /// The MT-ID of a second topology (RFC 7307), from 1 to [`Topology::MOST_MULTI_TOPOLOGY_ID`]; `None`: there
    /// is only the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_topology_id: Option<u16>,
    /// The links.
    #[serde(rename = "link", default)]
    pub links: Vec<Link>,
}

/// A link between two routers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// One end.
    pub a: usize,
    /// The other.
    pub b: usize,
    /// The metric of the IGP, in both directions: 1 to [`Topology::MOST_METRIC`].
    #[serde(default = "one")]
    pub metric: u32,
    /// Its metric in the second topology, as great as the other one may be; `None`: it is no link of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_topology_metric: Option<u32>,
    /// How long packets take, in microseconds: an hour at most.
    #[serde(default = "thousand")]
    pub delay: u64,
    /// Bits in a second, in each direction; 0: without limit.
    #[serde(default)]
    pub bandwidth: u64,
}

const fn one() -> u32 {
    1
}

const fn thousand() -> u64 {
    1000
}

impl Link {
    /// A link of metric 1 on which packets take a millisecond.
    pub const fn new(a: usize, b: usize) -> Self {
        Self {
            a,
            b,
            metric: one(),
            multi_topology_metric: None,
            delay: thousand(),
            bandwidth: 0,
        }
    }

    /// Its metric in a topology; `None`: it is no link of that.
    pub fn metric_in(&self, topology: MultiTopologyId) -> Option<u32> {
        match topology {
            MultiTopologyId::DEFAULT => Some(self.metric),
            _ => self.multi_topology_metric,
        }
    }

    /// The router at an end: 0 for `a`, 1 for `b`.
    pub const fn end(&self, end: usize) -> usize {
        if end == 0 { self.a } else { self.b }
    }

    /// The router at the other end than one that is at an end.
    pub const fn other(&self, router: usize) -> usize {
        if self.a == router { self.b } else { self.a }
    }

    /// Which end a router is, if it is one.
    pub const fn end_of(&self, router: usize) -> Option<usize> {
        if router == self.a {
            Some(0)
        } else if router == self.b {
            Some(1)
        } else {
            None
        }
    }
}

/// What is no topology.
#[derive(Debug, Error)]
pub enum TopologyError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// It is no TOML, or not of this form.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// A link goes to a router that is not there.
    #[error("link {link} goes to router {router}, and there are {routers}, from 0 on")]
    NoRouter {
        /// The link's number.
        link: usize,
        /// The router.
        router: usize,
        /// How many there are.
        routers: usize,
    },
    /// A link goes from a router to itself.
    #[error("both ends of link {0} are the same router")]
    Loop(usize),
    /// A metric that no link has.
    #[error("link {link} has the metric {metric}: 1 to {most} are possible", most = Topology::MOST_METRIC)]
    Metric {
        /// The link's number.
        link: usize,
        /// The metric.
        metric: u32,
    },
    /// A topology that no IGP has.
    #[error("{0} is the MT-ID of no second topology: 1 to {most} are", most = Topology::MOST_MULTI_TOPOLOGY_ID)]
    MultiTopologyId(u16),
    /// A metric in a topology that is not there.
    #[error(
        "link {0} has a metric in a second topology, and there is none: give multi_topology_id"
    )]
    NoMultiTopology(usize),
    /// A link that takes too long.
    #[error("link {link} has a delay of {delay} microseconds: at most {most} are possible", most = MOST_DELAY)]
    Delay {
        /// The link's number.
        link: usize,
        /// The delay.
        delay: u64,
    },
    /// More links than addresses.
    #[error("{0} links are not possible: at most {most} are", most = MOST_LINKS)]
    Links(usize),
    /// There is no router, or more than addresses.
    #[error("{0} routers are not possible: 1 to {most} are", most = Topology::MOST_ROUTERS)]
    Routers(usize),
    /// Something is wrong at a place in a text.
    #[error("line {line}: {error}")]
    Line {
        /// The line, from 1 on.
        line: usize,
        /// What is wrong.
        error: Box<TopologyError>,
    },
    /// Something is wrong in a file.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        error: Box<TopologyError>,
    },
}

impl TopologyError {
    /// The number of the link that it is about, if it is one.
    pub fn link(&self) -> Option<usize> {
        match *self {
            Self::NoRouter { link, .. }
            | Self::Loop(link)
            | Self::NoMultiTopology(link)
            | Self::Metric { link, .. }
            | Self::Delay { link, .. } => Some(link),
            _ => None,
        }
    }
}

/// The longest delay of a link, in microseconds: an hour.
const MOST_DELAY: u64 = 3_600_000_000;

/// The most links: each has two of the addresses of 172.16.0.0/12.
const MOST_LINKS: usize = 1 << 19;

impl Topology {
    /// The most routers.
    pub const MOST_ROUTERS: usize = 60_000;

    /// The greatest metric: that above is none by which paths are computed (RFC 5305 section 3).
    pub const MOST_METRIC: u32 = 0xff_fffe;

    /// The greatest MT-ID that is assigned to IGPs (RFC 7307 section 9).
    pub const MOST_MULTI_TOPOLOGY_ID: u16 = 4095;

    /// The topologies: the default one, and the second one if there is one.
    pub fn topologies(&self) -> impl Iterator<Item = MultiTopologyId> {
        let second = self.multi_topology_id.map(MultiTopologyId);
        [MultiTopologyId::DEFAULT].into_iter().chain(second)
    }

    /// Reads a topology in TOML.
    ///
    /// # Errors
    /// The text is no topology.
    pub fn parse(text: &str) -> Result<Self, TopologyError> {
        let topology: Self = toml::from_str(text)?;
        topology.check().map_err(|error| {
            let link = error.link();
            match link.and_then(|link| line_of(text, &["link"], link)) {
                Some(line) => TopologyError::Line {
                    line,
                    error: error.into(),
                },
                None => error,
            }
        })?;
        Ok(topology)
    }

    /// Reads a topology from a file.
    ///
    /// # Errors
    /// The file cannot be read or is no topology.
    pub fn read(path: &Path) -> Result<Self, TopologyError> {
        let text = std::fs::read_to_string(path).map_err(|error| TopologyError::Read {
            path: path.display().to_string(),
            error,
        })?;
        Self::parse(&text).map_err(|error| TopologyError::File {
            path: path.display().to_string(),
            error: error.into(),
        })
    }

    /// Whether there are routers, all links have their ends, and their metrics and delays can be.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), TopologyError> {
        let routers = self.routers;
        if routers == 0 || routers > Self::MOST_ROUTERS {
            return Err(TopologyError::Routers(routers));
        }
        if self.links.len() > MOST_LINKS {
            return Err(TopologyError::Links(self.links.len()));
        }
        if let Some(id) = self.multi_topology_id
            && !(1..=Self::MOST_MULTI_TOPOLOGY_ID).contains(&id)
        {
            return Err(TopologyError::MultiTopologyId(id));
        }
        for (number, link) in self.links.iter().enumerate() {
            for router in [link.a, link.b] {
                if router >= routers {
                    return Err(TopologyError::NoRouter {
                        link: number,
                        router,
                        routers,
                    });
                }
            }
            if link.a == link.b {
                return Err(TopologyError::Loop(number));
            }
            if link.multi_topology_metric.is_some() && self.multi_topology_id.is_none() {
                return Err(TopologyError::NoMultiTopology(number));
            }
            for metric in [link.metric].into_iter().chain(link.multi_topology_metric) {
                if metric == 0 || metric > Self::MOST_METRIC {
                    let link = number;
                    return Err(TopologyError::Metric { link, metric });
                }
            }
            if link.delay > MOST_DELAY {
                return Err(TopologyError::Delay {
                    link: number,
                    delay: link.delay,
                });
            }
        }
        Ok(())
    }

    /// The links of each router.
    pub fn links_of_routers(&self) -> Vec<Vec<usize>> {
        let mut of = vec![Vec::new(); self.routers];
        for (number, link) in self.links.iter().enumerate() {
            for router in [link.a, link.b] {
                if let Some(links) = of.get_mut(router) {
                    links.push(number);
                }
            }
        }
        of
    }

    /// Which routers are in one piece with router 0, going by the links for which `usable` holds.
    pub fn piece_of(&self, start: usize, usable: impl Fn(usize) -> bool) -> Vec<bool> {
        let links = self.links_of_routers();
        let mut reached = vec![false; self.routers];
        let mut open = vec![start];
        while let Some(router) = open.pop() {
            if std::mem::replace(&mut reached[router], true) {
                continue;
            }
            for &number in &links[router] {
                let link = &self.links[number];
                if usable(number) {
                    open.push(link.other(router));
                }
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topology_is_read_from_toml() {
        let text = "routers = 3\nmulti_topology_id = 5\n[[link]]\na = 0\nb = 1\n[[link]]\na = 1\nb = 2\nmetric = 7\n\
             multi_topology_metric = 2\ndelay = 20\n";
        let topology = Topology::parse(text).unwrap();
        assert_eq!(topology.links[0], Link::new(0, 1));
        let metrics = topology
            .topologies()
            .map(|of| topology.links[1].metric_in(of));
        assert_eq!(metrics.collect::<Vec<_>>(), [Some(7), Some(2)]);
        assert_eq!(topology.links_of_routers(), [vec![0], vec![0, 1], vec![1]]);
        let written = toml::to_string(&topology).unwrap();
        assert_eq!(Topology::parse(&written).unwrap(), topology);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text: &str| Topology::parse(text).unwrap_err().to_string();
        assert_eq!(
            error("routers = 2\n[[link]]\na = 0\nb = 2\n"),
            "line 2: link 0 goes to router 2, and there are 2, from 0 on"
        );
        assert_eq!(
            error("routers = 2\n[[link]]\na = 1\nb = 1\n"),
            "line 2: both ends of link 0 are the same router"
        );
        assert_eq!(
            error(
                "routers = 2\n[[link]]\na = 0\nb = 1\n[[link]]\na = 0\nb = 1\nmetric = 4294967295\n"
            ),
            "line 5: link 1 has the metric 4294967295: 1 to 16777214 are possible"
        );
        assert_eq!(
            error("routers = 2\n[[link]]\na = 0\nb = 1\ndelay = 3600000001\n"),
            "line 2: link 0 has a delay of 3600000001 microseconds: at most 3600000000 are possible"
        );
        let second = "routers = 2\nmulti_topology_id = 3996\n[[link]]\na = 0\nb = 1\n";
        assert_eq!(
            error(&format!("{second}multi_topology_metric = 0\n")),
            "line 3: link 0 has the metric 0: 1 to 16777214 are possible"
        );
        assert_eq!(
            error("routers = 2\n[[link]]\na = 0\nb = 1\nmulti_topology_metric = 1\n"),
            "line 2: link 0 has a metric in a second topology, and there is none: give multi_topology_id"
        );
        for id in ["0", "4096"] {
            let error = error(&format!("routers = 2\nmulti_topology_id = {id}\n"));
            assert_eq!(
                error,
                format!("{id} is the MT-ID of no second topology: 1 to 4095 are")
            );
        }
        assert!(error("routers = 0").contains("0 routers"));
        assert!(error("routers = 1\nlinks = 3").contains("links"));
    }
}
