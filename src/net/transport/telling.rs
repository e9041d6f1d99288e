//! What a protocol is told, and when: never while it is being called, or its lock is held.

use super::{Transport, report};
use crate::error::TaskError;
use crate::event_loop::core::Core;
use crate::net::link::Link;
use crate::net::protocol::Party;

impl Transport {
    pub(super) fn tell_made(&self) {
        let core = self.core();
        let Some(link) = self.link(&core) else { return };
        let told = link.call(|party| party.made(self));
        self.tell_flow(&core, &link);
        if let Err(error) = told {
            // As from any callback: the connection stays.
            error.resume();
        }
    }

    /// Has the protocol called, and tells it afterwards what has happened to the buffer meanwhile.
    pub(super) fn call<R>(
        &self,
        core: &Core,
        link: &Link,
        act: impl FnOnce(&mut dyn Party) -> R,
    ) -> Result<R, TaskError> {
        let called = link.call(act);
        self.tell_flow(core, link);
        called
    }

    /// Tells the protocol to pause or to go on, if it has not heard of that.
    pub(in crate::net) fn tell_flow(&self, core: &Core, link: &Link) {
        loop {
            let pauses = self.state().marks.is_above();
            if link.is_busy() || link.paused.get() == pauses {
                return;
            }
            if link.is_locked() {
                // Whoever has the lock is in the middle of something.
                let transport = self.clone();
                core.call_soon(Box::new(move || transport.tell_flow_later()));
                return;
            }
            self.tell_pause(core, link, pauses);
        }
    }

    pub(super) fn tell_flow_later(&self) {
        let core = self.core();
        let Some(link) = self.link(&core) else { return };
        let pauses = self.state().marks.is_above();
        if link.paused.get() != pauses {
            self.tell_pause(&core, &link, pauses);
        }
        self.tell_flow(&core, &link);
    }

    pub(super) fn tell_pause(&self, core: &Core, link: &Link, pauses: bool) {
        link.paused.set(pauses);
        let told = link.call(|party| match pauses {
            true => party.pause(),
            false => party.resume(),
        });
        if let Err(error) = told {
            let method = if pauses { "pause" } else { "resume" };
            report(core, format!("protocol.{method}_writing() failed"), error);
        }
    }

    /// Looks whether the buffer has become too large.
    pub(super) fn check_rise(&self, core: &Core) {
        {
            let state = &mut *self.state();
            let size = state.buffer.len();
            state.marks.rise(size);
        }
        if let Some(link) = self.link(core) {
            self.tell_flow(core, &link);
        }
    }
}
