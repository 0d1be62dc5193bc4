//! A log's pieces, out of the table and into it, for moving a log. Each kind has its turn; all but the events are found by
//! reading the whole table, since nobody looks for them otherwise.

use std::collections::HashSet;

use super::DynamoLog;
use super::group::{Group, Held};
use super::item::{
    self, Chunk, EVENTS_END, Ended, HEAD, Item, Kept, Key, Receipted, Stamp, Strange, claim_item, claim_key_of,
    events_place, holder_of, idem_key_of, number_item, number_of, partition,
};
use super::known::{Known, Thing, Wanted};
use super::transaction::pieces as cut;
use super::{scan_cursor, scan_key};
use crate::{
    Appended, Cursor, Digest, Effect, EffectState, Head, Part, Piece, Pieces, Proof, PutError, ReadError, StreamEnd,
    StreamId, Unfit, Walk,
};

/// How a scan finds a kind of pieces.
fn begins(part: Part) -> (&'static str, &'static str) {
    match part {
        Part::Events => ("sk", "E#"),
        Part::Streams => ("sk", HEAD),
        Part::Receipts => ("pk", "K#"),
        Part::Claims => ("pk", "A#"),
        Part::Numbers => ("pk", "N#"),
        Part::Effects => ("pk", "O#"),
    }
}

fn piece(part: Part, item: &Item) -> Result<Piece, Strange> {
    Ok(match part {
        Part::Events => return Err(Strange::new("events come in the order of the feed")),
        Part::Streams => {
            let Ended { version, link, head, .. } = Ended::read(item)?;
            Piece::Stream(StreamEnd { id: item::stream_of(item)?, version, link, head })
        }
        Part::Receipts => Piece::Receipt(Appended { key: idem_key_of(item)?, spans: Receipted::read(item)?.spans }),
        Part::Claims => Piece::Claim { key: claim_key_of(item)?, holder: holder_of(item)? },
        Part::Numbers => {
            let (series, last) = number_of(item)?;
            Piece::Number { series, last }
        }
        Part::Effects => return Err(Strange::new("several effects may be in one item")),
    })
}

impl DynamoLog {
    pub(super) async fn read_pieces(&self, after: &Cursor, max: usize) -> Result<Pieces, ReadError> {
        let (part, place) = Part::of(after);
        let (pieces, last) = if part == Part::Events {
            let from = Cursor::new(place.unwrap_or_default());
            // Nobody writes meanwhile, so nothing appears behind the reader.
            let (proofs, next) = self.read_feed_proofs(&from, max, i64::MAX).await?;
            let more = (!proofs.is_empty()).then_some(next);
            (proofs.into_iter().map(Piece::Event).collect(), more)
        } else if part == Part::Effects {
            let (effects, last) = self.read_effects(place.unwrap_or_default(), max).await?;
            (effects.into_iter().map(Piece::Effect).collect(), last.map(Cursor::new))
        } else {
            let (field, begins) = begins(part);
            let found = self.table.scan(field, begins, place.and_then(scan_key).as_ref(), max).await?;
            let pieces = found.items.iter().map(|item| piece(part, item)).collect::<Result<Vec<_>, _>>()?;
            (pieces, scan_cursor(found.next.as_ref()))
        };
        Ok(Pieces { pieces, next: part.next(last) })
    }

    /// Up to `max` effects after a place: the item that was read last, or the one that is begun and how many of it were.
    async fn read_effects(&self, place: &str, max: usize) -> Result<(Vec<Effect>, Option<String>), ReadError> {
        let (mut at, mut begun) = match place.rsplit_once("\n+") {
            Some((at, begun)) => (at.to_owned(), begun.parse().unwrap_or(0)),
            None => (place.to_owned(), 0_usize),
        };
        let mut found: Vec<Effect> = Vec::new();
        let (field, begins) = begins(Part::Effects);
        let items = self.table.scan(field, begins, scan_key(&at).as_ref(), max).await?;
        for item in &items.items {
            let effects = Held::read(item)?.into_effects();
            let (of, room) = (effects.len(), max - found.len());
            found.extend(effects.into_iter().skip(begun).take(room));
            if of.saturating_sub(begun) > room {
                return Ok((found, Some(format!("{at}\n+{}", begun + room))));
            }
            let key = Key::of(item)?;
            (at, begun) = (format!("{}\n{}", key.pk, key.sk), 0);
        }
        Ok((found, items.next.map(|key| format!("{}\n{}", key.pk, key.sk))))
    }

