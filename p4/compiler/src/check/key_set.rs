//! What values are compared with, in `select` and in table entries (specification, section
//! 8.14).

use num_bigint::BigInt;

use super::Checker;
use super::scope::Symbol;
use crate::hir::{Const, Expr, KeySet, Type, TypeId, ValueSetId};
use crate::source::Span;
use crate::syntax::ast::{self, KeySetKind};
use crate::warning::WarningClass;

impl Checker<'_> {
    /// One key set for each type. `None` after an error.
    pub(super) fn key_sets(&mut self, keys: &ast::KeySet, types: &[TypeId]) -> Option<Vec<KeySet>> {
        let items_of_list: Vec<ast::KeySet>;
        let parts: Vec<&ast::KeySet> = match &keys.kind {
            KeySetKind::Any => return Some(types.iter().map(|_| KeySet::Any).collect()),
            KeySetKind::Tuple(parts) => parts.iter().collect(),
            // `{a, b}` is `(a, b)`.
            KeySetKind::Value(ast::Expr {
                kind: ast::ExprKind::List(items),
                ..
            }) => {
                let part = |item: &ast::Expr| ast::KeySet {
                    kind: KeySetKind::Value(item.clone()),
                    span: item.span,
                };
                items_of_list = items.iter().map(part).collect();
                items_of_list.iter().collect()
            }
            _ => vec![keys],
        };
        if let [only] = parts.as_slice()
            && let Some(set) = self.value_set_named(only)
        {
            return self
                .value_set_for(set, types, only.span)
                .map(|set| vec![set]);
        }
        if parts.len() != types.len() {
            let (wanted, given) = (types.len(), parts.len());
            let plural = if wanted == 1 { "" } else { "s" };
            let message = format!("there must be {wanted} value{plural} here, not {given}");
            self.error(keys.span, message);
            return None;
        }
        let sets: Vec<Option<KeySet>> = parts
            .into_iter()
            .zip(types)
            .map(|(part, ty)| self.key_set(part, *ty))
            .collect();
        sets.into_iter().collect()
    }

    fn value_set_named(&self, keys: &ast::KeySet) -> Option<ValueSetId> {
        let KeySetKind::Value(expr) = &keys.kind else {
            return None;
        };
        let ast::ExprKind::Path(path) = &expr.kind else {
            return None;
        };
        match self.lookup(path)? {
            Symbol::ValueSet(set) => Some(*set),
            _ => None,
        }
    }

    /// A value set whose members have the types of the `select`.
    fn value_set_for(&mut self, set: ValueSetId, types: &[TypeId], span: Span) -> Option<KeySet> {
        let element = self.program[set].element;
        let mut members = Vec::new();
        self.scalars(element, &mut members);
        let fits = members.len() == types.len()
            && members
                .iter()
                .zip(types)
                .all(|(a, b)| self.program.underlying(*a) == self.program.underlying(*b));
        if !fits {
            let message = format!(
                "the members of the value set are {}, which is not what is selected on",
                self.show(element)
            );
            self.error(span, message);
            return None;
        }
        Some(KeySet::ValueSet(set))
    }

    /// The types of the values that a type is made of.
    fn scalars(&self, ty: TypeId, scalars: &mut Vec<TypeId>) {
        match self.members(ty) {
            Some(members) => members.into_iter().for_each(|ty| self.scalars(ty, scalars)),
            None => scalars.push(ty),
        }
    }

    fn key_set(&mut self, keys: &ast::KeySet, ty: TypeId) -> Option<KeySet> {
        match &keys.kind {
            KeySetKind::Any => Some(KeySet::Any),
            KeySetKind::Value(expr) => {
                if let Some(set) = self.value_set_named(keys) {
                    return self.value_set_for(set, &[ty], keys.span);
                }
                self.key_value(expr, ty).map(KeySet::Value)
            }
            KeySetKind::Mask(value, mask) => {
                let base = self.numeric_key(ty, keys.span)?;
                let value = self.key_value(value, base)?;
                let mask = self.key_value(mask, base)?;
                Some(KeySet::Mask { value, mask })
            }
            KeySetKind::Range(low, high) => {
                let base = self.numeric_key(ty, keys.span)?;
                let low = self.key_value(low, base)?;
                let high = self.key_value(high, base)?;
                if let (Some(a), Some(b)) = (integer(&low), integer(&high))
                    && a > b
                {
                    let message = format!("this range is empty, for {a} is larger than {b}");
                    self.warning(WarningClass::Invalid, keys.span, message);
                }
                Some(KeySet::Range { low, high })
            }
            KeySetKind::Tuple(parts) => match parts.as_slice() {
                [only] => self.key_set(only, ty),
                _ => {
                    self.error(keys.span, "a list of values cannot stand inside a list");
                    None
                }
            },
        }
    }

    /// The type of the two sides of a mask or range.
    fn numeric_key(&mut self, ty: TypeId, span: Span) -> Option<TypeId> {
        let base = self.program.underlying(ty);
        match self.ty(base) {
            Type::Bit(_) | Type::Signed(_) => Some(base),
            Type::Unknown => None,
            _ => {
                let message = format!("masks and ranges are of integers, not {}", self.show(ty));
                self.error(span, message);
                None
            }
        }
    }

    fn key_value(&mut self, expr: &ast::Expr, ty: TypeId) -> Option<Expr> {
        self.constant_as(expr, ty, "a value to compare with")
    }
}

/// The value of a constant integer.
pub(super) fn integer(expr: &Expr) -> Option<&BigInt> {
    match expr.constant() {
        Some(Const::Int(value)) => Some(value),
        _ => None,
    }
}
