//! Hosts: they crash, stand still, come back and disagree about the time.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use futures::{AsyncReadExt, AsyncWriteExt};
use simrun::host::{self, Skew};
use simrun::net::{self, Latency, Link, TcpListener, TcpStream, UdpSocket};
use simrun::time::{millis, now, secs, sleep, system_time, timeout};
use simrun::{Sim, Strategy, spawn, task, thread};

/// A server that answers each byte with the next one.
async fn successor() {
    let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        spawn(async move {
            let mut byte = [0];
            while stream.read_exact(&mut byte).await.is_ok() {
                if stream.write_all(&[byte[0] + 1]).await.is_err() {
                    break;
                }
            }
        })
        .detach();
    }
}

async fn ask(stream: &mut TcpStream, byte: u8) -> std::io::Result<u8> {
    stream.write_all(&[byte]).await?;
    let mut answer = [0];
    stream.read_exact(&mut answer).await?;
    Ok(answer[0])
}

#[test]
fn hosts_find_each_other_by_name_and_are_a_latency_apart() {
    simrun::run(async {
        host::start("server", successor);
        let slow = Link::new().latency(Latency::Constant(millis(50)));
        net::set_default_link(slow);
        let client = host::start("client", || async {
            let mut stream = TcpStream::connect("server:80").await.unwrap();
            assert_eq!(now().since_start(), millis(100));
            assert_eq!(ask(&mut stream, 6).await.unwrap(), 7);
            assert_eq!(now().since_start(), millis(200));
            assert_eq!(host::current().unwrap().name(), "client");
        });
        client.join().await.unwrap();
        assert!(host::current().is_none());
    });
}

#[test]
fn a_host_can_have_several_addresses_and_a_name_can_stand_for_any() {
    simrun::run(async {
        let server = host::start("server", successor);
        let other = "192.168.7.7".parse().unwrap();
        server.add_address(other);
        net::set_name("www", [other]);
        let mut stream = TcpStream::connect("www:80").await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip(), other);
        assert_eq!(ask(&mut stream, 1).await.unwrap(), 2);
        let six = server.addresses()[1];
        assert!(six.is_ipv6());
        net::set_lookup_delay(secs(1));
        net::set_lookup_failing("www", true);
        let failed = TcpStream::connect("www:80").await.unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::TimedOut);
        assert_eq!(now().since_start().as_secs(), 1);
    });
}

