//! Indirect counters, meters and registers: arrays of cells with an index (sections 9.3.2, 9.4.2
//! and 9.7).

use std::collections::BTreeMap;
use std::ops::Range;

use p4runtime_proto::p4::v1::{self, entity::Entity as Kind, update::Type};

use super::{Cursor, PART, Reader, Result, Writer, data, direct, meter, modify_only};
use crate::p4runtime::refusal::Refusal;
use crate::p4runtime::schema::Array;

/// The cells that an index names: all of them if it is unset.
fn cells(array: &Array, index: Option<&v1::Index>) -> Result<Range<usize>> {
    let Some(index) = index else {
        return Ok(0..array.size);
    };
    let place = |refusal: Refusal| refusal.at(&array.object);
    let cell = match &array.index {
        Some(translation) => translation.cell(index.index),
        None => index.index,
    };
    match usize::try_from(cell) {
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

/// A part of a read of arrays: one of them, the cells of it, and where the next part starts.
struct Part<'a, T> {
    object: &'a T,
    cells: Range<usize>,
    next: Option<Cursor>,
}

/// The part of a read that starts at `from`; `id` is 0 for all arrays.
fn part<'a, T>(
    objects: &'a BTreeMap<u32, T>,
    array: impl Fn(&T) -> &Array,
    id: u32,
    index: Option<&v1::Index>,
    from: Cursor,
) -> Result<Option<Part<'a, T>>> {
    let start = if id == 0 { from.object } else { id };
    let Some((found, object)) = objects.range(start..).next() else {
        return Ok(None);
    };
    let all = cells(array(object), index)?;
    let start = from.cell.max(all.start);
    let end = all.end.min(start + PART);
    let next = if end < all.end {
        Some(Cursor {
            object: *found,
            cell: end,
        })
    } else if id == 0 {
        Cursor::after(*found)
    } else {
        None
    };
    Ok(Some(Part {
        object,
        cells: start..end,
        next,
    }))
}

fn index(array: &Array, cell: usize) -> Option<v1::Index> {
    // The size of an array is an int64 in P4Info.
    let cell = i64::try_from(cell).unwrap_or(i64::MAX);
    let index = match &array.index {
        Some(translation) => translation.index(cell),
        None => cell,
    };
    Some(v1::Index { index })
}

impl Writer<'_, '_> {
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
        let schema = self.schema.meter(given.meter_id)?;
        let object = &schema.array.object;
        let cells = cells(&schema.array, given.index.as_ref())?;
        let config = given.config.as_ref();
        let config = config
            .map(|config| meter::decode_meter(schema.marker, config))
            .transpose();
        let config = config.map_err(|refusal| refusal.at(object))?;
        let counts = (given.counter_data.as_ref())
            .map(|data| meter::decode_counts(data, self.bringing_back))
            .transpose();
        let counts = counts.map_err(|refusal| refusal.at(object))?;
        for cell in cells {
            self.state.set_meter(&object.name, cell, config)?;
            // Unset, they are left untouched, as those of a direct meter.
            if let Some(counts) = counts {
                self.state.set_meter_counts(&object.name, cell, counts)?;
            }
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
            .and_then(|given| {
                data::decode_scalar(self.schema, &register.type_spec, register.bits, given)
            })
            .map_err(|refusal| refusal.at(object))?;
        for cell in cells {
            self.state.set_register(&object.name, cell, &value)?;
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// Reads a part of the counters that a request asks for.
    pub(super) fn read_counters(
        &self,
        filter: &v1::CounterEntry,
        from: Cursor,
        out: &mut Vec<Kind>,
    ) -> Result<Option<Cursor>> {
        if filter.counter_id != 0 {
            self.schema.counter(filter.counter_id)?;
        }
        let (id, asked) = (filter.counter_id, filter.index.as_ref());
        let Some(part) = part(&self.schema.counters, |array| array, id, asked, from)? else {
            return Ok(None);
        };
        let object = &part.object.object;
        for cell in part.cells {
            let value = self.state.counter(&object.name, cell)?;
            out.push(Kind::CounterEntry(v1::CounterEntry {
                counter_id: object.id,
                index: index(part.object, cell),
                data: Some(direct::encode_counter(value)),
            }));
        }
        Ok(part.next)
    }

    /// Reads a part of the meters that a request asks for.
    pub(super) fn read_meters(
        &self,
        filter: &v1::MeterEntry,
        from: Cursor,
        out: &mut Vec<Kind>,
    ) -> Result<Option<Cursor>> {
        if filter.meter_id != 0 {
            self.schema.meter(filter.meter_id)?;
        }
        let (id, asked) = (filter.meter_id, filter.index.as_ref());
        let Some(part) = part(&self.schema.meters, |meter| &meter.array, id, asked, from)? else {
            return Ok(None);
        };
        let object = &part.object.array.object;
        for cell in part.cells {
            let config = self.state.meter(&object.name, cell)?;
            // Where the request has them set, as for a direct meter.
            let counter_data = match filter.counter_data {
                Some(_) => {
                    let counts = self.state.meter_counts(&object.name, cell)?;
                    Some(meter::encode_counts(counts))
                }
                None => None,
            };
            out.push(Kind::MeterEntry(v1::MeterEntry {
                meter_id: object.id,
                index: index(&part.object.array, cell),
                config: config.as_ref().map(meter::encode_meter),
                counter_data,
            }));
        }
        Ok(part.next)
    }

    /// Reads a part of the registers that a request asks for.
    pub(super) fn read_registers(
        &self,
        filter: &v1::RegisterEntry,
        from: Cursor,
        out: &mut Vec<Kind>,
    ) -> Result<Option<Cursor>> {
        let schema = self.schema;
        if filter.register_id != 0 {
            schema.register(filter.register_id)?;
        }
        let (id, asked) = (filter.register_id, filter.index.as_ref());
        let Some(part) = part(
            &schema.registers,
            |register| &register.array,
            id,
            asked,
            from,
        )?
        else {
            return Ok(None);
        };
        let object = &part.object.array.object;
        for cell in part.cells {
            let value = self.state.register(&object.name, cell)?;
            let data = data::encode_scalar(schema, &part.object.type_spec, &value)
                .map_err(|refusal| refusal.at(object))?;
            out.push(Kind::RegisterEntry(v1::RegisterEntry {
                register_id: object.id,
                index: index(&part.object.array, cell),
                data: Some(data),
            }));
        }
        Ok(part.next)
    }
}
