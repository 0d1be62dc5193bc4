//! Bodies of the log, of any version and from any hand: what can be read is read again as it is written, and folding,
//! reacting, telling and auditing take it in any order.
#![no_main]

use catops::anchor::Signed;
use fuzz::{Input, now};
use incident::audit::{Audit, Entry, Keep, Of};
use incident::{Event, Incident, IncidentId, Record, RecordEvent, Recorded, react, timeline};

const OPENED: &[u8] = include_bytes!("../../tests/corpus/events/opened.1.json");

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let which = input.byte() % 4;
    match which {
        0 => record(input.0),
        1 => anchor(input.0),
        2 => {
            if let Ok(operation) = serde_json::from_slice::<rota::Operation>(input.0) {
                let json = serde_json::to_vec(&operation).expect("plain data");
                assert_eq!(serde_json::from_slice::<rota::Operation>(&json).expect("what was written"), operation);
            }
        }
        _ => night(input.0),
    }
});

/// A night of one event a line, after an opening.
fn night(lines: &[u8]) {
    let bodies = [OPENED].into_iter().chain(lines.split(|byte| *byte == b'\n')).take(40);
    let mut audit = Audit::new(None, Keep::Each(usize::MAX));
    let mut events = Vec::new();
    for (body, seq) in bodies.zip(1..) {
        audit.see(&Entry {
            stream: "inc/1",
            of: Of::Incident(IncidentId(1)),
            version: seq,
            at: now(),
            kind: "any",
            actor: "any",
            cause: "any",
            body,
        });
        let Ok(event) = serde_json::from_slice::<Event>(body) else { continue };
        assert!(!event.kind().is_empty());
        let json = serde_json::to_vec(&event).expect("plain data");
        assert_eq!(serde_json::from_slice::<Event>(&json).expect("what was written"), event);
        events.push(Recorded { seq, at: now(), event });
    }
    let incident = Incident::fold(IncidentId(1), &events).expect("it begins with an opening");
    assert_eq!(Some(incident.seq), events.last().map(|last| last.seq));
    let json = serde_json::to_vec(&incident).expect("plain data");
    assert_eq!(serde_json::from_slice::<Incident>(&json).expect("what was written"), incident, "a snapshot");
    let reaction = react(&incident, &events);
    assert_eq!(reaction, react(&incident, &events), "the same events ask for the same");
    assert!(reaction.effects.iter().all(|effect| !effect.id.is_empty()));
    assert_eq!(timeline(&incident, &events, |who| who.to_string()).len(), events.len());
    drop(audit.report(now()));
}

fn record(body: &[u8]) {
    let Ok(event) = serde_json::from_slice::<RecordEvent>(body) else { return };
    let mut record = Record::default();
    record.apply(&event, now());
    record.apply(&event, now());
    let json = serde_json::to_vec(&record).expect("plain data");
    assert_eq!(serde_json::from_slice::<Record>(&json).expect("what was written"), record);
}

/// Nobody here has the key.
fn anchor(body: &[u8]) {
    if let Ok(signed) = serde_json::from_slice::<Signed>(body) {
        assert!(!signed.is_authentic());
        assert_eq!(signed.digest().len(), 64);
    }
}
