//! The tantivy index over all units of all runbooks: one field for each part, one segment, in memory or mapped.
//!
//! It is written in one go and its writer is dropped, so an idle process holds the postings and nothing else.
//! Nothing is stored: tantivy's document number is the unit's place, in the order of runbook ids.

use crate::names::Names;
use crate::part::Part;
use crate::runbook::Runbook;
use crate::units::{self, Analyzed};
use crate::weights::{Shape, Weights};
use crate::words::{Analyzer, Lines};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use tantivy::directory::{Directory, RamDirectory};
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::{Postings as _, TermInfo};
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{Token, TokenizerManager};
use tantivy::{DocSet as _, Index, InvertedIndexReader, TERMINATED, TantivyDocument, TantivyError, Term};

/// What the segment writer's table of terms begins with, in bytes; it grows, and is given back afterwards.
const WRITER_BYTES: usize = 15_000_000;
/// The name under which tantivy knows that texts are cut into words already.
const LINES: &str = "lines";

/// What is known of a unit beside its words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct UnitFacts {
    /// The place of its runbook in the order of ids.
    pub(crate) runbook: u32,
    /// The sum of the rarity of its title's words: what full coverage is measured against.
    pub(crate) title_rarity: f32,
}

/// What is kept beside tantivy's files.
#[derive(Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) units: Vec<UnitFacts>,
    pub(crate) names: Names,
}

/// The postings of one part.
struct PartIndex {
    part: Part,
    field: Field,
    postings: Arc<InvertedIndexReader>,
    lengths: FieldNormReader,
    /// `1 - b + b * length / average` for each of tantivy's 256 length codes.
    length_norms: Box<[f32; 256]>,
}

/// Where one term stands in one part.
pub(crate) struct Place<'a> {
    index: &'a PartIndex,
    info: TermInfo,
    /// The part's weight and the term's rarity in it.
    weight: f32,
    rarity: f32,
}

/// Where one term stands.
pub(crate) struct Places<'a> {
    places: Vec<Place<'a>>,
    /// How rare it is over titles and bodies together: the larger count decides.
    pub(crate) rarity: f32,
}

/// The index.
pub(crate) struct Engine {
    /// Parts that hold anything.
    parts: Vec<PartIndex>,
    pub(crate) units: Vec<UnitFacts>,
    pub(crate) names: Names,
}

impl Engine {
    pub(crate) fn build(runbooks: &[Runbook], weights: &Weights) -> Result<Self, TantivyError> {
        Self::build_in(RamDirectory::create(), runbooks, weights)
    }

    /// Lays the index out in a directory, and opens it.
    pub(crate) fn build_in(
        directory: impl Into<Box<dyn Directory>>,
        runbooks: &[Runbook],
        weights: &Weights,
    ) -> Result<Self, TantivyError> {
        let mut analyzer = Analyzer::new();
        let (schema, fields) = schema();
        let tokenizers = TokenizerManager::default();
        tokenizers.register(LINES, Lines::default());
        let mut writer = Index::builder()
            .schema(schema)
            .tokenizers(tokenizers)
            .single_segment_index_writer::<TantivyDocument>(directory, WRITER_BYTES)?;
        let (mut facts, mut titles, mut names) = (Vec::new(), Vec::new(), Names::default());
        for (place, runbook) in (0..).zip(runbooks) {
            let sections = Analyzed::all_of(runbook, &mut analyzer);
            for unit in units::cut(runbook, &sections) {
                let mut document = TantivyDocument::new();
                for (part, field) in Part::ALL.into_iter().zip(&fields) {
                    let stems = part.stems(runbook, &unit, weights.shape.lead_words, &mut analyzer);
                    if !stems.is_empty() {
                        document.add_text(*field, stems);
                    }
                }
                writer.add_document(document)?;
                let number = u32::try_from(facts.len()).unwrap_or(u32::MAX);
                match &unit.heading {
                    Some(heading) => names.add(heading, number),
                    None => names.add_runbook(runbook, number),
                }
                titles.push(unit.title);
                facts.push(UnitFacts { runbook: place, title_rarity: 0.0 });
            }
        }
        names.sort();
        let mut engine = Self::over(&writer.finalize()?, Facts { units: facts, names }, runbooks, weights)?;
        for (place, title) in titles.iter().enumerate() {
            engine.units[place].title_rarity = engine.rarity_of(&analyzer.tokens(title));
        }
        Ok(engine)
    }

