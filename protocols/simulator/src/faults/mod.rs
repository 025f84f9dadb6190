//! What goes wrong, and when.

mod schedule;

pub use schedule::{Class, ClassError, schedule};

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::link::Quality;
use crate::router::Settings;

/// Something that goes wrong for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// When it begins.
    pub at: Time,
    /// When it is over.
    pub until: Time,
    /// What it is.
    #[serde(flatten)]
    pub kind: FaultKind,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum FaultKind {
    /// A link is cut.
    Cut {
        /// The link.
        link: usize,
        /// From its first end nothing gets to the second.
        forth: bool,
        /// And not from the second to the first.
        back: bool,
        /// The interfaces go down; otherwise only silence tells.
        detected: bool,
    },
    /// A link loses, duplicates, changes and holds up packets.
    Degrade {
        /// The link.
        link: usize,
        /// How it is in both directions.
        quality: Quality,
    },
    /// All links between these routers and the others are cut, and only silence tells.
    Partition {
        /// The routers.
        routers: Vec<usize>,
    },
    /// A router stops without a word: its daemons, its IGP, its kernel.
    RouterCrash {
        /// The router.
        router: usize,
        /// Its switch stops with it, and forgets everything. Otherwise it goes on forwarding.
        switch: bool,
    },
    /// A switch stops, and forgets everything; the router's interfaces are down.
    SwitchCrash {
        /// The router.
        router: usize,
    },
    /// The daemon ends, and is started again; the kernel and the IGP run on.
    DaemonRestart {
        /// The router.
        router: usize,
        /// It ends in good order, and tells its peers. Otherwise it is killed.
        shut_down: bool,
    },
    /// The daemon is stopped (SIGSTOP), and goes on.
    Pause {
        /// The router.
        router: usize,
    },
    /// The router's clock jumps ahead; it is as if it had slept.
    ClockJump {
        /// The router.
        router: usize,
        /// By how many seconds.
        seconds: u32,
    },
    /// A router has another configuration.
    Configure {
        /// The router.
        router: usize,
        /// The configuration.
        settings: Settings,
    },
    /// A switch takes no more entries than these.
    FullTable {
        /// The router.
        router: usize,
        /// How many.
        capacity: usize,
    },
    /// A router's label manager has no more labels than these.
    LabelExhaustion {
        /// The router.
        router: usize,
        /// How many.
        labels: usize,
    },
    /// A switch is slow.
    SlowSwitch {
        /// The router.
        router: usize,
        /// The milliseconds that a write takes.
        latency: u32,
        /// The microseconds that each entry adds.
        per_entry: u32,
    },
    /// TCP connections of a router have a small window.
    SmallWindow {
        /// The router.
        router: usize,
        /// In octets.
        octets: usize,
    },
    /// All TCP connections of a router are reset.
    Reset {
        /// The router.
        router: usize,
    },
    /// A router forgets its TCP connections: its peers find out when they send.
    HalfOpen {
        /// The router.
        router: usize,
    },
    /// An operator ends all sessions of a router.
    Clear {
        /// The router.
        router: usize,
    },
    /// A router has no more the prefixes behind it.
    Withdraw {
        /// The router.
        router: usize,
    },
}

impl FaultKind {
    /// The router that it is about, if it is one.
    pub fn router(&self) -> Option<usize> {
        match *self {
            Self::Cut { .. } | Self::Degrade { .. } | Self::Partition { .. } => None,
            Self::RouterCrash { router, .. }
            | Self::SwitchCrash { router }
            | Self::DaemonRestart { router, .. }
            | Self::Pause { router }
            | Self::ClockJump { router, .. }
            | Self::Configure { router, .. }
            | Self::FullTable { router, .. }
            | Self::LabelExhaustion { router, .. }
            | Self::SlowSwitch { router, .. }
            | Self::SmallWindow { router, .. }
            | Self::Reset { router }
            | Self::HalfOpen { router }
            | Self::Clear { router }
            | Self::Withdraw { router } => Some(router),
        }
    }

    /// The fault in a network without some routers and links: those that are left have new numbers. `None`:
    /// it was about one that is gone.
    pub fn renumbered(
        &self,
        router: impl Fn(usize) -> Option<usize>,
        link: impl Fn(usize) -> Option<usize>,
    ) -> Option<Self> {
        let mut kind = self.clone();
        match &mut kind {
            Self::Cut { link: number, .. } | Self::Degrade { link: number, .. } => {
                *number = link(*number)?;
            }
            Self::Partition { routers } => {
                *routers = routers
                    .iter()
                    .filter_map(|number| router(*number))
                    .collect();
                if routers.is_empty() {
                    return None;
                }
            }
            Self::Configure {
                router: number,
                settings,
            } => {
                *number = router(*number)?;
                *settings = settings.renumbered(router, link);
            }
            Self::RouterCrash { router: number, .. }
            | Self::SwitchCrash { router: number }
            | Self::DaemonRestart { router: number, .. }
            | Self::Pause { router: number }
            | Self::ClockJump { router: number, .. }
            | Self::FullTable { router: number, .. }
            | Self::LabelExhaustion { router: number, .. }
            | Self::SlowSwitch { router: number, .. }
            | Self::SmallWindow { router: number, .. }
            | Self::Reset { router: number }
            | Self::HalfOpen { router: number }
            | Self::Clear { router: number }
            | Self::Withdraw { router: number } => *number = router(*number)?,
        }
        Some(kind)
    }

    /// Whether it acts only as it begins: nothing happens when it is over.
    pub const fn is_instantaneous(&self) -> bool {
        matches!(
            self,
            Self::ClockJump { .. }
                | Self::Reset { .. }
                | Self::HalfOpen { .. }
                | Self::Clear { .. }
        )
    }

    /// What kind of fault it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Cut { forth, back, .. } if *forth && *back => Class::Cut,
            Self::Cut { .. } => Class::OneWay,
            Self::Degrade { .. } => Class::Degrade,
            Self::Partition { .. } => Class::Partition,
            Self::RouterCrash { .. } => Class::RouterCrash,
            Self::SwitchCrash { .. } => Class::SwitchCrash,
            Self::DaemonRestart { .. } => Class::DaemonRestart,
            Self::Pause { .. } => Class::Pause,
            Self::ClockJump { .. } => Class::ClockJump,
            Self::Configure { .. } => Class::Configure,
            Self::FullTable { .. } => Class::FullTable,
            Self::LabelExhaustion { .. } => Class::LabelExhaustion,
            Self::SlowSwitch { .. } => Class::SlowSwitch,
            Self::SmallWindow { .. } => Class::SmallWindow,
            Self::Reset { .. } => Class::Reset,
            Self::HalfOpen { .. } => Class::HalfOpen,
            Self::Clear { .. } => Class::Clear,
            Self::Withdraw { .. } => Class::Withdraw,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}: {}", self.at, self.until, self.kind.class())?;
        match &self.kind {
            FaultKind::Cut { link, .. } | FaultKind::Degrade { link, .. } => {
                write!(f, " link {link}")
            }
            FaultKind::Partition { routers } => write!(f, " {} routers", routers.len()),
            other => match other.router() {
                Some(router) => write!(f, " router {router}"),
                None => Ok(()),
            },
        }
    }
}
