//! An axum service behind hyper, unmodified, on a network that is slow and loses packets.
//!
//! ```sh
//! cargo run --features hyper --example hyper
//! ```

use std::error::Error;
use std::io;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1 as client;
use hyper_util::service::TowerToHyperService;
use simrun::explore::Explorer;
use simrun::hyper::{Io, Timer};
use simrun::net::{self, Latency, Link, TcpListener, TcpStream};
use simrun::time::{self, millis, sleep};
use simrun::{host, spawn};

/// The service under test: nothing in it knows of the simulation, but for the time.
fn router() -> Router {
    Router::new().route("/hello/{name}", get(hello))
}

async fn hello(Path(name): Path<String>) -> String {
    sleep(millis(5)).await;
    format!("hello {name}")
}

async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let service = TowerToHyperService::new(router());
    loop {
        let (stream, _) = listener.accept().await?;
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(Timer).auto_date_header(false);
        spawn(server.serve_connection(Io::new(stream), service.clone())).detach();
    }
}

async fn ask(name: &str) -> Result<Bytes, Box<dyn Error>> {
    let stream = TcpStream::connect("server:80").await?;
    let (mut sender, connection) = client::handshake(Io::new(stream)).await?;
    // A connection that breaks is told to whoever waits for an answer on it.
    spawn(async { drop(connection.await) }).detach();
    let request = Request::get(format!("/hello/{name}")).header("host", "server");
    let answer = sender
        .send_request(request.body(Empty::<Bytes>::new())?)
        .await?;
    Ok(answer.into_body().collect().await?.to_bytes())
}

async fn a_visitor_is_greeted() {
    let link = Link::new()
        .latency(Latency::Constant(millis(5)))
        .jitter(millis(45));
    net::set_default_link(link.loss(0.05));
    host::start("server", serve);
    let visitor = host::start("visitor", || async {
        // Who is slow is cut off by the server, and asks again.
        let answer = loop {
            if let Ok(answer) = ask("ada").await {
                break answer;
            }
        };
        assert_eq!(answer, "hello ada");
        let took = time::now().since_start();
        assert!(
            took >= millis(25),
            "two ways there and back, and the work: {took:?}"
        );
    });
    visitor.join().await.unwrap();
}

fn main() {
    println!(
        "{}",
        Explorer::new().runs(200).explore(a_visitor_is_greeted)
    );
}

#[simrun::test(runs = 200)]
async fn visitors_are_greeted() {
    a_visitor_is_greeted().await;
}
