//! Alarms: moments of which one of the floors above wants to be told, by a number of its own.
//!
//! They are what callbacks with a timer would be, without a function each: the network sets one for
//! nearly every packet.

use std::rc::Rc;

use super::core::{Core, State};
use super::timers::Timer;
use crate::chance::mix;

/// A moment that someone waits for.
#[derive(Debug)]
pub(crate) struct Alarm {
    pub(super) generation: u32,
    token: u32,
    /// On whose behalf it was set.
    pub(super) path: u32,
    path_hash: u64,
}

/// Who is told of alarms: what their tokens mean is known there.
pub(super) type Alarmed = Rc<dyn Fn(u32)>;

/// Names one alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AlarmKey {
    slot: u32,
    generation: u32,
}

impl Core {
    /// Says who is told of alarms.
    pub(crate) fn on_alarm(&self, alarmed: impl Fn(u32) + 'static) {
        self.state.borrow_mut().alarmed = Some(Rc::new(alarmed));
    }

    /// Sets an alarm.
    pub(crate) fn set_alarm(&self, at: u64, token: u32) -> AlarmKey {
        let state = &mut *self.state.borrow_mut();
        state.generation += 1;
        let generation = state.generation;
        let (path, path_hash) = state.path_and_hash();
        state.paths.hold(path);
        let slot = state.alarms.insert(Alarm {
            generation: generation as u32,
            token,
            path,
            path_hash,
        }) as u32;
        state.timers.set(at, Timer::for_alarm(slot, generation));
        let generation = generation as u32;
        AlarmKey { slot, generation }
    }

    /// Takes an alarm back.
    pub(crate) fn cancel_alarm(&self, key: AlarmKey) {
        let state = &mut *self.state.borrow_mut();
        if let Some(alarm) = state.take_alarm(key.slot, key.generation) {
            state.paths.release(alarm.path);
            state.timers.cancel();
            state.sweep_timers();
        }
    }

    /// Tells of an alarm, on behalf of whoever has set it.
    pub(super) fn ring(&self, slot: u32, generation: u32) {
        let (alarmed, token, path, outer) = {
            let state = &mut *self.state.borrow_mut();
            let Some(alarm) = state.take_alarm(slot, generation) else {
                return;
            };
            let hash = mix(alarm.path_hash ^ 8, u64::from(alarm.token));
            state.fingerprint.add(hash);
            let outer = std::mem::replace(&mut state.caller, alarm.path);
            (state.alarmed.clone(), alarm.token, alarm.path, outer)
        };
        if let Some(alarmed) = alarmed {
            alarmed(token);
        }
        let state = &mut *self.state.borrow_mut();
        state.caller = outer;
        state.paths.release(path);
    }
}

impl State {
    /// Takes an alarm out of the table; its path is still held.
    fn take_alarm(&mut self, slot: u32, generation: u32) -> Option<Alarm> {
        let alarm = self.alarms.get(slot as usize)?;
        let is_it = alarm.generation == generation;
        is_it.then(|| self.alarms.remove(slot as usize))
    }
}
