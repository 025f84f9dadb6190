//! The sockets of discovery and those that listen, of both address families.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use ldp::engine::{ListenKey, SessionKey, TcpAoAlgorithm};
use tracing::{debug, error};

use super::Snapshot;
use crate::ldp::hello::{Datagram, HelloSocket, PORT};
use crate::ldp::options::{AoKey, TcpKey};
use crate::ldp::tcp::{Incoming, Listener};

/// What came in.
#[derive(Debug)]
pub(super) enum Arrived {
    /// A datagram.
    Hello(Datagram),
    /// A connection.
    Connection(Incoming),
    /// Nothing that counts.
    Nothing,
}

/// The sockets of one address family.
#[derive(Debug)]
struct Family {
    hello: HelloSocket,
    listener: Listener,
    /// Keys that the listener has.
    keys: Vec<ListenKey>,
}

/// All sockets that belong to no peer.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    v4: Option<Family>,
    v6: Option<Family>,
    keys: Vec<ListenKey>,
    /// Peers for which the kernel did not take the key, and what it said.
    unprotected: BTreeMap<IpAddr, String>,
}

impl Family {
    fn open(ipv6: bool) -> io::Result<Self> {
        Ok(Self {
            hello: HelloSocket::open(ipv6)?,
            listener: Listener::open(ipv6)?,
            keys: Vec::new(),
        })
    }

    async fn arrived(&self) -> Arrived {
        tokio::select! {
            datagram = self.datagram() => datagram,
            accepted = self.listener.accept() => match accepted {
                Ok(incoming) => Arrived::Connection(incoming),
                Err(error) => {
                    debug!(%error, "no connection of LDP accepted");
                    Arrived::Nothing
                }
            },
        }
    }

    async fn datagram(&self) -> Arrived {
        match self.hello.receive().await {
            Ok(datagram) => Arrived::Hello(datagram),
            Err(error) => {
                // Such as an ICMP error for a targeted Hello.
                debug!(%error, "no Hello received");
                Arrived::Nothing
            }
        }
    }

    /// Gives the connections that waited meanwhile, without those that may have come up without a
    /// key that they need now.
    fn set_keys(
        &mut self,
        keys: &[ListenKey],
        ipv6: bool,
        unprotected: &mut BTreeMap<IpAddr, String>,
    ) -> Vec<Incoming> {
        let wanted: Vec<ListenKey> = keys
            .iter()
            .filter(|key| key.remote.is_ipv6() == ipv6)
            .cloned()
            .collect();
        let former = std::mem::take(&mut self.keys);
        for gone in former.iter().filter(|key| !wanted.contains(key)) {
            if let Err(error) = self.listener.remove_key(gone.remote, &tcp_key(&gone.key)) {
                debug!(peer = %gone.remote, %error, "a key stays with the listening socket");
            }
        }
        let mut newly_signed = BTreeSet::new();
        for key in wanted {
            if former.contains(&key) {
                self.keys.push(key);
                continue;
            }
            match self.listener.add_key(key.remote, &tcp_key(&key.key)) {
                Ok(()) => {
                    newly_signed.insert(key.remote);
                    self.keys.push(key);
                }
                Err(reason) => {
                    let peer = key.remote;
                    error!(%peer, reason, "connections of this LDP peer are refused");
                    unprotected.insert(peer, reason);
                }
            }
        }
        if newly_signed.is_empty() {
            return Vec::new();
        }
        let mut waiting = self.listener.waiting();
        waiting.retain(|incoming| {
            let peer = incoming.remote;
            let keep = !newly_signed.contains(&peer);
            if !keep {
                debug!(%peer, "LDP connection refused: it came up before its key was known");
            }
            keep
        });
        waiting
    }
}

impl Sockets {
    /// Opens what is not open. What cannot be opened is told in words; as [`Sockets::set_keys`], gives
    /// connections that waited.
    pub(super) fn open_missing(&mut self) -> (Vec<String>, Vec<Incoming>) {
        let mut problems = Vec::new();
        for (ipv6, family) in [(false, &mut self.v4), (true, &mut self.v6)] {
            if family.is_some() {
                continue;
            }
            match Family::open(ipv6) {
                Ok(open) => *family = Some(open),
                // A kernel without this family.
                Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {}
                Err(error) => problems.push(cannot_open(ipv6, &error)),
            }
        }
        let keys = std::mem::take(&mut self.keys);
        let waiting = self.set_keys(keys);
        let unprotected = self.unprotected.iter();
        problems
            .extend(unprotected.map(|(peer, reason)| format!("no session with {peer}: {reason}")));
        (problems, waiting)
    }

