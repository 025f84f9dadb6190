//! Path groups: load sharing, backup paths, protection, ports that are down.

use std::collections::BTreeMap;
use std::sync::Arc;

use dataplane::{
    Bucket, Entries, FtnValue, IlmValue, Key, NhlfeId, PathGroupId, Switchover, Target, Translator,
    Update, Value, buckets_of,
};
use forwarding::{Nhlfe, Path, PathGroup, PathRole, Payload, ProtectionId, VrfId};
use p4runtime_client::Operation;
use proptest::prelude::*;

use crate::support::{Router, Switch, apply, capacity, label, nhlfe, paths, translate, write};

pub(crate) const PREFIX: &str = "10.1.0.0/16";

fn group_of(entries: &Entries) -> PathGroupId {
    let key = Key::Ftn(VrfId::DEFAULT, PREFIX.parse().unwrap());
    let Value::Ftn(FtnValue::Forward(group)) = entries[&key] else {
        panic!()
    };
    group
}

pub(crate) fn working(entries: &Entries) -> Vec<Bucket> {
    buckets_of(entries, group_of(entries), PathRole::Working)
}

fn protecting(entries: &Entries) -> Vec<Bucket> {
    buckets_of(entries, group_of(entries), PathRole::Protecting)
}

/// The ports by which the buckets leave, with how many leave by each.
fn ports(buckets: &[Bucket]) -> BTreeMap<u16, usize> {
    let mut ports = BTreeMap::new();
    for bucket in buckets {
        *ports.entry(bucket.primary.port).or_default() += 1;
    }
    ports
}

/// A router all of whose neighbours are resolved, and what its switch holds.
pub(crate) struct Running {
    pub(crate) router: Router,
    switchover: Switchover,
    pub(crate) translator: Translator,
    pub(crate) switch: Switch,
}

impl Running {
    pub(crate) fn new() -> Self {
        let mut router = Router::new();
        for interface in 0..4 {
            for last in 1..5 {
                router.neighbour(interface, last);
            }
        }
        Self {
            router,
            switchover: Switchover::default(),
            translator: Translator::new(capacity()),
            switch: Switch::default(),
        }
    }

    fn target(&mut self) -> Target {
        let desired = self.router.desired();
        self.translator
            .translate(&desired, &self.switchover, &self.switch.entries, false)
    }

    pub(crate) fn write(&mut self) -> dataplane::Written {
        let target = self.target();
        write(&mut self.switch, &target.entries).written
    }

    pub(crate) fn bind(&mut self, group: PathGroup) -> dataplane::Written {
        self.router.ftn(PREFIX, &Arc::new(group));
        self.write()
    }
}

fn shared(nhlfes: &[Nhlfe]) -> PathGroup {
    PathGroup::clone(&paths(nhlfes))
}

/// The flows of a path that cannot be used any more go to the other paths; no other flow moves.
/// When it comes back, no flow moves between the others.
#[test]
fn flows_of_other_paths_stay_where_they_are() {
    let mut running = Running::new();
    let four: Vec<_> = (0..4)
        .map(|interface| nhlfe(interface, 1, &[100]))
        .collect();
    running.bind(shared(&four));
    let before = working(&running.switch.entries);
    assert_eq!(ports(&before), [(1, 8), (2, 8), (3, 8), (4, 8)].into());

    let lost = four[1].next_hop().clone();
    running.router.forwarding.remove_neighbour(&lost);
    running.write();
    let without = working(&running.switch.entries);
    assert_eq!(without.len(), 64, "thirds do not fit 32 buckets");
    for (at, bucket) in without.iter().enumerate() {
        let former = before[at % 32].primary;
        assert!(former.port == 2 || bucket.primary == former, "bucket {at}");
        assert_ne!(bucket.primary.port, 2);
    }

    running.router.neighbour(1, 1);
    running.write();
    let again = working(&running.switch.entries);
    for (at, bucket) in again.iter().enumerate() {
        let former = without[at].primary;
        assert!(bucket.primary.port == 2 || bucket.primary == former);
    }
    assert!(
        ports(&again)
            .values()
            .all(|count| (15..=17).contains(count))
    );
}