    pub(super) async fn put_pieces(&self, pieces: Vec<Piece>) -> Result<(), PutError> {
        let mut putting = Putting::begin(self, &pieces).await.map_err(unwritten)?;
        for (index, piece) in pieces.into_iter().enumerate() {
            let fits = piece.check().map_err(Trouble::Unfit);
            let taken = match fits {
                Ok(()) => putting.take(piece).await,
                Err(trouble) => Err(trouble),
            };
            match taken {
                Ok(()) => {}
                Err(Trouble::Unfit(why)) => return Err(PutError::Refused { index, why }),
                Err(Trouble::Unread(error)) => return Err(unwritten(error)),
            }
        }
        self.table.put_all(putting.items()).await.map_err(PutError::Write)
    }
}

fn unwritten(error: ReadError) -> PutError {
    PutError::Write(error.into())
}

/// Why a piece was not taken.
enum Trouble {
    Unfit(Unfit),
    Unread(ReadError),
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        Self::Unread(error)
    }
}

/// Pieces on their way into the table: all are looked at before the first one is written.
struct Putting<'l> {
    log: &'l DynamoLog,
    known: Known,
    numbers: HashSet<String>,
    /// Events of one stream that follow each other in the feed.
    runs: Vec<Vec<Proof>>,
    chunks: Vec<Chunk>,
    heads: HashSet<StreamId>,
    /// Homes to which effects were added.
    groups: HashSet<StreamId>,
    rest: Vec<Item>,
}

