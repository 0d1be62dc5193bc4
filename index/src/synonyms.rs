//! Abbreviations and what is searched for in their place, read from `synonyms.toml`, on both sides alike.

use std::collections::HashMap;
use std::sync::LazyLock;

static SYNONYMS: LazyLock<HashMap<String, Vec<String>>> = LazyLock::new(|| {
    toml::from_str(include_str!("../synonyms.toml")).expect("synonyms.toml is part of the build and is tested")
});

/// The words that take the place of this one, if it is an abbreviation. Lower case.
pub(crate) fn of(word: &str) -> Option<&'static [String]> {
    SYNONYMS.get(word).map(Vec::as_slice)
}
