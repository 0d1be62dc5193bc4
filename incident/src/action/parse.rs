//! Reads `actions/*.toml`. Every mistake is told with file and line, all of a file at once, and a misspelt key with the
//! key that was probably meant. Nothing is guessed: a file with a mistake yields no action.

use super::plan::{has_hole, split_url};
use super::template::{LoneBrace, Piece, is_name, pieces};
use super::value::ALARM_FIELDS;
use super::{Action, Allow, Param, ParamKind, Pattern, Runner};
use crate::id::ActionId;
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A mistake in an action file. Prints as `actions/restart.toml:7: unknown key "timout"; did you mean "timeout"?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was passed in.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and, where it can be said, what to write instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// A title has to fit a line of a card.
const TITLE_CHARS_MAX: usize = 150;
/// Two sentences, perhaps with a command in them.
const DESCRIPTION_CHARS_MAX: usize = 600;
/// A longer form is not filled in at night.
const PARAMS_MAX: usize = 10;
/// A Slack menu shows a hundred.
const OPTIONS_MAX: usize = 100;
/// Nobody waits longer for a button; longer work belongs into a job that the action starts.
const TIMEOUT_MAX: TimeDelta = TimeDelta::hours(1);
/// What has not helped after a day has not helped.
const WATCH_MAX: TimeDelta = TimeDelta::hours(24);
const TIMEOUT_DEFAULT: TimeDelta = TimeDelta::seconds(60);
const WATCH_DEFAULT: TimeDelta = TimeDelta::minutes(5);

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// Headers that CatOps or HTTP itself sets.
const OWN_HEADERS: [&str; 6] =
    ["host", "content-length", "transfer-encoding", "connection", "idempotency-key", "x-catops-run"];
/// Headers whose value is a secret, which has no place in a file.
const SECRET_HEADERS: [&str; 5] = ["authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"];
/// Programs that read an argument as a program of their own.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "zsh", "ksh", "ash", "fish"];

const ACTION_KEYS: [&str; 11] = [
    "title",
    "description",
    "read_only",
    "undoes_changes",
    "confirm",
    "timeout",
    "watch",
    "undo",
    "allow",
    "runner",
    "params",
];

pub(super) fn catalogue<P: AsRef<str>, T: AsRef<str>>(files: &[(P, T)]) -> (BTreeMap<ActionId, Action>, Vec<Problem>) {
    let mut read: BTreeMap<ActionId, (Action, Source)> = BTreeMap::new();
    let mut problems = Vec::new();
    for (path, text) in files {
        let mut reader = Reader { path: path.as_ref(), text: text.as_ref(), problems: Vec::new(), lost_params: false };
        if let Some((action, undo_at)) = reader.action() {
            match read.get(&action.id) {
                Some((_, first)) => {
                    let message = format!("\"{}\" is already the action of {}", action.id, first.path);
                    reader.report(0, message);
                }
                None => {
                    let source = Source { path: reader.path.to_owned(), undo_line: reader.line(undo_at) };
                    read.insert(action.id.clone(), (action, source));
                }
            }
        }
        reader.problems.sort_by_key(|problem| problem.line);
        problems.append(&mut reader.problems);
    }
    drop_without_undo(&mut read, &mut problems);
    (read.into_iter().map(|(id, (action, _))| (id, action)).collect(), problems)
}

/// Where an action comes from, for problems that show only when all files are read.
struct Source {
    path: String,
    undo_line: usize,
}

/// Removes actions whose way back is not there, until every promise of an undo holds.
fn drop_without_undo(read: &mut BTreeMap<ActionId, (Action, Source)>, problems: &mut Vec<Problem>) {
    loop {
        let ids: BTreeSet<ActionId> = read.keys().cloned().collect();
        let before = read.len();
        read.retain(|_, (action, source)| {
            let Some(undo) = action.undo.as_ref().filter(|undo| !ids.contains(*undo)) else { return true };
            let near = nearest(undo.as_str(), ids.iter().map(ActionId::as_str));
            problems.push(Problem {
                path: source.path.clone(),
                line: source.undo_line,
                message: format!("undo names \"{undo}\", which is no usable action{}", did_you_mean(near)),
            });
            false
        });
        if read.len() == before {
            return;
        }
    }
}

/// One file while it is read.
struct Reader<'f> {
    path: &'f str,
    text: &'f str,
    problems: Vec<Problem>,
    /// A parameter could not be read: holes that name nothing may mean that one.
    lost_params: bool,
}

/// A table of the file and where it starts.
#[derive(Clone, Copy)]
struct Table<'t, 'f> {
    entries: &'t DeTable<'f>,
    at: usize,
}

/// A text of the file and where it stands.
#[derive(Clone, Copy)]
struct Text<'t> {
    text: &'t str,
    at: usize,
}

impl<'t, 'f> Table<'t, 'f> {
    fn get(self, key: &str) -> Option<&'t Spanned<DeValue<'f>>> {
        self.entries.get(key)
    }

    /// Where a key's value stands, or the table when it has none.
    fn at(self, key: &str) -> usize {
        self.get(key).map_or(self.at, |value| value.span().start)
    }
}

impl<'f> Reader<'f> {
    /// The line of a byte offset, from 1.
    fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    fn report(&mut self, at: usize, message: impl Into<String>) {
        let line = self.line(at);
        self.problems.push(Problem { path: self.path.to_owned(), line, message: message.into() });
    }

    /// The action and the place of its `undo`; `None` when anything was reported.
    fn action(&mut self) -> Option<(Action, usize)> {
        let id = self.id();
        let document = match DeTable::parse(self.text) {
            Ok(document) => document,
            Err(error) => {
                let message = error.message().replace('\n', "; ");
                self.report(error.span().map_or(0, |span| span.start), message);
                return None;
            }
        };
        let root = Table { entries: document.get_ref(), at: 0 };
        self.known(root, &ACTION_KEYS);
        let params = self.params(root);
        let names: BTreeSet<&str> = params.iter().map(|param| param.name.as_str()).collect();
        let title = self.required_text(root, "title", TITLE_CHARS_MAX);
        self.holes(title, &names);
        let confirm =
            self.text(root, "confirm").and_then(|text| self.bounded(text, "confirm", super::RENDERED_CHARS_MAX));
        if let Some(confirm) = confirm {
            self.holes(confirm, &names);
        }
        let description = self.required_text(root, "description", DESCRIPTION_CHARS_MAX);
        let action = Action {
            id,
            title: title.text.to_owned(),
            description: description.text.split_whitespace().collect::<Vec<_>>().join(" "),
            confirm: confirm.map(|text| text.text.to_owned()),
            timeout: self.duration(root, "timeout", TimeDelta::seconds(1), TIMEOUT_MAX).unwrap_or(TIMEOUT_DEFAULT),
            watch: self.duration(root, "watch", TimeDelta::seconds(10), WATCH_MAX).unwrap_or(WATCH_DEFAULT),
            undo: self.text(root, "undo").map(|text| ActionId::from(text.text)),
            read_only: self.boolean(root, "read_only").unwrap_or(false),
            undoes_changes: self.boolean(root, "undoes_changes").unwrap_or(false),
            allow: self.allow(root),
            runner: self.runner(root, &params)?,
            params,
        };
        self.problems.is_empty().then_some((action, root.at("undo")))
    }

    fn id(&mut self) -> ActionId {
        let file = self.path.rsplit(['/', '\\']).next().unwrap_or(self.path);
        let id = file.strip_suffix(".toml").unwrap_or(file);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if id.is_empty() || id.len() > 64 || id.starts_with('-') || !id.bytes().all(plain) {
            self.report(
                0,
                format!("the file name \"{id}\" is the action's id: a-z, 0-9 and \"-\", at most 64 characters"),
            );
        }
        ActionId::from(id)
    }

    fn allow(&mut self, root: Table<'_, 'f>) -> Allow {
        let everybody = root.get("allow").is_none_or(|allow| allow.get_ref().as_str() == Some("any-responder"));
        if everybody {
            return Allow::AnyResponder;
        }
        let names = match root.get("allow").filter(|allow| allow.get_ref().is_array()) {
            Some(_) => self.texts(root, "allow"),
            None => Vec::new(),
        };
        if names.is_empty() {
            self.report(root.at("allow"), "allow has to be \"any-responder\" or a list of people and schedules");
        }
        Allow::Only(names.into_iter().map(|name| name.text.to_owned()).collect())
    }
}

/// Parameters.
impl<'f> Reader<'f> {
    fn params(&mut self, root: Table<'_, 'f>) -> Vec<Param> {
        let Some(value) = root.get("params") else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.report(value.span().start, "params has to be written as [[params]]");
            return Vec::new();
        };
        if items.len() > PARAMS_MAX {
            self.report(value.span().start, format!("more than {PARAMS_MAX} parameters"));
        }
        let mut params: Vec<Param> = Vec::new();
        for item in items.iter() {
            let at = item.span().start;
            let Some(entries) = item.get_ref().as_table() else {
                self.report(at, "a parameter has to be a table, written as [[params]]");
                continue;
            };
            let Some(param) = self.param(Table { entries, at }) else {
                self.lost_params = true;
                continue;
            };
            if params.iter().any(|other| other.name == param.name) {
                self.report(at, format!("a second parameter with the name \"{}\"", param.name));
            }
            params.push(param);
        }
        params
    }

    fn param(&mut self, table: Table<'_, 'f>) -> Option<Param> {
        let name = self.required_text(table, "name", 40);
        if !name.text.is_empty() && !is_name(name.text) {
            self.report(name.at, format!("the name \"{}\" has to be a-z, 0-9 and \"_\", a letter first", name.text));
        }
        let title = self.required_text(table, "title", 48);
        let from = self.from(table);
        let kind = self.param_kind(table)?;
        let default = self.text(table, "default");
        let param = Param {
            name: name.text.to_owned(),
            title: title.text.to_owned(),
            kind,
            from,
            default: default.map(|text| text.text.to_owned()),
            required: self.boolean(table, "required").unwrap_or(true),
        };
        if let Some(default) = default
            && let Err(message) = param.check(default.text)
        {
            self.report(default.at, format!("the default of \"{}\" {message}", param.name));
        }
        Some(param)
    }

    fn param_kind(&mut self, table: Table<'_, 'f>) -> Option<ParamKind> {
        const SHARED: [&str; 6] = ["name", "title", "kind", "from", "default", "required"];
        let kind = self.required_text(table, "kind", 20);
        let own: &[&str] = match kind.text {
            "text" => &["pattern"],
            "integer" => &["min", "max"],
            "choice" => &["options"],
            "boolean" => &[],
            "" => return None,
            other => {
                let message = format!("unknown kind \"{other}\"; a parameter is text, integer, choice or boolean");
                self.report(kind.at, message);
                return None;
            }
        };
        self.known(table, &[&SHARED, own].concat());
        match kind.text {
            "text" => self.pattern(table),
            "integer" => {
                let (min, max) = (self.integer(table, "min")?, self.integer(table, "max")?);
                if min > max {
                    self.report(table.at("min"), format!("min {min} is above max {max}"));
                    return None;
                }
                Some(ParamKind::Integer { min, max })
            }
            "choice" => {
                let options: Vec<String> =
                    self.texts(table, "options").iter().map(|option| option.text.to_owned()).collect();
                if options.is_empty() || options.len() > OPTIONS_MAX {
                    self.report(table.at("options"), format!("options has to be a list of 1 to {OPTIONS_MAX} texts"));
                }
                Some(ParamKind::Choice { options })
            }
            _ => Some(ParamKind::Boolean),
        }
    }

    fn pattern(&mut self, table: Table<'_, 'f>) -> Option<ParamKind> {
        let Some(pattern) = self.text(table, "pattern") else {
            self.report(
                table.at,
                "a text needs a pattern that the whole value has to match, for example '[a-z0-9-]{1,64}'",
            );
            return None;
        };
        match Pattern::new(pattern.text) {
            Ok(pattern) => Some(ParamKind::Text { pattern }),
            Err(error) => {
                self.report(pattern.at, format!("pattern: {error}"));
                None
            }
        }
    }

    fn from(&mut self, table: Table<'_, 'f>) -> Vec<String> {
        let paths = match table.get("from").map(|from| from.get_ref().is_str()) {
            None => Vec::new(),
            Some(true) => self.text(table, "from").into_iter().collect(),
            Some(false) => self.texts(table, "from"),
        };
        for path in &paths {
            let label = path.text.strip_prefix("labels.").is_some_and(|label| !label.is_empty());
            if !label && !ALARM_FIELDS.contains(&path.text) {
                let hint = match nearest(path.text, ALARM_FIELDS) {
                    Some(near) => did_you_mean(Some(near)),
                    None => format!("; it has labels.<name>, {}", ALARM_FIELDS.join(", ")),
                };
                self.report(path.at, format!("an alarm has no \"{}\"{hint}", path.text));
            }
        }
        paths.into_iter().map(|path| path.text.to_owned()).collect()
    }
}

/// Runners.
impl<'f> Reader<'f> {
    fn runner(&mut self, root: Table<'_, 'f>, params: &[Param]) -> Option<Runner> {
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

/// Holes.
impl<'f> Reader<'f> {
    /// Reports braces that are no holes, and holes that no parameter fills.
    fn holes(&mut self, template: Text<'_>, names: &BTreeSet<&str>) {
        match pieces(template.text) {
            Err(LoneBrace(brace)) => {
                let message = format!("\"{brace}\" opens or closes no hole; write {brace}{brace} for a plain brace");
                self.report(template.at, message);
            }
            Ok(pieces) => {
                for piece in pieces {
                    let Piece::Hole(name) = piece else { continue };
                    if !names.contains(name) && !self.lost_params {
                        let near = did_you_mean(nearest(name, names.iter().copied()));
                        self.report(template.at, format!("no parameter is named \"{name}\"{near}"));
                    }
                }
            }
        }
    }

    /// Reports holes of parameters that may be absent, in a place that cannot be empty.
    fn always_filled(&mut self, template: Text<'_>, params: &[Param]) {
        for piece in pieces(template.text).unwrap_or_default() {
            let Piece::Hole(name) = piece else { continue };
            let may_be_absent = |param: &&Param| param.name == name && !param.required && param.default.is_none();
            if params.iter().find(may_be_absent).is_some() {
                let message = format!("\"{name}\" is needed here: make it required, or give it a default");
                self.report(template.at, message);
            }
        }
    }
}

/// Plain values.
impl<'f> Reader<'f> {
    fn known(&mut self, table: Table<'_, 'f>, keys: &[&str]) {
        for key in table.entries.keys() {
            let name: &str = key.get_ref();
            if !keys.contains(&name) {
                let hint = match nearest(name, keys.iter().copied()) {
                    Some(near) => did_you_mean(Some(near)),
                    None => format!("; known are {}", keys.join(", ")),
                };
                self.report(key.span().start, format!("unknown key \"{name}\"{hint}"));
            }
        }
    }

    fn text<'t>(&mut self, table: Table<'t, 'f>, key: &str) -> Option<Text<'t>> {
        let value = table.get(key)?;
        let at = value.span().start;
        match value.get_ref().as_str() {
            Some(text) => Some(Text { text, at }),
            None => {
                self.report(at, format!("{key} has to be a text in quotes"));
                None
            }
        }
    }

    /// A text that has to be there; empty when it was reported.
    fn required_text<'t>(&mut self, table: Table<'t, 'f>, key: &str, chars_max: usize) -> Text<'t> {
        let nothing = Text { text: "", at: table.at };
        if table.get(key).is_none() {
            self.report(table.at, format!("{key} is missing"));
            return nothing;
        }
        self.text(table, key).and_then(|text| self.bounded(text, key, chars_max)).unwrap_or(nothing)
    }

    fn bounded<'t>(&mut self, text: Text<'t>, key: &str, chars_max: usize) -> Option<Text<'t>> {
        if text.text.trim().is_empty() {
            self.report(text.at, format!("{key} is empty"));
            return None;
        }
        let chars = text.text.chars().count();
        if chars > chars_max {
            self.report(text.at, format!("{key} has {chars} characters; {chars_max} are shown at most"));
            return None;
        }
        Some(text)
    }

    fn texts<'t>(&mut self, table: Table<'t, 'f>, key: &str) -> Vec<Text<'t>> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let items = value.get_ref().as_array();
        let texts: Option<Vec<Text<'t>>> = items.and_then(|items| {
            items.iter().map(|item| Some(Text { text: item.get_ref().as_str()?, at: item.span().start })).collect()
        });
        texts.unwrap_or_else(|| {
            self.report(value.span().start, format!("{key} has to be a list of texts"));
            Vec::new()
        })
    }

    fn boolean(&mut self, table: Table<'_, 'f>, key: &str) -> Option<bool> {
        let value = table.get(key)?;
        let yes = value.get_ref().as_bool();
        if yes.is_none() {
            self.report(value.span().start, format!("{key} has to be true or false, without quotes"));
        }
        yes
    }

    fn integer(&mut self, table: Table<'_, 'f>, key: &str) -> Option<i64> {
        let number = table.get(key).and_then(|value| value.get_ref().as_integer());
        let number = number.and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        if number.is_none() {
            self.report(table.at(key), format!("an integer needs {key}, a whole number without quotes"));
        }
        number
    }

    fn duration(&mut self, table: Table<'_, 'f>, key: &str, min: TimeDelta, max: TimeDelta) -> Option<TimeDelta> {
        let text = self.text(table, key)?;
        let duration = parse_duration(text.text).filter(|duration| (min..=max).contains(duration));
        if duration.is_none() {
            let (from, to) = (min.num_seconds(), max.num_hours());
            self.report(
                text.at,
                format!("{key} has to be a duration from {from}s to {to}h, such as \"90s\" or \"5m\""),
            );
        }
        duration
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

/// `90s`, `5m`, `1h30m`, `1d`. Sums of numbers with a unit; `None` for anything else.
fn parse_duration(text: &str) -> Option<TimeDelta> {
    let mut total = TimeDelta::zero();
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit())?;
        let (number, unit) = rest.split_at(digits);
        let number: i64 = number.parse().ok()?;
        let mut after = unit.chars();
        total += match after.next()? {
            's' => TimeDelta::try_seconds(number)?,
            'm' => TimeDelta::try_minutes(number)?,
            'h' => TimeDelta::try_hours(number)?,
            'd' => TimeDelta::try_days(number)?,
            _ => return None,
        };
        rest = after.as_str();
    }
    Some(total)
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default()
}

/// The candidate that takes the fewest edits, when a third of the word is enough.
fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let edits_max = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (edits(word, candidate), candidate))
        .filter(|(edits, _)| *edits <= edits_max)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance.
fn edits(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (above, from) in left.chars().enumerate() {
        let mut diagonal = above;
        let mut last = above + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(right.chars()) {
            let replaced = diagonal + usize::from(from != to);
            diagonal = *cell;
            last = replaced.min(*cell + 1).min(last + 1);
            *cell = last;
        }
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
