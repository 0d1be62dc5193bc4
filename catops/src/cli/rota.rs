//! `catops rota`: what a rota does to people, before and after a change of it. It reads and tells; it changes nothing.

mod cover;
mod fair;
mod gaps;
mod preview;
mod quality;
mod replay;

use anyhow::Result;
use std::process::ExitCode;

/// The exit code when somebody asked to fail on a gap and there is one; 1 is a failure to look, so that a check of a change
/// can tell them apart.
const GAP: u8 = 2;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Say whose shifts a changed configuration moves, what each person carries before and after, and which gaps there are.
    Preview(preview::Args),
    /// List the times in which nobody is on call.
    Gaps(gaps::Args),
    /// Count what each person carried: hours, nights, weekends, shifts, pages.
    Fair(fair::Args),
    /// Score a schedule from 0 to 100, and name the change that raises the score most.
    Quality(quality::Args),
    /// What if: play the pages of a log over another configuration, and see who would have been woken.
    Replay(replay::Args),
    /// Say whom to ask to cover somebody.
    Cover(cover::Args),
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match args {
        Args::Preview(args) => preview::run(args),
        Args::Gaps(args) => gaps::run(args),
        Args::Fair(args) => fair::run(args),
        Args::Quality(args) => quality::run(args),
        Args::Replay(args) => replay::run(args),
        Args::Cover(args) => cover::run(args),
    }
}
