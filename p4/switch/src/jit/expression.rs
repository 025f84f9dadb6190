//! Expressions in native code.
//!
//! A number of a class of n bits is n / 64 lanes that wrap around, as in [`crate::number`]. What is
//! not said here is left to the interpreter by whoever asks: [`supported`] is the only place that
//! knows what can be generated.

use cranelift_codegen::ir::Block;
use cranelift_codegen::ir::condcodes::IntCC;

use super::function::Function;
use super::lane::Lane;
use crate::number::{Number, low_mask, words_for};
use crate::program::{
    Arithmetic, Boolean, Class, Comparison, Condition, Expression, Field, HeaderRef,
};

/// How many lanes a class takes; `None` if it has no bound.
pub(super) fn lanes(class: Class) -> Option<usize> {
    match class {
        Class::Bits64 => Some(1),
        Class::Bits128 => Some(2),
        Class::Bits256 => Some(4),
        Class::Bits512 => Some(8),
        Class::Unbounded => None,
    }
}

/// Which expressions and conditions can be generated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Support {
    /// Whether the last elements of stacks are known.
    pub(super) in_parser: bool,
}

impl Support {
    pub(super) fn expression(self, expression: &Expression) -> bool {
        lanes(expression.class).is_some_and(|lanes| self.number(&expression.node, lanes))
    }

    fn number(self, node: &Arithmetic, lanes: usize) -> bool {
        let both = |pair: &[Arithmetic; 2]| pair.iter().all(|node| self.number(node, lanes));
        match node {
            Arithmetic::Constant(_)
            | Arithmetic::BigConstant(_)
            | Arithmetic::Word { .. }
            | Arithmetic::Parameter { .. }
            | Arithmetic::LastIndex(_)
            | Arithmetic::StackSize(_) => true,
            Arithmetic::Field(field) => readable(field, lanes),
            Arithmetic::StackLast { field, .. } => self.in_parser && readable(field, lanes),
            Arithmetic::UnionStackLast { .. }
            | Arithmetic::Access { .. }
            | Arithmetic::Register { .. }
            | Arithmetic::Divide(_)
            | Arithmetic::Modulo(_) => false,
            Arithmetic::Add(pair)
            | Arithmetic::Subtract(pair)
            | Arithmetic::And(pair)
            | Arithmetic::Or(pair)
            | Arithmetic::Xor(pair) => both(pair),
            Arithmetic::Multiply(pair)
            | Arithmetic::ShiftLeft(pair)
            | Arithmetic::ShiftRight(pair) => lanes == 1 && both(pair),
            Arithmetic::SaturateSigned(node, width) | Arithmetic::SaturateUnsigned(node, width) => {
                lanes == 1 && (1..63).contains(width) && self.number(node, lanes)
            }
            Arithmetic::ShiftLeftBy(node, _)
            | Arithmetic::ShiftRightBy(node, _)
            | Arithmetic::Complement(node)
            | Arithmetic::Negate(node)
            | Arithmetic::TwoComplement(node, _) => self.number(node, lanes),
            Arithmetic::Conditional(choice) => {
                self.condition(&choice.0)
                    && self.number(&choice.1, lanes)
                    && self.number(&choice.2, lanes)
            }
            Arithmetic::FromBoolean(condition) => self.condition(condition),
        }
    }

    pub(super) fn condition(self, condition: &Condition) -> bool {
        let Condition::Other(boolean) = condition else {
            return true;
        };
        match &**boolean {
            Boolean::Not(condition) => self.condition(condition),
            Boolean::And(left, right) | Boolean::Or(left, right) | Boolean::Equal(left, right) => {
                self.condition(left) && self.condition(right)
            }
            Boolean::Choose(condition, then, otherwise) => {
                self.condition(condition) && self.condition(then) && self.condition(otherwise)
            }
            Boolean::Compare {
                class, left, right, ..
            } => lanes(*class)
                .is_some_and(|lanes| self.number(left, lanes) && self.number(right, lanes)),
            Boolean::NotZero(expression) => self.expression(expression),
            Boolean::Valid(HeaderRef::Fixed(_)) => true,
            Boolean::Valid(_)
            | Boolean::ValidUnion(_)
            | Boolean::ValidUnionElement { .. }
            | Boolean::HeadersEqual(..)
            | Boolean::UnionsEqual(..) => false,
        }
    }
}

