//! `catops init DIR`: a first configuration, with comments, that `catops lint` accepts.

use crate::config::starter;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(dir: &Path) -> Result<ExitCode> {
    let files = starter::write(dir).with_context(|| format!("writing a configuration into {}", dir.display()))?;
    let dir = dir.display();
    println!("wrote {files} files into {dir}: catops.toml, rota/, runbooks/, actions/");
    println!("next: put your people into {dir}/rota/team.toml, then");
    println!("  catops lint {dir}");
    println!("  catops serve --config {dir} --data catops-data");
    Ok(ExitCode::SUCCESS)
}
