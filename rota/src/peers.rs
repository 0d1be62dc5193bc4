//! What users of other tools report, and what those tools' own tests hold, as cases of ours; each test begins with the
//! tool's name. Where a rule of ours is another one, the case shows ours.

use crate::{Change, Operation, Rota, Zone, final_schedule, on_duty};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// A rota of one schedule `s` in `zone` with these layers.
fn rota(zone: &str, layers: &[&str]) -> Rota {
    let mut text = String::from("[escalation.default]\nlevels = [{ page = [\"ana\"] }]\n");
    for person in ["ana", "ben", "chi", "dan"] {
        text.push_str(&format!("[people.{person}]\nslack = \"U0{}\"\n", person.to_uppercase()));
    }
    text.push_str(&format!("[schedules.s]\nzone = \"{zone}\"\n"));
    for (place, layer) in layers.iter().enumerate() {
        text.push_str(&format!("[[schedules.s.layers]]\nname = \"{place}\"\n{layer}\n"));
    }
    Rota::parse(&[("rota/team.toml", text)]).unwrap()
}

fn wall(zone: &str, text: &str) -> DateTime<Utc> {
    let wall = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    Zone::get(zone).unwrap().instant(wall, crate::Occurrence::First)
}

/// `Mon 08:00 ana (12 h)`, one after the other, with the hours that really pass.
#[track_caller]
fn check_with(rota: &Rota, operations: &[Operation], from: &str, to: &str, expect: &[&str]) {
    let zone = rota.schedules["s"].zone.clone();
    let (from, to) = (wall(zone.name(), from), wall(zone.name(), to));
    let mut shown: Vec<(String, String, TimeDelta)> = Vec::new();
    for segment in final_schedule(rota, "s", operations, from, to).unwrap() {
        let mut names: Vec<&str> = segment.on_duty.iter().map(|person| person.as_str()).collect();
        names.sort_unstable();
        let names = if names.is_empty() { "nobody".to_owned() } else { names.join("+") };
        let hours = segment.end - segment.start;
        match shown.last_mut() {
            Some(last) if last.1 == names => last.2 += hours,
            _ => shown.push((zone.wall(segment.start).format("%a %H:%M").to_string(), names, hours)),
        }
    }
    let shown =
        shown.iter().map(|(start, names, hours)| format!("{start} {names} ({} h)", hours.num_minutes() as f64 / 60.0));
    assert_eq!(shown.collect::<Vec<_>>(), expect);
}

#[track_caller]
fn check(zone: &str, layers: &[&str], from: &str, to: &str, expect: &[&str]) {
    check_with(&rota(zone, layers), &[], from, to, expect);
}

#[test]
fn goalert_hourly_rotations_keep_to_the_clock_over_both_changes() {
    let halves = "rotation = [\"ana\", \"ben\"]\nhandoff = \"2020-03-07 08:00\"\nevery = \"12 hours\"";
    let spring = ["Sat 08:00 ana (12 h)", "Sat 20:00 ben (11 h)", "Sun 08:00 ana (12 h)"];
    check("America/Chicago", &[halves], "2020-03-07 08:00", "2020-03-08 20:00", &spring);
    let autumn = ["Sat 20:00 ben (13 h)", "Sun 08:00 ana (12 h)"];
    check("America/Chicago", &[halves], "2020-10-31 20:00", "2020-11-01 20:00", &autumn);
}

#[test]
fn goalert_a_handoff_that_does_not_exist_is_at_the_first_minute_after() {
    let daily = "rotation = [\"ana\", \"ben\"]\nhandoff = \"2020-03-07 02:30\"\nevery = \"1 day\"";
    let expect = ["Sat 02:30 ana (23.5 h)", "Sun 03:00 ben (23.5 h)", "Mon 02:30 ana (24 h)"];
    check("America/Chicago", &[daily], "2020-03-07 02:30", "2020-03-10 02:30", &expect);
}

#[test]
fn goalert_all_rules_are_on_duty_together() {
    let one =
        "rotation = [\"ana\"]\nhandoff = \"2026-01-05 00:00\"\nevery = \"1 week\"\nwindow = \"Mon-Fri 08:00-16:00\"";
    let two =
        "rotation = [\"ben\"]\nhandoff = \"2026-01-05 00:00\"\nevery = \"1 week\"\nwindow = \"Mon-Fri 12:00-20:00\"";
    let expect = ["Mon 08:00 ana (4 h)", "Mon 12:00 ana+ben (4 h)", "Mon 16:00 ben (4 h)", "Mon 20:00 nobody (4 h)"];
    check("Europe/Madrid", &[one, two], "2026-01-12 08:00", "2026-01-13 00:00", &expect);
}

#[test]
fn goalert_months_do_not_spill_into_the_next() {
    // Go's AddDate makes 31 January plus a month the 3rd of March.
    let monthly = "rotation = [\"ana\", \"ben\"]\nhandoff = \"2026-01-31 09:00\"\nevery = \"1 month\"";
    let expect = ["Sat 09:00 ana (672 h)", "Sat 09:00 ben (743 h)", "Tue 09:00 ana (15 h)"];
    check("Europe/Madrid", &[monthly], "2026-01-31 09:00", "2026-04-01 00:00", &expect);
}

