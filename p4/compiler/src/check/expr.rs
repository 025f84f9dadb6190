//! Expressions whose type comes from themselves.

use super::call::Called;
use super::scope::Symbol;
use super::{Checker, arithmetic};
use crate::hir::{Const, Direction, Expr, ExprKind, Type, TypeId, VarKind};
use crate::syntax::ast;
use crate::warning::WarningClass;

impl Checker<'_> {
    /// Checks an expression. A literal without a width has the type `int`.
    pub(super) fn expr(&mut self, expr: &ast::Expr) -> Expr {
        let span = expr.span;
        match &expr.kind {
            ast::ExprKind::Int(literal) => self.integer(literal, span),
            ast::ExprKind::String(text) => {
                let ty = self.intern(Type::String);
                Expr {
                    kind: ExprKind::Const(Const::String(text.clone())),
                    ty,
                    span,
                }
            }
            ast::ExprKind::Bool(value) => {
                let ty = self.intern(Type::Bool);
                Expr {
                    kind: ExprKind::Const(Const::Bool(*value)),
                    ty,
                    span,
                }
            }
            ast::ExprKind::Path(path) => self.path(path, span),
            ast::ExprKind::Type(_) => {
                self.error(span, "expected a value, but this is a type");
                self.bad_expr(span)
            }
            ast::ExprKind::This => {
                self.unsupported(span, "`this`");
                self.bad_expr(span)
            }
            ast::ExprKind::Dots | ast::ExprKind::Invalid | ast::ExprKind::Struct { .. } => {
                self.error_with_help(
                    span,
                    "the type of this value is not known here",
                    "put a cast before it: `(type) { ... }`",
                );
                self.bad_expr(span)
            }
            ast::ExprKind::List(items) => self.list(items, span),
            ast::ExprKind::Member { base, name } => self.member(base, name, span),
            ast::ExprKind::Index { base, index } => self.index(base, index, span),
            ast::ExprKind::Slice { base, hi, lo } => {
                let base = self.expr(base);
                let hi = self.constant_integer(hi, "the first bit of a slice");
                let lo = self.constant_integer(lo, "the last bit of a slice");
                match (hi, lo) {
                    (Some(hi), Some(lo)) => self.slice(base, &hi, &lo, span),
                    _ => self.bad_expr(span),
                }
            }
            ast::ExprKind::PlusSlice { base, lo, width } => self.plus_slice(base, lo, width, span),
            ast::ExprKind::Unary { op, operand } => {
                let operand = self.expr(operand);
                self.unary(*op, operand, span)
            }
            ast::ExprKind::Plus(operand) => {
                let operand = self.expr(operand);
                if !matches!(
                    self.ty(operand.ty),
                    Type::Int | Type::Bit(_) | Type::Signed(_) | Type::Unknown
                ) {
                    let message = format!(
                        "the operator `+` does not work on {}",
                        self.show(operand.ty)
                    );
                    self.error(span, message);
                }
                operand
            }
            ast::ExprKind::Binary { op, left, right } => {
                let left_value = self.operand(left, right);
                let right_value = self.operand(right, left);
                match (left_value, right_value) {
                    (Some(left), Some(right)) => self.binary(*op, left, right, span),
                    // One side has no type of its own: it takes that of the other.
                    (Some(value), None) => {
                        let other = self.expr_as(right, value.ty);
                        self.binary(*op, value, other, span)
                    }
                    (None, Some(value)) => {
                        let other = self.expr_as(left, value.ty);
                        self.binary(*op, other, value, span)
                    }
                    (None, None) => self.expr(left),
                }
            }
            ast::ExprKind::Conditional {
                condition,
                then,
                otherwise,
            } => self.conditional(condition, then, otherwise, span),
            ast::ExprKind::Cast { ty, operand } => {
                let to = self.value_type(ty);
                if self.takes_type(operand) {
                    return Expr {
                        span,
                        ..self.expr_as(operand, to)
                    };
                }
                let value = self.expr(operand);
                self.cast(value, to, span)
            }
            ast::ExprKind::Call {
                callee,
                type_args,
                args,
            } => match self.call(callee, type_args, args, span) {
                Called::Value(value) => value,
                Called::Stmt(..) | Called::Apply(_) => {
                    self.error(span, "this call has no value");
                    self.bad_expr(span)
                }
                Called::Bad => self.bad_expr(span),
            },
        }
    }

    /// Whether the expression takes its type from where it stands.
    pub(super) fn takes_type(&self, expr: &ast::Expr) -> bool {
        matches!(
            expr.kind,
            ast::ExprKind::Dots
                | ast::ExprKind::Invalid
                | ast::ExprKind::Struct { .. }
                | ast::ExprKind::List(_)
        )
    }

    /// One side of an operator; `None` if its type comes from the other side.
    fn operand(&mut self, operand: &ast::Expr, other: &ast::Expr) -> Option<Expr> {
        if self.takes_type(operand) && !self.takes_type(other) {
            return None;
        }
        Some(self.expr(operand))
    }

    fn integer(&mut self, literal: &crate::syntax::IntLiteral, span: crate::source::Span) -> Expr {
        let ty = match literal.width {
            None => Type::Int,
            Some((width, signed)) => {
                if !(1..=super::types::WIDTH_LIMIT).contains(&width) {
                    let limit = super::types::WIDTH_LIMIT;
                    let message = format!("a width is between 1 and {limit} bits, not {width}");
                    self.error(span, message);
                    return self.bad_expr(span);
                }
                if signed {
                    Type::Signed(width)
                } else {
                    Type::Bit(width)
                }
            }
        };
        let value = arithmetic::wrap(literal.value.clone(), &ty);
        let id = self.intern(ty);
        if value != literal.value {
            let message = format!(
                "{} does not fit into {}: {value} is left",
                literal.value,
                self.show(id)
            );
            self.warning(WarningClass::Mismatch, span, message);
        }
        Expr {
            kind: ExprKind::Const(Const::Int(value)),
            ty: id,
            span,
        }
    }

    fn path(&mut self, path: &ast::Path, span: crate::source::Span) -> Expr {
        match self.lookup(path).cloned() {
            Some(Symbol::Constant(value)) => {
                let count = self.extent(value.ty).leaves;
                if count > 1 && !self.count_values(count, span) {
                    return self.bad_expr(span);
                }
                Expr { span, ..value }
            }
            Some(Symbol::Var(var)) => {
                let ty = self.program[var].ty;
                if let Type::Extern { .. } = self.ty(ty) {
                    let message = format!("`{}` is an object, not a value", path.name.name);
                    self.error(span, message);
                    return self.bad_expr(span);
                }
                Expr {
                    kind: ExprKind::Var(var),
                    ty,
                    span,
                }
            }
            Some(Symbol::Bad) => self.bad_expr(span),
            Some(symbol) => {
                let message = format!("`{}` is {}, not a value", path.name.name, symbol.kind());
                self.error(span, message);
                self.bad_expr(span)
            }
            None => {
                self.unknown_name(path, "variable or constant");
                self.bad_expr(span)
            }
        }
    }

    fn list(&mut self, items: &[ast::Expr], span: crate::source::Span) -> Expr {
        let items: Vec<Expr> = items.iter().map(|item| self.expr(item)).collect();
        if items.iter().any(|item| self.is_unknown(item.ty)) {
            return self.bad_expr(span);
        }
        let members: Vec<TypeId> = items.iter().map(|item| item.ty).collect();
        let ty = self.intern(Type::Tuple(members));
        let ty = self.bounded(ty, span);
        Expr {
            kind: ExprKind::List(items),
            ty,
            span,
        }
    }

    fn conditional(
        &mut self,
        condition: &ast::Expr,
        then: &ast::Expr,
        otherwise: &ast::Expr,
        span: crate::source::Span,
    ) -> Expr {
        let condition = self.condition(condition);
        let (then, otherwise) = match (self.takes_type(then), self.takes_type(otherwise)) {
            (true, false) => {
                let otherwise = self.expr(otherwise);
                (self.expr_as(then, otherwise.ty), otherwise)
            }
            (false, true) => {
                let then = self.expr(then);
                let otherwise = self.expr_as(otherwise, then.ty);
                (then, otherwise)
            }
            _ => (self.expr(then), self.expr(otherwise)),
        };
        if self.is_unknown(then.ty) || self.is_unknown(otherwise.ty) {
            return self.bad_expr(span);
        }
        let (then_type, otherwise_type) = (then.ty, otherwise.ty);
        if *self.ty(otherwise_type) == Type::Int && *self.ty(then_type) != Type::Int {
            let otherwise = self.convert(otherwise, then_type);
            return self.choose(condition, then, otherwise, span);
        }
        let then = match self.try_convert(then, otherwise_type) {
            Ok(then) => then,
            Err(then) => {
                let otherwise = self.convert(otherwise, then_type);
                return self.choose(condition, then, otherwise, span);
            }
        };
        let int = *self.ty(then.ty) == Type::Int;
        if int && condition.constant().is_none() {
            self.error_with_help(
                span,
                "the choice between two numbers without a width has no width either",
                "give one of them a width, as in `8w1`",
            );
            return self.bad_expr(span);
        }
        self.choose(condition, then, otherwise, span)
    }

    /// Why an expression cannot be written to; `None` if it can (specification, section 6.6).
    pub(super) fn why_not_writable(&self, expr: &Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Var(var) => {
                let var = &self.program[*var];
                let name = &var.name;
                match var.kind {
                    VarKind::Param(Direction::In) => Some(format!(
                        "`{name}` is an `in` parameter and cannot be written"
                    )),
                    VarKind::Param(Direction::None) => Some(format!(
                        "the parameter `{name}` has no direction and cannot be written"
                    )),
                    VarKind::ConstructorParam => Some(format!(
                        "the constructor parameter `{name}` cannot be written"
                    )),
                    VarKind::Param(_) | VarKind::Local => None,
                }
            }
            ExprKind::Field { base, .. }
            | ExprKind::TupleElement { base, .. }
            | ExprKind::StackElement { base, .. }
            | ExprKind::StackNext(base)
            | ExprKind::StackLast(base)
            | ExprKind::Slice { base, .. } => self.why_not_writable(base),
            _ if self.is_unknown(expr.ty) => None,
            _ => Some("only variables and their parts can be written".to_owned()),
        }
    }

    /// Checks an expression that is written to.
    pub(super) fn lvalue(&mut self, expr: &ast::Expr) -> Expr {
        let target = self.expr(expr);
        if let Some(reason) = self.why_not_writable(&target) {
            self.error(expr.span, reason);
        }
        target
    }
}
