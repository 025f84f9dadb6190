//! Parsers, parser value sets and deparsers.

use serde::{Deserialize, Serialize};

use crate::{HexString, Primitive, SourceInfo, Value};

/// A parser: a state machine over the packet's bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parser {
    /// Name of the parser.
    pub name: String,
    /// Unique among the parsers.
    pub id: u32,
    /// Name of the state that it starts in.
    pub init_state: String,
    /// Its states.
    pub parse_states: Vec<ParseState>,
}

/// A state of a parser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParseState {
    /// Name of the state.
    pub name: String,
    /// Unique among the states of all parsers.
    pub id: u32,
    /// What is done in the state, in this order.
    #[serde(default)]
    pub parser_ops: Vec<ParserOp>,
    /// Where to go next: the first that matches. If none does, the error is `NoMatch`.
    #[serde(default)]
    pub transitions: Vec<Transition>,
    /// The key that the transitions are matched with: [`Value::Field`], [`Value::StackField`],
    /// [`Value::UnionStackField`] or [`Value::Lookahead`]. Each is padded with zero bits on the
    /// left to whole bytes, then they are concatenated.
    #[serde(default)]
    pub transition_key: Vec<Value>,
}

/// An operation of a parser state: `{"op": ..., "parameters": [...]}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", content = "parameters", rename_all = "snake_case")]
pub enum ParserOp {
    /// Extracts a header of fixed size.
    Extract((ExtractTarget,)),
    /// Extracts a header whose field of variable length has as many bits as the expression says.
    #[serde(rename = "extract_VL")]
    ExtractVl(ExtractTarget, Value),
    /// Writes the second value to the field that is the first.
    Set(Value, Value),
    /// If the first value is false, the parser stops with the error whose value is the second.
    Verify(Value, Value),
    /// Skips so many bytes. Deprecated for `advance`.
    Shift((u32,)),
    /// Skips so many bits, a multiple of 8.
    Advance((Value,)),
    /// Runs a primitive as an action does.
    Primitive((Primitive,)),
}

/// What is extracted into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum ExtractTarget {
    /// A header instance.
    Regular(String),
    /// The next element of a header stack.
    Stack(String),
    /// The next element of a stack of unions: stack, member.
    UnionStack(String, String),
}

/// A transition of a parser state. `next_state` is `None` where the parser ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TransitionRepr", into = "TransitionRepr")]
pub enum Transition {
    /// Taken whatever the key is.
    Default {
        /// Name of the next state.
        next_state: Option<String>,
    },
    /// Taken if the key, masked, is the value, masked.
    Value {
        /// As wide as the whole key.
        value: HexString,
        /// As wide as the whole key; all ones if it is `None`.
        mask: Option<HexString>,
        /// Name of the next state.
        next_state: Option<String>,
    },
    /// Taken if the key is in the parser value set.
    ValueSet {
        /// Name of the value set.
        value_set: String,
        /// ANDed with the key and each value; all ones if it is `None`.
        mask: Option<HexString>,
        /// Name of the next state.
        next_state: Option<String>,
    },
}

impl Transition {
    /// Name of the next state, `None` where the parser ends.
    #[must_use]
    pub fn next_state(&self) -> Option<&str> {
        let (Self::Default { next_state }
        | Self::Value { next_state, .. }
        | Self::ValueSet { next_state, .. }) = self;
        next_state.as_deref()
    }
}

#[derive(Serialize, Deserialize)]
struct TransitionRepr {
    // Versions before 2.7 have no `type`, and `"value": "default"`.
    #[serde(rename = "type")]
    kind: Option<TransitionKind>,
    value: Option<String>,
    mask: Option<HexString>,
    next_state: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TransitionKind {
    Default,
    Hexstr,
    ParseVset,
}

impl TryFrom<TransitionRepr> for Transition {
    type Error = String;

    fn try_from(repr: TransitionRepr) -> Result<Self, String> {
        let TransitionRepr {
            kind,
            value,
            mask,
            next_state,
        } = repr;
        let kind = kind.unwrap_or(match value.as_deref() {
            None | Some("default") => TransitionKind::Default,
            Some(_) => TransitionKind::Hexstr,
        });
        match (kind, value) {
            (TransitionKind::Default, _) => Ok(Self::Default { next_state }),
            (TransitionKind::Hexstr, Some(value)) => Ok(Self::Value {
                value: value.try_into()?,
                mask,
                next_state,
            }),
            (TransitionKind::ParseVset, Some(value_set)) => Ok(Self::ValueSet {
                value_set,
                mask,
                next_state,
            }),
            (_, None) => Err("a transition that is not the default one needs `value`".to_owned()),
        }
    }
}

impl From<Transition> for TransitionRepr {
    fn from(transition: Transition) -> Self {
        let (kind, value, mask, next_state) = match transition {
            Transition::Default { next_state } => (TransitionKind::Default, None, None, next_state),
            Transition::Value {
                value,
                mask,
                next_state,
            } => (TransitionKind::Hexstr, Some(value.into()), mask, next_state),
            Transition::ValueSet {
                value_set,
                mask,
                next_state,
            } => (TransitionKind::ParseVset, Some(value_set), mask, next_state),
        };
        Self {
            kind: Some(kind),
            value,
            mask,
            next_state,
        }
    }
}

/// A parser value set, whose values the control plane writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParseValueSet {
    /// Name of the value set.
    pub name: String,
    /// Unique among the value sets.
    pub id: u32,
    /// Width in bits of a value, without padding.
    pub compressed_bitwidth: u32,
    /// How many values it can hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
}

/// A deparser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deparser {
    /// Name of the deparser.
    pub name: String,
    /// Unique among the deparsers.
    pub id: u32,
    /// Where it stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
    /// Names of the headers in the order in which they are written, if they are valid. Each
    /// element of a stack stands for itself.
    pub order: Vec<String>,
    /// Run before the headers are written.
    #[serde(default)]
    pub primitives: Vec<Primitive>,
}
