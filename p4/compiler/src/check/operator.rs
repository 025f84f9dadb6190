//! Operators (specification, sections 8.5 to 8.12).

use num_bigint::BigInt;

use super::{Checker, arithmetic};
use crate::hir::{BinaryOp, Const, Expr, ExprKind, Type, TypeId, UnaryOp};
use crate::source::Span;
use crate::syntax::ast;

/// The longest string that `++` makes.
const STRING_LIMIT: usize = 64 << 10;

/// How an operator is written.
fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::AddSat => "|+|",
        BinaryOp::SubSat => "|-|",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::And => "&&",
        BinaryOp::Or => "||",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::Concat => "++",
    }
}

/// Whether two values are equal, if that is known at compile time.
fn equal(left: &Expr, right: &Expr) -> Option<bool> {
    match (&left.kind, &right.kind) {
        (ExprKind::Const(a), ExprKind::Const(b)) => Some(a == b),
        (ExprKind::List(a), ExprKind::List(b)) if a.len() == b.len() => {
            let parts: Option<Vec<bool>> = a.iter().zip(b).map(|(a, b)| equal(a, b)).collect();
            parts.map(|parts| parts.into_iter().all(|part| part))
        }
        _ => None,
    }
}

impl Checker<'_> {
    /// A boolean.
    pub(super) fn condition(&mut self, expr: &ast::Expr) -> Expr {
        let bool = self.intern(Type::Bool);
        self.expr_as(expr, bool)
    }

    /// `condition ? then : otherwise`, both of the same type.
    pub(super) fn choose(
        &mut self,
        condition: Expr,
        then: Expr,
        otherwise: Expr,
        span: Span,
    ) -> Expr {
        let ty = if self.is_unknown(then.ty) {
            otherwise.ty
        } else {
            then.ty
        };
        match condition.constant() {
            Some(Const::Bool(true)) => Expr { span, ..then },
            Some(Const::Bool(false)) => Expr { span, ..otherwise },
            _ => {
                let (condition, then) = (Box::new(condition), Box::new(then));
                let otherwise = Box::new(otherwise);
                Expr {
                    kind: ExprKind::Conditional {
                        condition,
                        then,
                        otherwise,
                    },
                    ty,
                    span,
                }
            }
        }
    }

    pub(super) fn unary(&mut self, op: UnaryOp, operand: Expr, span: Span) -> Expr {
        let operand = self.without_enum(operand);
        let ty = operand.ty;
        let fits = match (op, self.ty(ty)) {
            (_, Type::Unknown) => return self.bad_expr(span),
            (UnaryOp::Not, Type::Bool) => true,
            (UnaryOp::Neg, Type::Bit(_) | Type::Signed(_) | Type::Int) => true,
            (UnaryOp::BitNot, Type::Bit(_) | Type::Signed(_)) => true,
            _ => false,
        };
        if !fits {
            let symbol = match op {
                UnaryOp::Neg => "-",
                UnaryOp::BitNot => "~",
                UnaryOp::Not => "!",
            };
            let message = format!("the operator `{symbol}` does not work on {}", self.show(ty));
            self.error(span, message);
            return self.bad_expr(span);
        }
        let folded = match (op, operand.constant()) {
            (UnaryOp::Not, Some(Const::Bool(value))) => Some(Const::Bool(!value)),
            (UnaryOp::Neg, Some(Const::Int(value))) => {
                Some(Const::Int(arithmetic::wrap(-value, self.ty(ty))))
            }
            (UnaryOp::BitNot, Some(Const::Int(value))) => Some(Const::Int(arithmetic::wrap(
                -value - BigInt::from(1),
                self.ty(ty),
            ))),
            _ => None,
        };
        let kind = match folded {
            Some(value) => ExprKind::Const(value),
            None => ExprKind::Unary {
                op,
                operand: Box::new(operand),
            },
        };
        Expr { kind, ty, span }
    }

    /// A value of a serialisable enumeration as one of the type that represents it.
    fn without_enum(&mut self, value: Expr) -> Expr {
        match *self.ty(value.ty) {
            Type::Enum(decl) => match self.program[decl].representation {
                Some(representation) => self.retype(value, representation),
                None => value,
            },
            _ => value,
        }
    }

    /// Brings both operands to one type where a conversion is implied.
    fn same_type(&mut self, left: Expr, right: Expr) -> (Expr, Expr) {
        if left.ty == right.ty {
            return (left, right);
        }
        // A number without a width takes the type of the other side, never the other way round.
        let (left, right) = if *self.ty(right.ty) == Type::Int {
            let wanted = left.ty;
            match self.try_convert(right, wanted) {
                Ok(right) => return (left, right),
                Err(right) => (left, right),
            }
        } else {
            (left, right)
        };
        let (left_type, right_type) = (left.ty, right.ty);
        match self.try_convert(left, right_type) {
            Ok(left) => (left, right),
            Err(left) => match self.try_convert(right, left_type) {
                Ok(right) => (left, right),
                Err(right) => (left, right),
            },
        }
    }

    pub(super) fn binary(&mut self, op: BinaryOp, left: Expr, right: Expr, span: Span) -> Expr {
        if self.is_unknown(left.ty) || self.is_unknown(right.ty) {
            return self.bad_expr(span);
        }
        match op {
            BinaryOp::And | BinaryOp::Or => self.logical(op, left, right, span),
            BinaryOp::Eq | BinaryOp::Ne => self.equality(op, left, right, span),
            BinaryOp::Shl | BinaryOp::Shr => self.shift(op, left, right, span),
            BinaryOp::Concat => self.concat(left, right, span),
            _ => self.arithmetic(op, left, right, span),
        }
    }

    fn bad_operands(&mut self, op: BinaryOp, left: TypeId, right: TypeId, span: Span) -> Expr {
        let message = format!(
            "the operator `{}` does not work on {} and {}",
            symbol(op),
            self.show(left),
            self.show(right)
        );
        let widths = |ty: TypeId| matches!(self.ty(ty), Type::Bit(_) | Type::Signed(_));
        let help = match (self.ty(left), self.ty(right)) {
            _ if widths(left) && widths(right) => "both sides must have the same width and sign",
            (Type::NewType(_), _) | (_, Type::NewType(_)) => {
                "cast a value of a new type to the type that it is made of"
            }
            (Type::Int, Type::Int) => "give one of the numbers a width, as in `8w1`",
            _ => "",
        };
        if help.is_empty() {
            self.error(span, message);
        } else {
            self.error_with_help(span, message, help);
        }
        self.bad_expr(span)
    }

    fn logical(&mut self, op: BinaryOp, left: Expr, right: Expr, span: Span) -> Expr {
        let bool = self.intern(Type::Bool);
        if left.ty != bool || right.ty != bool {
            return self.bad_operands(op, left.ty, right.ty, span);
        }
        // The right side counts, and has its effects, only if the left side leaves it open.
        let decisive = op == BinaryOp::Or;
        match (left.constant(), right.constant()) {
            (Some(Const::Bool(value)), _) if *value == decisive => Expr { span, ..left },
            (Some(Const::Bool(_)), _) => Expr { span, ..right },
            (_, Some(Const::Bool(value))) if *value != decisive => Expr { span, ..left },
            _ => self.binary_node(op, left, right, bool, span),
        }
    }

    fn binary_node(&self, op: BinaryOp, left: Expr, right: Expr, ty: TypeId, span: Span) -> Expr {
        let (left, right) = (Box::new(left), Box::new(right));
        Expr {
            kind: ExprKind::Binary { op, left, right },
            ty,
            span,
        }
    }

    fn equality(&mut self, op: BinaryOp, left: Expr, right: Expr, span: Span) -> Expr {
        let (left, right) = if left.ty == right.ty {
            (left, right)
        } else {
            let (left, right) = (self.without_enum(left), self.without_enum(right));
            self.same_type(left, right)
        };
        let comparable = match self.ty(left.ty) {
            Type::Void | Type::Extern { .. } | Type::MatchKind | Type::Param { .. } => false,
            _ => left.ty == right.ty,
        };
        if !comparable {
            return self.bad_operands(op, left.ty, right.ty, span);
        }
        let bool = self.intern(Type::Bool);
        match equal(&left, &right) {
            Some(equal) => {
                let value = equal == (op == BinaryOp::Eq);
                Expr {
                    kind: ExprKind::Const(Const::Bool(value)),
                    ty: bool,
                    span,
                }
            }
            None => self.binary_node(op, left, right, bool, span),
        }
    }

    fn shift(&mut self, op: BinaryOp, left: Expr, right: Expr, span: Span) -> Expr {
        let left = self.without_enum(left);
        let right = self.without_enum(right);
        let ty = left.ty;
        let shiftable = matches!(self.ty(ty), Type::Bit(_) | Type::Signed(_) | Type::Int);
        let amount = match self.ty(right.ty) {
            Type::Bit(_) | Type::Int => true,
            Type::Signed(_) => right.constant().is_some(),
            _ => false,
        };

        if !shiftable || !amount {
            return self.bad_operands(op, ty, right.ty, span);
        }
        if let Some(Const::Int(amount)) = right.constant() {
            if amount.sign() == num_bigint::Sign::Minus {
                self.error(right.span, "this shifts by a negative amount");
                return self.bad_expr(span);
            }
            if let Some(Const::Int(value)) = left.constant() {
                return self.fold(op, value, amount, ty, span);
            }
        }
        if *self.ty(ty) == Type::Int {
            self.error_with_help(
                left.span,
                "a number without a width can only be shifted by an amount known at compile time",
                "give the number a width, as in `8w1`",
            );
            return self.bad_expr(span);
        }
        let right = self.with_width(right);
        self.binary_node(op, left, right, ty, span)
    }

    /// A shift amount without a width gets the smallest one that holds it.
    fn with_width(&mut self, value: Expr) -> Expr {
        match (self.ty(value.ty), value.constant()) {
            (Type::Int | Type::Signed(_), Some(Const::Int(number))) => {
                let bits = number.bits().clamp(1, u64::from(super::types::WIDTH_LIMIT)) as u32;
                let ty = self.intern(Type::Bit(bits));
                Expr { ty, ..value }
            }
            _ => value,
        }
    }

    fn fold(
        &mut self,
        op: BinaryOp,
        left: &BigInt,
        right: &BigInt,
        ty: TypeId,
        span: Span,
    ) -> Expr {
        match arithmetic::binary(op, left, right, self.ty(ty)) {
            Ok(value) => Expr {
                kind: ExprKind::Const(Const::Int(value)),
                ty,
                span,
            },
            Err(message) => {
                self.error(span, message);
                self.bad_expr(span)
            }
        }
    }

    fn concat(&mut self, left: Expr, right: Expr, span: Span) -> Expr {
        if let (Some(Const::String(a)), Some(Const::String(b))) =
            (left.constant(), right.constant())
        {
            if a.len() + b.len() > STRING_LIMIT {
                let message = format!("a string has at most {STRING_LIMIT} bytes");
                self.error(span, message);
                return self.bad_expr(span);
            }
            let kind = ExprKind::Const(Const::String(format!("{a}{b}")));
            return Expr {
                kind,
                ty: left.ty,
                span,
            };
        }
        let left = self.without_enum(left);
        let right = self.without_enum(right);
        let widths = match (self.ty(left.ty), self.ty(right.ty)) {
            (Type::Bit(a), Type::Bit(b) | Type::Signed(b)) => Some((*a, *b, false)),
            (Type::Signed(a), Type::Bit(b) | Type::Signed(b)) => Some((*a, *b, true)),
            _ => None,
        };
        let Some((left_width, right_width, signed)) = widths else {
            return self.bad_operands(BinaryOp::Concat, left.ty, right.ty, span);
        };
        let width = left_width + right_width;
        if width > super::types::WIDTH_LIMIT {
            let limit = super::types::WIDTH_LIMIT;
            self.error(
                span,
                format!("this has {width} bits, and {limit} are the limit"),
            );
            return self.bad_expr(span);
        }
        let ty = self.intern(if signed {
            Type::Signed(width)
        } else {
            Type::Bit(width)
        });
        match (left.constant(), right.constant()) {
            (Some(Const::Int(a)), Some(Const::Int(b))) => {
                let value = arithmetic::concat(a, b, right_width);
                let value = arithmetic::wrap(value, self.ty(ty));
                Expr {
                    kind: ExprKind::Const(Const::Int(value)),
                    ty,
                    span,
                }
            }
            _ => self.binary_node(BinaryOp::Concat, left, right, ty, span),
        }
    }

    /// `+ - * / % |+| |-| & | ^` and the order comparisons.
    fn arithmetic(&mut self, op: BinaryOp, left: Expr, right: Expr, span: Span) -> Expr {
        let left = self.without_enum(left);
        let right = self.without_enum(right);
        let (left, right) = self.same_type(left, right);
        let ty = left.ty;
        let fits = ty == right.ty
            && match (op, self.ty(ty)) {
                (BinaryOp::Div | BinaryOp::Mod, Type::Signed(_)) => false,
                (_, Type::Bit(_) | Type::Signed(_) | Type::Int) => true,
                _ => false,
            };
        if !fits {
            return self.bad_operands(op, ty, right.ty, span);
        }
        let is_comparison = matches!(
            op,
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge
        );
        let result = if is_comparison {
            self.intern(Type::Bool)
        } else {
            ty
        };
        match (left.constant(), right.constant()) {
            (Some(Const::Int(a)), Some(Const::Int(b))) => match arithmetic::compare(op, a, b) {
                Some(value) => Expr {
                    kind: ExprKind::Const(Const::Bool(value)),
                    ty: result,
                    span,
                },
                None => self.fold(op, a, b, ty, span),
            },
            (_, Some(Const::Int(b)))
                if matches!(op, BinaryOp::Div | BinaryOp::Mod) && b.bits() == 0 =>
            {
                self.error(span, "this divides by zero");
                self.bad_expr(span)
            }
            _ => self.binary_node(op, left, right, result, span),
        }
    }

    /// `base[hi:lo]`
    pub(super) fn slice(&mut self, base: Expr, hi: &BigInt, lo: &BigInt, span: Span) -> Expr {
        let base = self.without_enum(base);
        let width = match self.ty(base.ty) {
            Type::Unknown => return self.bad_expr(span),
            Type::Bit(width) | Type::Signed(width) => *width,
            Type::Int => {
                self.error_with_help(
                    base.span,
                    "a number without a width has no bits to take",
                    "give it a width, as in `8w1`",
                );
                return self.bad_expr(span);
            }
            _ => {
                let message = format!("{} has no bits to take", self.show(base.ty));
                self.error(base.span, message);
                return self.bad_expr(span);
            }
        };
        let inside = |bit: &BigInt| u32::try_from(bit).ok().filter(|bit| *bit < width);
        let (Some(high), Some(low)) = (inside(hi), inside(lo)) else {
            let message = format!(
                "the bits {hi} to {lo} are not all in {}",
                self.show(base.ty)
            );
            self.error(span, message);
            return self.bad_expr(span);
        };
        if high < low {
            let message = format!("the first bit of a slice is the higher one, but {hi} < {lo}");
            self.error(span, message);
            return self.bad_expr(span);
        }
        let ty = self.intern(Type::Bit(high - low + 1));
        let kind = match base.constant() {
            Some(Const::Int(value)) => {
                ExprKind::Const(Const::Int(arithmetic::slice(value, high, low)))
            }
            _ => ExprKind::Slice {
                base: Box::new(base),
                hi: high,
                lo: low,
            },
        };
        Expr { kind, ty, span }
    }
}
