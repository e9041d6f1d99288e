//! Numbers that properties compare, and the closest that two of them came.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use super::PropertyKind;

/// A number that a property compares. Whole numbers are compared exactly, and so are durations;
/// what is neither is compared as floating point.
///
/// ```
/// use simrun::assure::Quantity;
///
/// assert!(Quantity::from(3_u8) < Quantity::from(4_u64));
/// assert!(Quantity::from(2.5) > Quantity::from(-1));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Quantity {
    /// A whole number.
    Whole(i128),
    /// A number with a fraction.
    Real(f64),
    /// A length of time.
    Time(Duration),
}

impl Quantity {
    /// Returns it in floating point, times in seconds.
    fn real(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
            Self::Time(time) => time.as_secs_f64(),
        }
    }

    /// Returns how much larger it is than another.
    fn minus(self, other: Self) -> Self {
        let nanos = |time: Duration| i128::try_from(time.as_nanos()).unwrap_or(i128::MAX);
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Self::Whole(one.saturating_sub(other)),
            (Self::Time(one), Self::Time(other)) => Self::Whole(nanos(one) - nanos(other)),
            (one, other) => Self::Real(one.real() - other.real()),
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Some(one.cmp(other)),
            (Self::Time(one), Self::Time(other)) => Some(one.cmp(other)),
            (one, other) => one.real().partial_cmp(&other.real()),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number}"),
            Self::Time(time) => write!(f, "{time:?}"),
        }
    }
}

macro_rules! whole {
    ($($number:ty)*) => {
        $(
            impl From<$number> for Quantity {
                fn from(number: $number) -> Self {
                    Self::Whole(i128::from(number))
                }
            }
        )*
    };
}

whole! { u8 u16 u32 u64 i8 i16 i32 i64 i128 }

impl From<usize> for Quantity {
    fn from(number: usize) -> Self {
        Self::Whole(number as i128)
    }
}

impl From<isize> for Quantity {
    fn from(number: isize) -> Self {
        Self::Whole(number as i128)
    }
}

impl From<f32> for Quantity {
    fn from(number: f32) -> Self {
        Self::Real(f64::from(number))
    }
}

impl From<f64> for Quantity {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<Duration> for Quantity {
    fn from(time: Duration) -> Self {
        Self::Time(time)
    }
}

/// How two numbers are to relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Relation {
    fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}

/// Two numbers that a property has compared: of all those of a run, the ones that came closest to
/// breaking it if it must always hold, and closest to fulfilling it, or went furthest beyond, if it
/// must sometimes hold.
///
/// Its text is the comparison, such as `9 < 10`.
///
/// ```
/// use simrun::assure::Quantity;
/// use simrun::{Sim, always_less_than};
///
/// let run = Sim::new().run(|| async {
///     for length in [3, 9, 4] {
///         always_less_than!(length, 10, "the queue is short");
///     }
/// });
/// let closest = run.properties()[0].extreme().unwrap();
/// assert_eq!((closest.left(), closest.right()), (Quantity::from(9), Quantity::from(10)));
/// assert!(closest.holds());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extreme {
    left: Quantity,
    relation: Relation,
    right: Quantity,
}

impl Extreme {
    pub(super) fn new(left: Quantity, relation: Relation, right: Quantity) -> Self {
        Self {
            left,
            relation,
            right,
        }
    }

    /// Returns the first of the two numbers.
    pub fn left(&self) -> Quantity {
        self.left
    }

    /// Returns the second of them, which is most often a limit.
    pub fn right(&self) -> Quantity {
        self.right
    }

    /// Says whether the numbers relate as they are to.
    pub fn holds(&self) -> bool {
        match self.relation {
            Relation::Less => self.left < self.right,
            Relation::AtMost => self.left <= self.right,
            Relation::Greater => self.left > self.right,
            Relation::AtLeast => self.left >= self.right,
        }
    }

    /// Says whether it tells more about a property of that kind than another does.
    pub(super) fn exceeds(&self, other: &Self, kind: PropertyKind) -> bool {
        let small = matches!(self.relation, Relation::Less | Relation::AtMost);
        let wanted = if small == (kind == PropertyKind::Always) {
            Ordering::Greater
        } else {
            Ordering::Less
        };
        let (own, others) = (self.left.minus(self.right), other.left.minus(other.right));
        own.partial_cmp(&others) == Some(wanted)
    }
}

impl fmt::Display for Extreme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.relation.sign(), self.right)
    }
}
