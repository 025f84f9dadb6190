//! The TAPs, through which packets for and from the router go.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use tun_rs::{AsyncDevice, DeviceBuilder, Layer};

use super::KernelError;

/// The length of an Ethernet header.
const ETHERNET_HEADER: usize = 14;
/// The largest MTU of a TAP in Linux.
const MAX_MTU: usize = 65521;

/// An open TAP. It stays, with its addresses and neighbours, when lsrd ends.
#[derive(Clone)]
pub struct Tap {
    name: Arc<str>,
    device: Arc<AsyncDevice>,
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tap").field(&self.name).finish()
    }
}

impl Tap {
    /// Opens the TAP of this name, and makes it if it is not there.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The name belongs to another kind of interface, the TAP is open elsewhere, or the process
    /// may not make one.
    pub fn open(name: &str) -> Result<Self, KernelError> {
        let interface = || name.to_owned();
        let device = DeviceBuilder::new()
            .name(name)
            .layer(Layer::L2)
            .packet_information(false)
            .inherit_enable_state()
            .build_async()
            .map_err(|source| match source.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => KernelError::NotPermitted {
                    interface: interface(),
                },
                // TUNSETIFF: the name is that of an interface of another kind.
                Some(libc::EINVAL) => KernelError::NotATap {
                    interface: interface(),
                },
                Some(libc::EBUSY) => KernelError::TapBusy {
                    interface: interface(),
                },
                _ if source.kind() == ErrorKind::NotFound => KernelError::NoTunDriver,
                Some(libc::ENODEV | libc::ENXIO) => KernelError::NoTunDriver,
                _ => KernelError::Tap {
                    interface: interface(),
                    source,
                },
            })?;
        device.persist().map_err(|source| KernelError::Tap {
            interface: interface(),
            source,
        })?;
        Ok(Self {
            name: name.into(),
            device: Arc::new(device),
        })
    }

    /// The name of the interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is the same open TAP, not only one of the same name.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.device, &other.device)
    }

    /// A frame that the kernel sends: an Ethernet frame without frame check sequence.
    ///
    /// # Errors
    /// The TAP was removed.
    pub async fn receive(&self, buffer: &mut FrameBuffer) -> io::Result<usize> {
        self.device.recv(&mut buffer.0).await
    }

    /// Gives the kernel a frame as if the interface had received it.
    ///
    /// # Errors
    /// The TAP is down or was removed, or the frame is not one.
    pub async fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.device.send(frame).await.map(|_| ())
    }
}

/// Room for the largest frame of a TAP.
#[derive(Debug)]
pub struct FrameBuffer(Box<[u8]>);

impl FrameBuffer {
    /// Room for one frame.
    pub fn new() -> Self {
        Self(vec![0; MAX_MTU + ETHERNET_HEADER].into_boxed_slice())
    }

    /// The first `length` octets.
    pub fn frame(&self, length: usize) -> &[u8] {
        &self.0[..length.min(self.0.len())]
    }
}

impl Default for FrameBuffer {
    fn default() -> Self {
        Self::new()
    }
}
