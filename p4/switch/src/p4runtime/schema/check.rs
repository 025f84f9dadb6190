//! Whether a P4Info and a BMv2 JSON are of one program: every object of the P4Info must be in the
//! JSON by its name, with the same shape.

use std::collections::{HashMap, HashSet};

use bmv2_json::{Document, MatchType};
use p4runtime_proto::p4::config::v1::table::IdleTimeoutBehavior;

use super::{Field, MatchKind, Object, Schema, Table, ValueSet};
use crate::State;
use crate::control::{ActionInfo, TableInfo};
use crate::p4runtime::refusal::Refusal;

type Result<T> = std::result::Result<T, Refusal>;

impl Schema {
    /// Compares with the JSON that `state` was loaded from, and takes over what only the JSON
    /// says.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with the first difference.
    pub(crate) fn check(&mut self, document: &Document, state: &State) -> Result<()> {
        let tables: HashMap<String, TableInfo> = state
            .tables()
            .into_iter()
            .map(|table| (table.name.clone(), table))
            .collect();
        let profiles: HashMap<String, bool> = state
            .profiles()
            .into_iter()
            .map(|profile| (profile.name, profile.has_selector))
            .collect();
        let names: HashMap<u32, String> = self
            .profiles
            .iter()
            .map(|(id, profile)| (*id, profile.object.name.clone()))
            .collect();
        let (direct_counters, direct_meters) = (&self.direct_counters, &self.direct_meters);
        for table in self.tables.values_mut() {
            let json = tables
                .get(&table.object.name)
                .ok_or_else(|| absent(&table.object))?;
            table.index = state.table_id(&table.object.name)?;
            check_key(table, json).map_err(|r| r.at(&table.object))?;
            for id in table.actions.keys() {
                // build.rs has checked the reference.
                let Some(action) = self.actions.get_mut(id) else {
                    continue;
                };
                let name = &action.object.name;
                let json = json.actions.iter().find(|action| action.name == *name);
                // A group action is P4Runtime's, BMv2 has none.
                let json = json.ok_or_else(|| absent(&action.object).at(&table.object))?;
                check_params(&mut action.params, json)
                    .map_err(|r| r.at(&action.object).at(&table.object))?;
            }
            // The JSON has constant and first entries alike. A P4Info of a compiler that knows
            // constant ones only need not say what they are.
            table.is_const |= json.is_const && !table.is_preinitialized;
            let profile = table.profile.and_then(|id| names.get(&id));
            if profile != json.action_profile.as_ref() {
                return Err(differs(
                    "its action profile",
                    &format!("{profile:?}"),
                    &format!("{:?}", json.action_profile),
                )
                .at(&table.object));
            }
            let timeouts = table.idle_timeout != IdleTimeoutBehavior::NoTimeout;
            if timeouts && !json.has_idle_timeouts {
                return Err(differs("its idle timeout", "there", "not there").at(&table.object));
            }
            if let Some(counter) = table.direct_counter.and_then(|id| direct_counters.get(&id))
                && !json.has_counters
            {
                return Err(absent(counter).at(&table.object));
            }
            if let Some(meter) = table.direct_meter.and_then(|id| direct_meters.get(&id))
                && json.meter.is_none()
            {
                return Err(absent(&meter.object).at(&table.object));
            }
        }
        for profile in self.profiles.values() {
            match profiles.get(&profile.object.name) {
                None => return Err(absent(&profile.object)),
                Some(selector) if *selector != profile.has_selector => {
                    return Err(differs(
                        "whether it has a selector",
                        &profile.has_selector.to_string(),
                        &selector.to_string(),
                    )
                    .at(&profile.object));
                }
                Some(_) => {}
            }
        }
        for header in [&mut self.packet_in, &mut self.packet_out]
            .into_iter()
            .flatten()
        {
            take_widths(header, document)?;
        }
        self.check_arrays(state)?;
        for set in self.value_sets.values_mut() {
            check_value_set(set, state)?;
        }
        self.check_digests(document)
    }

