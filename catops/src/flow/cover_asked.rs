//! Cover that is asked for in the name of who is on duty and away by a calendar, where `ask_for_cover` says so. It asks once
//! for each shift and absence; whoever does not want it cancels the request, or writes `[no cover]` into the entry.

use crate::app::App;
use crate::clock;
use crate::flow::act::Doer;
use crate::flow::book::{self, NotDone};
use crate::flow::change::ChangeError;
use chrono::TimeDelta;
use incident::ResponderId;
use rota::{Span, Wish, away_on_duty};

/// How far ahead shifts are looked at.
const AHEAD: TimeDelta = TimeDelta::weeks(8);
/// Requests that are made in one go; the rest follows with the next look.
const ASKED_MAX: usize = 20;

/// Asks for what is not asked for yet.
pub async fn ask(app: &App) {
    let setup = app.setup();
    let asking: Vec<&str> = setup
        .config
        .calendars
        .iter()
        .filter(|(_, calendar)| calendar.ask_for_cover)
        .map(|(name, _)| name.as_str())
        .collect();
    if asking.is_empty() {
        return;
    }
    for (schedule, person, span) in wanted(app, &asking).await.into_iter().take(ASKED_MAX) {
        let cause = format!("calendar/{schedule}/{person}/{}/{}", span.start.timestamp(), span.end.timestamp());
        let doer = Doer { who: person.clone(), cause };
        let wish = Wish::Cover { schedule: schedule.clone(), span, reason: "away by calendar".to_owned() };
        match book::wish(app, &doer, wish).await {
            Ok((event, _)) => {
                tracing::info!(schedule = %schedule, "asked for cover for {person} on {schedule} as #{}", event.number());
            }
            // It was asked before, or it has begun.
            Err(NotDone::Change(ChangeError::Duplicate) | NotDone::Refused(_)) => {}
            Err(error) => tracing::warn!(error = %error, "cover for {person} on {schedule} could not be asked for"),
        }
    }
}

/// Who is on duty and away, where nobody was asked yet.
async fn wanted(app: &App, asking: &[&str]) -> Vec<(String, ResponderId, Span)> {
    let setup = app.setup();
    let now = clock::now();
    let book = match book::load(&*app.log).await {
        Ok(book) => book,
        Err(error) => {
            tracing::warn!(error = %error, "the changes of the rota could not be read; nobody is asked for cover");
            return Vec::new();
        }
    };
    let mut rota = setup.rota.clone();
    let away = setup.calendars.imported.away();
    rota.away = away
        .filter(|(name, away)| asking.contains(name) && !away.without_cover)
        .map(|(_, away)| away.clone())
        .collect();
    let (operations, within) = (book.operations(), Span { start: now, end: now + AHEAD });
    let mut wanted = Vec::new();
    for schedule in rota.schedules.keys() {
        let clashes = away_on_duty(&rota, schedule, &operations, within).unwrap_or_default();
        for (person, spans) in clashes {
            let is_asked = |span: &Span| {
                book.requests().any(|(_, request)| {
                    let touches = |other: Span| other.and(*span).start < other.and(*span).end;
                    request.asked.schedule == *schedule
                        && request.asked.asker == person
                        && request.spans().into_iter().any(touches)
                })
            };
            let open = spans.into_iter().filter(|span| span.start > now && !is_asked(span));
            wanted.extend(open.map(|span| (schedule.clone(), person.clone(), span)));
        }
    }
    wanted.sort_by_key(|(_, _, span)| span.start);
    wanted
}
