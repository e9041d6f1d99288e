//! What a thread says of what it is about to do: `std::hint`, as far as it concerns threads.

/// Says that the thread waits in a loop for what another one does. Lets everything else that is
/// ready go first, for nobody knows otherwise that it waits.
///
/// # Panics
///
/// In a task.
///
/// ```
/// use simrun::thread::{self, sync::hint};
/// use simrun::thread::sync::atomic::{AtomicBool, Ordering};
///
/// # simrun::Sim::new().run_thread(|| {
/// let ready = AtomicBool::new(false);
/// thread::scope(|scope| {
///     scope.spawn(|| ready.store(true, Ordering::Release));
///     while !ready.load(Ordering::Acquire) {
///         hint::spin_loop();
///     }
/// });
/// # }).unwrap();
/// ```
#[track_caller]
pub fn spin_loop() {
    crate::thread::yield_now();
}
