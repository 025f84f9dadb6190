//! Arbitrary messages, as far as an encoder may be given them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ldp::packet::{
    AddressFamily, AddressMessage, AdvertisementDiscipline, Body, Capabilities, CapabilityMessage,
    CryptographicAuthentication, DualStack, FaultTolerance, FecElement, GenericLabel, Hello,
    Initialization, LabelAbortRequest, LabelMapping, LabelRelease, LabelRequest, LabelWithdraw,
    Message, Notification, ReturnedTlv, StateAdvertisement, Status, StatusCode,
    TransportPreference, TypedWildcard, UnknownCapability, UnknownTlv,
};
use ldp::{LdpIdentifier, MultiTopologyId, PrefixFec};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

fn identifier() -> impl Strategy<Value = LdpIdentifier> {
    any::<(Ipv4Addr, u16)>().prop_map(|(lsr_id, label_space)| LdpIdentifier {
        lsr_id,
        label_space,
    })
}

fn topology() -> impl Strategy<Value = MultiTopologyId> {
    prop_oneof![
        Just(MultiTopologyId::DEFAULT),
        any::<u16>().prop_map(MultiTopologyId)
    ]
}

fn prefix() -> impl Strategy<Value = PrefixFec> {
    let prefix = prop_oneof![
        (any::<Ipv4Addr>(), 0..=32_u8).prop_map(|(address, length)| IpNet::V4(
            Ipv4Net::new(address, length).expect("a length")
        )),
        (any::<Ipv6Addr>(), 0..=128_u8).prop_map(|(address, length)| IpNet::V6(
            Ipv6Net::new(address, length).expect("a length")
        )),
    ];
    (topology(), prefix).prop_map(|(topology, prefix)| PrefixFec {
        topology,
        prefix: prefix.trunc(),
    })
}

fn typed_wildcard() -> impl Strategy<Value = TypedWildcard> {
    (
        select(vec![AddressFamily::Ipv4, AddressFamily::Ipv6]),
        topology(),
    )
        .prop_map(|(family, topology)| TypedWildcard::Prefix { family, topology })
}

fn prefixes() -> impl Strategy<Value = Vec<FecElement>> {
    // 10.0.0.0/8 of family 29 with MT-ID 0.
    let ignored = FecElement::Ignored {
        kind: 2,
        octets: vec![0, 29, 8, 10, 0, 0, 0, 0],
    };
    let element = prop_oneof![
        9 => prefix().prop_map(FecElement::Prefix),
        1 => Just(ignored),
    ];
    vec(element, 1..4)
}

fn fec_of_request() -> impl Strategy<Value = Vec<FecElement>> {
    prop_oneof![
        prefixes(),
        typed_wildcard().prop_map(|wildcard| vec![FecElement::TypedWildcard(wildcard)]),
    ]
}

fn fec_of_withdraw() -> impl Strategy<Value = Vec<FecElement>> {
    prop_oneof![fec_of_request(), Just(vec![FecElement::Wildcard])]
}

fn fec_of_notification() -> impl Strategy<Value = Vec<FecElement>> {
    let unknown = (6..=255_u8, vec(any::<u8>(), 0..12))
        .prop_map(|(kind, octets)| FecElement::Unknown { kind, octets });
    prop_oneof![
        Just(Vec::new()),
        fec_of_withdraw(),
        (prefixes(), unknown).prop_map(|(mut elements, unknown)| {
            elements.push(unknown);
            elements
        }),
    ]
}

fn label() -> impl Strategy<Value = GenericLabel> {
    (0..1_u32 << 20).prop_map(|value| GenericLabel::new(value).expect("20 bits"))
}

fn status() -> impl Strategy<Value = Status> {
    (0..1_u32 << 30, any::<(bool, bool, u32, u16)>()).prop_map(
        |(code, (fatal, forward, message_id, message_type))| Status {
            code: StatusCode(code),
            fatal,
            forward,
            message_id,
            message_type,
        },
    )
}

