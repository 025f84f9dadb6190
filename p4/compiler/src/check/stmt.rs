//! Statements (specification, section 12).

use super::call::Called;
use super::scope::Symbol;
use super::{Checker, Place};
use crate::hir::visit::{Visitor, walk_expr};
use crate::hir::{
    Annotations, BinaryOp, Block, Call, Const, Expr, ExprKind, Stmt, StmtKind, SwitchCase, TableId,
    Type, TypeId, Var, VarId, VarKind,
};
use crate::source::Span;
use crate::syntax::ast;

/// Whether evaluating an expression may do more than give a value.
fn has_effects(expr: &Expr) -> bool {
    struct Effects(bool);
    impl Visitor for Effects {
        fn expr(&mut self, expr: &Expr) {
            self.0 |= matches!(expr.kind, ExprKind::TableHit(_) | ExprKind::TableMiss(_));
        }
        fn call(&mut self, _call: &Call) {
            self.0 = true;
        }
    }
    let mut effects = Effects(false);
    walk_expr(&mut effects, expr);
    effects.0
}

impl Checker<'_> {
    /// The statements, in the scope of the caller.
    pub(super) fn block(&mut self, stmts: &[ast::Stmt]) -> Block {
        let mut block = Block::default();
        for stmt in stmts {
            if self.diagnostics.too_many() {
                break;
            }
            block.stmts.extend(self.stmt(stmt));
        }
        block
    }

    /// A statement in a scope of its own; the statements of a block without the block.
    pub(super) fn branch(&mut self, stmt: &ast::Stmt) -> Block {
        self.scoped(|c| match &stmt.kind {
            ast::StmtKind::Block { annotations, stmts } if annotations.is_empty() => c.block(stmts),
            _ => Block {
                stmts: c.stmt(stmt).into_iter().collect(),
            },
        })
    }

    /// A statement; `None` for what leaves nothing to do, and after an error.
    fn stmt(&mut self, stmt: &ast::Stmt) -> Option<Stmt> {
        self.count_statement();
        let mut annotations = Annotations::default();
        let kind = match &stmt.kind {
            ast::StmtKind::Empty => return None,
            ast::StmtKind::Variable(variable) => return self.variable(variable),
            ast::StmtKind::Constant(constant) => {
                self.constant_declaration(constant);
                return None;
            }
            ast::StmtKind::Assign { target, value } => match &target.kind {
                ast::ExprKind::PlusSlice { base, lo, width } if self.is_moving_slice(target) => {
                    self.assign_moving_slice([base, lo, width], value, stmt.span)?
                }
                _ => self.assign(target, value)?,
            },
            ast::StmtKind::OpAssign { op, target, value } => {
                self.compound_assignment(*op, target, value, stmt.span)
            }
            ast::StmtKind::Expr(expr) => self.call_statement(expr)?,
            ast::StmtKind::If {
                condition,
                then,
                otherwise,
            } => {
                let condition = self.condition(condition);
                let then = self.branch(then);
                let otherwise = otherwise
                    .as_ref()
                    .map(|stmt| self.branch(stmt))
                    .unwrap_or_default();
                StmtKind::If {
                    condition,
                    then,
                    otherwise,
                }
            }
            ast::StmtKind::Block {
                annotations: list,
                stmts,
            } => {
                annotations = self.annotations(list);
                StmtKind::Block(self.scoped(|c| c.block(stmts)))
            }
            ast::StmtKind::Switch { value, cases } => self.switch(value, cases, stmt.span)?,
            ast::StmtKind::Return(value) => self.return_statement(value.as_ref(), stmt.span)?,
            ast::StmtKind::Exit => {
                if !matches!(self.place, Place::ControlBody | Place::Action) {
                    self.error(stmt.span, "`exit` is only for controls and actions");
                    return None;
                }
                StmtKind::Exit
            }
            ast::StmtKind::For {
                init,
                condition,
                update,
                body,
            } => self.for_loop(init, condition, update, body, stmt.span)?,
            ast::StmtKind::ForIn {
                variable,
                values,
                body,
            } => self.for_in_loop(variable, values, body, stmt.span)?,
            ast::StmtKind::Break | ast::StmtKind::Continue => {
                let (word, kind) = match stmt.kind {
                    ast::StmtKind::Break => ("break", StmtKind::Break),
                    _ => ("continue", StmtKind::Continue),
                };
                if self.loops == 0 {
                    self.error(stmt.span, format!("`{word}` is only for loops"));
                    return None;
                }
                kind
            }
        };
        Some(Stmt {
            kind,
            span: stmt.span,
            annotations,
        })
    }

    /// A variable, as the statement that brings it to life.
    pub(super) fn variable(&mut self, variable: &ast::Variable) -> Option<Stmt> {
        let mut ty = self.value_type(&variable.ty);
        if matches!(self.ty(ty), Type::Int | Type::String) {
            let message = format!("a variable cannot have the type {}", self.show(ty));
            self.error_with_help(
                variable.ty.span,
                message,
                "its values are known at compile time: make it a constant",
            );
            ty = self.unknown;
        }
        let init = variable.init.as_ref().map(|init| self.assigned(init, ty));
        let var = self.declare_var(&variable.name, ty, VarKind::Local, &variable.annotations);
        let kind = StmtKind::VarDecl { var, init };
        Some(Stmt {
            kind,
            span: variable.name.span,
            annotations: Annotations::default(),
        })
    }

    fn assign(&mut self, target: &ast::Expr, value: &ast::Expr) -> Option<StmtKind> {
        let target = self.lvalue(target);
        let value = self.assigned(value, target.ty);
        if self.is_unknown(target.ty) || self.is_unknown(value.ty) {
            return None;
        }
        Some(StmtKind::Assign { target, value })
    }

    /// `target op= value`, written out. An index in the target that calls something is evaluated
    /// once, into a variable.
    fn compound_assignment(
        &mut self,
        op: BinaryOp,
        target: &ast::Expr,
        value: &ast::Expr,
        span: Span,
    ) -> StmtKind {
        let mut target = self.lvalue(target);
        let mut stmts = Vec::new();
        self.evaluate_indices_once(&mut target, &mut stmts);
        let value = self.expr(value);
        let value = self.binary(op, target.clone(), value, span);
        let value = self.convert(value, target.ty);
        let assignment = StmtKind::Assign { target, value };
        if stmts.is_empty() {
            return assignment;
        }
        stmts.push(Stmt {
            kind: assignment,
            span,
            annotations: Annotations::default(),
        });
        StmtKind::Block(Block { stmts })
    }

    /// Puts the indices of an l-value that call something into variables, declared by `stmts`.
    pub(super) fn evaluate_indices_once(&mut self, target: &mut Expr, stmts: &mut Vec<Stmt>) {
        match &mut target.kind {
            ExprKind::Field { base, .. }
            | ExprKind::TupleElement { base, .. }
            | ExprKind::StackNext(base)
            | ExprKind::StackLast(base)
            | ExprKind::Slice { base, .. } => self.evaluate_indices_once(base, stmts),
            ExprKind::StackElement { base, index } => {
                self.evaluate_indices_once(base, stmts);
                self.evaluate_once(index, stmts);
            }
            _ => {}
        }
    }

    /// Puts a value that calls something into a variable, declared by `stmts`.
    pub(super) fn evaluate_once(&mut self, value: &mut Expr, stmts: &mut Vec<Stmt>) {
        if !has_effects(value) {
            return;
        }
        let (ty, span) = (value.ty, value.span);
        let var = self.temporary(ty, span);
        let kind = ExprKind::Var(var);
        let init = Some(std::mem::replace(value, Expr { kind, ty, span }));
        stmts.push(Stmt {
            kind: StmtKind::VarDecl { var, init },
            span,
            annotations: Annotations::default(),
        });
    }

    /// A variable that no name in the source stands for.
    pub(super) fn temporary(&mut self, ty: TypeId, span: Span) -> VarId {
        let id = VarId(self.program.vars.len() as u32);
        self.program.vars.push(Var {
            name: "tmp".to_owned(),
            ty,
            kind: VarKind::Local,
            annotations: Annotations::default(),
            span,
        });
        id
    }

    fn call_statement(&mut self, expr: &ast::Expr) -> Option<StmtKind> {
        let ast::ExprKind::Call {
            callee,
            type_args,
            args,
        } = &expr.kind
        else {
            return None;
        };
        match self.call(callee, type_args, args, expr.span) {
            Called::Stmt(kind) => Some(kind),
            Called::Apply(table) => Some(StmtKind::ApplyTable(table)),
            Called::Value(Expr {
                kind: ExprKind::Call(call),
                ..
            }) => Some(StmtKind::Call(call)),
            Called::Value(_) | Called::Bad => None,
        }
    }

    fn return_statement(&mut self, value: Option<&ast::Expr>, span: Span) -> Option<StmtKind> {
        match self.place {
            Place::Function => {}
            Place::ControlBody | Place::Action => {
                if let Some(value) = value {
                    self.error(value.span, "only a function returns a value");
                    return None;
                }
                return Some(StmtKind::Return(None));
            }
            _ => {
                self.error(span, "`return` is only for controls, actions and functions");
                return None;
            }
        }
        let result = self.result?;
        match (self.ty(result), value) {
            (Type::Void, Some(value)) => {
                self.error(value.span, "this function has no value to return");
                None
            }
            (Type::Void, None) => Some(StmtKind::Return(None)),
            (_, None) => {
                let message = format!("this function returns {}", self.show(result));
                self.error(span, message);
                None
            }
            (_, Some(value)) => Some(StmtKind::Return(Some(self.expr_as(value, result)))),
        }
    }

    fn switch(
        &mut self,
        value: &ast::Expr,
        cases: &[ast::SwitchCase],
        span: Span,
    ) -> Option<StmtKind> {
        if !matches!(
            self.place,
            Place::ControlBody | Place::Action | Place::Function
        ) {
            self.error(span, "`switch` is only for controls, actions and functions");
            return None;
        }
        if let Some(defaults) = cases.iter().filter(|case| case.label.is_none()).nth(1) {
            self.error(defaults.span, "this `switch` has two `default` cases");
        }
        if let ast::ExprKind::Member { base, name } = &value.kind
            && &*name.name == "action_run"
            && let ast::ExprKind::Call {
                callee,
                type_args,
                args,
            } = &base.kind
        {
            return match self.call(callee, type_args, args, base.span) {
                Called::Apply(table) => self.switch_action(table, cases),
                Called::Bad => None,
                _ => {
                    self.error(value.span, "`action_run` belongs to `apply` of a table");
                    None
                }
            };
        }
        self.switch_value(value, cases)
    }

    /// Checks the cases; cases without a body join the next one that has one.
    fn cases<Label: PartialEq>(
        &mut self,
        cases: &[ast::SwitchCase],
        mut label: impl FnMut(&mut Self, &ast::Expr) -> Option<Label>,
    ) -> Vec<SwitchCase<Label>> {
        let mut result: Vec<SwitchCase<Label>> = Vec::new();
        let mut labels: Vec<Label> = Vec::new();
        let mut default = false;
        let mut first = None;
        for case in cases {
            first.get_or_insert(case.span);
            match &case.label {
                Some(expr) => {
                    let Some(found) = label(self, expr) else {
                        continue;
                    };
                    let twice = labels.contains(&found)
                        || result.iter().any(|case| case.labels.contains(&found));
                    if twice {
                        self.error(case.span, "this label was used before");
                    }
                    labels.push(found);
                }
                None => default = true,
            }
            if let Some(body) = &case.body {
                let body = self.branch(body);
                let span = first.take().unwrap_or(case.span);
                let labels = std::mem::take(&mut labels);
                let default = std::mem::take(&mut default);
                result.push(SwitchCase {
                    labels,
                    default,
                    body,
                    span,
                });
            }
        }
        result
    }

    fn switch_action(&mut self, table: TableId, cases: &[ast::SwitchCase]) -> Option<StmtKind> {
        let cases = self.cases(cases, |c, label| {
            let ast::ExprKind::Path(path) = &label.kind else {
                c.error(
                    label.span,
                    "a label of this `switch` is the name of an action",
                );
                return None;
            };
            let action = match c.lookup(path) {
                Some(Symbol::Action(action)) => *action,
                Some(Symbol::Bad) => return None,
                Some(symbol) => {
                    let message = format!("`{}` is {}, no action", path.name.name, symbol.kind());
                    c.error(label.span, message);
                    return None;
                }
                None => {
                    c.unknown_name(path, "action");
                    return None;
                }
            };
            let position = c.program[table]
                .actions
                .iter()
                .position(|a| a.action == action);
            if position.is_none() {
                let message = format!(
                    "the table `{}` has no action `{}`",
                    c.program[table].name, path.name.name
                );
                c.error(label.span, message);
            }
            position
        });
        Some(StmtKind::SwitchAction { table, cases })
    }

    fn switch_value(&mut self, value: &ast::Expr, cases: &[ast::SwitchCase]) -> Option<StmtKind> {
        let value = self.expr(value);
        let ty = value.ty;
        match self.ty(ty) {
            Type::Unknown => return None,
            Type::Bit(_) | Type::Signed(_) | Type::Enum(_) | Type::Error | Type::Bool => {}
            Type::NewType(_) => {}
            _ => {
                let message = format!("`switch` does not work on {}", self.show(ty));
                self.error(value.span, message);
                return None;
            }
        }
        let cases = self.cases(cases, |c, label| {
            let constant: Option<Const> = c
                .constant_as(label, ty, "a label of `switch`")
                .and_then(|label| label.constant().cloned());
            constant
        });
        Some(StmtKind::SwitchValue { value, cases })
    }
}
