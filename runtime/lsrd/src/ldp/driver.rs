//! The task that drives LDP: it gives the state machine what the sockets, the kernel, the clock and
//! the operator say, and does what the state machine wants done.

mod connections;
mod refused;
mod resources;
mod sockets;
mod updates;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use forwarding::{LabelManager, Owner, Protocol};
use ldp::engine::{Ldp, Output, Severity};
use ldp_lfib::{Bindings, LspSettings, Update};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::{debug, info, warn};

use self::connections::Connections;
use self::refused::RefusedCounters;
use self::resources::Resources;
use self::sockets::{Arrived, Sockets};
pub use self::updates::Next;
use self::updates::Updates;
pub use super::routes::Snapshot;
use super::starts;
use super::tcp::Incoming;
use crate::config::LdpConfig;

/// What the sockets tell and nobody took yet: behind that the peers have to wait.
const EVENTS: usize = 256;
/// So many changes of the LFIB are a piece: small enough that its memory serves again.
const PIECE: usize = 512;
/// How many of them are taken before the LFIB's changes are handed on.
const AT_ONCE: usize = 64;
/// How long LDP may take to say good-bye.
const END_PATIENCE: Duration = Duration::from_secs(2);
/// How often sockets that could not be opened are tried again.
const RETRY: Duration = Duration::from_secs(5);

/// A question to the state machine.
type Question = Box<dyn FnOnce(&mut Ldp, &Status, Instant) + Send>;

enum Command {
    Configure(Box<LdpConfig>),
    Router(Snapshot),
    Ask(Question),
    End(End, oneshot::Sender<()>),
}

/// What comes after the end of LDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Another lsrd, which takes over what is kept for it.
    ForARestart,
    /// No LDP: the configuration has none any more.
    ForGood,
}

/// What goes wrong with the sockets, for the operator.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// In words, each with what would help.
    pub problems: Vec<String>,
    /// Labels that are in use.
    pub labels: usize,
}

/// The running LDP.
#[derive(Debug, Clone)]
pub struct Handle {
    commands: mpsc::UnboundedSender<Command>,
    updates: Arc<Updates>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Configure(_) => "Configure",
            Self::Router(_) => "Router",
            Self::Ask(_) => "Ask",
            Self::End(..) => "End",
        })
    }
}

/// By how many blocks of labels two starts differ whose numbers follow each other: starts that are close to
/// each other are far from each other in labels, whatever the number of blocks.
const BLOCKS_OF_A_START: u32 = 61;

impl Handle {
    /// Starts LDP for a router that stands so, with what an earlier lsrd kept.
    pub fn start(config: LdpConfig, router: Snapshot, kept: &Bindings) -> Self {
        let (commands, commanded) = mpsc::unbounded_channel();
        let updates = Arc::new(Updates::default());
        let (tell, told) = mpsc::channel(EVENTS);
        let restarts_gracefully = config.engine.graceful_restart.is_some();
        let mut engine = config.engine;
        let time = SystemTime::now().duration_since(UNIX_EPOCH);
        let time = time.map_or(0, |since| since.as_secs());
        engine.boot_count = starts::count(&config.state_directory, time);
        if let Some(restart) = &mut engine.graceful_restart {
            restart.forwarding_state_preserved = !kept.is_empty();
        }
        let now = Instant::now();
        let owner = Owner::from(Protocol::Ldp);
        // Labels of the last start must not come to stand for other FECs while a neighbour has not noticed
        // yet that it is over.
        let first_block = engine.boot_count.wrapping_mul(BLOCKS_OF_A_START);
        let manager = LabelManager::new(config.labels).starting_at(first_block);
        let mut labels = Resources::new(manager, owner);
        let mut preserved = kept.preserved();
        // Another range is configured now: those outside of it are let go.
        preserved.labels.retain(|(_, label)| labels.adopt(*label));
        let mut ldp = Ldp::new(engine, rand::random(), now);
        tell_wall_clock(&mut ldp);
        if restarts_gracefully && !kept.is_empty() {
            ldp.adopt_labels(preserved, now);
        }
        let driver = Driver {
            ldp,
            labels,
            router: Snapshot::default(),
            sockets: Sockets::default(),
            connections: Connections::new(tell),
            updates: Arc::clone(&updates),
            pending: Vec::new(),
            status: Status::default(),
            refused: RefusedCounters::default(),
            lsps: config.lsps,
            restarts_gracefully,
        };
        tokio::spawn(driver.run(router, commanded, told));
        Self { commands, updates }
    }

    /// What it asks of the LFIB.
    pub fn updates(&self) -> &Arc<Updates> {
        &self.updates
    }

    /// Another configuration: what does not change is not disturbed.
    pub fn configure(&self, config: LdpConfig) {
        self.command(Command::Configure(Box::new(config)));
    }

