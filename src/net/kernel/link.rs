//! Links: the wire from one host to another.

use std::time::Duration;

use super::latency::Latency;

/// How a link treats packets. Links are directed: the way back is another one.
///
/// ```
/// use simrun::net::{Latency, Link};
/// use simrun::time::millis;
///
/// let slow = Link::new()
///     .latency(Latency::Uniform { least: millis(20), most: millis(80) })
///     .loss(0.01)
///     .bandwidth(1_000_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    pub(crate) latency: Latency,
    pub(crate) bandwidth: Option<u64>,
    pub(crate) loss: f64,
    pub(crate) duplication: f64,
    pub(crate) reordering: f64,
    pub(crate) mtu: u32,
}

/// What a link is like if nobody says otherwise: a tenth of a millisecond, as in one data centre.
const LATENCY: Duration = Duration::from_micros(100);

/// Ethernet's.
const MTU: u32 = 1_500;

/// The least that every host must be able to receive.
const LEAST_MTU: u32 = 576;

/// How much later than others a packet comes that is overtaken, at most, in least latencies.
const OVERTAKEN_BY: u64 = 3;

impl Link {
    /// Makes a link that loses nothing, with a constant latency of a tenth of a millisecond.
    pub const fn new() -> Self {
        Self {
            latency: Latency::Constant(LATENCY),
            bandwidth: None,
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            mtu: MTU,
        }
    }

    /// Sets how long packets take.
    pub const fn latency(mut self, latency: Latency) -> Self {
        self.latency = latency;
        self
    }

    /// Adds up to so much to a constant latency.
    pub fn jitter(mut self, jitter: Duration) -> Self {
        let least = self.latency.least();
        let most = least + jitter;
        self.latency = Latency::Uniform { least, most };
        self
    }

    /// Sets how many bytes pass in a second; packets queue for that. Without it, any number.
    pub const fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.bandwidth = Some(bytes_per_second);
        self
    }

    /// Sets the probability that a packet is lost.
    pub const fn loss(mut self, probability: f64) -> Self {
        self.loss = probability;
        self
    }

    /// Sets the probability that a datagram arrives twice.
    pub const fn duplication(mut self, probability: f64) -> Self {
        self.duplication = probability;
        self
    }

    /// Sets the probability that a datagram is held up so that later ones overtake it.
    pub const fn reordering(mut self, probability: f64) -> Self {
        self.reordering = probability;
        self
    }

    /// Sets how many bytes a packet may have, with its headers: 1,500 unless it is set, and at
    /// least 576.
    pub const fn mtu(mut self, bytes: u32) -> Self {
        self.mtu = if bytes < LEAST_MTU { LEAST_MTU } else { bytes };
        self
    }

    /// The most by which an overtaken datagram is late, in nanoseconds.
    pub(super) fn hold_up(&self) -> u64 {
        let least = u64::try_from(self.latency.least().as_nanos()).unwrap_or(u64::MAX);
        least.max(1).saturating_mul(OVERTAKEN_BY)
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}
