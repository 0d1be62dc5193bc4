//! What is wrong with a calendar, in words and with lines: kept short, however much is wrong.

/// The most problems that are told of one calendar.
const TOLD_MAX: usize = 50;

/// The problems of one calendar.
#[derive(Debug, Default)]
pub(super) struct Problems {
    /// Each with its line; 0 for one of the whole calendar.
    told: Vec<(usize, String)>,
    /// How many more there were.
    more: usize,
}

impl Problems {
    /// A problem of a line.
    pub(super) fn at(&mut self, line: usize, message: &str) {
        self.tell(line, || format!("line {line}: {message}"));
    }

    /// A problem of the whole calendar.
    pub(super) fn whole(&mut self, message: String) {
        self.told.push((0, message));
    }

    fn tell(&mut self, line: usize, message: impl FnOnce() -> String) {
        if self.told.len() < TOLD_MAX {
            self.told.push((line, message()));
        } else {
            self.more += 1;
        }
    }

    /// As sentences without a full stop, in the order of the lines.
    pub(super) fn told(mut self) -> Vec<String> {
        self.told.sort_by_key(|(line, _)| *line);
        let more = (self.more > 0).then(|| format!("and {} more of the kind", self.more));
        self.told.into_iter().map(|(_, message)| message).chain(more).collect()
    }
}
