//! Resources and footprints: which shared things a step has touched, and who holds them.
//!
//! Every primitive tells the loop what it reads and writes. Strategies learn from it which steps
//! could matter to each other; deadlock reports learn from it who holds what is waited for.

use std::panic::Location;

use super::core::{Core, State};
use super::table::Key;
use crate::chance::mix;
use crate::trace::EventKind;

/// How a step touched a resource.
///
/// See [`Touch`].
///
/// ```
/// use simrun::strategy::Access;
///
/// let matters = |one: Access, other: Access| one == Access::Write || other == Access::Write;
/// assert!(!matters(Access::Read, Access::Read), "two reads can be swapped");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// It looked, and changed nothing.
    Read,
    /// It changed it, or may have.
    Write,
}

/// One touch of a step's footprint.
///
/// ```
/// use simrun::event_loop::{Access, Choose, EntityId, Touch, Turn};
/// use simrun::sync::Event;
/// use simrun::{Sim, Strategy};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// /// Counts the writes of a run.
/// struct Writes(Arc<AtomicUsize>);
///
/// impl Choose for Writes {
///     fn choose(&mut self, _: &mut Turn<'_>) -> usize {
///         0
///     }
///
///     fn wants_footprints(&self) -> bool {
///         true
///     }
///
///     fn observe(&mut self, _: EntityId, touches: &[Touch]) {
///         let writes = touches.iter().filter(|touch| touch.access == Access::Write);
///         self.0.fetch_add(writes.count(), Ordering::Relaxed);
///     }
/// }
///
/// let writes = Arc::new(AtomicUsize::new(0));
/// let shared = writes.clone();
/// let strategy = Strategy::custom("writes", move |_| Box::new(Writes(shared.clone())));
/// Sim::new().strategy(strategy).run(|| async { Event::new().set() }).unwrap();
/// assert_eq!(writes.load(Ordering::Relaxed), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The resource: the same number in every run in which the same task makes it.
    pub resource: u64,
    /// How it was touched.
    pub access: Access,
}

/// A thing that tasks share.
pub(crate) struct Resource {
    pub(crate) key: u64,
    /// What footprints call it.
    pub(crate) birth: Birth,
    pub(crate) kind: &'static str,
    pub(crate) name: Option<String>,
    pub(crate) made: &'static Location<'static>,
    /// The ids of the tasks that hold it, where it can be held, and the slots they are in.
    pub(crate) holders: Vec<(u64, u32)>,
    /// The task whose end is waited for, where the resource is something that a task does.
    pub(crate) stands_for: Option<(u64, u32)>,
}

/// By whom a resource was made: the same in every run in which the same task makes it, whoever uses
/// it first. Those that are made outside a run go by whoever has used them first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Birth(u64);

impl Birth {
    /// Made outside a run, or in a constant.
    pub(crate) const UNKNOWN: Self = Self(0);

    /// Names a resource that is being made.
    pub(crate) fn now() -> Self {
        super::core::try_current().map_or(Self::UNKNOWN, |core| {
            let state = &mut *core.state.borrow_mut();
            let (_, hash) = state.path_and_hash();
            let step = u64::from(state.site.step) << 32 | u64::from(state.born_in_step);
            state.born_in_step += 1;
            Self(mix(mix(hash, 0xB127), step))
        })
    }

    fn or(self, key: u64) -> Self {
        if self == Self::UNKNOWN {
            Self(key)
        } else {
            self
        }
    }
}

/// Names one resource of one loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResourceKey {
    pub(crate) serial: u32,
    pub(crate) slot: u32,
}

impl Core {
    pub(crate) fn add_resource(
        &self,
        kind: &'static str,
        name: Option<String>,
        made: &'static Location<'static>,
    ) -> ResourceKey {
        self.add_born(kind, name, made, Birth::UNKNOWN)
    }

    /// Adds a resource that was made before it is used for the first time.
    pub(crate) fn add_born(
        &self,
        kind: &'static str,
        name: Option<String>,
        made: &'static Location<'static>,
        birth: Birth,
    ) -> ResourceKey {
        let state = &mut *self.state.borrow_mut();
        let key = state.name_first_use();
        let resource = Resource {
            key,
            birth: birth.or(key),
            kind,
            name,
            made,
            holders: Vec::new(),
            stands_for: None,
        };
        let slot = state.resources.insert(resource) as u32;
        if let Some(unheard) = &mut state.unheard {
            unheard.add(slot);
        }
        let serial = self.serial;
        ResourceKey { serial, slot }
    }

    pub(crate) fn remove_resource(&self, key: ResourceKey) {
        let state = &mut *self.state.borrow_mut();
        state.resources.try_remove(key.slot as usize);
        if let Some(unheard) = &mut state.unheard {
            unheard.remove(key.slot);
        }
    }

    /// Adds to the footprint of the current step.
    #[inline]
    pub(crate) fn touch(&self, key: ResourceKey, access: Access) {
        self.state.borrow_mut().touch(self, key, access);
    }

    /// Adds to the current move, if anyone wants to know, but not to the footprint of its step.
    pub(crate) fn link_resource(&self, key: ResourceKey, access: Access) {
        let state = &mut *self.state.borrow_mut();
        if let Some(resource) = state.resources.get(key.slot as usize) {
            let resource = resource.birth.0;
            state.link(|_| resource, access);
        }
    }

