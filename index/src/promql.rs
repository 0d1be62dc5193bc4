//! Query expressions to the words worth matching: metrics, recording rules, labels and their values; and, by themselves,
//! what they are compared with. Function names, keywords, durations and all other numbers are dropped: they say nothing.
//! It parses nothing and never fails: any text gives some words.

/// Words of the language itself that need not be followed by a parenthesis: keywords, and aggregations before `by`.
const KEYWORDS: [&str; 29] = [
    "and",
    "or",
    "unless",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "offset",
    "bool",
    "inf",
    "nan",
    "start",
    "end",
    "atan2",
    "sum",
    "avg",
    "min",
    "max",
    "count",
    "group",
    "topk",
    "bottomk",
    "quantile",
    "stddev",
    "stdvar",
    "count_values",
    "limitk",
];

/// Functions that answer when there is nothing.
const ABSENT: [&str; 2] = ["absent(", "absent_over_time("];
/// How a runbook says that nothing is left.
const NOTHING_LEFT: &str = "no not";
/// How far a number may be from a whole one, and be taken for it: 0.07 times 100 is not quite 7.
const WHOLE_WITHIN: f64 = 1e-6;
/// Larger numbers are bytes, or times since 1970; runbooks write them in another unit.
const THRESHOLD_MAX: f64 = 1000.0;

/// The metric and label identifiers of an expression and its quoted label values, separated by spaces.
pub(crate) fn identifiers(expression: &str) -> String {
    let mut kept = String::with_capacity(expression.len());
    let mut rest = expression.chars().peekable();
    while let Some(c) = rest.next() {
        if matches!(c, '"' | '\'' | '`') {
            while let Some(inner) = rest.next_if(|inner| *inner != c) {
                kept.push(if inner.is_alphanumeric() || matches!(inner, '_' | '-') { inner } else { ' ' });
            }
            rest.next();
            kept.push(' ');
        } else if c.is_alphabetic() || c == '_' {
            let mut word = String::from(c);
            while let Some(next) = rest.next_if(|next| next.is_alphanumeric() || *next == '_') {
                word.push(next);
            }
            while rest.next_if(|next| next.is_whitespace()).is_some() {}
            let is_function = rest.peek() == Some(&'(');
            if !is_function && !KEYWORDS.contains(&word.to_ascii_lowercase().as_str()) {
                kept.push_str(&word);
                kept.push(' ');
            }
        } else if c.is_numeric() {
            while rest.next_if(|next| next.is_alphanumeric() || *next == '.').is_some() {}
        }
    }
    kept
}

/// What the comparisons of an expression say, as runbooks write it: `> 0.75` is 75 (percent), `>= 3` is 3, and where nothing
/// is left (`== 0`, `absent(up)`) it is "no" and "not". Separated by spaces.
pub(crate) fn thresholds(expression: &str) -> String {
    let plain = without_texts(expression);
    let mut words: Vec<String> = Vec::new();
    if ABSENT.iter().any(|function| plain.contains(function)) {
        words.push(NOTHING_LEFT.to_owned());
    }
    let is_sign = |c: char| matches!(c, '<' | '>' | '=' | '!');
    let mut rest = plain.as_str();
    while let Some(at) = rest.find(is_sign) {
        let (_, from_sign) = rest.split_at(at);
        let (sign, after) = leading(from_sign, is_sign);
        rest = after.trim_start();
        rest = rest.strip_prefix("bool").map_or(rest, str::trim_start);
        words.extend(compared(sign, rest));
    }
    words.join(" ")
}

/// The wanted characters at the beginning of a text, and the rest.
fn leading(text: &str, is_wanted: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !is_wanted(c)).unwrap_or(text.len()))
}

/// The expression without quoted texts.
fn without_texts(expression: &str) -> String {
    let mut quote = None;
    let keep = |c: &char| match quote {
        Some(open) if open == *c => {
            quote = None;
            false
        }
        Some(_) => false,
        None if matches!(*c, '"' | '\'' | '`') => {
            quote = Some(*c);
            false
        }
        None => true,
    };
    expression.chars().filter(keep).collect()
}

/// The word for a comparison with the number at the beginning of a text, if there is one that runbooks would write.
fn compared(sign: &str, text: &str) -> Option<String> {
    let (digits, beyond) = leading(text, |c| c.is_ascii_digit() || c == '.');
    let is_duration = beyond.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '['));
    if is_duration || !matches!(sign, "<" | "<=" | ">" | ">=" | "==" | "!=") {
        return None;
    }
    let number: f64 = digits.parse().ok()?;
    if number == 0.0 {
        return matches!(sign, "==" | "<=").then(|| NOTHING_LEFT.to_owned());
    }
    let number = if number < 1.0 { number * 100.0 } else { number };
    let whole = number.round();
    ((number - whole).abs() < WHOLE_WITHIN && whole < THRESHOLD_MAX).then(|| format!("{whole}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expression: &str, expect: &str) {
        let words = identifiers(expression);
        assert_eq!(words.split_whitespace().collect::<Vec<_>>().join(" "), expect);
    }

    #[test]
    fn functions_keywords_and_numbers_are_dropped() {
        check("sum by (job) (rate(http_requests_total{code=~\"5..\"}[5m])) > 0.05", "job http_requests_total code 5");
        check(
            "histogram_quantile (0.99, apiserver_latency:p99) and on(instance) up == 1",
            "apiserver_latency p99 instance up",
        );
        check("AWS/SQS ApproximateNumberOfMessagesVisible", "AWS SQS ApproximateNumberOfMessagesVisible");
        check("kube_pod_status{reason!=\"CrashLoopBackOff\"} offset 5m", "kube_pod_status reason CrashLoopBackOff");
        check("\"never closed", "never closed");
        check("", "");
    }
    #[test]
    fn comparisons_are_said_as_runbooks_write_them() {
        #[track_caller]
        fn check(expression: &str, expect: &str) {
            assert_eq!(thresholds(expression), expect, "{expression}");
        }
        check("rate(errors[5m]) / rate(all[5m]) >0.07 and on() up != 1", "7 1");
        check("used / size >= bool 0.8 or (used{x=\"a > 5\",y!=''} - 3) > 12", "80 12");
        check("sum(up{job=\"api\"}) == 0", "no not");
        check("absent(up) or errors > 0", "no not");
        check("age > 30m or bytes > 5368709120 or load > 1.5 or lag > on() limit", "");
        check("> = < 5.5.5 == \"never closed > 7", "");
        check("größe > 90 ü", "90");
    }
}
