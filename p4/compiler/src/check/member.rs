//! Members and elements: fields, members of enumerations and `error`, header stacks, tuples.

use num_bigint::BigInt;

use super::call::Called;
use super::constant::is_constant;
use super::scope::Symbol;
use super::types::similar;
use super::{Checker, Place};
use crate::diagnostic::Diagnostic;
use crate::hir::{Const, ErrorId, Expr, ExprKind, Type, TypeId};
use crate::source::Span;
use crate::syntax::ast::{self, Ident, TypeKind};

impl Checker<'_> {
    /// `base.name`
    pub(super) fn member(&mut self, base: &ast::Expr, name: &Ident, span: Span) -> Expr {
        match &base.kind {
            ast::ExprKind::Type(ty) if matches!(ty.kind, TypeKind::Error) => {
                return self.error_member(name, span);
            }
            ast::ExprKind::Type(ty) => {
                let ty = self.resolve_type(ty);
                return self.type_member(ty, name, span);
            }
            ast::ExprKind::Path(path) => {
                if let Some(Symbol::Type(ty)) = self.lookup(path) {
                    let ty = *ty;
                    return self.type_member(ty, name, span);
                }
            }
            ast::ExprKind::Call {
                callee,
                type_args,
                args,
            } => {
                return match self.call(callee, type_args, args, base.span) {
                    Called::Value(value) => self.value_member(value, name, span),
                    Called::Apply(table) => self.apply_member(table, name, span),
                    Called::Stmt(..) => {
                        self.error(base.span, "this call has no value");
                        self.bad_expr(span)
                    }
                    Called::Bad => self.bad_expr(span),
                };
            }
            _ => {}
        }
        let base = self.expr(base);
        self.value_member(base, name, span)
    }

    fn error_member(&mut self, name: &Ident, span: Span) -> Expr {
        let ty = self.intern(Type::Error);
        match self
            .program
            .errors
            .iter()
            .position(|member| **member == *name.name)
        {
            Some(index) => {
                let id = ErrorId(index as u32);
                Expr {
                    kind: ExprKind::Const(Const::Error(id)),
                    ty,
                    span,
                }
            }
            None => {
                self.error(name.span, format!("`error` has no member `{}`", name.name));
                self.bad_expr(span)
            }
        }
    }

    fn type_member(&mut self, ty: TypeId, name: &Ident, span: Span) -> Expr {
        let decl = match *self.ty(ty) {
            Type::Enum(decl) => decl,
            Type::Error => return self.error_member(name, span),
            Type::Unknown => return self.bad_expr(span),
            _ => {
                let message = format!("the type {} has no members", self.show(ty));
                self.error(span, message);
                return self.bad_expr(span);
            }
        };
        let members = &self.program[decl].members;
        let Some(index) = members.iter().position(|member| *member.name == *name.name) else {
            let message = format!(
                "the enumeration {} has no member `{}`",
                self.show(ty),
                name.name
            );
            let help = similar(&name.name, members.iter().map(|member| &*member.name));
            let diagnostic = Diagnostic::error(name.span, message);
            self.diagnostics.push(diagnostic.maybe_help(help));
            return self.bad_expr(span);
        };
        let constant = match (self.program[decl].representation, &members[index].value) {
            (None, _) => Const::Enum(index),
            (Some(_), Some(value)) => Const::Int(value.clone()),
            // Its value has an error of its own.
            (Some(_), None) => return self.bad_expr(span),
        };
        Expr {
            kind: ExprKind::Const(constant),
            ty,
            span,
        }
    }

    fn apply_member(&mut self, table: crate::hir::TableId, name: &Ident, span: Span) -> Expr {
        let bool = self.intern(Type::Bool);
        let kind = match &*name.name {
            "hit" => ExprKind::TableHit(table),
            "miss" => ExprKind::TableMiss(table),
            "action_run" => {
                self.error_with_help(
                    span,
                    "`action_run` is only known to `switch`",
                    "write `switch (table.apply().action_run) { ... }`",
                );
                return self.bad_expr(span);
            }
            other => {
                let message = format!("the result of `apply` has no member `{other}`");
                self.error(name.span, message);
                return self.bad_expr(span);
            }
        };
        Expr {
            kind,
            ty: bool,
            span,
        }
    }

    fn value_member(&mut self, base: Expr, name: &Ident, span: Span) -> Expr {
        match *self.ty(base.ty) {
            Type::Unknown => self.bad_expr(span),
            Type::Struct(decl) | Type::Header(decl) => {
                let fields = &self.program[decl].fields;
                let Some(field) = fields.iter().position(|field| *field.name == *name.name) else {
                    let message = format!("{} has no field `{}`", self.show(base.ty), name.name);
                    let help = similar(&name.name, fields.iter().map(|field| &*field.name));
                    let diagnostic = Diagnostic::error(name.span, message);
                    self.diagnostics.push(diagnostic.maybe_help(help));
                    return self.bad_expr(span);
                };
                let ty = fields[field].ty;
                let constant = is_constant(&base);
                match base.kind {
                    ExprKind::List(mut items) if constant && field < items.len() => Expr {
                        span,
                        ..items.swap_remove(field)
                    },
                    _ => Expr {
                        kind: ExprKind::Field {
                            base: Box::new(base),
                            field,
                        },
                        ty,
                        span,
                    },
                }
            }
            Type::Stack { element, size } => self.stack_member(base, element, size, name, span),
            _ => {
                let message = format!("{} has no member `{}`", self.show(base.ty), name.name);
                self.error(name.span, message);
                self.bad_expr(span)
            }
        }
    }

    /// `next`, `last`, `lastIndex` and `size` of a header stack (specification, section 8.18).
    fn stack_member(
        &mut self,
        base: Expr,
        element: TypeId,
        size: u32,
        name: &Ident,
        span: Span,
    ) -> Expr {
        let index = self.intern(Type::Bit(32));
        let base = Box::new(base);
        let (kind, ty) = match &*name.name {
            "size" => {
                let kind = ExprKind::Const(Const::Int(BigInt::from(size)));
                return Expr {
                    kind,
                    ty: index,
                    span,
                };
            }
            "next" => (ExprKind::StackNext(base), element),
            "last" => (ExprKind::StackLast(base), element),
            "lastIndex" => (ExprKind::StackLastIndex(base), index),
            other => {
                self.error(name.span, format!("a header stack has no member `{other}`"));
                return self.bad_expr(span);
            }
        };
        if self.place != Place::ParserState {
            self.error(
                name.span,
                format!("`{}` of a header stack is only for parsers", name.name),
            );
            return self.bad_expr(span);
        }
        Expr { kind, ty, span }
    }

    /// `base[index]`
    pub(super) fn index(&mut self, base: &ast::Expr, index: &ast::Expr, span: Span) -> Expr {
        let base = self.expr(base);
        let index_value = self.expr(index);
        if self.is_unknown(base.ty) || self.is_unknown(index_value.ty) {
            return self.bad_expr(span);
        }
        let is_integer = matches!(
            self.ty(self.program.underlying(index_value.ty)),
            Type::Int | Type::Bit(_) | Type::Signed(_)
        );
        if !is_integer {
            let message = format!("an index is an integer, not {}", self.show(index_value.ty));
            self.error(index.span, message);
            return self.bad_expr(span);
        }
        let constant = match index_value.constant() {
            Some(Const::Int(value)) => Some(value.clone()),
            _ => None,
        };
        match self.ty(base.ty).clone() {
            Type::Stack { element, size } => {
                if let Some(value) = &constant
                    && u32::try_from(value).ok().is_none_or(|value| value >= size)
                {
                    let message = format!(
                        "the stack has the elements 0 to {}, but not {value}",
                        size - 1
                    );
                    self.error(index.span, message);
                    return self.bad_expr(span);
                }
                let index = match constant {
                    Some(value) => {
                        let ty = self.intern(Type::Bit(32));
                        let kind = ExprKind::Const(Const::Int(value));
                        Expr {
                            kind,
                            ty,
                            span: index.span,
                        }
                    }
                    None => index_value,
                };
                let (base, index) = (Box::new(base), Box::new(index));
                Expr {
                    kind: ExprKind::StackElement { base, index },
                    ty: element,
                    span,
                }
            }
            Type::Tuple(members) => self.tuple_element(base, &members, constant, index.span, span),
            Type::Bit(_) | Type::Signed(_) => {
                let message = format!("{} has no elements", self.show(base.ty));
                self.error_with_help(span, message, "a bit is taken as a slice: `x[i:i]`");
                self.bad_expr(span)
            }
            _ => {
                let message = format!("{} has no elements", self.show(base.ty));
                self.error(span, message);
                self.bad_expr(span)
            }
        }
    }

    fn tuple_element(
        &mut self,
        base: Expr,
        members: &[TypeId],
        index: Option<BigInt>,
        index_span: Span,
        span: Span,
    ) -> Expr {
        let Some(index) = index else {
            self.error(
                index_span,
                "the index of a tuple must be known at compile time",
            );
            return self.bad_expr(span);
        };
        match usize::try_from(&index)
            .ok()
            .filter(|index| *index < members.len())
        {
            Some(index) => {
                let constant = is_constant(&base);
                match base.kind {
                    ExprKind::List(mut items) if constant && index < items.len() => Expr {
                        span,
                        ..items.swap_remove(index)
                    },
                    _ => {
                        let kind = ExprKind::TupleElement {
                            base: Box::new(base),
                            index,
                        };
                        Expr {
                            kind,
                            ty: members[index],
                            span,
                        }
                    }
                }
            }
            None => {
                let message = format!("a tuple of {} has no element {index}", members.len());
                self.error(index_span, message);
                self.bad_expr(span)
            }
        }
    }
}
