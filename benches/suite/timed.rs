//! Bugs that need time, the network or what goes wrong by plan. Most of them are drawn from other
//! streams than the schedule's, so strategies find them alike; pauses are `starve`'s alone.

use std::rc::Rc;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use simrun::chance;
use simrun::net::{self, Latency, Link, TcpListener, TcpStream, UdpSocket};
use simrun::sync::{Event, Tracked};
use simrun::time::{millis, secs, sleep, timeout};
use simrun::{host, spawn};

use super::instance::{Bug, Instance, all, pad};

/// How far apart two packets are sent, and how long each may take.
const APART: Duration = millis(10);
const LONGEST: Duration = millis(50);

/// How often a request is doubled, and how often a server crashes when it has applied one.
const DUPLICATION: f64 = 0.05;
const CRASHES: f64 = 0.1;

pub(crate) fn instances() -> Vec<Instance> {
    let spread = 1.0 - APART.as_secs_f64() / LONGEST.as_secs_f64();
    vec![
        tie(),
        pause(10),
        overtaking().exactly("random", spread * spread / 2.0),
        doubled_request().exactly("random", DUPLICATION),
        torn_read().exactly("random", 0.5),
        lost_acknowledgement().exactly("random", CRASHES),
    ]
}

/// A reply comes at the moment at which the one who waits gives up.
fn tie() -> Instance {
    Instance::new("N1 timeout and reply tie", || async {
        let reply = Rc::new(Event::new());
        let replier = {
            let reply = reply.clone();
            spawn(async move {
                sleep(secs(1)).await;
                reply.set();
            })
        };
        let asker = spawn(async move { timeout(secs(1), reply.wait()).await.is_err() });
        let late = asker.await.unwrap();
        replier.await.unwrap();
        late
    })
}

/// A leader is slow between checking its lease and writing; its lease expires.
fn pause(awaits: u32) -> Instance {
    Instance::new("N2 lease pause", move || async move {
        let holder = Rc::new(Tracked::new("leader"));
        let bug = Bug::default();
        let leader = {
            let (holder, bug) = (holder.clone(), bug.clone());
            spawn(async move {
                if holder.read(|holder| *holder == "leader") {
                    pad(awaits).await;
                    bug.show_if(holder.read(|holder| *holder != "leader"));
                }
            })
        };
        let follower = spawn(async move {
            sleep(secs(1)).await;
            holder.write(|holder| *holder = "follower");
        });
        all([leader, follower]).await;
        bug.is_shown()
    })
}

/// Two datagrams that take anything up to a limit are sent a little apart; the second comes first.
fn overtaking() -> Instance {
    Instance::new("N3 packets overtake", || async {
        let peer = start_peer();
        let least = Duration::ZERO;
        let most = LONGEST;
        let link = Link::new().latency(Latency::Uniform { least, most });
        net::set_link("local", &peer, link);
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        for byte in [1, 2] {
            socket.send_to(&[byte], "peer:1").await.unwrap();
            sleep(APART).await;
        }
        let mut seen = [0; 2];
        for byte in &mut seen {
            let mut datagram = [0];
            socket.recv(&mut datagram).await.unwrap();
            *byte = datagram[0];
        }
        seen == [2, 1]
    })
}

/// Starts a host that sends every datagram back.
fn start_peer() -> host::Host {
    host::start("peer", || async {
        let socket = UdpSocket::bind("0.0.0.0:1").await.unwrap();
        loop {
            let mut datagram = [0; 16];
            let (length, from) = socket.recv_from(&mut datagram).await.unwrap();
            socket.send_to(&datagram[..length], from).await.unwrap();
        }
    })
}

/// A request that is not idempotent is doubled on its way.
fn doubled_request() -> Instance {
    Instance::new("N4 doubled request", || async {
        let peer = start_peer();
        net::set_link("local", &peer, Link::new().duplication(DUPLICATION));
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        socket.send_to(b"withdraw", "peer:1").await.unwrap();
        let mut datagram = [0; 16];
        socket.recv(&mut datagram).await.unwrap();
        timeout(secs(1), socket.recv(&mut datagram)).await.is_ok()
    })
}

/// A read of a whole message is dropped when a timer fires between its two pieces.
fn torn_read() -> Instance {
    const LIMIT: Duration = millis(10);
    Instance::new("N5 torn read", || async {
        let listener = TcpListener::bind("127.0.0.1:1").await.unwrap();
        let sender = spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"ab").await.unwrap();
            sleep(chance::duration_between("gap", Duration::ZERO, LIMIT * 2)).await;
            stream.write_all(b"cd").await.unwrap();
            // The next message comes much later.
            sleep(secs(1)).await;
            stream.write_all(b"efgh").await.unwrap();
        });
        let mut stream = TcpStream::connect("127.0.0.1:1").await.unwrap();
        let message = loop {
            let mut message = [0; 4];
            let read = timeout(LIMIT, stream.read_exact(&mut message)).await;
            if read.is_ok() {
                break message;
            }
        };
        sender.await.unwrap();
        message != *b"abcd"
    })
}

/// A server applies a request and crashes before it has said so; the client asks again.
fn lost_acknowledgement() -> Instance {
    Instance::new("N6 lost acknowledgement", || async {
        let balance = Rc::new(Tracked::new(100));
        let disk = balance.clone();
        let server = spawn(async move {
            let socket = UdpSocket::bind("0.0.0.0:1").await.unwrap();
            let mut applied = Vec::new();
            loop {
                let mut request = [0];
                let (_, from) = socket.recv_from(&mut request).await.unwrap();
                if !applied.contains(&request[0]) {
                    disk.write(|balance| *balance -= 10);
                    if chance::chance("crash", CRASHES) {
                        // What is on the disk stays, what is in memory is gone.
                        applied.clear();
                        continue;
                    }
                    applied.push(request[0]);
                }
                socket.send_to(b"done", from).await.unwrap();
            }
        });
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let mut reply = [0; 4];
        loop {
            socket.send_to(&[1], "127.0.0.1:1").await.unwrap();
            if timeout(millis(10), socket.recv(&mut reply)).await.is_ok() {
                break;
            }
        }
        server.cancel();
        balance.read(|balance| *balance != 90)
    })
}
