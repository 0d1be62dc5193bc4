//! `catops`: one executable, one subcommand a role. This file is the table of contents.

use catops::cli::{self, Cli};
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(Cli::of_process())
}
