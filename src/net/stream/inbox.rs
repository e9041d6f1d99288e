//! What has arrived for a reader: bytes, the end, or an error.

use std::collections::VecDeque;
use std::io;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use super::error::{IncompleteRead, LimitOverrun, ReadError};
use crate::event_loop::Wait;
use crate::net::gate::{Gate, share};
use crate::net::transport::Transport;

/// How many times its limit a reader buffers before it pauses its transport: asyncio's.
const TIMES: usize = 2;

pub(super) struct Inbox {
    state: Mutex<State>,
    gate: OnceLock<Gate>,
    at: &'static Location<'static>,
}

struct State {
    buffer: VecDeque<u8>,
    limit: usize,
    is_over: bool,
    error: Option<Arc<io::Error>>,
    /// The reader has paused the transport.
    is_paused: bool,
    transport: Option<Transport>,
}

impl Inbox {
    pub(super) fn new(limit: usize, at: &'static Location<'static>) -> Self {
        let state = State {
            buffer: VecDeque::new(),
            limit,
            is_over: false,
            error: None,
            is_paused: false,
            transport: None,
        };
        Self {
            state: Mutex::new(state),
            gate: OnceLock::new(),
            at,
        }
    }

    pub(super) fn connect(&self, transport: &Transport) {
        self.state().transport = Some(transport.clone());
        let name = format!("{} - {}", transport.local_addr(), transport.peer_addr());
        self.gate
            .get_or_init(|| Gate::new("stream reader", name, self.at));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn feed(&self, data: &[u8]) {
        let pauses = {
            let state = &mut *self.state();
            state.buffer.extend(data);
            let pauses = !state.is_paused && state.buffer.len() > TIMES * state.limit;
            state.is_paused |= pauses;
            state.transport.clone().filter(|_| pauses)
        };
        self.open(None);
        if let Some(transport) = pauses {
            transport.pause_reading();
        }
    }

    pub(super) fn feed_end(&self) {
        self.state().is_over = true;
        self.open(None);
    }

    pub(super) fn fail(&self, error: &Arc<io::Error>) {
        self.state().error = Some(error.clone());
        self.open(Some(error));
    }

    fn open(&self, error: Option<&Arc<io::Error>>) {
        if let Some(gate) = self.gate.get() {
            gate.open_with(error);
        }
    }

    pub(super) fn error(&self) -> Option<Arc<io::Error>> {
        self.state().error.clone()
    }

    /// Fails if the connection has.
    pub(super) fn check(&self) -> io::Result<()> {
        self.error().map_or(Ok(()), |error| Err(share(&error)))
    }

    pub(super) fn limit(&self) -> usize {
        self.state().limit
    }

    /// Says whether there will be nothing more to read.
    pub(super) fn is_at_end(&self) -> bool {
        let state = self.state();
        state.is_over && state.buffer.is_empty()
    }

    /// Waits until something arrives.
    pub(super) fn poll_arrival(
        &self,
        wait: &mut Wait,
        cx: &mut Context<'_>,
        at: &'static Location<'static>,
    ) -> Poll<io::Result<()>> {
        if wait.key().is_none() {
            // Otherwise nothing would ever come.
            self.check()?;
            let resumes = {
                let state = &mut *self.state();
                let paused = std::mem::take(&mut state.is_paused);
                state.transport.clone().filter(|_| paused)
            };
            if let Some(transport) = resumes {
                transport.resume_reading();
            }
        }
        let Some(gate) = self.gate.get() else {
            return Poll::Ready(Ok(()));
        };
        let passed = gate.poll(wait, cx, at);
        passed.map_err(|error| share(&error))
    }

    /// Ends a wait.
    pub(super) fn leave(&self, wait: &mut Wait) {
        if let Some(gate) = self.gate.get() {
            gate.leave(wait);
        }
    }

    /// Lets the transport read on when little enough is left.
    fn resume(&self) {
        let resumes = {
            let state = &mut *self.state();
            let resumes = state.is_paused && state.buffer.len() <= state.limit;
            state.is_paused &= !resumes;
            state.transport.clone().filter(|_| resumes)
        };
        if let Some(transport) = resumes {
            transport.resume_reading();
        }
    }

    /// Takes up to so many bytes, if there are any or the end has come.
    pub(super) fn try_read(&self, count: usize) -> Option<Vec<u8>> {
        let taken = {
            let state = &mut *self.state();
            if state.buffer.is_empty() && !state.is_over {
                return None;
            }
            let count = count.min(state.buffer.len());
            state.buffer.drain(..count).collect()
        };
        self.resume();
        Some(taken)
    }

    /// Takes exactly so many bytes, if they are there or the end has come.
    pub(super) fn try_exactly(&self, count: usize) -> Option<Result<Vec<u8>, ReadError>> {
        let taken = {
            let state = &mut *self.state();
            if state.buffer.len() < count {
                return state.is_over.then(|| {
                    let partial = state.buffer.drain(..).collect();
                    let expected = Some(count);
                    Err(IncompleteRead { partial, expected }.into())
                });
            }
            state.buffer.drain(..count).collect()
        };
        self.resume();
        Some(Ok(taken))
    }

    /// Takes what comes up to the end of the first separator, if that is there or the end has come.
    /// What comes before `from` was searched already.
    pub(super) fn try_until(
        &self,
        separators: &[&[u8]],
        from: &mut usize,
    ) -> Option<Result<Vec<u8>, ReadError>> {
        let taken = {
            let state = &mut *self.state();
            let Some((start, end)) = state.find(separators, *from) else {
                let longest = separators.iter().map(|separator| separator.len()).max();
                let searched = (state.buffer.len() + 1).saturating_sub(longest.unwrap_or(1));
                *from = searched.max(*from);
                if *from > state.limit {
                    return Some(Err(LimitOverrun::new(*from, false).into()));
                }
                return state.is_over.then(|| {
                    let partial = state.buffer.drain(..).collect();
                    let expected = None;
                    Err(IncompleteRead { partial, expected }.into())
                });
            };
            if start > state.limit {
                return Some(Err(LimitOverrun::new(start, true).into()));
            }
            state.buffer.drain(..end).collect()
        };
        self.resume();
        Some(Ok(taken))
    }

    /// Discards a line that is too long, or what there is of it.
    pub(super) fn discard_line(&self, consumed: usize) {
        {
            let state = &mut *self.state();
            if state.buffer.get(consumed) == Some(&b'\n') {
                state.buffer.drain(..=consumed);
            } else {
                state.buffer.clear();
            }
        }
        self.resume();
    }
}

impl State {
    /// Returns where the separator begins and ends that ends first.
    fn find(&mut self, separators: &[&[u8]], from: usize) -> Option<(usize, usize)> {
        let bytes = self.buffer.make_contiguous().get(from..)?;
        let place = |separator: &&[u8]| {
            let length = separator.len();
            let start = match separator {
                [byte] => bytes.iter().position(|other| other == byte),
                _ => bytes.windows(length).position(|other| other == *separator),
            };
            start.map(|start| (from + start, from + start + length))
        };
        // Of those that end together, the shortest: asyncio looks for them in that order.
        let found = separators.iter().filter_map(place);
        found.min_by_key(|(start, end)| (*end, end - start))
    }
}
