//! Taking text out of an event that must not be kept: a password pasted into an alarm, a customer's address in a note.
//! Pure: says what the event reads like afterwards. Names that the log is joined by (keys, deliveries) cannot be changed.

use crate::event::Event;
use serde_json::Value;

/// What stands where the text stood.
pub const REDACTED: &str = "[redacted]";

/// Fields that other things in the log point at, or that this program chose itself.
const KEPT: [&str; 6] = ["kind", "key", "delivery", "source", "rel", "run"];

/// Why a text cannot be taken out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRedacted {
    /// It is part of a name.
    #[error("the text is part of the event's {field}, by which the log finds things, and stays")]
    Named {
        /// Which field.
        field: String,
    },
    /// An event without it would not be one.
    #[error("without the text the event could not be read any more")]
    Needed,
}

/// The event without the text; none when it does not hold it.
///
/// # Errors
/// [`NotRedacted`].
pub fn redact(event: &Event, text: &str) -> Result<Option<Event>, NotRedacted> {
    let mut value = serde_json::to_value(event).map_err(|_| NotRedacted::Needed)?;
    if !take_out(&mut value, text, None)? {
        return Ok(None);
    }
    serde_json::from_value(value).map(Some).map_err(|_| NotRedacted::Needed)
}

/// Returns whether something was taken out below. `field` is the nearest name above.
fn take_out(value: &mut Value, text: &str, field: Option<&str>) -> Result<bool, NotRedacted> {
    match value {
        Value::String(found) if found.contains(text) => {
            if let Some(field) = field.filter(|field| KEPT.contains(field)) {
                return Err(NotRedacted::Named { field: field.to_owned() });
            }
            *found = found.replace(text, REDACTED);
            Ok(true)
        }
        Value::Array(items) => items.iter_mut().try_fold(false, |any, item| Ok(take_out(item, text, field)? || any)),
        Value::Object(fields) => {
            fields.iter_mut().try_fold(false, |any, (name, value)| Ok(take_out(value, text, Some(name))? || any))
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests;
