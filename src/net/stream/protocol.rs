//! The protocol between a transport and its streams: asyncio's `StreamReaderProtocol`.

use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;

use super::inbox::Inbox;
use super::reader::StreamReader;
use super::writer::{Outlet, StreamWriter};
use crate::error::TaskError;
use crate::event_loop::core;
use crate::net::protocol::Protocol;
use crate::net::transport::{Transport, report};
use crate::panics;
use crate::task::Task;

/// What is said of a handler that has failed: what asyncio says.
const UNHANDLED: &str = "unhandled exception in client_connected_cb";

/// What a server does with a new connection.
type Serve = Box<dyn FnOnce(StreamReader, StreamWriter)>;

pub(super) struct StreamProtocol {
    inbox: Arc<Inbox>,
    outlet: Arc<Outlet>,
    serve: Option<Serve>,
}

impl StreamProtocol {
    pub(super) fn new(limit: usize, at: &'static Location<'static>) -> Self {
        Self {
            inbox: Arc::new(Inbox::new(limit, at)),
            outlet: Arc::new(Outlet::new(at)),
            serve: None,
        }
    }

    /// Has a task made of the handler when the connection is there.
    pub(super) fn serving<T: 'static>(
        mut self,
        handler: impl FnOnce(StreamReader, StreamWriter) -> Task<T> + 'static,
    ) -> Self {
        self.serve = Some(Box::new(move |reader, writer| {
            let transport = reader.transport().clone();
            let task = match catch_unwind(AssertUnwindSafe(|| handler(reader, writer))) {
                Ok(task) => task,
                Err(payload) => {
                    let error = TaskError::panicked(payload, panics::take_location());
                    report(&core::current(), UNHANDLED.to_owned(), error);
                    return transport.close();
                }
            };
            let handle = *task;
            // The task is kept until its end is known.
            handle.on_done(move |_| {
                let Some(Err(error)) = task.settle() else {
                    return;
                };
                if !error.is_cancelled() {
                    report(&core::current(), UNHANDLED.to_owned(), error);
                }
                transport.close();
            });
        }));
        self
    }

    pub(super) fn ends(&self) -> (Arc<Inbox>, Arc<Outlet>) {
        (self.inbox.clone(), self.outlet.clone())
    }
}

impl Protocol for StreamProtocol {
    fn connection_made(&mut self, transport: &Transport) {
        self.inbox.connect(transport);
        self.outlet.connect(transport);
        if let Some(serve) = self.serve.take() {
            let reader = StreamReader::new(transport.clone(), self.inbox.clone());
            let (inbox, outlet) = self.ends();
            let writer = StreamWriter::new(transport.clone(), inbox, outlet);
            serve(reader, writer);
        }
    }

    fn data_received(&mut self, data: &[u8]) {
        self.inbox.feed(data);
    }

    fn eof_received(&mut self) -> bool {
        self.inbox.feed_end();
        true
    }

    fn pause_writing(&mut self) {
        self.outlet.pause();
    }

    fn resume_writing(&mut self) {
        self.outlet.resume();
    }

    fn connection_lost(&mut self, error: Option<&io::Error>) {
        let error = error.map(|error| Arc::new(copy(error)));
        match &error {
            None => self.inbox.feed_end(),
            Some(error) => self.inbox.fail(error),
        }
        self.outlet.lose(error);
    }
}

/// Returns an error that says the same.
fn copy(error: &io::Error) -> io::Error {
    let inner = error.get_ref();
    match inner.and_then(|inner| inner.downcast_ref::<TaskError>()) {
        Some(inner) => io::Error::new(error.kind(), inner.clone()),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
