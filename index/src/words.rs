//! Text to search terms: identifiers are kept whole and split, words are stemmed, stop words dropped.
//! The same function serves runbooks and alarms, so that both sides always agree. It never fails on any text.

use crate::synonyms;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use tantivy::tokenizer::{Language, RawTokenizer, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer};

/// Longest term kept, in bytes: longer ones are digests, keys and encoded blobs.
const TERM_BYTES_MAX: usize = 64;
/// Longest number kept, in digits: status codes and percentiles help, account numbers and times do not.
const NUMBER_DIGITS_MAX: usize = 3;
/// Letters in front of a digit from which the two are split: `http5xx` is two words, `ec2` and `p99` are one.
const LETTERS_BEFORE_DIGIT_MIN: usize = 3;

/// Words that carry no meaning of their own in alarms and runbooks. `no` and `not` do: "not ready" is not "ready".
const STOP_WORDS: [&str; 88] = [
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "because", "been",
    "being", "both", "but", "by", "can", "could", "did", "do", "does", "each", "every", "for", "from", "had", "has",
    "have", "having", "here", "how", "i", "if", "in", "into", "is", "it", "its", "itself", "just", "may", "might",
    "more", "most", "my", "of", "on", "or", "our", "please", "s", "should", "since", "so", "some", "such", "than",
    "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "too", "us", "very",
    "was", "we", "were", "what", "when", "where", "which", "while", "who", "will", "with", "would", "you", "your",
];

/// A word of a text, as it is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) stem: Rc<str>,
    /// Where it stands in the text, in bytes.
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// Cuts texts into words; one serves many texts, since it keeps what it has found of each identifier.
pub(crate) struct Analyzer {
    stemmer: TextAnalyzer,
    /// The words of an identifier as it is written, by where they stand in it.
    known: HashMap<String, Rc<[Word]>>,
}

impl Analyzer {
    pub(crate) fn new() -> Self {
        let stemmer = TextAnalyzer::builder(RawTokenizer::default()).filter(Stemmer::new(Language::English)).build();
        Self { stemmer, known: HashMap::new() }
    }

    /// The words of a text, as stems, in order.
    pub(crate) fn words(&mut self, text: &str) -> Vec<Word> {
        let mut words = Vec::new();
        for identifier in identifiers(text) {
            let start = identifier.start;
            let Some(identifier) = text.get(identifier) else { continue };
            if !self.known.contains_key(identifier) {
                let found = self.words_of(identifier);
                self.known.insert(identifier.to_owned(), found);
            }
            let known = self.known.get(identifier).into_iter().flat_map(|known| known.iter());
            words.extend(known.map(|word| Word { from: start + word.from, to: start + word.to, ..word.clone() }));
        }
        words
    }

    /// Every word of an identifier: the whole and its parts.
    fn words_of(&mut self, identifier: &str) -> Rc<[Word]> {
        let stem = |Piece { text, from, to }| Some(Word { stem: self.stem(&text)?, from, to });
        split(identifier).into_iter().filter_map(stem).collect()
    }

    /// None for stop words.
    fn stem(&mut self, word: &str) -> Option<Rc<str>> {
        let mut stem = None;
        if STOP_WORDS.binary_search(&word).is_err() {
            self.stemmer.token_stream(word).process(&mut |token| stem = Some(token.text.as_str().into()));
        }
        stem
    }
}

/// The stems of words, one a line: what [`Lines`] reads.
pub(crate) fn lines(words: &[Word]) -> String {
    let mut lines = String::with_capacity(words.iter().map(|word| word.stem.len() + 1).sum());
    for word in words {
        lines.push_str(&word.stem);
        lines.push('\n');
    }
    lines
}

/// Takes every line for a term: for texts that are cut into words already.
#[derive(Clone, Default)]
pub(crate) struct Lines(Token);

/// The terms of one text.
pub(crate) struct LineStream<'a> {
    lines: std::str::Lines<'a>,
    token: &'a mut Token,
}

