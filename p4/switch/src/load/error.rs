//! Why a document cannot be run.

/// Why a program cannot be loaded. `at` is the place in the document, such as
/// `pipelines[0].tables[2].key[1].target`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Something refers to an object that the document does not have.
    #[error("at {at}: there is no {kind} `{name}` in the document")]
    Missing {
        /// Place in the document.
        at: String,
        /// Kind of the object, such as "header" or "action".
        kind: &'static str,
        /// Its name or id.
        name: String,
    },
    /// Two objects have the same name or id.
    #[error("at {at}: there are two {kind}s `{name}`")]
    Duplicate {
        /// Place in the document of the second.
        at: String,
        /// Kind of the object.
        kind: &'static str,
        /// Its name or id.
        name: String,
    },
    /// The document uses something that this switch does not have.
    #[error("at {at}: {what} is not supported by p4-switch")]
    Unsupported {
        /// Place in the document.
        at: String,
        /// What is not supported.
        what: String,
    },
    /// Something does not fit together.
    #[error("at {at}: {reason}")]
    Invalid {
        /// Place in the document.
        at: String,
        /// What does not fit.
        reason: String,
    },
    /// The control flow has a loop, so that a packet would never leave the pipeline.
    #[error("at {at}: the control flow comes back to `{node}`, so packets would never leave it")]
    Loop {
        /// Place in the document.
        at: String,
        /// A table or condition of the loop.
        node: String,
    },
}

/// A place in the document.
#[derive(Debug, Clone)]
pub(super) struct At(String);

impl At {
    pub(super) fn root(key: &str) -> Self {
        Self(key.to_owned())
    }

    pub(super) fn key(&self, key: &str) -> Self {
        Self(format!("{}.{key}", self.0))
    }

    pub(super) fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    pub(super) fn missing(&self, kind: &'static str, name: impl ToString) -> LoadError {
        LoadError::Missing {
            at: self.0.clone(),
            kind,
            name: name.to_string(),
        }
    }

    pub(super) fn duplicate(&self, kind: &'static str, name: impl ToString) -> LoadError {
        LoadError::Duplicate {
            at: self.0.clone(),
            kind,
            name: name.to_string(),
        }
    }

    pub(super) fn unsupported(&self, what: impl Into<String>) -> LoadError {
        LoadError::Unsupported {
            at: self.0.clone(),
            what: what.into(),
        }
    }

    pub(super) fn invalid(&self, reason: impl Into<String>) -> LoadError {
        LoadError::Invalid {
            at: self.0.clone(),
            reason: reason.into(),
        }
    }

    pub(super) fn looping(&self, node: &str) -> LoadError {
        LoadError::Loop {
            at: self.0.clone(),
            node: node.to_owned(),
        }
    }
}
