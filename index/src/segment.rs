//! One segment over some units, in memory or mapped: one field of tantivy's for each part. It is two of tantivy's segments,
//! one of words and one of phrases, with the same units at the same places, so that two cores lay it out.
//!
//! Nothing is stored: tantivy's document number is the unit's place in the segment. Units that are gone stay in the
//! postings; what they still count there is kept beside them, by where the postings of each term begin, and taken off.

use crate::part::Part;
use crate::written::WrittenUnit;
use std::collections::HashMap;
use std::sync::Arc;
use tantivy::directory::Directory;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::{Postings as _, TermInfo};
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{DocSet as _, Index, InvertedIndexReader, TERMINATED, TantivyError};

/// The name under which tantivy knows that texts are cut into words already.
pub(crate) const LINES: &str = "lines";

/// Something of the words of a segment, and the same of its phrases.
pub(crate) struct Halves<Half> {
    pub(crate) words: Half,
    pub(crate) phrases: Half,
}

/// Where a segment is.
pub(crate) type Home = Halves<Box<dyn Directory>>;

impl Home {
    /// Two directories, each made for its name.
    pub(crate) fn of<D: Directory, Failed>(make: impl Fn(&str) -> Result<D, Failed>) -> Result<Self, Failed> {
        Ok(Self { words: Box::new(make("words")?), phrases: Box::new(make("phrases")?) })
    }
}

/// A segment. A copy shares the postings and has its own count of what is gone.
#[derive(Clone)]
pub(crate) struct Segment {
    /// Parts that hold anything.
    parts: Vec<PartIndex>,
    /// The number of its first unit among the units of all segments: a unit's place in the segment and this are its number.
    pub(crate) first: u32,
    /// How many runbooks were laid out in it.
    pub(crate) runbooks: usize,
    /// True when some of its units are gone.
    pub(crate) has_gone: bool,
}

/// The postings of one part.
#[derive(Clone)]
pub(crate) struct PartIndex {
    pub(crate) part: Part,
    postings: Arc<InvertedIndexReader>,
    lengths: FieldNormReader,
    gone: Gone,
}

/// What units that are gone still count in a part.
#[derive(Clone, Default)]
struct Gone {
    /// How many of them have a stem, by where its postings begin: no more than there are terms, and no text is kept.
    units_with: HashMap<usize, u32>,
    /// How many stems they hold.
    stems: u64,
}

impl Segment {
    /// Opens what a [`crate::segment_writer::SegmentWriter`] wrote.
    pub(crate) fn open(home: Home, runbooks: usize) -> Result<Self, TantivyError> {
        let halves = Halves { words: Index::open(home.words)?, phrases: Index::open(home.phrases)? };
        Self::over(&halves, 0, runbooks)
    }

    /// The segment over the units of so many runbooks, the first of which has the number `first`.
    pub(crate) fn over(halves: &Halves<Index>, first: u32, runbooks: usize) -> Result<Self, TantivyError> {
        let mut parts = Vec::new();
        for (half, holds_phrases) in [(&halves.words, false), (&halves.phrases, true)] {
            let searcher = half.reader_builder().reload_policy(tantivy::ReloadPolicy::Manual).try_into()?.searcher();
            let Some(segment) = searcher.segment_readers().first() else { continue };
            for (part, field) in schema(holds_phrases).1 {
                let postings = segment.inverted_index(field)?;
                if postings.terms().num_terms() > 0 {
                    let lengths = segment.get_fieldnorms_reader(field)?;
                    parts.push(PartIndex { part, postings, lengths, gone: Gone::default() });
                }
            }
        }
        Ok(Self { parts, first, runbooks, has_gone: false })
    }

    pub(crate) fn part(&self, part: Part) -> Option<&PartIndex> {
        self.parts.iter().find(|index| index.part == part)
    }

