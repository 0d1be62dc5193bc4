//! Slack does not deliver, and people are paged all the same: by a webhook of their own, by SNS. Once, and not when somebody
//! has the incident already.

use crate::receiver::{Receiver, Told};
use anyhow::{Context, Result};
use serde_json::{Value, json};
#[cfg(feature = "aws")]
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tests::{Server, catops, text};

/// What `docs/` promise: a page by the second channel 60 s after Slack should have delivered it, and 90 s at the latest.
const PROMISED: Duration = Duration::from_secs(90);
/// Signs the links by which people acknowledge, in the tests that set it.
pub(crate) const LINKS: (&str, &str) = ("CATOPS_LINK_SECRET", "a key of enough bytes for links");
const SECRET: (&str, &str) = ("CATOPS_PAGE_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

/// A configuration in which somebody is on call for everything, and a place for the data.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// `after` is `second_channel_after`; `ana` the lines of the person who is on call.
    fn new(after: &str, ana: &str) -> Result<Self> {
        Self::with_people(after, &format!("[people.ana]\nname = \"Ana Ruiz\"\n{ana}\n"), "\"ana\"")
    }

    /// The same with these people, and those who are on call.
    pub(crate) fn with_people(after: &str, people: &str, on_call: &str) -> Result<Self> {
        let home = Self { folder: tempfile::tempdir()? };
        fs::create_dir_all(home.config().join("rota"))?;
        let paging = format!(
            "second_channel_after = \"{after}\"\nwebhook_secret = \"env:{}\"\nlink_secret = \"env:{}\"\n\
             allow_private = [\"127.0.0.1\"]",
            SECRET.0, LINKS.0
        );
        let config = format!(
            "[slack]\nchannel = \"C0OPS\"\npost_interval = \"0s\"\n[paging]\n{paging}\n\
             [[source]]\nkind = \"generic\"\nauth = \"open\"\n"
        );
        fs::write(home.config().join("catops.toml"), config)?;
        let rota = format!("{people}[[escalation.default.levels]]\npage = [{on_call}]\nwait = \"10m\"\n");
        fs::write(home.config().join("rota/team.toml"), rota)?;
        Ok(home)
    }

    /// The same with more at the end of catops.toml.
    pub(crate) fn with_more(self, more: &str) -> Result<Self> {
        let path = self.config().join("catops.toml");
        fs::write(&path, fs::read_to_string(&path)? + more)?;
        Ok(self)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn serve(&self, environment: &[(&str, &str)]) -> Result<Server> {
        Server::serve(&self.config(), &self.data(), &[&[SECRET], environment].concat())
    }

    /// What `catops why` says of the first incident.
    pub(crate) fn why(&self) -> String {
        catops(&["why", "1", "--data", text(&self.data())]).stdout
    }
}

/// Slack refuses everything from now on, or nothing any more.
async fn slack_refuses(server: &Server, kind: &str, count: u32) -> Result<()> {
    server.local("faults", &json!({ "method": "*", "kind": kind, "count": count })).await.map(drop)
}

/// The lines of an incident's timeline.
pub(crate) async fn timeline(server: &Server, incident: u64) -> Result<Vec<String>> {
    let shown = server.incident(incident).await?;
    let lines = shown["timeline"].as_array().context("a timeline")?.iter();
    Ok(lines.filter_map(|line| line["text"].as_str()).map(str::to_owned).collect())
}

/// Waits until the timeline holds a line with these words.
pub(crate) async fn until_said(server: &Server, incident: u64, words: &str) -> Result<()> {
    let look = async |server: &Server| {
        let lines = timeline(server, incident).await?;
        Ok(if lines.iter().any(|line| line.contains(words)) { Ok(()) } else { Err(format!("{lines:?}")) })
    };
    server.until(words, look).await
}

pub(crate) async fn until_told(server: &Server, receiver: &Receiver, count: usize) -> Result<Vec<Told>> {
    let look = async |_: &Server| {
        let told = receiver.told();
        Ok(if told.len() >= count { Ok(told) } else { Err(format!("{told:?}")) })
    };
    server.until_within(PROMISED, &format!("{count} pages"), look).await
}

pub(crate) async fn thanks() -> Result<Receiver> {
    Receiver::new(|_| ("204 Thanks", String::new())).await
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "it measures how long a page takes")]
async fn while_slack_refuses_everything_the_page_comes_by_webhook_once() -> Result<()> {
    let receiver = thanks().await?;
    let home = Home::new("2s", &format!("slack = \"U0ANA\"\nwebhook = \"{}/ana\"", receiver.url))?;
    let server = home.serve(&[])?;
    slack_refuses(&server, "down", 1_000_000).await?;
    let began = Instant::now();
    assert_eq!(server.fire("disk", "disk-1", "Disk is\n full").await?, 202);
    let told = until_told(&server, &receiver, 1).await?;
    let took = told[0].at - began;
    assert!(took >= Duration::from_secs(2) && took <= PROMISED, "Slack has its two seconds: {took:?}");
    until_said(&server, 1, "paged Ana Ruiz by webhook, the second channel").await?;
    assert!(home.why().contains("Paged: ana by webhook, the second channel at "), "{}", home.why());

    let page: Value = serde_json::from_str(&told[0].body)?;
    assert_eq!(page["type"], "incident.page");
    assert_eq!(page["to"], json!({ "id": "ana", "name": "Ana Ruiz" }));
    let link = format!("{}/i/1", server.url);
    let words = format!("INC-1 SEV2: Disk is full\nService: checkout-api\nAcknowledge in Slack; more at {link}");
    assert_eq!(page["text"], words);
    assert_eq!(server.http.get(&link).send().await?.status(), 200, "the link leads somewhere");
    assert!(told[0].headers["webhook-id"].starts_with("page-by/1/"), "{told:?}");
    assert!(told[0].headers["webhook-signature"].starts_with("v1,"), "{told:?}");

    slack_refuses(&server, "down", 0).await?;
    until_said(&server, 1, "paged Ana Ruiz by slack").await?;
    let direct = server.messages("D0ANA", "U0ANA").await?;
    assert_eq!(direct.len(), 1, "the page that waited in Slack came once: {direct:?}");
    assert_eq!(receiver.told().len(), 1, "and by the webhook no second one");
    Ok(())
}

