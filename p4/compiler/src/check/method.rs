//! Calls with a dot: `apply`, built-in methods of headers and stacks, methods of extern objects.

use num_bigint::BigInt;

use super::call::Called;
use super::scope::Symbol;
use super::{Checker, Place};
use crate::hir::{
    Const, Expr, ExprKind, InstanceId, InstanceKind, ObjectRef, StmtKind, Type, TypeId, VarId,
};
use crate::source::Span;
use crate::syntax::ast::{self, Argument, Ident, TypeExpr};

/// The methods that tell the size of a type (specification, section 9).
fn is_size(name: &str) -> bool {
    matches!(
        name,
        "minSizeInBits" | "maxSizeInBits" | "minSizeInBytes" | "maxSizeInBytes"
    )
}

impl Checker<'_> {
    /// `base.name<...>(...)`
    pub(super) fn call_member(
        &mut self,
        base: &ast::Expr,
        name: &Ident,
        type_args: &[TypeExpr],
        args: &[Argument],
        span: Span,
    ) -> Called {
        if let Some(object) = self.object(base) {
            return self.call_method(object, name, type_args, args, span);
        }
        if !type_args.is_empty() {
            self.error(span, format!("`{}` takes no type arguments", name.name));
            return Called::Bad;
        }
        if let ast::ExprKind::Type(ty) = &base.kind {
            self.unsupported(ty.span, "applying a generic parser or control");
            return Called::Bad;
        }
        if let ast::ExprKind::Path(path) = &base.kind {
            match self.lookup(path).cloned() {
                Some(Symbol::Table(table)) => return self.apply_table(table, name, args, span),
                Some(Symbol::Instance(instance)) => {
                    return self.apply_instance(instance, name, args, span);
                }
                Some(Symbol::Block(block)) => {
                    if &*name.name != "apply" {
                        let message = format!("`{}` has no method `{}`", path.name.name, name.name);
                        self.error(name.span, message);
                        return Called::Bad;
                    }
                    return match self.direct_instance(block, &path.name, span) {
                        Some(instance) => self.apply_instance(instance, name, args, span),
                        None => Called::Bad,
                    };
                }
                Some(Symbol::Type(ty)) if is_size(&name.name) && args.is_empty() => {
                    return self.size_of(ty, &name.name, span);
                }
                _ => {}
            }
        }
        let base = self.expr(base);
        if self.is_unknown(base.ty) {
            return Called::Bad;
        }
        self.call_built_in(base, name, args, span)
    }

    fn apply_table(
        &mut self,
        table: crate::hir::TableId,
        name: &Ident,
        args: &[Argument],
        span: Span,
    ) -> Called {
        if &*name.name != "apply" {
            self.error(name.span, format!("a table has no method `{}`", name.name));
            return Called::Bad;
        }
        if !args.is_empty() {
            self.error(span, "`apply` of a table takes no arguments");
            return Called::Bad;
        }
        if self.place != Place::ControlBody {
            if self.place == Place::Locals {
                self.error_with_help(
                    span,
                    "a table that is applied in the key of another one is not supported",
                    "apply it before, and match on a variable that holds the result",
                );
            } else {
                self.error(span, "a table can only be applied in the body of a control");
            }
            return Called::Bad;
        }
        Called::Apply(table)
    }

    fn apply_instance(
        &mut self,
        instance: InstanceId,
        name: &Ident,
        args: &[Argument],
        span: Span,
    ) -> Called {
        let (params, place): (&[VarId], Place) = match self.program[instance].kind {
            InstanceKind::Parser { parser, .. } => {
                (&self.program[parser].params, Place::ParserState)
            }
            InstanceKind::Control { control, .. } => {
                (&self.program[control].params, Place::ControlBody)
            }
            InstanceKind::Extern { .. } => {
                return self.call_method(ObjectRef::Instance(instance), name, &[], args, span);
            }
        };
        if &*name.name != "apply" {
            self.error(
                name.span,
                format!("this instance has no method `{}`", name.name),
            );
            return Called::Bad;
        }
        let parameters = self.var_parameters(params);
        if self.place != place {
            let message = if place == Place::ParserState {
                "a parser can only be applied in the states of a parser"
            } else {
                "a control can only be applied in the body of a control"
            };
            self.error(span, message);
            return Called::Bad;
        }
        self.count_instance_use(instance, span);
        let Some(args) = self.arguments(&parameters, args, span) else {
            return Called::Bad;
        };
        Called::Stmt(if place == Place::ParserState {
            StmtKind::ApplyParser { instance, args }
        } else {
            StmtKind::ApplyControl { instance, args }
        })
    }

    /// The methods that headers, stacks and other values have by themselves (specification,
    /// sections 8.17, 8.18 and 9).
    fn call_built_in(&mut self, base: Expr, name: &Ident, args: &[Argument], span: Span) -> Called {
        let is_header = matches!(self.ty(base.ty), Type::Header(_));
        let stack = match self.ty(base.ty) {
            Type::Stack { size, .. } => Some(*size),
            _ => None,
        };
        match &*name.name {
            "push_front" | "pop_front" if stack.is_some() => {
                return self.shift_stack(base, name, args, span);
            }
            "isValid" | "setValid" | "setInvalid" if is_header => {}
            name if is_size(name) => {}
            other => {
                let message = format!("{} has no method `{other}`", self.show(base.ty));
                self.error(name.span, message);
                return Called::Bad;
            }
        }
        if !args.is_empty() {
            self.error(span, format!("`{}` takes no arguments", name.name));
            return Called::Bad;
        }
        match &*name.name {
            "isValid" => {
                let ty = self.intern(Type::Bool);
                Called::Value(Expr {
                    kind: ExprKind::IsValid(Box::new(base)),
                    ty,
                    span,
                })
            }
            "setValid" | "setInvalid" => {
                if let Some(reason) = self.why_not_writable(&base) {
                    self.error(base.span, reason);
                    return Called::Bad;
                }
                Called::Stmt(if &*name.name == "setValid" {
                    StmtKind::SetValid(base)
                } else {
                    StmtKind::SetInvalid(base)
                })
            }
            which => self.size_of(base.ty, which, span),
        }
    }

    fn size_of(&mut self, ty: TypeId, which: &str, span: Span) -> Called {
        let largest = which.starts_with("max");
        let Some(bits) = self.size_in_bits(ty, largest) else {
            let message = format!("{} has no size", self.show(ty));
            self.error(span, message);
            return Called::Bad;
        };
        let size = if which.ends_with("Bytes") {
            bits.div_ceil(8)
        } else {
            bits
        };
        let ty = self.intern(Type::Int);
        Called::Value(Expr {
            kind: ExprKind::Const(Const::Int(BigInt::from(size))),
            ty,
            span,
        })
    }

    fn size_in_bits(&self, ty: TypeId, largest: bool) -> Option<u64> {
        match self.ty(self.program.underlying(ty)) {
            Type::Varbit(_) if !largest => Some(0),
            Type::Struct(_) | Type::Header(_) | Type::Tuple(_) => {
                self.members(ty)?.into_iter().try_fold(0u64, |sum, member| {
                    sum.checked_add(self.size_in_bits(member, largest)?)
                })
            }
            Type::Stack { element, size } => self
                .size_in_bits(*element, largest)?
                .checked_mul(u64::from(*size)),
            _ => self.program.width(ty),
        }
    }

    fn shift_stack(&mut self, stack: Expr, name: &Ident, args: &[Argument], span: Span) -> Called {
        let [
            Argument {
                value: Some(count), ..
            },
        ] = args
        else {
            self.error(
                span,
                format!("`{}` takes 1 argument, not {}", name.name, args.len()),
            );
            return Called::Bad;
        };
        let Some(value) = self.constant_integer(count, "the number of elements") else {
            return Called::Bad;
        };
        if let Some(reason) = self.why_not_writable(&stack) {
            self.error(stack.span, reason);
            return Called::Bad;
        }
        let Ok(value) = u32::try_from(&value) else {
            self.error(count.span, format!("{value} is not a number of elements"));
            return Called::Bad;
        };
        Called::Stmt(if &*name.name == "push_front" {
            StmtKind::PushFront {
                stack,
                count: value,
            }
        } else {
            StmtKind::PopFront {
                stack,
                count: value,
            }
        })
    }
}
