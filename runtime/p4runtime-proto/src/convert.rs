//! Text format and JSON of P4Runtime messages.
//!
//! The text format (<https://protobuf.dev/reference/protobuf/textformat-spec/>) is what P4
//! compilers write P4Info in, JSON the ProtoJSON mapping.

use std::sync::OnceLock;

use prost::{Message, Name};
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions,
};

use crate::{p4::config::v1::P4Info, text_format};

/// Why a text is not the message that it should be.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The text is not valid text format, or not of this message. The parser's words name the
    /// place.
    #[error("not the text format of {message}: {source}")]
    Text {
        /// Full name of the message.
        message: String,
        /// What the parser says.
        source: prost_reflect::text_format::ParseError,
    },
    /// The text is not valid JSON, or not of this message.
    #[error("not the JSON of {message}: {source}")]
    Json {
        /// Full name of the message.
        message: String,
        /// What the parser says, with line and column.
        source: serde_json::Error,
    },
    /// The message is none of P4Runtime.
    #[error("{message} is not a message of P4Runtime")]
    UnknownMessage {
        /// Full name of the message.
        message: String,
    },
    /// The parsed message does not decode.
    #[error("{message} does not decode: {source}")]
    Decode {
        /// Full name of the message.
        message: String,
        /// What prost says.
        source: prost::DecodeError,
    },
}

/// The descriptors of all messages of this crate.
pub fn descriptor_pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        // The set is made by the build script from the files that the messages are made from.
        DescriptorPool::decode(crate::FILE_DESCRIPTOR_SET)
            .expect("the build script writes a complete descriptor set")
    })
}

/// The text format of a message, one field a line. Fields with default values are left out.
///
/// # Errors
/// [`ConvertError::UnknownMessage`] for a message that is not of this crate.
pub fn to_text<M: Message + Name>(message: &M) -> Result<String, ConvertError> {
    Ok(text_format::print(&dynamic(message)?))
}

/// Reads the text format of a message, as p4c or protoc write it.
///
/// # Errors
/// [`ConvertError`] when the text is malformed or has fields that the message does not have.
pub fn from_text<M: Message + Name + Default>(text: &str) -> Result<M, ConvertError> {
    let parsed = DynamicMessage::parse_text_format(descriptor::<M>()?, text).map_err(|source| {
        ConvertError::Text {
            message: M::full_name(),
            source,
        }
    })?;
    typed(&parsed)
}

/// The JSON of a message (ProtoJSON), indented. Fields with default values are left out, field
/// names are as in the .proto files, as p4c writes them.
///
/// # Errors
/// [`ConvertError`] for a message that is not of this crate, or with an `Any` of unknown type.
pub fn to_json<M: Message + Name>(message: &M) -> Result<String, ConvertError> {
    let json = |source| ConvertError::Json {
        message: M::full_name(),
        source,
    };
    let mut buffer = Vec::new();
    let mut serializer = serde_json::Serializer::pretty(&mut buffer);
    dynamic(message)?
        .serialize_with_options(
            &mut serializer,
            &SerializeOptions::new().use_proto_field_name(true),
        )
        .map_err(json)?;
    let mut text = String::from_utf8_lossy(&buffer).into_owned();
    text.push('\n');
    Ok(text)
}

