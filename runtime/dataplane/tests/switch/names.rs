//! Every entry has its place in the tables of mpls.p4.

use dataplane::{
    ControlPacket, FtnValue, IlmValue, Key, Member, NhlfeId, NhlfeValue, PathGroupId, PortValue,
    PuntRate, Value, check_program, decode, encode,
};
use forwarding::{IlmKey, LabelSpace, MacAddress, Payload, VrfId};
use p4runtime_client::{Pipeline, Schema};
use p4runtime_proto::p4::v1;

use crate::support::{NEIGHBOUR_MAC, ROUTER_MAC, label, pipeline, schema};

fn nhlfe(labels: &[u32], ttl_pipe: bool) -> Value {
    Value::Nhlfe(NhlfeValue {
        source: ROUTER_MAC,
        destination: NEIGHBOUR_MAC,
        labels: labels.iter().map(|&value| label(value)).collect(),
        ttl_pipe,
    })
}

fn every_entry() -> Vec<(Key, Value)> {
    let group = PathGroupId(9);
    let member = |nhlfe, port, weight| Member {
        nhlfe: NhlfeId(nhlfe),
        port,
        weight,
    };
    let ilm_key = IlmKey {
        label_space: LabelSpace(3),
        label: label(1_048_575),
    };
    let ftn = |prefix: &str| Key::Ftn(VrfId(7), prefix.parse().unwrap());
    let mut entries = vec![
        (
            Key::PuntPolicy(3),
            Value::PuntMetered(PuntRate {
                rate: 1000,
                burst: 100,
            }),
        ),
        (Key::PuntPolicy(4), Value::PuntDrop),
        (Key::Nhlfe(NhlfeId(u32::MAX)), nhlfe(&[], false)),
        (Key::Nhlfe(NhlfeId(1)), nhlfe(&[16], true)),
        (Key::Nhlfe(NhlfeId(2)), nhlfe(&[16, 17], false)),
        (Key::Nhlfe(NhlfeId(3)), nhlfe(&[16, 17, 18], true)),
        (Key::Nhlfe(NhlfeId(4)), nhlfe(&[16, 17, 18, 0], false)),
        (
            Key::PathGroup(group),
            Value::PathGroup(vec![member(1, 2, 3), member(2, 509, 1)]),
        ),
        (ftn("10.2.0.0/24"), Value::Ftn(FtnValue::Forward(group))),
        (ftn("0.0.0.0/0"), Value::Ftn(FtnValue::Discard)),
        (ftn("255.255.255.255/32"), Value::Ftn(FtnValue::ToRouter)),
        (ftn("2001:db8::/32"), Value::Ftn(FtnValue::Glean)),
        (ftn("::/0"), Value::Ftn(FtnValue::Forward(group))),
        (
            Key::Port(5),
            Value::Port(PortValue {
                mpls_enabled: true,
                vrf: VrfId(65535),
                label_space: LabelSpace(2),
            }),
        ),
        (
            Key::StationMac(0, MacAddress([0, 0, 0, 0, 0, 1])),
            Value::Admit,
        ),
    ];
    entries.extend(
        ControlPacket::defaults()
            .into_iter()
            .map(|kind| (Key::ControlPacket(kind, 10), Value::PuntControl)),
    );
    let payload = Payload::Ipv6;
    let ilm_values = [
        IlmValue::Swap(group),
        IlmValue::PopAndForward {
            group,
            payload: None,
            ttl_pipe: true,
        },
        IlmValue::PopAndForward {
            group,
            payload: Some(Payload::Ipv4),
            ttl_pipe: false,
        },
        IlmValue::PopAndLookUpIp {
            vrf: VrfId(9),
            payload,
            ttl_pipe: true,
        },
        IlmValue::PopAndLookUpLabel { ttl_pipe: false },
        IlmValue::ExplicitNull {
            payload,
            ttl_pipe: true,
        },
        IlmValue::Punt,
    ];
    for (index, value) in ilm_values.into_iter().enumerate() {
        entries.push((Key::Ilm((index % 3) as u8, ilm_key), Value::Ilm(value)));
    }
    entries
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
        assert_eq!(decode(&sent), Some((key, value)));
    }
}

#[test]
fn entries_of_others_are_foreign() {
    let schema = schema();
    // A member without a watch port is not how this crate writes path groups.
    let arguments = [("nhlfe", 1u8.into()), ("port", 2u8.into())];
    let entry = schema
        .entry("path_group")
        .and_then(|entry| entry.exact("path_group", 9u8))
        .and_then(|entry| entry.member("set_nhlfe", &arguments, 1, None))
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
        .and_then(|entry| entry.priority(1).action("punt_control", &[]))
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
    info.action_profiles[0].max_group_size = 5;
    let program = Pipeline::new(info, Vec::new()).unwrap();
    let capacity = dataplane::Capacity::new(&profile, Some(program.schema()));
    assert_eq!(capacity.ilm, 7);
    assert_eq!(capacity.path_group_max_members, 5);
    assert_eq!(capacity.ftn_ipv4, profile.sizes.ftn_ipv4);
}
