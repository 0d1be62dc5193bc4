//! The only place that asks for randomness.

use anyhow::{Context, Result};
use ring::rand::{SecureRandom, SystemRandom};

/// 32 bytes that nobody can guess and that are written nowhere.
///
/// # Errors
/// The system has no randomness to give.
pub fn fresh() -> Result<[u8; 32]> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).ok().context("asking the system for random bytes")?;
    Ok(seed)
}
