//! The whole state of a pipeline as updates that make it again: for COMMIT and
//! RECONCILE_AND_COMMIT, which carry state from one realisation to the next (section 14).

use p4runtime_proto::p4::v1::{self, entity::Entity as Kind, update::Type};

use super::{Reader, Result, all_parts};

/// Updates that bring a freshly loaded pipeline to the state that `reader` sees, in an order in
/// which each finds what it refers to.
pub(crate) fn snapshot(reader: &Reader<'_>) -> Result<Vec<v1::Update>> {
    let mut inserts = Vec::new();
    reader.read_members(&Default::default(), &mut inserts)?;
    reader.read_groups(&Default::default(), &mut inserts)?;
    let mut modifies = Vec::new();
    for table in reader.schema.tables.values() {
        let wanted = v1::TableEntry {
            table_id: table.object.id,
            counter_data: table.direct_counter.map(|_| v1::CounterData::default()),
            meter_config: table.direct_meter.map(|_| v1::MeterConfig::default()),
            meter_counter_data: table.direct_meter.map(|_| v1::MeterCounterData::default()),
            ..Default::default()
        };
        let mut entries = Vec::new();
        reader.read_table_entries(&wanted, &mut entries)?;
        for entry in entries {
            let Kind::TableEntry(mut entry) = entry else {
                continue;
            };
            if entry.is_const {
                // The entry comes with the program, its counter and meter do not.
                entry.is_const = false;
                entry.action = None;
                modifies.push(Kind::TableEntry(entry));
            } else {
                inserts.push(Kind::TableEntry(entry));
            }
        }
        let name = &table.object.name;
        let default = reader.default_entry(table, &wanted)?;
        if !default.is_const {
            let initial = reader.state.initial_default_action(name)?;
            let changed = reader.state.default_action(name)? != initial
                || reader.notes.entry(table, None).is_some()
                || default.meter_config.is_some();
            if changed {
                modifies.push(Kind::TableEntry(default));
                continue;
            }
        }
        // A default action that is not changed itself may have counted and be metered.
        let table_entry = Some(v1::TableEntry {
            table_id: table.object.id,
            is_default_action: true,
            ..Default::default()
        });
        if let Some(data) = default.counter_data {
            modifies.push(Kind::DirectCounterEntry(v1::DirectCounterEntry {
                table_entry: table_entry.clone(),
                data: Some(data),
            }));
        }
        if let Some(config) = default.meter_config {
            modifies.push(Kind::DirectMeterEntry(v1::DirectMeterEntry {
                table_entry,
                config: Some(config),
                counter_data: None,
            }));
        }
    }
    let multicast = v1::packet_replication_engine_entry::Type::MulticastGroupEntry;
    let clone = v1::packet_replication_engine_entry::Type::CloneSessionEntry;
    for all in [multicast(Default::default()), clone(Default::default())] {
        let filter = v1::PacketReplicationEngineEntry { r#type: Some(all) };
        reader.read_replication(&filter, &mut inserts)?;
    }
    reader.read_digests(&Default::default(), &mut inserts)?;
    all_parts(|from| reader.read_counters(&Default::default(), from, &mut modifies))?;
    let meters = v1::MeterEntry {
        counter_data: Some(v1::MeterCounterData::default()),
        ..Default::default()
    };
    all_parts(|from| reader.read_meters(&meters, from, &mut modifies))?;
    all_parts(|from| reader.read_registers(&Default::default(), from, &mut modifies))?;
    reader.read_value_sets(&Default::default(), &mut modifies)?;
    let update = |r#type: Type, kind: Kind| v1::Update {
        r#type: r#type.into(),
        entity: Some(v1::Entity { entity: Some(kind) }),
    };
    Ok(inserts
        .into_iter()
        .map(|kind| update(Type::Insert, kind))
        .chain(modifies.into_iter().map(|kind| update(Type::Modify, kind)))
        .collect())
}