    /// Takes note that the current task holds the resource from now on.
    pub(crate) fn hold(&self, key: ResourceKey) {
        let state = &mut *self.state.borrow_mut();
        if let Some(slot) = state.current {
            let id = state.slots[slot as usize].id;
            state.resources[key.slot as usize].holders.push((id, slot));
        }
    }

    /// Takes note of all who hold the resource.
    pub(crate) fn set_holders(&self, key: ResourceKey, holders: Vec<(u64, u32)>) {
        let state = &mut *self.state.borrow_mut();
        if let Some(resource) = state.resources.get_mut(key.slot as usize) {
            resource.holders = holders;
        }
    }

    /// Takes note of the task at whose end what waits for the resource can go on.
    pub(crate) fn stand_for(&self, key: ResourceKey, task: Key) {
        let state = &mut *self.state.borrow_mut();
        state.resources[key.slot as usize].stands_for = Some((task.id, task.slot));
    }

    /// Names the current task as a holder is named.
    pub(crate) fn current_holder(&self) -> Option<(u64, u32)> {
        let state = self.state.borrow();
        let slot = state.current?;
        Some((state.slots[slot as usize].id, slot))
    }

    /// Takes note that the current task, or else the one that has held it longest, lets go.
    pub(crate) fn let_go(&self, key: ResourceKey) {
        let state = &mut *self.state.borrow_mut();
        let current = state.current.map(|slot| state.slots[slot as usize].id);
        let holders = &mut state.resources[key.slot as usize].holders;
        let place = holders
            .iter()
            .position(|(id, _)| Some(*id) == current)
            .unwrap_or(0);
        if place < holders.len() {
            holders.remove(place);
        }
    }
}

impl State {
    /// Names a resource by its first use.
    fn name_first_use(&mut self) -> u64 {
        let path = self.path();
        let hash = self.paths.hash(path);
        let step = u64::from(self.site.step) << 32 | u64::from(self.made_in_step);
        self.made_in_step += 1;
        mix(mix(hash, 0x5E50), step)
    }

    /// Names a resource by its first use that counts.
    #[cold]
    fn name_again(&mut self, slot: u32) {
        let is_new = self
            .unheard
            .as_mut()
            .is_some_and(|unheard| unheard.take(slot));
        if is_new {
            let key = self.name_first_use();
            let resource = &mut self.resources[slot as usize];
            if resource.birth.0 == resource.key {
                resource.birth = Birth(key);
            }
            resource.key = key;
        }
    }

    #[inline]
    fn touch(&mut self, core: &Core, key: ResourceKey, access: Access) {
        if cfg!(feature = "tracing") && self.unheard.is_some() {
            self.name_again(key.slot);
        }
        let Some(resource) = self.resources.get(key.slot as usize) else {
            return;
        };
        self.fingerprint.add(resource.key ^ access as u64);
        if self.is_watched {
            let resource = resource.birth.0;
            if let Some(moves) = &mut self.moves {
                moves.touch(resource, access);
            }
            self.note_touch(core, key.slot, Touch { resource, access });
        }
    }

    #[cold]
    fn note_touch(&mut self, core: &Core, slot: u32, touch: Touch) {
        if let Some(touches) = &mut self.touches {
            touches.push(touch);
        }
        if !self.has_events() {
            return;
        }
        let writes = touch.access == Access::Write;
        if let Some(trace) = &mut self.trace {
            trace.causes.meet(touch.resource, writes);
        }
        let name = self.resource_name(slot);
        self.record(core.now(), || EventKind::Touched(name));
        if let Some(trace) = &mut self.trace {
            trace.causes.part(touch.resource, writes);
        }
    }

    /// Returns what a resource is called: its kind and its name, or where it was made.
    pub(crate) fn resource_name(&self, slot: u32) -> String {
        let Some(resource) = self.resources.get(slot as usize) else {
            return "nothing".into();
        };
        match &resource.name {
            Some(name) => format!("{} `{name}`", resource.kind),
            None => {
                format!(
                    "{} made at {}",
                    resource.kind,
                    crate::error::place(resource.made)
                )
            }
        }
    }
}

/// With fewer touches than this, each is put into its place faster than all are sorted.
const FEW: usize = 16;

/// Mentions each resource once, in the order of their numbers; a write counts for more than a read.
#[inline]
pub(super) fn normalize(touches: &mut Vec<Touch>) {
    match touches.len() {
        0 | 1 => {}
        2..FEW => insert_each(touches),
        _ => {
            touches.sort_unstable_by_key(|touch| (touch.resource, std::cmp::Reverse(touch.access)));
            touches.dedup_by_key(|touch| touch.resource);
        }
    }
}

fn insert_each(touches: &mut Vec<Touch>) {
    let mut kept = 1;
    for next in 1..touches.len() {
        let touch = touches[next];
        let mut place = kept;
        while place > 0 && touches[place - 1].resource > touch.resource {
            place -= 1;
        }
        if place > 0 && touches[place - 1].resource == touch.resource {
            let known = &mut touches[place - 1].access;
            *known = touch.access.max(*known);
            continue;
        }
        touches.copy_within(place..kept, place + 1);
        touches[place] = touch;
        kept += 1;
    }
    touches.truncate(kept);
}
