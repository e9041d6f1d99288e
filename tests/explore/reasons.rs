//! Why a run fails: what it depends on, what does not matter, and from where on nothing helps.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use simrun::chance::{self, Plan};
use simrun::explore::{Explorer, Shrunk};
use simrun::net::{self, Latency, Link, UdpSocket};
use simrun::sync::Tracked;
use simrun::time::{millis, sleep};
use simrun::{Sim, host, spawn, task, time};

use crate::programs;

fn shrunk<F>(main: fn() -> F) -> Shrunk
where
    F: Future<Output = ()> + 'static,
{
    let report = Explorer::new().replays(5_000).explore(main);
    report.findings()[0].shrunk().unwrap().clone()
}

/// The first of three tasks has to go first.
async fn the_first_goes_first() {
    let first = Rc::new(Cell::new(0));
    for number in 1..=3 {
        let first = first.clone();
        let note = move || first.get() == 0 && first.replace(number) == 0;
        spawn(async move { _ = note() }).detach();
    }
    time::sleep(time::secs(1)).await;
    assert_eq!(first.get(), 1, "another one has gone first");
}

#[test]
fn it_does_not_matter_who_goes_first_if_it_is_not_the_first() {
    let shrunk = shrunk(the_first_goes_first);
    let sites: Vec<String> = shrunk
        .why()
        .irrelevant()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(sites, ["schedule main#1"]);
}

#[test]
fn a_decision_that_has_to_go_as_it_does_is_relevant() {
    let shrunk = shrunk(programs::two_bugs);
    assert_eq!(shrunk.plan().len(), 1);
    assert_eq!(shrunk.why().irrelevant(), []);
}

#[test]
fn a_number_of_which_only_some_fail_is_no_sharp_threshold() {
    let program = || async {
        let drawn = chance::below("number", 1_000);
        assert!(!(10..20).contains(&drawn), "one of ten numbers");
    };
    let plan: Plan = "simrun plan 1\nuser main#0 number -> 15\n".parse().unwrap();
    let shrunk = Explorer::new()
        .replays(1_000)
        .shrink(program, &plan)
        .unwrap();
    let [threshold] = shrunk.thresholds() else {
        panic!("{shrunk}")
    };
    assert!(!threshold.is_sharp());
    assert_eq!(
        threshold.to_string(),
        "fails when `user main#0 number` is 10, and not when it is 9"
    );
}

/// Two datagrams, the first of which takes too long.
async fn overtaking() {
    let server = host::start("server", || async {
        let socket = UdpSocket::bind("0.0.0.0:1").await.unwrap();
        let mut seen = [0; 2];
        for byte in &mut seen {
            let mut datagram = [0];
            socket.recv(&mut datagram).await.unwrap();
            *byte = datagram[0];
        }
        assert_eq!(seen, [1, 2], "they came in another order");
    });
    let (least, most) = (millis(5), millis(50));
    let link = Link::new().latency(Latency::Uniform { least, most });
    net::set_link("local", &server, link);
    let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    for byte in [1, 2] {
        socket.send_to(&[byte], "server:1").await.unwrap();
        sleep(millis(10)).await;
    }
    server.join().await.unwrap();
}

#[test]
fn the_threshold_of_a_packet_is_the_time_that_it_takes() {
    let shrunk = shrunk(overtaking);
    let [threshold] = shrunk.thresholds() else {
        panic!("{shrunk}")
    };
    let duration = threshold.duration().expect("latencies are lengths of time");
    assert!(
        duration.abs_diff(millis(15)) <= Duration::from_nanos(1),
        "{threshold}"
    );
    let text = "latency` is 15.000001ms or more, and not when it is 15ms";
    assert!(threshold.to_string().ends_with(text), "{threshold}");
}

