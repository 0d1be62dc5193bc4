//! Reading, deciding and appending as one step.
//!
//! A decision is a pure function of what it reads. The local bodies ask it inside their transaction, so nobody can write in
//! between and nothing has to be decided twice; a remote body reads, asks, appends with the versions it read, and asks
//! again when somebody was faster.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{Append, AppendError, ClaimKey, Claimed, Event, EventLog, IdemKey, ReadError, Receipt, Stream, StreamId};

/// What a decision may read, all of one moment. An error is handed on with `?`: the log knows what to do about it.
pub trait View {
    /// A stream's version and state; none when it has no events.
    fn stream(&mut self, id: &StreamId) -> Result<Option<Stream>, ReadError>;

    /// Who holds a claim, and its state; none when nobody does.
    fn claimed(&mut self, key: &ClaimKey) -> Result<Option<Claimed>, ReadError>;

    /// Up to `max` events of a stream, oldest first, beginning with `from_version` (the first event is 1).
    fn events(&mut self, id: &StreamId, from_version: u64, max: usize) -> Result<Vec<Event>, ReadError>;

    /// Whether an append that named this key was written.
    fn answered(&mut self, key: &IdemKey) -> Result<bool, ReadError>;

    /// A number of the series that no event in the log was given before. Rising; gaps are allowed; the first is 1.
    fn number(&mut self, series: &str) -> Result<u64, ReadError>;
}

/// Reads and says what to append, or nothing. It may be asked several times, and only its last answer is written; so it
/// must do nothing but read and say.
pub type Decision = Box<dyn FnMut(&mut dyn View) -> Option<Append> + Send>;

/// Lets a function decide that also has something to tell its caller, or a reason to append nothing.
///
/// # Errors
/// The log could not be read or written. The inner result is the function's own; an error there wrote nothing.
pub async fn decide<T, E, F>(log: &dyn EventLog, mut decision: F) -> Result<Result<(Receipt, T), E>, AppendError>
where
    T: Send + 'static,
    E: Send + 'static,
    F: FnMut(&mut dyn View) -> Result<(Append, T), E> + Send + 'static,
{
    let told = Arc::new(Mutex::new(None));
    let tell = Arc::clone(&told);
    let receipt = log
        .decide(Box::new(move |view| {
            let (append, said) = match decision(view) {
                Ok((append, said)) => (Some(append), Ok(said)),
                Err(refused) => (None, Err(refused)),
            };
            *tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
            append
        }))
        .await?;
    let said = told.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (receipt, said) {
        (Some(receipt), Some(Ok(said))) => Ok(Ok((receipt, said))),
        (None, Some(Err(refused))) => Ok(Err(refused)),
        _ => Err(AppendError::Malformed("the log did not write the last decision")),
    }
}
