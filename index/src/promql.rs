//! Query expressions to the words worth matching: metrics, recording rules, labels and their values.
//! Function names, keywords, durations and numbers are dropped: they stand in every expression and say nothing.
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
}
