//! The tantivy index over all runbooks: one field for each part of a runbook, one segment, in memory.
//!
//! It is written in one go and its writer is dropped, so an idle process holds the postings and nothing else.
//! Nothing is stored: tantivy's document number is the runbook's place in the order of ids.

use crate::names::Name;
use crate::runbook::{Runbook, is_fence};
use crate::weights::{RunbookWeights, Shape, Weights};
use crate::words;
use std::collections::BTreeMap;
use std::sync::Arc;
use tantivy::directory::{Directory, RamDirectory};
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::Postings as _;
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{PreTokenizedString, TextAnalyzer, Token, TokenizerManager};
use tantivy::{DocSet as _, Index, InvertedIndexReader, TERMINATED, TantivyDocument, TantivyError, Term};

/// What the segment writer may hold while it works, in bytes; it is given back afterwards.
const WRITER_BYTES: usize = 15_000_000;
/// The name under which tantivy knows our analyzer.
const ANALYZER: &str = "words";

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
    Phrases,
    Code,
    Body,
}

impl Part {
    pub(crate) const ALL: [Self; 11] = [
        Self::Title,
        Self::Aliases,
        Self::Services,
        Self::Alarms,
        Self::Tags,
        Self::Path,
        Self::Headings,
        Self::Lead,
        Self::Phrases,
        Self::Code,
        Self::Body,
    ];

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
            Self::Phrases => "phrases",
            Self::Code => "code",
            Self::Body => "body",
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
            Self::Phrases => weights.phrases,
            Self::Code => weights.code,
            Self::Body => weights.body,
        }
    }
}

/// The postings of one part.
struct PartIndex {
    field: Field,
    postings: Arc<InvertedIndexReader>,
    lengths: FieldNormReader,
    /// `k1 * (1 - b + b * length / average)` for each of tantivy's 256 length codes.
    length_norms: Box<[f32; 256]>,
}

/// The index.
pub(crate) struct Engine {
    parts: Vec<PartIndex>,
    /// How many runbooks there are.
    pub(crate) size: u32,
    pub(crate) analyzer: TextAnalyzer,
    /// For each runbook, the sum of its title terms' rarity: what full coverage is measured against.
    pub(crate) title_idf: Vec<f32>,
    /// For each runbook, its names.
    pub(crate) names: Vec<Vec<Name>>,
    shape: Shape,
}

impl Engine {
    pub(crate) fn build<'a>(
        runbooks: impl Iterator<Item = &'a Runbook>,
        weights: &Weights,
    ) -> Result<Self, TantivyError> {
        Self::build_in(RamDirectory::create(), runbooks, weights)
    }

    /// Lays the index out in a directory, and opens it.
    pub(crate) fn build_in<'a>(
        directory: impl Into<Box<dyn Directory>>,
        runbooks: impl Iterator<Item = &'a Runbook>,
        weights: &Weights,
    ) -> Result<Self, TantivyError> {
        let analyzer = words::analyzer();
        let (schema, fields) = schema();
        let mut writer = Index::builder()
            .schema(schema)
            .tokenizers(tokenizers(&analyzer))
            .single_segment_index_writer::<TantivyDocument>(directory, WRITER_BYTES)?;
        let (mut titles, mut names) = (Vec::new(), Vec::new());
        for runbook in runbooks {
            let mut document = TantivyDocument::new();
            for (part, text) in parts_of(runbook, weights.shape.lead_words) {
                let field = fields[part as usize];
                match part {
                    Part::Phrases => document.add_pre_tokenized_text(field, phrases(&mut analyzer.clone(), text)),
                    _ => document.add_text(field, text),
                }
            }
            writer.add_document(document)?;
            titles.push(runbook.title.clone());
            names.push(Name::all_of(runbook));
        }
        let mut engine = Self::over(&writer.finalize()?, names, analyzer, weights)?;
        engine.title_idf = titles.iter().map(|title| engine.idf_of_text(title)).collect();
        Ok(engine)
    }

    /// Opens an index that was laid out by [`Self::build_in`] over these runbooks.
    pub(crate) fn open(
        directory: impl Into<Box<dyn Directory>>,
        runbooks: &[Runbook],
        title_idf: Vec<f32>,
        weights: &Weights,
    ) -> Result<Self, TantivyError> {
        let analyzer = words::analyzer();
        let mut index = Index::open(directory)?;
        index.set_tokenizers(tokenizers(&analyzer));
        let names = runbooks.iter().map(Name::all_of).collect();
        Ok(Self { title_idf, ..Self::over(&index, names, analyzer, weights)? })
    }

    fn over(
        index: &Index,
        names: Vec<Vec<Name>>,
        analyzer: TextAnalyzer,
        weights: &Weights,
    ) -> Result<Self, TantivyError> {
        let (_, fields) = schema();
        let searcher = index.reader_builder().reload_policy(tantivy::ReloadPolicy::Manual).try_into()?.searcher();
        let mut parts = Vec::new();
        if let Some(segment) = searcher.segment_readers().first().filter(|_| !names.is_empty()) {
            for field in fields {
                let postings = segment.inverted_index(field)?;
                let average = postings.total_num_tokens() as f32 / names.len() as f32;
                let lengths = segment.get_fieldnorms_reader(field)?;
                parts.push(PartIndex { field, postings, lengths, length_norms: length_norms(&weights.shape, average) });
            }
        }
        let size = u32::try_from(names.len()).unwrap_or(u32::MAX);
        Ok(Self { parts, size, analyzer, title_idf: Vec::new(), names, shape: weights.shape.clone() })
    }

    /// Calls `found(runbook, score)` for every runbook that has the stem in this part; the score is BM25. A stem that is too
    /// common to say anything is passed over.
    pub(crate) fn each_match(&self, part: Part, stem: &str, mut found: impl FnMut(u32, f32)) {
        let Some(index) = self.parts.get(part as usize) else { return };
        let term = Term::from_field_text(index.field, stem);
        // The index is in memory: reading it cannot fail, and a term that could not be read would count as absent.
        let Ok(Some(info)) = index.postings.get_term_info(&term) else { return };
        let too_common = info.doc_freq as f32 > self.shape.common_share * self.size as f32;
        if too_common && self.size >= self.shape.common_from {
            return;
        }
        let weight = self.idf(info.doc_freq).powf(self.shape.idf_power) * (1.0 + self.shape.k1);
        let Ok(mut postings) = index.postings.read_postings_from_terminfo(&info, IndexRecordOption::WithFreqs) else {
            return;
        };
        let mut runbook = postings.doc();
        while runbook != TERMINATED {
            let frequency = postings.term_freq() as f32;
            let norm = index.length_norms[usize::from(index.lengths.fieldnorm_id(runbook))];
            found(runbook, weight * frequency / (frequency + norm));
            runbook = postings.advance();
        }
    }

    /// How rare a stem is over titles and bodies together: the larger count decides.
    pub(crate) fn rarity(&self, stem: &str) -> f32 {
        let count = |part: Part| {
            let index = self.parts.get(part as usize)?;
            let info = index.postings.get_term_info(&Term::from_field_text(index.field, stem)).ok().flatten()?;
            Some(info.doc_freq)
        };
        self.idf(count(Part::Title).unwrap_or(0).max(count(Part::Body).unwrap_or(0)))
    }

    fn idf(&self, runbooks_with_it: u32) -> f32 {
        let (all, with) = (self.size as f32, runbooks_with_it as f32);
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }

    fn idf_of_text(&self, text: &str) -> f32 {
        let mut stems: Vec<String> =
            words::terms(&mut self.analyzer.clone(), text).into_iter().map(|(stem, _)| stem).collect();
        stems.sort();
        stems.dedup();
        stems.iter().map(|stem| self.rarity(stem)).sum()
    }
}