/// Reads the JSON of a message (ProtoJSON), with field names in either spelling.
///
/// # Errors
/// [`ConvertError`] when the text is malformed or has fields that the message does not have.
pub fn from_json<M: Message + Name + Default>(text: &str) -> Result<M, ConvertError> {
    let json = |source| ConvertError::Json {
        message: M::full_name(),
        source,
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = DynamicMessage::deserialize_with_options(
        descriptor::<M>()?,
        &mut deserializer,
        &DeserializeOptions::new(),
    )
    .map_err(json)?;
    deserializer.end().map_err(json)?;
    typed(&parsed)
}

/// The text format of a P4Info, with the header comment that tools look for to tell the message.
///
/// # Errors
/// None in practice; see [`to_text`].
pub fn p4info_to_text(p4info: &P4Info) -> Result<String, ConvertError> {
    let text = to_text(p4info)?;
    Ok(format!(
        "# proto-file: p4/config/v1/p4info.proto\n# proto-message: p4.config.v1.P4Info\n\n{text}"
    ))
}

/// Reads the text format of a P4Info.
///
/// # Errors
/// [`ConvertError`] when the text is not a P4Info.
pub fn p4info_from_text(text: &str) -> Result<P4Info, ConvertError> {
    from_text(text)
}

fn descriptor<M: Name>() -> Result<MessageDescriptor, ConvertError> {
    descriptor_pool()
        .get_message_by_name(&M::full_name())
        .ok_or_else(|| ConvertError::UnknownMessage {
            message: M::full_name(),
        })
}

fn dynamic<M: Message + Name>(message: &M) -> Result<DynamicMessage, ConvertError> {
    let mut dynamic = DynamicMessage::new(descriptor::<M>()?);
    dynamic
        .transcode_from(message)
        .map_err(|source| ConvertError::Decode {
            message: M::full_name(),
            source,
        })?;
    Ok(dynamic)
}

fn typed<M: Message + Name + Default>(parsed: &DynamicMessage) -> Result<M, ConvertError> {
    parsed
        .transcode_to()
        .map_err(|source| ConvertError::Decode {
            message: M::full_name(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::p4::{
        config::v1::{MatchField, Preamble, Table, match_field},
        v1,
    };

    fn sample() -> P4Info {
        P4Info {
            tables: vec![Table {
                preamble: Some(Preamble {
                    id: 0x0200_1234,
                    name: "MplsIngress.ilm".into(),
                    alias: "ilm".into(),
                    annotations: vec!["@brief(\"a \\\"quoted\\\" text\")".into()],
                    ..Default::default()
                }),
                match_fields: vec![MatchField {
                    id: 1,
                    name: "hdr.mpls[0].label".into(),
                    bitwidth: 20,
                    r#match: Some(match_field::Match::MatchType(
                        match_field::MatchType::Exact.into(),
                    )),
                    ..Default::default()
                }],
                size: 1024,
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn p4info_survives_the_text_format() {
        let text = p4info_to_text(&sample()).unwrap();
        assert!(
            text.contains("tables {\n  preamble {\n    id: 33559092\n"),
            "{text}"
        );
        assert!(text.contains("match_type: EXACT"), "{text}");
        assert_eq!(p4info_from_text(&text).unwrap(), sample());
    }

    /// Compared with the output of protoc 3.21.
    #[test]
    fn maps_and_escapes_print_as_protoc_does() {
        let mut info = P4Info::default();
        let types = info.type_info.get_or_insert_default();
        types.error = Some(crate::p4::config::v1::P4ErrorTypeSpec {
            members: vec!["it's \u{fc}\n".into(), "second".into()],
        });
        for name in ["b", "a"] {
            types.structs.insert(name.into(), Default::default());
        }
        assert_eq!(
            to_text(&info).unwrap(),
            "type_info {\n  structs {\n    key: \"a\"\n    value {\n    }\n  }\n  \
             structs {\n    key: \"b\"\n    value {\n    }\n  }\n  \
             error {\n    members: \"it\\'s \\303\\274\\n\"\n    members: \"second\"\n  }\n}\n"
        );
        assert_eq!(from_text::<P4Info>(&to_text(&info).unwrap()).unwrap(), info);
    }

    #[test]
    fn p4info_survives_json() {
        let text = to_json(&sample()).unwrap();
        assert!(text.contains("\"match_fields\""), "{text}");
        assert_eq!(from_json::<P4Info>(&text).unwrap(), sample());
    }

    /// What p4c writes: a comment first, one field a line, enum names, escapes.
    #[test]
    fn p4info_of_p4c_is_read() {
        let info = p4info_from_text(
            "# proto-file: p4/config/v1/p4info.proto\n\
             # proto-message: p4.config.v1.P4Info\n\n\
             pkg_info {\n  arch: \"v1model\"\n}\n\
             tables {\n  preamble {\n    id: 39601850\n    name: \"ctl.t\"\n    alias: \"t\"\n  }\n  \
             match_fields {\n    id: 1\n    name: \"h.a\"\n    bitwidth: 9\n    match_type: LPM\n  }\n  \
             action_refs {\n    id: 21257015\n    annotations: \"@defaultonly\"\n    scope: DEFAULT_ONLY\n  }\n  \
             size: 1024\n}\n",
        )
        .unwrap();
        assert_eq!(info.pkg_info.unwrap().arch, "v1model");
        assert_eq!(info.tables[0].action_refs[0].scope, 2);
    }

    #[test]
    fn an_unknown_field_is_an_error_with_its_name() {
        let error = p4info_from_text("tables { colour: 3 }").unwrap_err();
        assert!(error.to_string().contains("colour"), "{error}");
    }

    #[test]
    fn other_messages_convert_too() {
        let request: v1::WriteRequest = from_text(
            "device_id: 1 updates { type: INSERT entity { table_entry { table_id: 7 } } }",
        )
        .unwrap();
        assert_eq!(request.updates[0].r#type, v1::update::Type::Insert as i32);
        assert_eq!(
            from_text::<v1::WriteRequest>(&to_text(&request).unwrap()).unwrap(),
            request
        );
    }
}
