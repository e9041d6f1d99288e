//! Running programs in many orders, and looking for what must not be in any.

use std::fmt;
use std::ops::Range;

use super::run::Run;
use super::translate::Translation;
use super::{Order, Program};

/// How many problems are shown: the first few tell what is wrong.
const SHOWN: usize = 10;

/// What came of running programs under many seeds.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    programs: usize,
    runs: usize,
    /// How many of the runs had to be rescued from a deadlock.
    deadlocked: usize,
    problems: Vec<String>,
}

impl Survey {
    /// Runs programs in random orders, twice under each seed.
    pub(crate) fn new(programs: impl IntoIterator<Item = Program>, seeds: Range<u64>) -> Self {
        let mut survey = Self::default();
        for program in programs {
            survey.programs += 1;
            let translation = Translation::new(&program);
            for seed in seeds.clone() {
                survey.run(&program, &translation, seed);
            }
        }
        survey
    }

    /// Runs one program under one seed.
    fn run(&mut self, program: &Program, translation: &Translation, seed: u64) {
        self.runs += 1;
        let run = translation.run(Order::Random(seed));
        let mut problems = problems(&run);
        if run != translation.run(Order::Random(seed)) {
            problems.push("the seed does not repeat it".to_owned());
        }
        self.deadlocked += usize::from(run.events.iter().any(|event| event.kind == "stuck"));
        let named = problems
            .into_iter()
            .map(|problem| format!("program {}, seed {seed}: {problem}", program.pid));
        self.problems.extend(named);
    }

    /// Says whether there were runs, and nothing was wrong with any.
    pub(crate) fn is_clean(&self) -> bool {
        self.runs > 0 && self.problems.is_empty()
    }
}

/// Looks for what must not be in any run: a task that sleeps beside what it waits for, a lost item,
/// a run without an end.
fn problems(run: &Run) -> Vec<String> {
    let mut problems = Vec::new();
    for body in run.events.iter().flat_map(|event| &event.bodies) {
        if let Some(beside) = &body.beside {
            problems.push(format!("{} sleeps beside {beside}", body.name));
        }
    }
    let lost = run.checks.iter().filter(|check| check.held == Some(false));
    problems.extend(lost.map(|check| check.name.clone()));
    if run.outcome == "undecided" {
        problems.push("it does not end".to_owned());
    }
    problems
}

impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in self.problems.iter().take(SHOWN) {
            writeln!(f, "{problem}")?;
        }
        write!(
            f,
            "{} programs, {} runs, {} of them with a deadlock, {} problems",
            self.programs,
            self.runs,
            self.deadlocked,
            self.problems.len()
        )
    }
}
