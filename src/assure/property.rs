//! Properties: what a program says of itself, and how often it was so.

use std::fmt;
use std::sync::Arc;

use super::Extreme;

/// What a [`Property`] says.
///
/// ```
/// use simrun::assure::PropertyKind;
/// use simrun::{Sim, reachable};
///
/// let run = Sim::new().run(|| async { reachable!("the end") });
/// let kind = run.properties()[0].kind();
/// assert_eq!((kind, kind.word()), (PropertyKind::Reachable, "reachable"));
/// assert!(!kind.is_strict() && PropertyKind::Always.is_strict());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "cli", derive(serde::Serialize, serde::Deserialize))]
pub enum PropertyKind {
    /// It holds whenever it is looked at.
    Always,
    /// It holds at least once, in some run.
    Sometimes,
    /// The place is reached, in some run.
    Reachable,
    /// The place is never reached.
    Unreachable,
}

impl PropertyKind {
    /// Returns the kind in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Sometimes => "sometimes",
            Self::Reachable => "reachable",
            Self::Unreachable => "unreachable",
        }
    }

    /// Says whether one time at which it does not hold is a failure. Otherwise one time at which
    /// it holds is enough.
    pub fn is_strict(self) -> bool {
        matches!(self, Self::Always | Self::Unreachable)
    }
}

/// Something that a program says of itself with [`always!`](super::always!),
/// [`sometimes!`](super::sometimes!), [`reachable!`](super::reachable!) or
/// [`unreachable!`](super::unreachable!), and how often it was so.
///
/// Places that say the same kind of thing under one name are one property. A run knows the
/// properties whose places it came to; see [`Run::properties`](crate::Run::properties).
///
/// Its text is one line.
///
/// ```
/// use simrun::{Sim, always, sometimes};
///
/// let run = Sim::new().run(|| async {
///     for length in 0..3 {
///         sometimes!(length == 0, "an empty queue is seen");
///         always!(length < 10, "the queue is short", length = length);
///     }
/// });
/// let texts: Vec<String> = run.properties().iter().map(ToString::to_string).collect();
/// assert_eq!(texts[0], "sometimes  1 of 3  an empty queue is seen");
/// assert_eq!(texts[1], "always     3 of 3  the queue is short");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    pub(super) name: Arc<str>,
    pub(super) kind: PropertyKind,
    pub(super) evaluations: u64,
    pub(super) holds: u64,
    pub(super) location: Arc<str>,
    pub(super) extreme: Option<Extreme>,
}

impl Property {
    /// Makes one that another process has seen so often. How close its numbers came stays there.
    #[cfg(feature = "cli")]
    pub(crate) fn of_counts(
        (kind, name): (PropertyKind, &str),
        location: &str,
        (holds, evaluations): (u64, u64),
    ) -> Self {
        Self {
            name: name.into(),
            kind,
            evaluations,
            holds,
            location: location.into(),
            extreme: None,
        }
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what it says.
    pub fn kind(&self) -> PropertyKind {
        self.kind
    }

    /// Returns how often it was looked at: for a place, how often it was reached.
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// Returns how often it held: for a place that is to be reached, how often it was, and for one
    /// that is not, zero.
    pub fn holds(&self) -> u64 {
        self.holds
    }

    /// Returns the first place that came to it, as `file:line:column`.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Returns the comparison that came closest to the limit, if it compares numbers.
    pub fn extreme(&self) -> Option<&Extreme> {
        self.extreme.as_ref()
    }

    /// Says whether what was seen of it is as it must be: no exception to what must always hold,
    /// or one instance of what must sometimes.
    pub fn is_met(&self) -> bool {
        match self.kind.is_strict() {
            true => self.holds == self.evaluations,
            false => self.holds > 0,
        }
    }

    /// Adds what another run has seen of the same property.
    ///
    /// ```
    /// use simrun::{Sim, sometimes};
    ///
    /// let run = |even| Sim::new().run(move || async move { sometimes!(even, "it is even") });
    /// let mut both = run(false).properties()[0].clone();
    /// assert!(!both.is_met());
    /// both.merge(&run(true).properties()[0]);
    /// assert!(both.is_met());
    /// assert_eq!((both.holds(), both.evaluations()), (1, 2));
    /// ```
    pub fn merge(&mut self, other: &Self) {
        self.evaluations += other.evaluations;
        self.holds += other.holds;
        if let Some(extreme) = other.extreme {
            self.compared(extreme);
        }
    }

    /// Keeps a comparison if it tells more than those before.
    pub(super) fn compared(&mut self, extreme: Extreme) {
        let tells_more = |kept: &Extreme| extreme.exceeds(kept, self.kind);
        if self.extreme.as_ref().is_none_or(tells_more) {
            self.extreme = Some(extreme);
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<9}  {} of {}  {}",
            self.kind.word(),
            self.holds,
            self.evaluations,
            self.name
        )?;
        match &self.extreme {
            Some(extreme) => write!(f, " ({extreme})"),
            None => Ok(()),
        }
    }
}

/// The properties of a run, and the first of them that was broken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Properties {
    /// By name, then by kind.
    kept: Vec<Property>,
    pub(crate) violation: Option<super::Failure>,
}

impl Properties {
    /// Returns a property, which is made if it is not known.
    pub(crate) fn entry(
        &mut self,
        name: &str,
        kind: PropertyKind,
        location: impl FnOnce() -> Arc<str>,
    ) -> &mut Property {
        let place = |property: &Property| (&*property.name, property.kind).cmp(&(name, kind));
        let index = self.kept.binary_search_by(place).unwrap_or_else(|index| {
            let made = Property {
                name: name.into(),
                kind,
                evaluations: 0,
                holds: 0,
                location: location(),
                extreme: None,
            };
            self.kept.insert(index, made);
            index
        });
        &mut self.kept[index]
    }

    pub(crate) fn take(&mut self) -> Vec<Property> {
        std::mem::take(&mut self.kept)
    }
}

impl Property {
    /// Counts a look at it.
    pub(crate) fn count(&mut self, holds: bool) {
        self.evaluations += 1;
        self.holds += u64::from(holds);
    }
}
