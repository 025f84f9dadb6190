//! What BMv2 demands of operators.

use crate::diagnostic::Diagnostic;
use crate::hir::BinaryOp;
use crate::source::Span;

use super::super::ir::{Expr, ScalarType};
use super::Lowered;
use super::expr::unsupported;

/// The largest width of a shift's amount, as in p4c: BMv2 builds the shifted value in full.
const MAX_SHIFT_WIDTH: u32 = 8;

/// Whether the operation can be run.
pub(super) fn check(op: BinaryOp, a: &Expr, b: &Expr, span: Span) -> Lowered<()> {
    let varbit = |expr: &Expr| matches!(expr.ty, ScalarType::Varbit(_));
    if varbit(a) || varbit(b) {
        return Err(unsupported(span, "an operation on varbit values"));
    }
    if matches!(op, BinaryOp::Shl | BinaryOp::Shr)
        && b.as_int().is_none()
        && b.ty.width() > MAX_SHIFT_WIDTH
    {
        let text = format!(
            "the amount of a shift has {} bits; this target supports at most {MAX_SHIFT_WIDTH}",
            b.ty.width()
        );
        return Err(Diagnostic::error(span, text)
            .help(format!("cast the amount to bit<{MAX_SHIFT_WIDTH}>"))
            .into());
    }
    Ok(())
}
