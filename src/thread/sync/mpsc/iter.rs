//! Going through what a channel brings.

use super::Receiver;

/// Goes through what a channel brings: see [`Receiver::iter`].
///
/// ```
/// use simrun::thread::sync::mpsc::{self, Iter};
///
/// # simrun::Sim::new().run_thread(|| {
/// let (sender, receiver) = mpsc::channel();
/// sender.send(1).unwrap();
/// let mut numbers: Iter<'_, u8> = receiver.iter();
/// assert_eq!(numbers.next(), Some(1));
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Iter<'a, T> {
    pub(super) receiver: &'a Receiver<T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

/// Goes through what a channel has: see [`Receiver::try_iter`].
///
/// ```
/// use simrun::thread::sync::mpsc::{self, TryIter};
///
/// # simrun::Sim::new().run_thread(|| {
/// let (sender, receiver) = mpsc::channel();
/// sender.send(1).unwrap();
/// let numbers: TryIter<'_, u8> = receiver.try_iter();
/// assert_eq!(numbers.sum::<u8>(), 1);
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct TryIter<'a, T> {
    pub(super) receiver: &'a Receiver<T>,
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

/// Goes through what a channel brings, and has its receiver.
///
/// ```
/// use simrun::thread::sync::mpsc::{self, IntoIter};
///
/// # simrun::Sim::new().run_thread(|| {
/// let (sender, receiver) = mpsc::channel();
/// sender.send(1).unwrap();
/// drop(sender);
/// let numbers: IntoIter<u8> = receiver.into_iter();
/// assert_eq!(numbers.sum::<u8>(), 1);
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}
