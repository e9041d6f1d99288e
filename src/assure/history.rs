//! Histories: who asked for what and when, and what came of it.
//!
//! What happens in a run happens in one order, so the order in which calls and returns are written
//! down is exact even where virtual time stands still. An operation precedes another if it has
//! returned before the other was called; otherwise both were under way at one time.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::event_loop::core;
use crate::time::Instant;

/// The operations that clients have called on something, such as a store, as they saw them.
///
/// It is a handle: its clones are the same history, and clients on all hosts can have one. Whoever
/// has one outside the run can look at it when the run is over. Writing into it changes nothing in
/// the run. It can be checked with [`check`](Self::check).
///
/// Its text is one line an operation, in the order of the calls.
///
/// ```
/// use simrun::assure::History;
/// use simrun::time;
///
/// let history = History::new();
/// let kept = history.clone();
/// simrun::run(async move {
///     let write = history.invoke("alice", "write 1");
///     time::sleep(time::millis(5)).await;
///     write.returns("done");
///     let _lost = history.invoke("alice", "write 2");
///     history.invoke("bob", "read").fails();
/// });
/// let lines = [
///     "        0ns ..         5ms  alice     \"write 1\" -> \"done\"",
///     "        5ms ..           ?  alice     \"write 2\"",
///     "        5ms ..         5ms  bob       \"read\" fails",
///     "",
/// ];
/// assert_eq!(kept.to_string(), lines.join("\n"));
/// ```
pub struct History<Op, Ret> {
    shared: Arc<Mutex<Shared<Op, Ret>>>,
}

struct Shared<Op, Ret> {
    operations: Vec<Operation<Op, Ret>>,
    /// How many calls and returns there were.
    moments: u64,
}

/// One operation of a [`History`].
///
/// ```
/// use simrun::assure::History;
///
/// let history = History::new();
/// history.invoke("alice", "write").returns(7);
/// history.invoke("bob", "read").fails();
/// let [write, read] = &history.operations()[..] else { panic!("there are two") };
/// assert_eq!((write.client(), write.op(), write.ret()), ("alice", &"write", Some(&7)));
/// assert_eq!((read.called(), read.returned()), (3, None));
/// ```
#[derive(Clone, Debug)]
pub struct Operation<Op, Ret> {
    client: Arc<str>,
    task: Option<Arc<str>>,
    op: Op,
    called: Moment,
    ending: Ending<Ret>,
    ended: Option<Moment>,
}

/// When something was written down: the virtual time, and its number in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    at: Instant,
    number: u64,
}

/// What came of an [`Operation`].
///
/// ```
/// use simrun::assure::{Ending, History};
///
/// let history = History::new();
/// history.invoke("a", "write 1").returns("done");
/// history.invoke("a", "write 2").fails();
/// drop(history.invoke("a", "write 3"));
/// let endings = history.operations().into_iter().map(|operation| operation.ending().clone());
/// let endings: Vec<Ending<&str>> = endings.collect();
/// assert_eq!(endings, [Ending::Returned("done"), Ending::Failed, Ending::Open]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending<Ret> {
    /// It returned this.
    Returned(Ret),
    /// It has surely not happened.
    Failed,
    /// Nobody knows: it may have happened, may happen later, or never.
    Open,
}

impl<Op, Ret> History<Op, Ret> {
    /// Makes a history without operations.
    pub fn new() -> Self {
        let shared = Shared {
            operations: Vec::new(),
            moments: 0,
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// Writes down that a client calls an operation. As long as the [`Call`] says nothing else, the
    /// operation is [open](Ending::Open).
    pub fn invoke(&self, client: impl fmt::Display, op: Op) -> Call<Op, Ret> {
        let task = core::try_current().and_then(|core| {
            let state = core.state.borrow();
            state.current.map(|slot| state.name(slot).into())
        });
        let client = client.to_string().into();
        let mut shared = self.shared();
        let called = shared.moment();
        shared.operations.push(Operation {
            client,
            task,
            op,
            called,
            ending: Ending::Open,
            ended: None,
        });
        Call {
            index: shared.operations.len() - 1,
            history: self.clone(),
        }
    }

    /// Returns how many operations were called.
    pub fn len(&self) -> usize {
        self.shared().operations.len()
    }

    /// Says whether none was called.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the operations, in the order in which they were called.
    pub fn operations(&self) -> Vec<Operation<Op, Ret>>
    where
        Op: Clone,
        Ret: Clone,
    {
        self.shared().operations.clone()
    }

    fn shared(&self) -> MutexGuard<'_, Shared<Op, Ret>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Op, Ret> Shared<Op, Ret> {
    fn moment(&mut self) -> Moment {
        self.moments += 1;
        let at = core::try_current().map_or(Instant::ZERO, |core| core.now());
        Moment {
            at,
            number: self.moments,
        }
    }
}

impl<Op, Ret> Clone for History<Op, Ret> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<Op, Ret> Default for History<Op, Ret> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Op, Ret> fmt::Debug for History<Op, Ret> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.len();
        f.debug_struct("History")
            .field("operations", &operations)
            .finish_non_exhaustive()
    }
}

