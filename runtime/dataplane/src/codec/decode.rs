//! From the entries of P4Runtime to the typed ones.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use forwarding::{
    Behaviour, Codes, Dscp, IlmKey, LabelSpace, MacAddress, PathRole, Payload, Pcp, Phb,
    ProtectionId, QosMapId, TailEnd, Tunnel, TunnelEnd, TunnelKind, TunnelModel, VlanId, VrfId,
};
use ipnet::IpNet;
use mpls::{Label, TrafficClass};
use p4runtime_client::{ActionCall, Match, TableEntry, Value as P4Value};

use super::{ENCAPSULATIONS, LABELS, MODELS, PAYLOADS, PUSH, TUNNEL_KINDS};
use crate::model::ILM_TABLES;
use crate::{
    Bucket, ControlPacket, Exit, FtnValue, IlmValue, InterfaceValue, Key, MulticastGroupId,
    NhlfeId, NhlfeValue, PathGroupId, PathGroupValue, PuntRate, PuntReason, Push, ServiceMatch,
    Table, TunnelId, Value,
};

/// The typed entry; `None` for one of a table or a key that this crate never writes.
pub fn decode(entry: &TableEntry) -> Option<(Key, Value)> {
    let key = decode_key(entry)?;
    Some((key, decode_value(entry, &key).unwrap_or(Value::Foreign)))
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

fn address(table: Table, value: &P4Value) -> Option<IpAddr> {
    match table {
        Table::FtnIpv4 | Table::TunnelEndIpv4 => {
            Some(Ipv4Addr::from(value.to_int::<u32>().ok()?).into())
        }
        _ => Some(Ipv6Addr::from(value.to_int::<u128>().ok()?).into()),
    }
}

/// `None` for a number that is no VLAN; `Some(None)` for 0, no VLAN at all.
fn vlan(number: u16) -> Option<Option<VlanId>> {
    match number {
        0 => Some(None),
        number => VlanId::new(number).ok().map(Some),
    }
}

fn role(protecting: u8) -> PathRole {
    match protecting {
        0 => PathRole::Working,
        _ => PathRole::Protecting,
    }
}

fn decode_key(entry: &TableEntry) -> Option<Key> {
    let table = Table::from_name(entry.table().short_name())?;
    let number = |name: &str| entry.exact(name);
    let class = || TrafficClass::new(int(number("tc"))?).ok();
    let map = || Some(QosMapId(int(number("qos_map"))?));
    let port = || int::<u16>(number("ingress_port"));
    let protection = || ProtectionId::new(int(number("protection"))?).ok();
    let group = || Some(PathGroupId(int(number("path_group"))?));
    let vlan_id = || vlan(int(number("vlan_id"))?);
    Some(match table {
        Table::PuntPolicy => Key::PuntPolicy(int(number("reason"))?),
        Table::ServiceClass => decode_service(entry)?,
        Table::ControlPacket => decode_control_packet(entry)?,
        Table::TcToPhb => Key::TcToPhb(map()?, class()?),
        Table::CongestionMark => Key::CongestionMark(map()?, class()?),
        Table::DscpToPhb => Key::DscpToPhb(map()?, Dscp::new(int(number("dscp"))?).ok()?),
        Table::PhbEncoding => Key::PhbEncoding(
            map()?,
            Behaviour {
                phb: Phb::new(int(number("phb"))?).ok()?,
                congestion: int::<u8>(number("congestion"))? == 1,
            },
        ),
        Table::TunnelEncapsulation => Key::Tunnel(TunnelId(int(number("tunnel"))?)),
        Table::Nhlfe => Key::Nhlfe(NhlfeId(int(number("nhlfe"))?)),
        Table::PathBucket => Key::PathBucket(
            group()?,
            role(int(number("protecting"))?),
            int(number("bucket"))?,
        ),
        Table::PathGroup => Key::PathGroup(group()?),
        Table::Branch => Key::Branch(
            MulticastGroupId(int(number("multicast_group"))?),
            int(number("replica"))?,
        ),
        Table::Ilm | Table::IlmSecond | Table::IlmThird => {
            let stage = ILM_TABLES.iter().position(|ilm| *ilm == table)?;
            let label_space = LabelSpace(int(number("label_space"))?);
            let label = Label::new(int(number("label"))?).ok()?;
            Key::Ilm(stage as u8, IlmKey { label_space, label })
        }
        Table::FtnIpv4 | Table::FtnIpv6 => decode_ftn(entry, table)?,
        Table::TunnelEndIpv4 | Table::TunnelEndIpv6 => decode_tunnel_end(entry, table)?,
        Table::Topology => Key::Topology(
            VrfId(int(number("vrf"))?),
            Dscp::new(int(number("dscp"))?).ok()?,
        ),
        Table::UpstreamContext => {
            Key::UpstreamContext(port()?, vlan_id()?, mac(number("src_addr")?)?)
        }
        Table::Interface => Key::Interface(port()?, vlan_id()?),
        Table::AttachmentPort => Key::AttachmentPort(port()?),
        Table::StationMac => Key::StationMac(port()?, mac(number("dst_addr")?)?),
        Table::ProtectionState => Key::ProtectionState(protection()?),
        Table::TailSelector => Key::TailSelector(protection()?),
        Table::PortState => Key::PortState(int(number("port"))?),
        Table::MulticastGroup => return None,
    })
}

fn decode_ftn(entry: &TableEntry, table: Table) -> Option<Key> {
    let zero = P4Value::from(0u8);
    let (value, length) = match entry.field("dst_addr") {
        None => (&zero, 0),
        Some(Match::Lpm {
            value,
            prefix_length,
        }) => (value, u8::try_from(*prefix_length).ok()?),
        Some(_) => return None,
    };
    let prefix = IpNet::new(address(table, value)?, length).ok()?;
    Some(Key::Ftn(VrfId(int(entry.exact("vrf"))?), prefix))
}

/// Value and mask of a ternary field, both 0 when it is left out.
fn ternary(entry: &TableEntry, name: &str) -> Option<(P4Value, P4Value)> {
    match entry.field(name) {
        Some(Match::Ternary { value, mask }) => Some((value.clone(), mask.clone())),
        Some(_) => None,
        None => Some((0u8.into(), 0u8.into())),
    }
}

fn decode_service(entry: &TableEntry) -> Option<Key> {
    let port = |name| {
        let (value, mask) = ternary(entry, name)?;
        match mask.to_int::<u16>().ok()? {
            0 => Some(None),
            u16::MAX => Some(Some(value.to_int().ok()?)),
            _ => None,
        }
    };
    let (protocol, mask) = ternary(entry, "protocol")?;
    if mask.to_int::<u8>().ok()? != u8::MAX {
        return None;
    }
    let service = ServiceMatch {
        protocol: protocol.to_int().ok()?,
        source_port: port("src_port")?,
        destination_port: port("dst_port")?,
    };
    Some(Key::ServiceClass(service, entry.priority()))
}

fn decode_control_packet(entry: &TableEntry) -> Option<Key> {
    if entry.field("ingress_port").is_some() {
        return None;
    }
    let (ether_type, ether_type_mask) = ternary(entry, "ether_type")?;
    let (destination, destination_mask) = ternary(entry, "dst_addr")?;
    let kind = ControlPacket {
        ether_type: ether_type.to_int().ok()?,
        ether_type_mask: ether_type_mask.to_int().ok()?,
        destination: mac(&destination)?,
        destination_mask: mac(&destination_mask)?,
    };
    Some(Key::ControlPacket(kind, entry.priority()))
}

fn decode_tunnel_end(entry: &TableEntry, table: Table) -> Option<Key> {
    let (value, mask) = ternary(entry, "src_addr")?;
    let source = if mask.is_zero() {
        None
    } else {
        let mask = address(table, &mask)?;
        let length = ipnet::ip_mask_to_prefix(mask).ok()?;
        Some(IpNet::new(address(table, &value)?, length).ok()?)
    };
    let priority = source.map_or(0, |source| i32::from(source.prefix_len())) + 1;
    let kind: u8 = int(entry.exact("kind"))?;
    let end = TunnelEnd {
        vrf: VrfId(int(entry.exact("vrf"))?),
        kind: *TUNNEL_KINDS.get(usize::from(kind.checked_sub(1)?))?,
        destination: address(table, entry.exact("dst_addr")?)?,
        source,
    };
    // One of another priority is not how this crate writes it, and cannot be named by the key.
    (entry.priority() == priority).then_some(Key::TunnelEnd(end))
}

/// The arguments of an action, by name and type.
struct Call<'a>(&'a ActionCall);