/// The phrases of a text as tokens; they are already what is searched for.
fn phrases(analyzer: &mut TextAnalyzer, text: String) -> PreTokenizedString {
    let token =
        |(position, (phrase, _)): (usize, (String, String))| Token { position, text: phrase, ..Token::default() };
    let tokens = words::phrases(analyzer, &text).into_iter().enumerate().map(token).collect();
    PreTokenizedString { text, tokens }
}

/// One field for each part.
fn schema() -> (Schema, Vec<Field>) {
    let mut schema = Schema::builder();
    let fields = Part::ALL.iter().map(|part| schema.add_text_field(part.name(), text_options())).collect();
    (schema.build(), fields)
}

fn tokenizers(analyzer: &TextAnalyzer) -> TokenizerManager {
    let tokenizers = TokenizerManager::default();
    tokenizers.register(ANALYZER, analyzer.clone());
    tokenizers
}

fn text_options() -> TextOptions {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(ANALYZER)
        .set_index_option(IndexRecordOption::WithFreqs)
        .set_fieldnorms(true);
    TextOptions::default().set_indexing_options(indexing)
}

fn length_norms(shape: &Shape, average: f32) -> Box<[f32; 256]> {
    let average = average.max(1.0);
    Box::new(std::array::from_fn(|code| {
        let length = FieldNormReader::id_to_fieldnorm(u8::try_from(code).unwrap_or(u8::MAX)) as f32;
        shape.k1 * (1.0 - shape.b + shape.b * length / average)
    }))
}

/// The text of each part of a runbook.
fn parts_of(runbook: &Runbook, lead_words: usize) -> BTreeMap<Part, String> {
    let mut prose = String::new();
    let mut code = String::new();
    for section in &runbook.sections {
        separate_code(&section.text, &mut prose, &mut code);
    }
    let headings = runbook.sections.iter().map(|section| section.heading.as_str()).collect::<Vec<_>>().join("\n");
    let lead = prose.split_whitespace().take(lead_words).collect::<Vec<_>>().join(" ");
    BTreeMap::from([
        (Part::Title, runbook.title.clone()),
        (Part::Aliases, runbook.aliases.join("\n")),
        (Part::Services, runbook.services.join("\n")),
        (Part::Alarms, runbook.alarms.join("\n")),
        (Part::Tags, runbook.tags.join("\n")),
        (Part::Path, runbook.id.as_str().to_owned()),
        (Part::Headings, headings),
        (Part::Phrases, format!("{}\n{lead}", runbook.title)),
        (Part::Lead, lead),
        (Part::Code, code),
        (Part::Body, prose),
    ])
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
