//! Bugs that real libraries have had, written again as they were, and found by a campaign.
//!
//! Each file holds one piece of code in two versions, the broken and the mended one, and a program
//! that uses it. A test of the broken one must fail, for the reason given, with a text that is kept
//! as a snapshot; a thousand runs of the mended one must pass.

mod condition;
mod connection;
mod framing;
mod gather;
mod group;
mod lock;
mod notify;
mod pool;
mod queue;
mod semaphore;
mod unpolled;
mod wait_for;

use std::panic::catch_unwind;
use std::time::Duration;

use simrun::explore::Explorer;

/// Which version of the code a program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Broken,
    Mended,
}

/// Longer than any of the programs takes, unless it hangs.
const LONG: Duration = Duration::from_secs(3_600);

/// A thousand runs. How far a failure is shrunk does not depend on the machine.
fn campaign() -> Explorer {
    let explorer = Explorer::new().runs(1_000).make_all_runs().until(LONG);
    explorer.without_regressions().replays(500)
}

/// Three tests of a program, which takes the version of the code that it is to use.
macro_rules! bug {
    ($name:ident, $program:expr, $reason:literal) => {
        mod $name {
            use super::*;

            #[simrun::test(config = crate::campaign())]
            #[should_panic(expected = $reason)]
            async fn is_found() {
                ($program)(Version::Broken).await;
            }

            #[simrun::test(config = crate::campaign())]
            async fn is_gone_when_mended() {
                ($program)(Version::Mended).await;
            }

            #[test]
            fn is_explained() {
                crate::explains(stringify!($name), is_found);
            }
        }
    };
}
use bug;

/// Compares what a failing test says with the snapshot of it.
#[track_caller]
fn explains(name: &str, test: fn()) {
    let payload = catch_unwind(test).expect_err("it fails");
    insta::assert_snapshot!(name, payload.downcast_ref::<String>().unwrap());
}
