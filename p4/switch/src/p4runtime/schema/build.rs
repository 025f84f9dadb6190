//! From a P4Info to the [`Schema`]: what is inconsistent in itself, or beyond this switch, is
//! refused with words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use p4runtime_proto::p4::config::v1::{
    self as config, MatchField, P4Info, Preamble, action_profile, action_ref::Scope as InfoScope,
    match_field, p4_new_type_spec::Representation,
};

use super::{
    Action, Array, Digest, DirectMeter, Field, KeyField, MatchKind, Meter, Object, Profile,
    Register, Schema, Scope, SizeSemantics, Table, ValueSet,
};
use crate::p4runtime::refusal::Refusal;
use crate::p4runtime::role;
use crate::p4runtime::translation::{Ports, Translation};

type Result<T> = std::result::Result<T, Refusal>;

impl Schema {
    /// Indexes a P4Info.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` when the P4Info contradicts itself or asks for what this switch lacks.
    pub(crate) fn new(info: &P4Info, ports: &Ports) -> Result<Self> {
        let types = info.type_info.clone().unwrap_or_default();
        let mut schema = Self {
            translations: translations(&types, ports)?,
            types,
            owners: owners(info),
            ..Self::default()
        };
        if let Some(extern_type) = info.externs.first() {
            return Err(Refusal::invalid_argument(format!(
                "extern type {}: this switch has no architecture-specific externs",
                extern_type.extern_type_name
            )));
        }
        for action in &info.actions {
            let object = object("action", action.preamble.as_ref())?;
            let params = schema.params(action).map_err(|r| r.at(&object))?;
            schema.action_ids.insert(object.name.clone(), object.id);
            insert(&mut schema.actions, object.id, Action { object, params })?;
        }
        for profile in &info.action_profiles {
            let profile = profile_of(profile)?;
            insert(&mut schema.profiles, profile.object.id, profile)?;
        }
        schema.add_externs(info)?;
        for table in &info.tables {
            let object = object("table", table.preamble.as_ref())?;
            let id = object.id;
            let table = schema
                .table_of(table, object.clone())
                .map_err(|r| r.at(&object))?;
            insert(&mut schema.tables, id, table)?;
        }
        for header in &info.controller_packet_metadata {
            let object = object("controller header", header.preamble.as_ref())?;
            let fields = header
                .metadata
                .iter()
                .map(|field| {
                    let type_name = field.type_name.as_ref();
                    schema.field(field.id, &field.name, field.bitwidth, type_name)
                })
                .collect::<Result<Vec<_>>>()
                .map_err(|r| r.at(&object))?;
            unique_ids(fields.iter()).map_err(|r| r.at(&object))?;
            match object.name.as_str() {
                "packet_in" => schema.packet_in = Some(fields),
                "packet_out" => schema.packet_out = Some(fields),
                _ => {
                    return Err(Refusal::invalid_argument(format!(
                        "{object}: a controller header is named packet_in or packet_out"
                    )));
                }
            }
        }
        schema.check_references()?;
        Ok(schema)
    }

