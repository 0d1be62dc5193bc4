//! Text to search terms: identifiers are kept whole and split, words are stemmed, stop words dropped.
//! The same function serves runbooks and alarms, so that both sides always agree. It never fails on any text.

use crate::synonyms;
use std::collections::HashMap;
use std::ops::Range;
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

/// Cuts texts into words; one serves many texts, since it keeps the stems that it has found.
pub(crate) struct Analyzer {
    stemmer: TextAnalyzer,
    /// Stems by word; none for stop words.
    stems: HashMap<String, Option<String>>,
}

impl Analyzer {
    pub(crate) fn new() -> Self {
        let stemmer = TextAnalyzer::builder(RawTokenizer::default()).filter(Stemmer::new(Language::English)).build();
        Self { stemmer, stems: HashMap::new() }
    }

    /// The words of a text, as stems, in order.
    pub(crate) fn tokens(&mut self, text: &str) -> Vec<Token> {
        let mut tokens = split(text);
        tokens.retain_mut(|token| match self.stem(&token.text) {
            Some(stem) => {
                if token.text != *stem {
                    token.text.clone_from(stem);
                }
                true
            }
            None => false,
        });
        tokens
    }

    fn stem(&mut self, word: &str) -> Option<&String> {
        if !self.stems.contains_key(word) {
            let mut stem = None;
            if STOP_WORDS.binary_search(&word).is_err() {
                self.stemmer.token_stream(word).process(&mut |token| stem = Some(token.text.clone()));
            }
            self.stems.insert(word.to_owned(), stem);
        }
        self.stems.get(word).and_then(Option::as_ref)
    }
}

/// The stems of tokens, one a line: what [`Lines`] reads.
pub(crate) fn lines(tokens: &[Token]) -> String {
    let mut lines = String::with_capacity(tokens.iter().map(|token| token.text.len() + 1).sum());
    for token in tokens {
        lines.push_str(&token.text);
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
pub(crate) fn terms(text: &str, tokens: &[Token]) -> Vec<(String, String)> {
    let written = |token: &Token| text.get(token.offset_from..token.offset_to).unwrap_or(&token.text).to_owned();
    tokens.iter().map(|token| (token.text.clone(), written(token))).collect()
}

/// The same for phrases.
pub(crate) fn phrases(text: &str, tokens: &[Token]) -> Vec<(String, String)> {
    let phrase = |(a, b): (&Token, &Token)| {
        let written = text.get(a.offset_from..b.offset_to).unwrap_or_default().to_owned();
        ([a.text.as_str(), b.text.as_str()].join(" "), written)
    };
    pairs(tokens).map(phrase).collect()
}

/// The phrases of tokens, one a line, stems joined by a space.
pub(crate) fn pair_lines(tokens: &[Token]) -> String {
    let mut lines = String::with_capacity(tokens.iter().map(|token| 2 * token.text.len() + 2).sum());
    for (a, b) in pairs(tokens) {
        for piece in [&a.text, " ", &b.text, "\n"] {
            lines.push_str(piece);
        }
    }
    lines
}

/// Every two words that follow each other. Whole identifiers are left out: their parts follow each other already.
fn pairs(tokens: &[Token]) -> impl Iterator<Item = (&Token, &Token)> {
    // Two words in place of an abbreviation stand at the same place; neither is the whole of the other.
    let holds = |whole: &Token, part: &Token| {
        let (outer, inner) = (whole.offset_from..whole.offset_to, part.offset_from..part.offset_to);
        outer != inner && outer.start <= inner.start && inner.end <= outer.end
    };
    let is_whole = move |place: usize| tokens.get(place + 1).is_some_and(|next| holds(&tokens[place], next));
    let words = (0..tokens.len()).filter(move |place| !is_whole(*place)).map(|place| &tokens[place]);
    let mut before = None;
    words.filter_map(move |token| before.replace(token).map(|before| (before, token)))
}

/// Every word, and every identifier both whole and in parts: `HTTPCode_ELB_5XX` gives
/// `httpcodeelb5xx`, `http`, `code`, `elb`, `5xx`.
fn split(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let inside = c.is_alphanumeric() || c == '_';
        match start {
            None if inside => start = Some(at),
            Some(from) if !inside => {
                push_identifier(text, from..at, &mut tokens);
                start = None;
            }
            None | Some(_) => {}
        }
    }
    tokens
}

fn push_identifier(text: &str, range: Range<usize>, tokens: &mut Vec<Token>) {
    let is_plain = |text: &str| text.bytes().skip(1).all(|byte| byte.is_ascii_lowercase()) && text.is_ascii();
    if text.get(range.clone()).is_some_and(is_plain) {
        return push(text, range, tokens);
    }
    let parts = parts(text, range.clone());
    if parts.len() > 1 {
        push(text, range, tokens);
    }
    for part in parts {
        push(text, part, tokens);
    }
}

fn push(text: &str, range: Range<usize>, tokens: &mut Vec<Token>) {
    let from = tokens.len();
    push_word(text, range, tokens);
    let Some(token) = tokens.get(from).cloned() else { return };
    let Some(others) = synonyms::of(&token.text) else { return };
    tokens.pop();
    tokens.extend(others.iter().map(|other| Token { text: other.clone(), ..token.clone() }));
}

fn push_word(text: &str, range: Range<usize>, tokens: &mut Vec<Token>) {
    let written = text.get(range.clone()).unwrap_or_default();
    let word: String = written.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let long_number = digits == word.len() && digits > NUMBER_DIGITS_MAX;
    let is_letter = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    if word.is_empty() || is_letter || word.len() > TERM_BYTES_MAX || long_number {
        return;
    }
    let position = tokens.len();
    tokens.push(Token { offset_from: range.start, offset_to: range.end, position, text: word, position_length: 1 });
}

/// The parts of one identifier: at `_`, where case changes, and between a word and a number.
fn parts(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let chars: Vec<(usize, char)> = text.get(range.clone()).unwrap_or_default().char_indices().collect();
    let mut parts = Vec::new();
    let mut start = 0;
    for i in 1..=chars.len() {
        let boundary = i == chars.len() || starts_part(&chars, start, i);
        if boundary {
            let from = chars.get(start).map_or(0, |(at, _)| *at);
            let to = chars.get(i).map_or(range.len(), |(at, _)| *at);
            let part = range.start + from..range.start + to;
            if text.get(part.clone()).is_some_and(|part| part.chars().any(|c| c != '_')) {
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
        let words: Vec<String> = split(text).into_iter().map(|token| token.text).collect();
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
            phrases(text, &Analyzer::new().tokens(text)).into_iter().map(|(stem, _)| stem).collect();
        assert_eq!(found, ["kubernet pod", "pod not", "not readi"]);
    }

    #[test]
    fn words_are_stemmed_and_stop_words_dropped() {
        let text = "the Pods are crashing";
        let found = terms(text, &Analyzer::new().tokens(text));
        assert_eq!(found, [("pod".to_owned(), "Pods".to_owned()), ("crash".to_owned(), "crashing".to_owned())]);
    }
}
