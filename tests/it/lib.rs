//! What the integration tests and the measuring program share: a CatOps that runs as its users run it.
//! It starts the built binary and speaks HTTP to it; it never reaches into its memory.
#![expect(missing_docs, reason = "test support: names say it")]
#![expect(clippy::unwrap_used, reason = "test support fails loudly")]
#![expect(clippy::disallowed_methods, reason = "tests wait for another process, by the clock")]

#[path = "../sim/mod.rs"]
pub mod sim;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a server may take until it prints its address, and a page until it shows what is expected. Generous: a busy
/// machine must not fail a test that has no bug.
const PATIENCE: Duration = Duration::from_secs(90);

/// The binary: `CATOPS_BIN`, else the one beside this test's own profile folder.
pub fn binary() -> PathBuf {
    if let Ok(path) = std::env::var("CATOPS_BIN") {
        return PathBuf::from(path);
    }
    let own = std::env::current_exe().unwrap();
    let folder = own.ancestors().find(|folder| folder.join("catops").is_file());
    folder.expect("build the binary first: cargo build -p catops").join("catops")
}

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The deliveries that an event of an incident came from: none, one, or several that were written together.
pub fn deliveries_of(event: &Value) -> impl Iterator<Item = &str> {
    let also = event["also"].as_array().into_iter().flatten();
    [&event["delivery"], &event["alarm"]["delivery"]].into_iter().chain(also).filter_map(Value::as_str)
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A command of `catops`, without what this machine's Slack may have put into the environment.
fn command(args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args).stdin(Stdio::null()).env_remove("SLACK_BOT_TOKEN").env_remove("SLACK_SIGNING_SECRET");
    command
}

/// Runs a command of `catops` to its end.
pub fn catops(args: &[&str]) -> Said {
    Said::of(command(args).output().unwrap())
}

