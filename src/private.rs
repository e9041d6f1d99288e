//! What the macros need, and nobody else.

use std::fmt;
use std::future::Future;

use crate::explore::Explorer;
use crate::sim::Sim;
use crate::strategy::Strategy;
use crate::task::Ending;

pub use crate::assure::claim::{claim, compare};
pub use crate::assure::quantity::Relation;
pub use crate::select::{Branch, order};

/// Writes a line into the trace.
#[track_caller]
pub fn log(text: fmt::Arguments<'_>) {
    let text = text.to_string();
    #[cfg(feature = "cli")]
    crate::scenario::machine::logged(&text);
    crate::event_loop::core::current().log(text);
}

/// Runs a test that `#[simrun::test]` has made. `path` is the function's, beginning with its crate,
/// which is no part of the names that test runners know.
#[track_caller]
pub fn test<F, Fut>(explorer: Explorer, path: &str, main: F)
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future + 'static,
    Fut::Output: Ending,
{
    let name = path.split_once("::").map_or(path, |(_, name)| name);
    explorer.named_if_it_is_not(name).check(main);
}

/// Runs a program whose `main` `#[simrun::main]` has made.
#[track_caller]
pub fn main<F, Fut>(sim: Sim, main: F) -> Fut::Output
where
    F: FnOnce() -> Fut,
    Fut: Future + 'static,
    Fut::Output: 'static,
{
    sim.run(main).unwrap()
}

/// What `strategy = ..` can be: a strategy, or its name.
#[diagnostic::on_unimplemented(
    message = "`strategy` is a `simrun::Strategy`, or the name of one, such as \"surw\""
)]
pub trait IntoStrategy {
    /// Makes the strategy.
    fn into_strategy(self) -> Strategy;
}

impl IntoStrategy for Strategy {
    fn into_strategy(self) -> Strategy {
        self
    }
}

impl IntoStrategy for &str {
    #[track_caller]
    fn into_strategy(self) -> Strategy {
        self.parse().unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Makes a strategy of what stands in an attribute.
#[track_caller]
pub fn strategy(strategy: impl IntoStrategy) -> Strategy {
    strategy.into_strategy()
}

/// Makes a strategy for each seed of what stands in an attribute.
#[track_caller]
pub fn strategies(strategy: impl IntoStrategy) -> impl Fn(u64) -> Strategy + Send + Sync {
    let strategy = strategy.into_strategy();
    move |_| strategy.clone()
}
