//! Constructors of expressions that compute what is constant.

use num_bigint::BigInt;

use super::ir::{BinaryOp, Expr, ExprKind, FieldRef, ScalarType, UnaryOp};

/// All ones in the `width` lowest bits.
pub(super) fn ones(width: u32) -> BigInt {
    (BigInt::from(1) << width) - 1
}

/// `value` cut to a type: modulo its width, in two's complement if it is signed.
pub(super) fn wrap(value: &BigInt, ty: ScalarType) -> BigInt {
    let width = ty.width();
    let cut = value & ones(width);
    if ty.signed() && width > 0 && cut.bit(u64::from(width) - 1) {
        cut - (BigInt::from(1) << width)
    } else {
        cut
    }
}

impl Expr {
    /// A number.
    pub(super) fn int(value: impl Into<BigInt>, ty: ScalarType) -> Self {
        Expr {
            kind: ExprKind::Int(value.into()),
            ty,
        }
    }

    /// A boolean constant.
    pub(super) fn bool(value: bool) -> Self {
        Expr {
            kind: ExprKind::Bool(value),
            ty: ScalarType::Bool,
        }
    }

    /// The value of a field.
    pub(super) fn field(field: FieldRef, ty: ScalarType) -> Self {
        Expr {
            kind: ExprKind::Field(field),
            ty,
        }
    }

