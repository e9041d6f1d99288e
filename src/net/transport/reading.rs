//! What a transport reads, and when it does not.

use super::{Fatal, Transport};
use crate::event_loop::core::Core;
use crate::net::driver::{Direction, Net};
use crate::net::kernel::{NetError, Socket};
use crate::net::link::{Link, Links};
use crate::net::protocol::{Inflow, Stop};
use crate::net::tcp::End;

impl Transport {
    /// Reads no more until [`resume_reading`](Self::resume_reading). Does nothing if that is so
    /// already, or the transport is closing.
    #[track_caller]
    pub fn pause_reading(&self) {
        let (core, end) = self.open();
        if !self.is_reading() {
            return;
        }
        self.state().is_paused = true;
        if let Some(end) = end {
            Net::of(&core).unwatch(Socket::Stream(end.id), Direction::In);
        }
    }

    /// Reads again. Does nothing if reading was not paused, or the transport is closing.
    #[track_caller]
    pub fn resume_reading(&self) {
        let (core, _) = self.open();
        {
            let state = &mut *self.state();
            if state.is_closing || !std::mem::take(&mut state.is_paused) {
                return;
            }
        }
        self.begin_reading(&core);
    }

    /// Says whether what arrives is read: not if reading is paused, or the transport is closing.
    pub fn is_reading(&self) -> bool {
        let state = self.state();
        !state.is_closing && !state.is_paused
    }

    pub(super) fn begin_reading(&self, core: &Core) {
        let Some(link) = self.link(core) else { return };
        let end = {
            let state = self.state();
            let reads = !state.is_closing && !state.is_paused && !state.is_read_ended;
            state.end.clone().filter(|_| reads)
        };
        if let Some(end) = end {
            let (socket, watcher) = (Socket::Stream(end.id), link.reader.clone());
            Net::of(core).watch(core, socket, Direction::In, watcher);
        }
    }

    /// The socket can be read.
    pub(in crate::net) fn read_ready(&self) {
        let (core, end) = self.open();
        let (Some(end), Some(link)) = (end, self.link(&core)) else {
            return;
        };
        if self.state().lost > 0 {
            return;
        }
        let (net, links) = (Net::of(&core), core.extension::<Links>());
        let mut chunk = links.take_chunk();
        let mut read = |into: &mut [u8]| net.tcp(&core, |tcp| tcp.read(end.id, into)).map_err(Stop);
        let mut inflow = Inflow {
            read: &mut read,
            chunk: &mut chunk,
            stage: "data_received",
        };
        let taken = self.call(&core, &link, |party| party.take(&mut inflow));
        let stage = inflow.stage;
        links.give_chunk(chunk);
        match taken {
            Ok(Ok(0)) => self.read_end(&core, &link, &end),
            Ok(Ok(_) | Err(Stop(NetError::WouldBlock))) => {}
            Ok(Err(Stop(error))) => self.fail(&core, Fatal::Socket(error)),
            Err(error) => self.fail(&core, Fatal::Call(stage, error)),
        }
        if self.state().end.is_some() {
            net.look_again(&core, Socket::Stream(end.id), Direction::In);
        }
    }

    pub(super) fn read_end(&self, core: &Core, link: &Link, end: &End) {
        match self.call(core, link, |party| party.eof()) {
            Ok(true) => {
                self.state().is_read_ended = true;
                Net::of(core).unwatch(Socket::Stream(end.id), Direction::In);
            }
            Ok(false) => self.close(),
            Err(error) => self.fail(core, Fatal::Call("eof_received", error)),
        }
    }
}
