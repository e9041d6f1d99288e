//! The works as turmoil does them: see [`on_simrun`](super::on_simrun).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil::net::{TcpListener, TcpStream};
use turmoil::{Builder, Sim};

use super::works::{BYTES, CLIENTS};

/// The tick of turmoil's clock: nothing takes less.
const TICK: Duration = Duration::from_millis(1);

/// Longer than any work takes.
const LONG: Duration = Duration::from_secs(1_000_000);

/// How many connections wait to be accepted: enough for all that come in one tick.
const BACKLOG: usize = 1_024;

fn sim<'a>() -> Sim<'a> {
    let mut builder = Builder::new();
    builder.tick_duration(TICK).simulation_duration(LONG);
    builder.max_message_latency(TICK).min_message_latency(TICK);
    builder.tcp_capacity(BACKLOG).rng_seed(1).build()
}

async fn tcp_server() -> turmoil::Result {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut bytes = [0; BYTES];
            while stream.read_exact(&mut bytes).await.is_ok() {
                stream.write_all(&bytes).await.unwrap();
            }
        });
    }
}

async fn tcp_client(trips: u64) -> turmoil::Result {
    let mut stream = TcpStream::connect("server:80").await?;
    let mut bytes = [7; BYTES];
    for _ in 0..trips {
        stream.write_all(&bytes).await?;
        stream.read_exact(&mut bytes).await?;
    }
    Ok(())
}

pub(crate) fn tcp(trips: u64) {
    let mut sim = sim();
    sim.host("server", tcp_server);
    sim.client("client", tcp_client(trips));
    sim.run().unwrap();
}

pub(crate) fn clients(trips: u64) {
    let mut sim = sim();
    sim.host("server", tcp_server);
    for client in 0..CLIENTS {
        sim.client(format!("client-{client}"), tcp_client(trips / CLIENTS));
    }
    sim.run().unwrap();
}

pub(crate) fn runs(runs: u64) {
    for _ in 0..runs {
        let mut sim = sim();
        sim.client("one", async { Ok(()) });
        sim.client("two", async { Ok(()) });
        sim.run().unwrap();
    }
}
