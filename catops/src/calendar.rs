//! Calendars that others keep: read from a file or fetched once over HTTPS, and the last copy that could be read, kept in a
//! file beside its age. What they say is understood elsewhere (`rota::calendar`); nothing here changes who is on call.
//!
//! The address of a calendar is often a secret: no error names it.

use crate::action::guard::{Private, Refused, written};
use crate::action::reach::{Reach, why};
use crate::clock;
use anyhow::{Context, Result};
use reqwest::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION};
use reqwest::{StatusCode, Url};
use rota::calendar::{Fetch, GoodCopy, read_calendar};
use rota::{Span, Zone};
use std::convert::Infallible;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Bytes that are read of an answer or a file: one more than a calendar may have, so that it is known to be too large.
const BYTES_MAX: u64 = 8 * 1024 * 1024 + 1;
/// From the name server to the last byte. Large providers lay a calendar out when it is asked for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where a calendar is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In a file.
    File(PathBuf),
    /// At an address.
    Address(String),
}

impl FromStr for Source {
    type Err = Infallible;

    /// `webcal://` is what calendar programs write for `https://`.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once("://") {
            Some(("webcal" | "webcals", rest)) => Self::Address(format!("https://{rest}")),
            Some(_) => Self::Address(text.to_owned()),
            None => Self::File(text.into()),
        })
    }
}

impl Source {
    /// What people are told it is called: the file, or the host of the address.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Address(address) => {
                let host = Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned));
                host.map_or_else(|| "the calendar".to_owned(), |host| format!("the calendar of {host}"))
            }
        }
    }

    /// Reads it now. Times without a zone are of `zone`; `window` is what is laid out of series. An address has to be https,
    /// or http where `allow_private` (`[http]` in catops.toml) names the address behind it; no redirect is followed.
    pub async fn fetch(&self, reach: &Reach, allow_private: &[String], zone: &Zone, window: Span) -> Fetch {
        let at = clock::now();
        let bytes = match self {
            Self::File(path) => file(path).await,
            Self::Address(address) => call(reach, address, allow_private).await,
        };
        let result =
            bytes.and_then(|bytes| read_calendar(&bytes, zone, window).map_err(|unreadable| unreadable.to_string()));
        Fetch { at, result }
    }
}

async fn file(path: &Path) -> Result<Vec<u8>, String> {
    use tokio::io::AsyncReadExt;
    let mut bytes = Vec::new();
    let file = tokio::fs::File::open(path).await.map_err(|error| error.to_string())?;
    file.take(BYTES_MAX).read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// By what a server knows what it sent: handed back, so that it need not send the same again. Its `Debug` says no address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    etag: Option<String>,
    changed_at: Option<String>,
}

/// What a server answers.
pub enum Answer {
    /// It is as it was.
    Same,
    /// The bytes, and by what the server knows them.
    Bytes(Vec<u8>, Validators),
}

async fn call(reach: &Reach, address: &str, allow_private: &[String]) -> Result<Vec<u8>, String> {
    match get(reach, address, allow_private, &Validators::default(), TIMEOUT).await? {
        Answer::Bytes(bytes, _) => Ok(bytes),
        Answer::Same => Err("the server answered 304".to_owned()),
    }
}

/// Fetches an address: https, or http where `allow_private` (`[http]` in catops.toml) names the address behind it. No redirect
/// is followed, and at most a little more than 8 MiB are read.
///
/// # Errors
/// Why not, in words without the address.
pub async fn get(
    reach: &Reach,
    address: &str,
    allow_private: &[String],
    known: &Validators,
    timeout: Duration,
) -> Result<Answer, String> {
    let Ok(Source::Address(address)) = address.parse::<Source>() else {
        return Err("its address has to begin with https://".to_owned());
    };
    let private = Private::of("[http]", allow_private);
    let url = Url::parse(&address).map_err(|_| "its address cannot be read")?;
    // Over plain http anybody on the way could write who is on call.
    if url.scheme() != "https" && !(url.scheme() == "http" && is_private(&url)) {
        return Err("its address has to begin with https://".to_owned());
    }
    let (client, url) = reach.client(&address, private).map_err(|error| error.to_string())?;
    let mut request = client.get(url).timeout(timeout);
    for (name, value) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.changed_at)] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let mut answer = request.send().await.map_err(why)?;
    let status = answer.status();
    if status == StatusCode::NOT_MODIFIED && *known != Validators::default() {
        return Ok(Answer::Same);
    }
    if status.is_redirection() && answer.headers().contains_key(LOCATION) {
        return Err("its address leads to another one, which is not followed; name that one".to_owned());
    }
    if !status.is_success() {
        return Err(format!("the server answered {}", status.as_u16()));
    }
    let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let validators = Validators { etag: header(ETAG), changed_at: header(LAST_MODIFIED) };
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(why)? {
        let room = usize::try_from(BYTES_MAX).unwrap_or(usize::MAX).saturating_sub(bytes.len());
        bytes.extend(chunk.iter().take(room));
        if room <= chunk.len() {
            break;
        }
    }
    Ok(Answer::Bytes(bytes, validators))
}

/// Whether an address is written in numbers that lead to a private network; whether it may be called is judged later.
fn is_private(url: &Url) -> bool {
    matches!(written(url, Private::of("[http]", &[])), Some(Err(Refused::Private { .. })))
}

/// The copy that a file keeps; none when there is no such file.
///
/// # Errors
/// It cannot be read, or is no copy of a calendar.
pub fn kept(path: &Path) -> Result<Option<GoodCopy>> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let copy = serde_json::from_slice(&text);
    copy.map(Some).with_context(|| format!("{} is no copy of a calendar; name another file", path.display()))
}

/// Keeps a copy: the file holds the old one or the new one whole, whatever happens meanwhile, and is its owner's alone.
///
/// # Errors
/// It cannot be written.
pub fn keep(path: &Path, copy: &GoodCopy) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, copy)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests;
