//! The parts of a runbook that are searched by themselves, and what each holds.

use crate::runbook::Runbook;
use crate::units::Unit;
use crate::weights::RunbookWeights;
use crate::words::{Analyzer, lines, pair_lines};

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

    /// Its stems in a unit of this runbook, one a line.
    pub(crate) fn stems(self, runbook: &Runbook, unit: &Unit, lead_words: usize, analyzer: &mut Analyzer) -> String {
        let mut declared = |texts: &[String]| lines(&analyzer.tokens(&texts.join("\n")));
        match self {
            Self::Aliases => declared(&runbook.aliases),
            Self::Services => declared(&runbook.services),
            Self::Alarms => declared(&runbook.alarms),
            Self::Tags => declared(&runbook.tags),
            Self::Title => lines(&analyzer.tokens(&unit.title)),
            Self::Path => lines(&analyzer.tokens(runbook.id.as_str())),
            Self::Headings => unit.headings(),
            Self::Lead => lines(&unit.lead(lead_words)),
            Self::Code => unit.code(),
            Self::Body => unit.prose(),
            Self::Pairs => unit.pairs(),
            Self::Phrases => {
                let title = pair_lines(&analyzer.tokens(&unit.title));
                title + &pair_lines(&unit.lead(lead_words))
            }
        }
    }
}
