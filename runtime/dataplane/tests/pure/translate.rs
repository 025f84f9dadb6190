//! What the LFIB becomes in the switch's tables.

use std::sync::Arc;

use dataplane::{
    Capacity, Desired, Entries, FtnValue, IlmValue, Key, NhlfeValue, PathGroupId, PuntRate,
    PuntReason, Push, Refusal, Table, Target, Translator, Value, buckets_of,
};
use forwarding::{
    EntryKey, FtnAction, IlmAction, IlmKey, LabelSpace, MacAddress, PathRole, Payload, Protocol,
    PuntClass, QosMapId, TunnelModel, VrfId,
};
use proptest::prelude::*;

use crate::support::{
    Router, Switch, any_scenario, capacity, fec, label, next_hop, nhlfe, paths, translate, write,
};

fn fresh_with(desired: &Desired, capacity: Capacity, held: &Entries) -> Target {
    translate(&mut Translator::new(capacity), desired, held, false)
}

fn fresh(desired: &Desired) -> Target {
    fresh_with(desired, capacity(), &Entries::new())
}

fn ftn_value<'a>(target: &'a Target, prefix: &str) -> &'a Value {
    &target.entries[&Key::Ftn(VrfId::DEFAULT, prefix.parse().unwrap())]
}

fn ilm_value(target: &Target, value: u32) -> IlmValue {
    let key = IlmKey::platform(label(value));
    let Value::Ilm(value) = target.entries[&Key::Ilm(0, key)].clone() else {
        panic!()
    };
    for stage in 1..3 {
        assert_eq!(target.entries[&Key::Ilm(stage, key)], Value::Ilm(value));
    }
    value
}

fn nhlfe_of(target: &Target, group: PathGroupId) -> NhlfeValue {
    let buckets = buckets_of(&target.entries, group, PathRole::Working);
    let Value::Nhlfe(nhlfe) = &target.entries[&Key::Nhlfe(buckets[0].primary.nhlfe)] else {
        panic!()
    };
    nhlfe.clone()
}

/// RFC 3031 section 3.12: the FTN maps the FEC to an NHLFE, which pushes the labels.
#[test]
fn a_fec_with_an_lsp_pushes_its_labels() {
    let mut router = Router::new();
    router.neighbour(0, 2);
    router.ftn("10.2.0.0/24", &paths(&[nhlfe(0, 2, &[100, 200])]));
    let target = fresh(&router.desired());
    let Value::Ftn(FtnValue::Forward(group)) = *ftn_value(&target, "10.2.0.0/24") else {
        panic!()
    };
    assert_eq!(
        nhlfe_of(&target, group),
        NhlfeValue {
            source: MacAddress([2, 0, 0, 0, 0, 0]),
            destination: MacAddress([2, 1, 0, 0, 0, 2]),
            vlan: None,
            qos_map: QosMapId::DEFAULT,
            push: Some(Push {
                labels: vec![label(100), label(200)],
                model: TunnelModel::Uniform,
                entropy_label: None,
                control_word: false,
                upstream_assigned: false,
                tunnel: None,
            }),
        }
    );
    // The MTU of labelled packets, less the labels that are pushed.
    let buckets = buckets_of(&target.entries, group, PathRole::Working);
    assert_eq!(buckets.len(), 1);
    assert_eq!(buckets[0].primary.port, 1);
    assert_eq!(buckets[0].primary.max_length, 1500);
    assert_eq!(buckets[0].backup, None);
    assert!(
        target
            .translated
            .contains(&EntryKey::Ftn(fec("10.2.0.0/24")))
    );
}

