//! How labels are distributed: what an operator may choose.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::IpNet;

use crate::packet::AddressFamily;
use crate::{LdpIdentifier, PrefixFec};

/// The label distribution control mode (RFC 5036 section 2.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ControlMode {
    /// Labels are advertised whether or not the next hop gave one (section 2.6.1.1).
    #[default]
    Independent,
    /// Labels are advertised by the egress, and by others once the next hop gave one (section
    /// 2.6.1.2).
    Ordered,
}

/// The label retention mode (RFC 5036 section 2.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetentionMode {
    /// Labels of peers that are no next hop are kept (section 2.6.2.2).
    #[default]
    Liberal,
    /// They are released (section 2.6.2.1).
    Conservative,
}

/// What the egress binds to its FECs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EgressLabel {
    /// Implicit null, 3: the penultimate hop pops (RFC 3032 section 2.1).
    #[default]
    ImplicitNull,
    /// Explicit null, 0 for IPv4 and 2 for IPv6 (RFC 3032 section 2.1, RFC 4182).
    ExplicitNull,
    /// A label of its own for each FEC: no penultimate hop popping.
    Real,
}

/// What a Label No Route notification leads to (RFC 5036 appendix A, Label No Route procedure).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRouteProcedure {
    /// Request Retry: the request goes out again after this time.
    RequestRetry(Duration),
    /// No Request Retry: the peer is assumed to send a mapping when it has a route.
    NoRequestRetry,
}

/// Limits of loop detection (RFC 5036 section 2.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopDetection {
    /// Whether Hop Count and Path Vector TLVs are sent.
    pub enabled: bool,
    /// The largest hop count that is no loop.
    pub max_hop_count: u8,
    /// The longest path vector that is no loop.
    pub max_path_vector: u8,
}

impl Default for LoopDetection {
    fn default() -> Self {
        Self {
            enabled: false,
            max_hop_count: 255,
            max_path_vector: 255,
        }
    }
}

/// A rule of a [`PrefixFilter`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixRule {
    /// Prefixes within this one match.
    pub within: IpNet,
    /// The shortest length that matches.
    pub min_length: u8,
    /// The longest length that matches.
    pub max_length: u8,
    /// Only for this peer, where the filter is about one.
    pub peer: Option<LdpIdentifier>,
    /// What becomes of prefixes that match.
    pub permit: bool,
}

/// A list of rules, of which the first that matches decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixFilter {
    /// The rules.
    pub rules: Vec<PrefixRule>,
    /// What becomes of prefixes that no rule matches.
    pub otherwise: bool,
}

impl Default for PrefixFilter {
    /// Everything is permitted.
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            otherwise: true,
        }
    }
}

impl PrefixFilter {
    /// Host routes only: /32 and /128.
    pub fn host_routes() -> Self {
        let rule = |within: IpNet, length| PrefixRule {
            within,
            min_length: length,
            max_length: length,
            peer: None,
            permit: true,
        };
        Self {
            rules: vec![
                rule(IpNet::V4(ipnet::Ipv4Net::default()), 32),
                rule(IpNet::V6(ipnet::Ipv6Net::default()), 128),
            ],
            otherwise: false,
        }
    }

    /// Whether a prefix is permitted for (or from) a peer; rules for a peer do not match without one.
    pub fn permits(&self, prefix: &IpNet, peer: Option<LdpIdentifier>) -> bool {
        let length = prefix.prefix_len();
        self.rules
            .iter()
            .find(|rule| {
                length >= rule.min_length
                    && length <= rule.max_length
                    && (rule.peer.is_none() || rule.peer == peer)
                    && rule.within.contains(prefix)
            })
            .map_or(self.otherwise, |rule| rule.permit)
    }
}

