//! What a user sees of the library: golden rankings, explanations, reloads, front matter and the scan of a folder.

use crate::{Change, Hit, Library, Match, Problem, Runbook, RunbookFile, Weights, scan_dir};
use chrono::DateTime;
use incident::{Alarm, AlarmKey, AlarmState, DeliveryId, RunbookId, Severity};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;

fn alarm(title: &str, summary: &str, labels: &[(&str, &str)]) -> Alarm {
    Alarm {
        source: "test".to_owned(),
        delivery: DeliveryId::from("test:1"),
        key: AlarmKey::from("test:1"),
        state: AlarmState::Firing,
        severity: Severity::Critical,
        title: title.to_owned(),
        summary: summary.to_owned(),
        resource: String::new(),
        service: None,
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        links: Vec::new(),
        occurred_at: DateTime::UNIX_EPOCH,
        drill: None,
    }
}

fn file(id: &str, text: &str) -> RunbookFile {
    RunbookFile { id: RunbookId::from(id), path: format!("runbooks/{id}.md"), text: text.to_owned() }
}

fn files() -> Vec<RunbookFile> {
    vec![
        file(
            "aws/rds-cpu",
            "# Database CPU is high\n\nA query eats the processor of the RDS instance.\n\n## Check\n`CPUUtilization`",
        ),
        file(
            "aws/rds-storage",
            "# Database storage is nearly full\n\nFree space of the RDS instance runs out: `FreeStorageSpace`.",
        ),
        file("aws/elb-5xx", "# Load balancer answers with 5xx\n\nTargets fail or are gone. `HTTPCode_ELB_5XX_Count`"),
        file(
            "kube/crash-loop",
            "# Pod restarts again and again\n\nThe container crashes after its start and is in CrashLoopBackOff.",
        ),
        file(
            "kube/node-disk",
            "# Node disk is filling up\n\nThe filesystem has little space left. `node_filesystem_avail_bytes`",
        ),
        file(
            "deploy/roll-back",
            "+++\ntitle = \"Roll back a service\"\nservices = [\"checkout-*\"]\nactions = [\"rollback-release\"]\n+++\nAfter a deploy p99 latency or errors rise.",
        ),
        file(
            "queue/lag",
            "---\ntitle: Consumer falls behind\nalarms: [\"*-queue-age\", OldestMessage, ApproximateAgeOfOldestMessage AWS/SQS]\ntags:\n  - sqs\n---\nMessages wait too long in the queue.",
        ),
    ]
}

fn library() -> Library {
    let mut library = Library::new();
    let reload = library.reload(&files()).expect("lays out an index");
    assert_eq!((reload.added, reload.problems.len()), (7, 0), "{:?}", reload.problems);
    library
}

#[track_caller]
fn check_first(title: &str, summary: &str, labels: &[(&str, &str)], expect: &str) -> Hit {
    let hits = library().search(&alarm(title, summary, labels), 3);
    assert_eq!(hits.first().map(|hit| hit.runbook.as_str()), Some(expect), "{hits:#?}");
    hits[0].clone()
}

#[test]
fn realistic_alarms_find_their_runbook() {
    check_first(
        "prod-orders-db-cpu",
        "CPUUtilization above 90 for 5 minutes",
        &[("namespace", "AWS/RDS")],
        "aws/rds-cpu",
    );
    check_first(
        "orders-db free space",
        "",
        &[("metric", "FreeStorageSpace"), ("namespace", "AWS/RDS")],
        "aws/rds-storage",
    );
    check_first("HTTPCode_ELB_5XX_Count high", "", &[], "aws/elb-5xx");
    check_first("KubePodCrashLooping", "Pod is crash looping.", &[("pod", "api-1")], "kube/crash-loop");
    check_first(
        "Disk",
        "",
        &[("expr", "node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.1")],
        "kube/node-disk",
    );
    check_first("Latency", "p99 above 2s", &[("service", "checkout-api")], "deploy/roll-back");
}

