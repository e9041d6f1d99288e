//! `simrun diff FILE`: two runs of a scenario, where they part, and how each goes on.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::arguments::{DiffArguments, ObjectFormat, SHOW_ALL};
use super::session::Session;
use super::{exit_code, input};
use crate::chance::{Choice, Decision, Plan, Site};
use crate::explore::Regressions;
use crate::report::diff::side_by_side;
use crate::report::{self, BOLD, DIM, Paint};
use crate::scenario::Programs;
use crate::scenario::machine;
use crate::scenario::model::Model;
use crate::scenario::record::{Record, RunOptions, Verdict};
use crate::{Run, Strategy};

/// So many events that both have are shown before the runs part.
const BEFORE: usize = 3;
/// So many are shown of each run after that.
const AFTER: usize = 12;
/// The width of both sides together.
const WIDTH: usize = 100;
/// The width of names of tasks.
const NAMES: usize = 12;

/// Compares two runs.
pub(super) fn diff(arguments: &DiffArguments, session: &mut Session<'_>) -> io::Result<()> {
    let manner = arguments.manner;
    let sides = match sides(arguments) {
        Ok(sides) => sides,
        Err(reason) => {
            session.complain(manner.color, reason);
            session.count(exit_code::USAGE);
            return Ok(());
        }
    };
    let opened = session.open(&arguments.file, manner);
    let Some(model) = &opened.model else {
        return Ok(());
    };
    let [one, other] = sides.map(|side| Went::run(side, model, &session.programs));
    let parting = Parting::of(&one, &other);
    if parting.is_some() {
        session.count(exit_code::FAILED);
    } else if manner.quiet {
        return Ok(());
    }
    let paint = session.outside.paint_stdout(manner.color);
    let out = &mut *session.outside.stdout;
    match arguments.format {
        ObjectFormat::Human => {
            let text = text(&one, &other, parting.as_ref(), paint);
            write!(out, "{}\n\n{text}", paint.on(BOLD, &model.name))
        }
        ObjectFormat::Json => {
            let object = DiffObject::new(model, &one, &other, parting.as_ref());
            serde_json::to_writer(&mut *out, &object)?;
            writeln!(out)
        }
    }
}

/// One of the two runs, before it is made.
struct Side {
    /// The file of its plan.
    plan: Option<String>,
    options: RunOptions,
}

impl Side {
    fn of_seed(seed: u64, strategy: Option<&Strategy>) -> Self {
        Self {
            plan: None,
            options: RunOptions {
                seed: Some(seed),
                strategy: strategy.cloned(),
                show: SHOW_ALL,
                ..RunOptions::default()
            },
        }
    }

    fn of_plan(path: &Path) -> Result<Self, String> {
        let name = input::name(path);
        let read = Regressions::read_plan(path);
        let read = read.map_err(|error| format!("cannot read `{name}`: {}", input::reason(&error)));
        let regressions = read?;
        let [case] = regressions.cases() else {
            let cases = regressions.cases().len();
            return Err(format!("`{name}` holds {cases} cases: a run is one"));
        };
        let strategy = Strategy::replay(case.plan().clone());
        Ok(Self {
            plan: Some(name),
            ..Self::of_seed(case.seed(), Some(&strategy))
        })
    }
}

/// Finds out which two runs are meant.
fn sides(arguments: &DiffArguments) -> Result<[Side; 2], String> {
    let (seeds, strategies) = (&arguments.seed[..], &arguments.strategy[..]);
    let plans: Result<Vec<Side>, String> = arguments
        .plans
        .iter()
        .map(|plan| Side::of_plan(plan))
        .collect();
    let mut plans = plans?.into_iter();
    let (first, second) = (strategies.first(), strategies.get(1).or(strategies.first()));
    match (seeds, strategies.len(), plans.len()) {
        ([one, other], 0..=2, 0) => {
            Some([Side::of_seed(*one, first), Side::of_seed(*other, second)])
        }
        ([seed], 2, 0) => Some([Side::of_seed(*seed, first), Side::of_seed(*seed, second)]),
        ([seed], 0..=1, 1) => {
            let plan = plans.next();
            plan.map(|plan| [Side::of_seed(*seed, first), plan])
        }
        ([], 0, 2) => plans.next().zip(plans.next()).map(<[Side; 2]>::from),
        _ => None,
    }
    .ok_or_else(|| {
        "name two runs: `--seed 3 --seed 7`, `--seed 3 PLAN`, two plans, or one seed with two \
         strategies"
            .to_owned()
    })
}

/// One of the two runs, as it went.
struct Went {
    title: String,
    record: Record,
    events: Vec<String>,
    plan: Plan,
    decisions: Vec<Decision>,
}

impl Went {
    fn run(side: Side, model: &Arc<Model>, programs: &Programs) -> Self {
        let record = machine::run(model, programs, &side.options);
        let sim = machine::sim(model, &side.options, programs);
        let sim = sim.record(true).write_plan(true);
        let run: Run<()> = machine::run_under(&sim, model, programs);
        let events = record.events.iter();
        let title = match side.plan {
            Some(plan) => plan,
            None => format!("seed {} ({})", record.seed, record.strategy),
        };
        Self {
            title,
            events: events
                .map(|event| report::line(event, &model.source, NAMES))
                .collect(),
            plan: run.plan().clone(),
            decisions: run.decisions().to_vec(),
            record,
        }
    }

