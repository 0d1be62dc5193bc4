//! What is ranked: whole runbooks, and the sections of long ones. A manual that holds forty procedures is about none of
//! them as a whole, and a length norm would push it behind every small page.
//!
//! A runbook's score is that of its best unit. Texts only; it knows no weights and no index.

use crate::runbook::{Runbook, Section, file_name, is_fence};
use crate::words::{Analyzer, Word, lines, pair_lines};

/// Words from which a text is cut into its sections: few runbooks about one trouble are longer.
const WORDS_TO_CUT_MIN: usize = 400;
/// Sections shorter than this, in words, make no unit: a heading and a link say little.
const UNIT_WORDS_MIN: usize = 8;
/// Titles that say nothing by themselves; such a page is called by its folder as well.
const EMPTY_TITLES: [&str; 16] = [
    "alerts",
    "docs",
    "faq",
    "guide",
    "howto",
    "index",
    "operations",
    "overview",
    "playbook",
    "playbooks",
    "readme",
    "runbook",
    "runbooks",
    "troubleshooting",
    "troubleshoot",
    "support",
];

/// A whole runbook or a section of it, cut into words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unit<'a> {
    /// The heading; none for a whole runbook.
    pub(crate) heading: Option<String>,
    /// The runbook's title, and the heading.
    pub(crate) title: String,
    sections: &'a [Analyzed],
}

/// One section, cut into words once for all units that hold it. Stems stand one a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Analyzed {
    level: u8,
    heading: String,
    /// Words of prose, as spaces part them.
    words: usize,
    headings: String,
    prose: String,
    code: String,
    /// Two words that follow each other in the prose.
    pairs: String,
    stems: Vec<Word>,
    /// For each stem of the prose, the number of the word that it stands in.
    word_numbers: Vec<usize>,
}

impl Analyzed {
    fn of(section: &Section, analyzer: &mut Analyzer) -> Self {
        let (mut prose, mut code) = (String::new(), String::new());
        separate_code(&section.text, &mut prose, &mut code);
        let stems = analyzer.words(&prose);
        Self {
            level: section.level,
            heading: section.heading.clone(),
            words: prose.split_whitespace().count(),
            headings: lines(&analyzer.words(&section.heading)),
            prose: lines(&stems),
            code: lines(&analyzer.words(&code)),
            pairs: pair_lines(&stems),
            word_numbers: word_numbers(&prose, &stems),
            stems,
        }
    }

    /// All sections of a runbook.
    pub(crate) fn all_of(runbook: &Runbook, analyzer: &mut Analyzer) -> Vec<Self> {
        runbook.sections.iter().map(|section| Self::of(section, analyzer)).collect()
    }
}

/// Stems, one a line.
impl Unit<'_> {
    pub(crate) fn headings(&self) -> String {
        self.sections.iter().map(|section| section.headings.as_str()).collect()
    }

    pub(crate) fn prose(&self) -> String {
        self.sections.iter().map(|section| section.prose.as_str()).collect()
    }

    pub(crate) fn code(&self) -> String {
        self.sections.iter().map(|section| section.code.as_str()).collect()
    }

    /// Two words that follow each other, in all prose.
    pub(crate) fn pairs(&self) -> String {
        self.sections.iter().map(|section| section.pairs.as_str()).collect()
    }

    /// The first words of prose.
    pub(crate) fn lead(&self, words: usize) -> Vec<Word> {
        let mut lead = Vec::new();
        let mut before = 0;
        for section in self.sections {
            let inside = section.word_numbers.partition_point(|word| before + *word < words);
            lead.extend(section.stems.iter().take(inside).cloned());
            before += section.words;
            if before >= words {
                break;
            }
        }
        lead
    }
}

/// For each stem, the number of the word that it begins in.
fn word_numbers(text: &str, stems: &[Word]) -> Vec<usize> {
    let mut word = 0;
    let mut at = text.len() - text.trim_start().len();
    let number = |stem: &Word| {
        let between = text.get(at..stem.from).unwrap_or_default();
        let mut is_space = false;
        for c in between.chars() {
            word += usize::from(c.is_whitespace() && !is_space);
            is_space = c.is_whitespace();
        }
        at = stem.from.max(at);
        word
    };
    stems.iter().map(number).collect()
}

/// The units of a runbook, the whole first.
pub(crate) fn cut<'a>(runbook: &Runbook, sections: &'a [Analyzed]) -> Vec<Unit<'a>> {
    let title = title(runbook);
    let mut units = vec![Unit { heading: None, title: title.clone(), sections }];
    cut_sections(&title, sections, &mut units);
    units
}

/// The title to search: with folder and services where it is empty of meaning by itself.
fn title(runbook: &Runbook) -> String {
    let is_empty = runbook
        .title
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .all(|word| EMPTY_TITLES.contains(&word.to_lowercase().as_str()));
    if !is_empty {
        return runbook.title.clone();
    }
    let folder = runbook.id.as_str().strip_suffix(file_name(&runbook.id)).unwrap_or_default();
    let folder = folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    format!("{folder} {} {}", runbook.services.join(" "), runbook.title)
}

/// Adds a unit for each section of a long text, and for the sections of a long section.
fn cut_sections<'a>(title: &str, sections: &'a [Analyzed], units: &mut Vec<Unit<'a>>) {
    if words(sections) < WORDS_TO_CUT_MIN {
        return;
    }
    let Some(level) = level_to_cut(sections) else { return };
    let mut starts: Vec<usize> = (0..sections.len()).filter(|at| (1..=level).contains(&sections[*at].level)).collect();
    starts.push(sections.len());
    for pair in starts.windows(2) {
        let own = &sections[pair[0]..pair[1]];
        if own[0].level != level || words(own) < UNIT_WORDS_MIN {
            continue;
        }
        let heading = own[0].heading.clone();
        units.push(Unit { title: format!("{title}: {heading}"), heading: Some(heading), sections: own });
        cut_sections(title, &own[1..], units);
    }
}

/// The highest level of heading that stands there more than once.
fn level_to_cut(sections: &[Analyzed]) -> Option<u8> {
    (1..=6).find(|level| sections.iter().filter(|section| section.level == *level).count() > 1)
}

fn words(sections: &[Analyzed]) -> usize {
    sections.iter().map(|section| section.words).sum()
}

/// Fenced blocks are code; inline code is both, since sentences name metrics and services that way.
fn separate_code(markdown: &str, prose: &mut String, code: &mut String) {
    let mut fenced = false;
    for line in markdown.lines() {
        if is_fence(line) {
            fenced = !fenced;
            continue;
        }
        let target = if fenced { &mut *code } else { &mut *prose };
        target.push_str(line);
        target.push('\n');
        if !fenced {
            for inline in line.split('`').skip(1).step_by(2) {
                code.push_str(inline);
                code.push(' ');
            }
        }
    }
}
