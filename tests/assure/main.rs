//! Oracles: properties that programs state, histories, and what checks them.

mod brute_force;
mod counterexamples;
mod histories;
mod linear;
mod long;
mod properties;
mod workload;
