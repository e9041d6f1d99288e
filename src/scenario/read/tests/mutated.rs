//! Files that went wrong somewhere: nothing that stands in a file may bring the reader down.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::programs;
use crate::scenario::read::read;
use crate::scenario::render::render;
use crate::scenario::source::{Source, Span};

/// What happens to a file, at places that are given in parts of its length.
#[derive(Clone, Debug)]
enum Change {
    Flip(f64, u8),
    Delete(f64, usize),
    Insert(f64, &'static str),
    Cut(f64),
    DoubleLine(f64),
    DropLine(f64),
    SwapLines(f64, f64),
}

const TOKENS: &[&str] = &[
    " ",
    "\n",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\"",
    "'",
    "'''",
    "\"\"\"",
    "=",
    "==",
    "+",
    "-",
    "..",
    "->",
    "|",
    ",",
    "#",
    "\\",
    "\\u00e9",
    "{{",
    "5ms",
    "1.5",
    "99999999999999999999",
    "10%",
    "é",
    "日本",
    "\t",
    "\r\n",
    "\u{0}",
    "loop {",
    "} on error {",
    "if",
    "spawn",
    "main",
    "jobs",
    "put",
    "f(",
    "count(",
    "wait",
    "until",
    "within",
    "as",
    "in",
    "none",
    "self",
    "[queue]",
    "[task]",
    "x = ",
    "a = '''",
    "retry 5",
    "log",
    "raise",
    "cut a | b",
    "always",
    "eventually",
    "by",
];

fn change() -> impl Strategy<Value = Change> {
    let place = || 0.0..1.0_f64;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        (place(), 1..40_usize).prop_map(|(at, count)| Change::Delete(at, count)),
        (place(), prop::sample::select(TOKENS)).prop_map(|(at, text)| Change::Insert(at, text)),
        place().prop_map(Change::Cut),
        place().prop_map(Change::DoubleLine),
        place().prop_map(Change::DropLine),
        (place(), place()).prop_map(|(one, other)| Change::SwapLines(one, other)),
    ]
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for change in changes {
        let place = |part: f64, length: usize| (part * length as f64) as usize;
        let length = bytes.len();
        match change {
            Change::Flip(at, byte) => {
                if let Some(old) = bytes.get_mut(place(*at, length)) {
                    *old = *byte;
                }
            }
            Change::Delete(at, count) => {
                let start = place(*at, length);
                bytes.drain(start..(start + count).min(length));
            }
            Change::Insert(at, text) => {
                let at = place(*at, length);
                bytes.splice(at..at, text.bytes());
            }
            Change::Cut(at) => bytes.truncate(place(*at, length)),
            _ => {
                let mut lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
                let count = lines.len();
                match change {
                    Change::DoubleLine(at) => {
                        let at = place(*at, count);
                        lines.insert(at, lines[at]);
                    }
                    Change::DropLine(at) => {
                        lines.remove(place(*at, count));
                    }
                    Change::SwapLines(one, other) => {
                        lines.swap(place(*one, count), place(*other, count));
                    }
                    _ => {}
                }
                bytes = lines.join(&b'\n');
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads a file and checks whatever is said about it.
fn check(text: &str) {
    let source = Source::new("a.toml", text);
    let (_, problems) = read(source.clone(), &programs());
    for problem in &problems {
        let related = problem.related.iter().map(|(at, _)| *at);
        let suggested = problem.suggestion.iter().map(|suggestion| suggestion.at);
        for Span { start, end } in related.chain(suggested).chain([problem.at]) {
            let (start, end) = (start as usize, end as usize);
            assert!(start <= end && end <= text.len(), "{problem:?}");
            let whole = text.is_char_boundary(start) && text.is_char_boundary(end);
            assert!(whole, "{problem:?}");
        }
        assert!(!problem.message.is_empty() && !problem.message.contains('\n'));
        assert!(!problem.message.ends_with('.'), "{problem:?}");
    }
    assert_eq!(
        render(&source, &problems, false).is_empty(),
        problems.is_empty()
    );
}

fn samples() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut paths: Vec<_> = ["worked", "errors"]
        .iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

fn config() -> ProptestConfig {
    // Failures are kept as files of `tests/scenarios/errors`, not by their seeds.
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_change_of_a_file_brings_the_reader_down(
        sample in prop::sample::select(samples()),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        check(&changed(&sample, &changes));
    }

    #[test]
    fn no_soup_of_words_brings_the_reader_down(
        steps in prop::collection::vec(prop::sample::select(TOKENS), 0..60),
        holds in prop::collection::vec(prop::sample::select(TOKENS), 0..12),
        verbs in prop::collection::vec(0..90_usize, 0..20),
    ) {
        let all: Vec<_> = crate::scenario::read::verbs::all().map(|verb| verb.name).collect();
        let verbs = verbs.iter().map(|at| all[at % all.len()]);
        let words = steps.iter().zip(verbs.chain([""].into_iter().cycle()));
        let steps: Vec<_> = words.map(|(token, verb)| format!("{verb} {token}")).collect();
        check(&format!(
            "format = 1\nname = \"a\"\n[queue]\njobs = {{}}\n[host]\na = {{ start = \"main\" }}\n\
             [task]\nmain = '''\n{}\n'''\n\"f(a)\" = 'log a'\n[check]\n\"a\" = '''always {}'''\n",
            steps.join(" "),
            holds.join(" "),
        ));
    }
}

#[test]
fn what_is_deep_or_long_is_refused_and_not_recursed_into() {
    let body = |steps: &str| {
        check(&format!(
            "format = 1\nname = \"a\"\n[task]\nmain = '''\n{steps}\n'''\n"
        ));
    };
    let many = 20_000;
    body(&format!("x = {}1", "(".repeat(many)));
    body(&format!("x = {}1", "[".repeat(many)));
    body(&format!("x = {}true", "not ".repeat(many)));
    body(&format!("x = 1{}", " + 1".repeat(many)));
    body(&format!("x = true{}", " or true".repeat(many)));
    body(&format!("x = [1]\ny = x{}", "[0]".repeat(many)));
    body(&"loop {\n".repeat(many));
    body(&"}\n".repeat(many));
    body(&"if true { } else ".repeat(many));
    body(&"try { } on error ".repeat(many));
    body(&"x = \"".repeat(many));
    body(&format!("log \"{}\"", "{x}".repeat(many)));
    body(&"lop {\n".repeat(many));
    check(&format!("a = {}", "[".repeat(many)));
    check(&"[a.".repeat(1_000));
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let text = "#".repeat((16 << 20) + 1);
    let source = Source::new("a.toml", text);
    let (model, problems) = read(source, &programs());
    assert!(model.is_none());
    assert_eq!(problems[0].code, "S030");
}
