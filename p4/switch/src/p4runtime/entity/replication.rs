//! Multicast groups and clone sessions (section 9.5).

use p4runtime_proto::bytestring;
use p4runtime_proto::p4::v1::{
    self, entity::Entity as Kind, packet_replication_engine_entry::Type as Entry,
    replica::PortKind, update::Type,
};

use super::{PortNumbers, Reader, Result, Writer};
use crate::control::{CloneSession, Replica, ReplicaWithBackups};
use crate::p4runtime::refusal::Refusal;

/// Largest class of service: standard_metadata.priority of v1model has 3 bits.
const MAX_CLASS_OF_SERVICE: u32 = 7;

impl Writer<'_, '_> {
    pub(super) fn write_replication(
        &mut self,
        operation: Type,
        given: &v1::PacketReplicationEngineEntry,
    ) -> Result<()> {
        match given.r#type.as_ref().ok_or_else(neither)? {
            Entry::MulticastGroupEntry(group) => self
                .write_multicast_group(operation, group)
                .map_err(|r| r.at(format!("multicast group {}", group.multicast_group_id))),
            Entry::CloneSessionEntry(session) => self
                .write_clone_session(operation, session)
                .map_err(|r| r.at(format!("clone session {}", session.session_id))),
        }
    }

    fn write_multicast_group(
        &mut self,
        operation: Type,
        given: &v1::MulticastGroupEntry,
    ) -> Result<()> {
        // standard_metadata.mcast_grp has 16 bits; 0 means no multicast.
        let id = u16::try_from(given.multicast_group_id).unwrap_or(0);
        if id == 0 {
            return Err(Refusal::invalid_argument("the id must be 1 to 65535"));
        }
        if operation == Type::Delete {
            self.state.delete_multicast_group(id)?;
            self.notes.multicast_groups.remove(&u32::from(id));
            return Ok(());
        }
        let mut written = given.clone();
        let replicas = decode_replicas(self.ports, &mut written.replicas)?;
        if operation == Type::Insert {
            self.state.insert_multicast_group(id, &replicas)?;
        } else {
            self.state.modify_multicast_group(id, &replicas)?;
        }
        self.notes.multicast_groups.insert(id.into(), written);
        Ok(())
    }

    fn write_clone_session(
        &mut self,
        operation: Type,
        given: &v1::CloneSessionEntry,
    ) -> Result<()> {
        let id = given.session_id;
        if id == 0 {
            return Err(Refusal::invalid_argument("the id must be greater than 0"));
        }
        if operation == Type::Delete {
            self.state.delete_clone_session(id)?;
            self.notes.clone_sessions.remove(&id);
            return Ok(());
        }
        // The switch has no queues, so that all classes are served alike.
        if given.class_of_service > MAX_CLASS_OF_SERVICE {
            return Err(Refusal::invalid_argument(format!(
                "class_of_service {} is more than {MAX_CLASS_OF_SERVICE}",
                given.class_of_service
            )));
        }
        let packet_length = u32::try_from(given.packet_length_bytes).map_err(|_| {
            Refusal::invalid_argument(format!(
                "packet_length_bytes {} is negative",
                given.packet_length_bytes
            ))
        })?;
        let mut written = given.clone();
        let content = CloneSession {
            replicas: decode_replicas(self.ports, &mut written.replicas)?,
            packet_length,
        };
        if operation == Type::Insert {
            self.state.insert_clone_session(id, &content)?;
        } else {
            self.state.modify_clone_session(id, &content)?;
        }
        self.notes.clone_sessions.insert(id, written);
        Ok(())
    }
}

/// The replicas of a multicast group or clone session for the switch, which checks that they are
/// distinct; makes the byte strings of the messages canonical.
fn decode_replicas(
    ports: &PortNumbers,
    given: &mut [v1::Replica],
) -> Result<Vec<ReplicaWithBackups>> {
    given
        .iter_mut()
        .enumerate()
        .map(|(index, given)| {
            let place = |refusal: Refusal| refusal.at(format!("replica {index}"));
            let primary = decode_replica(ports, given).map_err(place)?;
            let backups = given.backup_replicas.iter_mut().enumerate();
            let backups = backups.map(|(index, given)| {
                let place = |refusal: Refusal| place(refusal.at(format!("backup replica {index}")));
                let port = ports.decode(&given.port).map_err(place)?;
                given.port = bytestring::canonical(&given.port).to_vec();
                let instance = decode_instance(given.instance).map_err(place)?;
                Ok(Replica { port, instance })
            });
            Ok(ReplicaWithBackups {
                primary,
                backups: backups.collect::<Result<_>>()?,
            })
        })
        .collect()
}

fn decode_replica(ports: &PortNumbers, given: &mut v1::Replica) -> Result<Replica> {
    #[allow(deprecated)] // Clients may still use the integer.
    let port = match &mut given.port_kind {
        Some(PortKind::Port(port)) => {
            let number = ports.decode(port)?;
            *port = bytestring::canonical(port).to_vec();
            number
        }
        Some(PortKind::EgressPort(port)) => ports.decode(&port.to_be_bytes())?,
        None => return Err(Refusal::invalid_argument("the port is not set")),
    };
    Ok(Replica {
        port,
        instance: decode_instance(given.instance)?,
    })
}

/// standard_metadata.egress_rid has 16 bits.
fn decode_instance(instance: u32) -> Result<u16> {
    u16::try_from(instance)
        .map_err(|_| Refusal::invalid_argument(format!("instance {instance} is more than 65535")))
}

impl Reader<'_> {
    pub(super) fn read_replication(
        &self,
        filter: &v1::PacketReplicationEngineEntry,
        out: &mut Vec<Kind>,
    ) -> Result<()> {
        let wanted = |filter: u32, id: u32| filter == 0 || filter == id;
        let message = |entry| {
            Kind::PacketReplicationEngineEntry(v1::PacketReplicationEngineEntry {
                r#type: Some(entry),
            })
        };
        match filter.r#type.as_ref().ok_or_else(neither)? {
            Entry::MulticastGroupEntry(filter) => out.extend(
                (self.notes.multicast_groups.iter())
                    .filter(|(id, _)| wanted(filter.multicast_group_id, **id))
                    .map(|(_, group)| message(Entry::MulticastGroupEntry(group.clone()))),
            ),
            Entry::CloneSessionEntry(filter) => out.extend(
                (self.notes.clone_sessions.iter())
                    .filter(|(id, _)| wanted(filter.session_id, **id))
                    .map(|(_, session)| message(Entry::CloneSessionEntry(session.clone()))),
            ),
        }
        Ok(())
    }
}

fn neither() -> Refusal {
    Refusal::invalid_argument("neither a multicast group nor a clone session is set")
}
