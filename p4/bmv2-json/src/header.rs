//! Header types, header instances, stacks, unions and enums.

use serde::{Deserialize, Serialize};

use crate::Value;

/// A header type, or the type of a metadata instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeaderType {
    /// Name of the type.
    pub name: String,
    /// Unique among the header types.
    pub id: u32,
    /// The fields, in the order of the wire.
    pub fields: Vec<HeaderField>,
    /// For a P4-14 header with a field of variable length: the width of that field in bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_exp: Option<Value>,
    /// For a header with a field of variable length: the largest size of the header, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
}

/// A field of a header type: `[name, width]` or `[name, width, signed]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "FieldTuple", into = "FieldTuple")]
pub struct HeaderField {
    /// Name of the field.
    pub name: String,
    /// Width of the field.
    pub width: FieldWidth,
    /// Whether the field holds a signed number; `None` where the document does not say, as p4c
    /// does for fields of variable length.
    pub signed: Option<bool>,
}

/// Width of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WidthRepr", into = "WidthRepr")]
pub enum FieldWidth {
    /// So many bits.
    Bits(u32),
    /// Variable; known when the header is extracted. Written `"*"`.
    Variable,
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a field: [name, width] or [name, width, signed]"
)]
enum FieldTuple {
    Signed(String, FieldWidth, Sign),
    Plain(String, FieldWidth),
}

/// p4c writes the number 0 for a field of type `bool`.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected true, false or 0")]
enum Sign {
    Boolean(bool),
    Number(u8),
}

impl From<FieldTuple> for HeaderField {
    fn from(tuple: FieldTuple) -> Self {
        let (name, width, signed) = match tuple {
            FieldTuple::Signed(name, width, Sign::Boolean(signed)) => (name, width, Some(signed)),
            FieldTuple::Signed(name, width, Sign::Number(signed)) => {
                (name, width, Some(signed != 0))
            }
            FieldTuple::Plain(name, width) => (name, width, None),
        };
        Self {
            name,
            width,
            signed,
        }
    }
}

impl From<HeaderField> for FieldTuple {
    fn from(field: HeaderField) -> Self {
        match field.signed {
            Some(signed) => Self::Signed(field.name, field.width, Sign::Boolean(signed)),
            None => Self::Plain(field.name, field.width),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a width in bits, or \"*\"")]
enum WidthRepr {
    Bits(u32),
    Star(String),
}

impl TryFrom<WidthRepr> for FieldWidth {
    type Error = String;

    fn try_from(repr: WidthRepr) -> Result<Self, String> {
        match repr {
            WidthRepr::Bits(bits) => Ok(Self::Bits(bits)),
            WidthRepr::Star(star) if star == "*" => Ok(Self::Variable),
            WidthRepr::Star(other) => Err(format!("`{other}` is not a field width")),
        }
    }
}

impl From<FieldWidth> for WidthRepr {
    fn from(width: FieldWidth) -> Self {
        match width {
            FieldWidth::Bits(bits) => Self::Bits(bits),
            FieldWidth::Variable => Self::Star("*".to_owned()),
        }
    }
}

/// A header or metadata instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Name of the instance; an element of a stack is named `stack[0]`.
    pub name: String,
    /// Unique among the headers.
    pub id: u32,
    /// Name of its header type.
    pub header_type: String,
    /// Whether it is metadata: always valid, never on the wire.
    pub metadata: bool,
    /// Whether the control plane API leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pi_omit: Option<bool>,
}

/// A header stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderStack {
    /// Name of the stack.
    pub name: String,
    /// Unique among the header stacks.
    pub id: u32,
    /// Name of the type of its elements.
    pub header_type: String,
    /// Number of its elements; as many as there are `header_ids`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Ids of its elements, `stack[0]` first.
    pub header_ids: Vec<u32>,
}

/// A header union type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderUnionType {
    /// Name of the type.
    pub name: String,
    /// Unique among the union types.
    pub id: u32,
    /// The members: name, then name of the header type.
    pub headers: Vec<(String, String)>,
}

/// A header union.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderUnion {
    /// Name of the union.
    pub name: String,
    /// Unique among the unions.
    pub id: u32,
    /// Name of its union type.
    pub union_type: String,
    /// Ids of the member headers.
    pub header_ids: Vec<u32>,
    /// Whether the control plane API leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pi_omit: Option<bool>,
}

/// A stack of header unions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderUnionStack {
    /// Name of the stack.
    pub name: String,
    /// Unique among the stacks of unions.
    pub id: u32,
    /// Name of the type of its elements.
    pub union_type: String,
    /// Number of its elements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Ids of its elements, `stack[0]` first.
    pub header_union_ids: Vec<u32>,
}

/// An enum of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct P4Enum {
    /// Name of the enum.
    pub name: String,
    /// Its constants, each with its value in the range 0..2^31-1.
    pub entries: Vec<(String, u32)>,
}
