//! HTTP events of API Gateway (format 2.0) as requests, and responses as what it takes back. The body's bytes stay as they
//! were sent: signatures are over them.

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tower::ServiceExt;

/// Largest answer that Lambda takes back, in bytes.
const ANSWER_BYTES_MAX: usize = 6_000_000;

/// docs.aws.amazon.com/apigateway, "Create AWS Lambda proxy integrations for HTTP APIs", format 2.0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    request_context: RequestContext,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    http: Http,
    stage: Option<String>,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

/// Whether it is an HTTP request.
pub(super) fn is_request(event: &Value) -> bool {
    event.pointer("/requestContext/http").is_some()
}

/// Answers it.
pub(super) async fn answer(router: &Router, event: Value) -> Result<Value> {
    let event: Event = serde_json::from_value(event).context("reading an HTTP event")?;
    let response = router.clone().oneshot(request(event)?).await.context("answering")?;
    let (head, body) = response.into_parts();
    let body = to_bytes(body, ANSWER_BYTES_MAX).await.context("reading the answer")?;
    let headers: BTreeMap<&str, &str> =
        head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let (body, encoded) = match std::str::from_utf8(&body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (STANDARD.encode(&body), true),
    };
    Ok(json!({ "statusCode": head.status.as_u16(), "headers": headers, "body": body, "isBase64Encoded": encoded }))
}

fn request(event: Event) -> Result<Request<Body>> {
    // A stage with a name stands before the path.
    let stage = event.request_context.stage.filter(|stage| stage != "$default");
    let path = match stage.as_ref().and_then(|stage| event.raw_path.strip_prefix(&format!("/{stage}"))) {
        Some(path) if path.starts_with('/') => path,
        _ => event.raw_path.as_str(),
    };
    let address = match event.raw_query_string.as_str() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    };
    let mut request = Request::builder().method(event.request_context.http.method.as_str()).uri(address);
    for (name, value) in &event.headers {
        request = request.header(name, value);
    }
    let body = match event.body {
        Some(body) if event.is_base64_encoded => STANDARD.decode(body).context("reading the body of an HTTP event")?,
        body => body.unwrap_or_default().into_bytes(),
    };
    request.body(Body::from(body)).context("an HTTP event that is no request")
}

#[cfg(test)]
mod tests {
    use super::{answer, is_request};
    use axum::Router;
    use axum::body::Bytes;
    use axum::extract::RawQuery;
    use axum::http::HeaderMap;
    use axum::routing::post;
    use serde_json::json;

    async fn echo(RawQuery(query): RawQuery, headers: HeaderMap, body: Bytes) -> (HeaderMap, Vec<u8>) {
        let told = HeaderMap::from_iter([("x-seen".parse().unwrap(), headers["x-slack-signature"].clone())]);
        (told, [query.unwrap_or_default().as_bytes(), b"|", &body].concat())
    }

    #[tokio::test]
    async fn bytes_and_headers_arrive_as_they_were_sent() {
        let router = Router::new().route("/slack/commands", post(echo));
        let event = |body: &str, encoded: bool| {
            json!({
                "version": "2.0", "rawPath": "/live/slack/commands", "rawQueryString": "a=b%20c",
                "headers": { "x-slack-signature": "v0=abc" },
                "requestContext": { "http": { "method": "POST" }, "stage": "live" },
                "body": body, "isBase64Encoded": encoded,
            })
        };
        let plain = event("text=on%20call", false);
        assert!(is_request(&plain));
        let told = answer(&router, plain).await.unwrap();
        assert_eq!((&told["statusCode"], &told["body"]), (&json!(200), &json!("a=b%20c|text=on%20call")));
        assert_eq!(told["headers"]["x-seen"], "v0=abc");
        let told = answer(&router, event("AP//", true)).await.unwrap();
        assert_eq!((&told["body"], &told["isBase64Encoded"]), (&json!("YT1iJTIwY3wA//8="), &json!(true)));
    }
}
