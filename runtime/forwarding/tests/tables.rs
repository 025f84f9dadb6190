//! The FTN and the ILM: choice among owners, next-hop resolution, changes and operator states.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use forwarding::{
    BindError, Changes, EntryKey, Fec, Forwarding, FtnAction, IlmAction, IlmKey, LabelSpace, Lfib,
    MacAddress, NextHop, NextHopProblem, Nhlfe, Owner, Path, PathGroup, Payload, Programmed,
    ProtectionId, Protocol, QosMap, QosMapId, Replication, State, TunnelEnd, TunnelKind,
    TunnelModel, VrfId,
};
use mpls::Label;
use proptest::prelude::*;

const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

fn label(value: u32) -> Label {
    Label::new(value).unwrap()
}

fn fec(prefix: &str) -> Fec {
    Fec::prefix(VrfId::DEFAULT, prefix.parse().unwrap())
}

fn next_hop(interface: &str, last: u8) -> NextHop {
    NextHop::new(interface, [10, 0, 12, last].into())
}

fn group(next_hops: &[(NextHop, u32)]) -> Arc<PathGroup> {
    let path = |(next_hop, value): &(NextHop, u32)| {
        let nhlfe = Nhlfe::new(next_hop.clone(), [label(*value)], TunnelModel::Uniform).unwrap();
        Path::new(nhlfe, 1)
    };
    Arc::new(PathGroup::new(next_hops.iter().map(path)).unwrap())
}

fn named(name: &str) -> Owner {
    Owner::named(Protocol::Static, name)
}

fn router() -> Forwarding {
    let mut forwarding = Forwarding::new();
    forwarding.set_interface("core0".into(), true);
    forwarding.set_interface("core1".into(), true);
    forwarding
}

fn ftn_states(forwarding: &Forwarding, programmed: &Programmed) -> Vec<(String, String)> {
    let view = |view: forwarding::View<'_, Fec, FtnAction>| {
        (view.owner.to_string(), view.state.to_string())
    };
    forwarding.ftn_views(programmed).map(view).collect()
}

/// A FEC with an LSP is labelled, also when the kernel has a route for it.
#[test]
fn the_preferred_protocol_is_chosen_in_any_order() {
    let lsp = FtnAction::Forward(group(&[(next_hop("core0", 2), 100)]));
    let route = FtnAction::Forward(Arc::new(PathGroup::single(Nhlfe::unlabelled(next_hop(
        "core1", 3,
    )))));
    let bindings = [
        (named("to-pe2"), lsp.clone()),
        (Protocol::Kernel.into(), route.clone()),
    ];
    for order in [[0, 1], [1, 0]] {
        let mut forwarding = router();
        for index in order {
            let (owner, action) = bindings[index].clone();
            forwarding.bind_ftn(owner, fec("10.2.0.0/24"), action);
        }
        assert_eq!(forwarding.lfib().ftn[&fec("10.2.0.0/24")].action, lsp);
        let states = ftn_states(&forwarding, &Programmed::default());
        assert_eq!(states[1].1, "not preferred: static to-pe2 is installed");
        forwarding.unbind_ftn(&named("to-pe2"), &fec("10.2.0.0/24"));
        assert_eq!(forwarding.lfib().ftn[&fec("10.2.0.0/24")].action, route);
    }
}

/// Two owners of one incoming label: the first one keeps it, the other is told.
#[test]
fn a_second_owner_of_a_label_conflicts() {
    let mut forwarding = router();
    let key = IlmKey::platform(label(100));
    forwarding
        .bind_ilm(named("a"), key, IlmAction::PUNT)
        .unwrap();
    let action = IlmAction::pop_and_look_up_label(LabelSpace::PLATFORM);
    forwarding
        .bind_ilm(named("b"), key, action.clone())
        .unwrap();
    assert_eq!(forwarding.lfib().ilm[&key].action, IlmAction::PUNT);
    let programmed = Programmed::default();
    let states: Vec<_> = forwarding
        .ilm_views(&programmed)
        .map(|view| view.state)
        .collect();
    assert_eq!(
        states,
        [State::Pending, State::Conflict { with: named("a") }]
    );
    forwarding.unbind_ilm(&named("a"), &key);
    assert_eq!(forwarding.lfib().ilm[&key].action, action);
}

