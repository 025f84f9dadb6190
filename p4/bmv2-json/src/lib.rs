//! The BMv2 JSON format as serde types: one definition for the compiler and the switch.
//!
//! A P4 compiler for the behavioral model (BMv2) writes one JSON document for each program, and a
//! switch such as simple_switch runs it. The format is described by `docs/JSON_format.md` of
//! <https://github.com/p4lang/behavioral-model>; where p4c's output says more than that page (for
//! example `action_ids`, `pi_omit` or `source_info`), p4c's back end for simple_switch is followed.
//!
//! The types here are what p4c writes at version [`EMITTED_VERSION`]. Reading is more lenient than
//! writing: keys that are not known are passed over, and what older versions left out gets its
//! default. Names and ids are not resolved here; that is the work of the one who loads a document.

mod control;
mod document;
mod error;
mod externs;
mod header;
mod parser;
mod value;

pub use control::{
    Action, ActionEntry, ActionProfile, Conditional, DefaultEntry, Entry, EntryKey, KeyTarget,
    MatchType, Pipeline, Primitive, RuntimeData, Selector, Table, TableKey, TableType,
};
pub use document::{Document, EMITTED_VERSION, MAX_MINOR_VERSION, Meta, SourceInfo};
pub use error::Error;
pub use externs::{
    Calculation, CalculationInput, Checksum, CounterArray, ExternAttribute, ExternInstance,
    FieldList, MeterArray, MeterType, RegisterArray,
};
pub use header::{
    FieldWidth, Header, HeaderField, HeaderStack, HeaderType, HeaderUnion, HeaderUnionStack,
    HeaderUnionType, P4Enum,
};
pub use parser::{
    Deparser, ExtractTarget, ParseState, ParseValueSet, Parser, ParserOp, Transition,
};
pub use value::{BinaryOp, Expression, FieldRef, HexString, UnaryOp, Value};
