//! Pseudowires, point-to-multipoint LSPs, tunnels, QoS maps, and packets for the router.

use dataplane::{
    CircuitConfig, Desired, Entries, FtnValue, IlmValue, InterfaceConfig, Key, MulticastGroupId,
    PuntReason, Refusal, Replica, ServiceMatch, Table, Target, Translator, Value,
};
use forwarding::{
    AttachmentCircuit, Behaviour, Codes, Dscp, EntryKey, Fec, FtnAction, IlmAction, IlmKey,
    LabelSpace, MacAddress, NextHop, Nhlfe, Owner, Pcp, Phb, Protocol, QosMap, QosMapId,
    SpecialPurposeLabels, Tunnel, TunnelEnd, TunnelKind, TunnelModel, VlanId, VrfId,
};
use mpls::TrafficClass;

use crate::support::{
    Router, Switch, branches, capacity, label, next_hop, nhlfe, paths, translate, write,
};

fn fresh(desired: &Desired) -> Target {
    let mut translator = Translator::new(capacity());
    translate(&mut translator, desired, &Entries::new(), false)
}

fn ready() -> Router {
    let mut router = Router::new();
    for interface in 0..4 {
        router.neighbour(interface, 2);
    }
    router
}

fn ilm(target: &Target, value: u32) -> IlmValue {
    match target.entries[&Key::Ilm(0, IlmKey::platform(label(value)))] {
        Value::Ilm(value) => value,
        ref other => panic!("{other:?}"),
    }
}

fn circuit(port: u16, vlan: Option<u16>) -> AttachmentCircuit {
    AttachmentCircuit {
        port,
        vlan: vlan.map(|vlan| VlanId::new(vlan).unwrap()),
    }
}

fn bind_circuit(router: &mut Router, circuit: AttachmentCircuit, action: FtnAction) -> EntryKey {
    let fec = Fec::AttachmentCircuit(circuit);
    let owner = Owner::named(Protocol::Static, "pw");
    router.forwarding.bind_ftn(owner, fec.clone(), action);
    EntryKey::Ftn(fec)
}

fn replicate(nhlfes: &[Nhlfe], local: Option<LabelSpace>) -> IlmAction {
    IlmAction::Replicate {
        replication: branches(nhlfes, local),
        qos_map: QosMapId::DEFAULT,
    }
}

/// RFC 4448: frames of a port, or of a VLAN on it, enter the pseudowire with tunnel label, PW label
/// and control word; at the other end they leave by the attachment circuit.
#[test]
fn a_pseudowire_has_two_ends() {
    let mut router = ready();
    let push = nhlfe(0, 2, &[100, 500]).with_control_word().unwrap();
    let group = paths(&[push]);
    let settings = CircuitConfig {
        mtu: 1500,
        qos_map: QosMapId(3),
    };
    let (port, vlan) = (circuit(5, None), circuit(6, Some(7)));
    router.desired.circuits.insert(vlan, settings);
    for at in [port, vlan] {
        bind_circuit(&mut router, at, FtnAction::Forward(group.clone()));
    }
    router.bind(
        600,
        IlmAction::PopToAttachmentCircuit {
            circuit: vlan,
            control_word: true,
            qos_map: QosMapId::DEFAULT,
            tail_end: None,
        },
    );
    let target = fresh(&router.desired());
    let by_port = &target.entries[&Key::AttachmentPort(5)];
    assert!(matches!(
        by_port,
        Value::AttachmentCircuit(_, QosMapId::DEFAULT)
    ));
    let by_vlan = &target.entries[&Key::Interface(6, vlan.vlan)];
    assert!(matches!(by_vlan, Value::AttachmentCircuit(_, QosMapId(3))));

    let IlmValue::PopToAttachmentCircuit {
        group,
        control_word: true,
        ..
    } = ilm(&target, 600)
    else {
        panic!()
    };
    let out = dataplane::buckets_of(&target.entries, group, forwarding::PathRole::Working);
    assert_eq!(out[0].primary.port, 6);
    // The program counts the Ethernet header of the frame.
    assert_eq!(out[0].primary.max_length, 1514);
    assert_eq!(
        target.entries[&Key::Nhlfe(out[0].primary.nhlfe)],
        Value::ToAttachmentCircuit(vlan.vlan)
    );
}

