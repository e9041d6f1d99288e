//! What a program tells `tracing` is in the traces of its runs, and changes nothing in them.

use std::sync::{Arc, Mutex};

use simrun::explore::Explorer;
use simrun::sync::Tracked;
use simrun::trace::VirtualTime;
use simrun::{Sim, Strategy, spawn, task, thread, time};
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, debug, info, info_span, instrument};

/// Returns what runs tell, without where and when.
fn told(run: &simrun::Run<()>) -> Vec<String> {
    let told = run.trace().only(["traces", "opens", "closes"]).to_string();
    let without_time = |line: &str| {
        line.split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    };
    told.lines().map(without_time).collect()
}

/// Writes down what an outer subscriber is told, as users see it.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Does something while a subscriber of `tracing_subscriber` listens.
    fn listen<R>(&self, level: LevelFilter, act: impl FnOnce() -> R) -> R {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_timer(VirtualTime::new().with_task())
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, act)
    }
}

#[instrument]
async fn serve(request: u32) {
    info!("accepted");
    task::yield_now().await;
    let bytes = read(request).await;
    info!(bytes, kind = "text", "answered");
}

#[instrument(fields(bytes))]
async fn read(request: u32) -> u32 {
    task::yield_now().await;
    debug!("not kept");
    tracing::Span::current().record("bytes", request * 2);
    request * 2
}

async fn server() {
    let two = [1, 2].map(|request| spawn(serve(request)));
    for task in two {
        task.await.unwrap();
    }
}

