//! What a deployment into an AWS account would create, and what it would cost. Pure: it asks no account and reads no file
//! but the template that is compiled in.

pub mod cost;
pub mod template;

/// The stack that `infra/deploy.sh` deploys.
pub const TEMPLATE: &str = include_str!("../../infra/template.yaml");
