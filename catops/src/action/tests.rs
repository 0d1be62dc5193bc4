//! Runs against real processes and real sockets of this machine.

use super::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What a test may change about a run.
struct Setting {
    timeout: Duration,
    allow_hosts: Vec<String>,
    allow_private: Vec<String>,
    stopped: watch::Receiver<bool>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            allow_hosts: Vec::new(),
            allow_private: Vec::new(),
            stopped: watch::channel(false).1,
        }
    }
}

fn env(name: &str) -> Option<String> {
    match name {
        "PATH" => Some("/usr/local/bin:/usr/bin:/bin".to_owned()),
        "OPS_TOKEN" => Some("Bearer hunter2hunter2".to_owned()),
        "DB_PASSWORD" => Some("correct horse".to_owned()),
        _ => None,
    }
}

async fn run_with(plan: &Plan, setting: Setting) -> Finished {
    let context = RunContext {
        run_id: "run-42-1".to_owned(),
        incident: "INC-42".to_owned(),
        by: "ana".to_owned(),
        timeout: setting.timeout,
        idempotency_key: "run/run-42-1".to_owned(),
        allow_hosts: &setting.allow_hosts,
        allow_private: &setting.allow_private,
        env: &env,
        stopped: setting.stopped,
    };
    run(plan, context).await
}

fn command(argv: &[&str], env: &[&str]) -> Plan {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Plan::Command { argv: owned(argv), env: owned(env) }
}

fn shell(script: &str) -> Plan {
    command(&["/bin/sh", "-c", script], &["PATH"])
}

fn post(url: &str) -> Plan {
    Plan::Http {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: BTreeMap::from([("Authorization".to_owned(), "env:OPS_TOKEN".to_owned())]),
        body: Some(serde_json::json!({"reason": "tests"})),
        expect: (200, 299),
    }
}

/// A server that answers every request with these bytes, and what it was asked.
async fn server(answer: Vec<u8>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 16 * 1024];
            let bytes = stream.read(&mut request).await.unwrap();
            heard.lock().unwrap().push(String::from_utf8_lossy(&request[..bytes]).into_owned());
            if answer.is_empty() {
                // Silent, and the connection stays open.
                std::future::pending::<()>().await;
            }
            let _client_may_have_left = stream.write_all(&answer).await;
        }
    });
    (port, asked)
}

fn answer(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

fn local(port: u16) -> Setting {
    Setting {
        allow_hosts: vec!["http://127.0.0.1".to_owned()],
        allow_private: vec![format!("127.0.0.1:{port}")],
        ..Setting::default()
    }
}

/// True while a process lives; a zombie does not.
fn lives(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_dry_run_only_says() {
    let finished = run_with(&Plan::DryRun { says: "would restart api".to_owned() }, Setting::default()).await;
    assert_eq!((finished.outcome, finished.detail.as_str()), (RunOutcome::Succeeded, "would restart api"));
}

#[tokio::test]
async fn a_run_that_was_stopped_before_it_began_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ran");
    let (stop, stopped) = watch::channel(true);
    let finished =
        run_with(&command(&["/bin/touch", file.to_str().unwrap()], &[]), Setting { stopped, ..Setting::default() })
            .await;
    drop(stop);
    assert_eq!((finished.outcome, file.exists()), (RunOutcome::Stopped, false));
}

#[tokio::test]
async fn a_command_says_how_it_ended() {
    #[track_caller]
    fn check(finished: &Finished, outcome: RunOutcome, detail: &str) {
        assert_eq!((finished.outcome, finished.detail.as_str()), (outcome, detail));
    }
    let finished = run_with(&shell("echo one; echo two >&2; echo three"), Setting::default()).await;
    check(&finished, RunOutcome::Succeeded, "/bin/sh ended well\none\ntwo\nthree");
    check(
        &run_with(&shell("echo no; exit 3"), Setting::default()).await,
        RunOutcome::Failed,
        "/bin/sh ended with exit status 3\nno",
    );
    check(
        &run_with(&shell("kill -9 $$"), Setting::default()).await,
        RunOutcome::Failed,
        "/bin/sh was ended by signal 9",
    );
    let missing = "no-such-program was not found: install it where CatOps runs, or hand PATH on with env = [\"PATH\"]";
    check(&run_with(&command(&["no-such-program"], &["PATH"]), Setting::default()).await, RunOutcome::Failed, missing);
    let refused = "/etc/passwd may not be executed by the user that CatOps runs as";
    check(&run_with(&command(&["/etc/passwd"], &[]), Setting::default()).await, RunOutcome::Failed, refused);
}

#[tokio::test]
async fn a_command_gets_its_arguments_whole_and_nothing_else() {
    for hostile in ["; rm -rf /", "$(reboot)", "a  b", "--flag", "{other}", "*", "'"] {
        let finished = run_with(&command(&["printf", "[%s]", hostile], &["PATH"]), Setting::default()).await;
        assert_eq!(finished.detail, format!("printf ended well\n[{hostile}]"));
    }
    let finished = run_with(&command(&["/usr/bin/env"], &["PATH", "NOT_SET"]), Setting::default()).await;
    let mut lines: Vec<&str> = finished.detail.lines().skip(1).collect();
    lines.sort_unstable();
    let expect =
        ["CATOPS_BY=ana", "CATOPS_INCIDENT=INC-42", "CATOPS_RUN_ID=run-42-1", "PATH=/usr/local/bin:/usr/bin:/bin"];
    assert_eq!(lines, expect);
    let finished = run_with(&shell("read line || echo nothing to read"), Setting::default()).await;
    assert_eq!(finished.detail, "/bin/sh ended well\nnothing to read");
}

#[tokio::test]
async fn a_command_out_of_time_ends_with_all_its_children() {
    // The child ignores the request to end; only the kill reaches it.
    let script = "(trap '' TERM; while :; do sleep 0.1; done) & echo $!; echo $$; sleep 60";
    let setting = Setting { timeout: Duration::from_secs(1), ..Setting::default() };
    let finished = run_with(&shell(script), setting).await;
    assert_eq!(finished.outcome, RunOutcome::Failed);
    let mut lines = finished.detail.lines();
    assert_eq!(lines.next(), Some("/bin/sh was stopped after 1 s, its time limit"));
    let pids: Vec<&str> = lines.take(2).collect();
    assert_eq!(pids.len(), 2);
    // The kernel needs a moment to take the killed child away.
    for _ in 0..50 {
        clock::sleep(Duration::from_millis(20)).await;
        if !pids.iter().any(|pid| lives(pid)) {
            break;
        }
    }
    assert_eq!(pids.iter().filter(|pid| lives(pid)).count(), 0, "{}", finished.detail);
    assert!(!std::path::Path::new(&format!("/proc/{}", pids[1])).exists(), "the program is a zombie");
}

#[tokio::test]
async fn a_command_is_stopped_by_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let (stop, stopped) = watch::channel(false);
    let stopping = async {
        while !ready.exists() {
            clock::sleep(Duration::from_millis(10)).await;
        }
        stop.send(true).unwrap();
    };
    let script = "trap 'echo cleaned up; exit 0' TERM; touch \"$1\"; while :; do sleep 0.05; done";
    let plan = command(&["/bin/sh", "-c", script, "sh", ready.to_str().unwrap()], &["PATH"]);
    let (finished, ()) = tokio::join!(run_with(&plan, Setting { stopped, ..Setting::default() }), stopping);
    assert_eq!(finished.outcome, RunOutcome::Stopped);
    let detail = finished.detail;
    assert!(detail.starts_with("/bin/sh was stopped\n") && detail.ends_with("cleaned up"), "{detail}");
    assert!(finished.duration_ms < 5000, "{} ms", finished.duration_ms);
}

