//! The index over all units of all runbooks: a large segment, and small ones with what changed since.
//!
//! Word statistics are taken over all segments together and leave out what is gone, to the last unit: the ranking is the
//! same as if all had been laid out anew, whatever the order of edits. Replaying an old night depends on that.

use crate::names::Names;
use crate::part::Part;
use crate::runbook::Runbook;
use crate::segment::{Home, PartIndex, Segment};
use crate::segment_writer::SegmentWriter;
use crate::titles::Titles;
use crate::weights::{Shape, Weights};
use crate::words::Analyzer;
use crate::written::{WrittenUnit, written, written_each};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use tantivy::TantivyError;
use tantivy::directory::RamDirectory;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::TermInfo;

/// What is known of a unit beside its words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct UnitFacts {
    /// The place of its runbook in the order of ids; [`UnitFacts::GONE`] when that was changed or removed.
    pub(crate) runbook: u32,
    /// The sum of the rarity of its title's words: what full coverage is measured against.
    pub(crate) title_rarity: f32,
}

impl UnitFacts {
    const GONE: u32 = u32::MAX;

    const fn is_gone(&self) -> bool {
        self.runbook == Self::GONE
    }
}

/// What is kept beside tantivy's files.
#[derive(Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) units: Vec<UnitFacts>,
    pub(crate) names: Names,
}

/// Where one term stands in one part of one segment.
pub(crate) struct Place<'a> {
    index: &'a PartIndex,
    info: TermInfo,
    /// The segment's first unit.
    first: u32,
    /// The segment's units, when some are gone.
    sieve: Option<&'a [UnitFacts]>,
    /// `1 - b + b * length / average` for each of tantivy's 256 length codes.
    length_norms: &'a [f32; 256],
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

/// The index. A copy shares the postings, so that one can be searched while the other is changed.
#[derive(Clone, Default)]
pub(crate) struct Engine {
    segments: Vec<Segment>,
    /// For each of [`Part::ALL`].
    length_norms: Vec<[f32; 256]>,
    /// The units of all segments, in their order; those of a runbook follow each other.
    pub(crate) units: Vec<UnitFacts>,
    /// How many of them are not gone.
    living: usize,
    pub(crate) names: Names,
    titles: Titles,
}

/// A change of the library: what is not the same runbook in the same place of memory is another one.
pub(crate) struct Edit<'a> {
    /// What the index is over, by id.
    pub(crate) before: &'a [Arc<Runbook>],
    /// What it shall be over, by id.
    pub(crate) after: &'a [Arc<Runbook>],
}

impl Engine {
    /// Lays an index out somewhere, and opens it.
    pub(crate) fn build_in(home: Home, runbooks: &[Arc<Runbook>], weights: &Weights) -> Result<Self, TantivyError> {
        let mut engine = Self::default();
        engine.update_in(home, &Edit { before: &[], after: runbooks }, weights)?;
        Ok(engine)
    }

    /// Opens an index that was laid out by [`Self::build_in`] over these runbooks. It can be searched and not be updated.
    pub(crate) fn open(
        home: Home,
        facts: Facts,
        runbooks: &[Runbook],
        weights: &Weights,
    ) -> Result<Self, TantivyError> {
        let mut engine = Self { units: facts.units, names: facts.names, ..Self::default() };
        engine.segments.push(Segment::open(home, runbooks.len())?);
        engine.names.declare(runbooks.iter());
        engine.measure(&weights.shape);
        Ok(engine)
    }

    /// Brings the index up to a changed library. What it costs follows what changed: new texts become a small segment, and
    /// take the segments with them that are no larger.
    pub(crate) fn update(&mut self, edit: &Edit, weights: &Weights) -> Result<(), TantivyError> {
        self.update_in(Home::of(|_| Ok::<_, TantivyError>(RamDirectory::create()))?, edit, weights)
    }