/// RFC 3031 section 3.16: an NHLFE without labels pops; with labels it swaps.
#[test]
fn a_label_is_swapped_or_popped_as_its_nhlfe_says() {
    let mut router = Router::new();
    router.neighbour(0, 2);
    router.neighbour(1, 2);
    router.ilm(1000, &paths(&[nhlfe(0, 2, &[100])]), None);
    router.ilm(1001, &paths(&[nhlfe(0, 2, &[3])]), Some(Payload::Ipv4));
    router.ilm(
        1002,
        &paths(&[nhlfe(0, 2, &[100]), nhlfe(1, 2, &[])]),
        Some(Payload::Ipv6),
    );
    router.ilm(1003, &paths(&[nhlfe(0, 2, &[100]), nhlfe(1, 2, &[])]), None);
    let target = fresh(&router.desired());
    assert!(matches!(ilm_value(&target, 1000), IlmValue::Swap { .. }));
    assert!(matches!(
        ilm_value(&target, 1001),
        IlmValue::PopAndForward {
            payload: Some(Payload::Ipv4),
            model: TunnelModel::Uniform,
            ..
        }
    ));
    assert!(matches!(
        ilm_value(&target, 1002),
        IlmValue::PopAndForward {
            payload: Some(Payload::Ipv6),
            ..
        }
    ));
    let refused = &target.refused[&EntryKey::Ilm(IlmKey::platform(label(1003)))];
    assert_eq!(*refused, Refusal::PayloadNeeded);
}

#[test]
fn the_egress_of_an_lsp_looks_up_what_is_below() {
    let mut router = Router::new();
    let mut bind = |value, action| {
        let key = IlmKey::platform(label(value));
        router
            .forwarding
            .bind_ilm(Protocol::Static.into(), key, action)
            .unwrap();
    };
    let (vrf, payload) = (VrfId(7), Payload::Ipv6);
    let (qos_map, tail_end) = (QosMapId(3), None);
    let tunnel_model = TunnelModel::Pipe;
    bind(
        100,
        IlmAction::PopAndLookUpIp {
            vrf,
            payload,
            tunnel_model,
            qos_map,
            tail_end,
        },
    );
    bind(101, IlmAction::pop_and_look_up_label(LabelSpace(9)));
    bind(
        2,
        IlmAction::ExplicitNull {
            payload,
            tunnel_model: TunnelModel::ShortPipe,
        },
    );
    bind(102, IlmAction::PUNT);
    bind(13, IlmAction::Punt(PuntClass::GenericAssociatedChannel));
    bind(14, IlmAction::Discard);
    let target = fresh(&router.desired());
    assert_eq!(
        ilm_value(&target, 100),
        IlmValue::PopAndLookUpIp {
            vrf,
            payload,
            model: TunnelModel::Pipe,
            qos_map,
            tail_end,
        }
    );
    assert_eq!(
        ilm_value(&target, 101),
        IlmValue::PopAndLookUpLabel {
            label_space: LabelSpace(9),
            model: TunnelModel::Uniform,
            qos_map: QosMapId::DEFAULT,
            tail_end,
        }
    );
    assert_eq!(
        ilm_value(&target, 2),
        IlmValue::ExplicitNull {
            payload,
            model: TunnelModel::ShortPipe
        }
    );
    assert_eq!(
        ilm_value(&target, 102),
        IlmValue::Punt(PuntReason::LabelAction)
    );
    assert_eq!(ilm_value(&target, 13), IlmValue::Punt(PuntReason::GAch));
    assert_eq!(ilm_value(&target, 14), IlmValue::Discard);
}

#[test]
fn local_and_connected_prefixes_need_no_path_group() {
    let mut router = Router::new();
    let actions = [
        ("10.0.0.1/32", FtnAction::ToRouter, FtnValue::ToRouter),
        ("10.0.0.0/24", FtnAction::Glean, FtnValue::Glean),
        ("0.0.0.0/0", FtnAction::Discard, FtnValue::Discard),
    ];
    for (prefix, action, _) in &actions {
        router
            .forwarding
            .bind_ftn(Protocol::Local.into(), fec(prefix), action.clone());
    }
    let target = fresh(&router.desired());
    for (prefix, _, expected) in actions {
        assert_eq!(*ftn_value(&target, prefix), Value::Ftn(expected));
    }
    assert!(
        !target
            .entries
            .keys()
            .any(|key| matches!(key, Key::PathGroup(_) | Key::Nhlfe(_)))
    );
}

