//! Evaluation of expressions.

use std::cmp::Ordering;

use num_bigint::BigInt;

use crate::number::{Fixed, Number, cut};
use crate::program::{
    Arithmetic, Boolean, Class, Comparison, Condition, Expression, Field, HeaderId, HeaderRef,
    Layout,
};
use crate::state::RegisterArray;

/// What an expression can refer to.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) words: &'a [u64],
    pub(crate) arguments: &'a [u64],
    pub(crate) registers: &'a [RegisterArray],
}

/// Does something with the value of an expression, in the number type that it has.
macro_rules! with_value {
    ($expression:expr, $scope:expr, $value:ident => $use:expr) => {
        match $expression.class {
            Class::Bits64 => {
                let $value = $scope.number::<i64>(&$expression.node);
                $use
            }
            Class::Bits128 => {
                let $value = $scope.number::<i128>(&$expression.node);
                $use
            }
            Class::Bits256 => {
                let $value = $scope.number::<Fixed<4>>(&$expression.node);
                $use
            }
            Class::Bits512 => {
                let $value = $scope.number::<Fixed<8>>(&$expression.node);
                $use
            }
            Class::Unbounded => {
                let $value = $scope.number::<BigInt>(&$expression.node);
                $use
            }
        }
    };
}

impl Scope<'_> {
    /// The value of an expression, or `u64::MAX` if it is negative or larger.
    #[inline]
    pub(crate) fn to_u64(self, expression: &Expression) -> u64 {
        with_value!(expression, self, value => value.to_u64_saturating())
    }

    /// The lowest bits of the value of an expression.
    pub(crate) fn to_words(self, expression: &Expression, words: &mut [u64]) {
        with_value!(expression, self, value => value.to_words(words));
    }

    /// Whether the value of an expression is 0.
    pub(crate) fn is_zero(self, expression: &Expression) -> bool {
        with_value!(expression, self, value => value.is_zero())
    }

    /// The value of an expression in decimal.
    pub(crate) fn to_decimal(self, expression: &Expression) -> String {
        let value = with_value!(expression, self, value => {
            let mut words = [0; 64];
            value.to_words(&mut words);
            BigInt::from_signed_words(&words, 64 * 64)
        });
        value.to_string()
    }

    fn field<N: Number>(self, field: &Field) -> N {
        let words = &self.words[field.range()];
        if field.signed {
            N::from_signed_words(words, field.width)
        } else {
            N::from_words(words)
        }
    }

    /// The header that a reference means; `None` if the index is too large.
    pub(crate) fn header(self, reference: &HeaderRef) -> Option<HeaderId> {
        match reference {
            HeaderRef::Fixed(header) => Some(*header),
            HeaderRef::Element { stack, index } => {
                let index = usize::try_from(self.to_u64(index)).ok()?;
                let stack = &self.layout.stacks[*stack as usize];
                stack.elements.get(index).copied()
            }
            HeaderRef::UnionElement {
                stack,
                index,
                member,
            } => {
                let index = usize::try_from(self.to_u64(index)).ok()?;
                let stack = &self.layout.union_stacks[*stack as usize];
                let union = &self.layout.unions[*stack.elements.get(index)? as usize];
                union.members.get(*member as usize).copied()
            }
        }
    }

    /// Whether a header is valid.
    pub(crate) fn is_valid(self, header: HeaderId) -> bool {
        self.words[self.layout.headers[header as usize].start as usize] != 0
    }

    /// Index of the last element that was extracted into the stack whose `next` is in this word.
    fn last(self, next: u32) -> Option<usize> {
        usize::try_from(self.words[next as usize])
            .ok()?
            .checked_sub(1)
    }

    /// The field of the last element of a stack that `field` is in the first element.
    pub(crate) fn last_field(self, stack: u32, field: &Field) -> Option<Field> {
        let stack = &self.layout.stacks[stack as usize];
        let index = self.last(stack.next)?;
        let header = *stack.elements.get(index)?;
        let moved = u32::try_from(index).ok()? * stack.stride;
        Some(Field {
            word: field.word + moved,
            header,
            ..*field
        })
    }

    /// A field of a member of the last element of a stack of unions.
    pub(crate) fn last_union_field(self, stack: u32, member: u32, field: u32) -> Option<Field> {
        let stack = &self.layout.union_stacks[stack as usize];
        let union = *stack.elements.get(self.last(stack.next)?)?;
        let header = self.layout.unions[union as usize].members[member as usize];
        Some(self.layout.headers[header as usize].fields[field as usize].field)
    }

    fn number<N: Number>(self, node: &Arithmetic) -> N {
        let pair =
            |nodes: &[Arithmetic; 2]| (self.number::<N>(&nodes[0]), self.number::<N>(&nodes[1]));
        match node {
            Arithmetic::Constant(value) => N::from_i64(*value),
            Arithmetic::BigConstant(value) => N::from_big(value),
            Arithmetic::Word { word, .. } => {
                let word = *word as usize;
                N::from_words(&self.words[word..=word])
            }
            Arithmetic::Field(field) => self.field(field),
            Arithmetic::Parameter { word, shift, width } => {
                let start = *word as usize;
                if *width <= 64 {
                    let value = self.arguments[start] >> shift & crate::number::low_mask(*width);
                    return N::from_u64(value);
                }
                N::from_words(&self.arguments[start..start + crate::number::words_for(*width)])
            }
            Arithmetic::StackLast { stack, field } => match self.last_field(*stack, field) {
                Some(field) => self.field(&field),
                None => N::from_u64(0),
            },
            Arithmetic::UnionStackLast {
                stack,
                member,
                field,
                ..
            } => match self.last_union_field(*stack, *member, *field) {
                Some(field) => self.field(&field),
                None => N::from_u64(0),
            },
            Arithmetic::Access { header, field, .. } => match self.header(header) {
                Some(header) => {
                    let header = &self.layout.headers[header as usize];
                    self.field(&header.fields[*field as usize].field)
                }
                None => N::from_u64(0),
            },
            Arithmetic::Register { array, index, .. } => {
                let array = &self.registers[*array as usize];
                array.read(self.to_u64(index), |words| N::from_words(words))
            }
            Arithmetic::Add(nodes) => {
                let (left, right) = pair(nodes);
                left.add(right)
            }
            Arithmetic::Subtract(nodes) => {
                let (left, right) = pair(nodes);
                left.sub(right)
            }
            Arithmetic::Multiply(nodes) => {
                let (left, right) = pair(nodes);
                left.mul(right)
            }
            Arithmetic::Divide(nodes) => {
                let (left, right) = pair(nodes);
                left.div(right)
            }
            Arithmetic::Modulo(nodes) => {
                let (left, right) = pair(nodes);
                left.rem(right)
            }
            Arithmetic::And(nodes) => {
                let (left, right) = pair(nodes);
                left.and(right)
            }
            Arithmetic::Or(nodes) => {
                let (left, right) = pair(nodes);
                left.or(right)
            }
            Arithmetic::Xor(nodes) => {
                let (left, right) = pair(nodes);
                left.xor(right)
            }
            Arithmetic::ShiftLeft(nodes) => {
                let (left, right) = pair(nodes);
                left.shl(right.to_u64_saturating())
            }
            Arithmetic::ShiftRight(nodes) => {
                let (left, right) = pair(nodes);
                left.shr(right.to_u64_saturating())
            }
            Arithmetic::ShiftLeftBy(node, amount) => self.number::<N>(node).shl(u64::from(*amount)),
            Arithmetic::ShiftRightBy(node, amount) => {
                self.number::<N>(node).shr(u64::from(*amount))
            }
            Arithmetic::Complement(node) => self.number::<N>(node).not(),
            Arithmetic::Negate(node) => N::from_u64(0).sub(self.number(node)),
            Arithmetic::TwoComplement(node, width) => self.number::<N>(node).two_complement(*width),
            Arithmetic::SaturateSigned(node, width) => {
                self.number::<N>(node).saturate_signed(*width)
            }
            Arithmetic::SaturateUnsigned(node, width) => {
                self.number::<N>(node).saturate_unsigned(*width)
            }
            Arithmetic::Conditional(choice) => {
                let (condition, then, otherwise) = &**choice;
                if self.holds(condition) {
                    self.number(then)
                } else {
                    self.number(otherwise)
                }
            }
            Arithmetic::FromBoolean(condition) => N::from_u64(u64::from(self.holds(condition))),
            Arithmetic::LastIndex(next) => N::from_u64(self.last(*next).unwrap_or_default() as u64),
            Arithmetic::StackSize(next) => N::from_u64(self.words[*next as usize]),
        }
    }

    /// Whether a condition holds.
    #[inline]
    pub(crate) fn holds(self, condition: &Condition) -> bool {
        match condition {
            Condition::Constant(value) => *value,
            Condition::WordNotZero(word) => self.words[*word as usize] != 0,
            Condition::WordEquals(word, value) => self.words[*word as usize] == *value,
            Condition::Other(boolean) => self.boolean(boolean),
        }
    }

    fn boolean(self, boolean: &Boolean) -> bool {
        match boolean {
            Boolean::Not(condition) => !self.holds(condition),
            Boolean::And(left, right) => self.holds(left) && self.holds(right),
            Boolean::Or(left, right) => self.holds(left) || self.holds(right),
            Boolean::Equal(left, right) => self.holds(left) == self.holds(right),
            Boolean::Choose(condition, then, otherwise) => {
                if self.holds(condition) {
                    self.holds(then)
                } else {
                    self.holds(otherwise)
                }
            }
            Boolean::Compare {
                comparison,
                class,
                left,
                right,
            } => {
                let order = match class {
                    Class::Bits64 => self.order::<i64>(left, right),
                    Class::Bits128 => self.order::<i128>(left, right),
                    Class::Bits256 => self.order::<Fixed<4>>(left, right),
                    Class::Bits512 => self.order::<Fixed<8>>(left, right),
                    Class::Unbounded => self.order::<BigInt>(left, right),
                };
                match comparison {
                    Comparison::Equal => order == Ordering::Equal,
                    Comparison::Less => order == Ordering::Less,
                    Comparison::LessOrEqual => order != Ordering::Greater,
                    Comparison::Greater => order == Ordering::Greater,
                    Comparison::GreaterOrEqual => order != Ordering::Less,
                }
            }
            Boolean::NotZero(expression) => !self.is_zero(expression),
            Boolean::Valid(header) => self
                .header(header)
                .is_some_and(|header| self.is_valid(header)),
            Boolean::ValidUnion(union) => self.valid_member(*union).is_some(),
            Boolean::ValidUnionElement { stack, index } => {
                let elements = &self.layout.union_stacks[*stack as usize].elements;
                usize::try_from(self.to_u64(index))
                    .ok()
                    .and_then(|index| elements.get(index))
                    .is_some_and(|union| self.valid_member(*union).is_some())
            }
            Boolean::HeadersEqual(left, right) => match (self.header(left), self.header(right)) {
                (Some(left), Some(right)) => self.headers_equal(left, right),
                _ => false,
            },
            Boolean::UnionsEqual(left, right) => {
                match (self.valid_member(*left), self.valid_member(*right)) {
                    (Some(a), Some(b)) if a == b => {
                        let member = |union: u32| self.layout.unions[union as usize].members[a];
                        self.headers_equal(member(*left), member(*right))
                    }
                    _ => false,
                }
            }
        }
    }

    fn order<N: Number>(self, left: &Arithmetic, right: &Arithmetic) -> Ordering {
        self.number::<N>(left).compare(&self.number::<N>(right))
    }

    fn valid_member(self, union: u32) -> Option<usize> {
        let members = &self.layout.unions[union as usize].members;
        members.iter().position(|member| self.is_valid(*member))
    }

    fn headers_equal(self, left: HeaderId, right: HeaderId) -> bool {
        let (left, right) = (
            &self.layout.headers[left as usize],
            &self.layout.headers[right as usize],
        );
        left.header_type == right.header_type
            && self.words[left.start as usize] != 0
            && self.words[left.range()] == self.words[right.range()]
    }
}

/// Writes the value of an expression to a field, cut to its width.
pub(crate) fn assign(
    layout: &Layout,
    words: &mut [u64],
    arguments: &[u64],
    registers: &[RegisterArray],
    to: &Field,
    expression: &Expression,
) {
    macro_rules! assign_as {
        ($type:ty) => {{
            let scope = Scope {
                layout,
                words,
                arguments,
                registers,
            };
            let value = scope.number::<$type>(&expression.node);
            let target = &mut words[to.range()];
            value.to_words(target);
            cut(target, to.width);
        }};
    }
    match expression.class {
        Class::Bits64 => assign_as!(i64),
        Class::Bits128 => assign_as!(i128),
        Class::Bits256 => assign_as!(Fixed<4>),
        Class::Bits512 => assign_as!(Fixed<8>),
        Class::Unbounded => assign_as!(BigInt),
    }
}
