//! Actions as lists of operations.

use std::sync::Arc;

use bmv2_json::SourceInfo;
use smallvec::{SmallVec, smallvec};

use crate::number::{low_mask, words_for};

use super::{Condition, Expression, Field, FieldTarget, HeaderRef, StackId, UnionId, UnionStackId};

/// An action.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) name: Arc<str>,
    pub(crate) parameters: Vec<Parameter>,
    /// How many words its arguments take.
    pub(crate) words: usize,
    pub(crate) ops: Vec<OpAt>,
    /// Whether an operation can jump backwards, so that its steps must be counted.
    pub(crate) loops: bool,
}

/// A parameter of an action.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) width: u32,
    /// The first word of the argument.
    pub(crate) word: u32,
    /// Offset in bits within that word: arguments share a word where they fit.
    pub(crate) shift: u32,
}

impl Parameter {
    /// The words of its value, among the arguments of the action.
    pub(crate) fn value(&self, arguments: &[u64]) -> SmallVec<[u64; 2]> {
        let start = self.word as usize;
        if self.width <= 64 {
            smallvec![arguments[start] >> self.shift & low_mask(self.width)]
        } else {
            arguments[start..start + words_for(self.width)].into()
        }
    }
}

/// An operation with its place in the source.
#[derive(Debug)]
pub(crate) struct OpAt {
    pub(crate) op: Op,
    pub(crate) source: Option<SourceInfo>,
}

/// An operation.
#[derive(Debug)]
pub(crate) enum Op {
    /// Writes a constant to a field of at most 64 bits.
    SetWord {
        to: u32,
        value: u64,
    },
    /// Copies a field of at most 64 bits, cut to the width of the other.
    CopyWord {
        to: u32,
        from: u32,
        mask: u64,
    },
    /// Copies an argument of at most 64 bits.
    CopyParameter {
        to: u32,
        word: u32,
        shift: u32,
        mask: u64,
    },
    /// Adds a constant to a field of at most 64 bits, with wrap-around.
    AddWord {
        to: u32,
        from: u32,
        addend: u64,
        mask: u64,
    },
    /// Copies a field to another of the same width.
    CopyField {
        to: Field,
        from: Field,
    },
    /// Writes the value of an expression, cut to the width of the field.
    Assign {
        to: FieldTarget,
        value: Expression,
    },
    /// Copies a field of variable length with its length.
    AssignVariable {
        to: Field,
        from: Field,
    },
    AssignHeader {
        to: HeaderRef,
        from: HeaderRef,
    },
    AssignStack {
        to: StackId,
        from: StackId,
    },
    AssignUnion {
        to: UnionId,
        from: UnionId,
    },
    AssignUnionStack {
        to: UnionStackId,
        from: UnionStackId,
    },
    AddHeader(HeaderRef),
    /// P4-14: as `AddHeader`, but the fields keep their values.
    AddHeaderFast(HeaderRef),
    RemoveHeader(HeaderRef),
    Push {
        stack: StackId,
        count: Expression,
    },
    Pop {
        stack: StackId,
        count: Expression,
    },
    PushUnion {
        stack: UnionStackId,
        count: Expression,
    },
    PopUnion {
        stack: UnionStackId,
        count: Expression,
    },
    /// Sets `egress_spec` to the drop port and `mcast_grp`, if there is one, to 0.
    MarkToDrop {
        egress_spec: Field,
        multicast_group: Option<Field>,
    },
    Count {
        array: u32,
        index: Expression,
    },
    ExecuteMeter {
        array: u32,
        index: Expression,
        to: Field,
    },
    RegisterRead {
        to: Field,
        array: u32,
        index: Expression,
    },
    RegisterWrite {
        array: u32,
        index: Expression,
        value: Expression,
    },
    Hash {
        to: FieldTarget,
        base: Expression,
        calculation: u32,
        size: Expression,
    },
    Random {
        to: FieldTarget,
        low: Expression,
        high: Expression,
    },
    Digest {
        list: Expression,
    },
    /// Clones the packet at the end of the pipeline that the action runs in.
    Clone {
        session: Expression,
        list: Expression,
    },
    Resubmit {
        list: Expression,
    },
    Recirculate {
        list: Expression,
    },
    Truncate {
        length: Expression,
    },
    Exit,
    /// Drops the packet if the expression is 0.
    Assert {
        condition: Expression,
        assume: bool,
    },
    LogMessage {
        format: String,
        arguments: Vec<Expression>,
    },
    Jump(u32),
    JumpIfZero {
        value: Expression,
        to: u32,
    },
    JumpUnless {
        condition: Condition,
        to: u32,
    },
    /// Reads bits of the packet that the parser has not extracted yet. In a parser only.
    Lookahead {
        to: Field,
        offset: u32,
        width: u32,
    },
    Nothing,
}
