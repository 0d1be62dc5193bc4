//! The only place that asks for randomness.

use anyhow::{Context, Result};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::Ed25519KeyPair;

/// A new key that signs (ed25519), in PKCS#8.
///
/// # Errors
/// The system has no randomness to give.
pub fn signing_key() -> Result<Vec<u8>> {
    let key =
        Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).ok().context("asking the system for random bytes")?;
    Ok(key.as_ref().to_vec())
}

/// 32 bytes that nobody can guess and that are written nowhere.
///
/// # Errors
/// The system has no randomness to give.
pub fn fresh() -> Result<[u8; 32]> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).ok().context("asking the system for random bytes")?;
    Ok(seed)
}
