//! The names of key fields for the control plane (specification, section 14.2.1.1).

use super::Checker;
use crate::hir::{BinaryOp, Type};
use crate::syntax::ast::{Expr, ExprKind};
use crate::{hir, syntax::IntLiteral};

/// The name that follows from the expression of a key; `None` if the program must give one.
pub(super) fn key_name(
    checker: &mut Checker<'_>,
    expr: &Expr,
    checked: &hir::Expr,
) -> Option<String> {
    match &expr.kind {
        ExprKind::Path(path) => Some(path.name.name.to_string()),
        ExprKind::Member { base, name } => {
            let base_value = checker.expr(base);
            let mut field = name.name.to_string();
            if let Type::Struct(decl) | Type::Header(decl) =
                checker.program.types.get(base_value.ty)
            {
                let fields = &checker.program[*decl].fields;
                let found = fields.iter().find(|known| *known.name == *name.name)?;
                field = found.annotations.name.clone().unwrap_or(field);
            }
            if let Some(absolute) = field.strip_prefix('.') {
                return Some(absolute.to_owned());
            }
            let base = key_name(checker, base, &base_value)?;
            Some(format!("{base}.{field}"))
        }
        ExprKind::Index { base, index } => {
            let base_value = checker.expr(base);
            let base = key_name(checker, base, &base_value)?;
            let index = index_name(checker, index)?;
            Some(format!("{base}[{index}]"))
        }
        ExprKind::Slice { base, hi, lo } => {
            let base_value = checker.expr(base);
            let base = key_name(checker, base, &base_value)?;
            let (hi, lo) = (index_name(checker, hi)?, index_name(checker, lo)?);
            Some(format!("{base}[{hi}:{lo}]"))
        }
        ExprKind::Binary {
            op: BinaryOp::BitAnd,
            left,
            right,
        } => {
            let left = operand_name(checker, left)?;
            let right = operand_name(checker, right)?;
            Some(format!("{left} & {right}"))
        }
        ExprKind::Call { callee, args, .. } if args.is_empty() => match &callee.kind {
            // P4Runtime names the validity of a header so.
            ExprKind::Member { base, .. } if is_valid(checked) => {
                let base_value = checker.expr(base);
                let base = key_name(checker, base, &base_value)?;
                Some(format!("{base}.$valid$"))
            }
            _ => None,
        },
        ExprKind::Int(literal) => Some(literal_name(literal)),
        _ => None,
    }
}

fn is_valid(checked: &hir::Expr) -> bool {
    matches!(checked.kind, hir::ExprKind::IsValid(_))
}

fn operand_name(checker: &mut Checker<'_>, expr: &Expr) -> Option<String> {
    let value = checker.expr(expr);
    key_name(checker, expr, &value)
}

/// What stands in an index or slice.
fn index_name(checker: &mut Checker<'_>, expr: &Expr) -> Option<String> {
    if let ExprKind::Int(literal) = &expr.kind {
        return Some(literal_name(literal));
    }
    let value = checker.expr(expr);
    match value.constant() {
        Some(hir::Const::Int(value)) => Some(value.to_string()),
        _ => key_name(checker, expr, &value),
    }
}

/// A literal in the base in which it is written.
fn literal_name(literal: &IntLiteral) -> String {
    let digits = literal.value.to_str_radix(literal.base);
    let prefix = match literal.base {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    format!("{prefix}{digits}")
}
