//! Every entry has its place in the tables of mpls.p4.

use dataplane::{
    Bucket, ControlPacket, Exit, FtnValue, IlmValue, InterfaceValue, Key, MulticastGroupId,
    NhlfeId, NhlfeValue, PathGroupId, PathGroupValue, PuntRate, PuntReason, Push, ServiceMatch,
    Table, TunnelId, Value, check_program, decode, encode,
};
use forwarding::{
    Behaviour, Codes, Dscp, IlmKey, LabelSpace, MacAddress, PathRole, Payload, Pcp, Phb,
    ProtectionId, QosMapId, TailEnd, Tunnel, TunnelEnd, TunnelKind, TunnelModel, VlanId, VrfId,
};
use mpls::TrafficClass;
use p4runtime_client::{Pipeline, Schema};
use p4runtime_proto::p4::v1;

use crate::support::{NEIGHBOUR_MAC, ROUTER_MAC, label, pipeline, schema};

fn nhlfe(push: Option<Push>, vlan: Option<u16>) -> Value {
    Value::Nhlfe(NhlfeValue {
        source: ROUTER_MAC,
        destination: NEIGHBOUR_MAC,
        vlan: vlan.map(|vlan| VlanId::new(vlan).unwrap()),
        qos_map: QosMapId(255),
        push,
    })
}

fn push(labels: &[u32], model: TunnelModel) -> Push {
    Push {
        labels: labels.iter().map(|&value| label(value)).collect(),
        model,
        entropy_label: None,
        control_word: false,
        upstream_assigned: false,
        tunnel: None,
    }
}

fn nhlfes() -> Vec<(Key, Value)> {
    let values = [
        nhlfe(None, None),
        nhlfe(Some(push(&[16], TunnelModel::Pipe)), Some(4094)),
        nhlfe(
            Some(Push {
                upstream_assigned: true,
                ..push(&[16, 17], TunnelModel::Uniform)
            }),
            None,
        ),
        nhlfe(
            Some(Push {
                control_word: true,
                ..push(&[16, 17, 18], TunnelModel::ShortPipe)
            }),
            None,
        ),
        nhlfe(
            Some(Push {
                entropy_label: Some(4),
                tunnel: Some(TunnelId(65535)),
                ..push(&[16, 17, 18, 0], TunnelModel::Uniform)
            }),
            Some(1),
        ),
        Value::ToAttachmentCircuit(None),
        Value::ToAttachmentCircuit(Some(VlanId::new(7).unwrap())),
    ];
    let ids = (0..).map(|index| Key::Nhlfe(NhlfeId(u32::MAX - index)));
    ids.zip(values).collect()
}

fn groups() -> Vec<(Key, Value)> {
    let exit = |nhlfe, port| Exit {
        nhlfe: NhlfeId(nhlfe),
        port,
        max_length: 1500,
    };
    let bucket = |backup| {
        Value::PathBucket(Bucket {
            primary: exit(1, 2),
            backup,
        })
    };
    let group = PathGroupId(9);
    let sets = |protection, working_buckets, protecting_buckets| {
        Value::PathGroup(PathGroupValue {
            protection,
            working_buckets,
            protecting_buckets,
            hash_shift: 22,
        })
    };
    let multicast = MulticastGroupId(65535);
    vec![
        (Key::PathBucket(group, PathRole::Working, 0), bucket(None)),
        (
            Key::PathBucket(group, PathRole::Protecting, 1023),
            bucket(Some(exit(u32::MAX, 509))),
        ),
        (
            Key::PathGroup(group),
            sets(ProtectionId::new(65535).ok(), 1024, 16),
        ),
        (Key::PathGroup(PathGroupId(1)), sets(None, 1, 1)),
        (Key::Branch(multicast, 1), Value::Branch(NhlfeId(1))),
        (
            Key::Branch(multicast, 65535),
            Value::LookUpAgain(LabelSpace(0x8001)),
        ),
    ]
}

fn ftn() -> Vec<(Key, Value)> {
    let group = PathGroupId(9);
    let ftn = |prefix: &str| Key::Ftn(VrfId(7), prefix.parse().unwrap());
    let circuit = Value::AttachmentCircuit(group, QosMapId(1));
    let replicate = FtnValue::Replicate(MulticastGroupId(3), 1400);
    vec![
        (ftn("10.2.0.0/24"), Value::Ftn(FtnValue::Forward(group))),
        (ftn("239.1.1.1/32"), Value::Ftn(replicate)),
        (ftn("ff05::1/128"), Value::Ftn(replicate)),
        (ftn("0.0.0.0/0"), Value::Ftn(FtnValue::Discard)),
        (ftn("255.255.255.255/32"), Value::Ftn(FtnValue::ToRouter)),
        (ftn("2001:db8::/32"), Value::Ftn(FtnValue::Glean)),
        (ftn("::/0"), Value::Ftn(FtnValue::Forward(group))),
        (Key::Interface(4, VlanId::new(5).ok()), circuit.clone()),
        (Key::AttachmentPort(6), circuit),
    ]
}

