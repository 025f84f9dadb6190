//! Extern objects, value sets, digests and controller headers.

use p4runtime_proto::p4::config::v1 as pb;
use pb::action_profile::{SelectorSizeSemantics, SumOfMembers, SumOfWeights};
use pb::p4_ids::Prefix;

use super::ids::number_parts;
use super::tables::match_kind;
use super::tree::{Item, TableItem};
use super::types::annotations_name;
use super::{Generated, Generator, annotations};
use crate::diagnostic::Diagnostic;
use crate::hir::{
    AnnotationBody, AnnotationToken, Annotations, Arg, Const, InstanceId, InstanceKind, Type,
    TypeId,
};

/// Annotations of action profiles that have fields of their own.
const PROFILE_ANNOTATIONS: [&str; 3] = [
    "max_group_size",
    "selector_size_semantics",
    "max_member_weight",
];

impl Generator<'_> {
    /// Adds a counter, meter, register or action profile. Direct ones come with their tables.
    pub(super) fn object(&mut self, index: usize) {
        let object = self.tree.objects[index].clone();
        if self.program[object.id].anonymous {
            return;
        }
        self.types.touch();
        match self.object_kind(object.id) {
            Some(Prefix::Counter) => {
                let unit = self.counter_unit(object.id, 1).into();
                self.info.counters.push(pb::Counter {
                    preamble: Some(self.object_preamble(Prefix::Counter, &object)),
                    spec: Some(pb::CounterSpec { unit }),
                    size: self.number(object.id, 0),
                    index_type_name: None,
                });
            }
            Some(Prefix::Meter) => {
                let spec = self.meter_spec(object.id, 1);
                self.info.meters.push(pb::Meter {
                    preamble: Some(self.object_preamble(Prefix::Meter, &object)),
                    spec: Some(spec),
                    size: self.number(object.id, 0),
                    index_type_name: None,
                });
            }
            Some(Prefix::Register) => self.register(&object),
            Some(Prefix::ActionProfile) => {
                let profile = self.profile(&object);
                self.info.action_profiles.push(profile);
            }
            _ => {}
        }
    }

    /// Adds what belongs to one table alone.
    pub(super) fn table_objects(&mut self, table: &TableItem) {
        let table_id = self.symbols.id(Prefix::Table, &table.item.name);
        if let Some((id, name)) = &table.implementation
            && self.program[*id].anonymous
        {
            let object = Item {
                id: *id,
                name: name.clone(),
            };
            let profile = self.profile(&object);
            self.info.action_profiles.push(profile);
        }
        if let Some((id, name)) = &table.counter {
            let object = Item {
                id: *id,
                name: name.clone(),
            };
            self.info.direct_counters.push(pb::DirectCounter {
                preamble: Some(self.object_preamble(Prefix::DirectCounter, &object)),
                spec: Some(pb::CounterSpec {
                    unit: self.counter_unit(*id, 0).into(),
                }),
                direct_table_id: table_id,
            });
        }
        if let Some((id, name)) = &table.meter {
            let object = Item {
                id: *id,
                name: name.clone(),
            };
            self.info.direct_meters.push(pb::DirectMeter {
                preamble: Some(self.object_preamble(Prefix::DirectMeter, &object)),
                spec: Some(self.meter_spec(*id, 0)),
                direct_table_id: table_id,
            });
        }
    }

    fn object_preamble(&self, kind: Prefix, object: &Item<InstanceId>) -> pb::Preamble {
        self.preamble(
            kind,
            &object.name,
            &self.program[object.id].annotations,
            &[],
        )
    }

    fn constructor_arg(&self, id: InstanceId, position: usize) -> Option<(&Const, TypeId)> {
        match &self.program[id].kind {
            InstanceKind::Extern { args, .. } => {
                let expr = args.get(position).and_then(Arg::expr)?;
                Some((expr.constant()?, expr.ty))
            }
            _ => None,
        }
    }

    fn number(&self, id: InstanceId, position: usize) -> i64 {
        match self.constructor_arg(id, position) {
            Some((Const::Int(value), _)) => i64::try_from(value).unwrap_or(i64::MAX),
            _ => 0,
        }
    }

    fn member(&self, id: InstanceId, position: usize) -> &str {
        match self.constructor_arg(id, position) {
            Some((Const::Enum(index), ty)) => match self.program.ty(ty) {
                Type::Enum(decl) => {
                    let members = &self.program[*decl].members;
                    members
                        .get(*index)
                        .map_or("", |member| member.name.as_str())
                }
                _ => "",
            },
            _ => "",
        }
    }

    fn counter_unit(&self, id: InstanceId, position: usize) -> pb::counter_spec::Unit {
        match self.member(id, position) {
            "packets" => pb::counter_spec::Unit::Packets,
            "bytes" => pb::counter_spec::Unit::Bytes,
            "packets_and_bytes" => pb::counter_spec::Unit::Both,
            _ => pb::counter_spec::Unit::Unspecified,
        }
    }

    fn meter_spec(&self, id: InstanceId, position: usize) -> pb::MeterSpec {
        let unit = match self.member(id, position) {
            "packets" => pb::meter_spec::Unit::Packets,
            "bytes" => pb::meter_spec::Unit::Bytes,
            _ => pb::meter_spec::Unit::Unspecified,
        };
        pb::MeterSpec {
            unit: unit.into(),
            ..Default::default()
        }
    }

    fn register(&mut self, object: &Item<InstanceId>) {
        let InstanceKind::Extern { type_args, .. } = &self.program[object.id].kind else {
            return;
        };
        let type_spec = type_args.first().map(|ty| self.types.describe(*ty));
        self.info.registers.push(pb::Register {
            preamble: Some(self.object_preamble(Prefix::Register, object)),
            type_spec,
            size: i32::try_from(self.number(object.id, 0)).unwrap_or(i32::MAX),
            index_type_name: None,
        });
    }

    fn profile(&self, object: &Item<InstanceId>) -> pb::ActionProfile {
        let instance = &self.program[object.id];
        let own = &instance.annotations;
        let with_selector = match instance.kind {
            InstanceKind::Extern { object, .. } => self.program[object].name == "action_selector",
            _ => false,
        };
        let mut table_names: Vec<&str> = self
            .tree
            .tables
            .iter()
            .filter(|table| {
                table
                    .implementation
                    .as_ref()
                    .is_some_and(|(_, n)| *n == object.name)
            })
            .map(|table| table.item.name.as_str())
            .collect();
        table_names.sort_unstable();
        let number = |name| {
            let value = annotations::number(own, name).unwrap_or_default();
            i32::try_from(value).unwrap_or(i32::MAX)
        };
        let semantics = annotations::string(own, "selector_size_semantics").unwrap_or_default();
        let semantics = match semantics.to_ascii_lowercase().as_str() {
            _ if !with_selector => None,
            "sum_of_weights" => Some(SelectorSizeSemantics::SumOfWeights(SumOfWeights {})),
            "sum_of_members" => Some(SelectorSizeSemantics::SumOfMembers(SumOfMembers {
                max_member_weight: number("max_member_weight"),
            })),
            _ => None,
        };
        pb::ActionProfile {
            preamble: Some(self.preamble(
                Prefix::ActionProfile,
                &object.name,
                own,
                &PROFILE_ANNOTATIONS,
            )),
            table_ids: table_names
                .into_iter()
                .map(|name| self.symbols.id(Prefix::Table, name))
                .collect(),
            with_selector,
            size: self.number(object.id, usize::from(with_selector)),
            max_group_size: if with_selector {
                number("max_group_size")
            } else {
                0
            },
            selector_size_semantics: semantics,
            ..Default::default()
        }
    }

    /// Adds value sets.
    pub(super) fn value_sets(&mut self) -> Generated<()> {
        let program = self.program;
        for set in self.tree.value_sets.clone() {
            let decl = &program[set.id];
            let exact = |id, name: &str, ty| pb::MatchField {
                id,
                name: name.to_owned(),
                bitwidth: ty,
                r#match: Some(match_kind("exact")),
                ..Default::default()
            };
            let fields = match program.ty(decl.element) {
                Type::Bit(width) => vec![exact(1, "", i32::try_from(*width).unwrap_or(i32::MAX))],
                Type::Struct(id) => {
                    let fields = &program[*id].fields;
                    let stated: Vec<_> = fields.iter().map(|field| field.annotations.id).collect();
                    let ids = number_parts(&stated);
                    let mut matches = Vec::with_capacity(fields.len());
                    for (field, id) in fields.iter().zip(ids) {
                        if !matches!(program.ty(field.ty), Type::Bit(_)) {
                            let text = "the fields of a value set's struct must be of type bit<W>";
                            return Err(Diagnostic::error(field.span, text).into());
                        }
                        matches.push(pb::MatchField {
                            annotations: annotations::unstructured(&field.annotations, &["match"]),
                            r#match: Some(match_kind(&match_annotation(&field.annotations))),
                            doc: annotations::documentation(&field.annotations),
                            structured_annotations: annotations::structured(&field.annotations),
                            ..exact(
                                id,
                                &annotations_name(&field.name, &field.annotations),
                                self.types.bitwidth(field.ty),
                            )
                        });
                    }
                    matches
                }
                Type::Enum(id) if program[*id].representation.is_some() => {
                    let width = self.types.bitwidth(decl.element);
                    let members = program[*id].members.iter().zip(1u32..);
                    members
                        .map(|(member, id)| {
                            exact(
                                id,
                                &annotations_name(&member.name, &member.annotations),
                                width,
                            )
                        })
                        .collect()
                }
                _ => {
                    let text = "the control plane cannot give values of this type to a value set";
                    return Err(Diagnostic::error(decl.span, text)
                        .help(
                            "use bit<W>, a struct of bit<W> fields, or an enumeration with values",
                        )
                        .into());
                }
            };
            let preamble = self.preamble(Prefix::ValueSet, &set.name, &decl.annotations, &[]);
            self.info.value_sets.push(pb::ValueSet {
                preamble: Some(preamble),
                r#match: fields,
                size: i32::try_from(decl.size).unwrap_or(i32::MAX),
            });
        }
        Ok(())
    }

    /// Names the digests: by their type, or by a number if that has no name.
    pub(super) fn name_digests(&mut self) {
        let mut unnamed = 0;
        for ty in &self.tree.digests {
            let name = match self.program.struct_decl(*ty) {
                Some(decl) => decl.control_plane_name.trim_start_matches('.').to_owned(),
                None => {
                    unnamed += 1;
                    format!("digest_{}", unnamed - 1)
                }
            };
            self.digest_names.push(name);
        }
    }

    /// Adds digests, one for each type.
    pub(super) fn digests(&mut self) {
        let types = self.tree.digests.clone();
        for (ty, name) in types.into_iter().zip(self.digest_names.clone()) {
            let known = |digest: &pb::Digest| {
                digest
                    .preamble
                    .as_ref()
                    .is_some_and(|preamble| preamble.name == name)
            };
            if self.info.digests.iter().any(known) {
                continue;
            }
            let type_spec = Some(self.types.describe(ty));
            let preamble = self.preamble(Prefix::Digest, &name, &Annotations::default(), &[]);
            self.info.digests.push(pb::Digest {
                preamble: Some(preamble),
                type_spec,
            });
        }
    }

    /// Adds the headers of packets from and to the controller.
    pub(super) fn controller_headers(&mut self) -> Generated<()> {
        let program = self.program;
        for decl in &program.structs {
            let Some(controller_name) = &decl.annotations.controller_header else {
                continue;
            };
            if decl.annotations.hidden {
                continue;
            }
            let mut fields = Vec::new();
            for field in &decl.fields {
                let name = annotations_name(&field.name, &field.annotations);
                self.flatten(name, field.ty, field.annotations.clone(), &mut fields);
            }
            let ids = number_parts(&fields.iter().map(|(_, _, own)| own.id).collect::<Vec<_>>());
            let mut metadata = Vec::with_capacity(fields.len());
            for ((name, ty, own), id) in fields.into_iter().zip(ids) {
                if own.hidden {
                    continue;
                }
                metadata.push(pb::controller_packet_metadata::Metadata {
                    id,
                    name,
                    annotations: annotations::unstructured(&own, &[]),
                    bitwidth: self.types.bitwidth(ty),
                    type_name: self.types.type_name(ty),
                    structured_annotations: annotations::structured(&own),
                    ..Default::default()
                });
            }
            let type_name = decl.control_plane_name.trim_start_matches('.');
            let mut preamble =
                self.preamble(Prefix::ControllerHeader, type_name, &decl.annotations, &[]);
            preamble.name.clone_from(controller_name);
            preamble.alias.clone_from(controller_name);
            self.info
                .controller_packet_metadata
                .push(pb::ControllerPacketMetadata {
                    preamble: Some(preamble),
                    metadata,
                });
        }
        Ok(())
    }

    fn flatten(
        &self,
        name: String,
        ty: TypeId,
        annotations: Annotations,
        fields: &mut Vec<(String, TypeId, Annotations)>,
    ) {
        match self.program.ty(ty) {
            Type::Struct(id) => {
                for field in &self.program[*id].fields {
                    let name = format!("{name}.{}", field.name);
                    self.flatten(name, field.ty, field.annotations.clone(), fields);
                }
            }
            _ => fields.push((name, ty, annotations)),
        }
    }
}

/// The match kind that `@match(kind)` states.
fn match_annotation(annotations: &Annotations) -> String {
    match annotations.get("match").map(|annotation| &annotation.body) {
        Some(AnnotationBody::Unstructured { tokens, .. }) => match tokens.as_slice() {
            [AnnotationToken::Word(kind)] => kind.clone(),
            _ => "exact".to_owned(),
        },
        _ => "exact".to_owned(),
    }
}
