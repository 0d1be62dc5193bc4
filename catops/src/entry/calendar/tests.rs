//! Who has the calendar already and is not sent it again.

use super::*;
use axum::http::HeaderName;

#[test]
fn who_has_it_already_is_told_so() {
    let page =
        Page { body: String::new(), etag: "\"abc\"".to_owned(), changed_at: "2026-02-01T12:00:05Z".parse().unwrap() };
    let cases: [(&[(HeaderName, &str)], bool); 12] = [
        (&[], false),
        (&[(IF_NONE_MATCH, "\"abc\"")], true),
        (&[(IF_NONE_MATCH, "W/\"abc\"")], true),
        (&[(IF_NONE_MATCH, "*")], true),
        (&[(IF_NONE_MATCH, "\"x\", \"abc\"")], true),
        (&[(IF_NONE_MATCH, "abc")], false),
        (&[(IF_NONE_MATCH, "\"abcd\"")], false),
        (&[(IF_MODIFIED_SINCE, "Sun, 01 Feb 2026 12:00:05 GMT")], true),
        (&[(IF_MODIFIED_SINCE, "Sun, 01 Feb 2026 12:00:04 GMT")], false),
        (&[(IF_MODIFIED_SINCE, "yesterday")], false),
        // A tag decides alone.
        (&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, "Sun, 01 Feb 2026 12:00:05 GMT")], false),
        (&[(IF_NONE_MATCH, "\"abc\""), (IF_MODIFIED_SINCE, "Sun, 01 Feb 2026 12:00:04 GMT")], true),
    ];
    for (given, known) in cases {
        let headers: HeaderMap = given.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        assert_eq!(is_known(&page, &headers), known, "{given:?}");
        let answer = answer(&page, &headers);
        assert_eq!(answer.status().as_u16(), if known { 304 } else { 200 }, "{given:?}");
        assert_eq!(answer.headers()[ETAG], "\"abc\"");
        assert_eq!(answer.headers()[LAST_MODIFIED], "Sun, 01 Feb 2026 12:00:05 GMT");
        assert_eq!(answer.headers()[CACHE_CONTROL], "private, no-cache");
    }
}
