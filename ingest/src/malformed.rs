//! What is wrong with a body, said so that its sender can mend it. Never repeats a value: it may be a secret.

/// A body that cannot be read: which field, and what about it. Printed as `detail.state.value: missing`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Malformed {
    /// The path of the field, `alerts[0].labels`; `body` when no field is to blame.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl Malformed {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    pub(crate) fn missing(field: impl Into<String>) -> Self {
        Self::new(field, "missing")
    }

    /// The same mistake, seen from the object that holds this one.
    pub(crate) fn below(self, parent: &str) -> Self {
        let field = match self.field.as_str() {
            "body" => parent.to_owned(),
            field => format!("{parent}.{field}"),
        };
        Self { field, message: self.message }
    }
}