    /// Joins the groups of discovery on the interfaces with LDP.
    pub(super) fn join(&mut self, router: &Snapshot) -> Vec<String> {
        let labelled = router.interfaces().iter();
        let labelled: BTreeSet<u32> = labelled
            .filter(|(_, interface)| interface.labelled && interface.state.up)
            .map(|(index, _)| *index)
            .collect();
        let mut problems = Vec::new();
        for family in [&mut self.v4, &mut self.v6].into_iter().flatten() {
            for (index, error) in family.hello.join_only(&labelled) {
                let name: Arc<str> = router
                    .interface(index)
                    .map_or_else(|| "?".into(), |interface| Arc::clone(&interface.name));
                debug!(interface = %name, %error, "the group of all routers is not joined");
                problems.push(format!("no Hellos are received on {name}: {error}"));
            }
        }
        problems
    }

    /// Waits for a datagram or a connection.
    pub(super) async fn arrived(&self) -> Arrived {
        let of = async |family: &Option<Family>| match family {
            Some(family) => family.arrived().await,
            None => std::future::pending().await,
        };
        tokio::select! {
            arrived = of(&self.v4) => arrived,
            arrived = of(&self.v6) => arrived,
        }
    }

    /// Sends a Hello.
    pub(super) fn send(
        &self,
        interface: Option<u32>,
        source: Option<IpAddr>,
        destination: IpAddr,
        hop_limit: u8,
        octets: &[u8],
    ) -> io::Result<()> {
        let family = match destination {
            IpAddr::V4(_) => &self.v4,
            IpAddr::V6(_) => &self.v6,
        };
        match family {
            Some(family) => family
                .hello
                .send(interface, source, destination, hop_limit, octets),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Why a peer may not connect: it has to sign its segments, and the kernel cannot check that.
    pub(super) fn unprotected(&self, remote: IpAddr) -> Option<&str> {
        self.unprotected.get(&remote).map(String::as_str)
    }

    /// Makes these the only keys of the sockets that listen. Connections that waited to be accepted
    /// are given back, but for those that a peer made before it had to sign: they are closed.
    #[must_use]
    pub(super) fn set_keys(&mut self, keys: Vec<ListenKey>) -> Vec<Incoming> {
        let mut unprotected = BTreeMap::new();
        let mut waiting = Vec::new();
        for (ipv6, family) in [(false, &mut self.v4), (true, &mut self.v6)] {
            if let Some(family) = family {
                waiting.extend(family.set_keys(&keys, ipv6, &mut unprotected));
            }
        }
        self.keys = keys;
        self.unprotected = unprotected;
        waiting
    }
}

/// The key as the kernel takes it.
pub(super) fn tcp_key(key: &SessionKey) -> TcpKey {
    match key {
        SessionKey::Md5(password) => TcpKey::Md5(password.clone()),
        SessionKey::TcpAo {
            send_id,
            receive_id,
            algorithm,
            secret,
        } => TcpKey::Ao(AoKey {
            send_id: *send_id,
            receive_id: *receive_id,
            algorithm: match algorithm {
                TcpAoAlgorithm::HmacSha1 => "hmac(sha1)",
                TcpAoAlgorithm::AesCmac => "cmac(aes128)",
            },
            key: secret.clone(),
        }),
    }
}

fn cannot_open(ipv6: bool, error: &io::Error) -> String {
    let family = if ipv6 { "IPv6" } else { "IPv4" };
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program speaks LDP in this network namespace, such as FRR's ldpd: stop it"
        }
        io::ErrorKind::PermissionDenied => "lsrd needs CAP_NET_BIND_SERVICE",
        _ => "it is tried again",
    };
    format!("LDP cannot use port {PORT} of {family}: {error}; {remedy}")
}
