//! Slack's signature: only what our secret signed is believed, within its window, and not with a bit of it changed.
#![no_main]

use fuzz::{Input, now};
use slack::Secret;
use slack::verify::{Verifier, WINDOW_SECONDS, sign};

/// Nobody finds it by trying.
const SECRET: &str = "f1d2a4c8e07b4b6fa9135d7c2e8b6a90";

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let (which, shift) = (input.byte(), input.number() as i64 - 32_768);
    let verifier = Verifier::new(Secret::new(SECRET), (which & 1 == 1).then(|| Secret::new("another one")));
    let (timestamp, signature) = (input.line(), input.line());
    let body = input.0;
    assert!(verifier.verify(Some(&timestamp), Some(&signature), body, now()).is_err());
    assert!(verifier.verify(None, Some(&signature), body, now()).is_err());

    let at = now().timestamp() + shift;
    let signature = sign(&Secret::new(SECRET), at, body);
    let verify =
        |timestamp: &str, signature: &str, body: &[u8]| verifier.verify(Some(timestamp), Some(signature), body, now());
    assert_eq!(verify(&at.to_string(), &signature, body).is_ok(), shift.abs() <= WINDOW_SECONDS);
    let fresh = now().timestamp();
    let signature = sign(&Secret::new(SECRET), fresh, body);
    assert!(verify(&fresh.to_string(), &signature, body).is_ok());
    assert!(verify(&(fresh + 1).to_string(), &signature, body).is_err());
    let mut forged = signature.into_bytes();
    let place = 3 + usize::from(which) % 64;
    forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
    let forged = String::from_utf8(forged).expect("hexadecimal digits");
    assert!(verify(&fresh.to_string(), &forged, body).is_err());
    let other = [body, b"x"].concat();
    assert!(verify(&fresh.to_string(), &sign(&Secret::new(SECRET), fresh, body), &other).is_err());
});