    /// The router stands so now.
    pub fn set_router(&self, router: Snapshot) {
        self.command(Command::Router(router));
    }

    /// Asks the state machine; `None` when LDP has ended.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Ldp, &Status, Instant) -> T + Send + 'static,
    ) -> Option<T> {
        let (sender, receiver) = oneshot::channel();
        self.command(Command::Ask(Box::new(move |ldp, status, now| {
            // Whoever asked may have gone.
            let _ = sender.send(question(ldp, status, now));
        })));
        receiver.await.ok()
    }

    /// Ends LDP: its sessions with a Shutdown, unless lsrd is to come back and the forwarding state is
    /// kept for it (RFC 3478).
    pub async fn end(&self, end: End) {
        let (sender, receiver) = oneshot::channel();
        self.command(Command::End(end, sender));
        if tokio::time::timeout(END_PATIENCE, receiver).await.is_err() {
            debug!("the peers of LDP did not take the last messages");
        }
    }

    fn command(&self, command: Command) {
        if self.commands.send(command).is_err() {
            debug!("LDP has ended");
        }
    }
}

/// Waits until a time, for ever without one.
async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// Tells the time by which the lifetimes of keys go (RFC 7349, 2.2).
fn tell_wall_clock(ldp: &mut Ldp) {
    if let Ok(since) = SystemTime::now().duration_since(UNIX_EPOCH) {
        ldp.handle_wall_clock(since.as_secs(), Instant::now());
    }
}

struct Driver {
    ldp: Ldp,
    labels: Resources,
    router: Snapshot,
    sockets: Sockets,
    connections: Connections,
    updates: Arc<Updates>,
    pending: Vec<Update>,
    status: Status,
    refused: RefusedCounters,
    lsps: LspSettings,
    restarts_gracefully: bool,
}

