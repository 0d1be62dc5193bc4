//! A runbook: one Markdown file, with what its front matter declares and its sections by heading.
//! It is read leniently: any text is a runbook; only a front matter that cannot be read is a [`Problem`].

use crate::front_matter;
use incident::{ActionId, RunbookId};
use serde::{Deserialize, Serialize};

/// A runbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runbook {
    /// The file's name below the runbooks folder, without `.md`.
    pub id: RunbookId,
    /// Where it was read from, for messages and links.
    pub path: String,
    /// Declared, else the first `#` heading, else the file name with spaces.
    pub title: String,
    /// Other names that people know it by.
    pub aliases: Vec<String>,
    /// Services it is about.
    pub services: Vec<String>,
    /// Alarm names it is for; `*` and `?` fit anything and any one character, case does not count.
    pub alarms: Vec<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// Actions that it offers, the most likely first.
    pub actions: Vec<ActionId>,
    /// Who keeps it up to date.
    pub owner: Option<String>,
    /// The text by heading, in order; the first may have no heading. A baked index leaves it in its file.
    #[serde(skip)]
    pub sections: Vec<Section>,
}

/// A part of a runbook under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading's text; empty for what stands before the first heading.
    pub heading: String,
    /// 1 to 6; 0 for what stands before the first heading.
    pub level: u8,
    /// The Markdown below the heading, up to the next one.
    pub text: String,
}

/// Why a file could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{path}:{line}: {message}")]
pub struct Problem {
    /// The file.
    pub path: String,
    /// The line, from 1; 0 when it is about the whole file.
    pub line: usize,
    /// What is wrong, and what to do about it.
    pub message: String,
}

impl Runbook {
    /// Reads a runbook.
    ///
    /// # Errors
    /// A [`Problem`] when the front matter is not closed or not readable.
    pub fn parse(id: RunbookId, path: &str, text: &str) -> Result<Self, Problem> {
        let (declared, body) = front_matter::split(text).map_err(|broken| Problem {
            path: path.to_owned(),
            line: broken.line,
            message: broken.message,
        })?;
        let sections = sections(body);
        let first_heading = sections.iter().find(|section| section.level == 1 && !section.heading.is_empty());
        let title = declared
            .title
            .filter(|title| !title.trim().is_empty())
            .or_else(|| first_heading.map(|section| section.heading.clone()))
            .unwrap_or_else(|| file_name(&id).replace(['-', '_'], " "));
        Ok(Self {
            id,
            path: path.to_owned(),
            title,
            aliases: declared.aliases,
            services: declared.services,
            alarms: declared.alarms,
            tags: declared.tags,
            actions: declared.actions.into_iter().map(ActionId).collect(),
            owner: declared.owner,
            sections,
        })
    }
}

/// The last part of the id.
pub(crate) fn file_name(id: &RunbookId) -> &str {
    id.as_str().rsplit('/').next().unwrap_or_default()
}

/// Cuts Markdown at its headings; a `#` inside a fenced block is a comment, not a heading.
fn sections(body: &str) -> Vec<Section> {
    let mut sections = vec![Section { heading: String::new(), level: 0, text: String::new() }];
    let mut fenced = false;
    for line in body.lines() {
        fenced ^= is_fence(line);
        match heading(line).filter(|_| !fenced) {
            Some((level, heading)) => {
                sections.push(Section { heading: heading.to_owned(), level, text: String::new() });
            }
            None => {
                if let Some(section) = sections.last_mut() {
                    section.text.push_str(line);
                    section.text.push('\n');
                }
            }
        }
    }
    sections.retain(|section| section.level > 0 || !section.text.trim().is_empty());
    // They stay as long as the process: what a text grew by while it was put together is half of it.
    sections.iter_mut().for_each(|section| section.text.shrink_to_fit());
    sections.shrink_to_fit();
    sections
}

/// True for a line that opens or closes a code block.
pub(crate) fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

fn heading(line: &str) -> Option<(u8, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let text = line.get(level..)?;
    let is_heading = (1..=6).contains(&level) && (text.is_empty() || text.starts_with([' ', '\t']));
    is_heading.then(|| (u8::try_from(level).unwrap_or(6), text.trim().trim_end_matches('#').trim_matches(['`', ' '])))
}