#[test]
fn what_no_pseudowire_can_be_is_refused() {
    let mut router = ready();
    let bare = FtnAction::Forward(paths(&[nhlfe(0, 2, &[])]));
    let unlabelled = bind_circuit(&mut router, circuit(5, None), bare);
    let glean = bind_circuit(&mut router, circuit(6, None), FtnAction::Glean);
    let vlan = VlanId::new(9).unwrap();
    let settings = InterfaceConfig {
        vlan: Some(vlan),
        ..router.desired.interfaces["core0"].clone()
    };
    router.desired.interfaces.insert("core0.9".into(), settings);
    let labelled = FtnAction::Forward(paths(&[nhlfe(0, 2, &[100])]));
    let taken = bind_circuit(&mut router, circuit(1, Some(9)), labelled);
    let target = fresh(&router.desired());
    assert_eq!(
        target.refused[&unlabelled],
        Refusal::LabelNeeded("a pseudowire")
    );
    assert!(matches!(
        target.refused[&glean],
        Refusal::UnsupportedAction(_)
    ));
    assert_eq!(target.refused[&taken], Refusal::InterfaceInUse);
    assert!(matches!(
        target.entries[&Key::Interface(1, Some(vlan))],
        Value::Interface(_)
    ));
}

/// RFC 4875: a copy for each branch, and for the bud node one that is looked up by its label.
#[test]
fn a_label_is_replicated_to_its_branches() {
    let mut router = ready();
    let nhlfes = [nhlfe(0, 2, &[100]), nhlfe(1, 2, &[200, 201])];
    let leaf = LabelSpace::FIRST_CONTEXT;
    router.bind(700, replicate(&nhlfes, Some(leaf)));
    let target = fresh(&router.desired());
    let IlmValue::Replicate {
        group, max_length, ..
    } = ilm(&target, 700)
    else {
        panic!()
    };
    assert_eq!(max_length, 1508 - 8, "the smallest of the branches");
    let Value::MulticastGroup(replicas) = &target.entries[&Key::MulticastGroup(group)] else {
        panic!()
    };
    let ports: Vec<_> = replicas.iter().map(|replica| replica.port).collect();
    assert_eq!(ports, [1, 2, 510], "the bud's copy goes to the CPU port");
    let local = replicas.last().unwrap();
    assert_eq!(
        target.entries[&Key::Branch(group, local.replica)],
        Value::LookUpAgain(leaf)
    );
}

/// Make before break: a branch that stays keeps its replica, and a new one gets another number.
#[test]
fn branches_come_and_go_beside_those_that_stay() {
    let mut router = ready();
    let [a, b, c] = [0, 1, 2].map(|interface| nhlfe(interface, 2, &[100]));
    let mut translator = Translator::new(capacity());
    let mut switch = Switch::default();
    let mut steps = Vec::new();
    for set in [[a.clone(), b], [a, c]] {
        router.bind(700, replicate(&set, None));
        // The daemon starts again in between: it finds the group and its branches.
        translator = Translator::new(capacity());
        let target = translate(&mut translator, &router.desired(), &switch.entries, false);
        write(&mut switch, &target.entries);
        let IlmValue::Replicate { group, .. } = ilm(&target, 700) else {
            panic!()
        };
        let Value::MulticastGroup(replicas) = &switch.entries[&Key::MulticastGroup(group)] else {
            panic!()
        };
        steps.push((group, replicas.clone()));
    }
    assert_eq!(steps[0].0, steps[1].0);
    let both: Vec<Replica> = steps[0].1.intersection(&steps[1].1).copied().collect();
    assert_eq!(both.len(), 1, "the branch that stays");
    let numbers: std::collections::BTreeSet<_> = steps
        .iter()
        .flat_map(|(_, replicas)| replicas.iter().map(|replica| replica.replica))
        .collect();
    assert_eq!(numbers.len(), 3);
    assert_eq!(translator.multicast_group_ids().count(), 1);
}

