//! Smaller bytes: what is kept is short JSON full of the same words, so both sides begin with a list of them. Half of what
//! deflate alone leaves is what is left, and a kilobyte is what is paid for.
//!
//! The list is part of the format: never change `words-1.txt`. A better one is `words-2.txt`, beside it.

use std::io::Read;

use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};

use super::item::Strange;

/// Typical words of what is kept. Nothing depends on them but the size.
const WORDS: &[u8] = include_bytes!("words-1.txt");

/// The first byte of everything that was packed with them.
const VERSION: u8 = 1;

/// Room for what deflate adds to bytes that cannot be made smaller, and for the end of a block.
const MORE: usize = 64;

/// Packs some bytes.
pub(super) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::best(), false);
    let mut packed = Vec::with_capacity(WORDS.len() + MORE);
    // What this leaves is the same each time, so it need not be kept: unpacking begins with the words themselves.
    deflate.compress_vec(WORDS, &mut packed, FlushCompress::Sync).expect("memory can be written");
    packed.clear();
    packed.push(VERSION);
    let mut done = 0;
    loop {
        packed.reserve(bytes.len() - done + MORE);
        let before = deflate.total_in();
        let status = deflate.compress_vec(&bytes[done..], &mut packed, FlushCompress::Finish);
        done += usize::try_from(deflate.total_in() - before).unwrap_or_default();
        if status.expect("memory can be written") == Status::StreamEnd {
            return packed;
        }
    }
}

/// Unpacks what [`pack`] packed, up to `most` bytes.
pub(super) fn unpack(packed: &[u8], most: usize) -> Result<Vec<u8>, Strange> {
    let Some((&VERSION, packed)) = packed.split_first() else {
        return Err(Strange::new("packed by a newer version"));
    };
    let words = stored_words();
    let mut inflate = DeflateDecoder::new(words.chain(packed));
    inflate.read_exact(&mut [0; WORDS.len()]).map_err(Strange::new)?;
    let mut bytes = Vec::new();
    // One byte more than allowed is enough to know.
    inflate.take(most as u64 + 1).read_to_end(&mut bytes).map_err(Strange::new)?;
    if bytes.len() > most {
        return Err(Strange::new(format!("more than {most} bytes when unpacked")));
    }
    Ok(bytes)
}

/// The words as a block of deflate that is not compressed (RFC 1951, 3.2.4).
fn stored_words() -> impl Read {
    let length = u16::try_from(WORDS.len()).expect("the words fit into one block");
    let [low, high] = length.to_le_bytes();
    let head = [0, low, high, !low, !high];
    std::io::Cursor::new(head).chain(WORDS)
}

#[cfg(test)]
mod tests {
    use super::{WORDS, pack, unpack};
    use crate::Digest;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn the_words_stay_as_they_are() {
        let digest = Digest::of(WORDS).to_string();
        assert_eq!(digest, include_str!("words-1.sha256").trim(), "what was packed with them could not be read again");
    }

    #[test]
    fn what_is_usual_becomes_small() {
        let usual =
            br#"{"id":1,"seq":12,"status":"resolved","severity":"unknown","owners":["ana"],"policy":"default"}"#;
        assert!(pack(usual).len() < 45, "{}", pack(usual).len());
    }

    #[test]
    fn no_bytes_make_it_panic_or_grow_without_end() {
        let zeros = vec![0; 1_000_000];
        assert!(unpack(&pack(&zeros), 999_999).is_err());
        for bad in [&b""[..], b"\x02abc", b"\x01", b"\x01\xff\xff\xff"] {
            assert!(unpack(bad, 100).is_err());
        }
    }

    proptest! {
        #[test]
        fn every_byte_comes_back(bytes in vec(any::<u8>(), 0..5000), times in 1_usize..40) {
            let bytes = bytes.repeat(times);
            prop_assert_eq!(unpack(&pack(&bytes), bytes.len()).unwrap(), bytes);
        }
    }
}
