//! Protocols for datagrams, and what holds for protocols under any seed.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;

use simrun::net::{
    self, DatagramProtocol, DatagramTransport, Transport, create_connection,
    create_datagram_endpoint, create_server,
};
use simrun::time::{Instant, micros, millis, now, sleep};
use simrun::{Sim, Strategy, chance, host, task};

use crate::diary::{Diary, Log, kind, reports, settle, show};

/// A protocol for datagrams that keeps a diary.
struct Letters {
    log: Log,
    name: &'static str,
    answers: bool,
    panics: bool,
    transport: Option<DatagramTransport>,
}

impl Letters {
    fn new(log: &Log, name: &'static str) -> Self {
        Self {
            log: log.clone(),
            name,
            answers: false,
            panics: false,
            transport: None,
        }
    }

    fn note(&self, text: String) {
        self.log.note(format!("{}: {text}", self.name));
    }
}

impl DatagramProtocol for Letters {
    fn connection_made(&mut self, transport: &DatagramTransport) {
        self.transport = Some(transport.clone());
        self.note("made".into());
    }

    fn datagram_received(&mut self, data: &[u8], from: SocketAddr) {
        self.note(format!("{} from {from}", show(data)));
        assert!(!self.panics, "no letters, please");
        if self.answers {
            self.transport.as_ref().unwrap().sendto(data, from);
        }
    }

    fn error_received(&mut self, error: io::Error) {
        self.note(kind(Some(&error)));
    }

