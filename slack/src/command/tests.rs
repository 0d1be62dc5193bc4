//! What people type, and what it is taken for.

use super::{
    About, Actions, Argument, Drilling, Length, Line, Misread, OnCall, Person, Run, Silencing, Timed, Which, Word,
    parse,
};
use incident::{IncidentId, SilenceId};
use proptest::prelude::*;

const INC_42: Which = Which::Number(IncidentId(42));

#[track_caller]
fn check(line: &str, expect: Line) {
    assert_eq!(parse(line), Ok(expect), "{line}");
}

#[track_caller]
fn check_said(line: &str, expect: &str) {
    assert_eq!(parse(line).unwrap_err().to_string(), expect, "{line}");
}

#[test]
fn an_incident_is_named_in_five_ways_or_not_at_all() {
    for line in
        ["ack 42", "ack INC-42", "ACK inc-42", "ack #42", "acknowledge 42", "ac 42", "ack <https://a/i/42|INC-42>"]
    {
        check(line, Line::Acknowledge(INC_42));
    }
    check("ack last", Line::Acknowledge(Which::Last));
    check("ack This", Line::Acknowledge(Which::This));
    check("  ack  ", Line::Acknowledge(Which::Unsaid));
}

#[test]
fn beginnings_are_enough_but_never_for_run() {
    check("inc", Line::Incidents);
    check("ls", Line::Incidents);
    check("res 42", Line::Resolve(INC_42, String::new()));
    check("reo 42", Line::Reopen(INC_42));
    check("o", Line::OnCall(OnCall::Who { schedule: None, at: None }));
    check("who", Line::Whoami);
    check("", Line::Help(None));
    check("help res", Line::Help(Some(Word::Resolve)));
    check_said("re 42", "\"re\" could be resolve or reopen or ready; type a letter more");
    check_said("ru restart", "I do not know \"ru\"; did you mean \"run restart\"? Or type \"help\" for all commands");
}

#[test]
fn time_is_typed_in_whole_words_and_lengths() {
    let minutes = chrono::TimeDelta::minutes;
    check("snooze 42 for 30m", Line::Snooze(INC_42, minutes(30)));
    check("snooze 42", Line::Snooze(INC_42, minutes(30)));
    check("snooze 2h", Line::Snooze(Which::Unsaid, minutes(120)));
    check("snooze 90 min", Line::Snooze(Which::Unsaid, minutes(90)));
    check("snooze 42 90 Minutes", Line::Snooze(INC_42, minutes(90)));
    check("extend", Line::Extend(Which::Unsaid, None));
    check("extend INC-42 1h", Line::Extend(INC_42, Some(minutes(60))));
    check("cannot 42", Line::Decline(INC_42));
    check("handover 42 to next", Line::HandOver(INC_42, None));
    check("handover to @ben", Line::HandOver(Which::Unsaid, Some(Person::Name("ben".to_owned()))));
    check_said("snooze 42 for ever", "\"ever\" is no length of time; write it like 30m or 2h: snooze 42 for 30m");
    check_said("snooze 42 for 0m", "\"0m\" is no length of time; write it like 30m or 2h: snooze 42 for 30m");
    check_said(
        "snooze 99999999999999999999h",
        "\"99999999999999999999h\" is no length of time; write it like 30m or 2h: snooze 42 for 30m",
    );
    check_said("handover 42", "the person is missing; type: handover 42 to next");
    check_said("snoo 42", "I do not know \"snoo\"; did you mean \"snooze 42\"? Or type \"help\" for all commands");
}

#[test]
fn a_drill_names_whom_and_why() {
    let because =
        Drilling { schedule: Some("payments".to_owned()), why: "new phones".to_owned(), ..Drilling::default() };
    check("drill schedule payments because new phones", Line::Drill(because));
    let person = Drilling { person: Some(Person::User("U1".to_owned())), ..Drilling::default() };
    check("drill person <@U1|ana>", Line::Drill(person));
    let both =
        Drilling { service: Some("checkout".to_owned()), policy: Some("strict".to_owned()), ..Drilling::default() };
    check("drill --service checkout --policy strict", Line::Drill(both));
    check("drill", Line::Drill(Drilling::default()));
    check("ready", Line::Ready);
    check_said("drill payments", "\"payments\" is too much; type: drill schedule payments because the phones are new");
    check_said("drill schedule", "the name is missing; type: drill schedule payments because the phones are new");
    // Nobody is paged by a letter too few.
    check_said("dri schedule x", "I do not know \"dri\"; type \"help\" for all commands");
}

