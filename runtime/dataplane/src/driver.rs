//! The task that owns the switch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use forwarding::{EntryKey, Nhlfe, Programmed};
use p4runtime_client::{
    Address, Backoff, Client, Code, ConnectError, Connection, ConnectionOptions, EntryError, Event,
    EventStream, Pipeline, PipelineState, Role, RpcError, SchemaError, UpdateError,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, info, warn};

use crate::model::TABLES;
use crate::{
    Capacity, ConnectionState, Counters, Desired, Entries, HardwareProfile, Key, NhlfeId, Outcome,
    PacketOut, Punted, Reconciliation, Refusal, Status, Target, Translator, Update, Usage,
    check_program, codec,
};

/// Packets from the switch that wait for the daemon; further ones are dropped and counted.
const PUNT_QUEUE: usize = 4096;

/// When refused entries are tried again.
const RETRY: Duration = Duration::from_secs(5);

/// How often one reconciliation is begun anew, as deletions made space or the switch held
/// something else than was thought.
const ROUNDS: usize = 4;

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
        let (desired, desired_updates) = watch::channel(None);
        let (status, status_updates) = watch::channel(Status {
            address: options.address.clone(),
            device_id: options.device_id,
            profile: options.profile.name.clone(),
            connection: ConnectionState::Connecting,
            api_version: None,
            in_sync: false,
            restart_hold: false,
            programmed: Arc::default(),
            problems: Vec::new(),
            usage: BTreeMap::new(),
            connections: 0,
            updates_written: 0,
            packets_in_dropped: 0,
        });
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
            status,
            session,
            punted,
        };
        let task = tokio::spawn(driver.run());
        let handle = Handle {
            desired,
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

/// The daemon's side of a driver.
#[derive(Debug, Clone)]
pub struct Handle {
    desired: watch::Sender<Option<Arc<Desired>>>,
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
    /// Hands in the desired state. Calls in quick succession are taken together.
    pub fn set_desired(&self, desired: Desired) {
        self.desired.send_replace(Some(Arc::new(desired)));
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
        Ok(Counters::read(&session.client, schema, &session.nhlfes).await?)
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
    nhlfes: Arc<BTreeMap<NhlfeId, Nhlfe>>,
}

/// The stream channel, as the task that reads it reports it.
#[derive(Debug, Clone)]
enum Link {
    Up(Role),
    Down(String),
}

/// Why a session ended.
enum End {
    /// All handles are gone.
    Closed,
    /// The connection or a call failed: connect again.
    Failed(String),
}

impl From<RpcError> for End {
    fn from(error: RpcError) -> Self {
        Self::Failed(error.to_string())
    }
}

struct Task {
    options: Options,
    pipeline: Arc<Pipeline>,
    capacity: Capacity,
    translator: Translator,
    /// What the switch holds, as far as is known.
    held: Entries,
    /// When the restart hold ends; `None` when it has ended.
    hold_until: Option<Instant>,
    backoff: Backoff,
    dropped: Arc<AtomicU64>,
    desired: watch::Receiver<Option<Arc<Desired>>>,
    status: watch::Sender<Status>,
    session: watch::Sender<Option<Session>>,
    punted: mpsc::Sender<Punted>,
}

impl Task {
    async fn run(mut self) {
        loop {
            let error = match self.connect().await {
                Ok(connection) => match self.serve(connection).await {
                    End::Closed => return,
                    End::Failed(error) => error,
                },
                Err(error) => error.to_string(),
            };
            self.session.send_replace(None);
            let retry_in = self.backoff.delay();
            self.report_failure(error, retry_in);
            tokio::select! {
                () = sleep(retry_in) => {}
                () = closed(&mut self.desired) => return,
            }
        }
    }

    async fn connect(&self) -> Result<Connection, ConnectError> {
        let Options {
            address,
            device_id,
            election_id,
            connect_timeout,
            ..
        } = &self.options;
        Connection::open(&ConnectionOptions {
            address: address.clone(),
            device_id: *device_id,
            election_id: *election_id,
            timeout: *connect_timeout,
        })
        .await
    }

    fn report_failure(&self, error: String, retry_in: Duration) {
        self.status.send_modify(|status| {
            // One line for a switch that stays away, not one for each attempt.
            let known = matches!(&status.connection,
                ConnectionState::Retrying { error: known, .. } if *known == error);
            if !known {
                warn!("{error}; retrying for ever, at least every 5 s");
            }
            status.connection = ConnectionState::Retrying { error, retry_in };
            status.in_sync = false;
        });
    }

    /// Uses a connection until it ends.
    async fn serve(&mut self, connection: Connection) -> End {
        let Connection {
            client,
            events,
            role,
        } = connection;
        let (link, mut links) = watch::channel(Link::Up(role));
        let pump = Pump {
            events,
            pipeline: Arc::clone(&self.pipeline),
            punted: self.punted.clone(),
            dropped: Arc::clone(&self.dropped),
            link,
        };
        let pump = AbortOnDrop(tokio::spawn(pump.run()));
        self.status.send_modify(|status| status.connections += 1);
        info!(address = %self.options.address, ?role, "connected to the switch");
        let mut handles = self.desired.clone();
        let end = tokio::select! {
            end = self.follow(&client, &mut links) => end,
            () = closed(&mut handles) => End::Closed,
        };
        drop(pump);
        end
    }

    /// Acts on the role: writes as the primary client, waits as a backup.
    async fn follow(&mut self, client: &Client, links: &mut watch::Receiver<Link>) -> End {
        loop {
            let link = links.borrow_and_update().clone();
            let end = match link {
                Link::Down(reason) => return End::Failed(reason),
                Link::Up(Role::Backup { primary }) => {
                    self.session.send_replace(None);
                    self.set_connection(ConnectionState::Backup { primary });
                    warn!(%primary, "another controller is the primary client of the switch");
                    self.backoff.reset();
                    wait_for_change(links).await;
                    continue;
                }
                Link::Up(Role::Primary) => tokio::select! {
                    result = self.rule(client) => match result {
                        Ok(never) => match never {},
                        Err(end) => end,
                    },
                    () = wait_for_change(links) => continue,
                },
            };
            // A call that failed because the stream ended is best told by the stream.
            if let Link::Down(reason) = &*links.borrow() {
                return End::Failed(reason.clone());
            }
            return end;
        }
    }

    /// The primary client's work.
    async fn rule(&mut self, client: &Client) -> Result<std::convert::Infallible, End> {
        self.set_connection(ConnectionState::Synchronising);
        let state = client.ensure_pipeline(&self.pipeline).await?;
        let api_version = client.api_version().await?;
        self.status
            .send_modify(|status| status.api_version = api_version);
        match state {
            PipelineState::Running => {
                info!("the switch runs the pipeline already: reading it back")
            }
            PipelineState::Written => info!("wrote the pipeline to the switch"),
        }
        self.read_back(client).await?;
        self.publish_session(client);
        let mut repair_at = Instant::now() + self.options.repair_interval;
        loop {
            self.desired.borrow_and_update();
            let complete = self.reconcile(client).await?;
            self.backoff.reset();
            let retry_at = (!complete).then(|| Instant::now() + RETRY);
            let hold_until = self.hold_until;
            let wake_at = [Some(repair_at), retry_at, hold_until]
                .into_iter()
                .flatten()
                .min();
            tokio::select! {
                changed = self.desired.changed() => {
                    if changed.is_err() {
                        return Err(End::Closed);
                    }
                }
                () = sleep_until(wake_at.unwrap_or(repair_at)) => {
                    if Instant::now() >= repair_at {
                        self.read_back(client).await?;
                        repair_at = Instant::now() + self.options.repair_interval;
                    }
                }
            }
        }
    }

    /// Learns what the switch holds.
    async fn read_back(&mut self, client: &Client) -> Result<(), RpcError> {
        let schema = self.pipeline.schema();
        let entries = client.read_tables(schema, &TABLES, false).await?;
        self.held.clear();
        for entry in &entries {
            match codec::decode(entry) {
                Some((key, value)) => {
                    self.held.insert(key, value);
                }
                None => warn!("the switch holds an entry that is not of lsrd, left alone: {entry}"),
            }
        }
        debug!(entries = self.held.len(), "read the switch back");
        Ok(())
    }

    /// Brings the switch to the desired state. False if something was refused.
    async fn reconcile(&mut self, client: &Client) -> Result<bool, RpcError> {
        let Some(desired) = self.desired.borrow().clone() else {
            return Ok(true);
        };
        let hold = self.holds(&desired);
        let mut outcome = Outcome::default();
        let mut target = Target::default();
        let mut written = 0;
        for _ in 0..ROUNDS {
            target = self.translator.translate(&desired, &self.held, hold);
            outcome = self.apply(client, &target, hold).await?;
            written += outcome.written.total() as u64;
            if outcome.stale {
                self.read_back(client).await?;
            } else if outcome.failures.is_empty() || outcome.written.deleted == 0 {
                break;
            }
        }
        if written > 0 {
            info!(
                updates = written,
                entries = self.held.len(),
                "changed the switch"
            );
        }
        self.publish_session(client);
        self.publish(&target, &outcome, hold, written);
        Ok(outcome.failures.is_empty() && target.refused.is_empty())
    }

    /// Whether the restart hold is in force. It ends when all next hops are resolved, or when its
    /// time is over.
    fn holds(&mut self, desired: &Desired) -> bool {
        let waiting = !desired.lfib.unresolved.is_empty();
        let in_time = self.hold_until.is_some_and(|until| Instant::now() < until);
        if !(waiting && in_time) {
            self.hold_until = None;
        }
        self.hold_until.is_some()
    }

    async fn apply(
        &mut self,
        client: &Client,
        target: &Target,
        hold: bool,
    ) -> Result<Outcome, RpcError> {
        let schema = self.pipeline.schema();
        let mut change = Reconciliation::new(&mut self.held, &target.entries, hold);
        while let Some(batch) = change.next_batch() {
            let encoded = batch.iter().map(|update| encode(schema, update));
            let encoded: Vec<_> = encoded.collect();
            let requests: Vec<_> = batch
                .iter()
                .zip(&encoded)
                .filter_map(|(update, entry)| Some((update.operation, entry.as_ref().ok()?)))
                .collect();
            let mut written = client.write(&requests).await?.into_iter();
            let unanswered = || UpdateError {
                code: Code::Internal,
                message: "the switch did not answer this update".to_owned(),
            };
            let outcomes: Vec<_> = encoded
                .iter()
                .map(|entry| match entry {
                    Ok(_) => written.next().unwrap_or_else(|| Err(unanswered())),
                    Err(error) => Err(error.clone()),
                })
                .collect();
            change.complete(&outcomes);
        }
        Ok(change.finish())
    }

    fn publish_session(&self, client: &Client) {
        let ids = self.translator.nhlfe_ids();
        let nhlfes = ids.map(|(nhlfe, id)| (id, nhlfe.clone())).collect();
        let session = Session {
            client: client.clone(),
            nhlfes: Arc::new(nhlfes),
        };
        self.session.send_replace(Some(session));
    }

    fn set_connection(&self, connection: ConnectionState) {
        self.status.send_modify(|status| {
            status.connection = connection;
            status.in_sync = false;
        });
    }

    fn publish(&self, target: &Target, outcome: &Outcome, hold: bool, written: u64) {
        let programmed = programmed(target, outcome);
        let mut problems = target.problems.clone();
        for (key, failure) in &outcome.failures {
            // Those of the LFIB stand in `programmed`.
            if key.lfib_key().is_none() {
                problems.push(format!("{key}: {}", failure.reason));
            }
        }
        let usage = self.usage();
        self.status.send_modify(|status| {
            for (key, reason) in &programmed.refused {
                if status.programmed.refused.get(key) != Some(reason) {
                    warn!("{key} is refused: {reason}");
                }
            }
            for problem in problems
                .iter()
                .filter(|problem| !status.problems.contains(problem))
            {
                warn!("{problem}");
            }
            status.connection = ConnectionState::Ready;
            status.in_sync = outcome.failures.is_empty();
            status.restart_hold = hold;
            status.programmed = Arc::new(programmed);
            status.problems = problems;
            status.usage = usage;
            status.updates_written += written;
            status.packets_in_dropped = self.dropped.load(Ordering::Relaxed);
        });
    }

    fn usage(&self) -> BTreeMap<&'static str, Usage> {
        let capacity = &self.capacity;
        let size = |table: &str| match table {
            "nhlfe" => capacity.nhlfe,
            "path_group" => capacity.path_group,
            "ftn_ipv4" => capacity.ftn_ipv4,
            "ftn_ipv6" => capacity.ftn_ipv6,
            "port_config" => capacity.interface,
            "station_mac" => capacity.station_mac,
            "control_packet" => capacity.control_packet,
            "punt_policy" => crate::PuntReason::ALL.len() as u32,
            _ => capacity.ilm,
        };
        let mut usage: BTreeMap<_, _> = TABLES
            .map(|table| {
                (
                    table,
                    Usage {
                        entries: 0,
                        size: size(table),
                    },
                )
            })
            .into();
        for key in self.held.keys() {
            usage.entry(key.table()).or_default().entries += 1;
        }
        usage
    }
}

fn encode(
    schema: &p4runtime_client::Schema,
    update: &Update,
) -> Result<p4runtime_client::TableEntry, UpdateError> {
    codec::encode(schema, &update.key, &update.value).map_err(|error| UpdateError {
        code: Code::InvalidArgument,
        message: error.to_string(),
    })
}

/// Which entries of the LFIB the switch holds as desired.
fn programmed(target: &Target, outcome: &Outcome) -> Programmed {
    let mut failed: BTreeMap<EntryKey, String> = BTreeMap::new();
    for (key, failure) in &outcome.failures {
        if let Some(entry) = key.lfib_key() {
            let refusal = Refusal::Switch {
                entry: failure.entry.to_string(),
                reason: failure.reason.clone(),
            };
            failed.entry(entry).or_insert_with(|| refusal.to_string());
        }
    }
    // A path group or NHLFE that could not be changed in place: its users forward by the old one.
    if outcome
        .failures
        .keys()
        .any(|key| matches!(key, Key::PathGroup(_) | Key::Nhlfe(_)))
    {
        for (key, value) in &target.entries {
            let Some(entry) = key.lfib_key() else {
                continue;
            };
            let group = value.references();
            let members = group
                .iter()
                .filter_map(|group| target.entries.get(group))
                .flat_map(|v| v.references());
            let failure = group
                .iter()
                .copied()
                .chain(members)
                .find_map(|needed| outcome.failures.get(&needed));
            if let Some(failure) = failure {
                let (needed, reason) = (failure.entry, failure.reason.clone());
                let refusal = Refusal::Switch {
                    entry: needed.to_string(),
                    reason,
                };
                failed.entry(entry).or_insert_with(|| refusal.to_string());
            }
        }
    }
    let installed = target.translated.iter().chain(&target.kept);
    let installed = installed
        .filter(|key| !failed.contains_key(key))
        .cloned()
        .collect();
    let refused = target
        .refused
        .iter()
        .map(|(key, refusal)| (key.clone(), refusal.to_string()));
    Programmed {
        installed,
        refused: refused.chain(failed).collect(),
    }
}

/// Reads the stream channel of one connection.
struct Pump {
    events: EventStream,
    pipeline: Arc<Pipeline>,
    punted: mpsc::Sender<Punted>,
    dropped: Arc<AtomicU64>,
    link: watch::Sender<Link>,
}

impl Pump {
    async fn run(mut self) {
        loop {
            match self.events.next().await {
                Ok(Event::Role(role)) => {
                    self.link.send_replace(Link::Up(role));
                }
                Ok(Event::PacketIn(message)) => self.packet_in(message),
                Ok(Event::Error { code, message }) => {
                    warn!("the switch could not process a packet: {code}: {message}");
                }
                Err(error) => {
                    self.link.send_replace(Link::Down(error.to_string()));
                    return;
                }
            }
        }
    }

    fn packet_in(&self, message: p4runtime_client::PacketInMessage) {
        let packet = self.pipeline.schema().decode_packet_in(message);
        match packet.map_err(Into::into).and_then(Punted::new) {
            Ok(punted) => {
                if self.punted.try_send(punted).is_err() {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(error) => warn!("dropped a packet from the switch: {error}"),
        }
    }
}

/// Ends a task when its owner goes.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn wait_for_change(links: &mut watch::Receiver<Link>) {
    if links.changed().await.is_err() {
        // The sender reports before it goes, so this is only reached when it was aborted.
        std::future::pending::<()>().await;
    }
}

/// Waits until all handles are gone.
async fn closed(desired: &mut watch::Receiver<Option<Arc<Desired>>>) {
    while desired.changed().await.is_ok() {}
}