/// While the number of buckets grows, each flow leaves by its old path or by its new one, and a
/// flow that stays never leaves by another, whatever the order within a batch.
#[test]
fn a_flow_that_stays_never_leaves_by_another_path() {
    let mut running = Running::new();
    let two = [nhlfe(0, 1, &[100]), nhlfe(1, 1, &[100])];
    running.bind(shared(&two));
    let old = working(&running.switch.entries);
    let three = [two[0].clone(), two[1].clone(), nhlfe(2, 1, &[100])];
    running.router.ftn(PREFIX, &Arc::new(shared(&three)));
    let target = running.target();
    let new = working(&target.entries);
    assert!(old.len() < new.len());
    let check = |switch: &Switch| {
        let now = working(&switch.entries);
        for flow in 0..1024 {
            let way_out = now[flow % now.len()].primary;
            let (old, new) = (old[flow % old.len()].primary, new[flow % new.len()].primary);
            assert!(way_out == old || way_out == new, "flow {flow}");
        }
    };
    for first in [true, false] {
        let mut switch = Switch::holding(&running.switch.entries);
        let pick = |count: usize| if first { 0 } else { count - 1 };
        apply(&mut switch, &target.entries, false, pick, |_| false, check);
        assert_eq!(switch.entries, target.entries);
    }
}

/// RFC 4090: the backup path of a path takes its flows while the port is down. Without one,
/// another member on another port does.
#[test]
fn each_bucket_has_a_backup_on_another_port() {
    let mut running = Running::new();
    let own = nhlfe(3, 1, &[300]);
    let backed = Path::new(nhlfe(0, 1, &[100]), 1).with_backup(own.clone());
    let bare = |interface| Path::new(nhlfe(interface, 1, &[100]), 1);
    // A backup path by the port of its path is lost with it.
    let same_port = bare(2).with_backup(nhlfe(2, 2, &[100]));
    running.bind(PathGroup::new([backed, bare(1), same_port]).unwrap());
    let buckets = working(&running.switch.entries);
    let mut backups: BTreeMap<u16, BTreeMap<u16, usize>> = BTreeMap::new();
    for bucket in &buckets {
        let backup = bucket.backup.unwrap();
        let of = backups.entry(bucket.primary.port).or_default();
        *of.entry(backup.port).or_default() += 1;
    }
    assert_eq!(backups[&1].keys().copied().collect::<Vec<_>>(), [4]);
    // The flows of a path without a backup path are spread over the others.
    for (port, others) in [(2, [1, 3]), (3, [1, 2])] {
        assert!(backups[&port].keys().eq(&others), "port {port}");
        assert!(backups[&port].values().all(|count| *count >= 10));
    }
}

#[test]
fn a_single_path_without_a_backup_has_one_bucket_and_no_backup() {
    let mut running = Running::new();
    running.bind(PathGroup::single(nhlfe(0, 1, &[100])));
    let buckets = working(&running.switch.entries);
    assert_eq!(buckets.len(), 1);
    assert_eq!(buckets[0].backup, None);
}

/// The writes with which the switch moves off a port, ahead of everything else.
fn urgent(running: &mut Running, change: impl FnOnce(&mut Switchover)) -> Vec<Update> {
    let held = running.switchover.updates(&Entries::new(), false);
    let held: Entries = held
        .into_iter()
        .map(|update| (update.key, update.value))
        .collect();
    change(&mut running.switchover);
    running.switchover.updates(&held, true)
}

/// RFC 5654 requirement 97: one write, and then as many as the groups need, however many labels
/// there are.
#[test]
fn a_port_that_goes_down_is_as_many_writes_however_many_labels_use_it() {
    let mut counts = Vec::new();
    for labels in [1, 100, 10_000] {
        let mut running = Running::new();
        let group = paths(&[nhlfe(0, 1, &[100]), nhlfe(1, 1, &[100])]);
        for value in 0..labels {
            running.router.ilm(1000 + value, &group, None);
        }
        let ftn = Arc::clone(&group);
        running.router.ftn(PREFIX, &ftn);
        running.write();
        let urgent = urgent(&mut running, |state| {
            state.ports.insert(1, false);
        });
        assert_eq!(urgent.len(), 1);
        assert_eq!(urgent[0].key, Key::PortState(1));
        assert_eq!(urgent[0].operation, Operation::Insert);
        let at_leisure = running.write();
        assert_eq!(ports(&working(&running.switch.entries)), [(2, 16)].into());
        counts.push(at_leisure);
    }
    assert_eq!((counts[0].inserted, counts[0].modified), (0, 16));
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
}

