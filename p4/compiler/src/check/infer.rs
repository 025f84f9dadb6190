//! Type arguments: those that are written, and those that follow from the arguments.

use super::Checker;
use crate::hir::{Type, TypeId};
use crate::source::Span;
use crate::syntax::ast::{TypeExpr, TypeKind};

/// The type arguments that are known so far, by the positions of the type parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Bindings {
    known: Vec<Option<TypeId>>,
}

impl Bindings {
    /// `outer` are those of the object; `own` more are open.
    pub(super) fn new(outer: &[TypeId], own: usize) -> Self {
        let known = outer
            .iter()
            .copied()
            .map(Some)
            .chain(std::iter::repeat_n(None, own));
        Self {
            known: known.collect(),
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<TypeId> {
        self.known.get(index).copied().flatten()
    }

    pub(super) fn bind(&mut self, index: usize, ty: TypeId) {
        if let Some(slot) = self.known.get_mut(index) {
            *slot = Some(ty);
        }
    }
}

impl Checker<'_> {
    /// Takes in the type arguments that are written; `outer` of the bindings are not its own.
    pub(super) fn written_type_args(
        &mut self,
        bindings: &mut Bindings,
        outer: usize,
        wanted: usize,
        args: &[TypeExpr],
        span: Span,
    ) -> bool {
        if args.is_empty() {
            return true;
        }
        if args.len() != wanted {
            let plural = if wanted == 1 { "" } else { "s" };
            let message = format!(
                "this takes {wanted} type argument{plural}, not {}",
                args.len()
            );
            self.error(span, message);
            return false;
        }
        for (index, arg) in args.iter().enumerate() {
            if matches!(arg.kind, TypeKind::DontCare) {
                continue;
            }
            let ty = self.resolve_type(arg);
            if self.is_unknown(ty) {
                return false;
            }
            bindings.bind(outer + index, ty);
        }
        true
    }

    /// Whether the type has no type parameters but those that are bound.
    pub(super) fn is_resolved(&self, ty: TypeId, bindings: &Bindings) -> bool {
        match self.ty(ty) {
            Type::Param { index, .. } => bindings.get(*index as usize).is_some(),
            Type::Tuple(members) => members.iter().all(|ty| self.is_resolved(*ty, bindings)),
            Type::Extern { args, .. } => args.iter().all(|ty| self.is_resolved(*ty, bindings)),
            Type::Stack { element, .. } => self.is_resolved(*element, bindings),
            _ => true,
        }
    }

    /// The type with the bound type arguments in place of the parameters; a parameter that is
    /// not bound makes it unknown.
    pub(super) fn substitute(&mut self, ty: TypeId, bindings: &Bindings) -> TypeId {
        let list = |c: &mut Self, types: &[TypeId]| {
            types
                .iter()
                .map(|ty| c.substitute(*ty, bindings))
                .collect::<Vec<_>>()
        };
        match self.ty(ty).clone() {
            Type::Param { index, .. } => bindings.get(index as usize).unwrap_or(self.unknown),
            Type::Tuple(members) => {
                let members = list(self, &members);
                self.intern(Type::Tuple(members))
            }
            Type::Extern { object, args } if !args.is_empty() => {
                let args = list(self, &args);
                self.intern(Type::Extern { object, args })
            }
            _ => ty,
        }
    }

    /// Binds type parameters in `wanted` so that it becomes `given`, where the two have the same
    /// shape. What does not fit is left for the conversion of the argument to report.
    pub(super) fn unify(&self, wanted: TypeId, given: TypeId, bindings: &mut Bindings) {
        match (self.ty(wanted), self.ty(given)) {
            (Type::Param { index, .. }, _) => {
                let index = *index as usize;
                // A number without a width takes the type that another argument gives.
                let weak = |ty: TypeId| *self.ty(ty) == Type::Int;
                match bindings.get(index) {
                    None => bindings.bind(index, given),
                    Some(bound) if weak(bound) && !weak(given) => bindings.bind(index, given),
                    Some(_) => {}
                }
            }
            (Type::Tuple(a), Type::Tuple(b)) => {
                let pairs: Vec<_> = a.iter().copied().zip(b.iter().copied()).collect();
                pairs
                    .into_iter()
                    .for_each(|(a, b)| self.unify(a, b, bindings));
            }
            (Type::Extern { object: x, args: a }, Type::Extern { object: y, args: b })
                if x == y =>
            {
                let pairs: Vec<_> = a.iter().copied().zip(b.iter().copied()).collect();
                pairs
                    .into_iter()
                    .for_each(|(a, b)| self.unify(a, b, bindings));
            }
            (Type::Stack { element: a, .. }, Type::Stack { element: b, .. }) => {
                self.unify(*a, *b, bindings);
            }
            _ => {}
        }
    }

    /// Whether a type has the type `int` in it.
    pub(super) fn has_int(&self, ty: TypeId) -> bool {
        match self.ty(ty) {
            Type::Int => true,
            Type::Tuple(members) => members.iter().any(|ty| self.has_int(*ty)),
            Type::Extern { args, .. } => args.iter().any(|ty| self.has_int(*ty)),
            _ => false,
        }
    }
}