#[test]
fn goalert_old_rotations_are_answered_for() {
    // It gives up after 10,000 steps from the start of a rotation.
    let hourly = "rotation = [\"ana\", \"ben\"]\nhandoff = \"1970-01-01 00:00\"\nevery = \"1 hour\"";
    check("UTC", &[hourly], "2026-01-05 08:00", "2026-01-05 10:00", &["Mon 08:00 ana (1 h)", "Mon 09:00 ben (1 h)"]);
}

#[test]
fn oneuptime_the_right_person_after_12000_hours() {
    let hourly = "rotation = [\"ana\", \"ben\", \"chi\"]\nhandoff = \"2026-01-01 00:00\"\nevery = \"1 hour\"";
    let rota = rota("UTC", &[hourly]);
    for (hours, expect) in [(11_999, "chi"), (12_000, "ana"), (12_001, "ben")] {
        let at = wall("UTC", "2026-01-01 00:00") + TimeDelta::hours(hours);
        assert_eq!(on_duty(&rota, "s", &[], at).unwrap().0[0].as_str(), expect, "{hours} hours");
    }
}

#[test]
fn grafana_a_daily_rotation_over_working_days_loses_nobody() {
    // Its own case 21 says that its interval version is wrong here: somebody's turn is always a Sunday.
    let daily = "rotation = [\"ana\", \"ben\", \"chi\", \"dan\"]\nhandoff = \"2026-01-05 08:00\"\nevery = \"1 day\"\n\
                 advance = \"window\"\nwindow = \"Mon-Fri 08:00-20:00\"";
    let expect = [
        "Thu 08:00 dan (12 h)",
        "Thu 20:00 nobody (12 h)",
        "Fri 08:00 ana (12 h)",
        "Fri 20:00 nobody (60 h)",
        "Mon 08:00 ben (12 h)",
        "Mon 20:00 nobody (12 h)",
        "Tue 08:00 chi (12 h)",
    ];
    check("Europe/Madrid", &[daily], "2026-01-08 08:00", "2026-01-13 20:00", &expect);
}

#[test]
fn grafana_the_start_of_a_layer_cuts_a_turn_and_moves_none() {
    let weekly = "rotation = [\"ana\", \"ben\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\n\
                  start = \"2026-01-14 12:00\"\nend = \"2026-01-20 12:00\"";
    let expect =
        ["Mon 09:00 nobody (51 h)", "Wed 12:00 ben (117 h)", "Mon 09:00 ana (27 h)", "Tue 12:00 nobody (12 h)"];
    check("Europe/Madrid", &[weekly], "2026-01-12 09:00", "2026-01-21 00:00", &expect);
}

#[test]
fn grafana_days_and_weeks_leave_no_hour_to_nobody_when_clocks_change() {
    // oncall#5247: an hour of nobody in Chicago when summer ends; grafana#84192: weeks of "6 days, 23 hours".
    let weekly = "rotation = [\"ana\", \"ben\"]\nhandoff = \"2024-10-28 09:00\"\nevery = \"1 week\"";
    let expect = ["Mon 09:00 ana (169 h)", "Mon 09:00 ben (168 h)"];
    check("America/Chicago", &[weekly], "2024-10-28 09:00", "2024-11-11 09:00", &expect);
    check("America/Chicago", &[weekly], "2024-03-04 09:00", "2024-03-11 09:00", &["Mon 09:00 ana (167 h)"]);
}

#[test]
fn grafana_higher_levels_win_and_equal_ones_are_together() {
    let base = "rotation = [\"ana\"]\nhandoff = \"2026-01-05 00:00\"\nevery = \"1 week\"";
    let day = |name: &str| {
        format!(
            "rotation = [\"{name}\"]\nhandoff = \"2026-01-05 00:00\"\nevery = \"1 week\"\nwindow = \"08:00-20:00\"\npriority = 1"
        )
    };
    let expect = ["Mon 00:00 ana (8 h)", "Mon 08:00 ben+chi (12 h)", "Mon 20:00 ana (4 h)"];
    check("UTC", &[base, &day("ben"), &day("chi")], "2026-01-12 00:00", "2026-01-13 00:00", &expect);
}

#[test]
fn oneuptime_a_restriction_is_read_in_its_own_zone_and_comes_once_when_clocks_go_back() {
    let night = "rotation = [\"ana\"]\nhandoff = \"2026-01-05 00:00\"\nevery = \"1 week\"\nwindow = \"22:00-06:00\"";
    let expect = ["Sat 22:00 ana (9 h)", "Sun 06:00 nobody (16 h)", "Sun 22:00 ana (8 h)"];
    check("Europe/Madrid", &[night], "2026-10-24 22:00", "2026-10-26 06:00", &expect);
}

