//! Desired states and a model of the switch's tables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;
use std::sync::Arc;

use dataplane::{
    Capacity, Desired, Entries, FtnValue, HardwareProfile, IlmValue, Key, NhlfeValue, PathGroupId,
    PortConfig, Reconciliation, Update, Value,
};
use forwarding::{
    Fec, Forwarding, FtnAction, IlmAction, IlmKey, LabelSpace, MacAddress, NextHop, Nhlfe, Owner,
    Path, PathGroup, Payload, Protocol, TtlModel, VrfId,
};
use mpls::Label;
use p4runtime_client::{Code, Operation, UpdateError};
use proptest::prelude::*;

pub(crate) fn profile() -> HardwareProfile {
    let path = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../../hw-profiles/p4-switch.toml");
    HardwareProfile::load(&path).unwrap()
}

pub(crate) fn capacity() -> Capacity {
    Capacity::new(&profile(), None)
}

pub(crate) fn label(value: u32) -> Label {
    Label::new(value).unwrap()
}

pub(crate) fn fec(prefix: &str) -> Fec {
    Fec::prefix(VrfId::DEFAULT, prefix.parse().unwrap())
}

pub(crate) fn next_hop(interface: u8, last: u8) -> NextHop {
    NextHop::new(format!("core{interface}"), [10, 0, interface, last].into())
}

pub(crate) fn nhlfe(interface: u8, last: u8, labels: &[u32]) -> Nhlfe {
    let labels = labels.iter().map(|&value| label(value));
    Nhlfe::new(next_hop(interface, last), labels, TtlModel::Uniform).unwrap()
}

pub(crate) fn paths(nhlfes: &[Nhlfe]) -> Arc<PathGroup> {
    let path = |nhlfe: &Nhlfe| Path {
        nhlfe: nhlfe.clone(),
        weight: 1,
    };
    Arc::new(PathGroup::new(nhlfes.iter().map(path)).unwrap())
}

/// A router with the interfaces `core0` to `core3` on the ports 1 to 4.
pub(crate) struct Router {
    pub(crate) forwarding: Forwarding,
    pub(crate) desired: Desired,
}

impl Router {
    pub(crate) fn new() -> Self {
        let mut desired = Desired::new(&profile());
        let mut forwarding = Forwarding::new();
        for index in 0..4u8 {
            let name = format!("core{index}");
            forwarding.set_interface(name.as_str().into(), true);
            let config = PortConfig {
                interface: name.into(),
                mac: MacAddress([2, 0, 0, 0, 0, index]),
                vrf: VrfId::DEFAULT,
                label_space: LabelSpace::PLATFORM,
                mpls_enabled: true,
            };
            desired.ports.insert(u16::from(index) + 1, config);
        }
        Self {
            forwarding,
            desired,
        }
    }

    pub(crate) fn neighbour(&mut self, interface: u8, last: u8) {
        let mac = MacAddress([2, 1, 0, 0, interface, last]);
        self.forwarding
            .set_neighbour(next_hop(interface, last), mac);
    }

    pub(crate) fn ftn(&mut self, prefix: &str, group: &Arc<PathGroup>) {
        let owner = Owner::named(Protocol::Static, prefix);
        self.forwarding
            .bind_ftn(owner, fec(prefix), FtnAction::Forward(Arc::clone(group)));
    }

    pub(crate) fn ilm(&mut self, value: u32, group: &Arc<PathGroup>, payload: Option<Payload>) {
        let action = IlmAction::Forward {
            paths: Arc::clone(group),
            payload,
            ttl_model: TtlModel::Uniform,
        };
        let owner = Owner::named(Protocol::Static, value.to_string());
        self.forwarding
            .bind_ilm(owner, IlmKey::platform(label(value)), action)
            .unwrap();
    }

    pub(crate) fn desired(&self) -> Desired {
        Desired {
            lfib: self.forwarding.lfib(),
            ..self.desired.clone()
        }
    }
}

/// A switch that executes updates as P4Runtime says, and refuses some when told to.
#[derive(Default)]
pub(crate) struct Switch {
    pub(crate) entries: Entries,
    /// Tables with less space than the profile says.
    pub(crate) sizes: BTreeMap<&'static str, usize>,
    pub(crate) log: Vec<Update>,
}

impl Switch {
    pub(crate) fn holding(entries: &Entries) -> Self {
        Self {
            entries: entries.clone(),
            ..Default::default()
        }
    }

    pub(crate) fn execute(&mut self, update: &Update) -> Result<(), UpdateError> {
        let error = |code| {
            Err(UpdateError {
                code,
                message: String::new(),
            })
        };
        let there = self.entries.contains_key(&update.key);
        match update.operation {
            Operation::Insert if there => return error(Code::AlreadyExists),
            Operation::Modify | Operation::Delete if !there => return error(Code::NotFound),
            Operation::Insert => {
                let table = update.key.table();
                let used = self
                    .entries
                    .keys()
                    .filter(|key| key.table() == table)
                    .count();
                if self.sizes.get(table).is_some_and(|size| used >= *size) {
                    return error(Code::ResourceExhausted);
                }
                self.entries.insert(update.key, update.value.clone());
            }
            Operation::Modify => {
                self.entries.insert(update.key, update.value.clone());
            }
            Operation::Delete => {
                self.entries.remove(&update.key);
            }
        }
        self.log.push(update.clone());
        Ok(())
    }

    /// Every entry points to entries that are there.
    pub(crate) fn check_references(&self) {
        for (key, value) in &self.entries {
            for reference in value.references() {
                assert!(
                    self.entries.contains_key(&reference),
                    "{key} points to {reference}"
                );
            }
        }
    }

