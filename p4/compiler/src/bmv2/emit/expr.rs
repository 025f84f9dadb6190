//! Expressions as BMv2 computes them.
//!
//! BMv2 computes with integers of any size and cuts a value only when a field is written. What
//! P4 defines modulo the width of a type is therefore masked wherever it can leave its range.

use bmv2_json::{BinaryOp as JsonBinary, Expression, HexString, UnaryOp as JsonUnary, Value};
use num_bigint::BigInt;

use super::super::fold::ones;
use super::super::ir::{
    BinaryOp, Expr, ExprKind, FieldRef, HeaderId, HeaderRef, Program, ScalarId, ScalarType,
    StackId, UnaryOp,
};

/// The metadata header that holds the scalars.
pub(super) const SCALARS: &str = "scalars";
/// The hidden field of a header that says whether it is valid.
pub(super) const VALID: &str = "$valid$";
/// The only field of the metadata header of a varbit variable.
pub(super) const VARBIT_FIELD: &str = "field";

/// Writes values of a program.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    /// The program.
    pub(super) program: &'a Program,
}

impl Values<'_> {
    /// A scalar as a field: the name of its header, and its own.
    fn scalar(&self, id: ScalarId) -> bmv2_json::FieldRef {
        let scalar = &self.program.scalars[id.0];
        match scalar.ty {
            // A header has at most one varbit, so each such variable is a header.
            ScalarType::Varbit(_) => bmv2_json::FieldRef::new(&scalar.name, VARBIT_FIELD),
            _ => bmv2_json::FieldRef::new(SCALARS, &scalar.name),
        }
    }

    fn header_field(&self, header: HeaderId, field: usize) -> bmv2_json::FieldRef {
        let header = &self.program.headers[header.0];
        let field = &self.program.header_types[header.ty.0].fields[field];
        bmv2_json::FieldRef::new(&header.name, &field.name)
    }

    /// A field that has a name; `None` if its header is known only at run time.
    pub(super) fn named_field(&self, field: &FieldRef) -> Option<bmv2_json::FieldRef> {
        match field {
            FieldRef::Scalar(id) => Some(self.scalar(*id)),
            FieldRef::Header {
                header: HeaderRef::Instance(id),
                field,
            } => Some(self.header_field(*id, *field)),
            FieldRef::Header { .. } => None,
        }
    }

    /// A field as a value.
    pub(super) fn field(&self, field: &FieldRef) -> Value {
        let (header, field) = match field {
            FieldRef::Scalar(id) => return Value::Field(self.scalar(*id)),
            FieldRef::Header { header, field } => (header, *field),
        };
        match header {
            HeaderRef::Instance(id) => Value::Field(self.header_field(*id, field)),
            HeaderRef::Element(stack, index) => Value::expression(Expression::AccessField {
                header: self.element(*stack, index),
                field: field as u32,
            }),
            HeaderRef::Next(stack) | HeaderRef::Last(stack) => {
                let stack = &self.program.stacks[stack.0];
                let field = &self.program.header_types[stack.ty.0].fields[field];
                Value::StackField(stack.name.clone(), field.name.clone())
            }
        }
    }

    fn element(&self, stack: StackId, index: &Expr) -> Value {
        Value::expression(Expression::Binary {
            op: JsonBinary::DereferenceHeaderStack,
            left: Value::HeaderStack(self.program.stacks[stack.0].name.clone()),
            right: self.inner(index),
        })
    }

    /// A header as the argument of a primitive.
    pub(super) fn header(&self, header: &HeaderRef) -> Value {
        match header {
            HeaderRef::Instance(id) => Value::Header(self.program.headers[id.0].name.clone()),
            HeaderRef::Element(stack, index) => wrapped(self.element(*stack, index)),
            HeaderRef::Next(stack) => Value::HeaderStack(self.program.stacks[stack.0].name.clone()),
            // Only fields of `last` have a name; the whole of it is an element like others.
            HeaderRef::Last(stack) => {
                let name = &self.program.stacks[stack.0].name;
                let last = unary(JsonUnary::LastStackIndex, Value::HeaderStack(name.clone()));
                wrapped(Value::expression(Expression::Binary {
                    op: JsonBinary::DereferenceHeaderStack,
                    left: Value::HeaderStack(name.clone()),
                    right: last,
                }))
            }
        }
    }

    /// A field as the argument of a primitive that writes it.
    pub(super) fn target(&self, field: &FieldRef) -> Value {
        argument(self.field(field))
    }

    /// A value as the argument of a primitive, a boolean as a number.
    pub(super) fn data(&self, expr: &Expr) -> Value {
        match (&expr.kind, expr.ty) {
            (ExprKind::ActionData(index), _) => Value::RuntimeData(*index as u32),
            (_, ScalarType::Bool) => wrapped(self.as_data(expr)),
            _ => argument(self.inner(expr)),
        }
    }

    /// A boolean as a number.
    fn as_data(&self, expr: &Expr) -> Value {
        Value::expression(Expression::Unary {
            op: JsonUnary::BoolToData,
            operand: self.inner(expr),
        })
    }

    /// A value inside an expression.
    pub(super) fn inner(&self, expr: &Expr) -> Value {
        match &expr.kind {
            ExprKind::Int(value) => number(value, expr.ty),
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::Field(field) if expr.ty == ScalarType::Bool => {
                unary(JsonUnary::DataToBool, self.field(field))
            }
            ExprKind::Field(field) => self.field(field),
            ExprKind::ActionData(index) => Value::Local(*index as u32),
            ExprKind::IsValid(HeaderRef::Instance(id)) => {
                let header = &self.program.headers[id.0].name;
                unary(JsonUnary::DataToBool, Value::field(header, VALID))
            }
            ExprKind::IsValid(HeaderRef::Element(stack, index)) => {
                unary(JsonUnary::Valid, self.element(*stack, index))
            }
            ExprKind::IsValid(HeaderRef::Next(stack) | HeaderRef::Last(stack)) => {
                let stack = self.program.stacks[stack.0].name.clone();
                unary(
                    JsonUnary::DataToBool,
                    Value::StackField(stack, VALID.to_owned()),
                )
            }
            ExprKind::LastIndex(stack) => {
                let stack = self.program.stacks[stack.0].name.clone();
                unary(JsonUnary::LastStackIndex, Value::HeaderStack(stack))
            }
            ExprKind::Lookahead => Value::Lookahead(0, expr.ty.width()),
            ExprKind::Unary(op, operand) => match op {
                UnaryOp::Not => unary(JsonUnary::Not, self.inner(operand)),
                UnaryOp::BitNot => cut(unary(JsonUnary::Complement, self.inner(operand)), expr.ty),
                UnaryOp::Neg => {
                    let zero = number(&BigInt::from(0), expr.ty);
                    cut(
                        binary(JsonBinary::Subtract, zero, self.inner(operand)),
                        expr.ty,
                    )
                }
            },
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, expr.ty),
            ExprKind::Mux(condition, then, otherwise) => {
                Value::expression(Expression::Conditional {
                    condition: self.inner(condition),
                    then: self.inner(then),
                    otherwise: self.inner(otherwise),
                })
            }
            ExprKind::Cast(operand) => self.cast(operand, expr.ty),
            ExprKind::Slice { base, hi, lo } => {
                let base = self.inner(base);
                let shifted = match lo {
                    0 => base,
                    lo => binary(JsonBinary::ShiftRight, base, plain(*lo)),
                };
                cut(shifted, ScalarType::bits(hi - lo + 1))
            }
        }
    }

    fn cast(&self, operand: &Expr, to: ScalarType) -> Value {
        let from = operand.ty;
        let value = self.inner(operand);
        match (from, to) {
            (ScalarType::Bool, ScalarType::Bits { .. }) => {
                Value::expression(Expression::Conditional {
                    condition: value,
                    then: number(&BigInt::from(1), to),
                    otherwise: number(&BigInt::from(0), to),
                })
            }
            (ScalarType::Bits { .. }, ScalarType::Bool) => {
                binary(JsonBinary::NotEqual, value, number(&BigInt::from(0), from))
            }
            // A wider type holds the same number.
            _ if from.signed() == to.signed() && to.width() >= from.width() => value,
            _ if !from.signed() && to.width() > from.width() => value,
            _ => cut(value, to),
        }
    }

    fn binary(&self, op: BinaryOp, left: &Expr, right: &Expr, ty: ScalarType) -> Value {
        let operands = || (self.inner(left), self.inner(right));
        let of = |op| {
            let (left, right) = operands();
            binary(op, left, right)
        };
        match op {
            BinaryOp::And => of(JsonBinary::And),
            BinaryOp::Or => of(JsonBinary::Or),
            BinaryOp::Eq | BinaryOp::Ne => {
                let op = match op {
                    BinaryOp::Eq => JsonBinary::Equal,
                    _ => JsonBinary::NotEqual,
                };
                if left.ty == ScalarType::Bool {
                    return binary(op, self.as_data(left), self.as_data(right));
                }
                of(op)
            }
            BinaryOp::Lt => of(JsonBinary::Less),
            BinaryOp::Le => of(JsonBinary::LessOrEqual),
            BinaryOp::Gt => of(JsonBinary::Greater),
            BinaryOp::Ge => of(JsonBinary::GreaterOrEqual),
            BinaryOp::Add => cut(of(JsonBinary::Add), ty),
            BinaryOp::Sub => cut(of(JsonBinary::Subtract), ty),
            BinaryOp::Mul => cut(of(JsonBinary::Multiply), ty),
            BinaryOp::Shl => cut(of(JsonBinary::ShiftLeft), ty),
            BinaryOp::Div => of(JsonBinary::Divide),
            BinaryOp::Mod => of(JsonBinary::Modulo),
            BinaryOp::Shr => of(JsonBinary::ShiftRight),
            BinaryOp::BitAnd => of(JsonBinary::BitAnd),
            BinaryOp::BitOr => of(JsonBinary::BitOr),
            BinaryOp::BitXor => of(JsonBinary::BitXor),
            BinaryOp::AddSat => saturated(of(JsonBinary::Add), ty),
            BinaryOp::SubSat => saturated(of(JsonBinary::Subtract), ty),
            BinaryOp::Concat => {
                let width = right.ty.width();
                let (left, right) = operands();
                let left = cut(binary(JsonBinary::ShiftLeft, left, plain(width)), ty);
                let right = binary(JsonBinary::BitAnd, right, number(&ones(width), ty));
                binary(JsonBinary::BitOr, left, right)
            }
        }
    }
}

