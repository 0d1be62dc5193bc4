//! The optional head of a runbook: TOML between `+++` lines, or simple YAML between `---` lines.
//! Of YAML it takes `key: value`, `key: [a, b]` and `- item` lists; keys it does not know are left alone, so that pages
//! written for a site generator need no change.

use serde::Deserialize;

/// What a runbook may declare.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FrontMatter {
    pub(crate) title: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) services: Vec<String>,
    pub(crate) alarms: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) actions: Vec<String>,
}

/// What is wrong, and in which line of the file (from 1).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// Takes the front matter off: what it declares, and the rest of the text.
pub(crate) fn split(text: &str) -> Result<(FrontMatter, &str), Broken> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let fence = text.lines().next().unwrap_or_default().trim_end();
    if !matches!(fence, "+++" | "---") {
        return Ok((FrontMatter::default(), text));
    }
    let mut head_end = 0;
    let mut rest_start = None;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if number > 0 && line.trim_end() == fence {
            rest_start = Some(head_end + line.len());
            break;
        }
        head_end += line.len();
    }
    let head_start = text.find('\n').map_or(text.len(), |at| at + 1);
    let Some(rest_start) = rest_start else {
        return Err(Broken {
            line: 1,
            message: format!("front matter is never closed; add a line `{fence}` after it"),
        });
    };
    let head = text.get(head_start..head_end).unwrap_or_default();
    let rest = text.get(rest_start..).unwrap_or_default();
    let declared = if fence == "+++" { from_toml(head)? } else { from_simple_yaml(head)? };
    Ok((declared, rest))
}

fn from_toml(head: &str) -> Result<FrontMatter, Broken> {
    toml::from_str(head).map_err(|error| {
        let before = error.span().and_then(|span| head.get(..span.start)).unwrap_or_default();
        // The fence is line 1 of the file, so the head's first line is 2.
        Broken { line: 2 + before.matches('\n').count(), message: error.message().to_owned() }
    })
}

fn from_simple_yaml(head: &str) -> Result<FrontMatter, Broken> {
    let mut declared = FrontMatter::default();
    let mut open_list = None;
    for (number, line) in head.lines().enumerate() {
        let broken = |message: &str| Broken { line: number + 2, message: message.to_owned() };
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if let Some(item) = content.strip_prefix("- ") {
            match open_list.as_deref().and_then(|key| declared.list(key)) {
                Some(list) => list.push(unquoted(item)),
                None if open_list.is_some() => {}
                None => return Err(broken("a list item without a key before it; write `key:` above")),
            }
            continue;
        }
        if line.starts_with(char::is_whitespace) {
            continue; // Nested values belong to keys that are not ours.
        }
        let Some((key, value)) = content.split_once(':') else {
            return Err(broken("expected `key: value`, `key: [a, b]` or `- item`"));
        };
        declared.set(key.trim(), value.trim()).map_err(|message| broken(&message))?;
        open_list = value.trim().is_empty().then(|| key.trim().to_owned());
    }
    Ok(declared)
}

impl FrontMatter {
    fn list(&mut self, key: &str) -> Option<&mut Vec<String>> {
        match key {
            "aliases" => Some(&mut self.aliases),
            "services" => Some(&mut self.services),
            "alarms" => Some(&mut self.alarms),
            "tags" => Some(&mut self.tags),
            "actions" => Some(&mut self.actions),
            _ => None,
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "title" => self.title = Some(unquoted(value)),
            "owner" => self.owner = Some(unquoted(value)),
            _ => {
                let Some(list) = self.list(key) else { return Ok(()) };
                *list = match value.strip_prefix('[') {
                    Some(inner) => {
                        let inner =
                            inner.strip_suffix(']').ok_or(format!("the list of `{key}` is not closed by `]`"))?;
                        inner.split(',').map(unquoted).filter(|item| !item.is_empty()).collect()
                    }
                    None if value.is_empty() => Vec::new(),
                    None => vec![unquoted(value)],
                };
            }
        }
        Ok(())
    }
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    let inner = |quote: char| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value).to_owned()
}