    fn update_in(&mut self, home: Home, edit: &Edit, weights: &Weights) -> Result<(), TantivyError> {
        let moves = moves(edit);
        let kept: BTreeSet<u32> = moves.iter().flatten().copied().collect();
        let mut fresh: BTreeSet<u32> = (0..edit.after.len() as u32).filter(|place| !kept.contains(place)).collect();
        let keep = self.segments_to_keep(&moves, fresh.len());
        let first = self.segments.get(keep).map_or(self.units.len(), |segment| segment.first as usize);
        fresh.extend(self.units[first..].iter().filter_map(|unit| moved(&moves, unit)));

        let fresh: Vec<u32> = fresh.into_iter().collect();
        let texts: Vec<&Runbook> = fresh.iter().map(|place| &*edit.after[*place as usize]).collect();
        let mut writer = SegmentWriter::new(home)?;
        let mut added = Vec::new();
        let mut stems = HashSet::new();
        written_each(&texts, &weights.shape, |number, mut unit| {
            writer.add(&mut unit)?;
            // Where nothing stays, all words are counted.
            if first > 0 {
                note(&unit, &mut stems);
            }
            added.push((fresh[number], unit.stems(Part::Title).into_iter().map(str::to_owned).collect(), unit.heading));
            Ok::<(), TantivyError>(())
        })?;
        let segment = writer.finish(first as u32, fresh.len())?;

        // Nothing fails from here on.
        self.segments.truncate(keep);
        if first == 0 {
            self.titles = Titles::default();
        }
        self.forget(&moves, edit.before, first, &weights.shape, &mut stems);
        self.segments.push(segment);
        self.names.forget(|unit| unit as usize >= first || self.units[unit as usize].is_gone());
        for (place, title, heading) in added {
            self.add(place, &edit.after[place as usize], title, heading);
        }
        self.names.sort();
        self.names.declare(edit.after.iter().map(|runbook| &**runbook));
        self.measure(&weights.shape);
        let mut titles = std::mem::take(&mut self.titles);
        if first > 0 {
            titles.recount(stems.iter().map(String::as_str), |stem| self.most_with(stem));
        } else {
            titles.recount_all(|stem| self.most_with(stem));
        }
        for (unit, rarity) in self.units.iter_mut().zip(titles.rarities(|with| rarity(self.living, with))) {
            unit.title_rarity = rarity;
        }
        self.titles = titles;
        Ok(())
    }

    /// How many segments stay as they are: those before the first that is no larger than all that comes after it, or that is
    /// mostly gone. So each runbook is laid out anew as often as the library doubles, however many edits there are.
    fn segments_to_keep(&self, moves: &[Option<u32>], fresh: usize) -> usize {
        let mut after = fresh;
        let mut keep = self.segments.len();
        let mut end = self.units.len();
        for (place, segment) in self.segments.iter().enumerate().rev() {
            let runbooks = self.units[segment.first as usize..end].chunk_by(|a, b| a.runbook == b.runbook);
            let living = runbooks.filter(|units| moved(moves, &units[0]).is_some()).count();
            if living <= after || living * 2 <= segment.runbooks {
                keep = place;
            }
            after += living;
            end = segment.first as usize;
        }
        keep
    }

    /// Forgets the units from `first` on, and marks those before it whose runbook is gone; notes the words of those.
    fn forget(
        &mut self,
        moves: &[Option<u32>],
        before: &[Arc<Runbook>],
        first: usize,
        shape: &Shape,
        stems: &mut HashSet<String>,
    ) {
        let mut analyzer = Analyzer::new();
        let mut at = 0;
        while at < self.units.len() {
            let place = self.units[at].runbook;
            let end = at + self.units[at..].iter().take_while(|unit| unit.runbook == place).count();
            let now = moves.get(place as usize).copied().flatten();
            // Where nothing stays, everything is counted anew anyway.
            if let (Some(runbook), None, 1..) = (before.get(place as usize), now, first) {
                let mut segment = self.segments.iter_mut().rfind(|segment| segment.first as usize <= at);
                for unit in written(runbook, shape, &mut analyzer) {
                    note(&unit, stems);
                    segment.as_mut().filter(|_| at < first).into_iter().for_each(|segment| segment.forget(&unit));
                }
            }
            self.units[at..end].iter_mut().for_each(|unit| unit.runbook = now.unwrap_or(UnitFacts::GONE));
            at = end;
        }
        self.units.truncate(first);
        self.titles.truncate(first);
    }

