//! One run: what it is given, and what came of it.

mod compare;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::assure::{Failure, FailureKind, Outcome, Property};
use crate::chance::{Chance, Decision, Plan, Site};
use crate::event_loop::core::{Core, Watch};
use crate::event_loop::{EventLoop, Limits, Profile, Report, ReportKind, Shown};
use crate::host;
use crate::strategy::Strategy;
use crate::task::{Ending, Task, spawn_on};
use crate::time::Instant;
use crate::trace::Trace;

/// What a run is given: a seed, a strategy, limits. The same `Sim` with the same program gives
/// the same run, always and everywhere.
///
/// ```
/// use simrun::{Sim, Strategy, time};
///
/// let sim = Sim::new().seed(42).strategy(Strategy::random());
/// let run = sim.run(|| async {
///     time::sleep(time::secs(3_600)).await;
///     "an hour later"
/// });
/// assert_eq!(run.value(), Some(&"an hour later"));
/// assert_eq!(run.now().since_start(), time::secs(3_600));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sim {
    pub(crate) seed: u64,
    pub(crate) strategy: Strategy,
    limits: Limits,
    pub(crate) watch: Watch,
    write_plan: bool,
    eager: bool,
    debug: bool,
    hosts: Vec<HostToStart>,
}

/// A host that is started with a run.
#[derive(Clone)]
struct HostToStart {
    name: Arc<str>,
    main: Arc<dyn Fn() -> host::Main + Send + Sync>,
    /// The run is not over before it has done what it does.
    is_client: bool,
    at: &'static std::panic::Location<'static>,
}

impl fmt::Debug for HostToStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Sim {
    /// Makes the default: seed 0, asyncio's order, nothing recorded.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the seed, from which everything is drawn that could go one way or another.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets who goes next.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Fails a run that is not over after this much virtual time. By default there is no limit.
    pub fn until(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.limits.until = limit.into();
        self
    }

    /// Fails a run that is not over after this many steps. By default there is no limit.
    pub fn max_steps(mut self, limit: impl Into<Option<u64>>) -> Self {
        self.limits.steps = limit.into();
        self
    }

    /// Fails a run after this many steps, or as many as it is given anyhow.
    pub(crate) fn at_most_steps(mut self, steps: u64) -> Self {
        let limit = self.limits.steps.map_or(steps, |limit| limit.min(steps));
        self.limits.steps = Some(limit);
        self
    }

    /// Fails a run that makes this many steps while virtual time stands still: ten million, unless
    /// it is set.
    pub fn livelock_after(mut self, steps: u64) -> Self {
        self.limits.livelock = steps;
        self
    }

    /// Fails a run that takes longer than this in real time: five minutes, unless it is set. The
    /// clock is looked at every 4,096 steps, so a single step that hangs is not ended.
    pub fn wall_clock(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.limits.wall = limit.into();
        self
    }

    /// Keeps the events of the run, for [`Run::trace`]. By default only their fingerprint is kept.
    pub fn record(mut self, record: bool) -> Self {
        self.watch.record = record;
        self
    }

    /// Finds out what each step of each task touches, for [`Run::profile`].
    pub fn profile(mut self, profile: bool) -> Self {
        self.watch.profile = profile;
        self
    }

    /// Finds out which steps depend on which, for [`Run::trace_hash`] and [`Run::handoffs`].
    pub fn hash_trace(mut self, hash: bool) -> Self {
        self.watch.order = hash;
        self
    }

    /// Keeps the moves of the run, and finds out which depend on which.
    pub(crate) fn keep_moves(mut self, keep: bool) -> Self {
        (self.watch.moves, self.watch.order) = (keep, keep);
        self
    }

    /// Writes down the decisions of the run, for [`Run::plan`].
    pub fn write_plan(mut self, write: bool) -> Self {
        self.write_plan = write;
        self
    }

    /// Makes every task but the first [eager](crate::task::spawn_eager).
    pub fn eager_tasks(mut self, eager: bool) -> Self {
        self.eager = eager;
        self
    }

