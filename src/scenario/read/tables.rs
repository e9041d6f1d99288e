//! Tables of plain values: `[run]`, `[explore]`, `[snapshot]`, `[file]`, `[faults]`.

use std::collections::BTreeSet;
use std::sync::Arc;

use toml::de::DeValue;

use super::Reader;
use super::codes;
use super::entry::{self, Entry, read_seeds};
use super::fault::find_hosts;
use super::problems::{Problems, closest, shown};
use super::text::Text;
use crate::Strategy;
use crate::scenario::model::{ExploreTable, FaultsTable, FileEntry, RunTable, SnapshotTable};

/// The most seeds of a snapshot: each is a run whose events are kept.
const MOST_SNAPSHOTS: u64 = 1_000;

/// Strategies that a run can have.
const STRATEGIES: [&str; 8] = [
    "fifo",
    "random",
    "pct",
    "pos",
    "surw",
    "urw",
    "starve",
    "portfolio",
];

/// The one that has every order of a small scenario.
const EXHAUSTIVE: &str = "exhaustive";

const SHOWN: [&str; 4] = ["log", "tasks", "net", "steps"];

impl<'a> Reader<'a> {
    /// Reads a table whose keys are known, or reports what it is instead.
    pub(super) fn keys(&mut self, table: &Entry<'a>, known: &[&str]) -> Vec<Entry<'a>> {
        let keys = table.table(&mut self.problems).unwrap_or_default();
        entry::check_keys(&keys, &table.key.content, known, &mut self.problems);
        keys
    }

    pub(super) fn run_table(&mut self, table: &Entry<'a>) -> RunTable {
        let known = [
            "seed",
            "strategy",
            "until",
            "max_steps",
            "eager",
            "threads",
            "stuck",
        ];
        let keys = self.keys(table, &known);
        let problems = &mut self.problems;
        let mut run = RunTable::default();
        for key in &keys {
            match &*key.key.content {
                "seed" => {
                    let seed = key.integer(0..=i128::from(u64::MAX), problems);
                    run.seed = seed.and_then(|seed| u64::try_from(seed).ok());
                }
                "strategy" => {
                    let strategy = key.text("a string", problems);
                    run.strategy = strategy.and_then(|text| run_strategy(&text, problems));
                }
                "until" => {
                    run.until = key.duration(problems);
                    self.until = run.until.map(|until| (until, key.span()));
                }
                "max_steps" => {
                    let steps = key.integer(1..=i128::from(i64::MAX), problems);
                    run.max_steps = steps.and_then(|steps| u64::try_from(steps).ok());
                }
                "eager" => run.eager = key.boolean(problems).unwrap_or(false),
                "threads" => {
                    let threads = key.integer(1..=1_000, problems);
                    run.threads = threads.and_then(|threads| u32::try_from(threads).ok());
                }
                "stuck" => run.interrupt = key.choice(&["interrupt"], problems).is_some(),
                _ => {}
            }
        }
        run
    }

    pub(super) fn explore_table(&mut self, table: &Entry<'a>) -> ExploreTable {
        let keys = self.keys(table, &["seeds", "strategies"]);
        let problems = &mut self.problems;
        let mut explore = ExploreTable::default();
        if let Some(seeds) = entry::find(&keys, "seeds") {
            let text = seeds.text("a range such as \"0..1000\"", problems);
            explore.seeds = text.and_then(|text| read_seeds(&text, problems));
        }
        if let Some(strategies) = entry::find(&keys, "strategies") {
            let texts = strategies.texts("a list of strings", problems);
            let known = texts.iter().filter_map(|text| strategy(text, problems));
            explore.strategies = known.collect();
        }
        explore
    }

    pub(super) fn snapshot_table(&mut self, table: &Entry<'a>) -> SnapshotTable {
        let keys = self.keys(table, &["seeds", "show"]);
        let problems = &mut self.problems;
        let seeds = entry::find(&keys, "seeds").map(|seeds| snapshot_seeds(seeds, problems));
        let shown = entry::find(&keys, "show");
        let shown = shown.map(|shown| shown.texts("a list of strings", problems));
        let shown = shown.unwrap_or_default().into_iter().filter_map(|text| {
            let known = SHOWN.contains(&&*text.content);
            if !known {
                entry::not_one_of(&text, &SHOWN, "show", problems);
            }
            known.then(|| text.content.into_owned())
        });
        let show: Vec<_> = shown.collect();
        SnapshotTable {
            seeds: seeds.unwrap_or_default(),
            show,
        }
    }

    pub(super) fn files(&mut self, table: &Entry<'a>) -> Vec<FileEntry> {
        let mut files = Vec::new();
        for entry in table.table(&mut self.problems).unwrap_or_default() {
            let DeValue::String(text) = entry.value else {
                entry.mistyped("a string", &mut self.problems);
                continue;
            };
            let text: Arc<str> = Arc::from(&**text);
            let key = &entry.key;
            if self.names.hosts.is_empty() {
                let name = Arc::from(&*key.content);
                files.push(FileEntry {
                    host: None,
                    name,
                    text,
                });
                continue;
            }
            let Some((host, name)) = key.content.split_once(':') else {
                let message = "a file's name begins with its host's";
                let problem = self.problems.error(codes::HOST, key.whole, message);
                problem
                    .label("on which host?")
                    .note("write `\"server:data.txt\" = \"…\"`");
                continue;
            };
            let at = key.span(0..host.len());
            for host in find_hosts(&self.names, host, at, &mut self.problems) {
                let (name, text) = (Arc::from(name), text.clone());
                files.push(FileEntry {
                    host: Some(host),
                    name,
                    text,
                });
            }
        }
        files
    }

    pub(super) fn faults_table(&mut self, table: &Entry<'a>) -> FaultsTable {
        let known = [
            "hosts",
            "every",
            "crash",
            "pause",
            "partition",
            "one_way",
            "clog",
            "at_most_down",
            "lasting",
            "until",
        ];
        let keys = self.keys(table, &known);
        if self.names.hosts.is_empty() {
            let message = "there are no hosts to which something could happen";
            let problem = self.problems.error(codes::HOST, table.key.whole, message);
            problem
                .label("needs `[host]`")
                .note("hosts are declared in `[host]`");
        }
        let mut hosts = match entry::find(&keys, "hosts") {
            Some(hosts) => self.host_list(hosts),
            None => (0..self.names.hosts.len())
                .filter_map(|at| u16::try_from(at).ok())
                .collect(),
        };
        hosts.sort_unstable();
        hosts.dedup();
        let problems = &mut self.problems;
        let duration = |key: &str, problems: &mut Problems| {
            entry::find(&keys, key).and_then(|entry| entry.duration(problems))
        };
        let percent = |key: &str, problems: &mut Problems| {
            entry::find(&keys, key).and_then(|entry| entry.percent(problems))
        };
        let most = i128::from(u16::MAX);
        let down = entry::find(&keys, "at_most_down");
        let lasting = entry::find(&keys, "lasting");
        let every = duration("every", problems);
        if every.is_some_and(|every| every.is_zero()) {
            let at = entry::find(&keys, "every")
                .map(Entry::span)
                .unwrap_or_default();
            problems.error(codes::BOUNDS, at, "`every` is longer than nothing");
        }
        FaultsTable {
            hosts,
            every,
            crash: percent("crash", problems),
            pause: percent("pause", problems),
            partition: percent("partition", problems),
            one_way: percent("one_way", problems),
            clog: percent("clog", problems),
            at_most_down: down
                .and_then(|down| down.integer(0..=most, problems))
                .and_then(|down| usize::try_from(down).ok()),
            lasting: lasting.and_then(|lasting| lasting.durations(problems)),
            until: duration("until", problems),
        }
    }

    fn host_list(&mut self, entry: &Entry<'a>) -> Vec<u16> {
        let names = entry.texts("a list of hosts", &mut self.problems);
        let mut hosts = Vec::new();
        for name in names {
            let at = name.inner();
            hosts.extend(find_hosts(
                &self.names,
                &name.content,
                at,
                &mut self.problems,
            ));
        }
        hosts
    }
}

/// Reads a strategy of a single run.
fn run_strategy(text: &Text<'_>, problems: &mut Problems) -> Option<String> {
    let word = &*text.content;
    if word != EXHAUSTIVE {
        return strategy(text, problems);
    }
    let message = format!("`{}` is a strategy of `[explore]`", shown(word));
    let problem = problems.error(codes::CHOICE, text.inner(), message);
    problem
        .label("not for a single run")
        .note("it makes many runs of one scenario");
    None
}

/// Reads `random` or `pct 3`.
fn strategy(text: &Text<'_>, problems: &mut Problems) -> Option<String> {
    let content = &*text.content;
    if content == EXHAUSTIVE || content.parse::<Strategy>().is_ok() {
        return Some(content.to_owned());
    }
    let word = content.split(' ').next().unwrap_or_default();
    let known = STRATEGIES.contains(&word) || word == EXHAUSTIVE;
    if !known {
        let near = closest(word, STRATEGIES.into_iter().chain([EXHAUSTIVE]));
        let message = format!("no strategy is called `{}`", shown(word));
        let at = text.span(0..word.len());
        let problem = problems.error(codes::CHOICE, at, message);
        let words: Vec<_> = STRATEGIES.iter().map(|word| format!("`{word}`")).collect();
        problem.label("unknown strategy");
        problem.note(format!("there are {} and `{EXHAUSTIVE}`", words.join(", ")));
        if let Some(near) = near {
            problem.suggest(format!("did you mean `{near}`?"), at, near);
        }
        return None;
    }
    let problem = match word {
        "pct" => "`pct` says how deep the bugs are that it looks for",
        _ => "only `pct` has a number",
    };
    let problem = problems.error(codes::CHOICE, text.inner(), problem);
    problem.label("here").note("write \"pct 3\"");
    None
}

/// Reads `[1, 2]` or `"0..3"`.
fn snapshot_seeds(entry: &Entry<'_>, problems: &mut Problems) -> Vec<u64> {
    match entry.value {
        DeValue::Array(items) => {
            let items = items.iter().map(|item| entry.item(item));
            let seeds = items.filter_map(|item| {
                let seed = item.integer(0..=i128::from(u64::MAX), problems)?;
                u64::try_from(seed).ok()
            });
            let mut seen = BTreeSet::new();
            seeds.filter(|seed| seen.insert(*seed)).collect()
        }
        _ => {
            let text = entry.text("a list of integers or a range such as \"0..3\"", problems);
            let Some((text, range)) =
                text.and_then(|text| read_seeds(&text, problems).map(|range| (text, range)))
            else {
                return Vec::new();
            };
            if range.end - range.start > MOST_SNAPSHOTS {
                let message = format!("a snapshot has at most {MOST_SNAPSHOTS} seeds");
                problems.error(codes::BOUNDS, text.inner(), message);
                return Vec::new();
            }
            range.collect()
        }
    }
}
