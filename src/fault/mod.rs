//! Faults: what goes wrong by plan, on a timeline or drawn from the seed.
//!
//! Every fault that is drawn is a decision of its own, with a name and a number that do not depend
//! on the others, so that it can be taken out of a plan and the rest still happens. What
//! [shrinks](crate::explore) a failing run does that, until only the faults are left that matter.
//!
//! | what goes wrong | where it is said |
//! |---|---|
//! | a certain thing at a certain time | [`Timeline`] |
//! | crashes, pauses, partitions, at random | [`Faults`] |
//! | in the program itself: a short read, a cold cache | [`buggify!`](crate::buggify) |
//! | packets: lost, late, doubled, overtaken | [`net::Link`](crate::net::Link) |
//! | processes: not spawned, killed | [`process::Faults`](crate::process::Faults) |
//! | names: unknown, slow to look up | [`net::set_lookup_failing`], [`net::set_lookup_delay`] |
//! | disks: writes that do not survive | [`host::disk`](crate::host::disk) |
//! | clocks | [`host::Skew`](crate::host::Skew) |
//! | tasks: slow, cancelled | [`Strategy::starve`], [`Strategy::cancel_sweep`] |
//!
//! [`net::set_lookup_failing`]: crate::net::set_lookup_failing
//! [`net::set_lookup_delay`]: crate::net::set_lookup_delay
//! [`Strategy::starve`]: crate::Strategy::starve
//! [`Strategy::cancel_sweep`]: crate::Strategy::cancel_sweep
//!
//! # The pattern
//!
//! Let things go wrong for a while, look at what must hold *always* meanwhile, and when everything
//! is well again, at what must hold *in the end*: a test that only does the first is passed by a
//! program that has stopped.
//!
//! ```
//! use simrun::fault::Faults;
//! use simrun::net::{self, StreamReader, StreamWriter};
//! use simrun::time::{millis, secs, sleep, timeout};
//! use simrun::Sim;
//!
//! async fn ask() -> std::io::Result<Vec<u8>> {
//!     let (mut reader, _writer) = net::open_connection("server:80").await?;
//!     reader.read_to_end().await
//! }
//!
//! let sim = Sim::new()
//!     .write_plan(true)
//!     .host("server", || async {
//!         let greet = |_: StreamReader, writer: StreamWriter| async move {
//!             writer.write(b"hello");
//!             writer.close();
//!         };
//!         let server = net::start_server(greet, "0.0.0.0:80").await?;
//!         server.serve_forever().await.map(drop)
//!     })
//!     .client("client", || async {
//!         let faults = Faults::among(["server", "client"]).partitions(0.2);
//!         faults.lasting(millis(10), secs(2)).until(secs(30)).start();
//!         for _ in 0..30 {
//!             match timeout(secs(1), ask()).await {
//!                 Ok(Ok(answer)) => assert_eq!(answer, b"hello", "always"),
//!                 _ => {} // it will ask again
//!             }
//!             sleep(secs(1)).await;
//!         }
//!         sleep(secs(30)).await;
//!         assert_eq!(ask().await.unwrap(), b"hello", "in the end");
//!     });
//! for seed in 0..5 {
//!     let run = sim.clone().seed(seed).run_clients();
//!     assert!(run.plan().to_string().contains("partition of server and client"));
//!     run.unwrap();
//! }
//! ```
//!
//! # What goes wrong with faults
//!
//! - **Too many at once** and nothing is tested but the outage: say how many hosts may be
//!   [down at once](Faults::at_most_down), fewer than the program survives.
//! - **Faults for ever** and nothing can be asked of the end: say [until when](Faults::until).
//! - **A fault that never strikes** proves nothing. The run's plan, if it is
//!   [written down](crate::Sim::write_plan), names each one that has struck.
//! - **In asyncio's order with seed 0** faults are drawn all the same: only an empty plan has none.

mod drawn;
mod timeline;

pub use drawn::Faults;
#[cfg(feature = "cli")]
pub(crate) use drawn::{Drawn, listen};
pub use timeline::Timeline;

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::chance::{TaskPath, decide_fault};
use crate::event_loop::core;

/// How probable it is that a point is active in a run, and that an active one fires.
const ACTIVE: f64 = 0.25;
const FIRES: f64 = 0.25;

/// Which points are active in a run.
#[derive(Default)]
struct Points(RefCell<BTreeMap<String, bool>>);

/// Says whether something unusual happens at a point of the program: see
/// [`buggify!`](crate::buggify!).
///
/// ```
/// use simrun::fault::is_buggy;
///
/// /// Reads up to so many bytes; sometimes fewer than there are, which is allowed.
/// fn read(buffer: &[u8], most: usize) -> &[u8] {
///     let most = if is_buggy("short read") { 1 } else { most };
///     &buffer[..most.min(buffer.len())]
/// }
///
/// assert_eq!(read(b"hello", 4), b"hell", "outside a run nothing happens");
/// ```
#[must_use]
pub fn is_buggy(name: &str) -> bool {
    is_buggy_with(name, FIRES)
}

/// Says whether something unusual happens at a point that fires with this probability if it is
/// active.
///
/// ```
/// use simrun::Sim;
/// use simrun::fault::is_buggy_with;
///
/// let fires = |seed| Sim::new().seed(seed).run(|| async { is_buggy_with("always", 1.0) });
/// let fired = (0..100).filter(|seed| fires(*seed).unwrap()).count();
/// assert!((10..40).contains(&fired), "the point is active in a quarter of the runs");
/// ```
#[must_use]
pub fn is_buggy_with(name: &str, probability: f64) -> bool {
    let Some(core) = core::try_current() else {
        return false;
    };
    let points = core.extension::<Points>();
    let known = points.0.borrow().get(name).copied();
    let is_active = known.unwrap_or_else(|| {
        let what = format!("{name} is active");
        let is_active = decide_fault(&core, TaskPath::default(), &what, 1, ACTIVE) == 1;
        points.0.borrow_mut().insert(name.to_owned(), is_active);
        is_active
    });
    is_active && decide_fault(&core, TaskPath::default(), name, 1, probability) == 1
}

/// Says whether something unusual, but allowed, is to happen here: a short read, a full buffer, a
/// slow path.
///
/// A point is active in a quarter of the runs, and then fires a quarter of the times it is reached,
/// or with the probability that is given. Both are decisions of the plan, and by default nothing
/// happens; outside a run nothing ever does, so such points may stay in programs.
///
/// ```
/// use simrun::{Sim, buggify};
///
/// let fired = (0..200).filter(|seed| {
///     let run = Sim::new().seed(*seed).run(|| async { buggify!("the cache is cold") });
///     run.unwrap()
/// });
/// assert!((1..50).contains(&fired.count()));
/// assert!(!buggify!("outside a run"));
/// ```
#[macro_export]
macro_rules! buggify {
    ($name:expr) => {
        $crate::fault::is_buggy($name)
    };
    ($name:expr, $probability:expr) => {
        $crate::fault::is_buggy_with($name, $probability)
    };
}
