//! The order and the outcome of changes.

use std::collections::BTreeSet;

use dataplane::{Entries, Key, NhlfeId, Translator, Update, Value};
use forwarding::{Path, PathGroup};
use p4runtime_client::{Code, Operation, UpdateError};
use proptest::prelude::*;

use crate::support::{
    Router, Scenario, Switch, any_scenario, apply, capacity, nhlfe, paths, translate, write,
};

/// Picks by a sequence of random numbers.
fn picker(numbers: Vec<u16>) -> impl FnMut(usize) -> usize {
    let mut numbers = numbers.into_iter().cycle();
    move |count| usize::from(numbers.next().unwrap_or(0)) % count
}

/// A switch that some daemon has written before.
fn used_switch(scenario: &Scenario) -> (Switch, Translator) {
    let mut translator = Translator::new(capacity());
    let target = translate(&mut translator, &scenario.desired(), &Entries::new(), false);
    let mut switch = Switch::default();
    write(&mut switch, &target.entries);
    (switch, translator)
}

#[test]
fn entries_come_after_what_they_point_to_and_go_before_it() {
    let mut router = Router::new();
    router.neighbour(0, 2);
    router.ftn("10.1.0.0/16", &paths(&[nhlfe(0, 2, &[100])]));
    let target = translate(
        &mut Translator::new(capacity()),
        &router.desired(),
        &Entries::new(),
        false,
    );
    let mut switch = Switch::default();
    write(&mut switch, &target.entries);
    let order = |switch: &Switch| -> Vec<&'static str> {
        let tables = switch.log.iter().map(|update| update.key.table().name());
        let wanted = [
            "nhlfe",
            "path_bucket",
            "path_group",
            "ftn_ipv4",
            "interface",
        ];
        let mut tables: Vec<_> = tables.filter(|table| wanted.contains(table)).collect();
        tables.dedup();
        tables
    };
    assert_eq!(
        order(&switch),
        [
            "nhlfe",
            "path_bucket",
            "path_group",
            "ftn_ipv4",
            "interface"
        ]
    );
    switch.log.clear();
    write(&mut switch, &Entries::new());
    assert_eq!(
        order(&switch),
        [
            "interface",
            "ftn_ipv4",
            "path_group",
            "path_bucket",
            "nhlfe"
        ]
    );
    assert!(switch.entries.is_empty());
}

/// A daemon that starts again takes a group over for a label that had it together with another one only if nothing
/// changes for that: neither the ways out nor their backups.
#[test]
fn a_group_that_others_use_gets_no_backup_of_a_label() {
    let mut before = Router::new();
    before.neighbour(0, 2);
    let shared = paths(&[nhlfe(0, 2, &[100])]);
    before.ilm(1000, &shared, None);
    before.ilm(1004, &shared, None);
    let fresh = |router: &Router, held: &Entries| {
        let translator = &mut Translator::new(capacity());
        translate(translator, &router.desired(), held, false).entries
    };
    let held = fresh(&before, &Entries::new());
    let mut now = Router::new();
    now.neighbour(0, 2);
    now.neighbour(1, 2);
    let path = Path::new(nhlfe(0, 2, &[100]), 1).with_backup(nhlfe(1, 2, &[200]));
    now.ilm(1004, &PathGroup::new([path]).unwrap().into(), None);
    let target = fresh(&now, &held);
    let is_of_group = |key: &Key| matches!(key, Key::PathGroup(_) | Key::PathBucket(..));
    for (key, value) in held.iter().filter(|(key, _)| is_of_group(key)) {
        let wanted = target.get(key);
        assert!(
            wanted.is_none_or(|wanted| wanted == value),
            "{key} changes for 1000"
        );
    }
    // The same label alone: the group changes in place, and no packet is without one.
    let mut alone = held.clone();
    alone.retain(|key, _| !matches!(key, Key::Ilm(_, of) if of.label.value() == 1000));
    let target = fresh(&now, &alone);
    let groups = |entries: &Entries| -> Vec<Key> {
        let groups = entries
            .keys()
            .filter(|key| matches!(key, Key::PathGroup(_)));
        groups.copied().collect()
    };
    assert_eq!(groups(&target), groups(&alone));
}

