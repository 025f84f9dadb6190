//! Capabilities (RFC 5561) in Initialization and Capability messages.

use nom::combinator::{map, rest};
use nom::multi::many0;
use nom::number::complete::{be_u16, u8};
use rustc_hash::FxHashSet;

use super::tlv::{Tlv, Tlvs, UNKNOWN_BIT, kind, put_tlv};
use super::{Problem, TypedWildcard, UnknownTlv};

/// The S bit.
const STATE: u8 = 0x80;
/// The D bit of a State Advertisement Control element (RFC 7473 section 4.1).
const DISABLE: u8 = 0x80;
/// The application of a State Advertisement Control Element: three bits above four that are not used.
const APPLICATION_SHIFT: u32 = 4;
const APPLICATION_MASK: u8 = 0x7;
/// The E bit of a Targeted Application element (RFC 8223 section 2.1).
const ENABLE: u16 = 0x8000;

/// What an LSR announced that it is capable of. In an Initialization message a capability is there
/// or not; a Capability message turns some on or off (the S bit).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Dynamic Announcement, 0x0506 (RFC 5561 section 9).
    pub dynamic_announcement: bool,
    /// Typed Wildcard FEC, 0x050B (RFC 5918 section 4).
    pub typed_wildcard: bool,
    /// Unrecognized Notification, 0x0603 (RFC 5919 section 3).
    pub unrecognized_notification: bool,
    /// Multi-topology, 0x050C: the topologies of each family (RFC 7307 section 3.5); empty if the
    /// TLV is not there.
    pub multi_topology: Vec<super::TypedWildcard>,
    /// State Advertisement Control, 0x050D (RFC 7473 section 3); empty if the TLV is not there.
    pub state_advertisement: Vec<StateAdvertisement>,
    /// Targeted Application Capability, 0x050F: the applications' TA-Ids (RFC 8223 section 2.1). What a
    /// Capability message withdraws are applications (E bit clear); an empty list there withdraws the
    /// whole capability (S bit clear).
    pub targeted_applications: Option<Vec<u16>>,
    /// Capabilities that nothing here knows and that have the U bit set.
    pub unknown: Vec<UnknownCapability>,
}

/// What the state of one application is advertised like (RFC 7473 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateAdvertisement {
    /// 1: IPv4 prefix LSPs; 2: IPv6 prefix LSPs; 3: FEC 128 PWs; 4: FEC 129 PWs.
    pub application: u8,
    /// The D bit: the peer is to send no state of it.
    pub disable: bool,
}

/// A capability that nothing here knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCapability {
    /// The type of the TLV, without U and F bits.
    pub kind: u16,
    /// The S bit: announced, not withdrawn.
    pub state: bool,
    /// The data of the capability.
    pub data: Vec<u8>,
}

/// A Capability message (RFC 5561 section 6.1): capabilities that are turned on or off during a
/// session.
///
/// A capability is there at most once in a message (RFC 5561 section 3), so it is in one of the two;
/// only of targeted applications some may be announced and others withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CapabilityMessage {
    /// Those with the S bit set.
    pub announced: Capabilities,
    /// Those with the S bit clear.
    pub withdrawn: Capabilities,
}

/// The capabilities of a message so far: each may be there once only.
#[derive(Debug, Default)]
pub(super) struct Seen(FxHashSet<u16>);

impl Seen {
    /// A second TLV of a type ends the session (RFC 5561 section 3).
    fn check(&mut self, tlv: &Tlv<'_>) -> Result<(), Problem> {
        if self.0.insert(tlv.kind) {
            Ok(())
        } else {
            Err(Problem::RepeatedCapability {
                kind: tlv.kind,
                octets: tlv.octets.to_vec(),
            })
        }
    }
}

/// Whether a TLV that nothing here knows, with the U bit set, can be a capability: it has the octet of
/// the S bit, its F bit is clear (RFC 5561 section 3), and its type is not a vendor's or an experiment's.
pub(super) fn is_unknown_capability(tlv: &Tlv<'_>) -> bool {
    tlv.unknown_bit
        && !tlv.forward_bit
        && !tlv.value.is_empty()
        && tlv.kind < kind::FIRST_VENDOR_PRIVATE
        && tlv.kind != kind::STATUS
}

/// The first octet of a capability, which has the S bit, and its data.
fn state_and_data<'a>(tlv: &Tlv<'a>) -> Result<(bool, &'a [u8]), Problem> {
    tlv.parse(
        map((u8, rest), |(octet, data): (u8, &[u8])| {
            (octet & STATE != 0, data)
        }),
        "a state and data: 1 octet or more",
    )
}