/// Whether the field can be read as a number of so many lanes.
fn readable(field: &Field, lanes: usize) -> bool {
    !field.signed || field.width <= 64 || field.width as usize >= 64 * lanes
}

impl Function<'_, '_> {
    /// The lanes of an expression that [`Support`] takes.
    pub(super) fn expression(&mut self, expression: &Expression) -> Vec<Lane> {
        let lanes = lanes(expression.class).unwrap_or(1);
        self.number(&expression.node, lanes)
    }

    /// Reads a field into so many lanes.
    pub(super) fn field(&mut self, field: &Field, lanes: usize) -> Vec<Lane> {
        let words = words_for(field.width);
        let mut number: Vec<Lane> = (0..words.min(lanes))
            .map(|i| {
                let bits = (field.width - 64 * i as u32).min(64);
                self.read(field.word + i as u32, bits)
            })
            .collect();
        if field.signed
            && field.width < 64
            && let Some(lowest) = number.first_mut()
        {
            *lowest = self.sign_extend(*lowest, field.width);
        }
        self.extend(&mut number, lanes, field.signed);
        number
    }

    /// Adds lanes at the top.
    fn extend(&mut self, number: &mut Vec<Lane>, lanes: usize, signed: bool) {
        let fill = match number.last() {
            Some(top) if signed && number.len() < lanes => self.shift_right_signed(*top, 63),
            _ => Lane::ZERO,
        };
        number.resize(lanes, fill);
    }

    fn number(&mut self, node: &Arithmetic, lanes: usize) -> Vec<Lane> {
        let one = |lane: Lane| {
            let mut number = vec![Lane::ZERO; lanes];
            number[0] = lane;
            number
        };
        match node {
            Arithmetic::Constant(value) => {
                let mut number = vec![Lane::Constant((value >> 63).cast_unsigned()); lanes];
                number[0] = Lane::Constant(value.cast_unsigned());
                number
            }
            Arithmetic::BigConstant(value) => {
                let mut words = vec![0; lanes];
                value.to_words(&mut words);
                words.into_iter().map(Lane::Constant).collect()
            }
            Arithmetic::Word { word, width } => one(self.read(*word, *width)),
            Arithmetic::Field(field) => self.field(field, lanes),
            Arithmetic::Parameter { word, shift, width } => {
                if *width <= 64 {
                    return one(self.argument(*word, *shift, *width));
                }
                let mut number: Vec<Lane> = (0..words_for(*width).min(lanes) as u32)
                    .map(|i| self.argument(word + i, 0, (width - 64 * i).min(64)))
                    .collect();
                self.extend(&mut number, lanes, false);
                number
            }
            Arithmetic::StackLast { stack, field } => match self.last_field(*stack, field) {
                Some(field) => self.field(&field, lanes),
                None => vec![Lane::ZERO; lanes],
            },
            Arithmetic::StackSize(next) => one(self.read(*next, 64)),
            Arithmetic::LastIndex(next) => {
                let next = self.read(*next, 64);
                let last = self.subtract(next, Lane::Constant(1));
                let empty = self.test(IntCC::Equal, next, Lane::ZERO);
                one(self.choose(empty, Lane::ZERO, last))
            }
            Arithmetic::And(pair) => self.lanewise(pair, lanes, Self::and),
            Arithmetic::Or(pair) => self.lanewise(pair, lanes, Self::or),
            Arithmetic::Xor(pair) => self.lanewise(pair, lanes, Self::xor),
            Arithmetic::Multiply(pair) => self.lanewise(pair, lanes, Self::multiply),
            Arithmetic::Add(pair) => {
                let (left, right) = self.pair(pair, lanes);
                self.sum(&left, &right)
            }
            Arithmetic::Subtract(pair) => {
                let (left, right) = self.pair(pair, lanes);
                self.difference(&left, &right)
            }
            Arithmetic::Negate(node) => {
                let number = self.number(node, lanes);
                self.difference(&vec![Lane::ZERO; lanes], &number)
            }
            Arithmetic::Complement(node) => {
                let number = self.number(node, lanes);
                number.into_iter().map(|lane| self.not(lane)).collect()
            }
            Arithmetic::ShiftLeft(pair) => self.lanewise(pair, lanes, Self::shift_left_by),
            Arithmetic::ShiftRight(pair) => self.lanewise(pair, lanes, Self::shift_right_by),
            Arithmetic::ShiftLeftBy(node, amount) => {
                let number = self.number(node, lanes);
                self.shifted_left(&number, *amount)
            }
            Arithmetic::ShiftRightBy(node, amount) => {
                let number = self.number(node, lanes);
                self.shifted_right(&number, *amount)
            }
            Arithmetic::TwoComplement(node, width) => {
                let number = self.number(node, lanes);
                self.two_complement(number, *width)
            }
            Arithmetic::SaturateUnsigned(node, width) => {
                let number = self.number(node, 1);
                self.saturate(number[0], Lane::ZERO, Lane::Constant(low_mask(*width)))
            }
            Arithmetic::SaturateSigned(node, width) => {
                let number = self.number(node, 1);
                let max = low_mask(width - 1);
                self.saturate(number[0], Lane::Constant(!max), Lane::Constant(max))
            }
            Arithmetic::Conditional(choice) => {
                let (condition, then, otherwise) = &**choice;
                let condition = self.truth(condition);
                let then = self.number(then, lanes);
                let otherwise = self.number(otherwise, lanes);
                let choices = then.into_iter().zip(otherwise);
                choices
                    .map(|(then, otherwise)| self.choose(condition, then, otherwise))
                    .collect()
            }
            Arithmetic::FromBoolean(condition) => one(self.truth(condition)),
            // `Support` takes none of these.
            Arithmetic::UnionStackLast { .. }
            | Arithmetic::Access { .. }
            | Arithmetic::Register { .. }
            | Arithmetic::Divide(_)
            | Arithmetic::Modulo(_) => vec![Lane::ZERO; lanes],
        }
    }

