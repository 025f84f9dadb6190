//! The configuration of an LSR's LDP.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use thiserror::Error;

use super::range::{
    HelloHoldTime, HelloInterval, IgpSyncDelay, InitialBackoff, KeepAliveTime, MaxPduLength,
    MaximumBackoff, RestartTime,
};
use crate::label::Policy;
use crate::packet::{AdvertisementDiscipline, AuthenticationAlgorithm};

/// An LSR Id of zero: it has to be a non-zero integer (RFC 7552 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an LSR Id is a non-zero number of 32 bits, written like 192.0.2.1")]
pub struct ZeroLsrId;

/// An LSR Id, not zero (RFC 5036 section 2.2.2, RFC 7552 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LsrId(Ipv4Addr);

impl LsrId {
    /// The LSR Id.
    pub const fn new(id: Ipv4Addr) -> Result<Self, ZeroLsrId> {
        if id.to_bits() == 0 {
            Err(ZeroLsrId)
        } else {
            Ok(Self(id))
        }
    }

    /// Its four octets.
    pub const fn get(self) -> Ipv4Addr {
        self.0
    }
}

/// All that can be configured of an LSR's LDP. [`LdpConfig::new`] has the RFCs' defaults and no
/// interface.
#[derive(Debug, Clone, PartialEq)]
pub struct LdpConfig {
    /// The LSR Id, the same for both address families (RFC 7552 section 4). A change ends all sessions.
    pub lsr_id: LsrId,
    /// The transport address of IPv4 Hellos; `None`: the LSR Id if it is an address of the router, else
    /// none is sent and the Hello's source counts (RFC 5036 section 2.5.2).
    pub ipv4_transport: Option<Ipv4Addr>,
    /// The transport address of IPv6 Hellos; `None`: the lowest global address of the router. Without
    /// one there is no LDP over IPv6.
    pub ipv6_transport: Option<Ipv6Addr>,
    /// Which connection is preferred where both families are enabled (RFC 7552 section 6.1.1).
    pub transport_preference: Preference,
    /// The interfaces with Basic Discovery, by their names.
    pub interfaces: BTreeMap<Arc<str>, InterfaceConfig>,
    /// The peers of Extended Discovery, by the address that Hellos are sent to.
    pub targeted_peers: BTreeMap<IpAddr, TargetedPeerConfig>,
    /// Which targeted Hellos are accepted of others.
    pub accept_targeted: AcceptTargeted,
    /// What peers have that applications ask for ([`super::Ldp::request_targeted`]), besides the applications.
    pub requested_targeted: TargetedPeerConfig,
    /// What is particular to some peers, by their LSR Ids.
    pub peers: BTreeMap<Ipv4Addr, PeerConfig>,
    /// Only peers that a key is configured for have sessions: Hellos of others are ignored (RFC 5036
    /// section 2.9.2). Off; then a peer without a key has a session without one.
    pub require_session_keys: bool,
    /// What is proposed for sessions.
    pub session: SessionConfig,
    /// How labels are distributed, with loop detection. Its LSR Id and its Maximum Recovery Time are
    /// those of this configuration, whatever it says.
    pub labels: Policy,
    /// Graceful restart (RFC 3478); `None`: the FT Session TLV is not sent, and no state of a lost
    /// session is kept.
    pub graceful_restart: Option<GracefulRestartConfig>,
    /// Capabilities that are announced.
    pub capabilities: CapabilityConfig,
    /// The high-order 32 bits of the Cryptographic Sequence Number of Hellos (RFC 7349 section 2.3): a
    /// number that grows with each start of the program, such as a counter on disk or the seconds since
    /// 1970. Read once, by [`super::Ldp::new`].
    pub boot_count: u32,
    /// What bounds memory.
    pub limits: Limits,
}

impl LdpConfig {
    /// The RFCs' defaults, without interfaces and peers.
    pub fn new(lsr_id: LsrId) -> Self {
        Self {
            lsr_id,
            ipv4_transport: None,
            ipv6_transport: None,
            transport_preference: Preference::default(),
            interfaces: BTreeMap::new(),
            targeted_peers: BTreeMap::new(),
            accept_targeted: AcceptTargeted::default(),
            requested_targeted: TargetedPeerConfig::default(),
            peers: BTreeMap::new(),
            require_session_keys: false,
            session: SessionConfig::default(),
            labels: Policy::new(lsr_id.get()),
            graceful_restart: None,
            capabilities: CapabilityConfig::default(),
            boot_count: 0,
            limits: Limits::default(),
        }
    }

