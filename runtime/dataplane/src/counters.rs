//! Counters of the switch, by the names of the LFIB.

use std::collections::BTreeMap;

use forwarding::{Fec, IlmKey, Nhlfe};
use p4runtime_client::{Client, CounterValue, RpcError, Schema, TableEntry};

use crate::codec;
use crate::model::ILM_TABLES;
use crate::{DropReason, Key, NhlfeId, PuntReason};

/// What the switch counted, in packets and octets of the frames.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// Packets of each FEC.
    pub ftn: BTreeMap<Fec, CounterValue>,
    /// Packets with each incoming label, whatever its depth in the stack.
    pub ilm: BTreeMap<IlmKey, CounterValue>,
    /// Packets that left by each NHLFE.
    pub nhlfe: BTreeMap<Nhlfe, CounterValue>,
    /// Packets that came by each port with settings.
    pub ports: BTreeMap<u16, CounterValue>,
    /// Packets of each punt class, those over its rate included.
    pub punts: BTreeMap<PuntReason, CounterValue>,
    /// Packets that were dropped, by reason; reasons without a packet are left out.
    pub drops: BTreeMap<DropReason, CounterValue>,
}

impl Counters {
    /// Reads the counters. `nhlfes` says which NHLFE has which id.
    pub(crate) async fn read(
        client: &Client,
        schema: &Schema,
        nhlfes: &BTreeMap<NhlfeId, Nhlfe>,
    ) -> Result<Self, RpcError> {
        let mut tables = vec![
            "ftn_ipv4",
            "ftn_ipv6",
            "nhlfe",
            "port_config",
            "punt_policy",
        ];
        tables.extend(ILM_TABLES);
        let mut counters = Self::default();
        for entry in client.read_tables(schema, &tables, true).await? {
            counters.add_entry(&entry, nhlfes);
        }
        for name in ["drops", "egress_drops"] {
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

    fn add_entry(&mut self, entry: &TableEntry, nhlfes: &BTreeMap<NhlfeId, Nhlfe>) {
        let Some((key, _)) = codec::decode(entry) else {
            return;
        };
        let value = entry.counter().unwrap_or_default();
        let counter = match key {
            Key::Ftn(vrf, prefix) => self.ftn.entry(Fec::prefix(vrf, prefix)).or_default(),
            Key::Ilm(_, key) => self.ilm.entry(key).or_default(),
            Key::Port(port) => self.ports.entry(port).or_default(),
            Key::Nhlfe(id) => match nhlfes.get(&id) {
                Some(nhlfe) => self.nhlfe.entry(nhlfe.clone()).or_default(),
                None => return,
            },
            Key::PuntPolicy(number) => match PuntReason::from_number(number) {
                Some(reason) => self.punts.entry(reason).or_default(),
                None => return,
            },
            Key::ControlPacket(..) | Key::PathGroup(_) | Key::StationMac(..) => return,
        };
        add(counter, value);
    }
}

fn add(counter: &mut CounterValue, value: CounterValue) {
    counter.packets = counter.packets.saturating_add(value.packets);
    counter.octets = counter.octets.saturating_add(value.octets);
}
