//! Typed lines: what is understood can be typed again in its plainest form and is understood the same, and what is not
//! understood is answered in a few words.
#![no_main]

use fuzz::Input;
use incident::Mark;
use slack::command::{Actions, Argument, Drilling, Line, Marking, OnCall, Person, Run, Which, Word, parse};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let text = Input(data).text();
    match parse(&text) {
        Ok(line) => {
            if let Some(plain) = typed(&line) {
                assert_eq!(parse(&plain).as_ref(), Ok(&line), "{text:?} as {plain:?}");
            }
        }
        Err(misread) => {
            let said = misread.to_string();
            assert!(!said.is_empty() && said.chars().count() < 2 * text.chars().count() + 400, "{said}");
        }
    }
});

/// The plainest line that means this; none for what cannot be typed in one way only.
fn typed(line: &Line) -> Option<String> {
    Some(match line {
        Line::Help(None) => String::new(),
        Line::Help(Some(word)) => format!("help {}", word.text()),
        Line::Incidents => Word::Incidents.text().to_owned(),
        Line::Ping => Word::Ping.text().to_owned(),
        Line::Whoami => Word::Whoami.text().to_owned(),
        Line::Acknowledge(which) => format!("ack {}", number(*which)),
        Line::Reopen(which) => format!("reopen {}", number(*which)),
        Line::Why(which) => format!("why {}", number(*which)),
        Line::Escalate(which) => format!("escalate {}", number(*which)),
        Line::Timeline(which) => format!("timeline {}", number(*which)),
        Line::Resolve(which, text) => format!("resolve {} {}", said(*which)?, quoted(text)?),
        Line::Note(which, text) => format!("note {} {}", said(*which)?, quoted(text)?),
        Line::Assign(which, person) => format!("assign {} to {}", number(*which), name(person)?),
        Line::OnCall(wish) => on_call(wish)?,
        Line::Actions(Actions::Show) => Word::Actions.text().to_owned(),
        Line::Actions(Actions::Start) => format!("{} start", Word::Actions.text()),
        Line::Actions(Actions::Stop(why)) if why.is_empty() => format!("{} stop", Word::Actions.text()),
        Line::Actions(Actions::Stop(why)) => format!("{} stop because {}", Word::Actions.text(), quoted(why)?),
        Line::Similar(which) => format!("similar {}", number(*which)),
        Line::WhyNot(words) => format!("{} {}", Word::WhyNot.text(), quoted(words)?),
        Line::Runbook(words) => format!("{} {}", Word::Runbook.text(), quoted(words)?),
        Line::Decline(which) => format!("cannot {}", number(*which)),
        Line::HandOver(which, None) => format!("handover {} to next", number(*which)),
        Line::HandOver(which, Some(person)) => {
            let name = name(person)?;
            // Whoever is called "next" cannot be named so.
            if name.eq_ignore_ascii_case("next") {
                return None;
            }
            format!("handover {} to {name}", number(*which))
        }
        Line::Snooze(which, length) => format!("snooze {} for {}m", number(*which), length.num_minutes()),
        Line::Extend(which, None) => format!("extend {}", number(*which)),
        Line::Extend(which, Some(length)) => format!("extend {} for {}m", number(*which), length.num_minutes()),
        Line::Ready => Word::Ready.text().to_owned(),
        Line::Drill(drilling) => drill(drilling)?,
        Line::Mark(marking) => mark(marking)?,
        // Its matchers and times can be written in several ways each.
        Line::Silence(_) => return None,
        Line::Silences => Word::Silences.text().to_owned(),
        Line::Unsilence(id) => format!("{} {id}", Word::Unsilence.text()),
        Line::Run(run) => self::run(run)?,
    })
}

fn drill(drilling: &Drilling) -> Option<String> {
    let mut line = Word::Drill.text().to_owned();
    for (word, named) in
        [("service", &drilling.service), ("schedule", &drilling.schedule), ("policy", &drilling.policy)]
    {
        if let Some(named) = named {
            line += &format!(" {word} {}", quoted(named)?);
        }
    }
    if let Some(person) = &drilling.person {
        line += &format!(" person {}", name(person)?);
    }
    if !drilling.why.is_empty() {
        line += &format!(" because {}", quoted(&drilling.why)?);
    }
    Some(line)
}

