//! Statements.

use std::collections::HashSet;

use crate::diagnostic::Diagnostic;
use crate::hir::{self, Const, ExprKind, UnaryOp};
use crate::source::Span;

use super::super::ir::{AfterTable, Expr, Label, ScalarType, Stmt, StmtKind};
use super::assign::push;
use super::expr::unsupported;
use super::value::{Place, Value};
use super::{Block, Elaborator, LoopTarget, Lowered};

impl Elaborator<'_> {
    /// Elaborates statements; an error in one of them is noted and the others go on.
    pub(super) fn stmts(&mut self, stmts: &[hir::Stmt], out: &mut Vec<Stmt>) {
        for stmt in stmts {
            self.recover(|this| this.stmt(stmt, out));
        }
    }

    fn block(&mut self, block: &hir::Block) -> Vec<Stmt> {
        let mut out = Vec::new();
        self.stmts(&block.stmts, &mut out);
        out
    }

    fn stmt(&mut self, stmt: &hir::Stmt, out: &mut Vec<Stmt>) -> Lowered<()> {
        let span = stmt.span;
        match &stmt.kind {
            hir::StmtKind::Assign { target, value } => {
                let mut place = self.place(target, out)?;
                let mut effects = Vec::new();
                let value = self.eval(value, &mut effects)?;
                if self.disturb(&effects) {
                    place = self.pinned(place, span, out)?;
                }
                out.append(&mut effects);
                self.assign(&place, value, span, out)
            }
            hir::StmtKind::VarDecl { var, init } => self.declare(*var, init.as_ref(), span, out),
            hir::StmtKind::Call(call) => self.call(call, out).map(|_| ()),
            hir::StmtKind::CallAction { action, args } => {
                self.call_action(*action, args, span, out)
            }
            hir::StmtKind::ApplyTable(table) => {
                self.apply_table(*table, AfterTable::Nothing, span, out)
            }
            hir::StmtKind::ApplyControl { instance, args } => {
                self.apply_control(*instance, args, span, out)
            }
            hir::StmtKind::ApplyParser { instance, args } => {
                self.apply_parser(*instance, args, span, out)
            }
            hir::StmtKind::SetValid(header) => {
                let header = self.header_operand(header, out)?;
                push(out, StmtKind::AddHeader(header), span);
                Ok(())
            }
            hir::StmtKind::SetInvalid(header) => {
                let header = self.header_operand(header, out)?;
                push(out, StmtKind::RemoveHeader(header), span);
                Ok(())
            }
            hir::StmtKind::PushFront { stack, count } => {
                let Value::Stack(stack) = self.eval(stack, out)? else {
                    return Err(unsupported(span, "`push_front` of this"));
                };
                push(out, StmtKind::Push(stack, *count), span);
                Ok(())
            }
            hir::StmtKind::PopFront { stack, count } => {
                let Value::Stack(stack) = self.eval(stack, out)? else {
                    return Err(unsupported(span, "`pop_front` of this"));
                };
                push(out, StmtKind::Pop(stack, *count), span);
                Ok(())
            }
            hir::StmtKind::If {
                condition,
                then,
                otherwise,
            } => self.branch(condition, then, otherwise, span, out),
            hir::StmtKind::Block(block) => {
                self.stmts(&block.stmts, out);
                Ok(())
            }
            hir::StmtKind::SwitchAction { table, cases } => {
                self.switch_action(*table, cases, span, out)
            }
            hir::StmtKind::SwitchValue { value, cases } => self.switch_value(value, cases, out),
            hir::StmtKind::Loop {
                condition,
                body,
                update,
            } => self.repeat(condition, body, update, span, out),
            hir::StmtKind::Break => {
                if let Some(target) = self.loops.last() {
                    push(out, StmtKind::Leave(target.broken), span);
                }
                Ok(())
            }
            hir::StmtKind::Continue => {
                if let Some(target) = self.loops.last() {
                    push(out, StmtKind::Leave(target.continued), span);
                }
                Ok(())
            }
            hir::StmtKind::Return(value) => self.return_from(value.as_ref(), span, out),
            hir::StmtKind::Exit => {
                // `exit` copies results back from every call that it leaves (section 13.5).
                for index in (0..self.copy_outs.len()).rev() {
                    let copies = self.copy_outs[index].clone();
                    self.copy_back(&copies, span, out)?;
                }
                push(out, StmtKind::Exit, span);
                Ok(())
            }
        }
    }

    fn declare(
        &mut self,
        var: hir::VarId,
        init: Option<&hir::Expr>,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        let decl = &self.program[var];
        let value = init.map(|init| self.eval(init, out)).transpose()?;
        let bound = self
            .frames
            .last()
            .and_then(|frame| frame.vars.get(&var))
            .cloned();
        let storage = match bound {
            Some(storage) => storage,
            None => {
                let storage = self.variable(&decl.name, decl.ty, decl.span)?;
                if let Some(frame) = self.frames.last_mut() {
                    frame.vars.insert(var, storage.clone());
                }
                storage
            }
        };
        match value {
            Some(value) => self.assign(&Place::Whole(storage), value, span, out),
            None => {
                self.invalidate(&storage, span, out);
                Ok(())
            }
        }
    }

    fn branch(
        &mut self,
        condition: &hir::Expr,
        then: &hir::Block,
        otherwise: &hir::Block,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        // A table's result is known from where its application goes on.
        if let Some((table, hit)) = table_result(condition) {
            let (then, otherwise) = (self.block(then), self.block(otherwise));
            let (hit, miss) = if hit {
                (then, otherwise)
            } else {
                (otherwise, then)
            };
            return self.apply_table(table, AfterTable::Hit { hit, miss }, span, out);
        }
        let value = self.eval_scalar(condition, out)?;
        match value.as_bool() {
            Some(true) => self.stmts(&then.stmts, out),
            Some(false) => self.stmts(&otherwise.stmts, out),
            None => {
                if self.block == Block::Deparser {
                    return Err(unsupported(span, "a condition in the deparser"));
                }
                let (then, otherwise) = (self.block(then), self.block(otherwise));
                let condition_span = condition.span;
                let kind = StmtKind::If {
                    condition: value,
                    condition_span,
                    then,
                    otherwise,
                };
                push(out, kind, span);
            }
        }
        Ok(())
    }

    fn switch_action(
        &mut self,
        table: hir::TableId,
        cases: &[hir::SwitchCase<usize>],
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        let mut branches = Vec::new();
        let mut default = Vec::new();
        for case in cases {
            let body = self.block(&case.body);
            if case.default {
                default.clone_from(&body);
            }
            if !case.labels.is_empty() {
                branches.push((case.labels.clone(), body));
            }
        }
        self.apply_table(
            table,
            AfterTable::Switch {
                cases: branches,
                default,
            },
            span,
            out,
        )
    }

    fn switch_value(
        &mut self,
        value: &hir::Expr,
        cases: &[hir::SwitchCase<Const>],
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        let scalar = self.eval_scalar(value, out)?;
        let scalar = match self.saved(Value::Scalar(scalar), value.span, out)? {
            Value::Scalar(scalar) => scalar,
            _ => return Err(unsupported(value.span, "a `switch` over this")),
        };
        let mut otherwise = Vec::new();
        for case in cases.iter().filter(|case| case.default) {
            otherwise = self.block(&case.body);
        }
        for case in cases.iter().rev().filter(|case| !case.labels.is_empty()) {
            if case.default {
                continue;
            }
            let mut condition = Expr::bool(false);
            for label in &case.labels {
                let label = self.constant(label, value.ty, case.span)?;
                let label = self.scalar(label, case.span)?;
                let equal =
                    Expr::binary(hir::BinaryOp::Eq, scalar.clone(), label, ScalarType::Bool);
                condition = condition.or(equal);
            }
            let then = self.block(&case.body);
            otherwise = match condition.as_bool() {
                Some(true) => then,
                Some(false) => otherwise,
                None => {
                    let condition_span = value.span;
                    let kind = StmtKind::If {
                        condition,
                        condition_span,
                        then,
                        otherwise,
                    };
                    vec![Stmt {
                        kind,
                        span: case.span,
                    }]
                }
            };
        }
        out.append(&mut otherwise);
        Ok(())
    }

    /// A loop. It becomes part of an action, for only there BMv2 can jump back.
    fn repeat(
        &mut self,
        condition: &hir::Expr,
        body: &hir::Block,
        update: &hir::Block,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        if !matches!(self.block, Block::Ingress | Block::Egress) {
            return Err(unsupported(span, "a loop outside ingress and egress"));
        }
        let (broken, continued) = (self.label(), self.label());
        let outside = (self.in_action, self.pipeline_loop);
        if !self.in_action && self.pipeline_loop.is_none() {
            self.pipeline_loop = Some(self.returns.len());
        }
        // Actions that are called in the loop are part of it.
        self.in_action = true;
        self.loops.push(LoopTarget { broken, continued });
        let round = self.round(condition, body, update, [broken, continued], span);
        self.loops.pop();
        (self.in_action, self.pipeline_loop) = outside;
        let repeat = Stmt {
            kind: StmtKind::Repeat(round?),
            span,
        };
        push(out, StmtKind::Scope(broken, vec![repeat]), span);
        Ok(())
    }

    fn round(
        &mut self,
        condition: &hir::Expr,
        body: &hir::Block,
        update: &hir::Block,
        [broken, continued]: [Label; 2],
        span: Span,
    ) -> Lowered<Vec<Stmt>> {
        let mut round = Vec::new();
        let value = self.eval_scalar(condition, &mut round)?;
        match value.as_bool() {
            Some(true) => {}
            Some(false) => push(&mut round, StmtKind::Leave(broken), span),
            None => {
                let leave = Stmt {
                    kind: StmtKind::Leave(broken),
                    span,
                };
                let kind = StmtKind::If {
                    condition: value,
                    condition_span: condition.span,
                    then: Vec::new(),
                    otherwise: vec![leave],
                };
                push(&mut round, kind, span);
            }
        }
        let body = self.block(body);
        round.extend(scope(continued, body, span));
        self.stmts(&update.stmts, &mut round);
        Ok(round)
    }

    fn return_from(
        &mut self,
        value: Option<&hir::Expr>,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        let Some(target) = self.returns.last().cloned() else {
            return Err(Diagnostic::error(span, "there is nothing to return from here").into());
        };
        if self
            .pipeline_loop
            .is_some_and(|outside| self.returns.len() <= outside)
        {
            return Err(unsupported(
                span,
                "`return` from inside a loop that is not in an action",
            ));
        }
        if let (Some(value), Some(place)) = (value, &target.value) {
            let value = self.eval(value, out)?;
            self.assign(place, value, span, out)?;
        }
        push(out, StmtKind::Leave(target.label), span);
        Ok(())
    }
}

