//! The daemon: brings configuration, kernel, switch and operator together.

mod interfaces;
mod ldp;
mod resume;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dataplane::{Desired, Driver, Handle, Switchover};
use forwarding::EntryKey;
use northbound::socket::{BindError, BoundSocket};
use p4runtime_client::{Pipeline, PipelineError, SchemaError};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, error, info, warn};

use self::interfaces::Interfaces;
use self::ldp::Ldp;
use crate::config::{Config, ConfigError, PortStateSource, SwitchConfig};
use crate::convergence::Convergence;
use crate::io::PacketIo;
use crate::kernel::route::OwnRoutes;
use crate::kernel::state::KernelState;
use crate::kernel::{KernelError, interface, neighbour, sysctl, watch as kernel_watch};
use crate::ldp::driver::Next;
use crate::management::{Program, Question, Service, Shown};
use crate::metrics::Metrics;
use crate::router::{Router, Urgency};
use crate::switch_ports::{self, SwitchPorts};

/// How often unresolved next hops are asked for again, and lost TAPs made again.
const TICK: Duration = Duration::from_secs(1);
/// How many ticks pass before neighbours that were resolved long ago are asked for.
const STALE_TICKS: u64 = 30;
/// Questions of lsrctl that wait.
const QUESTIONS: usize = 16;