    fn check_arrays(&mut self, state: &State) -> Result<()> {
        let counters: HashMap<_, _> = state.counters().into_iter().collect();
        let meters: HashMap<_, _> = state.meters().into_iter().collect();
        let mut registers = HashMap::new();
        for (name, size, bits) in state.registers() {
            let known = self.registers.values_mut();
            for register in known.filter(|register| register.array.object.name == name) {
                register.bits = bits;
            }
            registers.insert(name, size);
        }
        let arrays = (self.counters.values().map(|array| (array, &counters)))
            .chain(self.meters.values().map(|meter| (&meter.array, &meters)))
            .chain((self.registers.values()).map(|register| (&register.array, &registers)));
        for (array, json) in arrays {
            match json.get(&array.object.name) {
                None => return Err(absent(&array.object)),
                Some(size) if *size != array.size => {
                    return Err(
                        differs("its size", &array.size.to_string(), &size.to_string())
                            .at(&array.object),
                    );
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn check_digests(&self, document: &Document) -> Result<()> {
        let digests: HashSet<&str> = (document.learn_lists.iter())
            .map(|list| list.name.as_str())
            .collect();
        let missing =
            (self.digests.values()).find(|digest| !digests.contains(digest.object.name.as_str()));
        missing.map_or(Ok(()), |digest| Err(absent(&digest.object)))
    }
}

/// The widths of translated types are those of the JSON.
fn check_value_set(set: &mut ValueSet, state: &State) -> Result<()> {
    let parts = state.value_set_parts(&set.object.name);
    let parts = parts.map_err(|_| absent(&set.object))?;
    if parts.is_empty() {
        return Ok(()); // No state matches with it.
    }
    if parts.len() != set.key.len() {
        return Err(differs(
            "the number of match fields",
            &set.key.len().to_string(),
            &parts.len().to_string(),
        )
        .at(&set.object));
    }
    for (key, bits) in set.key.iter_mut().zip(parts) {
        if key.field.translation.is_some() {
            key.field.width = *bits;
        }
        if key.field.width != *bits {
            let place = format!("match field {} ({})", key.field.id, key.field.name);
            return Err(widths(key.field.width, *bits).at(place).at(&set.object));
        }
    }
    Ok(())
}

fn check_key(table: &mut Table, json: &TableInfo) -> Result<()> {
    if table.key.len() != json.key.len() {
        return Err(differs(
            "the number of match fields",
            &table.key.len().to_string(),
            &json.key.len().to_string(),
        ));
    }
    for (key, json) in table.key.iter_mut().zip(&json.key) {
        let place = format!("match field {} ({})", key.field.id, key.field.name);
        key.validity = json.match_type == MatchType::Valid;
        let same = match json.match_type {
            MatchType::Exact | MatchType::Valid => key.kind == MatchKind::Exact,
            MatchType::Lpm => key.kind == MatchKind::Lpm,
            MatchType::Ternary => matches!(key.kind, MatchKind::Ternary | MatchKind::Optional),
            MatchType::Range => key.kind == MatchKind::Range,
        };
        if !same {
            let json = format!("{:?}", json.match_type).to_lowercase();
            return Err(differs("its match type", &key.kind.to_string(), &json).at(place));
        }
        if key.field.translation.is_some() {
            key.field.width = json.width;
        }
        if !key.validity && key.field.width != json.width {
            return Err(widths(key.field.width, json.width).at(place));
        }
    }
    Ok(())
}

/// The widths of a controller header's translated fields are those of the header type with its
/// fields: the BMv2 JSON does not say which that is.
fn take_widths(header: &mut [Field], document: &Document) -> Result<()> {
    if header.iter().all(|field| field.translation.is_none()) {
        return Ok(());
    }
    let names = |fields: &[bmv2_json::HeaderField]| -> Vec<String> {
        fields.iter().map(|field| field.name.clone()).collect()
    };
    let wanted: Vec<String> = header.iter().map(|field| field.name.clone()).collect();
    let found = (document.header_types.iter()).find(|json| names(&json.fields) == wanted);
    let found = found.ok_or_else(|| {
        Refusal::invalid_argument(format!(
            "the BMv2 JSON has no header type with the fields {} of a controller header; {REMEDY}",
            wanted.join(", ")
        ))
    })?;
    for (field, json) in header.iter_mut().zip(&found.fields) {
        if let bmv2_json::FieldWidth::Bits(width) = json.width {
            field.width = width;
        }
    }
    Ok(())
}

fn check_params(params: &mut [Field], json: &ActionInfo) -> Result<()> {
    if params.len() != json.parameters.len() {
        return Err(differs(
            "the number of parameters",
            &params.len().to_string(),
            &json.parameters.len().to_string(),
        ));
    }
    for (param, json) in params.iter_mut().zip(&json.parameters) {
        if param.translation.is_some() {
            param.width = json.width;
        }
        if param.width != json.width {
            let place = format!("parameter {} ({})", param.id, param.name);
            return Err(widths(param.width, json.width).at(place));
        }
    }
    Ok(())
}

const REMEDY: &str = "use the P4Info and the BMv2 JSON of one run of the compiler";

fn absent(object: &Object) -> Refusal {
    Refusal::invalid_argument(format!(
        "{object} of the P4Info is not in the BMv2 JSON; {REMEDY}"
    ))
}

fn differs(what: &str, info: &str, json: &str) -> Refusal {
    Refusal::invalid_argument(format!(
        "{what} is {info} in the P4Info but {json} in the BMv2 JSON; {REMEDY}"
    ))
}

fn widths(info: u32, json: u32) -> Refusal {
    differs(
        "its width",
        &format!("{info} bits"),
        &format!("{json} bits"),
    )
}
