//! HTTP: an axum router, hyper's own clients and hyper-util's pool, unmodified.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode, Uri, rt};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::service::TowerToHyperService;
use simrun::host::Skew;
use simrun::hyper::{Executor, Io, Timer};
use simrun::net::{self, Link, TcpListener, TcpStream};
use simrun::time::{micros, millis, nanos, now, secs, sleep, system_time, timeout};
use simrun::{Run, Sim, Strategy, chance, gather, host, spawn};

/// How many bytes a part of the long body has.
const PART: usize = 4_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

use Version::{One, Two};

/// A service as people write them.
fn router(visits: Arc<AtomicU32>) -> Router {
    Router::new()
        .route("/hello/{name}", get(hello))
        .route("/echo", post(|body: Bytes| async { body }))
        .route("/visits", get(visit))
        .route("/long/{parts}", get(long))
        .with_state(visits)
}

async fn hello(Path(name): Path<String>) -> String {
    sleep(millis(1)).await;
    format!("hello {name}")
}

async fn visit(State(visits): State<Arc<AtomicU32>>) -> String {
    (visits.fetch_add(1, Ordering::Relaxed) + 1).to_string()
}

/// Answers with a body that comes in parts, one every millisecond.
async fn long(Path(parts): Path<u8>) -> Body {
    let parts = futures::stream::unfold(0, move |part| async move {
        sleep(millis(1)).await;
        let bytes = Ok::<_, Infallible>(vec![part; PART]);
        (part < parts).then_some((bytes, part + 1))
    });
    Body::from_stream(parts)
}

/// Starts a host that serves the router. Returns how many connections it has accepted.
fn start_server(version: Version) -> Arc<AtomicU32> {
    let accepted = Arc::new(AtomicU32::new(0));
    let connections = accepted.clone();
    host::start("server", move || serve(version, connections.clone()));
    accepted
}

async fn serve(version: Version, accepted: Arc<AtomicU32>) -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let service = TowerToHyperService::new(router(Arc::default()));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_keepalive(secs(2), 3);
        accepted.fetch_add(1, Ordering::Relaxed);
        let (io, service) = (Io::new(stream), service.clone());
        // A connection that breaks is the client's affair.
        spawn(async move {
            let _ = match version {
                One => {
                    let mut server = hyper::server::conn::http1::Builder::new();
                    server.timer(Timer).auto_date_header(false);
                    server.serve_connection(io, service).await
                }
                Two => {
                    let mut server = hyper::server::conn::http2::Builder::new(Executor);
                    server.timer(Timer).auto_date_header(false);
                    server.serve_connection(io, service).await
                }
            };
        })
        .detach();
    }
}

/// What the pool connects with.
#[derive(Clone, Debug)]
struct Connector;

impl tower_service::Service<Uri> for Connector {
    type Response = Wire;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Wire>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(async move {
            let host = uri.host().unwrap_or_default().to_owned();
            let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
            stream.set_keepalive(secs(1), 3);
            Ok(Wire(Io::new(stream)))
        })
    }
}

/// A connection of the pool.
struct Wire(Io<TcpStream>);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl rt::Read for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, into)
    }
}

impl rt::Write for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

type Pool = Client<Connector, Full<Bytes>>;

fn pool(version: Version) -> Pool {
    Client::builder(Executor)
        .timer(Timer)
        .pool_timer(Timer)
        .pool_idle_timeout(secs(30))
        .http2_only(version == Two)
        .build(Connector)
}

fn request(method: &str, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://server{path}"));
    request.body(Full::new(body.into())).unwrap()
}

async fn body(answer: Response<Incoming>) -> Result<Bytes, hyper::Error> {
    assert_eq!(answer.status(), StatusCode::OK);
    Ok(answer.into_body().collect().await?.to_bytes())
}