#[test]
fn what_cannot_be_replicated_is_refused() {
    let mut router = ready();
    router.bind(700, replicate(&[nhlfe(0, 2, &[])], None));
    router.bind(701, replicate(&[nhlfe(0, 2, &[1000; 5])], None));
    let group: Fec = Fec::host(VrfId::DEFAULT, [239, 1, 1, 1].into());
    let local = branches(&[nhlfe(0, 2, &[100])], Some(LabelSpace(1)));
    router.forwarding.bind_ftn(
        Protocol::Static.into(),
        group.clone(),
        FtnAction::Replicate(local),
    );
    let target = fresh(&router.desired());
    let refused = |key: EntryKey| target.refused[&key].clone();
    let of_label = |value| refused(EntryKey::Ilm(IlmKey::platform(label(value))));
    assert_eq!(of_label(700), Refusal::LabelNeeded("a branch of a label"));
    assert!(matches!(of_label(701), Refusal::TooManyLabels { .. }));
    assert_eq!(refused(EntryKey::Ftn(group)), Refusal::LocalBranch);
    let groups = |key: &&Key| key.table() == Table::MulticastGroup;
    assert_eq!(target.entries.keys().filter(groups).count(), 0);
}

/// The ingress of a point-to-multipoint LSP takes a multicast group; a leaf sends it on without
/// labels. The group's MAC address is the router's too.
#[test]
fn multicast_groups_are_replicated() {
    let mut router = ready();
    let group = std::net::Ipv4Addr::new(239, 129, 2, 3);
    // A leaf's receivers need no neighbour.
    let receivers = Nhlfe::unlabelled(NextHop::new("core3", group.into()));
    let upstream = NextHop::new("core2", [224, 0, 0, 2].into());
    let upstream = Nhlfe::new(upstream, [label(100), label(101)], TunnelModel::Pipe)
        .and_then(Nhlfe::with_upstream_assigned_label)
        .unwrap();
    let replication = branches(&[nhlfe(0, 2, &[100]), receivers, upstream], None);
    router.forwarding.bind_ftn(
        Protocol::Static.into(),
        Fec::host(VrfId::DEFAULT, group.into()),
        FtnAction::Replicate(replication),
    );
    let target = fresh(&router.desired());
    let key = Key::Ftn(VrfId::DEFAULT, std::net::IpAddr::from(group).into());
    let Value::Ftn(FtnValue::Replicate(id, max_length)) = target.entries[&key] else {
        panic!()
    };
    assert_eq!((id, max_length), (MulticastGroupId(1), 1500));
    let macs: Vec<_> = target
        .entries
        .iter()
        .filter_map(|(key, value)| match (key, value) {
            (Key::Nhlfe(_), Value::Nhlfe(nhlfe)) => Some(nhlfe.destination.to_string()),
            _ => None,
        })
        .collect();
    // RFC 1112 section 6.4; RFC 5332 section 8.
    assert!(macs.contains(&"01:00:5e:01:02:03".to_owned()), "{macs:?}");
    assert!(macs.contains(&"01:00:5e:80:00:00".to_owned()), "{macs:?}");
    let mac = MacAddress([0x01, 0, 0x5E, 1, 2, 3]);
    for port in 1..5 {
        assert_eq!(target.entries[&Key::StationMac(port, mac)], Value::Admit);
    }
}

