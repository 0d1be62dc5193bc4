//! What is written into the index of a runbook: its units, each with its stems by part. The same words are written for the
//! same runbook at any time, so what an index still counts of a runbook that is gone can be told from its old text.

use crate::part::Part;
use crate::runbook::Runbook;
use crate::units::{self, Analyzed};
use crate::weights::Shape;
use crate::words::Analyzer;
use std::collections::BTreeSet;

/// A unit as it is written.
pub(crate) struct WrittenUnit {
    /// The heading; none for a whole runbook.
    pub(crate) heading: Option<String>,
    /// The parts that hold anything, stems one a line.
    pub(crate) parts: Vec<(Part, String)>,
}

impl WrittenUnit {
    /// The stems of a part, each once, in their order.
    pub(crate) fn stems(&self, part: Part) -> BTreeSet<&str> {
        self.parts.iter().filter(|(own, _)| *own == part).flat_map(|(_, stems)| stems.lines()).collect()
    }
}

/// The units of a runbook, the whole first.
pub(crate) fn written(runbook: &Runbook, shape: &Shape, analyzer: &mut Analyzer) -> Vec<WrittenUnit> {
    let sections = Analyzed::all_of(runbook, analyzer);
    let mut written = Vec::new();
    for unit in units::cut(runbook, &sections) {
        let stems = |part: Part| (part, part.stems(runbook, &unit, shape.lead_words, analyzer));
        let parts = Part::ALL.into_iter().map(stems).filter(|(_, stems)| !stems.is_empty()).collect();
        written.push(WrittenUnit { heading: unit.heading, parts });
    }
    written
}
