//! Whose link is believed.

use super::*;
use std::path::Path;

const BASE: &str = "https://catops.example.com";

/// A configuration of the starter files with this key.
fn setup(key: Option<&str>) -> Setup {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("rota")).unwrap();
    std::fs::write(folder.path().join("catops.toml"), "").unwrap();
    std::fs::write(
        folder.path().join("rota/team.toml"),
        "[people.ana]\nslack = \"U0ANA\"\n[[escalation.default.levels]]\npage = [\"ana\"]\n",
    )
    .unwrap();
    let mut setup = read(folder.path());
    setup.config.paging.link_secret = key.map(|key| crate::config::secret::SecretRef::Plain(key.to_owned()));
    setup
}

fn read(folder: &Path) -> Setup {
    Setup::read_once(folder).setup.expect("a configuration that can be used")
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_796_000_000 + second, 0).unwrap()
}

fn claim(url: &str) -> Claim {
    let parts: Vec<&str> = url.strip_prefix(BASE).unwrap().split('/').collect();
    let ["", "ack", incident, who, ends, tag] = parts[..] else { panic!("{url}") };
    Claim {
        incident: IncidentId(incident.parse().unwrap()),
        who: who.into(),
        ends: ends.parse().unwrap(),
        tag: tag.to_owned(),
    }
}

#[test]
fn a_link_is_good_for_its_person_incident_round_and_day() {
    let setup = setup(Some("a key of enough bytes"));
    let url = ack(&setup, BASE, IncidentId(42), 1, &"ana".into(), at(0)).expect("a link");
    assert!(url.len() <= BASE.len() + 50, "it fits into a text message: {url}");
    let ours = claim(&url);
    assert!(holds(&setup, &ours, 1, at(0)) && holds(&setup, &ours, 1, at(86_399)));
    assert!(!holds(&setup, &ours, 1, at(86_400)), "its day is over");
    assert!(!holds(&setup, &ours, 2, at(0)), "the incident was opened again");
    let others = [
        Claim { incident: IncidentId(43), ..ours.clone() },
        Claim { who: "ben".into(), ..ours.clone() },
        Claim { ends: ours.ends + 60, ..ours.clone() },
        Claim { tag: String::new(), ..ours.clone() },
        Claim { tag: ours.tag.chars().take(8).collect(), ..ours.clone() },
        Claim { tag: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(), ..ours.clone() },
    ];
    for other in others {
        assert!(!holds(&setup, &other, 1, at(0)), "{other:?}");
    }
}

#[test]
fn without_a_good_key_there_is_no_link_and_none_is_believed() {
    let good = setup(Some("a key of enough bytes"));
    let url = ack(&good, BASE, IncidentId(42), 0, &"ana".into(), at(0)).expect("a link");
    for key in [None, Some(""), Some("too short"), Some("another key of enough bytes")] {
        let other = setup(key);
        assert!(!holds(&other, &claim(&url), 0, at(0)), "{key:?}");
    }
    assert_eq!(ack(&setup(Some("too short")), BASE, IncidentId(42), 0, &"ana".into(), at(0)), None);
    assert_eq!(ack(&good, "", IncidentId(42), 0, &"ana".into(), at(0)), None, "nobody knows where it would lead");
    let strange = ack(&good, BASE, IncidentId(42), 0, &"a/b?c".into(), at(0)).expect("a link");
    assert!(strange.contains("/ack/42/a%2Fb%3Fc/"), "{strange}");
}