    /// How each FEC and each incoming label leaves the router.
    pub(crate) fn exits(&self) -> BTreeMap<Key, BTreeSet<Exit>> {
        let exits = self.entries.iter().filter_map(|(key, value)| {
            let group = value.path_group()?;
            Some((*key, self.exits_of(group, value)))
        });
        exits.collect()
    }

    fn exits_of(&self, group: PathGroupId, value: &Value) -> BTreeSet<Exit> {
        let pops = matches!(value, Value::Ilm(IlmValue::PopAndForward { .. }));
        assert!(
            pops || matches!(
                value,
                Value::Ilm(IlmValue::Swap(_)) | Value::Ftn(FtnValue::Forward(_))
            )
        );
        let Some(Value::PathGroup(members)) = self.entries.get(&Key::PathGroup(group)) else {
            return BTreeSet::new();
        };
        let exit = |member: &dataplane::Member| match self.entries.get(&Key::Nhlfe(member.nhlfe)) {
            Some(Value::Nhlfe(nhlfe)) => Some((member.port, nhlfe.clone())),
            _ => None,
        };
        members.iter().filter_map(exit).collect()
    }
}

/// Port, labels and MAC addresses with which a packet leaves.
pub(crate) type Exit = (u16, NhlfeValue);

/// Writes a change, update by update in the order that `shuffle` gives each batch, and calls
/// `look` after each one. Gives what the reconciliation thinks the switch holds.
pub(crate) fn apply(
    switch: &mut Switch,
    desired: &Entries,
    keep: bool,
    mut shuffle: impl FnMut(usize) -> usize,
    mut refuse: impl FnMut(&Update) -> bool,
    mut look: impl FnMut(&Switch),
) -> (Entries, dataplane::Outcome) {
    let mut held = switch.entries.clone();
    let mut change = Reconciliation::new(&mut held, desired, keep);
    while let Some(batch) = change.next_batch() {
        let mut waiting: Vec<_> = batch.iter().enumerate().collect();
        let mut outcomes = vec![Ok(()); batch.len()];
        while !waiting.is_empty() {
            let (index, update) = waiting.swap_remove(shuffle(waiting.len()));
            outcomes[index] = if refuse(update) {
                Err(UpdateError {
                    code: Code::Unknown,
                    message: "refused".to_owned(),
                })
            } else {
                switch.execute(update)
            };
            look(switch);
        }
        change.complete(&outcomes);
    }
    let outcome = change.finish();
    (held, outcome)
}

/// Writes a change that nothing refuses.
pub(crate) fn write(switch: &mut Switch, desired: &Entries) -> dataplane::Outcome {
    let (held, outcome) = apply(switch, desired, false, |_| 0, |_| false, |_| {});
    assert_eq!(held, switch.entries);
    outcome
}

/// What a random desired state is made of.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// Next hops of each group, as interface, neighbour and label (0: none).
    groups: Vec<BTreeSet<(u8, u8, u32)>>,
    /// Group of each FEC and each label.
    ftn: BTreeMap<u8, usize>,
    ilm: BTreeMap<u32, usize>,
    resolved: BTreeSet<(u8, u8)>,
    /// Neighbours with one MAC address between them.
    shared_mac: bool,
}

pub(crate) fn any_scenario() -> impl Strategy<Value = Scenario> {
    let hops =
        prop::collection::btree_set((0u8..4, 1u8..3, prop_oneof![Just(0), 100u32..104]), 1..4);
    (
        prop::collection::vec(hops, 1..5),
        prop::collection::btree_map(0u8..8, any::<prop::sample::Index>(), 0..8),
        prop::collection::btree_map(1000u32..1006, any::<prop::sample::Index>(), 0..6),
        prop::collection::btree_set((0u8..4, 1u8..3), 0..8),
        any::<bool>(),
    )
        .prop_map(|(groups, ftn, ilm, resolved, shared_mac)| {
            let count = groups.len();
            Scenario {
                ftn: ftn
                    .into_iter()
                    .map(|(fec, index)| (fec, index.index(count)))
                    .collect(),
                ilm: ilm
                    .into_iter()
                    .map(|(label, index)| (label, index.index(count)))
                    .collect(),
                groups,
                resolved,
                shared_mac,
            }
        })
}

impl Scenario {
    /// The same, with the MAC addresses as in another scenario.
    pub(crate) fn with_macs_of(self, other: &Self) -> Self {
        Self {
            shared_mac: other.shared_mac,
            ..self
        }
    }

    pub(crate) fn desired(&self) -> Desired {
        let mut router = Router::new();
        let nhlfe = |(interface, last, label): &(u8, u8, u32)| {
            let labels: &[u32] = if *label == 0 {
                &[]
            } else {
                std::slice::from_ref(label)
            };
            nhlfe(*interface, *last, labels)
        };
        let group = |hops: &BTreeSet<_>| paths(&hops.iter().map(nhlfe).collect::<Vec<_>>());
        let groups: Vec<_> = self.groups.iter().map(group).collect();
        for (fec, index) in &self.ftn {
            router.ftn(&format!("10.{fec}.0.0/16"), &groups[*index]);
        }
        for (label, index) in &self.ilm {
            router.ilm(*label, &groups[*index], Some(Payload::Ipv4));
        }
        for (interface, last) in &self.resolved {
            if self.shared_mac {
                let mac = MacAddress([2, 9, 9, 9, 9, 9]);
                router
                    .forwarding
                    .set_neighbour(next_hop(*interface, *last), mac);
            } else {
                router.neighbour(*interface, *last);
            }
        }
        router.desired()
    }
}