    /// The number, if it is one.
    pub(super) fn as_int(&self) -> Option<&BigInt> {
        match &self.kind {
            ExprKind::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The boolean, if it is a constant.
    pub(super) fn as_bool(&self) -> Option<bool> {
        match self.kind {
            ExprKind::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// `op operand`, of the operand's type.
    pub(super) fn unary(op: UnaryOp, operand: Expr) -> Self {
        let ty = operand.ty;
        match (op, &operand.kind) {
            (UnaryOp::Not, ExprKind::Bool(value)) => return Expr::bool(!value),
            (UnaryOp::Neg, ExprKind::Int(value)) => return Expr::int(wrap(&-value, ty), ty),
            (UnaryOp::BitNot, ExprKind::Int(value)) => {
                return Expr::int(wrap(&!value.clone(), ty), ty);
            }
            _ => {}
        }
        Expr {
            kind: ExprKind::Unary(op, Box::new(operand)),
            ty,
        }
    }

    /// `left op right` of type `ty`.
    pub(super) fn binary(op: BinaryOp, left: Expr, right: Expr, ty: ScalarType) -> Self {
        if let (Some(a), Some(b)) = (left.as_int(), right.as_int())
            && let Some(folded) = fold_ints(op, a, b, left.ty, right.ty, ty)
        {
            return folded;
        }
        match (op, left.as_bool(), right.as_bool()) {
            (BinaryOp::And, Some(true), _) | (BinaryOp::Or, Some(false), _) => return right,
            (BinaryOp::And, _, Some(true)) | (BinaryOp::Or, _, Some(false)) => return left,
            (BinaryOp::And, Some(false), _) | (BinaryOp::And, _, Some(false)) => {
                return Expr::bool(false);
            }
            (BinaryOp::Or, Some(true), _) | (BinaryOp::Or, _, Some(true)) => {
                return Expr::bool(true);
            }
            (BinaryOp::Eq, Some(a), Some(b)) => return Expr::bool(a == b),
            (BinaryOp::Ne, Some(a), Some(b)) => return Expr::bool(a != b),
            (BinaryOp::Eq, Some(a), None) => return right.equals_bool(a),
            (BinaryOp::Eq, None, Some(b)) => return left.equals_bool(b),
            (BinaryOp::Ne, Some(a), None) => return right.equals_bool(!a),
            (BinaryOp::Ne, None, Some(b)) => return left.equals_bool(!b),
            _ => {}
        }
        Expr {
            kind: ExprKind::Binary(op, Box::new(left), Box::new(right)),
            ty,
        }
    }

    fn equals_bool(self, value: bool) -> Self {
        if value {
            self
        } else {
            Expr::unary(UnaryOp::Not, self)
        }
    }

    /// `condition ? then : otherwise`.
    pub(super) fn mux(condition: Expr, then: Expr, otherwise: Expr) -> Self {
        match condition.as_bool() {
            Some(true) => return then,
            Some(false) => return otherwise,
            None => {}
        }
        match (then.as_bool(), otherwise.as_bool()) {
            (Some(true), Some(false)) => return condition,
            (Some(false), Some(true)) => return Expr::unary(UnaryOp::Not, condition),
            _ => {}
        }
        let ty = then.ty;
        let kind = ExprKind::Mux(Box::new(condition), Box::new(then), Box::new(otherwise));
        Expr { kind, ty }
    }

    /// The expression converted to `ty`.
    pub(super) fn cast(self, ty: ScalarType) -> Self {
        if self.ty == ty {
            return self;
        }
        match (&self.kind, ty) {
            (ExprKind::Int(value), ScalarType::Bits { .. }) => {
                return Expr::int(wrap(value, ty), ty);
            }
            (ExprKind::Int(value), ScalarType::Bool) => {
                return Expr::bool(*value != BigInt::from(0));
            }
            (ExprKind::Bool(value), ScalarType::Bits { .. }) => {
                return Expr::int(u8::from(*value), ty);
            }
            _ => {}
        }
        Expr {
            kind: ExprKind::Cast(Box::new(self)),
            ty,
        }
    }

    /// `base[hi:lo]`.
    pub(super) fn slice(base: Expr, hi: u32, lo: u32) -> Self {
        let ty = ScalarType::bits(hi - lo + 1);
        if let Some(value) = base.as_int() {
            return Expr::int(wrap(&(value >> lo), ty), ty);
        }
        if lo == 0 && base.ty == ty {
            return base;
        }
        if let ExprKind::Slice {
            base, lo: inner, ..
        } = base.kind
        {
            return Expr {
                kind: ExprKind::Slice {
                    base,
                    hi: hi + inner,
                    lo: lo + inner,
                },
                ty,
            };
        }
        Expr {
            kind: ExprKind::Slice {
                base: Box::new(base),
                hi,
                lo,
            },
            ty,
        }
    }
}

fn fold_ints(
    op: BinaryOp,
    a: &BigInt,
    b: &BigInt,
    left: ScalarType,
    right: ScalarType,
    ty: ScalarType,
) -> Option<Expr> {
    let zero = BigInt::from(0);
    let saturate = |value: BigInt| {
        let (low, high) = if ty.signed() {
            let half = BigInt::from(1) << (ty.width() - 1);
            (-half.clone(), half - 1)
        } else {
            (zero.clone(), ones(ty.width()))
        };
        value.clamp(low, high)
    };
    let number = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        // A division by zero is left for the target to meet, or not.
        BinaryOp::Div if *b != zero => a / b,
        BinaryOp::Mod if *b != zero => a % b,
        BinaryOp::AddSat => saturate(a + b),
        BinaryOp::SubSat => saturate(a - b),
        BinaryOp::Shl => {
            let amount = u32::try_from(b).ok()?;
            if amount >= ty.width() {
                zero
            } else {
                a << amount
            }
        }
        BinaryOp::Shr => match u32::try_from(b) {
            Ok(amount) if amount < left.width() => a >> amount,
            _ if *a < zero => BigInt::from(-1),
            _ => zero,
        },
        BinaryOp::BitAnd => a & b,
        BinaryOp::BitOr => a | b,
        BinaryOp::BitXor => a ^ b,
        BinaryOp::Concat => (a << right.width()) | (b & ones(right.width())),
        BinaryOp::Eq => return Some(Expr::bool(a == b)),
        BinaryOp::Ne => return Some(Expr::bool(a != b)),
        BinaryOp::Lt => return Some(Expr::bool(a < b)),
        BinaryOp::Le => return Some(Expr::bool(a <= b)),
        BinaryOp::Gt => return Some(Expr::bool(a > b)),
        BinaryOp::Ge => return Some(Expr::bool(a >= b)),
        BinaryOp::Div | BinaryOp::Mod | BinaryOp::And | BinaryOp::Or => return None,
    };
    Some(Expr::int(wrap(&number, ty), ty))
}
