//! Attributes of Label Request and Label Mapping messages: RFC 5036 appendix A.2.6 to A.2.8, RFC 3988
//! section 2.3, RFC 6790 section 5.1.1.

use std::hash::Hasher;
use std::net::Ipv4Addr;

use rustc_hash::FxHasher;

use super::Policy;
use super::mtu::{LinkMtus, least};
use super::next_hop::Group;
use super::settle::Situation;
use super::store::{Fec, Sent};
use crate::packet::UnknownTlv;

/// Octets of unknown TLVs of a message that go along when it is propagated.
const FORWARDED_OCTETS: usize = 128;
/// Octets of type and length of a TLV (RFC 5036 section 3.3).
const TLV_HEADER_LENGTH: usize = 4;

/// The attributes that this LSR associates with the LSP of a FEC: RAttributes, put together from the
/// mappings of all next hops that are used.
#[derive(Debug, Clone, Default)]
pub(super) struct ReceivedAttributes {
    pub(super) hop_count: Option<u8>,
    pub(super) path_vector: Option<Vec<Ipv4Addr>>,
    /// Unknown TLVs that go along: those of all next hops.
    pub(super) forwarded: Vec<UnknownTlv>,
    pub(super) path_digest: u32,
    pub(super) mtu: Option<u16>,
    pub(super) entropy_label_capable: bool,
    /// A mapping of the next hop is being propagated, not only one of this LSR made.
    pub(super) propagating: bool,
    pub(super) egress: bool,
}

/// The attributes of a message that is to be sent: SAttributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SentAttributes {
    pub(super) hop_count: Option<u8>,
    pub(super) path_vector: Option<Vec<Ipv4Addr>>,
}

impl ReceivedAttributes {
    /// The attributes of a FEC as things are.
    pub(super) fn of(
        fec: &Fec,
        situation: &Situation,
        group: Option<&Group>,
        policy: &Policy,
        mtus: &LinkMtus,
    ) -> Self {
        let mut attributes = Self {
            egress: situation.egress,
            propagating: situation.labelled,
            ..Self::default()
        };
        if situation.egress {
            attributes.mtu = Some(u16::MAX);
            attributes.entropy_label_capable = policy.entropy_label_capable;
            return attributes;
        }
        attributes.entropy_label_capable = situation.labelled;
        let next_hops = group.map_or(&[][..], |group| &group.route.next_hops);
        let mut any = false;
        for (hop, next_hop) in situation.hops.iter().zip(next_hops) {
            let received = hop.label().and_then(|_| fec.received_from(hop.peer()));
            let Some(received) = received else {
                // Transit packets do not go there, unless no next hop has a label.
                if !situation.labelled {
                    let link = mtus.unlabelled(&next_hop.interface);
                    attributes.mtu = least(attributes.mtu, link);
                }
                continue;
            };
            // Loops may be behind any of the next hops: the longest way counts.
            attributes.hop_count = match (attributes.hop_count, received.hop_count) {
                (Some(0), _) | (_, Some(0)) => Some(0),
                (one, other) => one.max(other),
            };
            if any {
                let others = received.forwarded();
                attributes.forwarded.retain(|tlv| others.contains(tlv));
            } else {
                attributes.forwarded = received.forwarded().to_vec();
            }
            any = true;
            if let Some(path) = received.path_vector() {
                let all = attributes.path_vector.get_or_insert_default();
                for lsr in path {
                    if !all.contains(lsr) {
                        all.push(*lsr);
                    }
                }
            }
            let lsp = mtus.of_lsp(&next_hop.interface, received.label, received.mtu);
            attributes.mtu = least(attributes.mtu, lsp);
            attributes.entropy_label_capable &= received.entropy_label_capable;
        }
        if attributes.path_vector.is_some() || !attributes.forwarded.is_empty() {
            let path = attributes.path_vector.as_deref().unwrap_or_default();
            attributes.path_digest = digest(path, &attributes.forwarded);
        }
        attributes
    }

    /// Whether a mapping with this LSR in its path vector would be longer than the limit: then it "will
    /// behave as if a loop had been detected for the FEC" (section 3.5.3, PVLim), and sends none.
    pub(super) fn exceeds(&self, policy: &Policy) -> bool {
        has_no_room(policy, self.hop_count, self.path_vector.as_deref())
    }

    /// Whether the attributes are consistent with those that were sent to a peer before (LMp.23).
    pub(super) fn are_consistent_with(
        &self,
        sent: &Sent,
        attributes: &SentAttributes,
        mtu: Option<u16>,
    ) -> bool {
        sent.hop_count == attributes.hop_count
            && sent.path_digest == self.path_digest
            && sent.mtu == mtu
            && sent.entropy_label_capable == self.entropy_label_capable
    }
}

/// Unknown TLVs of a message that are kept to go along: the first of them, of 128 octets in all, as a peer may
/// send them with each of its mappings.
pub(super) fn bounded(tlvs: &[UnknownTlv]) -> Vec<UnknownTlv> {
    let mut octets = 0;
    let fitting = tlvs.iter().take_while(|tlv| {
        octets += TLV_HEADER_LENGTH + tlv.value.len();
        octets <= FORWARDED_OCTETS
    });
    fitting.cloned().collect()
}

