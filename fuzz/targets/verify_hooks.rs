//! The proofs of senders: nothing passes that our secrets did not make, and what they made passes until a byte of it changes.
//! All schemes, and the sources by the registry; the signature of SNS has a target of its own.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fuzz::{Input, now};
use hmac::{Hmac, Mac};
use ingest::{
    Headers, Kind, Origins, Peer, Proof, Request, Scheme, Secret, Signatures, SourceConfig, authenticate,
    without_secrets,
};

/// Nobody finds it by trying: it is compared by digest, and only this file knows it.
const SECRET: &str = "b7f1c3a29e5d48f0a6c4d2e8b1907f35";
const HEADERS: [&str; 8] = [
    "authorization",
    "x-api-key",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "origin",
    "sec-fetch-site",
    "x-forwarded-for",
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let kinds: Vec<Kind> = Kind::all().collect();
    let kind = input.one_of(&kinds);
    let scheme = input.one_of(&[Scheme::Bearer, Scheme::Hmac, Scheme::Basic, Scheme::Key, Scheme::Sns, Scheme::Open]);
    let config = SourceConfig {
        kind,
        name: "hook".to_owned(),
        secrets: vec![Secret::new(SECRET)],
        scheme,
        topics: vec!["arn:aws:sns:us-east-1:123456789012:alarms".to_owned()],
        signatures: Signatures::default(),
        origins: Origins::default(),
    };
    let flags = input.byte();
    let given: Vec<(&str, String)> = (0..flags & 3).map(|_| (input.one_of(&HEADERS), input.line())).collect();
    let headers: Vec<(&str, &str)> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let content_type = if flags & 4 == 0 { "application/json" } else { "application/x-www-form-urlencoded" };
    let peer = if flags & 8 == 0 { Peer::Remote } else { Peer::Loopback };
    let request = |headers| Request { headers: Headers(headers), content_type, peer, ..Request::local(input.0, now()) };
    let knows_it = data.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
    match authenticate(&config, &request(&headers)) {
        Ok(Proof::Complete) if scheme == Scheme::Open => {
            assert!(peer == Peer::Loopback && !headers.iter().any(|(name, _)| *name == "x-forwarded-for"));
        }
        Ok(Proof::Complete) => assert!(knows_it && scheme != Scheme::Hmac && scheme != Scheme::Sns),
        Ok(Proof::SnsCertificate { url }) => {
            let host = url.strip_prefix("https://").and_then(|rest| rest.split('/').next()).expect("https");
            assert!(
                host.starts_with("sns.") && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
            );
            assert!(!url.contains(['@', '?', '#', '\\', ' ']) && url.ends_with(".pem"), "{url}");
        }
        Err(refused) => assert_eq!(refused.to_string(), "unauthorised"),
    }
    let kept = without_secrets(&config, input.0);
    assert!(scheme != Scheme::Key || !kept.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()));
    signed_by_us(&SourceConfig { scheme: Scheme::Hmac, ..config }, input, flags);
});

/// What we sign ourselves is believed; with any byte of it changed it is not.
fn signed_by_us(config: &SourceConfig, mut input: Input<'_>, flags: u8) {
    let id = input.line().replace('\r', "");
    let timestamp = now().timestamp().to_string();
    let body = input.0;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let believed = |id: &str, timestamp: &str, signature: &str, body: &[u8]| {
        let headers = [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)];
        let request = Request { headers: Headers(&headers), ..Request::local(body, now()) };
        authenticate(config, &request).is_ok()
    };
    assert!(believed(&id, &timestamp, &signature, body));
    assert!(believed(&id, &timestamp, &format!("v1a,x {signature} v1,AAAA"), body), "during a rotation");
    assert!(!believed(&format!("{id}x"), &timestamp, &signature, body));
    let later = (now().timestamp() + 1).to_string();
    assert!(!believed(&id, &later, &signature, body));
    assert!(!believed(&id, &timestamp, &signature.replacen("v1,", "v2,", 1), body));
    let mut other = body.to_vec();
    match other.len() {
        0 => other.push(b'x'),
        length => other[usize::from(flags) % length] ^= 1 << (flags % 8),
    }
    assert!(!believed(&id, &timestamp, &signature, &other));
}