    fn add(&mut self, place: u32, runbook: &Runbook, title: Vec<String>, heading: Option<String>) {
        let number = self.units.len() as u32;
        match heading {
            Some(heading) => self.names.add(&heading, number),
            None => self.names.add_runbook(runbook, number),
        }
        self.titles.push(title);
        self.units.push(UnitFacts { runbook: place, title_rarity: 0.0 });
    }

    /// Counts the units and takes the average length of each part.
    fn measure(&mut self, shape: &Shape) {
        self.living = self.units.iter().filter(|unit| !unit.is_gone()).count();
        let stems =
            |part| self.segments.iter().filter_map(|segment| segment.part(part)).map(PartIndex::stems).sum::<u64>();
        let average = |part| stems(part) as f32 / self.living.max(1) as f32;
        self.length_norms = Part::ALL.into_iter().map(|part| length_norms(shape, average(part))).collect();
    }

    /// Finds a term in all parts for words, or in all parts for phrases. Where it is too common to say anything, it is passed
    /// over.
    pub(crate) fn places(&self, stem: &str, is_phrase: bool, weights: &Weights) -> Places<'_> {
        let shape = &weights.shape;
        let common = shape.common_share * self.living as f32;
        let mut places = Vec::new();
        let mut most = 0;
        for part in Part::ALL.into_iter().filter(|part| part.holds_phrases() == is_phrase) {
            let weight = part.weight(&weights.runbook);
            let from = places.len();
            let with = self.places_in(part, stem, weight, &mut places);
            if matches!(part, Part::Title | Part::Body) {
                most = most.max(with);
            }
            let is_common = with as f32 > common && self.living >= shape.common_from as usize;
            if with == 0 || weight <= 0.0 || is_common {
                places.truncate(from);
                continue;
            }
            let rarity = rarity(self.living, with).powf(shape.idf_power);
            places[from..].iter_mut().for_each(|place| place.rarity = rarity);
        }
        Places { places, rarity: rarity(self.living, most) }
    }

    /// Adds the places of a term in a part, and returns in how many units it stands.
    fn places_in<'a>(&'a self, part: Part, stem: &str, weight: f32, places: &mut Vec<Place<'a>>) -> u32 {
        let mut with = 0;
        for segment in &self.segments {
            let Some(index) = segment.part(part) else { continue };
            let Some((info, living)) = index.find(stem) else { continue };
            with += living;
            let first = segment.first;
            let sieve = segment.has_gone.then(|| &self.units[first as usize..]);
            let length_norms = &self.length_norms[part as usize];
            places.push(Place { index, info, first, sieve, length_norms, weight, rarity: 0.0 });
        }
        with
    }

    /// Calls `found` for every unit that has the stem in this part.
    pub(crate) fn each_with(&self, part: Part, stem: &str, mut found: impl FnMut(u32)) {
        let mut places = Vec::new();
        self.places_in(part, stem, 0.0, &mut places);
        places.iter().for_each(|place| place.each(|unit, _| found(unit)));
    }

    /// In how many titles or bodies a stem stands: the larger count.
    fn most_with(&self, stem: &str) -> u32 {
        let with = |part| {
            let found = self.segments.iter().filter_map(|segment| segment.part(part)?.find(stem));
            found.map(|(_, living)| living).sum::<u32>()
        };
        with(Part::Title).max(with(Part::Body))
    }
}

/// Notes the words of a unit whose count decides how rare words of titles are.
fn note(unit: &WrittenUnit, stems: &mut HashSet<String>) {
    for stem in [Part::Title, Part::Body].into_iter().flat_map(|part| unit.all_stems(part)) {
        if !stems.contains(stem) {
            stems.insert(stem.to_owned());
        }
    }
}

