//! Alarms: moments of which one of the floors above wants to be told, by a number of its own.
//!
//! They are what callbacks with a timer would be, without a function each: the network sets one for
//! nearly every packet.

use std::any::Any;
use std::rc::Rc;

use super::core::Core;
use super::timers::Timer;
use crate::chance::mix;
use crate::trace::Left;

/// A moment that someone waits for.
#[derive(Debug)]
pub(crate) struct Alarm {
    generation: u32,
    /// On whose behalf it was set.
    path: u32,
    path_hash: u64,
}

/// The alarms that are set, each in the place of its token: tokens are small numbers.
#[derive(Debug, Default)]
pub(crate) struct Alarms(Vec<Option<Alarm>>);

/// Who sets alarms and is told of them. One floor has one for every run.
pub(crate) trait Alarmed: Any {
    /// Is told that the moment of an alarm has come.
    fn alarm(&self, core: &Core, token: u32);
}

impl Core {
    /// Returns who is told of alarms: one of the [extensions](Self::extension), but one that is
    /// asked for at every turn, and so need not be looked for.
    pub(crate) fn alarmed<T: Alarmed + Default>(&self) -> Rc<T> {
        let known = self.state.borrow().alarmed.clone();
        let known = known.and_then(|known| (known as Rc<dyn Any>).downcast().ok());
        known.unwrap_or_else(|| {
            let made = self.extension::<T>();
            self.state.borrow_mut().alarmed = Some(made.clone());
            made
        })
    }

    /// Sets the alarm of a token that has none.
    pub(crate) fn set_alarm(&self, at: u64, token: u32) {
        let state = &mut *self.state.borrow_mut();
        state.generation += 1;
        let generation = state.generation;
        let (path, path_hash) = state.path_and_hash();
        state.paths.hold(path);
        let alarm = Alarm {
            generation: generation as u32,
            path,
            path_hash,
        };
        state.alarms.set(token, alarm);
        state.leave(Left::Alarm(token));
        state.timers.set(at, Timer::for_alarm(token, generation));
    }

    /// Takes the alarm of a token back, if it has one.
    pub(crate) fn cancel_alarm(&self, token: u32) {
        let state = &mut *self.state.borrow_mut();
        if let Some(alarm) = state.alarms.take(token) {
            state.paths.release(alarm.path);
            state.timers.cancel();
            state.sweep_timers();
        }
    }

    /// Tells of an alarm, on behalf of whoever has set it.
    pub(super) fn ring(&self, token: u32, generation: u32) {
        let (alarmed, path, outer) = {
            let state = &mut *self.state.borrow_mut();
            if !state.alarms.is_set(token, generation) {
                return;
            }
            let Some(alarm) = state.alarms.take(token) else {
                return;
            };
            let hash = mix(alarm.path_hash ^ 8, u64::from(token));
            state.fingerprint.add(hash);
            let outer = std::mem::replace(&mut state.caller, alarm.path);
            (state.alarmed.clone(), alarm.path, outer)
        };
        if let Some(alarmed) = alarmed {
            alarmed.alarm(self, token);
        }
        let state = &mut *self.state.borrow_mut();
        let hash = state.paths.hash(path);
        state.observe_callback(hash);
        state.caller = outer;
        state.paths.release(path);
    }
}

impl Alarms {
    fn set(&mut self, token: u32, alarm: Alarm) {
        let place = token as usize;
        if self.0.len() <= place {
            self.0.resize_with(place + 1, || None);
        }
        debug_assert!(self.0[place].is_none(), "a token has one alarm");
        self.0[place] = Some(alarm);
    }

    /// Returns the alarm of a token if it is still that of this generation.
    fn get(&self, token: u32, generation: u32) -> Option<&Alarm> {
        let alarm = self.0.get(token as usize)?.as_ref();
        alarm.filter(|alarm| alarm.generation == generation)
    }

    /// Says whether an alarm is still set.
    pub(super) fn is_set(&self, token: u32, generation: u32) -> bool {
        self.get(token, generation).is_some()
    }

    /// Returns on whose behalf an alarm was set, if it still is.
    pub(super) fn path(&self, token: u32, generation: u32) -> Option<u32> {
        self.get(token, generation).map(|alarm| alarm.path)
    }

    /// Takes an alarm out of the table; its path is still held.
    fn take(&mut self, token: u32) -> Option<Alarm> {
        self.0.get_mut(token as usize)?.take()
    }
}
