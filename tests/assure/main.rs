//! Oracles: properties that programs state, histories, and what checks them.

mod properties;
