//! Properties: workloads of proptest's and the runs they fail in, found and made simple together.

mod machine;
mod macros;
mod programs;
mod shrinking;