#[test]
fn a_silence_says_what_how_long_and_why() {
    let hours = |hours| Length::For(chrono::TimeDelta::hours(hours));
    let matcher = |text: &str| About::Matcher(text.parse().unwrap());
    let silence =
        |what: Vec<About>, time, because: &str| Line::Silence(Silencing { what, time, because: because.to_owned() });
    let both = || vec![matcher("alertname=HighCPU"), matcher("instance=~web-.*")];
    check("silence alertname=HighCPU instance=~web-.* 2h load test", silence(both(), hours(2), "load test"));
    check("silence alertname=“HighCPU” instance=~\"web-.*\" for 2 hours because x", silence(both(), hours(2), "x"));
    check("silence INC-42 3d \"we know\"", silence(vec![About::Incident(INC_42)], hours(72), "we know"));
    check("silence 42 2h known", silence(vec![About::Incident(INC_42)], hours(2), "known"));
    check("silence service shop 2h known", silence(vec![matcher("service=shop")], hours(2), "known"));
    check("silence HighCPU 2h known", silence(vec![matcher("title=HighCPU")], hours(2), "known"));
    check("silence Disk is full 2h known", silence(vec![matcher("title=\"Disk is full\"")], hours(2), "known"));
    check("silence a=~\"b c\" d!~e 2h known", silence(vec![matcher("a=~\"b c\""), matcher("d!~e")], hours(2), "known"));
    let until = Length::Until("tomorrow 09:00".to_owned());
    check("silence a=b until tomorrow 09:00 because x", silence(vec![matcher("a=b")], until.clone(), "x"));
    check("silence a=b until \"tomorrow 09:00\" x y", silence(vec![matcher("a=b")], until, "x y"));
    let during = Length::During("sat 10-14".to_owned());
    check("silence a=b during sat 10-14 because x", silence(vec![matcher("a=b")], during, "x"));
    check("whynot checkout latency", Line::WhyNot("checkout latency".to_owned()));
    check("why-not \"disk full\"", Line::WhyNot("disk full".to_owned()));
    check_said("whynot", "what it is about is missing; type: whynot checkout");
    check("silences", Line::Silences);
    check("unsilence S-3", Line::Unsilence(SilenceId(3)));
    check("unsilence 3", Line::Unsilence(SilenceId(3)));
    let example = "silence alertname=HighCPU 2h because load test";
    check_said("silence", &format!("the alarm is missing; type: {example}"));
    check_said("silence 2h x", &format!("the alarm is missing; type: {example}"));
    check_said("silence a=b", &format!("the length is missing; type: {example}"));
    check_said("silence a=b 2h", &format!("the reason is missing; type: {example}"));
    check_said("silence a=b until", &format!("the time is missing; type: {example}"));
    check_said("silence a=~( 2h x", "the pattern of a cannot be used: unclosed group");
    check_said("unsilence", "the number is missing; type: unsilence S-3");
    check_said(
        "unsilence INC-42",
        "INC-42 is an incident; \"silences\" lists the silences with their numbers; type: unsilence S-3",
    );
    // Nobody is left in the dark by a letter too few.
    check("sile", Line::Silences);
    check_said("unsil 3", "I do not know \"unsil\"; did you mean \"unsilence 3\"? Or type \"help\" for all commands");
}

#[test]
fn all_actions_are_stopped_in_whole_words() {
    let stop = |why: &str| Line::Actions(Actions::Stop(why.to_owned()));
    check("actions", Line::Actions(Actions::Show));
    check("Actions STOP", stop(""));
    check("actions stop because the deploy is broken", stop("the deploy is broken"));
    check("actions stop until 9", stop("until 9"));
    check("actions start", Line::Actions(Actions::Start));
    check_said("actions start 42", "\"42\" is too much; type: actions stop because the deploy is broken");
    check_said("actions halt", "\"halt\" is too much; type: actions stop because the deploy is broken");
    check_said(
        "action stop",
        "I do not know \"action\"; did you mean \"actions stop\"? Or type \"help\" for all commands",
    );
}

#[test]
fn text_is_kept_as_it_was_typed() {
    check("note 42 looks like DNS; it’s slow", Line::Note(INC_42, "looks like DNS; it's slow".into()));
    check("note “all of it”", Line::Note(Which::Unsaid, "all of it".into()));
    check(
        "note 42 a &lt; b &amp; <@U0ANA|ana> saw <https://x/y>",
        Line::Note(INC_42, "a < b & @ana saw https://x/y".into()),
    );
    check("note 42 \"never closed", Line::Note(INC_42, "\"never closed".into()));
    check("resolve 42 \"rolled back\"", Line::Resolve(INC_42, "rolled back".into()));
    check("resolve rolled back", Line::Resolve(Which::Unsaid, "rolled back".into()));
    check_said("note 42", "the text is missing; type: note 42 looks like DNS");
}

