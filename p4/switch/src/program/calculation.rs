//! Hashes, checksums and lists of fields.

use super::{Algorithm, Condition, Field, HeaderId};

/// A hash or checksum over parts of the packet.
#[derive(Debug)]
pub(crate) struct Calculation {
    pub(crate) name: String,
    pub(crate) algorithm: Algorithm,
    /// What belongs to a header that is not valid is left out.
    pub(crate) input: Vec<CalculationPart>,
    /// Whether the payload follows.
    pub(crate) payload: bool,
}

/// A part of the input of a calculation.
#[derive(Debug)]
pub(crate) enum CalculationPart {
    Field(Field),
    Constant { words: Vec<u64>, width: u32 },
    Header(HeaderId),
}

/// A checksum.
#[derive(Debug)]
pub(crate) struct Checksum {
    pub(crate) name: String,
    pub(crate) target: Field,
    pub(crate) calculation: u32,
    pub(crate) verify: bool,
    pub(crate) update: bool,
    pub(crate) condition: Option<Condition>,
}

/// A list of fields.
#[derive(Debug)]
pub(crate) struct FieldList {
    pub(crate) name: String,
    pub(crate) elements: Vec<FieldListElement>,
}

/// An element of a list of fields.
#[derive(Debug)]
pub(crate) enum FieldListElement {
    Field(Field),
    Constant(Vec<u8>),
}
