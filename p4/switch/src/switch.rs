//! The switch: a handle for the control plane, for ports and for tests.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLockReadGuard, RwLockWriteGuard};

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use bmv2_json::Document;
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::control::{ControlError, CpuPacket, Digest, PortEvent, PortInfo, PortNumber, PortState};
use crate::engine::{Environment, Outputs, Worker};
use crate::jit;
use crate::load::{LoadError, load};
use crate::patient_lock::PatientLock;
use crate::port::{Capture, Link, Port, PortEntry, PortHandle, PortTable, Transmit};
use crate::state::{State, bump};
use crate::trace::{LiveTrace, Recorder, Trace};

/// How many packets for the CPU, and how many digests, wait for the control plane.
const QUEUE: usize = 1024;

/// Why a program was not loaded by [`Switch::load_with`].
#[derive(Debug, thiserror::Error)]
pub enum FillError<E> {
    /// The program cannot be loaded.
    #[error(transparent)]
    Load(LoadError),
    /// Its state could not be filled.
    #[error("{0}")]
    Fill(E),
}

/// What runs the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Engine {
    /// The interpreter. It needs no code generator, and traced packets always run in it.
    Interpreter,
    /// Native code, generated when a program is loaded. Where that is not possible, the interpreter.
    #[default]
    Compiled,
}

/// How a switch is set up.
#[derive(Debug, Clone)]
pub struct SwitchConfig {
    /// The port that packets for the control plane are sent to and come from, if there is one.
    pub cpu_port: Option<PortNumber>,
    /// The value of `egress_spec` that means "drop": 511 for v1model.
    pub drop_port: PortNumber,
    /// Where the time comes from.
    pub clock: Arc<Clock>,
    /// What runs the packets.
    pub engine: Engine,
    /// Seed of the random numbers that programs ask for.
    pub seed: u64,
    /// How many threads receive from the ports over network interfaces, at least 1. A port belongs
    /// to one of them, so that its packets stay in their order.
    pub threads: NonZeroUsize,
}

impl Default for SwitchConfig {
    fn default() -> Self {
        Self {
            cpu_port: None,
            drop_port: 511,
            clock: Arc::new(Clock::system()),
            engine: Engine::default(),
            seed: 1,
            threads: NonZeroUsize::MIN,
        }
    }
}

/// What the switch tells the control plane. `packets` and `digests` are bounded: what does not fit
/// is dropped and counted. They need no runtime: `blocking_recv` and `try_recv` work in any thread.
#[derive(Debug)]
pub struct Events {
    /// Packets sent to the CPU port.
    pub packets: mpsc::Receiver<CpuPacket>,
    /// Digests.
    pub digests: mpsc::Receiver<Digest>,
    /// Ports going up and down.
    pub ports: mpsc::UnboundedReceiver<PortEvent>,
}

/// A software switch. A cheap handle: clones are the same switch.
#[derive(Debug, Clone)]
pub struct Switch {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: SwitchConfig,
    state: PatientLock<Option<State>>,
    /// How often the state was locked for writing. It changes under the lock only.
    version: AtomicU64,
    /// One for each thread that processes packets; the first also for packets of the controller.
    lanes: Box<[Mutex<Lane>]>,
    ports: ArcSwap<PortTable>,
    live_trace: ArcSwapOption<LiveTrace>,
    packets: mpsc::Sender<CpuPacket>,
    digests: mpsc::Sender<Digest>,
    port_events: mpsc::UnboundedSender<PortEvent>,
    port_changes: watch::Sender<()>,
}

/// What a thread needs to process packets.
#[derive(Debug)]
struct Lane {
    worker: Worker,
    transmit: Transmit,
}

impl Inner {
    #[inline]
    fn read(&self) -> RwLockReadGuard<'_, Option<State>> {
        self.state.read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<State>> {
        let state = self.state.write();
        self.version.fetch_add(1, Ordering::Relaxed);
        state
    }

