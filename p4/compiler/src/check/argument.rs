//! Arguments of calls: which belongs to which parameter, and whether it fits (specification,
//! section 6.8).

use super::Checker;
use super::constant::is_constant;
use super::infer::Bindings;
use super::instance::Naming;
use super::scope::Symbol;
use crate::diagnostic::Diagnostic;
use crate::hir::{Arg, Direction, Expr, ExternFunction, ObjectRef, Type, TypeId, VarId, VarKind};
use crate::source::Span;
use crate::syntax::ast::{self, Argument};

/// What a call needs to know of a parameter.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) ty: TypeId,
    pub(super) direction: Direction,
    pub(super) optional: bool,
    pub(super) default: Option<Expr>,
    /// Whether the argument must be known at compile time.
    pub(super) constant: bool,
}

/// The parameters of an extern function, method or constructor: those without direction are
/// bound at compile time.
pub(super) fn extern_parameters(function: &ExternFunction) -> Vec<Parameter> {
    let parameter = |param: &crate::hir::ExternParam| Parameter {
        name: param.name.clone(),
        ty: param.ty,
        direction: param.direction,
        optional: param.optional,
        default: param.default.clone(),
        constant: param.direction == Direction::None,
    };
    function.params.iter().map(parameter).collect()
}

/// Whether the arguments can belong to the parameters by their number and names.
pub(super) fn fits(parameters: &[Parameter], args: &[Argument]) -> bool {
    assign(parameters, args).is_ok()
}

/// For each parameter its argument, or what is wrong.
pub(super) fn assign<'x>(
    parameters: &[Parameter],
    args: &'x [Argument],
) -> Result<Vec<Option<&'x Argument>>, (Option<Span>, String)> {
    let mut assigned: Vec<Option<&Argument>> = vec![None; parameters.len()];
    let named = args.iter().filter(|arg| arg.name.is_some()).count();
    if named != 0 && named != args.len() {
        let message = "either all arguments of a call have names, or none";
        return Err((None, message.to_owned()));
    }
    for (position, arg) in args.iter().enumerate() {
        let index = match &arg.name {
            Some(name) => {
                let index = parameters
                    .iter()
                    .position(|param| *param.name == *name.name);
                let index = index.ok_or_else(|| {
                    (
                        Some(name.span),
                        format!("there is no parameter `{}`", name.name),
                    )
                })?;
                if assigned[index].is_some() {
                    let message = format!("the parameter `{}` has an argument already", name.name);
                    return Err((Some(name.span), message));
                }
                index
            }
            None => position,
        };
        match assigned.get_mut(index) {
            Some(slot) => *slot = Some(arg),
            None => return Err((Some(arg.span), count(parameters.len(), args.len()))),
        }
    }
    let missing = parameters
        .iter()
        .zip(&assigned)
        .find(|(param, arg)| arg.is_none() && !param.optional && param.default.is_none());
    match missing {
        Some((param, _)) if named > 0 || args.len() < parameters.len() => Err((
            None,
            format!("the parameter `{}` has no argument", param.name),
        )),
        _ => Ok(assigned),
    }
}

fn count(wanted: usize, given: usize) -> String {
    let plural = if wanted == 1 { "" } else { "s" };
    format!("this takes {wanted} argument{plural}, not {given}")
}

