//! What must be true of a program, what counts as a failure, and how both are told.
//!
//! # Properties
//!
//! A program says what is true of it where it can be seen: what must [always](always!) hold, what
//! must hold [sometimes](sometimes!), which places are [reached](reachable!) and which
//! [never](unreachable!). The first exception to what must hold always fails the run. What must
//! happen sometimes is counted in [`Run::properties`](crate::Run::properties), by name: over many
//! runs, a property that never held says that the test does not test what it is thought to.
//!
//! ```
//! use simrun::{Sim, Strategy, always, gather, sometimes, spawn, sync::Lock, task};
//! use std::sync::Arc;
//!
//! async fn deposits() {
//!     let balance = Arc::new(Lock::new(0));
//!     let deposit = |_| {
//!         let balance = balance.clone();
//!         spawn(async move {
//!             sometimes!(balance.is_locked(), "deposits meet");
//!             let mut balance = balance.acquire().await;
//!             let before = *balance;
//!             task::yield_now().await;
//!             *balance = before + 10;
//!             always!(*balance > before, "deposits add up", before = before, after = *balance);
//!         })
//!     };
//!     gather((0..3).map(deposit)).await.unwrap();
//! }
//!
//! let run = Sim::new().strategy(Strategy::random()).run(deposits);
//! assert!(run.failure().is_none());
//! assert!(run.properties().iter().all(|property| property.is_met()));
//! ```
//!
//! # Histories
//!
//! What a store or a queue must do is hard to say from within. From outside it is simple: what its
//! clients see must be what one copy could have shown that does one thing after another. A
//! [`History`] writes down what they call and what they get, also across hosts;
//! [`History::check`] looks for an order that explains it, by a [`Model`]. There are models of a
//! [`Register`], a [`Queue`], a store of [`KeyValue`]s and a [`Set`], and a model of one's own is a
//! state and a step.
//!
//! A client that gets no answer drops its [`Call`]: the operation may have happened or not. Here a
//! client reads from a copy that lags behind:
//!
//! ```
//! use simrun::assure::{History, Register, RegisterOp::*, RegisterRet::*};
//! use simrun::{spawn, time};
//! use std::{cell::Cell, rc::Rc};
//!
//! let history = History::new();
//! let seen = history.clone();
//! simrun::run(async move {
//!     let copy = Rc::new(Cell::new(0));
//!     let write = history.invoke("alice", Write(1));
//!     let behind = copy.clone();
//!     spawn(async move {
//!         time::sleep(time::millis(10)).await;
//!         behind.set(1);
//!     })
//!     .detach();
//!     time::sleep(time::millis(5)).await;
//!     write.returns(Done);
//!     history.invoke("bob", Read).returns(Value(copy.get()));
//! });
//! let text = "\
//! not linearizable
//! no order explains all that had returned by 5ms, when bob got Read -> Value(0)
//!
//!   alice  |1-|
//!   bob          |2-|
//!
//! the longest order is
//!    1  alice  Write(1) -> Done  0ns to 5ms
//! in the state 1 this cannot come next:
//!    2  bob    Read -> Value(0)  5ms to 5ms
//! ";
//! assert_eq!(seen.check(&Register::new(0)).to_string(), text);
//! ```

pub(crate) mod claim;
mod deadlock;
mod history;
mod linear;
mod macros;
mod outcome;
mod property;
pub(crate) mod quantity;

pub use deadlock::{Blocked, Deadlock};
pub use history::{Call, Ending, History, Operation};
pub use linear::{
    AnyOf, Append, Choices, Counterexample, KeyValue, KeyValueOp, KeyValueRet, Linearizability,
    Model, Queue, QueueOp, QueueRet, Register, RegisterOp, RegisterRet, Set, SetOp,
};
pub use outcome::{Failure, FailureKey, FailureKind, Outcome};
pub(crate) use property::Properties;
pub use property::{Property, PropertyKind};
pub use quantity::{Extreme, Quantity};

#[doc(inline)]
pub use crate::__unreachable as unreachable;
pub use crate::{
    always, always_at_least, always_at_most, always_greater_than, always_less_than, reachable,
    sometimes, sometimes_at_least, sometimes_at_most, sometimes_greater_than, sometimes_less_than,
};
