//! Whether a scenario can be run.

use std::fmt;

use ldp::engine::{HelloHoldTime, KeepAliveTime, MaxPduLength, OutOfRange};
use thiserror::Error;

use super::Scenario;
use crate::clock::Time;
use crate::faults::{Fault, FaultKind};
use crate::link::{Quality, QualityError};
use crate::router::Settings;
use crate::topology::{Topology, TopologyError};

/// Where in a scenario something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The fault with this number, from 0 on.
    Fault(usize),
    /// The particular configuration with this number, from 0 on: not that of its router.
    Configuration(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(number) => write!(f, "fault {number}"),
            Self::Configuration(number) => write!(f, "configuration {number}"),
        }
    }
}

/// What is wrong with a scenario.
#[derive(Debug, Error)]
pub enum Problem {
    /// Its topology is none.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// More prefixes than there are addresses for.
    #[error("{0} prefixes behind each router are not possible: at most {most} are", most = Scenario::MOST_PREFIXES)]
    Prefixes(usize),
    /// Nothing to bind labels to.
    #[error("there is no FEC: have loopbacks, prefixes, or link-prefixes where there are links")]
    NoFec,
    /// A router that is not there.
    #[error("{place} is about router {router}, and there are {routers}, from 0 on")]
    NoRouter {
        /// Where.
        place: Place,
        /// The router.
        router: usize,
        /// How many there are.
        routers: usize,
    },
    /// A link that is not there.
    #[error("{place} is about link {link}, and there are {links}, from 0 on")]
    NoLink {
        /// Where.
        place: Place,
        /// The link.
        link: usize,
        /// How many there are.
        links: usize,
    },
    /// A targeted session of a router with itself.
    #[error("{place} gives router {router} a targeted session with itself: name another")]
    Itself {
        /// Where.
        place: Place,
        /// The router.
        router: usize,
    },
    /// A router without what there is not.
    #[error(
        "{place} has multi_topology = false, and there is no second topology: give topology.multi_topology_id"
    )]
    NoMultiTopology {
        /// Where.
        place: Place,
    },
    /// Two configurations of one router.
    #[error("{place} is a second one of router {router}: a router has one")]
    Twice {
        /// Where.
        place: Place,
        /// The router.
        router: usize,
    },
    /// A fault that is over before it begins.
    #[error("{place} begins at {at} and ends at {until}: it has to end after it begins")]
    Times {
        /// Where.
        place: Place,
        /// When it begins.
        at: Time,
        /// When it ends.
        until: Time,
    },
    /// A partition between all routers and none.
    #[error("{place} is a partition of no router: name those on one side")]
    NobodyApart {
        /// Where.
        place: Place,
    },
    /// A window through which nothing goes.
    #[error("{place} has a window of 0 octets: 1 is the least")]
    Window {
        /// Where.
        place: Place,
    },
    /// A link cannot be like this.
    #[error("{place}: {error}")]
    Quality {
        /// Where.
        place: Place,
        /// What is wrong.
        error: QualityError,
    },
    /// A setting that no router may have.
    #[error("{place}: {name}: {error}")]
    Setting {
        /// Where.
        place: Place,
        /// Which one.
        name: &'static str,
        /// What is wrong.
        error: OutOfRange,
    },
}

impl Problem {
    /// Which table of which array of tables of the scenario's TOML it is about, if it is one.
    pub(super) fn table(&self) -> Option<(&'static [&'static str], usize)> {
        let place = match self {
            Self::Topology(error) => return Some((&["topology", "link"], error.link()?)),
            Self::Prefixes(_) | Self::NoFec => return None,
            Self::NoRouter { place, .. }
            | Self::NoLink { place, .. }
            | Self::Itself { place, .. }
            | Self::NoMultiTopology { place }
            | Self::Twice { place, .. }
            | Self::Times { place, .. }
            | Self::NobodyApart { place }
            | Self::Window { place }
            | Self::Quality { place, .. }
            | Self::Setting { place, .. } => place,
        };
        Some(match *place {
            Place::Fault(number) => (&["fault"], number),
            Place::Configuration(number) => (&["router"], number),
        })
    }
}

impl Scenario {
    /// The most prefixes behind each router: those of all have to be of 20.0.0.0 to 172.15.255.0.
    pub const MOST_PREFIXES: usize = 100;

    /// Whether it can be run.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Problem> {
        self.topology.check()?;
        if self.prefixes > Self::MOST_PREFIXES {
            return Err(Problem::Prefixes(self.prefixes));
        }
        let of_links = self.link_prefixes && !self.topology.links.is_empty();
        if self.loopbacks == Some(0) && self.prefixes == 0 && !of_links {
            return Err(Problem::NoFec);
        }
        let mut configured = vec![false; self.topology.routers];
        for (number, of) in self.settings.iter().enumerate() {
            let (place, router) = (Place::Configuration(number), of.number);
            check_router(&self.topology, place, router)?;
            if std::mem::replace(&mut configured[router], true) {
                return Err(Problem::Twice { place, router });
            }
            check_settings(&self.topology, place, router, &of.settings)?;
        }
        for (number, fault) in self.faults.iter().enumerate() {
            check_fault(&self.topology, Place::Fault(number), fault)?;
        }
        Ok(())
    }
}

