//! The process under test: the built binary as its users run it, on one folder and one port, started and killed again and
//! again. It never reaches into its memory.

use crate::slack::FakeSlack;
#[cfg(feature = "aws")]
use crate::table::Table;
use anyhow::{Context, Result, bail, ensure};
use catops::clock;
use log::{EventLog, SqliteLog};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tests::{Home, TOKEN, binary, text};

/// How long a start may take on a machine that does other things, too.
const START: Duration = Duration::from_secs(60);

/// Four teams with a channel each: Slack takes one post a second in a channel, and the history that is asked for is as long
/// as that.
const TEAMS: &str = r#"
[people.ana]
name = "Ana Ruiz"
slack = "U0ANA"
[people.ben]
name = "Ben Okafor"
slack = "U0BEN"
[people.chi]
name = "Chi Tanaka"
slack = "U0CHI"
[people.sam]
name = "Sam Lind"
slack = "U0SAM"
[escalation.default]
[[escalation.default.levels]]
page = ["ana"]
wait = "4h"
[escalation.payments]
services = ["payments"]
[[escalation.payments.levels]]
page = ["ben", "chi"]
wait = "4h"
[escalation.status]
services = ["status"]
[[escalation.status.levels]]
page = ["chi"]
wait = "4h"
[escalation.data]
services = ["data"]
[[escalation.data.levels]]
page = ["sam"]
wait = "4h"
"#;

/// The services of the alarms; the first one has no route and no policy of its own.
pub(crate) const SERVICES: [&str; 4] = ["checkout", "payments", "status", "data"];

/// A configuration, a data folder, and the port on which the server comes back after each kill.
pub(crate) struct Place {
    pub(crate) home: Home,
    pub(crate) url: String,
    listen: String,
    slack_api: String,
    log: PathBuf,
    binary: PathBuf,
    #[cfg(feature = "aws")]
    table: Option<Table>,
    pub(crate) http: reqwest::Client,
}

impl Place {
    pub(crate) fn new(slack: &FakeSlack) -> Result<Self> {
        let home = Home::new()?;
        let routes =
            |name: &str, channel: &str| format!("[[slack.route]]\nservices = [\"{name}\"]\nchannel = \"{channel}\"\n");
        let all = routes("payments", "C0PAYMENTS") + &routes("status", "C0STATUS") + &routes("data", "C0DATA");
        home.set("post_interval = \"1s\"", "post_interval = \"0s\"")?;
        home.set("digest_after = 5", &format!("digest_after = 0\n{all}"))?;
        std::fs::write(home.config.join("rota/team.toml"), TEAMS)?;
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let listen = format!("127.0.0.1:{port}");
        let log = home.config.join("server.log");
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self {
            home,
            url: format!("http://{listen}"),
            listen,
            slack_api: slack.api.clone(),
            log,
            binary: binary(),
            #[cfg(feature = "aws")]
            table: None,
            http,
        })
    }

    /// The same, with its log in a table of a DynamoDB that outlives the killed process.
    #[cfg(feature = "aws")]
    pub(crate) async fn in_table(self) -> Result<Self> {
        Ok(Self { table: Some(Table::new().await?), ..self })
    }

    #[cfg(not(feature = "aws"))]
    pub(crate) async fn in_table(self) -> Result<Self> {
        bail!("this build knows no DynamoDB: tests/faults --table makes one that does")
    }

    /// What is said behind `--data`, and what a process needs in its environment to reach it.
    pub(crate) fn data(&self) -> (String, Vec<(&'static str, String)>) {
        #[cfg(feature = "aws")]
        if let Some(table) = &self.table {
            return (table.name(), table.environment());
        }
        (text(&self.home.data).to_owned(), Vec::new())
    }

    /// The log, to be read beside the server.
    pub(crate) fn log(&self) -> Result<Arc<dyn EventLog>> {
        #[cfg(feature = "aws")]
        if let Some(table) = &self.table {
            return Ok(table.log());
        }
        Ok(Arc::new(SqliteLog::open_read_only(&self.home.data).context("reading the log")?))
    }

    /// The same, with the binary that dies where it is told to: beside the shipped one.
    pub(crate) fn with_fail_points(self) -> Result<Self> {
        let binary = self.binary.with_file_name("catops-with-fail-points");
        ensure!(binary.is_file(), "{} is not there: tests/faults builds it", binary.display());
        Ok(Self { binary, ..self })
    }

    /// Starts the server and does not wait for it.
    pub(crate) fn start(&self, environment: &[(&str, &str)]) -> Result<Process> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.binary);
        let (data, reached) = self.data();
        command.args(["serve", "--config", text(&self.home.config), "--data", &data]).envs(reached);
        command.args(["--listen", &self.listen]).env_remove("CATOPS_DIE_AT").env_remove("CATOPS_PLANT");
        command.envs([TOKEN, ("SLACK_API_URL", &self.slack_api), ("SLACK_BOT_TOKEN", "xoxb-local")]);
        command.env("SLACK_SIGNING_SECRET", "local-signing-secret").envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Ok(Process(command.spawn().context("starting catops")?))
    }

    /// Waits until the server answers.
    pub(crate) async fn answers(&self, process: &mut Process) -> Result<()> {
        let began = clock::mark();
        // The port is open before the log is: only an answer says that the folder is taken.
        while self.http.get(format!("{}/healthz", self.url)).timeout(START).send().await.is_err() {
            if let Some(ended) = process.0.try_wait()? {
                bail!("catops ended by itself ({ended}); it said:\n{}", self.said());
            }
            ensure!(began.elapsed() < START, "catops does not answer after {START:?}; it said:\n{}", self.said());
            clock::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// The last lines that the server wrote.
    pub(crate) fn said(&self) -> String {
        let said = std::fs::read(&self.log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().rev().take(12).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// One value of /metrics; 0 when nothing was counted yet.
    pub(crate) async fn metric(&self, name: &str) -> Result<f64> {
        let text = self.http.get(format!("{}/metrics", self.url)).send().await?.text().await?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.unwrap_or("0").parse()?)
    }
}

/// A server that may be killed.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// kill -9.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