/// RFC 5331, RFC 5332: labels that the upstream LSR assigns have a space of their own, and frames
/// come to multicast addresses with 0 or a label in them.
#[test]
fn upstream_assigned_labels_have_a_context() {
    let mut router = ready();
    let context = LabelSpace(0x8001);
    let unresolved = next_hop(0, 9);
    router
        .forwarding
        .replace_upstream_contexts([(next_hop(1, 2), context), (unresolved, LabelSpace(0x8002))]);
    let key = IlmKey {
        label_space: context,
        label: label(0xABCDE),
    };
    router
        .forwarding
        .bind_ilm(Protocol::Static.into(), key, IlmAction::PUNT)
        .unwrap();
    let target = fresh(&router.desired());
    let mac = MacAddress([2, 1, 0, 0, 1, 2]);
    assert_eq!(
        target.entries[&Key::UpstreamContext(2, None, mac)],
        Value::LabelSpace(context)
    );
    let contexts = |key: &&Key| key.table() == Table::UpstreamContext;
    assert_eq!(target.entries.keys().filter(contexts).count(), 1);
    for mac in ["01:00:5e:80:00:00", "01:00:5e:8a:bc:de"] {
        let key = Key::StationMac(2, mac.parse().unwrap());
        assert!(target.entries.contains_key(&key), "{mac}");
    }
}

/// RFC 7510, RFC 4023: heads and tails of tunnels. One tunnel of many NHLFEs is one entry.
#[test]
fn labels_go_over_ip() {
    let mut router = ready();
    let address = |last| [192, 0, 2, last].into();
    let tunnel = |last| {
        let dscp = Dscp::new(46).unwrap();
        Tunnel::new(TunnelKind::Udp, address(1), address(last), 64, dscp).unwrap()
    };
    for (value, last) in [(100, 2), (101, 2), (102, 3)] {
        let over = nhlfe(0, 2, &[value]).with_tunnel(tunnel(last)).unwrap();
        router.ftn(&format!("10.{value}.0.0/16"), &paths(&[over]));
    }
    let end = TunnelEnd {
        vrf: VrfId::DEFAULT,
        kind: TunnelKind::Gre,
        destination: address(1),
        source: Some("192.0.2.0/24".parse().unwrap()),
    };
    let ends = [(end, LabelSpace::PLATFORM)];
    router.forwarding.replace_tunnel_ends(ends);
    let mut switch = Switch::default();
    let target = fresh(&router.desired());
    write(&mut switch, &target.entries);
    let tunnels: Vec<_> = switch
        .entries
        .values()
        .filter_map(|value| match value {
            Value::Tunnel(tunnel) => Some(tunnel.destination()),
            _ => None,
        })
        .collect();
    assert_eq!(tunnels, [address(2), address(3)]);
    assert_eq!(
        switch.entries[&Key::TunnelEnd(end)],
        Value::LabelSpace(LabelSpace::PLATFORM)
    );
    // A daemon that starts again finds them.
    let again = translate(
        &mut Translator::new(capacity()),
        &router.desired(),
        &switch.entries,
        false,
    );
    assert_eq!(again.entries, switch.entries);
}

#[test]
fn qos_maps_are_entries() {
    let mut router = ready();
    let class = |value| TrafficClass::new(value).unwrap();
    let phb = Phb::new(46).unwrap();
    let behaviour = Behaviour {
        phb,
        congestion: true,
    };
    let codes = Codes {
        traffic_class: class(5),
        dscp: Dscp::new(46).unwrap(),
        pcp: Pcp::new(5).unwrap(),
    };
    let map = QosMap {
        from_traffic_class: [(class(5), behaviour)].into(),
        from_dscp: [(Dscp::new(46).unwrap(), phb)].into(),
        to_codes: [(behaviour, codes)].into(),
        mark_congestion: [(class(5), class(6))].into(),
    };
    // The map 0 is as it is.
    let maps = [(QosMapId(4), map.clone()), (QosMapId::DEFAULT, map)];
    router.forwarding.replace_qos_maps(maps);
    let target = fresh(&router.desired());
    let id = QosMapId(4);
    let calm = Behaviour {
        congestion: false,
        ..behaviour
    };
    for (key, value) in [
        (Key::TcToPhb(id, class(5)), Value::Behaviour(behaviour)),
        (
            Key::DscpToPhb(id, Dscp::new(46).unwrap()),
            Value::Behaviour(calm),
        ),
        (Key::PhbEncoding(id, behaviour), Value::Codes(codes)),
        (
            Key::CongestionMark(id, class(5)),
            Value::TrafficClass(class(6)),
        ),
    ] {
        assert_eq!(target.entries[&key], value);
    }
    let of_maps = [Table::TcToPhb, Table::DscpToPhb, Table::PhbEncoding];
    for table in of_maps {
        let count = target.entries.keys().filter(|key| key.table() == table);
        assert_eq!(count.count(), 1, "{table}");
    }
}

