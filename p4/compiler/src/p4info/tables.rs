//! Tables and actions.

use std::collections::HashSet;

use p4runtime_proto::p4::config::v1 as pb;
use pb::match_field::{Match, MatchType};
use pb::p4_ids::Prefix;

use super::ids::number_parts;
use super::types::{annotations_name, bytes};
use super::{Generated, Generator, annotations};
use crate::diagnostic::Diagnostic;
use crate::hir::{
    ActionId, Const, Direction, Expr, KeyElement, Program, Table, Type, Var, VarKind,
};

/// The size of a table that does not state one.
const DEFAULT_SIZE: u64 = 1024;

impl Generator<'_> {
    /// Adds all actions.
    pub(super) fn actions(&mut self) -> Generated<()> {
        let program = self.program;
        let mut done = HashSet::new();
        for action in self.tree.actions.clone() {
            let decl = &program[action.item.id];
            if decl.annotations.hidden || !done.insert(action.item.name.clone()) {
                continue;
            }
            let mut params = Vec::new();
            // What calls an action in the program gives all of its arguments.
            if action.in_table {
                let data = action_data(program, action.item.id);
                let ids = number_parts(
                    &data
                        .iter()
                        .map(|var| var.annotations.id)
                        .collect::<Vec<_>>(),
                );
                for (var, id) in data.into_iter().zip(ids) {
                    params.push(self.param(var, id)?);
                }
            }
            let preamble = self.preamble(Prefix::Action, &action.item.name, &decl.annotations, &[]);
            self.info.actions.push(pb::Action {
                preamble: Some(preamble),
                params,
            });
        }
        Ok(())
    }

    fn param(&mut self, var: &Var, id: u32) -> Generated<pb::action::Param> {
        let program = self.program;
        let ty = program.ty(var.ty);
        let is_enum = matches!(ty, Type::Enum(id) if program[*id].representation.is_none());
        if !matches!(
            ty,
            Type::Bit(_) | Type::Signed(_) | Type::Bool | Type::NewType(_) | Type::Enum(_)
        ) {
            let text = format!(
                "the type of the action parameter `{}` is not one that the control plane can give",
                var.name
            );
            return Err(Diagnostic::error(var.span, text)
                .help("use bit<W>, int<W>, bool, or a `type` or enumeration of them")
                .into());
        }
        let type_name = match (self.types.type_name(var.ty), ty) {
            (None, Type::Enum(id)) if is_enum => {
                let decl = &program[*id];
                let name = annotations_name(&decl.name, &decl.annotations);
                Some(pb::P4NamedType { name })
            }
            (name, _) => name,
        };
        Ok(pb::action::Param {
            id,
            name: annotations_name(&var.name, &var.annotations),
            annotations: annotations::unstructured(&var.annotations, &[]),
            bitwidth: if is_enum {
                0
            } else {
                self.types.bitwidth(var.ty)
            },
            doc: annotations::documentation(&var.annotations),
            type_name,
            structured_annotations: annotations::structured(&var.annotations),
            ..Default::default()
        })
    }

    /// Adds a table, with its direct counter and meter.
    pub(super) fn table(&mut self, index: usize) -> Generated<()> {
        let item = self.tree.tables[index].clone();
        let program = self.program;
        let decl = &program[item.item.id];
        if decl.annotations.hidden {
            return Ok(());
        }
        self.types.touch();
        let match_fields = self.match_fields(decl)?;
        let mut action_refs = Vec::with_capacity(decl.actions.len());
        for (element, name) in decl.actions.iter().zip(&item.actions) {
            let own = &element.annotations;
            if own.table_only && own.default_only {
                let text = "an action cannot be both @tableonly and @defaultonly";
                return Err(Diagnostic::error(element.span, text).into());
            }
            let scope = if own.table_only {
                pb::action_ref::Scope::TableOnly
            } else if own.default_only {
                pb::action_ref::Scope::DefaultOnly
            } else {
                pb::action_ref::Scope::TableAndDefault
            };
            let mut printed = annotations::unstructured(own, &[]);
            if element.implicit {
                // What the compiler adds to the list is annotated as if the program had it.
                printed.push("@defaultonly".to_owned());
            }
            action_refs.push(pb::ActionRef {
                id: self.symbols.id(Prefix::Action, name),
                scope: scope.into(),
                annotations: printed,
                structured_annotations: annotations::structured(own),
                ..Default::default()
            });
        }
        let default = &decl.default_action;
        let default_id = item
            .actions
            .get(default.action)
            .map(|name| self.symbols.id(Prefix::Action, name));
        let default_id = default_id.unwrap_or_default();
        let arguments = self.default_arguments(decl)?;
        let mut direct_resource_ids = Vec::new();
        if let Some((_, name)) = &item.counter {
            direct_resource_ids.push(self.symbols.id(Prefix::DirectCounter, name));
        }
        if let Some((_, name)) = &item.meter {
            direct_resource_ids.push(self.symbols.id(Prefix::DirectMeter, name));
        }
        let implementation_id = match &item.implementation {
            Some((_, name)) => self.symbols.id(Prefix::ActionProfile, name),
            None => 0,
        };
        let idle = if decl.support_timeout {
            pb::table::IdleTimeoutBehavior::NotifyControl
        } else {
            pb::table::IdleTimeoutBehavior::NoTimeout
        };
        let size = decl.size.filter(|size| *size > 0).unwrap_or(DEFAULT_SIZE);
        let entries = decl.entries.as_ref();
        self.info.tables.push(pb::Table {
            preamble: Some(self.preamble(Prefix::Table, &item.item.name, &decl.annotations, &[])),
            match_fields,
            action_refs,
            const_default_action_id: if default.constant { default_id } else { 0 },
            initial_default_action: Some(pb::TableActionCall {
                action_id: default_id,
                arguments,
            }),
            implementation_id,
            direct_resource_ids,
            size: i64::try_from(size).unwrap_or(i64::MAX),
            idle_timeout_behavior: idle.into(),
            is_const_table: entries.is_some_and(|entries| entries.constant),
            has_initial_entries: entries.is_some_and(|entries| !entries.entries.is_empty()),
            other_properties: None,
        });
        self.table_objects(&item);
        Ok(())
    }

    fn match_fields(&mut self, decl: &Table) -> Generated<Vec<pb::MatchField>> {
        let ids = number_parts(
            &decl
                .key
                .iter()
                .map(|key| key.annotations.id)
                .collect::<Vec<_>>(),
        );
        let mut fields = Vec::with_capacity(decl.key.len());
        for (key, id) in decl.key.iter().zip(ids) {
            // Selector fields are no part of an entry.
            if key.match_kind != "selector" {
                fields.push(self.match_field(key, id));
            }
        }
        Ok(fields)
    }

    fn match_field(&mut self, key: &KeyElement, id: u32) -> pb::MatchField {
        let kind = match_kind(&key.match_kind);
        pb::MatchField {
            id,
            name: key.name.clone(),
            annotations: annotations::unstructured(&key.annotations, &[]),
            bitwidth: self.types.bitwidth(key.expr.ty),
            r#match: Some(kind),
            doc: annotations::documentation(&key.annotations),
            type_name: self.types.type_name(key.expr.ty),
            structured_annotations: annotations::structured(&key.annotations),
            ..Default::default()
        }
    }

    fn default_arguments(
        &mut self,
        decl: &Table,
    ) -> Generated<Vec<pb::table_action_call::Argument>> {
        let default = &decl.default_action;
        let Some(element) = decl.actions.get(default.action) else {
            return Ok(Vec::new());
        };
        let data = action_data(self.program, element.action);
        let mut arguments = Vec::with_capacity(default.data.len());
        for ((value, var), position) in default.data.iter().zip(data).zip(1u32..) {
            arguments.push(pb::table_action_call::Argument {
                param_id: var.annotations.id.unwrap_or(position),
                value: self.value_bytes(value)?,
            });
        }
        Ok(arguments)
    }

    /// The bytes of a value that is known at compile time.
    fn value_bytes(&self, value: &Expr) -> Generated<Vec<u8>> {
        let width = match self.types.width(value.ty) {
            // A string for the controller is still a number here.
            0 => self
                .program
                .width(value.ty)
                .and_then(|w| u32::try_from(w).ok())
                .unwrap_or(0),
            width => width,
        };
        match value.constant() {
            Some(Const::Int(number)) => Ok(bytes(number, width)),
            Some(Const::Bool(flag)) => Ok(vec![u8::from(*flag)]),
            Some(Const::Enum(index)) => Ok(bytes(&(*index).into(), 32)),
            _ => {
                let text = "the value of action data must be a number known at compile time";
                Err(Diagnostic::error(value.span, text).into())
            }
        }
    }
}

/// The parameters of an action that the control plane gives.
fn action_data(program: &Program, action: ActionId) -> Vec<&Var> {
    program[action]
        .params
        .iter()
        .map(|param| &program[*param])
        .filter(|var| var.kind == VarKind::Param(Direction::None))
        .collect()
}

/// The match kind in P4Info.
pub(super) fn match_kind(name: &str) -> Match {
    let known = match name {
        "exact" => MatchType::Exact,
        "lpm" => MatchType::Lpm,
        "ternary" => MatchType::Ternary,
        "range" => MatchType::Range,
        "optional" => MatchType::Optional,
        other => return Match::OtherMatchType(other.to_owned()),
    };
    Match::MatchType(known.into())
}
