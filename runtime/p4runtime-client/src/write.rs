//! Updates of a batch and their outcomes.

use std::fmt;

use p4runtime_proto::p4::v1::{self, update};
use tonic::Code;

/// What an update does with its entity (section 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Add one that is not there.
    Insert,
    /// Change one that is there.
    Modify,
    /// Take one away.
    Delete,
}

impl Operation {
    pub(crate) fn update(self, entity: v1::entity::Entity) -> v1::Update {
        let kind = match self {
            Self::Insert => update::Type::Insert,
            Self::Modify => update::Type::Modify,
            Self::Delete => update::Type::Delete,
        };
        v1::Update {
            r#type: kind as i32,
            entity: Some(v1::Entity {
                entity: Some(entity),
            }),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Insert => "insert",
            Self::Modify => "modify",
            Self::Delete => "delete",
        })
    }
}

/// Why the switch refused one update of a batch (section 12.3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", .code.description(), if .message.is_empty() { "" } else { ": " })]
pub struct UpdateError {
    /// The canonical code.
    pub code: Code,
    /// What the switch says.
    pub message: String,
}

impl UpdateError {
    pub(crate) fn from_message(error: &v1::Error) -> Result<(), Self> {
        if error.is_ok() {
            Ok(())
        } else {
            Err(Self {
                code: error.grpc_code(),
                message: error.message.clone(),
            })
        }
    }

    /// Whether a table or another resource of the switch is full.
    pub fn is_exhausted(&self) -> bool {
        self.code == Code::ResourceExhausted
    }
}

/// The outcome of each update, in the order of the request.
pub type WriteOutcome = Vec<Result<(), UpdateError>>;
