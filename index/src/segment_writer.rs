//! Writes one segment, unit by unit: its words in the thread of the caller, its phrases in another, since each is half of the
//! work. It is written in one go and its writer is dropped, so an idle process holds the postings and nothing else.

use crate::part::Part;
use crate::segment::{Halves, Home, LINES, Segment, schema};
use crate::words::Lines;
use crate::written::WrittenUnit;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use tantivy::directory::Directory;
use tantivy::indexer::SingleSegmentIndexWriter;
use tantivy::schema::Field;
use tantivy::tokenizer::TokenizerManager;
use tantivy::{Index, IndexSettings, TantivyDocument, TantivyError};

/// What the table of terms of each half begins with, in bytes; it grows, and is given back afterwards.
const TABLE_BYTES: usize = 1_000_000;
/// How many units the words are ahead of the phrases.
const UNITS_AHEAD: usize = 128;

/// Writes a segment.
pub(crate) struct SegmentWriter {
    words: HalfWriter,
    phrases: SyncSender<Vec<(Part, String)>>,
    phrases_written: JoinHandle<Result<Index, TantivyError>>,
}

impl SegmentWriter {
    pub(crate) fn new(home: Home) -> Result<Self, TantivyError> {
        let words = HalfWriter::new(home.words, false)?;
        let mut writer = HalfWriter::new(home.phrases, true)?;
        let (phrases, units) = sync_channel::<Vec<_>>(UNITS_AHEAD);
        let phrases_written = thread::spawn(move || {
            units.into_iter().try_for_each(|unit| writer.add(&unit))?;
            writer.finish()
        });
        Ok(Self { words, phrases, phrases_written })
    }

    /// Adds a unit, and leaves its phrases to the other thread.
    pub(crate) fn add(&mut self, unit: &mut WrittenUnit) -> Result<(), TantivyError> {
        // A thread that takes nothing more has failed; `finish` tells how.
        self.phrases.send(std::mem::take(&mut unit.phrases)).ok();
        self.words.add(&unit.words)
    }

    /// The segment over what was added, the units of so many runbooks; its first unit has the number `first`.
    pub(crate) fn finish(self, first: u32, runbooks: usize) -> Result<Segment, TantivyError> {
        drop(self.phrases);
        let words = self.words.finish();
        let phrases = self.phrases_written.join().expect("a thread that writes does not panic");
        Segment::over(&Halves { words: words?, phrases: phrases? }, first, runbooks)
    }
}

/// Writes the parts of words, or those of phrases.
struct HalfWriter {
    writer: SingleSegmentIndexWriter<TantivyDocument>,
    fields: Vec<(Part, Field)>,
}

impl HalfWriter {
    fn new(directory: Box<dyn Directory>, holds_phrases: bool) -> Result<Self, TantivyError> {
        let (schema, fields) = schema(holds_phrases);
        let tokenizers = TokenizerManager::default();
        tokenizers.register(LINES, Lines::default());
        // Nothing is stored, so nothing is compressed, and no thread waits to do it.
        let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
        let index = Index::builder().schema(schema).settings(settings).tokenizers(tokenizers);
        Ok(Self { writer: index.single_segment_index_writer(directory, TABLE_BYTES)?, fields })
    }

    fn add(&mut self, parts: &[(Part, String)]) -> Result<(), TantivyError> {
        let mut document = TantivyDocument::new();
        for (part, stems) in parts {
            let field = self.fields.iter().find(|(own, _)| own == part);
            field.into_iter().for_each(|(_, field)| document.add_text(*field, stems));
        }
        self.writer.add_document(document)
    }

    fn finish(self) -> Result<Index, TantivyError> {
        self.writer.finalize()
    }
}
