//! A protocol that writes down what it is told, and does what a test wants it to do then.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use simrun::event_loop;
use simrun::net::{Protocol, Server, Transport, create_connection, create_server};
use simrun::time::{millis, sleep};

/// What has happened, in order. All clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    /// Returns what has happened since it was last asked.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

type Act = Box<dyn FnMut(&str, &Transport)>;

/// A protocol that keeps a diary.
pub(crate) struct Diary {
    log: Log,
    name: &'static str,
    act: Act,
    keeps_open: bool,
    transport: Option<Transport>,
    kept: Rc<RefCell<Option<Transport>>>,
}

impl Diary {
    pub(crate) fn new(log: &Log, name: &'static str) -> Self {
        Self {
            log: log.clone(),
            name,
            act: Box::new(|_, _| ()),
            keeps_open: false,
            transport: None,
            kept: Rc::default(),
        }
    }

    /// Does this whenever the method of this name was called.
    pub(crate) fn on(
        mut self,
        call: &'static str,
        mut act: impl FnMut(&Transport) + 'static,
    ) -> Self {
        let mut before = self.act;
        self.act = Box::new(move |name, transport| {
            before(name, transport);
            if name == call {
                act(transport);
            }
        });
        self
    }

    /// Stays open when the other end has ended.
    pub(crate) fn keeping_open(mut self) -> Self {
        self.keeps_open = true;
        self
    }

    fn called(&mut self, call: &str, detail: &str) {
        let space = if detail.is_empty() { "" } else { " " };
        self.log
            .note(format!("{}: {call}{space}{detail}", self.name));
        let transport = self.transport.clone().expect("it was made first");
        (self.act)(call, &transport);
    }
}

/// Says what an error is, or that there is none.
pub(crate) fn kind(error: Option<&io::Error>) -> String {
    error.map_or_else(|| "well".to_owned(), |error| format!("{:?}", error.kind()))
}

/// Shows data: all of them, or how many there are.
pub(crate) fn show(data: &[u8]) -> String {
    match data.len() {
        0..=20 => String::from_utf8_lossy(data).into_owned(),
        length => format!("{length} bytes"),
    }
}

impl Protocol for Diary {
    fn connection_made(&mut self, transport: &Transport) {
        self.transport = Some(transport.clone());
        self.kept.replace(Some(transport.clone()));
        self.called("made", "");
    }

    fn data_received(&mut self, data: &[u8]) {
        self.called("data", &show(data));
    }

    fn eof_received(&mut self) -> bool {
        self.called("eof", "");
        self.keeps_open
    }

    fn pause_writing(&mut self) {
        self.called("pause", "");
    }

    fn resume_writing(&mut self) {
        self.called("resume", "");
    }

    fn connection_lost(&mut self, error: Option<&io::Error>) {
        self.called("lost", &kind(error));
    }
}

/// A connection between two diaries.
pub(crate) struct Pair {
    pub(crate) client: Transport,
    pub(crate) server: Transport,
    pub(crate) listening: Server,
}

impl Pair {
    /// Makes one and lets what that brings about happen.
    pub(crate) async fn new(client: Diary, server: Diary) -> Self {
        let accepted = server.kept.clone();
        let server = RefCell::new(Some(server));
        let factory = move || server.borrow_mut().take().expect("one connection");
        let listening = create_server(factory, "127.0.0.1:80").await.unwrap();
        let (client, _) = create_connection(|| client, "127.0.0.1:80").await.unwrap();
        settle().await;
        let server = accepted.take().expect("it was accepted");
        Self {
            client,
            server,
            listening,
        }
    }
}

/// Lets everything happen that is under way.
pub(crate) async fn settle() {
    sleep(millis(50)).await;
}

/// Collects what the exception handler is told.
pub(crate) fn reports() -> Log {
    let log = Log::default();
    let told = log.clone();
    event_loop::set_exception_handler(move |report| told.note(report.to_string()));
    log
}

/// More than two ends hold that do not read.
pub(crate) const PLENTY: usize = 300_000;

/// Makes the diaries of two ends.
pub(crate) fn diaries(log: &Log) -> (Diary, Diary) {
    (Diary::new(log, "client"), Diary::new(log, "server"))
}
