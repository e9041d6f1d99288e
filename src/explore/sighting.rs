//! What the runs of a campaign have seen of a program's properties.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::words::{count, grouped};
use crate::assure::{Property, PropertyKind};

/// A [property](crate::assure) of a program, and in how many runs it was seen.
///
/// ```
/// use simrun::explore::Explorer;
/// use simrun::{chance, sometimes};
///
/// let report = Explorer::new().runs(300).make_all_runs().explore(|| async {
///     let number = chance::below("number", 10);
///     sometimes!(number == 3, "it is three");
///     sometimes!(number == 10, "it is ten");
/// });
/// let [ten, three] = report.properties() else { panic!("there are two") };
/// assert!(three.is_met() && three.hits() > 10);
/// assert_eq!(ten.to_string(), "sometimes `it is ten`: never in 300 runs");
/// assert!(report.is_passed(), "no run has failed");
/// assert_eq!(report.unmet().count(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Sighting {
    pub(super) property: Property,
    pub(super) runs: u64,
    pub(super) hits: u64,
}

impl Sighting {
    /// Returns the property, with what all runs together have seen of it.
    pub fn property(&self) -> &Property {
        &self.property
    }

    /// Returns how many runs there were; of what must hold always, those in which it was looked at.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Returns in how many runs it was seen to hold at least once.
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// Says whether what was seen of it is as it must be.
    pub fn is_met(&self) -> bool {
        self.property.is_met()
    }

    /// Says whether one run is enough in which it holds.
    pub(super) fn is_goal(&self) -> bool {
        !self.property.kind().is_strict()
    }
}

impl fmt::Display for Sighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = (self.property.kind().word(), self.property.name());
        let runs = count(self.runs, "run");
        write!(f, "{kind} `{name}`: ")?;
        match self.hits {
            0 => write!(f, "never in {runs}"),
            hits => write!(f, "in {} of {runs}", grouped(hits)),
        }
    }
}

/// The properties so far, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Sightings(BTreeMap<(Arc<str>, PropertyKind), Sighting>);

impl Sightings {
    /// Adds what a run has seen.
    pub(super) fn add(&mut self, properties: &[Property]) {
        for property in properties {
            let hit = u64::from(property.holds() > 0);
            let key = (Arc::from(property.name()), property.kind());
            match self.0.get_mut(&key) {
                Some(known) => {
                    known.property.merge(property);
                    known.runs += 1;
                    known.hits += hit;
                }
                None => {
                    let first = Sighting {
                        property: property.clone(),
                        runs: 1,
                        hits: hit,
                    };
                    self.0.insert(key, first);
                }
            }
        }
    }

    /// Says whether each that one run is enough for has had its run.
    pub(super) fn are_met(&self) -> bool {
        let mut sightings = self.0.values();
        sightings.all(|sighting| !sighting.is_goal() || sighting.is_met())
    }

    /// Returns them by name. Of a run that looks at none, nothing is known: it has not seen them.
    pub(super) fn finish(self, runs: u64) -> Vec<Sighting> {
        let mut sightings: Vec<Sighting> = self.0.into_values().collect();
        for sighting in sightings.iter_mut().filter(|sighting| sighting.is_goal()) {
            sighting.runs = runs;
        }
        sightings
    }
}