#[test]
fn what_the_front_matter_declares_counts_most() {
    let hit = check_first("orders-queue-age", "database cpu is high", &[], "queue/lag");
    assert!(hit.matched.iter().any(|matched| matched.field == Match::DECLARED_ALARM), "{hit:#?}");
    let measured = [("metric", "ApproximateAgeOfOldestMessage"), ("namespace", "AWS/SQS")];
    let hit = check_first("orders", "database cpu is high", &measured, "queue/lag");
    assert!(hit.matched.iter().any(|matched| matched.field == Match::DECLARED_ALARM), "{hit:#?}");
    let hit = check_first("x", "errors", &[("service", "checkout-api")], "deploy/roll-back");
    assert!(hit.matched.iter().any(|matched| matched.field == Match::DECLARED_SERVICE), "{hit:#?}");
    assert_eq!(hit.actions.len(), 1);
}

#[test]
fn a_name_inside_a_longer_name_is_seen() {
    let hit = check_first("prod/eu/node-disk-is-filling-up", "", &[], "kube/node-disk");
    assert!(hit.matched.iter().any(|matched| matched.field == Match::NAME_INSIDE), "{hit:#?}");
}

#[test]
fn nothing_in_common_finds_nothing() {
    assert_eq!(library().search(&alarm("zzz", "qqq", &[]), 3), []);
    assert_eq!(library().search(&alarm("", "", &[]), 3), []);
    assert_eq!(Library::new().search(&alarm("cpu", "", &[]), 3), []);
}

#[test]
fn the_reasons_add_up_to_the_score() {
    let all = library()
        .search(&alarm("checkout 5xx errors", "p99 latency of the database", &[("service", "checkout-api")]), 10);
    assert!(all.len() >= 3, "{all:#?}");
    for hit in all {
        let sum: f64 = hit.matched.iter().map(|matched| matched.share).sum();
        assert!((sum - hit.score).abs() < 1e-6 * hit.score, "{hit:#?}");
        assert!(hit.matched.is_sorted_by(|a, b| a.share >= b.share));
    }
}

#[test]
fn a_broken_file_keeps_its_last_good_version() {
    let mut library = library();
    let mut files = files();
    files[5].text = "+++\ntitle = \"Roll back\"\naliases = [\n+++\n".to_owned();
    files[0].text.push_str("\nMore.");
    files.remove(1);
    files.push(file("new", "+++\nnever closed"));
    let reload = library.reload(&files).expect("lays out an index");
    assert_eq!((reload.added, reload.changed, reload.removed), (0, 1, 1));
    let said: Vec<String> =
        reload.problems.iter().map(|problem| format!("{}:{}", problem.path, problem.line)).collect();
    assert_eq!(said, ["runbooks/deploy/roll-back.md:3", "runbooks/new.md:1"], "{:?}", reload.problems);
    let kept = library.get(&RunbookId::from("deploy/roll-back")).expect("is kept");
    assert_eq!(kept.title, "Roll back a service");
    assert_eq!(library.len(), 6);
    let again = library.reload(&files).expect("lays out an index");
    assert_eq!((again.added, again.changed, again.removed, again.problems.len()), (0, 0, 0, 2));
}

#[test]
fn the_order_of_edits_does_not_change_the_ranking() {
    let mut edited = Library::new();
    for count in 1..=files().len() {
        edited.reload(&files()[..count]).expect("lays out an index");
    }
    let alarm = alarm("database disk space", "filling up", &[]);
    assert_eq!(edited.search(&alarm, 9), library().search(&alarm, 9));
}

const FEW_WORDS: [&str; 10] =
    ["disk", "database", "latency", "queue", "restart", "node", "high", "low", "memory", "HTTPCode_5XX"];

/// A page, or a manual whose sections are units of their own, out of few words so that pages have them in common.
fn text() -> impl Strategy<Value = String> {
    let line =
        proptest::collection::vec(proptest::sample::select(&FEW_WORDS[..]), 1..30).prop_map(|words| words.join(" "));
    let section = (line.clone(), line.clone()).prop_map(|(heading, text)| format!("## {heading}\n{text}\n"));
    let manual = proptest::collection::vec(section, 20..30).prop_map(|sections| sections.concat());
    let declared = "+++\nalarms = [\"*disk*\"]\nservices = [\"shop\"]\n+++\n# Full\nNo space".to_owned();
    prop_oneof![4 => (line.clone(), line).prop_map(|(title, text)| format!("# {title}\n{text}\n")), 1 => manual, 1 => Just(declared)]
}

