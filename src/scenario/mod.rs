//! Scenario files: their language, the reader, the machine that runs them.
//!
#![doc = include_str!("language.md")]

pub(crate) mod diagnostic;
pub(crate) mod machine;
pub(crate) mod model;
mod programs;
pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod render;
pub(crate) mod source;
pub(crate) mod tree;
pub(crate) mod value;
mod verb;

pub use programs::{Parameters, Programs};

/// The JSON Schema of scenario files, for editors.
pub const SCHEMA: &str = include_str!("scenario.schema.json");