#[test]
fn what_depends_on_a_refused_entry_is_not_written() {
    let mut router = Router::new();
    router.neighbour(0, 2);
    router.ftn("10.1.0.0/16", &paths(&[nhlfe(0, 2, &[100])]));
    let target = translate(
        &mut Translator::new(capacity()),
        &router.desired(),
        &Entries::new(),
        false,
    );
    let mut switch = Switch {
        sizes: [(dataplane::Table::Nhlfe, 0)].into(),
        ..Default::default()
    };
    let (_, outcome) = apply(
        &mut switch,
        &target.entries,
        false,
        |_| 0,
        |_| false,
        Switch::check_references,
    );
    let ftn = outcome
        .failures
        .iter()
        .find(|(key, _)| key.table() == dataplane::Table::FtnIpv4)
        .unwrap();
    assert_eq!(
        ftn.1.entry,
        Key::Nhlfe(NhlfeId(1)),
        "the failure names its cause"
    );
    assert!(
        !switch
            .entries
            .keys()
            .any(|key| key.table() == dataplane::Table::FtnIpv4)
    );
}

#[test]
fn a_switch_that_holds_something_else_is_read_again() {
    let mut router = Router::new();
    router.neighbour(0, 2);
    router.ftn("10.1.0.0/16", &paths(&[nhlfe(0, 2, &[100])]));
    let target = translate(
        &mut Translator::new(capacity()),
        &router.desired(),
        &Entries::new(),
        false,
    );
    let mut held = target.entries.clone();
    held.insert(Key::AttachmentPort(200), Value::Foreign);
    let mut change = dataplane::Reconciliation::new(&mut held, &target.entries, false);
    let batch = change.next_batch().unwrap();
    assert_eq!(batch.len(), 1);
    assert_eq!(batch[0].operation, Operation::Delete);
    let error = UpdateError {
        code: Code::NotFound,
        message: String::new(),
    };
    change.complete(&[Err(error)]);
    assert!(change.next_batch().is_none());
    let outcome = change.finish();
    assert!(outcome.stale && outcome.failures.is_empty());
    assert_eq!(held, target.entries);
}

#[test]
fn rates_that_the_switch_rounded_are_not_written_again() {
    let rate = |rate| Value::PuntMetered(dataplane::PuntRate { rate, burst: 10 });
    let mut held = Entries::from([(Key::PuntPolicy(1), rate(999))]);
    let desired = Entries::from([(Key::PuntPolicy(1), rate(1000))]);
    assert!(
        dataplane::Reconciliation::new(&mut held, &desired, false)
            .next_batch()
            .is_none()
    );
    let desired = Entries::from([(Key::PuntPolicy(1), rate(1001))]);
    assert!(
        dataplane::Reconciliation::new(&mut held, &desired, false)
            .next_batch()
            .is_some()
    );
}