    fn connection_lost(&mut self, error: Option<&io::Error>) {
        self.note(format!("lost {}", kind(error)));
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// 17.1
#[test]
fn every_datagram_is_received_with_the_address_it_came_from() {
    simrun::run(async {
        let log = Log::default();
        let echo = || Letters {
            answers: true,
            ..Letters::new(&log, "echo")
        };
        let (echo, _) = create_datagram_endpoint(echo, address(7), None)
            .await
            .unwrap();
        let client = || Letters::new(&log, "client");
        let client = create_datagram_endpoint(client, address(9), address(7)).await;
        let (client, _) = client.unwrap();
        assert_eq!(log.take(), ["echo: made", "client: made"]);
        assert_eq!(
            (client.local_addr(), client.peer_addr()),
            (address(9), Some(address(7)))
        );
        client.sendto(b"one", None);
        client.sendto(b"two", address(7));
        settle().await;
        let expected = [
            "echo: one from 127.0.0.1:9",
            "echo: two from 127.0.0.1:9",
            "client: one from 127.0.0.1:7",
            "client: two from 127.0.0.1:7",
        ];
        assert_eq!(log.take(), expected);
        echo.close();
        echo.close();
        log.note("closed");
        assert!(echo.is_closing());
        settle().await;
        assert_eq!(log.take(), ["closed", "echo: lost well"]);
        client.abort();
        client.sendto(b"dropped", None);
        settle().await;
        assert_eq!(log.take(), ["client: lost well"]);
    });
}

/// 17.1
#[test]
fn an_error_is_received_and_the_endpoint_stays_open() {
    simrun::run(async {
        let log = Log::default();
        let client = || Letters::new(&log, "client");
        let client = create_datagram_endpoint(client, None, address(7)).await;
        let (client, _) = client.unwrap();
        client.sendto(&[0; 70_000], None);
        assert_eq!(log.take(), ["client: made", "client: InvalidInput"]);
        client.sendto(b"nobody is there", None);
        settle().await;
        assert_eq!(log.take(), ["client: ConnectionRefused"]);
        let friend = || Letters::new(&log, "friend");
        let _friend = create_datagram_endpoint(friend, address(7), None)
            .await
            .unwrap();
        client.sendto(b"now", None);
        settle().await;
        assert_eq!(log.take().len(), 2);
        let nothing = create_datagram_endpoint(|| Letters::new(&log, "none"), None, None).await;
        assert_eq!(nothing.err().unwrap().kind(), ErrorKind::InvalidInput);
    });
}

/// 17.1
#[test]
#[should_panic(expected = "the endpoint is connected to 127.0.0.1:7")]
fn a_connected_endpoint_sends_to_nobody_else() {
    simrun::run(async {
        let client = || Letters::new(&Log::default(), "client");
        let client = create_datagram_endpoint(client, None, address(7)).await;
        client.unwrap().0.sendto(b"psst", address(8));
    });
}

/// 17.1: that other exceptions of a socket are fatal has no counterpart. The protocol's are not.
#[test]
fn a_protocol_that_panics_over_a_datagram_is_reported_and_gets_the_next_one() {
    simrun::run(async {
        let (log, reports) = (Log::default(), reports());
        let server = || Letters {
            panics: true,
            ..Letters::new(&log, "server")
        };
        let (_server, _) = create_datagram_endpoint(server, address(7), None)
            .await
            .unwrap();
        let client = || Letters::new(&log, "client");
        let client = create_datagram_endpoint(client, address(9), address(7)).await;
        let (client, _) = client.unwrap();
        log.take();
        client.sendto(b"one", None);
        client.sendto(b"two", None);
        settle().await;
        let expected = [
            "server: one from 127.0.0.1:9",
            "server: two from 127.0.0.1:9",
        ];
        assert_eq!(log.take(), expected);
        assert_eq!(
            reports.take(),
            ["a callback panicked: no letters, please"; 2]
        );
    });
}

/// 17.1: datagrams leave when they are sent, so there is none to be flushed.
#[test]
fn what_was_sent_before_an_endpoint_was_closed_arrives_and_what_comes_later_is_dropped() {
    for abort in [false, true] {
        simrun::run(async move {
            let log = Log::default();
            let server = || Letters::new(&log, "server");
            let server = create_datagram_endpoint(server, address(7), None).await;
            let client = || Letters::new(&log, "client");
            let client = create_datagram_endpoint(client, address(9), address(7)).await;
            let (client, _) = client.unwrap();
            log.take();
            client.sendto(b"before", None);
            match abort {
                true => client.abort(),
                false => client.close(),
            }
            client.sendto(b"after", None);
            settle().await;
            let expected = ["client: lost well", "server: before from 127.0.0.1:9"];
            assert_eq!(log.take(), expected);
            server.unwrap().0.close();
        });
    }
}

/// 17.2. How much a datagram counts in the buffer has no counterpart: there is no buffer.
#[test]
fn an_empty_datagram_is_sent_as_any_other() {
    simrun::run(async {
        let log = Log::default();
        let server = || Letters::new(&log, "server");
        let (_server, _) = create_datagram_endpoint(server, address(7), None)
            .await
            .unwrap();
        let client = || Letters::new(&log, "client");
        let client = create_datagram_endpoint(client, address(9), address(7)).await;
        client.unwrap().0.sendto(b"", None);
        settle().await;
        assert_eq!(log.take().last().unwrap(), "server:  from 127.0.0.1:9");
    });
}

#[test]
fn the_endpoint_of_a_host_that_crashes_is_gone_without_a_word() {
    simrun::run(async {
        let log = Log::default();
        let server = log.clone();
        let machine = host::start("server", move || {
            let log = server.clone();
            async move {
                let any = SocketAddr::from(([0, 0, 0, 0], 7));
                let letters = || Letters::new(&log, "server");
                let _endpoint = create_datagram_endpoint(letters, any, None).await.unwrap();
                sleep(millis(10_000)).await;
            }
        });
        settle().await;
        machine.crash();
        settle().await;
        assert_eq!(log.take(), ["server: made"]);
    });
}

thread_local! {
    /// The addresses of transports that write no more.
    static ENDED: RefCell<Vec<(SocketAddr, SocketAddr)>> = const { RefCell::new(Vec::new()) };
}

/// Two hosts talk over connections that are cut, closed and aborted at any time.
async fn storm() -> (Vec<String>, Instant) {
    simrun::event_loop::set_exception_handler(|_| ());
    ENDED.take();
    let log = Log::default();
    let served: Rc<RefCell<Vec<Transport>>> = Rc::default();
    let (server, accepted) = (log.clone(), served.clone());
    let machine = host::start("server", move || {
        let (log, accepted) = (server.clone(), accepted.clone());
        async move {
            let number = RefCell::new(0);
            let factory = move || {
                let number = number.replace_with(|number| *number + 1);
                let name: &'static str = ["s0", "s1", "s2", "s3"][number];
                let accepted = accepted.clone();
                let diary = Diary::new(&log, name).on("made", move |transport| {
                    accepted.borrow_mut().push(transport.clone());
                });
                busy(diary)
            };
            let server = create_server(factory, "0.0.0.0:80").await.unwrap();
            let _ = server.serve_forever().await;
        }
    });
    sleep(millis(1)).await;
    let client = |name: &'static str| {
        let (log, served) = (log.clone(), served.clone());
        task::spawn(async move {
            let made = create_connection(|| busy(Diary::new(&log, name)), "server:80").await;
            let Ok((client, _)) = made else { return };
            for _ in 0..chance::below("storm", 12) {
                let served = served.borrow().clone();
                let any = if served.is_empty() || chance::chance("storm", 0.5) {
                    client.clone()
                } else {
                    served[chance::below("storm", served.len() as u64) as usize].clone()
                };
                match chance::below("storm", 8) {
                    0 => any.close(),
                    1 => any.abort(),
                    2 => end(&any),
                    3 => any.pause_reading(),
                    4 => any.resume_reading(),
                    5 => net::cut("local", "server"),
                    6 => net::heal("local", "server"),
                    _ => {}
                }
                sleep(micros(chance::below("storm", 300))).await;
            }
            sleep(millis(1_000)).await;
            client.abort();
        })
    };
    simrun::gather(["c0", "c1", "c2", "c3"].map(client))
        .await
        .unwrap();
    net::heal("local", "server");
    sleep(millis(1_000)).await;
    for transport in served.take() {
        transport.abort();
    }
    sleep(millis(1_000)).await;
    machine.crash();
    (log.take(), now())
}

/// Writes whenever that is possible, and panics sometimes.
fn busy(diary: Diary) -> Diary {
    let write = |transport: &Transport| {
        if chance::chance("storm", 0.5) && !has_ended(transport) {
            let size = [0, 10, 100_000][chance::below("storm", 3) as usize];
            transport.write(&vec![7; size]);
        }
        assert!(chance::chance("storm", 0.95), "now and then");
    };
    let diary = diary.on("made", write).on("data", write);
    let diary = diary.on("eof", write).on("resume", write);
    match chance::chance("storm", 0.5) {
        true => diary.keeping_open(),
        false => diary,
    }
}

fn has_ended(transport: &Transport) -> bool {
    let local = transport.local_addr();
    ENDED.with_borrow(|ended| ended.contains(&(local, transport.peer_addr())))
}

fn end(transport: &Transport) {
    let ends = (transport.local_addr(), transport.peer_addr());
    ENDED.with_borrow_mut(|ended| ended.push(ends));
    transport.write_eof();
}

#[test]
fn connection_lost_comes_exactly_once_and_last_under_any_seed() {
    let mut ends = 0;
    for seed in 0..500 {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        let run = sim.run(storm);
        let fingerprint = run.fingerprint();
        let (lines, _) = run.unwrap();
        for name in ["c0", "c1", "c2", "c3", "s0", "s1", "s2", "s3"] {
            let of = |line: &&String| line.starts_with(name);
            let own: Vec<_> = lines.iter().filter(of).collect();
            let Some((last, before)) = own.split_last() else {
                continue;
            };
            ends += 1;
            let context = format!("seed {seed}: {own:?}");
            assert!(own[0].ends_with("made"), "{context}");
            assert!(last.contains("lost"), "{context}");
            assert!(
                !before.iter().any(|line| line.contains("lost")),
                "{context}"
            );
            let eofs = own.iter().filter(|line| line.ends_with("eof")).count();
            assert!(eofs <= 1, "{context}");
        }
        if seed % 50 == 0 {
            assert_eq!(sim.run(storm).fingerprint(), fingerprint, "seed {seed}");
        }
    }
    assert!(ends > 2_000, "{ends}");
}
