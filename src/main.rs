//! The `simrun` command: for now, a quickstart that shows one seed's run.
//!
//! Two customers draw from one account, each looking before it leaps. In asyncio's order both are
//! served in turn; under other seeds they interleave, and the account ends up overdrawn.

use std::process::ExitCode;
use std::sync::Arc;

use simrun::sync::Event;
use simrun::{Sim, Strategy, chance, gather, spawn, time};

const USAGE: &str = "\
usage: simrun [--seed N]

Runs the built-in quickstart under a seed and prints what happened. Without a seed, or with
seed 0, everything happens in asyncio's order; other seeds shuffle it.";

/// The program did what it should.
const PASSED: u8 = 0;
/// A check of the program failed.
const FAILED: u8 = 1;
/// The command line makes no sense.
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    let seed = match parse_seed(std::env::args().skip(1)) {
        Ok(Some(seed)) => seed,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::from(PASSED);
        }
        Err(problem) => {
            eprintln!("error: {problem}\n\n{USAGE}");
            return ExitCode::from(USAGE_ERROR);
        }
    };
    let strategy = if seed == 0 {
        Strategy::fifo()
    } else {
        Strategy::random()
    };
    let run = Sim::new()
        .seed(seed)
        .strategy(strategy)
        .record(true)
        .run(quickstart);
    for line in run.trace().only("logs") {
        println!("{line}");
    }
    println!("{}", run.outcome());
    println!(
        "seed {seed}, {} of virtual time, {} steps, fingerprint {:016x}",
        run.now(),
        run.steps(),
        run.fingerprint()
    );
    if let Some(failure) = run.failure() {
        eprintln!(
            "replay it with: simrun --seed {seed}   (failure: {})",
            failure.key()
        );
        return ExitCode::from(FAILED);
    }
    ExitCode::from(PASSED)
}

/// Reads the seed from the arguments; `None` asks for help.
fn parse_seed(mut arguments: impl Iterator<Item = String>) -> Result<Option<u64>, String> {
    let mut seed = 0;
    while let Some(argument) = arguments.next() {
        let value = match argument.as_str() {
            "--help" | "-h" => return Ok(None),
            "--seed" => arguments.next().ok_or("--seed needs a number")?,
            other => match other.strip_prefix("--seed=") {
                Some(value) => value.to_owned(),
                None => return Err(format!("`{other}` is not an option")),
            },
        };
        seed = value
            .parse()
            .map_err(|_| format!("`{value}` is not a seed: it is a number"))?;
    }
    Ok(Some(seed))
}

async fn quickstart() {
    let account = Arc::new(Account::default());
    account.deposit(100);
    let customers = ["Ada", "Bob"].map(|name| {
        let account = account.clone();
        spawn(async move {
            account.open.wait().await;
            account.withdraw(name, 80).await;
        })
        .name(name)
    });
    account.open.set();
    gather(customers).await.expect("customers do not fail");
    let balance = account.balance();
    simrun::log!("balance: {balance}");
    assert!(balance >= 0, "the account is overdrawn: {balance}");
}

/// An account that is not safe to share.
#[derive(Default)]
struct Account {
    open: Event,
    balance: std::sync::atomic::AtomicI64,
}

impl Account {
    fn balance(&self) -> i64 {
        self.balance.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn deposit(&self, amount: i64) {
        self.balance
            .fetch_add(amount, std::sync::atomic::Ordering::Relaxed);
    }

    async fn withdraw(&self, name: &str, amount: i64) {
        let pause = chance::below("how long a customer thinks", 3);
        time::sleep(time::millis(pause)).await;
        if self.balance() < amount {
            simrun::log!("{name} is turned away");
            return;
        }
        simrun::log!("{name} sees that there is enough");
        simrun::task::yield_now().await;
        self.deposit(-amount);
        simrun::log!("{name} takes {amount}");
    }
}
