//! Other people's signals become our alarms: who sent this (`authenticate`), and what does it say (`decode`).
//!
//! Pure: bytes and the time come in, an [`incident::Alarm`] or a named mistake goes out. It never opens a
//! connection, never reads a clock or the environment, and never follows a link. Formats were read from the vendors'
//! documentation and from the payloads in `tests/corpus/sources/`.
//!
//! A hook runs in this order:
//!
//! ```text
//! Kind::parse -> authenticate -> (SNS only: fetch the certificate, sns::verify) -> decode -> append -> answer
//! ```

mod auth;
mod draft;
mod json;
mod malformed;
mod request;
mod source;
mod time;
pub mod uptime;

pub use auth::{
    Origins, Proof, Reason, Scheme, Secret, Signatures, SourceConfig, Unauthorised, UnknownScheme, authenticate,
    without_secrets,
};
pub use malformed::Malformed;
pub use request::{BODY_BYTES_MAX, Headers, Peer, Request};
pub use source::{Answer, Decoded, Kind, UnknownKind, answer, decode};

/// The signature of SNS messages.
pub mod sns {
    pub use crate::source::sns::{MESSAGE_AGE_MAX, signing_cert_url, verify};
}
