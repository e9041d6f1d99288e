//! Task-locals: values that belong to a task and that its children inherit by copy.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use super::core;

/// One value of a context, and the key it is kept under.
type Binding = (usize, Rc<dyn Any>);

/// A context: the task-local values in force. Sharing it is cheap, changing it copies it.
#[derive(Clone, Default)]
pub(crate) struct Locals(Option<Rc<Vec<Binding>>>);

impl Locals {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn get(&self, key: usize) -> Option<Rc<dyn Any>> {
        let bindings = self.0.as_ref()?;
        bindings
            .iter()
            .find(|(other, _)| *other == key)
            .map(|(_, value)| value.clone())
    }

    fn set(&mut self, key: usize, value: Rc<dyn Any>) -> Option<Rc<dyn Any>> {
        let bindings = Rc::make_mut(self.0.get_or_insert_default());
        match bindings.iter_mut().find(|(other, _)| *other == key) {
            Some((_, old)) => Some(std::mem::replace(old, value)),
            None => {
                bindings.push((key, value));
                None
            }
        }
    }
}

/// A task-local value, declared with [`task_local!`](crate::task_local!).
///
/// A task sees the value its creator had when it spawned the task; what it sets is seen by itself
/// and the tasks it spawns from then on. Callbacks get the values of the moment they were queued.
///
/// ```
/// use simrun::task;
///
/// simrun::task_local! {
///     static REQUEST: u32 = 0;
/// }
///
/// # simrun::run(async {
/// REQUEST.set(7);
/// let child = task::spawn(async {
///     let inherited = REQUEST.get();
///     REQUEST.set(8);
///     inherited
/// });
/// assert_eq!(child.await.unwrap(), 7);
/// assert_eq!(REQUEST.get(), 7);
/// # });
/// ```
pub struct TaskLocal<T: 'static> {
    default: fn() -> T,
}

impl<T: Clone + 'static> TaskLocal<T> {
    #[doc(hidden)]
    pub const fn new(default: fn() -> T) -> Self {
        Self { default }
    }

    // The address tells one static from another and goes nowhere else.
    fn key(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Returns the value in force here.
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub fn get(&'static self) -> T {
        let value = core::current().with_locals(|locals| locals.get(self.key()));
        match value.as_deref().and_then(<dyn Any>::downcast_ref::<T>) {
            Some(value) => value.clone(),
            None => (self.default)(),
        }
    }

    /// Sets the value for this task and those it will spawn.
    ///
    /// # Panics
    ///
    /// Outside a run.
    #[track_caller]
    pub fn set(&'static self, value: T) {
        let value: Rc<dyn Any> = Rc::new(value);
        // The old value is dropped out here, where its drop may use the loop.
        let _old = core::current().with_locals(|locals| locals.set(self.key(), value));
    }
}

impl<T> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocal").finish_non_exhaustive()
    }
}

/// Declares task-local values: see [`TaskLocal`](crate::task::TaskLocal).
///
/// ```
/// use simrun::time::{Instant, now};
///
/// simrun::task_local! {
///     /// Which request is being served.
///     pub static REQUEST: Option<u32> = None;
///     static BEGAN: Instant = now();
/// }
///
/// # simrun::run(async {
/// assert_eq!(REQUEST.get(), None);
/// REQUEST.set(Some(7));
/// assert_eq!((REQUEST.get(), BEGAN.get()), (Some(7), Instant::ZERO));
/// # });
/// ```
#[macro_export]
macro_rules! task_local {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $default:expr;)+) => {
        $($(#[$attribute])* $visibility static $name: $crate::task::TaskLocal<$type> =
            $crate::task::TaskLocal::new(|| $default);)+
    };
}