#[test]
fn an_unresolved_next_hop_is_named_with_its_interface() {
    let mut forwarding = Forwarding::new();
    let hop = next_hop("core0", 2);
    let action = FtnAction::Forward(group(&[(hop.clone(), 100)]));
    forwarding.bind_ftn(named("to-pe2"), fec("10.2.0.0/24"), action);
    let state =
        |forwarding: &Forwarding| ftn_states(forwarding, &Programmed::default())[0].1.clone();
    assert_eq!(
        state(&forwarding),
        "next hop 10.0.12.2: there is no interface core0"
    );
    forwarding.set_interface("core0".into(), false);
    assert_eq!(
        state(&forwarding),
        "next hop 10.0.12.2: interface core0 is down"
    );
    forwarding.set_interface("core0".into(), true);
    assert_eq!(
        state(&forwarding),
        "next hop 10.0.12.2 is not resolved on interface core0"
    );
    forwarding.set_neighbour(hop.clone(), MAC);
    assert_eq!(state(&forwarding), "pending");
    assert_eq!(forwarding.lfib().resolved[&hop], MAC);
    forwarding.remove_interface(&"core0".into());
    assert_eq!(
        forwarding.lfib().unresolved[&hop],
        NextHopProblem::NoInterface
    );
}

#[test]
fn one_usable_next_hop_is_enough() {
    let mut forwarding = router();
    let (first, second) = (next_hop("core0", 2), next_hop("core1", 3));
    let action = FtnAction::Forward(group(&[(first.clone(), 100), (second.clone(), 200)]));
    forwarding.bind_ftn(named("to-pe2"), fec("10.2.0.0/24"), action);
    forwarding.set_neighbour(second, MAC);
    let programmed = Programmed {
        installed: BTreeSet::from([EntryKey::Ftn(fec("10.2.0.0/24"))]),
        ..Default::default()
    };
    let view = forwarding.ftn_views(&programmed).next().unwrap();
    assert_eq!(view.state, State::Installed);
    assert_eq!(view.unresolved.len(), 1);
    assert_eq!(view.unresolved[0].next_hop, first);
}

#[test]
fn a_refusal_of_the_switch_is_the_state() {
    let mut forwarding = router();
    forwarding.bind_ftn(
        Protocol::Local.into(),
        fec("10.0.0.1/32"),
        FtnAction::ToRouter,
    );
    let key = EntryKey::Ftn(fec("10.0.0.1/32"));
    let programmed = Programmed {
        refused: BTreeMap::from([(key, "table ftn_ipv4 is full".to_owned())]),
        ..Default::default()
    };
    assert_eq!(
        ftn_states(&forwarding, &programmed)[0].1,
        "refused: table ftn_ipv4 is full"
    );
}

#[test]
fn replacing_keeps_what_is_in_both_sets() {
    let mut forwarding = router();
    let kernel = || Owner::from(Protocol::Kernel);
    let discard = |prefix: &str| (kernel(), fec(prefix), FtnAction::Discard);
    forwarding.bind_ftn(named("a"), fec("10.9.0.0/16"), FtnAction::Discard);
    forwarding.replace_ftn(
        Protocol::Kernel,
        [discard("10.1.0.0/16"), discard("10.2.0.0/16")],
    );
    let before = forwarding.lfib();
    forwarding.replace_ftn(
        Protocol::Kernel,
        [discard("10.2.0.0/16"), discard("10.3.0.0/16")],
    );
    assert_eq!(
        forwarding.lfib().changes_since(&before).ftn,
        BTreeSet::from([fec("10.1.0.0/16"), fec("10.3.0.0/16")])
    );
    assert_eq!(forwarding.lfib().ftn.len(), 3);
}

/// RFC 3032 section 2.1: the labels 0 to 15 are reserved.
#[test]
fn reserved_labels_keep_their_meaning() {
    let mut forwarding = router();
    let null = |payload| IlmAction::ExplicitNull {
        payload,
        tunnel_model: TunnelModel::Uniform,
    };
    let mut bind = |value, action| {
        forwarding.bind_ilm(
            Protocol::Local.into(),
            IlmKey::platform(label(value)),
            action,
        )
    };
    assert_eq!(bind(0, null(Payload::Ipv4)), Ok(()));
    assert_eq!(bind(2, null(Payload::Ipv6)), Ok(()));
    assert_eq!(bind(1, IlmAction::PUNT), Ok(()));
    assert_eq!(bind(13, IlmAction::PUNT), Ok(()));
    assert_eq!(bind(16, IlmAction::PUNT), Ok(()));
    for (value, action) in [
        (3, IlmAction::PUNT),
        (5, IlmAction::PUNT),
        (1, IlmAction::pop_and_look_up_label(LabelSpace::PLATFORM)),
    ] {
        let result = bind(value, action);
        assert!(
            matches!(result, Err(BindError::ReservedLabel { .. })),
            "{value}: {result:?}"
        );
    }
    assert!(matches!(
        bind(0, null(Payload::Ipv6)),
        Err(BindError::ReservedLabel { .. })
    ));
    assert_eq!(
        bind(100, null(Payload::Ipv4)),
        Err(BindError::NotExplicitNull {
            label: label(100),
            payload: Payload::Ipv4
        })
    );
}

