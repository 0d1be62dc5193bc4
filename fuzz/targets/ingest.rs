//! Every source's decoder, chosen by the first byte from the registry: a new source is fuzzed without a word here.
//! What is accepted keeps the limits of an alarm, survives the log, and is the same for the same bytes; no hook can speak
//! for another one.
#![no_main]

use fuzz::{Input, keeps_limits, now};
use incident::{Alarm, Event};
use ingest::{Decoded, Headers, Kind, Peer, Request, answer, decode};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let kinds: Vec<Kind> = Kind::all().collect();
    let kind = input.one_of(&kinds);
    let flags = input.byte();
    let content_type = if flags & 1 == 0 { "application/json" } else { "application/x-www-form-urlencoded" };
    let topic = if flags & 2 == 0 { String::new() } else { input.line() };
    let query = if flags & 4 == 0 { String::new() } else { input.line() };
    let path_rest = if flags & 8 == 0 { String::new() } else { input.line() };
    let headers = [("x-amz-sns-rawdelivery", "true"), ("x-amz-sns-topic-arn", topic.as_str())];
    let headers = if flags & 2 == 0 { &headers[..0] } else { &headers[..] };
    let request = |hook: &'static str| Request {
        hook,
        path_rest: &path_rest,
        query: &query,
        headers: Headers(headers),
        content_type,
        peer: Peer::Remote,
        ..Request::local(input.0, now())
    };
    let read = decode(kind, &request("ours"));
    assert_eq!(decode(kind, &request("ours")), read, "the same bytes say the same");
    let decoded = match read {
        Ok(decoded) => decoded,
        Err(malformed) => return assert!(!malformed.to_string().is_empty()),
    };
    let said = answer(kind, &decoded);
    assert!((200..300).contains(&said.status) && serde_json::from_str::<serde_json::Value>(&said.body).is_ok());
    match decoded {
        Decoded::Alarms(alarms) => {
            assert!(!alarms.is_empty());
            alarms.iter().for_each(keeps_limits);
            alarms.iter().for_each(survives_the_log);
        }
        Decoded::Confirm { subscribe_url, .. } => {
            let (host, _) = subscribe_url["https://".len()..].split_once('/').expect("a path");
            assert!(
                host.starts_with("sns.") && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
            );
        }
    }
});

fn survives_the_log(alarm: &Alarm) {
    let event = Event::Opened { alarm: alarm.clone() };
    let json = serde_json::to_vec(&event).expect("plain data");
    assert!(json.len() <= log::BODY_BYTES_MAX, "{} bytes", json.len());
    assert_eq!(serde_json::from_slice::<Event>(&json).expect("what was written"), event);
}
