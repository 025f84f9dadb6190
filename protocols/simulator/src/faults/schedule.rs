//! Schedules of faults from a seed.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Fault, FaultKind};
use crate::clock::Time;
use crate::link::Quality;
use crate::rng::Rng;
use crate::router::{EgressLabel, Families, Settings};
use crate::topology::Topology;

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A link is cut.
    Cut,
    /// A link is cut in one direction.
    OneWay,
    /// A link loses, duplicates, reorders and changes packets.
    Degrade,
    /// The network falls in two.
    Partition,
    /// A router crashes, with or without its switch.
    RouterCrash,
    /// A switch crashes.
    SwitchCrash,
    /// A daemon is started anew.
    DaemonRestart,
    /// A daemon is stopped for a time.
    Pause,
    /// A clock jumps.
    ClockJump,
    /// The configuration changes.
    Configure,
    /// A table is full.
    FullTable,
    /// There are too few labels.
    LabelExhaustion,
    /// A switch is slow.
    SlowSwitch,
    /// Windows are small.
    SmallWindow,
    /// Connections are reset.
    Reset,
    /// Connections are half-open.
    HalfOpen,
    /// An operator ends sessions.
    Clear,
    /// Prefixes are withdrawn.
    Withdraw,
}

/// A name that no kind of fault has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{0}\" is no kind of fault: use all, none, or some of {names}", names = names())]
pub struct ClassError(pub String);

fn names() -> String {
    let names: Vec<_> = Class::ALL.iter().map(|class| class.name()).collect();
    names.join(", ")
}

