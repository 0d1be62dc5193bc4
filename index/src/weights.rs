//! The numbers behind the ranking, read from `weights.toml`, which says where each comes from.

use serde::Deserialize;

/// All weights of the ranking. Scores have no unit; only their order and the bar in `suggest` give them meaning.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// How much a term counts by where the alarm says it.
    pub alarm: AlarmWeights,
    /// How much a term counts by where the runbook says it.
    pub runbook: RunbookWeights,
    /// Additions that are not about single terms.
    pub bonus: BonusWeights,
    /// The shape of the term score (BM25).
    pub shape: Shape,
    /// What a hit's confidence is made of.
    pub confidence: ConfidenceWeights,
}

/// Weight of a term by the alarm's part it stands in.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmWeights {
    /// The alarm's title.
    pub name: f32,
    /// Its summary.
    pub summary: f32,
    /// The label `description`.
    pub description: f32,
    /// The label `expr`, reduced to its identifiers.
    pub expr: f32,
    /// What the query compares with: percents, counts, and that nothing is left.
    pub threshold: f32,
    /// Values of all other labels, the resource and the service.
    pub labels: f32,
    /// What words that stand in most alarms, such as "minutes" or "detected", keep of their weight.
    pub filler: f32,
    /// What numbers gain: siblings differ by little more than 75 and 85 percent.
    pub number: f32,
    /// Share of its weight that a term gains again from each further part that repeats it, 0 to 1.
    pub repeat: f32,
}

/// Weight of a term by the runbook's part it stands in.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunbookWeights {
    /// The title.
    pub title: f32,
    /// Front matter `aliases`.
    pub aliases: f32,
    /// Front matter `services`.
    pub services: f32,
    /// Front matter `alarms`.
    pub alarms: f32,
    /// Front matter `tags`.
    pub tags: f32,
    /// The path without its ending.
    pub path: f32,
    /// All headings.
    pub headings: f32,
    /// The first words of the prose.
    pub lead: f32,
    /// Two words that follow each other in the title or the lead.
    pub phrases: f32,
    /// The same of the whole prose.
    pub pairs: f32,
    /// Code blocks and inline code.
    pub code: f32,
    /// The prose, the lead included.
    pub body: f32,
}

/// Additions that are not about single terms, as parts of the best word score of the search.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BonusWeights {
    /// The alarm's name is the runbook's title, alias or file name, written the same but for case and separators.
    pub exact_name: f32,
    /// Front matter `alarms` names the alarm, or a pattern there fits it.
    pub declared_alarm: f32,
    /// Front matter `services` names the alarm's service.
    pub declared_service: f32,
    /// The alarm says the whole title; a part of the title gives that part of it (by idf).
    pub title_coverage: f32,
    /// The title or the lead says the opposite of a word of the alarm; it is taken away, once for each.
    pub opposite: f32,
    /// The runbook says all words of the alarm; a part of them gives that part (by idf).
    pub coverage: f32,
    /// A few words in a row of the lead say one of the alarm's texts; a part of its words gives that part cubed (by idf).
    pub passage: f32,
    /// The alarm's name holds the runbook's whole name.
    pub name_inside: f32,
    /// The last part of both names is the same.
    pub same_ending: f32,
}

/// The shape of the term score.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// How fast repetition stops counting.
    pub k1: f32,
    /// How much long fields are held back, 0 to 1.
    pub b: f32,
    /// Exponent on the idf: above 1, rare terms count more.
    pub idf_power: f32,
    /// In libraries of [`Shape::common_from`] runbooks and more, a term in more than this share of them is skipped.
    pub common_share: f32,
    /// The size of library from which common terms are skipped.
    pub common_from: u32,
    /// How many words of prose are the lead.
    pub lead_words: usize,
}

/// The logistic behind [`Hit::confidence`](crate::Hit::confidence).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfidenceWeights {
    /// Where it begins.
    pub base: f64,
    /// Times [`Hit::explained`](crate::Hit::explained).
    pub explained: f64,
    /// When the runbook is named like the alarm or declares it.
    pub named: f64,
    /// Times the lead over the best other hit, -1 to 1.
    pub lead: f64,
}

impl Weights {
    /// The weights that CatOps is built with.
    ///
    /// # Panics
    /// Never: a test reads the same text.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(include_str!("../weights.toml")).expect("weights.toml is part of the build and is tested")
    }

    /// Reads weights in the form of `weights.toml`.
    ///
    /// # Errors
    /// A text that says what is wrong and where, when a weight is missing, unknown or not a number.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }
}
