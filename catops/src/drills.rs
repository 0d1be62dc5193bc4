//! What the drills of a log say: each as a row, the worst first, and of each person when they last answered one.
//! Pure: it is handed incidents, and reads no log.

use chrono::{DateTime, Utc};
use incident::{Incident, IncidentId, ResponderId};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// One drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its number.
    pub incident: IncidentId,
    /// When it began.
    pub at: DateTime<Utc>,
    /// Its title.
    pub title: String,
    /// True for a ready check.
    pub is_ready_check: bool,
    /// True while an answer is waited for.
    pub is_open: bool,
    /// The people who were asked, or who answered.
    pub asked: Vec<ResponderId>,
    /// Each channel that reached somebody, and after how many seconds.
    pub delivered: Vec<(String, u64)>,
    /// Who answered.
    pub answered_by: Option<ResponderId>,
    /// After how many seconds.
    pub answered_seconds: Option<u64>,
}

/// What the drills say of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfPerson {
    /// Who.
    pub person: ResponderId,
    /// Drills that asked them and are over.
    pub asked: u32,
    /// Those that they answered.
    pub answered: u32,
    /// When they answered one last.
    pub last_answered_at: Option<DateTime<Utc>>,
}

/// The drills that began at `since` or later, the unanswered first, then the slowest; and the people whom they asked, who has
/// not answered for longest first.
#[must_use]
pub fn rows(drills: &[Incident], since: DateTime<Utc>) -> (Vec<Row>, Vec<OfPerson>) {
    let counted = || drills.iter().filter(|drill| drill.opened_at >= since);
    let mut rows: Vec<Row> = counted().filter_map(row).collect();
    rows.sort_by_key(|row| {
        let badness = (row.answered_by.is_none() && !row.is_open, row.answered_seconds.unwrap_or(0));
        Reverse((badness, row.at, row.incident))
    });
    let mut people: BTreeMap<ResponderId, OfPerson> = BTreeMap::new();
    for drill in counted().filter(|drill| !drill.is_open()) {
        let answer = drill.acknowledged.as_ref();
        // Who was only asked beside somebody that answered has missed nothing.
        let asked = answer.map_or_else(|| drill.asked.clone(), |answer| vec![answer.by.clone()]);
        for person in asked {
            let none = OfPerson { person: person.clone(), asked: 0, answered: 0, last_answered_at: None };
            let known = people.entry(person).or_insert(none);
            known.asked += 1;
            if let Some(answer) = answer {
                known.answered += 1;
                known.last_answered_at = known.last_answered_at.max(Some(answer.at));
            }
        }
    }
    let mut people: Vec<OfPerson> = people.into_values().collect();
    people.sort_by(|a, b| (a.last_answered_at, &a.person).cmp(&(b.last_answered_at, &b.person)));
    (rows, people)
}

fn row(drill: &Incident) -> Option<Row> {
    let measured = drill.measured()?;
    Some(Row {
        incident: drill.id,
        at: drill.opened_at,
        title: drill.alarm.title.clone(),
        is_ready_check: drill.drill()?.ready.is_some(),
        is_open: drill.is_open(),
        asked: drill.owners.clone(),
        delivered: measured.delivered.into_iter().map(|page| (page.by, page.after_seconds)).collect(),
        answered_by: measured.answered_by,
        answered_seconds: measured.answered_seconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::{Event, Recorded};
    use serde_json::json;

    fn drill(number: u64, asked: &str, answered: Option<(&str, i64)>) -> Incident {
        let at = |second: i64| DateTime::from_timestamp(1_795_330_000 + 3600 * number as i64 + second, 0).unwrap();
        let alarm = json!({
            "source": "drill", "delivery": "d", "key": "catops/drill/x", "state": "firing", "severity": "critical",
            "title": format!("DRILL: {asked}"), "summary": "", "resource": "", "service": null, "labels": {}, "links": [],
            "occurred_at": at(0), "drill": { "whom": "service", "answer_seconds": 600 },
        });
        let mut events = vec![
            Event::Opened { alarm: serde_json::from_value(alarm).unwrap() },
            serde_json::from_value(json!({
                "kind": "assigned", "to": [asked], "level": 0, "policy": "default", "because": "", "wait_seconds": 300,
            }))
            .unwrap(),
        ];
        let mut times = vec![0, 0];
        match answered {
            Some((who, second)) => {
                events.push(Event::Acknowledged { by: who.into() });
                events.push(Event::DrillEnded { answered_by: Some(who.into()) });
                times.extend([second, second]);
            }
            None => {
                events.push(Event::DrillEnded { answered_by: None });
                times.push(600);
            }
        }
        let recorded: Vec<Recorded> = events
            .into_iter()
            .zip(times)
            .zip(1..)
            .map(|((event, second), seq)| Recorded { seq, at: at(second), event })
            .collect();
        Incident::fold(IncidentId(number), &recorded).unwrap()
    }

    #[test]
    fn the_worst_stands_first_and_so_does_who_never_answered() {
        let drills = [drill(1, "ana", Some(("ana", 20))), drill(2, "ben", None), drill(3, "ana", Some(("ana", 300)))];
        let (found, people) = rows(&drills, DateTime::UNIX_EPOCH);
        let numbers: Vec<u64> = found.iter().map(|row| row.incident.0).collect();
        assert_eq!(numbers, [2, 3, 1]);
        let told: Vec<(&str, u32, u32)> =
            people.iter().map(|person| (person.person.as_str(), person.answered, person.asked)).collect();
        assert_eq!(told, [("ben", 0, 1), ("ana", 2, 2)]);
        assert_eq!(rows(&drills, drills[1].opened_at).0.len(), 2, "earlier ones are not asked about");
    }
}