/// A digest that is not 0, so that 0 says that there is nothing.
fn digest(path: &[Ipv4Addr], forwarded: &[UnknownTlv]) -> u32 {
    let mut hasher = FxHasher::default();
    for lsr in path {
        hasher.write_u32(lsr.to_bits());
    }
    for tlv in forwarded {
        hasher.write_u16(tlv.kind);
        hasher.write(&tlv.value);
    }
    let bits = hasher.finish();
    // Both halves count; the cast takes the lower one.
    ((bits ^ (bits >> 32)) as u32).max(1)
}

/// Unknown + 1 = unknown (appendix A.2.7, note 2).
fn increment(hop_count: u8) -> u8 {
    match hop_count {
        0 => 0,
        known => known.saturating_add(1),
    }
}

/// Whether attributes that were received show a loop: Check_Received_Attributes (appendix A.2.6).
///
/// The algorithm looks at a Path Vector only if there is a Hop Count (CRa.1); section 2.8 asks for
/// both checks apart, and is followed, as a path vector with this LSR in it is a loop in any case.
pub(super) fn check_received_attributes(
    policy: &Policy,
    hop_count: Option<u8>,
    path_vector: Option<&[Ipv4Addr]>,
) -> LoopCheck {
    // CRa.1, CRa.2.
    if hop_count.is_some_and(|count| count > policy.loop_detection.max_hop_count) {
        return LoopCheck::LoopDetected;
    }
    // CRa.3, CRa.4.
    let looped = path_vector.is_some_and(|path| {
        path.contains(&policy.lsr_id)
            || path.len() > usize::from(policy.loop_detection.max_path_vector)
    });
    if looped {
        LoopCheck::LoopDetected
    } else {
        LoopCheck::NoLoopDetected
    }
}

/// What Check_Received_Attributes returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopCheck {
    /// CRa.5.
    NoLoopDetected,
    /// CRa.8.
    LoopDetected,
}

/// Whether a path vector would be too long with one LSR more, or a hop count cannot be incremented.
pub(super) fn has_no_room(
    policy: &Policy,
    hop_count: Option<u8>,
    path_vector: Option<&[Ipv4Addr]>,
) -> bool {
    let detection = &policy.loop_detection;
    let is_long = |path: &[Ipv4Addr]| path.len() >= usize::from(detection.max_path_vector);
    hop_count == Some(u8::MAX) || (detection.enabled && path_vector.is_some_and(is_long))
}

fn prepend(lsr: Ipv4Addr, path: &[Ipv4Addr]) -> Vec<Ipv4Addr> {
    let mut longer = Vec::with_capacity(path.len() + 1);
    longer.push(lsr);
    longer.extend_from_slice(path);
    longer
}

/// Prepare_Label_Request_Attributes (appendix A.2.7), for an LSR that merges. `received` is the request
/// that is propagated; without one the LSR asks as ingress.
pub(super) fn prepare_label_request_attributes(
    policy: &Policy,
    received: Option<(Option<u8>, Option<&[Ipv4Addr]>)>,
) -> SentAttributes {
    let loop_detection = policy.loop_detection.enabled;
    let mut attributes = SentAttributes::default();
    match received {
        // PRqA.2 to PRqA.5.
        None if loop_detection => attributes.hop_count = Some(1),
        None => {}
        Some((hop_count, path_vector)) => {
            // PRqA.1.
            if hop_count.is_none() && !loop_detection {
                return attributes;
            }
            // PRqA.6 to PRqA.8.
            attributes.hop_count = Some(hop_count.map_or(0, increment));
            // PRqA.9 to PRqA.12.
            if loop_detection {
                attributes.path_vector = path_vector.map(|path| prepend(policy.lsr_id, path));
            }
        }
    }
    attributes
}

/// Prepare_Label_Mapping_Attributes (appendix A.2.8), for an LSR that merges. `previous` is the mapping
/// that the peer has of the FEC.
pub(super) fn prepare_label_mapping_attributes(
    policy: &Policy,
    received: &ReceivedAttributes,
    previous: Option<&Sent>,
) -> SentAttributes {
    let mut attributes = SentAttributes::default();
    // PMpA.4.
    if received.hop_count.is_none() && !policy.loop_detection.enabled {
        return attributes;
    }
    // PMpA.5, PMpA.6.
    if received.egress {
        attributes.hop_count = Some(1);
        return attributes;
    }
    // PMpA.7, PMpA.10, PMpA.11.
    attributes.hop_count = Some(received.hop_count.map_or(0, increment));
    // PMpA.12.
    if !policy.loop_detection.enabled {
        return attributes;
    }
    let own = || Some(vec![policy.lsr_id]);
    attributes.path_vector = match (&received.path_vector, previous) {
        // PMpA.13, PMpA.22.
        (Some(path), _) => Some(prepend(policy.lsr_id, path)),
        // PMpA.14.
        (None, _) if !received.propagating => own(),
        // PMpA.15, PMpA.16.
        (None, None) => own(),
        (None, Some(previous)) => {
            // The hop count that was associated with the LSP when the mapping was sent.
            let before = previous
                .hop_count
                .map_or(0, |count| count.saturating_sub(1));
            match received.hop_count {
                // PMpA.17.
                None => None,
                // PMpA.18.
                Some(0) => own(),
                // PMpA.20, PMpA.21.
                Some(count) if count != before && (count > before || before == 0) => own(),
                Some(_) => None,
            }
        }
    };
    attributes
}
