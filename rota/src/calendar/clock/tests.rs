//! Lengths, offsets and the table of Windows' names.

use super::*;

#[track_caller]
fn check(value: &str, expect: Option<(i64, i64)>) {
    assert_eq!(Length::read(value).map(|length| (length.days, length.seconds)), expect, "{value}");
}

#[test]
fn lengths() {
    check("P1W", Some((7, 0)));
    check("P1DT2H3M4S", Some((1, 7_384)));
    check("+PT90M", Some((0, 5_400)));
    check("-PT15M", Some((0, -900)));
    check("P15", None);
    check("PT1D", None);
    check("P1H", None);
    check("1H", None);
    check("P99999999999999999999D", None);
    check("P500000W", None);
    check(&format!("PT{}", "9999999999H".repeat(1_000_000)), None);
}

#[test]
fn offsets() {
    for (value, expect) in [
        ("+0100", Some(3_600)),
        ("-033000", Some(-12_600)),
        ("0000", Some(0)),
        ("+2400", None),
        ("+1", None),
        ("é100", None),
    ] {
        assert_eq!(offset_seconds(value), expect, "{value}");
    }
}

#[test]
fn every_windows_name_is_a_zone() {
    let names: BTreeMap<String, String> = toml::from_str(include_str!("../windows_zones.toml")).unwrap();
    assert_eq!(names.len(), 139);
    for (windows, zone) in &names {
        assert!(Zone::get(zone).is_some(), "{windows} is {zone}");
        assert_eq!(known_zone(windows), Zone::get(zone));
    }
    assert_eq!(known_zone("W. Europe Standard Time").unwrap().name(), "Europe/Berlin");
}

#[test]
fn no_name_is_a_zone_by_chance() {
    for name in ["", "/", "///", "Customized Time Zone", "/x/y/z", "é"] {
        assert_eq!(known_zone(name), None, "{name}");
    }
}
