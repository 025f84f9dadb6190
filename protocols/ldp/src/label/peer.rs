//! What is known of a peer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use super::store::{Fec, family};
use super::{PeerCounters, PeerParameters, Policy};
use crate::packet::{AddressFamily, AdvertisementDiscipline, TypedWildcard};
use crate::{LdpIdentifier, MultiTopologyId, PrefixFec};

/// A peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) id: LdpIdentifier,
    pub(super) parameters: PeerParameters,
    /// The session is up; otherwise its bindings are held.
    pub(super) up: bool,
    /// The session has to end: nothing more is taken from it.
    pub(super) ending: bool,
    /// The connection takes no more for now.
    pub(super) paused: bool,
    /// Something was not sent while it was paused.
    pub(super) missed: bool,
    /// How far the walk through all FECs is.
    pub(super) walk: Option<usize>,
    /// The walk is not about what it was told before only.
    pub(super) walks_again: bool,
    /// Where the walk stopped when the peer was paused: what is behind is not missed, but to come.
    pub(super) stopped_at: Option<usize>,
    /// Its addresses, and whether they are from before its restart.
    pub(super) addresses: BTreeMap<IpAddr, bool>,
    /// How many mappings of it are held.
    pub(super) received: usize,
    /// How many labels of this LSR it holds.
    pub(super) sent: usize,
    /// How many of its Label Requests are not answered.
    pub(super) requests: usize,
    /// It has label resources, as far as it said (RFC 5036 section 3.5.8.1).
    pub(super) may_be_asked: bool,
    /// FECs for which it is to be asked when it has label resources again.
    pub(super) postponed: Vec<usize>,
    /// The last Label Request for all FECs of each type.
    pub(super) asked_types: Vec<(u32, TypedWildcard)>,
    /// Types of FECs all of whose labels it is to be asked for then.
    pub(super) postponed_types: Vec<TypedWildcard>,
    /// It was told that there are no label resources here.
    pub(super) told_no_resources: bool,
    /// For what it is still owed an End-of-LIB (RFC 5919 section 4).
    pub(super) end_of_lib_owed: Vec<TypedWildcard>,
    /// Families whose End-of-LIB it sent.
    pub(super) end_of_lib: Vec<AddressFamily>,
    /// Its first advertisement is complete.
    pub(super) synchronized: bool,
    /// When its latest mapping came.
    pub(super) last_mapping: Instant,
    /// Until when stale bindings are kept.
    pub(super) stale_until: Option<Instant>,
    /// It answers a Label Withdraw without Label TLV by a Label Release that has one.
    pub(super) answers_with_label: bool,
    /// That it sends too many mappings was reported.
    pub(super) over_limit: bool,
    pub(super) counters: PeerCounters,
}

impl Peer {
    /// A peer whose session just came up.
    pub(super) fn new(id: LdpIdentifier, parameters: PeerParameters, now: Instant) -> Self {
        Self {
            id,
            parameters,
            up: true,
            ending: false,
            paused: false,
            missed: false,
            walk: None,
            walks_again: false,
            stopped_at: None,
            addresses: BTreeMap::new(),
            received: 0,
            sent: 0,
            requests: 0,
            may_be_asked: true,
            postponed: Vec::new(),
            asked_types: Vec::new(),
            postponed_types: Vec::new(),
            told_no_resources: false,
            end_of_lib_owed: Vec::new(),
            end_of_lib: Vec::new(),
            synchronized: false,
            last_mapping: now,
            stale_until: None,
            answers_with_label: false,
            over_limit: false,
            counters: PeerCounters::default(),
        }
    }

    /// The peer takes messages.
    pub(super) fn is_open(&self) -> bool {
        self.up && !self.ending
    }

    /// Labels are advertised on demand (RFC 7358: as negotiated, for prefixes).
    pub(super) fn on_demand(&self) -> bool {
        self.parameters.advertisement == AdvertisementDiscipline::DownstreamOnDemand
    }

