//! Calls (specification, sections 8.20 and 12.2).

use super::argument::{Parameter, extern_parameters, fits};
use super::infer::Bindings;
use super::scope::{FunctionRef, Symbol};
use super::weight::Body;
use super::{Checker, Place};
use crate::hir::{
    Arg, Call, Callee, Const, Expr, ExprKind, ExternId, ObjectRef, StmtKind, TableId, Type, TypeId,
};
use crate::source::Span;
use crate::syntax::ast::{self, Argument, Path, TypeExpr};

/// What a call turns out to be.
pub(super) enum Called {
    /// Something with a value.
    Value(Expr),
    /// Something without one.
    Stmt(StmtKind),
    /// `table.apply()`, of which the result may be used.
    Apply(TableId),
    /// Something with an error.
    Bad,
}

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        callee: &ast::Expr,
        type_args: &[TypeExpr],
        args: &[Argument],
        span: Span,
    ) -> Called {
        match &callee.kind {
            ast::ExprKind::Path(path) => self.call_path(path, type_args, args, span),
            ast::ExprKind::Member { base, name } => {
                self.call_member(base, name, type_args, args, span)
            }
            ast::ExprKind::Type(_) => {
                self.error(span, "an object cannot be constructed here");
                Called::Bad
            }
            _ => {
                self.error(callee.span, "this cannot be called");
                Called::Bad
            }
        }
    }

    fn call_path(
        &mut self,
        path: &Path,
        type_args: &[TypeExpr],
        args: &[Argument],
        span: Span,
    ) -> Called {
        let name = &path.name.name;
        match self.lookup(path).cloned() {
            Some(Symbol::Functions(functions)) => {
                self.call_function(&functions, type_args, args, span)
            }
            Some(Symbol::Action(action)) => {
                if !type_args.is_empty() {
                    self.error(span, "an action takes no type arguments");
                }
                if !matches!(self.place, Place::ControlBody | Place::Action) {
                    let message = format!("the action `{name}` cannot be called here");
                    self.error_with_help(
                        span,
                        message,
                        "actions are called in the body of a control, in actions and by tables",
                    );
                    return Called::Bad;
                }
                let parameters = self.var_parameters(&self.program[action].params);
                self.count_use(Body::Action(action), span);
                match self.arguments(&parameters, args, span) {
                    Some(args) => Called::Stmt(StmtKind::CallAction { action, args }),
                    None => Called::Bad,
                }
            }
            Some(Symbol::Bad) => Called::Bad,
            Some(symbol) => {
                let message = format!("`{name}` is {}, which cannot be called", symbol.kind());
                self.error(span, message);
                Called::Bad
            }
            None => {
                self.unknown_name(path, "function or action");
                Called::Bad
            }
        }
    }

    fn call_function(
        &mut self,
        functions: &[FunctionRef],
        type_args: &[TypeExpr],
        args: &[Argument],
        span: Span,
    ) -> Called {
        let parameters: Vec<Vec<Parameter>> = functions
            .iter()
            .map(|function| match function {
                FunctionRef::Extern(id) => extern_parameters(&self.program[*id]),
                FunctionRef::Defined(id) => self.var_parameters(&self.program[*id].params),
            })
            .collect();
        let Some(chosen) = self.choose_overload(&parameters, args, span) else {
            return Called::Bad;
        };
        let (callee, own, result) = match functions[chosen] {
            FunctionRef::Extern(id) => {
                let function = &self.program[id];
                (
                    Callee::ExternFunction(id),
                    function.type_params.len(),
                    function.result,
                )
            }
            FunctionRef::Defined(id) => {
                self.count_use(Body::Function(id), span);
                (Callee::Function(id), 0, self.program[id].result)
            }
        };
        let bindings = Bindings::new(&[], own);
        let signature = Signature {
            parameters: &parameters[chosen],
            own,
            result,
        };
        let called = self.finish_call(callee, signature, bindings, 0, type_args, args, span);
        match called {
            Some((call, result)) => self.extern_effects(call, result),
            None => Called::Bad,
        }
    }

    /// Which of several functions of one name is called: that whose parameters fit the arguments
    /// by number and names.
    fn choose_overload(
        &mut self,
        candidates: &[Vec<Parameter>],
        args: &[Argument],
        span: Span,
    ) -> Option<usize> {
        if candidates.len() == 1 {
            return Some(0);
        }
        let fitting: Vec<usize> = (0..candidates.len())
            .filter(|index| fits(&candidates[*index], args))
            .collect();
        match fitting.as_slice() {
            [only] => Some(*only),
            [] => {
                let counts: Vec<String> = candidates
                    .iter()
                    .map(|params| params.len().to_string())
                    .collect();
                let message = format!(
                    "none of the {} functions of this name takes these {} arguments",
                    candidates.len(),
                    args.len()
                );
                let help = format!("they take {} arguments", counts.join(" or "));
                self.error_with_help(span, message, help);
                None
            }
            _ => {
                self.error(
                    span,
                    "more than one function of this name takes these arguments",
                );
                None
            }
        }
    }

    /// A call of a method of an extern object.
    pub(super) fn call_method(
        &mut self,
        object: ObjectRef,
        name: &ast::Ident,
        type_args: &[TypeExpr],
        args: &[Argument],
        span: Span,
    ) -> Called {
        let ty = self.object_type(object);
        let Type::Extern {
            object: extern_object,
            args: object_args,
        } = self.ty(ty).clone()
        else {
            return Called::Bad;
        };
        let methods: Vec<usize> = self.program[extern_object]
            .methods
            .iter()
            .enumerate()
            .filter(|(_, method)| *method.name == *name.name)
            .map(|(index, _)| index)
            .collect();
        if methods.is_empty() {
            let message = format!("{} has no method `{}`", self.show(ty), name.name);
            self.error(name.span, message);
            return Called::Bad;
        }
        let parameters: Vec<Vec<Parameter>> = methods
            .iter()
            .map(|method| extern_parameters(&self.program[extern_object].methods[*method]))
            .collect();
        let Some(chosen) = self.choose_overload(&parameters, args, span) else {
            return Called::Bad;
        };
        if !self.method_allowed_here(extern_object, name) {
            return Called::Bad;
        }
        let method = methods[chosen];
        let declaration = &self.program[extern_object].methods[method];
        let (own, result) = (declaration.type_params.len(), declaration.result);
        let bindings = Bindings::new(&object_args, own);
        let callee = Callee::ExternMethod {
            object,
            extern_object,
            method,
        };
        let signature = Signature {
            parameters: &parameters[chosen],
            own,
            result,
        };
        let outer = object_args.len();
        match self.finish_call(callee, signature, bindings, outer, type_args, args, span) {
            Some((call, result)) => self.extern_effects(call, result),
            None => Called::Bad,
        }
    }

    /// The methods of `packet_in` are for parsers (specification, section 13.8).
    fn method_allowed_here(&mut self, extern_object: ExternId, name: &ast::Ident) -> bool {
        let in_parser = matches!(
            self.place,
            Place::ParserState | Place::Locals | Place::Function
        );
        if &*self.program[extern_object].name != "packet_in" || in_parser {
            return true;
        }
        self.error(
            name.span,
            format!("`{}` of `packet_in` is only for parsers", name.name),
        );
        false
    }

    #[allow(clippy::too_many_arguments)] // one for each part of a call
    fn finish_call(
        &mut self,
        callee: Callee,
        signature: Signature<'_>,
        mut bindings: Bindings,
        outer: usize,
        type_args: &[TypeExpr],
        args: &[Argument],
        span: Span,
    ) -> Option<(Call, TypeId)> {
        let own = signature.own;
        if !self.written_type_args(&mut bindings, outer, own, type_args, span) {
            return None;
        }
        let args = self.generic_arguments(signature.parameters, &mut bindings, args, span)?;
        let mut bound = Vec::with_capacity(own);
        for index in outer..outer + own {
            match bindings.get(index) {
                Some(ty) => bound.push(ty),
                None => {
                    self.error_with_help(
                        span,
                        "a type argument of this call does not follow from its arguments",
                        "write it: `f<type>(...)`",
                    );
                    return None;
                }
            }
        }
        let result = self.substitute(signature.result, &bindings);
        Some((
            Call {
                callee,
                type_args: bound,
                args,
                span,
            },
            result,
        ))
    }

    /// A finished call as statement or value; `static_assert` is evaluated.
    fn extern_effects(&mut self, call: Call, result: TypeId) -> Called {
        if let Callee::ExternFunction(id) = call.callee {
            let name = &*self.program[id].name;
            if name == "static_assert" {
                return self.static_assert(&call, result);
            }
            if name == "verify" && self.place != Place::ParserState {
                self.error(call.span, "`verify` is only for parsers");
                return Called::Bad;
            }
        }
        if !self.packet_call_fits(&call) {
            return Called::Bad;
        }
        if *self.ty(result) == Type::Void {
            return Called::Stmt(StmtKind::Call(call));
        }
        let span = call.span;
        Called::Value(Expr {
            kind: ExprKind::Call(call),
            ty: result,
            span,
        })
    }

    /// `static_assert` (specification, appendix B).
    fn static_assert(&mut self, call: &Call, result: TypeId) -> Called {
        let check = call
            .args
            .first()
            .and_then(Arg::expr)
            .and_then(Expr::constant);
        if check == Some(&Const::Bool(false)) {
            let text = match call
                .args
                .get(1)
                .and_then(Arg::expr)
                .and_then(Expr::constant)
            {
                Some(Const::String(text)) => format!("static_assert failed: {text}"),
                _ => "static_assert failed".to_owned(),
            };
            self.error(call.span, text);
            return Called::Bad;
        }
        let kind = ExprKind::Const(Const::Bool(true));
        Called::Value(Expr {
            kind,
            ty: result,
            span: call.span,
        })
    }
}

/// What a call needs to know of a function.
struct Signature<'x> {
    parameters: &'x [Parameter],
    /// How many type parameters it has of its own.
    own: usize,
    result: TypeId,
}
