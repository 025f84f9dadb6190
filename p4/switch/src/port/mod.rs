//! Ports: how packets come in and go out.
//!
//! A port that can send is given to the switch with [`Switch::add_port`](crate::Switch::add_port);
//! what it receives is handed in through the [`PortHandle`] that this gives. Ports over Linux
//! network interfaces are made with [`LinuxPorts`], ports for tests with [`MemoryPort`].

mod capture;
mod linux;
mod memory;
mod table;
mod transmit;

use std::fmt::Debug;
use std::io;

pub use capture::Capture;
pub use linux::{LinuxPorts, PortError};
pub use memory::MemoryPort;
pub(crate) use table::{PortEntry, PortTable};
pub use table::{PortHandle, ReceiveError};
pub(crate) use transmit::Transmit;

use crate::control::PortState;

/// How the link of a port stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Whether the port is enabled (IFF_UP), which whoever manages the switch decides.
    pub enabled: bool,
    /// Whether it can receive and send: it is enabled, and there is a carrier.
    pub state: PortState,
}

impl From<PortState> for Link {
    /// A link that is up is enabled, and one that is down may be.
    fn from(state: PortState) -> Self {
        Self {
            enabled: true,
            state,
        }
    }
}

/// The sending half of a port.
pub trait Port: Debug + Send + Sync {
    /// Name of the interface, or what else the port is made of.
    fn name(&self) -> &str;

    /// Sends packets in their order, and tells what came of each: what the system says, or nothing.
    /// The switch counts those that were refused, and drops them.
    fn send(&self, packets: &[&[u8]], done: &mut dyn FnMut(&[u8], io::Result<()>));

    /// Index of the network interface, if it is one and it is there.
    fn index(&self) -> Option<u32> {
        None
    }

    /// Enables or disables the port, and gives what has become of it.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn set_enabled(&self, enabled: bool) -> io::Result<Link>;

    /// Packets that were dropped since the switch did not read them in time.
    fn receive_overruns(&self) -> u64 {
        0
    }
}