    /// Lane `index`, counted round and round.
    fn lane(&self, index: usize) -> MutexGuard<'_, Lane> {
        self.lanes[index % self.lanes.len()]
            .lock()
            .unwrap_or_else(|error| error.into_inner())
    }

    /// `state` is that of [`Inner::read`].
    fn environment<'a>(&'a self, state: &'a State) -> Environment<'a> {
        Environment {
            state,
            code: state.code.as_deref(),
            clock: &self.config.clock,
            drop_port: self.config.drop_port,
            version: self.version.load(Ordering::Relaxed),
        }
    }

    fn digest(&self, state: &State, digest: Digest) {
        if self.digests.try_send(digest).is_err() {
            bump(&state.drops.digest_queue_full);
        }
    }
}

/// Packets that are processed one after the other, with the locks taken once. What is written to
/// the state takes effect before or after the whole batch.
pub(crate) struct Batch<'a> {
    inner: &'a Inner,
    lane: MutexGuard<'a, Lane>,
    state: RwLockReadGuard<'a, Option<State>>,
    ports: Guard<Arc<PortTable>>,
    live_trace: Guard<Option<Arc<LiveTrace>>>,
}

impl Batch<'_> {
    /// Processes a packet that came in at a port.
    pub(crate) fn receive(&mut self, entry: &PortEntry, packet: &[u8]) {
        entry.received(packet);
        self.process(entry.number, packet);
    }

    fn process(&mut self, port: PortNumber, packet: &[u8]) {
        let Some(state) = &*self.state else {
            return;
        };
        let Lane { worker, transmit } = &mut *self.lane;
        let mut outputs = Live {
            inner: self.inner,
            ports: &self.ports,
            state,
            transmit,
        };
        let environment = self.inner.environment(state);
        match &*self.live_trace {
            Some(live) if live.wants(port) => {
                let mut recorder = Recorder::new(port, packet);
                worker.receive_with(environment, port, packet, &mut outputs, &mut recorder);
                (live.sink)(&recorder.finish());
            }
            _ => worker.receive(environment, port, packet, &mut outputs),
        }
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.lane.transmit.flush();
        for entry in self.ports.values() {
            entry.flush();
        }
    }
}

/// Sends packets to the ports.
struct Live<'a> {
    inner: &'a Inner,
    ports: &'a PortTable,
    state: &'a State,
    transmit: &'a mut Transmit,
}

impl Outputs for Live<'_> {
    fn packet(&mut self, port: PortNumber, bytes: &[u8]) {
        if Some(port) == self.inner.config.cpu_port {
            let packet = CpuPacket {
                bytes: bytes.to_vec(),
            };
            if self.inner.packets.try_send(packet).is_err() {
                bump(&self.state.drops.cpu_queue_full);
            }
        } else if let Some(entry) = self.ports.get(&port) {
            self.transmit.push(entry, bytes);
        } else {
            bump(&self.state.drops.unknown_port);
        }
    }

    fn digest(&mut self, digest: Digest) {
        self.inner.digest(self.state, digest);
    }
}

/// Shows packets to the caller.
struct Shown<'a, F> {
    output: F,
    inner: &'a Inner,
    state: &'a State,
}

impl<F: FnMut(PortNumber, &[u8])> Outputs for Shown<'_, F> {
    fn packet(&mut self, port: PortNumber, bytes: &[u8]) {
        (self.output)(port, bytes);
    }
    fn digest(&mut self, digest: Digest) {
        self.inner.digest(self.state, digest);
    }
}

/// Gives packets back to the caller.
struct Collected<'a> {
    packets: Vec<(PortNumber, Vec<u8>)>,
    inner: &'a Inner,
    state: &'a State,
}

impl Outputs for Collected<'_> {
    fn packet(&mut self, port: PortNumber, bytes: &[u8]) {
        self.packets.push((port, bytes.to_vec()));
    }
    fn digest(&mut self, digest: Digest) {
        self.inner.digest(self.state, digest);
    }
}