/// The table of `t.apply().hit` or `.miss`, maybe negated, and whether true means a hit.
fn table_result(condition: &hir::Expr) -> Option<(hir::TableId, bool)> {
    match &condition.kind {
        ExprKind::TableHit(table) => Some((*table, true)),
        ExprKind::TableMiss(table) => Some((*table, false)),
        ExprKind::Unary {
            op: UnaryOp::Not,
            operand,
        } => table_result(operand).map(|(table, hit)| (table, !hit)),
        _ => None,
    }
}

/// Whether a statement can return from the function that it stands in.
pub(super) fn returns(stmt: &hir::Stmt) -> bool {
    let block = |block: &hir::Block| block.stmts.iter().any(returns);
    match &stmt.kind {
        hir::StmtKind::Return(_) => true,
        hir::StmtKind::If {
            then, otherwise, ..
        } => block(then) || block(otherwise),
        hir::StmtKind::Block(inner) => block(inner),
        hir::StmtKind::Loop { body, .. } => block(body),
        hir::StmtKind::SwitchAction { cases, .. } => cases.iter().any(|case| block(&case.body)),
        hir::StmtKind::SwitchValue { cases, .. } => cases.iter().any(|case| block(&case.body)),
        _ => false,
    }
}

/// A body that `label` leaves. Without a need to leave it, it is the statements themselves.
pub(super) fn scope(label: Label, mut body: Vec<Stmt>, span: Span) -> Vec<Stmt> {
    trim(&mut body, label);
    let mut left = HashSet::new();
    labels(&body, &mut left);
    if left.contains(&label) {
        vec![Stmt {
            kind: StmtKind::Scope(label, body),
            span,
        }]
    } else {
        body
    }
}

