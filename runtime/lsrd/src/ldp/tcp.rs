//! The TCP connections of sessions (RFC 5036, 2.5.2): the sockets that listen on port 646, those that
//! connect from the transport address, and the tasks that read and write.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;

use super::hello::{CONTROL_TRAFFIC, PORT};
use super::options::{self, TcpKey};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 256;
/// How much is read at once.
const READ: usize = 64 << 10;
/// How long a connection may take to come up: after that the peer is not reachable.
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);
/// RFC 5082, 3: what is sent has the largest TTL there is.
const TTL: u32 = 255;

/// What goes for the segments of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Security {
    /// The key of their signatures.
    pub key: Option<TcpKey>,
    /// Whether those that made a hop are dropped (RFC 6720).
    pub ttl_security: bool,
}

/// A socket that listens for peers.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
}

impl Listener {
    /// Listens for one address family.
    ///
    /// # Errors
    /// The port is in use, or the kernel has no such family.
    pub fn open(ipv6: bool) -> io::Result<Self> {
        Self::open_at(ipv6, PORT)
    }

    fn open_at(ipv6: bool, port: u16) -> io::Result<Self> {
        let (domain, any): (_, IpAddr) = match ipv6 {
            false => (Domain::IPV4, Ipv4Addr::UNSPECIFIED.into()),
            true => (Domain::IPV6, Ipv6Addr::UNSPECIFIED.into()),
        };
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        if ipv6 {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        // Accepted sockets inherit these, and the SYN has them already.
        set_up(&SockRef::from(&socket), ipv6)?;
        socket.bind(&SocketAddr::new(any, port).into())?;
        socket.listen(BACKLOG as i32)?;
        Ok(Self {
            listener: TcpListener::from_std(socket.into())?,
        })
    }

    /// Waits for a peer.
    ///
    /// # Errors
    /// What the kernel says; waiting goes on after that.
    pub async fn accept(&self) -> io::Result<Incoming> {
        let (stream, remote) = self.listener.accept().await?;
        Incoming::new(stream, remote.ip())
    }

    /// Takes all connections that wait to be accepted. Asked after a key was added, those among them
    /// that are of its peer may have come up before, without it.
    pub fn waiting(&self) -> Vec<Incoming> {
        let mut waiting = Vec::new();
        // Others may come as fast as they are taken; those of before are no more than this.
        for _ in 0..=BACKLOG {
            // Not by tokio, which does not ask the kernel before it has told of a connection.
            let accepted = SockRef::from(&self.listener).accept();
            let (socket, remote) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // It is over already.
                Err(_) => continue,
            };
            let incoming = socket.set_nonblocking(true).and_then(|()| {
                let remote = remote.as_socket().ok_or(io::ErrorKind::Unsupported)?;
                Incoming::new(TcpStream::from_std(socket.into())?, remote.ip())
            });
            waiting.extend(incoming);
        }
        waiting
    }

    /// Lets a peer in only with segments that carry the signature.
    ///
    /// # Errors
    /// In words, what the kernel does not have or refuses.
    pub fn add_key(&self, peer: IpAddr, key: &TcpKey) -> Result<(), String> {
        options::add_key(&self.listener, peer, key)
    }

    /// Lets a peer in without signatures again.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn remove_key(&self, peer: IpAddr, key: &TcpKey) -> io::Result<()> {
        options::remove_key(&self.listener, peer, key)
    }
}

/// A connection that a peer made.
#[derive(Debug)]
pub struct Incoming {
    /// The connection.
    pub stream: TcpStream,
    /// Its address at this router.
    pub local: IpAddr,
    /// Its address at the peer.
    pub remote: IpAddr,
}

impl Incoming {
    fn new(stream: TcpStream, remote: IpAddr) -> io::Result<Self> {
        let local = stream.local_addr()?.ip();
        Ok(Self {
            stream,
            local,
            remote,
        })
    }
}

fn set_up(socket: &SockRef<'_>, ipv6: bool) -> io::Result<()> {
    // Messages are packed into PDUs before they come here.
    socket.set_tcp_nodelay(true)?;
    match ipv6 {
        false => {
            socket.set_ttl_v4(TTL)?;
            socket.set_tos_v4(CONTROL_TRAFFIC)
        }
        true => {
            socket.set_unicast_hops_v6(TTL)?;
            socket.set_tclass_v6(CONTROL_TRAFFIC)
        }
    }
}

/// Drops what made a hop, on a connection that was accepted (RFC 6720, 2.3).
///
/// # Errors
/// The kernel refuses.
pub fn secure_ttl(stream: &TcpStream, remote: IpAddr) -> io::Result<()> {
    options::set_minimum_ttl(stream, remote, 255)
}

