//! Campaigns: what they find, and that nothing of the machine is in the result.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use simrun::assure::FailureKind;
use simrun::explore::{Ended, Explorer};
use simrun::{Sim, Strategy, task};

use crate::programs;

#[test]
fn the_report_is_the_same_for_one_job_and_for_seven() {
    let report = |jobs| {
        let explorer = Explorer::new()
            .runs(300)
            .jobs(jobs)
            .replays(500)
            .keep_going();
        let texts = [
            explorer.explore(programs::lost_update),
            explorer.explore(programs::philosophers),
            explorer.explore(programs::two_bugs),
            explorer.explore(programs::fine),
        ];
        texts.map(|report| format!("{report}\n{:?}", report.findings()))
    };
    assert_eq!(report(1), report(7));
}

#[test]
fn failures_are_grouped_by_key_and_the_lowest_seed_is_kept() {
    let explorer = Explorer::new()
        .runs(200)
        .strategy(Strategy::random())
        .replays(100)
        .keep_going()
        .make_all_runs();
    let report = explorer.explore(programs::two_bugs);
    assert_eq!((report.runs(), report.ended()), (200, Ended::AllRuns));
    assert_eq!(report.findings().len(), 2);
    for finding in report.findings() {
        let sim = |seed| Sim::new().seed(seed).strategy(Strategy::random());
        let key = |seed| {
            let run = sim(seed).run(programs::two_bugs);
            run.failure()
                .map(simrun::assure::Failure::location)
                .map(|at| at.map(str::to_owned))
        };
        let own = key(finding.seed());
        let failing: Vec<u64> = (1..200).filter(|seed| key(*seed) == own).collect();
        assert_eq!(failing[0], finding.seed());
        assert_eq!(failing.len() as u64, finding.count());
    }
    let counted: u64 = report
        .findings()
        .iter()
        .map(|finding| finding.count())
        .sum();
    assert_eq!(counted, report.failed());
}

#[test]
fn a_campaign_ends_with_the_batch_in_which_a_run_has_failed() {
    let report = Explorer::new().replays(100).explore(programs::two_bugs);
    assert_eq!(report.ended(), Ended::Failed);
    assert!(report.runs() <= 32, "{}", report.runs());
}

#[test]
fn every_seed_has_a_strategy_of_the_portfolio() {
    let explorer = Explorer::new().runs(300).make_all_runs();
    let text = explorer.explore(programs::fine).to_string();
    for strategy in ["fifo 1,", "surw ", "pos ", "pct ", "starve ", "random "] {
        assert!(text.contains(strategy), "{text}");
    }
    let pos = Explorer::new().runs(300).strategy(Strategy::pos());
    let text = pos.make_all_runs().explore(programs::fine).to_string();
    assert!(text.contains("fifo 1, pos 299"), "{text}");
}

#[test]
fn a_seed_means_the_same_run_in_every_campaign() {
    let explorer = Explorer::new().replays(1);
    let all = explorer.clone().keep_going().make_all_runs();
    let all = all.runs(300).explore(programs::two_bugs);
    assert_eq!(all.findings().len(), 2);
    for found in all.findings() {
        let seed = found.seed();
        assert_ne!(found.strategy(), "random");
        for seeds in [seed..seed + 1, seed.saturating_sub(3)..seed + 5] {
            let again = explorer.clone().keep_going().seeds(seeds);
            let again = again.explore(programs::two_bugs);
            let same = again.findings().iter().find(|same| same.seed() == seed);
            let same = same.expect("the seed fails again");
            assert_eq!(same.fingerprint(), found.fingerprint());
            assert_eq!(same.strategy(), found.strategy());
            assert_eq!(same.plan(), found.plan());
        }
    }
}

#[test]
fn what_fails_in_the_runs_for_the_profile_is_not_lost() {
    let explorer = Explorer::new().seeds(0..1).replays(100);
    let report = explorer.explore(programs::two_bugs);
    assert_eq!((report.runs(), report.failed()), (1, 0));
    assert!(!report.is_passed());
    let finding = &report.findings()[0];
    assert_eq!(finding.strategy(), "pct 1, for the profile");
    assert!(finding.shrunk().is_some());
    let text = report.to_string();
    assert!(text.contains("in 9 runs for the profile"), "{text}");
    let none = explorer.strategy(Strategy::random());
    assert!(none.explore(programs::two_bugs).is_passed());
}

#[test]
fn how_far_it_has_come_is_told() {
    let told = std::sync::Arc::new(AtomicU64::new(0));
    let most = told.clone();
    let explorer = Explorer::new()
        .for_time(Duration::from_millis(700))
        .make_all_runs()
        .progress(move |progress| {
            assert!(progress.runs() > most.load(Ordering::Relaxed));
            most.store(progress.runs(), Ordering::Relaxed);
            assert!(progress.time_left().unwrap() <= Duration::from_millis(500));
            assert_eq!((progress.planned(), progress.failed()), (None, 0));
        });
    let report = explorer.jobs(1).explore(programs::fine);
    let told = told.load(Ordering::Relaxed);
    assert!(told > 0 && told <= report.runs());
}

#[test]
fn seed_0_is_asyncio_s_own_order() {
    let explorer = Explorer::new().seeds(0..1);
    let report = explorer.explore(programs::lost_update);
    assert!(report.is_passed());
    assert!(report.to_string().contains("fifo 1"), "{report}");
}

