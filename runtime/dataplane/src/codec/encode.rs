//! From the typed entries to those of P4Runtime.

use std::net::IpAddr;

use forwarding::{PathRole, ProtectionId, TailEnd, Tunnel, VlanId};
use p4runtime_client::{
    EntryBuilder, EntryError, MeterRates, Schema, TableEntry, Value as P4Value,
};

use super::{ENCAPSULATIONS, LABELS, MODELS, PAYLOADS, PUSH, TUNNEL_KINDS, number};
use crate::{FtnValue, IlmValue, Key, NhlfeValue, PuntRate, PuntReason, Push, Value};

type Arguments = Vec<(&'static str, P4Value)>;

/// The entry of P4Runtime. A multicast group has none: it is not of a table.
///
/// # Errors
/// The P4 program differs from what this crate expects, or the key is that of a multicast group.
pub fn encode(schema: &Schema, key: &Key, value: &Value) -> Result<TableEntry, EntryError> {
    let entry = encode_key(schema, key)?;
    let entry = match value {
        // Only named for deletion, which needs no action.
        Value::Foreign => entry,
        value => {
            let (name, arguments) = action(key, value);
            let entry = entry.action(name, &arguments)?;
            match value {
                Value::PuntMetered(rate) => entry.meter(meter(*rate))?,
                _ => entry,
            }
        }
    };
    entry.build()
}

/// One rate: packets are green up to it and red above it (RFC 2698 with CIR = PIR).
fn meter(PuntRate { rate, burst }: PuntRate) -> MeterRates {
    let (rate, burst) = (i64::from(rate), i64::from(burst));
    MeterRates {
        cir: rate,
        cburst: burst,
        pir: rate,
        pburst: burst,
    }
}

fn encode_key(schema: &Schema, key: &Key) -> Result<EntryBuilder, EntryError> {
    let entry = schema.entry(key.table().name())?;
    match *key {
        Key::PuntPolicy(reason) => entry.exact("reason", reason),
        Key::ServiceClass(service, priority) => {
            let port = |entry: EntryBuilder, name, port: Option<u16>| match port {
                Some(port) => entry.ternary(name, port, u16::MAX),
                None => Ok(entry),
            };
            let entry = entry.ternary("protocol", service.protocol, u8::MAX)?;
            let entry = port(entry, "src_port", service.source_port)?;
            let entry = port(entry, "dst_port", service.destination_port)?;
            Ok(entry.priority(priority))
        }
        Key::ControlPacket(kind, priority) => entry
            .ternary("ether_type", kind.ether_type, kind.ether_type_mask)?
            .ternary("dst_addr", kind.destination.0, kind.destination_mask.0)
            .map(|entry| entry.priority(priority)),
        Key::TcToPhb(map, class) | Key::CongestionMark(map, class) => {
            entry.exact("qos_map", map.0)?.exact("tc", class.value())
        }
        Key::DscpToPhb(map, dscp) => entry.exact("qos_map", map.0)?.exact("dscp", dscp.value()),
        Key::PhbEncoding(map, behaviour) => entry
            .exact("qos_map", map.0)?
            .exact("phb", behaviour.phb.value())?
            .exact("congestion", behaviour.congestion),
        Key::Tunnel(id) => entry.exact("tunnel", id.0),
        Key::Nhlfe(id) => entry.exact("nhlfe", id.0),
        Key::PathBucket(group, role, bucket) => entry
            .exact("path_group", group.0)?
            .exact("protecting", is_protecting(role))?
            .exact("bucket", bucket),
        Key::PathGroup(id) => entry.exact("path_group", id.0),
        Key::Branch(group, replica) => entry
            .exact("multicast_group", group.0)?
            .exact("replica", replica),
        // The table is not in the program, so the schema has refused it above.
        Key::MulticastGroup(_) => Ok(entry),
        Key::Ilm(_, key) => entry
            .exact("label_space", key.label_space.0)?
            .exact("label", key.label.value()),
        Key::Ftn(vrf, prefix) => {
            entry
                .exact("vrf", vrf.0)?
                .lpm("dst_addr", prefix.network(), prefix.prefix_len().into())
        }
        Key::TunnelEnd(end) => {
            let entry = entry
                .exact("vrf", end.vrf.0)?
                .exact("kind", number(&TUNNEL_KINDS, &end.kind) + 1)?
                .exact("dst_addr", end.destination)?;
            // The longest prefix decides.
            match end.source {
                None => Ok(entry.priority(1)),
                Some(source) => entry
                    .ternary("src_addr", source.network(), source.netmask())
                    .map(|entry| entry.priority(1 + i32::from(source.prefix_len()))),
            }
        }
        Key::Topology(vrf, dscp) => entry.exact("vrf", vrf.0)?.exact("dscp", dscp.value()),
        Key::UpstreamContext(port, vlan, mac) => entry
            .exact("ingress_port", port)?
            .exact("vlan_id", vlan_number(vlan))?
            .exact("src_addr", mac.0),
        Key::Interface(port, vlan) => entry
            .exact("ingress_port", port)?
            .exact("vlan_id", vlan_number(vlan)),
        Key::AttachmentPort(port) => entry.exact("ingress_port", port),
        Key::StationMac(port, mac) => entry.exact("ingress_port", port)?.exact("dst_addr", mac.0),
        Key::ProtectionState(id) | Key::TailSelector(id) => entry.exact("protection", id.value()),
        Key::PortState(port) => entry.exact("port", port),
    }
}

fn is_protecting(role: PathRole) -> bool {
    role == PathRole::Protecting
}

fn vlan_number(vlan: Option<VlanId>) -> u16 {
    vlan.map_or(0, VlanId::value)
}

fn reason(reason: PuntReason) -> Arguments {
    vec![("reason", reason.number().into())]
}

fn action(key: &Key, value: &Value) -> (&'static str, Arguments) {
    match value {
        Value::PuntMetered(_) => ("punt_metered", vec![]),
        Value::PuntDrop => ("punt_drop", vec![]),
        Value::Punt(of) if matches!(key, Key::ServiceClass(..)) => {
            ("set_service_class", reason(*of))
        }
        Value::Punt(of) => ("punt_control", reason(*of)),
        Value::Behaviour(behaviour) => {
            let phb = ("phb", behaviour.phb.value().into());
            match key {
                Key::DscpToPhb(..) => ("set_dscp_phb", vec![phb]),
                _ => (
                    "set_phb",
                    vec![phb, ("congestion", behaviour.congestion.into())],
                ),
            }
        }
        Value::Codes(codes) => (
            "set_codes",
            vec![
                ("tc", codes.traffic_class.value().into()),
                ("dscp", codes.dscp.value().into()),
                ("pcp", codes.pcp.value().into()),
            ],
        ),
        Value::TrafficClass(class) => ("set_marked_tc", vec![("tc", class.value().into())]),
        Value::Tunnel(tunnel) => encapsulation(tunnel),
        Value::Nhlfe(nhlfe) => push(nhlfe),
        Value::ToAttachmentCircuit(vlan) => (
            "to_attachment_circuit",
            vec![("vlan_id", vlan_number(*vlan).into())],
        ),
        Value::PathBucket(bucket) => {
            let mut arguments = vec![
                ("nhlfe", bucket.primary.nhlfe.0.into()),
                ("port", bucket.primary.port.into()),
                ("max_length", bucket.primary.max_length.into()),
            ];
            arguments.extend(match bucket.backup {
                Some(backup) => [
                    ("backup_nhlfe", backup.nhlfe.0.into()),
                    ("backup_port", backup.port.into()),
                    ("backup_max_length", backup.max_length.into()),
                ],
                None => ["backup_nhlfe", "backup_port", "backup_max_length"]
                    .map(|name| (name, P4Value::from(0u8))),
            });
            ("set_nhlfe", arguments)
        }
        Value::PathGroup(group) => {
            let protection = group.protection.map_or(0, ProtectionId::value);
            (
                "set_path_group",
                vec![
                    ("protection", protection.into()),
                    ("working_mask", mask(group.working_buckets)),
                    ("protecting_mask", mask(group.protecting_buckets)),
                    ("hash_shift", group.hash_shift.into()),
                ],
            )
        }
        Value::Branch(nhlfe) => ("set_branch", vec![("nhlfe", nhlfe.0.into())]),
        Value::LookUpAgain(space) => ("look_up_again", vec![("label_space", space.0.into())]),
        Value::Ilm(value) => ilm(*value),
        Value::Ftn(FtnValue::Forward(group)) => {
            ("forward_fec", vec![("path_group", group.0.into())])
        }
        Value::Ftn(FtnValue::Replicate(group, max_length)) => (
            "replicate_fec",
            vec![
                ("multicast_group", group.0.into()),
                ("max_length", (*max_length).into()),
            ],
        ),
        Value::Ftn(FtnValue::ToRouter) => ("to_router", vec![]),
        Value::Ftn(FtnValue::Glean) => ("glean", vec![]),
        Value::Ftn(FtnValue::Discard) => ("discard", vec![]),
        Value::LabelSpace(space) => {
            let name = match key {
                Key::UpstreamContext(..) => "set_upstream_context",
                _ => "decapsulate",
            };
            (name, vec![("label_space", space.0.into())])
        }
        Value::Topology(vrf) => ("set_topology", vec![("vrf", vrf.0.into())]),
        Value::Interface(interface) => (
            "set_interface",
            vec![
                ("mpls_enabled", interface.mpls_enabled.into()),
                ("vrf", interface.vrf.0.into()),
                ("label_space", interface.label_space.0.into()),
                ("qos_map", interface.qos_map.0.into()),
            ],
        ),
        Value::AttachmentCircuit(group, qos_map) => {
            let name = match key {
                Key::AttachmentPort(_) => "attachment_circuit_port",
                _ => "attachment_circuit",
            };
            let arguments = vec![
                ("path_group", group.0.into()),
                ("qos_map", qos_map.0.into()),
            ];
            (name, arguments)
        }
        Value::Admit => ("admit", vec![]),
        Value::Select(role) => {
            let name = match key {
                Key::TailSelector(_) => "select_path",
                _ => "select_protecting",
            };
            (name, vec![("protecting", is_protecting(*role).into())])
        }
        Value::PortDown => ("port_down", vec![]),
        // Neither is of a table.
        Value::MulticastGroup(_) | Value::Foreign => ("", vec![]),
    }
}

/// The mask of a number of buckets, which is a power of two.
fn mask(buckets: u16) -> P4Value {
    buckets.saturating_sub(1).into()
}

fn encapsulation(tunnel: &Tunnel) -> (&'static str, Arguments) {
    let (_, [ipv4, ipv6]) = ENCAPSULATIONS[usize::from(number(&TUNNEL_KINDS, &tunnel.kind()))];
    let name = match tunnel.source() {
        IpAddr::V4(_) => ipv4,
        IpAddr::V6(_) => ipv6,
    };
    let arguments = vec![
        ("src_addr", tunnel.source().into()),
        ("dst_addr", tunnel.destination().into()),
        ("ttl", tunnel.ttl().into()),
        ("dscp", tunnel.dscp().value().into()),
    ];
    (name, arguments)
}

fn push(nhlfe: &NhlfeValue) -> (&'static str, Arguments) {
    let mut arguments = vec![
        ("src_mac", nhlfe.source.0.into()),
        ("dst_mac", nhlfe.destination.0.into()),
        ("vlan_id", vlan_number(nhlfe.vlan).into()),
        ("qos_map", nhlfe.qos_map.0.into()),
    ];
    let Some(Push {
        labels,
        model,
        entropy_label,
        control_word,
        upstream_assigned,
        tunnel,
    }) = &nhlfe.push
    else {
        return ("forward_unlabelled", arguments);
    };
    arguments.extend([
        ("model", number(&MODELS, model).into()),
        ("entropy", entropy_label.unwrap_or(0).into()),
        ("control_word", (*control_word).into()),
        ("upstream", (*upstream_assigned).into()),
        ("tunnel", tunnel.map_or(0, |tunnel| tunnel.0).into()),
    ]);
    let pushed = LABELS.iter().zip(labels);
    arguments.extend(pushed.map(|(&name, label)| (name, label.value().into())));
    // More labels than the program pushes never get here: the hardware profile limits them.
    let name = labels
        .len()
        .checked_sub(1)
        .and_then(|last| PUSH.get(last))
        .copied()
        .unwrap_or("push of as many labels as the program does not have");
    (name, arguments)
}

fn ilm(value: IlmValue) -> (&'static str, Arguments) {
    let payload = |payload| ("payload", number(&PAYLOADS, &payload).into());
    let model = |model| ("model", number(&MODELS, &model).into());
    let tail = |tail_end: Option<TailEnd>| {
        let protection = tail_end.map_or(0, |tail_end| tail_end.protection.value());
        let role = tail_end.map_or(PathRole::Working, |tail_end| tail_end.role);
        [
            ("protection", P4Value::from(protection)),
            ("protecting", is_protecting(role).into()),
        ]
    };
    match value {
        IlmValue::Swap { group, qos_map } => (
            "swap",
            vec![
                ("path_group", group.0.into()),
                ("qos_map", qos_map.0.into()),
            ],
        ),
        IlmValue::PopAndForward {
            group,
            payload: below,
            model: how,
            qos_map,
        } => (
            "pop_and_forward",
            vec![
                ("path_group", group.0.into()),
                payload(below),
                model(how),
                ("qos_map", qos_map.0.into()),
            ],
        ),
        IlmValue::PopAndLookUpIp {
            vrf,
            payload: below,
            model: how,
            qos_map,
            tail_end,
        } => {
            let mut arguments = vec![
                ("vrf", vrf.0.into()),
                payload(Some(below)),
                model(how),
                ("qos_map", qos_map.0.into()),
            ];
            arguments.extend(tail(tail_end));
            ("pop_and_look_up_ip", arguments)
        }
        IlmValue::PopAndLookUpLabel {
            label_space,
            model: how,
            qos_map,
            tail_end,
        } => {
            let mut arguments = vec![
                ("label_space", label_space.0.into()),
                model(how),
                ("qos_map", qos_map.0.into()),
            ];
            arguments.extend(tail(tail_end));
            ("pop_and_look_up_label", arguments)
        }
        IlmValue::PopToAttachmentCircuit {
            group,
            control_word,
            qos_map,
            tail_end,
        } => {
            let mut arguments = vec![
                ("path_group", group.0.into()),
                ("control_word", control_word.into()),
                ("qos_map", qos_map.0.into()),
            ];
            arguments.extend(tail(tail_end));
            ("pop_to_attachment_circuit", arguments)
        }
        IlmValue::Replicate {
            group,
            max_length,
            qos_map,
        } => (
            "replicate",
            vec![
                ("multicast_group", group.0.into()),
                ("max_length", max_length.into()),
                ("qos_map", qos_map.0.into()),
            ],
        ),
        IlmValue::ExplicitNull {
            payload: below,
            model: how,
        } => ("explicit_null", vec![payload(Some(below)), model(how)]),
        IlmValue::EntropyLabelIndicator {
            payload: below,
            model: how,
        } => ("entropy_label_indicator", vec![payload(below), model(how)]),
        IlmValue::Punt(of) => ("punt_label", reason(of)),
        IlmValue::Discard => ("discard_label", vec![]),
    }
}
