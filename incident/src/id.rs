//! The ids of the domain: each its own type, so that one can never stand in for another.
//! Nothing here is random or reads a clock; whoever mints an id passes it in.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An incident's number, unique in one log, printed as `INC-42`. It is also its identity: people and machines say the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub u64);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "INC-{}", self.0)
    }
}

/// Said when a text names no incident.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an incident number; write it as INC-42 or 42")]
pub struct BadIncidentId(String);

impl FromStr for IncidentId {
    type Err = BadIncidentId;

    /// Reads `INC-42`, `inc-42`, `#42` and `42`.
    fn from_str(text: &str) -> Result<Self, BadIncidentId> {
        let lower = text.trim().to_ascii_lowercase();
        let digits = lower.strip_prefix("inc-").or_else(|| lower.strip_prefix('#')).unwrap_or(&lower);
        digits.parse().map(Self).map_err(|_| BadIncidentId(text.to_owned()))
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

text_id!(
    /// A person who can be on call, as written in `rota/*.toml`: `ana`.
    ResponderId
);
text_id!(
    /// An action of the catalogue, as its file is named: `restart-service`.
    ActionId
);
text_id!(
    /// One run of an action, unique in one log: `run-42-3` is the third run on INC-42.
    RunId
);
text_id!(
    /// What makes two alarms the same trouble: `cloudwatch:arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu`.
    AlarmKey
);
text_id!(
    /// What makes two deliveries the same delivery: the sender's own id, prefixed with the source.
    DeliveryId
);
text_id!(
    /// A runbook, as its file is named below the runbooks folder, without `.md`: `aws/rds-cpu`.
    RunbookId
);
