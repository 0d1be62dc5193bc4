//! Action files, filled with hostile values. A file with a mistake makes no action; of one without, a value fills its hole
//! and nothing else: no argument more, no option, no other place in an address.
#![no_main]

use fuzz::Input;
use incident::action::{Catalogue, Plan, RENDERED_CHARS_MAX, Runner, render};
use std::collections::BTreeMap;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let value = input.line();
    let text = input.text();
    let (catalogue, problems) = Catalogue::parse(&[("actions/a.toml", &text)]);
    let lines = text.lines().count().max(1) + 1;
    for problem in &problems {
        assert!(problem.line <= lines && !problem.message.is_empty(), "{problem:?}");
    }
    assert!(catalogue.len() + problems.len() >= 1, "it is an action, or it is said why not");
    for action in catalogue.iter() {
        assert_eq!(action.id.as_str(), "a");
        let values: BTreeMap<String, String> =
            action.params.iter().map(|param| (param.name.clone(), value.clone())).collect();
        assert!(render(&action.title, &values).chars().count() <= RENDERED_CHARS_MAX);
        let Ok(params) = action.validate(&values) else { continue };
        let Ok(plan) = action.plan(&params) else { continue };
        match (&action.runner, plan) {
            (Runner::Command { argv: template, .. }, Plan::Command { argv, .. }) => {
                assert_eq!((argv.len(), argv.first()), (template.len(), template.first()));
                let ended = template.iter().position(|argument| argument == "--").unwrap_or(template.len());
                for (written, filled) in template.iter().zip(&argv).take(ended) {
                    assert!(written.starts_with('-') || !filled.starts_with('-'), "{filled} is an option");
                }
                assert!(!argv.iter().any(|argument| argument.contains('\0')));
            }
            (Runner::Http { url: template, .. }, Plan::Http { url, .. }) => {
                let (template, url) = (template.replace(['{', '}'], ""), url);
                let host = |url: &str| {
                    url.split('/').nth(2).map(|host| host.split(['?', '#']).next().unwrap_or(host).to_owned())
                };
                assert_eq!(host(&template), host(&url), "the host is the file's");
                let parts = |url: &str, mark: char| url.matches(mark).count();
                assert_eq!(
                    (parts(&template, '/'), parts(&template, '#')),
                    (parts(&url, '/'), parts(&url, '#')),
                    "{url}"
                );
            }
            (Runner::DryRun, Plan::DryRun { .. }) => {}
            other => panic!("another runner than the file's: {other:?}"),
        }
    }
});
