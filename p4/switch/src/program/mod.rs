//! A program in the form that packets are run through: every reference is resolved, names are
//! kept for traces and for the control plane only.

mod action;
mod calculation;
mod expression;
mod layout;
mod parser;
mod standard;
mod table;

use std::collections::HashMap;

pub(crate) use action::{Action, Op, OpAt, Parameter};
pub(crate) use calculation::{Calculation, CalculationPart, Checksum, FieldList, FieldListElement};
pub(crate) use expression::{
    Arithmetic, Boolean, Class, Comparison, Condition, Expression, FieldTarget, HeaderRef,
};
pub(crate) use layout::{
    Field, HeaderField, HeaderId, HeaderLayout, Layout, StackId, StackLayout, Union, UnionId,
    UnionStack, UnionStackId,
};
pub(crate) use parser::{
    Case, Deparser, Extraction, KeyPart, ParseOp, ParseState, Parser, ParserErrors, ValueSet,
};
pub(crate) use standard::StandardMetadata;
pub(crate) use table::{
    Conditional, DirectMeter, KeyElement, KeySource, Matcher, Next, Node, Pipeline, Profile,
    Selector, StaticAction, StaticEntry, Table, TableKind,
};

pub(crate) use crate::engine::hash::Algorithm;

/// Index of an action in [`Program::actions`].
pub(crate) type ActionId = u32;
/// Index of a table in [`Program::tables`].
pub(crate) type TableId = u32;

/// A program.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) layout: Layout,
    pub(crate) standard: StandardMetadata,
    pub(crate) parser: Parser,
    pub(crate) deparser: Deparser,
    pub(crate) checksums: Vec<Checksum>,
    pub(crate) calculations: Vec<Calculation>,
    pub(crate) actions: Vec<Action>,
    pub(crate) tables: Vec<Table>,
    pub(crate) conditionals: Vec<Conditional>,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) ingress: Pipeline,
    pub(crate) egress: Pipeline,
    pub(crate) counters: Vec<Array>,
    pub(crate) meters: Vec<Array>,
    pub(crate) registers: Vec<Array>,
    pub(crate) value_sets: Vec<ValueSet>,
    /// The fields that clones keep, by id.
    pub(crate) field_lists: HashMap<u64, FieldList>,
    /// The fields of digests, by id.
    pub(crate) digests: HashMap<u64, FieldList>,
}

/// An array of counters, meters or registers.
#[derive(Debug)]
pub(crate) struct Array {
    pub(crate) name: String,
    pub(crate) size: usize,
    /// Registers: width of each in bits.
    pub(crate) width: u32,
    /// Meters: whether bytes are metered.
    pub(crate) bytes: bool,
    /// The table, for direct counters and meters.
    pub(crate) direct: Option<TableId>,
}
