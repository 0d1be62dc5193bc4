//! The house rules that a compiler does not hold: who may know whom, and that every file says what it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::root;

/// What each crate of ours may know, directly.
const MAY_KNOW: [(&str, &[&str]); 9] = [
    ("incident", &[]),
    ("ingest", &["incident"]),
    ("rota", &["incident"]),
    ("index", &["incident"]),
    ("eventlog", &[]),
    ("slack", &["incident"]),
    ("suggest", &["incident", "index"]),
    ("catops", &["incident", "ingest", "rota", "index", "eventlog", "slack", "suggest"]),
    ("tests", &["incident", "ingest", "rota", "index", "eventlog", "slack", "suggest", "catops"]),
];

/// Crates that touch nothing: no runtime, no network, no database, no randomness.
const PURE: [&str; 4] = ["incident", "ingest", "rota", "suggest"];
const FORBIDDEN_IN_PURE: [&str; 10] =
    ["tokio", "reqwest", "hyper", "axum", "rusqlite", "aws-config", "lambda_runtime", "fastrand", "ureq", "async-std"];

/// The one place from which crates come.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The direct dependencies of a crate, without those of its tests.
fn tree(package: &str, depth: Option<&str>) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.args([
        "tree",
        "--offline",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--package",
        package,
    ]);
    if let Some(depth) = depth {
        command.args(["--depth", depth]);
    }
    let output = command.current_dir(root()).output().expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    let mut names: BTreeSet<String> =
        text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    names.remove(package);
    names
}

#[test]
fn nobody_knows_whom_they_should_not() {
    let ours: BTreeMap<&str, &[&str]> = MAY_KNOW.into_iter().collect();
    for (package, allowed) in MAY_KNOW {
        let known: BTreeSet<String> =
            tree(package, Some("1")).into_iter().filter(|name| ours.contains_key(name.as_str())).collect();
        for name in known {
            assert!(
                allowed.contains(&name.as_str()),
                "{package} knows {name}, and ARCHITECTURE.md says that it must not"
            );
        }
    }
}

#[test]
fn pure_crates_touch_nothing() {
    for package in PURE {
        let everything = tree(package, None);
        for forbidden in FORBIDDEN_IN_PURE {
            // `suggest` reads hits out of `index`, which links tantivy; tantivy's own helpers are not ours to forbid there.
            if package == "suggest" && !tree(package, Some("1")).contains(forbidden) {
                continue;
            }
            assert!(!everything.contains(forbidden), "{package} is pure, and depends on {forbidden}");
        }
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of ours").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != "node_modules" && !name.to_string_lossy().starts_with('.') {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut files = Vec::new();
    rust_files(root(), &mut files);
    assert!(files.len() > 50, "the walk must find the workspace");
    let silent: Vec<_> =
        files.iter().filter(|file| !fs::read_to_string(file).is_ok_and(|text| text.starts_with("//!"))).collect();
    assert!(silent.is_empty(), "files without a header: {silent:?}");
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for (package, _) in MAY_KNOW {
        let folder = if package == "eventlog" { "log" } else { package };
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{package} has lints of its own");
    }
}

#[test]
fn the_starter_library_is_large_enough_and_whole() {
    let mut runbooks = Vec::new();
    collect(&root().join("index/runbooks"), "md", &mut runbooks);
    assert!(runbooks.len() >= 40, "{} runbooks", runbooks.len());
    for runbook in &runbooks {
        let text = fs::read_to_string(runbook).expect("UTF-8");
        for section in ["## Symptoms", "## Checks", "## Actions", "## Escalation", "## Undo"] {
            assert!(text.contains(section), "{} has no {section}", runbook.display());
        }
    }
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of ours").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// The texts of a list of `deny.toml`: `allow = [ ... ]`; of a table in it, the first text.
fn list_of(deny: &str, name: &str) -> BTreeSet<String> {
    let (_, rest) = deny.split_once(&format!("\n{name} = [\n")).expect("the list");
    let (list, _) = rest.split_once("\n]").expect("its end");
    list.lines().filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

/// `MIT OR Apache-2.0`, `(A OR B) AND C`, and `A/B` of old manifests. No crate nests deeper; one that does is not allowed.
fn is_allowed(licence: &str, allowed: &BTreeSet<String>) -> bool {
    licence.split(" AND ").all(|all| {
        let any = all.trim().trim_start_matches('(').trim_end_matches(')').replace('/', " OR ");
        any.split(" OR ").any(|one| allowed.contains(one.trim()))
    })
}

/// The system that this is: `x86_64-unknown-linux-gnu`.
fn host() -> String {
    let output = Command::new(env!("CARGO")).arg("-vV").output().expect("cargo -vV");
    let text = String::from_utf8(output.stdout).expect("cargo prints UTF-8");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host").to_owned()
}

/// What cargo-deny says of licences, bans and places, for those who do not have it.
#[test]
fn what_comes_in_is_what_deny_toml_allows() {
    let deny = fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    let (licences, banned) = (list_of(&deny, "allow"), list_of(&deny, "deny"));
    assert!(licences.contains("MIT") && banned.contains("openssl"), "{licences:?} {banned:?}");
    let mut command = Command::new(env!("CARGO"));
    // Crates of other systems may not have been fetched; cargo-deny looks at those, too.
    command.args(["metadata", "--format-version", "1", "--offline", "--locked", "--all-features"]);
    command.args(["--filter-platform", &host()]);
    let output = command.current_dir(root()).output().expect("cargo metadata");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 100, "the walk must find the lock file's crates");
    for package in packages {
        let text = |field: &str| package[field].as_str().unwrap_or_default();
        let (name, version, licence) = (text("name"), text("version"), text("license"));
        let place = package["source"].as_str().unwrap_or(CRATES_IO);
        assert!(
            is_allowed(licence, &licences),
            "{name} {version} is under {licence:?}, which deny.toml does not allow"
        );
        assert_eq!(place, CRATES_IO, "{name} {version}");
        // `rustls` is banned in its old versions only.
        let is_banned = banned.contains(name) && (name != "rustls" || version < "0.23");
        assert!(!is_banned, "{name} {version} is banned by deny.toml");
    }
}

#[test]
fn security_md_names_tests_that_are_there() {
    let security = fs::read_to_string(root().join("SECURITY.md")).expect("SECURITY.md");
    let mut files = Vec::new();
    rust_files(root(), &mut files);
    let code: Vec<(PathBuf, String)> =
        files.into_iter().map(|file| (file.clone(), fs::read_to_string(file).expect("UTF-8"))).collect();
    let named: Vec<&str> = security
        .split('`')
        .filter(|name| name.contains("::") && !name.ends_with("::") && !name.contains(' '))
        .collect();
    assert!(named.len() > 50, "the walk must find the table's tests");
    for path in named {
        let (place, test) = path.rsplit_once("::").expect("a path");
        let file = ["::sns", "::aws", "::tests"].into_iter().fold(place, |place, inner| place.trim_end_matches(inner));
        let file = file.rsplit("::").next().unwrap_or(place);
        let is_there = code
            .iter()
            .any(|(path, text)| path.to_string_lossy().contains(file) && text.contains(&format!("fn {test}(")));
        assert!(is_there, "SECURITY.md names {path}, which is not there");
    }
}