impl Checker<'_> {
    /// The parameters of an action, function, parser or control.
    pub(super) fn var_parameters(&self, vars: &[VarId]) -> Vec<Parameter> {
        let parameter = |id: &VarId| {
            let var = &self.program[*id];
            Parameter {
                name: var.name.clone(),
                ty: var.ty,
                direction: match var.kind {
                    VarKind::Param(direction) => direction,
                    VarKind::ConstructorParam | VarKind::Local => Direction::None,
                },
                optional: var.annotations.has("optional"),
                default: self.defaults.get(id).cloned(),
                constant: false,
            }
        };
        vars.iter().map(parameter).collect()
    }

    /// Checks the arguments of a call whose parameters have no open type parameters.
    pub(super) fn arguments(
        &mut self,
        parameters: &[Parameter],
        args: &[Argument],
        span: Span,
    ) -> Option<Vec<Arg>> {
        self.generic_arguments(parameters, &mut Bindings::default(), args, span)
    }

    /// Checks the arguments of a call and binds type parameters by them.
    pub(super) fn generic_arguments(
        &mut self,
        parameters: &[Parameter],
        bindings: &mut Bindings,
        args: &[Argument],
        span: Span,
    ) -> Option<Vec<Arg>> {
        let assigned = match assign(parameters, args) {
            Ok(assigned) => assigned,
            Err((place, message)) => {
                self.error(place.unwrap_or(span), message);
                return None;
            }
        };
        // First all that have a type of their own: they may settle the type parameters.
        let mut values: Vec<Option<Arg>> = Vec::with_capacity(parameters.len());
        for (parameter, arg) in parameters.iter().zip(&assigned) {
            let is_open = !self.is_resolved(parameter.ty, bindings);
            let value = arg.and_then(|arg| arg.value.as_ref());
            let takes_type = value.is_some_and(|value| {
                self.takes_type(value) && !matches!(value.kind, ast::ExprKind::List(_))
            });
            values.push(match (arg, value) {
                (Some(_), Some(value)) if is_open && !takes_type => {
                    let arg = self.natural_argument(parameter, value)?;
                    if let Arg::Expr(value) = &arg {
                        self.unify(parameter.ty, value.ty, bindings);
                    } else if let Arg::Object(object) = &arg {
                        let ty = self.object_type(*object);
                        self.unify(parameter.ty, ty, bindings);
                    }
                    Some(arg)
                }
                _ => None,
            });
        }
        let mut result = Vec::with_capacity(parameters.len());
        let mut failed = false;
        for ((parameter, arg), value) in parameters.iter().zip(&assigned).zip(values) {
            let ty = self.substitute(parameter.ty, bindings);
            let checked = match (arg, value) {
                (Some(arg), value) => self.argument(parameter, ty, arg, value),
                (None, _) => Some(match &parameter.default {
                    Some(default) => Arg::Expr(default.clone()),
                    None => Arg::Absent,
                }),
            };
            match checked {
                Some(arg) => result.push(arg),
                None => failed = true,
            }
        }
        (!failed).then_some(result)
    }

    /// An argument by itself; `None` after an error.
    fn natural_argument(&mut self, parameter: &Parameter, value: &ast::Expr) -> Option<Arg> {
        if let Some(object) = self.object(value) {
            return Some(Arg::Object(object));
        }
        let value = if parameter.direction.writes() {
            self.lvalue(value)
        } else {
            self.expr(value)
        };
        let writable = !parameter.direction.writes() || self.why_not_writable(&value).is_none();
        (writable && !self.is_unknown(value.ty)).then_some(Arg::Expr(value))
    }

    /// One argument; `value` if it is checked already. `None` after an error.
    fn argument(
        &mut self,
        parameter: &Parameter,
        ty: TypeId,
        arg: &Argument,
        value: Option<Arg>,
    ) -> Option<Arg> {
        let Some(expr) = &arg.value else {
            if parameter.direction != Direction::Out {
                self.error(arg.span, "`_` is only an argument for `out` parameters");
                return None;
            }
            return Some(Arg::DontCare);
        };
        let wants_object = matches!(self.ty(ty), Type::Extern { .. });
        let value = match value {
            Some(Arg::Object(object)) => return self.object_argument(object, ty, arg.span),
            Some(Arg::Expr(value)) => Some(value),
            _ => None,
        };
        if wants_object {
            return match self.object(expr) {
                Some(object) => self.object_argument(object, ty, arg.span),
                None if parameter.constant && matches!(expr.kind, ast::ExprKind::Call { .. }) => {
                    let naming = Naming {
                        name: &parameter.name,
                        anonymous: true,
                        annotations: &[],
                        span: arg.span,
                    };
                    let instance = self.instance_of(expr, &naming)?;
                    self.object_argument(ObjectRef::Instance(instance), ty, arg.span)
                }
                None => {
                    let message = format!("expected an object of type {}", self.show(ty));
                    self.error(arg.span, message);
                    None
                }
            };
        }
        if parameter.direction.writes() {
            return self.written_argument(parameter, ty, expr, value);
        }
        let value = match value {
            Some(value) => self.convert(value, ty),
            None => self.expr_as(expr, ty),
        };
        if self.is_unknown(value.ty) {
            return None;
        }
        if parameter.constant && !is_constant(&value) {
            let message = format!(
                "the argument for `{}` must be known at compile time",
                parameter.name
            );
            self.error(arg.span, message);
            return None;
        }
        if !parameter.constant && self.has_int(value.ty) {
            self.error_with_help(
                arg.span,
                "this number has no width",
                "write the width before it, as in `8w1`, or cast it: `(bit<8>) 1`",
            );
            return None;
        }
        Some(Arg::Expr(value))
    }

    fn written_argument(
        &mut self,
        parameter: &Parameter,
        ty: TypeId,
        expr: &ast::Expr,
        value: Option<Expr>,
    ) -> Option<Arg> {
        let value = match value {
            Some(value) => value,
            None => self.lvalue(expr),
        };
        // What is no l-value has an error already.
        if self.is_unknown(value.ty) || self.why_not_writable(&value).is_some() {
            return None;
        }
        if value.ty != ty && !self.is_unknown(ty) {
            let message = format!(
                "the argument for `{}` must be of type {} exactly, but it is {}",
                parameter.name,
                self.show(ty),
                self.show(value.ty)
            );
            self.error(expr.span, message);
            return None;
        }
        Some(Arg::Expr(value))
    }

    fn object_argument(&mut self, object: ObjectRef, ty: TypeId, span: Span) -> Option<Arg> {
        let given = self.object_type(object);
        if given != ty {
            let message = format!(
                "expected {}, but this is {}",
                self.show(ty),
                self.show(given)
            );
            let declared = match object {
                ObjectRef::Instance(instance) => self.program[instance].span,
                ObjectRef::Param(var) => self.program[var].span,
            };
            self.diagnostics
                .push(Diagnostic::error(span, message).label(declared, "declared here"));
            return None;
        }
        Some(Arg::Object(object))
    }

    /// The extern object that an expression names.
    pub(super) fn object(&self, expr: &ast::Expr) -> Option<ObjectRef> {
        let ast::ExprKind::Path(path) = &expr.kind else {
            return None;
        };
        match self.lookup(path)? {
            Symbol::Var(var) => matches!(self.ty(self.program[*var].ty), Type::Extern { .. })
                .then_some(ObjectRef::Param(*var)),
            Symbol::Instance(instance) => {
                let kind = &self.program[*instance].kind;
                matches!(kind, crate::hir::InstanceKind::Extern { .. })
                    .then_some(ObjectRef::Instance(*instance))
            }
            _ => None,
        }
    }

    /// The type of an extern object.
    pub(super) fn object_type(&mut self, object: ObjectRef) -> TypeId {
        match object {
            ObjectRef::Param(var) => self.program[var].ty,
            ObjectRef::Instance(instance) => match &self.program[instance].kind {
                crate::hir::InstanceKind::Extern {
                    object, type_args, ..
                } => {
                    let (object, args) = (*object, type_args.clone());
                    self.intern(Type::Extern { object, args })
                }
                _ => self.unknown,
            },
        }
    }
}
