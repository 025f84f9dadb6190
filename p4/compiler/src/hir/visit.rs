//! A walk over statements and expressions.

use super::expr::{Arg, Call, Expr, ExprKind};
use super::stmt::{Block, Stmt, StmtKind};

/// What is done with the parts of a body, in the order of the source, outer before inner.
pub(crate) trait Visitor {
    /// A statement; false keeps out of it.
    fn stmt(&mut self, _stmt: &Stmt) -> bool {
        true
    }

    /// An expression.
    fn expr(&mut self, _expr: &Expr) {}

    /// A call, as a statement or in an expression.
    fn call(&mut self, _call: &Call) {}

    /// An argument of a call or of `apply`.
    fn arg(&mut self, _arg: &Arg) {}
}

/// Visits the statements of a block.
pub(crate) fn walk_block(visitor: &mut dyn Visitor, block: &Block) {
    for stmt in &block.stmts {
        walk_stmt(visitor, stmt);
    }
}

/// Visits a statement.
pub(crate) fn walk_stmt(visitor: &mut dyn Visitor, stmt: &Stmt) {
    if !visitor.stmt(stmt) {
        return;
    }
    match &stmt.kind {
        StmtKind::Assign { target, value } => {
            walk_expr(visitor, target);
            walk_expr(visitor, value);
        }
        StmtKind::VarDecl { init, .. } => walk_option(visitor, init.as_ref()),
        StmtKind::Call(call) => walk_call(visitor, call),
        StmtKind::CallAction { args, .. }
        | StmtKind::ApplyControl { args, .. }
        | StmtKind::ApplyParser { args, .. } => walk_args(visitor, args),
        StmtKind::SetValid(header) | StmtKind::SetInvalid(header) => walk_expr(visitor, header),
        StmtKind::PushFront { stack, .. } | StmtKind::PopFront { stack, .. } => {
            walk_expr(visitor, stack);
        }
        StmtKind::If {
            condition,
            then,
            otherwise,
        } => {
            walk_expr(visitor, condition);
            walk_block(visitor, then);
            walk_block(visitor, otherwise);
        }
        StmtKind::Block(block) => walk_block(visitor, block),
        StmtKind::SwitchAction { cases, .. } => {
            for case in cases {
                walk_block(visitor, &case.body);
            }
        }
        StmtKind::SwitchValue { value, cases } => {
            walk_expr(visitor, value);
            for case in cases {
                walk_block(visitor, &case.body);
            }
        }
        StmtKind::Loop {
            condition,
            body,
            update,
        } => {
            walk_expr(visitor, condition);
            walk_block(visitor, body);
            walk_block(visitor, update);
        }
        StmtKind::Return(value) => walk_option(visitor, value.as_ref()),
        StmtKind::ApplyTable(_) | StmtKind::Exit | StmtKind::Break | StmtKind::Continue => {}
    }
}

fn walk_option(visitor: &mut dyn Visitor, expr: Option<&Expr>) {
    if let Some(expr) = expr {
        walk_expr(visitor, expr);
    }
}

fn walk_args(visitor: &mut dyn Visitor, args: &[Arg]) {
    for arg in args {
        visitor.arg(arg);
        walk_option(visitor, arg.expr());
    }
}

fn walk_call(visitor: &mut dyn Visitor, call: &Call) {
    visitor.call(call);
    walk_args(visitor, &call.args);
}

/// Visits an expression.
pub(crate) fn walk_expr(visitor: &mut dyn Visitor, expr: &Expr) {
    visitor.expr(expr);
    match &expr.kind {
        ExprKind::Field { base, .. }
        | ExprKind::TupleElement { base, .. }
        | ExprKind::StackNext(base)
        | ExprKind::StackLast(base)
        | ExprKind::StackLastIndex(base)
        | ExprKind::Slice { base, .. }
        | ExprKind::Unary { operand: base, .. }
        | ExprKind::Cast(base)
        | ExprKind::IsValid(base) => walk_expr(visitor, base),
        ExprKind::StackElement { base, index } => {
            walk_expr(visitor, base);
            walk_expr(visitor, index);
        }
        ExprKind::Binary { left, right, .. } => {
            walk_expr(visitor, left);
            walk_expr(visitor, right);
        }
        ExprKind::Conditional {
            condition,
            then,
            otherwise,
        } => {
            walk_expr(visitor, condition);
            walk_expr(visitor, then);
            walk_expr(visitor, otherwise);
        }
        ExprKind::List(items) => {
            for item in items {
                walk_expr(visitor, item);
            }
        }
        ExprKind::Call(call) => walk_call(visitor, call),
        ExprKind::Const(_)
        | ExprKind::Var(_)
        | ExprKind::InvalidHeader
        | ExprKind::TableHit(_)
        | ExprKind::TableMiss(_) => {}
    }
}