/// Asks with a client that has one connection and no pool.
async fn ask(version: Version, request: Request<Full<Bytes>>) -> hyper::Result<Bytes> {
    let stream = TcpStream::connect("server:80").await.unwrap();
    stream.set_keepalive(secs(1), 3);
    let io = Io::new(stream);
    let answer = match version {
        One => {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
            spawn(connection).detach();
            sender.send_request(request).await?
        }
        Two => {
            let mut client = hyper::client::conn::http2::Builder::new(Executor);
            let (mut sender, connection) = client.timer(Timer).handshake(io).await?;
            spawn(connection).detach();
            sender.send_request(request).await?
        }
    };
    body(answer).await
}

#[test]
fn a_router_answers_a_plain_client() {
    for version in [One, Two] {
        simrun::run(async move {
            start_server(version);
            let hello = ask(version, request("GET", "/hello/you", "")).await;
            assert_eq!(hello.unwrap(), "hello you");
            let echo = ask(version, request("POST", "/echo", vec![7; 200_000])).await;
            assert_eq!(echo.unwrap(), vec![7; 200_000]);
            let long = ask(version, request("GET", "/long/9", "")).await;
            assert_eq!(long.unwrap().len(), 9 * PART);
        });
    }
}

#[test]
fn a_pool_keeps_its_connection_until_nobody_has_used_it_for_a_while() {
    for version in [One, Two] {
        simrun::run(async move {
            let accepted = start_server(version);
            let client = host::start("client", move || async move {
                let pool = pool(version);
                for visits in 1..=10 {
                    let answer = pool.request(request("GET", "/visits", "")).await;
                    assert_eq!(body(answer.unwrap()).await.unwrap(), visits.to_string());
                    sleep(secs(20)).await;
                }
                sleep(secs(70)).await;
                pool.request(request("GET", "/visits", "")).await.map(drop)
            });
            sleep(secs(250)).await;
            assert_eq!(accepted.load(Ordering::Relaxed), 1, "{version:?}");
            client.join().await.unwrap();
            assert_eq!(accepted.load(Ordering::Relaxed), 2, "{version:?}");
        });
    }
}

#[test]
fn requests_at_once_share_a_connection_in_http2_and_have_their_own_in_http1() {
    for (version, connections) in [(One, 5), (Two, 1)] {
        simrun::run(async move {
            let accepted = start_server(version);
            let pool = pool(version);
            let ask = |name| {
                let answer = pool.request(request("GET", &format!("/hello/{name}"), ""));
                spawn(async move { body(answer.await.unwrap()).await.unwrap() })
            };
            let answers = gather((0..5).map(ask)).await.unwrap();
            assert_eq!(answers[4], "hello 4");
            assert_eq!(accepted.load(Ordering::Relaxed), connections);
        });
    }
}

#[test]
fn a_body_that_a_partition_interrupts_goes_on_when_the_network_is_healed() {
    for version in [One, Two] {
        simrun::run(async move {
            start_server(version);
            let long = spawn(ask(version, request("GET", "/long/50", "")));
            sleep(millis(20)).await;
            net::partition("local", "server");
            sleep(millis(1_500)).await;
            assert!(!long.is_done());
            net::heal_all();
            let body = long.await.unwrap().unwrap();
            let parts = (0..50).flat_map(|part| [part; PART]);
            assert!(body.into_iter().eq(parts), "{version:?}");
        });
    }
}

#[test]
fn a_body_that_a_partition_cuts_off_is_an_error_once_the_connection_is_given_up() {
    for version in [One, Two] {
        simrun::run(async move {
            start_server(version);
            let long = spawn(ask(version, request("GET", "/long/50", "")));
            sleep(millis(20)).await;
            net::partition("local", "server");
            let error = long.await.unwrap().unwrap_err();
            assert!(!error.is_timeout(), "{version:?}: {error:?}");
            assert!((secs(3)..secs(6)).contains(&now().since_start()));
        });
    }
}

