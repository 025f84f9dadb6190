//! What belongs to no FEC and no label: interfaces, topologies, punts, QoS maps, tunnel ends.

use std::collections::{BTreeMap, BTreeSet};

use forwarding::{Behaviour, Fec, LabelSpace, LabelSpaceKind, MacAddress, VrfId};

use super::pass::Pass;
use crate::{Capacity, InterfaceValue, Key, Refusal, Table, Value};

/// Priority of the rules for control packets and services. They do not contradict each other.
const PRIORITY: i32 = 10;

pub(super) fn translate(capacity: &Capacity, pass: &mut Pass<'_>) {
    let mut entries = punts(pass);
    entries.extend(qos_maps(pass));
    let topologies = pass.desired.topologies.iter();
    entries.extend(
        topologies.map(|((vrf, dscp), topology)| {
            (Key::Topology(*vrf, *dscp), Value::Topology(*topology))
        }),
    );
    entries.extend(interfaces(pass));
    entries.extend(tails(pass));
    let mut left_out: BTreeMap<Table, Vec<String>> = BTreeMap::new();
    for (key, value) in entries {
        if pass.add(key, value).is_err() {
            left_out
                .entry(key.table())
                .or_default()
                .push(key.to_string());
        }
    }
    for (table, keys) in left_out {
        let size = capacity.size(table);
        let refusal = Refusal::TableFull { table, size };
        pass.target
            .problems
            .push(format!("{}: {refusal}", keys.join(", ")));
    }
}

fn punts(pass: &Pass<'_>) -> Vec<(Key, Value)> {
    let desired = pass.desired;
    let control = desired.control_packets.iter();
    let control =
        control.map(|(kind, reason)| (Key::ControlPacket(*kind, PRIORITY), Value::Punt(*reason)));
    let service = desired.service_classes.iter();
    let service = service
        .map(|(packets, reason)| (Key::ServiceClass(*packets, PRIORITY), Value::Punt(*reason)));
    let policy = desired.punt.iter().map(|(reason, rate)| {
        let value = if rate.rate == 0 {
            Value::PuntDrop
        } else {
            Value::PuntMetered(*rate)
        };
        (Key::PuntPolicy(reason.number()), value)
    });
    control.chain(service).chain(policy).collect()
}

fn qos_maps(pass: &Pass<'_>) -> Vec<(Key, Value)> {
    let mut entries = Vec::new();
    for (id, map) in &pass.lfib.qos_maps {
        for (class, behaviour) in &map.from_traffic_class {
            entries.push((Key::TcToPhb(*id, *class), Value::Behaviour(*behaviour)));
        }
        for (dscp, phb) in &map.from_dscp {
            let behaviour = Behaviour {
                phb: *phb,
                congestion: false,
            };
            entries.push((Key::DscpToPhb(*id, *dscp), Value::Behaviour(behaviour)));
        }
        for (behaviour, codes) in &map.to_codes {
            entries.push((Key::PhbEncoding(*id, *behaviour), Value::Codes(*codes)));
        }
        for (class, marked) in &map.mark_congestion {
            entries.push((
                Key::CongestionMark(*id, *class),
                Value::TrafficClass(*marked),
            ));
        }
    }
    entries
}

fn interfaces(pass: &Pass<'_>) -> Vec<(Key, Value)> {
    let mut entries = Vec::new();
    let interfaces = || pass.desired.interfaces.values();
    for interface in interfaces() {
        let value = InterfaceValue {
            mpls_enabled: interface.mpls_enabled,
            vrf: interface.vrf,
            label_space: interface.label_space,
            qos_map: interface.qos_map,
        };
        entries.push((
            Key::Interface(interface.port, interface.vlan),
            Value::Interface(value),
        ));
        entries.push((Key::StationMac(interface.port, interface.mac), Value::Admit));
    }
    // What is multicast to the router comes after its own addresses, which it needs most.
    let mut multicast = BTreeSet::new();
    for interface in interfaces().filter(|interface| interface.mpls_enabled) {
        // RFC 5332 section 8: an LSR must not filter packets to this address.
        multicast.insert((interface.port, MacAddress::of_multicast_label(0)));
    }
    let groups: Vec<(VrfId, MacAddress)> = pass
        .lfib
        .ftn
        .keys()
        .filter_map(|fec| match fec {
            Fec::MulticastGroup { vrf, group } => {
                Some((*vrf, MacAddress::of_multicast_group(*group)))
            }
            _ => None,
        })
        .collect();
    for interface in interfaces() {
        let of_vrf = groups.iter().filter(|(vrf, _)| *vrf == interface.vrf);
        multicast.extend(of_vrf.map(|(_, mac)| (interface.port, *mac)));
    }
    for next_hop in pass.lfib.upstream_contexts.keys() {
        if let Some(interface) = pass.interface(&next_hop.interface) {
            let labels = context_labels(pass);
            multicast.extend(labels.map(|mac| (interface.port, mac)));
        }
    }
    entries.extend(
        multicast
            .into_iter()
            .map(|(port, mac)| (Key::StationMac(port, mac), Value::Admit)),
    );
    entries
}

/// The MAC addresses of the labels in context label spaces: RFC 5332 section 8 lets the sender use
/// the value of a label.
fn context_labels(pass: &Pass<'_>) -> impl Iterator<Item = MacAddress> {
    pass.lfib
        .ilm
        .keys()
        .filter(|key| key.label_space.kind() == LabelSpaceKind::Context && !key.label.is_reserved())
        .map(|key| MacAddress::of_multicast_label(key.label.value()))
}

/// Where labelled packets arrive otherwise than on an interface: from upstream LSRs that assign
/// labels, and over IP.
fn tails(pass: &Pass<'_>) -> Vec<(Key, Value)> {
    let mut entries = Vec::new();
    for (upstream, space) in &pass.lfib.upstream_contexts {
        if let Some(interface) = pass.interface(&upstream.interface)
            && let Some(mac) = pass.lfib.resolved.get(upstream)
        {
            let key = Key::UpstreamContext(interface.port, interface.vlan, *mac);
            entries.push((key, Value::LabelSpace(*space)));
        }
    }
    let ends = pass.lfib.tunnel_ends.iter();
    entries.extend(
        ends.map(|(end, space): (_, &LabelSpace)| {
            (Key::TunnelEnd(*end), Value::LabelSpace(*space))
        }),
    );
    entries
}