    fn outcome(&self) -> &'static str {
        match self.record.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed(_) => "failed",
            Verdict::Undecided(_) => "undecided",
        }
    }

    /// Returns what was decided at a site, if that was not the usual.
    fn choice(&self, site: &Site) -> Option<&Choice> {
        let mut decisions = self.plan.iter();
        decisions.find_map(|(other, choice)| (other == site).then_some(choice))
    }

    /// Returns how this run ends, and how it goes on from an event.
    fn rest(&self, from: usize) -> Vec<String> {
        let mut rest: Vec<String> = self.events[from..]
            .iter()
            .take(AFTER)
            .map(|event| event.trim_start().to_owned())
            .collect();
        match self.events.len().saturating_sub(from + AFTER) {
            0 => {}
            1 => rest.push("... 1 more event".to_owned()),
            more => rest.push(format!("... {more} more events")),
        }
        let (outcome, now) = (self.outcome(), self.record.now);
        rest.push(format!("{outcome} after {now}"));
        rest
    }
}

/// Where two runs part.
struct Parting<'a> {
    /// How many events both have.
    equal: usize,
    site: Option<&'a Site>,
}

impl<'a> Parting<'a> {
    /// Compares two runs: there is nothing to return if they are the same.
    fn of(one: &'a Went, other: &'a Went) -> Option<Self> {
        let pairs = one.events.iter().zip(&other.events);
        let equal = pairs.take_while(|(a, b)| a == b).count();
        let is_same = equal == one.events.len() && equal == other.events.len();
        if is_same && one.record.fingerprint == other.record.fingerprint {
            return None;
        }
        let is_other = |went: &Went, decision: &&Decision| {
            let site = &decision.site;
            one.choice(site) != other.choice(site) && went.choice(site).is_some()
        };
        let first = |went: &'a Went| went.decisions.iter().find(|one| is_other(went, one));
        let site = match (first(one), first(other)) {
            (Some(one), Some(other)) if one.moment <= other.moment => Some(&one.site),
            (_, Some(other)) => Some(&other.site),
            (Some(one), None) => Some(&one.site),
            (None, None) => None,
        };
        Some(Self { equal, site })
    }
}

fn text(one: &Went, other: &Went, parting: Option<&Parting<'_>>, paint: Paint) -> String {
    let Some(Parting { equal, site }) = parting else {
        return format!(
            "{} and {} are the same run: {} events, fingerprint {:016x}\n",
            one.title,
            other.title,
            one.events.len(),
            one.record.fingerprint
        );
    };
    let mut text = String::new();
    let start = equal.saturating_sub(BEFORE);
    let events = if *equal == 1 {
        "event is"
    } else {
        "events are"
    };
    text.push_str(&format!("the first {equal} {events} the same\n"));
    for event in &one.events[start..*equal] {
        text.push_str(&paint.on(DIM, event));
        text.push('\n');
    }
    let taken = |went: &Went, site: &Site| match went.choice(site) {
        Some(choice) => choice.to_string(),
        None => "the usual".to_owned(),
    };
    if let Some(site) = site {
        let (one, other) = (taken(one, site), taken(other, site));
        text.push_str(&format!(
            "they part at `{site}`: {one} on the left, {other} on the right\n"
        ));
    }
    text.push('\n');
    let (mut left, mut right) = (one.rest(*equal), other.rest(*equal));
    for (side, title) in [(&mut left, &one.title), (&mut right, &other.title)] {
        side.insert(0, title.clone());
    }
    text.push_str(&side_by_side(&left, &right, WIDTH));
    text
}

#[derive(Serialize)]
struct DiffObject<'a> {
    format: u32,
    r#type: &'static str,
    scenario: &'a str,
    file: &'a str,
    same: bool,
    /// How many events both have before they part.
    equal_events: usize,
    /// The decision at which they part.
    site: Option<String>,
    one: SideObject<'a>,
    other: SideObject<'a>,
}

#[derive(Serialize)]
struct SideObject<'a> {
    run: &'a str,
    seed: u64,
    strategy: &'a str,
    outcome: &'static str,
    fingerprint: String,
    /// What is decided at the site; nothing, if that is the usual.
    choice: Option<String>,
    /// What only comes after they have parted.
    events: Vec<&'a str>,
}

impl<'a> DiffObject<'a> {
    fn new(
        model: &'a Model,
        one: &'a Went,
        other: &'a Went,
        parting: Option<&Parting<'_>>,
    ) -> Self {
        let equal = parting.map_or(one.events.len(), |parting| parting.equal);
        let site = parting.and_then(|parting| parting.site);
        let side = |went: &'a Went| SideObject {
            run: &went.title,
            seed: went.record.seed,
            strategy: &went.record.strategy,
            outcome: went.outcome(),
            fingerprint: format!("{:016x}", went.record.fingerprint),
            choice: site
                .and_then(|site| went.choice(site))
                .map(ToString::to_string),
            events: went.events[equal..]
                .iter()
                .map(|event| event.trim_start())
                .collect(),
        };
        Self {
            format: report::FORMAT,
            r#type: "diff",
            scenario: &model.name,
            file: &model.source.name,
            same: parting.is_none(),
            equal_events: equal,
            site: site.map(ToString::to_string),
            one: side(one),
            other: side(other),
        }
    }
}
