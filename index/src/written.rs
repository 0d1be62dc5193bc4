//! What is written into the index of a runbook: its units, each with its stems by part. The same words are written for the
//! same runbook at any time, so what an index still counts of a runbook that is gone can be told from its old text.

use crate::part::{Cut, Declared, Part};
use crate::runbook::Runbook;
use crate::units::{self, Analyzed};
use crate::weights::Shape;
use crate::words::Analyzer;
use std::collections::BTreeSet;
use std::sync::mpsc::sync_channel;
use std::thread;

/// How many runbooks are cut into words at a time, in one thread.
const CHUNK: usize = 16;
/// How many chunks a thread is ahead of the one that takes them.
const CHUNKS_AHEAD: usize = 2;

/// A unit as it is written.
pub(crate) struct WrittenUnit {
    /// The heading; none for a whole runbook.
    pub(crate) heading: Option<String>,
    /// The parts of words that hold anything, stems one a line.
    pub(crate) words: Vec<(Part, String)>,
    /// The same of phrases.
    pub(crate) phrases: Vec<(Part, String)>,
}

impl WrittenUnit {
    /// The stems of a part, as often as they stand there.
    pub(crate) fn all_stems(&self, part: Part) -> impl Iterator<Item = &str> {
        let parts = self.words.iter().chain(&self.phrases);
        parts.filter(move |(own, _)| *own == part).flat_map(|(_, stems)| stems.lines())
    }

    /// The stems of a part, each once, in their order.
    pub(crate) fn stems(&self, part: Part) -> BTreeSet<&str> {
        self.all_stems(part).collect()
    }
}

/// The units of a runbook, the whole first.
pub(crate) fn written(runbook: &Runbook, shape: &Shape, analyzer: &mut Analyzer) -> Vec<WrittenUnit> {
    let sections = Analyzed::all_of(runbook, analyzer);
    let mut written = Vec::new();
    let declared = &Declared::of(runbook, analyzer);
    for unit in units::cut(runbook, &sections) {
        let cut = Cut { declared, title: analyzer.words(&unit.title), lead: unit.lead(shape.lead_words) };
        let stems = |part: Part| (part, part.stems(&unit, &cut));
        let parts = Part::ALL.into_iter().map(stems).filter(|(_, stems)| !stems.is_empty());
        let (phrases, words) = parts.partition(|(part, _)| part.holds_phrases());
        written.push(WrittenUnit { heading: unit.heading, words, phrases });
    }
    written
}

/// The units of many runbooks, handed to `take` in the order of the runbooks, each with its runbook's place among them. Cutting
/// texts into words is most of the work of laying out an index, so it is done on all cores, `take` beside it.
///
/// # Errors
/// The first one of `take`.
pub(crate) fn written_each<Failed>(
    runbooks: &[&Runbook],
    shape: &Shape,
    mut take: impl FnMut(usize, WrittenUnit) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let chunks = runbooks.len().div_ceil(CHUNK);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(chunks);
    if threads < 2 {
        let mut analyzer = Analyzer::new();
        let mut each = runbooks.iter().enumerate();
        return each.try_for_each(|(place, runbook)| {
            written(runbook, shape, &mut analyzer).into_iter().try_for_each(|unit| take(place, unit))
        });
    }
    thread::scope(|scope| {
        let begin = |thread: usize| {
            let (sender, receiver) = sync_channel(CHUNKS_AHEAD);
            scope.spawn(move || {
                let mut analyzer = Analyzer::new();
                for chunk in runbooks.chunks(CHUNK).skip(thread).step_by(threads) {
                    let cut: Vec<_> = chunk.iter().map(|runbook| written(runbook, shape, &mut analyzer)).collect();
                    if sender.send(cut).is_err() {
                        return;
                    }
                }
            });
            receiver
        };
        let receivers: Vec<_> = (0..threads).map(begin).collect();
        for chunk in 0..chunks {
            let cut = receivers[chunk % threads].recv().expect("a thread hands over each of its chunks");
            for (place, units) in (chunk * CHUNK..).zip(cut) {
                units.into_iter().try_for_each(|unit| take(place, unit))?;
            }
        }
        Ok(())
    })
}
