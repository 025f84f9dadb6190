//! Why a request, or one element of it, is refused.

use p4runtime_proto::{bytestring::BytestringError, p4::v1};
use tonic::{Code, Status};

/// The canonical code and the words of a refusal. The words name the object by id and name, what
/// is wrong with it, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    /// Code as the P4Runtime specification asks for it.
    pub(crate) code: Code,
    /// Text for the client's developer or operator.
    pub(crate) message: String,
}

macro_rules! constructors {
    ($($name:ident $code:ident),* $(,)?) => {
        $(
            #[doc = concat!("A refusal with code `", stringify!($code), "`.")]
            pub(crate) fn $name(message: impl Into<String>) -> Self {
                Self { code: Code::$code, message: message.into() }
            }
        )*
    };
}

impl Refusal {
    constructors! {
        already_exists AlreadyExists,
        failed_precondition FailedPrecondition,
        internal Internal,
        invalid_argument InvalidArgument,
        not_found NotFound,
        out_of_range OutOfRange,
        permission_denied PermissionDenied,
        resource_exhausted ResourceExhausted,
        unimplemented Unimplemented,
    }

    /// The same refusal, its words led by where it happened.
    pub(crate) fn at(mut self, place: impl std::fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }
}

/// Section 8.3: a server that rejects a binary string returns `OUT_OF_RANGE`.
impl From<BytestringError> for Refusal {
    fn from(error: BytestringError) -> Self {
        Self::out_of_range(error.to_string())
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Status::new(refusal.code, refusal.message)
    }
}

impl From<Refusal> for v1::Error {
    fn from(refusal: Refusal) -> Self {
        v1::Error::new(refusal.code, refusal.message)
    }
}