/// A race beside two tasks that have nothing to do with it.
async fn a_race_among_others() {
    let (balance, other) = (Arc::new(Tracked::new(0)), Arc::new(Tracked::new(0)));
    for number in 1..=2 {
        let other = other.clone();
        let busy = async move {
            for _ in 0..8 {
                other.write(|other| *other += number);
                task::yield_now().await;
            }
        };
        spawn(busy).name(format!("busy {number}")).detach();
    }
    let deposit = |late| {
        let balance = balance.clone();
        spawn(async move {
            for _ in 0..late {
                task::yield_now().await;
            }
            let before = balance.read(|balance| *balance);
            task::yield_now().await;
            balance.write(|balance| *balance = before + 1);
        })
    };
    let (one, two) = (deposit(1), deposit(3));
    one.await.unwrap();
    two.await.unwrap();
    assert_eq!(balance.read(|balance| *balance), 2, "a deposit is lost");
}

#[test]
fn what_the_failure_does_not_depend_on_is_left_out() {
    let shrunk = shrunk(a_race_among_others);
    let why = shrunk.why();
    let events = why.trace().events();
    let busy = |index: &usize| events[*index].task.starts_with("busy");
    let (others, own): (Vec<usize>, Vec<usize>) = (0..events.len()).partition(busy);
    assert!(others.len() >= 20, "{}", others.len());
    assert!(others.iter().all(|event| !why.is_cause(*event)));
    let own = own.iter().filter(|event| events[**event].task != "loop");
    assert!(own.clone().count() > 20, "{}", own.count());
    assert!(own.filter(|event| !why.is_cause(**event)).count() <= 2);
}

#[test]
fn decisions_for_others_are_dropped() {
    let run = |seed| {
        let strategy = simrun::Strategy::random();
        let sim = Sim::new().seed(seed).strategy(strategy).write_plan(true);
        sim.run(a_race_among_others)
    };
    let failing = (1..1_000).map(run).filter(|run| run.failure().is_some());
    let explorer = Explorer::new().replays(5_000);
    for run in failing.take(10) {
        let shrunk = explorer.shrink(a_race_among_others, run.plan()).unwrap();
        let own = ["task main/3", "task main/4"];
        let mut decisions = shrunk.plan().iter();
        assert!(
            decisions.all(|(_, choice)| own.contains(&&*choice.to_string())),
            "{}",
            shrunk.plan()
        );
    }
}

#[test]
fn a_failure_is_inevitable_once_both_have_read() {
    let shrunk = shrunk(programs::lost_update);
    let why = shrunk.why();
    let from = why.inevitable_from().expect("until then it can be avoided");
    let reads = |event: &simrun::trace::Event| event.kind.word() == "touches";
    let before = why.trace().events()[..=from + 1]
        .iter()
        .filter(|event| reads(event));
    assert_eq!(
        before.count(),
        2,
        "one has read before, and the other does in this step"
    );
    let curve = Explorer::new().bug_probability(programs::lost_update, shrunk.plan(), 50);
    assert!(curve[0] < 0.5, "{curve:?}");
    assert_eq!(curve.last(), Some(&1.0));
    let steps = why.trace().events()[..=from].iter();
    let made = steps.filter(|event| event.kind.word() == "steps").count();
    assert!(curve[made..].iter().all(|share| *share == 1.0), "{curve:?}");
    assert!(curve[made - 1] < 1.0, "{curve:?}");
}

#[test]
fn what_fails_in_every_order_is_inevitable() {
    let program = || async {
        let tasks = [1, 2, 3].map(|_| spawn(task::yield_now()));
        for task in tasks {
            task.await.unwrap();
        }
        panic!("always");
    };
    let report = Explorer::new().replays(500).explore(program);
    let why = report.findings()[0].shrunk().unwrap().why().clone();
    assert!(why.is_inevitable());
    assert_eq!(why.inevitable_from(), None);
    assert!(why.replays() <= 52);
}

#[test]
fn a_plan_is_told_in_the_same_way_every_time() {
    let told = || {
        let shrunk = shrunk(programs::lost_update);
        let why = shrunk.why();
        (shrunk.to_string(), why.inevitable_from(), why.replays())
    };
    assert_eq!(told(), told());
}
