//! The task that owns the switch: connections, roles, reconciliation.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use forwarding::{EntryKey, Programmed};
use p4runtime_client::{
    Backoff, Client, ConnectError, Connection, ConnectionOptions, Pipeline, PipelineState, Role,
    RpcError,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, info, warn};

use super::pump::{Link, Pump};
use super::{Handed, Options, Session, read_entries, write_updates};
use crate::counters::Names;
use crate::model::TABLES;
use crate::switchover::Follower;
use crate::{
    Capacity, ConnectionState, Desired, Entries, Failure, Key, Outcome, Punted, Reconciliation,
    Refusal, Status, Switchover, Table, Target, Translator, Usage,
};

/// When refused entries are tried again.
const RETRY: Duration = Duration::from_secs(5);

/// How often one reconciliation is begun anew, as deletions made space or the switch held
/// something else than was thought.
const ROUNDS: usize = 4;

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

pub(super) struct Task {
    pub(super) options: Options,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) capacity: Capacity,
    pub(super) translator: Translator,
    /// What the switch holds, as far as is known.
    pub(super) held: Entries,
    /// When the restart hold ends; `None` when it has ended.
    pub(super) hold_until: Option<Instant>,
    pub(super) backoff: Backoff,
    pub(super) dropped: Arc<AtomicU64>,
    pub(super) desired: watch::Receiver<Handed>,
    pub(super) switchover: watch::Receiver<Option<Switchover>>,
    pub(super) status: watch::Sender<Status>,
    pub(super) session: watch::Sender<Option<Session>>,
    pub(super) punted: mpsc::Sender<Punted>,
}

impl Task {
    pub(super) async fn run(mut self) {
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
        let follower = Follower {
            client: client.clone(),
            pipeline: Arc::clone(&self.pipeline),
            capacity: self.capacity.clone(),
            wanted: self.switchover.clone(),
            status: self.status.clone(),
            hold_until: self.hold_until,
            repair_interval: self.options.repair_interval,
        };
        let mut handles = self.desired.clone();
        let end = tokio::select! {
            end = self.follow(&client, follower, &mut links) => end,
            () = closed(&mut handles) => End::Closed,
        };
        drop(pump);
        end
    }