fn check_router(topology: &Topology, place: Place, router: usize) -> Result<(), Problem> {
    let routers = topology.routers;
    if router < routers {
        return Ok(());
    }
    Err(Problem::NoRouter {
        place,
        router,
        routers,
    })
}

fn check_link(topology: &Topology, place: Place, link: usize) -> Result<(), Problem> {
    let links = topology.links.len();
    if link < links {
        return Ok(());
    }
    Err(Problem::NoLink { place, link, links })
}

fn check_settings(
    topology: &Topology,
    place: Place,
    router: usize,
    settings: &Settings,
) -> Result<(), Problem> {
    for &other in &settings.targeted {
        check_router(topology, place, other)?;
        if other == router {
            return Err(Problem::Itself { place, router });
        }
    }
    for &link in &settings.disabled_links {
        check_link(topology, place, link)?;
    }
    if !settings.multi_topology && topology.multi_topology_id.is_none() {
        return Err(Problem::NoMultiTopology { place });
    }
    let [hold, keepalive, length] = [
        settings.hello_hold_time,
        settings.keepalive_time,
        settings.max_pdu_length,
    ]
    .map(u64::from);
    for (name, error) in [
        ("hello_hold_time", HelloHoldTime::new(hold).err()),
        ("keepalive_time", KeepAliveTime::new(keepalive).err()),
        ("max_pdu_length", MaxPduLength::new(length).err()),
    ] {
        if let Some(error) = error {
            return Err(Problem::Setting { place, name, error });
        }
    }
    Ok(())
}