impl Call<'_> {
    fn int<T: TryFrom<u128>>(&self, name: &str) -> Option<T> {
        int(self.0.argument(name))
    }

    fn flag(&self, name: &str) -> Option<bool> {
        Some(self.int::<u8>(name)? == 1)
    }

    fn mac(&self, name: &str) -> Option<MacAddress> {
        mac(self.0.argument(name)?)
    }

    fn reason(&self) -> Option<PuntReason> {
        PuntReason::from_number(self.int("reason")?)
    }

    fn group(&self) -> Option<PathGroupId> {
        Some(PathGroupId(self.int("path_group")?))
    }

    fn multicast_group(&self) -> Option<MulticastGroupId> {
        Some(MulticastGroupId(self.int("multicast_group")?))
    }

    fn label_space(&self) -> Option<LabelSpace> {
        Some(LabelSpace(self.int("label_space")?))
    }

    fn qos_map(&self) -> Option<QosMapId> {
        Some(QosMapId(self.int("qos_map")?))
    }

    fn vlan(&self) -> Option<Option<VlanId>> {
        vlan(self.int("vlan_id")?)
    }

    fn payload(&self) -> Option<Option<Payload>> {
        PAYLOADS.get(self.int::<usize>("payload")?).copied()
    }

    fn model(&self) -> Option<TunnelModel> {
        MODELS.get(self.int::<usize>("model")?).copied()
    }

    fn tail_end(&self) -> Option<Option<TailEnd>> {
        let role = role(self.int("protecting")?);
        Some(match self.int::<u16>("protection")? {
            0 => None,
            number => Some(TailEnd {
                protection: ProtectionId::new(number).ok()?,
                role,
            }),
        })
    }

    fn class(&self) -> Option<TrafficClass> {
        TrafficClass::new(self.int("tc")?).ok()
    }

    fn phb(&self) -> Option<Phb> {
        Phb::new(self.int("phb")?).ok()
    }

    fn dscp(&self) -> Option<Dscp> {
        Dscp::new(self.int("dscp")?).ok()
    }
}

