//! From a socket that listens to connections that speak HTTP/2.
//!
//! A connection counts only once it has completed TLS and sent HTTP/2's connection preface: what
//! else knocks at the port is closed, counted, and holds up no one.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tonic::transport::server::Connected;

use super::client::{Client, Clients};
use super::limits::Limits;

/// What a client sends first on a connection (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a server sends first: SETTINGS without settings (RFC 9113 section 3.4). A TLS client takes
/// it for a record of a wrong version, and tells its user so, as with other gRPC servers.
const SETTINGS: &[u8; 9] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// A transport under gRPC.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// A connection of a client, with its preface still to be read.
pub(super) struct Connection {
    transport: Box<dyn Transport>,
    /// Bytes of the preface that were given on.
    preface_read: usize,
    client: Client,
    _permit: OwnedSemaphorePermit,
}

impl Connected for Connection {
    type ConnectInfo = Client;

    fn connect_info(&self) -> Client {
        self.client.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &PREFACE[self.preface_read..];
        if !rest.is_empty() {
            let length = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..length]);
            self.preface_read += length;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.transport).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }
}

/// Why a connection was not served.
#[derive(Debug, thiserror::Error)]
enum Unserved {
    #[error("it did not show in time that it speaks gRPC")]
    Slow,
    #[error("TLS: {0}")]
    Tls(io::Error),
    #[error("what it sends is not gRPC, that is HTTP/2{}", match .0 {
        Some(first) if *first == TLS_HANDSHAKE => " without TLS: it tries TLS, which is not set up",
        _ => "",
    })]
    NotGrpc(Option<u8>),
    #[error("it was closed or broke off: {0}")]
    Broken(io::Error),
    #[error("{0} connections are open, which is the limit")]
    Full(usize),
}

/// Tells a TLS client that there is no TLS here.
async fn answer_tls(transport: &mut Box<dyn Transport>) -> io::Result<()> {
    transport.write_all(SETTINGS).await?;
    transport.shutdown().await?;
    // Closed with something unread, the connection would be reset before the client sees this. It
    // has until the handshake times out.
    let mut rest = [0; 1024];
    while transport.read(&mut rest).await? > 0 {}
    Ok(())
}

/// First byte of a TLS connection (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// A socket that listens.
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    async fn accept(&self) -> io::Result<Box<dyn Transport>> {
        match self {
            Self::Tcp(socket) => {
                let (stream, _) = socket.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Unix(socket) => Ok(Box::new(socket.accept().await?.0)),
        }
    }
}

/// Accepts connections until nobody takes them any more.
pub(super) async fn accept(
    socket: Socket,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    ready: mpsc::Sender<io::Result<Connection>>,
) {
    let gate = Arc::new(Gate {
        tls,
        permits: Arc::new(Semaphore::new(limits.connections)),
        clients: Clients::new(limits.clone()),
        limits,
        refused: AtomicU64::new(0),
        ready,
    });
    let mut half_open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let transport = tokio::select! {
            accepted = socket.accept() => accepted,
            () = gate.ready.closed() => return,
        };
        let transport = match transport {
            Ok(transport) => transport,
            Err(error) => {
                // Out of file descriptors above all: connections that end give some back.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        half_open.retain(|task| !task.is_finished());
        while half_open.len() >= gate.limits.half_open {
            if let Some(oldest) = half_open.pop_front() {
                oldest.abort();
                gate.refuse(&Unserved::Slow);
            }
        }
        half_open.push_back(tokio::spawn(gate.clone().admit(transport)).abort_handle());
    }
}

struct Gate {
    tls: Option<TlsAcceptor>,
    permits: Arc<Semaphore>,
    clients: Clients,
    limits: Limits,
    refused: AtomicU64,
    ready: mpsc::Sender<io::Result<Connection>>,
}

impl Gate {
    /// Hands a connection on once it speaks HTTP/2.
    async fn admit(self: Arc<Self>, transport: Box<dyn Transport>) {
        let handshake = tokio::time::timeout(self.limits.handshake, self.handshake(transport));
        let transport = match handshake.await {
            Ok(Ok(transport)) => transport,
            Ok(Err(error)) => return self.refuse(&error),
            Err(_) => return self.refuse(&Unserved::Slow),
        };
        let Ok(permit) = self.permits.clone().try_acquire_owned() else {
            return self.refuse(&Unserved::Full(self.limits.connections));
        };
        let connection = Connection {
            transport,
            preface_read: 0,
            client: self.clients.connect(),
            _permit: permit,
        };
        // Without receiver the server has stopped.
        let _ = self.ready.send(Ok(connection)).await;
    }

    async fn handshake(
        &self,
        transport: Box<dyn Transport>,
    ) -> Result<Box<dyn Transport>, Unserved> {
        let mut transport = match &self.tls {
            None => transport,
            Some(tls) => Box::new(tls.accept(transport).await.map_err(Unserved::Tls)?),
        };
        let mut given = [0; PREFACE.len()];
        let mut length = 0;
        while length < PREFACE.len() {
            let more = transport.read(&mut given[length..]).await;
            let more = more.map_err(Unserved::Broken)?;
            if more == 0 {
                return Err(Unserved::Broken(io::ErrorKind::UnexpectedEof.into()));
            }
            length += more;
            if given[..length] != PREFACE[..length] {
                if given.first() == Some(&TLS_HANDSHAKE) {
                    answer_tls(&mut transport).await.map_err(Unserved::Broken)?;
                }
                return Err(Unserved::NotGrpc(given.first().copied()));
            }
        }
        Ok(transport)
    }

    fn refuse(&self, reason: &Unserved) {
        let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        // All are counted, few are told: a flood must not fill the log.
        if refused.is_power_of_two() {
            tracing::warn!(
                refused,
                "a connection for P4Runtime was not served: {reason}"
            );
        }
    }
}
