//! What a transport writes: at once what there is room for, the rest from a buffer with water
//! marks.

use super::{Fatal, IGNORED_WRITES, Transport};
use crate::event_loop::core::Core;
use crate::net::driver::{Direction, Net};
use crate::net::kernel::{NetError, Socket};
use crate::net::tcp::End;

impl Transport {
    /// Sends as much as there is room for at once, if nothing is buffered, and buffers the rest.
    ///
    /// What is written to a closing transport is sent with what is buffered; if nothing is, it is
    /// dropped, and from the fifth time on with a warning.
    ///
    /// # Panics
    ///
    /// After [`write_eof`](Self::write_eof).
    #[track_caller]
    pub fn write(&self, data: &[u8]) {
        let (core, end) = self.open();
        self.check_writable();
        if data.is_empty() || self.ignores_write() {
            return;
        }
        let Some(end) = end else { return };
        let net = Net::of(&core);
        let mut rest = data;
        let is_first = self.state().buffer.is_empty();
        if is_first {
            match net.tcp(&core, |tcp| tcp.write(end.id, data)) {
                Ok(count) => rest = &data[count..],
                Err(NetError::WouldBlock) => {}
                Err(error) => return self.fail(&core, Fatal::Socket(error)),
            }
            if rest.is_empty() {
                return;
            }
        }
        self.state().buffer.extend(rest);
        if is_first {
            self.watch_room(&core, &net, &end);
        }
        self.check_rise(&core);
    }

    /// Writes all of these, as one.
    ///
    /// # Panics
    ///
    /// After [`write_eof`](Self::write_eof).
    #[track_caller]
    pub fn writelines<T: AsRef<[u8]>>(&self, lines: impl IntoIterator<Item = T>) {
        let (core, end) = self.open();
        self.check_writable();
        let mut all = Vec::new();
        for line in lines {
            all.extend_from_slice(line.as_ref());
        }
        if all.is_empty() || self.ignores_write() {
            return;
        }
        let Some(end) = end else { return };
        let was_empty = self.state().buffer.is_empty();
        self.state().buffer.extend(all);
        self.flush(&core, &end);
        if was_empty && !self.state().buffer.is_empty() && !self.has_lost() {
            self.watch_room(&core, &Net::of(&core), &end);
        }
        if !self.has_lost() {
            self.check_rise(&core);
        }
    }

    pub(super) fn watch_room(&self, core: &Core, net: &Net, end: &End) {
        if let Some(link) = self.link(core) {
            let (socket, watcher) = (Socket::Stream(end.id), link.writer.clone());
            net.watch(core, socket, Direction::Out, watcher);
        }
    }

    pub(super) fn has_lost(&self) -> bool {
        self.state().lost > 0
    }

    #[track_caller]
    pub(super) fn check_writable(&self) {
        let is_ended = self.state().is_write_ended;
        assert!(!is_ended, "nothing can be written after write_eof");
    }

    /// Says whether nothing is written any more.
    pub(in crate::net) fn is_write_ended(&self) -> bool {
        self.state().is_write_ended
    }

    pub(super) fn ignores_write(&self) -> bool {
        let state = &mut *self.state();
        if state.lost == 0 {
            return false;
        }
        if state.lost >= IGNORED_WRITES {
            let connection = format!("{} - {}", self.0.local, self.0.remote);
            tracing::warn!(target: "simrun::net", %connection, "written to a closed transport");
        }
        state.lost += 1;
        true
    }

    /// The socket has room again.
    pub(in crate::net) fn write_ready(&self) {
        let (core, end) = self.open();
        let Some(end) = end else { return };
        self.flush(&core, &end);
        if self.state().end.is_some() {
            let socket = Socket::Stream(end.id);
            Net::of(&core).look_again(&core, socket, Direction::Out);
        }
    }

    /// Sends as much of the buffer as there is room for.
    pub(super) fn flush(&self, core: &Core, end: &End) {
        if self.has_lost() {
            return;
        }
        let net = Net::of(core);
        let mut buffer = std::mem::take(&mut self.state().buffer);
        let failure = loop {
            let (next, _) = buffer.as_slices();
            if next.is_empty() {
                break None;
            }
            match net.tcp(core, |tcp| tcp.write(end.id, next)) {
                Ok(count) => drop(buffer.drain(..count)),
                Err(NetError::WouldBlock) => break None,
                Err(error) => break Some(error),
            }
        };
        if let Some(error) = failure {
            net.unwatch(Socket::Stream(end.id), Direction::Out);
            return self.fail(core, Fatal::Socket(error));
        }
        {
            let state = &mut *self.state();
            state.marks.fall(buffer.len());
            state.buffer = buffer;
        }
        if let Some(link) = self.link(core) {
            // It may write more at once.
            self.tell_flow(core, &link);
        }
        let (is_flushed, is_closing, is_ended) = {
            let state = self.state();
            let is_flushed = state.buffer.is_empty() && state.lost == 0;
            (is_flushed, state.is_closing, state.is_write_ended)
        };
        if !is_flushed {
            return;
        }
        net.unwatch(Socket::Stream(end.id), Direction::Out);
        if is_closing {
            self.state().lost = 1;
            let link = self.link(core);
            if link.is_some_and(|link| link.is_busy() || link.is_locked()) {
                self.lose_soon(core, None);
            } else {
                // At once: nothing can come before it.
                self.lose(None);
            }
        } else if is_ended {
            end.shut_down();
        }
    }

    /// Ends what is written, once everything buffered is sent: the other end reads the end, and may
    /// go on sending. Does nothing the second time, or if the transport is closing.
    #[track_caller]
    pub fn write_eof(&self) {
        let (_, end) = self.open();
        let is_flushed = {
            let state = &mut *self.state();
            if state.is_closing || std::mem::replace(&mut state.is_write_ended, true) {
                return;
            }
            state.buffer.is_empty()
        };
        if let (true, Some(end)) = (is_flushed, end) {
            end.shut_down();
        }
    }

    /// Says whether [`write_eof`](Self::write_eof) is possible, which it always is with TCP.
    pub fn can_write_eof(&self) -> bool {
        true
    }

    /// Sets at which size of the buffer the protocol is paused, when it is above the high mark, and
    /// resumed, when it is not above the low one. What is not given follows from what is: the low
    /// mark is a quarter of the high one. At first the high mark is 64 KiB.
    ///
    /// That may pause the protocol at once, but does not resume it.
    ///
    /// # Panics
    ///
    /// If the high mark is below the low one.
    #[track_caller]
    pub fn set_write_buffer_limits(
        &self,
        high: impl Into<Option<usize>>,
        low: impl Into<Option<usize>>,
    ) {
        let (core, _) = self.open();
        self.state().marks.set(high.into(), low.into());
        self.check_rise(&core);
    }

    /// Returns the low mark and the high one.
    pub fn write_buffer_limits(&self) -> (usize, usize) {
        self.state().marks.limits()
    }

    /// Returns how many bytes are buffered.
    pub fn write_buffer_size(&self) -> usize {
        self.state().buffer.len()
    }
}
