//! Connections, and what makes them: listeners and servers.

use std::cell::{Cell, RefCell};
use std::io;
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use futures::future::{Either, select};

use super::ends::lend;
use super::frame::received;
use crate::net::{
    self, ReadError, Server, StreamReader, StreamWriter, TcpListener, Transport, local,
};
use crate::scenario::tree::ErrorName;
use crate::scenario::value::{Error, Value};
use crate::sync::Event;

/// How much is read at once where nothing else is said.
const CHUNK: usize = 64 << 10;

/// One end of a connection. It is closed when no variable holds it any more.
pub(crate) struct Connection {
    /// Lent to the task that reads.
    reader: RefCell<Option<StreamReader>>,
    writer: StreamWriter,
    is_ended: Cell<bool>,
}

/// A listening socket at which connections are accepted one by one.
pub(crate) struct Door {
    listener: RefCell<Option<Rc<TcpListener>>>,
    path: Option<Arc<str>>,
    gone: Event,
}

/// A server that spawns a task for each connection.
pub(crate) struct Served {
    server: Server,
    path: Option<Arc<str>>,
}

impl Connection {
    pub(super) fn new((reader, writer): (StreamReader, StreamWriter)) -> Rc<Self> {
        Rc::new(Self {
            reader: RefCell::new(Some(reader)),
            writer: writer.closing_on_drop(),
            is_ended: Cell::default(),
        })
    }

    fn transport(&self) -> &Transport {
        self.writer.transport()
    }

    pub(super) fn is_open(&self) -> bool {
        !self.writer.is_closing()
    }

    pub(super) fn unsent(&self) -> usize {
        self.transport().write_buffer_size()
    }

    pub(super) fn pause_reading(&self) {
        self.transport().pause_reading();
    }

    pub(super) fn resume_reading(&self) {
        self.transport().resume_reading();
    }

    pub(super) fn abort(&self) {
        self.transport().abort();
    }

    pub(super) fn close(&self) {
        self.writer.close();
    }

    pub(super) async fn wait(&self) -> Result<(), Error> {
        self.writer.wait_closed().await.map_err(failed)
    }

    pub(super) async fn drain(&self) -> Result<(), Error> {
        self.writer.drain().await.map_err(failed)
    }

    /// Sets the marks between which a writer that was told to wait may go on.
    pub(super) fn limit(&self, high: usize, low: usize) {
        self.transport().set_write_buffer_limits(high, low);
    }

    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        if self.is_ended.get() {
            let text = "nothing can be written after write_eof";
            return Err(Error::with(ErrorName::Misuse, text));
        }
        self.writer.write(bytes);
        Ok(())
    }

    pub(super) fn write_eof(&self) {
        self.is_ended.set(self.is_ended.get() || self.is_open());
        self.writer.write_eof();
    }

    /// Reads with the only reader there is, if no other task does.
    pub(super) async fn read(&self, wanted: Wanted<'_>) -> Result<Vec<u8>, Error> {
        let mut reader = lend(&self.reader)?;
        Ok(match wanted {
            Wanted::Line => {
                let line = reader.readline().await.map_err(unreadable)?;
                whole_line(line)?
            }
            Wanted::Exactly(count) => reader.readexactly(count).await.map_err(unreadable)?,
            Wanted::Some => reader.read(CHUNK).await.map_err(failed)?,
            Wanted::Until(separator) => reader.readuntil(separator).await.map_err(unreadable)?,
            Wanted::All => reader.read_to_end().await.map_err(failed)?,
        })
    }
}

/// What is to be read.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    Line,
    Exactly(usize),
    /// What there is, and nothing at the end.
    Some,
    Until(&'a [u8]),
    All,
}

/// Takes the end off a line. Nothing at all is no line: it is the end.
pub(super) fn whole_line(mut line: Vec<u8>) -> Result<Vec<u8>, Error> {
    if line.is_empty() {
        return Err(Error::with(ErrorName::Closed, "there is no line any more"));
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(line)
}

/// Returns what an error of a socket is called.
pub(super) fn failed(error: io::Error) -> Error {
    match error.kind() {
        // No such name, or no such path.
        io::ErrorKind::NotFound => Error::with(ErrorName::Address, error.to_string()),
        _ => error.into(),
    }
}

fn unreadable(error: ReadError) -> Error {
    match error {
        ReadError::Incomplete(error) => Error::with(ErrorName::Closed, error.to_string()),
        ReadError::Overrun(error) => Error::with(ErrorName::Full, error.to_string()),
        ReadError::Connection(error) => failed(error),
    }
}

impl Door {
    pub(super) fn new(listener: TcpListener, path: Option<Arc<str>>) -> Rc<Self> {
        Rc::new(Self {
            listener: RefCell::new(Some(Rc::new(listener))),
            path,
            gone: Event::new().named("the end of a listener"),
        })
    }

    pub(super) fn is_open(&self) -> bool {
        self.listener.borrow().is_some()
    }

    pub(super) fn close(&self) {
        let closed = self.listener.take();
        if closed.is_some() {
            forget(self.path.as_ref());
            self.gone.set();
        }
    }

    pub(super) async fn accept(&self) -> Result<(StreamReader, StreamWriter), Error> {
        let closed = || Error::with(ErrorName::Closed, "the listener is closed");
        let listener = self.listener.borrow().clone().ok_or_else(closed)?;
        let accepted = match select(listener.accept(), pin!(self.gone.wait())).await {
            Either::Left((accepted, _)) => accepted.map_err(failed)?,
            Either::Right(_) => return Err(closed()),
        };
        Ok(net::open_over(accepted.0, net::LIMIT, Location::caller()).await)
    }
}

impl Served {
    pub(super) fn new(server: Server, path: Option<Arc<str>>) -> Rc<Self> {
        Rc::new(Self { server, path })
    }

    pub(super) fn close(&self) {
        if self.server.is_serving() {
            forget(self.path.as_ref());
            self.server.close();
        }
    }

    pub(super) async fn wait(&self) -> Result<Value, Error> {
        received(self.server.wait_closed()).await.map(Value::from)
    }
}

/// Forgets a path at which nobody listens any more.
fn forget(path: Option<&Arc<str>>) {
    if let Some(path) = path {
        // If someone else has removed it before, so much the better.
        let _ = local::remove(path);
    }
}

/// Turns bytes into text; what is none is shown as it can be.
pub(super) fn as_text(bytes: &[u8]) -> Value {
    Value::text(String::from_utf8_lossy(bytes))
}
