//! Who gets which turn in a rotation with `mode = "fair"`: the heaviest turn goes to whoever has done least. Turns are dealt
//! in rounds, in each of which every group has one; rounds are counted together in counts of bounded length, each of which
//! starts from nothing. So the answer follows from the number of the turn, and costs the same however old the anchor is:
//! a count that went on for ever would have to be replayed from its first turn, or kept where files are read.
//!
//! It weighs turns by the clock on the wall and by the hours of the layer. It never looks at holidays: a calendar that
//! comes in later would give running turns to others. It knows nobody's absences either: those are covered by hand.

use crate::grid::Grid;
use crate::window::Window;
use crate::zone::DAY_SECONDS;
use chrono::{Timelike, Weekday};
use smallvec::SmallVec;

/// What the hours of a week weigh, for a layer with these windows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fair {
    /// From which second of the week on, counted from Monday 00:00, what has come together by then; the first is 0, 0.
    marks: Vec<Mark>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Mark {
    second: i64,
    /// In halves of a second by day on a weekday.
    before: i64,
    /// How much each second from here on weighs, in the same unit.
    weight: i64,
}

/// What is known of a rotation when a turn of it is dealt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count<'r> {
    pub(crate) grid: &'r Grid,
    /// How many groups there are.
    pub(crate) groups: usize,
    /// The turn with which the first count starts.
    pub(crate) from: i64,
    /// The place of the group that has that turn.
    pub(crate) first: usize,
}

const WEEK_SECONDS: i64 = 7 * DAY_SECONDS;
/// From a Monday to 1970-01-01, which was a Thursday.
const MONDAY_SECONDS: i64 = 3 * DAY_SECONDS;
/// Nights are those of the ledger, 22:00 to 06:00.
const NIGHT_STARTS: i64 = 22 * 3_600;
const NIGHT_ENDS: i64 = 6 * 3_600;
/// A weekday by day; nights count twice, weekends one and a half times, and weekend nights three times.
const BY_DAY: i64 = 2;
const ON_WEEKENDS: i64 = 3;
const AT_NIGHT: i64 = 2;
/// About how many turns are counted together: two years of weeks, and a few microseconds to deal.
const TURNS_OF_A_COUNT: i64 = 104;
/// A count of a long list has at least so many rounds, since one alone cannot make up for anything.
const ROUNDS_MIN: i64 = 4;

/// One number for each group or turn of a round.
type Each<T> = SmallVec<[T; 16]>;

impl Fair {
    /// The weights of a week with these windows; without windows all of it counts. Days of the month are passed over.
    pub(crate) fn new(windows: &[Window]) -> Self {
        let mut edges: Vec<i64> = (0..7)
            .flat_map(|day| [0, NIGHT_ENDS, NIGHT_STARTS].map(|second| day * DAY_SECONDS + second))
            .chain(openings(windows).into_iter().flat_map(|(opens, closes)| [opens, closes]))
            .map(|second| second.rem_euclid(WEEK_SECONDS))
            .collect();
        edges.sort_unstable();
        edges.dedup();
        let openings = openings(windows);
        let is_open = |second: i64| {
            let in_it = |(opens, closes): &(i64, i64)| {
                [second, second + WEEK_SECONDS, second + 2 * WEEK_SECONDS]
                    .iter()
                    .any(|second| opens <= second && second < closes)
            };
            windows.is_empty() || openings.iter().any(in_it)
        };
        let mut marks: Vec<Mark> = Vec::with_capacity(edges.len());
        for second in edges {
            let before = marks.last().map_or(0, |last| last.at(second));
            marks.push(Mark { second, before, weight: if is_open(second) { weight(second) } else { 0 } });
        }
        Self { marks }
    }

    /// What the wall time from `start` to `end` weighs, both in seconds since 1970.
    #[cfg(test)]
    fn weight(&self, start: i64, end: i64) -> i64 {
        self.until(end) - self.until(start)
    }

    /// What weighs the wall time until then, from the Monday before 1970.
    fn until(&self, wall: i64) -> i64 {
        let since = wall + MONDAY_SECONDS;
        let (weeks, second) = (since.div_euclid(WEEK_SECONDS), since.rem_euclid(WEEK_SECONDS));
        let whole = self.marks.last().map_or(0, |last| last.at(WEEK_SECONDS));
        let next = self.marks.partition_point(|mark| mark.second <= second);
        let mark = next.checked_sub(1).and_then(|place| self.marks.get(place));
        weeks * whole + mark.map_or(0, |mark| mark.at(second))
    }

