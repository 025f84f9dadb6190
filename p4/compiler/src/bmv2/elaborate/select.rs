//! How a parser state chooses the next one.

use std::collections::HashMap;

use num_bigint::BigInt;

use crate::diagnostic::Diagnostic;
use crate::hir::{self, ExprKind, KeySet, NextState, TypeId};
use crate::source::Span;

use super::super::fold::ones;
use super::super::ir::{
    Expr, FieldRef, ParserOp, ScalarType, Stmt, StmtKind, Transition, ValueSet,
};
use super::expr::unsupported;
use super::value::Value;
use super::{Elaborator, Lowered};

/// The error that a `select` without match signals (specification, section 13.6).
const NO_MATCH: &str = "NoMatch";

/// How many transitions a case may become: the ranges in it are split into prefixes.
const MAX_COMBINATIONS: usize = 4096;

/// A part of a key: a value and the bits that count.
type Part = (BigInt, BigInt);

impl Elaborator<'_> {
    /// Adds the transitions of a state.
    pub(super) fn transition(
        &mut self,
        transition: &hir::Transition,
        state: usize,
        next: &dyn Fn(NextState) -> Option<usize>,
    ) -> Lowered<()> {
        let (exprs, cases) = match transition {
            hir::Transition::Direct(target) => {
                let default = Transition::Default(next(*target));
                self.flat.states[state].transitions.push(default);
                return Ok(());
            }
            hir::Transition::Select { exprs, cases, .. } => (exprs, cases),
        };
        let mut ops = Vec::new();
        let values = self.eval_all(&exprs.iter().collect::<Vec<_>>(), &mut ops)?;
        let mut key: Vec<FieldRef> = Vec::new();
        let mut types: Vec<ScalarType> = Vec::new();
        for (value, expr) in values.iter().zip(exprs) {
            let mut scalars = Vec::new();
            if let Value::Header(_) | Value::Stack(_) | Value::String(_) = value {
                return Err(unsupported(expr.span, "selecting on a value of this type"));
            }
            value.for_each_scalar(&mut |scalar| scalars.push(scalar.clone()));
            for scalar in scalars {
                types.push(scalar.ty);
                key.push(self.select_field(scalar, expr.span, &mut ops)?);
            }
        }
        let Some(state) = self.split(&ops, state, &mut HashMap::new())? else {
            return Ok(());
        };
        let expr_types: Vec<TypeId> = exprs.iter().map(|expr| expr.ty).collect();
        let mut transitions = Vec::new();
        let mut complete = false;
        for case in cases {
            let target = next(case.next);
            if let [KeySet::ValueSet(set)] = case.keys.as_slice() {
                let set = self.value_set(*set, case.span)?;
                transitions.push(Transition::ValueSet { set, next: target });
                continue;
            }
            let parts = self.case_parts(&case.keys, &expr_types, &types, case.span)?;
            if parts.iter().all(|alternatives| is_any(alternatives)) {
                transitions.push(Transition::Default(target));
                complete = true;
                break;
            }
            let combinations = parts
                .iter()
                .map(Vec::len)
                .try_fold(1usize, usize::checked_mul);
            if combinations.is_none_or(|count| count > MAX_COMBINATIONS) {
                let text = format!(
                    "this case needs more than {MAX_COMBINATIONS} transitions on this target"
                );
                return Err(Diagnostic::error(case.span, text)
                    .help("BMv2 has no ranges: use masks, or ranges that are prefixes")
                    .into());
            }
            transitions.extend(combine(&parts, &types, target));
        }
        if !complete {
            let no_match = self.no_match_state()?;
            transitions.push(Transition::Default(no_match));
        }
        let from = &mut self.flat.states[state];
        // Where the key does not matter none is needed.
        if !matches!(transitions.as_slice(), [Transition::Default(_)]) {
            from.key = key;
        }
        from.transitions = transitions;
        Ok(())
    }

    /// The values that each scalar of the key may have for one case.
    fn case_parts(
        &mut self,
        keys: &[KeySet],
        exprs: &[TypeId],
        types: &[ScalarType],
        span: Span,
    ) -> Lowered<Vec<Vec<Part>>> {
        let mut parts = Vec::with_capacity(types.len());
        if keys.len() != exprs.len() {
            return Err(unsupported(span, "this case"));
        }
        for (key, ty) in keys.iter().zip(exprs) {
            self.key_parts(key, *ty, span, &mut parts)?;
        }
        Ok(parts)
    }

    fn key_parts(
        &mut self,
        key: &KeySet,
        ty: TypeId,
        span: Span,
        parts: &mut Vec<Vec<Part>>,
    ) -> Lowered<()> {
        let Some(members) = self.member_types(ty) else {
            let width = self.expect_scalar_type(ty, span)?.width();
            parts.push(self.scalar_parts(key, width, span)?);
            return Ok(());
        };
        for (index, member) in members.into_iter().enumerate() {
            let of = |expr: &hir::Expr| match &expr.kind {
                ExprKind::List(items) => items.get(index).cloned(),
                _ => None,
            };
            let missing = || unsupported(span, "this value as a key");
            let inner = match key {
                KeySet::Any => KeySet::Any,
                KeySet::Value(value) => KeySet::Value(of(value).ok_or_else(missing)?),
                KeySet::Mask { value, mask } => KeySet::Mask {
                    value: of(value).ok_or_else(missing)?,
                    mask: of(mask).ok_or_else(missing)?,
                },
                KeySet::Range { .. } | KeySet::ValueSet(_) => return Err(missing()),
            };
            self.key_parts(&inner, member, span, parts)?;
        }
        Ok(())
    }

    fn scalar_parts(&mut self, key: &KeySet, width: u32, span: Span) -> Lowered<Vec<Part>> {
        match key {
            KeySet::Any => Ok(vec![(BigInt::from(0), BigInt::from(0))]),
            KeySet::Value(value) => Ok(vec![(self.known(value)?, ones(width))]),
            KeySet::Mask { value, mask } => {
                let (value, mask) = (self.known(value)?, self.known(mask)?);
                Ok(vec![(value & &mask, mask)])
            }
            KeySet::Range { low, high } => {
                Ok(prefixes(self.known(low)?, &self.known(high)?, width))
            }
            KeySet::ValueSet(_) => {
                let text = "a value set beside other keys of a `select`";
                Err(unsupported(span, text))
            }
        }
    }

    fn value_set(&mut self, id: hir::ValueSetId, span: Span) -> Lowered<usize> {
        let frame = self.frames.last();
        let path = frame.map(|frame| frame.path.clone()).unwrap_or_default();
        let prefix = frame.map(|frame| frame.prefix.clone()).unwrap_or_default();
        if let Some(&set) = self.value_sets.get(&(path.clone(), id)) {
            return Ok(set);
        }
        let decl = &self.program[id];
        let width = self
            .program
            .width(decl.element)
            .and_then(|width| u32::try_from(width).ok());
        let Some(width) = width else {
            return Err(unsupported(span, "a value set of this type"));
        };
        let set = self.flat.value_sets.len();
        let name = decl.control_plane_name.under(&prefix);
        self.flat.value_sets.push(ValueSet {
            name,
            width,
            size: decl.size,
        });
        self.value_sets.insert((path, id), set);
        Ok(set)
    }

    /// The state that signals that no case matched: BMv2 itself would accept the packet.
    fn no_match_state(&mut self) -> Lowered<Option<usize>> {
        if let Some(state) = self.no_match {
            return Ok(Some(state));
        }
        let Some(code) = self.program.errors.iter().position(|name| name == NO_MATCH) else {
            let text = "`error.NoMatch` is not declared; is core.p4 included?";
            return Err(Diagnostic::error(self.program.main.span, text).into());
        };
        let state = self.new_state("noMatch");
        let error = Expr::int(BigInt::from(code), ScalarType::Error);
        let verify = ParserOp::Verify(Expr::bool(false), error);
        self.flat.states[state].ops.push(Stmt {
            kind: StmtKind::Parse(verify),
            span: self.program.main.span,
        });
        self.flat.states[state]
            .transitions
            .push(Transition::Default(None));
        self.no_match = Some(state);
        Ok(Some(state))
    }
}