#[test]
fn an_old_value_of_the_lfib_does_not_change() {
    let mut forwarding = router();
    let before = forwarding.lfib();
    forwarding.bind_ftn(named("a"), fec("10.0.0.0/8"), FtnAction::Discard);
    assert!(before.ftn.is_empty());
    assert_eq!(forwarding.lfib().ftn.len(), 1);
}

#[derive(Debug, Clone)]
enum Step {
    Bind {
        protocol: usize,
        prefix: u8,
        hops: Vec<(u8, u8)>,
    },
    Unbind {
        protocol: usize,
        prefix: u8,
    },
    Interface {
        index: u8,
        up: Option<bool>,
    },
    Neighbour {
        index: u8,
        last: u8,
        known: bool,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    let hops = prop::collection::btree_set((0u8..2, 1u8..4), 1..3)
        .prop_map(|hops| hops.into_iter().collect());
    prop_oneof![
        3 => (0usize..3, 0u8..4, hops)
            .prop_map(|(protocol, prefix, hops)| Step::Bind { protocol, prefix, hops }),
        1 => (0usize..3, 0u8..4).prop_map(|(protocol, prefix)| Step::Unbind { protocol, prefix }),
        1 => (0u8..2, any::<Option<bool>>()).prop_map(|(index, up)| Step::Interface { index, up }),
        3 => (0u8..2, 1u8..4, any::<bool>())
            .prop_map(|(index, last, known)| Step::Neighbour { index, last, known }),
    ]
}

const PROTOCOLS: [Protocol; 3] = [Protocol::Static, Protocol::Ldp, Protocol::Kernel];

/// What the LFIB should be, made anew from the bindings.
#[derive(Default)]
struct Model {
    bindings: BTreeMap<u8, BTreeMap<usize, Arc<PathGroup>>>,
    interfaces: BTreeMap<String, bool>,
    neighbours: BTreeSet<NextHop>,
}

impl Model {
    fn check(&self, lfib: &Lfib) {
        let chosen = self.bindings.iter().filter_map(|(prefix, bindings)| {
            // The protocols stand in the order of preference.
            Some((*prefix, bindings.first_key_value()?))
        });
        let mut used = BTreeSet::new();
        let mut count = 0;
        for (prefix, (protocol, group)) in chosen {
            let entry = &lfib.ftn[&fec(&format!("10.{prefix}.0.0/16"))];
            assert_eq!(entry.owner.protocol, PROTOCOLS[*protocol]);
            assert_eq!(entry.action, FtnAction::Forward(Arc::clone(group)));
            used.extend(
                group
                    .paths()
                    .iter()
                    .map(|path| path.nhlfe.next_hop().clone()),
            );
            count += 1;
        }
        assert_eq!(lfib.ftn.len(), count);
        let known: BTreeSet<_> = lfib.resolved.keys().chain(lfib.unresolved.keys()).collect();
        assert_eq!(known, used.iter().collect());
        for next_hop in &used {
            let expected = match self.interfaces.get(next_hop.interface.as_str()) {
                None => Some(NextHopProblem::NoInterface),
                Some(false) => Some(NextHopProblem::InterfaceDown),
                Some(true) if self.neighbours.contains(next_hop) => None,
                Some(true) => Some(NextHopProblem::NeighbourUnresolved),
            };
            assert_eq!(lfib.problem(next_hop), expected);
            assert_eq!(lfib.resolved.contains_key(next_hop), expected.is_none());
        }
    }
}

fn differences(before: &Lfib, after: &Lfib) -> Changes {
    let mut changes = Changes::default();
    let fecs = before.ftn.keys().chain(after.ftn.keys());
    changes.ftn = fecs
        .filter(|fec| before.ftn.get(*fec) != after.ftn.get(*fec))
        .cloned()
        .collect();
    let hops = before.resolved.keys().chain(after.resolved.keys());
    let hops = hops
        .chain(before.unresolved.keys())
        .chain(after.unresolved.keys());
    let differs = |hop: &&NextHop| {
        before.resolved.get(*hop) != after.resolved.get(*hop)
            || before.unresolved.get(*hop) != after.unresolved.get(*hop)
    };
    changes.next_hops = hops.filter(differs).cloned().collect();
    changes
}

proptest! {
    /// After any steps the LFIB is that of the bindings, interfaces and neighbours, and the
    /// changes name everything that differs.
    #[test]
    fn the_lfib_follows_every_step(steps in prop::collection::vec(any_step(), 1..40)) {
        let mut forwarding = Forwarding::new();
        let mut model = Model::default();
        for step in steps {
            let before = forwarding.lfib();
            match step {
                Step::Bind { protocol, prefix, hops } => {
                    let hops: Vec<_> = hops
                        .iter()
                        .map(|(interface, last)| (next_hop(&format!("if{interface}"), *last), 100))
                        .collect();
                    let group = group(&hops);
                    model.bindings.entry(prefix).or_default().insert(protocol, Arc::clone(&group));
                    forwarding.bind_ftn(
                        PROTOCOLS[protocol].into(),
                        fec(&format!("10.{prefix}.0.0/16")),
                        FtnAction::Forward(group),
                    );
                }
                Step::Unbind { protocol, prefix } => {
                    model.bindings.entry(prefix).or_default().remove(&protocol);
                    let fec = fec(&format!("10.{prefix}.0.0/16"));
                    forwarding.unbind_ftn(&PROTOCOLS[protocol].into(), &fec);
                }
                Step::Interface { index, up } => {
                    let name = format!("if{index}");
                    match up {
                        Some(up) => {
                            model.interfaces.insert(name.clone(), up);
                            forwarding.set_interface(name.into(), up);
                        }
                        None => {
                            model.interfaces.remove(&name);
                            model.neighbours.retain(|hop| hop.interface.as_str() != name);
                            forwarding.remove_interface(&name.into());
                        }
                    }
                }
                Step::Neighbour { index, last, known } => {
                    let hop = next_hop(&format!("if{index}"), last);
                    if known {
                        model.neighbours.insert(hop.clone());
                        forwarding.set_neighbour(hop, MAC);
                    } else {
                        model.neighbours.remove(&hop);
                        forwarding.remove_neighbour(&hop);
                    }
                }
            }
            let after = forwarding.lfib();
            model.check(&after);
            prop_assert_eq!(after.changes_since(&before), differences(&before, &after));
        }
    }
}

/// A next hop that is a multicast group needs no neighbour: its MAC address is that of the group.
#[test]
fn a_multicast_next_hop_is_resolved_with_its_interface() {
    let mut forwarding = router();
    let group: std::net::IpAddr = [239, 1, 1, 1].into();
    let hop = NextHop::new("core0", group);
    let replication = Replication::new([Nhlfe::unlabelled(hop.clone())], None).unwrap();
    let action = FtnAction::Replicate(Arc::new(replication));
    let fec = Fec::host(VrfId::DEFAULT, group);
    assert_eq!(fec.to_string(), "group 239.1.1.1");
    forwarding.bind_ftn(named("tv"), fec, action);
    let mac = MacAddress([0x01, 0, 0x5E, 1, 1, 1]);
    assert_eq!(forwarding.lfib().resolved[&hop], mac);
    assert_eq!(
        ftn_states(&forwarding, &Programmed::default())[0].1,
        "pending"
    );
    forwarding.set_interface("core0".into(), false);
    assert_eq!(
        forwarding.lfib().unresolved[&hop],
        NextHopProblem::InterfaceDown
    );
}

/// Backup paths and protecting sets are next hops too: they must be resolved before they are
/// needed.
#[test]
fn next_hops_of_backups_and_branches_are_resolved() {
    let mut forwarding = router();
    let nhlfe = |last| Nhlfe::unlabelled(next_hop("core0", last));
    let protection = ProtectionId::new(1).unwrap();
    let working = Path::new(nhlfe(1), 1).with_backup(nhlfe(2));
    let group = PathGroup::protected([working], protection, [Path::new(nhlfe(3), 1)]).unwrap();
    forwarding.bind_ftn(
        named("a"),
        fec("10.1.0.0/16"),
        FtnAction::Forward(group.into()),
    );
    let replication = Replication::new([nhlfe(4)], None).unwrap();
    let action = IlmAction::Replicate {
        replication: Arc::new(replication),
        qos_map: QosMapId::DEFAULT,
    };
    let key = IlmKey::platform(label(100));
    forwarding.bind_ilm(named("b"), key, action).unwrap();
    let hops: Vec<_> = forwarding.next_hops().cloned().collect();
    assert_eq!(hops, [1, 2, 3, 4].map(|last| next_hop("core0", last)));
    // One usable next hop of the three is enough.
    forwarding.set_neighbour(next_hop("core0", 2), MAC);
    let programmed = Programmed::default();
    let view = forwarding.ftn_views(&programmed).next().unwrap();
    assert_eq!((view.state, view.unresolved.len()), (State::Pending, 2));
    let view = forwarding.ilm_views(&programmed).next().unwrap();
    assert!(matches!(view.state, State::NextHopUnresolved(_)));
}

/// RFC 5331 section 7: the LSR that assigns labels is a neighbour, known by its MAC address.
#[test]
fn an_upstream_lsr_is_resolved_like_a_next_hop() {
    let mut forwarding = router();
    let upstream = next_hop("core0", 2);
    let context = LabelSpace::FIRST_CONTEXT;
    let before = forwarding.lfib();
    forwarding.replace_upstream_contexts([(upstream.clone(), context)]);
    assert!(forwarding.lfib().changes_since(&before).settings);
    assert_eq!(
        forwarding.lfib().unresolved[&upstream],
        NextHopProblem::NeighbourUnresolved
    );
    forwarding.set_neighbour(upstream.clone(), MAC);
    assert_eq!(forwarding.lfib().resolved[&upstream], MAC);
    // The same again changes nothing; without it nobody asks for the neighbour.
    let before = forwarding.lfib();
    forwarding.replace_upstream_contexts([(upstream.clone(), context)]);
    assert!(forwarding.lfib().changes_since(&before).is_empty());
    forwarding.replace_upstream_contexts([]);
    assert_eq!(forwarding.next_hops().count(), 0);
    assert!(forwarding.lfib().resolved.is_empty());
}

#[test]
fn settings_are_part_of_the_lfib() {
    let mut forwarding = router();
    let end = TunnelEnd {
        vrf: VrfId(3),
        kind: TunnelKind::Udp,
        destination: [192, 0, 2, 1].into(),
        source: Some("198.51.100.0/24".parse().unwrap()),
    };
    assert_eq!(
        end.to_string(),
        "mpls-in-udp to 192.0.2.1 from 198.51.100.0/24 vrf 3"
    );
    let before = forwarding.lfib();
    forwarding.replace_tunnel_ends([(end, LabelSpace::PLATFORM)]);
    assert!(forwarding.lfib().changes_since(&before).settings);
    assert_eq!(forwarding.lfib().tunnel_ends[&end], LabelSpace::PLATFORM);
    // The map 0 is as it is.
    let maps = [0, 7].map(|id| (QosMapId(id), QosMap::default()));
    let before = forwarding.lfib();
    forwarding.replace_qos_maps(maps.clone());
    assert!(forwarding.lfib().changes_since(&before).settings);
    assert_eq!(forwarding.lfib().qos_maps.len(), 1);
    let before = forwarding.lfib();
    forwarding.replace_qos_maps(maps);
    assert!(forwarding.lfib().changes_since(&before).is_empty());
}

/// RFC 7274 section 3.1: below label 15 are other meanings, and 7 has its own all the same.
#[test]
fn extended_special_purpose_labels_have_a_space_of_their_own() {
    let mut forwarding = router();
    let mut bind = |value, action| {
        let key = IlmKey {
            label_space: LabelSpace::EXTENDED_SPECIAL_PURPOSE,
            label: label(value),
        };
        forwarding.bind_ilm(Protocol::Local.into(), key, action)
    };
    let indicator = || IlmAction::EntropyLabelIndicator {
        payload: None,
        tunnel_model: TunnelModel::Uniform,
    };
    assert_eq!(bind(7, indicator()), Ok(()));
    assert_eq!(bind(6, IlmAction::Discard), Ok(()));
    assert_eq!(bind(16, IlmAction::PUNT), Ok(()));
    assert!(bind(6, IlmAction::PUNT).is_err());
    assert!(bind(16, indicator()).is_err());
}

#[test]
fn label_spaces_are_of_four_kinds() {
    let kind = |number| LabelSpace(number).kind().to_string();
    assert_eq!(kind(0), "platform");
    assert_eq!([kind(1), kind(0x7FFF)], ["interface"; 2]);
    assert_eq!([kind(0x8000), kind(0xFFFE)], ["context"; 2]);
    assert_eq!(kind(0xFFFF), "extended-special-purpose");
}