/// The elements of State Advertisement Control (RFC 7473 section 4.1): other applications are left
/// out; where one is there twice, all of the TLV is.
fn state_advertisements(data: &[u8]) -> Vec<StateAdvertisement> {
    let mut elements: Vec<StateAdvertisement> = Vec::new();
    for octet in data {
        let application = (octet >> APPLICATION_SHIFT) & APPLICATION_MASK;
        if !(1..=4).contains(&application) {
            continue;
        }
        if elements
            .iter()
            .any(|element| element.application == application)
        {
            return Vec::new();
        }
        elements.push(StateAdvertisement {
            application,
            disable: octet & DISABLE != 0,
        });
    }
    elements
}

/// The TA-Ids of a Targeted Application Capability that are enabled, and those that are not.
fn targeted_applications(tlv: &Tlv<'_>) -> Result<(Vec<u16>, Vec<u16>), Problem> {
    let elements = tlv.parse(
        map((u8, many0((be_u16, be_u16))), |(_state, elements)| elements),
        "a state and elements of 4 octets",
    )?;
    let (enabled, disabled): (Vec<_>, Vec<_>) = elements
        .into_iter()
        .partition(|(_, flags)| flags & ENABLE != 0);
    let ids = |elements: Vec<(u16, u16)>| elements.into_iter().map(|(id, _)| id).collect();
    Ok((ids(enabled), ids(disabled)))
}

fn put_capability(out: &mut Vec<u8>, kind: u16, state: bool, data: impl FnOnce(&mut Vec<u8>)) {
    put_tlv(out, kind | UNKNOWN_BIT, |out| {
        out.push(if state { STATE } else { 0 });
        data(out);
    });
}

fn put_targeted_applications(out: &mut Vec<u8>, enabled: &[u16], disabled: &[u16]) {
    put_capability(out, kind::TARGETED_APPLICATION_CAPABILITY, true, |out| {
        for (ids, flags) in [(enabled, ENABLE), (disabled, 0)] {
            for id in ids {
                out.extend_from_slice(&id.to_be_bytes());
                out.extend_from_slice(&flags.to_be_bytes());
            }
        }
    });
}

impl Capabilities {
    /// Takes a capability that is known here, as one that is announced; `false`: it is not known.
    pub(super) fn decode_known(&mut self, tlv: &Tlv<'_>, seen: &mut Seen) -> Result<bool, Problem> {
        match tlv.kind {
            kind::DYNAMIC_CAPABILITY_ANNOUNCEMENT
            | kind::TYPED_WILDCARD_CAPABILITY
            | kind::UNRECOGNIZED_NOTIFICATION_CAPABILITY
            | kind::MULTI_TOPOLOGY_CAPABILITY
            | kind::STATE_ADVERTISEMENT_CONTROL_CAPABILITY
            | kind::TARGETED_APPLICATION_CAPABILITY => {}
            _ => return Ok(false),
        }
        seen.check(tlv)?;
        let (_, data) = state_and_data(tlv)?;
        match tlv.kind {
            kind::DYNAMIC_CAPABILITY_ANNOUNCEMENT => self.dynamic_announcement = true,
            kind::TYPED_WILDCARD_CAPABILITY => self.typed_wildcard = true,
            kind::UNRECOGNIZED_NOTIFICATION_CAPABILITY => self.unrecognized_notification = true,
            kind::MULTI_TOPOLOGY_CAPABILITY => {
                self.multi_topology = TypedWildcard::decode_all(tlv, data)?;
            }
            kind::STATE_ADVERTISEMENT_CONTROL_CAPABILITY => {
                self.state_advertisement = state_advertisements(data);
            }
            _ => self.targeted_applications = Some(targeted_applications(tlv)?.0),
        }
        Ok(true)
    }

    /// Takes a capability that is not known here.
    pub(super) fn decode_unknown(&mut self, tlv: &Tlv<'_>, seen: &mut Seen) -> Result<(), Problem> {
        seen.check(tlv)?;
        let (state, data) = state_and_data(tlv)?;
        self.unknown.push(UnknownCapability {
            kind: tlv.kind,
            state,
            data: data.to_vec(),
        });
        Ok(())
    }