    /// The state of a family's prefixes is exchanged: the session has the family (RFC 7552 section
    /// 7.2), and the peer did not ask to be spared (RFC 7473 section 4).
    pub(super) fn takes_family(&self, family: AddressFamily) -> bool {
        let (exchanged, application) = match family {
            AddressFamily::Ipv4 => (self.parameters.ipv4, 1),
            AddressFamily::Ipv6 => (self.parameters.ipv6, 2),
        };
        let controls = &self.parameters.capabilities.state_advertisement;
        exchanged
            && !controls
                .iter()
                .any(|control| control.application == application && control.disable)
    }

    /// The peer may be told a mapping of the FEC.
    pub(super) fn takes(&self, fec: &Fec, policy: &Policy) -> bool {
        let family = fec.family();
        self.is_open()
            && self.takes_family(family)
            && self.has_topology(family, fec.fec.topology)
            && policy.advertise.permits(&fec.fec.prefix, Some(self.id))
    }

    /// Bindings of a FEC are exchanged: the session has its family and its topology.
    pub(super) fn exchanges(&self, fec: &PrefixFec) -> bool {
        let family = family(fec);
        let exchanged = match family {
            AddressFamily::Ipv4 => self.parameters.ipv4,
            AddressFamily::Ipv6 => self.parameters.ipv6,
        };
        exchanged && self.has_topology(family, fec.topology)
    }

    /// The topology is negotiated (RFC 7307 section 3.5); the default one always is.
    fn has_topology(&self, family: AddressFamily, topology: MultiTopologyId) -> bool {
        topology == MultiTopologyId::DEFAULT
            || self
                .parameters
                .capabilities
                .multi_topology
                .contains(&TypedWildcard::Prefix { family, topology })
    }

    /// The types of prefixes whose bindings are exchanged: the families of the session, in the default topology and
    /// in those that are negotiated.
    pub(super) fn exchanged(&self) -> Vec<TypedWildcard> {
        let default =
            [AddressFamily::Ipv4, AddressFamily::Ipv6].map(|family| TypedWildcard::Prefix {
                family,
                topology: MultiTopologyId::DEFAULT,
            });
        let topologies = &self.parameters.capabilities.multi_topology;
        let mut exchanged: Vec<TypedWildcard> = Vec::new();
        for wildcard in default.iter().chain(topologies) {
            let TypedWildcard::Prefix { family, .. } = wildcard;
            let of_session = match family {
                AddressFamily::Ipv4 => self.parameters.ipv4,
                AddressFamily::Ipv6 => self.parameters.ipv6,
            };
            if of_session && !exchanged.contains(wildcard) {
                exchanged.push(wildcard.clone());
            }
        }
        exchanged
    }

    /// An End-of-LIB is owed for what the peer asked for; for all topologies, one for each (RFC 7307 section 4.2).
    pub(super) fn owe_end_of_lib(&mut self, asked: &TypedWildcard) {
        if !self.parameters.capabilities.unrecognized_notification {
            return;
        }
        let owed = match asked {
            TypedWildcard::Prefix {
                topology: MultiTopologyId::WILDCARD,
                ..
            } => {
                let mut each = self.exchanged();
                each.retain(|of| asked.covers(of));
                each
            }
            TypedWildcard::Prefix { .. } => vec![asked.clone()],
        };
        for of in owed {
            if !self.end_of_lib_owed.contains(&of) {
                self.end_of_lib_owed.push(of);
            }
        }
    }

    /// What an End-of-LIB is owed for, once all is advertised.
    pub(super) fn owes_end_of_lib(&self) -> Vec<TypedWildcard> {
        if !self.parameters.capabilities.unrecognized_notification {
            return Vec::new();
        }
        let mut owed = self.exchanged();
        owed.retain(|TypedWildcard::Prefix { family, .. }| self.takes_family(*family));
        owed
    }
}
