//! TLS over simulated connections: rustls as it is, with keys that no seed controls.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use futures_rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime,
};
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::time_provider::TimeProvider;
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector, client};
use simrun::host::{self, Skew};
use simrun::net::{self, Latency, Link, TcpListener, TcpStream, Verdict};
use simrun::time::{Instant, millis, secs, sleep, system_time};
use simrun::{Run, Sim, Strategy, spawn};

/// The certificate of `server`, which has signed it itself, from 2000 to 2099. Its signatures are
/// all of one length.
const CERTIFICATE: &[u8] = include_bytes!("tls/server.der");
const KEY: &[u8] = include_bytes!("tls/server.key.der");

/// Tells rustls the date in the run.
#[derive(Debug)]
struct Calendar;

impl TimeProvider for Calendar {
    fn current_time(&self) -> Option<UnixTime> {
        let date: std::time::SystemTime = system_time().into();
        let since_epoch = date.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(UnixTime::since_unix_epoch(since_epoch))
    }
}

fn connector() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(CERTIFICATE)).unwrap();
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(Calendar));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

fn acceptor() -> TlsAcceptor {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(KEY));
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_details(provider, Arc::new(Calendar));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth();
    let config = config.with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key);
    TlsAcceptor::from(Arc::new(config.unwrap()))
}

/// Starts a host that sends back what it reads, over TLS.
fn echo() -> host::Host {
    host::start("server", || async {
        let (listener, acceptor) = (TcpListener::bind("0.0.0.0:443").await.unwrap(), acceptor());
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let accepts = acceptor.accept(stream);
            spawn(async move {
                // A client that does not like the certificate goes away.
                let Ok(session) = accepts.await else { return };
                let (mut reads, mut writes) = session.split();
                if futures::io::copy(&mut reads, &mut writes).await.is_ok() {
                    let _ = writes.close().await;
                }
            })
            .detach();
        }
    })
}

async fn connect(name: &'static str) -> std::io::Result<client::TlsStream<TcpStream>> {
    let stream = TcpStream::connect("server:443").await?;
    let name = ServerName::try_from(name).unwrap();
    connector().connect(name, stream).await
}

#[test]
fn two_hosts_exchange_data_over_tls() {
    simrun::run(async {
        let _server = echo();
        sleep(millis(1)).await;
        let session = connect("server").await.unwrap();
        let text: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let (mut reads, mut writes) = session.split();
        let sent = text.clone();
        let sends = spawn(async move {
            writes.write_all(&sent).await.unwrap();
            writes.close().await.unwrap();
        });
        let mut back = Vec::new();
        reads.read_to_end(&mut back).await.unwrap();
        assert!(back == text);
        sends.await.unwrap();
    });
}

/// What was put on the wire: when, and which bytes.
type Seen = Vec<(Instant, Vec<u8>)>;

fn secret(seed: u64) -> Run<Seen> {
    let sim = Sim::new().seed(seed).strategy(Strategy::random());
    sim.run(|| async {
        let latency = Latency::Uniform {
            least: millis(1),
            most: millis(30),
        };
        net::set_default_link(Link::new().latency(latency).loss(0.05));
        let _server = echo();
        let seen = Rc::new(RefCell::new(Seen::new()));
        let notes = seen.clone();
        let _tap = net::tap(move |packet| {
            let bytes = packet.payload().to_vec();
            notes.borrow_mut().push((packet.sent_at(), bytes));
            Verdict::Pass
        });
        sleep(millis(1)).await;
        let mut session = connect("server").await.unwrap();
        let mut back = [0; 6];
        for _ in 0..5 {
            session.write_all(b"secret").await.unwrap();
            session.flush().await.unwrap();
            session.read_exact(&mut back).await.unwrap();
            assert_eq!(&back, b"secret");
        }
        session.close().await.unwrap();
        sleep(secs(5)).await;
        seen.take()
    })
}

/// The bytes are not those of the run before, but there are as many of them at every moment, and
/// that is all the network looks at.
#[test]
fn a_session_is_the_same_run_again_but_for_its_bytes() {
    for seed in 0..20 {
        let (one, two) = (secret(seed), secret(seed));
        assert_eq!(one.fingerprint(), two.fingerprint(), "seed {seed}");
        let (one, two) = (one.unwrap(), two.unwrap());
        let lengths = |seen: &Seen| {
            let lengths = seen.iter().map(|(at, bytes)| (*at, bytes.len()));
            lengths.collect::<Vec<_>>()
        };
        assert_eq!(lengths(&one), lengths(&two), "seed {seed}");
        assert_ne!(one, two, "keys are drawn outside the run");
        let shown =
            |(_, bytes): &(Instant, Vec<u8>)| bytes.windows(6).any(|word| word == b"secret");
        assert!(!one.iter().any(shown));
    }
}

#[test]
fn a_certificate_is_judged_by_the_name_and_by_the_clock_of_the_host() {
    simrun::run(async {
        let _server = echo();
        sleep(millis(1)).await;
        let other = connect("other").await.unwrap_err();
        assert_eq!(other.kind(), ErrorKind::InvalidData);
        assert!(other.to_string().contains("not valid for name"), "{other}");
        let late = host::start("late", || async {
            sleep(millis(1)).await;
            let expired = connect("server").await.unwrap_err();
            assert!(expired.to_string().contains("expired"), "{expired}");
        });
        let years = |years: u64| Duration::from_secs(years * 365 * 24 * 60 * 60);
        late.set_skew(Skew::ahead(years(80)));
        late.join().await.unwrap();
    });
}

#[test]
fn a_connection_that_is_reset_ends_the_session_with_an_error() {
    simrun::run(async {
        let server = echo();
        sleep(millis(1)).await;
        let mut session = connect("server").await.unwrap();
        server.crash_with_resets();
        let error = session.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}