impl Tokenizer for Lines {
    type TokenStream<'a> = LineStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> LineStream<'a> {
        self.0.position = usize::MAX;
        LineStream { lines: text.lines(), token: &mut self.0 }
    }
}

impl TokenStream for LineStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(line) = self.lines.next() else { return false };
        self.token.text.clear();
        self.token.text.push_str(line);
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

/// The terms of a text: the stem, and the word as it was written.
pub(crate) fn terms(text: &str, words: &[Word]) -> Vec<(String, String)> {
    let written = |word: &Word| text.get(word.from..word.to).unwrap_or(&word.stem).to_owned();
    words.iter().map(|word| (word.stem.to_string(), written(word))).collect()
}

/// The same for phrases.
pub(crate) fn phrases(text: &str, words: &[Word]) -> Vec<(String, String)> {
    let phrase = |(a, b): (&Word, &Word)| {
        let written = text.get(a.from..b.to).unwrap_or_default().to_owned();
        ([&*a.stem, &*b.stem].join(" "), written)
    };
    pairs(words).map(phrase).collect()
}

/// The phrases of words, one a line, stems joined by a space.
pub(crate) fn pair_lines(words: &[Word]) -> String {
    let mut lines = String::with_capacity(words.iter().map(|word| 2 * word.stem.len() + 2).sum());
    for (a, b) in pairs(words) {
        for piece in [&*a.stem, " ", &*b.stem, "\n"] {
            lines.push_str(piece);
        }
    }
    lines
}

/// Every two words that follow each other. Whole identifiers are left out: their parts follow each other already.
fn pairs(words: &[Word]) -> impl Iterator<Item = (&Word, &Word)> {
    // Two words in place of an abbreviation stand at the same place; neither is the whole of the other.
    let holds = |whole: &Word, part: &Word| {
        let is_same = (whole.from, whole.to) == (part.from, part.to);
        !is_same && whole.from <= part.from && part.to <= whole.to
    };
    let is_whole = move |place: usize| words.get(place + 1).is_some_and(|next| holds(&words[place], next));
    let parts = (0..words.len()).filter(move |place| !is_whole(*place)).map(|place| &words[place]);
    let mut before = None;
    parts.filter_map(move |word| before.replace(word).map(|before| (before, word)))
}

/// Where letters, digits and `_` stand in a row.
fn identifiers(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_inside = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.find(is_inside)?;
        let rest = text.get(start..)?;
        at = start + rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
        Some(start..at)
    })
}

/// A word of an identifier before it is stemmed.
struct Piece {
    text: String,
    /// Where it stands in the identifier, in bytes.
    from: usize,
    to: usize,
}

/// An identifier as a word, and in parts where it has several: `HTTPCode_ELB_5XX` gives
/// `httpcodeelb5xx`, `http`, `code`, `elb`, `5xx`.
fn split(identifier: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let whole = 0..identifier.len();
    let is_plain = identifier.is_ascii() && identifier.bytes().skip(1).all(|byte| byte.is_ascii_lowercase());
    let parts = if is_plain { Vec::new() } else { parts(identifier) };
    if parts.len() != 1 {
        push(identifier, whole, &mut pieces);
    }
    for part in parts {
        push(identifier, part, &mut pieces);
    }
    pieces
}

/// Adds a word, or what is searched for in its place.
fn push(identifier: &str, range: Range<usize>, pieces: &mut Vec<Piece>) {
    let Some(word) = identifier.get(range.clone()).and_then(word) else { return };
    let mut push = |text| pieces.push(Piece { text, from: range.start, to: range.end });
    match synonyms::of(&word) {
        Some(others) => others.iter().cloned().for_each(push),
        None => push(word),
    }
}