/// A label of which all next hops are behind a dead port has no other way: nothing is written for
/// it, neither when the port goes down nor when it comes back.
#[test]
fn labels_without_another_path_cost_no_write() {
    let mut running = Running::new();
    for value in 0..100 {
        let group = paths(&[nhlfe(0, 1, &[100 + value])]);
        running
            .router
            .ilm(1000 + value, &group, Some(Payload::Ipv4));
    }
    running.write();
    let forwarding = |running: &mut Running, up| {
        running.switchover.ports.insert(1, up);
        // As the kernel tells it: the interface is down, and its neighbours stay.
        running.router.forwarding.set_interface("core0".into(), up);
        running.write().total()
    };
    assert_eq!(forwarding(&mut running, false), 0);
    assert_eq!(forwarding(&mut running, true), 0);
    // An interface that is down while its port is up is another matter: the labels go.
    running
        .router
        .forwarding
        .set_interface("core0".into(), false);
    assert!(running.write().deleted >= 300);
}

/// RFC 6378, 1:1: one write moves every group of the domain.
#[test]
fn a_protection_switch_is_one_write() {
    let mut running = Running::new();
    let protection = ProtectionId::new(7).unwrap();
    let path = |interface| Path::new(nhlfe(interface, 1, &[100]), 1);
    running.bind(PathGroup::protected([path(0)], protection, [path(1)]).unwrap());
    let entries = &running.switch.entries;
    assert_eq!(ports(&working(entries)), [(1, 1)].into());
    assert_eq!(ports(&protecting(entries)), [(2, 1)].into());
    let Value::PathGroup(group) = &entries[&Key::PathGroup(group_of(entries))] else {
        panic!()
    };
    assert_eq!(group.protection, Some(protection));

    // The domain's entry is there from the start: a full table is found then.
    let set_up = urgent(&mut running, |state| {
        state.protection.insert(protection, PathRole::Working);
    });
    assert_eq!(set_up.len(), 1);
    let switched = urgent(&mut running, |state| {
        state.protection.insert(protection, PathRole::Protecting);
    });
    assert_eq!(
        switched,
        [Update {
            operation: Operation::Modify,
            key: Key::ProtectionState(protection),
            value: Value::Select(PathRole::Protecting),
        }]
    );
    assert_eq!(running.write().total(), 0);
}

/// The working path alone fails: its set is served by the protecting path, also before the
/// protocol has switched.
#[test]
fn a_set_without_a_path_is_served_by_the_other() {
    let mut running = Running::new();
    let protection = ProtectionId::new(7).unwrap();
    let path = |interface| Path::new(nhlfe(interface, 1, &[100]), 1);
    let group = PathGroup::protected([path(0)], protection, [path(1)]).unwrap();
    running.bind(group);
    let lost = nhlfe(0, 1, &[]).next_hop().clone();
    running.router.forwarding.remove_neighbour(&lost);
    running.write();
    let entries = &running.switch.entries;
    assert_eq!(ports(&working(entries)), [(2, 1)].into());
    assert_eq!(ports(&protecting(entries)), [(2, 1)].into());
}

/// What is not named stays during the restart hold; what is named is as it is said to be.
#[test]
fn the_hold_keeps_port_and_protection_state_that_nobody_named() {
    let [one, two] = [1, 2].map(|id| ProtectionId::new(id).unwrap());
    let held = Entries::from([
        (Key::PortState(1), Value::PortDown),
        (Key::PortState(2), Value::PortDown),
        (
            Key::ProtectionState(one),
            Value::Select(PathRole::Protecting),
        ),
        (Key::TailSelector(two), Value::Select(PathRole::Protecting)),
    ]);
    let state = Switchover {
        ports: [(1, true)].into(),
        tail_selection: [(two, PathRole::Working)].into(),
        ..Default::default()
    };
    let changed = |keep| {
        let updates = state.updates(&held, keep).into_iter();
        let changed: Vec<_> = updates
            .map(|update| (update.operation, update.key))
            .collect();
        changed
    };
    let named = [
        (Operation::Modify, Key::TailSelector(two)),
        (Operation::Delete, Key::PortState(1)),
    ];
    let mut kept = changed(true);
    kept.sort_by_key(|(_, key)| *key);
    assert_eq!(kept, named);
    assert_eq!(changed(false).len(), 4);
}

