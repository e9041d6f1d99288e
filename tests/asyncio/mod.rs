//! Programs in a small language of asyncio's operations, and what CPython 3.14 did with them.
//!
//! A [program](program) is a tree of statements: spawn, await, cancel, lock, put. It is
//! [translated](translate) into a scenario, the command runs that, and what the command says of the
//! run is written in the [words](words) that a reference interpreter uses when it runs the same
//! program on CPython's asyncio. In first-in-first-out order the two traces are equal, line by
//! line.

mod compare;
mod corpus;
mod program;
mod run;
mod survey;
mod translate;
mod words;

pub(crate) use compare::Comparison;
pub(crate) use corpus::{Reference, programs};
pub(crate) use program::Program;
pub(crate) use run::{Order, run};
pub(crate) use survey::Survey;
