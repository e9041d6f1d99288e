//! The program under exploration, and what one run of it leaves behind.
//!
//! A campaign asks one thing of a program: to be run under a `Sim`. So it is one function here,
//! whatever its future is, and everything above is compiled once.

use std::future::Future;
use std::panic::Location;

use crate::chance::Plan;
use crate::sim::{Run, Sim};
use crate::strategy::Strategy;
use crate::task::Ending;

/// Runs the program under a simulation.
pub(crate) type Program<'a> = dyn Fn(&Sim) -> Run<()> + Sync + 'a;

/// Makes a program of the function that makes its future.
pub(crate) fn program<F, Fut>(
    main: F,
    at: &'static Location<'static>,
) -> impl Fn(&Sim) -> Run<()> + Sync
where
    F: Fn() -> Fut + Sync,
    Fut: Future + 'static,
    Fut::Output: Ending,
{
    move |sim| sim.run_at(&main, at)
}

/// Returns the simulation that repeats a plan and writes down what was met of it.
pub(super) fn repeats(sim: &Sim, plan: &Plan) -> Sim {
    let strategy = Strategy::replay(plan.clone());
    sim.clone().strategy(strategy).write_plan(true)
}

/// Does something on a thread of its own, where no loop runs and a panic stays away from the
/// caller's.
pub(crate) fn aside<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(act).join() {
        Ok(value) => value,
        Err(payload) => std::panic::resume_unwind(payload),
    })
}
