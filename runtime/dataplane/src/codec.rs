//! Between the typed entries and those of P4Runtime: the names of mpls.p4 stand here alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use forwarding::{IlmKey, LabelSpace, MacAddress, Payload, VrfId};
use ipnet::IpNet;
use mpls::Label;
use p4runtime_client::{
    EntryAction, EntryBuilder, EntryError, Match, MeterRates, Schema, SchemaError, TableEntry,
    Value as P4Value,
};

use crate::model::{ILM_TABLES, TABLES};
use crate::{
    ControlPacket, FtnValue, IlmValue, Key, Member, NhlfeId, NhlfeValue, PathGroupId, PortValue,
    PuntRate, Value,
};

/// Checks that the P4 program has every table, counter and header that this crate uses.
///
/// # Errors
/// One is missing; the error names it.
pub fn check_program(schema: &Schema) -> Result<(), SchemaError> {
    for table in TABLES {
        schema.table(table)?;
    }
    for counter in ["drops", "egress_drops"] {
        schema.counter(counter)?;
    }
    for header in ["packet_in", "packet_out"] {
        schema.header(header)?;
    }
    Ok(())
}

const PUSH: [&str; 4] = ["push_1", "push_2", "push_3", "push_4"];
const LABELS: [&str; 4] = ["label_1", "label_2", "label_3", "label_4"];

/// The entry of P4Runtime.
///
/// # Errors
/// The P4 program differs from what this crate expects.
pub fn encode(schema: &Schema, key: &Key, value: &Value) -> Result<TableEntry, EntryError> {
    encode_action(encode_key(schema, key)?, value)?.build()
}

fn encode_key(schema: &Schema, key: &Key) -> Result<EntryBuilder, EntryError> {
    let entry = schema.entry(key.table())?;
    match *key {
        Key::PuntPolicy(reason) => entry.exact("reason", reason),
        Key::ControlPacket(kind, priority) => entry
            .ternary("ether_type", kind.ether_type, kind.ether_type_mask)?
            .ternary("dst_addr", kind.destination.0, kind.destination_mask.0)
            .map(|entry| entry.priority(priority)),
        Key::Nhlfe(id) => entry.exact("nhlfe", id.0),
        Key::PathGroup(id) => entry.exact("path_group", id.0),
        Key::Ilm(_, key) => entry
            .exact("label_space", key.label_space.0)?
            .exact("label", key.label.value()),
        Key::Ftn(vrf, prefix) => {
            entry
                .exact("vrf", vrf.0)?
                .lpm("dst_addr", prefix.network(), prefix.prefix_len().into())
        }
        Key::Port(port) => entry.exact("ingress_port", port),
        Key::StationMac(port, mac) => entry.exact("ingress_port", port)?.exact("dst_addr", mac.0),
    }
}

fn encode_action(entry: EntryBuilder, value: &Value) -> Result<EntryBuilder, EntryError> {
    match value {
        Value::PuntMetered(PuntRate { rate, burst }) => {
            // One rate: packets are green up to it and red above it (RFC 2698 with CIR = PIR).
            let (rate, burst) = (i64::from(*rate), i64::from(*burst));
            let rates = MeterRates {
                cir: rate,
                cburst: burst,
                pir: rate,
                pburst: burst,
            };
            entry.action("punt_metered", &[])?.meter(rates)
        }
        Value::PuntDrop => entry.action("punt_drop", &[]),
        Value::PuntControl => entry.action("punt_control", &[]),
        Value::Nhlfe(nhlfe) => encode_nhlfe(entry, nhlfe),
        Value::PathGroup(members) => members.iter().try_fold(entry, |entry, member| {
            let arguments = [
                ("nhlfe", member.nhlfe.0.into()),
                ("port", member.port.into()),
            ];
            entry.member(
                "set_nhlfe",
                &arguments,
                member.weight,
                Some(member.port.into()),
            )
        }),
        Value::Ilm(value) => encode_ilm(entry, *value),
        Value::Ftn(FtnValue::Forward(group)) => {
            entry.action("forward_fec", &[("path_group", group.0.into())])
        }
        Value::Ftn(FtnValue::ToRouter) => entry.action("to_router", &[]),
        Value::Ftn(FtnValue::Glean) => entry.action("glean", &[]),
        Value::Ftn(FtnValue::Discard) => entry.action("discard", &[]),
        Value::Port(port) => entry.action(
            "set_port",
            &[
                ("mpls_enabled", port.mpls_enabled.into()),
                ("vrf", port.vrf.0.into()),
                ("label_space", port.label_space.0.into()),
            ],
        ),
        Value::Admit => entry.action("admit", &[]),
        // Only named for deletion, which needs no action.
        Value::Foreign => Ok(entry),
    }
}

