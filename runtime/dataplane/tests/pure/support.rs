//! Desired states and a model of the switch's tables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;
use std::sync::Arc;

use dataplane::{
    Capacity, Desired, Entries, HardwareProfile, InterfaceConfig, Key, NhlfeValue, PathGroupId,
    Reconciliation, Switchover, Table, Target, Translator, Update, Value, buckets_of,
};
use forwarding::{
    Fec, Forwarding, FtnAction, IlmAction, IlmKey, LabelSpace, MacAddress, NextHop, Nhlfe, Owner,
    Path, PathGroup, PathRole, Payload, ProtectionId, Protocol, QosMapId, Replication, TunnelModel,
    VrfId,
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
    Nhlfe::new(next_hop(interface, last), labels, TunnelModel::Uniform).unwrap()
}

pub(crate) fn paths(nhlfes: &[Nhlfe]) -> Arc<PathGroup> {
    let path = |nhlfe: &Nhlfe| Path::new(nhlfe.clone(), 1);
    Arc::new(PathGroup::new(nhlfes.iter().map(path)).unwrap())
}

pub(crate) fn branches(nhlfes: &[Nhlfe], local: Option<LabelSpace>) -> Arc<Replication> {
    Arc::new(Replication::new(nhlfes.iter().cloned(), local).unwrap())
}

/// With all ports up.
pub(crate) fn translate(
    translator: &mut Translator,
    desired: &Desired,
    held: &Entries,
    hold: bool,
) -> Target {
    translator.translate(desired, &Switchover::default(), held, hold)
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
            let config = InterfaceConfig {
                port: u16::from(index) + 1,
                vlan: None,
                mac: MacAddress([2, 0, 0, 0, 0, index]),
                mtu: 1500,
                mpls_mtu: 1508,
                vrf: VrfId::DEFAULT,
                label_space: LabelSpace::PLATFORM,
                mpls_enabled: true,
                qos_map: QosMapId::DEFAULT,
            };
            desired.interfaces.insert(name.as_str().into(), config);
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
            tunnel_model: TunnelModel::Uniform,
            qos_map: QosMapId::DEFAULT,
        };
        self.bind(value, action);
    }

    pub(crate) fn bind(&mut self, value: u32, action: IlmAction) {
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
    pub(crate) sizes: BTreeMap<Table, usize>,
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
                let used = || self.entries.keys().filter(|key| key.table() == table);
                if self
                    .sizes
                    .get(&table)
                    .is_some_and(|size| used().count() >= *size)
                {
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
            for reference in value.references(key) {
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
            let exits = match (value.path_group(), value.multicast_group()) {
                (Some(group), _) => self.exits_of(group),
                (None, Some(group)) => self.copies_of(group),
                (None, None) => return None,
            };
            Some((*key, exits))
        });
        exits.collect()
    }

    /// By both sets, and by the backup paths.
    fn exits_of(&self, group: PathGroupId) -> BTreeSet<Exit> {
        let roles = [PathRole::Working, PathRole::Protecting];
        let buckets = roles
            .into_iter()
            .flat_map(|role| buckets_of(&self.entries, group, role));
        let exits = buckets.flat_map(|bucket| std::iter::once(bucket.primary).chain(bucket.backup));
        let exit = |exit: dataplane::Exit| match self.entries.get(&Key::Nhlfe(exit.nhlfe)) {
            Some(Value::Nhlfe(nhlfe)) => Some((exit.port, nhlfe.clone())),
            _ => None,
        };
        exits.filter_map(exit).collect()
    }

    fn copies_of(&self, group: dataplane::MulticastGroupId) -> BTreeSet<Exit> {
        let Some(Value::MulticastGroup(replicas)) = self.entries.get(&Key::MulticastGroup(group))
        else {
            return BTreeSet::new();
        };
        let copy = |replica: &dataplane::Replica| {
            let branch = self.entries.get(&Key::Branch(group, replica.replica))?;
            let Value::Branch(nhlfe) = branch else {
                return None;
            };
            match self.entries.get(&Key::Nhlfe(*nhlfe)) {
                Some(Value::Nhlfe(nhlfe)) => Some((replica.port, nhlfe.clone())),
                _ => None,
            }
        };
        replicas.iter().filter_map(copy).collect()
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
    /// Next hops of each group, as interface, neighbour and label (0: none), with the MTU of the LSP, and
    /// what they are to each other.
    groups: Vec<(Hops, Kind)>,
    /// Group of each FEC and each label.
    ftn: BTreeMap<u8, usize>,
    ilm: BTreeMap<u32, usize>,
    /// Group of which each label's packets are copied to every next hop.
    replicated: BTreeMap<u32, usize>,
    resolved: BTreeSet<(u8, u8)>,
    /// Neighbours with one MAC address between them.
    shared_mac: bool,
}

