//! Roles: which part of the pipeline a controller may use (section 5.2).
//!
//! The specification leaves the definition of roles to an agreement between client and server.
//! This server knows two, which can be used together:
//!
//! - `Role.config` as Stratum and its clients (finsy among them) have it: a
//!   `stratum.P4RoleConfig` message, here [`P4RoleConfig`];
//! - the annotation `@p4runtime_role("name")` on tables and other objects of the P4 program, as
//!   SONiC's programs have it: the object belongs to that role.
//!
//! The default role has full pipeline access in every case.

use std::collections::BTreeSet;

use p4runtime_proto::p4::v1::{self, entity::Entity as Kind};
use prost::Message;
use prost_types::Any;

use super::refusal::Refusal;
use super::schema::Schema;

/// What a `Role.config` says.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct P4RoleConfig {
    /// Ids of P4Info objects that this role may write and read, and no other configured role.
    #[prost(uint32, repeated, tag = "1")]
    exclusive_p4_ids: Vec<u32>,
    /// Ids of P4Info objects that this role may write and read as others may.
    #[prost(uint32, repeated, tag = "2")]
    shared_p4_ids: Vec<u32>,
    /// Which packets the role receives; all if it is not set.
    #[prost(message, optional, tag = "3")]
    packet_in_filter: Option<PacketFilter>,
    /// Whether the role receives packets at all.
    #[prost(bool, tag = "4")]
    receives_packet_ins: bool,
    /// Whether the role may set the forwarding-pipeline configuration.
    #[prost(bool, tag = "5")]
    can_push_pipeline: bool,
}

/// A value that one of the metadata of a PacketIn must have.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct PacketFilter {
    #[prost(uint32, tag = "1")]
    metadata_id: u32,
    /// In canonical form.
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// The name of the message in the type URL of the `Any`.
const TYPE: &str = "stratum.P4RoleConfig";

/// What the controllers of a role may do.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Access {
    /// Empty: the default role.
    role: String,
    /// `None` is full pipeline access, to what is not another role's by annotation.
    config: Option<Config>,
}

#[derive(Debug, Clone, PartialEq)]
struct Config {
    exclusive: BTreeSet<u32>,
    shared: BTreeSet<u32>,
    packet_in_filter: Option<PacketFilter>,
    receives_packet_ins: bool,
    can_push_pipeline: bool,
}

impl Access {
    /// What a role may do by its configuration.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if the configuration is not one that this server knows (section 5.3).
    pub(crate) fn new(role: &str, config: Option<&Any>) -> Result<Self, Refusal> {
        let config = match config {
            None => None,
            Some(_) if role.is_empty() => {
                return Err(Refusal::invalid_argument(
                    "the default role has full pipeline access, it takes no role configuration",
                ));
            }
            Some(any) => Some(decode(any)?),
        };
        Ok(Self {
            role: role.to_owned(),
            config,
        })
    }

    /// Checks that no object is claimed for this role alone and by another one.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with the object and the other role.
    pub(crate) fn check_beside(&self, other: &Self) -> Result<(), Refusal> {
        let (Some(mine), Some(theirs)) = (&self.config, &other.config) else {
            return Ok(());
        };
        let clash = (mine.exclusive.intersection(&theirs.exclusive))
            .chain(mine.exclusive.intersection(&theirs.shared))
            .chain(mine.shared.intersection(&theirs.exclusive))
            .next();
        match clash {
            None => Ok(()),
            Some(id) => Err(Refusal::invalid_argument(format!(
                "role configuration: object {id:#010x} cannot be exclusive to role \"{}\" or \
                 \"{}\", since the other one uses it too",
                self.role, other.role
            ))),
        }
    }

    /// Whether the role may write and read all there is.
    pub(crate) fn is_full(&self, schema: &Schema) -> bool {
        self.role.is_empty() || (self.config.is_none() && schema.owners.is_empty())
    }