/// The word to search for; none where it says nothing.
fn word(written: &str) -> Option<String> {
    let word: String = written.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let long_number = digits == word.len() && digits > NUMBER_DIGITS_MAX;
    let is_letter = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let says_nothing = word.is_empty() || is_letter || word.len() > TERM_BYTES_MAX || long_number;
    (!says_nothing).then_some(word)
}

/// The parts of an identifier: at `_`, where case changes, and between a word and a number.
fn parts(identifier: &str) -> Vec<Range<usize>> {
    let chars: Vec<(usize, char)> = identifier.char_indices().collect();
    let mut parts = Vec::new();
    let mut start = 0;
    for i in 1..=chars.len() {
        let boundary = i == chars.len() || starts_part(&chars, start, i);
        if boundary {
            let from = chars.get(start).map_or(0, |(at, _)| *at);
            let to = chars.get(i).map_or(identifier.len(), |(at, _)| *at);
            let part = from..to;
            if identifier.get(part.clone()).is_some_and(|part| part.chars().any(|c| c != '_')) {
                parts.push(part);
            }
            start = i;
        }
    }
    parts
}

/// True where a new part begins at `i`, the current part having begun at `start`.
fn starts_part(chars: &[(usize, char)], start: usize, i: usize) -> bool {
    let (before, here) = (chars[i - 1].1, chars[i].1);
    let next_is_lower = chars.get(i + 1).is_some_and(|(_, next)| next.is_lowercase());
    if before == '_' || here == '_' {
        return before != here;
    }
    if here.is_numeric() && before.is_alphabetic() {
        return i - start >= LETTERS_BEFORE_DIGIT_MIN && chars[start..i].iter().all(|(_, c)| c.is_alphabetic());
    }
    here.is_uppercase() && (before.is_lowercase() || ((before.is_uppercase() || before.is_numeric()) && next_is_lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let split = |identifier| split(text.get(identifier).unwrap()).into_iter().map(|piece| piece.text);
        let words: Vec<String> = identifiers(text).flat_map(split).collect();
        assert_eq!(words.join(" "), expect, "{text}");
    }

    #[test]
    fn identifiers_are_kept_whole_and_split() {
        check("HTTPCode_ELB_5XX_Count", "httpcodeelb5xxcount http code elb load balancer 5xx count");
        check("KubePodCrashLooping", "kubepodcrashlooping kubernetes pod crash looping");
        check("node_filesystem_avail_bytes", "nodefilesystemavailbytes node filesystem available bytes");
        check("checkout-api p99 > 500ms", "checkout api p99 500ms");
        check("TargetHTTP5xx", "targethttp5xx target http 5xx");
        check("EC2InstanceDown", "ec2instancedown ec2 instance down");
        check("S3Bucket4xxErrors", "s3bucket4xxerrors s3 bucket 4xx errors");
        check(
            "AWS/SQS ApproximateNumberOfMessagesVisible",
            "aws sqs approximatenumberofmessagesvisible approximate number of messages visible",
        );
        check("account 123456789012 code 503", "account code 503");
        check("__name__", "name");
        check("Überlauf größer", "überlauf größer");
        check("___ --- ...", "");
    }

    #[test]
    fn stop_words_are_in_order() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn abbreviations_are_written_out() {
        check("k8s OOMKilled", "kubernetes oomkilled oom out memory killed");
    }

    #[test]
    fn phrases_leave_whole_identifiers_out() {
        let text = "the KubePod is not ready";
        let found: Vec<String> =
            phrases(text, &Analyzer::new().words(text)).into_iter().map(|(stem, _)| stem).collect();
        assert_eq!(found, ["kubernet pod", "pod not", "not readi"]);
    }

    #[test]
    fn words_are_stemmed_and_stop_words_dropped() {
        let text = "the Pods are crashing";
        let found = terms(text, &Analyzer::new().words(text));
        assert_eq!(found, [("pod".to_owned(), "Pods".to_owned()), ("crash".to_owned(), "crashing".to_owned())]);
    }
}