fn encode_nhlfe(entry: EntryBuilder, nhlfe: &NhlfeValue) -> Result<EntryBuilder, EntryError> {
    let mut arguments = vec![
        ("src_mac", nhlfe.source.0.into()),
        ("dst_mac", nhlfe.destination.0.into()),
    ];
    let Some(action) = nhlfe.labels.len().checked_sub(1) else {
        return entry.action("forward_unlabelled", &arguments);
    };
    arguments.push(("ttl_pipe", nhlfe.ttl_pipe.into()));
    let labels = LABELS.iter().zip(&nhlfe.labels);
    arguments.extend(labels.map(|(&name, label)| (name, label.value().into())));
    // More labels than the program pushes never get here: the hardware profile limits them.
    let name = PUSH
        .get(action)
        .copied()
        .unwrap_or("push of more labels than the program has");
    entry.action(name, &arguments)
}

fn encode_ilm(entry: EntryBuilder, value: IlmValue) -> Result<EntryBuilder, EntryError> {
    let pipe = |pipe: bool| ("ttl_pipe", P4Value::from(pipe));
    let payload = |payload: Option<Payload>| ("payload", P4Value::from(payload_number(payload)));
    match value {
        IlmValue::Swap(group) => entry.action("swap", &[("path_group", group.0.into())]),
        IlmValue::PopAndForward {
            group,
            payload: below,
            ttl_pipe,
        } => entry.action(
            "pop_and_forward",
            &[
                ("path_group", group.0.into()),
                payload(below),
                pipe(ttl_pipe),
            ],
        ),
        IlmValue::PopAndLookUpIp {
            vrf,
            payload: below,
            ttl_pipe,
        } => entry.action(
            "pop_and_look_up_ip",
            &[("vrf", vrf.0.into()), payload(Some(below)), pipe(ttl_pipe)],
        ),
        IlmValue::PopAndLookUpLabel { ttl_pipe } => {
            entry.action("pop_and_look_up_label", &[pipe(ttl_pipe)])
        }
        IlmValue::ExplicitNull {
            payload: below,
            ttl_pipe,
        } => entry.action("explicit_null", &[payload(Some(below)), pipe(ttl_pipe)]),
        IlmValue::Punt => entry.action("punt_label", &[]),
    }
}

/// `PAYLOAD_*` of mpls.p4.
fn payload_number(payload: Option<Payload>) -> u8 {
    match payload {
        None => 0,
        Some(Payload::Ipv4) => 1,
        Some(Payload::Ipv6) => 2,
    }
}

/// The typed entry; `None` for one of a table or a key that this crate never writes.
pub fn decode(entry: &TableEntry) -> Option<(Key, Value)> {
    let key = decode_key(entry)?;
    Some((key, decode_value(entry).unwrap_or(Value::Foreign)))
}

fn int<T: TryFrom<u128>>(value: Option<&P4Value>) -> Option<T> {
    value?.to_int().ok()
}

fn mac(value: &P4Value) -> Option<MacAddress> {
    let number: u64 = value.to_int().ok()?;
    let [0, 0, octets @ ..] = number.to_be_bytes() else {
        return None;
    };
    Some(MacAddress(octets))
}

fn decode_key(entry: &TableEntry) -> Option<Key> {
    let number = |name: &str| entry.exact(name);
    let table = entry.table().short_name();
    match table {
        "punt_policy" => Some(Key::PuntPolicy(int(number("reason"))?)),
        "control_packet" => decode_control_packet(entry),
        "nhlfe" => Some(Key::Nhlfe(NhlfeId(int(number("nhlfe"))?))),
        "path_group" => Some(Key::PathGroup(PathGroupId(int(number("path_group"))?))),
        "ftn_ipv4" => decode_ftn(entry, 32, |value| {
            Some(IpAddr::from(Ipv4Addr::from(int::<u32>(value)?)))
        }),
        "ftn_ipv6" => decode_ftn(entry, 128, |value| {
            Some(IpAddr::from(Ipv6Addr::from(int::<u128>(value)?)))
        }),
        "port_config" => Some(Key::Port(int(number("ingress_port"))?)),
        "station_mac" => Some(Key::StationMac(
            int(number("ingress_port"))?,
            mac(number("dst_addr")?)?,
        )),
        _ => {
            let stage = ILM_TABLES.iter().position(|name| *name == table)?;
            let label_space = LabelSpace(int(number("label_space"))?);
            let label = Label::new(int(number("label"))?).ok()?;
            Some(Key::Ilm(stage as u8, IlmKey { label_space, label }))
        }
    }
}

fn decode_ftn(
    entry: &TableEntry,
    width: u8,
    address: impl Fn(Option<&P4Value>) -> Option<IpAddr>,
) -> Option<Key> {
    let zero = P4Value::from(0u8);
    let (value, length) = match entry.field("dst_addr") {
        None => (&zero, 0),
        Some(Match::Lpm {
            value,
            prefix_length,
        }) => (value, u8::try_from(*prefix_length).ok()?),
        Some(_) => return None,
    };
    let prefix = IpNet::new(address(Some(value))?, length.min(width)).ok()?;
    Some(Key::Ftn(VrfId(int(entry.exact("vrf"))?), prefix))
}

