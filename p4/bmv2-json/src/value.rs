//! The "type value object" of the format: references, constants and expressions.

use std::fmt;

use num_bigint::{BigInt, BigUint, Sign};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};

/// A field of a header or metadata instance: the instance's name, then the field's.
///
/// The hidden field `$valid$` is the validity of the header, one bit wide and not writable.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FieldRef(
    /// Name of the header or metadata instance.
    pub String,
    /// Name of the field.
    pub String,
);

impl FieldRef {
    /// The reference to `field` of the instance `header`.
    pub fn new(header: impl Into<String>, field: impl Into<String>) -> Self {
        Self(header.into(), field.into())
    }
}

impl fmt::Display for FieldRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// An integer of any size in hexadecimal, with `0x` and perhaps a minus sign before it.
///
/// The text is kept as it was written, since its length says how wide p4c took the value to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HexString(String);

impl HexString {
    /// Writes `value` with at least `bytes` bytes, filled with zero digits on the left as p4c
    /// does; with 0 there is no filling.
    #[must_use]
    pub fn new(value: &BigInt, bytes: usize) -> Self {
        let sign = if value.sign() == Sign::Minus { "-" } else { "" };
        let digits = value.magnitude().to_str_radix(16);
        Self(format!("{sign}0x{digits:0>width$}", width = bytes * 2))
    }

    /// Writes an unsigned value with at least `bytes` bytes.
    #[must_use]
    pub fn from_u64(value: u64, bytes: usize) -> Self {
        Self::new(&BigInt::from(value), bytes)
    }

    /// The value.
    #[must_use]
    pub fn to_bigint(&self) -> BigInt {
        let (sign, digits) = split(&self.0);
        // `try_from` has let only hexadecimal digits in.
        let magnitude = BigUint::parse_bytes(digits.as_bytes(), 16).unwrap_or_default();
        BigInt::from_biguint(sign, magnitude)
    }

    /// The text, as it stands in the document.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn split(text: &str) -> (Sign, &str) {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (Sign::Minus, rest),
        None => (Sign::Plus, text),
    };
    let digits = rest
        .strip_prefix("0x")
        .or_else(|| rest.strip_prefix("0X"))
        .unwrap_or(rest);
    (sign, digits)
}

impl TryFrom<String> for HexString {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (_, digits) = split(&text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("`{text}` is not a hexadecimal number"));
        }
        Ok(Self(text))
    }
}

impl From<HexString> for String {
    fn from(hex: HexString) -> Self {
        hex.0
    }
}

