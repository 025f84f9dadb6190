//! The Unix socket of the management interface.

use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};

use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tower::service_fn;

use crate::v1::management_client::ManagementClient;
use crate::v1::management_server::{Management, ManagementServer};

/// Where lsrd listens unless it is told otherwise.
pub const DEFAULT_PATH: &str = "/run/p4lsr/lsrd.sock";

/// Why the management interface cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens.
    #[error("no lsrd answers on {}: is it running? (--socket)", .0.display())]
    NobodyAnswers(PathBuf),
    /// The socket is not for this user.
    #[error("{} may not be opened: run as the user of lsrd, or as root", .0.display())]
    NotAllowed(PathBuf),
    /// Anything else.
    #[error("cannot reach lsrd on {path}: {source}", path = path.display())]
    Other {
        /// The socket.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Why the management interface cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another lsrd listens.
    #[error(
        "another lsrd answers on {}: stop it, or set [management] socket to another path", .0.display()
    )]
    InUse(PathBuf),
    /// Something that is not a socket has the name.
    #[error("{} exists and is not a socket: remove it, or set [management] socket", .0.display())]
    NotASocket(PathBuf),
    /// Anything else.
    #[error("cannot listen on {path}: {source}", path = path.display())]
    Other {
        /// The socket.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// A client of the lsrd that listens on `path`.
///
/// # Errors
/// Nobody listens there, or the socket may not be opened.
pub async fn connect(path: &Path) -> Result<ManagementClient<Channel>, ConnectError> {
    let error = |source: io::Error| match source.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            ConnectError::NobodyAnswers(path.to_owned())
        }
        ErrorKind::PermissionDenied => ConnectError::NotAllowed(path.to_owned()),
        _ => ConnectError::Other {
            path: path.to_owned(),
            source,
        },
    };
    // Connecting once by hand gives the reason that tonic would hide.
    drop(UnixStream::connect(path).await.map_err(error)?);
    let socket = path.to_owned();
    // The authority of the URI means nothing on a Unix socket.
    let channel = Endpoint::from_static("http://lsrd")
        .connect_with_connector(service_fn(move |_| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(TokioIo::new) }
        }))
        .await
        .map_err(|source| error(io::Error::other(source)))?;
    // The other side is our own lsrd on a socket of this host, which tells no more than it holds itself:
    // a million FECs are some 100 MB. The limit of tonic, 4 MB, would refuse 50,000 of them.
    Ok(ManagementClient::new(channel).max_decoding_message_size(usize::MAX))
}

/// The bound socket; it leaves the file system with this value.
#[derive(Debug)]
pub struct BoundSocket {
    listener: UnixListener,
    file: SocketFile,
}

/// Removes the socket's file when it is dropped.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever removed it before us only did the same.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl BoundSocket {
    /// Listens on `path`, for this user and its group. A socket that nobody answers on is what a
    /// killed lsrd left: it is replaced.
    ///
    /// # Errors
    /// Another lsrd answers there, or the socket cannot be made.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let error = |source| BindError::Other {
            path: path.to_owned(),
            source,
        };
        match std::fs::symlink_metadata(path) {
            Ok(metadata) => {
                use std::os::unix::fs::FileTypeExt;
                if !metadata.file_type().is_socket() {
                    return Err(BindError::NotASocket(path.to_owned()));
                }
                match BlockingStream::connect(path) {
                    Ok(_) => return Err(BindError::InUse(path.to_owned())),
                    Err(refused) if refused.kind() == ErrorKind::ConnectionRefused => {
                        std::fs::remove_file(path).map_err(error)?;
                    }
                    Err(other) => return Err(error(other)),
                }
            }
            Err(missing) if missing.kind() == ErrorKind::NotFound => {
                if let Some(directory) = path.parent() {
                    std::fs::create_dir_all(directory).map_err(error)?;
                }
            }
            Err(other) => return Err(error(other)),
        }
        let listener = UnixListener::bind(path).map_err(error)?;
        let socket = Self {
            listener,
            file: SocketFile(path.to_owned()),
        };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(error)?;
        Ok(socket)
    }

    /// Serves `service` until `shutdown` is done, then removes the socket.
    ///
    /// # Errors
    /// The transport failed.
    pub async fn serve<S: Management>(
        self,
        service: S,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), tonic::transport::Error> {
        // Held until the service has ended, or until this future is dropped.
        let Self {
            listener,
            file: _file,
        } = self;
        Server::builder()
            .add_service(ManagementServer::new(service))
            .serve_with_incoming_shutdown(UnixListenerStream::new(listener), shutdown)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{IlmEntry, ShowLfibRequest, ShowLfibResponse};
    use prost::Message;
    use tonic::codegen::{BoxFuture, Context, Poll, Service, http};
    use tonic::server::{Grpc, NamedService};
    use tonic_prost::ProstCodec;

    /// A server that answers whatever it is asked with so many entries of the LFIB.
    #[derive(Clone)]
    struct Lfib(u32);

    impl NamedService for Lfib {
        const NAME: &'static str = "p4lsr.management.v1.Management";
    }

    impl Service<http::Request<tonic::body::Body>> for Lfib {
        type Response = http::Response<tonic::body::Body>;
        type Error = std::convert::Infallible;
        type Future = BoxFuture<Self::Response, Self::Error>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
            let answer = lfib(self.0);
            Box::pin(async move {
                let codec = ProstCodec::<ShowLfibResponse, ShowLfibRequest>::default();
                let answer = service_fn(move |_: tonic::Request<ShowLfibRequest>| {
                    let answer = answer.clone();
                    async { Ok::<_, tonic::Status>(tonic::Response::new(answer)) }
                });
                Ok(Grpc::new(codec).unary(answer, request).await)
            })
        }
    }

    fn lfib(entries: u32) -> ShowLfibResponse {
        let entry = |number| IlmEntry {
            name: format!("an LSP with a name as long as others {number}"),
            label: number,
            ..IlmEntry::default()
        };
        ShowLfibResponse {
            ilm: (0..entries).map(entry).collect(),
            ftn: Vec::new(),
        }
    }

    /// 200,000 FECs are more than the 4 MB that tonic takes unless it is told otherwise.
    #[tokio::test]
    async fn an_answer_may_be_as_large_as_the_lfib() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lsrd.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let server = Server::builder().add_service(Lfib(200_000));
        tokio::spawn(server.serve_with_incoming(UnixListenerStream::new(listener)));
        let mut client = connect(&path).await.unwrap();
        let answer = client.show_lfib(ShowLfibRequest::default()).await.unwrap();
        assert!(answer.get_ref().encoded_len() > 8 << 20);
        assert_eq!(answer.get_ref(), &lfib(200_000));
    }

    #[tokio::test]
    async fn nobody_answers_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lsrd.sock");
        let error = connect(&path).await.unwrap_err();
        assert!(matches!(error, ConnectError::NobodyAnswers(_)), "{error}");
        assert!(error.to_string().contains("is it running?"));
    }

    #[tokio::test]
    async fn a_live_socket_is_not_taken_and_a_dead_one_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/lsrd.sock");
        let live = BoundSocket::bind(&path).unwrap();
        let error = BoundSocket::bind(&path).unwrap_err();
        assert!(matches!(error, BindError::InUse(_)), "{error}");
        drop(live);
        assert!(!path.exists());
        // What a killed daemon leaves.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        BoundSocket::bind(&path).unwrap();
    }

    #[tokio::test]
    async fn a_file_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "precious").unwrap();
        let error = BoundSocket::bind(&path).unwrap_err();
        assert!(matches!(error, BindError::NotASocket(_)), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }
}