#[test]
fn a_server_that_stands_still_is_given_up_by_the_pings_of_http2() {
    simrun::run(async {
        start_server(Two);
        let stream = TcpStream::connect("server:80").await.unwrap();
        let mut client = hyper::client::conn::http2::Builder::new(Executor);
        client
            .timer(Timer)
            .keep_alive_interval(secs(10))
            .keep_alive_timeout(secs(5));
        let (mut sender, connection) = client.handshake(Io::new(stream)).await.unwrap();
        spawn(connection).detach();
        host::find("server").unwrap().pause();
        let answer = sender.send_request(request("GET", "/hello/you", "")).await;
        assert!(answer.is_err());
        assert_eq!(now().since_start().as_secs(), 15);
    });
}

#[test]
fn what_hyper_is_told_of_time_is_what_the_clock_of_its_host_measures() {
    use hyper::rt::Timer as _;
    for drift in [250_000, -250_000, 333, -333, 0] {
        simrun::run(async move {
            let host = host::start("drifting", move || async move {
                sleep(millis(1)).await;
                let (begin, shown, hyper) = (now(), system_time(), Timer.now());
                for seconds in [1, 7, 3_600] {
                    let before = now();
                    Timer.sleep(secs(seconds)).await;
                    let slept = now() - before;
                    let before = now();
                    sleep(secs(seconds)).await;
                    let difference = slept.abs_diff(now() - before);
                    assert!(difference <= nanos(2), "as any sleep: {slept:?}");
                    let deadline = Timer.now() + secs(seconds);
                    Timer.sleep_until(deadline).await;
                    let late = Timer.now().duration_since(deadline);
                    assert!(Timer.now() >= deadline && late <= nanos(1), "{late:?}");
                }
                let measured = Timer.now() - hyper;
                let on_the_wall = system_time().duration_since(shown).unwrap();
                assert!(measured.abs_diff(on_the_wall) <= nanos(1));
                let took = (now() - begin).as_secs_f64();
                let expected = took * (1.0 + f64::from(drift) / 1e6);
                assert!((measured.as_secs_f64() - expected).abs() < 1e-6);
                // What has passed is no reason to sleep, and what never comes none to panic.
                let before = now();
                Timer.sleep_until(hyper).await;
                assert_eq!(now(), before);
                let never = timeout(secs(1), Timer.sleep(Duration::MAX)).await;
                assert!(never.is_err());
            });
            host.set_skew(Skew::ahead(secs(1_000)).drift(drift));
            host.join().await.unwrap();
        });
    }
}

#[test]
fn a_client_that_never_finishes_its_request_is_cut_off_in_virtual_time() {
    simrun::run(async {
        start_server(One);
        let mut stream = TcpStream::connect("server:80").await.unwrap();
        let half = b"GET /hello/you HTTP/1.1\r\nhost: ";
        futures::AsyncWriteExt::write_all(&mut stream, half)
            .await
            .unwrap();
        let mut rest = Vec::new();
        let read = futures::AsyncReadExt::read_to_end(&mut stream, &mut rest).await;
        assert!(read.is_ok() && rest.is_empty());
        assert_eq!(now().since_start().as_secs(), 30, "hyper's own limit");
    });
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Right,
    Failed,
    TooLate,
}

/// Makes one request, and checks the answer if there is one.
async fn attempt(pool: Pool, number: u32) -> Answer {
    let (request, expected) = match number % 3 {
        0 => (
            request("GET", &format!("/hello/{number}"), ""),
            format!("hello {number}").into_bytes(),
        ),
        1 => {
            let bytes = vec![number as u8; 10_000];
            (request("POST", "/echo", bytes.clone()), bytes)
        }
        _ => (
            request("GET", "/long/3", ""),
            (0..3).flat_map(|part| [part; PART]).collect(),
        ),
    };
    let answer = async {
        let answer = pool
            .request(request)
            .await
            .map_err(|_: Error| Answer::Failed)?;
        body(answer).await.map_err(|_| Answer::Failed)
    };
    match timeout(secs(10), answer).await {
        Err(_) => Answer::TooLate,
        Ok(Err(failed)) => failed,
        Ok(Ok(body)) => {
            assert!(
                body == expected,
                "request {number} has got another's answer"
            );
            Answer::Right
        }
    }
}