    /// Whether an LSR may have no session for want of a key.
    pub(super) fn lacks_key(&self, lsr_id: Ipv4Addr) -> bool {
        self.require_session_keys
            && self
                .peers
                .get(&lsr_id)
                .is_none_or(|peer| peer.key.is_none())
    }
}

/// Which connection is preferred in dual stack; the TR field (RFC 7552 section 6.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preference {
    /// LDPoIPv4.
    Ipv4,
    /// LDPoIPv6, the RFC's default.
    #[default]
    Ipv6,
}

/// The address families that LDP is enabled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Families {
    /// IPv4.
    pub ipv4: bool,
    /// IPv6.
    pub ipv6: bool,
}

impl Families {
    /// IPv4 only.
    pub const IPV4: Self = Self {
        ipv4: true,
        ipv6: false,
    };
    /// IPv6 only.
    pub const IPV6: Self = Self {
        ipv4: false,
        ipv6: true,
    };
    /// Both.
    pub const DUAL: Self = Self {
        ipv4: true,
        ipv6: true,
    };
}

/// An interface with Basic Discovery (RFC 5036 section 2.4.1).
#[derive(Debug, Clone, PartialEq)]
pub struct InterfaceConfig {
    /// The families with Hellos.
    pub families: Families,
    /// The proposed hold time; 15 seconds.
    pub hello_hold_time: HelloHoldTime,
    /// The time between Hellos; `None`: a third of the hold time that is in use.
    pub hello_interval: Option<HelloInterval>,
    /// The G flag: peers are told that GTSM is supported (RFC 6720 section 2.1); on.
    pub gtsm: bool,
    /// Which address sessions of this interface's adjacencies have.
    pub transport: InterfaceTransport,
    /// How long LDP-IGP synchronization waits for the End-of-LIB of a peer that announces it, after the
    /// session is up (RFC 5443 section 2). `None`: no synchronization on this interface.
    pub igp_sync_delay: Option<IgpSyncDelay>,
    /// Authentication of Hellos (RFC 7349).
    pub hello_authentication: Option<HelloAuthentication>,
}

impl Default for InterfaceConfig {
    fn default() -> Self {
        Self {
            families: Families::IPV4,
            hello_hold_time: HelloHoldTime::known(15),
            hello_interval: None,
            gtsm: true,
            transport: InterfaceTransport::default(),
            igp_sync_delay: None,
            hello_authentication: None,
        }
    }
}

/// Which transport address the Hellos of an interface have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InterfaceTransport {
    /// The router's: the same for all Hellos of a family, as RFC 5036 section 2.5.2 wants it.
    #[default]
    Router,
    /// The interface's own address of the family. It is for peers that have one link only: two links to
    /// one peer would have two transport addresses, which RFC 5036 section 2.5.2 rules out.
    Interface,
}

/// A peer of Extended Discovery (RFC 5036 section 2.4.2).
#[derive(Debug, Clone, PartialEq)]
pub struct TargetedPeerConfig {
    /// The proposed hold time; 45 seconds.
    pub hello_hold_time: HelloHoldTime,
    /// The time between Hellos; `None`: a third of the hold time that is in use.
    pub hello_interval: Option<HelloInterval>,
    /// Authentication of Hellos (RFC 7349).
    pub hello_authentication: Option<HelloAuthentication>,
    /// The applications that the session is for: TA-Ids (RFC 8223 section 2.1). Empty: the Targeted
    /// Application Capability is not sent.
    pub applications: Vec<u16>,
}

impl Default for TargetedPeerConfig {
    fn default() -> Self {
        Self {
            hello_hold_time: HelloHoldTime::known(45),
            hello_interval: None,
            hello_authentication: None,
            applications: Vec::new(),
        }
    }
}

/// Which targeted Hellos with the R bit are answered, of peers that are not configured.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum AcceptTargeted {
    /// None.
    #[default]
    Never,
    /// Those whose source is in one of the prefixes.
    From {
        /// The prefixes; `0.0.0.0/0` and `::/0` for all.
        prefixes: Vec<IpNet>,
        /// What is said in return.
        answer: TargetedPeerConfig,
    },
}