    /// Looks for steps that take long in real time and for tasks that were never awaited, and
    /// warns of them through `tracing`.
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = debug;
        self
    }

    /// Starts a [host](crate::host) with every run: a factory of its main future, for it may be
    /// started again.
    ///
    /// ```
    /// use simrun::Sim;
    /// use simrun::net::UdpSocket;
    ///
    /// let sim = Sim::new()
    ///     .host("server", || async {
    ///         let socket = UdpSocket::bind("0.0.0.0:53").await?;
    ///         let mut datagram = [0; 4];
    ///         let (length, client) = socket.recv_from(&mut datagram).await?;
    ///         socket.send_to(&datagram[..length], client).await.map(drop)
    ///     })
    ///     .client("client", || async {
    ///         let socket = UdpSocket::bind("0.0.0.0:0").await?;
    ///         socket.send_to(b"ping", "server:53").await?;
    ///         let mut datagram = [0; 4];
    ///         socket.recv(&mut datagram).await.map(drop)
    ///     });
    /// sim.run_clients().unwrap();
    /// ```
    #[track_caller]
    pub fn host<F, Fut>(self, name: impl Into<Arc<str>>, main: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        self.add_host(name.into(), main, false)
    }

    /// Starts a host with every run that [`run_clients`](Self::run_clients) waits for.
    #[track_caller]
    pub fn client<F, Fut>(self, name: impl Into<Arc<str>>, main: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        self.add_host(name.into(), main, true)
    }

    #[track_caller]
    fn add_host<F, Fut>(mut self, name: Arc<str>, main: F, is_client: bool) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        let main = Arc::new(move || host::main_of(main()));
        let at = std::panic::Location::caller();
        self.hosts.push(HostToStart {
            name,
            main,
            is_client,
            at,
        });
        self
    }

    /// Runs the hosts until all clients have done what they do.
    ///
    /// # Panics
    ///
    /// If a loop is running on this thread.
    #[track_caller]
    pub fn run_clients(&self) -> Run<()> {
        let clients = self.hosts.iter().filter(|host| host.is_client);
        let clients: Vec<Arc<str>> = clients.map(|client| client.name.clone()).collect();
        self.try_run(|| async move {
            for client in clients {
                let client = host::find(&client).expect("it was started with the run");
                client.join().await?;
            }
            Ok::<(), crate::TaskError>(())
        })
    }

    /// Returns the limit on real time.
    pub(crate) fn wall_limit(&self) -> Option<Duration> {
        self.limits.wall
    }

    pub(crate) fn core(&self) -> std::rc::Rc<Core> {
        let mut chance = Chance::new(self.seed);
        if let Some(plan) = self.strategy.plan() {
            chance.follow(plan);
            chance.set_free(self.strategy.freedom());
        }
        if self.write_plan {
            chance.write_plan();
        }
        if let Some((task, step)) = self.strategy.cancels(self.seed) {
            chance.cancel_at(&task, step);
        }
        let chooser = self.strategy.chooser(self.seed);
        let core = Core::new(chance, chooser, self.limits.clone(), self.watch);
        core.eager.set(self.eager);
        core.debug.set(self.debug);
        core
    }

    /// Runs a program: asyncio's `run`. When the main task is done, the other tasks are cancelled
    /// in the order in which they were spawned, and waited for; then the loop is closed.
    ///
    /// # Panics
    ///
    /// If a loop is running on this thread.
    #[track_caller]
    pub fn run<F, Fut>(&self, main: F) -> Run<Fut::Output>
    where
        F: FnOnce() -> Fut,
        Fut: Future + 'static,
        Fut::Output: 'static,
    {
        let at = std::panic::Location::caller();
        self.finish(|core| {
            let main = main();
            spawn_on(core, main, at, false)
        })
    }

    /// Runs a program that may return an error, which fails the run.
    ///
    /// # Panics
    ///
    /// If a loop is running on this thread.
    #[track_caller]
    pub fn try_run<F, Fut, T, E>(&self, main: F) -> Run<T>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>> + 'static,
        T: 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        let at = std::panic::Location::caller();
        self.finish(|core| {
            let main = main();
            crate::task::try_spawn_on(core, main, at, false)
        })
    }

    /// Runs a program whose value nobody needs, as if it had been started `at` that place. A panic
    /// that is not caught within the run fails it too.
    pub(crate) fn run_at<F, Fut>(
        &self,
        main: F,
        at: &'static std::panic::Location<'static>,
    ) -> Run<()>
    where
        F: FnOnce() -> Fut,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        let run = || {
            self.finish(|core| {
                let main = main();
                let main = async move { main.await.ending() };
                crate::task::try_spawn_on(core, main, at, false)
            })
        };
        let inside = crate::panics::Inside::enter();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        drop(inside);
        caught.unwrap_or_else(|payload| {
            let error = crate::TaskError::panicked(payload, crate::panics::take_location());
            let failure = Failure::of_error(error, "main".to_owned(), Instant::default());
            Run {
                seed: self.seed,
                strategy: self.strategy.clone(),
                value: None,
                outcome: Outcome::Failed(failure),
                reports: Vec::new(),
                now: Instant::default(),
                steps: 0,
                fingerprint: 0,
                trace: Trace::default(),
                profile: None,
                trace_hash: None,
                handoffs: Vec::new(),
                shown: Shown::default(),
                plan: Plan::default(),
                unmet: Vec::new(),
                properties: Vec::new(),
                decisions: Vec::new(),
            }
        })
    }

    /// Runs a program of threads: `main` is the first of them. When it has ended, the other threads
    /// are cut off, as they are at the end of a process.
    ///
    /// # Panics
    ///
    /// If a loop is running on this thread.
    ///
    /// ```
    /// use simrun::{Sim, thread};
    ///
    /// let run = Sim::new().run_thread(|| thread::spawn(|| 6 * 7).join().unwrap());
    /// assert_eq!(run.unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn run_thread<F, T>(&self, main: F) -> Run<T>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let at = std::panic::Location::caller();
        self.finish(|core| crate::thread::spawn_main(core, main, at))
    }

    #[track_caller]
    fn finish<T: 'static>(&self, spawn: impl FnOnce(&std::rc::Rc<Core>) -> Task<T>) -> Run<T> {
        let nested = crate::event_loop::core::try_current().is_some_and(|core| core.running.get());
        assert!(
            !nested,
            "a run cannot be started inside a run: await the future instead"
        );
        let event_loop = EventLoop::with(self);
        let main = event_loop.within(|| {
            let core = event_loop.core();
            let main = spawn(core);
            for host in &self.hosts {
                host::add(core, host.name.clone(), host.main.clone(), host.at);
            }
            main
        });
        let mut failure = event_loop.run_until_done(&main).err();
        let name = || event_loop.within(|| main.to_string());
        let value = match event_loop.within(|| main.settle()) {
            Some(Ok(value)) => Some(value),
            Some(Err(error)) => {
                failure = failure.or(Some(Failure::of_error(error, name(), event_loop.time())));
                None
            }
            None => None,
        };
        // After a failure the loop is only taken down: what is left would fail for its sake.
        if failure
            .as_ref()
            .is_none_or(|failure| failure.error().is_some())
        {
            let shut_down = event_loop
                .cancel_all()
                .and_then(|()| event_loop.run_shutdown_hooks());
            failure = failure.or(shut_down.err().map(in_shutdown));
        }
        event_loop.within(|| drop(main));
        event_loop.close();
        let core = event_loop.core();
        if core.was_woken_from_outside() && failure.is_none() {
            let message = "a task of this run was woken from another thread or another run";
            failure = Some(Failure::new(
                FailureKind::Nondeterminism,
                message,
                core.now(),
            ));
        }
        let reports = event_loop.take_reports();
        let mut errors = reports.iter().filter(|report| !report.is_warning());
        let failure = failure
            .or_else(|| core.violation())
            .or_else(|| errors.next().map(unhandled));
        self.conclude(core, value, failure, reports)
    }

    /// Takes what a run has left in its loop, which is closed.
    pub(crate) fn conclude<T>(
        &self,
        core: &Core,
        value: Option<T>,
        failure: Option<Failure>,
        reports: Vec<Report>,
    ) -> Run<T> {
        let state = &mut *core.state.borrow_mut();
        let (trace_hash, mut shown) = state.conclude_moves();
        shown.is_given_up = state.is_given_up;
        Run {
            seed: self.seed,
            strategy: self.strategy.clone(),
            value,
            outcome: failure.map_or(Outcome::Passed, Outcome::Failed),
            reports,
            now: core.now(),
            steps: state.steps,
            fingerprint: state.fingerprint.finish(),
            trace: state.trace.take().unwrap_or_default().seal(),
            profile: state.profile.take().map(Arc::new),
            trace_hash,
            shown,
            handoffs: state
                .handoffs
                .take()
                .map(|handoffs| handoffs.finish())
                .unwrap_or_default(),
            unmet: state.chance.unmet(),
            plan: state.chance.take_plan().unwrap_or_default(),
            properties: state.properties.take(),
            decisions: state.chance.take_decisions(),
        }
    }
}

