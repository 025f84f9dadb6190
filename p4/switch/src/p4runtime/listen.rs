//! Where the server listens.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use p4runtime_proto::p4::v1::p4_runtime_server::P4RuntimeServer;
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::transport::Server;

use super::service::Service;

/// Largest message of a client, bytes: a BMv2 JSON has megabytes.
const MAX_MESSAGE: usize = 256 << 20;

/// A controller whose host is gone without a word is found out by pings at this interval.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// An address to listen on: `127.0.0.1:9559`, or `unix:/run/p4-switch.sock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// IP address and TCP port.
    Tcp(SocketAddr),
    /// Path of a Unix-domain socket.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:") {
            // gRPC's URIs of absolute paths may start with two more slashes.
            Some(path) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                if path.is_empty() {
                    return Err("unix: needs a path, as in unix:/run/p4-switch.sock".to_owned());
                }
                Ok(Self::Unix(path.into()))
            }
            None => text.parse().map(Self::Tcp).map_err(|_| {
                "an address is IP:PORT, as 127.0.0.1:9559 or [::1]:9559, or unix:PATH".to_owned()
            }),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

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
    /// gRPC failed.
    #[error("gRPC on {address}: {source}")]
    Serve {
        /// The address.
        address: Address,
        /// What tonic says.
        source: tonic::transport::Error,
    },
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A socket that listens, ready to be served.
pub struct Listener {
    address: Address,
    socket: Socket,
}

impl Listener {
    /// Listens on an address. The socket file of a server that is gone is replaced.
    ///
    /// # Errors
    /// [`ListenError::Bind`].
    pub async fn bind(address: &Address) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Bind {
            address: address.clone(),
            source,
        };
        match address {
            Address::Tcp(tcp) => {
                let socket = TcpListener::bind(tcp).await.map_err(failed)?;
                // With port 0 the system has chosen one.
                let bound = socket.local_addr().map_err(failed)?;
                Ok(Self {
                    address: Address::Tcp(bound),
                    socket: Socket::Tcp(socket),
                })
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
                Ok(Self {
                    address: address.clone(),
                    socket: Socket::Unix(socket.map_err(failed)?),
                })
            }
        }
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
        let server = Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE))
            .tcp_nodelay(true)
            .add_service(
                P4RuntimeServer::new(service)
                    .max_decoding_message_size(MAX_MESSAGE)
                    .max_encoding_message_size(MAX_MESSAGE),
            );
        let result = match self.socket {
            Socket::Tcp(socket) => {
                let incoming = TcpListenerStream::new(socket);
                server.serve_with_incoming_shutdown(incoming, stop).await
            }
            Socket::Unix(socket) => {
                let incoming = UnixListenerStream::new(socket);
                server.serve_with_incoming_shutdown(incoming, stop).await
            }
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_and_print() {
        for text in ["127.0.0.1:9559", "[::1]:9559", "unix:/run/p4-switch.sock"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        let uri: Address = "unix:///run/p4-switch.sock".parse().unwrap();
        assert_eq!(uri, Address::Unix("/run/p4-switch.sock".into()));
        for bad in ["localhost", "9559", "unix:", "127.0.0.1:x"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
