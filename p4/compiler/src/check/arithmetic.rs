//! Arithmetic on values known at compile time (specification, sections 8.5 to 8.11).

use num_bigint::{BigInt, Sign};

use crate::hir::{BinaryOp, Type};

/// A value of type `int` may have at most so many bits.
const INT_BITS: u64 = 8192;

/// The value cut to the width of a `bit` or `int` type; other types leave it as it is.
pub(super) fn wrap(value: BigInt, ty: &Type) -> BigInt {
    match *ty {
        Type::Bit(width) => value & mask(width),
        Type::Signed(width) => {
            let value = value & mask(width);
            if value.bit(u64::from(width) - 1) {
                value - (BigInt::from(1) << width)
            } else {
                value
            }
        }
        _ => value,
    }
}

/// `width` ones.
pub(super) fn mask(width: u32) -> BigInt {
    (BigInt::from(1) << width) - 1
}

/// The bits `hi` to `lo` of a value of at least `hi + 1` bits.
pub(super) fn slice(value: &BigInt, hi: u32, lo: u32) -> BigInt {
    (value >> lo) & mask(hi - lo + 1)
}

/// `left ++ right`, where `right` has `width` bits, before it is cut to its type.
pub(super) fn concat(left: &BigInt, right: &BigInt, width: u32) -> BigInt {
    (left << width) | (right & mask(width))
}

/// The result of an arithmetic operator whose operands and result have the type `ty` (for
/// shifts: whose left operand has).
pub(super) fn binary(
    op: BinaryOp,
    left: &BigInt,
    right: &BigInt,
    ty: &Type,
) -> Result<BigInt, &'static str> {
    let value = match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::AddSat => return Ok(saturate(left + right, ty)),
        BinaryOp::SubSat => return Ok(saturate(left - right, ty)),
        BinaryOp::Div | BinaryOp::Mod => {
            if right.sign() == Sign::NoSign {
                return Err("this divides by zero");
            }
            if left.sign() == Sign::Minus || right.sign() == Sign::Minus {
                return Err("division and remainder are not defined for negative values");
            }
            if op == BinaryOp::Div {
                left / right
            } else {
                left % right
            }
        }
        BinaryOp::BitAnd => left & right,
        BinaryOp::BitOr => left | right,
        BinaryOp::BitXor => left ^ right,
        BinaryOp::Shl | BinaryOp::Shr => shift(op, left, right, ty)?,
        _ => return Err("this operator has no integer result"),
    };
    if *ty == Type::Int && value.bits() > INT_BITS {
        return Err("this value is too large to work with");
    }
    Ok(wrap(value, ty))
}

fn shift(op: BinaryOp, left: &BigInt, right: &BigInt, ty: &Type) -> Result<BigInt, &'static str> {
    let width = match ty {
        Type::Bit(width) | Type::Signed(width) => u64::from(*width),
        _ => INT_BITS + 1,
    };
    if right.sign() == Sign::Minus {
        return Err("this shifts by a negative amount");
    }
    // More than the width of the value is as good as the width.
    let amount = u64::try_from(right).unwrap_or(u64::MAX).min(width);
    if op == BinaryOp::Shr {
        return Ok(left >> amount);
    }
    if *ty == Type::Int && amount > INT_BITS && left.sign() != Sign::NoSign {
        return Err("this value is too large to work with");
    }
    Ok(left << amount)
}

fn saturate(value: BigInt, ty: &Type) -> BigInt {
    let (low, high) = match *ty {
        Type::Bit(width) => (BigInt::ZERO, mask(width)),
        Type::Signed(width) => (-(BigInt::from(1) << (width - 1)), mask(width - 1)),
        _ => return value,
    };
    value.clamp(low, high)
}

/// The result of a comparison.
pub(super) fn compare(op: BinaryOp, left: &BigInt, right: &BigInt) -> Option<bool> {
    Some(match op {
        BinaryOp::Eq => left == right,
        BinaryOp::Ne => left != right,
        BinaryOp::Lt => left < right,
        BinaryOp::Le => left <= right,
        BinaryOp::Gt => left > right,
        BinaryOp::Ge => left >= right,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(value: i64) -> BigInt {
        BigInt::from(value)
    }

    fn run(op: BinaryOp, left: i64, right: i64, ty: Type) -> Result<BigInt, &'static str> {
        binary(op, &int(left), &int(right), &ty)
    }

    #[test]
    fn unsigned_results_are_modulo_the_width() {
        assert_eq!(run(BinaryOp::Add, 250, 10, Type::Bit(8)), Ok(int(4)));
        assert_eq!(run(BinaryOp::Sub, 0, 1, Type::Bit(8)), Ok(int(255)));
        assert_eq!(run(BinaryOp::Shl, 0x81, 1, Type::Bit(8)), Ok(int(2)));
        assert_eq!(run(BinaryOp::Shl, 1, i64::MAX, Type::Bit(8)), Ok(int(0)));
    }

    #[test]
    fn signed_results_are_two_s_complement() {
        assert_eq!(run(BinaryOp::Add, 127, 1, Type::Signed(8)), Ok(int(-128)));
        assert_eq!(run(BinaryOp::Shr, -2, 1, Type::Signed(8)), Ok(int(-1)));
        assert_eq!(run(BinaryOp::Shr, -2, 100, Type::Signed(8)), Ok(int(-1)));
        assert_eq!(wrap(int(200), &Type::Signed(8)), int(-56));
    }

    #[test]
    fn saturating_operators_stop_at_the_ends() {
        assert_eq!(run(BinaryOp::AddSat, 250, 10, Type::Bit(8)), Ok(int(255)));
        assert_eq!(run(BinaryOp::SubSat, 1, 2, Type::Bit(8)), Ok(int(0)));
        assert_eq!(
            run(BinaryOp::SubSat, -100, 100, Type::Signed(8)),
            Ok(int(-128))
        );
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        assert!(run(BinaryOp::Div, 1, 0, Type::Int).is_err());
        assert!(run(BinaryOp::Mod, -1, 2, Type::Int).is_err());
        assert!(run(BinaryOp::Shl, 1, -1, Type::Int).is_err());
        assert!(run(BinaryOp::Shl, 1, 1 << 40, Type::Int).is_err());
        assert_eq!(run(BinaryOp::Shl, 0, 1 << 40, Type::Int), Ok(int(0)));
    }

    #[test]
    fn slices_and_concatenations_take_bits() {
        assert_eq!(slice(&int(-1), 3, 2), int(3));
        assert_eq!(slice(&int(0xabcd), 11, 4), int(0xbc));
        assert_eq!(concat(&int(0xa), &int(-1), 4), int(0xaf));
    }
}