fn decode_value(entry: &TableEntry, key: &Key) -> Option<Value> {
    let action = entry.action()?.call()?;
    let call = Call(action);
    Some(match action.name() {
        "punt_metered" => {
            let rates = entry.meter()?;
            if rates.cir != rates.pir || rates.cburst != rates.pburst {
                return None;
            }
            let rate = PuntRate {
                rate: rates.pir.try_into().ok()?,
                burst: rates.pburst.try_into().ok()?,
            };
            Value::PuntMetered(rate)
        }
        "punt_drop" => Value::PuntDrop,
        "punt_control" | "set_service_class" => Value::Punt(call.reason()?),
        "set_phb" => Value::Behaviour(Behaviour {
            phb: call.phb()?,
            congestion: call.flag("congestion")?,
        }),
        "set_dscp_phb" => Value::Behaviour(Behaviour {
            phb: call.phb()?,
            congestion: false,
        }),
        "set_codes" => Value::Codes(Codes {
            traffic_class: call.class()?,
            dscp: call.dscp()?,
            pcp: Pcp::new(call.int("pcp")?).ok()?,
        }),
        "set_marked_tc" => Value::TrafficClass(call.class()?),
        "to_attachment_circuit" => Value::ToAttachmentCircuit(call.vlan()?),
        "set_nhlfe" => Value::PathBucket(bucket(&call)?),
        "set_path_group" => Value::PathGroup(path_group(&call)?),
        "set_branch" => Value::Branch(NhlfeId(call.int("nhlfe")?)),
        "look_up_again" => Value::LookUpAgain(call.label_space()?),
        "forward_fec" => Value::Ftn(FtnValue::Forward(call.group()?)),
        "replicate_fec" => Value::Ftn(FtnValue::Replicate(
            call.multicast_group()?,
            call.int("max_length")?,
        )),
        "to_router" => Value::Ftn(FtnValue::ToRouter),
        "glean" => Value::Ftn(FtnValue::Glean),
        "discard" => Value::Ftn(FtnValue::Discard),
        "decapsulate" | "set_upstream_context" => Value::LabelSpace(call.label_space()?),
        "set_topology" => Value::Topology(VrfId(call.int("vrf")?)),
        "set_interface" => Value::Interface(InterfaceValue {
            mpls_enabled: call.flag("mpls_enabled")?,
            vrf: VrfId(call.int("vrf")?),
            label_space: call.label_space()?,
            qos_map: call.qos_map()?,
        }),
        "attachment_circuit" | "attachment_circuit_port" => {
            Value::AttachmentCircuit(call.group()?, call.qos_map()?)
        }
        "admit" => Value::Admit,
        "select_protecting" | "select_path" => Value::Select(role(call.int("protecting")?)),
        "port_down" => Value::PortDown,
        name => match key {
            Key::Ilm(..) => Value::Ilm(ilm(name, &call)?),
            Key::Nhlfe(_) => Value::Nhlfe(nhlfe(name, &call)?),
            Key::Tunnel(_) => Value::Tunnel(tunnel(name, &call)?),
            _ => return None,
        },
    })
}

