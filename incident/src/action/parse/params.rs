//! Reads the parameters of an action: `[[params]]`.

use super::plain::{Reader, Table, did_you_mean, nearest};
use crate::action::template::is_name;
use crate::action::value::ALARM_FIELDS;
use crate::action::{Param, ParamKind, Pattern};

/// A longer form is not filled in at night.
const PARAMS_MAX: usize = 10;
/// A Slack menu shows a hundred.
const OPTIONS_MAX: usize = 100;

impl<'f> Reader<'f> {
    pub(super) fn params(&mut self, root: Table<'_, 'f>) -> Vec<Param> {
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
