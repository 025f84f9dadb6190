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

/// The configuration of a router's protocols.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Ordered control; else independent.
    pub ordered: bool,
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
    /// The protocols do not run on the interfaces of these links.
    pub disabled_links: BTreeSet<usize>,
    /// How many labels the label manager deals out; 0: all.
    pub labels: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ordered: false,
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
            disabled_links: BTreeSet::new(),
            labels: 0,
        }
    }
}
