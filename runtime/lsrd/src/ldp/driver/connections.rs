//! The TCP connections, with the tasks that connect, read and write.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use ldp::engine::{Accepted, ConnectionId, ConnectionSecurity, Ldp};
use rustc_hash::FxHashMap;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::debug;

use super::sockets::tcp_key;
use crate::ldp::tcp::{self, Security, Told};

/// How long a closed connection may take to hand over what was sent before.
const LINGER: Duration = Duration::from_secs(1);

/// What the task of a connection tells.
#[derive(Debug)]
pub(super) enum Event {
    /// The connection is made, or it could not be.
    Connected(ConnectionId, Result<TcpStream, String>),
    /// Octets came or went, or the connection ended.
    Told(ConnectionId, Told),
}

#[derive(Debug)]
enum Connection {
    /// It is being made.
    Connecting(JoinHandle<()>),
    /// It is there.
    Open {
        octets: mpsc::UnboundedSender<Vec<u8>>,
        reader: JoinHandle<()>,
        writer: JoinHandle<()>,
    },
}

/// All connections.
#[derive(Debug)]
pub(super) struct Connections {
    tell: mpsc::Sender<Event>,
    open: FxHashMap<ConnectionId, Connection>,
    closing: Vec<JoinHandle<()>>,
}

impl Connections {
    pub(super) fn new(tell: mpsc::Sender<Event>) -> Self {
        Self {
            tell,
            open: FxHashMap::default(),
            closing: Vec::new(),
        }
    }

    /// Starts to connect.
    pub(super) fn connect(
        &mut self,
        id: ConnectionId,
        local: IpAddr,
        remote: IpAddr,
        security: &ConnectionSecurity,
    ) {
        let security = Security {
            key: security.key.as_ref().map(tcp_key),
            ttl_security: security.gtsm,
        };
        let tell = self.tell.clone();
        let task = tokio::spawn(async move {
            let result = tcp::connect(local, remote, &security).await;
            // LDP may have ended.
            let _ = tell.send(Event::Connected(id, result)).await;
        });
        self.open.insert(id, Connection::Connecting(task));
    }

    /// Takes a connection that a peer made.
    pub(super) fn accepted(&mut self, stream: TcpStream, remote: IpAddr, accepted: Accepted) {
        if accepted.security.gtsm
            && let Err(error) = tcp::secure_ttl(&stream, remote)
        {
            let reason = format!("the kernel refuses to check the TTL: {error}");
            let (tell, id) = (self.tell.clone(), accepted.id);
            tokio::spawn(async move {
                // LDP may have ended.
                let _ = tell.send(Event::Told(id, Told::Closed(reason))).await;
            });
            return;
        }
        self.start(accepted.id, stream);
    }

    fn start(&mut self, id: ConnectionId, stream: TcpStream) {
        let (from_peer, to_peer) = stream.into_split();
        let (octets, written) = mpsc::unbounded_channel();
        let wrap = move |told| Event::Told(id, told);
        let reader = tokio::spawn(tcp::read(from_peer, self.tell.clone(), wrap));
        let writer = tokio::spawn(tcp::write(to_peer, written, self.tell.clone(), wrap));
        let open = Connection::Open {
            octets,
            reader,
            writer,
        };
        self.open.insert(id, open);
    }

    /// Tells the state machine what a connection told.
    pub(super) fn handle(&mut self, event: Event, ldp: &mut Ldp, now: Instant) {
        match event {
            Event::Connected(id, result) => {
                if !matches!(self.open.get(&id), Some(Connection::Connecting(_))) {
                    // It was closed before it was made.
                    return;
                }
                let connected = result.and_then(|stream| {
                    let local = stream.local_addr().map_err(|error| error.to_string())?;
                    Ok((stream, local.ip()))
                });
                match connected {
                    Ok((stream, local)) => {
                        self.start(id, stream);
                        ldp.handle_connected(id, local, now);
                    }
                    Err(reason) => {
                        self.open.remove(&id);
                        ldp.handle_connect_failed(id, reason, now);
                    }
                }
            }
            Event::Told(id, told) => match told {
                Told::Closed(reason) => {
                    if let Some(connection) = self.open.remove(&id) {
                        connection.abort();
                    }
                    ldp.handle_closed(id, reason, now);
                }
                _ if !self.open.contains_key(&id) => {}
                Told::Octets(octets) => ldp.handle_octets(id, &octets, now),
                Told::Written(count) => ldp.handle_written(id, count, now),
            },
        }
    }

    /// Sends octets.
    pub(super) fn send(&mut self, id: ConnectionId, octets: Vec<u8>) {
        if let Some(Connection::Open { octets: to, .. }) = self.open.get(&id)
            && to.send(octets).is_err()
        {
            debug!(connection = %id, "the connection is over already");
        }
    }

    /// Closes a connection when what was sent is written.
    pub(super) fn close(&mut self, id: ConnectionId) {
        self.closing.retain(|task| !task.is_finished());
        match self.open.remove(&id) {
            Some(Connection::Open {
                octets,
                mut reader,
                mut writer,
            }) => {
                // The writer ends behind what it has.
                drop(octets);
                self.closing.push(tokio::spawn(async move {
                    // Read on until the peer closes too: with octets that nobody read the kernel
                    // would cut the connection, and the last Notification with it.
                    let both = async { (&mut writer).await.and((&mut reader).await) };
                    if tokio::time::timeout(LINGER, both).await.is_err() {
                        writer.abort();
                        reader.abort();
                    }
                }));
            }
            Some(connecting) => connecting.abort(),
            None => {}
        }
    }

    /// Closes all, and gives what is to be waited for.
    pub(super) fn close_all(&mut self) -> Vec<JoinHandle<()>> {
        let open: Vec<ConnectionId> = self.open.keys().copied().collect();
        for id in open {
            self.close(id);
        }
        std::mem::take(&mut self.closing)
    }
}

impl Connection {
    fn abort(self) {
        match self {
            Self::Connecting(task) => task.abort(),
            Self::Open { reader, writer, .. } => {
                reader.abort();
                writer.abort();
            }
        }
    }
}
