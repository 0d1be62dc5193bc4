//! Holidays by examples.

use crate::{Holiday, Rota, final_schedule};

const FILE: &str = r#"
[people]
ana = { slack = "U0ANA" }
ben = { slack = "U0BEN" }
[schedules.s]
zone = "Europe/Madrid"
holidays = ["holidays/es.ics"]
[[schedules.s.layers]]
name = "days"
rotation = ["ana"]
handoff = "2026-01-05 09:00"
every = "1 week"
on_holidays = "off"
[[schedules.s.layers]]
name = "feasts"
rotation = ["ben"]
handoff = "2026-01-05 09:00"
every = "1 week"
on_holidays = "only"
window = "08:00-06:00"
priority = 1
[escalation.default]
levels = [{ page = ["schedule:s"] }]
"#;

/// Who is on duty on the days from 4 to 9 January: `Mon 00:00 ana`, one after the other.
#[track_caller]
fn check(holidays: &[(&str, &str)], expect: &[&str]) {
    let mut rota = Rota::parse(&[("rota/team.toml", FILE)]).unwrap();
    let schedule = rota.schedules.get_mut("s").unwrap();
    let holiday = |(from, to): &(&str, &str)| Holiday {
        name: "Epiphany".into(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
    };
    schedule.holidays = holidays.iter().map(holiday).collect();
    let zone = schedule.zone.clone();
    let at = |text: &str| format!("2026-01-{text}T23:00:00Z").parse().unwrap();
    let found = final_schedule(&rota, "s", &[], at("04"), at("08")).unwrap();
    let shown = found.iter().map(|segment| {
        let names: Vec<&str> = segment.on_duty.iter().map(|person| person.as_str()).collect();
        let names = if names.is_empty() { "nobody".to_owned() } else { names.join(" ") };
        format!("{} {names}", zone.wall(segment.start).format("%a %H:%M"))
    });
    let mut shown: Vec<String> = shown.collect();
    shown.dedup_by(|later, earlier| later.split(' ').skip(2).eq(earlier.split(' ').skip(2)));
    assert_eq!(shown, expect);
}

#[test]
fn a_layer_is_off_and_another_counts_from_midnight_to_midnight() {
    check(&[], &["Mon 00:00 ana"]);
    // The window of the holiday itself leaves two hours of it to nobody, and the night before is no part of it.
    let expect = ["Mon 00:00 ana", "Tue 00:00 ben", "Tue 06:00 nobody", "Tue 08:00 ben", "Wed 00:00 ana"];
    check(&[("2026-01-06", "2026-01-07")], &expect);
}

#[test]
fn holidays_that_touch_or_lie_over_each_other_are_one() {
    let expect = [
        "Mon 00:00 ana",
        "Tue 00:00 ben",
        "Tue 06:00 nobody",
        "Tue 08:00 ben",
        "Wed 06:00 nobody",
        "Wed 08:00 ben",
        "Thu 00:00 ana",
    ];
    check(&[("2026-01-06", "2026-01-07"), ("2026-01-07", "2026-01-08")], &expect);
    check(&[("2026-01-06", "2026-01-08"), ("2026-01-07", "2026-01-08"), ("2026-01-07", "2026-01-07")], &expect);
}
