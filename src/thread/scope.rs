//! Threads that borrow from the stack of the one who makes them.
//!
//! The scope ends only when all of its threads have: that is what makes the borrows sound. If the
//! scope's own thread is cut off, its threads are cut off first.
#![expect(unsafe_code, reason = "the loop's table knows no lifetime but 'static")]

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::block::{block_on, own_link, point};
use super::current::Thread;
use super::fiber::Link;
use super::spawn::{self, Builder, JoinHandle, Result};
use crate::error::panic_message;
use crate::event_loop::core;
use crate::event_loop::ended;
use crate::event_loop::table::Key;
use crate::panics;

/// Where threads can be made that borrow: see [`scope`].
///
/// ```
/// use simrun::thread::{self, Scope};
///
/// fn halves<'scope>(scope: &'scope Scope<'scope, '_>, numbers: &'scope [u32]) -> u32 {
///     let (left, right) = numbers.split_at(numbers.len() / 2);
///     let left = scope.spawn(|| left.iter().sum::<u32>());
///     let right: u32 = right.iter().sum();
///     left.join().unwrap() + right
/// }
///
/// # simrun::Sim::new().run_thread(|| {
/// let numbers = [1, 2, 3, 4];
/// assert_eq!(thread::scope(|scope| halves(scope, &numbers)), 10);
/// # }).unwrap();
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    /// The serial of its loop.
    serial: u32,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// What a thread said that panicked, and that nobody has joined.
    panicked: Arc<Mutex<Option<String>>>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Runs a function that can make threads which borrow from its surroundings: `std`'s `scope`. All
/// of them are joined before it returns.
///
/// # Panics
///
/// In a task, or if a thread panicked that was not joined.
///
/// ```
/// use simrun::thread;
///
/// # simrun::Sim::new().run_thread(|| {
/// let mut numbers = vec![1, 2, 3];
/// thread::scope(|scope| {
///     scope.spawn(|| numbers.push(4));
/// });
/// assert_eq!(numbers, [1, 2, 3, 4]);
/// # }).unwrap();
/// ```
#[track_caller]
pub fn scope<'env, F, T>(function: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let link =
        own_link().expect("a scope blocks until its threads have ended: it cannot stand in a task");
    let at = Location::caller();
    let scope = Scope {
        serial: link.serial,
        threads: Mutex::default(),
        panicked: Arc::default(),
        scope: PhantomData,
        env: PhantomData,
    };
    let all_ended = AllEnded::new(&scope.threads, &link);
    let result = catch_unwind(AssertUnwindSafe(|| function(&scope)));
    // A thread that is cut off meanwhile has its own cut off before it unwinds any further.
    let waited = catch_unwind(AssertUnwindSafe(|| all_ended.wait(at)));
    drop(all_ended);
    let value = match waited.and(result) {
        Err(payload) => resume_unwind(payload),
        Ok(value) => value,
    };
    if let Some(said) = lock(&scope.panicked).take() {
        panic!("a scoped thread panicked: {said}");
    }
    value
}

impl<'scope> Scope<'scope, '_> {
    /// Makes a thread that may borrow what outlives the scope.
    ///
    /// # Panics
    ///
    /// If the loop is closed, or another one is the current one.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, function: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let at = Location::caller();
        let core = spawn::open_loop();
        assert!(
            core.serial == self.serial,
            "this scope belongs to another loop"
        );
        let packet = Arc::new(Packet {
            result: Mutex::new(None),
            panicked: self.panicked.clone(),
        });
        let thread = {
            let packet = packet.clone();
            let function: Box<dyn FnOnce() + Send + 'scope> = Box::new(move || {
                let result = catch_unwind(AssertUnwindSafe(function));
                let place = result.is_err().then(panics::take_location).flatten();
                *lock(&packet.result) = Some((result, place));
            });
            // SAFETY: the boxes differ in nothing but a lifetime. The function borrows what lives
            // for 'scope, and `scope` does not return, nor unwinds, before the thread that owns
            // the function has run it to its end or dropped it: `AllEnded` sees to that, and the
            // thread is on its list before anyone else has a say.
            let function = unsafe {
                std::mem::transmute::<
                    Box<dyn FnOnce() + Send + 'scope>,
                    Box<dyn FnOnce() + Send + 'static>,
                >(function)
            };
            Builder::new().spawn_on(&core, function, at)
        };
        let handle = ScopedJoinHandle {
            key: thread.key(),
            thread: thread.thread().clone(),
            packet,
            scope: PhantomData,
        };
        lock(&self.threads).push(thread);
        handle
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = lock(&self.threads).len();
        f.debug_struct("Scope")
            .field("threads", &threads)
            .finish_non_exhaustive()
    }
}

