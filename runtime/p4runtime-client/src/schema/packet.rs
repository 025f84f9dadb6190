//! Packets between switch and controller (section 16.1).

use p4runtime_proto::p4::config::v1 as config;
use p4runtime_proto::p4::v1;

use super::{DecodeError, EntryError, Schema, name, width};
use crate::Value;

/// A field of a controller packet header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The id, unique in the header.
    pub id: u32,
    /// The name.
    pub name: String,
    /// Bits.
    pub width: u32,
}

/// A controller packet header: `packet_in` or `packet_out`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketHeader {
    /// The name.
    pub name: String,
    /// The fields.
    pub fields: Vec<Metadata>,
}

impl PacketHeader {
    pub(super) fn new(header: &config::ControllerPacketMetadata) -> Self {
        let field = |field: &config::controller_packet_metadata::Metadata| Metadata {
            id: field.id,
            name: field.name.clone(),
            width: width(field.bitwidth),
        };
        Self {
            name: name(&header.preamble),
            fields: header.metadata.iter().map(field).collect(),
        }
    }
}

/// A packet from the switch, with its metadata by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketIn {
    /// The packet.
    pub payload: Vec<u8>,
    metadata: Vec<(String, Value)>,
}

impl PacketIn {
    /// The metadata of this name, as an integer.
    ///
    /// # Errors
    /// There is none, or it does not fit `T`.
    pub fn metadata<T: TryFrom<u128>>(&self, name: &str) -> Result<T, DecodeError> {
        let found = self.metadata.iter().find(|(field, _)| field == name);
        let (_, value) = found.ok_or_else(|| DecodeError::Form(format!("packet_in.{name}")))?;
        value.to_int().map_err(|source| DecodeError::Value {
            element: format!("packet_in.{name}"),
            source,
        })
    }
}

impl Schema {
    /// Decodes a packet from the switch.
    ///
    /// # Errors
    /// Its metadata is not that of the `packet_in` header.
    pub fn decode_packet_in(&self, message: v1::PacketIn) -> Result<PacketIn, DecodeError> {
        let header = self
            .header("packet_in")
            .map_err(|error| DecodeError::Form(error.to_string()))?;
        let mut metadata = Vec::with_capacity(header.fields.len());
        for sent in &message.metadata {
            let field = header
                .fields
                .iter()
                .find(|field| field.id == sent.metadata_id);
            let field = field.ok_or_else(|| DecodeError::UnknownId {
                element: "metadata of packet_in".to_owned(),
                id: sent.metadata_id,
            })?;
            let value = Value::from_wire(&sent.value, field.width).map_err(|source| {
                DecodeError::Value {
                    element: format!("packet_in.{}", field.name),
                    source,
                }
            })?;
            metadata.push((field.name.clone(), value));
        }
        Ok(PacketIn {
            payload: message.payload,
            metadata,
        })
    }

    /// Makes a packet for the switch. Every field of the `packet_out` header must be given.
    ///
    /// # Errors
    /// The fields are not those of the header, or a value does not fit.
    pub fn packet_out(
        &self,
        metadata: &[(&str, Value)],
        payload: Vec<u8>,
    ) -> Result<v1::PacketOut, EntryError> {
        let header = self.header("packet_out")?;
        let names = |mut names: Vec<&str>| {
            names.sort_unstable();
            names.join(", ")
        };
        let expected = names(
            header
                .fields
                .iter()
                .map(|field| field.name.as_str())
                .collect(),
        );
        let given = names(metadata.iter().map(|(name, _)| *name).collect());
        if expected != given {
            let table = header.name.clone();
            return Err(EntryError::Arguments {
                action: table.clone(),
                table,
                expected,
                given,
            });
        }
        let mut fields = Vec::with_capacity(header.fields.len());
        for field in &header.fields {
            for (_, value) in metadata.iter().filter(|(name, _)| *name == field.name) {
                value
                    .check_width(field.width)
                    .map_err(|source| EntryError::Value {
                        table: header.name.clone(),
                        element: field.name.clone(),
                        source,
                    })?;
                fields.push(v1::PacketMetadata {
                    metadata_id: field.id,
                    value: value.to_wire(),
                });
            }
        }
        Ok(v1::PacketOut {
            payload,
            metadata: fields,
        })
    }
}