    /// The place of the group that has turn `number`.
    pub(crate) fn place(&self, number: i64, count: Count<'_>) -> usize {
        let groups = i64::try_from(count.groups).unwrap_or(i64::MAX).max(1);
        let around = |steps: i64| {
            let first = i64::try_from(count.first).unwrap_or_default();
            usize::try_from(first.wrapping_add(steps).rem_euclid(groups)).unwrap_or_default()
        };
        let since = number.wrapping_sub(count.from);
        // Two can only take turns, when nobody is to have two turns in a row.
        if count.groups < 3 {
            return around(since);
        }
        let rounds = (TURNS_OF_A_COUNT / groups).max(ROUNDS_MIN);
        let (nth, turn) = (since.div_euclid(rounds * groups), since.rem_euclid(rounds * groups));
        let (asked, slot) = (turn / groups, turn % groups);
        let mut deal = Deal {
            loads: SmallVec::from_elem(0, count.groups),
            begins_with: around(nth),
            last: None,
            places: SmallVec::new(),
        };
        let round_of = |round: i64| Round {
            weights: self.weights(count, number - turn + round * groups),
            // Who begins the next count may not have the turn before it too.
            barred: (round == rounds - 1).then(|| around(nth + 1)),
        };
        let mut round = round_of(0);
        for nth in 0..=asked {
            let next = round_of(nth + 1);
            deal.round(&round, (nth + 1 < rounds).then_some(&next));
            round = next;
        }
        usize::try_from(slot).ok().and_then(|slot| deal.places.get(slot)).copied().unwrap_or_default()
    }

    /// What each turn of the round weighs that starts with turn `first`.
    fn weights(&self, count: Count<'_>, first: i64) -> Each<i64> {
        let mut start = self.until(count.grid.wall_start(first));
        let mut weights = SmallVec::with_capacity(count.groups);
        for turn in (first..).take(count.groups) {
            let end = self.until(count.grid.wall_start(turn + 1));
            weights.push(end - start);
            start = end;
        }
        weights
    }
}

/// A round before it is dealt.
struct Round {
    /// What each of its turns weighs.
    weights: Each<i64>,
    /// The group that may not have the last one.
    barred: Option<usize>,
}

/// A count while it is dealt.
struct Deal {
    /// What each group has done in this count.
    loads: Each<i64>,
    /// The group that has the first turn of the count.
    begins_with: usize,
    /// The group that had the turn before this round.
    last: Option<usize>,
    /// Which group has each turn of the round that was dealt last.
    places: Each<usize>,
}

/// Up to so many groups every exchange of two turns is tried; above, only those of the first and the last turn.
const ALL_TRIED_MAX: usize = 8;

impl Deal {
    /// Deals a round: the heaviest turn to the group that has done least, and so on; then two turns are exchanged where
    /// that is what it takes for nobody to have two in a row, now or in the round after, and for loads to stay even in both.
    fn round(&mut self, round: &Round, next: Option<&Round>) {
        let mut places = self.heaviest_to_least(&self.loads, &round.weights);
        let mut best: Option<(i64, i64, Each<usize>)> = None;
        let mut consider = |places: &Each<usize>| {
            if self.allows(places, round) {
                let loads = self.after(places, &round.weights);
                let now = spread(&loads);
                let later = next.map_or(0, |next| self.spread_after(&loads, places.last().copied(), next));
                if best.as_ref().is_none_or(|best| (now + later, now) < (best.0, best.1)) {
                    best = Some((now + later, now, places.clone()));
                }
            }
        };
        consider(&places);
        let count = places.len();
        for one in 0..count {
            for other in one + 1..count {
                if count <= ALL_TRIED_MAX || one == 0 || other == count - 1 {
                    places.swap(one, other);
                    consider(&places);
                    places.swap(one, other);
                }
            }
        }
        // Both ends are wrong, and no single exchange mends both.
        let is_wrong = self.last.is_some() && places.first() == self.last.as_ref();
        if is_wrong && round.barred.is_some() && places.last() == round.barred.as_ref() {
            for middle in 1..count - 1 {
                let mut turned = places.clone();
                turned.swap(0, middle);
                turned.swap(middle, count - 1);
                consider(&turned);
                turned.swap(0, count - 1);
                consider(&turned);
            }
        }
        if let Some((_, _, found)) = best {
            places = found;
        }
        self.loads = self.after(&places, &round.weights);
        self.last = places.last().copied();
        self.places = places;
    }