impl Driver {
    async fn run(
        mut self,
        router: Snapshot,
        mut commands: mpsc::UnboundedReceiver<Command>,
        mut told: mpsc::Receiver<connections::Event>,
    ) {
        self.open_sockets();
        self.set_router(router);
        self.act();
        let mut retry = tokio::time::interval(RETRY);
        retry.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        retry.reset();
        loop {
            let sleep = at(self.ldp.poll_timeout());
            let labels = at(self.labels.poll_timeout());
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::End(end, ended)) => {
                        self.end(end).await;
                        // Whoever waited may have gone.
                        let _ = ended.send(());
                        return;
                    }
                    Some(command) => self.command(command),
                    None => return self.end(End::ForARestart).await,
                },
                Some(event) = told.recv() => {
                    self.connection(event);
                    for _ in 0..AT_ONCE {
                        match told.try_recv() {
                            Ok(event) => self.connection(event),
                            Err(_) => break,
                        }
                    }
                }
                arrived = self.sockets.arrived() => self.arrived(arrived),
                () = sleep => self.ldp.handle_timeout(Instant::now()),
                () = labels => self.labels.told(&mut self.ldp, Instant::now()),
                _ = retry.tick() => {
                    self.open_sockets();
                    // The clock may have been set.
                    tell_wall_clock(&mut self.ldp);
                    let refused = self.refused.more();
                    let now = Instant::now();
                    self.ldp.handle_refused_segments(refused, now);
                    // RETRY is far below any hold-down.
                    self.labels
                        .neighbours_restart_for(self.ldp.longest_restart(now));
                }
            }
            self.act();
        }
    }

    fn open_sockets(&mut self) {
        let (problems, waiting) = self.sockets.open_missing();
        self.status.problems = problems;
        self.all_incoming(waiting);
        let problems = self.sockets.join(&self.router);
        self.status.problems.extend(problems);
    }

    fn command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Configure(config) => {
                self.labels.configure(&config.labels);
                let graceful = config.engine.graceful_restart.is_some();
                // The router begins to keep what is bound, for the next lsrd: also what was bound before.
                let keeps = graceful && !std::mem::replace(&mut self.restarts_gracefully, graceful);
                // The router makes other entries of the same bindings now.
                let others = std::mem::replace(&mut self.lsps, config.lsps) != config.lsps;
                self.ldp.set_config(config.engine, now);
                if keeps || others {
                    self.ldp.repeat_lfib(now);
                }
            }
            Command::Router(router) => self.set_router(router),
            Command::Ask(question) => {
                self.status.labels = self.labels.used();
                question(&mut self.ldp, &self.status, now);
            }
            // The loop takes it.
            Command::End(..) => {}
        }
    }

    /// Tells what differs from how the router stood before.
    fn set_router(&mut self, router: Snapshot) {
        let now = Instant::now();
        let former = std::mem::replace(&mut self.router, router);
        if self.router.addresses() != former.addresses() {
            let addresses = self.router.addresses().iter().copied().collect();
            self.ldp.handle_router_addresses(addresses, now);
        }
        for interface in former.interfaces().values() {
            if self.router.index(&interface.name).is_none() {
                self.ldp.handle_interface_removed(&interface.name, now);
            }
        }
        let problems = self.sockets.join(&self.router);
        self.status.problems.extend(problems);
        for (index, interface) in self.router.interfaces() {
            if former.interface(*index) != Some(interface) {
                self.ldp
                    .handle_interface(&interface.name, interface.state.clone(), now);
            }
        }
        for (fec, route) in self.router.route_changes(&former) {
            self.ldp.handle_route(fec, route, now);
        }
    }

    fn connection(&mut self, event: connections::Event) {
        self.connections
            .handle(event, &mut self.ldp, Instant::now());
        self.act_without_handing_on();
    }

    fn arrived(&mut self, arrived: Arrived) {
        let now = Instant::now();
        match arrived {
            Arrived::Hello(datagram) => {
                let Some(interface) = self.router.interface(datagram.interface) else {
                    return;
                };
                let received = ldp::engine::ReceivedDatagram {
                    interface: &interface.name,
                    source: datagram.source,
                    destination: datagram.destination,
                    hop_limit: Some(datagram.hop_limit),
                    octets: &datagram.octets,
                };
                self.ldp.handle_hello(received, now);
            }
            Arrived::Connection(incoming) => self.incoming(incoming, now),
            Arrived::Nothing => {}
        }
    }

    fn all_incoming(&mut self, waiting: Vec<Incoming>) {
        let now = Instant::now();
        for incoming in waiting {
            self.incoming(incoming, now);
        }
    }

    fn incoming(&mut self, incoming: Incoming, now: Instant) {
        let remote = incoming.remote;
        if let Some(reason) = self.sockets.unprotected(remote) {
            debug!(%remote, reason, "LDP connection refused");
            return;
        }
        match self.ldp.accept(incoming.local, remote, now) {
            Ok(accepted) => self.connections.accepted(incoming.stream, remote, accepted),
            Err(refusal) => debug!(%remote, %refusal, "LDP connection refused"),
        }
    }

    /// Does all that the state machine wants done.
    fn act(&mut self) {
        self.act_without_handing_on();
        self.updates.add(&mut self.pending);
    }

    fn act_without_handing_on(&mut self) {
        let now = Instant::now();
        while let Some(output) = self.ldp.poll_output() {
            match output {
                Output::SendHello {
                    interface,
                    source,
                    destination,
                    hop_limit,
                    octets,
                } => {
                    let index = interface.as_deref().map(|name| self.router.index(name));
                    // An interface that is gone: the state machine is about to hear of it.
                    let Some(index) = index.map_or(Some(None), |index| index.map(Some)) else {
                        continue;
                    };
                    if let Err(error) =
                        self.sockets
                            .send(index, source, destination, hop_limit, &octets)
                    {
                        debug!(%destination, %error, "Hello not sent");
                    }
                }
                Output::Connect {
                    id,
                    local,
                    remote,
                    security,
                    ..
                } => self.connections.connect(id, local, remote, &security),
                Output::Send { id, octets } => self.connections.send(id, octets),
                Output::Close { id } => self.connections.close(id),
                Output::ListenKeys(keys) => {
                    let waiting = self.sockets.set_keys(keys);
                    self.all_incoming(waiting);
                }
                Output::AllocateLabel { fec } => {
                    let label = self.labels.allocate(now);
                    self.ldp.handle_label_allocated(fec, label, now);
                }
                Output::ReleaseLabel { label, .. } => {
                    self.labels.release(label, now);
                }
                Output::Lfib(change) => self.update(Update::Change(change)),
                Output::ForwardingStateHoldingExpired => self.update(Update::HoldingExpired),
                Output::IgpSync {
                    interface,
                    achieved,
                } => {
                    info!(%interface, achieved, "LDP-IGP synchronization (RFC 5443)");
                }
                Output::Event(event) => match event.severity {
                    Severity::Debug => debug!(target: "lsrd::ldp", "{event}"),
                    Severity::Info => info!(target: "lsrd::ldp", "{event}"),
                    Severity::Warning => warn!(target: "lsrd::ldp", "{event}"),
                },
            }
        }
    }

    fn update(&mut self, update: Update) {
        self.pending.push(update);
        if self.pending.len() == PIECE {
            self.updates.add(&mut self.pending);
        }
    }

    async fn end(mut self, end: End) {
        // Neighbours that are not told would send by labels that are gone.
        if end == End::ForGood || !self.restarts_gracefully {
            self.ldp.shut_down(Instant::now());
        }
        self.act();
        let closing: Vec<JoinHandle<()>> = self.connections.close_all();
        for connection in closing {
            // It ends by itself, at the latest when its patience does.
            let _ = connection.await;
        }
    }
}
