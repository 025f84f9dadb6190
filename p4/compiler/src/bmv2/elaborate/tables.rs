//! Tables.

use num_bigint::BigInt;

use crate::diagnostic::Diagnostic;
use crate::hir::{self, InstanceId, KeySet, ObjectRef, TableId};
use crate::source::Span;

use super::super::fold::{ones, wrap};
use super::super::ir::{
    self, AfterTable, BinaryOp, EntryKey, Expr, ExprKind, FieldRef, HeaderRef, Key, KeyTarget,
    MatchKind, ObjectId, ObjectKind, ScalarType, Stmt, StmtKind,
};
use super::assign::push;
use super::expr::unsupported;
use super::{Block, Elaborator, Lowered, TableUse};

/// The size of a table that does not state one, as in p4c.
const DEFAULT_SIZE: u64 = 1024;

impl Elaborator<'_> {
    /// `table.apply()`.
    pub(super) fn apply_table(
        &mut self,
        id: TableId,
        after: AfterTable,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        if !matches!(self.block, Block::Ingress | Block::Egress) {
            return Err(unsupported(span, "a table outside ingress and egress"));
        }
        if self.pipeline_loop.is_some() {
            return Err(unsupported(span, "applying a table inside a loop"));
        }
        let known = self
            .frames
            .last()
            .and_then(|frame| frame.tables.get(&id))
            .cloned();
        let used = match known {
            Some(used) => used,
            None => {
                let used = self.table(id)?;
                if let Some(frame) = self.frames.last_mut() {
                    frame.tables.insert(id, used.clone());
                }
                used
            }
        };
        out.extend(used.setup);
        push(out, StmtKind::Apply(used.table, after), span);
        Ok(())
    }

    fn table(&mut self, id: TableId) -> Lowered<TableUse> {
        let program = self.program;
        let decl = &program[id];
        let prefix = self
            .frames
            .last()
            .map(|frame| frame.prefix.clone())
            .unwrap_or_default();
        let mut setup = Vec::new();
        let mut key = Vec::new();
        let mut selector = Vec::new();
        for element in &decl.key {
            if element.match_kind == "selector" {
                let value = self.eval_scalar(&element.expr, &mut setup)?;
                selector.push(self.simple(value, element.span, &mut setup));
            } else {
                key.push(self.key(element, &mut setup)?);
            }
        }
        if key.iter().filter(|key| key.kind == MatchKind::Lpm).count() > 1 {
            let text = format!(
                "the key of table `{}` has more than one lpm field",
                decl.name
            );
            return Err(Diagnostic::error(decl.span, text)
                .help("BMv2 supports one; the others can be ternary")
                .into());
        }
        if let Some(property) = decl.other_properties.first() {
            let text = format!(
                "the table property `{}` is not supported on this target",
                property.name
            );
            return Err(Diagnostic::error(property.span, text).into());
        }
        let mut actions = Vec::with_capacity(decl.actions.len());
        for element in &decl.actions {
            actions.push(self.table_action(element)?);
        }
        let default = &decl.default_action;
        let default_data = self.action_data(&default.data)?;
        let kinds: Vec<(MatchKind, u32)> = key.iter().map(|key| (key.kind, key.width)).collect();
        let entries = match &decl.entries {
            Some(entries) => Some(self.entries(entries, &kinds)?),
            None => None,
        };
        let table = ir::TableId(self.flat.tables.len());
        self.flat.tables.push(ir::Table {
            name: decl.control_plane_name.under(&prefix),
            key,
            actions,
            default_action: (default.action, default_data),
            default_is_const: default.constant,
            size: table_size(decl),
            entries,
            implementation: None,
            counter: None,
            meter: None,
            support_timeout: decl.support_timeout,
            span: decl.span,
        });
        self.attach(table, decl, selector)?;
        Ok(TableUse { table, setup })
    }

    /// Connects a table with its action profile, counter and meter.
    fn attach(
        &mut self,
        table: ir::TableId,
        decl: &hir::Table,
        selector: Vec<Expr>,
    ) -> Lowered<()> {
        let object = |this: &Self, instance: Option<InstanceId>| {
            instance
                .map(|id| this.object(ObjectRef::Instance(id), decl.span))
                .transpose()
        };
        let implementation = object(self, decl.implementation)?;
        let counter = object(self, decl.counters)?;
        let meter = object(self, decl.meters)?;
        if let Some(ObjectId(id)) = implementation {
            match &mut self.flat.objects[id].kind {
                ObjectKind::Profile(_) => {}
                ObjectKind::Selector {
                    input: Some(input), ..
                } if *input != selector => {
                    let text =
                        "tables with the same action selector must have the same selector keys";
                    return Err(Diagnostic::error(decl.span, text).into());
                }
                ObjectKind::Selector { input, .. } => *input = Some(selector),
                _ => return Err(wrong_property(decl, "implementation")),
            }
        }
        if let Some(ObjectId(id)) = counter {
            match &mut self.flat.objects[id].kind {
                ObjectKind::DirectCounter(bound @ None) => *bound = Some(table),
                ObjectKind::DirectCounter(Some(_)) => return Err(bound_twice(decl, "counter")),
                _ => return Err(wrong_property(decl, "counters")),
            }
        }
        if let Some(ObjectId(id)) = meter {
            match &mut self.flat.objects[id].kind {
                ObjectKind::DirectMeter {
                    table: bound @ None,
                    ..
                } => *bound = Some(table),
                ObjectKind::DirectMeter { .. } => return Err(bound_twice(decl, "meter")),
                _ => return Err(wrong_property(decl, "meters")),
            }
        }
        let new = &mut self.flat.tables[table.0];
        (new.implementation, new.counter, new.meter) = (implementation, counter, meter);
        Ok(())
    }

    fn key(&mut self, element: &hir::KeyElement, setup: &mut Vec<Stmt>) -> Lowered<Key> {
        let kind = match element.match_kind.as_str() {
            "exact" => MatchKind::Exact,
            "lpm" => MatchKind::Lpm,
            "ternary" | "optional" => MatchKind::Ternary,
            "range" => MatchKind::Range,
            other => {
                return Err(unsupported(
                    element.span,
                    &format!("the match kind `{other}`"),
                ));
            }
        };
        let value = self.eval_scalar(&element.expr, setup)?;
        if let ScalarType::Varbit(_) = value.ty {
            return Err(unsupported(element.span, "a varbit field in a key"));
        }
        let width = value.ty.width();
        let (target, mask) = match direct_key(&value) {
            Some(direct) => direct,
            None => {
                let field = self.temporary("key", value.ty);
                push(setup, StmtKind::Assign(field.clone(), value), element.span);
                (KeyTarget::Field(field), None)
            }
        };
        Ok(Key {
            kind,
            name: element.name.clone(),
            target,
            width,
            mask,
        })
    }

    /// The values of action data: as many bits as the parameter has.
    fn action_data(&mut self, data: &[hir::Expr]) -> Lowered<Vec<BigInt>> {
        data.iter().map(|expr| self.known(expr)).collect()
    }

    /// A value that is known at compile time, as bits.
    pub(super) fn known(&mut self, expr: &hir::Expr) -> Lowered<BigInt> {
        let value = self.eval_scalar(expr, &mut Vec::new())?;
        match &value.kind {
            ExprKind::Int(number) => Ok(wrap(number, ScalarType::bits(value.ty.width()))),
            ExprKind::Bool(flag) => Ok(BigInt::from(u8::from(*flag))),
            _ => {
                Err(Diagnostic::error(expr.span, "a value known at compile time is needed").into())
            }
        }
    }

    fn entries(
        &mut self,
        entries: &hir::Entries,
        key: &[(MatchKind, u32)],
    ) -> Lowered<Vec<ir::Entry>> {
        let largest = entries
            .entries
            .iter()
            .filter_map(|entry| entry.priority)
            .max();
        let mut lowered = Vec::with_capacity(entries.entries.len());
        for (index, entry) in entries.entries.iter().enumerate() {
            let mut parts = Vec::with_capacity(key.len());
            for (set, (kind, width)) in entry.key.iter().zip(key) {
                parts.push(self.entry_key(set, *kind, *width, entry.span)?);
            }
            // In BMv2 the smallest number goes first.
            // p4c takes BMv2's own number from `@priority`.
            let stated = crate::p4info::annotation_number(&entry.annotations, "priority");
            let stated = stated.and_then(|number| u64::try_from(number).ok());
            let priority = match (stated, entry.priority, largest) {
                (Some(stated), _, _) => stated,
                (None, Some(priority), Some(largest)) if entry.largest_priority_wins => {
                    largest - priority + 1
                }
                (None, Some(priority), _) => priority,
                (None, None, _) => index as u64 + 1,
            };
            lowered.push(ir::Entry {
                key: parts,
                action: entry.action,
                data: self.action_data(&entry.data)?,
                priority,
                constant: entry.constant && !entries.constant,
                span: entry.span,
            });
        }
        Ok(lowered)
    }

    fn entry_key(
        &mut self,
        set: &KeySet,
        kind: MatchKind,
        width: u32,
        span: Span,
    ) -> Lowered<EntryKey> {
        let zero = BigInt::from(0);
        match (kind, set) {
            (MatchKind::Exact, KeySet::Value(value)) => Ok(EntryKey::Exact(self.known(value)?)),
            (MatchKind::Lpm, KeySet::Any) => Ok(EntryKey::Lpm(zero, 0)),
            (MatchKind::Lpm, KeySet::Value(value)) => Ok(EntryKey::Lpm(self.known(value)?, width)),
            (MatchKind::Lpm, KeySet::Mask { value, mask }) => {
                let (value, mask) = (self.known(value)?, self.known(mask)?);
                let length = (0..=width)
                    .find(|&length| mask == ones(width) - ones(width - length))
                    .ok_or_else(|| {
                        let text = "the mask of an lpm key must be a prefix: ones, then zeros";
                        Box::new(Diagnostic::error(span, text))
                    })?;
                Ok(EntryKey::Lpm(value & mask, length))
            }
            (MatchKind::Ternary, KeySet::Any) => Ok(EntryKey::Ternary(zero.clone(), zero)),
            (MatchKind::Ternary, KeySet::Value(value)) => {
                Ok(EntryKey::Ternary(self.known(value)?, ones(width)))
            }
            (MatchKind::Ternary, KeySet::Mask { value, mask }) => {
                let (value, mask) = (self.known(value)?, self.known(mask)?);
                Ok(EntryKey::Ternary(value & &mask, mask))
            }
            (MatchKind::Range, KeySet::Any) => Ok(EntryKey::Range(zero, ones(width))),
            (MatchKind::Range, KeySet::Value(value)) => {
                let value = self.known(value)?;
                Ok(EntryKey::Range(value.clone(), value))
            }
            (MatchKind::Range, KeySet::Range { low, high }) => {
                Ok(EntryKey::Range(self.known(low)?, self.known(high)?))
            }
            _ => {
                let text = "this kind of key set does not fit the match kind of its field";
                Err(Diagnostic::error(span, text).into())
            }
        }
    }
}