/// Some files of a folder at one moment.
fn folder() -> impl Strategy<Value = BTreeMap<usize, String>> {
    proptest::collection::btree_map(0..12_usize, text(), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_library_after_many_edits_ranks_like_a_new_one(
        begin in folder(),
        edits in proptest::collection::vec(prop_oneof![3 => folder().prop_map(|some| some.into_iter().take(1).collect()), 1 => folder()], 1..8),
        gone in proptest::collection::vec(0..12_usize, 0..8),
    ) {
        let asked = [
            alarm("disk full", "high latency of the database", &[("service", "shop")]),
            alarm("node low memory", "queue restart HTTPCode_5XX", &[]),
        ];
        let mut files = begin;
        let mut edited = Library::new();
        for (edit, gone) in edits.into_iter().zip(gone.into_iter().map(Some).chain(std::iter::repeat(None))) {
            files.extend(edit);
            gone.map(|gone| files.remove(&gone));
            let files: Vec<RunbookFile> = files.iter().map(|(id, text)| file(&format!("page{id:02}"), text)).collect();
            edited.reload(&files).expect("lays out an index");
            let mut new = Library::new();
            new.reload(&files).expect("lays out an index");
            for alarm in &asked {
                prop_assert_eq!(edited.search(alarm, 12), new.search(alarm, 12));
            }
        }
    }
}

/// Many pages, more than one thread cuts, of which some are edited and removed one by one.
#[test]
fn a_large_library_after_many_edits_ranks_like_a_new_one() {
    let page = |number: usize, edit: usize| {
        let word = |at: usize| FEW_WORDS[(number * 7 + edit * 3 + at * at) % FEW_WORDS.len()];
        let common = if number % 5 < 2 { "deploy" } else { "page" };
        let text: Vec<&str> = (0..20).map(word).collect();
        file(&format!("page{number:03}"), &format!("# {} {common} {number}\n{} {common}", word(1), text.join(" ")))
    };
    let mut files: Vec<RunbookFile> = (0..300).map(|number| page(number, 0)).collect();
    let mut edited = Library::new();
    edited.reload(&files).expect("lays out an index");
    let asked = alarm("deploy disk slow 17", "high latency of the database queue", &[]);
    for edit in 1..=150 {
        let number = edit * 37 % files.len();
        if edit % 3 == 0 {
            drop(files.remove(number))
        } else {
            files[number] = page(number, edit)
        }
        files.sort_by(|a, b| a.id.cmp(&b.id));
        files.dedup_by(|a, b| a.id == b.id);
        edited.reload(&files).expect("lays out an index");
        if edit % 25 == 0 {
            let mut new = Library::new();
            new.reload(&files).expect("lays out an index");
            assert_eq!(edited.search(&asked, 20), new.search(&asked, 20), "after {edit} edits");
        }
    }
}

#[test]
fn a_baked_index_ranks_like_the_library_it_was_baked_from_and_can_be_loaded_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = folder.path().join("index");
    library().bake(&index).expect("bakes");
    let mut baked = Library::open_baked(&index, folder.path()).expect("opens");
    let asked = alarm("checkout 5xx errors", "p99 latency of the database", &[("service", "checkout-api")]);
    assert_eq!(baked.search(&asked, 9), library().search(&asked, 9));
    baked.reload(&files()[..5]).expect("lays out an index");
    let mut new = Library::new();
    new.reload(&files()[..5]).expect("lays out an index");
    assert_eq!(baked.search(&asked, 9), new.search(&asked, 9));
}

/// A copy that is changed leaves the other one as it was: that one is searched meanwhile.
#[test]
fn a_copy_that_is_changed_changes_nothing_of_the_other_one() {
    let (old, asked) = (library(), alarm("database disk space", "filling up", &[]));
    let before = old.search(&asked, 9);
    let mut new = old.clone();
    new.reload(&files()[..3]).expect("lays out an index");
    assert_eq!(old.search(&asked, 9), before);
    assert_eq!(new.search(&asked, 9), library_of_files(&files()[..3]).search(&asked, 9));
    assert_ne!(old.digest(), new.digest());
}

