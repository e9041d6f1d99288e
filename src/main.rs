//! The `simrun` command.
fn main() {}