    /// Opens an index that was laid out by [`Self::build_in`] over these runbooks.
    pub(crate) fn open(
        directory: impl Into<Box<dyn Directory>>,
        facts: Facts,
        runbooks: &[Runbook],
        weights: &Weights,
    ) -> Result<Self, TantivyError> {
        Self::over(&Index::open(directory)?, facts, runbooks, weights)
    }

    fn over(
        index: &Index,
        Facts { units, mut names }: Facts,
        runbooks: &[Runbook],
        weights: &Weights,
    ) -> Result<Self, TantivyError> {
        let (_, fields) = schema();
        let searcher = index.reader_builder().reload_policy(tantivy::ReloadPolicy::Manual).try_into()?.searcher();
        let mut parts = Vec::new();
        if let Some(segment) = searcher.segment_readers().first().filter(|_| !units.is_empty()) {
            for (part, field) in Part::ALL.into_iter().zip(fields) {
                let postings = segment.inverted_index(field)?;
                if postings.terms().num_terms() == 0 {
                    continue;
                }
                let average = postings.total_num_tokens() as f32 / units.len() as f32;
                let lengths = segment.get_fieldnorms_reader(field)?;
                let length_norms = length_norms(&weights.shape, average);
                parts.push(PartIndex { part, field, postings, lengths, length_norms });
            }
        }
        names.declare(runbooks);
        Ok(Self { parts, units, names })
    }

    /// Finds a term in all parts for words, or in all parts for phrases. Where it is too common to say anything, it is passed
    /// over.
    pub(crate) fn places(&self, stem: &str, is_phrase: bool, weights: &Weights) -> Places<'_> {
        let shape = &weights.shape;
        let common = shape.common_share * self.units.len() as f32;
        let mut places = Vec::new();
        let mut most = 0;
        for index in self.parts.iter().filter(|index| index.part.holds_phrases() == is_phrase) {
            let Some(info) = index.find(stem) else { continue };
            if matches!(index.part, Part::Title | Part::Body) {
                most = most.max(info.doc_freq);
            }
            let weight = index.part.weight(&weights.runbook);
            let is_common = info.doc_freq as f32 > common && self.units.len() >= shape.common_from as usize;
            if weight > 0.0 && !is_common {
                let rarity = self.rarity(info.doc_freq).powf(shape.idf_power);
                places.push(Place { index, info, weight, rarity });
            }
        }
        Places { places, rarity: self.rarity(most) }
    }

    /// Calls `found` for every unit that has the stem in this part.
    pub(crate) fn each_with(&self, part: Part, stem: &str, mut found: impl FnMut(u32)) {
        let Some(index) = self.parts.iter().find(|index| index.part == part) else { return };
        let Some(info) = index.find(stem) else { return };
        index.each(&info, |unit, _| found(unit));
    }

    fn rarity(&self, units_with_it: u32) -> f32 {
        let (all, with) = (self.units.len() as f32, units_with_it as f32);
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }

    /// The rarity of all words of a title together, each once.
    fn rarity_of(&self, tokens: &[Token]) -> f32 {
        let stems: BTreeSet<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
        stems.into_iter().map(|stem| self.rarity(self.most_with(stem))).sum()
    }

    /// In how many titles or bodies a stem stands: the larger count.
    fn most_with(&self, stem: &str) -> u32 {
        let parts = self.parts.iter().filter(|index| matches!(index.part, Part::Title | Part::Body));
        parts.filter_map(|index| index.find(stem)).map(|info| info.doc_freq).max().unwrap_or(0)
    }
}

impl PartIndex {
    fn find(&self, stem: &str) -> Option<TermInfo> {
        // The index is in memory: reading it cannot fail, and a term that could not be read would count as absent.
        self.postings.get_term_info(&Term::from_field_text(self.field, stem)).ok().flatten()
    }

    fn each(&self, info: &TermInfo, mut found: impl FnMut(u32, u32)) {
        let Ok(mut postings) = self.postings.read_block_postings_from_terminfo(info, IndexRecordOption::WithFreqs)
        else {
            return;
        };
        while postings.block_len() > 0 {
            for (unit, frequency) in postings.docs().iter().zip(postings.freqs()) {
                found(*unit, *frequency);
            }
            postings.advance();
        }
    }

    /// How often the term stands there, by length: in a part of average length, once counts 1.
    fn density(&self, unit: u32, frequency: u32) -> f32 {
        frequency as f32 / self.length_norms[usize::from(self.lengths.fieldnorm_id(unit))]
    }
}

