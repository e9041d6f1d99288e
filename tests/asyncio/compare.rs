//! Comparing what the crate does with what CPython did.

use std::fmt;

use super::{Order, Program, Reference, run};

/// How many differences are shown: the first few tell what is wrong.
const SHOWN: usize = 10;

/// How the traces of many programs compare with CPython's.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    equal: usize,
    differences: Vec<String>,
}

impl Comparison {
    /// Runs programs and compares their traces with the reference.
    pub(crate) fn new(
        programs: impl IntoIterator<Item = Program>,
        order: Order,
        reference: &Reference,
    ) -> Self {
        let mut comparison = Self::default();
        for program in programs {
            let trace = run(&program, order);
            match reference.difference(program.pid, &trace) {
                None => comparison.equal += 1,
                Some(difference) => comparison.differences.push(difference),
            }
        }
        comparison
    }

    /// Says whether there were programs, and none of them left another trace than on CPython.
    pub(crate) fn is_equal(&self) -> bool {
        self.equal > 0 && self.differences.is_empty()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in self.differences.iter().take(SHOWN) {
            writeln!(f, "{difference}")?;
        }
        let (equal, different) = (self.equal, self.differences.len());
        write!(f, "{equal} equal, {different} different")
    }
}
