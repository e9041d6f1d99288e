//! An instance of the suite: a program with a bug, and what is known of it.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use simrun::{Run, Sim, task};

/// A run of the program, which says whether the bug has shown. A deadlock shows one too.
pub(crate) type Program = Pin<Box<dyn Future<Output = bool>>>;

/// A program with a bug.
pub(crate) struct Instance {
    pub(crate) name: String,
    pub(crate) main: Box<dyn Fn() -> Program + Send + Sync>,
    /// What one run finds it with, where that can be computed: strategy and probability.
    pub(crate) exact: Vec<(&'static str, f64)>,
}

impl Instance {
    pub(crate) fn new<F: Future<Output = bool> + 'static>(
        name: impl Into<String>,
        main: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            main: Box::new(move || Box::pin(main())),
            exact: Vec::new(),
        }
    }

    /// Adds the probability with which a run of a strategy finds the bug.
    pub(crate) fn exactly(mut self, strategy: &'static str, probability: f64) -> Self {
        self.exact.push((strategy, probability));
        self
    }

    pub(crate) fn run(&self, sim: &Sim) -> Run<bool> {
        sim.run(|| (self.main)())
    }

    /// Says whether a run shows the bug.
    pub(crate) fn is_found(&self, sim: &Sim) -> bool {
        let run = self.run(sim);
        run.failure().is_some() || run.value() == Some(&true)
    }
}

/// Awaits so many times.
pub(crate) async fn pad(awaits: u32) {
    for _ in 0..awaits {
        task::yield_now().await;
    }
}

/// Whether the bug has shown: outside the run's sight, so that no strategy learns of it.
#[derive(Clone, Default)]
pub(crate) struct Bug(Rc<Cell<bool>>);

impl Bug {
    pub(crate) fn show_if(&self, shown: bool) {
        self.0.set(self.0.get() || shown);
    }

    pub(crate) fn is_shown(&self) -> bool {
        self.0.get()
    }
}

/// Awaits tasks, one after the other, when all of them are spawned.
pub(crate) async fn all<T: 'static>(tasks: impl IntoIterator<Item = simrun::task::Task<T>>) {
    for task in tasks.into_iter().collect::<Vec<_>>() {
        let _ = task.await;
    }
}

/// How many ways there are to choose so many of so many.
pub(crate) fn binomial(of: u32, choose: u32) -> f64 {
    (0..choose).fold(1.0, |ways, n| ways * f64::from(of - n) / f64::from(n + 1))
}