/// Sees to it that no thread of a scope is left when the scope ends, however it does.
struct AllEnded<'a> {
    threads: &'a Mutex<Vec<JoinHandle<()>>>,
    link: &'a Link,
}

impl<'a> AllEnded<'a> {
    fn new(threads: &'a Mutex<Vec<JoinHandle<()>>>, link: &'a Link) -> Self {
        link.scopes.set(link.scopes.get() + 1);
        Self { threads, link }
    }

    fn thread(&self, index: usize) -> Option<Key> {
        lock(self.threads).get(index).map(JoinHandle::key)
    }

    /// Blocks until every thread has ended, also those that are made meanwhile.
    fn wait(&self, at: &'static Location<'static>) {
        for index in 0.. {
            let Some(key) = self.thread(index) else { break };
            // What is left after a wait that was cut short is cut off in the end.
            let _ = block_on(ended(key, at), "the end of a scope");
        }
    }
}

impl Drop for AllEnded<'_> {
    fn drop(&mut self) {
        for index in 0.. {
            let Some(key) = self.thread(index) else { break };
            if !core::try_own(key.serial).is_some_and(|core| core.cut_off(key)) {
                // It may still use what is about to go.
                eprintln!("a scoped thread can be neither joined nor cut off");
                std::process::abort();
            }
        }
        self.link.scopes.set(self.link.scopes.get() - 1);
    }
}

/// The handle of a thread that may borrow: see [`Scope::spawn`].
///
/// A panic that is joined is the joiner's to deal with; one that is not makes [`scope`] panic.
///
/// ```
/// use simrun::thread;
///
/// # simrun::Sim::new().run_thread(|| {
/// let word = String::from("hello");
/// let length = thread::scope(|scope| {
///     assert!(scope.spawn(|| panic!("oops")).join().is_err());
///     scope.spawn(|| word.len()).join().unwrap()
/// });
/// assert_eq!(length, 5);
/// # }).unwrap();
/// ```
pub struct ScopedJoinHandle<'scope, T> {
    key: Key,
    thread: Thread,
    packet: Arc<Packet<T>>,
    scope: PhantomData<&'scope ()>,
}

/// What a scoped thread leaves behind.
struct Packet<T> {
    /// With the place of its panic, if that is how it ended.
    result: Mutex<Option<(Result<T>, Option<String>)>>,
    panicked: Arc<Mutex<Option<String>>>,
}

impl<T> Drop for Packet<T> {
    fn drop(&mut self) {
        if let Some((Err(payload), place)) = &*lock(&self.result) {
            let place = place.as_deref().unwrap_or("an unknown place");
            let said = format!("{} at {place}", panic_message(&**payload));
            lock(&self.panicked).get_or_insert(said);
        }
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Blocks until the thread has ended.
    ///
    /// # Errors
    ///
    /// If the thread panicked, the payload of that.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        point();
        let _ = block_on(ended(self.key, Location::caller()), "joining a thread");
        let result = lock(&self.packet.result).take();
        match result {
            Some((result, _)) => result,
            None => Err(Box::new("the thread was cut off")),
        }
    }

    /// Returns the thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Says whether the thread has ended.
    #[track_caller]
    pub fn is_finished(&self) -> bool {
        point();
        core::own(self.key.serial, "thread").is_done(self.key)
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle")
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
