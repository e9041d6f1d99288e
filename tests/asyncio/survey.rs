//! Running programs in many orders, and looking for what must not be in any.

use std::fmt;
use std::ops::Range;

use simrun::{Sim, Strategy};

use super::{Program, watched};

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
            for seed in seeds.clone() {
                survey.run(&program, seed);
            }
        }
        survey
    }

    /// Runs one program under one seed.
    fn run(&mut self, program: &Program, seed: u64) {
        self.runs += 1;
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        let (trace, mut problems) = watched(program, &sim);
        let (again, _) = watched(program, &sim);
        if trace != again {
            problems.push("the seed does not repeat it".to_owned());
        }
        let end = trace.last().map_or("", String::as_str);
        if !end.contains("event=end:") {
            problems.push(format!("it does not end: {end}"));
        }
        let limit = trace.iter().find(|line| line.contains("event=limit"));
        problems.extend(limit.map(|limit| format!("it ran out of something: {limit}")));
        let deadlocked = trace.iter().any(|line| line.contains("event=deadlock:"));
        self.deadlocked += usize::from(deadlocked);
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