#[test]
fn following_changes_leads_to_where_a_reload_after_each_leads_to() {
    let mut followed = library();
    let broken = file("deploy/roll-back", "+++\nnever closed");
    let late = file("zzz/late", "# Disk of the database\nIt fills up.");
    let changes = [
        Change { files: vec![late.clone(), broken.clone()], gone: vec!["aws/rds-cpu".into()] },
        Change { files: vec![file("aws/rds-cpu", "# Another\ndatabase")], gone: vec!["zzz/late".into()] },
        Change { files: vec![late.clone()], gone: vec!["queue/lag".into()] },
    ];
    followed.follow(&changes).expect("lays out an index");
    let mut reloaded = library();
    let mut folder: BTreeMap<RunbookId, RunbookFile> =
        files().into_iter().map(|file| (file.id.clone(), file)).collect();
    for change in &changes {
        change.gone.iter().for_each(|id| drop(folder.remove(id)));
        folder.extend(change.files.iter().map(|file| (file.id.clone(), file.clone())));
        reloaded.reload(&folder.values().cloned().collect::<Vec<_>>()).expect("lays out an index");
    }
    let asked = alarm("database disk latency", "filling up after a deploy", &[("service", "checkout-api")]);
    assert_eq!(followed.search(&asked, 9), reloaded.search(&asked, 9));
    assert_eq!((followed.digest(), followed.len()), (reloaded.digest(), 7));
    assert!(followed.get(&"deploy/roll-back".into()).is_some_and(|kept| kept.title == "Roll back a service"));
}

fn library_of_files(files: &[RunbookFile]) -> Library {
    let mut library = Library::new();
    library.reload(files).expect("lays out an index");
    library
}

fn parse(text: &str) -> Result<Runbook, Problem> {
    Runbook::parse(RunbookId::from("team/disk-full"), "runbooks/team/disk-full.md", text)
}

#[test]
fn a_runbook_needs_no_front_matter() {
    let runbook = parse("intro\n## Check\n```sh\n# a comment\n```\n").expect("any text is a runbook");
    assert_eq!(runbook.title, "disk full");
    let headings: Vec<&str> = runbook.sections.iter().map(|section| section.heading.as_str()).collect();
    assert_eq!(headings, ["", "Check"]);
    assert_eq!(parse("\u{feff}# Disk is full #\r\ntext").expect("any text is a runbook").title, "Disk is full");
}

#[test]
fn both_kinds_of_front_matter_say_the_same() {
    let toml = "+++\ntitle = 'T'\nalarms = ['a', 'b*']\nactions = ['x']\nowner = 'o'\nweight = 3\n+++\nbody";
    let yaml = "---\ntitle: \"T\"\nalarms: [a, 'b*']\nactions:\n  - x\nowner: o\nother:\n  nested: 1\n---\nbody";
    assert_eq!(parse(toml), parse(yaml));
    assert_eq!(parse(toml).expect("is good").alarms, ["a", "b*"]);
}

#[test]
fn a_broken_front_matter_says_where() {
    for (text, expect) in [
        (
            "+++\ntitle = 'T'\ntags = 3\n+++\n",
            "runbooks/team/disk-full.md:3: invalid type: integer `3`, expected a sequence",
        ),
        ("---\ntitle: T\n", "runbooks/team/disk-full.md:1: front matter is never closed; add a line `---` after it"),
        ("---\ntags: [a, b\n---\n", "runbooks/team/disk-full.md:2: the list of `tags` is not closed by `]`"),
        ("---\nwhat is this\n---\n", "runbooks/team/disk-full.md:2: expected `key: value`, `key: [a, b]` or `- item`"),
    ] {
        assert_eq!(parse(text).expect_err("is broken").to_string(), expect);
    }
}

#[test]
fn a_folder_is_read_without_leaving_it() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("secret.md"), "secret").expect("writes");
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("aws")).expect("makes a folder");
    fs::write(folder.path().join("aws/rds.md"), "# RDS").expect("writes");
    fs::write(folder.path().join("README.md"), "about").expect("writes");
    fs::write(folder.path().join("large.md"), vec![b'a'; 1024 * 1024 + 1]).expect("writes");
    fs::write(folder.path().join("latin1.md"), [0xe9, 0x20]).expect("writes");
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path().join("secret.md"), folder.path().join("out.md")).expect("links");
    let scan = scan_dir(folder.path());
    let ids: Vec<&str> = scan.files.iter().map(|file| file.id.as_str()).collect();
    assert_eq!(ids, ["aws/rds"]);
    assert_eq!(scan.problems.len(), 3, "{:?}", scan.problems);
    assert_eq!(scan_dir(&folder.path().join("none")).problems.len(), 1);
}