/// An argument of a primitive: expressions are wrapped once more, as BMv2 demands.
fn argument(value: Value) -> Value {
    match value {
        Value::Expression(_) | Value::StackField(..) => wrapped(value),
        value => value,
    }
}

/// A value as an expression.
pub(super) fn wrapped(value: Value) -> Value {
    Value::expression(Expression::Value(value))
}

fn unary(op: JsonUnary, operand: Value) -> Value {
    Value::expression(Expression::Unary { op, operand })
}

fn binary(op: JsonBinary, left: Value, right: Value) -> Value {
    Value::expression(Expression::Binary { op, left, right })
}

/// A number of a type, with as many digits as the type has bytes.
pub(super) fn number(value: &BigInt, ty: ScalarType) -> Value {
    let bytes = match ty {
        ScalarType::Error => 0,
        ty => ty.width().div_ceil(8) as usize,
    };
    Value::Hexstr(HexString::new(value, bytes))
}

/// A number without a type, such as a width.
pub(super) fn plain(value: u32) -> Value {
    Value::Hexstr(HexString::from_u64(u64::from(value), 0))
}

/// `value` modulo the width of a type.
fn cut(value: Value, ty: ScalarType) -> Value {
    if ty.signed() {
        binary(JsonBinary::TwoComplementModulo, value, plain(ty.width()))
    } else {
        binary(JsonBinary::BitAnd, value, number(&ones(ty.width()), ty))
    }
}

/// `value`, or the nearest number that the type has.
fn saturated(value: Value, ty: ScalarType) -> Value {
    let op = if ty.signed() {
        JsonBinary::SaturatingCast
    } else {
        JsonBinary::UnsignedSaturatingCast
    };
    binary(op, value, plain(ty.width()))
}