/// Where each runbook of before is afterwards; nothing when it is gone or another.
fn moves(edit: &Edit) -> Vec<Option<u32>> {
    let mut after = (0..).zip(edit.after).peekable();
    let place = |before: &Arc<Runbook>| {
        // Both are in the order of their ids. Most are the same, which is seen without a look at the id.
        while after.next_if(|(_, after)| !Arc::ptr_eq(before, after) && after.id < before.id).is_some() {}
        after.next_if(|(_, after)| Arc::ptr_eq(before, after)).map(|(place, _)| place)
    };
    edit.before.iter().map(place).collect()
}

fn moved(moves: &[Option<u32>], unit: &UnitFacts) -> Option<u32> {
    moves.get(unit.runbook as usize).copied().flatten()
}

/// How much a term says that stands in `with` of `all` units.
fn rarity(all: usize, with: u32) -> f32 {
    let (all, with) = (all as f32, with as f32);
    (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
}

impl Place<'_> {
    pub(crate) fn part(&self) -> Part {
        self.index.part
    }

    /// Calls `found` with each unit and how often the term stands there.
    fn each(&self, mut found: impl FnMut(u32, u32)) {
        self.index.each(&self.info, |unit, frequency| {
            if self.sieve.is_none_or(|units| !units[unit as usize].is_gone()) {
                found(self.first + unit, frequency);
            }
        });
    }

    /// The places in the segment of those units that are not before it, each with its number among them.
    fn own(&self, units: &[u32]) -> impl Iterator<Item = (usize, u32)> {
        units.iter().enumerate().filter_map(|(number, unit)| Some((number, unit.checked_sub(self.first)?)))
    }

    /// How often the term stands there, by length: in a part of average length, once counts 1. By the part's weight.
    fn density(&self, unit: u32, frequency: u32) -> f32 {
        self.weight * (frequency as f32 / self.length_norms[self.index.length_code(unit - self.first)])
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
        for place in &self.places {
            let is_title = place.part() == Part::Title;
            place.each(|unit, frequency| {
                let here = place.density(unit, frequency);
                let slot = &mut said[unit as usize];
                if slot.frequency == 0.0 {
                    units.push(unit);
                }
                slot.frequency += here;
                slot.worth += here * place.rarity;
                if is_title {
                    in_title(unit);
                }
            });
        }
    }

    /// Where the term stands in the leads of a few units. `units` are in rising order; `found` is called with the place of the
    /// unit among them and the places of the term among the words of its lead.
    pub(crate) fn in_lead(&self, units: &[u32], mut found: impl FnMut(usize, &[u32])) {
        for place in self.places.iter().filter(|place| place.part() == Part::Lead) {
            place.index.each_position(&place.info, place.own(units), &mut found);
        }
    }

    /// What the term says about a few units, part by part. `units` are in rising order; `found` is called with the place of the
    /// unit among them, the part and its share of the score.
    pub(crate) fn explain(&self, units: &[u32], shape: &Shape, mut found: impl FnMut(usize, Part, f32)) {
        let mut all = vec![Said::default(); units.len()];
        let mut shares = Vec::new();
        for place in &self.places {
            place.index.each_of(&place.info, place.own(units), |number, unit, frequency| {
                let here = place.density(place.first + unit, frequency);
                all[number].frequency += here;
                shares.push((number, place.part(), here, here * place.rarity));
            });
        }
        for (number, part, _, worth) in shares {
            let Said { frequency, .. } = all[number];
            found(number, part, Said { frequency, worth }.score(shape));
        }
    }
}

fn length_norms(shape: &Shape, average: f32) -> [f32; 256] {
    let average = average.max(1.0);
    std::array::from_fn(|code| {
        let length = FieldNormReader::id_to_fieldnorm(u8::try_from(code).unwrap_or(u8::MAX)) as f32;
        1.0 - shape.b + shape.b * length / average
    })
}
