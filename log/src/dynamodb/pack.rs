//! Smaller bytes: what is kept is short JSON full of the same words, so both sides begin with a list of them. Half of what
//! deflate alone leaves is what is left, and a kilobyte is what is paid for.
//!
//! The lists are part of the format: never change one. A better one is `words-3.txt`, beside them.

use std::io::Read;

use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};

use super::item::Strange;

/// Typical words of what is kept, by the first byte of everything that was packed with them, from 1. Nothing depends on them
/// but the size.
const WORDS: [&[u8]; 2] = [include_bytes!("words-1.txt"), include_bytes!("words-2.txt")];

/// The list that is packed with.
const VERSION: u8 = 2;

/// Room for what deflate adds to bytes that cannot be made smaller, and for the end of a block.
const MORE: usize = 64;

/// Packs some bytes.
pub(super) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::best(), false);
    let words = WORDS[usize::from(VERSION - 1)];
    let mut packed = Vec::with_capacity(words.len() + MORE);
    // What this leaves is the same each time, so it need not be kept: unpacking begins with the words themselves.
    deflate.compress_vec(words, &mut packed, FlushCompress::Sync).expect("memory can be written");
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
    let (version, packed) = packed.split_first().unwrap_or((&0, &[]));
    let Some(words) = usize::from(*version).checked_sub(1).and_then(|place| WORDS.get(place)) else {
        return Err(Strange::new("packed by a newer version"));
    };
    let mut inflate = DeflateDecoder::new(stored(words).chain(packed));
    inflate.read_exact(&mut vec![0; words.len()]).map_err(Strange::new)?;
    let mut bytes = Vec::new();
    // One byte more than allowed is enough to know.
    inflate.take(most as u64 + 1).read_to_end(&mut bytes).map_err(Strange::new)?;
    if bytes.len() > most {
        return Err(Strange::new(format!("more than {most} bytes when unpacked")));
    }
    Ok(bytes)
}

/// The words as a block of deflate that is not compressed (RFC 1951, 3.2.4).
fn stored(words: &'static [u8]) -> impl Read {
    let length = u16::try_from(words.len()).expect("the words fit into one block");
    let [low, high] = length.to_le_bytes();
    let head = [0, low, high, !low, !high];
    std::io::Cursor::new(head).chain(words)
}

#[cfg(test)]
mod tests {
    use super::{WORDS, pack, unpack};
    use crate::Digest;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn the_words_stay_as_they_are() {
        let digests = [include_str!("words-1.sha256"), include_str!("words-2.sha256")].map(str::trim);
        let found = WORDS.map(|words| Digest::of(words).to_string());
        assert_eq!(found.each_ref(), digests, "what was packed with them could not be read again");
    }

    #[test]
    fn what_was_packed_with_the_first_words_is_read() {
        let packed = [1, 131, 196, 146, 57, 102, 211, 15, 163, 124, 175, 5, 0];
        assert_eq!(unpack(&packed, 100).unwrap(), br#"{"id":7,"status":"open","policy":"default"}"#);
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
        for bad in [&b""[..], b"\x00abc", b"\x03abc", b"\x01", b"\x02\xff\xff\xff"] {
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
