//! What is done once, and what becomes of those who come meanwhile.

use simrun::thread::sync::atomic::{AtomicU32, Ordering};
use simrun::thread::sync::{LazyLock, Once, OnceLock};
use simrun::time::{now, secs};
use simrun::{Sim, thread};

use crate::random;

#[test]
fn it_is_done_once_under_a_thousand_seeds() {
    for seed in 0..1_000 {
        let run = random(seed).run_thread(|| {
            let (once, cell, times) = (Once::new(), OnceLock::new(), AtomicU32::new(0));
            let count = || times.fetch_add(1, Ordering::SeqCst);
            let lazy = LazyLock::new(&count);
            thread::scope(|scope| {
                for number in 0..3 {
                    let (once, cell, lazy, count) = (&once, &cell, &lazy, &count);
                    scope.spawn(move || {
                        once.call_once(|| {
                            count();
                        });
                        assert!(once.is_completed());
                        let value = *cell.get_or_init(|| {
                            count();
                            number
                        });
                        assert_eq!(cell.get(), Some(&value));
                        assert!(**lazy < 3);
                    });
                }
            });
            times.load(Ordering::SeqCst)
        });
        assert_eq!(run.unwrap(), 3, "seed {seed}");
    }
}

#[test]
fn who_comes_while_it_is_done_waits() {
    let run = Sim::new().run_thread(|| {
        let cell = OnceLock::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                cell.get_or_init(|| {
                    thread::sleep(secs(2));
                    "slow"
                });
            });
            thread::sleep(secs(1));
            assert_eq!(cell.get(), None);
            assert_eq!(cell.set("fast"), Err("fast"));
            assert_eq!(now().since_start(), secs(2));
            assert_eq!(cell.wait(), &"slow");
        });
        let mut cell = cell;
        assert_eq!(cell.take(), Some("slow"));
        assert_eq!(cell.set("again"), Ok(()));
        assert_eq!(OnceLock::from("again"), cell);
    });
    run.unwrap();
}

#[test]
fn a_panic_poisons_a_once_and_a_lazy_value_but_not_a_cell() {
    let run = Sim::new().run_thread(|| {
        let (once, cell) = (Once::new(), OnceLock::new());
        let lazy: LazyLock<u32> = LazyLock::new(|| panic!("once"));
        thread::scope(|scope| {
            assert!(
                scope
                    .spawn(|| once.call_once(|| panic!("once")))
                    .join()
                    .is_err()
            );
            assert!(
                scope
                    .spawn(|| cell.get_or_init(|| panic!("once")))
                    .join()
                    .is_err()
            );
            assert!(scope.spawn(|| *lazy).join().is_err());
            assert!(scope.spawn(|| once.call_once(|| ())).join().is_err());
            assert!(scope.spawn(|| *lazy).join().is_err());
        });
        once.call_once_force(|state| assert!(state.is_poisoned()));
        once.call_once(|| unreachable!());
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_or_init(|| 7), &7);
    });
    run.unwrap();
}
