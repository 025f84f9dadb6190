//! Values that must be known at compile time.

use num_bigint::BigInt;

use std::ops::RangeInclusive;

use super::Checker;
use super::scope::Symbol;
use crate::hir::{Const, Expr, ExprKind, Type, TypeId};
use crate::syntax::ast;

/// The versions of v1model, named by their dates: the first, and the one with typed indices.
const V1MODEL_VERSIONS: RangeInclusive<u32> = 20_180_101..=20_200_408;

/// Whether all of the value is known at compile time.
pub(super) fn is_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Const(_) | ExprKind::InvalidHeader => true,
        ExprKind::List(items) => items.iter().all(is_constant),
        _ => false,
    }
}

impl Checker<'_> {
    pub(super) fn constant_declaration(&mut self, decl: &ast::Constant) {
        let ty = self.value_type(&decl.ty);
        let value = self.assigned(&decl.value, ty);
        if self.is_unknown(ty) || self.is_unknown(value.ty) {
            return self.declare(&decl.name, Symbol::Bad);
        }
        self.annotations(&decl.annotations);
        if !is_constant(&value) {
            self.not_constant(
                &value,
                &format!("the value of the constant `{}`", decl.name.name),
            );
            return self.declare(&decl.name, Symbol::Bad);
        }
        if &*decl.name.name == "__v1model_version" {
            self.check_v1model_version(&value);
        }
        self.declare(&decl.name, Symbol::Constant(value));
    }

    /// v1model.p4 puts the version that a program asks for into a constant.
    fn check_v1model_version(&mut self, value: &Expr) {
        let known = |version: &BigInt| {
            u32::try_from(version).is_ok_and(|version| V1MODEL_VERSIONS.contains(&version))
        };
        if let Some(Const::Int(version)) = value.constant()
            && !known(version)
        {
            let (first, last) = (V1MODEL_VERSIONS.start(), V1MODEL_VERSIONS.end());
            let message = format!("{version} is no version of v1model");
            let help = format!("define V1MODEL_VERSION as {first} to {last}, or not at all");
            self.error_with_help(value.span, message, help);
        }
    }

    fn not_constant(&mut self, value: &Expr, what: &str) {
        if !self.is_unknown(value.ty) {
            self.error(value.span, format!("{what} must be known at compile time"));
        }
    }

    /// A value of the type that must be known at compile time; `what` says of what.
    pub(super) fn constant_as(&mut self, expr: &ast::Expr, ty: TypeId, what: &str) -> Option<Expr> {
        let value = self.expr_as(expr, ty);
        if self.is_unknown(value.ty) {
            return None;
        }
        if !is_constant(&value) {
            self.not_constant(&value, what);
            return None;
        }
        Some(value)
    }

    /// An integer of that type.
    pub(super) fn constant_of_type(
        &mut self,
        expr: &ast::Expr,
        ty: TypeId,
        what: &str,
    ) -> Option<BigInt> {
        match self.constant_as(expr, ty, what)?.kind {
            ExprKind::Const(Const::Int(value)) => Some(value),
            _ => None,
        }
    }

    /// An integer of any type.
    pub(super) fn constant_integer(&mut self, expr: &ast::Expr, what: &str) -> Option<BigInt> {
        let value = self.expr(expr);
        if self.is_unknown(value.ty) {
            return None;
        }
        let is_integer = matches!(
            self.ty(self.program.underlying(value.ty)),
            Type::Int | Type::Bit(_) | Type::Signed(_)
        );
        match value.kind {
            ExprKind::Const(Const::Int(number)) => Some(number),
            _ if is_integer => {
                self.not_constant(&value, what);
                None
            }
            _ => {
                let message = format!("{what} is an integer, not {}", self.show(value.ty));
                self.error(expr.span, message);
                None
            }
        }
    }
}
