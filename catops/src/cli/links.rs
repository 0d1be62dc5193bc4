//! Whether the runbook links of alarms still lead somewhere. Asked only when somebody wants it; private addresses are not.

use super::progress::Bar;
use super::read::block_on;
use crate::action::guard::Private;
use crate::action::reach::{Reach, why};
use crate::coverage::Existing;
use anyhow::Result;
use futures::{StreamExt as _, stream};
use reqwest::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Links that are asked at the same time.
const AT_ONCE: usize = 8;

/// A link that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Dead {
    alarm: String,
    url: String,
    why: String,
}

impl fmt::Display for Dead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.alarm, self.url, self.why)
    }
}

/// Asks every runbook link once.
pub(super) fn dead(existing: &[Existing]) -> Result<Vec<Dead>> {
    let mut links: BTreeMap<&str, &str> = BTreeMap::new();
    for alarm in existing.iter().map(|existing| &existing.alarm) {
        let runbooks = alarm.links.iter().filter(|link| link.rel == "runbook");
        links.extend(runbooks.map(|link| (link.url.as_str(), alarm.title.as_str())));
    }
    let (bar, all, reach) = (Bar::new("links"), links.len() as u64, Reach::default());
    let asked = stream::iter(links).map(async |(url, alarm)| (url, alarm, ask(&reach, url).await));
    let dead = block_on(async {
        let (mut dead, mut done) = (Vec::new(), 0);
        let mut answers = std::pin::pin!(asked.buffer_unordered(AT_ONCE));
        while let Some((url, alarm, answer)) = answers.next().await {
            done += 1;
            bar.at(done, all);
            dead.extend(answer.err().map(|why| Dead { alarm: alarm.to_owned(), url: url.to_owned(), why }));
        }
        dead.sort_by(|a, b| a.alarm.cmp(&b.alarm).then_with(|| a.url.cmp(&b.url)));
        Ok(dead)
    });
    bar.end();
    dead
}

/// There is no list of private addresses here: whoever wants to know looks from where people look.
fn not_asked(why: String) -> String {
    if why.contains("private address") { "a private address, which is not asked".to_owned() } else { why }
}

/// Some servers do not answer HEAD, so what is refused that way is asked again.
async fn ask(reach: &Reach, url: &str) -> Result<(), String> {
    let private = Private { allowed: &[], section: "coverage" };
    let (client, url) = reach.client(url, private).map_err(|unreachable| not_asked(unreachable.to_string()))?;
    let failed = |error| not_asked(why(error));
    let head = client.head(url.clone()).send().await.map_err(failed)?.status();
    let status = match head {
        status if status.is_success() || status.is_redirection() => return Ok(()),
        _ => client.get(url).send().await.map_err(failed)?.status(),
    };
    match status {
        // Who has to sign in sees a page that is there.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(()),
        status if status.is_success() || status.is_redirection() => Ok(()),
        status => Err(format!("answers {}", status.as_u16())),
    }
}
