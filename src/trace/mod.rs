//! What happened: the events of a run, their fingerprint and their text.

mod causes;
mod event;
mod fingerprint;

pub(crate) use causes::{Causes, Left};
pub use event::{Event, EventKind, Trace};
pub(crate) use fingerprint::Fingerprint;
