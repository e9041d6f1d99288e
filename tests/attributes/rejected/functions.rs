//! Functions that no attribute can run.

#[simrun::test]
fn not_async() {}

#[simrun::test]
async fn with_an_argument(number: u32) {
    let _ = number;
}

#[simrun::test]
async fn generic<T>() {}

#[simrun::test]
#[test]
async fn tested_twice() {}

#[simrun::test]
struct NoFunction;

#[simrun::main]
async fn not_main() {}

fn main() {}