/// What is particular to a peer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PeerConfig {
    /// The key of its TCP connection.
    pub key: Option<SessionKey>,
    /// GTSM of its TCP connection.
    pub ttl_security: TtlSecurity,
    /// Another KeepAlive Time than that of [`SessionConfig`].
    pub keepalive_time: Option<KeepAliveTime>,
    /// What the peer is not to send and what is not sent to it, by address family (RFC 7473).
    pub disabled_families: Option<DisabledFamilies>,
}

/// State Advertisement Control of prefix LSPs (RFC 7473 section 4): the peer is asked to send none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DisabledFamilies {
    /// No IPv4 prefix LSPs.
    pub ipv4: bool,
    /// No IPv6 prefix LSPs.
    pub ipv6: bool,
}

/// GTSM on the TCP connection of a peer (RFC 6720 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TtlSecurity {
    /// If both sides' Link Hellos have the G flag; the RFC's default.
    #[default]
    Negotiated,
    /// Always, also for targeted peers, which have to be one hop away then.
    Always,
    /// Never. The G flag is still sent, for Link Hellos are the same to all peers of a link; see
    /// [`InterfaceConfig::gtsm`].
    Never,
}

/// The key of a TCP connection. Its `Debug` does not show the secret.
#[derive(Clone, PartialEq, Eq)]
pub enum SessionKey {
    /// TCP MD5 (RFC 2385, RFC 5036 section 2.9).
    Md5(Vec<u8>),
    /// The TCP Authentication Option (RFC 5925).
    TcpAo {
        /// SendID.
        send_id: u8,
        /// RecvID.
        receive_id: u8,
        /// The algorithm of RFC 5926.
        algorithm: TcpAoAlgorithm,
        /// The master key.
        secret: Vec<u8>,
    },
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5(_) => f.write_str("Md5(..)"),
            Self::TcpAo {
                send_id,
                receive_id,
                algorithm,
                ..
            } => f
                .debug_struct("TcpAo")
                .field("send_id", send_id)
                .field("receive_id", receive_id)
                .field("algorithm", algorithm)
                .finish_non_exhaustive(),
        }
    }
}

/// The algorithms of RFC 5926.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpAoAlgorithm {
    /// HMAC-SHA-1-96.
    HmacSha1,
    /// AES-128-CMAC-96.
    AesCmac,
}

/// Authentication of Hellos (RFC 7349): a Hello without a right Cryptographic Authentication TLV is
/// discarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelloAuthentication {
    /// The key that Hellos are sent with; it is accepted, too.
    pub send: HelloKey,
    /// More keys that are accepted, such as the last and the next one. Those that say when Hellos begin to be
    /// sent with them ([`KeyLifetime::start_generate`]) are sent with then.
    pub accept: Vec<HelloKey>,
}

/// When a key is used, in seconds of wall-clock time since 1970 (RFC 7349 section 2.2). As long as
/// [`super::Ldp::handle_wall_clock`] did not say what the time is, nothing of it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyLifetime {
    /// KeyStartAccept: Hellos are accepted from then on; `None`: from ever.
    pub start_accept: Option<u64>,
    /// KeyStartGenerate: Hellos are sent with it from then on; `None`: from ever, or never for a key of
    /// [`HelloAuthentication::accept`].
    pub start_generate: Option<u64>,
    /// KeyStopGenerate: from then on none are sent with it; `None`: for ever.
    pub stop_generate: Option<u64>,
    /// KeyStopAccept: from then on none are accepted; `None`: for ever.
    pub stop_accept: Option<u64>,
}

/// A key for Hellos. Its `Debug` does not show the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct HelloKey {
    /// The Security Association ID.
    pub security_association: u32,
    /// The algorithm.
    pub algorithm: AuthenticationAlgorithm,
    /// The shared secret.
    pub secret: Vec<u8>,
    /// When it is used.
    pub lifetime: KeyLifetime,
}

impl fmt::Debug for HelloKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HelloKey")
            .field("security_association", &self.security_association)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// What is proposed for sessions (RFC 5036 section 3.5.3). A change counts from the next session on, and