/// Clients that share a bad network with a server which crashes now and then. Returns how many of
/// their requests were answered.
async fn rough_weather(version: Version) -> usize {
    let link = Link::new()
        .jitter(millis(5))
        .loss(0.05)
        .bandwidth(10_000_000);
    net::set_default_link(link);
    start_server(version);
    let clients = ["one", "two", "three"].map(|name| {
        let (answered, count) = futures::channel::oneshot::channel();
        let answered = std::cell::RefCell::new(Some(answered));
        let host = host::start(name, move || {
            let answered = answered.take();
            async move {
                let pool = pool(version);
                let mut right = 0;
                for number in 0..2 {
                    let both = [
                        attempt(pool.clone(), number),
                        attempt(pool.clone(), number + 2),
                    ];
                    let both = gather(both.map(spawn)).await.unwrap();
                    simrun::log!("{both:?}");
                    right += both
                        .iter()
                        .filter(|answer| **answer == Answer::Right)
                        .count();
                    sleep(micros(chance::below("pause", 5_000))).await;
                }
                let _ = answered.unwrap().send(right);
            }
        });
        (host, count)
    });
    let server = host::find("server").unwrap();
    sleep(micros(chance::below("trouble", 40_000))).await;
    match chance::below("kind of trouble", 4) {
        0 => {
            server.crash();
            sleep(millis(20)).await;
            server.restart();
        }
        1 => {
            net::partition("server", ["one", "two"]);
            sleep(millis(chance::below("lasts", 4_000))).await;
            net::heal_all();
        }
        2 => {
            server.pause();
            sleep(millis(100)).await;
            server.resume();
        }
        _ => {}
    }
    let mut right = 0;
    for (host, count) in clients {
        host.join().await.unwrap();
        right += count.await.unwrap();
    }
    right
}

fn rough_run(seed: u64) -> Run<usize> {
    let version = if seed.is_multiple_of(2) { One } else { Two };
    let sim = Sim::new().seed(seed).strategy(Strategy::random());
    sim.until(secs(600)).run(|| rough_weather(version))
}

/// Runs every seed twice.
fn explore(seeds: u64) {
    let mut right = 0;
    for seed in 0..seeds {
        let (run, again) = (rough_run(seed), rough_run(seed));
        assert!(
            run.failure().is_none(),
            "seed {seed}: {}",
            run.failure().unwrap()
        );
        assert_eq!(run.fingerprint(), again.fingerprint(), "seed {seed}");
        right += run.unwrap();
    }
    let all = usize::try_from(seeds).unwrap() * 12;
    assert!(
        right * 10 > all * 8,
        "{right} of {all} requests were answered"
    );
    assert!(right < all, "nothing has gone wrong");
}

#[test]
fn nothing_hangs_or_differs_in_rough_weather() {
    explore(100);
}

#[test]
#[ignore = "takes long"]
fn nothing_hangs_or_differs_in_much_rough_weather() {
    explore(10_000);
}

#[test]
#[ignore = "measures real time"]
#[expect(clippy::disallowed_methods, reason = "measures real time")]
fn how_long_a_request_takes() {
    const REQUESTS: u32 = 50_000;
    for version in [One, Two] {
        let began = std::time::Instant::now();
        simrun::run(async move {
            start_server(version);
            let pool = pool(version);
            for _ in 0..REQUESTS {
                let answer = pool.request(request("GET", "/visits", "")).await.unwrap();
                body(answer).await.unwrap();
            }
        });
        let each: Duration = began.elapsed() / REQUESTS;
        println!("{version:?}: {each:?} a request");
    }
}