fn decode_control_packet(entry: &TableEntry) -> Option<Key> {
    if entry.field("ingress_port").is_some() {
        return None;
    }
    let ternary = |name| match entry.field(name) {
        Some(Match::Ternary { value, mask }) => Some((value.clone(), mask.clone())),
        Some(_) => None,
        None => Some((0u8.into(), 0u8.into())),
    };
    let (ether_type, ether_type_mask) = ternary("ether_type")?;
    let (destination, destination_mask) = ternary("dst_addr")?;
    let kind = ControlPacket {
        ether_type: ether_type.to_int().ok()?,
        ether_type_mask: ether_type_mask.to_int().ok()?,
        destination: mac(&destination)?,
        destination_mask: mac(&destination_mask)?,
    };
    Some(Key::ControlPacket(kind, entry.priority()))
}

fn decode_value(entry: &TableEntry) -> Option<Value> {
    match entry.action()? {
        EntryAction::Set(members) => {
            let member = |member: &p4runtime_client::MemberAction| {
                let port: u16 = int(member.call.argument("port"))?;
                let nhlfe = NhlfeId(int(member.call.argument("nhlfe"))?);
                let watched = member
                    .watch_port
                    .as_ref()
                    .and_then(|port| port.to_int().ok());
                (watched == Some(port)).then_some(Member {
                    nhlfe,
                    port,
                    weight: member.weight,
                })
            };
            let mut members: Vec<_> = members.iter().map(member).collect::<Option<_>>()?;
            members.sort();
            Some(Value::PathGroup(members))
        }
        EntryAction::Call(call) => decode_call(entry, call),
        EntryAction::Member(_) | EntryAction::Group(_) => None,
    }
}

fn decode_call(entry: &TableEntry, call: &p4runtime_client::ActionCall) -> Option<Value> {
    let argument = |name: &str| call.argument(name);
    let flag = |name: &str| Some(int::<u8>(argument(name))? == 1);
    let group = || Some(PathGroupId(int(argument("path_group"))?));
    let vrf = || Some(VrfId(int(argument("vrf"))?));
    let payload = || match int::<u8>(argument("payload"))? {
        0 => Some(None),
        1 => Some(Some(Payload::Ipv4)),
        2 => Some(Some(Payload::Ipv6)),
        _ => None,
    };
    let value = match call.name() {
        "punt_metered" => {
            let rates = entry.meter()?;
            if rates.cir != rates.pir || rates.cburst != rates.pburst {
                return None;
            }
            Value::PuntMetered(PuntRate {
                rate: rates.pir.try_into().ok()?,
                burst: rates.pburst.try_into().ok()?,
            })
        }
        "punt_drop" => Value::PuntDrop,
        "punt_control" => Value::PuntControl,
        "set_port" => Value::Port(PortValue {
            mpls_enabled: flag("mpls_enabled")?,
            vrf: vrf()?,
            label_space: LabelSpace(int(argument("label_space"))?),
        }),
        "admit" => Value::Admit,
        "swap" => Value::Ilm(IlmValue::Swap(group()?)),
        "pop_and_forward" => Value::Ilm(IlmValue::PopAndForward {
            group: group()?,
            payload: payload()?,
            ttl_pipe: flag("ttl_pipe")?,
        }),
        "pop_and_look_up_ip" => Value::Ilm(IlmValue::PopAndLookUpIp {
            vrf: vrf()?,
            payload: payload()??,
            ttl_pipe: flag("ttl_pipe")?,
        }),
        "pop_and_look_up_label" => Value::Ilm(IlmValue::PopAndLookUpLabel {
            ttl_pipe: flag("ttl_pipe")?,
        }),
        "explicit_null" => Value::Ilm(IlmValue::ExplicitNull {
            payload: payload()??,
            ttl_pipe: flag("ttl_pipe")?,
        }),
        "punt_label" => Value::Ilm(IlmValue::Punt),
        "forward_fec" => Value::Ftn(FtnValue::Forward(group()?)),
        "to_router" => Value::Ftn(FtnValue::ToRouter),
        "glean" => Value::Ftn(FtnValue::Glean),
        "discard" => Value::Ftn(FtnValue::Discard),
        "forward_unlabelled" => Value::Nhlfe(NhlfeValue {
            source: mac(argument("src_mac")?)?,
            destination: mac(argument("dst_mac")?)?,
            labels: Vec::new(),
            ttl_pipe: false,
        }),
        name => {
            let pushed = PUSH.iter().position(|push| *push == name)? + 1;
            let label = |name: &&str| Label::new(int(argument(name))?).ok();
            Value::Nhlfe(NhlfeValue {
                source: mac(argument("src_mac")?)?,
                destination: mac(argument("dst_mac")?)?,
                labels: LABELS[..pushed].iter().map(label).collect::<Option<_>>()?,
                ttl_pipe: flag("ttl_pipe")?,
            })
        }
    };
    Some(value)
}