#[test]
fn a_crash_drops_everything_that_the_host_has() {
    let run = Sim::new().run(|| async {
        let steps = Arc::new(AtomicU32::new(0));
        let busy = {
            let steps = steps.clone();
            move || {
                let steps = steps.clone();
                async move {
                    let tick = steps.clone();
                    spawn(async move {
                        loop {
                            sleep(millis(10)).await;
                            tick.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                    .detach();
                    drop(thread::spawn(move || {
                        loop {
                            thread::sleep(millis(10));
                            steps.fetch_add(1, Ordering::Relaxed);
                        }
                    }));
                    sleep(secs(100)).await;
                }
            }
        };
        let busy = host::start("busy", busy);
        sleep(millis(105)).await;
        busy.crash();
        assert!(!busy.is_up());
        let before = steps.load(Ordering::Relaxed);
        assert_eq!(before, 20);
        sleep(secs(1)).await;
        assert_eq!(steps.load(Ordering::Relaxed), before);
        busy.restart();
        sleep(millis(15)).await;
        assert_eq!(steps.load(Ordering::Relaxed), before + 2);
    });
    run.unwrap();
}

#[test]
fn a_crash_is_silence_or_a_reset_and_a_restart_knows_nothing_of_before() {
    simrun::run(async {
        let server = host::start("server", successor);
        let mut stream = TcpStream::connect("server:80").await.unwrap();
        assert_eq!(ask(&mut stream, 1).await.unwrap(), 2);
        server.crash_with_resets();
        let reset = ask(&mut stream, 1).await.unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        server.restart();
        sleep(millis(1)).await;
        let mut stream = TcpStream::connect("server:80").await.unwrap();
        server.crash_silently();
        assert!(timeout(secs(5), ask(&mut stream, 1)).await.is_err());
        let refused = timeout(secs(5), TcpStream::connect("server:80")).await;
        assert!(refused.is_err(), "nobody answers");
        server.restart();
        let reset = stream.read(&mut [0]).await.unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_host_that_stops_cancels_its_tasks_and_waits_for_them() {
    simrun::run(async {
        let said = Arc::new(Mutex::new(Vec::new()));
        let words = said.clone();
        let tidy = host::start("tidy", move || {
            let words = words.clone();
            async move {
                let slept = task::cancellable(sleep(secs(100))).await;
                assert!(slept.is_err());
                sleep(secs(1)).await;
                words.lock().unwrap().push("tidied up");
            }
        });
        sleep(secs(1)).await;
        tidy.stop().await;
        assert_eq!(*said.lock().unwrap(), ["tidied up"]);
        assert_eq!(now().since_start(), secs(2));
        assert!(!tidy.is_up());
    });
}

#[test]
fn a_host_that_stands_still_fires_its_timers_late() {
    simrun::run(async {
        let woke = Arc::new(Mutex::new(Vec::new()));
        let times = woke.clone();
        let slow = host::start("slow", move || {
            let times = times.clone();
            async move {
                for _ in 0..3 {
                    sleep(secs(1)).await;
                    times.lock().unwrap().push(now().since_start());
                }
            }
        });
        sleep(millis(1_500)).await;
        slow.pause();
        sleep(secs(5)).await;
        slow.resume();
        slow.join().await.unwrap();
        let late = [secs(1), millis(6_500), millis(7_500)];
        assert_eq!(*woke.lock().unwrap(), late);
    });
}

#[test]
fn clocks_differ_in_what_they_show_and_in_how_fast_they_run() {
    simrun::run(async {
        let start = system_time();
        let host = host::start("fast", move || async move {
            sleep(millis(1)).await;
            let shown = system_time().duration_since(start).unwrap();
            assert!(shown >= secs(60));
            let (before, shown) = (now(), system_time());
            sleep(secs(1_000)).await;
            // It gains a tenth of a second in a hundred: so it is early by as much.
            assert_eq!((now() - before).as_millis(), 999_000);
            let passed = system_time().duration_since(shown).unwrap();
            assert_eq!(passed.as_secs_f64().round(), 1_000.0);
        });
        host.set_skew(Skew::ahead(secs(60)).drift(1_001));
        host.join().await.unwrap();
    });
}

#[test]
fn a_partition_separates_and_healing_joins() {
    simrun::run(async {
        host::start("server", successor);
        let mut stream = TcpStream::connect("server:80").await.unwrap();
        net::partition("server", "local");
        let answer = spawn(async move { ask(&mut stream, 3).await });
        sleep(secs(10)).await;
        assert!(!answer.is_done());
        net::heal_all();
        assert_eq!(answer.await.unwrap().unwrap(), 4);
        assert!(
            now().since_start() > secs(12),
            "it noticed at its next attempt"
        );
    });
}

#[test]
fn the_failure_of_a_host_that_nobody_joins_fails_the_run_and_names_it() {
    let run = Sim::new().run(|| async {
        host::start("shaky", || async {
            spawn(sleep(secs(1))).await.unwrap();
            Err::<(), _>("the disk is full")
        });
        sleep(secs(2)).await;
    });
    let failure = run.failure().unwrap().to_string();
    assert!(failure.contains("the disk is full"), "{failure}");
    assert!(failure.contains("shaky"), "{failure}");
}

#[test]
fn tasks_and_deadlocks_carry_the_name_of_their_host() {
    let run = Sim::new().run(|| async {
        let host = host::start("lonely", || async {
            spawn(std::future::pending::<()>()).name("reader").detach();
            let socket = UdpSocket::bind("0.0.0.0:53").await.unwrap();
            socket.recv(&mut [0]).await.unwrap();
        });
        host.join().await.unwrap();
    });
    let text = run.failure().unwrap().to_string();
    assert!(
        text.contains("lonely waits for datagram socket `0.0.0.0:53`"),
        "{text}"
    );
    assert!(text.contains("lonely:reader waits"), "{text}");
}

#[test]
fn crashes_under_any_seed_leave_nothing_behind_and_repeat_exactly() {
    let program = || async {
        net::set_default_link(Link::new().jitter(millis(3)).loss(0.05));
        let server = host::start("server", successor);
        let client = |number: u8| {
            host::start(format!("client-{number}"), move || async move {
                for byte in 0..5 {
                    let Ok(Ok(mut stream)) =
                        timeout(secs(1), TcpStream::connect("server:80")).await
                    else {
                        continue;
                    };
                    if let Ok(Ok(answer)) = timeout(secs(1), ask(&mut stream, byte)).await {
                        assert_eq!(answer, byte + 1);
                    }
                }
            })
        };
        let clients: Vec<_> = (0..3).map(client).collect();
        for _ in 0..3 {
            sleep(millis(simrun::chance::below("crash after", 50))).await;
            server.crash();
            sleep(millis(simrun::chance::below("restart after", 50))).await;
            server.restart();
        }
        for client in clients {
            client.join().await.unwrap();
        }
    };
    for seed in 0..60 {
        let sim = Sim::new()
            .seed(seed)
            .strategy(Strategy::random())
            .write_plan(true);
        let run = sim.run(program);
        assert!(
            run.failure().is_none(),
            "seed {seed}: {}",
            run.failure().unwrap()
        );
        let plan = run.plan().to_string().parse().unwrap();
        let replay = Sim::new().strategy(Strategy::replay(plan)).run(program);
        assert_eq!(run.fingerprint(), replay.fingerprint(), "seed {seed}");
        assert!(replay.diverged().is_empty(), "seed {seed}");
    }
}