/// RFC 5654 requirement 97: the repair of a failed path does not grow with its LSPs.
#[test]
fn a_lost_neighbour_is_as_many_writes_however_many_fecs_use_it() {
    let written = [1, 100].map(|fecs| {
        let mut router = Router::new();
        router.neighbour(0, 2);
        router.neighbour(1, 2);
        let group = paths(&[nhlfe(0, 2, &[100]), nhlfe(1, 2, &[200])]);
        for index in 0..fecs {
            router.ftn(&format!("10.{index}.0.0/16"), &group);
        }
        let mut translator = Translator::new(capacity());
        let mut switch = Switch::default();
        let target = translate(&mut translator, &router.desired(), &switch.entries, false);
        write(&mut switch, &target.entries);
        router
            .forwarding
            .remove_neighbour(nhlfe(1, 2, &[]).next_hop());
        let target = translate(&mut translator, &router.desired(), &switch.entries, false);
        write(&mut switch, &target.entries).written
    });
    // The 16 buckets: 8 were the lost path's, 8 had it as their backup.
    assert_eq!((written[0].inserted, written[0].modified), (0, 16));
    assert_eq!(written[0].deleted, 1, "the NHLFE that is not used any more");
    assert_eq!(written[0], written[1]);
}

#[test]
fn a_new_mac_address_of_a_neighbour_is_one_write() {
    let mut router = Router::new();
    router.neighbour(0, 2);
    let group = paths(&[nhlfe(0, 2, &[100])]);
    router.ftn("10.1.0.0/16", &group);
    router.ftn("10.2.0.0/16", &group);
    let mut translator = Translator::new(capacity());
    let mut switch = Switch::default();
    write(
        &mut switch,
        &translate(&mut translator, &router.desired(), &Entries::new(), false).entries,
    );
    let mac = MacAddress([2, 7, 7, 7, 7, 7]);
    router
        .forwarding
        .set_neighbour(nhlfe(0, 2, &[]).next_hop().clone(), mac);
    let target = translate(&mut translator, &router.desired(), &switch.entries, false);
    assert_eq!(write(&mut switch, &target.entries).written.total(), 1);
}

