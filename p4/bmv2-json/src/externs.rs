//! Meters, counters, registers, calculations, checksums, field lists and extern instances.

use serde::{Deserialize, Serialize};

use crate::{FieldRef, HexString, SourceInfo, Value};

/// An array of meters, or the meters of a table's entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterArray {
    /// Name of the array.
    pub name: String,
    /// Unique among the meter arrays.
    pub id: u32,
    /// Where it stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
    /// Whether each entry of a table has one.
    #[serde(default)]
    pub is_direct: bool,
    /// Number of rates: 2, for the colours green, yellow and red.
    pub rate_count: u32,
    /// What is metered.
    #[serde(rename = "type")]
    pub meter_type: MeterType,
    /// Number of meters.
    pub size: u64,
    /// If it is direct: the name of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// If it is direct: the field that the colour is written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_target: Option<FieldRef>,
}

/// What a meter meters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeterType {
    /// Packets.
    Packets,
    /// Bytes.
    Bytes,
}

/// An array of counters, or the counters of a table's entries. All count packets and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterArray {
    /// Name of the array.
    pub name: String,
    /// Unique among the counter arrays.
    pub id: u32,
    /// Where it stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
    /// Number of counters, if it is not direct.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Whether each entry of a table has one.
    #[serde(default)]
    pub is_direct: bool,
    /// If it is direct: the name of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
}

/// An array of registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterArray {
    /// Name of the array.
    pub name: String,
    /// Unique among the register arrays.
    pub id: u32,
    /// Where it stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
    /// Number of registers.
    pub size: u64,
    /// Width in bits of a register.
    pub bitwidth: u32,
}

/// A calculation: an algorithm and its input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calculation {
    /// Name of the calculation.
    pub name: String,
    /// Unique among the calculations.
    pub id: u32,
    /// Where it stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
    /// Name of the algorithm.
    pub algo: String,
    /// The input; the bits of all its parts are concatenated, and zero bits added at the end to
    /// whole bytes.
    pub input: Vec<CalculationInput>,
}

/// A part of the input of a calculation. What belongs to a header that is not valid is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CalculationInput {
    /// A field.
    Field {
        /// The field.
        value: FieldRef,
    },
    /// A constant.
    Hexstr {
        /// The constant.
        value: HexString,
        /// Its width in bits.
        bitwidth: u32,
    },
    /// All of a header.
    Header {
        /// Name of the header.
        value: String,
    },
    /// All headers after the last one in the input, and the packet's payload.
    Payload {
        /// Always `null`.
        value: Option<()>,
    },
}

/// A checksum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checksum {
    /// Name of the checksum.
    pub name: String,
    /// Unique among the checksums.
    pub id: u32,
    /// Where it stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
    /// The field that holds the checksum.
    pub target: FieldRef,
    /// Always `generic`.
    #[serde(rename = "type")]
    pub checksum_type: String,
    /// Name of the calculation.
    pub calculation: String,
    /// Whether it is verified after the parser.
    #[serde(default = "yes")]
    pub verify: bool,
    /// Whether it is updated before the deparser.
    #[serde(default = "yes")]
    pub update: bool,
    /// If this is false, neither is done.
    #[serde(default)]
    pub if_cond: Option<Value>,
}

fn yes() -> bool {
    true
}

/// A list of fields: what a clone preserves, or what a digest carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldList {
    /// Unique among the lists of its kind; p4c counts from 1.
    pub id: u32,
    /// Name of the list.
    pub name: String,
    /// Where it stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
    /// Fields and constants.
    pub elements: Vec<Value>,
}

/// An instance of an extern type that the switch knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExternInstance {
    /// Name of the instance.
    pub name: String,
    /// Unique among the extern instances.
    pub id: u32,
    /// Name of the extern type.
    #[serde(rename = "type")]
    pub extern_type: String,
    /// Arguments of the constructor.
    #[serde(default)]
    pub attribute_values: Vec<ExternAttribute>,
}

/// An argument of an extern's constructor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExternAttribute {
    /// Name of the parameter.
    pub name: String,
    /// The argument: an integer, a string or an expression.
    #[serde(flatten)]
    pub value: Value,
}
