//! What a program does with its sockets, and an account of what comes of it.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;

use super::network::{AsyncRead, Datagrams, Listener, Network, Stream};

/// The longest text that a case reads at once.
const TEXT: usize = 64;

/// How much is written at once to fill buffers.
static CHUNK: [u8; 64 << 10] = [7; 64 << 10];

/// An account of what came of each act, in order.
pub(crate) struct Account<N> {
    lines: Vec<String>,
    network: PhantomData<N>,
}

/// Any port of the machine itself.
pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

impl<N: Network> Account<N> {
    pub(crate) fn new() -> Self {
        Self {
            lines: Vec::new(),
            network: PhantomData,
        }
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines
    }

    /// Takes note of a result: of an error only its kind, for the texts are not the same.
    pub(crate) fn note<T: fmt::Debug>(&mut self, act: &str, result: io::Result<T>) {
        self.lines.push(match result {
            Ok(value) => format!("{act}: {value:?}"),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => format!("{act}: waits"),
            Err(error) => format!("{act}: error {:?}", error.kind()),
        });
    }

    /// Takes note of a value.
    pub(crate) fn see(&mut self, what: &str, value: impl fmt::Debug) {
        self.lines.push(format!("{what}: {value:?}"));
    }

    /// Makes a connection: a client's stream, and a server's.
    pub(crate) async fn pair(&mut self) -> (N::Stream, N::Stream) {
        let listener = N::listen(any_port()).await.unwrap();
        self.connect_to(&listener).await
    }

    pub(crate) async fn connect_to(&mut self, listener: &N::Listener) -> (N::Stream, N::Stream) {
        let client = N::connect(listener.local()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (client, server)
    }

    /// Reads once, a short text at most.
    pub(crate) async fn read(&mut self, who: &str, stream: &mut N::Stream) {
        let mut text = [0; TEXT];
        let read = N::at_once(stream.read(&mut text)).await;
        let read = read.map(|count| String::from_utf8_lossy(&text[..count]).into_owned());
        self.note(&format!("{who} reads"), read);
    }

    pub(crate) async fn read_half(&mut self, who: &str, half: &mut impl AsyncRead) {
        let mut text = [0; TEXT];
        let read = N::at_once(half.read_some(&mut text)).await;
        let read = read.map(|count| String::from_utf8_lossy(&text[..count]).into_owned());
        self.note(&format!("{who} reads"), read);
    }

    /// Writes once, a short text.
    pub(crate) async fn write(&mut self, who: &str, stream: &mut N::Stream, text: &str) {
        let written = N::at_once(stream.write(text.as_bytes())).await;
        self.note(&format!("{who} writes `{text}`"), written);
        N::settle().await;
    }

    pub(crate) async fn shut_down(&mut self, who: &str, stream: &mut N::Stream) {
        let done = stream.shut_down().await;
        self.note(&format!("{who} shuts down"), done);
        N::settle().await;
    }

    /// Reads up to the end, or an error.
    pub(crate) async fn drain(&mut self, who: &str, stream: &mut N::Stream) -> u64 {
        let mut chunk = vec![0; CHUNK.len()];
        let mut total = 0;
        loop {
            match N::at_once(stream.read(&mut chunk)).await {
                Ok(0) => self.see(&format!("{who} reads to the end"), ()),
                Ok(count) => {
                    total += count as u64;
                    continue;
                }
                Err(error) => self.note::<()>(&format!("{who} reads to the end"), Err(error)),
            }
            return total;
        }
    }

    /// Writes until there is no room, or an error.
    pub(crate) async fn fill(&mut self, who: &str, stream: &mut N::Stream) -> u64 {
        let mut total = 0;
        loop {
            match N::at_once(stream.write(&CHUNK)).await {
                Ok(count) => total += count as u64,
                Err(error) => {
                    self.note::<()>(&format!("{who} fills the buffers"), Err(error));
                    return total;
                }
            }
        }
    }

    /// Receives a datagram, of which so many bytes fit.
    pub(crate) async fn receive(&mut self, who: &str, socket: &N::Datagrams, room: usize) {
        let mut text = vec![0; room];
        let received = N::at_once(socket.receive(&mut text)).await;
        let received = received.map(|(count, _)| String::from_utf8_lossy(&text[..count]).into());
        self.note::<String>(&format!("{who} receives"), received);
    }

    pub(crate) async fn send(&mut self, who: &str, socket: &N::Datagrams, text: &str) {
        let sent = socket.send(text.as_bytes()).await;
        self.note(&format!("{who} sends `{text}`"), sent);
        N::settle().await;
    }

    pub(crate) async fn send_to(
        &mut self,
        who: &str,
        socket: &N::Datagrams,
        text: &str,
        to: SocketAddr,
    ) {
        let sent = socket.send_to(text.as_bytes(), to).await;
        self.note(&format!("{who} sends `{text}` to an address"), sent);
        N::settle().await;
    }
}
