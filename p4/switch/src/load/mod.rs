//! From a BMv2 JSON document to a [`Program`]: all names are resolved, and all that could go wrong
//! with a packet is refused here.

mod action;
mod calculation;
mod error;
mod expression;
mod layout;
mod parser;
mod table;
mod width;

use std::collections::{HashMap, HashSet};

use bmv2_json::{Document, MeterType};

pub use error::LoadError;

use crate::program::{Action, Array, Calculation, Field, Program, StandardMetadata};
use crate::state::{Counter, Meter};
use error::At;
use layout::Names;

/// The largest array of counters, meters or registers, and the largest table.
const MAX_SIZE: u64 = 1 << 26;

/// Bytes of all arrays of counters, meters and registers of a program. There may be several states
/// of it at a time: that which runs, that which is saved, and that which is verified.
const MAX_ARRAY_BYTES: u64 = 512 << 20;

/// What is known of the document while it is loaded.
struct Loader<'d> {
    document: &'d Document,
    names: Names<'d>,
    calculations: Vec<Calculation>,
    counters: Vec<Array>,
    meters: Vec<Array>,
    registers: Vec<Array>,
    actions: Vec<Action>,
    /// Actions by their id in the document.
    action_ids: HashMap<u32, u32>,
}

/// Loads a document.
pub(crate) fn load(document: &Document) -> Result<Program, LoadError> {
    let names = Names::new(document)?;
    let mut standard = standard_metadata(&names)?;
    let mut loader = Loader {
        document,
        names,
        calculations: Vec::new(),
        counters: Vec::new(),
        meters: Vec::new(),
        registers: Vec::new(),
        actions: Vec::new(),
        action_ids: HashMap::new(),
    };
    loader.arrays()?;
    loader.calculations = loader.load_calculations()?;
    let field_lists = loader.field_lists(&document.field_lists, "field_lists")?;
    let digests = loader.field_lists(&document.learn_lists, "learn_lists")?;
    loader.load_actions()?;
    let checksums = loader.checksums()?;
    let (parser, value_sets) = loader.parser()?;
    let deparser = loader.deparser()?;
    let (tables, conditionals, profiles, ingress, egress) = loader.control()?;
    loader.check_direct_arrays(&tables)?;
    standard.keep(|field| loader.names.is_named(field));
    Ok(Program {
        standard,
        parser,
        deparser,
        checksums,
        tables,
        conditionals,
        profiles,
        ingress,
        egress,
        value_sets,
        field_lists,
        digests,
        layout: loader.names.layout,
        calculations: loader.calculations,
        actions: loader.actions,
        counters: loader.counters,
        meters: loader.meters,
        registers: loader.registers,
    })
}

/// The fields that simple_switch asks of each program, and those that it uses if they are there.
fn standard_metadata(names: &Names<'_>) -> Result<StandardMetadata, LoadError> {
    let narrow = |header: &str, name: &str| {
        let field = names.well_known(header, name);
        field.filter(|field: &Field| field.width <= 64 && !field.variable)
    };
    let required = |name: &str| {
        narrow("standard_metadata", name).ok_or_else(|| {
            At::root("headers").missing("field", format!("standard_metadata.{name}"))
        })
    };
    Ok(StandardMetadata {
        ingress_port: required("ingress_port")?,
        packet_length: required("packet_length")?,
        instance_type: required("instance_type")?,
        egress_spec: required("egress_spec")?,
        egress_port: required("egress_port")?,
        parser_error: narrow("standard_metadata", "parser_error"),
        checksum_error: narrow("standard_metadata", "checksum_error"),
        multicast_group: narrow("intrinsic_metadata", "mcast_grp"),
        egress_rid: narrow("intrinsic_metadata", "egress_rid"),
        ingress_timestamp: narrow("intrinsic_metadata", "ingress_global_timestamp"),
        egress_timestamp: narrow("intrinsic_metadata", "egress_global_timestamp"),
        enqueue_timestamp: narrow("queueing_metadata", "enq_timestamp"),
        enqueue_depth: narrow("queueing_metadata", "enq_qdepth"),
        dequeue_delay: narrow("queueing_metadata", "deq_timedelta"),
        dequeue_depth: narrow("queueing_metadata", "deq_qdepth"),
    })
}