impl Switch {
    /// A switch without program and ports.
    #[must_use]
    pub fn new(config: SwitchConfig) -> (Self, Events) {
        let (packets, packets_receiver) = mpsc::channel(QUEUE);
        let (digests, digests_receiver) = mpsc::channel(QUEUE);
        let (ports, ports_receiver) = mpsc::unbounded_channel();
        let inner = Inner {
            lanes: (0..config.threads.get() as u64)
                .map(|lane| {
                    Mutex::new(Lane {
                        worker: Worker::new(config.seed.wrapping_add(lane)),
                        transmit: Transmit::default(),
                    })
                })
                .collect(),
            config,
            state: PatientLock::new(None),
            version: AtomicU64::new(1),
            ports: ArcSwap::default(),
            live_trace: ArcSwapOption::empty(),
            packets,
            digests,
            port_events: ports,
            port_changes: watch::Sender::new(()),
        };
        let events = Events {
            packets: packets_receiver,
            digests: digests_receiver,
            ports: ports_receiver,
        };
        (
            Self {
                inner: Arc::new(inner),
            },
            events,
        )
    }

    fn prepare(&self, document: &Document) -> Result<State, LoadError> {
        let program = Arc::new(load(document)?);
        let config = &self.inner.config;
        let code = match config.engine {
            Engine::Interpreter => None,
            Engine::Compiled => {
                match jit::compile(&program, config.drop_port, config.threads.get() == 1) {
                    Ok(code) => Some(code),
                    Err(error) => {
                        tracing::warn!("the program runs in the interpreter: {error}");
                        None
                    }
                }
            }
        };
        let mut state = State::new(program, config.clock.clone())?;
        state.code = code;
        state.alone = config.threads.get() == 1;
        Ok(state)
    }

    /// Checks that a program can run on this switch, without loading it (P4Runtime's VERIFY).
    ///
    /// # Errors
    ///
    /// What keeps it from running.
    pub fn verify(&self, document: &Document) -> Result<(), LoadError> {
        self.prepare(document).map(|_| ())
    }

    /// Loads a program in place of the one before, between two packets. All state starts anew:
    /// tables hold the program's const entries only, multicast groups and clone sessions are gone.
    ///
    /// # Errors
    ///
    /// What keeps it from running; the program before goes on then.
    pub fn load(&self, document: &Document) -> Result<(), LoadError> {
        let state = self.prepare(document)?;
        self.replace(state, |_, _| ());
        Ok(())
    }

    /// As [`Switch::load`], but `fill` writes the state of the program before the first packet
    /// sees it.
    ///
    /// # Errors
    ///
    /// [`FillError`]; the program before goes on then.
    pub fn load_with<E>(
        &self,
        document: &Document,
        fill: impl FnOnce(&mut State) -> Result<(), E>,
    ) -> Result<(), FillError<E>> {
        self.load_carrying(document, fill, |(), _, _| ())
    }

    /// As [`Switch::load_with`]. At the end, while packets wait, `carry` can take what packets have
    /// done meanwhile from the state of the program before, if there is one, to the new one; it
    /// gets what `fill` gave.
    ///
    /// # Errors
    ///
    /// [`FillError`]; the program before goes on then.
    pub(crate) fn load_carrying<T, E>(
        &self,
        document: &Document,
        fill: impl FnOnce(&mut State) -> Result<T, E>,
        carry: impl FnOnce(T, &State, &State),
    ) -> Result<(), FillError<E>> {
        let mut state = self.prepare(document).map_err(FillError::Load)?;
        let filled = fill(&mut state).map_err(FillError::Fill)?;
        self.replace(state, |old, new| carry(filled, old, new));
        Ok(())
    }

    fn replace(&self, mut state: State, carry: impl FnOnce(&State, &State)) {
        let mut current = self.inner.write();
        if let Some(old) = &*current {
            carry(old, &state);
        }
        // Under the lock, so that no change of a port's state is missed.
        for entry in self.inner.ports.load().values() {
            state.set_port_down(entry.number, entry.state() == PortState::Down);
        }
        *current = Some(state);
    }

    /// Reads the state of the program.
    ///
    /// # Errors
    ///
    /// [`ControlError::NoProgram`], or what `f` gives.
    pub fn read<T>(
        &self,
        f: impl FnOnce(&State) -> Result<T, ControlError>,
    ) -> Result<T, ControlError> {
        match &*self.inner.read() {
            Some(state) => f(state),
            None => Err(ControlError::NoProgram),
        }
    }