/// RFC 3032 section 2.1, RFC 7274, RFC 9017: what each label of 0 to 15 does is table data.
#[test]
fn special_purpose_labels_are_entries() {
    let mut router = ready();
    let labels = SpecialPurposeLabels::default();
    for (key, action) in labels.bindings(LabelSpace::PLATFORM) {
        router
            .forwarding
            .bind_ilm(Protocol::Local.into(), key, action)
            .unwrap();
    }
    let target = fresh(&router.desired());
    assert!(matches!(ilm(&target, 0), IlmValue::ExplicitNull { .. }));
    assert_eq!(ilm(&target, 1), IlmValue::Punt(PuntReason::RouterAlert));
    assert_eq!(ilm(&target, 3), IlmValue::Discard);
    assert_eq!(ilm(&target, 4), IlmValue::Discard);
    assert!(matches!(
        ilm(&target, 7),
        IlmValue::EntropyLabelIndicator { .. }
    ));
    assert_eq!(ilm(&target, 13), IlmValue::Punt(PuntReason::GAch));
    assert!(matches!(
        ilm(&target, 15),
        IlmValue::PopAndLookUpLabel {
            label_space: LabelSpace::EXTENDED_SPECIAL_PURPOSE,
            ..
        }
    ));
}

/// RFC 6192: each class of packets for the router has a rule or none, and a rate of its own.
#[test]
fn services_have_classes_and_classes_have_rates() {
    let target = fresh(&ready().desired());
    let class = |protocol, source_port, destination_port| {
        let service = ServiceMatch {
            protocol,
            source_port,
            destination_port,
        };
        match target.entries[&Key::ServiceClass(service, 10)] {
            Value::Punt(reason) => reason,
            ref other => panic!("{other:?}"),
        }
    };
    for protocol in [6, 17] {
        assert_eq!(class(protocol, None, Some(646)), PuntReason::Ldp);
        assert_eq!(class(protocol, Some(646), None), PuntReason::Ldp);
    }
    assert_eq!(class(46, None, None), PuntReason::Rsvp);
    for port in [3784, 3785, 4784, 6784] {
        assert_eq!(class(17, None, Some(port)), PuntReason::Bfd);
    }
    assert_eq!(class(17, None, Some(3503)), PuntReason::LspPing);
    for reason in PuntReason::ALL {
        let policy = &target.entries[&Key::PuntPolicy(reason.number())];
        assert!(matches!(policy, Value::PuntMetered(_)), "{reason}");
    }
}

#[test]
fn the_settings_of_an_interface_are_those_of_its_port_and_vlan() {
    let mut router = ready();
    let vlan = VlanId::new(100).ok();
    let settings = InterfaceConfig {
        vlan,
        vrf: VrfId(7),
        label_space: LabelSpace(3),
        mpls_enabled: false,
        qos_map: QosMapId(2),
        ..router.desired.interfaces["core0"].clone()
    };
    router
        .desired
        .interfaces
        .insert("core0.100".into(), settings);
    let target = fresh(&router.desired());
    let Value::Interface(tagged) = target.entries[&Key::Interface(1, vlan)] else {
        panic!()
    };
    assert_eq!((tagged.vrf, tagged.label_space), (VrfId(7), LabelSpace(3)));
    assert_eq!((tagged.mpls_enabled, tagged.qos_map), (false, QosMapId(2)));
    let Value::Interface(untagged) = target.entries[&Key::Interface(1, None)] else {
        panic!()
    };
    assert!(untagged.mpls_enabled);
}

