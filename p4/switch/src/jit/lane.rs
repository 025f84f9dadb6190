//! Numbers in native code: 64-bit lanes, the least significant first, with what is known of each.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::function::Function;
use crate::number::low_mask;

/// A part of a number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lane {
    Constant(u64),
    /// Bits from `bits` on are zero.
    Value {
        value: Value,
        bits: u32,
    },
}

impl Lane {
    pub(super) const ZERO: Self = Self::Constant(0);

    fn bits(self) -> u32 {
        match self {
            Self::Constant(value) => 64 - value.leading_zeros(),
            Self::Value { bits, .. } => bits,
        }
    }
}

impl Function<'_, '_> {
    fn two(
        &mut self,
        left: Lane,
        right: Lane,
        bits: u32,
        fold: impl Fn(u64, u64) -> u64,
        emit: impl FnOnce(&mut Self, Value, Value) -> Value,
    ) -> Lane {
        if let (Lane::Constant(left), Lane::Constant(right)) = (left, right) {
            return Lane::Constant(fold(left, right));
        }
        let (left, right) = (self.value(left), self.value(right));
        let value = emit(self, left, right);
        Lane::Value { value, bits }
    }

    pub(super) fn and(&mut self, left: Lane, right: Lane) -> Lane {
        match (left, right) {
            (Lane::Constant(0), _) | (_, Lane::Constant(0)) => return Lane::ZERO,
            // A mask that takes nothing away.
            (Lane::Constant(mask), other) | (other, Lane::Constant(mask))
                if low_mask(other.bits()) & !mask == 0 =>
            {
                return other;
            }
            _ => {}
        }
        let bits = left.bits().min(right.bits());
        let fold = |left, right| left & right;
        self.two(left, right, bits, fold, |f, left, right| {
            f.builder.ins().band(left, right)
        })
    }

    /// The lowest `width` bits.
    pub(super) fn cut(&mut self, lane: Lane, width: u32) -> Lane {
        self.and(lane, Lane::Constant(low_mask(width)))
    }

    pub(super) fn or(&mut self, left: Lane, right: Lane) -> Lane {
        match (left, right) {
            (Lane::Constant(0), other) | (other, Lane::Constant(0)) => return other,
            _ => {}
        }
        let bits = left.bits().max(right.bits());
        let fold = |left, right| left | right;
        self.two(left, right, bits, fold, |f, left, right| {
            f.builder.ins().bor(left, right)
        })
    }

    pub(super) fn xor(&mut self, left: Lane, right: Lane) -> Lane {
        let bits = left.bits().max(right.bits());
        let fold = |left, right| left ^ right;
        self.two(left, right, bits, fold, |f, left, right| {
            f.builder.ins().bxor(left, right)
        })
    }

    pub(super) fn not(&mut self, lane: Lane) -> Lane {
        self.xor(lane, Lane::Constant(u64::MAX))
    }

    pub(super) fn add(&mut self, left: Lane, right: Lane) -> Lane {
        let bits = (left.bits().max(right.bits()) + 1).min(64);
        self.two(left, right, bits, u64::wrapping_add, |f, left, right| {
            f.builder.ins().iadd(left, right)
        })
    }

    pub(super) fn subtract(&mut self, left: Lane, right: Lane) -> Lane {
        self.two(left, right, 64, u64::wrapping_sub, |f, left, right| {
            f.builder.ins().isub(left, right)
        })
    }

    pub(super) fn multiply(&mut self, left: Lane, right: Lane) -> Lane {
        let bits = (left.bits() + right.bits()).min(64);
        self.two(left, right, bits, u64::wrapping_mul, |f, left, right| {
            f.builder.ins().imul(left, right)
        })
    }

    /// Shifts by less than 64.
    pub(super) fn shift_left(&mut self, lane: Lane, amount: u32) -> Lane {
        if amount == 0 {
            return lane;
        }
        match lane {
            Lane::Constant(value) => Lane::Constant(value << amount),
            Lane::Value { value, bits } => {
                let value = self.builder.ins().ishl_imm_u(value, i64::from(amount));
                let bits = (bits + amount).min(64);
                Lane::Value { value, bits }
            }
        }
    }

