//! Nights of one telephone, and the laws that hold for all of them.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

const VOICE: [Window; 3] = [Window::minutes(3, 15), Window::minutes(7, 60), Window::minutes(15, 180)];

fn limits() -> Limits {
    Limits(VOICE.to_vec())
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(second)
}

fn asking(incident: u64, is_first: bool, second: i64) -> Asking {
    let cause = PageCause { to: "ana".into(), level: 0, round: 0, seq: 2 };
    let turn = if is_first { "" } else { "/2" };
    let id = format!("page-by/{incident}/2/ana/sms{turn}");
    let page = HeldPage { id, incident: IncidentId(incident), cause, unless_delivered: false, since: at(second) };
    Asking { page, attempt: 1, is_first }
}

/// One telephone, driven as the shell drives it.
#[derive(Default)]
struct Phone {
    throttle: Throttle,
    /// Each page that went out: when, whether it was a first one, and the effects that it stood for.
    rang: Vec<(i64, bool, Vec<String>)>,
    /// What has an effect that is due later.
    waits: Vec<(DateTime<Utc>, Asking)>,
}

impl Phone {
    fn ask(&mut self, asking: Asking, limits: &Limits, now: DateTime<Utc>) -> Verdict {
        let verdict = self.throttle.decide(&asking, limits, now);
        match &verdict {
            Verdict::Send(slot) => {
                self.throttle.apply(&ThrottleEvent::SlotTaken { slot: slot.clone() });
                let told: Vec<String> =
                    std::iter::once(&slot.id).chain(slot.with.iter().map(|page| &page.id)).cloned().collect();
                self.waits.retain(|(_, waits)| !told.contains(&waits.page.id));
                self.rang.push(((now - at(0)).num_seconds(), asking.is_first, told));
            }
            Verdict::Hold { until, because } => {
                let page = HeldPage { since: now, ..asking.page.clone() };
                self.throttle.apply(&ThrottleEvent::Held { page, until: *until, because: because.clone() });
                self.waits.push((*until, asking));
            }
            Verdict::SendAgain(_) | Verdict::Carried { .. } => {}
        }
        verdict
    }

    /// Everything that becomes due up to an instant, in order.
    fn wait_until(&mut self, limits: &Limits, now: DateTime<Utc>) {
        while let Some(place) = (0..self.waits.len()).min_by_key(|place| self.waits[*place].0) {
            if self.waits[place].0 > now {
                return;
            }
            let (due_at, asking) = self.waits.remove(place);
            self.ask(asking, limits, due_at);
        }
    }
}

#[test]
fn the_fourth_call_within_a_quarter_of_an_hour_waits_and_takes_the_fifth_along() {
    let mut phone = Phone::default();
    for call in 0..3 {
        assert!(matches!(phone.ask(asking(call, false, call as i64), &limits(), at(call as i64)), Verdict::Send(_)));
    }
    let held = Verdict::Hold { until: at(900), because: "3 in 15 minutes".to_owned() };
    assert_eq!(phone.ask(asking(4, false, 10), &limits(), at(10)), held);
    assert_eq!(phone.ask(asking(7, false, 20), &limits(), at(20)), held);
    phone.wait_until(&limits(), at(899));
    assert_eq!(phone.rang.len(), 3);
    phone.wait_until(&limits(), at(900));
    let together = vec!["page-by/4/2/ana/sms/2".to_owned(), "page-by/7/2/ana/sms/2".to_owned()];
    assert_eq!(phone.rang.last(), Some(&(900, false, together)));
    assert!(phone.throttle.held.is_empty() && phone.waits.is_empty());
}

#[test]
fn a_first_page_goes_over_the_limit_takes_what_is_held_along_and_counts() {
    let mut phone = Phone::default();
    for call in 0..3 {
        phone.ask(asking(call, true, call as i64), &limits(), at(call as i64));
    }
    phone.ask(asking(1, false, 60), &limits(), at(60));
    let Verdict::Send(slot) = phone.ask(asking(9, true, 61), &limits(), at(61)) else { panic!("a first page waits") };
    assert_eq!(slot.with.iter().map(|page| page.incident.0).collect::<Vec<_>>(), [1]);
    // Of the four that went out three are younger than the second: the window opens when that one leaves it.
    let held = Verdict::Hold { until: at(901), because: "3 in 15 minutes".to_owned() };
    assert_eq!(phone.ask(asking(2, false, 62), &limits(), at(62)), held);
}