/// RFC 7307: packets of a DSCP are looked up among the FECs of their topology.
#[test]
fn a_topology_is_told_by_the_dscp() {
    let mut router = ready();
    let dscp = Dscp::new(46).unwrap();
    let topology = ((VrfId::DEFAULT, dscp), VrfId(3996));
    router.desired.topologies.extend([topology]);
    let target = fresh(&router.desired());
    let entry = &target.entries[&Key::Topology(VrfId::DEFAULT, dscp)];
    assert_eq!(*entry, Value::Topology(VrfId(3996)));
}

/// Whatever is full, somebody is told: the FEC or the label that does not fit, or the operator.
#[test]
fn no_full_table_goes_unnoticed() {
    let mut router = ready();
    let protection = forwarding::ProtectionId::new(1).unwrap();
    let path = |interface| forwarding::Path::new(nhlfe(interface, 2, &[100]), 1);
    let group = forwarding::PathGroup::protected([path(0)], protection, [path(1)]).unwrap();
    router.ftn("10.1.0.0/16", &group.into());
    router.ftn("2001:db8::/32", &paths(&[nhlfe(0, 2, &[100])]));
    router.bind(700, replicate(&[nhlfe(0, 2, &[100])], None));
    let address: std::net::IpAddr = [192, 0, 2, 1].into();
    let tunnel = Tunnel::new(TunnelKind::Ip, address, address, 64, Dscp::default()).unwrap();
    let over = nhlfe(0, 2, &[100]).with_tunnel(tunnel).unwrap();
    router.ftn("10.2.0.0/16", &paths(&[over]));
    for circuit in [circuit(5, None), circuit(6, Some(7))] {
        let labelled = FtnAction::Forward(paths(&[nhlfe(0, 2, &[100])]));
        bind_circuit(&mut router, circuit, labelled);
    }
    let six: std::net::IpAddr = "2001:db8::1".parse().unwrap();
    router
        .forwarding
        .replace_tunnel_ends([address, six].map(|destination| {
            let end = TunnelEnd {
                vrf: VrfId::DEFAULT,
                kind: TunnelKind::Ip,
                destination,
                source: None,
            };
            (end, LabelSpace::PLATFORM)
        }));
    let contexts = [(next_hop(0, 2), LabelSpace::FIRST_CONTEXT)];
    router.forwarding.replace_upstream_contexts(contexts);
    let class = TrafficClass::default();
    let behaviour = Behaviour {
        phb: Phb::default(),
        congestion: false,
    };
    let codes = Codes {
        traffic_class: class,
        dscp: Dscp::default(),
        pcp: Pcp::default(),
    };
    let map = QosMap {
        from_traffic_class: [(class, behaviour)].into(),
        from_dscp: [(Dscp::default(), Phb::default())].into(),
        to_codes: [(behaviour, codes)].into(),
        mark_congestion: [(class, class)].into(),
    };
    router.forwarding.replace_qos_maps([(QosMapId(1), map)]);
    let topology = ((VrfId::DEFAULT, Dscp::default()), VrfId(3996));
    router.desired.topologies.extend([topology]);

    let desired = router.desired();
    let whole = fresh(&desired);
    assert!(whole.refused.is_empty() && whole.problems.is_empty());
    let switchover = [
        Table::ProtectionState,
        Table::TailSelector,
        Table::PortState,
    ];
    for table in Table::ALL {
        if switchover.contains(&table) {
            // Those the switch refuses itself.
            continue;
        }
        let has = |target: &Target| target.entries.keys().any(|key| key.table() == table);
        assert!(has(&whole), "{table} is not tried");
        let mut translator = Translator::new(capacity().with_size(table, 0));
        let target = translate(&mut translator, &desired, &Entries::new(), false);
        // Every label is in all three tables, and the first one speaks for them.
        let told = target.refused.values().any(
            |refusal| matches!(refusal, Refusal::TableFull { table: full, .. } if *full == table),
        ) || target
            .problems
            .iter()
            .any(|problem| problem.contains(&format!("table {table} is full")));
        assert!(told && !has(&target), "{table}");
        let mut switch = Switch::default();
        write(&mut switch, &target.entries);
        switch.check_references();
    }
}