#[test]
fn neighbouring_routers_hash_differently() {
    let shift = |id: [u8; 4]| {
        let mut running = Running::new();
        running.router.desired.router_id = id.into();
        running.bind(PathGroup::single(nhlfe(0, 1, &[100])));
        let entries = &running.switch.entries;
        match &entries[&Key::PathGroup(group_of(entries))] {
            Value::PathGroup(group) => group.hash_shift,
            other => panic!("{other:?}"),
        }
    };
    let shifts: Vec<_> = (1..=8).map(|last| shift([10, 255, 0, last])).collect();
    assert!(shifts.iter().all(|shift| *shift <= 22));
    for pair in shifts.windows(2) {
        assert!(pair[0].abs_diff(pair[1]) >= 7, "{shifts:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Paths come, go, lose their neighbours and their ports, and the daemon starts again now and
    /// then: the buckets always share by weight among the usable paths, no path of the group is
    /// used that cannot be, and a daemon that starts again changes nothing.
    #[test]
    fn buckets_follow_every_change(
        steps in prop::collection::vec(
            (prop::collection::btree_map((0u8..4, 1u8..5), 1u16..4, 1..12),
             prop::collection::btree_set((0u8..4, 1u8..5), 0..4),
             prop::collection::btree_set(1u16..5, 0..2),
             any::<bool>()),
            1..8,
        ),
    ) {
        let mut running = Running::new();
        for (weights, lost, down, restart) in steps {
            for interface in 0..4 {
                for last in 1..5 {
                    running.router.neighbour(interface, last);
                }
            }
            for (interface, last) in &lost {
                let next_hop = nhlfe(*interface, *last, &[]).next_hop().clone();
                running.router.forwarding.remove_neighbour(&next_hop);
            }
            running.switchover.ports = (1..5).map(|port| (port, !down.contains(&port))).collect();
            let path = |(&(interface, last), &weight): (&(u8, u8), &u16)| {
                Path::new(nhlfe(interface, last, &[100]), weight)
            };
            running.router.ftn(PREFIX, &Arc::new(PathGroup::new(weights.iter().map(path)).unwrap()));
            if restart {
                // The same group as before or another: what is the same stays.
                running.translator = Translator::new(capacity());
            }
            running.write();

            let resolved = weights.iter().filter(|(hop, _)| !lost.contains(hop));
            let up: Vec<_> = resolved
                .clone()
                .filter(|((interface, _), _)| !down.contains(&(u16::from(*interface) + 1)))
                .collect();
            let usable: Vec<_> = if up.is_empty() { resolved.collect() } else { up };
            let key = Key::Ftn(VrfId::DEFAULT, PREFIX.parse().unwrap());
            prop_assert_eq!(running.switch.entries.contains_key(&key), !usable.is_empty());
            if usable.is_empty() {
                continue;
            }
            let buckets = working(&running.switch.entries);
            let mut counts: BTreeMap<NhlfeId, usize> = BTreeMap::new();
            for bucket in &buckets {
                *counts.entry(bucket.primary.nhlfe).or_default() += 1;
                // A backup path is on another port.
                let elsewhere = bucket.backup.is_none_or(|b| b.port != bucket.primary.port);
                prop_assert!(elsewhere);
            }
            prop_assert_eq!(counts.len(), usable.len());
            let sum: u16 = usable.iter().map(|(_, weight)| **weight).sum();
            let mut shares: Vec<_> = usable
                .iter()
                .map(|(_, weight)| f64::from(**weight) / f64::from(sum))
                .collect();
            let mut counts: Vec<_> = counts.into_values().map(|count| count as f64).collect();
            shares.sort_by(f64::total_cmp);
            counts.sort_by(f64::total_cmp);
            for (count, share) in counts.iter().zip(&shares) {
                let wanted = share * buckets.len() as f64;
                let error = (count - wanted).abs();
                prop_assert!(error <= 1.0 || error / wanted <= 0.05, "{} of {}", count, wanted);
            }
            let again = Translator::new(capacity()).translate(
                &running.router.desired(), &running.switchover, &running.switch.entries, false,
            );
            prop_assert_eq!(&again.entries, &running.switch.entries);
        }
    }
}

/// The entries of a swap name the group, whatever paths it has.
#[test]
fn all_labels_of_a_group_point_to_it() {
    let mut running = Running::new();
    let group = paths(&[nhlfe(0, 1, &[100]), nhlfe(1, 1, &[100])]);
    running.router.ilm(1000, &group, None);
    running.router.ilm(1001, &group, None);
    let target = translate(
        &mut running.translator,
        &running.router.desired(),
        &Entries::new(),
        false,
    );
    let group = |value| {
        let key = forwarding::IlmKey::platform(label(value));
        match target.entries[&Key::Ilm(2, key)] {
            Value::Ilm(IlmValue::Swap { group, .. }) => group,
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!(group(1000), group(1001));
}
