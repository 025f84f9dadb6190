//! How digests are reported (section 9.8). The digests themselves travel on the stream.

use p4runtime_proto::p4::v1::{self, entity::Entity as Kind, update::Type};

use super::{Reader, Result, Writer, data};
use crate::p4runtime::refusal::Refusal;

impl Writer<'_, '_> {
    pub(super) fn write_digest(&mut self, operation: Type, given: &v1::DigestEntry) -> Result<()> {
        let digest = self.schema.digest(given.digest_id)?;
        let id = given.digest_id;
        let configs = &mut self.notes.digests;
        let place = |refusal: Refusal| refusal.at(&digest.object);
        let absent = || place(Refusal::not_found("it is not enabled"));
        if operation == Type::Delete {
            return configs.remove(&id).map(drop).ok_or_else(absent);
        }
        let config = given.config.unwrap_or_default();
        if config.max_timeout_ns < 0 || config.max_list_size < 0 || config.ack_timeout_ns < 0 {
            return Err(place(Refusal::invalid_argument(
                "max_timeout_ns, max_list_size and ack_timeout_ns cannot be negative",
            )));
        }
        match (operation, configs.contains_key(&id)) {
            (Type::Insert, true) => {
                return Err(place(Refusal::already_exists("it is enabled already")));
            }
            (Type::Modify, false) => return Err(absent()),
            _ => {}
        }
        data::check_digest(self.schema, &digest.type_spec).map_err(place)?;
        configs.insert(id, config);
        Ok(())
    }
}

impl Reader<'_> {
    pub(super) fn read_digests(&self, filter: &v1::DigestEntry, out: &mut Vec<Kind>) -> Result<()> {
        if filter.digest_id != 0 {
            self.schema.digest(filter.digest_id)?;
        }
        let digests = self.notes.digests.iter();
        let wanted = digests.filter(|(id, _)| filter.digest_id == 0 || filter.digest_id == **id);
        out.extend(wanted.map(|(id, config)| {
            Kind::DigestEntry(v1::DigestEntry {
                digest_id: *id,
                config: Some(*config),
            })
        }));
        Ok(())
    }
}