    /// Acts on the role: writes as the primary client, waits as a backup.
    async fn follow(
        &mut self,
        client: &Client,
        follower: Follower,
        links: &mut watch::Receiver<Link>,
    ) -> End {
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
                    result = self.rule(client, &follower) => match result {
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
    async fn rule(
        &mut self,
        client: &Client,
        follower: &Follower,
    ) -> Result<std::convert::Infallible, End> {
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
        let _follower = AbortOnDrop(tokio::spawn(follower.clone().run()));
        self.read_back(client).await?;
        self.publish_session(client);
        let mut repair_at = Instant::now() + self.options.repair_interval;
        loop {
            self.desired.borrow_and_update();
            let ports = self.ports();
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
                () = ports_changed(&mut self.switchover, &ports) => {}
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
        self.held = read_entries(client, &self.pipeline, &TABLES).await?;
        debug!(entries = self.held.len(), "read the switch back");
        Ok(())
    }

    /// Brings the switch to the desired state. False if something was refused.
    async fn reconcile(&mut self, client: &Client) -> Result<bool, RpcError> {
        let Handed {
            version,
            desired: Some(desired),
        } = self.desired.borrow().clone()
        else {
            return Ok(true);
        };
        let hold = self.holds(&desired);
        let switchover = self.switchover.borrow().clone().unwrap_or_default();
        let mut outcome = Outcome::default();
        let mut target = Target::default();
        let mut written = 0;
        for _ in 0..ROUNDS {
            target = self
                .translator
                .translate(&desired, &switchover, &self.held, hold);
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
        self.publish(&target, &outcome, (version, hold), written);
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
        let mut change = Reconciliation::new(&mut self.held, &target.entries, hold);
        while let Some(batch) = change.next_batch() {
            let outcomes = write_updates(client, &self.pipeline, batch).await?;
            change.complete(&outcomes);
        }
        Ok(change.finish())
    }

    fn publish_session(&self, client: &Client) {
        let nhlfes = self.translator.nhlfe_ids();
        let desired = self.desired.borrow().desired.clone();
        let interfaces = desired.iter().flat_map(|desired| &desired.interfaces);
        let names = Names {
            nhlfes: nhlfes.map(|(nhlfe, id)| (id, nhlfe.clone())).collect(),
            interfaces: interfaces
                .map(|(name, config)| ((config.port, config.vlan), name.clone()))
                .collect(),
        };
        let session = Session {
            client: client.clone(),
            names: Arc::new(names),
        };
        self.session.send_replace(Some(session));
    }

    /// The ports as they are known to be up or down.
    fn ports(&mut self) -> BTreeMap<u16, bool> {
        let switchover = self.switchover.borrow_and_update();
        switchover
            .as_ref()
            .map(|switchover| switchover.ports.clone())
            .unwrap_or_default()
    }

    fn set_connection(&self, connection: ConnectionState) {
        self.status.send_modify(|status| {
            status.connection = connection;
            status.in_sync = false;
        });
    }

    fn publish(
        &self,
        target: &Target,
        outcome: &Outcome,
        (version, hold): (u64, bool),
        written: u64,
    ) {
        let programmed = programmed(target, outcome);
        let mut problems = target.problems.clone();
        for (key, failure) in &outcome.failures {
            // Those of the LFIB stand in `programmed`.
            if lfib_key(target, key).is_none() {
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
            status.version = version;
            status.in_sync = outcome.failures.is_empty();
            status.restart_hold = hold;
            status.programmed = Arc::new(programmed);
            status.problems = problems;
            status.usage.extend(usage);
            status.updates_written += written;
            status.packets_in_dropped = self.dropped.load(Ordering::Relaxed);
        });
    }

    fn usage(&self) -> BTreeMap<&'static str, Usage> {
        let mut entries = [0; Table::ALL.len()];
        for key in self.held.keys() {
            entries[key.table() as usize] += 1;
        }
        let usage = |table: Table| Usage {
            entries: entries[table as usize],
            size: self.capacity.size(table),
        };
        TABLES
            .into_iter()
            .map(|table| (table.name(), usage(table)))
            .collect()
    }
}

/// The entry of the LFIB that an entry of the switch is of.
fn lfib_key(target: &Target, key: &Key) -> Option<EntryKey> {
    key.lfib_key(target.entries.get(key)?)
}

/// Why an entry, or one that it points to, was not written.
fn failure_below<'a>(
    target: &Target,
    outcome: &'a Outcome,
    key: &Key,
    known: &mut HashMap<Key, Option<&'a Failure>>,
) -> Option<&'a Failure> {
    if let Some(failure) = known.get(key) {
        return *failure;
    }
    let references = target.entries.get(key).map(|value| value.references(key));
    let failure = outcome.failures.get(key).or_else(|| {
        references
            .into_iter()
            .flatten()
            .find_map(|reference| failure_below(target, outcome, &reference, known))
    });
    known.insert(*key, failure);
    failure
}

/// Which entries of the LFIB the switch holds as desired.
fn programmed(target: &Target, outcome: &Outcome) -> Programmed {
    let mut failed: BTreeMap<EntryKey, String> = BTreeMap::new();
    let refusal = |failure: &Failure| {
        let (entry, reason) = (failure.entry.to_string(), failure.reason.clone());
        Refusal::Switch { entry, reason }.to_string()
    };
    for (key, failure) in &outcome.failures {
        if let Some(entry) = lfib_key(target, key) {
            failed.entry(entry).or_insert_with(|| refusal(failure));
        }
    }
    // What an entry points to could not be changed in place: it forwards by the old one.
    if outcome.failures.len() > failed.len() {
        let mut known = HashMap::new();
        for (key, value) in &target.entries {
            if let Some(entry) = key.lfib_key(value)
                && let Some(failure) = failure_below(target, outcome, key, &mut known)
            {
                failed.entry(entry).or_insert_with(|| refusal(failure));
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

/// Waits until a port goes down or comes up: then paths are chosen anew. Protection state alone
/// changes no path.
async fn ports_changed(
    switchover: &mut watch::Receiver<Option<Switchover>>,
    ports: &BTreeMap<u16, bool>,
) {
    let differ = |current: &Option<Switchover>| {
        current
            .as_ref()
            .is_some_and(|switchover| switchover.ports != *ports)
    };
    if switchover.wait_for(differ).await.is_err() {
        // All handles are gone, and the task ends for that.
        std::future::pending::<()>().await;
    }
}

/// Waits until all handles are gone.
async fn closed(desired: &mut watch::Receiver<Handed>) {
    while desired.changed().await.is_ok() {}
}
