//! `catops-lambda`: what a Lambda function runs, and no more of CatOps than that. The same as `catops lambda ROLE` in a
//! smaller executable: a function is fetched before its first answer.

use anyhow::{Context, Result};
use catops::entry::lambda::{Role, start};

fn main() -> Result<()> {
    let role = Role::of_process();
    start(role.context("the handler, or the only argument, is the function's role: intake, slack or act")?)
}