    fn pair(&mut self, pair: &[Arithmetic; 2], lanes: usize) -> (Vec<Lane>, Vec<Lane>) {
        (self.number(&pair[0], lanes), self.number(&pair[1], lanes))
    }

    fn lanewise(
        &mut self,
        pair: &[Arithmetic; 2],
        lanes: usize,
        operation: impl Fn(&mut Self, Lane, Lane) -> Lane,
    ) -> Vec<Lane> {
        let (left, right) = self.pair(pair, lanes);
        let pairs = left.into_iter().zip(right);
        pairs
            .map(|(left, right)| operation(self, left, right))
            .collect()
    }

    fn sum(&mut self, left: &[Lane], right: &[Lane]) -> Vec<Lane> {
        let mut carry = Lane::ZERO;
        let mut number = Vec::with_capacity(left.len());
        for (i, (left, right)) in left.iter().zip(right).enumerate() {
            let sum = self.add(*left, *right);
            let with_carry = self.add(sum, carry);
            if i + 1 < number.capacity() {
                let first = self.test(IntCC::UnsignedLessThan, sum, *left);
                let second = self.test(IntCC::UnsignedLessThan, with_carry, sum);
                carry = self.or(first, second);
            }
            number.push(with_carry);
        }
        number
    }

    fn difference(&mut self, left: &[Lane], right: &[Lane]) -> Vec<Lane> {
        let mut borrow = Lane::ZERO;
        let mut number = Vec::with_capacity(left.len());
        for (i, (left, right)) in left.iter().zip(right).enumerate() {
            let difference = self.subtract(*left, *right);
            let with_borrow = self.subtract(difference, borrow);
            if i + 1 < number.capacity() {
                let first = self.test(IntCC::UnsignedLessThan, *left, *right);
                let second = self.test(IntCC::UnsignedLessThan, difference, borrow);
                borrow = self.or(first, second);
            }
            number.push(with_borrow);
        }
        number
    }

    /// By an amount that is negative or too large: 0.
    fn shift_left_by(&mut self, lane: Lane, amount: Lane) -> Lane {
        let fits = self.test(IntCC::UnsignedLessThan, amount, Lane::Constant(64));
        let (value, by) = (self.value(lane), self.value(amount));
        let value = self.emit_shift(value, by, true);
        self.choose(fits, Lane::Value { value, bits: 64 }, Lane::ZERO)
    }