#[test]
fn without_a_resolved_next_hop_there_is_no_entry() {
    let mut router = Router::new();
    router.ftn("10.2.0.0/24", &paths(&[nhlfe(0, 2, &[100])]));
    let target = fresh(&router.desired());
    assert!(
        !target
            .entries
            .keys()
            .any(|key| key.table() == Table::FtnIpv4)
    );
    assert!(target.translated.is_empty() && target.refused.is_empty());
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_returns_with_the_space() {
    let mut router = Router::new();
    router.neighbour(0, 2);
    let small = capacity().with_size(Table::FtnIpv4, 2);
    for index in 0..3 {
        router.ftn(
            &format!("10.{index}.0.0/16"),
            &paths(&[nhlfe(0, 2, &[100 + index])]),
        );
    }
    let mut translator = Translator::new(small);
    let mut switch = Switch::default();
    let target = translate(&mut translator, &router.desired(), &switch.entries, false);
    let refused: Vec<_> = target.refused.iter().collect();
    let key = EntryKey::Ftn(fec("10.2.0.0/16"));
    assert_eq!(
        refused,
        [(
            &key,
            &Refusal::TableFull {
                table: Table::FtnIpv4,
                size: 2
            }
        )]
    );
    // What is refused leaves no path group and no NHLFE behind.
    let groups = target
        .entries
        .keys()
        .filter(|key| matches!(key, Key::PathGroup(_)))
        .count();
    assert_eq!(groups, 2);
    write(&mut switch, &target.entries);

    router.forwarding.unbind_ftn(
        &forwarding::Owner::named(Protocol::Static, "10.0.0.0/16"),
        &fec("10.0.0.0/16"),
    );
    let target = translate(&mut translator, &router.desired(), &switch.entries, false);
    assert!(target.refused.is_empty());
    assert!(target.translated.contains(&key));
}

/// A better owner's entry does not push out one that packets already use.
#[test]
fn what_the_switch_holds_keeps_its_space() {
    let mut router = Router::new();
    router.neighbour(0, 2);
    let small = capacity().with_size(Table::FtnIpv4, 1);
    let group = paths(&[nhlfe(0, 2, &[])]);
    let route = FtnAction::Forward(Arc::clone(&group));
    router
        .forwarding
        .bind_ftn(Protocol::Kernel.into(), fec("10.9.0.0/16"), route);
    let mut translator = Translator::new(small);
    let mut switch = Switch::default();
    write(
        &mut switch,
        &translate(&mut translator, &router.desired(), &Entries::new(), false).entries,
    );
    router.ftn("10.1.0.0/16", &group);
    let target = translate(&mut translator, &router.desired(), &switch.entries, false);
    assert!(
        target
            .refused
            .contains_key(&EntryKey::Ftn(fec("10.1.0.0/16")))
    );
    // On an empty switch the preferred one goes first.
    let target = translate(&mut translator, &router.desired(), &Entries::new(), false);
    assert!(
        target
            .refused
            .contains_key(&EntryKey::Ftn(fec("10.9.0.0/16")))
    );
}

#[test]
fn each_limit_of_the_profile_is_kept() {
    let mut router = Router::new();
    for interface in 0..4 {
        router.neighbour(interface, 2);
    }
    let four: Vec<_> = (0..4)
        .map(|interface| nhlfe(interface, 2, &[100]))
        .collect();
    router.ftn("10.0.0.0/16", &paths(&four));
    router.ftn("10.1.0.0/16", &paths(&[nhlfe(0, 2, &[16, 17, 18, 19, 20])]));
    let refused = |capacity: Capacity, prefix: &str| {
        let target = fresh_with(&router.desired(), capacity, &Entries::new());
        target
            .refused
            .get(&EntryKey::Ftn(fec(prefix)))
            .map(ToString::to_string)
    };
    assert_eq!(refused(capacity(), "10.0.0.0/16"), None);
    assert_eq!(
        refused(capacity(), "10.1.0.0/16").unwrap(),
        "it pushes 5 labels, but the switch pushes 4 at the most"
    );
    for (table, size) in [
        (Table::Nhlfe, 3),
        (Table::PathGroup, 0),
        (Table::PathBucket, 31),
        (Table::FtnIpv4, 0),
    ] {
        let capacity = capacity().with_size(table, size);
        let reason = refused(capacity, "10.0.0.0/16").unwrap();
        assert!(
            reason.starts_with(&format!("table {table} is full")),
            "{reason}"
        );
    }
    let small = capacity().with_size(Table::Interface, 2);
    let target = fresh_with(&router.desired(), small, &Entries::new());
    assert_eq!(target.problems.len(), 1);
    assert!(
        target.problems[0].contains("interface port 3"),
        "{:?}",
        target.problems
    );
}

#[test]
fn a_punt_class_of_rate_zero_is_off() {
    let mut router = Router::new();
    router
        .desired
        .punt
        .insert(PuntReason::Glean, PuntRate { rate: 0, burst: 1 });
    let target = fresh(&router.desired());
    assert_eq!(target.entries[&Key::PuntPolicy(5)], Value::PuntDrop);
    assert!(matches!(
        target.entries[&Key::PuntPolicy(1)],
        Value::PuntMetered(..)
    ));
}

/// After a start of the daemon, an entry whose next hop is not resolved yet stays.
#[test]
fn the_hold_keeps_what_waits_for_its_next_hop() {
    let mut router = Router::new();
    router.neighbour(0, 2);
    router.neighbour(1, 2);
    router.ftn(
        "10.1.0.0/16",
        &paths(&[nhlfe(0, 2, &[100]), nhlfe(1, 2, &[100])]),
    );
    router.ftn("10.2.0.0/16", &paths(&[nhlfe(0, 2, &[200])]));
    let mut switch = Switch::default();
    write(&mut switch, &fresh(&router.desired()).entries);

    router
        .forwarding
        .remove_neighbour(nhlfe(1, 2, &[]).next_hop());
    let mut translator = Translator::new(capacity());
    let target = translate(&mut translator, &router.desired(), &switch.entries, true);
    assert_eq!(target.kept, [EntryKey::Ftn(fec("10.1.0.0/16"))].into());
    assert!(
        target
            .translated
            .contains(&EntryKey::Ftn(fec("10.2.0.0/16")))
    );
    let (_, outcome) =
        crate::support::apply(&mut switch, &target.entries, true, |_| 0, |_| false, |_| {});
    assert_eq!(outcome.written.total(), 0);
    // The hold is over: the path that is left is used.
    let target = translate(&mut translator, &router.desired(), &switch.entries, false);
    assert!(target.kept.is_empty());
    let written = write(&mut switch, &target.entries).written;
    assert_eq!(
        (written.inserted, written.modified, written.deleted),
        (0, 16, 1)
    );
}

/// Two FECs of one group get groups of their own while the daemon is away: neither may change the
/// group in place that the other's entry still points to.
#[test]
fn a_group_that_others_use_is_not_adopted() {
    let mut router = Router::new();
    router.neighbour(0, 2);
    router.neighbour(1, 2);
    let group = paths(&[nhlfe(0, 2, &[100])]);
    router.ftn("10.1.0.0/16", &group);
    router.ftn("10.2.0.0/16", &group);
    let mut switch = Switch::default();
    write(&mut switch, &fresh(&router.desired()).entries);
    let Value::Ftn(FtnValue::Forward(old)) =
        switch.entries[&Key::Ftn(VrfId::DEFAULT, "10.1.0.0/16".parse().unwrap())]
    else {
        panic!()
    };
    router.ftn("10.1.0.0/16", &paths(&[nhlfe(1, 2, &[101])]));
    router.ftn("10.2.0.0/16", &paths(&[nhlfe(1, 2, &[102])]));
    let target = fresh_with(&router.desired(), capacity(), &switch.entries);
    assert!(!target.entries.contains_key(&Key::PathGroup(old)));
}

/// Two addresses of one neighbour: in the switch their NHLFEs are alike but for who uses them. A
/// restart finds each again, also when the one with the larger id comes first.
#[test]
fn next_hops_with_one_mac_address_are_found_again() {
    let mut router = Router::new();
    let mac = MacAddress([2, 9, 9, 9, 9, 9]);
    for last in [1, 2] {
        router.forwarding.set_neighbour(next_hop(0, last), mac);
    }
    let (first, second) = (nhlfe(0, 1, &[]), nhlfe(0, 2, &[]));
    router.ftn("10.2.0.0/16", &paths(std::slice::from_ref(&second)));
    let mut translator = Translator::new(capacity());
    let mut switch = Switch::default();
    let target = translate(&mut translator, &router.desired(), &switch.entries, false);
    write(&mut switch, &target.entries);

    router.ftn("10.1.0.0/16", &paths(&[first.clone(), second]));
    router.ftn("10.3.0.0/16", &paths(&[first]));
    let target = translate(&mut translator, &router.desired(), &switch.entries, false);
    write(&mut switch, &target.entries);
    let again = fresh_with(&router.desired(), capacity(), &switch.entries);
    assert_eq!(again.entries, switch.entries);
}

proptest! {
    /// A daemon that starts again finds its entries: it writes nothing when nothing changed.
    #[test]
    fn a_restart_of_the_daemon_writes_nothing(before in any_scenario(), now in any_scenario()) {
        let mut switch = Switch::default();
        // A history, so that ids are not simply those of an empty switch.
        let mut translator = Translator::new(capacity());
        for scenario in [before, now.clone()] {
            let target = translate(&mut translator, &scenario.desired(), &switch.entries, false);
            write(&mut switch, &target.entries);
        }
        for hold in [false, true] {
            let desired = now.desired();
            let target =
                translate(&mut Translator::new(capacity()), &desired, &switch.entries, hold);
            let keep = hold;
            let (_, outcome) =
                crate::support::apply(&mut switch, &target.entries, keep, |_| 0, |_| false, |_| {});
            prop_assert_eq!(outcome.written.total(), 0);
        }
    }
}
