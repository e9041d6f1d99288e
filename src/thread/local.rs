//! Thread-locals: values of which every thread has its own.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use super::fiber;
use crate::event_loop::core;

type Value = Rc<dyn Any>;

/// The thread-local values of one thread, each under the address of its key.
#[derive(Clone, Default)]
pub(crate) struct Locals(Rc<RefCell<Vec<(usize, Value)>>>);

impl Locals {
    fn get(&self, key: usize) -> Option<Value> {
        let values = self.0.borrow();
        let found = values.iter().find(|(other, _)| *other == key);
        found.map(|(_, value)| value.clone())
    }

    fn set(&self, key: usize, value: Value) {
        self.0.borrow_mut().push((key, value));
    }

    /// Exchanges the values for others until the guard is dropped.
    pub(super) fn exchange<'a>(&'a self, other: &'a Self) -> Exchanged<'a> {
        self.0.swap(&other.0);
        Exchanged(self, other)
    }

    /// Drops the values, the last one first. One that is used while it is dropped is made anew, and
    /// goes with the thread's stack.
    fn clear(&self) {
        let values = self.0.take();
        values.into_iter().rev().for_each(drop);
    }
}

/// Values that are exchanged for others.
pub(super) struct Exchanged<'a>(&'a Locals, &'a Locals);

impl Drop for Exchanged<'_> {
    fn drop(&mut self) {
        self.0.0.swap(&self.1.0);
    }
}

/// The thread-locals of the thread on which the loop itself runs.
#[derive(Default)]
struct OfTheLoop(Locals);

/// Drops the values of the thread that ends here.
pub(super) fn end_of_thread() {
    if let Some(link) = fiber::current() {
        link.locals.clear();
    }
}

fn current() -> Locals {
    match fiber::current() {
        Some(link) => link.locals.clone(),
        None => core::current().extension::<OfTheLoop>().0.clone(),
    }
}

/// A thread-local value, declared with [`thread_local!`](crate::thread_local!): `std`'s, for
/// simulated threads. All tasks of a run share the values of the loop's own thread.
///
/// ```
/// use simrun::thread;
/// use std::cell::Cell;
///
/// simrun::thread_local! {
///     static COUNT: Cell<u32> = Cell::new(7);
/// }
///
/// # simrun::run(async {
/// COUNT.set(8);
/// let other = thread::spawn(|| COUNT.get());
/// assert_eq!(other.await.unwrap(), 7);
/// assert_eq!(COUNT.get(), 8);
/// # });
/// ```
pub struct LocalKey<T: 'static> {
    init: fn() -> T,
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn new(init: fn() -> T) -> Self {
        Self { init }
    }

    /// Looks at the thread's value, which is made when the thread first does.
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub fn with<R>(&'static self, look: impl FnOnce(&T) -> R) -> R {
        // The address tells one key from another and goes nowhere else.
        let key = std::ptr::from_ref(self).addr();
        let locals = current();
        let value = locals.get(key).unwrap_or_else(|| {
            let value: Value = Rc::new((self.init)());
            locals.set(key, value.clone());
            value
        });
        look(value.downcast_ref().expect("a key has one type"))
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the value.
    #[track_caller]
    pub fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    /// Returns a copy of the value.
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes the value and leaves the default.
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Replaces the value and returns the old one.
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Looks at the value in the cell.
    #[track_caller]
    pub fn with_borrow<R>(&'static self, look: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| look(&cell.borrow()))
    }

    /// Changes the value in the cell.
    #[track_caller]
    pub fn with_borrow_mut<R>(&'static self, change: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| change(&mut cell.borrow_mut()))
    }

    /// Sets the value.
    #[track_caller]
    pub fn set(&'static self, value: T) {
        self.replace(value);
    }

    /// Takes the value and leaves the default.
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Replaces the value and returns the old one.
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// Declares thread-local values of simulated threads: see [`LocalKey`](crate::thread::LocalKey).
///
/// ```
/// use simrun::thread;
/// use std::cell::RefCell;
///
/// simrun::thread_local! {
///     static WORDS: RefCell<Vec<&'static str>> = RefCell::new(Vec::new());
/// }
///
/// # simrun::run(async {
/// WORDS.with_borrow_mut(|words| words.push("mine"));
/// let theirs = thread::spawn(|| WORDS.take());
/// assert!(theirs.await.unwrap().is_empty());
/// assert_eq!(WORDS.take(), ["mine"]);
/// # });
/// ```
#[macro_export]
macro_rules! thread_local {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $init:expr;)+) => {
        $($(#[$attribute])* $visibility static $name: $crate::thread::LocalKey<$type> =
            $crate::thread::LocalKey::new(|| $init);)+
    };
}
