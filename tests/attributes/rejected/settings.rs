//! Settings that no attribute takes.

#[simrun::test(run = 10)]
async fn misspelt() {}

#[simrun::test(runs = 10, seed = 1)]
async fn at_odds() {}

#[simrun::test(runs, runs = 5)]
async fn twice_and_without_a_value() {}

#[simrun::main(runs = 5)]
async fn main() {}
