//! Sockets of the lab's namespaces under tokio.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use socket2::Socket;
use tokio::io::unix::AsyncFd;

/// A socket that tokio watches.
#[derive(Debug)]
pub(crate) struct AsyncSocket {
    inner: AsyncFd<Socket>,
}

impl AsyncSocket {
    /// Takes a socket over. Needs a tokio runtime around it.
    pub(crate) fn new(socket: OwnedFd) -> io::Result<Self> {
        let socket = Socket::from(socket);
        socket.set_nonblocking(true)?;
        // SAFETY: the Socket owns a valid descriptor, and nothing replaces or closes it while the
        // AsyncFd owns the Socket: only shared references to it are ever given out.
        let inner = unsafe { AsyncFd::register(socket)? };
        Ok(Self { inner })
    }

    /// The socket itself.
    pub(crate) fn socket(&self) -> &Socket {
        self.inner.get_ref()
    }

    /// Does a read when there is something to read.
    pub(crate) async fn read<T>(
        &self,
        mut read: impl FnMut(&Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let mut ready = self.inner.readable().await?;
            if let Ok(result) = ready.try_io(|inner| read(inner.get_ref())) {
                return result;
            }
        }
    }

    /// Does a write when there is room for it.
    pub(crate) async fn write<T>(
        &self,
        mut write: impl FnMut(&Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let mut ready = self.inner.writable().await?;
            if let Ok(result) = ready.try_io(|inner| write(inner.get_ref())) {
                return result;
            }
        }
    }
}

impl AsRawFd for AsyncSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}