#[test]
fn the_weights_are_readable() {
    assert_eq!(Weights::built_in().bonus.declared_alarm, 1.0);
    let error = Weights::parse("[alarm]\nname = 'x'").expect_err("a word is no number");
    assert!(error.contains("name = 'x'"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_makes_it_panic(title in "\\PC{0,80}", summary in any::<String>(), expr in "[a-zü_(){}\"'0-9<>=!. ]{0,60}", text in any::<String>()) {
        let head = format!("---\n{text}\n---\n{summary}");
        let mut library = library();
        let mut files = files();
        files.push(file(&title, &text));
        files.push(file("head", &head));
        library.reload(&files).expect("lays out an index");
        let labels = BTreeMap::from([("expr".to_owned(), expr), ("description".to_owned(), text)]);
        let hits = library.search(&Alarm { labels, ..alarm(&title, &summary, &[]) }, 20);
        for hit in hits {
            let sum: f64 = hit.matched.iter().map(|matched| matched.share).sum();
            prop_assert!((sum - hit.score).abs() <= 1e-5 * hit.score.max(1.0));
        }
    }
}

#[test]
fn a_section_of_a_manual_is_found_by_its_heading_and_by_its_words() {
    let section = |name: &str, words: &str| format!("## {name}\n{}\n", format!("{words} ").repeat(40));
    let manual = [
        section("IngesterUnhealthy", "the ring marks one ingester as unhealthy"),
        section("CompactorStalled", "blocks pile up since compaction stands still"),
        section("QuerierTimeouts", "queries take longer than the gateway waits"),
    ];
    let mut files = files();
    files.push(file("metrics/troubleshooting", &format!("# Troubleshooting\n{}", manual.concat())));
    let mut library = Library::new();
    library.reload(&files).expect("lays out an index");
    let named = library.search(&alarm("IngesterUnhealthy", "", &[]), 3);
    assert_eq!(named[0].runbook.as_str(), "metrics/troubleshooting");
    assert!(named[0].is_named(), "{named:#?}");
    let told = library.search(&alarm("", "blocks pile up", &[]), 3);
    assert_eq!(told[0].runbook.as_str(), "metrics/troubleshooting");
    assert_eq!(told.iter().filter(|hit| hit.runbook == told[0].runbook).count(), 1, "{told:#?}");
}

#[test]
fn abbreviations_find_what_is_written_out() {
    check_first("db storage", "", &[], "aws/rds-storage");
    check_first("alb 500", "", &[], "aws/elb-5xx");
}

#[test]
fn the_opposite_of_what_the_alarm_says_speaks_against_a_runbook() {
    let mut library = Library::new();
    let low = file("low", "# Replicas are low\nToo few replicas run.");
    let high = file("high", "# Replicas are high\nToo many replicas run.");
    library.reload(&[low, high]).expect("lays out an index");
    let hits = library.search(&alarm("ReplicasHigh", "", &[]), 2);
    assert_eq!(hits[0].runbook.as_str(), "high");
    let against = hits[1].matched.iter().find(|matched| matched.field == Match::OPPOSITE);
    assert!(against.is_some_and(|against| against.share < 0.0 && against.is_agreement()), "{hits:#?}");
}

#[test]
fn confidence_tells_a_runbook_from_a_coincidence() {
    let library = library();
    let good = library.search(&alarm("Node disk is filling up", "The filesystem has little space left", &[]), 3);
    assert!(good[0].confidence >= Hit::GOOD_MATCH, "{good:#?}");
    assert!(good.is_sorted_by(|a, b| a.confidence >= b.confidence));
    let alone = library.search(&alarm("Node disk is filling up", "The filesystem has little space left", &[]), 1);
    assert_eq!(alone[0], good[0]);
    let bad = library.search(&alarm("Billing export", "the invoice run of the accounts team has no instance", &[]), 3);
    assert!(bad[0].confidence < Hit::GOOD_MATCH, "{bad:#?}");
}

#[test]
fn an_index_is_laid_out_in_the_place_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let baked = folder.path().join(".index");
    let library = |titles: &[&str]| {
        let file = |title: &&str| RunbookFile {
            id: RunbookId(title.to_lowercase()),
            path: format!("{title}.md"),
            text: format!("# {title}\n\nWords.\n"),
        };
        let mut library = Library::new();
        library.reload(&titles.iter().map(file).collect::<Vec<_>>()).unwrap();
        library
    };
    assert_eq!(library(&["Disk"]).bake(&baked).unwrap(), 1);
    assert_eq!(library(&["Disk", "Redis"]).bake(&baked).unwrap(), 2);
    assert_eq!(Library::open_baked(&baked, folder.path()).unwrap().len(), 2);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".index"], "nothing is left beside it");
}