    /// By an amount that is negative or too large: by 63.
    fn shift_right_by(&mut self, lane: Lane, amount: Lane) -> Lane {
        let most = Lane::Constant(63);
        let fits = self.test(IntCC::UnsignedLessThan, amount, most);
        let by = self.choose(fits, amount, most);
        let (value, by) = (self.value(lane), self.value(by));
        let value = self.emit_shift(value, by, false);
        Lane::Value { value, bits: 64 }
    }

    fn shifted_left(&mut self, number: &[Lane], amount: u32) -> Vec<Lane> {
        let (whole, rest) = ((amount / 64) as usize, amount % 64);
        (0..number.len())
            .map(|i| {
                let lane = |i: usize| number.get(i).copied().unwrap_or(Lane::ZERO);
                let Some(from) = i.checked_sub(whole) else {
                    return Lane::ZERO;
                };
                let high = self.shift_left(lane(from), rest);
                match from.checked_sub(1) {
                    Some(below) if rest > 0 => {
                        let low = self.shift_right(lane(below), 64 - rest);
                        self.or(high, low)
                    }
                    _ => high,
                }
            })
            .collect()
    }

    fn shifted_right(&mut self, number: &[Lane], amount: u32) -> Vec<Lane> {
        let (whole, rest) = ((amount / 64) as usize, amount % 64);
        let top = number.last().copied().unwrap_or(Lane::ZERO);
        let sign = self.shift_right_signed(top, 63);
        let last = number.len() - 1;
        (0..number.len())
            .map(|i| match i + whole {
                from if from > last => sign,
                from if from == last => self.shift_right_signed(number[from], rest),
                from if rest > 0 => {
                    let low = self.shift_right(number[from], rest);
                    let high = self.shift_left(number[from + 1], 64 - rest);
                    self.or(low, high)
                }
                from => number[from],
            })
            .collect()
    }

    fn two_complement(&mut self, mut number: Vec<Lane>, width: u32) -> Vec<Lane> {
        if width == 0 {
            return vec![Lane::ZERO; number.len()];
        }
        let lanes = number.len();
        if width as usize >= 64 * lanes {
            return number;
        }
        number.truncate(words_for(width));
        if let Some(top) = number.last_mut() {
            *top = match width % 64 {
                0 => *top,
                rest => {
                    let low = self.cut(*top, rest);
                    self.sign_extend(low, rest)
                }
            };
        }
        self.extend(&mut number, lanes, true);
        number
    }

    fn saturate(&mut self, lane: Lane, min: Lane, max: Lane) -> Vec<Lane> {
        let low = self.test(IntCC::SignedLessThan, lane, min);
        let raised = self.choose(low, min, lane);
        let high = self.test(IntCC::SignedGreaterThan, raised, max);
        vec![self.choose(high, max, raised)]
    }

    /// Writes a number to a field, cut to its width.
    pub(super) fn assign(&mut self, to: &Field, number: &[Lane]) {
        let top = number.last().copied().unwrap_or(Lane::ZERO);
        for i in 0..words_for(to.width) {
            let lane = match number.get(i) {
                Some(lane) => *lane,
                None => self.shift_right_signed(top, 63),
            };
            let width = (to.width - 64 * i as u32).min(64);
            let lane = self.cut(lane, width);
            self.write(to.word + i as u32, lane);
        }
    }

    /// 1 if the condition holds, otherwise 0.
    pub(super) fn truth(&mut self, condition: &Condition) -> Lane {
        match condition {
            Condition::Constant(value) => Lane::Constant(u64::from(*value)),
            Condition::WordNotZero(word) => {
                let word = self.read(*word, 64);
                self.test(IntCC::NotEqual, word, Lane::ZERO)
            }
            Condition::WordEquals(word, value) => {
                let word = self.read(*word, 64);
                self.test(IntCC::Equal, word, Lane::Constant(*value))
            }
            Condition::Other(boolean) => self.boolean(boolean),
        }
    }