impl Place<'_> {
    pub(crate) fn part(&self) -> Part {
        self.index.part
    }
}

/// What one term says about one unit: how often it stands there over all parts, and how much that is worth.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Said {
    frequency: f32,
    worth: f32,
}

impl Said {
    /// BM25 over all parts together: a word that stands in title, lead and body is one word, said three times.
    pub(crate) fn score(self, shape: &Shape) -> f32 {
        (1.0 + shape.k1) * self.worth / (shape.k1 + self.frequency)
    }
}

impl Places<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Adds what the term says to `said`, a slot for each unit, and the units that it is found in to `units`, each once.
    /// `in_title` is called for those that have it in their title.
    pub(crate) fn collect(&self, said: &mut [Said], units: &mut Vec<u32>, mut in_title: impl FnMut(u32)) {
        for Place { index, info, weight, rarity } in &self.places {
            let is_title = index.part == Part::Title;
            index.each(info, |unit, frequency| {
                let here = weight * index.density(unit, frequency);
                let slot = &mut said[unit as usize];
                if slot.frequency == 0.0 {
                    units.push(unit);
                }
                slot.frequency += here;
                slot.worth += here * rarity;
                if is_title {
                    in_title(unit);
                }
            });
        }
    }

    /// Where the term stands in the leads of a few units. `units` are in rising order; `found` is called with the place of the
    /// unit among them and the places of the term among the words of its lead.
    pub(crate) fn in_lead(&self, units: &[u32], mut found: impl FnMut(usize, &[u32])) {
        let mut positions = Vec::new();
        for Place { index, info, .. } in self.places.iter().filter(|place| place.part() == Part::Lead) {
            let option = IndexRecordOption::WithFreqsAndPositions;
            let Ok(mut postings) = index.postings.read_postings_from_terminfo(info, option) else { continue };
            for (number, unit) in units.iter().enumerate() {
                if postings.doc() < *unit && postings.seek(*unit) == TERMINATED {
                    break;
                }
                if postings.doc() == *unit {
                    postings.positions(&mut positions);
                    found(number, &positions);
                }
            }
        }
    }

    /// What the term says about a few units, part by part. `units` are in rising order; `found` is called with the place of the
    /// unit among them, the part and its share of the score.
    pub(crate) fn explain(&self, units: &[u32], shape: &Shape, mut found: impl FnMut(usize, Part, f32)) {
        let mut all = vec![Said::default(); units.len()];
        let mut shares = Vec::new();
        for place in &self.places {
            let Place { index, info, weight, rarity } = place;
            let option = IndexRecordOption::WithFreqs;
            let Ok(mut postings) = index.postings.read_postings_from_terminfo(info, option) else { continue };
            for (number, unit) in units.iter().enumerate() {
                if postings.doc() < *unit && postings.seek(*unit) == TERMINATED {
                    break;
                }
                if postings.doc() == *unit {
                    let here = weight * index.density(*unit, postings.term_freq());
                    all[number].frequency += here;
                    shares.push((number, place.part(), here, here * rarity));
                }
            }
        }
        for (number, part, _, worth) in shares {
            let Said { frequency, .. } = all[number];
            found(number, part, Said { frequency, worth }.score(shape));
        }
    }
}

/// One field for each part.
fn schema() -> (Schema, Vec<Field>) {
    let mut schema = Schema::builder();
    let fields = Part::ALL.iter().map(|part| schema.add_text_field(part.name(), text_options(*part))).collect();
    (schema.build(), fields)
}

fn text_options(part: Part) -> TextOptions {
    // What is said in a row is asked of leads alone.
    let is_lead = part == Part::Lead;
    let option = if is_lead { IndexRecordOption::WithFreqsAndPositions } else { IndexRecordOption::WithFreqs };
    let indexing = TextFieldIndexing::default().set_tokenizer(LINES).set_index_option(option).set_fieldnorms(true);
    TextOptions::default().set_indexing_options(indexing)
}

fn length_norms(shape: &Shape, average: f32) -> Box<[f32; 256]> {
    let average = average.max(1.0);
    Box::new(std::array::from_fn(|code| {
        let length = FieldNormReader::id_to_fieldnorm(u8::try_from(code).unwrap_or(u8::MAX)) as f32;
        1.0 - shape.b + shape.b * length / average
    }))
}