/// Interface, neighbour and label.
type Hop = (u8, u8, u32);

type Hops = BTreeMap<Hop, Option<u16>>;

/// What the next hops of a group are to each other.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// They share the flows.
    Shared,
    /// The last one is the backup path of each other.
    Backed,
    /// The last one protects the others.
    Protected,
}

pub(crate) fn any_scenario() -> impl Strategy<Value = Scenario> {
    let hop = (0u8..4, 1u8..3, prop_oneof![Just(0), 100u32..104]);
    let mtu = prop_oneof![2 => Just(None), 1 => (1300u16..1303).prop_map(Some)];
    let hops = prop::collection::btree_map(hop, mtu, 1..4);
    let kind = prop_oneof![
        2 => Just(Kind::Shared),
        1 => Just(Kind::Backed),
        1 => Just(Kind::Protected),
    ];
    (
        prop::collection::vec((hops, kind), 1..5),
        prop::collection::btree_map(0u8..8, any::<prop::sample::Index>(), 0..8),
        prop::collection::btree_map(1000u32..1006, any::<prop::sample::Index>(), 0..6),
        prop::collection::btree_map(2000u32..2004, any::<prop::sample::Index>(), 0..4),
        prop::collection::btree_set((0u8..4, 1u8..3), 0..8),
        any::<bool>(),
    )
        .prop_map(|(groups, ftn, ilm, replicated, resolved, shared_mac)| {
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
                replicated: replicated
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
        let group = |(hops, kind): &(Hops, Kind)| {
            let path = |(hop, mtu): (&Hop, &Option<u16>)| Path::new(nhlfe(hop), 1).with_mtu(*mtu);
            let mut paths: Vec<_> = hops.iter().map(path).collect();
            let last = match kind {
                Kind::Backed | Kind::Protected if paths.len() > 1 => paths.pop(),
                _ => None,
            };
            let paths = paths.into_iter();
            let group = match (last, kind) {
                (Some(last), Kind::Protected) => {
                    let protection = ProtectionId::new(9).unwrap();
                    PathGroup::protected(paths, protection, [last])
                }
                (Some(last), _) => {
                    PathGroup::new(paths.map(|path| path.with_backup(last.nhlfe.clone())))
                }
                (None, _) => PathGroup::new(paths),
            };
            Arc::new(group.unwrap())
        };
        let groups: Vec<_> = self.groups.iter().map(group).collect();
        for (fec, index) in &self.ftn {
            router.ftn(&format!("10.{fec}.0.0/16"), &groups[*index]);
        }
        for (label, index) in &self.ilm {
            router.ilm(*label, &groups[*index], Some(Payload::Ipv4));
        }
        for (label, index) in &self.replicated {
            // A branch of a label has a label.
            let hops = self.groups[*index]
                .0
                .keys()
                .filter(|(_, _, label)| *label != 0);
            let hops: Vec<_> = hops.map(nhlfe).collect();
            if !hops.is_empty() {
                let action = IlmAction::Replicate {
                    replication: branches(&hops, None),
                    qos_map: QosMapId::DEFAULT,
                };
                router.bind(*label, action);
            }
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