#[test]
fn a_campaign_that_shows_nothing_new_ends() {
    let report = Explorer::new().runs(100_000).explore(programs::fine);
    assert_eq!(report.ended(), Ended::Saturated);
    assert!(report.runs() < 10_000);
    assert!(report.coverage().distinct() > 1);
    assert!(report.coverage().probability_of_new() < 1e-3);
    let text = report.to_string();
    assert!(text.starts_with("0 failures in "), "{text}");
    assert!(text.contains("at 95 %"), "{text}");
    let all = Explorer::new().runs(3_000).make_all_runs();
    assert_eq!(all.explore(programs::fine).runs(), 3_000);
}

#[test]
fn real_time_ends_a_campaign_with_what_was_run() {
    let explorer = Explorer::new()
        .for_time(Duration::from_millis(50))
        .make_all_runs();
    let report = explorer.explore(programs::fine);
    assert_eq!(report.ended(), Ended::OutOfTime);
    assert!(report.runs() > 0);
    let none = Explorer::new().for_time(Duration::ZERO).jobs(1);
    assert_eq!(
        none.explore(programs::fine).runs(),
        1,
        "one run is made in any case"
    );
}

#[test]
fn a_panic_outside_the_future_fails_its_run() {
    let program = || {
        assert!(std::hint::black_box(false), "before there is a future");
        async {}
    };
    let report = Explorer::new().runs(20).replays(10).explore(program);
    let finding = &report.findings()[0];
    assert_eq!(finding.failure().kind(), FailureKind::Panic);
    assert!(
        finding
            .failure()
            .message()
            .contains("before there is a future")
    );
    assert_eq!(finding.seed(), 0);
}

#[test]
fn a_run_that_never_ends_is_ended_by_its_limits() {
    let explorer = Explorer::new()
        .sim(Sim::new().max_steps(1_000))
        .runs(4)
        .replays(10);
    let report = explorer.explore(|| async {
        loop {
            task::yield_now().await;
        }
    });
    assert_eq!(report.findings()[0].failure().kind(), FailureKind::Steps);
    assert_eq!(report.failed(), 4);
}

#[test]
fn what_depends_on_something_else_than_the_seed_is_found_out() {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let report = Explorer::new().explore(|| async {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        for _ in 0..call % 1_000 {
            task::yield_now().await;
        }
    });
    let finding = &report.findings()[0];
    assert_eq!(finding.failure().kind(), FailureKind::Nondeterminism);
    assert!(finding.shrunk().is_none());
}

#[test]
fn a_program_may_end_with_an_error() {
    let report = Explorer::new()
        .runs(3)
        .explore(|| async { Err::<(), _>("it is late") });
    let failure = report.findings()[0].failure();
    assert_eq!(
        (failure.kind(), failure.message()),
        (FailureKind::Error, "it is late")
    );
}

/// Says of a number that it is sometimes three, which it is, and ten, which it is not.
async fn a_number() {
    let number = simrun::chance::below("number", 4);
    simrun::sometimes!(number == 3, "it is three");
    simrun::sometimes!(number == 10, "it is ten");
    simrun::always!(number < 4, "it is small");
}

#[test]
fn what_must_be_so_sometimes_is_counted_over_all_runs() {
    let explorer = Explorer::new().runs(400).make_all_runs();
    let reports = [1, 7].map(|jobs| explorer.clone().jobs(jobs).explore(a_number));
    let [one, seven] = &reports;
    assert_eq!(one.to_string(), seven.to_string());
    let of = |name: &str| {
        let mut properties = one.properties().iter();
        let property = properties.find(|seen| seen.property().name() == name);
        property.expect("it was looked at")
    };
    assert!((60..140).contains(&of("it is three").hits()));
    assert_eq!(of("it is small").property().evaluations(), 400);
    assert_eq!((of("it is ten").runs(), of("it is ten").hits()), (400, 0));
    let unmet: Vec<_> = one.unmet().map(|unmet| unmet.property().name()).collect();
    assert_eq!(unmet, ["it is ten"]);
    let text = one.to_string();
    assert!(
        text.contains("sometimes `it is ten`: never in 400 runs"),
        "{text}"
    );
    assert!(!text.contains("it is small"), "{text}");
}

#[test]
fn a_campaign_that_has_not_seen_all_goes_on() {
    let report = Explorer::new().runs(3_000).explore(a_number);
    assert_eq!((report.runs(), report.ended()), (3_000, Ended::AllRuns));
    let all = || async {
        simrun::sometimes!(simrun::chance::below("number", 4) == 3, "it is three");
    };
    let report = Explorer::new().runs(3_000).explore(all);
    assert_eq!(report.ended(), Ended::Saturated);
}

#[test]
fn a_check_fails_for_what_was_never_seen_if_it_shall() {
    let explorer = Explorer::new()
        .runs(300)
        .without_regressions()
        .name("never");
    assert!(explorer.check(a_number).is_passed());
    let few = explorer.clone().runs(200).must_hit();
    assert!(few.check(a_number).is_passed(), "too few runs to tell");
    let check = || explorer.clone().must_hit().check(a_number);
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).unwrap_err();
    let text = payload.downcast_ref::<String>().unwrap();
    assert!(
        text.contains("sometimes `it is ten`: never in 300 runs"),
        "{text}"
    );
    assert!(!text.contains("it is three"), "{text}");
}