impl Class {
    /// All kinds.
    pub const ALL: [Self; 18] = [
        Self::Cut,
        Self::OneWay,
        Self::Degrade,
        Self::Partition,
        Self::RouterCrash,
        Self::SwitchCrash,
        Self::DaemonRestart,
        Self::Pause,
        Self::ClockJump,
        Self::Configure,
        Self::FullTable,
        Self::LabelExhaustion,
        Self::SlowSwitch,
        Self::SmallWindow,
        Self::Reset,
        Self::HalfOpen,
        Self::Clear,
        Self::Withdraw,
    ];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::OneWay => "one-way",
            Self::Degrade => "degrade",
            Self::Partition => "partition",
            Self::RouterCrash => "router-crash",
            Self::SwitchCrash => "switch-crash",
            Self::DaemonRestart => "daemon-restart",
            Self::Pause => "pause",
            Self::ClockJump => "clock-jump",
            Self::Configure => "configure",
            Self::FullTable => "full-table",
            Self::LabelExhaustion => "label-exhaustion",
            Self::SlowSwitch => "slow-switch",
            Self::SmallWindow => "small-window",
            Self::Reset => "reset",
            Self::HalfOpen => "half-open",
            Self::Clear => "clear",
            Self::Withdraw => "withdraw",
        }
    }

    /// The kinds that a list of names names.
    ///
    /// # Errors
    /// A name that none has.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, ClassError> {
        match text {
            "all" => Ok(Self::ALL.to_vec()),
            "none" => Ok(Vec::new()),
            _ => text.split(',').map(|name| name.trim().parse()).collect(),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Class {
    type Err = ClassError;

    fn from_str(text: &str) -> Result<Self, ClassError> {
        Self::ALL
            .into_iter()
            .find(|class| class.name() == text)
            .ok_or_else(|| ClassError(text.to_owned()))
    }
}

/// Faults of these kinds in a network, between two times.
pub fn schedule(
    topology: &Topology,
    settings: &[Settings],
    classes: &[Class],
    count: usize,
    (from, to): (Time, Time),
    rng: &mut Rng,
) -> Vec<Fault> {
    let mut faults: Vec<Fault> = (0..count)
        .filter_map(|_| {
            let class = rng.pick(classes).copied()?;
            let at = from + rng.duration(Duration::ZERO, to.since(from));
            // Many are short: what comes before timers have run out is what is easily forgotten.
            let longest = match rng.below(4) {
                0 => Duration::from_secs(1),
                1 => Duration::from_secs(12),
                2 => Duration::from_secs(60),
                _ => Duration::from_secs(240),
            };
            let lasts = rng.duration(Duration::from_millis(10), longest);
            let kind = fault(class, topology, settings, rng)?;
            Some(Fault {
                at,
                until: at + lasts,
                kind,
            })
        })
        .collect();
    faults.sort_by_key(|fault| fault.at);
    faults
}

fn fault(
    class: Class,
    topology: &Topology,
    settings: &[Settings],
    rng: &mut Rng,
) -> Option<FaultKind> {
    let router = rng.below(topology.routers);
    let link = (!topology.links.is_empty()).then(|| rng.below(topology.links.len()));
    Some(match class {
        Class::Cut => FaultKind::Cut {
            link: link?,
            forth: true,
            back: true,
            detected: rng.chance(0.5),
        },
        Class::OneWay => {
            let forth = rng.chance(0.5);
            FaultKind::Cut {
                link: link?,
                forth,
                back: !forth,
                detected: false,
            }
        }
        Class::Degrade => FaultKind::Degrade {
            link: link?,
            quality: quality(rng),
        },
        Class::Partition => {
            // A piece that hangs together: what is near a router.
            let mut routers: BTreeSet<usize> = BTreeSet::from([router]);
            let most = rng.between(1, topology.routers as u64 / 2 + 1) as usize;
            for _ in 0..most * 4 {
                let near = topology
                    .links
                    .iter()
                    .filter(|link| routers.contains(&link.a) != routers.contains(&link.b));
                let near: Vec<_> = near.copied().collect();
                if routers.len() >= most {
                    break;
                }
                if let Some(link) = rng.pick(&near) {
                    routers.extend([link.a, link.b]);
                }
            }
            FaultKind::Partition {
                routers: routers.into_iter().collect(),
            }
        }
        Class::RouterCrash => FaultKind::RouterCrash {
            router,
            switch: rng.chance(0.5),
        },
        Class::SwitchCrash => FaultKind::SwitchCrash { router },
        Class::DaemonRestart => FaultKind::DaemonRestart {
            router,
            shut_down: rng.chance(0.25),
        },
        Class::Pause => FaultKind::Pause { router },
        Class::ClockJump => FaultKind::ClockJump {
            router,
            seconds: rng.between(1, 400) as u32,
        },
        Class::Configure => FaultKind::Configure {
            router,
            settings: changed(settings.get(router)?, topology, router, rng),
        },
        Class::FullTable => FaultKind::FullTable {
            router,
            capacity: 16 + rng.below(topology.routers * 2),
        },
        Class::LabelExhaustion => FaultKind::LabelExhaustion {
            router,
            labels: rng.below(topology.routers * 2),
        },
        Class::SlowSwitch => FaultKind::SlowSwitch {
            router,
            latency: rng.between(1, 2000) as u32,
            per_entry: rng.between(10, 50_000) as u32,
        },
        Class::SmallWindow => FaultKind::SmallWindow {
            router,
            octets: rng.between(1, 600) as usize,
        },
        Class::Reset => FaultKind::Reset { router },
        Class::HalfOpen => FaultKind::HalfOpen { router },
        Class::Clear => FaultKind::Clear { router },
        Class::Withdraw => FaultKind::Withdraw { router },
    })
}

fn quality(rng: &mut Rng) -> Quality {
    let mut some = |most: f64| {
        if rng.chance(0.5) {
            (rng.fraction() * most * 1e6).round() / 1e6
        } else {
            0.0
        }
    };
    let quality = Quality {
        loss: some(0.6),
        duplication: some(0.5),
        corruption: some(0.1),
        jitter: some(0.5),
        bandwidth: 0,
    };
    let narrow = rng.chance(0.3);
    Quality {
        bandwidth: if narrow {
            rng.between(64_000, 2_000_000)
        } else {
            0
        },
        ..quality
    }
}

/// One or two things of the configuration are another way.
fn changed(settings: &Settings, topology: &Topology, router: usize, rng: &mut Rng) -> Settings {
    let mut settings = settings.clone();
    if topology.multi_topology_id.is_some() && rng.chance(0.5) {
        settings.multi_topology = !settings.multi_topology;
        if rng.chance(0.5) {
            return settings;
        }
    }
    for _ in 0..rng.between(1, 2) {
        match rng.below(13) {
            0 => settings.ordered = !settings.ordered,
            1 => settings.conservative = !settings.conservative,
            2 => settings.loop_detection = !settings.loop_detection,
            3 => {
                let labels = [
                    EgressLabel::Implicit,
                    EgressLabel::Explicit,
                    EgressLabel::Real,
                ];
                settings.egress_label = rng.pick(&labels).copied().unwrap_or_default();
            }
            4 => settings.graceful_restart = !settings.graceful_restart,
            5 => settings.hello_hold_time = rng.between(3, 45) as u16,
            6 => settings.keepalive_time = rng.between(6, 180) as u16,
            7 => settings.advertise_nothing = true,
            8 => settings.accept_nothing = true,
            9 => settings.split_horizon = !settings.split_horizon,
            10 => {
                // A dual-stack router becomes a single-stack one, or the other way round.
                settings.families = match settings.families {
                    Families::Ipv4 | Families::Ipv6 => Families::DualStack,
                    _ if rng.chance(0.5) => Families::Ipv4,
                    _ => Families::Ipv6,
                };
            }
            11 => settings.dynamic_capabilities = !settings.dynamic_capabilities,
            _ => {
                let ends = topology.links.iter().enumerate();
                let own = ends.filter(|(_, link)| link.end_of(router).is_some());
                let own: Vec<usize> = own.map(|(number, _)| number).collect();
                settings.disabled_links.extend(rng.pick(&own));
            }
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Shape;

    #[test]
    fn a_schedule_has_all_kinds_of_faults_within_its_time_and_reads_back() {
        let topology = Shape::Grid.make(25, &mut Rng::new(1, 1));
        let settings = vec![Settings::default(); 25];
        let span = (Time::seconds(60), Time::seconds(600));
        let make = || {
            let mut rng = Rng::new(3, 3);
            schedule(&topology, &settings, &Class::ALL, 400, span, &mut rng)
        };
        let faults = make();
        assert_eq!(faults, make());
        let classes: BTreeSet<Class> = faults.iter().map(|fault| fault.kind.class()).collect();
        assert_eq!(classes.len(), Class::ALL.len());
        assert!(faults.windows(2).all(|pair| pair[0].at <= pair[1].at));
        for fault in &faults {
            assert!(fault.at >= span.0 && fault.at <= span.1 && fault.until > fault.at);
            let text = toml::to_string(fault).unwrap();
            assert_eq!(toml::from_str::<Fault>(&text).unwrap(), *fault, "{text}");
        }
    }

    #[test]
    fn lists_of_kinds_are_read() {
        assert_eq!(Class::parse_list("all").unwrap().len(), 18);
        assert_eq!(Class::parse_list("none").unwrap(), []);
        let some = Class::parse_list("cut, half-open").unwrap();
        assert_eq!(some, [Class::Cut, Class::HalfOpen]);
        assert!(Class::parse_list("flood").is_err());
    }
}