/// A key that BMv2 can look up as it is: a field, some bits of one, or a header's validity.
fn direct_key(value: &Expr) -> Option<(KeyTarget, Option<BigInt>)> {
    match &value.kind {
        ExprKind::Field(
            field @ (FieldRef::Scalar(_)
            | FieldRef::Header {
                header: HeaderRef::Instance(_),
                ..
            }),
        ) => Some((KeyTarget::Field(field.clone()), None)),
        ExprKind::IsValid(header @ HeaderRef::Instance(_)) => {
            Some((KeyTarget::Valid(header.clone()), None))
        }
        ExprKind::Binary(BinaryOp::BitAnd, left, right) => {
            let (field, mask) = match (left.as_int(), right.as_int()) {
                (None, Some(mask)) => (left, mask),
                (Some(mask), None) => (right, mask),
                _ => return None,
            };
            match direct_key(field)? {
                // A mask of no bits means none at all to BMv2.
                (target @ KeyTarget::Field(_), None) if *mask > BigInt::from(0) => {
                    Some((target, Some(mask.clone())))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn table_size(decl: &hir::Table) -> u64 {
    let stated = decl.size.filter(|size| *size > 0);
    match &decl.entries {
        // Nothing can be added to a table with constant entries.
        Some(entries) if entries.constant && !entries.entries.is_empty() => {
            entries.entries.len() as u64
        }
        Some(entries) => stated
            .unwrap_or(DEFAULT_SIZE)
            .max(entries.entries.len() as u64),
        None => stated.unwrap_or(DEFAULT_SIZE),
    }
}

fn wrong_property(decl: &hir::Table, property: &str) -> Box<Diagnostic> {
    let text = format!(
        "the property `{property}` of table `{}` names a wrong kind of object",
        decl.name
    );
    Box::new(Diagnostic::error(decl.span, text))
}

fn bound_twice(decl: &hir::Table, what: &str) -> Box<Diagnostic> {
    let text = format!(
        "the direct {what} of table `{}` belongs to another table already",
        decl.name
    );
    Box::new(Diagnostic::error(decl.span, text))
}
