//! The task that owns the switch.

mod io;
mod pump;
mod task;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use p4runtime_client::{Address, Backoff, Client, EntryError, Pipeline, RpcError, SchemaError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::task::Task;
use crate::counters::Names;
use crate::{
    Capacity, ConnectionState, Counters, Desired, Entries, HardwareProfile, PacketOut, Punted,
    Status, Switchover, Translator, check_program,
};

pub(crate) use io::{read_entries, write_updates};

/// Packets from the switch that wait for the daemon; further ones are dropped and counted.
const PUNT_QUEUE: usize = 4096;

/// What a driver is made with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address of the switch.
    pub address: Address,
    /// The device id of the switch, at least 1.
    pub device_id: u64,
    /// The election id of the first bid, at least 1.
    pub election_id: u128,
    /// The hardware profile.
    pub profile: HardwareProfile,
    /// The P4Info and the program.
    pub pipeline: Pipeline,
    /// How long after the start entries of an earlier run are kept while next hops are not
    /// resolved.
    pub restart_hold: Duration,
    /// How often the switch is read back and repaired.
    pub repair_interval: Duration,
    /// How long to wait for the connection, and then for the answer to a bid.
    pub connect_timeout: Duration,
}

impl Options {
    /// Options with device id 1, election id 1, a restart hold of 30 s, a repair every 60 s and
    /// a connection timeout of 5 s.
    pub fn new(address: Address, profile: HardwareProfile, pipeline: Pipeline) -> Self {
        Self {
            address,
            device_id: 1,
            election_id: 1,
            profile,
            pipeline,
            restart_hold: Duration::from_secs(30),
            repair_interval: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// A running driver.
///
/// It runs until the last [`Handle`] is dropped. What the switch holds then stays: it forwards on.
#[derive(Debug)]
pub struct Driver {
    /// The daemon's side; it can be cloned.
    pub handle: Handle,
    /// Packets that the switch sends up.
    pub packets: mpsc::Receiver<Punted>,
    /// The task.
    pub task: JoinHandle<()>,
}

impl Driver {
    /// Starts a driver, inside a tokio runtime.
    ///
    /// Nothing is written to the switch before [`Handle::set_desired`] is called for the first
    /// time; call it when the configuration and the state of the kernel are known, as what is not
    /// desired then may be deleted from the switch.
    ///
    /// # Errors
    /// The P4 program lacks a table, counter or header.
    pub fn spawn(options: Options) -> Result<Self, SchemaError> {
        check_program(options.pipeline.schema())?;
        let capacity = Capacity::new(&options.profile, Some(options.pipeline.schema()));
        let (desired, desired_updates) = watch::channel(Handed::default());
        let (status, status_updates) = watch::channel(Status {
            address: options.address.clone(),
            device_id: options.device_id,
            profile: options.profile.name.clone(),
            connection: ConnectionState::Connecting,
            api_version: None,
            version: 0,
            in_sync: false,
            restart_hold: false,
            programmed: Arc::default(),
            problems: Vec::new(),
            usage: BTreeMap::new(),
            connections: 0,
            updates_written: 0,
            switchover_problems: Vec::new(),
            switchover_updates_written: 0,
            packets_in_dropped: 0,
        });
        let (switchover, switchover_updates) = watch::channel(None);
        let (session, sessions) = watch::channel(None);
        let (punted, packets) = mpsc::channel(PUNT_QUEUE);
        let pipeline = Arc::new(options.pipeline.clone());
        let driver = Task {
            hold_until: Some(Instant::now() + options.restart_hold),
            translator: Translator::new(capacity.clone()),
            capacity,
            held: Entries::new(),
            backoff: Backoff::default(),
            dropped: Arc::default(),
            pipeline: Arc::clone(&pipeline),
            options,
            desired: desired_updates,
            switchover: switchover_updates,
            status,
            session,
            punted,
        };
        let task = tokio::spawn(driver.run());
        let handle = Handle {
            desired,
            switchover,
            status: status_updates,
            session: sessions,
            pipeline,
        };
        Ok(Self {
            handle,
            packets,
            task,
        })
    }
}

/// What was handed in last.
#[derive(Debug, Clone, Default)]
struct Handed {
    /// Counts the desired states.
    version: u64,
    desired: Option<Arc<Desired>>,
}

/// The daemon's side of a driver.
#[derive(Debug, Clone)]
pub struct Handle {
    desired: watch::Sender<Handed>,
    switchover: watch::Sender<Option<Switchover>>,
    status: watch::Receiver<Status>,
    session: watch::Receiver<Option<Session>>,
    pipeline: Arc<Pipeline>,
}

/// Why something could not be done on the switch at the moment.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// There is no connection, or another controller is the primary client.
    #[error("the switch at {address} is not connected: {state}")]
    NotConnected {
        /// The address of the switch.
        address: Address,
        /// The state of the connection.
        state: ConnectionState,
    },
    /// The switch refused, or the connection broke.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The packet does not fit the program, such as a port number that is too large.
    #[error(transparent)]
    Packet(#[from] EntryError),
}

impl Handle {
    /// Hands in the desired state, and gives its number, by which [`Status::version`] tells when the switch
    /// holds it. Calls in quick succession are taken together.
    pub fn set_desired(&self, desired: Desired) -> u64 {
        let mut version = 0;
        self.desired.send_modify(|handed| {
            handed.version += 1;
            handed.desired = Some(Arc::new(desired));
            version = handed.version;
        });
        version
    }

    /// Hands in port state and protection state in place of the former. It goes to the switch at
    /// once, ahead of whatever else is being written: one update for each port or protection
    /// domain that changed.
    ///
    /// Nothing of it is written before this is called for the first time; call it before
    /// [`Handle::set_desired`], so that paths by ports that are down are not used.
    pub fn set_switchover(&self, switchover: Switchover) {
        self.switchover.send_if_modified(|current| {
            let changed = current.as_ref() != Some(&switchover);
            *current = Some(switchover);
            changed
        });
    }

    /// The state of the switch, and its changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Sends a packet.
    ///
    /// # Errors
    /// The switch is not connected, or the port does not fit.
    pub async fn send(&self, packet: &PacketOut) -> Result<(), HandleError> {
        let message = packet.message(self.pipeline.schema())?;
        let client = self.session()?.client;
        Ok(client.packet_out(message).await?)
    }

    /// Reads the counters of the switch.
    ///
    /// # Errors
    /// The switch is not connected, or does not answer.
    pub async fn counters(&self) -> Result<Counters, HandleError> {
        let session = self.session()?;
        let schema = self.pipeline.schema();
        Ok(Counters::read(&session.client, schema, &session.names).await?)
    }

    fn session(&self) -> Result<Session, HandleError> {
        self.session.borrow().clone().ok_or_else(|| {
            let status = self.status.borrow();
            HandleError::NotConnected {
                address: status.address.clone(),
                state: status.connection.clone(),
            }
        })
    }
}

/// What handles need of a connection on which this daemon is the primary client.
#[derive(Debug, Clone)]
struct Session {
    client: Client,
    names: Arc<Names>,
}