/// is told to peers by the Configuration Sequence Number of Hellos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionConfig {
    /// KeepAlive Time; 180 seconds.
    pub keepalive_time: KeepAliveTime,
    /// Max PDU Length; 4096 octets.
    pub max_pdu_length: MaxPduLength,
    /// The Label Advertisement Discipline; downstream unsolicited.
    pub advertisement: AdvertisementDiscipline,
    /// Downstream on demand is insisted on: a session that the negotiation gives another discipline is
    /// rejected (RFC 5036 section 3.5.3).
    pub insist_on_advertisement: bool,
    /// MTUs are signalled (RFC 3988).
    pub signal_mtu: bool,
    /// The first delay after a NAK; 15 seconds.
    pub initial_backoff: InitialBackoff,
    /// The longest delay after NAKs; 120 seconds.
    pub maximum_backoff: MaximumBackoff,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            keepalive_time: KeepAliveTime::known(180),
            max_pdu_length: MaxPduLength::known(4096),
            advertisement: AdvertisementDiscipline::default(),
            insist_on_advertisement: false,
            signal_mtu: false,
            initial_backoff: InitialBackoff::known(15),
            maximum_backoff: MaximumBackoff::known(120),
        }
    }
}

/// Graceful restart (RFC 3478).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GracefulRestartConfig {
    /// The FT Reconnect Timeout that is sent: how long peers are to wait for this LSR; 120 seconds.
    pub reconnect_timeout: RestartTime,
    /// The MPLS Forwarding State Holding timer, which gives the Recovery Time that is sent; 120 seconds.
    pub forwarding_state_holding_time: RestartTime,
    /// The Neighbor Liveness Timer: how long this LSR waits for a peer at most; 120 seconds.
    pub neighbour_liveness_time: RestartTime,
    /// The Maximum Recovery Time: how long stale bindings of a peer that is back are kept at most; 120
    /// seconds.
    pub maximum_recovery_time: RestartTime,
    /// The forwarding state of before this LSR's (re)start was preserved. Read once, by
    /// [`super::Ldp::new`].
    pub forwarding_state_preserved: bool,
}

impl Default for GracefulRestartConfig {
    fn default() -> Self {
        Self {
            reconnect_timeout: RestartTime::known(120),
            forwarding_state_holding_time: RestartTime::known(120),
            neighbour_liveness_time: RestartTime::known(120),
            maximum_recovery_time: RestartTime::known(120),
            forwarding_state_preserved: false,
        }
    }
}

/// Capabilities that are announced (RFC 5561). All that this LSR has, unless switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapabilityConfig {
    /// Dynamic Announcement (RFC 5561).
    pub dynamic_announcement: bool,
    /// Typed Wildcard FEC (RFC 5918).
    pub typed_wildcard: bool,
    /// Unrecognized Notification, and with it End-of-LIB (RFC 5919).
    pub unrecognized_notification: bool,
    /// The topologies besides the default one (RFC 7307).
    pub topologies: BTreeSet<crate::MultiTopologyId>,
}

impl Default for CapabilityConfig {
    fn default() -> Self {
        Self {
            dynamic_announcement: true,
            typed_wildcard: true,
            unrecognized_notification: true,
            topologies: BTreeSet::new(),
        }
    }
}

/// What bounds memory, whatever peers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Hello adjacencies in all; 4096. A Hello of one more source is counted and discarded.
    pub adjacencies: usize,
    /// Hello adjacencies of one interface and family; 256.
    pub adjacencies_of_interface: usize,
    /// Sessions, with those that are being set up; 2048.
    pub sessions: usize,
    /// TCP connections that no session is known for yet, because no Initialization came; 256.
    pub pending_connections: usize,
    /// How long a connection may take until its session is operational; 30 seconds.
    pub establishment_time: std::time::Duration,
    /// Octets that wait for a peer that does not read; 64 MiB. A peer with more of them loses its
    /// session.
    pub send_queue: usize,
    /// Events that are kept of each neighbour; 64.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            adjacencies: 4096,
            adjacencies_of_interface: 256,
            sessions: 2048,
            pending_connections: 256,
            establishment_time: std::time::Duration::from_secs(30),
            send_queue: 64 << 20,
            events: 64,
        }
    }
}
