//! What links and LSPs carry (RFC 3988).

use std::sync::Arc;

use ipnet::IpNet;
use mpls::Label;
use rustc_hash::FxHashMap;

use crate::PrefixFec;

/// The octets of a label stack entry (RFC 3032 section 2.1).
const LABEL_OCTETS: u16 = 4;

/// The least MTU that a link of IP has: "every internet module must be able to forward a datagram of 68 octets without
/// further fragmentation" (RFC 791 section 3.2).
const LEAST_IPV4_MTU: u16 = 68;
/// The least one of IPv6: hosts do not send smaller packets, whatever they are told (RFC 8200 section 5).
const LEAST_IPV6_MTU: u16 = 1280;

/// The MTU that a peer told of an LSP, if it can be one. RFC 3988 has no word on others, such as 0: no packet could pass,
/// so that they are taken for no MTU at all.
pub(super) fn believed(told: Option<u16>, fec: &PrefixFec) -> Option<u16> {
    let least = match fec.prefix {
        IpNet::V4(_) => LEAST_IPV4_MTU,
        IpNet::V6(_) => LEAST_IPV6_MTU,
    };
    told.filter(|mtu| *mtu >= least)
}

/// What the link of an interface carries, in octets behind the link-layer header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkMtu {
    /// The largest IP packet.
    pub ip: u16,
    /// The largest labelled packet, with its labels (RFC 3032 section 3.1).
    pub labelled: u16,
}

impl LinkMtu {
    /// The largest packet that the link carries below this label.
    fn below(self, label: Label) -> u16 {
        if label == Label::IMPLICIT_NULL {
            self.ip
        } else {
            self.labelled.saturating_sub(LABEL_OCTETS)
        }
    }
}

/// The links' MTUs, by the names of the interfaces.
#[derive(Debug, Default)]
pub(super) struct LinkMtus(FxHashMap<Arc<str>, LinkMtu>);

impl LinkMtus {
    /// Records the MTU of an interface. Whether that is a change.
    pub(super) fn set(&mut self, interface: &str, mtu: Option<LinkMtu>) -> bool {
        let before = match mtu {
            Some(mtu) => self.0.insert(interface.into(), mtu),
            None => self.0.remove(interface),
        };
        before != mtu
    }

    /// The largest IP packet that leaves by an interface without a label.
    pub(super) fn unlabelled(&self, interface: &str) -> Option<u16> {
        self.0.get(interface).map(|mtu| mtu.ip)
    }

    /// The largest packet that goes through an LSP below its label, given the MTU that came with the label:
    /// the lesser of both.
    pub(super) fn of_lsp(
        &self,
        interface: &str,
        label: Label,
        received: Option<u16>,
    ) -> Option<u16> {
        let link = self.0.get(interface).map(|mtu| mtu.below(label));
        least(link, received)
    }

    /// The MTU that came with a label, if it is less than what the link carries below the label.
    pub(super) fn beyond_link(
        &self,
        interface: &str,
        label: Label,
        received: Option<u16>,
    ) -> Option<u16> {
        let received = received?;
        let link = self.0.get(interface).map(|mtu| mtu.below(label));
        // 65535 is how the egress says that there is no limit (section 2.3).
        (received < link.unwrap_or(u16::MAX)).then_some(received)
    }
}

/// The lesser of two MTUs, of which either may be unknown.
pub(super) fn least(one: Option<u16>, other: Option<u16>) -> Option<u16> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