#[tokio::test]
async fn whoever_acknowledges_in_time_is_not_paged_again() -> Result<()> {
    let receiver = thanks().await?;
    let home = Home::new("5s", &format!("slack = \"U0ANA\"\nwebhook = \"{}/ana\"", receiver.url))?;
    let server = home.serve(&[])?;
    slack_refuses(&server, "token_revoked", 1_000_000).await?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    until_said(&server, 1, "level 1: Ana Ruiz").await?;
    server.local("say", &json!({ "as": "U0ANA", "channel": "C0OPS", "text": "/catops ack 1" })).await?;
    until_said(&server, 1, "Ana Ruiz acknowledged").await?;
    // An incident that nobody takes is paged after its time, and by then the first one's time is over.
    assert_eq!(server.fire("queue", "queue-1", "Queue is long").await?, 202);
    until_said(&server, 2, "paged Ana Ruiz by webhook").await?;
    let told = receiver.told();
    assert!(told.iter().all(|told| told.body.contains("INC-2")), "{told:?}");
    let lines = timeline(&server, 1).await?;
    assert!(!lines.iter().any(|line| line.starts_with("paged")), "{lines:?}");
    Ok(())
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "it measures how long a page takes")]
async fn who_has_no_slack_is_paged_at_once_and_again_until_it_is_taken() -> Result<()> {
    let asked = Arc::new(Mutex::new(0));
    let busy_once = move |_: &Told| {
        let mut asked = asked.lock().expect("no test panics with it");
        *asked += 1;
        (if *asked == 1 { "503 Busy" } else { "200 OK" }, String::new())
    };
    let receiver = Receiver::new(busy_once).await?;
    let home = Home::new("60s", &format!("webhook = \"{}/ana\"", receiver.url))?;
    let server = home.serve(&[])?;
    let began = Instant::now();
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    let told = until_told(&server, &receiver, 2).await?;
    assert!(told[0].at - began < Duration::from_secs(45), "nobody waits for a Slack that she does not have");
    assert_eq!(told[0].headers["webhook-id"], told[1].headers["webhook-id"], "a repeat is known by its id");
    until_said(&server, 1, "paged Ana Ruiz by webhook").await?;
    let lines = timeline(&server, 1).await?;
    let failures: Vec<&String> = lines.iter().filter(|line| line.starts_with("could not page")).collect();
    assert_eq!(failures, ["could not page Ana Ruiz by webhook: a webhook answered 503 Service Unavailable"]);
    Ok(())
}

