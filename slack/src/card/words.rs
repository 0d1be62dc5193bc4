//! The card in words: what a screen reader reads, and a notification shows.

use super::{Drawing, NAME_CHARS_MAX, REASON_CHARS_MAX, SUMMARY_CHARS_MAX, TITLE_CHARS_MAX, span, verdict, watch_end};
use crate::escape::{line, utc_time};
use incident::{ResponderId, Run, RunEffect, RunOutcome, Status};

impl Drawing<'_> {
    /// The card in words: everything that the blocks say.
    pub(crate) fn words(&self) -> String {
        let incident = self.incident;
        if let Some(drill) = incident.drill() {
            return self.drill_words(drill);
        }
        let name = |who: &ResponderId| self.setting.name(who);
        let what =
            format!("{} {} {}", incident.severity.label(), incident.id, line(&incident.alarm.title, TITLE_CHARS_MAX));
        if let (Status::Resolved, Some(end)) = (incident.status, &incident.resolved) {
            let facts = self.resolution().join(". ").replace('*', "");
            let facts = plain_times(&facts);
            return format!("Resolved: {what}, after {}. {facts}.", span(end.at - incident.opened_at));
        }
        let mut words = match &incident.acknowledged {
            Some(taken) => format!("Acknowledged: {what}, by {} at {}.", name(&taken.by), utc_time(taken.at)),
            None => format!("Firing: {what}, since {}.", utc_time(incident.opened_at)),
        };
        let summary = line(&incident.alarm.summary, SUMMARY_CHARS_MAX);
        if !summary.is_empty() {
            words = format!("{words} {summary}.");
        }
        if !incident.alarm.resource.is_empty() {
            words = format!("{words} About {}.", line(&incident.alarm.resource, NAME_CHARS_MAX));
        }
        if incident.fired > 1 {
            words = format!("{words} Fired {} times, last {}.", incident.fired, utc_time(incident.last_fired_at));
        }
        if let Some((silence, since)) = incident.kept_back {
            words = format!("{words} Fires since {} under the silence {silence}.", utc_time(since));
        }
        for change in self.changes(|_, text| line(text, NAME_CHARS_MAX)) {
            words = format!("{words} Changed: {change}.");
        }
        if let Some(related) = self.related() {
            words = format!("{words} Also {related}.");
        }
        if let Some(history) = self.history() {
            words = format!("{words} {history}.");
        }
        if let Some(owner) = self.owner(name, utc_time) {
            words = format!("{words} {}, not yet acknowledged.", owner.replace('*', "").replace(":warning: ", ""));
        }
        if incident.exhausted {
            words.push_str(" Every level was asked and nobody answered.");
        }
        if let Some(run) = self.run_shown() {
            words = format!("{words} {}", run_words(run, &name(&run.by)));
        }
        let titles: Vec<String> =
            self.wanted().map(|(n, s)| format!("{n} {} ({})", line(&s.title, 100), spoken(&verdict(s)))).collect();
        if !titles.is_empty() && incident.running().is_none() {
            words = format!("{words} Suggested: {}.", titles.join("; "));
        }
        if let Some(why) = &incident.no_match {
            words = format!("{words} No suggestion: {}.", line(why, REASON_CHARS_MAX));
        }
        if let Some(note) = incident.notes.last() {
            words = format!("{words} {} noted: {}.", self.setting.name(&note.by), line(&note.text, 150));
        }
        let next = if incident.acknowledged.is_none() { "ack" } else { "resolve" };
        format!("{words} Type {} {next} {}.", self.setting.command, incident.id.0)
    }
}

fn run_words(run: &Run, by: &str) -> String {
    let title = line(&run.title, TITLE_CHARS_MAX);
    match (run.outcome, run.effect) {
        (None, _) if run.stop_by.is_some() => format!("Stopping: {title}, started by {by}."),
        (None, _) => format!("Running: {title}, started by {by}."),
        (Some(RunOutcome::Succeeded), Some(RunEffect::Helped { .. })) => format!("{title} by {by} helped."),
        (Some(RunOutcome::Succeeded), Some(RunEffect::DidNotHelp)) => {
            format!("{title} by {by} did not help, the alarm is still firing.")
        }
        (Some(RunOutcome::Succeeded), None) if run.is_watched() => {
            format!("{title} by {by} is done, the alarm is watched until {}.", utc_time(watch_end(run)))
        }
        (Some(RunOutcome::Succeeded), None) => format!("{title} by {by} is done."),
        (Some(RunOutcome::Failed), _) => format!("{title} by {by} failed: {}.", line(&run.detail, REASON_CHARS_MAX)),
        (Some(RunOutcome::Stopped), _) => format!("{title} by {by} was stopped; what it had done stays done."),
        (Some(RunOutcome::Unknown), _) => {
            format!("Nobody knows how {title} by {by} ended: look, then mark it as done or run it again.")
        }
    }
}

/// The dots between facts are for the eye.
fn spoken(facts: &str) -> String {
    facts.replace("  ·  ", ", ")
}

/// Date tokens become their UTC fallback: for words that are read aloud.
pub(crate) fn plain_times(markup: &str) -> String {
    let mut plain = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some((before, token)) = rest.split_once("<!date^") {
        plain.push_str(before);
        let (token, after) = token.split_once('>').unwrap_or((token, ""));
        plain.push_str(token.rsplit('|').next().unwrap_or_default());
        rest = after;
    }
    plain.push_str(rest);
    plain
}
