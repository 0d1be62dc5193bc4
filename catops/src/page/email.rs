//! Pages by e-mail: one message, by SMTP over TLS. What cannot be encrypted is not sent, except to this machine. A message's
//! id follows from its effect's id, so that a mail program knows a repeat; every foreign word is cleaned and escaped.

use crate::action::guard::{Private, judged_name};
use crate::clock;
use crate::config::file::{EmailConfig, PagingConfig};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use maud::html;
use reqwest::Url;
use ring::digest;
use std::time::Duration;

/// How long a message may take, from the name server to the last answer: below the time for which its effect is leased.
const SEND_MAX: Duration = Duration::from_secs(12);

/// How long a server may be silent at one step.
const STEP_MAX: Duration = Duration::from_secs(6);

/// What a server said is told in so many characters.
const SAID_CHARS_MAX: usize = 200;

/// Why a message was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Untaken {
    /// It may be later.
    Later(String),
    /// It never will be: the server knows no such mailbox.
    Never(String),
}

/// What a message says.
pub(super) struct Letter<'l> {
    /// One line.
    pub(super) subject: String,
    /// Plain text.
    pub(super) text: String,
    /// Links that acknowledge, each with the words of its button; may be none.
    pub(super) acks: Vec<(String, &'l str)>,
    /// Where to read more; may be empty.
    pub(super) more: &'l str,
    /// The effect that sends it.
    pub(super) effect_id: &'l str,
}

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    /// From the first byte.
    Tls,
    /// After STARTTLS, which the server must offer.
    StartTls,
    /// Not at all.
    None,
}

/// Says "no answer wanted" to programs that answer by themselves (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// What is wrong with the configuration, if anything is.
pub(super) fn check(config: &EmailConfig) -> Result<(), String> {
    server(config)?;
    mailbox(&config.from).map_err(|_| {
        format!("paging.email.from is \"{}\"; write it like \"CatOps <catops@example.com>\"", config.from)
    })?;
    match (&config.user, &config.password) {
        (Some(_), None) | (None, Some(_)) => {
            Err("paging.email has only one of user and password; write both".to_owned())
        }
        _ => Ok(()),
    }
}

/// Sends one message.
///
/// # Errors
/// It was not taken; no address stands in the error.
pub(super) async fn send(paging: &PagingConfig, to: &str, letter: Letter<'_>) -> Result<(), Untaken> {
    let Some(config) = &paging.email else {
        return Err(Untaken::Later("no [paging.email] in catops.toml".to_owned()));
    };
    let sent = tokio::time::timeout(SEND_MAX, deliver(config, paging, to, letter)).await;
    let sent = sent.unwrap_or_else(|_| Err(Untaken::Later("the mail server did not answer in time".to_owned())));
    sent.map_err(|untaken| match untaken {
        Untaken::Later(said) => Untaken::Later(without(&said, to)),
        Untaken::Never(said) => Untaken::Never(without(&said, to)),
    })
}

async fn deliver(config: &EmailConfig, paging: &PagingConfig, to: &str, letter: Letter<'_>) -> Result<(), Untaken> {
    let message = message(config, to, letter)?;
    let (security, host, port) = server(config).map_err(Untaken::Later)?;
    let private = Private::of("[paging]", &paging.allow_private);
    let addresses = judged_name(&host, port, private).await;
    let addresses = addresses.map_err(|refused| Untaken::Later(refused.without_address()))?;
    let address = addresses.first().ok_or_else(|| Untaken::Later("the mail server has no address".to_owned()))?;
    let parameters = || TlsParameters::new(host.clone()).map_err(|error| Untaken::Later(told(&error)));
    let tls = match security {
        Security::Tls => Tls::Wrapper(parameters()?),
        Security::StartTls => Tls::Required(parameters()?),
        Security::None => Tls::None,
    };
    // By the address that was judged: a second answer of the name server changes nothing.
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string());
    let mut transport = transport.port(port).tls(tls).timeout(Some(STEP_MAX));
    if let (Some(user), Some(password)) = (&config.user, &config.password) {
        let read = |secret: &crate::config::secret::SecretRef| {
            secret.read().map_err(|error| Untaken::Later(error.to_string()))
        };
        transport = transport.credentials(Credentials::new(read(user)?, read(password)?));
    }
    match transport.build().send(message).await {
        Ok(_) => Ok(()),
        Err(error) => Err(sorted(&error)),
    }
}

