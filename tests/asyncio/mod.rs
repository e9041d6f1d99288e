//! Programs in a small language of asyncio's operations, and what CPython 3.14 did with them.
//!
//! A [program](program) is a tree of statements: spawn, await, cancel, lock, put. It is run
//! through the crate's public interface, and everything it does is written down, one line for each
//! event, in the words that a reference interpreter uses when it runs the same program on CPython's
//! asyncio. In first-in-first-out order the two traces are equal, line by line.

mod blocking;
mod body;
mod compare;
mod corpus;
mod harness;
mod immediate;
mod machine;
mod object;
mod program;
mod scope;
mod survey;
mod value;
mod watch;

pub(crate) use compare::Comparison;
pub(crate) use corpus::{Reference, programs};
pub(crate) use harness::run;
use harness::watched;
pub(crate) use program::Program;
pub(crate) use survey::Survey;