proptest! {
    /// The difference, applied to any state of the switch, gives the desired state; after every
    /// single update, in whatever order the switch takes those of a batch, no entry points to one
    /// that is not there.
    #[test]
    fn any_state_becomes_the_desired_state(
        before in any_scenario(),
        now in any_scenario(),
        same_daemon: bool,
        foreign in prop::collection::btree_set(1u32..6, 0..3),
        numbers in prop::collection::vec(any::<u16>(), 1..50),
    ) {
        let (mut switch, mut translator) = used_switch(&before);
        if !same_daemon {
            translator = Translator::new(capacity());
        }
        for id in foreign {
            // Another controller rewrote some NHLFEs.
            switch.entries.insert(Key::Nhlfe(NhlfeId(id)), Value::Foreign);
        }
        let target = translate(&mut translator, &now.desired(), &switch.entries, false);
        let (held, outcome) = apply(
            &mut switch,
            &target.entries,
            false,
            picker(numbers),
            |_| false,
            Switch::check_references,
        );
        prop_assert_eq!(&switch.entries, &target.entries);
        prop_assert_eq!(held, target.entries);
        prop_assert!(outcome.failures.is_empty() && !outcome.stale);
    }

    /// While a change is written, every packet leaves as it did before or as it will afterwards:
    /// never by the path of another FEC. (A next hop's new MAC address is for all its users at
    /// once; here none changes.)
    #[test]
    fn no_packet_takes_a_path_of_another_fec(
        before in any_scenario(),
        now in any_scenario(),
        same_daemon: bool,
        numbers in prop::collection::vec(any::<u16>(), 1..50),
    ) {
        let now = now.with_macs_of(&before);
        let (mut switch, mut translator) = used_switch(&before);
        if !same_daemon {
            translator = Translator::new(capacity());
        }
        let target = translate(&mut translator, &now.desired(), &switch.entries, false);
        let old = switch.exits();
        let mut new = target.entries.clone();
        if same_daemon {
            // What is about to go leaves by its own paths until then, those that can be used now.
            for (key, value) in &switch.entries {
                new.entry(*key).or_insert_with(|| value.clone());
            }
        }
        let new = Switch::holding(&new).exits();
        let none = BTreeSet::new();
        let check = |switch: &Switch| {
            for (key, exits) in switch.exits() {
                let (old, new) = (old.get(&key).unwrap_or(&none), new.get(&key).unwrap_or(&none));
                assert!(!exits.is_empty(), "{key} has no exit");
                for exit in exits {
                    assert!(old.contains(&exit) || new.contains(&exit), "{key}: {exit:?}");
                }
            }
        };
        apply(&mut switch, &target.entries, false, picker(numbers), |_| false, check);
    }

    /// A FEC that is forwarded before and after a change is forwarded all the time.
    #[test]
    fn a_change_interrupts_no_fec(
        before in any_scenario(),
        now in any_scenario(),
        same_daemon: bool,
    ) {
        let (mut switch, mut translator) = used_switch(&before);
        if !same_daemon {
            translator = Translator::new(capacity());
        }
        let target = translate(&mut translator, &now.desired(), &switch.entries, false);
        let lasting: Vec<Key> = switch
            .entries
            .iter()
            .filter(|(key, value)| {
                key.lfib_key(value).is_some() && target.entries.contains_key(key)
            })
            .map(|(key, _)| *key)
            .collect();
        let check = |switch: &Switch| {
            for key in &lasting {
                assert!(switch.entries.contains_key(key), "{key} is interrupted");
            }
        };
        apply(&mut switch, &target.entries, false, |_| 0, |_| false, check);
    }

    /// Whatever the switch refuses, no entry points to one that is not there, and a later change
    /// makes up for it.
    #[test]
    fn refusals_are_made_up_for(
        before in any_scenario(),
        now in any_scenario(),
        refused in prop::collection::vec(any::<bool>(), 1..30),
        numbers in prop::collection::vec(any::<u16>(), 1..50),
    ) {
        let (mut switch, mut translator) = used_switch(&before);
        let desired = now.desired();
        let target = translate(&mut translator, &desired, &switch.entries, false);
        let mut refused = refused.into_iter().cycle();
        let (held, outcome) = apply(
            &mut switch,
            &target.entries,
            false,
            picker(numbers),
            |_: &Update| refused.next().unwrap_or(false),
            Switch::check_references,
        );
        prop_assert_eq!(&held, &switch.entries);
        for key in target.entries.keys() {
            let as_desired = switch.entries.get(key) == target.entries.get(key);
            prop_assert!(as_desired || outcome.failures.contains_key(key), "{} is lost", key);
        }
        let target = translate(&mut translator, &desired, &switch.entries, false);
        write(&mut switch, &target.entries);
        prop_assert_eq!(&switch.entries, &target.entries);
    }

    /// With the restart hold nothing is deleted.
    #[test]
    fn the_hold_deletes_nothing(before in any_scenario(), now in any_scenario()) {
        let (mut switch, _) = used_switch(&before);
        let old: BTreeSet<Key> = switch.entries.keys().copied().collect();
        let desired = now.desired();
        let mut translator = Translator::new(capacity());
        let target = translate(&mut translator, &desired, &switch.entries, true);
        let (_, outcome) = apply(
            &mut switch,
            &target.entries,
            true,
            |_| 0,
            |_| false,
            Switch::check_references,
        );
        prop_assert_eq!(outcome.written.deleted, 0);
        prop_assert!(old.iter().all(|key| switch.entries.contains_key(key)));
    }
}
