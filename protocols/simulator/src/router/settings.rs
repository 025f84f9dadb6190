//! What of a router's configuration may be one way or another in a run.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What the egress binds (RFC 3031 section 4.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EgressLabel {
    /// Implicit null.
    #[default]
    Implicit,
    /// Explicit null.
    Explicit,
    /// A label of its own.
    Real,
}

/// Address families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Families {
    /// IPv4.
    #[default]
    Ipv4,
    /// IPv6.
    Ipv6,
    /// Both, with sessions over IPv6 if there is a choice (RFC 7552 section 6.1).
    DualStack,
    /// Both, with sessions over IPv4. It has no sessions with dual-stack routers of the other preference
    /// (RFC 7552 section 6.1.1).
    DualStackPreferringIpv4,
}

impl Families {
    /// Whether IPv4 is one.
    pub const fn ipv4(self) -> bool {
        !matches!(self, Self::Ipv6)
    }

    /// Whether IPv6 is one.
    pub const fn ipv6(self) -> bool {
        !matches!(self, Self::Ipv4)
    }
}

/// The configuration of a router's protocols.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Ordered control; else independent.
    pub ordered: bool,
    /// Split horizon, where control is ordered.
    pub split_horizon: bool,
    /// Conservative retention; else liberal.
    pub conservative: bool,
    /// Downstream on demand is proposed; else downstream unsolicited.
    pub on_demand: bool,
    /// Loops are detected.
    pub loop_detection: bool,
    /// What the egress binds.
    pub egress_label: EgressLabel,
    /// Graceful restart.
    pub graceful_restart: bool,
    /// The Hello hold time, in seconds.
    pub hello_hold_time: u16,
    /// The KeepAlive Time, in seconds.
    pub keepalive_time: u16,
    /// The longest PDU, in octets.
    pub max_pdu_length: u16,
    /// No label is advertised.
    pub advertise_nothing: bool,
    /// No label of others is taken.
    pub accept_nothing: bool,
    /// The families of Hellos and sessions.
    pub families: Families,
    /// Routers with which there are targeted sessions; all routers accept them.
    pub targeted: BTreeSet<usize>,
    /// The protocols do not run on the interfaces of these links.
    pub disabled_links: BTreeSet<usize>,
    /// It has the second topology, if the network has one; else nothing of that is its.
    pub multi_topology: bool,
    /// Capabilities are told of when they change (RFC 5561); else that takes new sessions.
    pub dynamic_capabilities: bool,
    /// How many labels the label manager deals out; 0: all.
    pub labels: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ordered: false,
            split_horizon: false,
            conservative: false,
            on_demand: false,
            loop_detection: false,
            egress_label: EgressLabel::Implicit,
            graceful_restart: true,
            hello_hold_time: 15,
            keepalive_time: 180,
            max_pdu_length: 4096,
            advertise_nothing: false,
            accept_nothing: false,
            families: Families::Ipv4,
            targeted: BTreeSet::new(),
            disabled_links: BTreeSet::new(),
            multi_topology: true,
            dynamic_capabilities: true,
            labels: 0,
        }
    }
}

impl Settings {
    /// The settings of a router of which nothing particular is said, in a network of these families.
    pub fn of_network(families: Families) -> Self {
        Self {
            families,
            ..Self::default()
        }
    }

    /// The settings for a network without some routers and links: those that are left have new numbers.
    pub fn renumbered(
        &self,
        router: impl Fn(usize) -> Option<usize>,
        link: impl Fn(usize) -> Option<usize>,
    ) -> Self {
        let targeted = self.targeted.iter().copied().filter_map(router);
        let disabled_links = self.disabled_links.iter().copied().filter_map(link);
        Self {
            targeted: targeted.collect(),
            disabled_links: disabled_links.collect(),
            ..self.clone()
        }
    }
}
