//! How a workload was made simpler: the way from the one that was generated to the one that was
//! kept, as text.

use std::fmt;
use std::str::FromStr;

use ::proptest::strategy::ValueTree;

/// One step of proptest's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Simplify,
    Complicate,
}

/// Steps, in order. Their text has a letter and a number for each stretch of equal ones: `s3c1s2`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Steps(Vec<Step>);

impl Steps {
    /// Takes a step with a tree, and keeps it. A step that cannot be taken may change the tree all
    /// the same.
    pub(super) fn take<T: ValueTree>(&mut self, step: Step, tree: &mut T) -> bool {
        self.0.push(step);
        act(step, tree)
    }

    /// Takes all steps with a tree.
    pub(super) fn follow<T: ValueTree>(&self, tree: &mut T) {
        for step in &self.0 {
            act(*step, tree);
        }
    }
}

fn act<T: ValueTree>(step: Step, tree: &mut T) -> bool {
    match step {
        Step::Simplify => tree.simplify(),
        Step::Complicate => tree.complicate(),
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        self.0
            .chunk_by(|one, other| one == other)
            .try_for_each(|equal| {
                let letter = match equal[0] {
                    Step::Simplify => 's',
                    Step::Complicate => 'c',
                };
                write!(f, "{letter}{}", equal.len())
            })
    }
}

impl FromStr for Steps {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut steps = Self::default();
        let mut rest = text.strip_prefix('-').unwrap_or(text);
        while let Some(letter) = rest.chars().next() {
            let step = match letter {
                's' => Step::Simplify,
                'c' => Step::Complicate,
                _ => return Err(()),
            };
            let digits = &rest[1..];
            let end = digits.find(|letter: char| !letter.is_ascii_digit());
            let (number, after) = digits.split_at(end.unwrap_or(digits.len()));
            let number: u16 = number.parse().map_err(drop)?;
            steps.0.extend((0..number).map(|_| step));
            rest = after;
        }
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_as_they_are_written() {
        for text in ["-", "s3c1s2", "c12"] {
            let steps: Steps = text.parse().unwrap();
            assert_eq!(steps.to_string(), text);
        }
        assert!("s3x".parse::<Steps>().is_err());
        assert!("s".parse::<Steps>().is_err());
        assert!("é3".parse::<Steps>().is_err());
    }
}
