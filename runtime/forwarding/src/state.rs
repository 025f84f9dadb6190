//! What the operator sees of each binding.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{EntryKey, Owner, UnresolvedNextHop};

/// What the data plane reports of the LFIB that it was given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Programmed {
    /// Entries that the switch holds as desired.
    pub installed: BTreeSet<EntryKey>,
    /// Entries that the hardware profile or the switch refuses, and why.
    pub refused: BTreeMap<EntryKey, String>,
}

/// The state of a binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The switch forwards by it.
    Installed,
    /// It is chosen, but the switch does not hold it yet.
    Pending,
    /// None of its next hops can be used.
    NextHopUnresolved(Vec<UnresolvedNextHop>),
    /// Another protocol's binding is preferred.
    NotPreferred {
        /// Whose binding is chosen.
        by: Owner,
    },
    /// Another binding of the same preference was there first.
    Conflict {
        /// Whose binding is chosen.
        with: Owner,
    },
    /// The hardware profile or the switch refuses it.
    Refused(String),
}

impl State {
    /// One word, for tables and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Pending => "pending",
            Self::NextHopUnresolved(_) => "next-hop-unresolved",
            Self::NotPreferred { .. } => "not-preferred",
            Self::Conflict { .. } => "conflict",
            Self::Refused(_) => "refused",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed | Self::Pending => f.write_str(self.name()),
            Self::NextHopUnresolved(next_hops) => {
                for (index, next_hop) in next_hops.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    write!(f, "{separator}{next_hop}")?;
                }
                Ok(())
            }
            Self::NotPreferred { by } => write!(f, "not preferred: {by} is installed"),
            Self::Conflict { with } => write!(f, "conflict: {with} was there first"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
        }
    }
}

/// One binding with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View<'a, Key, Action> {
    /// The FEC or incoming label.
    pub key: &'a Key,
    /// Whose binding it is.
    pub owner: &'a Owner,
    /// What it asks for.
    pub action: &'a Action,
    /// How it stands.
    pub state: State,
    /// Next hops that cannot be used, also when others of the binding can.
    pub unresolved: Vec<UnresolvedNextHop>,
}