    fn boolean(&mut self, boolean: &Boolean) -> Lane {
        match boolean {
            Boolean::Not(condition) => {
                let truth = self.truth(condition);
                self.xor(truth, Lane::Constant(1))
            }
            // Nothing that an expression does can be seen, so both sides may be computed.
            Boolean::And(left, right) => {
                let (left, right) = (self.truth(left), self.truth(right));
                self.and(left, right)
            }
            Boolean::Or(left, right) => {
                let (left, right) = (self.truth(left), self.truth(right));
                self.or(left, right)
            }
            Boolean::Equal(left, right) => {
                let (left, right) = (self.truth(left), self.truth(right));
                self.test(IntCC::Equal, left, right)
            }
            Boolean::Choose(condition, then, otherwise) => {
                let condition = self.truth(condition);
                let (then, otherwise) = (self.truth(then), self.truth(otherwise));
                self.choose(condition, then, otherwise)
            }
            Boolean::Compare {
                comparison,
                class,
                left,
                right,
            } => {
                let lanes = lanes(*class).unwrap_or(1);
                let (left, right) = (self.number(left, lanes), self.number(right, lanes));
                self.comparison(*comparison, &left, &right)
            }
            Boolean::NotZero(expression) => {
                let number = self.expression(expression);
                let any = self.any(&number);
                self.test(IntCC::NotEqual, any, Lane::ZERO)
            }
            Boolean::Valid(HeaderRef::Fixed(header)) => {
                let start = self.program.layout.headers[*header as usize].start;
                self.truth(&Condition::WordNotZero(start))
            }
            // `Support` takes none of these.
            Boolean::Valid(_)
            | Boolean::ValidUnion(_)
            | Boolean::ValidUnionElement { .. }
            | Boolean::HeadersEqual(..)
            | Boolean::UnionsEqual(..) => Lane::ZERO,
        }
    }

    /// What is not zero if one of the lanes is not.
    pub(super) fn any(&mut self, number: &[Lane]) -> Lane {
        let lanes = number.iter().copied();
        lanes.fold(Lane::ZERO, |all, lane| self.or(all, lane))
    }

    fn comparison(&mut self, how: Comparison, left: &[Lane], right: &[Lane]) -> Lane {
        if let ([left], [right]) = (left, right) {
            let how = match how {
                Comparison::Equal => IntCC::Equal,
                Comparison::Less => IntCC::SignedLessThan,
                Comparison::LessOrEqual => IntCC::SignedLessThanOrEqual,
                Comparison::Greater => IntCC::SignedGreaterThan,
                Comparison::GreaterOrEqual => IntCC::SignedGreaterThanOrEqual,
            };
            return self.test(how, *left, *right);
        }
        match how {
            Comparison::Equal => {
                let mut different = Lane::ZERO;
                for (left, right) in left.iter().zip(right) {
                    let lane = self.xor(*left, *right);
                    different = self.or(different, lane);
                }
                self.test(IntCC::Equal, different, Lane::ZERO)
            }
            Comparison::Less => self.less(left, right),
            Comparison::Greater => self.less(right, left),
            Comparison::LessOrEqual => {
                let greater = self.less(right, left);
                self.xor(greater, Lane::Constant(1))
            }
            Comparison::GreaterOrEqual => {
                let less = self.less(left, right);
                self.xor(less, Lane::Constant(1))
            }
        }
    }

    fn less(&mut self, left: &[Lane], right: &[Lane]) -> Lane {
        let mut less = Lane::ZERO;
        let last = left.len() - 1;
        for (i, (left, right)) in left.iter().zip(right).enumerate() {
            let how = if i == last {
                IntCC::SignedLessThan
            } else {
                IntCC::UnsignedLessThan
            };
            let here = self.test(how, *left, *right);
            let equal = self.test(IntCC::Equal, *left, *right);
            less = self.choose(equal, less, here);
        }
        less
    }

    /// Branches on a condition, and looks only at as much of it as is needed.
    pub(super) fn branch_on(&mut self, condition: &Condition, then: Block, otherwise: Block) {
        if let Condition::Other(boolean) = condition {
            match &**boolean {
                Boolean::Not(condition) => return self.branch_on(condition, otherwise, then),
                Boolean::And(left, right) => {
                    let next = self.block();
                    self.branch_on(left, next, otherwise);
                    self.enter(next);
                    return self.branch_on(right, then, otherwise);
                }
                Boolean::Or(left, right) => {
                    let next = self.block();
                    self.branch_on(left, then, next);
                    self.enter(next);
                    return self.branch_on(right, then, otherwise);
                }
                _ => {}
            }
        }
        match self.truth(condition) {
            Lane::Constant(0) => self.jump(otherwise),
            Lane::Constant(_) => self.jump(then),
            Lane::Value { value, .. } => self.branch(value, then, otherwise),
        }
    }
}
