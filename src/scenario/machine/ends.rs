//! The ends of pipes: what a process reads and writes, and what its parent does at the other end.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::connections::{Wanted, whole_line};
use crate::scenario::tree::ErrorName;
use crate::scenario::value::Error;
use crate::sync::Event;
use crate::task;

/// How much is read from a pipe at once.
const CHUNK: usize = 4_096;

/// Lends what only one task at a time can use. It comes back when the loan is dropped.
pub(super) fn lend<T>(cell: &RefCell<Option<T>>) -> Result<Lent<'_, T>, Error> {
    let item = cell.take();
    if item.is_none() {
        let text = "another task is reading already";
        return Err(Error::with(ErrorName::Misuse, text));
    }
    Ok(Lent { cell, item })
}

pub(super) struct Lent<'a, T> {
    cell: &'a RefCell<Option<T>>,
    item: Option<T>,
}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.item.as_ref().expect("it is lent until it is dropped")
    }
}

impl<T> DerefMut for Lent<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.item.as_mut().expect("it is lent until it is dropped")
    }
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        self.cell.replace(self.item.take());
    }
}

/// The end of a pipe from which something is read.
pub(crate) struct Inlet(RefCell<Option<Source>>);

struct Source {
    pipe: Box<dyn AsyncRead + Unpin>,
    /// What was read and not yet asked for.
    buffer: Vec<u8>,
    is_over: bool,
}

impl Inlet {
    pub(super) fn new(pipe: impl AsyncRead + Unpin + 'static) -> Rc<Self> {
        Rc::new(Self(RefCell::new(Some(Source {
            pipe: Box::new(pipe),
            buffer: Vec::new(),
            is_over: false,
        }))))
    }

    /// Reads, if no other task does.
    pub(super) async fn read(&self, wanted: Wanted<'_>) -> Result<Vec<u8>, Error> {
        let mut lent = lend(&self.0)?;
        let source = &mut *lent;
        match wanted {
            Wanted::Line => {
                let end = source.find(b"\n").await?;
                let end = end.unwrap_or(source.buffer.len());
                whole_line(source.buffer.drain(..end).collect())
            }
            Wanted::Exactly(count) => {
                while source.buffer.len() < count && source.fill().await? {}
                source.take(count)
            }
            Wanted::Some => {
                while source.buffer.is_empty() && source.fill().await? {}
                Ok(std::mem::take(&mut source.buffer))
            }
            Wanted::Until(separator) => match source.find(separator).await? {
                Some(end) => source.take(end),
                None => source.take(source.buffer.len() + 1),
            },
            Wanted::All => {
                while source.fill().await? {}
                Ok(std::mem::take(&mut source.buffer))
            }
        }
    }
}

impl Source {
    /// Reads more; says whether there was any.
    async fn fill(&mut self) -> Result<bool, Error> {
        if self.is_over {
            return Ok(false);
        }
        let mut chunk = [0; CHUNK];
        let count = self.pipe.read(&mut chunk).await?;
        self.buffer.extend_from_slice(&chunk[..count]);
        self.is_over = count == 0;
        Ok(count > 0)
    }

    /// Reads until there is a separator, and returns where it ends.
    async fn find(&mut self, separator: &[u8]) -> Result<Option<usize>, Error> {
        let mut searched = 0_usize;
        loop {
            let rest = &self.buffer[searched..];
            let mut windows = rest.windows(separator.len());
            if let Some(place) = windows.position(|bytes| bytes == separator) {
                return Ok(Some(searched + place + separator.len()));
            }
            searched = (self.buffer.len() + 1)
                .saturating_sub(separator.len())
                .max(searched);
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    fn take(&mut self, count: usize) -> Result<Vec<u8>, Error> {
        if self.buffer.len() < count {
            let read = std::mem::take(&mut self.buffer).len();
            let text = format!("the data ended after {read} bytes");
            return Err(Error::with(ErrorName::Closed, text));
        }
        Ok(self.buffer.drain(..count).collect())
    }
}

type Pipe = Box<dyn AsyncWrite + Unpin>;

/// The end of a pipe into which something is written: at once into a buffer, from there in time.
pub(crate) struct Outlet {
    /// Lent to the task that flushes.
    pipe: RefCell<Option<Pipe>>,
    buffer: RefCell<VecDeque<u8>>,
    /// Set whenever nobody flushes.
    flushed: Event,
    is_closing: Cell<bool>,
    error: RefCell<Option<Error>>,
}

impl Outlet {
    pub(super) fn new(pipe: impl AsyncWrite + Unpin + 'static) -> Rc<Self> {
        let flushed = Event::new().named("room in a pipe");
        flushed.set();
        Rc::new(Self {
            pipe: RefCell::new(Some(Box::new(pipe))),
            buffer: RefCell::default(),
            flushed,
            is_closing: Cell::default(),
            error: RefCell::default(),
        })
    }

    pub(super) fn unsent(&self) -> usize {
        self.buffer.borrow().len()
    }

    /// Takes bytes to be written.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        if self.is_closing.get() {
            let text = "nothing can be written to what is closed";
            return Err(Error::with(ErrorName::Misuse, text));
        }
        if self.error.borrow().is_none() {
            self.buffer.borrow_mut().extend(bytes);
        }
        Ok(())
    }

    /// Writes what the buffer holds. What is left when this is given up goes with the next one.
    pub(super) async fn flush(&self) -> Result<(), Error> {
        while !self.flushed.is_set() {
            self.flushed.wait().await;
        }
        Flushing::begin(self).run().await;
        match &*self.error.borrow() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Has the buffer written by a task of its own.
    pub(super) fn flush_beside(self: &Rc<Self>) {
        if self.flushed.is_set() && self.pipe.borrow().is_some() && self.unsent() > 0 {
            let outlet = self.clone();
            let flush = async move {
                // The error is for whoever writes next.
                let _ = outlet.flush().await;
            };
            task::spawn(flush).name("writer").detach();
        }
    }

    /// Closes the pipe once everything is written.
    pub(super) fn close(self: &Rc<Self>) {
        self.is_closing.set(true);
        if self.flushed.is_set() {
            if self.unsent() == 0 {
                self.pipe.take();
            } else {
                self.flush_beside();
            }
        }
    }
}

/// The pipe, while its buffer is written. It is given back, or closed if that was asked for.
struct Flushing<'a> {
    outlet: &'a Outlet,
    pipe: Option<Pipe>,
}

impl<'a> Flushing<'a> {
    fn begin(outlet: &'a Outlet) -> Self {
        let pipe = outlet.pipe.take();
        outlet.flushed.clear();
        Self { outlet, pipe }
    }

    async fn run(mut self) {
        let outlet = self.outlet;
        let Some(pipe) = &mut self.pipe else { return };
        while outlet.unsent() > 0 {
            let chunk: Vec<u8> = {
                let buffer = outlet.buffer.borrow();
                buffer.iter().copied().take(CHUNK).collect()
            };
            match pipe.write(&chunk).await {
                Ok(count) => drop(outlet.buffer.borrow_mut().drain(..count)),
                Err(error) => {
                    outlet.buffer.borrow_mut().clear();
                    outlet.error.replace(Some(error.into()));
                }
            }
        }
    }
}

impl Drop for Flushing<'_> {
    fn drop(&mut self) {
        let pipe = self.pipe.take();
        if !self.outlet.is_closing.get() {
            self.outlet.pipe.replace(pipe);
        }
        self.outlet.flushed.set();
    }
}
