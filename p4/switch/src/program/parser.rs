//! The parser and the deparser.

use super::{Condition, Expression, Field, HeaderId, OpAt, StackId, UnionStackId};

/// A parser.
#[derive(Debug)]
pub(crate) struct Parser {
    pub(crate) states: Vec<ParseState>,
    pub(crate) start: Option<u32>,
    pub(crate) errors: ParserErrors,
}

/// The values of the core library's errors (P4-16 specification, section 19.1).
#[derive(Debug, Clone, Default)]
pub(crate) struct ParserErrors {
    pub(crate) no_error: u32,
    pub(crate) packet_too_short: u32,
    pub(crate) stack_out_of_bounds: u32,
    pub(crate) header_too_short: u32,
    pub(crate) parser_timeout: u32,
    pub(crate) parser_invalid_argument: u32,
    /// The names of all errors, for traces.
    pub(crate) names: Vec<(u32, String)>,
}

/// A state.
#[derive(Debug)]
pub(crate) struct ParseState {
    pub(crate) name: String,
    pub(crate) ops: Vec<ParseOp>,
    pub(crate) key: Vec<KeyPart>,
    /// Width of the key in bits, each part padded to whole bytes.
    pub(crate) key_width: u32,
    pub(crate) cases: Vec<Case>,
    /// Where to go if no case matches.
    pub(crate) default: Option<u32>,
}

/// An operation of a state.
#[derive(Debug)]
pub(crate) enum ParseOp {
    Extract(Extraction),
    /// With the length in bits of the field of variable length.
    ExtractVariable(Extraction, Expression),
    Verify {
        condition: Condition,
        error: Expression,
    },
    /// Skips so many bits.
    Advance(Expression),
    Run(OpAt),
}

/// What is extracted into.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Extraction {
    Header(HeaderId),
    Stack(StackId),
    UnionStack { stack: UnionStackId, member: u32 },
}

/// A part of the key of a state.
#[derive(Debug)]
pub(crate) enum KeyPart {
    Field(Field),
    StackLast {
        stack: StackId,
        field: Field,
    },
    UnionStackLast {
        stack: UnionStackId,
        member: u32,
        field: u32,
        width: u32,
    },
    Lookahead {
        offset: u32,
        width: u32,
    },
}

impl KeyPart {
    pub(crate) fn width(&self) -> u32 {
        match self {
            Self::Field(field) | Self::StackLast { field, .. } => field.width,
            Self::UnionStackLast { width, .. } | Self::Lookahead { width, .. } => *width,
        }
    }
}

/// A case of a state: what the key must be, and where to go then.
#[derive(Debug)]
pub(crate) enum Case {
    /// The key has at most 64 bits.
    Word {
        value: u64,
        mask: u64,
        next: Option<u32>,
    },
    Wide {
        value: Vec<u64>,
        mask: Vec<u64>,
        next: Option<u32>,
    },
    ValueSet {
        set: u32,
        mask: Option<Vec<u64>>,
        next: Option<u32>,
    },
}

/// A parser value set.
#[derive(Debug)]
pub(crate) struct ValueSet {
    pub(crate) name: String,
    /// Width in bits of a value, without padding.
    pub(crate) width: u32,
    pub(crate) max_size: usize,
    /// Widths of the parts of the keys that it is matched with; all states agree.
    pub(crate) parts: Vec<u32>,
}

/// The deparser.
#[derive(Debug)]
pub(crate) struct Deparser {
    pub(crate) order: Vec<HeaderId>,
    pub(crate) ops: Vec<OpAt>,
}
