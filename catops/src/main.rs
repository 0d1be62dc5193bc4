//! `catops`: one executable, one subcommand a role.
fn main() {}
