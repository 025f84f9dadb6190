//! Table entries of the program (specification, section 14.2.1.4).

use super::Checker;
use super::key_set::integer;
use crate::hir::{self, Entries, Entry, KeyElement, KeySet, TableAction, Type, TypeId};
use crate::source::Span;
use crate::syntax::ast;

/// How the entries of a table are ordered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    /// Whether the whole list is `const`.
    pub(super) constant: bool,
    pub(super) largest_wins: bool,
    /// The distance of the priorities that entries get by themselves.
    pub(super) delta: u64,
}

impl Checker<'_> {
    pub(super) fn entries(
        &mut self,
        list: &[ast::Entry],
        key: &[KeyElement],
        actions: &[TableAction],
        order: Order,
    ) -> Entries {
        let key: Vec<&KeyElement> = key
            .iter()
            .filter(|element| element.match_kind != "selector")
            .collect();
        let types: Vec<TypeId> = key.iter().map(|element| element.expr.ty).collect();
        let priorities = self.priorities(list, &key, order);
        let mut entries = Vec::with_capacity(list.len());
        for (item, priority) in list.iter().zip(priorities) {
            let keys = self.key_sets(&item.keys, &types);
            let args = item.action.args.as_deref().unwrap_or_default();
            let call = self.action_call(actions, &item.action.path, args, item.action.span);
            let (Some(keys), Some((action, data))) = (keys, call) else {
                continue;
            };
            for (element, set) in key.iter().zip(&keys) {
                self.match_kind_takes(element, set, item.keys.span);
            }
            if actions[action].annotations.default_only {
                let message = "an entry cannot have an action that is `@defaultonly`";
                self.error(item.action.span, message);
            }
            let annotations = self.annotations(&item.annotations);
            entries.push(Entry {
                key: keys,
                action,
                data,
                priority,
                largest_priority_wins: order.largest_wins,
                constant: item.constant || order.constant,
                annotations,
                span: item.span,
            });
        }
        Entries {
            constant: order.constant,
            entries,
        }
    }

    /// The priority of each entry, in tables whose entries have one.
    fn priorities(
        &mut self,
        list: &[ast::Entry],
        key: &[&KeyElement],
        order: Order,
    ) -> Vec<Option<u64>> {
        let none = vec![None; list.len()];
        let with = list.iter().find(|entry| entry.priority.is_some());
        if order.constant {
            if let Some(entry) = with {
                let message = "entries of a `const` list have no priorities: their order counts";
                self.error(entry.span, message);
            }
            return none;
        }
        let needed = key
            .iter()
            .any(|element| !matches!(element.match_kind.as_str(), "exact" | "lpm"));
        if !needed {
            if let Some(entry) = with {
                self.error(
                    entry.span,
                    "the match kinds of this table need no priorities",
                );
            }
            return none;
        }
        let count = list.len() as u64;
        let mut next = match (with, order.largest_wins) {
            (None, true) => count
                .saturating_sub(1)
                .saturating_mul(order.delta)
                .saturating_add(1),
            _ => 1,
        };
        let mut result = Vec::with_capacity(list.len());
        for (index, entry) in list.iter().enumerate() {
            match &entry.priority {
                Some(expr) => match self.priority(expr) {
                    Some(priority) => next = priority,
                    None => return none,
                },
                None if index == 0 && with.is_some() => {
                    let message = "the first entry needs a priority if others have one";
                    self.error(entry.span, message);
                    return none;
                }
                None => {}
            }
            result.push(Some(next));
            let following = if order.largest_wins {
                next.checked_sub(order.delta)
            } else {
                next.checked_add(order.delta)
            };
            match following {
                Some(value) => next = value,
                None if index + 1 < list.len() && list[index + 1].priority.is_none() => {
                    let message = "there is no priority left for the entry behind this one";
                    self.error(entry.span, message);
                    return none;
                }
                None => {}
            }
        }
        result
    }

    fn priority(&mut self, expr: &ast::Expr) -> Option<u64> {
        let value = self.constant_integer(expr, "a priority")?;
        let priority = i32::try_from(&value)
            .ok()
            .and_then(|value| u64::try_from(value).ok());
        if priority.is_none() {
            self.error(expr.span, format!("{value} is not a priority"));
        }
        priority
    }

    /// Whether the match kind can look for such a key set.
    fn match_kind_takes(&mut self, element: &KeyElement, set: &KeySet, span: Span) {
        let kind = element.match_kind.as_str();
        let fits = match (kind, set) {
            (_, KeySet::Value(_)) => true,
            (_, KeySet::ValueSet(_)) => false,
            ("exact", _) => false,
            (_, KeySet::Any) => true,
            ("ternary", KeySet::Mask { .. }) => true,
            ("lpm", KeySet::Mask { mask, .. }) => {
                let width = match self.ty(self.program.underlying(element.expr.ty)) {
                    Type::Bit(width) | Type::Signed(width) => *width,
                    _ => 0,
                };
                is_prefix(mask, width)
            }
            ("range", KeySet::Range { .. }) => true,
            _ => false,
        };
        if !fits {
            let what = match set {
                KeySet::Any => "`_`",
                KeySet::Mask { .. } if kind == "lpm" => "a mask that is no prefix",
                KeySet::Mask { .. } => "a mask",
                KeySet::Range { .. } => "a range",
                KeySet::Value(_) | KeySet::ValueSet(_) => "a value set",
            };
            let message = format!(
                "the key `{}` is matched {kind}, not by {what}",
                element.name
            );
            self.error(span, message);
        }
    }
}

/// Whether the set bits of a mask of `width` bits are its highest ones.
fn is_prefix(mask: &hir::Expr, width: u32) -> bool {
    let Some(mask) = integer(mask) else {
        return false;
    };
    let zeros = mask
        .trailing_zeros()
        .unwrap_or(u64::from(width))
        .min(u64::from(width));
    let all = super::arithmetic::mask(width);
    let prefix = (&all >> zeros) << zeros;
    (mask & &all) == prefix
}