#[tokio::test]
async fn a_command_that_leaves_a_child_behind_does_not_hold_the_run() {
    let finished = run_with(&shell("sleep 60 & echo done"), Setting::default()).await;
    assert_eq!((finished.outcome, finished.detail.as_str()), (RunOutcome::Succeeded, "/bin/sh ended well\ndone"));
    assert!(finished.duration_ms < 5000, "{} ms", finished.duration_ms);
}

#[tokio::test]
async fn output_without_end_is_read_and_cut() {
    let finished =
        run_with(&shell("echo first; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo last"), Setting::default())
            .await;
    assert_eq!(finished.outcome, RunOutcome::Succeeded);
    assert!(finished.detail.len() <= DETAIL_BYTES_MAX, "{} bytes", finished.detail.len());
    assert!(finished.detail.starts_with("/bin/sh ended well\nfirst\nxxx"));
    assert!(finished.detail.contains("[... the middle is left out ...]"));
    assert!(finished.detail.ends_with("xxx\nlast"));
}

#[tokio::test]
async fn secrets_of_the_environment_are_masked() {
    let plan = command(&["/bin/sh", "-c", "echo \"db: $DB_PASSWORD\"; echo \"path $PATH\""], &["DB_PASSWORD", "PATH"]);
    let finished = run_with(&plan, Setting::default()).await;
    assert_eq!(finished.detail, "/bin/sh ended well\ndb: ***\npath /usr/local/bin:/usr/bin:/bin");
}

#[test]
fn what_looks_like_a_secret_is_masked() {
    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(detail::masked(text, &["s3cr3t-value".to_owned(), "abc".to_owned()]), expect);
    }
    check("got s3cr3t-value and abc", "got *** and abc");
    check("Authorization: Bearer abcdefgh12345", "Authorization: Bearer ***");
    check("password=hunter22 user=ana", "password=*** user=ana");
    check(r#"{"api_key": "0123456789"}"#, r#"{"api_key": "***"}"#);
    check("postgres://app:letmein@db/x", "postgres://app:***@db/x");
    check("xoxb-1234567890-abc", "***");
    check("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig", "***");
    check("-----BEGIN RSA PRIVATE KEY-----\nMII\n", "***");
    check("3 tokens left, no password set", "3 tokens left, no password set");
}