fn settings() -> Vec<(Key, Value)> {
    let rate = PuntRate {
        rate: 1000,
        burst: 100,
    };
    let vlan = VlanId::new(100).ok();
    let class = TrafficClass::new(7).unwrap();
    let behaviour = Behaviour {
        phb: Phb::new(46).unwrap(),
        congestion: true,
    };
    let calm = Behaviour {
        congestion: false,
        ..behaviour
    };
    let dscp = Dscp::new(63).unwrap();
    let codes = Codes {
        traffic_class: class,
        dscp,
        pcp: Pcp::new(5).unwrap(),
    };
    let map = QosMapId(200);
    let protection = ProtectionId::new(9).unwrap();
    let mut entries = vec![
        (Key::PuntPolicy(3), Value::PuntMetered(rate)),
        (Key::PuntPolicy(4), Value::PuntDrop),
        (
            Key::Interface(5, vlan),
            Value::Interface(InterfaceValue {
                mpls_enabled: true,
                vrf: VrfId(65535),
                label_space: LabelSpace(2),
                qos_map: QosMapId(4),
            }),
        ),
        (
            Key::StationMac(0, MacAddress([0, 0, 0, 0, 0, 1])),
            Value::Admit,
        ),
        (
            Key::UpstreamContext(5, vlan, NEIGHBOUR_MAC),
            Value::LabelSpace(LabelSpace(0x8000)),
        ),
        (Key::TcToPhb(map, class), Value::Behaviour(behaviour)),
        (Key::DscpToPhb(map, dscp), Value::Behaviour(calm)),
        (Key::PhbEncoding(map, behaviour), Value::Codes(codes)),
        (Key::CongestionMark(map, class), Value::TrafficClass(class)),
        (Key::Topology(VrfId(0), dscp), Value::Topology(VrfId(3996))),
        (
            Key::ProtectionState(protection),
            Value::Select(PathRole::Protecting),
        ),
        (
            Key::TailSelector(protection),
            Value::Select(PathRole::Working),
        ),
        (Key::PortState(509), Value::PortDown),
    ];
    let control = ControlPacket::defaults();
    entries.extend(
        control
            .into_iter()
            .map(|(kind, reason)| (Key::ControlPacket(kind, 10), Value::Punt(reason))),
    );
    let services = ServiceMatch::defaults();
    entries.extend(
        services
            .into_iter()
            .map(|(service, reason)| (Key::ServiceClass(service, 10), Value::Punt(reason))),
    );
    entries
}

fn tunnels() -> Vec<(Key, Value)> {
    let ends = [
        ("192.0.2.1", "198.51.100.0/24"),
        ("2001:db8::1", "2001:db8:1::/48"),
    ];
    let mut entries = Vec::new();
    for (at, kind) in [TunnelKind::Udp, TunnelKind::Gre, TunnelKind::Ip]
        .into_iter()
        .enumerate()
    {
        for (version, (address, sources)) in ends.iter().enumerate() {
            let (vrf, destination) = (VrfId(3), address.parse().unwrap());
            let sources = [None, Some(sources.parse().unwrap())];
            entries.extend(sources.map(|source| {
                let end = TunnelEnd {
                    vrf,
                    kind,
                    destination,
                    source,
                };
                (Key::TunnelEnd(end), Value::LabelSpace(LabelSpace(1)))
            }));
            let dscp = Dscp::new(10).unwrap();
            let tunnel = Tunnel::new(kind, destination, destination, 255, dscp).unwrap();
            let id = TunnelId((at * 2 + version + 1) as u16);
            entries.push((Key::Tunnel(id), Value::Tunnel(tunnel)));
        }
    }
    entries
}

