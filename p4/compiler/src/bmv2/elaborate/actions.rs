//! Actions: copies for tables, actions that are called, and what they capture.

use std::collections::HashSet;

use crate::hir::visit::{Visitor, walk_block};
use crate::hir::{
    self, ActionId, Arg, Callee, Direction, ExprKind, ObjectRef, TableAction, VarId, VarKind,
};
use crate::source::Span;

use super::super::ir::{self, Expr, ScalarType, Stmt, StmtKind};
use super::assign::push;
use super::expr::unsupported;
use super::value::{Storage, Value};
use super::{Block, Elaborator, Lowered, ReturnTarget};

impl Elaborator<'_> {
    /// The action with this body, new in the program.
    fn new_action(
        &mut self,
        id: ActionId,
        params: Vec<(String, u32)>,
        mut body: Vec<Stmt>,
        label: ir::Label,
    ) -> ir::ActionId {
        super::stmt::trim(&mut body, label);
        let action = &self.program[id];
        let prefix = match (action.control, self.frames.last()) {
            (Some(_), Some(frame)) => frame.prefix.as_str(),
            _ => "",
        };
        let name = action.control_plane_name.under(prefix);
        let new = ir::ActionId(self.flat.actions.len());
        self.flat.actions.push(ir::Action {
            name,
            params,
            body,
            label,
        });
        new
    }

    /// A copy of an action for a table, with its arguments in the list of actions bound.
    pub(super) fn table_action(&mut self, element: &TableAction) -> Lowered<ir::ActionId> {
        let action = &self.program[element.action];
        let (directed, data): (Vec<VarId>, Vec<VarId>) =
            action.params.iter().partition(|&&param| {
                !matches!(self.program[param].kind, VarKind::Param(Direction::None))
            });
        let mut params = Vec::new();
        for (index, &param) in data.iter().enumerate() {
            let var = &self.program[param];
            let ty = self.expect_scalar_type(var.ty, var.span)?;
            if let ScalarType::Varbit(_) | ScalarType::Error = ty {
                return Err(unsupported(var.span, "action data of this type"));
            }
            let name = var.annotations.name.as_deref().unwrap_or(&var.name);
            params.push((name.trim_start_matches('.').to_owned(), ty.width()));
            let raw = Expr {
                kind: ir::ExprKind::ActionData(index),
                ty: ScalarType::bits(ty.width()),
            };
            self.bind_var(param, Value::Scalar(raw.cast(ty)));
        }
        let reach = self.reach(element.action);
        let mut body = Vec::new();
        let binding = self.bind(&directed, &element.args, &reach, element.span, &mut body)?;
        for (param, value) in binding.vars {
            self.bind_var(param, value);
        }
        let label = self.label();
        self.copy_outs.push(binding.copy_out.clone());
        let own = self.action_stmts(element.action, label);
        self.copy_outs.pop();
        if binding.copy_out.is_empty() {
            body.extend(own);
        } else {
            // The results are copied back wherever the body returns from.
            body.extend(super::stmt::scope(label, own, element.span));
            self.copy_back(&binding.copy_out, element.span, &mut body)?;
        }
        Ok(self.new_action(element.action, params, body, label))
    }

    fn bind_var(&mut self, var: VarId, value: Value) {
        if let Some(frame) = self.frames.last_mut() {
            frame.vars.insert(var, value);
        }
    }

    /// The statements of an action whose parameters are bound; `return` leaves `label`.
    fn action_stmts(&mut self, action: ActionId, label: ir::Label) -> Vec<Stmt> {
        let program = self.program;
        self.returns.push(ReturnTarget { label, value: None });
        let outside = std::mem::replace(&mut self.in_action, true);
        let mut body = Vec::new();
        self.stmts(&program[action].body.stmts, &mut body);
        self.in_action = outside;
        self.returns.pop();
        body
    }

    /// An action that is called like a procedure.
    pub(super) fn call_action(
        &mut self,
        id: ActionId,
        args: &[Arg],
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        let params = &self.program[id].params;
        let reach = self.reach(id);
        let binding = self.bind(params, args, &reach, span, out)?;
        for (param, value) in binding.vars {
            self.bind_var(param, value);
        }
        let label = self.label();
        self.copy_outs.push(binding.copy_out.clone());
        let body = self.action_stmts(id, label);
        self.copy_outs.pop();
        if self.in_action || !matches!(self.block, Block::Ingress | Block::Egress) {
            out.extend(super::stmt::scope(label, body, span));
        } else {
            let action = self.new_action(id, Vec::new(), body, label);
            push(out, StmtKind::RunAction(action), span);
        }
        self.copy_back(&binding.copy_out, span, out)
    }

    /// What an action reads or writes besides its parameters and its own variables.
    fn reach(&mut self, action: ActionId) -> Storage {
        let vars = self.captures(action);
        let mut reach = Storage::default();
        if let Some(frame) = self.frames.last() {
            for value in vars.iter().filter_map(|var| frame.vars.get(var)) {
                reach.add(value, &self.flat);
            }
        }
        reach
    }

    fn captures(&mut self, action: ActionId) -> HashSet<VarId> {
        if let Some(found) = self.captures.get(&action) {
            return found.clone();
        }
        let mut uses = Uses::default();
        walk_block(&mut uses, &self.program[action].body);
        let mut found = uses.vars;
        for called in uses.actions {
            found.extend(self.captures(called));
        }
        for own in self.program[action].params.iter().chain(&uses.declared) {
            found.remove(own);
        }
        self.captures.insert(action, found.clone());
        found
    }
}

/// The variables and actions that statements use.
#[derive(Default)]
struct Uses {
    vars: HashSet<VarId>,
    declared: Vec<VarId>,
    actions: Vec<ActionId>,
}

impl Visitor for Uses {
    fn stmt(&mut self, stmt: &hir::Stmt) -> bool {
        match &stmt.kind {
            hir::StmtKind::VarDecl { var, .. } => self.declared.push(*var),
            hir::StmtKind::CallAction { action, .. } => self.actions.push(*action),
            _ => {}
        }
        true
    }

    fn expr(&mut self, expr: &hir::Expr) {
        if let ExprKind::Var(var) = expr.kind {
            self.vars.insert(var);
        }
    }

    fn call(&mut self, call: &hir::Call) {
        if let Callee::ExternMethod {
            object: ObjectRef::Param(var),
            ..
        } = call.callee
        {
            self.vars.insert(var);
        }
    }
}
