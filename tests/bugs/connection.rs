//! A connection on which a query is cancelled between its request and its reply: the next query
//! reads the reply that was meant for this one.

use std::cell::RefCell;

use futures::{AsyncReadExt, AsyncWriteExt};
use simrun::net::{TcpListener, TcpStream};
use simrun::spawn;
use simrun::time::{millis, sleep, timeout};

use super::{Version, bug};

/// Echoes numbers, some of them late.
async fn serve(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        spawn(async move {
            let mut number = [0];
            while stream.read_exact(&mut number).await.is_ok() {
                sleep(millis(simrun::chance::below("work", 8))).await;
                let _ = stream.write_all(&number).await;
            }
        })
        .detach();
    }
}

struct Client {
    version: Version,
    idle: RefCell<Option<TcpStream>>,
}

impl Client {
    async fn query(&self, number: u8) -> u8 {
        let idle = self.idle.take();
        let stream = match idle {
            Some(stream) => stream,
            None => TcpStream::connect("localhost:6379").await.unwrap(),
        };
        let mut lease = Lease {
            client: self,
            stream: Some(stream),
            is_answered: false,
        };
        let stream = lease.stream.as_mut().unwrap();
        stream.write_all(&[number]).await.unwrap();
        let mut reply = [0];
        stream.read_exact(&mut reply).await.unwrap();
        lease.is_answered = true;
        reply[0]
    }
}

/// Gives the connection back, whatever becomes of the query. The mended version keeps only those
/// on which nothing is outstanding.
struct Lease<'a> {
    client: &'a Client,
    stream: Option<TcpStream>,
    is_answered: bool,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if self.is_answered || self.client.version == Version::Broken {
            self.client.idle.replace(self.stream.take());
        }
    }
}

async fn a_query_takes_too_long(version: Version) {
    let listener = TcpListener::bind("localhost:6379").await.unwrap();
    let server = spawn(serve(listener));
    let idle = RefCell::default();
    let client = Client { version, idle };
    for number in 1..=3 {
        let reply = timeout(millis(5), client.query(number)).await;
        if let Ok(reply) = reply {
            assert_eq!(reply, number, "the reply to another query");
        }
    }
    server.cancel();
}

bug!(
    the_next_query_reads_the_last_ones_reply,
    a_query_takes_too_long,
    "the reply to another query"
);
