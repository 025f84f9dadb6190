//! Multicast groups of the packet replication engine (section 9.5).

use p4runtime_proto::p4::v1;
use p4runtime_proto::p4::v1::packet_replication_engine_entry::Type;

use crate::{Client, Operation, RpcError, WriteOutcome};

/// A multicast group: a packet that is sent to it leaves once for each replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MulticastGroup {
    /// The number of the group, from 1.
    pub id: u32,
    /// The copies, in any order; each pair of port and instance once.
    pub replicas: Vec<Replica>,
}

/// One copy of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Replica {
    /// The port that it goes to.
    pub port: u32,
    /// What tells it from other copies in the program: v1model's `egress_rid`.
    pub instance: u32,
}

impl MulticastGroup {
    fn entity(&self) -> v1::entity::Entity {
        // The field that BMv2's server has always known; its successor, `port`, came with 1.4.
        #[allow(deprecated)]
        let replica = |replica: &Replica| v1::Replica {
            instance: replica.instance,
            port_kind: Some(v1::replica::PortKind::EgressPort(replica.port)),
            ..Default::default()
        };
        let entry = v1::MulticastGroupEntry {
            multicast_group_id: self.id,
            replicas: self.replicas.iter().map(replica).collect(),
            ..Default::default()
        };
        replication(entry)
    }

    fn from_message(entry: &v1::MulticastGroupEntry) -> Self {
        #[allow(deprecated)]
        let replica = |replica: &v1::Replica| Replica {
            port: match &replica.port_kind {
                Some(v1::replica::PortKind::EgressPort(port)) => *port,
                Some(v1::replica::PortKind::Port(port)) => port
                    .iter()
                    .fold(0, |number: u32, octet| number << 8 | u32::from(*octet)),
                None => 0,
            },
            instance: replica.instance,
        };
        let mut replicas: Vec<_> = entry.replicas.iter().map(replica).collect();
        replicas.sort();
        Self {
            id: entry.multicast_group_id,
            replicas,
        }
    }
}

fn replication(entry: v1::MulticastGroupEntry) -> v1::entity::Entity {
    v1::entity::Entity::PacketReplicationEngineEntry(v1::PacketReplicationEngineEntry {
        r#type: Some(Type::MulticastGroupEntry(entry)),
    })
}

impl Client {
    /// Writes multicast groups. To delete one its number is enough.
    ///
    /// Gives the outcome of each update.
    ///
    /// # Errors
    /// The switch refused the batch as a whole, or did not answer.
    pub async fn write_multicast_groups(
        &self,
        updates: &[(Operation, &MulticastGroup)],
    ) -> Result<WriteOutcome, RpcError> {
        let updates = updates
            .iter()
            .map(|(operation, group)| operation.update(group.entity()));
        self.write_updates(updates.collect()).await
    }

    /// Reads all multicast groups; the replicas of each are sorted.
    ///
    /// # Errors
    /// The switch does not answer.
    pub async fn read_multicast_groups(&self) -> Result<Vec<MulticastGroup>, RpcError> {
        let all = replication(v1::MulticastGroupEntry::default());
        let read = self.read(vec![all]).await?;
        let group = |entity| match entity {
            v1::entity::Entity::PacketReplicationEngineEntry(entry) => match entry.r#type? {
                Type::MulticastGroupEntry(group) => Some(MulticastGroup::from_message(&group)),
                Type::CloneSessionEntry(_) => None,
            },
            _ => None,
        };
        Ok(read.into_iter().filter_map(group).collect())
    }
}
