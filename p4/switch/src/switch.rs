//! The switch: a handle for the control plane, for ports and for tests.
#![expect(
    clippy::unimplemented,
    reason = "the signatures, published before the bodies"
)]

use std::sync::Arc;

use bmv2_json::Document;
use tokio::sync::mpsc;

use crate::control::{ControlError, CpuPacket, Digest, PortEvent, PortInfo, PortNumber};
use crate::state::State;

/// How a switch is set up.
#[derive(Debug, Clone)]
pub struct SwitchConfig {
    /// The port that packets for the control plane are sent to and come from, if there is one.
    pub cpu_port: Option<PortNumber>,
    /// The value of `egress_spec` that means "drop": 511 for v1model.
    pub drop_port: PortNumber,
}

impl Default for SwitchConfig {
    fn default() -> Self {
        Self {
            cpu_port: None,
            drop_port: 511,
        }
    }
}

/// What the switch tells the control plane, in bounded channels of `tokio::sync::mpsc`. They need
/// no runtime: `blocking_recv` and `try_recv` work in any thread.
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
    inner: Arc<()>,
}

impl Switch {
    /// A switch without program and ports.
    #[must_use]
    pub fn new(config: SwitchConfig) -> (Self, Events) {
        let _ = config;
        unimplemented!()
    }
    /// Checks that a program can run on this switch, without loading it (P4Runtime's VERIFY).
    pub fn verify(&self, document: &Document) -> Result<(), crate::LoadError> {
        let _ = document;
        unimplemented!()
    }
    /// Loads a program in place of the one before, between two packets. All state starts anew:
    /// tables hold the program's const entries only, multicast groups and clone sessions are gone.
    pub fn load(&self, document: &Document) -> Result<(), crate::LoadError> {
        let _ = document;
        unimplemented!()
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
        let _ = f;
        unimplemented!()
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
        let _ = f;
        unimplemented!()
    }
    /// Processes a packet that came in from the CPU port (P4Runtime's PacketOut), with the
    /// `packet_out` header in front if the program has one, and sends what comes out.
    ///
    /// # Errors
    ///
    /// [`ControlError::NoProgram`]; [`ControlError::Invalid`] if there is no CPU port.
    pub fn packet_out(&self, bytes: &[u8]) -> Result<(), ControlError> {
        let _ = bytes;
        unimplemented!()
    }
    /// Processes a packet that came in at `port`, and gives what goes out and where: nothing is
    /// sent to a port, the CPU port included. For tests and benchmarks.
    pub fn process(&self, port: PortNumber, bytes: &[u8]) -> Vec<(PortNumber, Vec<u8>)> {
        let _ = (port, bytes);
        unimplemented!()
    }
    /// The ports, by number.
    pub fn ports(&self) -> Vec<PortInfo> {
        let _ = &self.inner;
        unimplemented!()
    }
}
