//! Errors of the single updates of a Write, or requests of a Read, in the status of the RPC
//! (sections 10, 12.3 and 13.3).
//!
//! When some elements of a batch fail, the RPC ends with code `UNKNOWN`, and the serialized
//! [`rpc::Status`] in the `grpc-status-details-bin` metadata holds one [`v1::Error`] for each
//! element, in the order of the request; `OK` for one that succeeded.

use prost::{Message, Name};
use prost_types::Any;
use tonic::{Code, Status};

use crate::{google::rpc, p4::v1};

impl v1::Error {
    /// The error of an element that succeeded.
    pub fn ok() -> Self {
        Self::default()
    }

    /// The error of an element that failed.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            canonical_code: code as i32,
            message: message.into(),
            ..Default::default()
        }
    }

    /// The gRPC code of the element.
    pub fn grpc_code(&self) -> Code {
        Code::from_i32(self.canonical_code)
    }

    /// True if the element succeeded.
    pub fn is_ok(&self) -> bool {
        self.canonical_code == Code::Ok as i32
    }
}

impl From<Status> for v1::Error {
    fn from(status: Status) -> Self {
        Self::new(status.code(), status.message())
    }
}

/// How many errors of a status have words; later ones have their code only. The status travels in
/// HTTP/2 headers, and clients refuse headers that are too long: "Guidelines for Implementations,
/// gRPC Metadata Maximum Size" of the specification asks them to allow 100 bytes for each update.
pub const ERRORS_WITH_WORDS: usize = 16;

/// The status of a batch: `None` if no element failed, else code `UNKNOWN` with the errors in
/// its details. Only the first [`ERRORS_WITH_WORDS`] errors keep their words.
pub fn encode(errors: &[v1::Error]) -> Option<Status> {
    let failed = errors.iter().filter(|error| !error.is_ok()).count();
    let first = errors.iter().find(|error| !error.is_ok())?;
    let message = format!(
        "{failed} of {} failed, the first with: {}",
        errors.len(),
        first.message
    );
    let status = rpc::Status {
        code: Code::Unknown as i32,
        message: message.clone(),
        details: pack(errors),
    };
    Some(Status::with_details(
        Code::Unknown,
        message,
        status.encode_to_vec().into(),
    ))
}

/// The errors of the single elements, in the order of the request; empty if the status carries
/// none, as when the whole RPC was refused.
///
/// # Errors
/// [`prost::DecodeError`] when the details are there and are not of this form.
pub fn decode(status: &Status) -> Result<Vec<v1::Error>, prost::DecodeError> {
    if status.details().is_empty() {
        return Ok(Vec::new());
    }
    rpc::Status::decode(status.details())?
        .details
        .iter()
        .map(|any| v1::Error::decode(any.value.as_slice()))
        .collect()
}

fn pack(errors: &[v1::Error]) -> Vec<Any> {
    let mut with_words = 0;
    let pack = |error: &v1::Error| {
        with_words += usize::from(!error.is_ok());
        let value = if with_words <= ERRORS_WITH_WORDS {
            error.encode_to_vec()
        } else {
            let code_only = v1::Error {
                message: String::new(),
                ..error.clone()
            };
            code_only.encode_to_vec()
        };
        Any {
            type_url: format!("type.googleapis.com/{}", v1::Error::full_name()),
            value,
        }
    };
    errors.iter().map(pack).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_without_error_has_no_status() {
        assert!(encode(&[v1::Error::ok(), v1::Error::ok()]).is_none());
    }

    /// Section 12.3: code UNKNOWN, and as many errors as updates, in their order.
    #[test]
    fn the_errors_of_a_batch_survive_the_status() {
        let errors = [
            v1::Error::new(Code::ResourceExhausted, "table is full"),
            v1::Error::ok(),
            v1::Error::new(Code::AlreadyExists, "entry exists"),
        ];
        let status = encode(&errors).unwrap();
        assert_eq!(status.code(), Code::Unknown);
        assert_eq!(
            status.message(),
            "2 of 3 failed, the first with: table is full"
        );
        assert_eq!(decode(&status).unwrap(), errors);
        let details = rpc::Status::decode(status.details()).unwrap();
        assert_eq!(details.code, Code::Unknown as i32);
        assert_eq!(details.message, status.message());
        assert_eq!(
            details.details[0].type_url,
            "type.googleapis.com/p4.v1.Error"
        );
    }

    #[test]
    fn a_long_list_of_errors_stays_short() {
        let errors = vec![v1::Error::new(Code::NotFound, "x".repeat(200)); 1000];
        let status = encode(&errors).unwrap();
        assert!(status.details().len() < 8192 + 100 * errors.len());
        let decoded = decode(&status).unwrap();
        assert_eq!(decoded.len(), errors.len());
        assert_eq!(decoded[ERRORS_WITH_WORDS - 1], errors[0]);
        assert_eq!(
            decoded[ERRORS_WITH_WORDS],
            v1::Error::new(Code::NotFound, "")
        );
    }

    #[test]
    fn details_of_another_form_are_an_error() {
        let status = Status::with_details(Code::Unknown, "x", vec![0xff, 0xff].into());
        assert!(decode(&status).is_err());
        assert_eq!(decode(&Status::not_found("device 7")).unwrap(), []);
    }
}
