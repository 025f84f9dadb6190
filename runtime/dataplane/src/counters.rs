//! Counters of the switch, by the names of the LFIB.

use std::collections::{BTreeMap, BTreeSet};

use forwarding::{EntryKey, Fec, IlmKey, InterfaceName, Nhlfe, TunnelEnd, VlanId};
use p4runtime_client::{Client, CounterValue, RpcError, Schema};

use crate::codec::{self, DROP_COUNTERS};
use crate::{DropReason, Key, MulticastGroupId, NhlfeId, PuntReason, Table, Value};

/// What the switch counted, in packets and octets of the frames.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// Packets of each FEC.
    pub ftn: BTreeMap<Fec, CounterValue>,
    /// Packets with each incoming label, whatever its depth in the stack.
    pub ilm: BTreeMap<IlmKey, CounterValue>,
    /// Packets that left by each NHLFE.
    pub nhlfe: BTreeMap<Nhlfe, CounterValue>,
    /// Copies for each branch of each FEC and label that is replicated. Those that are replicated
    /// to the same branches are counted together.
    pub branches: BTreeMap<EntryKey, BTreeMap<Nhlfe, CounterValue>>,
    /// Copies for the router itself, of each label with a local branch; likewise.
    pub local_branches: BTreeMap<EntryKey, CounterValue>,
    /// Packets that came by each interface.
    pub interfaces: BTreeMap<InterfaceName, CounterValue>,
    /// Packets that were decapsulated at each tail end of a tunnel.
    pub tunnel_ends: BTreeMap<TunnelEnd, CounterValue>,
    /// Packets of each punt class, those over its rate included.
    pub punts: BTreeMap<PuntReason, CounterValue>,
    /// Packets that were dropped, by reason; reasons without a packet are left out.
    pub drops: BTreeMap<DropReason, CounterValue>,
}

/// What the ids of the switch stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) nhlfes: BTreeMap<NhlfeId, Nhlfe>,
    pub(crate) interfaces: BTreeMap<(u16, Option<VlanId>), InterfaceName>,
}

/// The tables of which the counters are read.
const COUNTED: [&str; 12] = [
    Table::FtnIpv4.name(),
    Table::FtnIpv6.name(),
    Table::Nhlfe.name(),
    Table::Branch.name(),
    Table::Interface.name(),
    Table::AttachmentPort.name(),
    Table::TunnelEndIpv4.name(),
    Table::TunnelEndIpv6.name(),
    Table::PuntPolicy.name(),
    Table::Ilm.name(),
    Table::IlmSecond.name(),
    Table::IlmThird.name(),
];

impl Counters {
    /// Reads the counters.
    pub(crate) async fn read(
        client: &Client,
        schema: &Schema,
        names: &Names,
    ) -> Result<Self, RpcError> {
        let mut counters = Self::default();
        let mut replicated: BTreeMap<MulticastGroupId, BTreeSet<EntryKey>> = BTreeMap::new();
        let mut branches = Vec::new();
        for entry in client.read_tables(schema, &COUNTED, true).await? {
            let Some((key, value)) = codec::decode(&entry) else {
                continue;
            };
            let counter = entry.counter().unwrap_or_default();
            if let Some(group) = value.multicast_group() {
                let users = replicated.entry(group).or_default();
                users.extend(key.lfib_key(&value));
            }
            match key {
                Key::Branch(group, _) => branches.push((group, value, counter)),
                key => counters.add_entry(key, &value, counter, names),
            }
        }
        for (group, value, counter) in branches {
            for user in replicated.get(&group).into_iter().flatten() {
                counters.add_branch(user, &value, counter, names);
            }
        }
        for name in DROP_COUNTERS {
            let Ok(counter) = schema.counter(name) else {
                continue;
            };
            for (index, value) in client.read_counter(counter.id).await? {
                if let Some(reason) = DropReason::from_index(index)
                    && value != CounterValue::default()
                {
                    add(counters.drops.entry(reason).or_default(), value);
                }
            }
        }
        Ok(counters)
    }

    fn add_branch(&mut self, user: &EntryKey, branch: &Value, value: CounterValue, names: &Names) {
        match branch {
            Value::Branch(id) => {
                if let Some(nhlfe) = names.nhlfes.get(id) {
                    let branches = self.branches.entry(user.clone()).or_default();
                    add(branches.entry(nhlfe.clone()).or_default(), value);
                }
            }
            Value::LookUpAgain(_) => {
                add(self.local_branches.entry(user.clone()).or_default(), value);
            }
            _ => {}
        }
    }

    fn add_entry(&mut self, key: Key, decoded: &Value, value: CounterValue, names: &Names) {
        let counter = match (key.lfib_key(decoded), key) {
            (Some(EntryKey::Ftn(fec)), _) => self.ftn.entry(fec).or_default(),
            (Some(EntryKey::Ilm(key)), _) => self.ilm.entry(key).or_default(),
            (None, Key::Interface(port, vlan)) => match names.interfaces.get(&(port, vlan)) {
                Some(name) => self.interfaces.entry(name.clone()).or_default(),
                None => return,
            },
            (None, Key::Nhlfe(id)) => match names.nhlfes.get(&id) {
                Some(nhlfe) => self.nhlfe.entry(nhlfe.clone()).or_default(),
                None => return,
            },
            (None, Key::TunnelEnd(end)) => self.tunnel_ends.entry(end).or_default(),
            (None, Key::PuntPolicy(number)) => match PuntReason::from_number(number) {
                Some(reason) => self.punts.entry(reason).or_default(),
                None => return,
            },
            // The tables with counters are those above.
            (None, _) => return,
        };
        add(counter, value);
    }
}

fn add(counter: &mut CounterValue, value: CounterValue) {
    counter.packets = counter.packets.saturating_add(value.packets);
    counter.octets = counter.octets.saturating_add(value.octets);
}