    /// Changes the state of the program: all changes that `f` makes take effect between two
    /// packets. What `f` changed before an error stays changed.
    ///
    /// # Errors
    ///
    /// [`ControlError::NoProgram`], or what `f` gives.
    pub fn write<T>(
        &self,
        f: impl FnOnce(&mut State) -> Result<T, ControlError>,
    ) -> Result<T, ControlError> {
        match &mut *self.inner.write() {
            Some(state) => f(state),
            None => Err(ControlError::NoProgram),
        }
    }

    /// Processes a packet that came in from the CPU port (P4Runtime's PacketOut), with the
    /// `packet_out` header in front if the program has one, and sends what comes out.
    ///
    /// # Errors
    ///
    /// [`ControlError::NoProgram`]; [`ControlError::Invalid`] if there is no CPU port.
    pub fn packet_out(&self, bytes: &[u8]) -> Result<(), ControlError> {
        let Some(port) = self.inner.config.cpu_port else {
            return Err(ControlError::Invalid {
                owner: "the switch".to_owned(),
                reason: "there is no CPU port (--cpu-port)".to_owned(),
            });
        };
        let mut batch = self.batch(0);
        if batch.state.is_none() {
            return Err(ControlError::NoProgram);
        }
        batch.process(port, bytes);
        Ok(())
    }

    /// How many threads receive from ports.
    pub(crate) fn threads(&self) -> usize {
        self.inner.lanes.len()
    }