/// Times and reasons stand without quotes and take the rest of the line: those are left out.
fn on_call(wish: &OnCall) -> Option<String> {
    let named = |word: &str, schedule: &Option<String>| {
        Some(format!("oncall {word} {}", schedule.as_ref().map_or(Some(String::new()), |name| quoted(name))?))
    };
    match wish {
        OnCall::Who { schedule, at } => {
            let at = at.as_ref().map(|at| Some(format!("at {}", quoted(at)?)));
            let schedule = schedule.as_ref().filter(|name| !name.eq_ignore_ascii_case("at"));
            let schedule = schedule.map_or(Some(String::new()), |name| quoted(name));
            Some(format!("oncall {} {}", schedule?, at.unwrap_or(Some(String::new()))?))
        }
        OnCall::Me => Some("oncall me".to_owned()),
        OnCall::Week(schedule) => named("week", schedule),
        OnCall::Gaps(schedule) => named("gaps", schedule),
        OnCall::Fair(schedule) => named("fair", schedule),
        OnCall::Cancel(number) => Some(format!("oncall cancel {number}")),
        OnCall::Accept { number, part } if part.is_empty() => Some(format!("oncall accept #{number}")),
        _ => None,
    }
}

fn mark(marking: &Marking) -> Option<String> {
    let word = match marking.mark {
        Some(Mark::Pinned) => Word::Pin,
        Some(Mark::Banned) => Word::Ban,
        None => Word::Unpin,
    };
    let which = match marking.which {
        Which::Unsaid => String::new(),
        which => format!("on {}", number(which)),
    };
    let because = if marking.why.is_empty() { String::new() } else { format!("because {}", quoted(&marking.why)?) };
    Some(format!("{} {} {which} {because}", word.text(), quoted(&marking.action)?))
}

fn number(which: Which) -> String {
    match which {
        Which::Unsaid => String::new(),
        Which::Number(id) => format!("INC-{}", id.0),
        Which::Last => "last".to_owned(),
        Which::This => "this".to_owned(),
    }
}

/// Where a text follows, a text that begins like an incident would be taken for one.
fn said(which: Which) -> Option<String> {
    (which != Which::Unsaid).then(|| number(which))
}

/// In quotes, as Slack hands it over. A quote inside cannot be typed, and other quotes and dashes count as the plain ones.
fn quoted(text: &str) -> Option<String> {
    let plain = !text.is_empty() && text.trim() == text && !text.contains(['"', '“', '”', '„', '«', '»', '‟', '″']);
    plain.then(|| format!("\"{}\"", escaped(text)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn name(person: &Person) -> Option<String> {
    match person {
        Person::Me => Some("me".to_owned()),
        Person::User(id) if id.chars().all(|c| c.is_ascii_alphanumeric()) => Some(format!("<@{id}>")),
        Person::Name(name) if name.chars().all(|c| c.is_ascii_alphanumeric()) && !name.is_empty() => {
            (!name.eq_ignore_ascii_case("me") && !name.eq_ignore_ascii_case("to")).then(|| format!("@{name}"))
        }
        Person::User(_) | Person::Name(_) => None,
    }
}

fn run(run: &Run) -> Option<String> {
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let mut line = "run".to_owned();
    match &run.action {
        Some(action) if plain(action) && !action.eq_ignore_ascii_case("on") => line += &format!(" {action}"),
        Some(_) => return None,
        None => {}
    }
    for Argument { name, value } in &run.arguments {
        let value = quoted(value).filter(|_| !value.starts_with('-') && !value.eq_ignore_ascii_case("on"))?;
        match name {
            Some(name) => line += &format!(" {name}={value}"),
            None if value.contains('=') => return None,
            None => line += &format!(" {value}"),
        }
    }
    if run.which != Which::Unsaid {
        line += &format!(" on {}", number(run.which));
    }
    if run.dry {
        line += " --dry";
    }
    if let Some(reason) = &run.reason {
        line += &format!(" --reason {}", quoted(reason)?);
    }
    Some(line)
}
