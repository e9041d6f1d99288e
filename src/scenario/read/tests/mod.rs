//! Reading scenarios, right ones and wrong ones.

mod golden;
mod mutated;
mod schema;

use std::fs;
use std::path::Path;

use super::read;
use crate::net::{Latency, Link};
use crate::scenario::diagnostic::Severity;
use crate::scenario::model::When;
use crate::scenario::programs::Programs;
use crate::scenario::render::render;
use crate::scenario::source::Source;
use crate::scenario::tree::{Act, ExprKind, Step};
use crate::time::millis;

async fn kv_server(_: crate::scenario::Parameters) {}

fn programs() -> Programs {
    crate::programs![kv_server]
}

/// Reads a file and returns how its mistakes are shown.
fn shown(name: &str, text: &str) -> String {
    let source = Source::new(name, text);
    let (model, problems) = read(source.clone(), &programs());
    let is_wrong = problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    assert_eq!(model.is_none(), is_wrong, "{name}");
    render(&source, &problems, false)
}

#[test]
fn the_worked_files_are_right() {
    for file in [
        "bounded-queue",
        "echo-partition",
        "quickstart",
        "everything",
    ] {
        let path = format!(
            "{}/tests/scenarios/worked/{file}.toml",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(shown(file, &text), "");
    }
}

#[test]
fn the_scenarios_of_the_repository_are_right() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("sim-scenarios")];
    let mut wrong = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                let text = fs::read_to_string(&path).unwrap();
                wrong.push(shown(&path.to_string_lossy(), &text));
            }
        }
    }
    let wrong = wrong.concat();
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_verb_is_read_and_described() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("tests/scenarios/worked/everything.toml");
    let text = fs::read_to_string(path).unwrap();
    let reference = include_str!("../../language.md");
    let words: Vec<_> = text.split_whitespace().collect();
    for verb in super::verbs::all() {
        assert!(
            words.contains(&verb.name),
            "{} is in no worked file",
            verb.name
        );
        let described = [
            "`", "`x = ", "`p = ", "`l = ", "`c = ", "`s = ", "`u = ", "} ",
        ];
        let described = described
            .iter()
            .any(|before| reference.contains(&format!("{before}{}", verb.name)));
        assert!(described, "{} is not in the reference", verb.name);
        assert!(verb.usage.starts_with(verb.name));
    }
    let (model, _) = read(Source::new("a.toml", text), &programs());
    // What stands for a value that could not be read.
    assert!(!format!("{model:?}").contains("65535"));
}

/// Returns where the steps of a file's first task stand, handlers and blocks included.
fn places(text: &str) -> Vec<String> {
    fn walk(source: &Source, block: &[Step], found: &mut Vec<String>) {
        for step in block {
            found.push(source.slice(step.span).to_owned());
            match &step.act {
                Act::Loop(block)
                | Act::Within { block, .. }
                | Act::Repeat { block, .. }
                | Act::Completed { block, .. }
                | Act::Try { block, .. } => walk(source, block, found),
                Act::If { branches, .. } => {
                    for (condition, block) in branches {
                        found.push(source.slice(condition.span).to_owned());
                        walk(source, block, found);
                    }
                }
                _ => {}
            }
            for handler in &step.handlers {
                found.push(source.slice(handler.span).to_owned());
                walk(source, &handler.block, found);
            }
        }
    }
    let (model, problems) = read(Source::new("a.toml", text), &programs());
    let model = model.unwrap_or_else(|| panic!("{problems:?}"));
    let mut found = Vec::new();
    walk(&model.source, &model.bodies[0].block, &mut found);
    found
}

#[test]
fn steps_stand_where_they_are_written() {
    let text = "format = 1\nname = \"é\"\n[task]\nmain = '''\r\n  x = f(1)  # é\r\n\
                loop {\n\tlog \"é\" x\n  if x == 1 { break }\n\
                } on timeout, closed as e {\n  raise\n}\n\
                n = completed f(2) within 5ms as r { log r }\n'''\n\"f(a)\" = 'return a'\n";
    assert_eq!(
        places(text),
        [
            "x = f(1)",
            "loop",
            "log \"é\" x",
            "if x == 1",
            "x == 1",
            "break",
            "on timeout, closed as e",
            "raise",
            "n = completed f(2) within 5ms as r",
            "log r",
        ]
    );
}

#[test]
fn checks_in_strings_with_escapes_stand_where_they_are_written() {
    let text = "format = 1\nname = \"a\"\n[shared]\nword = \"a\"\n[task]\nmain = 'yield'\n[check]\n\
                \"a\" = \"always\\tword == \\\"\\u0061\\\" and now < 5s\"\n";
    let (model, problems) = read(Source::new("a.toml", text), &programs());
    let model = model.unwrap_or_else(|| panic!("{problems:?}"));
    let check = &model.checks[0];
    let ExprKind::Binary(_, left, right) = &check.holds.kind else {
        panic!("{check:?}");
    };
    assert_eq!(model.source.slice(left.span), r#"word == \"\u0061\""#);
    assert_eq!(model.source.slice(right.span), "now < 5s");
    assert!(matches!(check.when, When::Always));
}

#[test]
fn counted_hosts_and_links_are_spread_out() {
    let text = "format = 1\nname = \"a\"\n[host]\nkv = { start = \"run\", count = 2 }\n\
                c = { start = \"run\" }\n[link]\ndefault = { latency = \"1ms\", loss = \"1%\" }\n\
                \"kv <-> c\" = { loss = \"2%\" }\n[task]\nrun = 'cut kv | c'\n";
    let (model, problems) = read(Source::new("a.toml", text), &programs());
    let model = model.unwrap_or_else(|| panic!("{problems:?}"));
    let names: Vec<_> = model.hosts.iter().map(|host| &*host.name).collect();
    assert_eq!(names, ["kv1", "kv2", "c"]);
    let pairs: Vec<_> = model
        .links
        .pairs
        .iter()
        .map(|(from, to, _)| (*from, *to))
        .collect();
    assert_eq!(pairs, [(0, 2), (2, 0), (1, 2), (2, 1)]);
    let link = model.links.pairs[0].2;
    assert_eq!(
        link,
        Link::new().latency(Latency::Constant(millis(1))).loss(0.02)
    );
}

#[test]
fn a_task_may_have_the_name_of_a_unit() {
    let text = "format = 1\nname = \"A.\"\n[task]\nmain = 'x = serve 7 h'\n\"h(c)\" = 'close c'\n";
    assert_eq!(shown("test.toml", text), "");
}