#[test]
fn oneuptime_a_weekend_does_not_drift_over_the_change() {
    let weekend =
        "rotation = [\"ana\"]\nhandoff = \"2026-01-05 00:00\"\nevery = \"1 week\"\nwindow = \"Fri 18:00 - Mon 08:00\"";
    check("America/New_York", &[weekend], "2026-03-06 18:00", "2026-03-09 08:00", &["Fri 18:00 ana (61 h)"]);
    check("America/New_York", &[weekend], "2026-10-30 18:00", "2026-11-02 08:00", &["Fri 18:00 ana (63 h)"]);
}

#[test]
fn oneuptime_handoffs_touch_to_the_nanosecond() {
    let daily = "rotation = [\"ana\", \"ben\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 day\"";
    let rota = rota("Europe/Madrid", &[daily]);
    let handoff = wall("Europe/Madrid", "2026-01-06 09:00");
    let name = |at| on_duty(&rota, "s", &[], at).unwrap().0[0].as_str();
    assert_eq!((name(handoff - TimeDelta::nanoseconds(1)), name(handoff)), ("ana", "ben"));
}

#[test]
fn a_cover_of_a_cover_is_the_last_one() {
    // OneUptime keeps ben for all of the first; GoAlert shows ben and pages chi.
    let weekly = "rotation = [\"ana\"]\nhandoff = \"2026-01-05 00:00\"\nevery = \"1 week\"";
    let cover = |number, from: &str, to: &str, start, end| Operation {
        number,
        schedule: "s".into(),
        start: wall("UTC", start),
        end: wall("UTC", end),
        change: Change::ReplaceUser { from: from.into(), to: to.into() },
        by: to.into(),
        reason: String::new(),
    };
    let covers = [
        cover(1, "ana", "ben", "2026-01-12 08:00", "2026-01-12 18:00"),
        cover(2, "ben", "chi", "2026-01-12 10:00", "2026-01-12 12:00"),
    ];
    let expect = ["Mon 08:00 ben (2 h)", "Mon 10:00 chi (2 h)", "Mon 12:00 ben (6 h)", "Mon 18:00 ana (6 h)"];
    check_with(&rota("UTC", &[weekly]), &covers, "2026-01-12 08:00", "2026-01-13 00:00", &expect);
}

#[test]
fn incident_io_one_day_and_then_three() {
    let pattern =
        "rotation = [\"ana\", \"ben\", \"chi\"]\nhandoff = \"2026-01-05 09:00\"\nevery = [\"1 day\", \"3 days\"]";
    let expect = [
        "Mon 09:00 ana (24 h)",
        "Tue 09:00 ben (72 h)",
        "Fri 09:00 chi (24 h)",
        "Sat 09:00 ana (72 h)",
        "Tue 09:00 ben (24 h)",
    ];
    check("Europe/Madrid", &[pattern], "2026-01-05 09:00", "2026-01-14 09:00", &expect);
}

#[test]
fn follow_the_sun_shows_its_overlap_and_its_hole() {
    let office = |name: &str, zone: &str| {
        format!(
            "rotation = [\"{name}\"]\nhandoff = \"2024-01-01 00:00\"\nevery = \"1 week\"\nwindow = \"08:00-16:00\"\nzone = \"{zone}\""
        )
    };
    let layers = [office("ana", "Europe/London"), office("ben", "America/New_York"), office("chi", "Australia/Sydney")];
    let layers: Vec<&str> = layers.iter().map(String::as_str).collect();
    // In March America is on summer time and Europe is not.
    let march = [
        "Wed 08:00 ana (4 h)",
        "Wed 12:00 ana+ben (4 h)",
        "Wed 16:00 ben (4 h)",
        "Wed 20:00 nobody (1 h)",
        "Wed 21:00 chi (3 h)",
    ];
    check("UTC", &layers, "2024-03-20 08:00", "2024-03-21 00:00", &march);
    let july = [
        "Wed 06:00 nobody (1 h)",
        "Wed 07:00 ana (5 h)",
        "Wed 12:00 ana+ben (3 h)",
        "Wed 15:00 ben (5 h)",
        "Wed 20:00 nobody (2 h)",
        "Wed 22:00 chi (2 h)",
    ];
    check("UTC", &layers, "2024-07-17 06:00", "2024-07-18 00:00", &july);
}

#[test]
fn the_zones_that_changed_in_2026_are_answered_by_its_rules() {
    let daily = "rotation = [\"ana\", \"ben\"]\nhandoff = \"2026-10-25 09:00\"\nevery = \"1 day\"";
    // Vancouver and Havana no longer go back in November, and Casablanca is at UTC all year since September.
    for (zone, offset_hours) in [("America/Vancouver", -7), ("Africa/Casablanca", 0), ("America/Havana", -4)] {
        let rota = rota(zone, &[daily]);
        let handoff = "2026-11-20T09:00:00Z".parse::<DateTime<Utc>>().unwrap() - TimeDelta::hours(offset_hours);
        let turn = |at| on_duty(&rota, "s", &[], at).unwrap().1.turns[0].number;
        assert_eq!((turn(handoff - TimeDelta::seconds(1)), turn(handoff)), (25, 26), "{zone}");
    }
    assert!(Zone::tzdata_version() >= "2026", "{}", Zone::tzdata_version());
}
