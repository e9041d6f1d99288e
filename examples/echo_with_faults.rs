//! A client counts over a network that loses packets, is cut, and has a server that crashes. It
//! tries again until it has an answer: is what it asked for done once?
//!
//! ```sh
//! cargo run --example echo_with_faults     # finds the request that is done twice
//! cargo test --example echo_with_faults    # tests the server that knows requests again
//! ```

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use simrun::explore::Explorer;
use simrun::fault::Faults;
use simrun::host;
use simrun::net::{self, Latency, Link, UdpSocket};
use simrun::sync::Tracked;
use simrun::time::{millis, secs, timeout};

const REQUESTS: u8 = 5;

/// Whether the server remembers what it has answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memory {
    On,
    Off,
}

/// Counts requests, and answers with the count.
async fn serve(done: Arc<Tracked<BTreeMap<u8, u8>>>, memory: Memory) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:7").await?;
    loop {
        let mut request = [0];
        let (_, client) = socket.recv_from(&mut request).await?;
        done.write(|done| {
            let times = done.entry(request[0]).or_insert(0);
            if memory == Memory::Off || *times == 0 {
                *times += 1;
            }
        });
        socket.send_to(&request, client).await?;
    }
}

/// Sends each request until it is answered.
async fn count() -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    for request in 0..REQUESTS {
        loop {
            socket.send_to(&[request], "server:7").await?;
            let mut answer = [0];
            let received = timeout(millis(200), socket.recv(&mut answer)).await;
            if matches!(received, Ok(Ok(_))) && answer == [request] {
                break;
            }
        }
    }
    Ok(())
}

async fn a_client_counts(memory: Memory) {
    let done = Arc::new(Tracked::new(BTreeMap::new()).named("done"));
    let link = Link::new()
        .latency(Latency::Constant(millis(1)))
        .jitter(millis(49));
    net::set_default_link(link.loss(0.01).duplication(0.01));
    let counts = done.clone();
    host::start("server", move || serve(counts.clone(), memory));
    let client = host::start("client", count);
    Faults::among(["server", "client"])
        .partitions(0.01)
        .lasting(millis(10), secs(1))
        .until(secs(5))
        .start();
    client.join().await.unwrap();
    let times: Vec<u8> = done.read(|done| done.values().copied().collect());
    assert_eq!(
        times, [1; REQUESTS as usize],
        "how often each request was done"
    );
}

fn main() {
    for memory in [Memory::Off, Memory::On] {
        println!("{}", explorer().explore(move || a_client_counts(memory)));
    }
}

fn explorer() -> Explorer {
    Explorer::new().until(secs(3_600))
}

#[simrun::test(config = explorer())]
async fn every_request_is_done_once() {
    a_client_counts(Memory::On).await;
}

#[simrun::test(config = explorer().without_regressions())]
#[should_panic(expected = "how often each request was done")]
async fn an_answer_that_is_lost_doubles_a_request() {
    a_client_counts(Memory::Off).await;
}
