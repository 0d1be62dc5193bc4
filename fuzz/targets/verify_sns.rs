//! Signed messages of SNS with something done to them: whatever is still believed says what was signed, word for word.
#![no_main]

use fuzz::{Input, now};
use ingest::{Kind, Origins, Request, Scheme, Signatures, SourceConfig, authenticate, decode, sns};

const SIGNED: [&[u8]; 3] = [
    include_bytes!("../../tests/corpus/sources/sns-signed-v1.json"),
    include_bytes!("../../tests/corpus/sources/sns-signed-v2.json"),
    include_bytes!("../../tests/corpus/sources/sns-signed-confirmation.json"),
];
const PEM: &[u8] = include_bytes!("../../tests/corpus/sources/sns-signing-certificate.pem");

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let kind: Kind = "sns".parse().expect("a source");
    let config = SourceConfig {
        kind,
        name: "sns".to_owned(),
        secrets: Vec::new(),
        scheme: Scheme::Sns,
        topics: vec!["arn:aws:sns:us-east-1:123456789012:alarms".to_owned()],
        signatures: Signatures::default(),
        origins: Origins::default(),
    };
    let signed = input.one_of(&SIGNED);
    let original = Request::local(signed, now());
    assert!(authenticate(&config, &original).is_ok() && sns::verify(&config, signed, PEM, now()).is_ok());
    if input.byte() & 1 == 1 {
        // Somebody else's certificate, whatever it is, makes nobody believe more than the right one.
        let pem = input.spliced(PEM);
        let _ = sns::verify(&config, signed, &pem, now());
        return;
    }
    let changed = input.spliced(signed);
    let request = Request::local(&changed, now());
    if authenticate(&config, &request).is_ok() && sns::verify(&config, &changed, PEM, now()).is_ok() {
        assert_eq!(decode(kind, &request), decode(kind, &original), "{}", String::from_utf8_lossy(&changed));
    }
});