#[test]
fn details_hold_nothing_invisible() {
    assert_eq!(detail::bounded("a\u{1b}[31mred\u{7}\u{202e}b\r\n\tc\n\n", 100), "a[31mredb\n\tc");
    let long = detail::bounded(&"ü".repeat(5000), 4096);
    assert!(long.len() <= 4096 && long.len() > 4000, "{}", long.len());
}

#[tokio::test]
async fn a_call_carries_its_key_and_hides_its_secret() {
    let (port, asked) = server(answer("200 OK", "restarted, with Bearer hunter2hunter2 or hunter2hunter2")).await;
    let finished = run_with(&post(&format!("http://127.0.0.1:{port}/restart?x=1")), local(port)).await;
    assert_eq!(
        (finished.outcome, finished.detail.as_str()),
        (RunOutcome::Succeeded, "status 200 OK\nrestarted, with *** or ***")
    );
    let asked = asked.lock().unwrap().join("\n");
    assert!(asked.starts_with("POST /restart?x=1 HTTP/1.1"), "{asked}");
    for header in ["idempotency-key: run/run-42-1", "x-catops-run: run-42-1", "authorization: Bearer hunter2hunter2"] {
        assert!(asked.contains(header), "{header} is not in {asked}");
    }
    assert!(asked.ends_with(r#"{"reason":"tests"}"#), "{asked}");
}

#[tokio::test]
async fn an_unexpected_status_has_failed_with_its_body() {
    let (port, _) = server(answer("503 Service Unavailable", "try later")).await;
    let finished = run_with(&post(&format!("http://127.0.0.1:{port}/")), local(port)).await;
    assert_eq!(
        (finished.outcome, finished.detail.as_str()),
        (RunOutcome::Failed, "status 503 Service Unavailable\ntry later")
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, asked_elsewhere) = server(answer("200 OK", "gotcha")).await;
    let redirect =
        format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{elsewhere}/x\r\ncontent-length: 0\r\n\r\n");
    let (port, _) = server(redirect.into_bytes()).await;
    let mut setting = local(port);
    setting.allow_private.push(format!("127.0.0.1:{elsewhere}"));
    let finished = run_with(&post(&format!("http://127.0.0.1:{port}/")), setting).await;
    assert_eq!(finished.outcome, RunOutcome::Failed);
    assert_eq!(finished.detail, format!("status 302 Found, to http://127.0.0.1:{elsewhere}/x, which is not followed"));
    assert!(asked_elsewhere.lock().unwrap().is_empty());
}

#[tokio::test]
async fn no_answer_is_unknown_and_no_connection_is_failed() {
    let (port, asked) = server(Vec::new()).await;
    let setting = Setting { timeout: Duration::from_millis(400), ..local(port) };
    let finished = run_with(&post(&format!("http://127.0.0.1:{port}/")), setting).await;
    assert_eq!(finished.outcome, RunOutcome::Unknown);
    assert_eq!(finished.detail, "no answer within 0.4 s; whether it took effect is not known");
    assert_eq!(asked.lock().unwrap().len(), 1, "it must not be sent again");

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let finished = run_with(&post(&format!("http://127.0.0.1:{closed}/")), local(closed)).await;
    assert_eq!(
        (finished.outcome, finished.detail.as_str()),
        (RunOutcome::Failed, "nothing was sent: connection refused")
    );

    let (port, _) = server(b"HTTP/1.1 ".to_vec()).await;
    let finished = run_with(&post(&format!("http://127.0.0.1:{port}/")), local(port)).await;
    assert_eq!(finished.outcome, RunOutcome::Unknown, "{}", finished.detail);
}

#[tokio::test]
async fn a_call_that_is_stopped_on_its_way_is_unknown() {
    let (port, _) = server(Vec::new()).await;
    let (stop, stopped) = watch::channel(false);
    let stopping = async {
        clock::sleep(Duration::from_millis(200)).await;
        stop.send(true).unwrap();
    };
    let plan = post(&format!("http://127.0.0.1:{port}/"));
    let (finished, ()) = tokio::join!(run_with(&plan, Setting { stopped, ..local(port) }), stopping);
    assert_eq!(finished.outcome, RunOutcome::Unknown);
    assert_eq!(finished.detail, "stopped while the request was on its way; whether it took effect is not known");
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    endless.extend(std::iter::repeat_n(b'x', 2 * 1024 * 1024));
    let (port, _) = server(endless).await;
    let finished = run_with(&post(&format!("http://127.0.0.1:{port}/")), local(port)).await;
    assert_eq!(finished.outcome, RunOutcome::Succeeded);
    assert!(finished.detail.ends_with("[the answer goes on after 256 KiB]"), "{}", finished.detail);
    assert!(finished.detail.len() <= DETAIL_BYTES_MAX);
}

#[tokio::test]
async fn a_missing_variable_is_named() {
    let mut plan = post("http://127.0.0.1:1/");
    if let Plan::Http { headers, .. } = &mut plan {
        headers.insert("X-Other".to_owned(), "env:NOT_SET".to_owned());
    }
    let finished = run_with(&plan, local(1)).await;
    assert_eq!(finished.detail, "nothing was sent: NOT_SET is not set where CatOps runs; X-Other needs it");
}
