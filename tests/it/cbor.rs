//! As much CBOR (RFC 8949) as a stub of CloudWatch needs: what the SDK writes is read, and answers are written. Bytes and
//! times, which JSON has not, are `{"$bytes": "hex"}` and `{"$time": seconds}`.

use serde_json::{Map, Value, json};

/// Where a time begins.
const TIME_TAG: u8 = 0xc1;

pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(value, &mut bytes);
    bytes
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(yes) => out.push(if *yes { 0xf5 } else { 0xf4 }),
        Value::Number(number) => match number.as_u64() {
            Some(whole) => head(0, usize::try_from(whole).expect("a small number"), out),
            None => float(number.as_f64().expect("a number"), out),
        },
        Value::String(text) => {
            head(3, text.len(), out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Array(items) => {
            head(4, items.len(), out);
            items.iter().for_each(|item| write(item, out));
        }
        Value::Object(fields) => write_object(fields, out),
    }
}

fn write_object(fields: &Map<String, Value>, out: &mut Vec<u8>) {
    if let Some(hex) = fields.get("$bytes").and_then(Value::as_str) {
        let bytes: Vec<u8> = hex
            .as_bytes()
            .chunks(2)
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).expect("ASCII"), 16).expect("hexadecimal digits"))
            .collect();
        head(2, bytes.len(), out);
        out.extend_from_slice(&bytes);
    } else if let Some(seconds) = fields.get("$time").and_then(Value::as_f64) {
        out.push(TIME_TAG);
        float(seconds, out);
    } else {
        head(5, fields.len(), out);
        for (name, value) in fields {
            write(&json!(name), out);
            write(value, out);
        }
    }
}

fn float(number: f64, out: &mut Vec<u8>) {
    out.push(0xfb);
    out.extend_from_slice(&number.to_be_bytes());
}

fn head(major: u8, length: usize, out: &mut Vec<u8>) {
    let major = major << 5;
    match u32::try_from(length).expect("a short text") {
        length @ 0..=23 => out.push(major | length.to_le_bytes()[0]),
        length => {
            out.push(major | 26);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
}

/// What the SDK wrote.
pub(crate) fn decode(bytes: &[u8]) -> Value {
    let mut rest = bytes;
    read(&mut rest).expect("a value")
}

/// `None` at the end of something whose length was not given.
fn read(rest: &mut &[u8]) -> Option<Value> {
    let first = take(rest, 1)[0];
    let (major, info) = (first >> 5, first & 31);
    if first == 0xff {
        return None;
    }
    if major == 7 {
        return Some(match info {
            20 | 21 => json!(info == 21),
            26 => json!(f32::from_be_bytes(take(rest, 4).try_into().expect("four"))),
            27 => json!(f64::from_be_bytes(take(rest, 8).try_into().expect("eight"))),
            _ => Value::Null,
        });
    }
    let length = match info {
        0..=23 => Some(u64::from(info)),
        24..=27 => {
            let bytes = take(rest, 1 << (info - 24));
            Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        }
        _ => None,
    };
    let count = length.map_or(usize::MAX, |length| usize::try_from(length).expect("a short one"));
    Some(match major {
        0 => json!(length),
        1 => json!(-1 - i64::try_from(length.expect("a number")).expect("a small number")),
        2 => json!({ "$bytes": take(rest, count).iter().map(|byte| format!("{byte:02x}")).collect::<String>() }),
        3 => json!(String::from_utf8_lossy(take(rest, count))),
        4 => std::iter::from_fn(|| read(rest)).take(count).collect(),
        5 => {
            let field = || Some((read(rest)?.as_str()?.to_owned(), read(rest)?));
            Value::Object(std::iter::from_fn(field).take(count).collect())
        }
        _ => json!({ "$time": read(rest) }),
    })
}

fn take<'b>(rest: &mut &'b [u8], count: usize) -> &'b [u8] {
    let (taken, left) = rest.split_at(count);
    *rest = left;
    taken
}

#[test]
fn what_was_written_is_read() {
    let value = json!({ "a": [1, 300, -0.5, true, null], "b": { "$bytes": "00ff" }, "c": { "$time": 1.5 }, "d": "é".repeat(40) });
    assert_eq!(decode(&encode(&value)), value);
    let endless = [0xbf, 0x61, b'a', 0x9f, 0x01, 0xff, 0xff];
    assert_eq!(decode(&endless), json!({ "a": [1] }));
}