fn is_any(alternatives: &[Part]) -> bool {
    let zero = BigInt::from(0);
    alternatives.iter().any(|(_, mask)| *mask == zero)
}

/// The range from `low` to `high` as values under masks.
fn prefixes(mut low: BigInt, high: &BigInt, width: u32) -> Vec<Part> {
    let mut parts = Vec::new();
    while low <= *high {
        let mut bits = 0;
        while bits < width
            && !low.bit(u64::from(bits))
            && &low + (BigInt::from(2) << bits) - 1 <= *high
        {
            bits += 1;
        }
        parts.push((low.clone(), ones(width) ^ ones(bits)));
        low += BigInt::from(1) << bits;
    }
    parts
}

/// The transitions for one case: one for each combination of the alternatives of its parts.
fn combine(parts: &[Vec<Part>], types: &[ScalarType], next: Option<usize>) -> Vec<Transition> {
    let mut combined: Vec<(BigInt, BigInt, bool)> = vec![(BigInt::from(0), BigInt::from(0), true)];
    let mut bytes = 0;
    for (alternatives, ty) in parts.iter().zip(types) {
        let width = ty.width();
        let shift = width.div_ceil(8) * 8;
        bytes += width.div_ceil(8);
        combined = combined
            .iter()
            .flat_map(|(value, mask, exact)| {
                alternatives.iter().map(move |(part, part_mask)| {
                    let exact = *exact && *part_mask == ones(width);
                    ((value << shift) | part, (mask << shift) | part_mask, exact)
                })
            })
            .collect();
    }
    combined
        .into_iter()
        .map(|(value, mask, exact)| {
            let mask = (!exact).then_some(mask);
            Transition::Value {
                value,
                mask,
                bytes,
                next,
            }
        })
        .collect()
}