impl<Op: Clone + fmt::Debug, Ret: Clone + fmt::Debug> fmt::Display for History<Op, Ret> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What formats them may be the program's own, and may look at the history.
        let mut operations = self.operations().into_iter();
        operations.try_for_each(|operation| writeln!(f, "{operation}"))
    }
}

/// An operation that was called. Dropping it says nothing: the operation stays
/// [open](Ending::Open).
///
/// ```
/// use simrun::assure::{History, Register, RegisterOp::*, RegisterRet::*};
///
/// let history = History::new();
/// let write = history.invoke("a", Write(1));
/// // While the call is open, a read may see either value.
/// history.invoke("b", Read).returns(Value(0));
/// write.returns(Done);
/// // Once it has returned, only the new one.
/// history.invoke("b", Read).returns(Value(1));
/// history.assert_linearizable(&Register::new(0));
/// ```
#[must_use = "an operation that never returns may have happened or not"]
pub struct Call<Op, Ret> {
    history: History<Op, Ret>,
    index: usize,
}

impl<Op, Ret> Call<Op, Ret> {
    /// Writes down what the operation has returned.
    pub fn returns(self, ret: Ret) {
        self.ends(Ending::Returned(ret));
    }

    /// Writes down that the operation has surely not happened and will not happen: it was refused,
    /// or never sent. If that is not sure, drop the call instead.
    pub fn fails(self) {
        self.ends(Ending::Failed);
    }

    fn ends(self, ending: Ending<Ret>) {
        let mut shared = self.history.shared();
        let ended = shared.moment();
        let operation = &mut shared.operations[self.index];
        operation.ending = ending;
        operation.ended = Some(ended);
    }
}

impl<Op, Ret> fmt::Debug for Call<Op, Ret> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("index", &self.index).finish()
    }
}

impl<Op, Ret> Operation<Op, Ret> {
    /// Returns who called it.
    pub fn client(&self) -> &str {
        &self.client
    }

    /// Returns the name of the task that called it, with its host, if it was one.
    pub fn task(&self) -> Option<&str> {
        self.task.as_deref()
    }

    /// Returns what was called.
    pub fn op(&self) -> &Op {
        &self.op
    }

    /// Returns what came of it.
    pub fn ending(&self) -> &Ending<Ret> {
        &self.ending
    }

    /// Returns what it returned, if it did.
    pub fn ret(&self) -> Option<&Ret> {
        match &self.ending {
            Ending::Returned(ret) => Some(ret),
            Ending::Failed | Ending::Open => None,
        }
    }

    /// Returns when it was called.
    pub fn called_at(&self) -> Instant {
        self.called.at
    }

    /// Returns when it returned or failed, if it did.
    pub fn ended_at(&self) -> Option<Instant> {
        self.ended.map(|moment| moment.at)
    }

    /// Returns the number of its call among all calls and ends of the history, which says exactly
    /// what came before what.
    pub fn called(&self) -> u64 {
        self.called.number
    }

    /// Returns the number of its return among them, if it returned.
    pub fn returned(&self) -> Option<u64> {
        self.ret().and(self.ended).map(|moment| moment.number)
    }
}

impl<Op: fmt::Debug, Ret: fmt::Debug> Operation<Op, Ret> {
    /// Returns the operation and what came of it, without who and when.
    pub(super) fn words(&self) -> String {
        match &self.ending {
            Ending::Returned(ret) => format!("{:?} -> {ret:?}", self.op),
            Ending::Failed => format!("{:?} fails", self.op),
            Ending::Open => format!("{:?}", self.op),
        }
    }
}

impl<Op: fmt::Debug, Ret: fmt::Debug> fmt::Display for Operation<Op, Ret> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = self.ended_at().map_or("?".to_owned(), |at| at.to_string());
        write!(
            f,
            "{:>11} .. {ended:>11}  {:<8}  {}",
            self.called_at().to_string(),
            self.client,
            self.words()
        )
    }
}
