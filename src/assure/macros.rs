//! The macros with which a program says what is true of it.

/// Says that a condition holds whenever this is reached. If it does not, the run fails at once,
/// with the property's name as the key of the [failure](crate::assure::Failure), and the task
/// panics. Outside a run it panics, as `assert!` does.
///
/// Values that help to understand a failure follow the name, as `name = value` pairs or as text
/// with its arguments.
///
/// ```
/// use simrun::{Sim, always, spawn};
///
/// let run = Sim::new().run(|| async {
///     let leaders = 2;
///     // Nobody looks at what becomes of the task, and yet the run fails.
///     let _ = spawn(async move { always!(leaders < 2, "one leader", leaders = leaders) }).await;
/// });
/// let failure = run.failure().unwrap();
/// assert_eq!(failure.message(), "`one leader` must always hold, and does not: leaders = 2");
/// assert_eq!(failure.key().to_string(), "property one leader");
/// ```
#[macro_export]
macro_rules! always {
    ($holds:expr, $name:expr $(, $($details:tt)*)?) => {
        $crate::private::claim(
            $crate::assure::PropertyKind::Always,
            $holds,
            $name,
            $crate::__details!($($($details)*)?),
        )
    };
}

/// Says that a condition holds at least once, in some run of a campaign. It never fails a run: it
/// counts, in [`Run::properties`](crate::Run::properties), how often it was looked at and how often
/// it held. Outside a run it does nothing.
///
/// A test that only ever sees an empty queue proves little. This is how it says so.
///
/// ```
/// use simrun::{Sim, sometimes};
///
/// let run = Sim::new().run(|| async { sometimes!(2 + 2 == 5, "arithmetic is broken") });
/// let property = &run.properties()[0];
/// assert_eq!((property.name(), property.evaluations()), ("arithmetic is broken", 1));
/// assert!(!property.is_met());
/// ```
#[macro_export]
macro_rules! sometimes {
    ($holds:expr, $name:expr $(, $($details:tt)*)?) => {
        $crate::private::claim(
            $crate::assure::PropertyKind::Sometimes,
            $holds,
            $name,
            $crate::__details!($($($details)*)?),
        )
    };
}

/// Says that this place is reached, in some run of a campaign. Outside a run it does nothing.
///
/// ```
/// use simrun::{Sim, reachable};
///
/// let run = |space: u64| Sim::new().run(move || async move {
///     if space < 10 {
///         reachable!("a full disk is handled", space = space);
///     }
/// });
/// assert!(run(9).properties()[0].is_met());
/// // Nothing is known of a place that the run has not come to.
/// assert!(run(10).properties().is_empty());
/// ```
#[macro_export]
macro_rules! reachable {
    ($name:expr $(, $($details:tt)*)?) => {
        $crate::private::claim(
            $crate::assure::PropertyKind::Reachable,
            true,
            $name,
            $crate::__details!($($($details)*)?),
        )
    };
}

/// Says that this place is never reached. If it is, the run fails at once, as with
/// [`always!`](crate::always!), and the task panics; outside a run it panics.
///
/// It has no name at the crate's root, where it could be mistaken for that of `std`.
///
/// ```
/// use simrun::{Sim, assure};
///
/// let run = Sim::new().run(|| async { assure::unreachable!("a dead end", turns = 3) });
/// let failure = run.failure().unwrap();
/// assert_eq!(failure.message(), "`a dead end` must never be reached: turns = 3");
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __unreachable {
    ($name:expr $(, $($details:tt)*)?) => {
        $crate::private::claim(
            $crate::assure::PropertyKind::Unreachable,
            false,
            $name,
            $crate::__details!($($($details)*)?),
        )
    };
}

/// What follows a property's name.
#[doc(hidden)]
#[macro_export]
macro_rules! __details {
    () => {
        ::std::format_args!("")
    };
    ($($key:ident = $value:expr),+ $(,)?) => {
        ::std::format_args!(
            ::std::concat!($(::std::stringify!($key), " = {:?}, "),+),
            $($value),+
        )
    };
    ($($text:tt)+) => {
        ::std::format_args!($($text)+)
    };
}

/// What the macros that compare two numbers have in common.
#[doc(hidden)]
#[macro_export]
macro_rules! __compare {
    ($kind:ident $relation:ident $left:expr, $right:expr, $name:expr $(, $($details:tt)*)?) => {
        $crate::private::compare(
            $crate::assure::PropertyKind::$kind,
            $left,
            $crate::private::Relation::$relation,
            $right,
            $name,
            $crate::__details!($($($details)*)?),
        )
    };
}