/// Takes away what can never run, and jumps to where control would go anyway.
pub(super) fn trim(body: &mut Vec<Stmt>, label: Label) {
    if let Some(end) = body
        .iter()
        .position(|s| matches!(s.kind, StmtKind::Leave(_) | StmtKind::Exit))
    {
        body.truncate(end + 1);
    }
    if let Some(last) = body.last_mut() {
        match &mut last.kind {
            StmtKind::Leave(target) if *target == label => {
                body.pop();
            }
            StmtKind::If {
                then, otherwise, ..
            } => {
                trim(then, label);
                trim(otherwise, label);
            }
            StmtKind::Scope(_, inner) => trim(inner, label),
            StmtKind::Apply(_, AfterTable::Hit { hit, miss }) => {
                trim(hit, label);
                trim(miss, label);
            }
            StmtKind::Apply(_, AfterTable::Switch { cases, default }) => {
                for (_, body) in cases {
                    trim(body, label);
                }
                trim(default, label);
            }
            _ => {}
        }
    }
}

fn labels(body: &[Stmt], found: &mut HashSet<Label>) {
    for stmt in body {
        match &stmt.kind {
            StmtKind::Leave(label) => {
                found.insert(*label);
            }
            StmtKind::If {
                then, otherwise, ..
            } => {
                labels(then, found);
                labels(otherwise, found);
            }
            StmtKind::Scope(_, inner) | StmtKind::Repeat(inner) => labels(inner, found),
            StmtKind::Apply(_, AfterTable::Hit { hit, miss }) => {
                labels(hit, found);
                labels(miss, found);
            }
            StmtKind::Apply(_, AfterTable::Switch { cases, default }) => {
                for (_, body) in cases {
                    labels(body, found);
                }
                labels(default, found);
            }
            _ => {}
        }
    }
}