/// What a server refuses for good is not asked again, except where what it refuses is us: that can be put right.
fn sorted(error: &lettre::transport::smtp::Error) -> Untaken {
    let code = error.status().map(u16::from);
    let said = match code {
        Some(code) => format!("the mail server answered {code}: {}", told(error)),
        None => told(error),
    };
    match code {
        Some(530 | 534 | 535 | 538) => Untaken::Later(said),
        Some(500..=599) => Untaken::Never(said),
        _ => Untaken::Later(said),
    }
}

fn message(config: &EmailConfig, to: &str, letter: Letter<'_>) -> Result<Message, Untaken> {
    let from = mailbox(&config.from).map_err(Untaken::Later)?;
    let domain = from.email.domain().to_owned();
    let to = mailbox(to).map_err(Untaken::Never)?;
    let built = Message::builder()
        .from(from)
        .to(to)
        .subject(one_line(&letter.subject))
        .date(clock::now().into())
        .message_id(Some(format!("<{}@{domain}>", hash(letter.effect_id))))
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(letter.text.clone(), page(&letter)));
    built.map_err(|error| Untaken::Never(error.to_string()))
}

fn page(letter: &Letter<'_>) -> String {
    let page = html! {
        html {
            body {
                @for line in letter.text.lines().filter(|line| !line.starts_with("http")) { p { (line) } }
                @for (words, ack) in &letter.acks { p { a href=(ack) { (words) } } }
                @if !letter.more.is_empty() { p { a href=(letter.more) { "More" } } }
            }
        }
    };
    page.into_string()
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|error: lettre::address::AddressError| format!("no e-mail address: {error}"))
}

/// A line break in a header begins another header.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn hash(text: &str) -> String {
    let mut hex = String::new();
    for byte in &digest::digest(&digest::SHA256, text.as_bytes()).as_ref()[..16] {
        hex.push_str(&format!("{byte:02x}"));
    }
    hex
}

fn server(config: &EmailConfig) -> Result<(Security, String, u16), String> {
    let wrong = |why: &str| format!("paging.email.smtp is no mail server that can be used: {why}");
    let advice = "write \"smtps://mail.example.com\", or \"smtp://mail.example.com\" for STARTTLS";
    let url = Url::parse(&config.smtp).map_err(|_| wrong(advice))?;
    let host = url.host_str().ok_or_else(|| wrong(advice))?.trim_matches(['[', ']']).to_owned();
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("user and password have keys of their own"));
    }
    let (security, usual) = match url.scheme() {
        "smtps" => (Security::Tls, 465),
        "smtp" => (Security::StartTls, 587),
        "smtp+unencrypted" if matches!(host.as_str(), "127.0.0.1" | "localhost" | "::1") => (Security::None, 25),
        "smtp+unencrypted" => return Err(wrong("only a server on this machine is spoken to without encryption")),
        _ => return Err(wrong(advice)),
    };
    Ok((security, host, url.port().unwrap_or(usual)))
}

fn told(error: &lettre::transport::smtp::Error) -> String {
    // Its own words hold those of its causes.
    one_line(&error.to_string()).chars().take(SAID_CHARS_MAX).collect()
}

/// Servers repeat whom they refuse, and nobody's address stands in the log.
fn without(said: &str, to: &str) -> String {
    said.replace(to, "the mailbox")
}

#[cfg(test)]
mod tests;
