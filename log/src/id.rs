//! The names of things in a log. Each is text that the caller chose; the log compares it and never looks inside.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Names it so; any text is allowed.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The text it was given.
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
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name)
            }
        }
    };
}

text_id! {
    /// A stream of events with one history and one head, such as `inc/42`.
    StreamId
}
text_id! {
    /// An effect or a timer. The id is the whole idempotency of an effect: the same id is the same intent.
    EffectId
}
text_id! {
    /// A delivery or a command that may arrive twice and must count once.
    IdemKey
}
text_id! {
    /// Something at most one stream may hold at a time, such as an alarm that has an open incident.
    ClaimKey
}
text_id! {
    /// Who performs leased effects, such as `serve/4711`: one name per process life.
    Holder
}
text_id! {
    /// A place in a feed or a list. Opaque: only the body that made it can read it.
    Cursor
}

impl Cursor {
    /// Before the first event of a feed.
    pub fn start() -> Self {
        Self(String::new())
    }
}

impl Default for Cursor {
    fn default() -> Self {
        Self::start()
    }
}
