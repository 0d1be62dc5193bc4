//! The alarms of Prometheus rule files, plain or as `PrometheusRule` manifests. It reads text and opens no file.

use super::Existing;
use crate::runbooks::in_words;
use incident::{Alarm, Link, Severity};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    groups: Vec<Group>,
    #[serde(default)]
    spec: Option<Spec>,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: Option<String>,
    #[serde(default)]
    expr: Option<Scalar>,
    #[serde(default)]
    labels: BTreeMap<String, Scalar>,
    #[serde(default)]
    annotations: BTreeMap<String, Scalar>,
}

/// Rule files write numbers and words alike.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(f64),
    Flag(bool),
}

impl Scalar {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
        }
    }
}

/// The alerting rules of a file. Recording rules are none.
///
/// # Errors
/// The file is no YAML, or no rule file.
pub fn alarms(path: &str, text: &str) -> Result<Vec<Existing>, serde_saphyr::Error> {
    let file: File = serde_saphyr::from_str(text)?;
    let groups = file.groups.into_iter().chain(file.spec.into_iter().flat_map(|spec| spec.groups));
    let rules = groups.flat_map(|group| group.rules);
    let existing = |alarm| Existing { alarm, origin: path.to_owned(), fired: 0, last: None };
    Ok(rules.filter_map(alarm).map(existing).collect())
}

/// As Alertmanager would deliver it, its templates unfilled.
fn alarm(rule: Rule) -> Option<Alarm> {
    let name = rule.alert?;
    let mut labels: BTreeMap<String, String> =
        rule.labels.into_iter().map(|(name, value)| (name, value.text())).collect();
    let mut annotations: BTreeMap<String, String> =
        rule.annotations.into_iter().map(|(name, value)| (name, plain(&value.text()))).collect();
    let links = annotations.remove("runbook_url").map(|url| Link { rel: "runbook".to_owned(), url });
    labels.extend(annotations.remove("description").map(|text| ("description".to_owned(), text)));
    labels.extend(rule.expr.map(|expr| ("expr".to_owned(), expr.text())));
    labels.insert("alertname".to_owned(), name.clone());
    let service = ["service", "app", "job"].into_iter().find_map(|label| labels.get(label).cloned());
    Some(Alarm {
        source: "alertmanager".to_owned(),
        severity: labels.get("severity").map_or(Severity::Unknown, |word| Severity::parse(word)),
        summary: annotations.remove("summary").or_else(|| annotations.remove("message")).unwrap_or_default(),
        links: links.into_iter().collect(),
        service,
        labels,
        ..in_words(&name)
    })
}

/// Without the templates, which say nothing before they are filled.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once("{{") {
        plain.push_str(before);
        rest = inside.split_once("}}").map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_files_and_manifests_give_their_alerts() {
        let rules = "groups:\n- name: a\n  rules:\n  - record: x:y\n    expr: sum(x)\n  - alert: HighLatency\n    expr: up == 0\n    \
                     labels: {severity: critical, tier: 1}\n    annotations:\n      summary: p99 of {{ $labels.job }} is high\n      \
                     runbook_url: https://example.com/rb\n";
        let found = alarms("rules.yml", rules).unwrap();
        assert_eq!(found.len(), 1);
        let alarm = &found[0].alarm;
        assert_eq!((alarm.title.as_str(), alarm.summary.as_str()), ("HighLatency", "p99 of is high"));
        assert_eq!(
            (alarm.severity, alarm.labels["tier"].as_str(), alarm.labels["expr"].as_str()),
            (Severity::Critical, "1", "up == 0")
        );
        assert_eq!(alarm.links[0].url, "https://example.com/rb");
        let manifest = format!(
            "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n  {}",
            rules.replace('\n', "\n  ")
        );
        assert_eq!(alarms("m.yml", &manifest).unwrap().len(), 1);
        assert!(alarms("x.yml", "groups: 7").is_err());
    }
}