impl<'l> Putting<'l> {
    /// Reads what is there of all that the pieces name.
    async fn begin(log: &'l DynamoLog, pieces: &[Piece]) -> Result<Self, ReadError> {
        let mut wanted = Wanted::default();
        let mut series = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Event(proof) => wanted.things.insert(Thing::Head(proof.event.stream.clone())),
                Piece::Stream(end) => wanted.things.insert(Thing::Head(end.id.clone())),
                Piece::Receipt(appended) => wanted.things.insert(Thing::Receipt(appended.key.clone())),
                Piece::Claim { key, .. } => wanted.things.insert(Thing::Claim(key.clone())),
                Piece::Effect(effect) => {
                    let home = (log.homes)(&effect.wanted.id);
                    wanted.things.extend(home.map(Thing::Group));
                    wanted.things.insert(Thing::Effect(effect.wanted.id.clone()))
                }
                Piece::Number { series: name, .. } => {
                    series.push(Key::number(name));
                    false
                }
            };
        }
        let mut known = Known::new(log.homes);
        log.fetch(&mut known, &wanted).await?;
        let numbers = log.table.get(&series).await?;
        let numbers = numbers.values().map(|item| Ok(number_of(item)?.0)).collect::<Result<_, Strange>>()?;
        let (runs, chunks, rest) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { log, known, numbers, runs, chunks, heads: HashSet::new(), groups: HashSet::new(), rest })
    }

    async fn take(&mut self, piece: Piece) -> Result<(), Trouble> {
        match piece {
            Piece::Event(proof) => self.event(proof).map_err(Trouble::Unfit),
            Piece::Stream(end) => self.stream(end).map_err(Trouble::Unfit),
            Piece::Receipt(appended) => self.receipt(appended).await,
            Piece::Claim { key, holder } => {
                let twice = Unfit::twice("claim", key.as_str());
                self.rest.push(claim_item(&key, &holder));
                once(self.known.claims.insert(key, Some(holder)).flatten().is_some(), twice)
            }
            Piece::Number { series, last } => {
                let twice = Unfit::twice("series", &series);
                self.rest.push(number_item(&series, last));
                once(!self.numbers.insert(series), twice)
            }
            Piece::Effect(effect) => self.effect(effect),
        }
    }

    fn effect(&mut self, effect: Effect) -> Result<(), Trouble> {
        let id = effect.wanted.id.clone();
        let twice = Unfit::twice("effect", id.as_str());
        let alone = match (self.log.homes)(&id) {
            None => Some(effect),
            Some(home) => {
                let group = self.known.groups.entry(home.clone()).or_default();
                let group = group.get_or_insert_with(|| Group::new(home.clone()));
                if group.effects.contains_key(&id) {
                    return once(true, twice);
                }
                self.groups.insert(home);
                group.take(effect)
            }
        };
        let Some(effect) = alone else { return Ok(()) };
        let kept = Kept { effect, writes: 1 };
        self.rest.push(kept.write());
        once(self.known.effects.insert(id, Some(kept)).flatten().is_some(), twice)
    }

    fn event(&mut self, proof: Proof) -> Result<(), Unfit> {
        let stream = proof.event.stream.clone();
        let ended = self.known.heads.get(&stream).and_then(Option::as_ref);
        let (version, link) = ended.map_or((0, Digest::START), |ended| (ended.version, ended.link));
        if let Some(fault) = Walk::step(version, link, &proof) {
            return Err(Unfit::fault(&stream, fault));
        }
        let head = Head { snapshot: Vec::new(), fold: 0, listing: None };
        let born = ended.map_or(String::new(), |ended| ended.born.clone());
        let ended = Ended { version: proof.event.version, link: proof.link, stamp: 0, born, lost: 0, head };
        self.known.heads.insert(stream.clone(), Some(ended));
        self.heads.insert(stream.clone());
        match self.runs.last_mut().filter(|run| run.last().is_some_and(|last| last.event.stream == stream)) {
            Some(run) => run.push(proof),
            None => self.runs.push(vec![proof]),
        }
        Ok(())
    }

    /// Stamps the events that came so far.
    fn stamp(&mut self) {
        for run in std::mem::take(&mut self.runs) {
            for proofs in cut(run) {
                let stamp = self.log.next_stamp();
                let ended = self.known.heads.get_mut(&proofs[0].event.stream).and_then(Option::as_mut);
                if let Some(ended) = ended {
                    ended.stamp = stamp.micros;
                    if ended.born.is_empty() {
                        ended.born = stamp.to_string();
                    }
                }
                self.chunks.push(Chunk { stamp, proofs });
            }
        }
    }

    fn stream(&mut self, end: StreamEnd) -> Result<(), Unfit> {
        let ended = self.known.heads.get_mut(&end.id).and_then(Option::as_mut);
        let found = ended.as_ref().map_or(0, |ended| ended.version);
        match ended.filter(|ended| (ended.version, ended.link) == (end.version, end.link)) {
            Some(ended) => {
                ended.head = end.head;
                self.heads.insert(end.id);
                Ok(())
            }
            None => Err(end.is_not_at(found)),
        }
    }

    /// The events of a receipt must be there, in its order.
    async fn receipt(&mut self, appended: Appended) -> Result<(), Trouble> {
        let Appended { key, spans } = appended;
        self.stamp();
        let mut last: Option<Stamp> = None;
        for span in &spans {
            for version in [span.first, span.last] {
                let stamp = self.stamp_of(&span.stream, version).await?;
                match stamp.filter(|stamp| last.is_none_or(|last| last <= *stamp)) {
                    Some(stamp) => last = Some(stamp),
                    None => return Err(Trouble::Unfit(Unfit::Apart { key })),
                }
            }
        }
        let position = Cursor::new(last.unwrap_or_else(|| self.log.next_stamp()).to_string());
        let receipted = Receipted { spans, position };
        self.rest.push(receipted.write(&key, (self.log.clock)()));
        let twice = Unfit::twice("receipt", key.as_str());
        once(self.known.receipts.insert(key, Some(receipted)).flatten().is_some(), twice)
    }

    async fn stamp_of(&self, stream: &StreamId, version: u64) -> Result<Option<Stamp>, ReadError> {
        let holds = |chunk: &&Chunk| {
            chunk.proofs.iter().any(|proof| proof.event.stream == *stream && proof.event.version == version)
        };
        if let Some(chunk) = self.chunks.iter().find(holds) {
            return Ok(Some(chunk.stamp));
        }
        let found = self.log.table.range(&partition(stream), &events_place(version), EVENTS_END, 1).await?;
        let Some(item) = found.first() else { return Ok(None) };
        let (chunk, _) = Chunk::read(item)?;
        Ok(Some(&chunk).filter(holds).map(|chunk| chunk.stamp))
    }

    /// Everything that is to be written.
    fn items(mut self) -> Vec<Item> {
        self.stamp();
        let mut items: Vec<Item> = self.chunks.iter().flat_map(Chunk::write).collect();
        for stream in &self.heads {
            if let Some(ended) = self.known.heads.get(stream).and_then(Option::as_ref) {
                items.push(ended.write(stream));
            }
        }
        for home in &self.groups {
            if let Some(group) = self.known.groups.get_mut(home).and_then(Option::as_mut) {
                let waits = group.effects.values().any(|effect| effect.state == EffectState::Pending);
                items.push(group.write(waits));
            }
        }
        items.extend(self.rest);
        items
    }
}

fn once(twice: bool, unfit: Unfit) -> Result<(), Trouble> {
    if twice { Err(Trouble::Unfit(unfit)) } else { Ok(()) }
}