    /// Takes the locks for packets that thread `lane` has received.
    pub(crate) fn batch(&self, lane: usize) -> Batch<'_> {
        Batch {
            inner: &self.inner,
            lane: self.inner.lane(lane),
            state: self.inner.read(),
            ports: self.inner.ports.load(),
            live_trace: self.inner.live_trace.load(),
        }
    }

    /// Processes a packet that came in at `port`, and gives what goes out and where: nothing is
    /// sent to a port, the CPU port included. Without a program nothing goes out.
    #[must_use]
    pub fn process(&self, port: PortNumber, bytes: &[u8]) -> Vec<(PortNumber, Vec<u8>)> {
        let worker = &mut self.inner.lane(0).worker;
        let state = self.inner.read();
        let Some(state) = &*state else {
            return Vec::new();
        };
        let mut outputs = Collected {
            packets: Vec::new(),
            inner: &self.inner,
            state,
        };
        let environment = self.inner.environment(state);
        worker.receive(environment, port, bytes, &mut outputs);
        outputs.packets
    }

    /// As [`Switch::process`], for several packets one after the other: what goes out is shown to
    /// `output`, and nothing is copied.
    pub fn process_batch<'p>(
        &self,
        packets: impl IntoIterator<Item = (PortNumber, &'p [u8])>,
        output: impl FnMut(PortNumber, &[u8]),
    ) {
        let worker = &mut self.inner.lane(0).worker;
        let state = self.inner.read();
        let Some(state) = &*state else {
            return;
        };
        let mut outputs = Shown {
            output,
            inner: &self.inner,
            state,
        };
        let environment = self.inner.environment(state);
        worker.receive_all(environment, packets, &mut outputs);
    }

    /// Processes a packet that came in at `port`, and writes down its way. Counters, meters and
    /// registers see it as a packet like others, but nothing is sent. Without a program the trace
    /// is empty.
    #[must_use]
    pub fn trace(&self, port: PortNumber, bytes: &[u8]) -> Trace {
        let worker = &mut self.inner.lane(0).worker;
        let state = self.inner.read();
        let mut recorder = Recorder::new(port, bytes);
        if let Some(state) = &*state {
            let mut outputs = Collected {
                packets: Vec::new(),
                inner: &self.inner,
                state,
            };
            let environment = self.inner.environment(state);
            worker.receive_with(environment, port, bytes, &mut outputs, &mut recorder);
        }
        recorder.finish()
    }

    /// Packets for the CPU that wait for the control plane, and how many can.
    #[must_use]
    pub fn packet_in_queue(&self) -> (usize, usize) {
        let packets = &self.inner.packets;
        let capacity = packets.max_capacity();
        (capacity - packets.capacity(), capacity)
    }

    /// Traces the packets that come in from now on, or with `None` no longer.
    pub fn set_live_trace(&self, trace: Option<LiveTrace>) {
        self.inner.live_trace.store(trace.map(Arc::new));
    }

    /// Adds a port. What it receives is to be given to the handle.
    ///
    /// # Errors
    ///
    /// [`ControlError::AlreadyExists`] if there is a port of this number;
    /// [`ControlError::Invalid`] if it is that of the CPU or drop port.
    pub fn add_port(
        &self,
        number: PortNumber,
        port: Arc<dyn Port>,
        link: impl Into<Link>,
        capture: Option<Capture>,
    ) -> Result<PortHandle, ControlError> {
        let owner = || "the switch".to_owned();
        if Some(number) == self.inner.config.cpu_port || number == self.inner.config.drop_port {
            return Err(ControlError::Invalid {
                owner: owner(),
                reason: format!("{number} is the number of the CPU port or of the drop port"),
            });
        }
        let entry = Arc::new(PortEntry::new(number, port, link.into(), capture));
        // Under the lock, so that two callers cannot both change the same table.
        let mut program = self.inner.write();
        let mut ports = PortTable::clone(&self.inner.ports.load());
        if ports.contains_key(&number) {
            return Err(ControlError::AlreadyExists {
                owner: owner(),
                what: format!("port {number}"),
            });
        }
        ports.insert(number, entry.clone());
        self.inner.ports.store(Arc::new(ports));
        if let Some(program) = &mut *program {
            program.set_port_down(number, entry.state() == PortState::Down);
        }
        self.ports_changed();
        Ok(PortHandle {
            switch: self.clone(),
            entry,
        })
    }

    /// Removes a port.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`].
    pub fn remove_port(&self, number: PortNumber) -> Result<(), ControlError> {
        let mut program = self.inner.write();
        let mut ports = PortTable::clone(&self.inner.ports.load());
        if ports.remove(&number).is_none() {
            return Err(ControlError::NotFound {
                owner: "the switch".to_owned(),
                what: format!("port {number}"),
            });
        }
        self.inner.ports.store(Arc::new(ports));
        if let Some(program) = &mut *program {
            // What watches a port that is gone must not wait for it.
            program.set_port_down(number, true);
        }
        self.ports_changed();
        Ok(())
    }

    /// Enables or disables a port.
    ///
    /// # Errors
    ///
    /// Of kind `NotFound` if there is no such port; else what the system says.
    pub fn set_port_enabled(&self, number: PortNumber, enabled: bool) -> io::Result<()> {
        let entry = self.inner.ports.load().get(&number).cloned();
        let entry = entry.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let link = entry.set_enabled(enabled)?;
        self.set_link(&entry, link);
        Ok(())
    }

    pub(crate) fn set_link(&self, entry: &PortEntry, link: Link) {
        let mut program = self.inner.write();
        let (state_changed, changed) = entry.set_link(link);
        if state_changed {
            if let Some(program) = &mut *program {
                program.set_port_down(entry.number, link.state == PortState::Down);
            }
            // Without receiver nobody wants to know.
            let _ = self.inner.port_events.send(PortEvent {
                port: entry.number,
                state: link.state,
            });
        }
        drop(program);
        if changed {
            self.ports_changed();
        }
    }

    /// Changes whenever a port comes, goes, goes up or down, or is enabled or disabled.
    #[must_use]
    pub fn port_changes(&self) -> watch::Receiver<()> {
        self.inner.port_changes.subscribe()
    }

    fn ports_changed(&self) {
        self.inner.port_changes.send_replace(());
    }

    /// The ports, by number.
    #[must_use]
    pub fn ports(&self) -> Vec<PortInfo> {
        let ports = self.inner.ports.load();
        let mut list: Vec<PortInfo> = ports.values().map(|entry| entry.info()).collect();
        list.sort_by_key(|port| port.number);
        list
    }
}
