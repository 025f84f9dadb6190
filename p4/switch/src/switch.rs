//! The switch: a handle for the control plane, for ports and for tests.

use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bmv2_json::Document;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::control::{ControlError, CpuPacket, Digest, PortEvent, PortInfo, PortNumber};
use crate::engine::{Environment, Outputs, Worker};
use crate::load::{LoadError, load};
use crate::state::{State, bump};

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

/// How a switch is set up.
#[derive(Debug, Clone)]
pub struct SwitchConfig {
    /// The port that packets for the control plane are sent to and come from, if there is one.
    pub cpu_port: Option<PortNumber>,
    /// The value of `egress_spec` that means "drop": 511 for v1model.
    pub drop_port: PortNumber,
    /// Where the time comes from.
    pub clock: Arc<Clock>,
    /// Seed of the random numbers that programs ask for.
    pub seed: u64,
}

impl Default for SwitchConfig {
    fn default() -> Self {
        Self {
            cpu_port: None,
            drop_port: 511,
            clock: Arc::new(Clock::system()),
            seed: 1,
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
    state: RwLock<Option<State>>,
    worker: Mutex<Worker>,
    packets: mpsc::Sender<CpuPacket>,
    digests: mpsc::Sender<Digest>,
    ports: mpsc::UnboundedSender<PortEvent>,
}

impl Inner {
    // A thread that panicked while it held a lock left the state as it was before or after one
    // change; going on is better than to stop all forwarding.
    fn read(&self) -> RwLockReadGuard<'_, Option<State>> {
        self.state.read().unwrap_or_else(|error| error.into_inner())
    }
    fn write(&self) -> RwLockWriteGuard<'_, Option<State>> {
        self.state
            .write()
            .unwrap_or_else(|error| error.into_inner())
    }
    fn worker(&self) -> MutexGuard<'_, Worker> {
        self.worker
            .lock()
            .unwrap_or_else(|error| error.into_inner())
    }
}

/// Gives packets back to the caller.
struct Collected<'a> {
    packets: Vec<(PortNumber, Vec<u8>)>,
    digests: &'a mpsc::Sender<Digest>,
    state: &'a State,
}

impl Outputs for Collected<'_> {
    fn packet(&mut self, port: PortNumber, bytes: &[u8]) {
        self.packets.push((port, bytes.to_vec()));
    }
    fn digest(&mut self, digest: Digest) {
        if self.digests.try_send(digest).is_err() {
            bump(&self.state.drops.digest_queue_full);
        }
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
            worker: Mutex::new(Worker::new(config.seed)),
            config,
            state: RwLock::new(None),
            packets,
            digests,
            ports,
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
        State::new(program, self.inner.config.clock.clone())
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
        self.replace(state);
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
        let mut state = self.prepare(document).map_err(FillError::Load)?;
        fill(&mut state).map_err(FillError::Fill)?;
        self.replace(state);
        Ok(())
    }

    fn replace(&self, mut state: State) {
        let mut current = self.inner.write();
        if let Some(current) = &*current {
            for port in current.ports_down() {
                state.set_port_down(port, true);
            }
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
        let _ = (port, bytes);
        Ok(())
    }

    /// Processes a packet that came in at `port`, and gives what goes out and where: nothing is
    /// sent to a port, the CPU port included. Without a program nothing goes out.
    #[must_use]
    pub fn process(&self, port: PortNumber, bytes: &[u8]) -> Vec<(PortNumber, Vec<u8>)> {
        let mut worker = self.inner.worker();
        let state = self.inner.read();
        let Some(state) = &*state else {
            return Vec::new();
        };
        let mut outputs = Collected {
            packets: Vec::new(),
            digests: &self.inner.digests,
            state,
        };
        let environment = Environment {
            state,
            clock: &self.inner.config.clock,
            drop_port: self.inner.config.drop_port,
        };
        worker.receive(environment, port, bytes, &mut outputs);
        outputs.packets
    }

    /// The ports, by number.
    #[must_use]
    pub fn ports(&self) -> Vec<PortInfo> {
        Vec::new()
    }
}