impl fmt::Display for HexString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A "type value object": `{"type": ..., "value": ...}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Value {
    /// A field of a header.
    Field(FieldRef),
    /// An integer constant.
    Hexstr(HexString),
    /// A Boolean constant.
    Bool(bool),
    /// A character string, for `log_msg`.
    String(String),
    /// A header instance.
    Header(String),
    /// A header stack.
    HeaderStack(String),
    /// A header union.
    HeaderUnion(String),
    /// A stack of header unions.
    HeaderUnionStack(String),
    /// A calculation (the input and algorithm of a hash).
    Calculation(String),
    /// An array of meters.
    MeterArray(String),
    /// An array of counters.
    CounterArray(String),
    /// An array of registers.
    RegisterArray(String),
    /// An extern instance.
    Extern(String),
    /// A register: the name of its array, and its index.
    Register(String, Box<Value>),
    /// In a parser: bits of the packet that are not extracted yet. Offset in bits from the
    /// parser's position, then width in bits.
    Lookahead(u32, u32),
    /// A field of the header that was last extracted into a stack: stack, field.
    StackField(String, String),
    /// A field of the union member last extracted into a stack of unions: stack, member, field.
    UnionStackField(String, String, String),
    /// An expression.
    Expression(Box<Expression>),
    /// Inside an expression: a parameter of the action, by its index.
    Local(u32),
    /// As the argument of a primitive: a parameter of the action, by its index.
    RuntimeData(u32),
    /// The arguments of `log_msg`.
    #[serde(deserialize_with = "parameters_vector")]
    ParametersVector(Vec<Value>),
}

/// p4c writes an empty object in place of an empty array.
fn parameters_vector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    struct ListOrEmptyObject;
    impl<'de> Visitor<'de> for ListOrEmptyObject {
        type Value = Vec<Value>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of values")
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(
            self,
            mut list: A,
        ) -> Result<Vec<Value>, A::Error> {
            let mut values = Vec::new();
            while let Some(value) = list.next_element()? {
                values.push(value);
            }
            Ok(values)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Value>, A::Error> {
            match map.next_key::<String>()? {
                None => Ok(Vec::new()),
                Some(key) => Err(A::Error::unknown_field(&key, &[])),
            }
        }
    }
    deserializer.deserialize_any(ListOrEmptyObject)
}

impl Value {
    /// The field `field` of the header `header`.
    pub fn field(header: impl Into<String>, field: impl Into<String>) -> Self {
        Self::Field(FieldRef::new(header, field))
    }

    /// The unsigned constant `value` written with at least `bytes` bytes.
    #[must_use]
    pub fn hex(value: u64, bytes: usize) -> Self {
        Self::Hexstr(HexString::from_u64(value, bytes))
    }

    /// `{"type": "expression", "value": expression}`.
    #[must_use]
    pub fn expression(expression: Expression) -> Self {
        Self::Expression(Box::new(expression))
    }
}

/// What stands as the value of a [`Value::Expression`].
///
/// Arithmetic has infinite precision; a result is cut to the width of the field that it is
/// written to (`JSON_format.md`, "General information").
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A value in one more wrapping: p4c wraps the arguments of primitives twice.
    Value(Value),
    /// An operation with one operand.
    Unary {
        /// The operation.
        op: UnaryOp,
        /// The operand, `right` in JSON.
        operand: Value,
    },
    /// An operation with two operands.
    Binary {
        /// The operation.
        op: BinaryOp,
        /// The left operand.
        left: Value,
        /// The right operand.
        right: Value,
    },
    /// `condition ? then : otherwise`.
    Conditional {
        /// The condition, `cond` in JSON.
        condition: Value,
        /// The value if the condition holds, `left` in JSON.
        then: Value,
        /// The value if it does not, `right` in JSON.
        otherwise: Value,
    },
    /// A field, by its index in the header's type, of a header that is only known at run time.
    AccessField {
        /// An expression that gives a header, `left` in JSON.
        header: Value,
        /// Index of the field, `right` in JSON.
        field: u32,
    },
    /// A member, by its index in the union's type, of a union that is only known at run time.
    AccessUnionHeader {
        /// An expression that gives a header union, `left` in JSON.
        union: Value,
        /// Index of the member, `right` in JSON.
        member: u32,
    },
}

/// Operations with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UnaryOp {
    /// Arithmetic negation.
    #[serde(rename = "-")]
    Negate,
    /// Logical not, of a Boolean.
    #[serde(rename = "not")]
    Not,
    /// Bitwise complement.
    #[serde(rename = "~")]
    Complement,
    /// Whether a header is valid.
    #[serde(rename = "valid")]
    Valid,
    /// Whether a member of a header union is valid.
    #[serde(rename = "valid_union")]
    ValidUnion,
    /// Integer to Boolean.
    #[serde(rename = "d2b")]
    DataToBool,
    /// Boolean to integer.
    #[serde(rename = "b2d")]
    BoolToData,
    /// Index of the last valid element of a header stack.
    #[serde(rename = "last_stack_index")]
    LastStackIndex,
    /// Number of valid elements of a header stack.
    #[serde(rename = "size_stack")]
    SizeStack,
}

/// Operations with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BinaryOp {
    /// Addition.
    #[serde(rename = "+")]
    Add,
    /// Subtraction.
    #[serde(rename = "-")]
    Subtract,
    /// Multiplication.
    #[serde(rename = "*")]
    Multiply,
    /// Division, rounded towards zero.
    #[serde(rename = "/")]
    Divide,
    /// Remainder of the division.
    #[serde(rename = "%")]
    Modulo,
    /// Shift to the left.
    #[serde(rename = "<<")]
    ShiftLeft,
    /// Shift to the right.
    #[serde(rename = ">>")]
    ShiftRight,
    /// Equal.
    #[serde(rename = "==")]
    Equal,
    /// Not equal.
    #[serde(rename = "!=")]
    NotEqual,
    /// Greater.
    #[serde(rename = ">")]
    Greater,
    /// Greater or equal.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// Less.
    #[serde(rename = "<")]
    Less,
    /// Less or equal.
    #[serde(rename = "<=")]
    LessOrEqual,
    /// Logical and; the right operand is only looked at if the left one is true.
    #[serde(rename = "and")]
    And,
    /// Logical or; the right operand is only looked at if the left one is false.
    #[serde(rename = "or")]
    Or,
    /// Bitwise and.
    #[serde(rename = "&")]
    BitAnd,
    /// Bitwise or.
    #[serde(rename = "|")]
    BitOr,
    /// Bitwise exclusive or.
    #[serde(rename = "^")]
    BitXor,
    /// The left operand as a signed number of as many bits as the right operand says.
    #[serde(rename = "two_comp_mod")]
    TwoComplementModulo,
    /// The left operand, saturated to a signed number of as many bits as the right operand says.
    #[serde(rename = "sat_cast")]
    SaturatingCast,
    /// The left operand, saturated to an unsigned number of as many bits as the right operand
    /// says.
    #[serde(rename = "usat_cast")]
    UnsignedSaturatingCast,
    /// The element of the header stack on the left at the index on the right.
    #[serde(rename = "dereference_header_stack")]
    DereferenceHeaderStack,
    /// The element of the stack of unions on the left at the index on the right.
    #[serde(rename = "dereference_union_stack")]
    DereferenceUnionStack,
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Self::Value(value) = self {
            return value.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Value(_) => {}
            Self::Unary { op, operand } => {
                map.serialize_entry("op", op)?;
                map.serialize_entry("left", &())?;
                map.serialize_entry("right", operand)?;
            }
            Self::Binary { op, left, right } => {
                map.serialize_entry("op", op)?;
                map.serialize_entry("left", left)?;
                map.serialize_entry("right", right)?;
            }
            Self::Conditional {
                condition,
                then,
                otherwise,
            } => {
                map.serialize_entry("op", "?")?;
                map.serialize_entry("left", then)?;
                map.serialize_entry("right", otherwise)?;
                map.serialize_entry("cond", condition)?;
            }
            Self::AccessField { header, field } => {
                map.serialize_entry("op", "access_field")?;
                map.serialize_entry("left", header)?;
                map.serialize_entry("right", field)?;
            }
            Self::AccessUnionHeader { union, member } => {
                map.serialize_entry("op", "access_union_header")?;
                map.serialize_entry("left", union)?;
                map.serialize_entry("right", member)?;
            }
        }
        map.end()
    }
}

/// An operand: a value, or the plain index of a field or union member.
enum Operand {
    Value(Value),
    Index(u32),
}

impl<'de> Deserialize<'de> for Operand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OperandVisitor;
        impl<'de> Visitor<'de> for OperandVisitor {
            type Value = Operand;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an operand: an object with `type` and `value`, or an index")
            }
            fn visit_u64<E: serde::de::Error>(self, index: u64) -> Result<Operand, E> {
                u32::try_from(index)
                    .map(Operand::Index)
                    .map_err(|_| E::custom(format!("index {index} is too large")))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Operand, A::Error> {
                Value::deserialize(MapAccessDeserializer::new(map)).map(Operand::Value)
            }
        }
        deserializer.deserialize_any(OperandVisitor)
    }
}

/// A map whose first key was read already.
struct WithFirstKey<A> {
    first: Option<String>,
    rest: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithFirstKey<A> {
    type Error = A::Error;
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(key) => seed
                .deserialize(serde::de::value::StringDeserializer::new(key))
                .map(Some),
            None => self.rest.next_key_seed(seed),
        }
    }
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.rest.next_value_seed(seed)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ExpressionVisitor;
        impl<'de> Visitor<'de> for ExpressionVisitor {
            type Value = Expression;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an expression: an object with `op`, `left` and `right`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Expression, A::Error> {
                let first = map.next_key::<String>()?;
                if matches!(first.as_deref(), Some("type" | "value")) {
                    let map = WithFirstKey { first, rest: map };
                    return Value::deserialize(MapAccessDeserializer::new(map))
                        .map(Expression::Value);
                }
                let (mut op, mut left, mut right, mut cond) = (None::<String>, None, None, None);
                let mut key = first;
                while let Some(name) = key {
                    match name.as_str() {
                        "op" => op = Some(map.next_value()?),
                        "left" => left = map.next_value::<Option<Operand>>()?,
                        "right" => right = map.next_value::<Option<Operand>>()?,
                        "cond" => cond = map.next_value::<Option<Operand>>()?,
                        _ => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                    key = map.next_key()?;
                }
                let op = op.ok_or_else(|| A::Error::missing_field("op"))?;
                operation(&op, left, right, cond).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_map(ExpressionVisitor)
    }
}

fn operation(
    op: &str,
    left: Option<Operand>,
    right: Option<Operand>,
    cond: Option<Operand>,
) -> Result<Expression, String> {
    let value = |operand: Option<Operand>, side: &str| match operand {
        Some(Operand::Value(value)) => Ok(value),
        Some(Operand::Index(_)) => Err(format!("`{side}` of operation `{op}` must be an object")),
        None => Err(format!("operation `{op}` needs `{side}`")),
    };
    let index = |operand: Option<Operand>| match operand {
        Some(Operand::Index(index)) => Ok(index),
        _ => Err(format!("`right` of operation `{op}` must be an integer")),
    };
    match op {
        "?" => Ok(Expression::Conditional {
            condition: value(cond, "cond")?,
            then: value(left, "left")?,
            otherwise: value(right, "right")?,
        }),
        "access_field" => Ok(Expression::AccessField {
            header: value(left, "left")?,
            field: index(right)?,
        }),
        "access_union_header" => Ok(Expression::AccessUnionHeader {
            union: value(left, "left")?,
            member: index(right)?,
        }),
        _ => {
            let name = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(op);
            if left.is_none()
                && let Ok(op) = UnaryOp::deserialize(name)
            {
                return Ok(Expression::Unary {
                    op,
                    operand: value(right, "right")?,
                });
            }
            match BinaryOp::deserialize(name) {
                Ok(binary) => Ok(Expression::Binary {
                    op: binary,
                    left: value(left, "left")?,
                    right: value(right, "right")?,
                }),
                Err(_) if UnaryOp::deserialize(name).is_ok() => {
                    Err(format!("operation `{op}` has no left operand"))
                }
                Err(_) => Err(format!("operation `{op}` is not known")),
            }
        }
    }
}
