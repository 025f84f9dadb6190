//! Loops (specification, section 12.8, version 1.2.5).

use super::{Checker, Place};
use crate::hir::{
    Annotations, BinaryOp, Block, Const, Expr, ExprKind, Stmt, StmtKind, Type, VarId,
};
use crate::source::Span;
use crate::syntax::ast::{self, KeySetKind};

impl Checker<'_> {
    fn may_loop(&mut self, span: Span) -> bool {
        let fits = matches!(
            self.place,
            Place::ControlBody | Place::Action | Place::Function
        );
        if !fits {
            self.unsupported(span, "a loop in a parser");
        }
        fits
    }

    /// `for (init; condition; update) body`
    pub(super) fn for_loop(
        &mut self,
        init: &[ast::Stmt],
        condition: &ast::Expr,
        update: &[ast::Stmt],
        body: &ast::Stmt,
        span: Span,
    ) -> Option<StmtKind> {
        if !self.may_loop(span) {
            return None;
        }
        let block = self.scoped(|c| {
            let mut block = c.block(init);
            let condition = c.condition(condition);
            let body = c.round(body);
            let update = c.block(update);
            let kind = StmtKind::Loop {
                condition,
                body,
                update,
            };
            block.stmts.push(statement(kind, span));
            block
        });
        Some(StmtKind::Block(block))
    }

    /// The body of a loop.
    fn round(&mut self, body: &ast::Stmt) -> Block {
        self.loops += 1;
        let body = self.branch(body);
        self.loops -= 1;
        body
    }

    /// `for (variable in low .. high) body`, written out. The counter is a variable of its own, so
    /// that the body may change the one that it sees, and it stops at `high` also where one more
    /// would overflow.
    pub(super) fn for_in_loop(
        &mut self,
        variable: &ast::Variable,
        values: &ast::KeySet,
        body: &ast::Stmt,
        span: Span,
    ) -> Option<StmtKind> {
        if !self.may_loop(span) {
            return None;
        }
        let KeySetKind::Range(low, high) = &values.kind else {
            self.unsupported(values.span, "a loop over anything but a range");
            return None;
        };
        let block = self.scoped(|c| {
            // It is in scope for the body only, but its type is needed for the range.
            let ty = c.value_type(&variable.ty);
            let number = matches!(
                c.ty(c.program.underlying(ty)),
                Type::Bit(_) | Type::Signed(_)
            );
            if !number {
                if !c.is_unknown(ty) {
                    let message = format!("a loop cannot count in {}", c.show(ty));
                    c.error(variable.ty.span, message);
                }
                return None;
            }
            let low = c.expr_as(low, ty);
            let high = c.expr_as(high, ty);
            if c.is_unknown(low.ty) || c.is_unknown(high.ty) {
                return None;
            }
            let bool = c.intern(Type::Bool);
            let counter = c.temporary(ty, span);
            let last = c.temporary(ty, span);
            let more = c.temporary(bool, span);
            let read = |var: VarId, ty| Expr {
                kind: ExprKind::Var(var),
                ty,
                span,
            };
            let declare = |var: VarId, init: Expr| {
                let init = Some(init);
                statement(StmtKind::VarDecl { var, init }, span)
            };
            let in_range = c.binary(BinaryOp::Le, read(counter, ty), read(last, ty), span);
            let mut stmts = vec![
                declare(counter, low),
                declare(last, high),
                declare(more, in_range),
            ];
            c.variable(variable)?;
            let seen = c.program.vars.len() - 1;
            let seen = VarId(u32::try_from(seen).ok()?);
            let mut round = c.round(body);
            round.stmts.insert(0, declare(seen, read(counter, ty)));
            let condition = c.binary(BinaryOp::Ne, read(counter, ty), read(last, ty), span);
            let one = Expr {
                kind: ExprKind::Const(Const::Int(1.into())),
                ty,
                span,
            };
            let next = c.binary(BinaryOp::Add, read(counter, ty), one, span);
            let assign =
                |target: Expr, value: Expr| statement(StmtKind::Assign { target, value }, span);
            let update = vec![
                assign(read(more, bool), condition),
                assign(read(counter, ty), next),
            ];
            let kind = StmtKind::Loop {
                condition: read(more, bool),
                body: round,
                update: Block { stmts: update },
            };
            stmts.push(statement(kind, span));
            Some(Block { stmts })
        })?;
        Some(StmtKind::Block(block))
    }
}

fn statement(kind: StmtKind, span: Span) -> Stmt {
    Stmt {
        kind,
        span,
        annotations: Annotations::default(),
    }
}
