//! Two customers withdraw money at the same time, and both find that there is enough.
//!
//! ```sh
//! cargo run --example quickstart     # looks for the run that fails, and shows it
//! cargo test --example quickstart    # tests the bank that does not
//! ```

use std::sync::Arc;

use simrun::explore::Explorer;
use simrun::sync::{Lock, Tracked};
use simrun::{gather, spawn, task};

/// A bank that looks at the balance, asks for leave, and then writes the balance.
async fn careless_bank() {
    let balance = Arc::new(Tracked::new(100).named("balance"));
    let withdraw = |amount| {
        let balance = balance.clone();
        spawn(async move {
            let before = balance.read(|balance| *balance);
            if before >= amount {
                ask_for_leave().await;
                balance.write(|balance| *balance -= amount);
            }
        })
    };
    let customers = [withdraw(80).name("ada"), withdraw(80).name("bob")];
    gather(customers).await.unwrap();
    let balance = balance.read(|balance| *balance);
    assert!(balance >= 0, "overdrawn: {balance}");
}

/// The same bank, which serves one customer at a time.
async fn careful_bank() {
    let balance = Arc::new(Lock::new(100).named("balance"));
    let withdraw = |amount| {
        let balance = balance.clone();
        spawn(async move {
            let mut balance = balance.acquire().await;
            if *balance >= amount {
                ask_for_leave().await;
                *balance -= amount;
            }
        })
    };
    gather([withdraw(80), withdraw(80)]).await.unwrap();
    let balance = *balance.acquire().await;
    assert!(balance >= 0, "overdrawn: {balance}");
}

async fn ask_for_leave() {
    task::yield_now().await;
}

fn main() {
    println!("{}", Explorer::new().explore(careless_bank));
    println!("{}", Explorer::new().explore(careful_bank));
}

#[simrun::test]
async fn nobody_overdraws() {
    careful_bank().await;
}

#[simrun::test(regressions = false)]
#[should_panic(expected = "overdrawn: -60")]
async fn the_careless_bank_is_found_out() {
    careless_bank().await;
}
