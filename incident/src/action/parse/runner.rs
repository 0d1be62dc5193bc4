//! Reads what an action runs: `[runner]`. What an alarm says fills holes, and never chooses a host, a program or a script.

use super::plain::{Reader, Table, Text};
use crate::action::plan::{has_hole, split_url};
use crate::action::{Param, Runner};
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;
use toml::de::DeValue;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// Headers that CatOps or HTTP itself sets.
const OWN_HEADERS: [&str; 6] =
    ["host", "content-length", "transfer-encoding", "connection", "idempotency-key", "x-catops-run"];
/// Headers whose value is a secret, which has no place in a file.
const SECRET_HEADERS: [&str; 5] = ["authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"];
/// Programs that read an argument as a program of their own.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "zsh", "ksh", "ash", "fish"];

impl<'f> Reader<'f> {
    pub(super) fn runner(&mut self, root: Table<'_, 'f>, params: &[Param]) -> Option<Runner> {
        let Some(entries) = root.get("runner").and_then(|runner| runner.get_ref().as_table()) else {
            self.report(root.at("runner"), "[runner] is missing: what does the action run?");
            return None;
        };
        let table = Table { entries, at: root.at("runner") };
        let kind = self.required_text(table, "kind", 20);
        match kind.text {
            "http" => self.http(table, params),
            "command" => self.command(table, params),
            "dry-run" => {
                self.known(table, &["kind"]);
                Some(Runner::DryRun)
            }
            "" => None,
            other => {
                self.report(kind.at, format!("unknown kind \"{other}\"; a runner is http, command or dry-run"));
                None
            }
        }
    }

    fn http(&mut self, table: Table<'_, 'f>, params: &[Param]) -> Option<Runner> {
        self.known(table, &["kind", "method", "url", "headers", "body", "expect"]);
        let method = self.required_text(table, "method", 10);
        if !method.text.is_empty() && !METHODS.contains(&method.text) {
            self.report(method.at, format!("method has to be one of {}", METHODS.join(", ")));
        }
        let url = self.required_text(table, "url", 2000);
        self.url(url, params);
        let body = table.get("body").map(|body| self.json(body, params));
        if method.text == "GET" && body.is_some() {
            self.report(table.at("body"), "GET has no body");
        }
        Some(Runner::Http {
            method: method.text.to_owned(),
            url: url.text.to_owned(),
            headers: self.headers(table),
            body,
            expect_status: self.expect(table),
        })
    }

    fn url(&mut self, url: Text<'_>, params: &[Param]) {
        if url.text.is_empty() {
            return;
        }
        self.holes(url, &names(params));
        let base = split_url(url.text);
        let Some((_, path, _)) = base.filter(|(base, ..)| is_base(base)) else {
            let message = if base.is_some_and(|(base, ..)| base.contains('{')) {
                "no hole before the path: an alarm must not choose the host"
            } else {
                "url has to be https://host/path, without user, spaces or \"\\\""
            };
            return self.report(url.at, message);
        };
        if url.text.contains('#') || url.text.contains('\\') || url.text.contains(char::is_whitespace) {
            self.report(url.at, "url has a \"#\", a \"\\\" or a space; percent-encode it");
        }
        // A query may have an empty value, a path segment may not.
        self.always_filled(Text { text: path, at: url.at }, params);
    }

    fn headers(&mut self, table: Table<'_, 'f>) -> BTreeMap<String, String> {
        let Some(value) = table.get("headers") else { return BTreeMap::new() };
        let at = value.span().start;
        let Some(entries) = value.get_ref().as_table() else {
            self.report(at, "headers has to be a table: { Authorization = \"env:OPS_TOKEN\" }");
            return BTreeMap::new();
        };
        let headers = Table { entries, at };
        let mut read = BTreeMap::new();
        for name in entries.keys().map(|name| name.get_ref().as_ref()) {
            let Some(value) = self.text(headers, name) else { continue };
            if let Some(message) = header_mistake(name, value.text) {
                self.report(value.at, message);
            }
            read.insert(name.to_owned(), value.text.to_owned());
        }
        read
    }

    /// `"200-299"`, `"204"` or `204`.
    fn expect(&mut self, table: Table<'_, 'f>) -> (u16, u16) {
        let text = match table.get("expect").map(|expect| expect.get_ref()) {
            None => return (200, 299),
            Some(DeValue::Integer(number)) => number.as_str(),
            Some(DeValue::String(text)) => text,
            Some(_) => "",
        };
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        match (from.trim().parse::<u16>(), to.trim().parse::<u16>()) {
            (Ok(from), Ok(to)) if (100..=599).contains(&from) && (from..=599).contains(&to) => (from, to),
            _ => {
                self.report(table.at("expect"), "expect has to be a status or a range: \"200-299\"");
                (200, 299)
            }
        }
    }

