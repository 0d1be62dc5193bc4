//! The picture as SVG: one block a week, seven days wide, a lane for each person who is on duty in that week, and a lane for
//! the times with nobody. It is plain: no script, no style sheet, no link, and every text from outside is escaped.

use super::letters::printable;
use super::{Weeks, heading, letters_of};
use crate::gaps::gaps_of;
use crate::on_call::final_schedule;
use crate::operation::Operation;
use crate::rota::{Rota, UnknownSchedule};
use crate::shifts::{intersection, shifts};
use crate::span::Span;
use crate::told;
use crate::zone::Zone;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Timelike, Utc};

/// Pixels a day.
const DAY: i64 = 120;
/// Pixels for the names at the left.
const MARGIN: i64 = 140;
/// Pixels a lane.
const LANE: i64 = 18;
/// Pixels of the shortest time, so that no gap is overlooked.
const WIDTH_MIN: i64 = 3;
/// Dark enough for white letters, and told apart by people who confuse red and green (Okabe and Ito, 2008, darkened).
const COLOURS: [&str; 7] = ["#0072b2", "#a65628", "#007a5a", "#7a3e8e", "#5a5a00", "#b0306a", "#444444"];
/// Of the times with nobody on duty.
const GAP_COLOUR: &str = "#d00000";

/// The same weeks as [`super::picture`], as an SVG document. Times are told in the zone of the schedule.
///
/// # Errors
/// When there is no such schedule.
pub fn picture_svg(
    rota: &Rota,
    schedule: &str,
    operations: &[Operation],
    weeks: Weeks,
    now: DateTime<Utc>,
) -> Result<String, UnknownSchedule> {
    let zone = &rota.schedule(schedule)?.zone;
    let span = weeks.span(zone);
    let segments = final_schedule(rota, schedule, operations, span.start, span.end)?;
    let letters = letters_of(rota, schedule, &segments)?;
    let (shifts, gaps) = (shifts(&segments), gaps_of(&segments));
    let mut canvas = Canvas { zone, body: String::new(), top: 0, now };
    for week in 0..weeks.count {
        let this = Weeks { first: weeks.day(7 * week), count: 1 };
        let time = this.span(zone);
        canvas.headings(this.first, zone.wall(now).date());
        for ((_, person), colour) in letters.iter().zip(COLOURS.iter().cycle()) {
            let own = shifts.get(person).map(Vec::as_slice).unwrap_or_default();
            let name = rota.person(person).map_or(person.as_str(), |person| &person.name);
            canvas.lane(name, colour, &intersection(own, &[time]), this.first);
        }
        canvas.lane("nobody", GAP_COLOUR, &intersection(&gaps, &[time]), this.first);
        canvas.top += LANE / 2;
    }
    let title = format!("{schedule}, from {}, {}", weeks.first.format("%a %-d %b %Y"), zone.name());
    let (width, height) = (MARGIN + 7 * DAY, canvas.top);
    Ok(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" role="img">
<title>{}</title>
{}</svg>
"#,
        escaped(&title),
        canvas.body
    ))
}

/// What is drawn so far.
struct Canvas<'c> {
    zone: &'c Zone,
    body: String,
    top: i64,
    now: DateTime<Utc>,
}

impl Canvas<'_> {
    /// The days of a week, with the lines between them.
    fn headings(&mut self, monday: NaiveDate, today: NaiveDate) {
        self.top += LANE;
        for number in 0..7_u32 {
            let day = monday.checked_add_days(Days::new(number.into())).unwrap_or(monday);
            let (x, y) = (MARGIN + DAY * i64::from(number), self.top);
            let weight = if day == today { " font-weight=\"bold\"" } else { "" };
            let name = escaped(&heading(day, today));
            let (line_top, text_x, text_y) = (y - LANE, x + 4, y - 5);
            self.body.push_str(&format!(
                r##"<line x1="{x}" y1="{line_top}" x2="{x}" y2="{y}" stroke="#888888"/><text x="{text_x}" y="{text_y}"{weight}>{name}</text>
"##
            ));
        }
    }

    /// A person's shifts in one week; nothing when there are none.
    fn lane(&mut self, name: &str, colour: &str, spans: &[Span], monday: NaiveDate) {
        if spans.is_empty() {
            return;
        }
        let (name, top) = (escaped(&printable(name)), self.top);
        let (text_y, rect_y, height) = (top + LANE - 5, top + 2, LANE - 4);
        self.body.push_str(&format!("<text x=\"4\" y=\"{text_y}\">{name}</text>\n"));
        for span in spans {
            let (left, right) = (self.across(span.start, monday), self.across(span.end, monday));
            let width = (right - left).max(WIDTH_MIN);
            let time = escaped(&told::span(*span, self.zone, self.now));
            self.body.push_str(&format!(
                r#"<rect x="{left}" y="{rect_y}" width="{width}" height="{height}" fill="{colour}"><title>{name}: {time}</title></rect>
"#
            ));
        }
        self.top += LANE;
    }

    /// Where a moment is, by what clocks show then.
    fn across(&self, at: DateTime<Utc>, monday: NaiveDate) -> i64 {
        let wall = self.zone.wall(at);
        let days = (wall - monday.and_time(NaiveTime::MIN)).num_days();
        let within = DAY * i64::from(wall.time().num_seconds_from_midnight()) / 86_400;
        MARGIN + (days * DAY + within).clamp(0, 7 * DAY)
    }
}

/// Text as XML wants it, also inside quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
