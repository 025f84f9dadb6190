//! Serving P4Runtime on a socket.

use std::future::Future;
use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener, lookup_host};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;

use super::address::Address;
use super::connection::{self, Socket};
use super::limits::Limits;
use super::request_limit::RequestLimit;
use super::service::Service;
use super::tls::{TlsError, TlsFiles};

/// A controller whose host is gone without a word is found out by pings at this interval.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// What a client may send of a request before the server has taken it in. A connection may send as
/// much of each of its requests, so that those that wait hold up no other.
const WINDOW: u32 = 128 << 10;

/// The largest window of HTTP/2 (RFC 9113 section 6.9.1).
const MAX_WINDOW: u32 = (1 << 31) - 1;

/// Why the server does not listen, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another with --grpc")]
    Bind {
        /// The address.
        address: Address,
        /// What the system says.
        source: io::Error,
    },
    /// The files for TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// gRPC failed.
    #[error("gRPC on {address}: {source}")]
    Serve {
        /// The address.
        address: Address,
        /// What tonic says.
        source: tonic::transport::Error,
    },
}

/// A socket that listens, ready to be served.
pub struct Listener {
    address: Address,
    socket: Socket,
    tls: Option<TlsAcceptor>,
    limits: Limits,
}

impl Listener {
    /// Listens on all addresses that a host name has, or on the one that is given: a client may
    /// take any of them. Of several it is enough that one can be listened on, since a host need not
    /// have IPv6.
    ///
    /// # Errors
    /// [`ListenError::Bind`].
    pub async fn bind_all(address: &Address) -> Result<Vec<Self>, ListenError> {
        let Address::Host(name, port) = address else {
            return Ok(vec![Self::bind(address).await?]);
        };
        let failed = |source| ListenError::Bind {
            address: address.clone(),
            source,
        };
        let mut listeners = Vec::new();
        let mut error = failed(io::ErrorKind::AddrNotAvailable.into());
        for found in lookup_host((name.as_str(), *port)).await.map_err(failed)? {
            match Self::bind(&Address::Tcp(found)).await {
                Ok(listener) => listeners.push(listener),
                Err(refused) => error = refused,
            }
        }
        if listeners.is_empty() {
            return Err(error);
        }
        Ok(listeners)
    }

    /// Listens on an address; of those of a host name, on the first that can be listened on. The
    /// socket file of a server that is gone is replaced.
    ///
    /// # Errors
    /// [`ListenError::Bind`].
    pub async fn bind(address: &Address) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Bind {
            address: address.clone(),
            source,
        };
        let (address, socket) = match address {
            Address::Tcp(tcp) => of_tcp(TcpListener::bind(tcp).await).map_err(failed)?,
            Address::Host(name, port) => {
                of_tcp(TcpListener::bind((name.as_str(), *port)).await).map_err(failed)?
            }
            Address::Unix(path) => {
                let nobody_listens = |error: &io::Error| {
                    error.kind() == io::ErrorKind::AddrInUse
                        && StdUnixStream::connect(path)
                            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
                };
                let socket = match UnixListener::bind(path) {
                    Err(error) if nobody_listens(&error) => {
                        std::fs::remove_file(path).map_err(failed)?;
                        UnixListener::bind(path)
                    }
                    other => other,
                };
                (address.clone(), Socket::Unix(socket.map_err(failed)?))
            }
        };
        Ok(Self {
            address,
            socket,
            tls: None,
            limits: Limits::default(),
        })
    }

    /// Serves clients by TLS only.
    ///
    /// # Errors
    /// [`ListenError::Tls`].
    pub fn with_tls(mut self, files: &TlsFiles) -> Result<Self, ListenError> {
        self.tls = Some(files.acceptor()?);
        Ok(self)
    }

    /// Sets other limits than the default ones.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The address that clients reach.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Serves until `stop` is ready, then ends the streams and the requests that are under way.
    ///
    /// # Errors
    /// [`ListenError::Serve`].
    pub async fn serve(
        self,
        service: Service,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), ListenError> {
        let streams = service.clone();
        let stop = async move {
            stop.await;
            streams.shut_down();
        };
        let limits = &self.limits;
        let server = Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE))
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(
                limits
                    .requests_per_connection
                    .saturating_mul(WINDOW)
                    .min(MAX_WINDOW),
            )
            .max_concurrent_streams(limits.requests_per_connection)
            .timeout(limits.request_time)
            .layer(RequestLimit)
            .add_routes(service.routes(limits));
        let (ready, connections) = mpsc::channel(1);
        let acceptor = connection::accept(self.socket, self.tls, self.limits, ready);
        let acceptor = tokio::spawn(acceptor);
        let connections = ReceiverStream::new(connections);
        let result = server.serve_with_incoming_shutdown(connections, stop).await;
        acceptor.abort();
        if let Address::Unix(path) = &self.address
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::warn!(%error, path = %path.display(), "cannot remove the socket");
        }
        result.map_err(|source| ListenError::Serve {
            address: self.address,
            source,
        })
    }
}

/// A TCP socket with its address: for port 0 the system has chosen one.
fn of_tcp(bound: io::Result<TcpListener>) -> io::Result<(Address, Socket)> {
    let socket = bound?;
    Ok((Address::Tcp(socket.local_addr()?), Socket::Tcp(socket)))
}
