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
