//! Which number type an expression needs.
//!
//! All operations but shifts to the right, divisions, comparisons and saturation give the right
//! lowest n bits from the lowest n bits of their operands. So an expression that is written to a
//! field of n bits needs no more than n bits of most of its operands, and p4c puts a mask around
//! what could overflow. What is needed exactly needs as many bits as the value can have.

use num_bigint::BigInt;

use crate::program::{Arithmetic, Class, Expression};

/// The expression with the number type that gives the right lowest `width` bits.
pub(super) fn low(node: Arithmetic, width: u32) -> Expression {
    let class = class(need(&node, Demand::Low(width)));
    Expression { class, node }
}

/// The expression with the number type that gives the right value.
pub(super) fn exact(node: Arithmetic) -> Expression {
    let class = class(need(&node, Demand::Exact));
    Expression { class, node }
}

/// The number type that gives the right values of both, to compare them.
pub(super) fn exact_pair(left: &Arithmetic, right: &Arithmetic) -> Class {
    let left = need(left, Demand::Exact);
    let right = need(right, Demand::Exact);
    class(left.zip(right).map(|(left, right)| left.max(right)))
}

fn class(bits: Option<u32>) -> Class {
    match bits {
        Some(0..=64) => Class::Bits64,
        Some(65..=128) => Class::Bits128,
        Some(129..=256) => Class::Bits256,
        Some(257..=512) => Class::Bits512,
        _ => Class::Unbounded,
    }
}

#[derive(Clone, Copy)]
enum Demand {
    /// The lowest bits.
    Low(u32),
    /// The value.
    Exact,
}

/// How many bits a wrapping number must have to meet the demand; `None` if there is no bound.
fn need(node: &Arithmetic, demand: Demand) -> Option<u32> {
    let n = match demand {
        Demand::Low(n) => n,
        Demand::Exact => bits(node)?,
    };
    let below = |node: &Arithmetic| need(node, Demand::Low(n));
    let exactly = |node: &Arithmetic| need(node, Demand::Exact);
    let operands = match node {
        Arithmetic::Constant(_)
        | Arithmetic::BigConstant(_)
        | Arithmetic::Field(_)
        | Arithmetic::Word { .. }
        | Arithmetic::Parameter { .. }
        | Arithmetic::StackLast { .. }
        | Arithmetic::UnionStackLast { .. }
        | Arithmetic::Access { .. }
        | Arithmetic::Register { .. }
        | Arithmetic::FromBoolean(_)
        | Arithmetic::LastIndex(_)
        | Arithmetic::StackSize(_) => 0,
        Arithmetic::And(pair) => {
            // Beyond a constant mask nothing of the other operand matters.
            let mask = pair.iter().find_map(mask_bits);
            match mask {
                Some(mask) => {
                    let demand = Demand::Low(n.min(mask));
                    let left = need(&pair[0], demand)?;
                    let right = need(&pair[1], demand)?;
                    return Some(left.max(right).max(mask + 1));
                }
                None => below(&pair[0])?.max(below(&pair[1])?),
            }
        }
        Arithmetic::Add(pair)
        | Arithmetic::Subtract(pair)
        | Arithmetic::Multiply(pair)
        | Arithmetic::Or(pair)
        | Arithmetic::Xor(pair) => below(&pair[0])?.max(below(&pair[1])?),
        Arithmetic::ShiftLeft(pair) => below(&pair[0])?.max(exactly(&pair[1])?),
        Arithmetic::ShiftRight(pair) | Arithmetic::Divide(pair) | Arithmetic::Modulo(pair) => {
            exactly(&pair[0])?.max(exactly(&pair[1])?)
        }
        Arithmetic::ShiftLeftBy(node, amount) => {
            need(node, Demand::Low(n.saturating_sub(*amount)))?
        }
        Arithmetic::ShiftRightBy(node, amount) => {
            // All bits that are shifted down, or as many as the operand can have.
            let shifted = n.saturating_add(*amount);
            let from = bits(node).map_or(shifted, |bits| bits.min(shifted));
            need(node, Demand::Low(from))?.max(from)
        }
        Arithmetic::Complement(node) | Arithmetic::Negate(node) => below(node)?,
        Arithmetic::TwoComplement(node, width) => need(node, Demand::Low(*width))?.max(*width),
        Arithmetic::SaturateSigned(node, width) | Arithmetic::SaturateUnsigned(node, width) => {
            exactly(node)?.max(width + 1)
        }
        Arithmetic::Conditional(choice) => below(&choice.1)?.max(below(&choice.2)?),
    };
    Some(operands.max(n))
}

/// The width of a constant that is not negative.
fn mask_bits(node: &Arithmetic) -> Option<u32> {
    match node {
        Arithmetic::Constant(value) if *value >= 0 => Some(64 - value.leading_zeros()),
        Arithmetic::BigConstant(value) if **value >= BigInt::ZERO => {
            u32::try_from(value.bits()).ok()
        }
        _ => None,
    }
}

/// How many bits the value can have in two's complement; `None` if there is no bound.
fn bits(node: &Arithmetic) -> Option<u32> {
    let of = |node: &Arithmetic| bits(node);
    let both = |pair: &[Arithmetic; 2]| Some(of(&pair[0])?.max(of(&pair[1])?));
    Some(match node {
        Arithmetic::Constant(value) => 65 - value.unsigned_abs().leading_zeros(),
        Arithmetic::BigConstant(value) => u32::try_from(value.bits()).ok()?.checked_add(1)?,
        Arithmetic::Field(field) => field.width + u32::from(!field.signed),
        Arithmetic::StackLast { field, .. } => field.width + u32::from(!field.signed),
        Arithmetic::Word { width, .. }
        | Arithmetic::Parameter { width, .. }
        | Arithmetic::UnionStackLast { width, .. }
        | Arithmetic::Access { width, .. }
        | Arithmetic::Register { width, .. } => width + 1,
        Arithmetic::Add(pair) | Arithmetic::Subtract(pair) => both(pair)? + 1,
        Arithmetic::Multiply(pair) => of(&pair[0])?.checked_add(of(&pair[1])?)?,
        Arithmetic::And(pair) => match pair.iter().find_map(mask_bits) {
            Some(mask) => mask + 1,
            None => both(pair)?,
        },
        Arithmetic::Or(pair) | Arithmetic::Xor(pair) => both(pair)?,
        Arithmetic::ShiftLeft(_) => return None,
        Arithmetic::ShiftLeftBy(node, amount) => of(node)?.checked_add(*amount)?,
        Arithmetic::ShiftRight(pair) => of(&pair[0])?,
        Arithmetic::ShiftRightBy(node, amount) => of(node)?.saturating_sub(*amount).max(1),
        Arithmetic::Divide(pair) => of(&pair[0])? + 1,
        Arithmetic::Modulo(pair) => both(pair)?,
        Arithmetic::Complement(node) => of(node)?,
        Arithmetic::Negate(node) => of(node)? + 1,
        Arithmetic::TwoComplement(_, width) | Arithmetic::SaturateSigned(_, width) => *width,
        Arithmetic::SaturateUnsigned(_, width) => width + 1,
        Arithmetic::Conditional(choice) => of(&choice.1)?.max(of(&choice.2)?),
        Arithmetic::FromBoolean(_) => 2,
        Arithmetic::LastIndex(_) | Arithmetic::StackSize(_) => 33,
    })
}