fn library_of(texts: &[(&str, &str)]) -> Library {
    let mut library = Library::new();
    let files: Vec<RunbookFile> = texts.iter().map(|(id, text)| file(id, text)).collect();
    library.reload(&files).expect("lays out an index");
    library
}

#[test]
fn what_the_query_compares_with_tells_siblings_apart() {
    let text = |percent: u32| format!("# Storage is filling up\nUtilization of the cluster has crossed {percent}%.");
    let library = library_of(&[("a", &text(75)), ("b", &text(85)), ("c", &text(95))]);
    for (expr, expect) in [
        ("used_bytes / total_bytes > 0.75", "a"),
        ("used_bytes / total_bytes > 0.85", "b"),
        ("100 * used_bytes / total_bytes >= 95", "c"),
    ] {
        let hits = library.search(&alarm("", "Storage utilization is high", &[("expr", expr)]), 3);
        assert_eq!(hits[0].runbook.as_str(), expect, "{expr}: {hits:#?}");
    }
}

#[test]
fn a_query_for_nothing_left_finds_the_runbook_that_says_no() {
    let library = library_of(&[
        ("late", "# Operator\nThe operator pod is ready late."),
        ("none", "# Operator\nNo operator pod is ready."),
    ]);
    for expr in ["operator_ready_pods == 0", "absent(operator_ready_pods)"] {
        let hits = library.search(&alarm("", "operator pod ready", &[("expr", expr)]), 2);
        assert_eq!(hits[0].runbook.as_str(), "none", "{expr}: {hits:#?}");
    }
}

/// What [`Match::PASSAGE`] adds to a hit, with the text that it is about.
fn passage<'a>(hits: &'a [Hit], id: &str) -> Option<(&'a str, f64)> {
    let hit = hits.iter().find(|hit| hit.runbook.as_str() == id)?;
    let passage = hit.matched.iter().find(|matched| matched.field == Match::PASSAGE)?;
    Some((&passage.term, passage.share))
}

#[test]
fn a_sentence_counts_more_than_the_same_words_apart() {
    let others = "Everybody who writes there keeps state in etcd, at night too, whatever somebody else said before.";
    let apart = format!("An operator owns resources.\n{others}\nWho cannot wait may reconcile by hand.");
    let together = format!("{others}\nThe operator cannot reconcile resources.\nWho may own one waits by hand.");
    let library = library_of(&[("apart", &apart), ("together", &together)]);
    let hits = library.search(&alarm("", "Operator cannot reconcile resources", &[]), 2);
    assert_eq!(hits[0].runbook.as_str(), "together", "{hits:#?}");
    let (text, sentence) = passage(&hits, "together").expect("is said in one sentence");
    let (_, words) = passage(&hits, "apart").expect("a part of it is said anywhere");
    assert_eq!(text, "summary");
    assert!(words > 0.0 && words < sentence / 2.0, "{words} beside {sentence}: {hits:#?}");
}

#[test]
fn short_texts_are_not_looked_for_as_sentences() {
    let library = library_of(&[("a", "# One\nThe disk is full."), ("b", "# Two\nThe disk is slow.")]);
    assert_eq!(passage(&library.search(&alarm("", "disk full", &[]), 2), "a"), None);
    assert!(passage(&library.search(&alarm("", "disk is full again", &[]), 2), "a").is_some());
}

#[test]
fn how_many_hits_are_asked_for_changes_none_of_them() {
    let text = |number: usize| {
        format!("# Pod {number}\nThe {} pod is not ready{}.", ["api", "job", "web"][number % 3], " now".repeat(number))
    };
    let texts: Vec<(String, String)> = (0..40).map(|number| (format!("pod-{number}"), text(number))).collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(id, text)| (id.as_str(), text.as_str())).collect();
    let library = library_of(&texts);
    let alarm = alarm("", "The api pod is not ready", &[]);
    let all = library.search(&alarm, 40);
    assert_eq!(all.len(), 40);
    assert!(all.iter().any(|hit| hit.matched.iter().any(|matched| matched.field == Match::PASSAGE)));
    for limit in [0, 1, 3, 15, 16, 17, 39] {
        assert_eq!(library.search(&alarm, limit), all[..limit], "{limit}");
    }
}