    /// Shifts by less than 64 and fills up with zeros.
    pub(super) fn shift_right(&mut self, lane: Lane, amount: u32) -> Lane {
        if amount == 0 {
            return lane;
        }
        if amount >= lane.bits() {
            return Lane::ZERO;
        }
        match lane {
            Lane::Constant(value) => Lane::Constant(value >> amount),
            Lane::Value { value, bits } => {
                let value = self.builder.ins().ushr_imm_u(value, i64::from(amount));
                let bits = bits - amount;
                Lane::Value { value, bits }
            }
        }
    }

    /// Shifts by less than 64 and fills up with the sign.
    pub(super) fn shift_right_signed(&mut self, lane: Lane, amount: u32) -> Lane {
        if lane.bits() < 64 {
            return self.shift_right(lane, amount);
        }
        if amount == 0 {
            return lane;
        }
        match lane {
            Lane::Constant(value) => {
                Lane::Constant((value.cast_signed() >> amount).cast_unsigned())
            }
            Lane::Value { value, .. } => Lane::Value {
                value: self.builder.ins().sshr_imm_u(value, i64::from(amount)),
                bits: 64,
            },
        }
    }

    /// Shifts by an amount below 64.
    pub(super) fn emit_shift(&mut self, value: Value, amount: Value, left: bool) -> Value {
        if left {
            self.builder.ins().ishl(value, amount)
        } else {
            self.builder.ins().sshr(value, amount)
        }
    }

    /// Makes a number of 64 bits of the lowest `width` bits in two's complement.
    pub(super) fn sign_extend(&mut self, lane: Lane, width: u32) -> Lane {
        if width >= 64 || lane.bits() < width {
            return lane;
        }
        let up = self.shift_left(lane, 64 - width);
        // All 64 bits count now, whatever is known of the lane.
        let up = match up {
            Lane::Value { value, .. } => Lane::Value { value, bits: 64 },
            constant => constant,
        };
        self.shift_right_signed(up, 64 - width)
    }

    /// 1 if the comparison holds, otherwise 0.
    pub(super) fn test(&mut self, how: IntCC, left: Lane, right: Lane) -> Lane {
        // The unsigned form of a signed comparison, which is the same for what is not negative, is
        // not worth its own case: both are one instruction.
        let fold = |left: u64, right: u64| {
            let (signed_left, signed_right) = (left.cast_signed(), right.cast_signed());
            u64::from(match how {
                IntCC::Equal => left == right,
                IntCC::NotEqual => left != right,
                IntCC::UnsignedLessThan => left < right,
                IntCC::SignedLessThan => signed_left < signed_right,
                IntCC::SignedLessThanOrEqual => signed_left <= signed_right,
                IntCC::SignedGreaterThan => signed_left > signed_right,
                IntCC::SignedGreaterThanOrEqual => signed_left >= signed_right,
                IntCC::UnsignedLessThanOrEqual => left <= right,
                IntCC::UnsignedGreaterThan => left > right,
                IntCC::UnsignedGreaterThanOrEqual => left >= right,
            })
        };
        self.two(left, right, 1, fold, |f, left, right| {
            let result = f.builder.ins().icmp(how, left, right);
            f.builder.ins().uextend(types::I64, result)
        })
    }

    /// One of two values.
    pub(super) fn choose(&mut self, condition: Lane, then: Lane, otherwise: Lane) -> Lane {
        match condition {
            Lane::Constant(0) => otherwise,
            Lane::Constant(_) => then,
            Lane::Value { value, .. } => {
                let bits = then.bits().max(otherwise.bits());
                let (then, otherwise) = (self.value(then), self.value(otherwise));
                let value = self.builder.ins().select(value, then, otherwise);
                Lane::Value { value, bits }
            }
        }
    }
}