#[test]
fn an_action_takes_names_values_and_quotes() {
    let argument = |name: Option<&str>, value: &str| Argument { name: name.map(str::to_owned), value: value.into() };
    check(
        "run restart-service service=checkout reason=“too slow” 9 on INC-42 —dry --reason \"p99 is up\"",
        Line::Run(Run {
            action: Some("restart-service".into()),
            arguments: vec![
                argument(Some("service"), "checkout"),
                argument(Some("reason"), "too slow"),
                argument(None, "9"),
            ],
            which: INC_42,
            dry: true,
            reason: Some("p99 is up".into()),
        }),
    );
    let nothing = Run { action: None, arguments: vec![], which: Which::Unsaid, dry: false, reason: None };
    check("run", Line::Run(nothing.clone()));
    check("run on 42", Line::Run(Run { which: INC_42, ..nothing.clone() }));
    check("run 2", Line::Run(Run { action: Some("2".into()), ..nothing }));
    check_said("run x on", "the incident is missing; type: run restart-service service=checkout on 42");
    check_said("run x a=\"b", "a quote is open; close it with \" at the end");
}

#[test]
fn people_and_times_are_understood() {
    check("assign 42 to @ana", Line::Assign(INC_42, Person::Name("ana".into())));
    check("assign 42 <@U0BEN|ben>", Line::Assign(INC_42, Person::User("U0BEN".into())));
    check("assign me", Line::Assign(Which::Unsaid, Person::Me));
    check_said("assign 42", "the person is missing; type: assign 42 to @ana");
    check("oncall payments", Line::OnCall(OnCall::Who { schedule: Some("payments".into()), at: None }));
    check(
        "oncall payments at tomorrow 09:00",
        Line::OnCall(OnCall::Who { schedule: Some("payments".into()), at: Some("tomorrow 09:00".into()) }),
    );
    check("oncall at 18:00", Line::OnCall(OnCall::Who { schedule: None, at: Some("18:00".into()) }));
}

#[test]
fn what_people_change_about_the_rota_is_understood() {
    let check = |line: &str, expect: OnCall| check(line, Line::OnCall(expect));
    let timed = |when: &str, schedule: Option<&str>, why: &str| Timed {
        when: when.into(),
        schedule: schedule.map(str::to_owned),
        why: why.into(),
    };
    let ben = || Person::User("U0BEN".into());
    check("oncall me", OnCall::Me);
    check("oncall why", OnCall::Why { schedule: None, at: None });
    check(
        "oncall why payments at fri 3am",
        OnCall::Why { schedule: Some("payments".into()), at: Some("fri 3am".into()) },
    );
    check("oncall week payments", OnCall::Week(Some("payments".into())));
    check("oncall gaps", OnCall::Gaps(None));
    check(
        "oncall cover me sat 10-14 because my sister marries",
        OnCall::Cover(timed("sat 10-14", None, "my sister marries")),
    );
    check("oncall cover sat 10–14 on payments", OnCall::Cover(timed("sat 10–14", Some("payments"), "")));
    check("oncall take", OnCall::Take { from: None, timed: Timed::default() });
    check("oncall take <@U0BEN|ben> 2h", OnCall::Take { from: Some(ben()), timed: timed("2h", None, "") });
    check("oncall take now for 2h", OnCall::Take { from: None, timed: timed("now for 2h", None, "") });
    check(
        "oncall override <@U0BEN> mon 9-17 on web because training",
        OnCall::Override { who: ben(), timed: timed("mon 9-17", Some("web"), "training") },
    );
    check("oncall swap with @ben", OnCall::Swap { with: Person::Name("ben".into()), timed: Timed::default() });
    check("oncall accept #7 sat 10-12", OnCall::Accept { number: 7, part: "sat 10-12".into() });
    check("oncall cancel 3", OnCall::Cancel(3));
    check_said("oncall cover me", "the time is missing; type: oncall cover me sat 10-14 because my sister marries");
    check_said("oncall cancel it", "\"it\" is no number of a change; the answers name them, as in: oncall cancel 3");
    check_said("oncall swap", "the person is missing; type: oncall swap @ben");
    check_said("oncall cancel", "the number is missing; type: oncall cancel 3");
    check_said("oncall cancel 3 4", "\"4\" is too much; type: oncall payments at tomorrow 09:00");
}

#[test]
fn a_slip_is_answered_with_what_to_type() {
    check_said("akc 42", "I do not know \"akc\"; did you mean \"ack 42\"? Or type \"help\" for all commands");
    check_said("dance", "I do not know \"dance\"; type \"help\" for all commands");
    check_said("ack checkout", "\"checkout\" is no incident number; write it as INC-42, 42, last or this: ack 42");
    check_said("ack 42 43", "\"43\" is too much; type: ack 42");
    let Err(Misread::UnknownWord { said, .. }) = parse(&"x".repeat(5000)) else { panic!("unknown") };
    assert_eq!(said.chars().count(), 41);
}

#[test]
fn every_example_of_the_help_can_be_typed() {
    for word in Word::ALL {
        assert!(parse(word.example()).is_ok(), "{}", word.example());
        assert!(word.example().starts_with(word.text()));
    }
}

proptest! {
    #[test]
    fn no_line_makes_it_panic(line in "\\PC{0,60}|(run|note|assign|[a-z]{1,4}|\"|“|<@|>|=|—| ){0,20}") {
        drop(parse(&line).map_err(|misread| misread.to_string()));
    }
}