    /// Takes off what a unit of it, now gone, counts.
    pub(crate) fn forget(&mut self, unit: &WrittenUnit) {
        self.has_gone = true;
        for index in &mut self.parts {
            for stem in unit.stems(index.part) {
                if let Some(info) = index.info(stem) {
                    *index.gone.units_with.entry(info.postings_range.start).or_default() += 1;
                }
            }
            index.gone.stems += unit.all_stems(index.part).count() as u64;
        }
    }
}

impl PartIndex {
    /// A term, and in how many units that are not gone it stands.
    pub(crate) fn find(&self, stem: &str) -> Option<(TermInfo, u32)> {
        let info = self.info(stem)?;
        let gone = self.gone.units_with.get(&info.postings_range.start).copied().unwrap_or(0);
        debug_assert!(gone <= info.doc_freq, "{stem:?}: {gone} of {} units are gone", info.doc_freq);
        let living = info.doc_freq.saturating_sub(gone);
        Some((info, living))
    }

    /// A term. The index is in memory or mapped: one that could not be read would count as absent.
    fn info(&self, stem: &str) -> Option<TermInfo> {
        self.postings.terms().get(stem).ok().flatten()
    }

    /// How many stems the units that are not gone hold.
    pub(crate) fn stems(&self) -> u64 {
        let all = self.postings.total_num_tokens();
        debug_assert!(self.gone.stems <= all, "{} of {all} stems are gone", self.gone.stems);
        all.saturating_sub(self.gone.stems)
    }

    /// Calls `found` with each unit's place in the segment and how often the term stands there; gone units too.
    pub(crate) fn each(&self, info: &TermInfo, mut found: impl FnMut(u32, u32)) {
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

    /// The same for a few places, in rising order; `found` is called with the number of the place among them.
    pub(crate) fn each_of(
        &self,
        info: &TermInfo,
        places: impl Iterator<Item = (usize, u32)>,
        mut found: impl FnMut(usize, u32, u32),
    ) {
        let option = IndexRecordOption::WithFreqs;
        let Ok(mut postings) = self.postings.read_postings_from_terminfo(info, option) else { return };
        for (number, unit) in places {
            if postings.doc() < unit && postings.seek(unit) == TERMINATED {
                break;
            }
            if postings.doc() == unit {
                found(number, unit, postings.term_freq());
            }
        }
    }

    /// Where the term stands among the words of the part, in a few places in rising order: only in a part that keeps
    /// positions. `found` is called with the number of the place among them.
    pub(crate) fn each_position(
        &self,
        info: &TermInfo,
        places: impl Iterator<Item = (usize, u32)>,
        mut found: impl FnMut(usize, &[u32]),
    ) {
        let option = IndexRecordOption::WithFreqsAndPositions;
        let Ok(mut postings) = self.postings.read_postings_from_terminfo(info, option) else { return };
        let mut positions = Vec::new();
        for (number, unit) in places {
            if postings.doc() < unit && postings.seek(unit) == TERMINATED {
                break;
            }
            if postings.doc() == unit {
                postings.positions(&mut positions);
                found(number, &positions);
            }
        }
    }

    /// The length of the part in a unit, as tantivy's length code.
    pub(crate) fn length_code(&self, unit: u32) -> usize {
        usize::from(self.lengths.fieldnorm_id(unit))
    }
}

/// One field for each part of words, or for each of phrases.
pub(crate) fn schema(holds_phrases: bool) -> (Schema, Vec<(Part, Field)>) {
    let mut schema = Schema::builder();
    let own = Part::ALL.into_iter().filter(|part| part.holds_phrases() == holds_phrases);
    let fields = own.map(|part| (part, schema.add_text_field(part.name(), text_options(part)))).collect();
    (schema.build(), fields)
}

fn text_options(part: Part) -> TextOptions {
    // What is said in a row is asked of leads alone.
    let is_lead = part == Part::Lead;
    let option = if is_lead { IndexRecordOption::WithFreqsAndPositions } else { IndexRecordOption::WithFreqs };
    let indexing = TextFieldIndexing::default().set_tokenizer(LINES).set_index_option(option).set_fieldnorms(true);
    TextOptions::default().set_indexing_options(indexing)
}