    /// Whether the role may write and read objects with an id of the P4Info; `None` is what has no
    /// such id, the packet replication engine.
    pub(crate) fn allows(&self, schema: &Schema, id: Option<u32>) -> bool {
        if self.role.is_empty() {
            return true;
        }
        let owner = id.and_then(|id| schema.owners.get(&id));
        match (&self.config, id) {
            _ if owner.is_some_and(|owner| *owner == self.role) => true,
            (None, _) => owner.is_none(),
            (Some(config), Some(id)) => {
                config.exclusive.contains(&id) || config.shared.contains(&id)
            }
            (Some(_), None) => false,
        }
    }

    /// Checks that the role may carry out an update on an entity.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` (section 12).
    pub(crate) fn check(&self, schema: &Schema, entity: &Kind) -> Result<(), Refusal> {
        let id = object_id(entity);
        // An id that is not set is refused for that.
        if id == Some(0) || self.allows(schema, id) {
            return Ok(());
        }
        let what = match id {
            Some(id) => format!("object {id:#010x}"),
            None => "the packet replication engine".to_owned(),
        };
        Err(Refusal::permission_denied(format!(
            "role \"{}\" may not write {what}: it is not among the role's objects",
            self.role
        )))
    }

    /// Checks that the role may set the forwarding-pipeline configuration.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`.
    pub(crate) fn check_pipeline(&self) -> Result<(), Refusal> {
        match &self.config {
            Some(config) if !config.can_push_pipeline => Err(Refusal::permission_denied(format!(
                "role \"{}\" may not set the forwarding-pipeline configuration \
                 (can_push_pipeline of its role configuration)",
                self.role
            ))),
            _ => Ok(()),
        }
    }

    /// Whether the role receives a packet.
    pub(crate) fn receives(&self, packet: &v1::PacketIn) -> bool {
        let Some(config) = &self.config else {
            return true;
        };
        config.receives_packet_ins
            && config.packet_in_filter.as_ref().is_none_or(|filter| {
                (packet.metadata.iter()).any(|metadata| {
                    metadata.metadata_id == filter.metadata_id && metadata.value == filter.value
                })
            })
    }
}

fn decode(any: &Any) -> Result<Config, Refusal> {
    if any.type_url.rsplit('/').next() != Some(TYPE) {
        return Err(Refusal::invalid_argument(format!(
            "role configuration: this server knows {TYPE}, not \"{}\"",
            any.type_url
        )));
    }
    let message = P4RoleConfig::decode(any.value.as_slice()).map_err(|error| {
        Refusal::invalid_argument(format!("role configuration: it is no {TYPE}: {error}"))
    })?;
    let exclusive: BTreeSet<u32> = message.exclusive_p4_ids.into_iter().collect();
    let shared: BTreeSet<u32> = message.shared_p4_ids.into_iter().collect();
    if let Some(id) = exclusive.intersection(&shared).next() {
        return Err(Refusal::invalid_argument(format!(
            "role configuration: object {id:#010x} is exclusive and shared"
        )));
    }
    let packet_in_filter = message.packet_in_filter.map(|filter| PacketFilter {
        value: p4runtime_proto::bytestring::canonical(&filter.value).to_vec(),
        ..filter
    });
    Ok(Config {
        exclusive,
        shared,
        packet_in_filter,
        receives_packet_ins: message.receives_packet_ins,
        can_push_pipeline: message.can_push_pipeline,
    })
}

/// The id of the P4Info object that an entity belongs to.
pub(crate) fn object_id(entity: &Kind) -> Option<u32> {
    Some(match entity {
        Kind::TableEntry(entry) => entry.table_id,
        Kind::DirectCounterEntry(counter) => table_id(counter.table_entry.as_ref()),
        Kind::DirectMeterEntry(meter) => table_id(meter.table_entry.as_ref()),
        Kind::ActionProfileMember(member) => member.action_profile_id,
        Kind::ActionProfileGroup(group) => group.action_profile_id,
        Kind::CounterEntry(counter) => counter.counter_id,
        Kind::MeterEntry(meter) => meter.meter_id,
        Kind::RegisterEntry(register) => register.register_id,
        Kind::DigestEntry(digest) => digest.digest_id,
        Kind::ValueSetEntry(set) => set.value_set_id,
        Kind::ExternEntry(entry) => entry.extern_id,
        Kind::PacketReplicationEngineEntry(_) => return None,
    })
}

