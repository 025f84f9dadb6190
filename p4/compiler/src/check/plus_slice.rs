//! `x[offset +: width]` (specification, section 8.6): a slice whose offset need not be known at
//! compile time. It is written out with shifts.

use num_bigint::BigInt;

use super::{Checker, arithmetic};
use crate::hir::{
    Annotations, BinaryOp, Block, Const, Expr, ExprKind, Stmt, StmtKind, Type, TypeId, UnaryOp,
};
use crate::source::Span;
use crate::syntax::ast;

impl Checker<'_> {
    /// `base[offset +: width]` as a value.
    pub(super) fn plus_slice(
        &mut self,
        base: &ast::Expr,
        offset: &ast::Expr,
        width: &ast::Expr,
        span: Span,
    ) -> Expr {
        let base = self.expr(base);
        let offset = self.expr(offset);
        let Some(width) = self.constant_integer(width, "the width of a slice") else {
            return self.bad_expr(span);
        };
        if let Some(Const::Int(low)) = offset.constant() {
            let high = low + width - 1;
            let low = low.clone();
            return self.slice(base, &high, &low, span);
        }
        if self.is_unknown(base.ty) || self.is_unknown(offset.ty) {
            return self.bad_expr(span);
        }
        // This checks the base and the width.
        let zero = BigInt::from(0);
        let lowest = self.slice(base.clone(), &(width.clone() - 1), &zero, span);
        let Some(bits) = self.as_bits(base, span) else {
            return self.bad_expr(span);
        };
        if self.is_unknown(lowest.ty) {
            return self.bad_expr(span);
        }
        let shifted = self.binary(BinaryOp::Shr, bits, offset, span);
        self.slice(shifted, &(width - 1), &zero, span)
    }

    /// Whether it is a slice whose offset is only known when the program runs.
    pub(super) fn is_moving_slice(&mut self, target: &ast::Expr) -> bool {
        match &target.kind {
            ast::ExprKind::PlusSlice { lo, .. } => self.expr(lo).constant().is_none(),
            _ => false,
        }
    }

    /// `base[offset +: width] = value` for an offset that is only known when the program runs.
    pub(super) fn assign_moving_slice(
        &mut self,
        [base, offset, width]: [&ast::Expr; 3],
        value: &ast::Expr,
        span: Span,
    ) -> Option<StmtKind> {
        let mut stmts = Vec::new();
        let mut target = self.lvalue(base);
        self.evaluate_indices_once(&mut target, &mut stmts);
        let mut offset = self.expr(offset);
        self.evaluate_once(&mut offset, &mut stmts);
        let width = self.constant_integer(width, "the width of a slice")?;
        // This checks the target and the width, and gives the type of the value.
        let zero = BigInt::from(0);
        let lowest = self.slice(target.clone(), &(width.clone() - 1), &zero, span);
        let mut value = self.expr_as(value, lowest.ty);
        if self.is_unknown(value.ty) || self.is_unknown(offset.ty) {
            return None;
        }
        // What the value does to the target comes first.
        self.evaluate_once(&mut value, &mut stmts);
        let before = self.as_bits(target.clone(), span)?;
        let ty = before.ty;
        let ones = arithmetic::mask(u32::try_from(&width).ok()?);
        let ones = Expr {
            kind: ExprKind::Const(Const::Int(ones)),
            ty,
            span,
        };
        let mask = self.binary(BinaryOp::Shl, ones, offset.clone(), span);
        let outside = self.unary(UnaryOp::BitNot, mask, span);
        let kept = self.binary(BinaryOp::BitAnd, before, outside, span);
        let wide = self.cast(value, ty, span);
        let moved = self.binary(BinaryOp::Shl, wide, offset, span);
        let result = self.binary(BinaryOp::BitOr, kept, moved, span);
        let value = self.cast(result, target.ty, span);
        let assignment = StmtKind::Assign { target, value };
        stmts.push(Stmt {
            kind: assignment,
            span,
            annotations: Annotations::default(),
        });
        Some(StmtKind::Block(Block { stmts }))
    }

    /// A number as unsigned bits of the same width, so that shifts bring in zeros.
    fn as_bits(&mut self, value: Expr, span: Span) -> Option<Expr> {
        let bits: TypeId = match *self.ty(self.program.underlying(value.ty)) {
            Type::Bit(width) | Type::Signed(width) => self.intern(Type::Bit(width)),
            _ => return None,
        };
        Some(self.cast(value, bits, span))
    }
}