fn bucket(call: &Call<'_>) -> Option<Bucket> {
    let backup = match call.int::<u32>("backup_nhlfe")? {
        0 => None,
        nhlfe => Some(Exit {
            nhlfe: NhlfeId(nhlfe),
            port: call.int("backup_port")?,
            max_length: call.int("backup_max_length")?,
        }),
    };
    Some(Bucket {
        primary: Exit {
            nhlfe: NhlfeId(call.int("nhlfe")?),
            port: call.int("port")?,
            max_length: call.int("max_length")?,
        },
        backup,
    })
}

fn path_group(call: &Call<'_>) -> Option<PathGroupValue> {
    let buckets = |name| {
        let count = call.int::<u16>(name)?.checked_add(1)?;
        count.is_power_of_two().then_some(count)
    };
    let protection = match call.int::<u16>("protection")? {
        0 => None,
        number => Some(ProtectionId::new(number).ok()?),
    };
    Some(PathGroupValue {
        protection,
        working_buckets: buckets("working_mask")?,
        protecting_buckets: buckets("protecting_mask")?,
        hash_shift: call.int("hash_shift")?,
    })
}

fn ilm(name: &str, call: &Call<'_>) -> Option<IlmValue> {
    Some(match name {
        "swap" => IlmValue::Swap {
            group: call.group()?,
            qos_map: call.qos_map()?,
        },
        "pop_and_forward" => IlmValue::PopAndForward {
            group: call.group()?,
            payload: call.payload()?,
            model: call.model()?,
            qos_map: call.qos_map()?,
        },
        "pop_and_look_up_ip" => IlmValue::PopAndLookUpIp {
            vrf: VrfId(call.int("vrf")?),
            payload: call.payload()??,
            model: call.model()?,
            qos_map: call.qos_map()?,
            tail_end: call.tail_end()?,
        },
        "pop_and_look_up_label" => IlmValue::PopAndLookUpLabel {
            label_space: call.label_space()?,
            model: call.model()?,
            qos_map: call.qos_map()?,
            tail_end: call.tail_end()?,
        },
        "pop_to_attachment_circuit" => IlmValue::PopToAttachmentCircuit {
            group: call.group()?,
            control_word: call.flag("control_word")?,
            qos_map: call.qos_map()?,
            tail_end: call.tail_end()?,
        },
        "replicate" => IlmValue::Replicate {
            group: call.multicast_group()?,
            max_length: call.int("max_length")?,
            qos_map: call.qos_map()?,
        },
        "explicit_null" => IlmValue::ExplicitNull {
            payload: call.payload()??,
            model: call.model()?,
        },
        "entropy_label_indicator" => IlmValue::EntropyLabelIndicator {
            payload: call.payload()?,
            model: call.model()?,
        },
        "punt_label" => IlmValue::Punt(call.reason()?),
        "discard_label" => IlmValue::Discard,
        _ => return None,
    })
}

fn nhlfe(name: &str, call: &Call<'_>) -> Option<NhlfeValue> {
    let push = if name == "forward_unlabelled" {
        None
    } else {
        let pushed = PUSH.iter().position(|push| *push == name)? + 1;
        let label = |name: &&str| Label::new(call.int(name)?).ok();
        let optional = |name| Some(Some(call.int::<u16>(name)?).filter(|number| *number != 0));
        Some(Push {
            labels: LABELS[..pushed].iter().map(label).collect::<Option<_>>()?,
            model: call.model()?,
            entropy_label: Some(call.int::<u8>("entropy")?).filter(|below| *below != 0),
            control_word: call.flag("control_word")?,
            upstream_assigned: call.flag("upstream")?,
            tunnel: optional("tunnel")?.map(TunnelId),
        })
    };
    Some(NhlfeValue {
        source: call.mac("src_mac")?,
        destination: call.mac("dst_mac")?,
        vlan: call.vlan()?,
        qos_map: call.qos_map()?,
        push,
    })
}

fn tunnel(name: &str, call: &Call<'_>) -> Option<Tunnel> {
    let found = ENCAPSULATIONS.iter().find_map(|(kind, names)| {
        let version = names.iter().position(|known| *known == name)?;
        Some((*kind, version))
    });
    let (kind, version): (TunnelKind, usize) = found?;
    let address = |name| -> Option<IpAddr> {
        Some(match version {
            0 => Ipv4Addr::from(call.int::<u32>(name)?).into(),
            _ => Ipv6Addr::from(call.int::<u128>(name)?).into(),
        })
    };
    let (source, destination) = (address("src_addr")?, address("dst_addr")?);
    Tunnel::new(kind, source, destination, call.int("ttl")?, call.dscp()?).ok()
}
