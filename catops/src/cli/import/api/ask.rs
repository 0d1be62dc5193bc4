//! One question to another tool's API, asked again when it says "too many", and lists of which each answer is a page. It knows
//! how the tools sign and page, and nothing of what they say.

use super::list;
use anyhow::{Context, Result, bail};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, redirect};
use rota::import::Tool;
use serde_json::Value;
use std::time::Duration;

/// How long one answer may take; large accounts render a schedule slowly.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How often a question is asked when the API says "too many" or stumbles.
const TRIES: u32 = 6;
/// The wait when the API does not say how long, doubled by each further one.
const WAIT: Duration = Duration::from_secs(1);
/// The longest wait that is obeyed: the rate limits of all four tools count by the minute.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// Pages of one list; at a hundred objects a page a thousand times what a company has.
const PAGES_MAX: usize = 10_000;
/// Objects that are asked for at once, the most that all four allow.
pub(super) const PAGE: usize = 100;

/// A tool's API.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    asked: usize,
}

impl Client {
    pub(super) fn new(tool: Tool, url: &str, token: String) -> Result<Self> {
        let base: Url = url.parse().with_context(|| format!("{url} is no address"))?;
        let host = base.host_str().unwrap_or_default();
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if base.scheme() != "https" && !(base.scheme() == "http" && is_here) {
            bail!("{url} is not https; a token is sent to no other address but one of this machine");
        }
        if !base.username().is_empty() || base.password().is_some() || base.query().is_some() {
            bail!("the address has a user or a query in it; name the token's variable with --token-env");
        }
        let signed = match tool {
            Tool::PagerDuty => format!("Token token={token}"),
            Tool::Opsgenie => format!("GenieKey {token}"),
            Tool::GrafanaOnCall => token,
            Tool::GoAlert => format!("Bearer {token}"),
        };
        let mut signed =
            HeaderValue::try_from(signed).map_err(|_| anyhow::anyhow!("the token has unfit characters"))?;
        signed.set_sensitive(true);
        let accept = match tool {
            Tool::PagerDuty => "application/vnd.pagerduty+json;version=2",
            Tool::Opsgenie | Tool::GrafanaOnCall | Tool::GoAlert => "application/json",
        };
        let headers = HeaderMap::from_iter([(AUTHORIZATION, signed), (ACCEPT, HeaderValue::from_static(accept))]);
        // A redirect could lead the token elsewhere.
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).default_headers(headers);
        Ok(Self { http: http.timeout(ANSWER_WITHIN).build().context("making an HTTP client")?, base, asked: 0 })
    }

    pub(super) fn host(&self) -> String {
        self.base.host_str().unwrap_or_default().to_owned()
    }

    /// The answer to one address below the base.
    pub(super) async fn get(&mut self, path: &str) -> Result<Value> {
        let url = self.below(path)?;
        self.answer(|http| http.request(Method::GET, url.clone())).await.with_context(|| format!("GET {path}"))
    }

    /// The answer to a query, which a GraphQL API takes by POST; it changes nothing there.
    pub(super) async fn query(&mut self, path: &str, query: &Value) -> Result<Value> {
        let url = self.below(path)?;
        self.answer(|http| http.request(Method::POST, url.clone()).json(query))
            .await
            .with_context(|| format!("querying {path}"))
    }

    /// A list whose pages are asked for by `offset`, until one says that there is no `more`.
    pub(super) async fn by_offset(&mut self, path: &str, key: &str) -> Result<Vec<Value>> {
        let mut all: Vec<Value> = Vec::new();
        for _ in 0..PAGES_MAX {
            let mark = if path.contains('?') { '&' } else { '?' };
            let answer = self.get(&format!("{path}{mark}limit={PAGE}&offset={}", all.len())).await?;
            let page = list(&answer, key)?;
            let is_last = page.is_empty() || answer.get("more").and_then(Value::as_bool) != Some(true);
            all.extend(page);
            if is_last {
                self.tell(key, all.len());
                return Ok(all);
            }
        }
        bail!("{path} has more than {PAGES_MAX} pages");
    }

    /// A list whose answers say where the next page is.
    pub(super) async fn by_link(&mut self, path: &str, key: &str, next: &str) -> Result<Vec<Value>> {
        let (mut all, mut url) = (Vec::new(), self.below(path)?);
        for _ in 0..PAGES_MAX {
            let answer = self.answer(|http| http.request(Method::GET, url.clone())).await;
            let answer = answer.with_context(|| format!("GET {path}"))?;
            all.extend(list(&answer, key)?);
            let Some(link) = answer.pointer(next).and_then(Value::as_str).filter(|link| !link.is_empty()) else {
                self.tell(path.split('?').next().unwrap_or(path), all.len());
                return Ok(all);
            };
            let following = url.join(link).with_context(|| format!("the next page of {path}"))?;
            if following.origin() != self.base.origin() {
                bail!("the next page of {path} is on another host; the token is not sent there");
            }
            url = following;
        }
        bail!("{path} has more than {PAGES_MAX} pages");
    }

    /// An address below the base, whose own path stays in front.
    fn below(&self, path: &str) -> Result<Url> {
        let base = self.base.as_str().trim_end_matches('/');
        // People copy the address with the version in it.
        let base = base.strip_suffix("/api/v1").filter(|_| path.starts_with("/api/v1/")).unwrap_or(base);
        format!("{base}{path}").parse().with_context(|| format!("{path} makes no address"))
    }

    /// Asks until there is an answer, and waits in between for as long as the API says.
    async fn answer(&mut self, ask: impl Fn(&reqwest::Client) -> RequestBuilder) -> Result<Value> {
        let mut wait = WAIT;
        for tried in 1..=TRIES {
            self.asked += 1;
            let answer = ask(&self.http).send().await.map_err(reqwest::Error::without_url).context("no answer")?;
            let status = answer.status();
            if status.is_success() {
                return read(answer).await;
            }
            let again = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            if !again || tried == TRIES {
                bail!("{}", refusal(status));
            }
            let told = told_wait(answer.headers());
            if told.is_some_and(|told| told > WAIT_MAX) {
                bail!(
                    "it wants {} s of patience, which is too long; try again later",
                    told.unwrap_or_default().as_secs()
                );
            }
            let now = told.unwrap_or(wait);
            eprintln!("catops: {status}; asking again in {} s, {} tries left", now.as_secs(), TRIES - tried);
            pause(now).await;
            wait *= 2;
        }
        bail!("no answer");
    }

    /// Says how far it is, beside the answer, which may be read by a program.
    pub(super) fn tell(&self, what: &str, count: usize) {
        eprintln!("catops: {count} of {what} ({} questions so far)", self.asked);
    }
}

#[expect(clippy::disallowed_methods, reason = "a command waits in front of somebody; no event could wake it")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// How long the API wants us to wait: `Retry-After`, or PagerDuty's `ratelimit-reset`, in seconds.
fn told_wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    seconds("retry-after").or_else(|| seconds("ratelimit-reset")).map(Duration::from_secs)
}

/// What somebody can do about a refusal. The answer's own words stay out: they may repeat the token.
fn refusal(status: StatusCode) -> String {
    match status {
        StatusCode::UNAUTHORIZED => {
            "it does not know the token (401); --token-env names the variable that holds it".into()
        }
        StatusCode::FORBIDDEN => "the token may not read this (403); make one that may read everything".into(),
        StatusCode::NOT_FOUND => "there is no such thing (404); is the address that of the API?".into(),
        status if status.is_redirection() => {
            format!("it leads elsewhere ({status}); name the address that it leads to")
        }
        status => format!("it says {status}"),
    }
}

/// A whole answer, as JSON.
async fn read(mut answer: Response) -> Result<Value> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url).context("the answer broke off")? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            bail!("an answer is longer than {ANSWER_BYTES_MAX} bytes");
        }
    }
    serde_json::from_slice(&body).context("the answer is not whole JSON")
}
