//! Values and expressions of the document to those of the program.

use bmv2_json::{BinaryOp, Expression as JsonExpression, UnaryOp, Value};
use num_bigint::BigInt;

use super::error::{At, LoadError};
use super::width;
use super::{Loader, layout::field_of};
use crate::program::{
    Arithmetic, Boolean, Comparison, Condition, Expression, Field, FieldTarget, HeaderRef,
    Parameter,
};

/// How deep expressions may be nested.
const MAX_DEPTH: usize = 200;

/// What an expression stands in: the parameters that it can refer to.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) parameters: &'p [Parameter],
    depth: usize,
}

impl<'p> Place<'p> {
    /// Outside of an action.
    pub(super) const fn outside() -> Self {
        Self {
            parameters: &[],
            depth: 0,
        }
    }

    pub(super) const fn action(parameters: &'p [Parameter]) -> Self {
        Self {
            parameters,
            depth: 0,
        }
    }

    fn deeper(self, at: &At) -> Result<Self, LoadError> {
        if self.depth >= MAX_DEPTH {
            return Err(at.unsupported(format!("an expression nested {MAX_DEPTH} times")));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl Loader<'_> {
    /// An expression whose exact value matters: an index, a length, a session.
    pub(super) fn exact(
        &self,
        value: &Value,
        place: Place<'_>,
        at: &At,
    ) -> Result<Expression, LoadError> {
        Ok(width::exact(self.arithmetic(value, place, at)?))
    }

    /// A node for a field.
    pub(super) fn field_node(field: Field) -> Arithmetic {
        if field.signed || field.width > 64 {
            Arithmetic::Field(field)
        } else {
            Arithmetic::Word {
                word: field.word,
                width: field.width,
            }
        }
    }

    /// A field that is given by itself or in an expression.
    pub(super) fn plain_field(&self, value: &Value, at: &At) -> Result<Option<Field>, LoadError> {
        match value {
            Value::Field(reference) => self.names.field(reference, at).map(Some),
            Value::Expression(expression) => match &**expression {
                JsonExpression::Value(inner) => self.plain_field(inner, at),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// What is assigned to.
    pub(super) fn field_target(
        &self,
        value: &Value,
        place: Place<'_>,
        at: &At,
    ) -> Result<FieldTarget, LoadError> {
        match value {
            Value::Field(reference) => Ok(FieldTarget::Fixed(self.names.target(reference, at)?)),
            Value::Expression(expression) => match &**expression {
                JsonExpression::Value(inner) => self.field_target(inner, place, at),
                JsonExpression::AccessField { header, field } => {
                    let (header, _) = self.accessed(header, *field, place, at)?;
                    Ok(FieldTarget::Access {
                        header,
                        field: *field,
                    })
                }
                _ => Err(at.invalid("an expression that is no field cannot be written to")),
            },
            _ => Err(at.invalid("only a field can be written to")),
        }
    }

    /// The header of a field access, and the field in the first header that it can be.
    fn accessed(
        &self,
        header: &Value,
        field: u32,
        place: Place<'_>,
        at: &At,
    ) -> Result<(HeaderRef, Field), LoadError> {
        let header = self.header(header, place, at)?;
        let layout = self.header_of_type(&header);
        let field = layout
            .fields
            .get(field as usize)
            .ok_or_else(|| at.missing("field of a header", field))?
            .field;
        Ok((header, field))
    }

    /// A header that has the type of all that a reference can mean.
    pub(super) fn header_of_type(&self, header: &HeaderRef) -> &crate::program::HeaderLayout {
        match header {
            HeaderRef::Fixed(header) => self.names.header(*header),
            HeaderRef::Element { stack, .. } => self.names.stack_element(*stack),
            HeaderRef::UnionElement { stack, member, .. } => {
                self.names.union_stack_header(*stack, *member)
            }
        }
    }

    /// A reference to a header.
    pub(super) fn header(
        &self,
        value: &Value,
        place: Place<'_>,
        at: &At,
    ) -> Result<HeaderRef, LoadError> {
        let place = place.deeper(at)?;
        match value {
            Value::Header(name) => Ok(HeaderRef::Fixed(self.names.header_by_name(name, at)?)),
            Value::Expression(expression) => match &**expression {
                JsonExpression::Value(inner) => self.header(inner, place, at),
                JsonExpression::Binary {
                    op: BinaryOp::DereferenceHeaderStack,
                    left: Value::HeaderStack(stack),
                    right,
                } => Ok(HeaderRef::Element {
                    stack: self.names.stack(stack, at)?,
                    index: self.exact(right, place, at)?,
                }),
                JsonExpression::AccessUnionHeader { union, member } => {
                    self.union_member(union, *member, place, at)
                }
                _ => Err(at.invalid("the expression does not give a header")),
            },
            _ => Err(at.invalid("a header is needed here")),
        }
    }

    fn union_member(
        &self,
        union: &Value,
        member: u32,
        place: Place<'_>,
        at: &At,
    ) -> Result<HeaderRef, LoadError> {
        match union {
            Value::HeaderUnion(name) => {
                let union = self.names.union(name, at)?;
                self.names.layout.unions[union as usize]
                    .members
                    .get(member as usize)
                    .map(|header| HeaderRef::Fixed(*header))
                    .ok_or_else(|| at.missing("union member", member))
            }
            Value::Expression(expression) => match &**expression {
                JsonExpression::Value(inner) => {
                    self.union_member(inner, member, place.deeper(at)?, at)
                }
                JsonExpression::Binary {
                    op: BinaryOp::DereferenceUnionStack,
                    left: Value::HeaderUnionStack(stack),
                    right,
                } => {
                    let stack = self.names.union_stack(stack, at)?;
                    if member as usize >= self.names.union_stack_members(stack) {
                        return Err(at.missing("union member", member));
                    }
                    Ok(HeaderRef::UnionElement {
                        stack,
                        index: self.exact(right, place, at)?,
                        member,
                    })
                }
                _ => Err(at.invalid("the expression does not give a header union")),
            },
            _ => Err(at.invalid("a header union is needed here")),
        }
    }

    /// An arithmetic expression.
    pub(super) fn arithmetic(
        &self,
        value: &Value,
        place: Place<'_>,
        at: &At,
    ) -> Result<Arithmetic, LoadError> {
        let place = place.deeper(at)?;
        Ok(match value {
            Value::Field(reference) => Self::field_node(self.names.field(reference, at)?),
            Value::Hexstr(hex) => constant(hex.to_bigint()),
            Value::Local(index) | Value::RuntimeData(index) => {
                let parameter = place
                    .parameters
                    .get(*index as usize)
                    .ok_or_else(|| at.missing("action parameter", index))?;
                Arithmetic::Parameter {
                    word: parameter.word,
                    shift: parameter.shift,
                    width: parameter.width,
                }
            }
            Value::StackField(stack, field) => {
                let stack = self.names.stack(stack, at)?;
                let (_, field) = field_of(self.names.stack_element(stack), field)
                    .ok_or_else(|| at.missing("field", field))?;
                Arithmetic::StackLast { stack, field }
            }
            Value::UnionStackField(stack, member, field) => {
                let stack = self.names.union_stack(stack, at)?;
                let member = self.names.union_stack_member(stack, member, at)?;
                let header = self.names.union_stack_header(stack, member);
                let (field, place) =
                    field_of(header, field).ok_or_else(|| at.missing("field", field))?;
                Arithmetic::UnionStackLast {
                    stack,
                    member,
                    field,
                    width: place.width,
                }
            }
            Value::Register(array, index) => {
                let id = self.register(array, at)?;
                Arithmetic::Register {
                    array: id,
                    width: self.registers[id as usize].width,
                    index: Box::new(self.exact(index, place, at)?),
                }
            }
            Value::Expression(expression) => self.operation(expression, place, at)?,
            Value::Lookahead(..) => {
                return Err(at.unsupported("`lookahead` inside an expression"));
            }
            other => {
                return Err(at.invalid(format!("a number is needed here, not {}", kind(other))));
            }
        })
    }

    fn operation(
        &self,
        expression: &JsonExpression,
        place: Place<'_>,
        at: &At,
    ) -> Result<Arithmetic, LoadError> {
        let number = |value: &Value| self.arithmetic(value, place, at);
        let pair = |left: &Value, right: &Value| {
            Ok::<_, LoadError>(Box::new([number(left)?, number(right)?]))
        };
        Ok(match expression {
            JsonExpression::Value(inner) => number(inner)?,
            JsonExpression::Unary { op, operand } => match op {
                UnaryOp::Negate => Arithmetic::Negate(Box::new(number(operand)?)),
                UnaryOp::Complement => Arithmetic::Complement(Box::new(number(operand)?)),
                UnaryOp::BoolToData => {
                    Arithmetic::FromBoolean(Box::new(self.condition(operand, place, at)?))
                }
                UnaryOp::LastStackIndex => Arithmetic::LastIndex(self.next_word(operand, at)?),
                UnaryOp::SizeStack => Arithmetic::StackSize(self.next_word(operand, at)?),
                UnaryOp::Not | UnaryOp::Valid | UnaryOp::ValidUnion | UnaryOp::DataToBool => {
                    return Err(at.invalid("a number is needed here, not a Boolean"));
                }
            },
            JsonExpression::Binary { op, left, right } => match op {
                BinaryOp::Add => Arithmetic::Add(pair(left, right)?),
                BinaryOp::Subtract => Arithmetic::Subtract(pair(left, right)?),
                BinaryOp::Multiply => Arithmetic::Multiply(pair(left, right)?),
                BinaryOp::Divide => Arithmetic::Divide(pair(left, right)?),
                BinaryOp::Modulo => Arithmetic::Modulo(pair(left, right)?),
                BinaryOp::BitAnd => Arithmetic::And(pair(left, right)?),
                BinaryOp::BitOr => Arithmetic::Or(pair(left, right)?),
                BinaryOp::BitXor => Arithmetic::Xor(pair(left, right)?),
                BinaryOp::ShiftLeft => match amount(right) {
                    Some(amount) => Arithmetic::ShiftLeftBy(Box::new(number(left)?), amount),
                    None => Arithmetic::ShiftLeft(pair(left, right)?),
                },
                BinaryOp::ShiftRight => match amount(right) {
                    Some(amount) => Arithmetic::ShiftRightBy(Box::new(number(left)?), amount),
                    None => Arithmetic::ShiftRight(pair(left, right)?),
                },
                BinaryOp::TwoComplementModulo => {
                    Arithmetic::TwoComplement(Box::new(number(left)?), cast_width(right, at)?)
                }
                BinaryOp::SaturatingCast => {
                    Arithmetic::SaturateSigned(Box::new(number(left)?), cast_width(right, at)?)
                }
                BinaryOp::UnsignedSaturatingCast => {
                    Arithmetic::SaturateUnsigned(Box::new(number(left)?), cast_width(right, at)?)
                }
                BinaryOp::DereferenceHeaderStack | BinaryOp::DereferenceUnionStack => {
                    return Err(at.invalid("a number is needed here, not a header"));
                }
                _ => return Err(at.invalid("a number is needed here, not a Boolean")),
            },
            JsonExpression::Conditional {
                condition,
                then,
                otherwise,
            } => Arithmetic::Conditional(Box::new((
                self.condition(condition, place, at)?,
                number(then)?,
                number(otherwise)?,
            ))),
            JsonExpression::AccessField { header, field } => {
                let (header, layout) = self.accessed(header, *field, place, at)?;
                match header {
                    // The field is known after all.
                    HeaderRef::Fixed(_) => Self::field_node(layout),
                    header => Arithmetic::Access {
                        header: Box::new(header),
                        field: *field,
                        width: layout.width,
                    },
                }
            }
            JsonExpression::AccessUnionHeader { .. } => {
                return Err(at.invalid("a number is needed here, not a header"));
            }
        })
    }

    fn next_word(&self, stack: &Value, at: &At) -> Result<u32, LoadError> {
        match stack {
            Value::HeaderStack(name) => {
                let stack = self.names.stack(name, at)?;
                Ok(self.names.layout.stacks[stack as usize].next)
            }
            Value::HeaderUnionStack(name) => {
                let stack = self.names.union_stack(name, at)?;
                Ok(self.names.layout.union_stacks[stack as usize].next)
            }
            Value::Expression(expression) => match &**expression {
                JsonExpression::Value(inner) => self.next_word(inner, at),
                _ => Err(at.invalid("a header stack is needed here")),
            },
            _ => Err(at.invalid("a header stack is needed here")),
        }
    }

    /// A Boolean expression.
    pub(super) fn condition(
        &self,
        value: &Value,
        place: Place<'_>,
        at: &At,
    ) -> Result<Condition, LoadError> {
        let place = place.deeper(at)?;
        let expression = match value {
            Value::Bool(value) => return Ok(Condition::Constant(*value)),
            Value::Expression(expression) => &**expression,
            other => {
                return Err(at.invalid(format!("a Boolean is needed here, not {}", kind(other))));
            }
        };
        let boolean = |value: &Value| self.condition(value, place, at);
        Ok(match expression {
            JsonExpression::Value(inner) => boolean(inner)?,
            JsonExpression::Unary { op, operand } => match op {
                UnaryOp::Not => not(boolean(operand)?),
                UnaryOp::DataToBool => not_zero(self.exact(operand, place, at)?),
                UnaryOp::Valid => match self.header(operand, place, at)? {
                    HeaderRef::Fixed(header) => {
                        Condition::WordNotZero(self.names.header(header).start)
                    }
                    header => other(Boolean::Valid(header)),
                },
                UnaryOp::ValidUnion => other(self.valid_union(operand, place, at)?),
                _ => return Err(at.invalid("a Boolean is needed here, not a number")),
            },
            JsonExpression::Binary { op, left, right } => match op {
                BinaryOp::And => other(Boolean::And(boolean(left)?, boolean(right)?)),
                BinaryOp::Or => other(Boolean::Or(boolean(left)?, boolean(right)?)),
                BinaryOp::Equal => self.equal(left, right, place, at)?,
                BinaryOp::NotEqual => not(self.equal(left, right, place, at)?),
                BinaryOp::Less => self.compare(Comparison::Less, left, right, place, at)?,
                BinaryOp::LessOrEqual => {
                    self.compare(Comparison::LessOrEqual, left, right, place, at)?
                }
                BinaryOp::Greater => self.compare(Comparison::Greater, left, right, place, at)?,
                BinaryOp::GreaterOrEqual => {
                    self.compare(Comparison::GreaterOrEqual, left, right, place, at)?
                }
                _ => return Err(at.invalid("a Boolean is needed here, not a number")),
            },
            JsonExpression::Conditional {
                condition,
                then,
                otherwise,
            } => other(Boolean::Choose(
                boolean(condition)?,
                boolean(then)?,
                boolean(otherwise)?,
            )),
            JsonExpression::AccessField { .. } | JsonExpression::AccessUnionHeader { .. } => {
                return Err(at.invalid("a Boolean is needed here"));
            }
        })
    }

    fn valid_union(&self, union: &Value, place: Place<'_>, at: &At) -> Result<Boolean, LoadError> {
        match union {
            Value::HeaderUnion(name) => Ok(Boolean::ValidUnion(self.names.union(name, at)?)),
            Value::Expression(expression) => match &**expression {
                JsonExpression::Value(inner) => self.valid_union(inner, place.deeper(at)?, at),
                JsonExpression::Binary {
                    op: BinaryOp::DereferenceUnionStack,
                    left: Value::HeaderUnionStack(stack),
                    right,
                } => Ok(Boolean::ValidUnionElement {
                    stack: self.names.union_stack(stack, at)?,
                    index: self.exact(right, place, at)?,
                }),
                _ => Err(at.invalid("a header union is needed here")),
            },
            _ => Err(at.invalid("a header union is needed here")),
        }
    }

    /// `==` is for numbers, Booleans, headers and header unions.
    fn equal(
        &self,
        left: &Value,
        right: &Value,
        place: Place<'_>,
        at: &At,
    ) -> Result<Condition, LoadError> {
        match kind_of(left) {
            Kind::Boolean => Ok(other(Boolean::Equal(
                self.condition(left, place, at)?,
                self.condition(right, place, at)?,
            ))),
            Kind::Header => Ok(other(Boolean::HeadersEqual(
                self.header(left, place, at)?,
                self.header(right, place, at)?,
            ))),
            Kind::Union => match (left, right) {
                (Value::HeaderUnion(left), Value::HeaderUnion(right)) => {
                    let (left, right) = (self.names.union(left, at)?, self.names.union(right, at)?);
                    let members =
                        |union: u32| self.names.layout.unions[union as usize].members.len();
                    if members(left) != members(right) {
                        return Err(at.invalid("unions of different types cannot be compared"));
                    }
                    Ok(other(Boolean::UnionsEqual(left, right)))
                }
                _ => Err(at.unsupported("the comparison of elements of a stack of unions")),
            },
            Kind::Number => self.compare(Comparison::Equal, left, right, place, at),
        }
    }

    fn compare(
        &self,
        comparison: Comparison,
        left: &Value,
        right: &Value,
        place: Place<'_>,
        at: &At,
    ) -> Result<Condition, LoadError> {
        let left = self.arithmetic(left, place, at)?;
        let right = self.arithmetic(right, place, at)?;
        if comparison == Comparison::Equal {
            let (word, constant) = match (&left, &right) {
                (Arithmetic::Word { word, .. }, Arithmetic::Constant(constant))
                | (Arithmetic::Constant(constant), Arithmetic::Word { word, .. }) => {
                    (Some(*word), *constant)
                }
                _ => (None, 0),
            };
            if let (Some(word), Ok(constant)) = (word, u64::try_from(constant)) {
                return Ok(Condition::WordEquals(word, constant));
            }
        }
        Ok(other(Boolean::Compare {
            comparison,
            class: width::exact_pair(&left, &right),
            left,
            right,
        }))
    }
}

fn other(boolean: Boolean) -> Condition {
    Condition::Other(Box::new(boolean))
}

fn not(condition: Condition) -> Condition {
    match condition {
        Condition::Constant(value) => Condition::Constant(!value),
        condition => other(Boolean::Not(condition)),
    }
}

fn not_zero(expression: Expression) -> Condition {
    match expression.node {
        Arithmetic::Word { word, .. } => Condition::WordNotZero(word),
        Arithmetic::Constant(value) => Condition::Constant(value != 0),
        Arithmetic::FromBoolean(condition) => *condition,
        node => other(Boolean::NotZero(Expression { node, ..expression })),
    }
}

/// A constant.
pub(super) fn constant(value: BigInt) -> Arithmetic {
    match i64::try_from(&value) {
        Ok(value) => Arithmetic::Constant(value),
        Err(_) => Arithmetic::BigConstant(Box::new(value)),
    }
}

/// A shift by a constant.
fn amount(value: &Value) -> Option<u32> {
    match value {
        Value::Hexstr(hex) => u32::try_from(hex.to_bigint()).ok(),
        _ => None,
    }
}

fn cast_width(value: &Value, at: &At) -> Result<u32, LoadError> {
    match amount(value) {
        Some(width @ 1..=65_536) => Ok(width),
        _ => Err(at.invalid("a cast needs a constant width of 1 to 65536 bits")),
    }
}

/// What kind of thing a value is, as far as it shows without looking things up.
enum Kind {
    Number,
    Boolean,
    Header,
    Union,
}

fn kind_of(value: &Value) -> Kind {
    match value {
        Value::Bool(_) => Kind::Boolean,
        Value::Header(_) => Kind::Header,
        Value::HeaderUnion(_) => Kind::Union,
        Value::Expression(expression) => match &**expression {
            JsonExpression::Value(inner) => kind_of(inner),
            JsonExpression::Unary { op, .. } => match op {
                UnaryOp::Not | UnaryOp::Valid | UnaryOp::ValidUnion | UnaryOp::DataToBool => {
                    Kind::Boolean
                }
                _ => Kind::Number,
            },
            JsonExpression::Binary { op, .. } => match op {
                BinaryOp::Equal
                | BinaryOp::NotEqual
                | BinaryOp::Less
                | BinaryOp::LessOrEqual
                | BinaryOp::Greater
                | BinaryOp::GreaterOrEqual
                | BinaryOp::And
                | BinaryOp::Or => Kind::Boolean,
                BinaryOp::DereferenceHeaderStack => Kind::Header,
                BinaryOp::DereferenceUnionStack => Kind::Union,
                _ => Kind::Number,
            },
            JsonExpression::Conditional { then, .. } => kind_of(then),
            JsonExpression::AccessField { .. } => Kind::Number,
            JsonExpression::AccessUnionHeader { .. } => Kind::Header,
        },
        _ => Kind::Number,
    }
}

/// What a value is called in an error.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "a Boolean",
        Value::String(_) => "a string",
        Value::Header(_) => "a header",
        Value::HeaderStack(_) | Value::HeaderUnionStack(_) => "a header stack",
        Value::HeaderUnion(_) => "a header union",
        Value::Calculation(_) => "a calculation",
        Value::MeterArray(_) => "a meter array",
        Value::CounterArray(_) => "a counter array",
        Value::RegisterArray(_) => "a register array",
        Value::Extern(_) => "an extern instance",
        Value::ParametersVector(_) => "a list of parameters",
        _ => "a number",
    }
}
