//! The JSON form of a message: the field names of the `.proto` file, numbers as numbers, the
//! values of enums by name, and every field there, also when it has its default.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

static POOL: LazyLock<Result<DescriptorPool, String>> = LazyLock::new(|| {
    DescriptorPool::decode(crate::FILE_DESCRIPTOR_SET).map_err(|error| error.to_string())
});

/// Why a message has no JSON form: only a build whose parts do not belong together.
#[derive(Debug, thiserror::Error)]
#[error("no JSON form of {message}: {reason}")]
pub struct JsonError {
    message: String,
    reason: String,
}

/// The JSON form of a message of [`crate::v1`].
///
/// # Errors
/// The message is not one of [`crate::v1`].
pub fn to_value<M: Message + Name>(message: &M) -> Result<serde_json::Value, JsonError> {
    let error = |reason: String| JsonError {
        message: M::full_name(),
        reason,
    };
    let pool = POOL.as_ref().map_err(|reason| error(reason.clone()))?;
    let descriptor = pool
        .get_message_by_name(&M::full_name())
        .ok_or_else(|| error("not in the descriptors".into()))?;
    let message = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .map_err(|reason| error(reason.to_string()))?;
    let options = SerializeOptions::new()
        .stringify_64_bit_integers(false)
        .use_proto_field_name(true)
        .skip_default_fields(false);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|reason| error(reason.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::v1;

    #[test]
    fn names_are_those_of_the_proto_file_and_defaults_are_shown() {
        let entry = v1::IlmEntry {
            label: 100,
            operation: v1::ilm_entry::Operation::Swap.into(),
            nhlfes: vec![v1::Nhlfe {
                labels: vec![200],
                ..Default::default()
            }],
            counter: Some(v1::Counter {
                packets: u64::MAX,
                bytes: 0,
            }),
            ..Default::default()
        };
        let value = super::to_value(&entry).unwrap();
        assert_eq!(value["label"], json!(100));
        assert_eq!(value["label_space"], json!(0));
        assert_eq!(value["operation"], json!("SWAP"));
        assert_eq!(value["nhlfes"][0]["next_hop"], json!(""));
        assert_eq!(value["nhlfes"][0]["labels"], json!([200]));
        assert_eq!(value["counter"]["packets"], json!(u64::MAX));
        assert_eq!(value["status"], json!(null));
    }
}
