//! Text to search terms: identifiers are kept whole and split, words are stemmed, stop words dropped.
//! The same function serves runbooks and alarms, so that both sides always agree. It never fails on any text.

use std::ops::Range;
use tantivy::tokenizer::{Language, Stemmer, StopWordFilter, TextAnalyzer, Token, TokenStream, Tokenizer};

/// Longest term kept, in bytes: longer ones are digests, keys and encoded blobs.
const TERM_BYTES_MAX: usize = 64;
/// Longest number kept, in digits: status codes and percentiles help, account numbers and times do not.
const NUMBER_DIGITS_MAX: usize = 3;
/// Letters in front of a digit from which the two are split: `http5xx` is two words, `ec2` and `p99` are one.
const LETTERS_BEFORE_DIGIT_MIN: usize = 3;

/// One analyzer for runbooks and alarms.
pub(crate) fn analyzer() -> TextAnalyzer {
    let stop = StopWordFilter::new(Language::English).expect("tantivy has English stop words: the feature is on");
    TextAnalyzer::builder(Splitter).filter(stop).filter(Stemmer::new(Language::English)).build()
}

/// The terms of a text: the stem, and the word as it was written.
pub(crate) fn terms(analyzer: &mut TextAnalyzer, text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    analyzer.token_stream(text).process(&mut |token| {
        let written = text.get(token.offset_from..token.offset_to).unwrap_or(&token.text);
        found.push((token.text.clone(), written.to_owned()));
    });
    found
}

/// Every two words that follow each other, stems joined by a space, and as written. Whole identifiers are left out: their
/// parts follow each other already.
pub(crate) fn phrases(analyzer: &mut TextAnalyzer, text: &str) -> Vec<(String, String)> {
    let mut words: Vec<Token> = Vec::new();
    analyzer.token_stream(text).process(&mut |token| {
        if words
            .last()
            .is_some_and(|before| before.offset_from <= token.offset_from && token.offset_to <= before.offset_to)
        {
            words.pop();
        }
        words.push(token.clone());
    });
    let pair = |pair: &[Token]| match pair {
        [a, b] => {
            let written = text.get(a.offset_from..b.offset_to).unwrap_or_default();
            Some((format!("{} {}", a.text, b.text), written.to_owned()))
        }
        _ => None,
    };
    words.windows(2).filter_map(pair).collect()
}

/// Splits text into words and identifiers into their parts.
#[derive(Clone)]
pub(crate) struct Splitter;

/// The words of one text, in order.
pub(crate) struct Words {
    words: std::vec::IntoIter<Token>,
    current: Token,
}

impl Tokenizer for Splitter {
    type TokenStream<'a> = Words;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Words {
        Words { words: split(text).into_iter(), current: Token::default() }
    }
}

impl TokenStream for Words {
    fn advance(&mut self) -> bool {
        self.words.next().map(|token| self.current = token).is_some()
    }

    fn token(&self) -> &Token {
        &self.current
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.current
    }
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
    let parts = parts(text, range.clone());
    if parts.len() > 1 {
        push(text, range, tokens);
    }
    for part in parts {
        push(text, part, tokens);
    }
}

fn push(text: &str, range: Range<usize>, tokens: &mut Vec<Token>) {
    let written = text.get(range.clone()).unwrap_or_default();
    let word: String = written.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let long_number = digits == word.len() && digits > NUMBER_DIGITS_MAX;
    if word.is_empty() || word.len() > TERM_BYTES_MAX || long_number {
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
        check("HTTPCode_ELB_5XX_Count", "httpcodeelb5xxcount http code elb 5xx count");
        check("KubePodCrashLooping", "kubepodcrashlooping kube pod crash looping");
        check("node_filesystem_avail_bytes", "nodefilesystemavailbytes node filesystem avail bytes");
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
    fn words_are_stemmed_and_stop_words_dropped() {
        let found = terms(&mut analyzer(), "the Pods are crashing");
        assert_eq!(found, [("pod".to_owned(), "Pods".to_owned()), ("crash".to_owned(), "crashing".to_owned())]);
    }
}
