//! What happened: the events of a run, their fingerprint and their text.

mod event;
mod fingerprint;

pub use event::{Event, EventKind, Trace};
pub(crate) use fingerprint::Fingerprint;
