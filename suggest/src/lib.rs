//! Ranks the actions most likely to help with an alarm, each with its reason and its record.
//!
//! Pure: it is handed the hits of the runbook search, the catalogue and what actions achieved before; it reads nothing,
//! runs nothing and knows no clock. How text, record and changes are weighed are constants here, each with its origin; what an
//! outcome still counts is said by `incident`, how far a hit can be trusted by `index`.

mod rank;
mod reason;
mod score;

pub use rank::{Elsewhere, Known, Ranking, suggest};
pub use reason::record_line;

#[cfg(test)]
mod tests;