/// Says of a failure that it happened after the main task was done.
fn in_shutdown(mut failure: Failure) -> Failure {
    failure.message = format!("while the loop was shutting down, {}", failure.message);
    failure
}

/// Makes a failure of something that nobody has looked at.
pub(crate) fn unhandled(report: &Report) -> Failure {
    let mut message = report.message().to_owned();
    if let Some(error) = report.error() {
        message = format!("{message}: {error}");
    }
    let kind = match report.kind() {
        ReportKind::Unfinished => FailureKind::Deadlock,
        _ => FailureKind::Unhandled,
    };
    let mut failure = Failure::new(kind, message, report.at());
    failure.task = report.task().map(ToOwned::to_owned);
    failure.location = report
        .error()
        .and_then(|error| error.location())
        .map(ToOwned::to_owned);
    failure.error = report.error().cloned();
    failure
}

/// What came of a run.
///
/// Its text is the run, one event a line if they were recorded, and the verdict.
#[derive(Debug)]
pub struct Run<T> {
    seed: u64,
    strategy: Strategy,
    value: Option<T>,
    outcome: Outcome,
    reports: Vec<Report>,
    now: Instant,
    steps: u64,
    fingerprint: u64,
    trace: Trace,
    profile: Option<Arc<Profile>>,
    trace_hash: Option<u64>,
    handoffs: Vec<u64>,
    pub(crate) shown: Shown,
    plan: Plan,
    unmet: Vec<Site>,
    properties: Vec<Property>,
    decisions: Vec<Decision>,
}

