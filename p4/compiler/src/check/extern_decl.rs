//! Extern objects and extern functions (specification, section 7.2.10).

use super::Checker;
use super::scope::{FunctionRef, Symbol};
use crate::hir::{
    Direction, ExternFunction, ExternFunctionId, ExternId, ExternObject, ExternParam, Type, TypeId,
};
use crate::syntax::ast::{self, Ident, Param, Prototype};

impl Checker<'_> {
    /// Declares type parameters; `first` is the position of the first one.
    pub(super) fn declare_type_params(&mut self, params: &[Ident], first: usize) {
        for (index, param) in params.iter().enumerate() {
            let name = param.name.to_string();
            let ty = self.intern(Type::Param {
                name,
                index: (first + index) as u32,
            });
            self.declare(param, Symbol::Type(ty));
        }
    }

    pub(super) fn extern_object(&mut self, decl: &ast::Extern) {
        if let Some(span) = decl.abstract_method {
            self.unsupported(span, "an abstract method");
        }
        let id = ExternId(self.program.extern_objects.len() as u32);
        let annotations = self.annotations(&decl.annotations);
        self.program.extern_objects.push(ExternObject {
            name: decl.name.name.to_string(),
            type_params: decl
                .type_params
                .iter()
                .map(|param| param.name.to_string())
                .collect(),
            constructors: Vec::new(),
            methods: Vec::new(),
            annotations,
            span: decl.name.span,
        });
        // Its methods may name it.
        self.declare(&decl.name, Symbol::Extern(id));
        let (mut constructors, mut methods) = (Vec::new(), Vec::new());
        self.scoped(|c| {
            c.declare_type_params(&decl.type_params, 0);
            for method in &decl.methods {
                let signature = c.prototype(method, decl.type_params.len());
                if method.name.name == decl.name.name {
                    constructors.push(signature);
                } else {
                    methods.push(signature);
                }
            }
        });
        self.program[id].constructors = constructors;
        self.program[id].methods = methods;
    }

    pub(super) fn extern_function(&mut self, prototype: &Prototype) {
        let function = self.scoped(|c| c.prototype(prototype, 0));
        let id = ExternFunctionId(self.program.extern_functions.len() as u32);
        self.program.extern_functions.push(function);
        self.declare(
            &prototype.name,
            Symbol::Functions(vec![FunctionRef::Extern(id)]),
        );
    }

    fn prototype(&mut self, prototype: &Prototype, outer_type_params: usize) -> ExternFunction {
        self.scoped(|c| {
            c.declare_type_params(&prototype.type_params, outer_type_params);
            let params = prototype
                .params
                .iter()
                .map(|param| c.extern_param(param))
                .collect();
            let result = c.resolve_type(&prototype.result);
            ExternFunction {
                name: prototype.name.name.to_string(),
                type_params: prototype
                    .type_params
                    .iter()
                    .map(|p| p.name.to_string())
                    .collect(),
                params,
                result,
                annotations: c.annotations(&prototype.annotations),
                span: prototype.name.span,
            }
        })
    }

    fn extern_param(&mut self, param: &Param) -> ExternParam {
        let annotations = self.annotations(&param.annotations);
        let ty = self.resolve_type(&param.ty);
        let default = self.default_argument(param, ty);
        ExternParam {
            name: param.name.name.to_string(),
            ty,
            direction: param.direction,
            optional: annotations.has("optional"),
            default,
        }
    }

    /// The value of a parameter for when no argument is given (specification, section 6.8.2).
    pub(super) fn default_argument(
        &mut self,
        param: &Param,
        ty: TypeId,
    ) -> Option<crate::hir::Expr> {
        let default = param.default.as_ref()?;
        if !matches!(param.direction, Direction::In | Direction::None) {
            let message = "only a parameter that is `in` or has no direction has a default value";
            self.error(default.span, message);
            return None;
        }
        self.constant_as(default, ty, "the default value of a parameter")
    }
}