fn path_vector() -> impl Strategy<Value = Option<Vec<Ipv4Addr>>> {
    option::of(vec(any::<Ipv4Addr>(), 1..5))
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

fn hello() -> impl Strategy<Value = Hello> {
    let preference = prop_oneof![
        Just(TransportPreference::Ipv4),
        Just(TransportPreference::Ipv6),
        (7..16_u8).prop_map(TransportPreference::Other),
    ];
    let authentication =
        (any::<(u32, u64)>(), octets()).prop_map(|((security_association, sequence), data)| {
            CryptographicAuthentication {
                security_association,
                sequence,
                data,
            }
        });
    (
        any::<(u16, bool, bool, bool)>(),
        any::<(Option<Ipv4Addr>, Option<Ipv6Addr>, Option<u32>)>(),
        option::of(authentication),
        option::of(preference.prop_map(|preference| DualStack { preference })),
    )
        .prop_map(
            |(flags, (ipv4_transport, ipv6_transport, sequence), authentication, dual_stack)| {
                let (hold_time, targeted, request_targeted, gtsm) = flags;
                Hello {
                    hold_time,
                    targeted,
                    request_targeted,
                    gtsm,
                    ipv4_transport,
                    ipv6_transport,
                    configuration_sequence: sequence,
                    authentication,
                    dual_stack,
                }
            },
        )
}

/// Types of capabilities that nothing knows, each once.
fn unknown_capabilities(state: bool) -> impl Strategy<Value = Vec<UnknownCapability>> {
    subsequence(vec![0x0508_u16, 0x0510, 0x0604, 0x0902], 0..4)
        .prop_flat_map(|kinds| {
            let count = kinds.len();
            (Just(kinds), vec(octets(), count))
        })
        .prop_map(move |(kinds, data)| {
            kinds
                .into_iter()
                .zip(data)
                .map(|(kind, data)| UnknownCapability { kind, state, data })
                .collect()
        })
}

fn state_advertisements() -> impl Strategy<Value = Vec<StateAdvertisement>> {
    (subsequence(vec![1_u8, 2, 3, 4], 0..4), any::<bool>()).prop_map(|(applications, disable)| {
        applications
            .into_iter()
            .map(|application| StateAdvertisement {
                application,
                disable,
            })
            .collect()
    })
}

fn capabilities() -> impl Strategy<Value = Capabilities> {
    (
        any::<(bool, bool, bool)>(),
        vec(typed_wildcard(), 0..3),
        state_advertisements(),
        option::of(vec(any::<u16>(), 0..4)),
        unknown_capabilities(true),
    )
        .prop_map(
            |(known, multi_topology, state_advertisement, applications, unknown)| {
                let (dynamic_announcement, typed_wildcard, unrecognized_notification) = known;
                Capabilities {
                    dynamic_announcement,
                    typed_wildcard,
                    unrecognized_notification,
                    multi_topology,
                    state_advertisement,
                    targeted_applications: applications,
                    unknown,
                }
            },
        )
}

/// Each capability is in one of the two sets; of targeted applications some may be in both.
fn capability_message() -> impl Strategy<Value = CapabilityMessage> {
    (
        capabilities(),
        capabilities(),
        vec(any::<u16>(), 0..3),
        vec(any::<u16>(), 1..3),
        unknown_capabilities(false),
    )
        .prop_map(|(announced, other, enabled, disabled, unknown)| {
            let mut announced = announced;
            let mut withdrawn = Capabilities {
                typed_wildcard: other.typed_wildcard && !announced.typed_wildcard,
                unrecognized_notification: other.unrecognized_notification
                    && !announced.unrecognized_notification,
                dynamic_announcement: other.dynamic_announcement && !announced.dynamic_announcement,
                ..Capabilities::default()
            };
            if announced.multi_topology.is_empty() {
                withdrawn.multi_topology = other.multi_topology;
            }
            if announced.unknown.is_empty() {
                withdrawn.unknown = unknown;
            }
            if announced.targeted_applications.is_none() {
                withdrawn.targeted_applications = Some(Vec::new());
            } else if !enabled.is_empty() {
                announced.targeted_applications = Some(enabled);
                withdrawn.targeted_applications = Some(disabled);
            }
            CapabilityMessage {
                announced,
                withdrawn,
            }
        })
}

fn initialization() -> impl Strategy<Value = Initialization> {
    let fault_tolerance =
        any::<(u16, u32, u32)>().prop_map(|(flags, reconnect_timeout, recovery_time)| {
            FaultTolerance {
                flags,
                reconnect_timeout,
                recovery_time,
            }
        });
    let advertisement = select(vec![
        AdvertisementDiscipline::DownstreamUnsolicited,
        AdvertisementDiscipline::DownstreamOnDemand,
    ]);
    (
        any::<(u16, u16, bool, u8, u16)>(),
        advertisement,
        identifier(),
        option::of(fault_tolerance),
        capabilities(),
    )
        .prop_map(
            |(parameters, advertisement, receiver, fault_tolerance, capabilities)| {
                let (
                    protocol_version,
                    keepalive_time,
                    loop_detection,
                    path_vector_limit,
                    max_pdu_length,
                ) = parameters;
                Initialization {
                    protocol_version,
                    keepalive_time,
                    advertisement,
                    loop_detection,
                    path_vector_limit,
                    max_pdu_length,
                    receiver,
                    fault_tolerance,
                    capabilities,
                }
            },
        )
}

fn notification() -> impl Strategy<Value = Notification> {
    let returned_tlv = (any::<u16>(), octets()).prop_map(|(kind, value)| ReturnedTlv {
        octets: crate::octets::tlv(kind, &value),
    });
    (
        status(),
        any::<(Option<u32>, Option<u32>)>(),
        option::of(octets()),
        option::of(octets()),
        vec(returned_tlv, 0..3),
        fec_of_notification(),
    )
        .prop_map(
            |(status, numbers, returned_pdu, returned_message, returned_tlvs, fec)| {
                let (extended_status, request_id) = numbers;
                Notification {
                    status,
                    extended_status,
                    returned_pdu,
                    returned_message,
                    returned_tlvs,
                    fec,
                    request_id,
                }
            },
        )
}

fn address_message() -> impl Strategy<Value = AddressMessage> {
    prop_oneof![
        vec(any::<Ipv4Addr>().prop_map(IpAddr::V4), 0..6),
        vec(any::<Ipv6Addr>().prop_map(IpAddr::V6), 1..6),
    ]
    .prop_map(|addresses| AddressMessage { addresses })
}

pub(crate) fn label_mapping() -> impl Strategy<Value = LabelMapping> {
    (
        prefixes(),
        label(),
        any::<(Option<u32>, Option<u8>, Option<u16>, bool)>(),
        path_vector(),
        option::of(status()),
    )
        .prop_map(|(fec, label, optional, path_vector, status)| {
            let (request_id, hop_count, mtu, entropy_label_capable) = optional;
            LabelMapping {
                fec,
                label,
                request_id,
                hop_count,
                path_vector,
                mtu,
                entropy_label_capable,
                status,
                forwarded: Vec::new(),
            }
        })
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        notification().prop_map(|body| Body::Notification(Box::new(body))),
        hello().prop_map(|body| Body::Hello(Box::new(body))),
        initialization().prop_map(|body| Body::Initialization(Box::new(body))),
        Just(Body::KeepAlive),
        capability_message().prop_map(|body| Body::Capability(Box::new(body))),
        address_message().prop_map(Body::Address),
        address_message().prop_map(Body::AddressWithdraw),
        label_mapping().prop_map(Body::LabelMapping),
        (fec_of_request(), any::<Option<u8>>(), path_vector()).prop_map(
            |(fec, hop_count, path_vector)| Body::LabelRequest(LabelRequest {
                fec,
                hop_count,
                path_vector,
                forwarded: Vec::new(),
            })
        ),
        (fec_of_withdraw(), option::of(label()))
            .prop_map(|(fec, label)| Body::LabelWithdraw(LabelWithdraw { fec, label })),
        (fec_of_withdraw(), option::of(label()), option::of(status())).prop_map(
            |(fec, label, status)| Body::LabelRelease(LabelRelease { fec, label, status })
        ),
        (fec_of_request(), any::<u32>()).prop_map(|(fec, request_id)| Body::LabelAbortRequest(
            LabelAbortRequest { fec, request_id }
        )),
        (0x0500..0x4000_u16, octets()).prop_map(|(kind, value)| Body::Unknown { kind, value }),
    ]
}

/// Any message. Its unknown TLVs are vendor-private: others could be taken for capabilities.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    let unknown =
        (0x3E00..0x4000_u16, any::<bool>(), octets()).prop_map(|(kind, forward_bit, value)| {
            UnknownTlv {
                kind,
                unknown_bit: true,
                forward_bit,
                value,
            }
        });
    (any::<u32>(), body(), vec(unknown, 0..3)).prop_map(|(id, mut body, mut unknown)| {
        match &mut body {
            // All of an unknown message is its value.
            Body::Unknown { .. } => unknown.clear(),
            Body::LabelMapping(LabelMapping { forwarded, .. })
            | Body::LabelRequest(LabelRequest { forwarded, .. }) => {
                (*forwarded, unknown) = unknown.into_iter().partition(|tlv| tlv.forward_bit);
            }
            _ => {}
        }
        Message { id, body, unknown }
    })
}
