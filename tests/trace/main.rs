//! The traces of runs: what is in them, how they are shown, and what snapshots are made of.

#[cfg(feature = "insta")]
mod snapshots;
#[cfg(feature = "tracing")]
mod told;