impl<T> Run<T> {
    /// Returns the seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the strategy.
    pub fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// Returns what the main task returned, if it did.
    pub fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Takes what the main task returned, if it did.
    pub fn into_value(self) -> Option<T> {
        self.value
    }

    /// Returns how the run ended.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Returns what went wrong, if something did.
    pub fn failure(&self) -> Option<&Failure> {
        self.outcome.failure()
    }

    /// Returns the reports that no exception handler has received.
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// Returns the virtual time at the end.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Returns how many steps, callbacks and timers there were.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns a number that two runs share if they did the same things in the same order.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Returns a number that two runs share if they did the same things in the same order, up to
    /// the order of steps that do not depend on each other: the number of the run's *trace*, if it
    /// was [asked for](Sim::hash_trace).
    ///
    /// A step depends on the one before it in its task, on those that it shares a resource with of
    /// which one writes, and on the ends of the tasks that it awaits.
    ///
    /// That is found out for the first 65,536 turns of tasks, callbacks and timers. In a longer
    /// run the [fingerprint](Self::fingerprint) stands for the rest.
    ///
    /// ```
    /// use simrun::sync::Tracked;
    /// use simrun::{Sim, Strategy, spawn};
    /// use std::collections::BTreeSet;
    ///
    /// async fn two_pairs_of_writers() {
    ///     let cells = [(); 2].map(|()| std::sync::Arc::new(Tracked::new(0)));
    ///     let writers = cells.into_iter().flat_map(|cell| [(cell.clone(), 1), (cell, 2)]);
    ///     let write = |(cell, value): (std::sync::Arc<Tracked<i32>>, i32)| {
    ///         spawn(async move { cell.write(|cell| *cell = value) })
    ///     };
    ///     for writer in writers.map(write).collect::<Vec<_>>() {
    ///         writer.await.unwrap();
    ///     }
    /// }
    ///
    /// let sim = Sim::new().strategy(Strategy::random()).hash_trace(true);
    /// let runs = || (0..500).map(|seed| sim.clone().seed(seed).run(two_pairs_of_writers));
    /// let traces: BTreeSet<u64> = runs().map(|run| run.trace_hash().unwrap()).collect();
    /// let orders: BTreeSet<u64> = runs().map(|run| run.fingerprint()).collect();
    /// assert!(traces.len() < orders.len() / 2);
    /// ```
    pub fn trace_hash(&self) -> Option<u64> {
        self.trace_hash
    }