#[test]
fn spans_are_those_of_the_task_whoever_runs_in_between() {
    let run = Sim::new().record(true).run(server);
    insta::assert_snapshot!(told(&run).join("\n"), @r#"
    main/1 opens serve{request=1}
    main/1 traces INFO serve{request=1}: accepted
    main/2 opens serve{request=2}
    main/2 traces INFO serve{request=2}: accepted
    main/1 opens read{request=1}
    main/2 opens read{request=2}
    main/1 closes read{request=1 bytes=2}
    main/1 traces INFO serve{request=1}: answered bytes=2 kind="text"
    main/1 closes serve{request=1}
    main/2 closes read{request=2 bytes=4}
    main/2 traces INFO serve{request=2}: answered bytes=4 kind="text"
    main/2 closes serve{request=2}
    "#);
}

#[test]
fn a_guard_held_across_an_await_does_not_reach_other_tasks() {
    let run = Sim::new().record(true).run(|| async {
        let one = spawn(async {
            let _mistake = info_span!("mistake").entered();
            task::yield_now().await;
            info!("inside");
        });
        let two = spawn(async {
            info!("outside");
        });
        one.await.unwrap();
        two.await.unwrap();
    });
    insta::assert_snapshot!(told(&run).join("\n"), @r#"
    main/1 opens mistake
    main/2 traces INFO outside
    main/1 traces INFO mistake: inside
    main/1 closes mistake
    "#);
}

#[test]
fn a_thread_stays_in_its_span_while_it_blocks() {
    let run = Sim::new().record(true).run_thread(|| {
        let worker = |number: u32| {
            thread::spawn(move || {
                let _span = info_span!("worker", number).entered();
                thread::sleep(time::millis(1));
                info!("slept");
            })
        };
        for worker in [1, 2].map(worker) {
            worker.join().unwrap();
        }
    });
    let events: Vec<String> = told(&run)
        .into_iter()
        .filter(|line| line.contains("slept"))
        .collect();
    assert!(
        events[0].ends_with("INFO worker{number=1}: slept"),
        "{events:?}"
    );
    assert!(
        events[1].ends_with("INFO worker{number=2}: slept"),
        "{events:?}"
    );
}

#[test]
fn parents_that_are_named_count_and_levels_can_be_set() {
    let program = || async {
        let outer = info_span!("outer", id = 3);
        let inner = tracing::debug_span!(parent: &outer, "inner");
        spawn(async { debug!(r#type = "b", "in both") }.instrument(inner))
            .await
            .unwrap();
        info!(parent: &outer, "in one");
        info!(parent: None, "in none");
    };
    let sim = Sim::new().record(true);
    let text = |sim: &Sim| told(&sim.run(program)).join("\n");
    insta::assert_snapshot!(text(&sim), @r#"
    main opens outer{id=3}
    main traces INFO outer{id=3}: in one
    main traces INFO in none
    main closes outer{id=3}
    "#);
    insta::assert_snapshot!(text(&sim.tracing(LevelFilter::DEBUG)), @r#"
    main opens outer{id=3}
    main opens inner
    main/1 traces DEBUG outer{id=3}:inner: in both type="b"
    main/1 closes inner
    main traces INFO outer{id=3}: in one
    main traces INFO in none
    main closes outer{id=3}
    "#);
}

/// Reads a tracked value whenever it is written down.
struct Curious(Tracked<u32>);

impl std::fmt::Debug for Curious {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        simrun::log!("looking");
        self.0.read(|value| value.fmt(f))
    }
}

#[test]
fn recording_changes_no_run() {
    let program = || async {
        let curious = Arc::new(Curious(Tracked::new(7)));
        let tasks = [1, 2, 3].map(|number| {
            let curious = curious.clone();
            spawn(
                async move {
                    info!(?curious, "before");
                    task::yield_now().await;
                    curious.0.write(|value| *value += number);
                    info!(?curious, "after");
                }
                .instrument(info_span!("task", number)),
            )
        });
        for task in tasks {
            task.await.unwrap();
        }
    };
    for seed in 0..50 {
        let sim = Sim::new()
            .seed(seed)
            .strategy(Strategy::random())
            .hash_trace(true);
        let (plain, recorded) = (sim.run(program), sim.clone().record(true).run(program));
        assert_eq!(plain.fingerprint(), recorded.fingerprint());
        assert_eq!(plain.trace_hash(), recorded.trace_hash());
        assert_eq!(recorded.trace().only(["traces"]).events().count(), 6);
        assert_eq!(recorded.trace().only(["logs"]).events().count(), 0);
        let written = Written::default();
        let heard = written.listen(LevelFilter::OFF, || sim.clone().record(true).run(program));
        assert_eq!(recorded.to_string(), heard.to_string());
    }
}

#[test]
fn a_subscriber_of_the_program_s_own_sees_what_it_saw_before() {
    let program = || async {
        let before = info_span!("root");
        server().instrument(before).await;
        debug!("done");
    };
    let plain = Written::default();
    plain.listen(LevelFilter::DEBUG, || Sim::new().run(program).unwrap());
    let recorded = Written::default();
    let outside = || {
        let _around = info_span!("around").entered();
        Sim::new().record(true).run(program)
    };
    let run = recorded.listen(LevelFilter::DEBUG, outside);
    let text = recorded.text();
    assert!(text.contains("around"), "{text}");
    assert_eq!(
        plain.text(),
        text.replace("around: ", "").replace("around:", "")
    );
    assert!(!run.trace().to_string().contains("simrun::"));
    assert!(
        plain.text().starts_with("0ns           loop         DEBUG"),
        "{text}"
    );
    assert!(plain.text().contains("not kept"), "{text}");
}

#[test]
fn the_loop_tells_of_itself_to_whoever_listens() {
    let program = || async {
        simrun::log!("hello");
        spawn(time::sleep(time::secs(2)))
            .name("sleeper")
            .await
            .unwrap();
    };
    let written = Written::default();
    let heard = written.listen(LevelFilter::TRACE, || Sim::new().run(program));
    insta::assert_snapshot!(written.text(), @r#"
    0ns           loop         DEBUG simrun::task: spawns main at=0ns task=loop
    0ns           loop         TRACE simrun::step: steps at=0ns task=main
    0ns           main          INFO simrun::log: hello at=0ns
    0ns           loop         DEBUG simrun::task: spawns main/1 at=0ns task=main
    0ns           loop         TRACE simrun::step: waits for task sleeper at=0ns task=main
    0ns           loop         TRACE simrun::step: steps at=0ns task=sleeper
    0ns           loop         TRACE simrun::step: waits for a timer at=0ns task=sleeper
    2s            loop         TRACE simrun::step: timer at=2s task=loop
    2s            loop         TRACE simrun::step: steps at=2s task=sleeper
    2s            loop         DEBUG simrun::task: ends with a value at=2s task=sleeper
    2s            loop         TRACE simrun::step: steps at=2s task=main
    2s            loop         DEBUG simrun::task: ends with a value at=2s task=main
    "#);
    assert_eq!(heard.fingerprint(), Sim::new().run(program).fingerprint());
    assert!(heard.trace().events().is_empty());
}

#[test]
fn outside_a_run_there_is_no_virtual_time() {
    let written = Written::default();
    written.listen(LevelFilter::INFO, || info!("outside"));
    assert_eq!(written.text(), "-  INFO trace::told: outside\n");
}

#[test]
fn a_failing_check_shows_what_was_told() {
    let program = || async {
        let both = [1, 2].map(|number| spawn(async move { info!("number {number} is up") }));
        for task in both {
            task.await.unwrap();
        }
        panic!("nobody is to be up");
    };
    let report = Explorer::new().runs(2).explore(program);
    let shrunk = report.findings()[0].shrunk().unwrap();
    let events = shrunk.why().trace().only(["traces"]).to_string();
    assert!(
        events.contains("main/1       traces INFO number 1 is up"),
        "{events}"
    );
    let check = || Explorer::new().without_regressions().check(program);
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.contains("INFO number 1 is up"), "{message}");
}