    /// A body as JSON, the holes of its strings checked.
    fn json(&mut self, value: &Spanned<DeValue<'f>>, params: &[Param]) -> serde_json::Value {
        use serde_json::Value as Json;
        let at = value.span().start;
        match value.get_ref() {
            DeValue::String(text) => {
                self.holes(Text { text, at }, &names(params));
                Json::from(text.as_ref())
            }
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Json::from(number),
                Err(_) => {
                    self.report(at, "the number is too large");
                    Json::Null
                }
            },
            DeValue::Float(number) => Json::from(number.as_str().parse::<f64>().unwrap_or_default()),
            DeValue::Boolean(yes) => Json::from(*yes),
            DeValue::Datetime(instant) => Json::from(instant.to_string()),
            DeValue::Array(items) => items.iter().map(|item| self.json(item, params)).collect(),
            DeValue::Table(fields) => fields
                .iter()
                .map(|(key, field)| {
                    if has_hole(key.get_ref()) {
                        self.report(key.span().start, "no hole in a key of the body; only its texts have holes");
                    }
                    (key.get_ref().to_string(), self.json(field, params))
                })
                .collect(),
        }
    }

    fn command(&mut self, table: Table<'_, 'f>, params: &[Param]) -> Option<Runner> {
        self.known(table, &["kind", "argv", "env"]);
        let argv = self.texts(table, "argv");
        let Some(program) = argv.first().copied() else {
            self.report(table.at("argv"), "argv has to be a list: the program and its arguments");
            return None;
        };
        if program.text.is_empty() || program.text.contains(['{', '}']) {
            self.report(program.at, "the program itself must not be filled in by an alarm");
        }
        for argument in &argv {
            self.holes(*argument, &names(params));
            self.always_filled(*argument, params);
            if argument.text.contains('\0') {
                self.report(argument.at, "an argument cannot hold a NUL character");
            }
        }
        if let Some(script) = script_with_hole(&argv) {
            let message = "a shell would run what stands in this hole; pass the value behind the script: \
                           [\"sh\", \"-c\", \"... \\\"$1\\\"\", \"sh\", \"{name}\"]";
            self.report(script.at, message);
        }
        let env = self.texts(table, "env");
        for name in &env {
            if !is_variable(name.text) {
                self.report(name.at, format!("\"{}\" is no name of a variable", name.text));
            }
        }
        let owned = |texts: &[Text<'_>]| texts.iter().map(|text| text.text.to_owned()).collect();
        Some(Runner::Command { argv: owned(&argv), env: owned(&env) })
    }
}

fn names(params: &[Param]) -> BTreeSet<&str> {
    params.iter().map(|param| param.name.as_str()).collect()
}
/// `http://` or `https://` and a plain host, perhaps with a port.
fn is_base(base: &str) -> bool {
    let host = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://")).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    !host.is_empty() && !host.starts_with(':') && host.bytes().all(plain)
}

fn header_mistake(name: &str, value: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
        return Some(format!("\"{name}\" is no name of a header"));
    }
    if OWN_HEADERS.contains(&lower.as_str()) {
        return Some(format!("{name} is set by CatOps"));
    }
    if has_hole(value) || value.chars().any(char::is_control) {
        return Some(format!(
            "{name} has a hole or a control character; values go into the path, the query or the body"
        ));
    }
    match value.strip_prefix("env:") {
        Some(variable) if is_variable(variable) => None,
        Some(variable) => Some(format!("\"{variable}\" is no name of a variable")),
        None if SECRET_HEADERS.contains(&lower.as_str()) => {
            Some(format!("{name} is a secret: write \"env:NAME\" and set the variable NAME where CatOps runs"))
        }
        None => None,
    }
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The script of `sh -c SCRIPT` when it has a hole, also behind `sudo`, `env` or `kubectl exec --`.
fn script_with_hole<'t>(argv: &[Text<'t>]) -> Option<Text<'t>> {
    let is_shell = |text: &Text<'_>| SHELLS.contains(&text.text.rsplit('/').next().unwrap_or_default());
    let is_option = |text: &Text<'_>| text.text.starts_with('-');
    let takes_script = |text: &Text<'_>| is_option(text) && !text.text.starts_with("--") && text.text.contains('c');
    let after_shell = argv.get(argv.iter().position(is_shell)? + 1..)?;
    let after_option = after_shell.get(after_shell.iter().position(takes_script)? + 1..)?;
    let script = after_option.iter().find(|text| !is_option(text))?;
    has_hole(script.text).then_some(*script)
}
