//! The document: the root JSON object.

use serde::{Deserialize, Serialize};

use crate::{
    Action, Calculation, Checksum, CounterArray, Deparser, Error, ExternInstance, FieldList,
    FieldRef, Header, HeaderStack, HeaderType, HeaderUnion, HeaderUnionStack, HeaderUnionType,
    MeterArray, P4Enum, ParseValueSet, Parser, Pipeline, RegisterArray,
};

/// The version that p4c writes and that [`Document`] serialises to: major, minor.
pub const EMITTED_VERSION: [u32; 2] = [2, 23];

/// The largest minor version of major version 2 that is read (`JSON_format.md`, "Current bmv2
/// JSON format version").
pub const MAX_MINOR_VERSION: u32 = 24;

/// A BMv2 JSON document: one P4 program for one switch.
///
/// The order of the members is that of p4c's output.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Header types, with those of the metadata.
    pub header_types: Vec<HeaderType>,
    /// Header and metadata instances.
    pub headers: Vec<Header>,
    /// Header stacks.
    #[serde(default)]
    pub header_stacks: Vec<HeaderStack>,
    /// Header union types.
    #[serde(default)]
    pub header_union_types: Vec<HeaderUnionType>,
    /// Header unions.
    #[serde(default)]
    pub header_unions: Vec<HeaderUnion>,
    /// Header union stacks.
    #[serde(default)]
    pub header_union_stacks: Vec<HeaderUnionStack>,
    /// Lists of the fields that clone, resubmit and recirculate preserve.
    #[serde(default)]
    pub field_lists: Vec<FieldList>,
    /// The errors of the program, each with its value in the range 0..2^31-1.
    #[serde(default)]
    pub errors: Vec<(String, u32)>,
    /// The enums of the program.
    #[serde(default)]
    pub enums: Vec<P4Enum>,
    /// Parsers; v1model has one.
    pub parsers: Vec<Parser>,
    /// Parser value sets.
    #[serde(default)]
    pub parse_vsets: Vec<ParseValueSet>,
    /// Deparsers; v1model has one.
    pub deparsers: Vec<Deparser>,
    /// Meters, direct and indirect.
    #[serde(default)]
    pub meter_arrays: Vec<MeterArray>,
    /// Counters, direct and indirect.
    #[serde(default)]
    pub counter_arrays: Vec<CounterArray>,
    /// Registers.
    #[serde(default)]
    pub register_arrays: Vec<RegisterArray>,
    /// Inputs of checksums and hashes.
    #[serde(default)]
    pub calculations: Vec<Calculation>,
    /// The lists of fields that digests carry.
    #[serde(default)]
    pub learn_lists: Vec<FieldList>,
    /// Actions. One P4 action stands here once for each table and call that uses it.
    pub actions: Vec<Action>,
    /// Match-action pipelines; v1model has `ingress` and `egress`.
    pub pipelines: Vec<Pipeline>,
    /// Checksums to verify after the parser and to update before the deparser.
    #[serde(default)]
    pub checksums: Vec<Checksum>,
    /// Fields that the switch itself computes with, so that no optimisation may drop them.
    #[serde(default)]
    pub force_arith: Vec<FieldRef>,
    /// Instances of extern types that the switch knows.
    #[serde(default)]
    pub extern_instances: Vec<ExternInstance>,
    /// Fields that the switch knows under another name: that name, then the program's field.
    #[serde(default)]
    pub field_aliases: Vec<(String, FieldRef)>,
    /// Name of the P4 source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Version of the format, and who wrote the document.
    #[serde(rename = "__meta__", default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

/// The member `__meta__`: what the document says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Version of the format: major, minor.
    pub version: [u32; 2],
    /// The compiler that wrote the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compiler: Option<String>,
}

/// The place in the P4 source that something was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// File name as the compiler was given it.
    #[serde(default)]
    pub filename: String,
    /// Line, from 1; 0 if it is not known.
    #[serde(default)]
    pub line: u32,
    /// Column, from 0 as p4c counts it.
    #[serde(default)]
    pub column: u32,
    /// The first characters of the source text.
    #[serde(default)]
    pub source_fragment: String,
}

impl Document {
    /// Reads a document from JSON text.
    ///
    /// # Errors
    ///
    /// [`Error::Syntax`] if the text is not JSON, [`Error::Shape`] with the place if the JSON is
    /// not BMv2's, [`Error::Version`] if its version is not 2.0 to 2.24. A document without
    /// `__meta__` is taken as it is, as simple_switch does.
    pub fn from_json(text: &[u8]) -> Result<Self, Error> {
        let value: serde_json::Value =
            serde_json::from_slice(text).map_err(|error| Error::Syntax {
                line: error.line(),
                column: error.column(),
                reason: error.to_string(),
            })?;
        Self::from_value(value)
    }

    /// Reads a document from a JSON value.
    ///
    /// # Errors
    ///
    /// As [`Document::from_json`].
    pub fn from_value(value: serde_json::Value) -> Result<Self, Error> {
        // The version comes first: a document of another version may have any shape.
        if let Some(meta) = value.get("__meta__") {
            let meta: Meta = decode(meta.clone(), "__meta__.")?;
            let [major, minor] = meta.version;
            if major != EMITTED_VERSION[0] || minor > MAX_MINOR_VERSION {
                return Err(Error::Version { major, minor });
            }
        }
        decode(value, "")
    }

    /// Writes the document as indented JSON text, in p4c's order of keys.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serialising fails for maps whose keys are not strings and for writers that fail; there
        // is neither here.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

fn decode<T: serde::de::DeserializeOwned>(
    value: serde_json::Value,
    prefix: &str,
) -> Result<T, Error> {
    serde_path_to_error::deserialize(value).map_err(|error| Error::Shape {
        path: format!("{prefix}{}", error.path()),
        reason: error.inner().to_string(),
    })
}
