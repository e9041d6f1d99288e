//! What threads share and wait for: `std::sync`, for simulated threads.
//!
//! Everything here is called what `std` calls it and behaves as it does there, so code can be
//! tested by changing its imports. What `std` leaves open is left to the strategy: who gets a mutex
//! that many wait for, whom [`Condvar::notify_one`] wakes. Each operation is a point at which the
//! thread can be interrupted; atomics are [sequentially consistent](atomic).
//!
//! Tasks can use whatever need not wait: send over an unbounded channel, lock a mutex that is free,
//! notify. What would have to wait panics there. Outside a run, everything works that need not
//! wait, so a test can look at what a run has left; but what was used in a run belongs to it.
//!
//! ```
//! use simrun::thread::sync::{Arc, Condvar, Mutex, mpsc};
//! use simrun::{Sim, thread};
//!
//! let run = Sim::new().run_thread(|| {
//!     let open = Arc::new((Mutex::new(false), Condvar::new()));
//!     let (sender, came) = mpsc::channel();
//!     for guest in ["ada", "bob"] {
//!         let (open, sender) = (open.clone(), sender.clone());
//!         thread::spawn(move || {
//!             let (door, opened) = &*open;
//!             let guard = opened.wait_while(door.lock().unwrap(), |open| !*open);
//!             drop(guard);
//!             sender.send(guest).unwrap();
//!         });
//!     }
//!     drop(sender);
//!     let (door, opened) = &*open;
//!     *door.lock().unwrap() = true;
//!     opened.notify_all();
//!     came.iter().count()
//! });
//! assert_eq!(run.unwrap(), 2);
//! ```

pub mod atomic;
mod barrier;
mod condvar;
pub mod hint;
mod lazy_lock;
mod line;
pub mod mpsc;
mod mutex;
mod once;
mod once_lock;
pub mod oneshot;
mod poison;
mod rwlock;

pub use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak};

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use lazy_lock::LazyLock;
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceState};
pub use once_lock::OnceLock;
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