/// Says that the first of two [numbers](crate::assure::Quantity) is always less than the
/// second. It is [`always!`](crate::always!) of a comparison, and keeps the
/// [closest](crate::assure::Extreme) that a run has come to the limit.
///
/// ```
/// use simrun::{Sim, always_less_than};
///
/// let run = Sim::new().run(|| async {
///     for length in [3, 9, 4] {
///         always_less_than!(length, 10, "the queue is short");
///     }
/// });
/// assert_eq!(run.properties()[0].extreme().unwrap().to_string(), "9 < 10");
/// ```
#[macro_export]
macro_rules! always_less_than {
    ($left:expr, $right:expr, $name:expr $(, $($details:tt)*)?) => {
        $crate::__compare!(Always Less $left, $right, $name $(, $($details)*)?)
    };
}

/// Says that the first of two numbers is never more than the second. See
/// [`always_less_than!`](crate::always_less_than!).
///
/// ```
/// simrun::always_at_most!(10, 10, "the queue is not over-full");
/// ```
#[macro_export]
macro_rules! always_at_most {
    ($left:expr, $right:expr, $name:expr $(, $($details:tt)*)?) => {
        $crate::__compare!(Always AtMost $left, $right, $name $(, $($details)*)?)
    };
}

/// Says that the first of two numbers is always greater than the second. See
/// [`always_less_than!`](crate::always_less_than!).
///
/// ```
/// simrun::always_greater_than!(0.1, 0, "the balance is positive");
/// ```
#[macro_export]
macro_rules! always_greater_than {
    ($left:expr, $right:expr, $name:expr $(, $($details:tt)*)?) => {
        $crate::__compare!(Always Greater $left, $right, $name $(, $($details)*)?)
    };
}

/// Says that the first of two numbers is never less than the second. See
/// [`always_less_than!`](crate::always_less_than!).
///
/// ```
/// simrun::always_at_least!(3_usize, 3_u8, "there is a quorum", members = ["a", "b", "c"]);
/// ```
#[macro_export]
macro_rules! always_at_least {
    ($left:expr, $right:expr, $name:expr $(, $($details:tt)*)?) => {
        $crate::__compare!(Always AtLeast $left, $right, $name $(, $($details)*)?)
    };
}

/// Says that the first of two numbers is at least once less than the second. It is
/// [`sometimes!`](crate::sometimes!) of a comparison, and keeps the
/// [closest](crate::assure::Extreme) that a run has come to it, or the furthest it went beyond.
///
/// ```
/// use simrun::{Sim, sometimes_less_than};
///
/// let run = Sim::new().run(|| async {
///     for free in [30, 12, 25] {
///         sometimes_less_than!(free, 10, "memory is short");
///     }
/// });
/// assert!(!run.properties()[0].is_met());
/// assert_eq!(run.properties()[0].extreme().unwrap().to_string(), "12 < 10");
/// ```
#[macro_export]
macro_rules! sometimes_less_than {
    ($left:expr, $right:expr, $name:expr $(, $($details:tt)*)?) => {
        $crate::__compare!(Sometimes Less $left, $right, $name $(, $($details)*)?)
    };
}

/// Says that the first of two numbers is at least once not more than the second. See
/// [`sometimes_less_than!`](crate::sometimes_less_than!).
///
/// ```
/// use simrun::{Sim, sometimes_at_most};
///
/// let run = Sim::new().run(|| async { sometimes_at_most!(10, 10, "memory is short") });
/// assert!(run.properties()[0].is_met());
/// ```
#[macro_export]
macro_rules! sometimes_at_most {
    ($left:expr, $right:expr, $name:expr $(, $($details:tt)*)?) => {
        $crate::__compare!(Sometimes AtMost $left, $right, $name $(, $($details)*)?)
    };
}

/// Says that the first of two numbers is at least once greater than the second. See
/// [`sometimes_less_than!`](crate::sometimes_less_than!).
///
/// ```
/// use simrun::{Sim, sometimes_greater_than};
///
/// let run = Sim::new().run(|| async {
///     for waiting in [0, 2, 1] {
///         sometimes_greater_than!(waiting, 1, "clients meet");
///     }
/// });
/// assert!(run.properties()[0].is_met());
/// assert_eq!(run.properties()[0].extreme().unwrap().to_string(), "2 > 1");
/// ```
#[macro_export]
macro_rules! sometimes_greater_than {
    ($left:expr, $right:expr, $name:expr $(, $($details:tt)*)?) => {
        $crate::__compare!(Sometimes Greater $left, $right, $name $(, $($details)*)?)
    };
}

/// Says that the first of two numbers is at least once not less than the second. See
/// [`sometimes_less_than!`](crate::sometimes_less_than!).
///
/// ```
/// use simrun::{Sim, sometimes_at_least};
///
/// let run = Sim::new().run(|| async { sometimes_at_least!(7, 8, "the queue is full") });
/// assert!(!run.properties()[0].is_met());
/// ```
#[macro_export]
macro_rules! sometimes_at_least {
    ($left:expr, $right:expr, $name:expr $(, $($details:tt)*)?) => {
        $crate::__compare!(Sometimes AtLeast $left, $right, $name $(, $($details)*)?)
    };
}