    /// Appends the TLVs, all with the S bit set except for unknown ones.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.encode_all_but_applications(out, true);
        if let Some(ids) = &self.targeted_applications {
            put_targeted_applications(out, ids, &[]);
        }
        self.encode_unknown(out);
    }

    fn encode_all_but_applications(&self, out: &mut Vec<u8>, state: bool) {
        for (there, kind) in [
            (
                self.dynamic_announcement,
                kind::DYNAMIC_CAPABILITY_ANNOUNCEMENT,
            ),
            (self.typed_wildcard, kind::TYPED_WILDCARD_CAPABILITY),
            (
                self.unrecognized_notification,
                kind::UNRECOGNIZED_NOTIFICATION_CAPABILITY,
            ),
        ] {
            if there {
                put_capability(out, kind, state, |_| {});
            }
        }
        if !self.multi_topology.is_empty() {
            put_capability(out, kind::MULTI_TOPOLOGY_CAPABILITY, state, |out| {
                for wildcard in &self.multi_topology {
                    wildcard.encode(out);
                }
            });
        }
        // This capability cannot be withdrawn (RFC 7473 section 4.1).
        if state && !self.state_advertisement.is_empty() {
            put_capability(
                out,
                kind::STATE_ADVERTISEMENT_CONTROL_CAPABILITY,
                true,
                |out| {
                    for element in &self.state_advertisement {
                        let disable = if element.disable { DISABLE } else { 0 };
                        let application = element.application & APPLICATION_MASK;
                        out.push(disable | application << APPLICATION_SHIFT);
                    }
                },
            );
        }
    }

    fn encode_unknown(&self, out: &mut Vec<u8>) {
        for capability in &self.unknown {
            put_capability(out, capability.kind, capability.state, |out| {
                out.extend_from_slice(&capability.data);
            });
        }
    }
}

impl CapabilityMessage {
    pub(super) fn decode(tlvs: Tlvs<'_>, unknown: &mut Vec<UnknownTlv>) -> Result<Self, Problem> {
        let mut message = Self::default();
        let mut seen = Seen::default();
        for tlv in tlvs {
            let tlv = tlv?;
            match tlv.kind {
                // A Backward Compatibility TLV is ignored (RFC 5561 section 4), and a Status TLV may be
                // anywhere.
                kind::FT_SESSION | kind::STATUS => unknown.push(UnknownTlv {
                    kind: tlv.kind,
                    unknown_bit: tlv.unknown_bit,
                    forward_bit: tlv.forward_bit,
                    value: tlv.value.to_vec(),
                }),
                kind::TARGETED_APPLICATION_CAPABILITY => {
                    seen.check(&tlv)?;
                    let (state, _) = state_and_data(&tlv)?;
                    let (enabled, disabled) = targeted_applications(&tlv)?;
                    if !state {
                        message.withdrawn.targeted_applications = Some(Vec::new());
                    } else {
                        if !enabled.is_empty() || disabled.is_empty() {
                            message.announced.targeted_applications = Some(enabled);
                        }
                        if !disabled.is_empty() {
                            message.withdrawn.targeted_applications = Some(disabled);
                        }
                    }
                }
                _ => {
                    let there = if tlv.value.first().is_some_and(|octet| octet & STATE != 0) {
                        &mut message.announced
                    } else {
                        &mut message.withdrawn
                    };
                    if there.decode_known(&tlv, &mut seen)? {
                        // It cannot be withdrawn (RFC 7473 section 4.1).
                        message.withdrawn.state_advertisement.clear();
                    } else if is_unknown_capability(&tlv) {
                        there.decode_unknown(&tlv, &mut seen)?;
                    } else if tlv.unknown_bit {
                        tlv.unknown(unknown)?;
                    } else {
                        return Err(Problem::UnsupportedCapability {
                            kind: tlv.kind,
                            octets: tlv.octets.to_vec(),
                        });
                    }
                }
            }
        }
        Ok(message)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.announced.encode_all_but_applications(out, true);
        self.withdrawn.encode_all_but_applications(out, false);
        match (
            &self.announced.targeted_applications,
            &self.withdrawn.targeted_applications,
        ) {
            (None, None) => {}
            (None, Some(withdrawn)) if withdrawn.is_empty() => {
                put_capability(out, kind::TARGETED_APPLICATION_CAPABILITY, false, |_| {});
            }
            (announced, withdrawn) => put_targeted_applications(
                out,
                announced.as_deref().unwrap_or_default(),
                withdrawn.as_deref().unwrap_or_default(),
            ),
        }
        self.announced.encode_unknown(out);
        self.withdrawn.encode_unknown(out);
    }
}
