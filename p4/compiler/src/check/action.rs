//! Actions, functions, and the parameters of everything that has a body.

use super::scope::{FunctionRef, Symbol};
use super::weight::Body;
use super::{Checker, Place};
use crate::hir::{
    Action, ActionId, Block, ControlId, ControlPlaneName, Direction, Function, FunctionId, Stmt,
    StmtKind, Type, TypeId, Var, VarId, VarKind,
};
use crate::syntax::ast::{self, Ident, Param};

impl Checker<'_> {
    /// Declares a variable or parameter in the innermost scope.
    pub(super) fn declare_var(
        &mut self,
        name: &Ident,
        ty: TypeId,
        kind: VarKind,
        annotations: &[ast::Annotation],
    ) -> VarId {
        let id = VarId(self.program.vars.len() as u32);
        let annotations = self.annotations(annotations);
        let span = name.span;
        self.program.vars.push(Var {
            name: name.name.to_string(),
            ty,
            kind,
            annotations,
            span,
        });
        self.declare(name, Symbol::Var(id));
        id
    }

    /// Declares the parameters of an action, function, parser or control.
    pub(super) fn params(&mut self, params: &[Param]) -> Vec<VarId> {
        params.iter().map(|param| self.param(param)).collect()
    }

    fn param(&mut self, param: &Param) -> VarId {
        let mut ty = self.resolve_type(&param.ty);
        let problem = match self.ty(ty) {
            Type::Void | Type::MatchKind => Some(format!(
                "a parameter cannot have the type {}",
                self.show(ty)
            )),
            Type::Int | Type::String => Some(format!(
                "a parameter of type {} is not supported here",
                self.show(ty)
            )),
            Type::Extern { .. } if param.direction != Direction::None => {
                Some("an object is passed without a direction".to_owned())
            }
            _ => None,
        };
        if let Some(problem) = problem {
            self.error(param.ty.span, problem);
            ty = self.unknown;
        }
        let default = self.default_argument(param, ty);
        let kind = VarKind::Param(param.direction);
        let id = self.declare_var(&param.name, ty, kind, &param.annotations);
        if let Some(default) = default {
            self.defaults.insert(id, default);
        }
        id
    }

    pub(super) fn action(&mut self, action: &ast::Action, control: Option<ControlId>) -> ActionId {
        let ((params, body), weight) = self.weighed(|c| {
            c.scoped(|c| {
                let params = c.params(&action.params);
                c.action_params(&params, &action.params);
                let body = c.at_place(Place::Action, |c| c.scoped(|c| c.block(&action.body)));
                (params, body)
            })
        });
        let annotations = self.annotations(&action.annotations);
        let id = ActionId(self.program.actions.len() as u32);
        self.set_weight(Body::Action(id), weight);
        self.program.actions.push(Action {
            name: action.name.name.to_string(),
            control_plane_name: ControlPlaneName::new(&action.name.name, &annotations),
            control,
            params,
            body,
            annotations,
            span: action.name.span,
        });
        self.declare(&action.name, Symbol::Action(id));
        id
    }

    /// Action data comes behind the parameters with a direction (specification, section 14.1).
    fn action_params(&mut self, vars: &[VarId], params: &[Param]) {
        let mut data = false;
        for (var, param) in vars.iter().zip(params) {
            if data && param.direction != Direction::None {
                let message = format!(
                    "the parameter `{}` has a direction, so it must stand before those without",
                    param.name.name
                );
                self.error(param.name.span, message);
                break;
            }
            data |= param.direction == Direction::None;
            let ty = self.program[*var].ty;
            if let Type::Extern { .. } = self.ty(ty) {
                let message = format!("{} cannot be passed to an action", self.show(ty));
                self.error(param.ty.span, message);
            }
        }
    }

    pub(super) fn function(&mut self, function: &ast::Function) {
        let prototype = &function.prototype;
        if !prototype.type_params.is_empty() {
            let what = format!("the generic function `{}`", prototype.name.name);
            self.unsupported(prototype.name.span, &what);
            return self.declare(&prototype.name, Symbol::Bad);
        }
        let result = self.resolve_type(&prototype.result);
        let ((params, body), weight) = self.weighed(|c| {
            c.scoped(|c| {
                let params = c.params(&prototype.params);
                let before = c.result.replace(result);
                let body = c.at_place(Place::Function, |c| c.scoped(|c| c.block(&function.body)));
                c.result = before;
                (params, body)
            })
        });
        if !matches!(self.ty(result), Type::Void | Type::Unknown) && !always_returns(&body) {
            let message = format!(
                "the function `{}` may end without a value",
                prototype.name.name
            );
            self.error(function.end, message);
        }
        let annotations = self.annotations(&prototype.annotations);
        let id = FunctionId(self.program.functions.len() as u32);
        self.set_weight(Body::Function(id), weight);
        self.program.functions.push(Function {
            name: prototype.name.name.to_string(),
            params,
            result,
            body,
            annotations,
            span: prototype.name.span,
        });
        self.declare(
            &prototype.name,
            Symbol::Functions(vec![FunctionRef::Defined(id)]),
        );
    }
}

/// Whether every way through the statements ends in `return` or `exit`.
fn always_returns(block: &Block) -> bool {
    block.stmts.iter().any(|stmt: &Stmt| match &stmt.kind {
        StmtKind::Return(_) | StmtKind::Exit => true,
        StmtKind::Block(block) => always_returns(block),
        StmtKind::If {
            then, otherwise, ..
        } => always_returns(then) && always_returns(otherwise),
        StmtKind::SwitchValue { cases, .. } => {
            cases.iter().any(|case| case.default)
                && cases.iter().all(|case| always_returns(&case.body))
        }
        _ => false,
    })
}
