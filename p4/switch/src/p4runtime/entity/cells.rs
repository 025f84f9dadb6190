//! Indirect counters, meters and registers: arrays of cells with an index (sections 9.3.2, 9.4.2
//! and 9.7).

use std::ops::Range;

use p4runtime_proto::p4::v1::{self, entity::Entity as Kind, update::Type};

use super::{Reader, Result, Writer, data, direct, modify_only};
use crate::p4runtime::refusal::Refusal;
use crate::p4runtime::schema::Array;

/// The cells that an index names: all of them if it is unset.
fn cells(array: &Array, index: Option<&v1::Index>) -> Result<Range<usize>> {
    let Some(index) = index else {
        return Ok(0..array.size);
    };
    let place = |refusal: Refusal| refusal.at(&array.object);
    match usize::try_from(index.index) {
        Err(_) => Err(place(Refusal::invalid_argument(format!(
            "index {} is negative",
            index.index
        )))),
        Ok(cell) if cell >= array.size => Err(place(Refusal::out_of_range(format!(
            "index {cell} is not less than the size {}",
            array.size
        )))),
        Ok(cell) => Ok(cell..cell + 1),
    }
}

/// The arrays that an id names: all of them for 0.
fn select<'a, T>(
    id: u32,
    one: impl FnOnce(u32) -> Result<&'a T>,
    all: impl Iterator<Item = &'a T>,
) -> Result<Vec<&'a T>> {
    if id == 0 {
        Ok(all.collect())
    } else {
        Ok(vec![one(id)?])
    }
}

fn index(cell: usize) -> Option<v1::Index> {
    // The size of an array is an int64 in P4Info.
    Some(v1::Index {
        index: i64::try_from(cell).unwrap_or(i64::MAX),
    })
}

impl Writer<'_> {
    pub(super) fn write_counter(
        &mut self,
        operation: Type,
        given: &v1::CounterEntry,
    ) -> Result<()> {
        modify_only(operation, "CounterEntry")?;
        let array = self.schema.counter(given.counter_id)?;
        let cells = cells(array, given.index.as_ref())?;
        // Section 9.3.2: without data the counter is not modified.
        if let Some(data) = &given.data {
            let value = direct::decode_counter(data).map_err(|r| r.at(&array.object))?;
            for cell in cells {
                self.state.set_counter(&array.object.name, cell, value)?;
            }
        }
        Ok(())
    }

    pub(super) fn write_meter(&mut self, operation: Type, given: &v1::MeterEntry) -> Result<()> {
        modify_only(operation, "MeterEntry")?;
        if given.counter_data.is_some() {
            return Err(direct::no_meter_counters());
        }
        let meter = self.schema.meter(given.meter_id)?;
        let object = &meter.array.object;
        let cells = cells(&meter.array, given.index.as_ref())?;
        let config = given.config.as_ref();
        let config = config
            .map(|config| direct::decode_meter(meter.marker, config))
            .transpose();
        let config = config.map_err(|refusal| refusal.at(object))?;
        for cell in cells {
            self.state.set_meter(&object.name, cell, config)?;
        }
        Ok(())
    }

    pub(super) fn write_register(
        &mut self,
        operation: Type,
        given: &v1::RegisterEntry,
    ) -> Result<()> {
        modify_only(operation, "RegisterEntry")?;
        let register = self.schema.register(given.register_id)?;
        let object = &register.array.object;
        let cells = cells(&register.array, given.index.as_ref())?;
        let value = given
            .data
            .as_ref()
            .ok_or_else(|| Refusal::invalid_argument("the data is not set"))
            .and_then(|given| data::decode_scalar(&self.schema.types, &register.type_spec, given))
            .map_err(|refusal| refusal.at(object))?;
        for cell in cells {
            self.state.set_register(&object.name, cell, &value)?;
        }
        Ok(())
    }
}

impl Reader<'_> {
    pub(super) fn read_counters(
        &self,
        filter: &v1::CounterEntry,
        out: &mut Vec<Kind>,
    ) -> Result<()> {
        let schema = self.schema;
        let arrays = select(
            filter.counter_id,
            |id| schema.counter(id),
            schema.counters.values(),
        )?;
        for array in arrays {
            for cell in cells(array, filter.index.as_ref())? {
                let value = self.state.counter(&array.object.name, cell)?;
                out.push(Kind::CounterEntry(v1::CounterEntry {
                    counter_id: array.object.id,
                    index: index(cell),
                    data: Some(direct::encode_counter(value)),
                }));
            }
        }
        Ok(())
    }

    pub(super) fn read_meters(&self, filter: &v1::MeterEntry, out: &mut Vec<Kind>) -> Result<()> {
        if filter.counter_data.is_some() {
            return Err(direct::no_meter_counters());
        }
        let schema = self.schema;
        let meters = select(
            filter.meter_id,
            |id| schema.meter(id),
            schema.meters.values(),
        )?;
        for meter in meters {
            for cell in cells(&meter.array, filter.index.as_ref())? {
                let config = self.state.meter(&meter.array.object.name, cell)?;
                out.push(Kind::MeterEntry(v1::MeterEntry {
                    meter_id: meter.array.object.id,
                    index: index(cell),
                    config: config.as_ref().map(direct::encode_meter),
                    counter_data: None,
                }));
            }
        }
        Ok(())
    }

    pub(super) fn read_registers(
        &self,
        filter: &v1::RegisterEntry,
        out: &mut Vec<Kind>,
    ) -> Result<()> {
        let schema = self.schema;
        let all = schema.registers.values();
        for register in select(filter.register_id, |id| schema.register(id), all)? {
            let object = &register.array.object;
            for cell in cells(&register.array, filter.index.as_ref())? {
                let value = self.state.register(&object.name, cell)?;
                let data = data::encode_scalar(&schema.types, &register.type_spec, &value)
                    .map_err(|refusal| refusal.at(object))?;
                out.push(Kind::RegisterEntry(v1::RegisterEntry {
                    register_id: object.id,
                    index: index(cell),
                    data: Some(data),
                }));
            }
        }
        Ok(())
    }
}