#[test]
fn whoever_died_before_sending_sends_again_without_another_slot_and_takes_the_same_along() {
    let mut phone = Phone::default();
    for call in 0..3 {
        phone.ask(asking(call, true, 0), &limits(), at(0));
    }
    phone.ask(asking(1, false, 60), &limits(), at(60));
    phone.ask(asking(2, false, 60), &limits(), at(60));
    let Verdict::Send(slot) = phone.ask(asking(1, false, 900), &limits(), at(900)) else { panic!("it waits on") };
    // Its lease ran out, and it is performed once more.
    let again = phone.ask(Asking { attempt: 2, ..asking(1, false, 920) }, &limits(), at(920));
    assert_eq!(again, Verdict::SendAgain(slot));
    // Who was taken along waits for that, and when nothing came of it is judged by itself.
    assert_eq!(phone.ask(asking(2, false, 900), &limits(), at(901)), Verdict::Carried { until: at(945) });
    assert!(matches!(phone.ask(asking(2, false, 945), &limits(), at(945)), Verdict::Send(_)));
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut throttle = Throttle::default();
    for number in 0..2000 {
        let second = number * 3;
        let page = asking(number as u64, false, second).page;
        throttle.apply(&ThrottleEvent::Held { page: page.clone(), until: at(second), because: String::new() });
        if number % 40 == 39 {
            let slot = Slot { at: at(second), id: page.id, attempt: 1, with: throttle.held.clone() };
            throttle.apply(&ThrottleEvent::SlotTaken { slot });
        }
    }
    assert!(throttle.sent.len() <= PAGES_MAX as usize && throttle.held.len() <= BUNDLE_MAX);
    for number in 0..200 {
        let page = asking(number, true, 6000).page;
        let slot = Slot { at: at(6000), id: page.id, attempt: 1, with: Vec::new() };
        throttle.apply(&ThrottleEvent::SlotTaken { slot });
    }
    assert_eq!(throttle.sent.len(), PAGES_MAX as usize);
    let size = serde_json::to_vec(&throttle).unwrap().len();
    assert!(size < 8_000, "{size} bytes");
}

#[test]
fn windows_are_told_in_words() {
    #[track_caller]
    fn check(window: Window, told: &str) {
        assert_eq!(window.told(), told);
    }
    check(Window::minutes(5, 15), "5 in 15 minutes");
    check(Window::minutes(7, 60), "7 in 1 hour");
    check(Window::minutes(21, 180), "21 in 3 hours");
    check(Window::minutes(1, 1), "1 in 1 min");
    check(Window::minutes(4, 90), "4 in 1 h 30 min");
}

/// Some windows, as somebody may write them.
fn some_limits() -> impl Strategy<Value = Limits> {
    let window =
        (1..6_u32, 60..2000_i64).prop_map(|(pages, seconds)| Window { pages, length: TimeDelta::seconds(seconds) });
    vec(window, 1..4).prop_map(Limits)
}

/// A night: after how many seconds the next page wants to go out, and whether it is a first one.
fn a_night() -> impl Strategy<Value = Vec<(i64, bool)>> {
    vec((0..400_i64, prop::bool::weighted(0.3)), 1..80)
}

proptest! {
    #[test]
    fn no_window_is_ever_overfull_nothing_is_held_too_long_and_no_first_page_at_all(
        limits in some_limits(),
        night in a_night(),
    ) {
        let mut phone = Phone::default();
        let mut second = 0;
        let mut asked = Vec::new();
        for (number, (pause, is_first)) in night.into_iter().enumerate() {
            second += pause;
            phone.wait_until(&limits, at(second));
            let asking = asking(number as u64, is_first, second);
            let id = asking.page.id.clone();
            let may_go = free(&phone.rang, &limits, second);
            let verdict = phone.ask(asking, &limits, at(second));
            prop_assert_eq!(matches!(verdict, Verdict::Send(_)), is_first || may_go, "{} at {}", id, second);
            if let Verdict::Hold { until, .. } = verdict {
                let until = (until - at(0)).num_seconds();
                let earlier = (second..until).find(|then| free(&phone.rang, &limits, *then));
                prop_assert_eq!(earlier, None, "it waits until {} and could go", until);
                prop_assert!(free(&phone.rang, &limits, until), "it is let out too early");
                asked.push((id, until));
            } else {
                asked.push((id, second));
            }
        }
        phone.wait_until(&limits, at(second + 4000));
        prop_assert!(phone.waits.is_empty());
        for (id, until) in asked {
            let rang = phone.rang.iter().filter(|(_, _, told)| told.contains(&id)).map(|(then, ..)| *then);
            let rang: Vec<i64> = rang.collect();
            prop_assert_eq!(rang.len(), 1, "{} was sent {} times", id, rang.len());
            // A first page of another incident may fill the window again, and then takes along what is held.
            prop_assert!(rang[0] <= until, "{} at {}, not by {}", id, rang[0], until);
        }
        for window in &limits.0 {
            let length = window.length.num_seconds();
            let held_to: Vec<i64> = phone.rang.iter().filter(|(_, first, _)| !first).map(|(then, ..)| *then).collect();
            for then in &held_to {
                let within = held_to.iter().filter(|other| **other > then - length && **other <= *then).count();
                prop_assert!(within <= window.pages as usize, "{} pages within {} s before {}", within, length, then);
            }
        }
    }
}

/// Whether a page that is no first one may go out, counted anew from all that went out.
fn free(rang: &[(i64, bool, Vec<String>)], limits: &Limits, second: i64) -> bool {
    limits.0.iter().all(|window| {
        let from = second - window.length.num_seconds();
        let within = rang.iter().filter(|(then, ..)| *then > from && *then <= second).count();
        within < window.pages as usize
    })
}