fn check_fault(topology: &Topology, place: Place, fault: &Fault) -> Result<(), Problem> {
    let (at, until) = (fault.at, fault.until);
    if until <= at {
        return Err(Problem::Times { place, at, until });
    }
    if let Some(router) = fault.kind.router() {
        check_router(topology, place, router)?;
    }
    match &fault.kind {
        FaultKind::Cut { link, .. } => check_link(topology, place, *link),
        FaultKind::Degrade { link, quality } => {
            check_link(topology, place, *link)?;
            let error = |error| Problem::Quality { place, error };
            Quality::check(quality).map_err(error)
        }
        FaultKind::Partition { routers } if routers.is_empty() => {
            Err(Problem::NobodyApart { place })
        }
        FaultKind::Partition { routers } => routers
            .iter()
            .try_for_each(|router| check_router(topology, place, *router)),
        FaultKind::Configure { router, settings } => {
            check_settings(topology, place, *router, settings)
        }
        FaultKind::SmallWindow { octets: 0, .. } => Err(Problem::Window { place }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::Scenario;

    /// A scenario of three routers in a row, which is all right, with more in it. The 10 lines before are
    /// the topology's.
    fn error(more: &str) -> String {
        let text = format!(
            "seed = 1\nuntil = 60.0\n[topology]\nrouters = 3\n[[topology.link]]\na = 0\nb = 1\n\
             [[topology.link]]\na = 1\nb = 2\n{more}"
        );
        match Scenario::parse(&text) {
            Ok(_) => "none".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    fn error_of_fault(fault: &str) -> String {
        error(&format!("[[fault]]\nat = 41.0\nuntil = 45.0\n{fault}\n"))
    }

    fn error_of_quality(quality: &str) -> String {
        error_of_fault(&format!(
            "kind = \"degrade\"\nlink = 0\nquality = {{ {quality} }}"
        ))
    }

    #[test]
    fn what_a_scenario_is_about_has_to_be_there() {
        for (more, expected) in [
            (
                "[[router]]\nnumber = 17\n[router.settings]\n",
                "line 11: configuration 0 is about router 17, and there are 3, from 0 on",
            ),
            (
                "[[router]]\nnumber = 1\n[router.settings]\ntargeted = [4294967295]\n",
                "line 11: configuration 0 is about router 4294967295, and there are 3, from 0 on",
            ),
            (
                "[[router]]\nnumber = 1\n[router.settings]\ntargeted = [1]\n",
                "line 11: configuration 0 gives router 1 a targeted session with itself: name another",
            ),
            (
                "[[router]]\nnumber = 1\n[router.settings]\ndisabled_links = [2]\n",
                "line 11: configuration 0 is about link 2, and there are 2, from 0 on",
            ),
            (
                "[[router]]\nnumber = 1\n[router.settings]\n[[router]]\nnumber = 1\n[router.settings]\n",
                "line 14: configuration 1 is a second one of router 1: a router has one",
            ),
            (
                "[[router]]\nnumber = 1\n[router.settings]\nmulti_topology = false\n",
                "line 11: configuration 0 has multi_topology = false, and there is no second topology: \
                 give topology.multi_topology_id",
            ),
        ] {
            assert_eq!(error(more), expected);
        }
        for (fault, expected) in [
            (
                "kind = \"cut\"\nlink = 2\nforth = true\nback = true\ndetected = true",
                "is about link 2, and",
            ),
            (
                "kind = \"pause\"\nrouter = 3",
                "is about router 3, and there are 3",
            ),
            (
                "kind = \"partition\"\nrouters = [0, 5]",
                "is about router 5, and there are 3",
            ),
            (
                "kind = \"partition\"\nrouters = []",
                "is a partition of no router",
            ),
            (
                "kind = \"configure\"\nrouter = 0\n[fault.settings]\ntargeted = [9]",
                "is about router 9",
            ),
        ] {
            let error = error_of_fault(fault);
            assert!(
                error.starts_with("line 11: fault 0 ") && error.contains(expected),
                "{error}"
            );
        }
        let links = error("[[topology.link]]\na = 2\nb = 3\n");
        assert_eq!(
            links,
            "line 11: link 2 goes to router 3, and there are 3, from 0 on"
        );
    }

    #[test]
    fn values_have_to_be_such_as_can_be() {
        for (quality, expected) in [
            ("jitter = inf", "jitter is inf: 0 to 3600 s are possible"),
            ("jitter = -1.0", "jitter is -1: 0 to 3600 s are possible"),
            ("loss = 1.5", "loss is 1.5: probabilities are from 0 to 1"),
            (
                "corruption = nan",
                "corruption is NaN: probabilities are from 0 to 1",
            ),
        ] {
            assert_eq!(
                error_of_quality(quality),
                format!("line 11: fault 0: {expected}")
            );
        }
        assert_eq!(error_of_quality("loss = 1.0, jitter = 3600.0"), "none");
        for (hello, expected) in [("0", "0 is not between 1 and 65535"), ("65536", "65536")] {
            let settings = format!("hello_hold_time = {hello}");
            let error = error(&format!(
                "[[router]]\nnumber = 1\n[router.settings]\n{settings}\n"
            ));
            assert!(error.contains(expected), "{error}");
        }
        let window = error_of_fault("kind = \"small-window\"\nrouter = 0\noctets = 0");
        assert!(
            window.contains("a window of 0 octets: 1 is the least"),
            "{window}"
        );
        let metric = error("metric = 16777215\n");
        assert!(
            metric.contains("line 8: link 1 has the metric 16777215: 1 to 16777214 are possible"),
            "{metric}"
        );
    }

    #[test]
    fn times_have_to_be_in_order_and_within_reason() {
        let error_of_times = |at: &str, until: &str| {
            error(&format!(
                "[[fault]]\nat = {at}\nuntil = {until}\nkind = \"pause\"\nrouter = 0\n"
            ))
        };
        assert_eq!(error_of_times("41", "45.5"), "none");
        assert_eq!(
            error_of_times("45.0", "41.0"),
            "line 11: fault 0 begins at 45.000 s and ends at 41.000 s: it has to end after it begins"
        );
        for time in ["inf", "nan", "-1.0", "1e300"] {
            let error = error_of_times("41.0", time);
            assert!(
                error.contains("no time of a run: 0 to 1000000000 s"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_no_fault_has_is_no_part_of_one() {
        let quality = error_of_quality("los = 1.0");
        assert!(quality.contains("unknown field `los`"), "{quality}");
        let fault = error_of_fault("kind = \"pause\"\nrouter = 0\nseconds = 3");
        assert!(fault.contains("unknown field `seconds`"), "{fault}");
        let kind = error_of_fault("kind = \"flood\"\nrouter = 0");
        assert!(kind.contains("unknown variant `flood`"), "{kind}");
        let settings = error("[[router]]\nnumber = 1\nother = 2\n[router.settings]\n");
        assert!(settings.contains("unknown field `other`"), "{settings}");
    }

    #[test]
    fn there_have_to_be_fecs() {
        let of = |more: &str| {
            let text = format!("seed = 1\nuntil = 1.0\n{more}\n[topology]\nrouters = 2\n");
            Scenario::parse(&text).map_err(|error| error.to_string())
        };
        for more in ["loopbacks = 0", "loopbacks = 0\nlink_prefixes = true"] {
            let error = of(more).unwrap_err();
            assert!(error.contains("there is no FEC"), "{error}");
        }
        assert!(of("loopbacks = 0\nprefixes = 1").is_ok());
        let error = of("prefixes = 101").unwrap_err();
        assert!(error.contains("at most 100"), "{error}");
    }
}
