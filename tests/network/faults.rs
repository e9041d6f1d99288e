//! Faults by plan: timelines, what is drawn from the seed, and points in programs.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use simrun::chance::Plan;
use simrun::fault::{Faults, Timeline};
use simrun::time::{millis, now, secs, sleep};
use simrun::{Sim, Strategy, buggify, host, net};

/// Starts three hosts that count how often they were started.
fn three() -> Arc<AtomicU32> {
    let starts = Arc::new(AtomicU32::new(0));
    for name in ["a", "b", "c"] {
        let starts = starts.clone();
        host::start(name, move || {
            starts.fetch_add(1, Ordering::Relaxed);
            async { std::future::pending::<()>().await }
        });
    }
    starts
}

#[test]
fn a_timeline_acts_at_its_times() {
    simrun::run(async {
        three();
        let times = Arc::new(Mutex::new(Vec::new()));
        let note = || {
            let times = times.clone();
            move || times.lock().unwrap().push(now().since_start())
        };
        sleep(secs(1)).await;
        Timeline::new()
            .at(secs(9), note())
            .during(secs(2), secs(3), note(), note())
            .start();
        sleep(secs(20)).await;
        assert_eq!(*times.lock().unwrap(), [secs(3), secs(6), secs(10)]);
    });
}

/// Lets faults happen for a minute and returns how often hosts were started, and the most that were
/// down at once.
async fn a_minute_of_faults() -> (u32, usize) {
    let starts = three();
    Faults::among(["a", "b", "c"])
        .crashes(0.02)
        .pauses(0.02)
        .partitions(0.02)
        .one_way_partitions(0.02)
        .clogs(0.01)
        .at_most_down(2)
        .lasting(millis(5), secs(5))
        .until(secs(60))
        .start();
    let mut most_down = 0;
    for _ in 0..6_100 {
        sleep(millis(10)).await;
        let hosts = ["a", "b", "c"].map(|name| host::find(name).unwrap());
        let down = hosts.iter().filter(|host| !host.is_up()).count();
        most_down = most_down.max(down);
    }
    sleep(secs(1)).await;
    for name in ["a", "b", "c"] {
        assert!(
            host::find(name).unwrap().is_up(),
            "{name} is down when all is over"
        );
    }
    (starts.load(Ordering::Relaxed), most_down)
}

#[test]
fn faults_are_drawn_kept_within_their_budget_healed_and_repeated_by_their_plan() {
    let mut total = 0;
    for seed in 0..20 {
        let run = Sim::new()
            .seed(seed)
            .write_plan(true)
            .run(a_minute_of_faults);
        let plan: Plan = run.plan().to_string().parse().unwrap();
        let replay = Sim::new()
            .strategy(Strategy::replay(plan))
            .run(a_minute_of_faults);
        assert_eq!(run.fingerprint(), replay.fingerprint(), "seed {seed}");
        let (starts, most_down) = run.unwrap();
        assert!(most_down <= 2, "seed {seed}");
        total += starts - 3;
    }
    assert!((200..2_000).contains(&total), "{total} restarts");
    let calm = Sim::new()
        .strategy(Strategy::replay(Plan::new()))
        .run(a_minute_of_faults);
    assert_eq!(calm.unwrap(), (3, 0), "by default nothing goes wrong");
}

#[test]
fn one_fault_can_be_taken_out_of_a_plan_and_the_others_still_happen() {
    let run = Sim::new().seed(1).write_plan(true).run(a_minute_of_faults);
    let crashes = |plan: &Plan| {
        let sites = plan.iter().map(|(site, _)| site.to_string());
        let names = ["a", "b", "c"].map(|name| format!("crash of {name}"));
        let is_crash = |site: &String| names.iter().any(|name| site.ends_with(name));
        sites.filter(is_crash).collect::<Vec<String>>()
    };
    let first = crashes(run.plan())[0].clone();
    let mut fewer = run.plan().clone();
    let site = fewer.iter().map(|(site, _)| site.clone());
    let site = site.into_iter().find(|site| site.to_string() == first);
    fewer.remove(&site.unwrap());
    let replay = Sim::new()
        .strategy(Strategy::replay(fewer))
        .write_plan(true);
    let replay = replay.run(a_minute_of_faults);
    assert_eq!(crashes(replay.plan()), crashes(run.plan())[1..]);
}

#[test]
fn points_are_active_in_some_runs_and_fire_now_and_then() {
    let count = |seed| {
        let run = Sim::new()
            .seed(seed)
            .run(|| async { (0..100).filter(|_| buggify!("short read")).count() });
        run.unwrap()
    };
    let counts: Vec<usize> = (0..200).map(count).collect();
    let active: Vec<usize> = counts.into_iter().filter(|count| *count > 0).collect();
    assert!((25..75).contains(&active.len()), "{} runs", active.len());
    assert!(
        active.iter().all(|count| (5..50).contains(count)),
        "{active:?}"
    );
    let often = Sim::new().run(|| async { (0..100).filter(|_| buggify!("x", 1.0)).count() });
    assert!([0, 100].contains(&often.unwrap()));
}

#[test]
fn links_that_are_clogged_keep_packets_until_they_are_opened() {
    simrun::run(async {
        three();
        net::hold("local", "a");
        let socket = net::UdpSocket::bind("0.0.0.0:0").await.unwrap();
        socket.connect("a:9").await.unwrap();
        socket.send(b"x").await.unwrap();
        sleep(secs(5)).await;
        net::open("local", "a");
        let refused = socket.recv(&mut [0]).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        assert!(now().since_start() < secs(6));
    });
}