    fn add_externs(&mut self, info: &P4Info) -> Result<()> {
        for counter in &info.counters {
            let object = object("counter", counter.preamble.as_ref())?;
            let array = self.array(object, counter.size, counter.index_type_name.as_ref())?;
            insert(&mut self.counters, array.object.id, array)?;
        }
        for counter in &info.direct_counters {
            let object = object("direct counter", counter.preamble.as_ref())?;
            insert(&mut self.direct_counters, object.id, object)?;
        }
        for meter in &info.meters {
            let object = object("meter", meter.preamble.as_ref())?;
            let marker = meter.spec.unwrap_or_default().r#type();
            let array = self.array(object, meter.size, meter.index_type_name.as_ref())?;
            insert(&mut self.meters, array.object.id, Meter { array, marker })?;
        }
        for meter in &info.direct_meters {
            let object = object("direct meter", meter.preamble.as_ref())?;
            let marker = meter.spec.unwrap_or_default().r#type();
            insert(
                &mut self.direct_meters,
                object.id,
                DirectMeter { object, marker },
            )?;
        }
        for register in &info.registers {
            let object = object("register", register.preamble.as_ref())?;
            let type_spec = register.type_spec.clone().unwrap_or_default();
            let index = register.index_type_name.as_ref();
            let array = self.array(object, register.size.into(), index)?;
            insert(
                &mut self.registers,
                array.object.id,
                Register {
                    array,
                    type_spec,
                    bits: 0, // `check` finds it.
                },
            )?;
        }
        for digest in &info.digests {
            let object = object("digest", digest.preamble.as_ref())?;
            let type_spec = digest.type_spec.clone().unwrap_or_default();
            insert(&mut self.digests, object.id, Digest { object, type_spec })?;
        }
        for set in &info.value_sets {
            let object = object("value set", set.preamble.as_ref())?;
            let key = self.key(&set.r#match).map_err(|r| r.at(&object))?;
            let size = usize::try_from(set.size).unwrap_or(0);
            insert(
                &mut self.value_sets,
                object.id,
                ValueSet { object, key, size },
            )?;
        }
        Ok(())
    }

    fn table_of(&self, table: &config::Table, object: Object) -> Result<Table> {
        let key = self.key(&table.match_fields)?;
        let mut direct_counter = None;
        let mut direct_meter = None;
        for id in &table.direct_resource_ids {
            if self.direct_counters.contains_key(id) {
                direct_counter = Some(*id);
            } else if self.direct_meters.contains_key(id) {
                direct_meter = Some(*id);
            } else {
                return Err(Refusal::invalid_argument(format!(
                    "there is no direct counter or meter {id:#010x}"
                )));
            }
        }
        let actions = table
            .action_refs
            .iter()
            .map(|action| {
                let scope = match action.scope() {
                    InfoScope::TableAndDefault => Scope::TableAndDefault,
                    InfoScope::TableOnly => Scope::TableOnly,
                    InfoScope::DefaultOnly => Scope::DefaultOnly,
                    InfoScope::GroupAction => Scope::Group,
                };
                (action.id, scope)
            })
            .collect();
        Ok(Table {
            object,
            index: 0, // `check` finds it.
            key,
            actions,
            const_default: table.const_default_action_id != 0,
            initial_default_action: table
                .initial_default_action
                .as_ref()
                .map(|action| action.action_id)
                .or((table.const_default_action_id != 0).then_some(table.const_default_action_id)),
            profile: (table.implementation_id != 0).then_some(table.implementation_id),
            direct_counter,
            direct_meter,
            is_const: table.is_const_table,
            is_preinitialized: table.has_initial_entries && !table.is_const_table,
            idle_timeout: table.idle_timeout_behavior(),
        })
    }

    fn key(&self, fields: &[MatchField]) -> Result<Vec<KeyField>> {
        let key = fields
            .iter()
            .map(|field| {
                let kind = match &field.r#match {
                    Some(match_field::Match::MatchType(kind)) => {
                        match match_field::MatchType::try_from(*kind) {
                            Ok(match_field::MatchType::Exact) => Some(MatchKind::Exact),
                            Ok(match_field::MatchType::Lpm) => Some(MatchKind::Lpm),
                            Ok(match_field::MatchType::Ternary) => Some(MatchKind::Ternary),
                            Ok(match_field::MatchType::Range) => Some(MatchKind::Range),
                            Ok(match_field::MatchType::Optional) => Some(MatchKind::Optional),
                            Ok(match_field::MatchType::Unspecified) | Err(_) => None,
                        }
                    }
                    _ => None,
                };
                let kind = kind.ok_or_else(|| {
                    Refusal::invalid_argument(format!(
                        "match field {} ({}): only exact, LPM, ternary, range and optional are \
                         match types of this switch",
                        field.id, field.name
                    ))
                })?;
                let type_name = field.type_name.as_ref();
                let field = self.field(field.id, &field.name, field.bitwidth, type_name)?;
                let of_strings = (field.translation.as_ref())
                    .is_some_and(|translation| translation.bits().is_none());
                if of_strings && !matches!(kind, MatchKind::Exact | MatchKind::Optional) {
                    return Err(Refusal::invalid_argument(format!(
                        "match field {} ({}): {kind} matches on strings have no meaning, only \
                         exact and optional ones",
                        field.id, field.name
                    )));
                }
                Ok(KeyField {
                    field,
                    kind,
                    validity: false,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        unique_ids(key.iter().map(|key| &key.field))?;
        Ok(key)
    }

    fn params(&self, action: &config::Action) -> Result<Vec<Field>> {
        let params = action
            .params
            .iter()
            .map(|param| {
                let type_name = param.type_name.as_ref();
                self.field(param.id, &param.name, param.bitwidth, type_name)
            })
            .collect::<Result<Vec<_>>>()?;
        unique_ids(params.iter())?;
        Ok(params)
    }

    fn field(
        &self,
        id: u32,
        name: &str,
        bitwidth: i32,
        type_name: Option<&config::P4NamedType>,
    ) -> Result<Field> {
        let place = || format!("field {id} ({name})");
        let mut width = u32::try_from(bitwidth).unwrap_or(0);
        let translation = type_name.and_then(|named| self.translations.get(&named.name));
        if let Some(translation) = translation {
            // Until the BMv2 JSON says what it is in the data plane.
            width = translation.bits().unwrap_or(1);
        }
        if width == 0 {
            return Err(Refusal::invalid_argument("its bit width is not set").at(place()));
        }
        Ok(Field {
            id,
            name: name.to_owned(),
            width,
            translation: translation.cloned(),
        })
    }

    fn array(
        &self,
        object: Object,
        size: i64,
        index: Option<&config::P4NamedType>,
    ) -> Result<Array> {
        match usize::try_from(size) {
            Ok(size) => Ok(Array {
                object,
                size,
                index: index.and_then(|named| self.translations.get(&named.name).cloned()),
            }),
            Err(_) => Err(Refusal::invalid_argument(format!("{object}: size {size}"))),
        }
    }

    /// Every id that an object refers to is there.
    fn check_references(&self) -> Result<()> {
        for table in self.tables.values() {
            let missing = |kind: &str, id: u32| {
                Refusal::invalid_argument(format!(
                    "{}: the P4Info has no {kind} with id {id:#010x}",
                    table.object
                ))
            };
            if let Some(id) = table
                .actions
                .keys()
                .find(|id| !self.actions.contains_key(id))
            {
                return Err(missing("action", *id));
            }
            if let Some(id) = table.profile.filter(|id| !self.profiles.contains_key(id)) {
                return Err(missing("action profile", id));
            }
        }
        for profile in self.profiles.values() {
            if let Some(id) = profile
                .tables
                .iter()
                .find(|id| !self.tables.contains_key(id))
            {
                return Err(Refusal::invalid_argument(format!(
                    "{}: the P4Info has no table with id {id:#010x}",
                    profile.object
                )));
            }
        }
        Ok(())
    }
}

fn translations(
    types: &config::P4TypeInfo,
    ports: &Ports,
) -> Result<BTreeMap<String, Arc<Translation>>> {
    let translated = types.new_types.iter().filter_map(|(name, spec)| {
        let Some(Representation::TranslatedType(translated)) = &spec.representation else {
            return None;
        };
        Some((name, translated))
    });
    translated
        .map(|(name, spec)| Ok((name.clone(), Arc::new(Translation::new(spec, ports)?))))
        .collect()
}

/// The objects that belong to a role.
fn owners(info: &P4Info) -> BTreeMap<u32, String> {
    let preambles = (info.tables.iter().map(|o| &o.preamble))
        .chain(info.action_profiles.iter().map(|o| &o.preamble))
        .chain(info.counters.iter().map(|o| &o.preamble))
        .chain(info.meters.iter().map(|o| &o.preamble))
        .chain(info.registers.iter().map(|o| &o.preamble))
        .chain(info.digests.iter().map(|o| &o.preamble))
        .chain(info.value_sets.iter().map(|o| &o.preamble));
    preambles
        .flatten()
        .filter_map(|preamble| Some((preamble.id, role::annotated(&preamble.annotations)?)))
        .collect()
}

fn object(kind: &'static str, preamble: Option<&Preamble>) -> Result<Object> {
    match preamble {
        Some(preamble) if preamble.id != 0 && !preamble.name.is_empty() => Ok(Object {
            kind,
            id: preamble.id,
            name: preamble.name.clone(),
        }),
        preamble => Err(Refusal::invalid_argument(format!(
            "P4Info: a {kind} has no preamble with id and name, but {preamble:?}"
        ))),
    }
}

fn profile_of(profile: &config::ActionProfile) -> Result<Profile> {
    let object = object("action profile", profile.preamble.as_ref())?;
    let size = match profile.selector_size_semantics {
        Some(action_profile::SelectorSizeSemantics::SumOfMembers(of)) => {
            SizeSemantics::SumOfMembers {
                max_member_weight: u32::try_from(of.max_member_weight).unwrap_or(0),
            }
        }
        // Section 6.4.3: unset counts weights.
        Some(action_profile::SelectorSizeSemantics::SumOfWeights(_)) | None => {
            SizeSemantics::SumOfWeights
        }
    };
    Ok(Profile {
        object,
        tables: profile.table_ids.clone(),
        has_selector: profile.with_selector,
        max_group_size: u32::try_from(profile.max_group_size).unwrap_or(0),
        size,
        weights_disallowed: profile.weights_disallowed,
    })
}

fn insert<T>(objects: &mut BTreeMap<u32, T>, id: u32, value: T) -> Result<()> {
    match objects.insert(id, value) {
        None => Ok(()),
        Some(_) => Err(Refusal::invalid_argument(format!(
            "P4Info: id {id:#010x} is there twice"
        ))),
    }
}

fn unique_ids<'a>(fields: impl Iterator<Item = &'a Field>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for field in fields {
        if field.id == 0 || !seen.insert(field.id) {
            return Err(Refusal::invalid_argument(format!(
                "field {} ({}): the id is 0 or there twice",
                field.id, field.name
            )));
        }
    }
    Ok(())
}
