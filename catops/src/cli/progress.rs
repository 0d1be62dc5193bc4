//! A bar for those who watch a long command on a terminal; in a pipe or a file there is none.

use std::io::{IsTerminal, Write};

/// How wide the bar is.
const WIDTH: u64 = 30;

/// A bar on the error output.
pub(super) struct Bar {
    shown: bool,
    what: &'static str,
}

impl Bar {
    /// `what` are the things that are counted.
    pub(super) fn new(what: &'static str) -> Self {
        Self { shown: std::io::stderr().is_terminal(), what }
    }

    pub(super) fn at(&self, done: u64, all: u64) {
        if self.shown {
            eprint!("\r{}", line(self.what, done, all));
            std::io::stderr().flush().ok();
        }
    }

    /// Leaves the line to what is said next.
    pub(super) fn end(&self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}

fn line(what: &str, done: u64, all: u64) -> String {
    let all = all.max(done);
    let full = (done * WIDTH).checked_div(all).unwrap_or(WIDTH) as usize;
    let bar = format!("{:<width$}", "#".repeat(full), width = WIDTH as usize);
    format!("  [{bar}] {done} of {all} {what}")
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_bar_is_as_full_as_the_work_is_done() {
        assert_eq!(line("events", 1, 2), "  [###############               ] 1 of 2 events");
        assert_eq!(line("events", 3, 2), "  [##############################] 3 of 3 events");
        assert_eq!(line("events", 0, 0), "  [##############################] 0 of 0 events");
    }
}