/// How labels are distributed. All of it may change at any time.
///
/// Whether labels are advertised unsolicited or on demand is negotiated for each session
/// ([`super::PeerParameters::advertisement`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The LSR Id of this LSR, which goes in path vectors (RFC 5036 section 2.8).
    pub lsr_id: Ipv4Addr,
    /// Independent or ordered.
    pub control: ControlMode,
    /// Liberal or conservative.
    pub retention: RetentionMode,
    /// Under ordered control the next hop that gave the label gets no mapping for it (RFC 5036 appendix
    /// A.1.2, note 13, "a form of split-horizon"). Then two LSRs whose routes point at each other do not hold
    /// each other's labels for a FEC whose egress is gone; but a next hop that turns round has to wait for the
    /// label.
    pub split_horizon: bool,
    /// What is bound to FECs of IPv4 of which this LSR is the egress.
    pub egress_label_ipv4: EgressLabel,
    /// The same for IPv6.
    pub egress_label_ipv6: EgressLabel,
    /// This LSR labels packets of its own and of unlabelled neighbours: it is an ingress for all FECs
    /// that it has routes for, and asks for labels for itself. Otherwise it asks only when it is asked.
    pub ingress: bool,
    /// This LSR is the egress also for routes whose next hops all are no LDP peers (RFC 5036 section
    /// 2.6.1.2, condition 2). Without it, ordered control advertises nothing for them.
    pub egress_beyond_peers: bool,
    /// FECs that get a local label. Those that do not are still labelled as ingress, with labels that
    /// peers gave.
    pub allocate: PrefixFilter,
    /// Mappings that are taken from peers; others are released.
    pub accept: PrefixFilter,
    /// Mappings that are advertised to peers.
    pub advertise: PrefixFilter,
    /// Whether the default routes, 0.0.0.0/0 and ::/0, get a local label.
    pub default_route: bool,
    /// Loop detection.
    pub loop_detection: LoopDetection,
    /// Mappings are used if a route covers their FEC, not only if it matches exactly (RFC 5283 section
    /// 5).
    pub longest_match: bool,
    /// This LSR as egress can take entropy labels (RFC 6790 section 5.1.1).
    pub entropy_label_capable: bool,
    /// What is done when a peer has no route.
    pub no_route: NoRouteProcedure,
    /// A label whose FEC has a route, and no next hop with a label, does what it does at the egress:
    /// what is below goes on without a label (RFC 3031 section 3.18). Without it packets with the label
    /// are dropped until a next hop gives one.
    pub forward_unlabelled: bool,
    /// The last Label Release of upstream peers is propagated downstream (RFC 5036 appendix A.1.4,
    /// LRl.9), unless this LSR is an ingress and uses the label itself.
    pub propagate_release: bool,
    /// How many mappings of one peer are held; more are released.
    pub max_bindings_per_peer: usize,
    /// How many Label Requests of one peer may be pending; others are answered with No Label
    /// Resources.
    pub max_requests_per_peer: usize,
    /// How many addresses of one peer are held.
    pub max_addresses_per_peer: usize,
    /// How long a peer may take to answer a Label Abort Request, until the request is forgotten (RFC
    /// 5036 section 3.5.9.1: several minutes).
    pub abort_timeout: Duration,
    /// After which time a label is asked for again after the label manager had none.
    pub allocation_retry: Duration,
    /// How long after the last mapping of a peer its first advertisement counts as complete, where no
    /// End-of-LIB came (RFC 5919 section 4.1: 60 s).
    pub end_of_lib_timeout: Duration,
    /// The longest time that stale bindings of a peer are kept after it came back (RFC 3478 section
    /// 3.3, Maximum Recovery Time).
    pub max_recovery_time: Duration,
}

impl Policy {
    /// The RFCs' defaults, or what routers commonly do: independent control, liberal retention,
    /// implicit null.
    pub fn new(lsr_id: Ipv4Addr) -> Self {
        Self {
            lsr_id,
            control: ControlMode::default(),
            retention: RetentionMode::default(),
            split_horizon: false,
            egress_label_ipv4: EgressLabel::default(),
            egress_label_ipv6: EgressLabel::default(),
            ingress: true,
            egress_beyond_peers: false,
            allocate: PrefixFilter::default(),
            accept: PrefixFilter::default(),
            advertise: PrefixFilter::default(),
            default_route: false,
            loop_detection: LoopDetection::default(),
            longest_match: false,
            entropy_label_capable: false,
            no_route: NoRouteProcedure::RequestRetry(Duration::from_secs(30)),
            forward_unlabelled: false,
            propagate_release: false,
            max_bindings_per_peer: 1 << 20,
            max_requests_per_peer: 1 << 16,
            max_addresses_per_peer: 1 << 14,
            abort_timeout: Duration::from_secs(300),
            allocation_retry: Duration::from_secs(30),
            end_of_lib_timeout: Duration::from_secs(60),
            max_recovery_time: Duration::from_secs(120),
        }
    }

    /// What this LSR binds to FECs of a family of which it is the egress.
    pub fn egress_label(&self, family: AddressFamily) -> EgressLabel {
        match family {
            AddressFamily::Ipv4 => self.egress_label_ipv4,
            AddressFamily::Ipv6 => self.egress_label_ipv6,
        }
    }

    /// Whether a FEC gets a local label.
    pub(super) fn allocates(&self, fec: &PrefixFec) -> bool {
        (self.default_route || fec.prefix.prefix_len() != 0)
            && self.allocate.permits(&fec.prefix, None)
    }
}
