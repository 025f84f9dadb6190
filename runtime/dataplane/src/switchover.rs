//! Port state and protection switching: one write each, ahead of everything else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use forwarding::PathRole;
use p4runtime_client::{Client, Code, Operation, Pipeline, RpcError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use crate::driver::{read_entries, write_updates};
use crate::{Capacity, Entries, Key, Status, Switchover, Table, Update, Usage, Value};

/// When it is tried again after something was refused.
const RETRY: Duration = Duration::from_secs(1);

impl Switchover {
    /// The entries of the switch for this state. Every protection domain that is named has one, in
    /// either state, so that a full table is found when it is set up and not when it fails.
    pub(crate) fn entries(&self) -> Entries {
        let ports = self.ports.iter().filter(|(_, up)| !**up);
        let ports = ports.map(|(port, _)| (Key::PortState(*port), Value::PortDown));
        let select = |role: &PathRole| Value::Select(*role);
        let protection = self.protection.iter();
        let protection = protection.map(|(id, role)| (Key::ProtectionState(*id), select(role)));
        let tails = self.tail_selection.iter();
        let tails = tails.map(|(id, role)| (Key::TailSelector(*id), select(role)));
        ports.chain(protection).chain(tails).collect()
    }

    /// The updates from what the switch holds to this state. With `keep_unnamed`, what this state
    /// does not name stays.
    pub fn updates(&self, held: &Entries, keep_unnamed: bool) -> Vec<Update> {
        let desired = self.entries();
        let up: BTreeSet<Key> = self
            .ports
            .keys()
            .map(|port| Key::PortState(*port))
            .collect();
        let mut updates = Vec::new();
        for (key, value) in &desired {
            let operation = match held.get(key) {
                Some(held) if held == value => continue,
                Some(_) => Operation::Modify,
                None => Operation::Insert,
            };
            updates.push(Update {
                operation,
                key: *key,
                value: value.clone(),
            });
        }
        for (key, value) in held {
            if !desired.contains_key(key) && (!keep_unnamed || up.contains(key)) {
                updates.push(Update {
                    operation: Operation::Delete,
                    key: *key,
                    value: value.clone(),
                });
            }
        }
        updates
    }
}

/// Keeps the switch at the switchover state, over one connection.
///
/// It is a task of its own, so that neither a translation nor a long change of other tables is in
/// its way.
#[derive(Clone)]
pub(crate) struct Follower {
    pub(crate) client: Client,
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) capacity: Capacity,
    pub(crate) wanted: watch::Receiver<Option<Switchover>>,
    pub(crate) status: watch::Sender<Status>,
    /// Until when what is not named stays.
    pub(crate) hold_until: Option<Instant>,
    pub(crate) repair_interval: Duration,
}

impl Follower {
    pub(crate) async fn run(mut self) {
        loop {
            // A connection that broke ends this task from outside.
            let Err(error) = self.follow().await;
            self.report(&Entries::new(), vec![error.to_string()], 0);
            sleep_until(Instant::now() + RETRY).await;
        }
    }

    async fn follow(&mut self) -> Result<std::convert::Infallible, RpcError> {
        let mut held = self.read_back().await?;
        let mut repair_at = Instant::now() + self.repair_interval;
        loop {
            let wanted = self.wanted.borrow_and_update().clone();
            let mut retry_at = None;
            if let Some(wanted) = wanted
                && !self.apply(&wanted, &mut held).await?
            {
                retry_at = Some(Instant::now() + RETRY);
            }
            let hold = self.hold_until.filter(|until| *until > Instant::now());
            let wake_at = [Some(repair_at), retry_at, hold]
                .into_iter()
                .flatten()
                .min();
            let mut again = retry_at.is_some();
            tokio::select! {
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        // The daemon is going.
                        std::future::pending::<()>().await;
                    }
                    again = false;
                }
                () = sleep_until(wake_at.unwrap_or(repair_at)) => {}
            }
            if again || Instant::now() >= repair_at {
                held = self.read_back().await?;
                repair_at = Instant::now() + self.repair_interval;
            }
        }
    }

    async fn read_back(&self) -> Result<Entries, RpcError> {
        read_entries(&self.client, &self.pipeline, &Table::SWITCHOVER).await
    }

    /// Writes what differs. False if something was refused.
    async fn apply(&self, wanted: &Switchover, held: &mut Entries) -> Result<bool, RpcError> {
        let keep = self.hold_until.is_some_and(|until| Instant::now() < until);
        let updates = wanted.updates(held, keep);
        let outcomes = write_updates(&self.client, &self.pipeline, &updates).await?;
        let mut problems = Vec::new();
        let mut written = 0;
        for (update, outcome) in updates.into_iter().zip(outcomes) {
            let gone = update.operation == Operation::Delete;
            match outcome {
                Err(error) if !(gone && error.code == Code::NotFound) => {
                    problems.push(format!("{}: {error}", update.key));
                }
                Ok(()) | Err(_) if gone => {
                    written += 1;
                    held.remove(&update.key);
                }
                Ok(()) | Err(_) => {
                    written += 1;
                    held.insert(update.key, update.value);
                }
            }
        }
        if written > 0 {
            info!(updates = written, "switched over");
        }
        let complete = problems.is_empty();
        self.report(held, problems, written);
        Ok(complete)
    }

    fn report(&self, held: &Entries, problems: Vec<String>, written: u64) {
        let mut used: std::collections::BTreeMap<Table, u32> = Default::default();
        for key in held.keys() {
            *used.entry(key.table()).or_default() += 1;
        }
        self.status.send_if_modified(|status| {
            let before = status.clone();
            for problem in &problems {
                if !status.switchover_problems.contains(problem) {
                    warn!("{problem}");
                }
            }
            status.switchover_problems = problems;
            status.switchover_updates_written += written;
            for table in Table::SWITCHOVER {
                let usage = Usage {
                    entries: used.get(&table).copied().unwrap_or(0),
                    size: self.capacity.size(table),
                };
                status.usage.insert(table.name(), usage);
            }
            debug!(written, "switchover state");
            *status != before
        });
    }
}