/// The same, with more in its environment.
pub fn catops_with(args: &[&str], environment: &[(&str, String)]) -> Said {
    let environment = environment.iter().map(|(name, value)| (*name, value.as_str()));
    Said::of(command(args).envs(environment).output().unwrap())
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs a command of `catops` that reads this from its standard input.
pub fn catops_with_input(args: &[&str], input: &str) -> Said {
    let mut child = command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Said::of(child.wait_with_output().unwrap())
}

/// A starter configuration and a place for the data.
pub struct Home {
    _folder: tempfile::TempDir,
    pub config: PathBuf,
    pub data: PathBuf,
}

impl Home {
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (config, data) = (folder.path().join("config"), folder.path().join("data"));
        let made = catops(&["init", text(&config)]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        Ok(Self { _folder: folder, config, data })
    }

    /// A configuration without runbooks and actions in which Ana is on call for everything, with this as its catops.toml.
    pub fn of_ana(config: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let home = Self { config: folder.path().join("config"), data: folder.path().join("data"), _folder: folder };
        std::fs::create_dir_all(home.config.join("rota"))?;
        std::fs::write(home.config.join("catops.toml"), config)?;
        let rota = "[people.ana]\nname = \"Ana Ruiz\"\nslack = \"U0ANA\"\n\
                    [[escalation.default.levels]]\npage = [\"ana\"]\nwait = \"10m\"\n";
        std::fs::write(home.config.join("rota/team.toml"), rota)?;
        Ok(home)
    }

    /// What `catops lint` says of it.
    pub fn lint(&self) -> String {
        catops(&["lint", text(&self.config)]).stdout
    }

    /// Changes a line of catops.toml, which must be there.
    pub fn set(&self, line: &str, by: &str) -> Result<()> {
        let path = self.config.join("catops.toml");
        let before = std::fs::read_to_string(&path)?;
        anyhow::ensure!(before.contains(line), "catops.toml has no line {line}");
        Ok(std::fs::write(path, before.replace(line, by))?)
    }

    pub fn serve(&self, secrets: &[(&str, &str)]) -> Result<Server> {
        Server::serve(&self.config, &self.data, secrets)
    }

    /// A reading command, with its JSON.
    pub fn read(&self, words: &[&str]) -> Result<Value> {
        let said = catops(&[words, &["--json", "--data", text(&self.data)]].concat());
        assert_eq!(said.code, Some(0), "{words:?}: {}", said.stderr);
        Ok(serde_json::from_str(&said.stdout)?)
    }
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// The secret of the starter configuration's generic source.
pub const TOKEN: (&str, &str) = ("CATOPS_GENERIC_TOKEN", "correct-horse-battery-staple");

/// A running `catops demo` or `catops serve`.
pub struct Server {
    child: Mutex<Child>,
    pub url: String,
    pub http: reqwest::Client,
}

impl Server {
    /// `catops demo --quiet` on a free port, with its data in `data`.
    pub fn demo(data: &Path) -> Result<Self> {
        Self::start(&["demo", "--quiet", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
    }

    /// `catops demo` with its story.
    pub fn story(data: &Path) -> Result<Self> {
        Self::start(&["demo", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
    }

    fn start(args: &[&str]) -> Result<Self> {
        let mut child =
            command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("starting catops")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line)?;
        let mut stderr = child.stderr.take().unwrap();
        let Some(url) = line.trim().strip_suffix("/local/") else {
            child.kill().ok();
            let mut said = String::new();
            stderr.read_to_string(&mut said)?;
            bail!("catops printed no address: {line:?}\n{said}");
        };
        Ok(Self::started(child, url.to_owned(), stderr))
    }

    /// `catops serve` of a configuration folder on a free port, with these secrets in its environment.
    pub fn serve(config: &Path, data: &Path, secrets: &[(&str, &str)]) -> Result<Self> {
        let (config, data) = (config.to_str().unwrap(), data.to_str().unwrap());
        let mut command = command(&["serve", "--config", config, "--data", data, "--listen", "127.0.0.1:0"]);
        command.envs(secrets.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().context("starting catops")?;
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while stderr.read_line(&mut said)? > 0 {
            let last = said.lines().next_back().unwrap_or_default();
            if let Some(url) = last.strip_prefix("CatOps listens on ") {
                let url = url.to_owned();
                return Ok(Self::started(child, url, stderr));
            }
        }
        child.wait()?;
        bail!("catops ended: {said}");
    }

    /// The log of a test server is read to its end, since a full pipe would stop it; `CATOPS_TEST_LOG` keeps it in a file.
    fn started(child: Child, url: String, mut stderr: impl Read + Send + 'static) -> Self {
        std::thread::spawn(move || match std::env::var_os("CATOPS_TEST_LOG") {
            Some(path) => {
                std::io::copy(&mut stderr, &mut std::fs::File::options().create(true).append(true).open(path)?)
            }
            None => std::io::copy(&mut stderr, &mut std::io::sink()),
        });
        Self { child: Mutex::new(child), url, http: reqwest::Client::new() }
    }

    /// `catops demo --quiet` that is killed this long after it was started, whatever it is doing.
    pub async fn demo_cut_short(data: &Path, after: Duration) -> Result<()> {
        let args = ["demo", "--quiet", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
        let mut child = command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        tokio::time::sleep(after).await;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// The most memory that it ever took, in KiB.
    pub fn peak_memory_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.lock().unwrap().id()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        Ok(peak.context("VmHWM")?.parse()?)
    }

    /// kill -9, as a power switch does to a process.
    pub fn kill(self) {
        drop(self);
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        let response = self.http.post(format!("{}{path}", self.url)).json(body).send().await?;
        Ok((response.status().as_u16(), response.json().await.unwrap_or(Value::Null)))
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        Ok(self.http.get(format!("{}{path}", self.url)).send().await?.json().await?)
    }

    /// A firing alarm of the generic source.
    pub async fn fire(&self, key: &str, id: &str, title: &str) -> Result<u16> {
        let alarm = json!({ "title": title, "key": key, "id": id, "state": "firing", "severity": "error", "service": "checkout-api" });
        Ok(self.post("/hooks/generic", &alarm).await?.0)
    }

    pub async fn clear(&self, key: &str, id: &str) -> Result<u16> {
        Ok(self.post("/hooks/generic", &json!({ "title": key, "key": key, "id": id, "state": "cleared" })).await?.0)
    }

    pub async fn incident(&self, id: u64) -> Result<Value> {
        self.get(&format!("/api/v1/incidents/{id}")).await
    }

    /// What the local Slack shows to a person: the last messages of a channel, oldest first.
    pub async fn messages(&self, channel: &str, reader: &str) -> Result<Vec<Value>> {
        let state = self.get(&format!("/local/state?as={reader}&channel={channel}")).await?;
        Ok(state["messages"][channel].as_array().cloned().unwrap_or_default())
    }

    /// What a person does on the page of the local Slack: `act`, `say`, `submit`; or `faults`, what Slack is made to do.
    pub async fn local(&self, door: &str, body: &Value) -> Result<Value> {
        let request = self.http.post(format!("{}/local/{door}", self.url)).header("X-Local-Slack", "1").json(body);
        let response = request.send().await?;
        let status = response.status();
        let answer = response.text().await?;
        anyhow::ensure!(status.is_success(), "{door}: {status} {answer}");
        Ok(serde_json::from_str(&answer).unwrap_or(Value::Null))
    }

    /// Says something in a channel, as a person.
    pub async fn say(&self, who: &str, channel: &str, text: &str) -> Result<()> {
        self.local("say", &json!({ "as": who, "channel": channel, "text": text })).await.map(drop)
    }

    /// Waits until a message that a person sees in a channel says all of this, and returns the newest one that does.
    pub async fn says(&self, channel: &str, who: &str, wanted: &[&str]) -> Result<Value> {
        let text = |message: &Value| message["rendered_text"].as_str().unwrap_or_default().to_owned();
        let look = async |server: &Self| {
            let seen = server.messages(channel, who).await?;
            let found = seen.iter().rfind(|message| wanted.iter().all(|wanted| text(message).contains(wanted)));
            Ok(found.cloned().ok_or_else(|| format!("{:#?}", seen.iter().map(text).collect::<Vec<_>>())))
        };
        self.until(&format!("{wanted:?} in {channel}"), look).await
    }

    /// The root posts of a channel that are cards of this incident.
    pub async fn cards(&self, channel: &str, incident: u64) -> Result<Vec<Value>> {
        let messages = self.messages(channel, "U0ANA").await?;
        let name = format!("INC-{incident} ");
        let is_card = |message: &Value| {
            let text = message["text"].as_str().unwrap_or_default();
            let in_thread = message["thread_ts"].as_str().is_some_and(|thread| Some(thread) != message["ts"].as_str());
            !in_thread && message["only_for"].is_null() && text.contains(&name)
        };
        Ok(messages.into_iter().filter(is_card).collect())
    }

    /// One value of /metrics, named as it stands there; 0 when nothing was counted yet.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        Ok(self.metrics(&[name]).await?[0])
    }

    /// Values of one look at /metrics, in the order of their names.
    pub async fn metrics(&self, names: &[impl AsRef<str>]) -> Result<Vec<f64>> {
        let text = self.http.get(format!("{}/metrics", self.url)).send().await?.text().await?;
        let value =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap_or("0");
        names.iter().map(|name| Ok(value(name.as_ref()).parse()?)).collect()
    }

    /// Waits until something is as expected; fails with what it was.
    pub async fn until<T>(&self, what: &str, look: impl AsyncFnMut(&Self) -> Result<Result<T, String>>) -> Result<T> {
        self.until_within(PATIENCE, what, look).await
    }

    /// The same, for what takes its time.
    pub async fn until_within<T>(
        &self,
        patience: Duration,
        what: &str,
        mut look: impl AsyncFnMut(&Self) -> Result<Result<T, String>>,
    ) -> Result<T> {
        let began = Instant::now();
        loop {
            let was = match look(self).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(was)) => was,
                Err(error) => format!("{error:#}"),
            };
            if let Some(ended) = self.child.lock().unwrap().try_wait()? {
                bail!("catops ended ({ended}) while the test waited for {what}");
            }
            if began.elapsed() > patience {
                bail!("waited {patience:?} for {what}; it was: {was}");
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap();
        child.kill().ok();
        child.wait().ok();
    }
}
