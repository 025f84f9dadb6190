//! Cases of `select` and entries of tables that nothing gets to, for others before them take all.

use num_bigint::BigInt;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::hir::{Const, Expr, KeySet, Program, Table, Transition};
use crate::source::Span;
use crate::warning::WarningClass;

/// More cases or entries than this are not compared pair by pair.
const PAIRWISE_LIMIT: usize = 1000;

pub(super) fn lint(program: &Program, diagnostics: &mut Diagnostics) {
    let states = program.parsers.iter().flat_map(|parser| &parser.states);
    for state in states {
        if let Transition::Select { cases, .. } = &state.transition {
            let list: Vec<(&[KeySet], Span)> = cases
                .iter()
                .map(|case| (case.keys.as_slice(), case.span))
                .collect();
            for (span, before) in covered(&list) {
                let message = "this case is never taken";
                diagnostics.push(
                    Diagnostic::warning(WarningClass::ParserTransition, span, message)
                        .label(before, "this one takes all that it would"),
                );
            }
        }
    }
    for table in &program.tables {
        entries(table, diagnostics);
    }
}

/// In a constant list the first entry that matches wins, unless the longest prefix does.
fn entries(table: &Table, diagnostics: &mut Diagnostics) {
    let Some(entries) = &table.entries else {
        return;
    };
    let in_order = table.key.iter().all(|key| key.match_kind != "lpm");
    if !entries.constant || !in_order {
        return;
    }
    let list: Vec<(&[KeySet], Span)> = entries
        .entries
        .iter()
        .map(|entry| (entry.key.as_slice(), entry.span))
        .collect();
    for (span, before) in covered(&list) {
        let message = format!("no packet hits this entry of `{}`", table.name);
        let diagnostic = Diagnostic::warning(WarningClass::Keys, span, message);
        diagnostics.push(diagnostic.label(before, "this one is hit by all that it would"));
    }
}

/// The places of those that one before them covers, with the place of that one.
fn covered(list: &[(&[KeySet], Span)]) -> Vec<(Span, Span)> {
    let mut found = Vec::new();
    for (index, (keys, span)) in list.iter().enumerate().take(PAIRWISE_LIMIT) {
        let covers_all = |before: &&(&[KeySet], Span)| {
            before.0.len() == keys.len() && before.0.iter().zip(*keys).all(|(a, b)| covers(a, b))
        };
        // `default` stands for any number of values.
        let takes_all = |before: &&(&[KeySet], Span)| matches!(before.0, [KeySet::Any]);
        let before = list[..index]
            .iter()
            .find(|before| takes_all(before) || covers_all(before));
        if let Some((_, before)) = before {
            found.push((*span, *before));
        }
    }
    found
}

fn number(expr: &Expr) -> Option<&BigInt> {
    match expr.constant() {
        Some(Const::Int(value)) => Some(value),
        _ => None,
    }
}

/// Whether `a` matches whatever `b` matches, as far as that is plain to see.
fn covers(a: &KeySet, b: &KeySet) -> bool {
    match (a, b) {
        (KeySet::Any, _) => true,
        (KeySet::Value(a), KeySet::Value(b)) => {
            a.constant().is_some() && a.constant() == b.constant()
        }
        (KeySet::Mask { value, mask }, KeySet::Value(b)) => {
            match (number(value), number(mask), number(b)) {
                (Some(value), Some(mask), Some(b)) => value & mask == b & mask,
                _ => false,
            }
        }
        (
            KeySet::Mask { value, mask },
            KeySet::Mask {
                value: other_value,
                mask: other_mask,
            },
        ) => match (
            number(value),
            number(mask),
            number(other_value),
            number(other_mask),
        ) {
            (Some(value), Some(mask), Some(other), Some(other_mask)) => {
                mask & other_mask == *mask && value & mask == other & mask
            }
            _ => false,
        },
        (KeySet::Range { low, high }, KeySet::Value(b)) => {
            match (number(low), number(high), number(b)) {
                (Some(low), Some(high), Some(b)) => low <= b && b <= high,
                _ => false,
            }
        }
        (
            KeySet::Range { low, high },
            KeySet::Range {
                low: other_low,
                high: other_high,
            },
        ) => match (
            number(low),
            number(high),
            number(other_low),
            number(other_high),
        ) {
            (Some(low), Some(high), Some(other_low), Some(other_high)) => {
                low <= other_low && other_high <= high
            }
            _ => false,
        },
        (KeySet::ValueSet(a), KeySet::ValueSet(b)) => a == b,
        _ => false,
    }
}
