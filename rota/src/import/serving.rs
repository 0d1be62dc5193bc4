//! Which policy serves what: services by their names, and the default for everything else. The files refuse a policy that
//! serves nothing and a service that two policies serve; here it is decided what becomes of those.

use super::existing::Existing;
use super::form::{Entry, Form, Key, Policy};
use super::resolve::called;
use super::write;
use std::collections::{BTreeMap, BTreeSet};

/// The services of each policy, by the policy's key; sorted.
pub(super) fn services(form: &mut Form, existing: &Existing<'_>) -> BTreeMap<Key, BTreeSet<String>> {
    let usable = Entry::keys(form.policies.iter().map(|policy| &policy.entry));
    let mut served: BTreeMap<Key, BTreeSet<String>> = BTreeMap::new();
    let mut taken: BTreeMap<String, String> =
        existing.services.iter().map(|(service, policy)| (service.clone(), format!("[escalation.{policy}]"))).collect();
    form.services.sort_by(|a, b| (&a.entry.name, &a.entry.key).cmp(&(&b.entry.name, &b.entry.key)));
    for service in &mut form.services {
        let entry = &mut service.entry;
        let name = write::plain(&entry.name);
        let Some(policy) = &service.policy else {
            entry.refuse("has no escalation policy in the export; [escalation.default] serves it");
            continue;
        };
        if !usable.contains(policy) {
            let policy = called(&form.called, policy);
            entry.refuse(format!("its escalation policy {policy} is not imported; [escalation.default] serves it"));
        } else if name.is_empty() {
            entry.refuse("has no name that alarms could carry");
        } else if let Some(by) = taken.get(&name) {
            entry.refuse(format!("a service of that name is served by {by} already"));
        }
        if entry.is_refused() {
            continue;
        }
        if name.contains('*') {
            entry.caveat("its name has a \"*\", which stands for any text here");
        }
        taken.insert(name.clone(), "another policy".to_owned());
        served.entry(policy.clone()).or_default().insert(name);
    }
    for policy in form.policies.iter_mut().filter(|policy| !policy.entry.is_refused()) {
        let Some((name, why)) = policy.otherwise.take().map(|(name, why)| (write::plain(&name), why)) else { continue };
        if served.contains_key(&policy.entry.key) || name.is_empty() || taken.contains_key(&name) {
            continue;
        }
        policy.entry.caveat(why);
        taken.insert(name.clone(), "another policy".to_owned());
        served.insert(policy.entry.key.clone(), BTreeSet::from([name]));
    }
    served
}

/// The policy that is to serve everything else: the one called so, else the one with the most services. `None` when there
/// is one already, or none to choose.
pub(super) fn default_policy(
    form: &Form,
    existing: &Existing<'_>,
    served: &BTreeMap<Key, BTreeSet<String>>,
) -> Option<Key> {
    if existing.policies.contains("default") {
        return None;
    }
    let usable = form.policies.iter().filter(|policy| !policy.entry.is_refused());
    let named = |policy: &&&Policy| policy.entry.name.trim().eq_ignore_ascii_case("default");
    let count = |policy: &&Policy| served.get(&policy.entry.key).map_or(0, BTreeSet::len);
    let candidates: Vec<&Policy> = usable.collect();
    let chosen = candidates.iter().find(named).or_else(|| candidates.iter().rev().max_by_key(|policy| count(policy)));
    chosen.map(|policy| policy.entry.key.clone())
}

/// A policy that serves nothing is not read from the files, so it stands in them as a comment.
pub(super) fn refuse_unserved(form: &mut Form, served: &BTreeMap<Key, BTreeSet<String>>, default: Option<&Key>) {
    for policy in form.policies.iter_mut().filter(|policy| !policy.entry.is_refused()) {
        let key = &policy.entry.key;
        match (served.contains_key(key), Some(key) == default) {
            (true, true) => {
                policy.entry.caveat("[escalation.default] is a copy of it: it pages for what no policy serves")
            }
            (false, true) => {
                policy.entry.caveat("it serves nothing; it became [escalation.default], for what no policy serves")
            }
            (false, false) => {
                policy.entry.refuse("it serves nothing; it is in the file as a comment, for whoever wants it")
            }
            (true, false) => {}
        }
    }
}