/// Each rule in its time; two people, of whom one cannot be reached (OC#1503), and a way that fails beside one that works.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "it measures how long a page takes")]
async fn everybody_is_paged_by_their_own_rules_and_nobody_waits_for_a_way_that_fails() -> Result<()> {
    let fails_for_ben = |told: &Told| {
        let is_ben = told.body.contains("\"id\":\"ben\"");
        (if is_ben { "500 Oh no" } else { "204 Thanks" }, String::new())
    };
    let receiver = Receiver::new(fails_for_ben).await?;
    let people = format!(
        "[people.ana]\nname = \"Ana Ruiz\"\nslack = \"U0ANA\"\nwebhook = \"{0}/hook\"\nvoice = \"{0}/call\"\n\
         notify.high = [\"slack\", \"webhook\", \"voice after 2s\"]\nnotify.low = [\"slack\"]\n\
         [people.ben]\nname = \"Ben Li\"\nwebhook = \"{0}/hook\"\nnotify.high = [\"webhook\"]\nnotify.low = [\"webhook\"]\n",
        receiver.url
    );
    let home = Home::with_people("60s", &people, "\"ben\", \"ana\"")?;
    let server = home.serve(&[LINKS])?;
    let began = Instant::now();
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    until_said(&server, 1, "paged Ana Ruiz by call").await?;
    let told = receiver.told();
    let of = |way: &str, who: &str| {
        let (way, who) = (format!("\"by\":\"{way}\""), format!("\"id\":\"{who}\""));
        told.iter().find(|told| told.body.contains(&way) && told.body.contains(&who))
    };
    let (hook, call) = (of("webhook", "ana").context("a webhook")?, of("voice", "ana").context("a call")?);
    assert!(hook.at - began < Duration::from_secs(20), "Ana is paged though Ben cannot be reached");
    assert!(call.at - hook.at >= Duration::from_secs(1), "she is called two seconds after she was asked");
    let page: Value = serde_json::from_str(&call.body)?;
    assert_eq!(page["urgency"], "high");
    assert_eq!(page["say"], "Ana Ruiz. CatOps is paging you for incident 1, service checkout api. Disk is full.");
    let lines = timeline(&server, 1).await?;
    let said = |words: &str| lines.iter().any(|line| line.contains(words));
    assert!(said("paged Ana Ruiz by slack") && said("paged Ana Ruiz by webhook"), "{lines:?}");
    assert!(said("could not page Ben Li by webhook: a webhook answered 500"), "{lines:?}");

    let link = page["acknowledge_url"].as_str().context("a link")?.to_owned();
    let shown = server.http.get(&link).send().await?;
    assert_eq!(shown.status(), 200);
    let shown = shown.text().await?;
    assert!(shown.contains("Acknowledge as Ana Ruiz") && shown.contains("Disk is full"), "{shown}");
    assert!(!timeline(&server, 1).await?.iter().any(|line| line.contains("acknowledged")), "a scanner changes nothing");
    let pressed = server.http.post(&link).send().await?;
    assert_eq!(pressed.status(), 200);
    assert!(pressed.text().await?.contains("You have it"));
    until_said(&server, 1, "Ana Ruiz acknowledged").await?;
    assert_eq!(server.http.post(&link).send().await?.status(), 200, "pressing twice is once");
    let forged = link.replace("/ana/", "/ben/");
    assert_eq!(server.http.post(&forged).send().await?.status(), 404, "it is hers alone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_page_says_that_it_is_one_and_what_each_receiver_answered() -> Result<()> {
    let receiver = Receiver::new(|told: &Told| {
        (if told.body.contains("voice") { "503 Busy" } else { "204 Thanks" }, String::new())
    })
    .await?;
    let home = Home::new("60s", &format!("webhook = \"{0}/hook\"\nvoice = \"{0}/call\"", receiver.url))?;
    let config = fs::read_to_string(home.config().join("catops.toml"))?;
    // A process of its own has no variables of this one.
    fs::write(home.config().join("catops.toml"), config.replace("env:CATOPS_PAGE_SECRET", "whsec_MfKQ9r8G"))?;
    let folder = home.config();
    let said = tokio::task::spawn_blocking(move || catops(&["page-test", "ana", "--config", text(&folder)])).await?;
    assert_eq!(said.stdout, "webhook: taken\ncall: a webhook answered 503 Service Unavailable\n");
    assert_eq!(said.code, Some(1));
    let told = receiver.told();
    assert!(
        told.iter().all(|told| told.body.contains("This is a test") && told.body.contains("page.test")),
        "{told:?}"
    );
    let nobody = catops(&["page-test", "bo", "--config", text(&home.config())]);
    assert!(nobody.stderr.contains("nobody is called \"bo\" in rota/*.toml; there are ana"), "{}", nobody.stderr);
    Ok(())
}

#[test]
fn a_webhook_that_nobody_signs_is_reported() -> Result<()> {
    let home = Home::new("60s", "webhook = \"https://example.com/ana\"")?;
    let path = home.config().join("catops.toml");
    let signed = fs::read_to_string(&path)?;
    let lint = || catops(&["lint", text(&home.config())]).stdout;
    assert!(!lint().contains("webhook"), "{}", lint());
    let line = format!("webhook_secret = \"env:{}\"\n", SECRET.0);
    fs::write(&path, signed.replace(&line, ""))?;
    assert!(lint().contains("ana has a webhook, and nothing signs what it is told"), "{}", lint());
    fs::write(&path, signed.replace(&line, "webhook_secret = \"in the open\"\n"))?;
    assert!(lint().contains("[paging] has its webhook_secret in the file"), "{}", lint());
    Ok(())
}

#[cfg(not(feature = "aws"))]
#[tokio::test]
async fn a_build_without_aws_says_so() -> Result<()> {
    let home = Home::new("60s", "phone = \"+34600111222\"")?;
    let said = catops(&["lint", text(&home.config())]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stdout.contains("phone and sns are given for ana, and this build has no AWS: build with --features aws"),
        "{}",
        said.stdout
    );
    let server = home.serve(&[])?;
    assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
    until_said(&server, 1, "could not page Ana Ruiz by text message: this build has no AWS").await
}

#[cfg(feature = "aws")]
mod aws {
    //! Against a stub that speaks what SNS speaks.

    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:page-ana.fifo";
    const CREDENTIALS: [(&str, &str); 4] = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    const TAKEN: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>\
                         94f20ce6-13c5-43a0-9a9e-ca52d816e90b</MessageId></PublishResult></PublishResponse>";
    const REFUSED: &str = "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type>\
                           <Code>InvalidParameter</Code><Message>Invalid parameter: PhoneNumber Reason: +34600111222 is not \
                           valid to publish to</Message></Error><RequestId>r</RequestId></ErrorResponse>";

    fn form(told: &Told) -> BTreeMap<String, String> {
        form_urlencoded::parse(told.body.as_bytes()).into_owned().collect()
    }

    #[tokio::test]
    async fn sns_is_told_by_topic_and_text_message_and_repeats_only_what_failed() -> Result<()> {
        let texted = Mutex::new(0);
        let refuses_the_first_text = move |told: &Told| {
            let mut texted = texted.lock().expect("no test panics with it");
            *texted += u32::from(form(told).contains_key("PhoneNumber"));
            let refused = *texted == 1 && form(told).contains_key("PhoneNumber");
            if refused { ("400 Bad Request", REFUSED.to_owned()) } else { ("200 OK", TAKEN.to_owned()) }
        };
        let sns = Receiver::new(refuses_the_first_text).await?;
        let home = Home::new("60s", &format!("phone = \"+34600111222\"\nsns = \"{TOPIC}\""))?;
        let lint = catops(&["lint", text(&home.config())]);
        assert!(!lint.stdout.contains("AWS") && lint.stdout.contains("open to everybody"), "{}", lint.stdout);
        let server = home.serve(&[&CREDENTIALS[..], &[("AWS_ENDPOINT_URL", &sns.url)]].concat())?;
        assert_eq!(server.fire("disk", "disk-1", "Disk is full").await?, 202);
        until_said(&server, 1, "paged Ana Ruiz by SNS topic, the second channel").await?;
        until_said(&server, 1, "paged Ana Ruiz by text message, the second channel").await?;

        let told = sns.told();
        let (texts, topics): (Vec<_>, Vec<_>) = told.iter().partition(|told| form(told).contains_key("PhoneNumber"));
        assert_eq!((texts.len(), topics.len()), (2, 1), "the topic took it and is not told again: {told:?}");
        let (said, signed) = (form(topics[0]), &topics[0].headers["authorization"]);
        assert!(signed.contains("/eu-west-1/sns/aws4_request") && signed.contains("Signature="), "{signed}");
        let link = format!("{}/i/1", server.url);
        assert_eq!(said["Action"], "Publish");
        assert_eq!(said["TopicArn"], TOPIC);
        assert_eq!(said["Subject"], "INC-1 SEV2: Disk is full");
        assert_eq!(
            said["Message"],
            format!("INC-1 SEV2: Disk is full\nService: checkout-api\nAcknowledge in Slack; more at {link}")
        );
        assert_eq!(said["MessageAttributes.entry.1.Name"], "effect_id");
        assert!(said["MessageAttributes.entry.1.Value.StringValue"].starts_with("page-by/1/"), "{said:?}");
        assert_eq!((said["MessageGroupId"].as_str(), said["MessageDeduplicationId"].len()), ("INC-1", 64));

        let (said, signed) = (form(texts[1]), &texts[1].headers["authorization"]);
        assert!(signed.contains("/us-east-1/sns/aws4_request"), "{signed}");
        assert_eq!(said["PhoneNumber"], "+34600111222");
        assert_eq!(said["Message"], format!("INC-1 SEV2: Disk is full (checkout-api) Ack in Slack {link}"));
        let lines = timeline(&server, 1).await?;
        let refused = "could not page Ana Ruiz by text message: SNS answered InvalidParameter: Invalid parameter: PhoneNumber Reason: \
                       the number is not valid to publish to";
        assert!(lines.iter().any(|line| line == refused), "nobody's number stands in the log: {lines:?}");
        Ok(())
    }
}