/// How the daemon is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The configuration file.
    pub config: PathBuf,
    /// Whether the TAPs are removed at the end. Without this they stay, with their neighbours, so
    /// that the next lsrd takes over without a loss.
    pub remove_interfaces_on_exit: bool,
}

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The management socket cannot be had.
    #[error(transparent)]
    Management(#[from] BindError),
    /// The kernel refuses.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The P4 program cannot be read.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The P4 program lacks something.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A static LSP cannot be bound.
    #[error(transparent)]
    Router(#[from] forwarding::BindError),
    /// The metrics cannot be served.
    #[error("cannot listen on {address} for [metrics]: {source}")]
    Metrics {
        /// The address.
        address: std::net::SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The process cannot be told of signals.
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
}

/// Runs the daemon until SIGTERM or SIGINT.
///
/// # Errors
/// It cannot start. What goes wrong later is logged and shown, and the daemon goes on.
pub async fn run(options: Options) -> Result<(), DaemonError> {
    let config = Arc::new(Config::load(&options.config)?);
    let signals = Signals::new().map_err(DaemonError::Signals)?;
    // First: two daemons must not set up the same router.
    let socket = BoundSocket::bind(&config.management_socket)?;
    let mut daemon = Daemon::start(options, config).await?;

    let (questions, asked) = mpsc::channel(QUESTIONS);
    let service = Service::new(questions, daemon.switch.clone(), daemon.ldp.shared());
    let (stop, stopped) = oneshot::channel::<()>();
    let mut management = tokio::spawn(socket.serve(service, async {
        // An error means that the sender is gone, which is the end too.
        let _ = stopped.await;
    }));

    info!(router_id = %daemon.router.config().router_id, "lsrd runs");
    daemon.follow(signals, asked).await;
    drop(stop);
    match tokio::time::timeout(TICK, &mut management).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => warn!(%error, "the management service ended with an error"),
        Ok(Err(error)) => warn!(%error, "the management service ended early"),
        // A client that stays connected, such as `lsrctl show --watch`, does not hold lsrd up.
        Err(_) => management.abort(),
    }
    daemon.end().await;
    Ok(())
}

/// What the switch tells of its ports, as far as the configuration wants it.
fn follow_ports(switch: &SwitchConfig) -> watch::Receiver<Arc<SwitchPorts>> {
    match switch.port_state {
        PortStateSource::Auto | PortStateSource::Gnmi => {
            switch_ports::follow(switch.address.clone())
        }
        PortStateSource::Netlink => watch::channel(Arc::default()).1,
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

struct Daemon {
    options: Options,
    router: Router,
    switch: Handle,
    driver: JoinHandle<()>,
    /// Carries what the switch punts.
    carrier: JoinHandle<()>,
    program: Program,
    io: Arc<PacketIo>,
    interfaces: Interfaces,
    kernel: watch::Receiver<Arc<KernelState>>,
    switch_ports: watch::Receiver<Arc<SwitchPorts>>,
    netlink: rtnetlink::Handle,
    ldp: Ldp,
    metrics: Metrics,
    convergence: Convergence,
    /// What was handed to the driver last.
    desired: Option<Desired>,
    /// The number that the driver gave it.
    version: u64,
    switchover: Option<Switchover>,
    routes: OwnRoutes,
    /// Entries that were refused when it was told last.
    refused: Vec<EntryKey>,
    ticks: u64,
}

impl Daemon {
    async fn start(options: Options, config: Arc<Config>) -> Result<Self, DaemonError> {
        let mut router = Router::new(Arc::clone(&config))?;
        let earlier = resume::load(&config.management_socket);
        router.switchovers_mut().resume(&config, earlier);
        let pipeline = Pipeline::load(&config.switch.p4info, &config.switch.device_config)?;
        let program = program(&pipeline, &config);
        let (connection, netlink, _) = rtnetlink::new_connection().map_err(KernelError::Socket)?;
        tokio::spawn(connection);

        sysctl::set_namespace()?;
        let mut interfaces = Interfaces::new(netlink.clone());
        let opened = interfaces.open_missing(&config).await?;
        let loopback = config.loopback_addresses.iter().copied().collect();
        interface::configure_loopback(&netlink, &loopback).await?;
        let kernel = kernel_watch::start().await?;
        router.set_kernel(Arc::clone(&kernel.borrow()));

        let switch = &config.switch;
        let mut driver_options =
            dataplane::Options::new(switch.address.clone(), switch.profile.clone(), pipeline);
        driver_options.device_id = switch.device_id;
        driver_options.election_id = switch.election_id.into();
        driver_options.restart_hold = config.restart_hold;
        let Driver {
            handle,
            packets,
            task,
        } = Driver::spawn(driver_options)?;
        let switch_ports = follow_ports(switch);
        let io = Arc::new(PacketIo::new(handle.clone()));
        let carrier = tokio::spawn(Arc::clone(&io).carry_punted(packets));
        interfaces.carry(&io, opened);
        let ldp = Ldp::resume(&mut router);
        let metrics = Metrics::new(ldp.shared());
        if let Some(address) = config.metrics {
            let asked = metrics.clone();
            let text = move || {
                let metrics = asked.clone();
                async move { metrics.encode().await }
            };
            let bound = metrics_server::listen(address, text).await;
            let bound = bound.map_err(|source| DaemonError::Metrics { address, source })?;
            info!("metrics at http://{bound}/metrics");
        }
        let mut daemon = Self {
            options,
            router,
            switch: handle,
            driver: task,
            carrier,
            program,
            io,
            interfaces,
            kernel,
            switch_ports,
            netlink,
            ldp,
            metrics,
            convergence: Convergence::default(),
            desired: None,
            version: 0,
            switchover: None,
            routes: OwnRoutes::default(),
            refused: Vec::new(),
            ticks: 0,
        };
        daemon.apply().await;
        daemon.ldp.follow(&daemon.router);
        Ok(daemon)
    }

    /// Follows the kernel, the switch, the operator and the clock until a signal to end.
    async fn follow(&mut self, mut signals: Signals, mut asked: mpsc::Receiver<Question>) {
        let mut status = self.switch.status();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = signals.terminate.recv() => return,
                _ = signals.interrupt.recv() => return,
                _ = signals.hangup.recv() => match self.reload().await {
                    Ok(()) => {}
                    Err(problems) => error!("the new configuration is refused:\n{problems}"),
                },
                Ok(()) = self.kernel.changed() => {
                    let kernel = Arc::clone(&self.kernel.borrow_and_update());
                    self.router.set_kernel(kernel);
                    self.ldp.follow(&self.router);
                    self.apply().await;
                }
                Ok(()) = self.switch_ports.changed() => {
                    let ports = Arc::clone(&self.switch_ports.borrow_and_update());
                    self.router.set_switch_ports(ports);
                    self.ldp.follow(&self.router);
                    self.apply().await;
                }
                next = self.ldp.next() => match next {
                    Next::Bind(updates) => self.router.apply_ldp(updates),
                    Next::HandOn(since) => {
                        let begin = Instant::now();
                        self.apply().await;
                        self.ldp.took(begin.elapsed());
                        self.convergence.changed(self.version, since);
                        // The switch may hold it already: then the status does not change again.
                        let version = status.borrow().version;
                        self.converged(version);
                    }
                },
                Ok(()) = status.changed() => {
                    let version = status.borrow_and_update().version;
                    self.converged(version);
                    self.tell_refused();
                }
                Some(question) = asked.recv() => self.answer(question).await,
                _ = tick.tick() => self.tick().await,
            }
        }
    }

    /// The switch holds the desired state of this number.
    fn converged(&mut self, version: u64) {
        for time in self.convergence.held(version, Instant::now()) {
            self.metrics.converged(time);
        }
    }

    /// Hands on what changed: to the switch, to packet handling and to the kernel.
    async fn apply(&mut self) {
        self.switch_over();
        let desired = self.router.desired();
        if self.desired.as_ref() != Some(&desired) {
            debug!(
                ftn = desired.lfib.ftn.len(),
                ilm = desired.lfib.ilm.len(),
                resolved = desired.lfib.resolved.len(),
                "the desired state changed"
            );
            self.version = self.switch.set_desired(desired.clone());
            self.desired = Some(desired);
        }
        self.io.view.store(Arc::new(self.router.view()));
        self.interfaces.follow_carriers(&self.router).await;
        self.keep_routes().await;
        self.solicit(Urgency::Unresolved).await;
    }

    /// Makes the routes that the router wants the kernel's.
    async fn keep_routes(&mut self) {
        let wanted = self.router.own_routes();
        let present = self.router.kernel().own_routes.clone();
        self.routes.reconcile(&self.netlink, wanted, present).await;
    }

    /// Tells the switch which ports and protecting paths are in use: before all else, since traffic
    /// waits for it.
    fn switch_over(&mut self) {
        let switchover = self.router.switchovers().for_switch(self.router.config());
        if self.switchover.as_ref() != Some(&switchover) {
            self.switch.set_switchover(switchover.clone());
            self.switchover = Some(switchover);
        }
    }

    async fn tick(&mut self) {
        self.ticks += 1;
        if self.routes.is_refused() {
            self.keep_routes().await;
        }
        Ldp::store(&mut self.router);
        let lost = self.interfaces.take_lost();
        if !lost.is_empty() {
            let config = Arc::clone(self.router.config());
            match self.interfaces.open_missing(&config).await {
                Ok(opened) => self.interfaces.carry(&self.io, opened),
                Err(error) => error!(%error, "a TAP is lost"),
            }
        }
        let urgency = match self.ticks % STALE_TICKS {
            0 => Urgency::Stale,
            _ => Urgency::Unresolved,
        };
        self.solicit(urgency).await;
    }

    /// Asks the kernel for neighbours, down to this urgency.
    async fn solicit(&self, least: Urgency) {
        let neighbours = self.router.neighbours_to_solicit();
        for ((index, address), urgency) in neighbours {
            if urgency <= least {
                self.solicit_one(index, address).await;
            }
        }
    }

    async fn solicit_one(&self, index: u32, address: IpAddr) {
        // Asked again by the next tick.
        if let Err(error) = neighbour::solicit(&self.netlink, index, address).await {
            debug!(%error, "the kernel does not ask for a neighbour");
        }
    }

    /// Logs each entry once that the switch or the profile refuses.
    fn tell_refused(&mut self) {
        let programmed = Arc::clone(&self.switch.status().borrow().programmed);
        for (key, reason) in &programmed.refused {
            if !self.refused.contains(key) {
                warn!("{key} cannot be installed, and is tried again: {reason}");
            }
        }
        for key in &self.refused {
            if programmed.installed.contains(key) {
                info!("{key} is installed now");
            }
        }
        self.refused = programmed.refused.keys().cloned().collect();
    }

    async fn answer(&mut self, question: Question) {
        match question {
            Question::Show(answer) => answer(&Shown {
                router: &self.router,
                status: self.switch.status().borrow().clone(),
                io: &self.io,
                program: &self.program,
            }),
            Question::Switch(change, answer) => {
                let config = Arc::clone(self.router.config());
                let result = change(self.router.switchovers_mut(), &config);
                if result.is_ok() {
                    self.switch_over();
                    self.ldp.follow(&self.router);
                    resume::store(&config.management_socket, self.router.switchovers());
                }
                // Whoever asked may have gone; the change counts all the same.
                let _ = answer.send(result);
            }
            Question::Reload(answer) => {
                // Whoever asked may have gone; the reload counts all the same.
                let _ = answer.send(self.reload().await);
            }
        }
    }

    /// Reads the configuration again. What is wrong with the new one is the error, and the
    /// running one stays.
    async fn reload(&mut self) -> Result<(), String> {
        let config = Config::load(&self.options.config).map_err(|error| error.report(false))?;
        let running = Arc::clone(self.router.config());
        if config.switch != running.switch {
            return Err(restart_needed("[switch]"));
        }
        if config.management_socket != running.management_socket {
            return Err(restart_needed("[management]"));
        }
        if config.metrics != running.metrics {
            return Err(restart_needed("[metrics]"));
        }
        if let (Some(new), Some(old)) = (&config.ldp, &running.ldp) {
            // The hold-down counts at once. Labels that neighbours use cannot move to another range.
            if new.labels.dynamic_range != old.labels.dynamic_range {
                return Err(restart_needed("`dynamic-range` of [labels]"));
            }
        }
        let config = Arc::new(config);
        let loopback = config.loopback_addresses.iter().copied().collect();
        interface::configure_loopback(&self.netlink, &loopback)
            .await
            .map_err(|error| format!("the loopback addresses cannot be set up: {error}\n"))?;
        // What can fail comes first; a failure is taken back.
        let opened = match self.interfaces.open_missing(&config).await {
            Ok(opened) => match self.router.set_config(Arc::clone(&config)) {
                Ok(()) => Ok(opened),
                Err(error) => Err(error.to_string()),
            },
            Err(error) => Err(error.to_string()),
        };
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.take_back(&config, &running).await;
                return Err(format!("the interfaces cannot be set up: {error}\n"));
            }
        };
        self.interfaces.close_all_but(&config).await;
        self.interfaces.carry(&self.io, opened);
        if self.ldp.follow(&self.router) {
            self.router.forget_ldp();
        }
        self.apply().await;
        info!(config = %config.path.display(), "the new configuration is in use");
        Ok(())
    }

    /// Sets the interfaces up again as the running configuration says.
    async fn take_back(&mut self, refused: &Config, running: &Config) {
        self.interfaces.remove_new(refused, running).await;
        match self.interfaces.open_missing(running).await {
            Ok(opened) => self.interfaces.carry(&self.io, opened),
            Err(error) => error!(%error, "an interface is not as configured"),
        }
    }

    /// Ends: forwarding goes on in the switch, and the TAPs stay unless they are to be removed.
    async fn end(self) {
        let Self {
            options,
            mut router,
            switch,
            driver,
            carrier,
            io,
            mut interfaces,
            mut ldp,
            netlink,
            ..
        } = self;
        info!("lsrd ends; the switch forwards on");
        Ldp::store(&mut router);
        // While packets are still carried.
        ldp.end().await;
        if options.remove_interfaces_on_exit {
            interfaces.remove_all().await;
            let none = std::collections::BTreeSet::new();
            if let Err(error) = interface::configure_loopback(&netlink, &none).await {
                error!(%error, "a loopback address stays");
            }
        }
        interfaces.stop().await;
        carrier.abort();
        // It was aborted: there is no result.
        let _ = carrier.await;
        // The driver ends with its last handle.
        drop((io, switch, router));
        if tokio::time::timeout(TICK, driver).await.is_err() {
            debug!("the driver of the switch is still busy");
        }
    }
}

fn restart_needed(table: &str) -> String {
    format!(
        "{table} differs from the running configuration: it is read when lsrd starts. Restart \
         lsrd; the switch forwards on meanwhile\n"
    )
}

fn program(pipeline: &Pipeline, config: &Config) -> Program {
    let package = pipeline.p4info().pkg_info.clone().unwrap_or_default();
    // A program without @pkginfo has no name: then its file names it.
    let file = config.switch.device_config.file_stem().unwrap_or_default();
    let name = match package.name.is_empty() {
        true => file.to_string_lossy().into_owned(),
        false => package.name,
    };
    Program {
        name,
        architecture: package.arch,
        cookie: pipeline.cookie(),
    }
}