fn table_id(entry: Option<&v1::TableEntry>) -> u32 {
    entry.map_or(0, |entry| entry.table_id)
}

/// The role of an annotation `@p4runtime_role("name")`.
pub(crate) fn annotated(annotations: &[String]) -> Option<String> {
    annotations.iter().find_map(|annotation| {
        let name = annotation.trim().strip_prefix("@p4runtime_role")?.trim();
        let name = name.strip_prefix('(')?.strip_suffix(')')?.trim();
        Some(name.strip_prefix('"')?.strip_suffix('"')?.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn any(config: &P4RoleConfig) -> Any {
        Any {
            type_url: format!("type.googleapis.com/{TYPE}"),
            value: config.encode_to_vec(),
        }
    }

    #[test]
    fn annotations_name_the_role() {
        let annotation = |text: &str| annotated(&["@id(7)".to_owned(), text.to_owned()]);
        assert_eq!(
            annotation("@p4runtime_role(\"sdn\")"),
            Some("sdn".to_owned())
        );
        assert_eq!(
            annotation("@p4runtime_role ( \"a b\" )"),
            Some("a b".to_owned())
        );
        assert_eq!(annotation("@p4runtime_roles(\"sdn\")"), None);
    }

    #[test]
    fn a_configuration_of_another_scheme_is_refused_by_name() {
        let other = Any {
            type_url: "type.googleapis.com/x.Y".into(),
            value: vec![],
        };
        let refusal = Access::new("acl", Some(&other)).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidArgument);
        assert!(refusal.message.contains("x.Y"), "{refusal}");
        let broken = Any {
            value: vec![0xff],
            ..any(&P4RoleConfig::default())
        };
        assert!(Access::new("acl", Some(&broken)).is_err());
    }

    #[test]
    fn packets_go_by_the_filter_and_the_toggle() {
        let packet = v1::PacketIn {
            payload: vec![],
            metadata: vec![v1::PacketMetadata {
                metadata_id: 2,
                value: vec![5],
            }],
        };
        let receives = |receives_packet_ins, filter: Option<(u32, &[u8])>| {
            let config = P4RoleConfig {
                receives_packet_ins,
                packet_in_filter: filter.map(|(metadata_id, value)| PacketFilter {
                    metadata_id,
                    value: value.to_vec(),
                }),
                ..Default::default()
            };
            Access::new("acl", Some(&any(&config)))
                .unwrap()
                .receives(&packet)
        };
        assert!(receives(true, None));
        assert!(receives(true, Some((2, b"\x00\x05"))));
        assert!(!receives(true, Some((2, b"\x06"))));
        assert!(!receives(true, Some((1, b"\x05"))));
        assert!(!receives(false, None));
        assert!(Access::new("acl", None).unwrap().receives(&packet));
    }

    #[test]
    fn what_is_exclusive_to_one_role_is_no_others() {
        let role = |name, exclusive: &[u32], shared: &[u32]| {
            let config = P4RoleConfig {
                exclusive_p4_ids: exclusive.to_vec(),
                shared_p4_ids: shared.to_vec(),
                ..Default::default()
            };
            Access::new(name, Some(&any(&config))).unwrap()
        };
        let a = role("a", &[1, 2], &[3]);
        assert!(a.check_beside(&role("b", &[4], &[3])).is_ok());
        for clash in [
            role("b", &[1], &[]),
            role("b", &[], &[2]),
            role("b", &[3], &[]),
        ] {
            assert!(a.check_beside(&clash).is_err(), "{clash:?}");
        }
    }
}