impl Loader<'_> {
    /// Counters, meters and registers.
    fn arrays(&mut self) -> Result<(), LoadError> {
        let table_names: HashMap<&str, u32> = self
            .document
            .pipelines
            .iter()
            .flat_map(|pipeline| &pipeline.tables)
            .enumerate()
            .map(|(i, table)| (table.name.as_str(), i as u32))
            .collect();
        let direct = |is_direct: bool, binding: &Option<String>, at: &At| {
            if !is_direct {
                return Ok(None);
            }
            let name = binding.as_deref().unwrap_or_default();
            match table_names.get(name) {
                Some(table) => Ok(Some(*table)),
                None => Err(at.key("binding").missing("table", name)),
            }
        };
        let mut total = 0_u64;
        let mut add = |size: usize, bytes: u64, at: &At| {
            total = total.saturating_add((size as u64).saturating_mul(bytes));
            if total <= MAX_ARRAY_BYTES {
                return Ok(());
            }
            Err(at.invalid(format!(
                "with a size of {size} the arrays up to here take {total} bytes, which is more \
                 than {MAX_ARRAY_BYTES}, the most that those of a program can take together"
            )))
        };
        let mut names = HashSet::new();
        for (i, counter) in self.document.counter_arrays.iter().enumerate() {
            let at = At::root("counter_arrays").index(i);
            if !names.insert(&counter.name) {
                return Err(at.duplicate("counter array", &counter.name));
            }
            let direct = direct(counter.is_direct, &counter.binding, &at)?;
            let size = match (direct, counter.size) {
                (Some(_), _) => 0,
                (None, Some(size)) => array_size(size, &at.key("size"))?,
                (None, None) => return Err(at.invalid("an indirect counter array needs `size`")),
            };
            add(size, size_of::<Counter>() as u64, &at.key("size"))?;
            self.counters.push(Array {
                name: counter.name.clone(),
                size,
                width: 0,
                bytes: false,
                direct,
            });
        }
        names.clear();
        for (i, meter) in self.document.meter_arrays.iter().enumerate() {
            let at = At::root("meter_arrays").index(i);
            if !names.insert(&meter.name) {
                return Err(at.duplicate("meter array", &meter.name));
            }
            if meter.rate_count != 2 {
                return Err(at
                    .key("rate_count")
                    .unsupported(format!("a meter with {} rates", meter.rate_count)));
            }
            let direct = direct(meter.is_direct, &meter.binding, &at)?;
            let size = match direct {
                Some(_) => 0,
                None => array_size(meter.size, &at.key("size"))?,
            };
            add(size, size_of::<Meter>() as u64, &at.key("size"))?;
            self.meters.push(Array {
                name: meter.name.clone(),
                size,
                width: 0,
                bytes: meter.meter_type == MeterType::Bytes,
                direct,
            });
        }
        names.clear();
        for (i, register) in self.document.register_arrays.iter().enumerate() {
            let at = At::root("register_arrays").index(i);
            if !names.insert(&register.name) {
                return Err(at.duplicate("register array", &register.name));
            }
            if !(1..=65_536).contains(&register.bitwidth) {
                return Err(at
                    .key("bitwidth")
                    .invalid("a register must have 1 to 65536 bits"));
            }
            let words = u64::from(register.bitwidth.div_ceil(64));
            let size = array_size(register.size, &at.key("size"))?;
            add(size, words * size_of::<u64>() as u64, &at.key("size"))?;
            self.registers.push(Array {
                name: register.name.clone(),
                size,
                width: register.bitwidth,
                bytes: false,
                direct: None,
            });
        }
        Ok(())
    }

    fn register(&self, name: &str, at: &At) -> Result<u32, LoadError> {
        find(&self.registers, |array| array.name == name)
            .ok_or_else(|| at.missing("register array", name))
    }

    /// An array that is not direct.
    fn indirect(
        arrays: &[Array],
        kind: &'static str,
        name: &str,
        at: &At,
    ) -> Result<u32, LoadError> {
        find(arrays, |array| array.name == name && array.direct.is_none())
            .ok_or_else(|| at.missing(kind, name))
    }

    /// The meters that are said to be a table's are those that the table says to have.
    fn check_direct_arrays(&self, tables: &[crate::program::Table]) -> Result<(), LoadError> {
        for (i, meter) in self.meters.iter().enumerate() {
            let Some(table) = meter.direct else { continue };
            let used = tables[table as usize].meter.as_ref();
            if used.is_none_or(|used| used.array != i as u32) {
                return Err(At::root("meter_arrays").index(i).key("binding").invalid(
                    "the table that the meters are bound to does not name them as its \
                     `direct_meters`",
                ));
            }
        }
        Ok(())
    }
}

fn array_size(size: u64, at: &At) -> Result<usize, LoadError> {
    if size > MAX_SIZE {
        return Err(at.invalid(format!("a size of {size} is more than {MAX_SIZE}")));
    }
    usize::try_from(size).map_err(|_| at.invalid("the size is too large for this machine"))
}

fn find<T>(list: &[T], matches: impl Fn(&T) -> bool) -> Option<u32> {
    list.iter().position(matches).map(|index| index as u32)
}
