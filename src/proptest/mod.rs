//! Properties: workloads that proptest generates, shrunk together with the run that they fail in.

mod case;
mod found;
mod machine;
mod persistence;
mod properties;
mod regression;
mod runs;
mod steps;
#[cfg(test)]
mod tests;

pub use case::Case;
pub use found::{Explored, Found};
pub use machine::{Call, CallTree, Calls, Machine, MachineTest, System};
pub use persistence::{Persistence, config};
pub use properties::{Properties, check};
pub use runs::{RunTree, Runs, runs};