fn ilm() -> Vec<(Key, Value)> {
    let group = PathGroupId(9);
    let key = IlmKey {
        label_space: LabelSpace(3),
        label: label(1_048_575),
    };
    let payload = Payload::Ipv6;
    let qos_map = QosMapId(6);
    let tail_end = Some(TailEnd {
        protection: ProtectionId::new(300).unwrap(),
        role: PathRole::Protecting,
    });
    let values = [
        IlmValue::Swap { group, qos_map },
        IlmValue::PopAndForward {
            group,
            payload: None,
            model: TunnelModel::Pipe,
            qos_map,
        },
        IlmValue::PopAndForward {
            group,
            payload: Some(Payload::Ipv4),
            model: TunnelModel::Uniform,
            qos_map,
        },
        IlmValue::PopAndLookUpIp {
            vrf: VrfId(9),
            payload,
            model: TunnelModel::ShortPipe,
            qos_map,
            tail_end,
        },
        IlmValue::PopAndLookUpLabel {
            label_space: LabelSpace::EXTENDED_SPECIAL_PURPOSE,
            model: TunnelModel::Uniform,
            qos_map,
            tail_end: None,
        },
        IlmValue::PopToAttachmentCircuit {
            group,
            control_word: true,
            qos_map,
            tail_end,
        },
        IlmValue::Replicate {
            group: MulticastGroupId(2),
            max_length: 1492,
            qos_map,
        },
        IlmValue::ExplicitNull {
            payload,
            model: TunnelModel::Pipe,
        },
        IlmValue::EntropyLabelIndicator {
            payload: None,
            model: TunnelModel::Uniform,
        },
        IlmValue::Punt(PuntReason::GAch),
        IlmValue::Discard,
    ];
    let keys = (0..3).cycle().map(|stage| Key::Ilm(stage, key));
    keys.zip(values.map(Value::Ilm)).collect()
}

fn every_entry() -> Vec<(Key, Value)> {
    [nhlfes(), groups(), ftn(), settings(), tunnels(), ilm()].concat()
}

/// A table without an entry here would be one that the tests forgot.
#[test]
fn every_table_is_tried() {
    let tried: Vec<Table> = every_entry().iter().map(|(key, _)| key.table()).collect();
    for table in Table::ALL.into_iter().filter(|table| table.is_in_program()) {
        assert!(tried.contains(&table), "{table}");
    }
}

#[test]
fn the_program_has_all_that_is_needed() {
    assert_eq!(check_program(&schema()), Ok(()));
    let mut info = pipeline().p4info().clone();
    info.tables.retain(|table| {
        table
            .preamble
            .as_ref()
            .is_none_or(|preamble| preamble.alias != "ilm_third")
    });
    let error = check_program(&Schema::new(&info).unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("no table ilm_third"), "{error}");
}

#[test]
fn every_entry_round_trips() {
    let schema = schema();
    for (key, value) in every_entry() {
        let entry = encode(&schema, &key, &value).unwrap();
        let sent = schema.decode_entry(&v1::TableEntry::from(&entry)).unwrap();
        assert_eq!(decode(&sent), Some((key, value)), "{key}");
    }
}

#[test]
fn entries_of_others_are_foreign() {
    let schema = schema();
    // A number of buckets that is no power of two is not how this crate writes path groups.
    let arguments = [
        ("protection", 0u8.into()),
        ("working_mask", 2u8.into()),
        ("protecting_mask", 0u8.into()),
        ("hash_shift", 0u8.into()),
    ];
    let entry = schema
        .entry("path_group")
        .and_then(|entry| entry.exact("path_group", 9u8))
        .and_then(|entry| entry.action("set_path_group", &arguments))
        .and_then(|entry| entry.build())
        .unwrap();
    assert_eq!(
        decode(&entry),
        Some((Key::PathGroup(PathGroupId(9)), Value::Foreign))
    );
    // A rule for one port alone has no typed form at all.
    let entry = schema
        .entry("control_packet")
        .and_then(|entry| entry.exact("ingress_port", 9u8))
        .and_then(|entry| {
            entry
                .priority(1)
                .action("punt_control", &[("reason", 1u8.into())])
        })
        .and_then(|entry| entry.build())
        .unwrap();
    assert_eq!(decode(&entry), None);
}

#[test]
fn the_capacity_is_that_of_the_smaller_of_profile_and_program() {
    let profile = crate::support::profile();
    let mut info = pipeline().p4info().clone();
    let ilm = info
        .tables
        .iter_mut()
        .find(|table| table.preamble.as_ref().unwrap().alias == "ilm");
    ilm.unwrap().size = 7;
    let program = Pipeline::new(info, Vec::new()).unwrap();
    let capacity = dataplane::Capacity::new(&profile, Some(program.schema()));
    assert_eq!(capacity.size(Table::Ilm), 7);
    assert_eq!(capacity.size(Table::FtnIpv4), profile.sizes.ftn_ipv4);
}
