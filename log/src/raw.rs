//! A payload as its sender sent it, kept compressed. Packing is the caller's work, so that it never takes the writer's time.

use std::sync::Arc;

use crate::ReadError;

/// What a sender sent, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    bytes: usize,
    packed: Vec<u8>,
}

impl Raw {
    /// Packs it.
    pub fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len(), packed: lz4_flex::compress_prepend_size(bytes) }
    }

    /// How many bytes were sent.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What was sent.
    ///
    /// # Errors
    /// The store holds something else.
    pub fn unpack(&self) -> Result<Vec<u8>, ReadError> {
        unpack(&self.packed).map_err(|error| ReadError(Arc::new(error)))
    }

    pub(crate) fn from_packed(packed: Vec<u8>) -> Self {
        let bytes = packed.first_chunk().map_or(0, |length: &[u8; 4]| u32::from_le_bytes(*length) as usize);
        Self { bytes, packed }
    }

    pub(crate) fn packed(&self) -> &[u8] {
        &self.packed
    }
}

/// What was packed; an error means that the store holds something else.
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<u8>, lz4_flex::block::DecompressError> {
    lz4_flex::decompress_size_prepended(packed)
}
