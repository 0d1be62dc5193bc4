//! `catops version`: what this executable is made of, for whoever asks why two of them answer differently.

use anyhow::Result;
use serde_json::json;
use std::process::ExitCode;

/// What `catops --version` prints after the name.
pub(super) const LONG: &str = if cfg!(feature = "aws") {
    concat!(env!("CARGO_PKG_VERSION"), "\nwith AWS")
} else {
    concat!(env!("CARGO_PKG_VERSION"), "\nwithout AWS")
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    if args.json {
        let tzdata = rota::Zone::tzdata_version();
        println!("{}", json!({ "version": env!("CARGO_PKG_VERSION"), "aws": cfg!(feature = "aws"), "tzdata": tzdata }));
    } else {
        println!("catops {LONG}\ntime zones: tzdata {}", rota::Zone::tzdata_version());
    }
    Ok(ExitCode::SUCCESS)
}
