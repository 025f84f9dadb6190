//! Parser value sets (section 9.6).

use p4runtime_proto::p4::v1::{self, entity::Entity as Kind, update::Type};

use super::{Reader, Result, Writer, modify_only};
use crate::control::KeyMatch;
use crate::p4runtime::bits::{BitWriter, bits_at};
use crate::p4runtime::key::{decode_matches, encode_matches};
use crate::p4runtime::refusal::Refusal;
use crate::p4runtime::schema::ValueSet;

impl Writer<'_, '_> {
    pub(super) fn write_value_set(
        &mut self,
        operation: Type,
        given: &v1::ValueSetEntry,
    ) -> Result<()> {
        modify_only(operation, "ValueSetEntry")?;
        let set = self.schema.value_set(given.value_set_id)?;
        let members = decode_members(set, given).map_err(|refusal| refusal.at(&set.object))?;
        Ok(self.state.set_value_set(&set.object.name, &members)?)
    }
}

/// The values, each the fields of a member one after the other, as one number.
fn decode_members(set: &ValueSet, given: &v1::ValueSetEntry) -> Result<Vec<Vec<u8>>> {
    if given.members.len() > set.size {
        return Err(Refusal::resource_exhausted(format!(
            "{} members are more than its size {}",
            given.members.len(),
            set.size
        )));
    }
    let mut members = Vec::with_capacity(given.members.len());
    for (index, member) in given.members.iter().enumerate() {
        let place = |refusal: Refusal| refusal.at(format!("member {index}"));
        let mut value = BitWriter::default();
        value.push(&[0], lead(set));
        let fields = decode_matches(&set.key, &member.r#match).map_err(place)?;
        for (key, field) in set.key.iter().zip(fields) {
            let KeyMatch::Exact(field) = field else {
                return Err(place(Refusal::unimplemented(
                    "this switch has exact matches only in value sets",
                )));
            };
            value.push(&field, key.field.width);
        }
        let value = value.into_bytes();
        if members.contains(&value) {
            return Err(place(Refusal::already_exists("it is there twice")));
        }
        members.push(value);
    }
    Ok(members)
}

/// Zero bits in front of a value, to whole bytes.
fn lead(set: &ValueSet) -> u32 {
    let width: u32 = set.key.iter().map(|key| key.field.width).sum();
    width.wrapping_neg() % 8
}

impl Reader<'_> {
    pub(super) fn read_value_sets(
        &self,
        filter: &v1::ValueSetEntry,
        out: &mut Vec<Kind>,
    ) -> Result<()> {
        let sets: Vec<&ValueSet> = if filter.value_set_id == 0 {
            self.schema.value_sets.values().collect()
        } else {
            vec![self.schema.value_set(filter.value_set_id)?]
        };
        for set in sets {
            let values = self.state.value_set(&set.object.name)?;
            let members = values.iter().map(|value| v1::ValueSetMember {
                r#match: encode_matches(&set.key, &fields(set, value)),
            });
            out.push(Kind::ValueSetEntry(v1::ValueSetEntry {
                value_set_id: set.object.id,
                members: members.collect(),
            }));
        }
        Ok(())
    }
}

/// The fields of a value.
fn fields(set: &ValueSet, value: &[u8]) -> Vec<KeyMatch> {
    let mut offset = lead(set) as usize;
    (set.key.iter())
        .map(|key| {
            let width = key.field.width as usize;
            let field = bits_at(value, offset, width);
            offset += width;
            KeyMatch::Exact(field)
        })
        .collect()
}