    /// Which group has each turn when the heaviest goes to whoever has done least.
    fn heaviest_to_least(&self, loads: &[i64], weights: &[i64]) -> Each<usize> {
        let count = loads.len();
        let mut groups: Each<usize> = (0..count).map(|step| (self.begins_with + step) % count).collect();
        groups.sort_by_key(|group| loads[*group]);
        let mut turns: Each<usize> = (0..count).collect();
        turns.sort_by_key(|turn| -weights[*turn]);
        let mut places: Each<usize> = SmallVec::from_elem(0, count);
        for (group, turn) in groups.iter().zip(&turns) {
            places[*turn] = *group;
        }
        places
    }

    /// Whether a round can be dealt so.
    fn allows(&self, places: &[usize], round: &Round) -> bool {
        let begins = match self.last {
            None => places.first() == Some(&self.begins_with),
            Some(last) => places.first() != Some(&last),
        };
        begins && (round.barred.is_none() || places.last() != round.barred.as_ref())
    }

    fn after(&self, places: &[usize], weights: &[i64]) -> Each<i64> {
        let mut loads = self.loads.clone();
        for (group, weight) in places.iter().zip(weights) {
            loads[*group] += weight;
        }
        loads
    }

    /// How far apart loads are after one more round, dealt without looking further.
    fn spread_after(&self, loads: &Each<i64>, last: Option<usize>, next: &Round) -> i64 {
        let then = Self { loads: loads.clone(), begins_with: self.begins_with, last, places: SmallVec::new() };
        let mut places = then.heaviest_to_least(loads, &next.weights);
        let count = places.len();
        let mut least = i64::MAX;
        if then.allows(&places, next) {
            least = spread(&then.after(&places, &next.weights));
        } else {
            let end = if places.first().copied() == last { 0 } else { count - 1 };
            for other in (0..count).filter(|other| *other != end) {
                places.swap(end, other);
                if then.allows(&places, next) {
                    least = least.min(spread(&then.after(&places, &next.weights)));
                }
                places.swap(end, other);
            }
        }
        least.min(i64::MAX / 4)
    }
}

/// How much more the most burdened group has done than the least burdened one.
fn spread(loads: &[i64]) -> i64 {
    let (least, most) =
        loads.iter().fold((i64::MAX, i64::MIN), |(least, most), load| (least.min(*load), most.max(*load)));
    most.saturating_sub(least)
}

impl Mark {
    /// What has come together at a second from this mark on.
    const fn at(self, second: i64) -> i64 {
        self.before + (second - self.second) * self.weight
    }
}

/// What a second of the week weighs.
fn weight(second: i64) -> i64 {
    let (day, time) = (second.div_euclid(DAY_SECONDS), second.rem_euclid(DAY_SECONDS));
    let by_day = if day < 5 { BY_DAY } else { ON_WEEKENDS };
    if (NIGHT_ENDS..NIGHT_STARTS).contains(&time) { by_day } else { by_day * AT_NIGHT }
}

/// From when until when `windows` open in a week, in seconds from Monday 00:00; an end may lie in the weeks after.
fn openings(windows: &[Window]) -> Vec<(i64, i64)> {
    let of = |window: &Window| {
        let opens_on = |day: &i64| {
            u8::try_from(*day).is_ok_and(|day| Weekday::try_from(day).is_ok_and(|day| window.days.contains(day)))
        };
        let from = i64::from(window.from.num_seconds_from_midnight());
        let to = i64::from(window.days_open) * DAY_SECONDS + i64::from(window.to.num_seconds_from_midnight());
        (0..7).filter(opens_on).map(|day| (day * DAY_SECONDS + from, day * DAY_SECONDS + to)).collect::<Vec<_>>()
    };
    windows.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests;
