//! What happens when whoever reads our output has gone, as `head` does: the command ends quietly. Rust's printing panics on it,
//! so this is the one place where that panic is known; everything else that panics is told as always.

use std::panic;
use std::process;

/// The exit code of a program that a closed pipe ended, as shells count it: 128 and the number of the signal.
const CLOSED_PIPE: i32 = 141;

/// From now on printing into a closed pipe ends the process without a word.
#[expect(clippy::exit, reason = "whoever would have been told is gone, and nothing is left to do")]
pub(super) fn end_quietly() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str().is_some_and(is_closed_pipe) {
            process::exit(CLOSED_PIPE);
        }
        tell(panic);
    }));
}

/// Whether it is the standard library's sentence: `failed printing to stdout: Broken pipe (os error 32)`.
fn is_closed_pipe(sentence: &str) -> bool {
    sentence.starts_with("failed printing to std") && sentence.contains("Broken pipe")
}
