//! The events of Slack that were heard lately, so that one that is sent again is answered once. It is in memory only: what an
//! event changes is guarded by its key in the log, and this guards words.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Slack sends an event up to four times within an hour; a busy workspace mentions us less often than this in that time.
const KEPT: usize = 4_096;

/// The keys of the latest events.
#[derive(Debug, Default)]
pub struct Heard(Mutex<(HashSet<String>, VecDeque<String>)>);

impl Heard {
    /// Whether an event of that key is heard for the first time; of several at once, one is the first. A key without an id
    /// behind its last colon tells events apart from none, and is always new.
    pub fn is_first(&self, key: &str) -> bool {
        if key.is_empty() || key.ends_with(':') {
            return true;
        }
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, order) = &mut *heard;
        if !known.insert(key.to_owned()) {
            return false;
        }
        order.push_back(key.to_owned());
        if order.len() > KEPT
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_again_is_known_until_much_came_after_it() {
        let heard = Heard::default();
        assert!(heard.is_first("Ev1"));
        assert!(!heard.is_first("Ev1"));
        assert!(heard.is_first("slack:event:") && heard.is_first("slack:event:"));
        (0..KEPT).for_each(|number| assert!(heard.is_first(&format!("other {number}"))));
        assert!(heard.is_first("Ev1"));
    }
}
