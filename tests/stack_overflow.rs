//! A thread that overflows its stack hits a guard: the process ends, and nothing is overwritten.

#![cfg(unix)]

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use simrun::{Sim, thread};

/// Says to this program that it is the one to overflow.
const OVERFLOW: &str = "SIMRUN_TEST_OVERFLOW";

/// The signals by which operating systems tell that a guard was hit.
const GUARD_SIGNALS: [i32; 3] = [
    libc_signal::SIGABRT,
    libc_signal::SIGBUS,
    libc_signal::SIGSEGV,
];

mod libc_signal {
    //! Numbers on which all Unixes agree that Rust runs its tests on, but for the bus.
    pub(super) const SIGABRT: i32 = 6;
    pub(super) const SIGBUS: i32 = if cfg!(target_os = "linux") { 7 } else { 10 };
    pub(super) const SIGSEGV: i32 = 11;
}

#[expect(unconditional_recursion, reason = "that is how a stack overflows")]
fn recurse(depth: u64) -> u64 {
    let space = std::hint::black_box([depth; 64]);
    recurse(depth + 1) + space[0]
}

#[test]
fn a_thread_that_overflows_its_stack_ends_the_process() {
    if std::env::var_os(OVERFLOW).is_some() {
        let small = thread::Builder::new().stack_size(64 << 10);
        Sim::new()
            .run_thread(|| small.spawn(|| recurse(0)).unwrap().join().is_ok())
            .unwrap();
        return;
    }
    let itself = std::env::current_exe().unwrap();
    let ended = Command::new(itself)
        .arg("a_thread_that_overflows_its_stack_ends_the_process")
        .env(OVERFLOW, "yes")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let signal = ended.signal().expect("it did not end by a signal");
    assert!(
        GUARD_SIGNALS.contains(&signal),
        "it ended by signal {signal}"
    );
}

#[test]
fn a_thread_gets_the_stack_that_it_asks_for() {
    fn depth(left: u64) -> u64 {
        let space = std::hint::black_box([left; 128]);
        if left == 0 {
            0
        } else {
            depth(left - 1) + space[0].min(1)
        }
    }
    let large = thread::Builder::new().stack_size(64 << 20);
    let run = Sim::new().run_thread(|| large.spawn(|| depth(20_000)).unwrap().join().unwrap());
    assert_eq!(run.unwrap(), 20_000);
}