    /// Returns the hand-offs of the run, each as a number, if they were
    /// [asked for](Sim::hash_trace): that one task has touched a resource right after another one
    /// had. The tasks, the resource, and whether each has read or written make the number, so runs
    /// of one program have hand-offs in common.
    pub fn handoffs(&self) -> &[u64] {
        &self.handoffs
    }

    /// Returns what the run shows of the program, if it was [asked for](Sim::profile).
    pub fn profile(&self) -> Option<&Arc<Profile>> {
        self.profile.as_ref()
    }

    /// Returns the events, if they were [recorded](Sim::record).
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Returns the decisions, if they were [written down](Sim::write_plan).
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns what is known of the decisions, if they were written down and events recorded.
    pub(crate) fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// Returns the sites of a replayed plan at which the program has left it: they never came up,
    /// or what they call for was not possible.
    pub fn diverged(&self) -> &[Site] {
        &self.unmet
    }

    /// Returns the [properties](crate::assure) that the run came to, by name.
    ///
    /// ```
    /// use simrun::{Sim, reachable};
    ///
    /// let run = Sim::new().run(|| async { reachable!("the end") });
    /// let property = &run.properties()[0];
    /// assert_eq!((property.name(), property.holds()), ("the end", 1));
    /// ```
    pub fn properties(&self) -> &[Property] {
        &self.properties
    }

    /// Returns what the main task returned.
    ///
    /// # Panics
    ///
    /// If the run failed, with the report of the failure.
    #[track_caller]
    pub fn unwrap(self) -> T {
        match (self.outcome, self.value) {
            (Outcome::Passed, Some(value)) => value,
            (Outcome::Failed(failure), _) => panic!(
                "{failure}\n\nseed {}, strategy {}, fingerprint {:016x}",
                self.seed, self.strategy, self.fingerprint
            ),
            (Outcome::Passed, None) => unreachable!("a run that passed has a value"),
        }
    }
}

impl<T> fmt::Display for Run<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.trace)?;
        writeln!(f, "{}", self.outcome)?;
        write!(
            f,
            "seed {}, strategy {}, {} of virtual time, {} steps, fingerprint {:016x}",
            self.seed, self.strategy, self.now, self.steps, self.fingerprint
        )
    }
}

/// Runs a program in asyncio's order and returns what it returns. See [`Sim::run`].
///
/// # Panics
///
/// If the run fails, with the report of the failure.
///
/// ```
/// assert_eq!(simrun::run(async { 6 * 7 }), 42);
/// ```
#[track_caller]
pub fn run<F>(main: F) -> F::Output
where
    F: Future + 'static,
    F::Output: 'static,
{
    Sim::new().run(|| main).unwrap()
}
