//! Implicit conversions (specification, section 8.11.2), casts (section 8.11.1), and values
//! whose type comes from where they stand: lists, struct initialisers and `...`.

use num_bigint::BigInt;

use super::{Checker, arithmetic};
use crate::hir::{Const, ErrorId, Expr, ExprKind, Type, TypeId};
use crate::source::Span;
use crate::syntax::ast::{self, Ident};
use crate::warning::WarningClass;

impl Checker<'_> {
    /// Checks an expression where a value of type `ty` is needed.
    pub(super) fn expr_as(&mut self, expr: &ast::Expr, ty: TypeId) -> Expr {
        if self.is_unknown(ty) {
            return self.expr_quietly(expr);
        }
        match &expr.kind {
            ast::ExprKind::List(items) if self.members(ty).is_some() => {
                self.list_as(items, ty, expr.span)
            }
            ast::ExprKind::Struct { fields, dots } => self.struct_as(fields, *dots, ty, expr.span),
            ast::ExprKind::Dots => self.default_value(ty, expr.span),
            ast::ExprKind::Invalid => {
                if !self.program.is_header(ty) {
                    let message = format!("`{{#}}` is an invalid header, not {}", self.show(ty));
                    self.error(expr.span, message);
                    return self.bad_expr(expr.span);
                }
                Expr {
                    kind: ExprKind::InvalidHeader,
                    ty,
                    span: expr.span,
                }
            }
            ast::ExprKind::Conditional {
                condition,
                then,
                otherwise,
            } => {
                let condition = self.condition(condition);
                let then = self.expr_as(then, ty);
                let otherwise = self.expr_as(otherwise, ty);
                self.choose(condition, then, otherwise, expr.span)
            }
            _ => {
                let value = self.expr(expr);
                self.convert(value, ty)
            }
        }
    }

    /// Checks a value that is assigned, or the first value of a variable or constant. There a
    /// number without a width becomes a value of a newtype without a cast, as in p4c.
    pub(super) fn assigned(&mut self, expr: &ast::Expr, ty: TypeId) -> Expr {
        let base = self.program.underlying(ty);
        let newtype = matches!(self.ty(ty), Type::NewType(_));
        let number = matches!(self.ty(base), Type::Bit(_) | Type::Signed(_));
        if !newtype || !number || self.takes_type(expr) {
            return self.expr_as(expr, ty);
        }
        let value = self.expr(expr);
        if *self.ty(value.ty) == Type::Int && value.constant().is_some() {
            let value = self.fit(value, base);
            return self.retype(value, ty);
        }
        self.convert(value, ty)
    }

    /// Checks an expression whose type does not matter any more.
    fn expr_quietly(&mut self, expr: &ast::Expr) -> Expr {
        match expr.kind {
            ast::ExprKind::Struct { .. } | ast::ExprKind::Dots | ast::ExprKind::Invalid => {
                self.bad_expr(expr.span)
            }
            _ => self.expr(expr),
        }
    }

    /// The types of the members of a struct, header or tuple.
    pub(super) fn members(&self, ty: TypeId) -> Option<Vec<TypeId>> {
        match self.ty(ty) {
            Type::Struct(decl) | Type::Header(decl) => Some(
                self.program[*decl]
                    .fields
                    .iter()
                    .map(|field| field.ty)
                    .collect(),
            ),
            Type::Tuple(members) => Some(members.clone()),
            _ => None,
        }
    }

    fn list_as(&mut self, items: &[ast::Expr], ty: TypeId, span: Span) -> Expr {
        let members = self.members(ty).unwrap_or_default();
        let (mut items, mut rest) = (items, 0);
        if let Some((last, before)) = items.split_last()
            && matches!(last.kind, ast::ExprKind::Dots)
        {
            items = before;
            rest = members.len().saturating_sub(before.len());
        }
        if items.len() + rest != members.len() {
            let message = format!(
                "{} has {} members, but this list has {}",
                self.show(ty),
                members.len(),
                items.len()
            );
            self.error(span, message);
            return self.bad_expr(span);
        }
        let mut values: Vec<Expr> = items
            .iter()
            .zip(&members)
            .map(|(item, member)| self.expr_as(item, *member))
            .collect();
        for member in &members[items.len()..] {
            values.push(self.default_value(*member, span));
        }
        Expr {
            kind: ExprKind::List(values),
            ty,
            span,
        }
    }

    fn struct_as(
        &mut self,
        fields: &[(Ident, ast::Expr)],
        dots: Option<Span>,
        ty: TypeId,
        span: Span,
    ) -> Expr {
        let (Type::Struct(decl) | Type::Header(decl)) = *self.ty(ty) else {
            let message = format!("expected {}, but this is a struct", self.show(ty));
            self.error(span, message);
            return self.bad_expr(span);
        };
        let wanted: Vec<(String, TypeId)> = self.program[decl]
            .fields
            .iter()
            .map(|field| (field.name.clone(), field.ty))
            .collect();
        for (index, (name, _)) in fields.iter().enumerate() {
            if !wanted.iter().any(|(known, _)| **known == *name.name) {
                let message = format!("{} has no field `{}`", self.show(ty), name.name);
                self.error(name.span, message);
            } else if fields[..index]
                .iter()
                .any(|(before, _)| before.name == name.name)
            {
                self.error(
                    name.span,
                    format!("the field `{}` has a value already", name.name),
                );
            }
        }
        let mut values = Vec::with_capacity(wanted.len());
        for (field, field_type) in &wanted {
            let given = fields.iter().find(|(name, _)| *name.name == **field);
            values.push(match (given, dots) {
                (Some((_, value)), _) => self.expr_as(value, *field_type),
                (None, Some(dots)) => self.default_value(*field_type, dots),
                (None, None) => {
                    self.error_with_help(
                        span,
                        format!("the field `{field}` has no value"),
                        "`...` at the end stands for the default values of all other fields",
                    );
                    self.bad_expr(span)
                }
            });
        }
        Expr {
            kind: ExprKind::List(values),
            ty,
            span,
        }
    }

    /// The default value of a type (specification, section 7.3).
    fn default_value(&mut self, ty: TypeId, span: Span) -> Expr {
        if !self.count_values(1, span) {
            return self.bad_expr(span);
        }

        let kind = match self.ty(self.program.underlying(ty)) {
            Type::Bit(_) | Type::Signed(_) | Type::Int => ExprKind::Const(Const::Int(BigInt::ZERO)),
            Type::Bool => ExprKind::Const(Const::Bool(false)),
            Type::Error => ExprKind::Const(Const::Error(ErrorId(0))),
            Type::Enum(_) => ExprKind::Const(Const::Enum(0)),
            Type::String => ExprKind::Const(Const::String(String::new())),
            Type::Header(_) => ExprKind::InvalidHeader,
            Type::Struct(_) | Type::Tuple(_) => {
                let members = self.members(ty).unwrap_or_default();
                ExprKind::List(
                    members
                        .into_iter()
                        .map(|member| self.default_value(member, span))
                        .collect(),
                )
            }
            _ => {
                let message = format!("{} has no default value", self.show(ty));
                self.error(span, message);
                return self.bad_expr(span);
            }
        };
        Expr { kind, ty, span }
    }

    /// Converts a value to the type that is needed, or says that it has the wrong type.
    pub(super) fn convert(&mut self, value: Expr, to: TypeId) -> Expr {
        match self.try_convert(value, to) {
            Ok(value) => value,
            Err(value) => {
                let span = value.span;
                self.mismatch(&value, to);
                self.bad_expr(span)
            }
        }
    }

    /// The error that a value has the wrong type.
    pub(super) fn mismatch(&mut self, value: &Expr, to: TypeId) {
        let message = format!(
            "expected {}, but this is {}",
            self.show(to),
            self.show(value.ty)
        );
        let numeric = |ty: TypeId| {
            matches!(
                self.ty(self.program.underlying(ty)),
                Type::Bit(_) | Type::Signed(_)
            )
        };
        let named = matches!(self.ty(to), Type::NewType(_) | Type::Enum(_)) && numeric(to);
        let number = *self.ty(value.ty) == Type::Int && named;
        if number || (numeric(to) && numeric(value.ty)) {
            let help = format!("a cast converts it: `({}) ...`", self.program.type_name(to));
            self.error_with_help(value.span, message, help);
        } else {
            self.error(value.span, message);
        }
    }

    /// Converts a value if a conversion is implied; gives it back otherwise.
    pub(super) fn try_convert(&mut self, value: Expr, to: TypeId) -> Result<Expr, Expr> {
        if value.ty == to || self.is_unknown(value.ty) || self.is_unknown(to) {
            return Ok(value);
        }
        match (self.ty(value.ty), self.ty(to)) {
            (Type::Int, Type::Bit(_) | Type::Signed(_)) => match value.constant() {
                Some(Const::Int(_)) => Ok(self.fit(value, to)),
                _ => Err(value),
            },
            // What an `int` is made of is known at compile time.
            (Type::Bit(_) | Type::Signed(_), Type::Int) if value.constant().is_some() => {
                Ok(Expr { ty: to, ..value })
            }
            (Type::Enum(decl), _) => match self.program[*decl].representation {
                Some(representation) => {
                    let inner = self.retype(value, representation);
                    self.try_convert(inner, to)
                }
                None => Err(value),
            },
            (Type::Tuple(_), Type::Struct(_) | Type::Header(_) | Type::Tuple(_)) => {
                self.convert_list(value, to)
            }
            _ => Err(value),
        }
    }

    fn convert_list(&mut self, value: Expr, to: TypeId) -> Result<Expr, Expr> {
        let members = self.members(to).unwrap_or_default();
        let ExprKind::List(items) = value.kind else {
            return Err(value);
        };
        if items.len() != members.len() {
            let kind = ExprKind::List(items);
            return Err(Expr { kind, ..value });
        }
        let items = items
            .into_iter()
            .zip(members)
            .map(|(item, member)| self.convert(item, member));
        let items = items.collect();
        Ok(Expr {
            kind: ExprKind::List(items),
            ty: to,
            span: value.span,
        })
    }

    /// The same value under a type with the same representation.
    pub(super) fn retype(&mut self, value: Expr, ty: TypeId) -> Expr {
        let span = value.span;
        match value.kind {
            ExprKind::Const(constant) => Expr {
                kind: ExprKind::Const(constant),
                ty,
                span,
            },
            _ => Expr {
                kind: ExprKind::Cast(Box::new(value)),
                ty,
                span,
            },
        }
    }

    /// A constant of type `int` as a value of a type with a width.
    fn fit(&mut self, value: Expr, to: TypeId) -> Expr {
        let ExprKind::Const(Const::Int(number)) = value.kind else {
            return value;
        };
        let target = self.ty(to).clone();
        let cut = arithmetic::wrap(number.clone(), &target);
        let negative = |n: &BigInt| n.sign() == num_bigint::Sign::Minus;
        // The bits of a negative number are those of its complement.
        let fits = cut == number
            || match target {
                Type::Bit(width) => negative(&number) && (-&number).bits() <= u64::from(width),
                Type::Signed(width) => !negative(&number) && number.bits() <= u64::from(width),
                _ => false,
            };
        if !fits {
            let message = format!(
                "{number} does not fit into {}: {cut} is left",
                self.show(to)
            );
            self.warning(WarningClass::Mismatch, value.span, message);
        }
        Expr {
            kind: ExprKind::Const(Const::Int(cut)),
            ty: to,
            span: value.span,
        }
    }

    /// `(to) value`
    pub(super) fn cast(&mut self, value: Expr, to: TypeId, span: Span) -> Expr {
        if self.is_unknown(value.ty) || self.is_unknown(to) {
            return self.bad_expr(span);
        }
        if value.ty == to {
            return Expr { span, ..value };
        }
        let from = self.ty(self.program.underlying(value.ty)).clone();
        let target = self.ty(self.program.underlying(to)).clone();
        let folded = match (&from, &target, value.constant()) {
            (
                Type::Int | Type::Bit(_) | Type::Signed(_),
                Type::Bit(_) | Type::Signed(_) | Type::Int,
                Some(Const::Int(number)),
            ) if numeric_cast(&from, &target) => {
                Some(Const::Int(arithmetic::wrap(number.clone(), &target)))
            }
            (Type::Bool, Type::Bit(1), Some(Const::Bool(bit))) => {
                Some(Const::Int(BigInt::from(u8::from(*bit))))
            }
            (Type::Bit(1) | Type::Int, Type::Bool, Some(Const::Int(number)))
                if number.bits() <= 1 && number.sign() != num_bigint::Sign::Minus =>
            {
                Some(Const::Bool(number.bit(0)))
            }
            _ if from == target => value.constant().cloned(),
            _ => None,
        };
        if let Some(constant) = folded {
            return Expr {
                kind: ExprKind::Const(constant),
                ty: to,
                span,
            };
        }
        let allowed = match (&from, &target) {
            _ if from == target => true,
            (Type::Bit(_) | Type::Signed(_), Type::Bit(_) | Type::Signed(_)) => {
                numeric_cast(&from, &target)
            }
            (Type::Bool, Type::Bit(1)) | (Type::Bit(1), Type::Bool) => true,
            _ => false,
        };
        if allowed {
            return Expr {
                kind: ExprKind::Cast(Box::new(value)),
                ty: to,
                span,
            };
        }
        match self.try_convert(value, to) {
            Ok(value) => Expr { span, ..value },
            Err(value) => {
                let message = format!(
                    "{} cannot be cast to {}",
                    self.show(value.ty),
                    self.show(to)
                );
                match (&from, &target) {
                    (Type::Bit(_), Type::Signed(_)) | (Type::Signed(_), Type::Bit(_)) => {
                        let help = "change the sign and the width in two casts";
                        self.error_with_help(span, message, help);
                    }
                    _ => self.error(span, message),
                }
                self.bad_expr(span)
            }
        }
    }
}

/// Whether one cast converts between the numeric types: a change of the sign keeps the width.
fn numeric_cast(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Bit(a), Type::Signed(b)) | (Type::Signed(a), Type::Bit(b)) => a == b,
        _ => true,
    }
}