/// Connects from a transport address to a peer's.
///
/// # Errors
/// In words, why there is no connection.
pub async fn connect(
    local: IpAddr,
    remote: IpAddr,
    security: &Security,
) -> Result<TcpStream, String> {
    let socket = prepare(local, remote, security)?;
    match tokio::time::timeout(CONNECT_PATIENCE, socket.connect((remote, PORT).into())).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(format!("{remote} cannot be reached from {local}: {error}")),
        Err(_) => Err(match security.key {
            None => format!("{remote} does not answer"),
            Some(_) => format!(
                "{remote} does not answer: it is not reachable, or has another key than configured here"
            ),
        }),
    }
}

fn prepare(local: IpAddr, remote: IpAddr, security: &Security) -> Result<TcpSocket, String> {
    let error = |what: &'static str| {
        move |error: io::Error| format!("the kernel refuses to {what}: {error}")
    };
    let domain = match remote {
        IpAddr::V4(_) => Domain::IPV4,
        IpAddr::V6(_) => Domain::IPV6,
    };
    let socket =
        Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).map_err(error("make a socket"))?;
    socket
        .set_nonblocking(true)
        .map_err(error("make a socket"))?;
    set_up(&SockRef::from(&socket), remote.is_ipv6()).map_err(error("set the TTL"))?;
    if security.ttl_security {
        options::set_minimum_ttl(&socket, remote, 255).map_err(error("check the TTL"))?;
    }
    if let Some(key) = &security.key {
        options::add_key(&socket, remote, key)?;
    }
    socket
        .bind(&SocketAddr::new(local, 0).into())
        .map_err(|error| format!("{local} is no address that sessions can come from: {error}"))?;
    Ok(TcpSocket::from_std_stream(socket.into()))
}

/// What a connection tells.
#[derive(Debug)]
pub enum Told {
    /// The peer sent these octets.
    Octets(Bytes),
    /// So many octets are with the kernel.
    Written(usize),
    /// The connection is over; no more is told.
    Closed(String),
}

/// The two halves of a connection, of which the tasks tell by `tell`.
pub async fn read<T: Send + 'static>(
    mut half: OwnedReadHalf,
    tell: mpsc::Sender<T>,
    wrap: impl Fn(Told) -> T + Send,
) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ);
        let told = match half.read_buf(&mut buffer).await {
            Ok(0) => Told::Closed("the peer closed the connection".into()),
            Ok(_) => Told::Octets(buffer.split().freeze()),
            Err(error) => Told::Closed(format!("the connection broke: {error}")),
        };
        let over = matches!(told, Told::Closed(_));
        // As long as nobody takes it, nothing more is read: the peer has to wait.
        if tell.send(wrap(told)).await.is_err() || over {
            return;
        }
    }
}

/// Writes what comes by `octets` until that ends, then closes.
pub async fn write<T: Send + 'static>(
    mut half: OwnedWriteHalf,
    mut octets: mpsc::UnboundedReceiver<Vec<u8>>,
    tell: mpsc::Sender<T>,
    wrap: impl Fn(Told) -> T + Send,
) {
    while let Some(part) = octets.recv().await {
        let told = match half.write_all(&part).await {
            Ok(()) => Told::Written(part.len()),
            Err(error) => Told::Closed(format!("the connection broke: {error}")),
        };
        let over = matches!(told, Told::Closed(_));
        if tell.send(wrap(told)).await.is_err() || over {
            return;
        }
    }
    // The peer sees the end, behind the last Notification.
    if let Err(error) = half.shutdown().await {
        tracing::debug!(%error, "the connection was over already");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn connect(from: [u8; 4], port: u16) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let listener = (Ipv4Addr::LOCALHOST, port).into();
        socket.connect(listener).await.unwrap()
    }

    /// Whoever connects before the router knows that the peer has a key is found when it does.
    #[tokio::test]
    async fn connections_of_before_a_key_are_told_apart() {
        let listener = Listener::open_at(false, 0).unwrap();
        let port = listener.listener.local_addr().unwrap().port();
        let early = [127, 0, 0, 2];
        let connections = [
            connect(early, port).await,
            connect([127, 0, 0, 3], port).await,
        ];
        let key = TcpKey::Md5(b"secret".to_vec());
        if let Err(error) = listener.add_key(early.into(), &key) {
            return println!("skipped: {error}");
        }
        // One without a signature does not come up any more.
        let late = tokio::time::timeout(Duration::from_millis(300), connect(early, port)).await;
        assert!(late.is_err(), "{late:?}");
        let waiting = listener.waiting();
        let remotes: Vec<IpAddr> = waiting.iter().map(|incoming| incoming.remote).collect();
        assert_eq!(remotes, [IpAddr::from(early), [127, 0, 0, 3].into()]);
        assert_eq!(listener.waiting().len(), 0);
        drop(connections);
    }
}
