//! One direction of a connection: bytes that are written, under way, delivered and read.
//!
//! All of them lie in one queue, and cursors say how far they have come: a byte is copied in when
//! it is written and out when it is read, and nothing moves in between.

use std::collections::VecDeque;
use std::ops::Range;

use super::super::Token;

/// What a direction holds that nobody has read, and how far it has come.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// From the first byte that has not been read.
    bytes: VecDeque<u8>,
    /// How many bytes have been read.
    read: u64,
    pub(super) delivered: u64,
    /// How many bytes have left the sender, once or more often.
    pub(super) sent: u64,
    /// How many bytes the sender knows to be delivered, and to be read.
    pub(super) known_delivered: u64,
    pub(super) known_read: u64,
    pub(super) flights: VecDeque<Flight>,
    pub(super) end: End,
    /// The moment of the first flight.
    pub(super) alarm: Option<Token>,
    /// News for a sender who waits for room.
    pub(super) news: Option<Token>,
    /// The sender asks again whether what was delivered has been heard of.
    pub(super) asking: Option<Token>,
    /// A writer was turned away, and waits for room.
    pub(super) is_full: bool,
}

/// How far the end of a direction has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    #[default]
    Open,
    /// There will be no more bytes.
    Wanted,
    /// That is under way.
    Sent,
    /// The reader will hear of it when it has read the rest.
    Delivered,
}

/// Bytes under way, up to a count of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub(super) up_to: u64,
    /// When it arrives, or when its loss is noticed and it is sent again.
    pub(super) at: u64,
    /// The end is with it.
    pub(super) is_last: bool,
    pub(super) fate: FlightFate,
    /// How often it was sent again.
    pub(super) attempt: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlightFate {
    Arrives,
    Lost,
    /// It waits for the link to be opened.
    Held,
}

impl Flow {
    pub(super) fn written(&self) -> u64 {
        self.read + self.bytes.len() as u64
    }

    pub(super) fn unsent(&self) -> u64 {
        self.written() - self.sent
    }

    /// Returns how many bytes can be read.
    pub(super) fn readable(&self) -> usize {
        (self.delivered - self.read) as usize
    }

    pub(super) fn read_up_to(&self) -> u64 {
        self.read
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Copies out what is there and fits.
    pub(super) fn read(&mut self, into: &mut [u8]) -> usize {
        let count = self.readable().min(into.len());
        let (first, second) = self.bytes.as_slices();
        let split = first.len().min(count);
        into[..split].copy_from_slice(&first[..split]);
        into[split..count].copy_from_slice(&second[..count - split]);
        self.bytes.drain(..count);
        self.read += count as u64;
        count
    }

    /// Returns bytes that have not been read, by their numbers.
    pub(super) fn copy(&self, bytes: Range<u64>) -> Vec<u8> {
        let place = |number: u64| number.saturating_sub(self.read) as usize;
        let bytes = place(bytes.start)..place(bytes.end);
        self.bytes.range(bytes).copied().collect()
    }

    /// Returns how much more may be under way, given how much the reader is willing to hold.
    pub(super) fn window(&self, holds: u64) -> u64 {
        (self.known_read + holds).saturating_sub(self.sent)
    }

    /// Returns how much more can be written, given how much the sender is willing to hold.
    pub(super) fn room(&self, holds: u64) -> u64 {
        holds.saturating_sub(self.written() - self.known_delivered)
    }

    /// Puts bytes on their way: behind those before, and together with them if they arrive
    /// together.
    pub(super) fn fly(&mut self, flight: Flight) {
        if let Some(last) = self.flights.back_mut() {
            let at = flight.at.max(last.at);
            let together = last.at == at
                && last.fate == FlightFate::Arrives
                && flight.fate == FlightFate::Arrives
                && !last.is_last;
            if together {
                last.up_to = flight.up_to;
                last.is_last = flight.is_last;
                return;
            }
            return self.flights.push_back(Flight { at, ..flight });
        }
        self.flights.push_back(flight);
    }

    /// Forgets what has not arrived.
    pub(super) fn cut_short(&mut self) {
        self.flights.clear();
        let arrived = (self.delivered - self.read) as usize;
        self.bytes.truncate(arrived);
        self.sent = self.delivered;
    }
}
