//! What packets do while RECONCILE_AND_COMMIT makes the next state (section 14): counters,
//! registers, tokens of meters and times of hits, which are copied once more when packets wait.

use std::collections::BTreeMap;

use p4runtime_proto::p4::v1::{self, entity::Entity as Kind};

use super::{Reader, Result};
use crate::State;
use crate::p4runtime::key::decode_key;
use crate::p4runtime::schema::{Object, Table};
use crate::state::{Place, prepare_key};

/// Something that is carried over, with its names or places in the old state and in the new one.
pub(crate) enum Carried {
    Counters(Names),
    Meters(Names),
    Registers(Names),
    Entries {
        old: usize,
        new: usize,
        places: Vec<(Place, Place)>,
    },
}

/// Names of an array.
pub(crate) struct Names {
    old: String,
    new: String,
}

impl Names {
    fn of(old: &Object, new: &Object) -> Self {
        Self {
            old: old.name.clone(),
            new: new.name.clone(),
        }
    }
}

impl Carried {
    /// All that can be carried over between two states, of which the new one was made by the
    /// `updates` of the old one's snapshot.
    ///
    /// # Errors
    /// None that can be, since the updates were carried out.
    pub(crate) fn between(
        old: &Reader<'_>,
        new: &Reader<'_>,
        updates: &[v1::Update],
    ) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        let schemas = (old.schema, new.schema);
        for (old, new) in in_both(&schemas.0.counters, &schemas.1.counters) {
            all.push(Self::Counters(Names::of(&old.object, &new.object)));
        }
        for (old, new) in in_both(&schemas.0.meters, &schemas.1.meters) {
            all.push(Self::Meters(Names::of(
                &old.array.object,
                &new.array.object,
            )));
        }
        for (old, new) in in_both(&schemas.0.registers, &schemas.1.registers) {
            // Of another type the number may be another: it stays what the snapshot made it.
            if schemas.0.types == schemas.1.types && old.type_spec == new.type_spec {
                all.push(Self::Registers(Names::of(
                    &old.array.object,
                    &new.array.object,
                )));
            }
        }
        let mut places: BTreeMap<u32, Vec<(Place, Place)>> = BTreeMap::new();
        for update in updates {
            let kind = update.entity.as_ref().and_then(|e| e.entity.as_ref());
            let Some(Kind::TableEntry(entry)) = kind else {
                continue;
            };
            if !entry.is_default_action {
                let slots = (old.slot_of(entry)?, new.slot_of(entry)?);
                places.entry(entry.table_id).or_default().push(slots);
            }
        }
        for (old, new) in in_both(&schemas.0.tables, &schemas.1.tables) {
            let mut places = places.remove(&old.object.id).unwrap_or_default();
            places.push((None, None)); // The default entry.
            let (old, new) = (old.index, new.index);
            all.push(Self::Entries { old, new, places });
        }
        Ok(all)
    }

    /// Copies it.
    pub(crate) fn copy(&self, old: &State, new: &State) {
        let result = match self {
            Self::Counters(names) => new.take_counters(&names.new, old, &names.old),
            Self::Meters(names) => new.take_meters(&names.new, old, &names.old),
            Self::Registers(names) => new.take_registers(&names.new, old, &names.old),
            Self::Entries {
                old: from,
                new: to,
                places,
            } => {
                new.take_entries(*to, old, *from, places);
                Ok(())
            }
        };
        if let Err(error) = result {
            // The P4Infos were checked against the programs.
            tracing::error!(%error, "what packets did while the pipeline was exchanged");
        }
    }
}

/// What two schemas have with the same id.
fn in_both<'a, T>(
    old: &'a BTreeMap<u32, T>,
    new: &'a BTreeMap<u32, T>,
) -> impl Iterator<Item = (&'a T, &'a T)> {
    old.iter().filter_map(|(id, old)| Some((old, new.get(id)?)))
}

impl Reader<'_> {
    /// The slot of an entry, if it is there.
    fn slot_of(&self, entry: &v1::TableEntry) -> Result<Place> {
        let table: &Table = self.schema.table(entry.table_id)?;
        let key = decode_key(table, &entry.r#match, entry.priority)?;
        let key = prepare_key(&self.state.program, table.index, &key)?;
        Ok(self.state.slot_of(table.index, &key))
    }
}
