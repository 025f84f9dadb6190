//! What the operator sees of the switch.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use forwarding::Programmed;
use p4runtime_client::Address;

/// The state of the connection to the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionState {
    /// The first attempt is under way.
    Connecting,
    /// The last attempt failed, or the connection was lost; the daemon tries for ever.
    Retrying {
        /// Why, and what to do.
        error: String,
        /// How long after the failure the next attempt is made.
        retry_in: Duration,
    },
    /// Another controller is the primary client.
    Backup {
        /// Its election id.
        primary: u128,
    },
    /// This daemon is the primary client, and the switch is being read or written for the first
    /// time since.
    Synchronising,
    /// This daemon is the primary client, and has written what is desired.
    Ready,
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting"),
            Self::Retrying { error, retry_in } => {
                write!(f, "{error}; retrying in {:.1} s", retry_in.as_secs_f32())
            }
            Self::Backup { primary } => write!(
                f,
                "backup: the primary client has election id {primary}; give this one a larger \
                 election-id to take over"
            ),
            Self::Synchronising => f.write_str("synchronising"),
            Self::Ready => f.write_str("ready"),
        }
    }
}

/// How full a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Entries that the switch holds.
    pub entries: u32,
    /// Entries that it takes.
    pub size: u32,
}

/// The state of the switch as the daemon knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The address of the switch.
    pub address: Address,
    /// The device id of the switch.
    pub device_id: u64,
    /// The name of the hardware profile.
    pub profile: String,
    /// The connection.
    pub connection: ConnectionState,
    /// The P4Runtime version that the switch reports, if it does.
    pub api_version: Option<String>,
    /// The number of the [desired state](crate::Handle::set_desired) that the switch was brought to last, but
    /// for what is refused; 0: none yet.
    pub version: u64,
    /// Whether the switch holds all that is desired and resolved, but for what is refused.
    pub in_sync: bool,
    /// Whether entries of an earlier run are kept, as next hops are still being resolved.
    pub restart_hold: bool,
    /// Which entries of the LFIB the switch holds, and which it refuses.
    pub programmed: Arc<Programmed>,
    /// Entries of no FEC or label that the switch or the profile refuses, and other trouble.
    pub problems: Vec<String>,
    /// How full each table is, by its name.
    pub usage: BTreeMap<&'static str, Usage>,
    /// Connections made since the daemon started.
    pub connections: u64,
    /// Updates that the switch executed since the daemon started, but for those of switchovers.
    pub updates_written: u64,
    /// What of the [`Switchover`](crate::Switchover) state the switch refuses.
    pub switchover_problems: Vec<String>,
    /// Updates of port state and protection that the switch executed since the daemon started.
    pub switchover_updates_written: u64,
    /// Packets from the switch that were dropped, as the daemon took them too slowly.
    pub packets_in_dropped: u64,
}
