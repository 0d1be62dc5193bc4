//! The parts of a runbook that are searched by themselves, and what each holds.

use crate::runbook::Runbook;
use crate::units::Unit;
use crate::weights::RunbookWeights;
use crate::words::{Analyzer, Word, lines, pair_lines};

/// A part of a runbook that is searched by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Title,
    Aliases,
    Services,
    Alarms,
    Tags,
    Path,
    Headings,
    Lead,
    Code,
    Body,
    Phrases,
    Pairs,
}

impl Part {
    pub(crate) const ALL: [Self; 12] = [
        Self::Title,
        Self::Aliases,
        Self::Services,
        Self::Alarms,
        Self::Tags,
        Self::Path,
        Self::Headings,
        Self::Lead,
        Self::Code,
        Self::Body,
        Self::Phrases,
        Self::Pairs,
    ];

    /// True for parts whose terms are two words that follow each other.
    pub(crate) const fn holds_phrases(self) -> bool {
        matches!(self, Self::Phrases | Self::Pairs)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Aliases => "aliases",
            Self::Services => "services",
            Self::Alarms => "alarms",
            Self::Tags => "tags",
            Self::Path => "path",
            Self::Headings => "headings",
            Self::Lead => "lead",
            Self::Code => "code",
            Self::Body => "body",
            Self::Phrases => "phrases",
            Self::Pairs => "pairs",
        }
    }

    pub(crate) const fn weight(self, weights: &RunbookWeights) -> f32 {
        match self {
            Self::Title => weights.title,
            Self::Aliases => weights.aliases,
            Self::Services => weights.services,
            Self::Alarms => weights.alarms,
            Self::Tags => weights.tags,
            Self::Path => weights.path,
            Self::Headings => weights.headings,
            Self::Lead => weights.lead,
            Self::Code => weights.code,
            Self::Body => weights.body,
            Self::Phrases => weights.phrases,
            Self::Pairs => weights.pairs,
        }
    }

    /// Its stems in a unit, one a line.
    pub(crate) fn stems(self, unit: &Unit, cut: &Cut) -> String {
        match self {
            Self::Aliases => cut.declared.aliases.clone(),
            Self::Services => cut.declared.services.clone(),
            Self::Alarms => cut.declared.alarms.clone(),
            Self::Tags => cut.declared.tags.clone(),
            Self::Path => cut.declared.path.clone(),
            Self::Title => lines(&cut.title),
            Self::Headings => unit.headings(),
            Self::Lead => lines(&cut.lead),
            Self::Code => unit.code(),
            Self::Body => unit.prose(),
            Self::Pairs => unit.pairs(),
            Self::Phrases => pair_lines(&cut.title) + &pair_lines(&cut.lead),
        }
    }
}

/// What all units of a runbook say alike, stems one a line.
pub(crate) struct Declared {
    aliases: String,
    services: String,
    alarms: String,
    tags: String,
    path: String,
}

impl Declared {
    pub(crate) fn of(runbook: &Runbook, analyzer: &mut Analyzer) -> Self {
        let mut stems = |text: &str| lines(&analyzer.words(text));
        Self {
            aliases: stems(&runbook.aliases.join("\n")),
            services: stems(&runbook.services.join("\n")),
            alarms: stems(&runbook.alarms.join("\n")),
            tags: stems(&runbook.tags.join("\n")),
            path: stems(runbook.id.as_str()),
        }
    }
}

/// The words of a unit that stand in several of its parts.
pub(crate) struct Cut<'a> {
    pub(crate) declared: &'a Declared,
    pub(crate) title: Vec<Word>,
    pub(crate) lead: Vec<Word>,
}
