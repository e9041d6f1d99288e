//! How long packets take: distributions that give the same numbers on every platform.

use std::time::Duration;

use crate::chance::Stream;

/// How long a packet is under way. Every distribution has a least delay, which is what a plan means
/// that says nothing.
///
/// ```
/// use simrun::net::Latency;
/// use simrun::time::millis;
///
/// let latency = Latency::Uniform { least: millis(1), most: millis(5) };
/// assert_eq!(latency.least(), millis(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    /// Always this long.
    Constant(Duration),
    /// Anything between two durations, with the same probability.
    Uniform {
        /// The shortest.
        least: Duration,
        /// The longest.
        most: Duration,
    },
    /// Around a mean, within six standard deviations of it.
    Normal {
        /// The mean.
        mean: Duration,
        /// The standard deviation.
        deviation: Duration,
    },
    /// A least delay, and on top of it one that is the less probable the longer it is.
    Exponential {
        /// The shortest.
        least: Duration,
        /// The mean of what comes on top.
        mean: Duration,
    },
    /// Mostly little more than the least, sometimes very much more: a Pareto distribution, cut off
    /// at a thousand times the least.
    HeavyTail {
        /// The shortest.
        least: Duration,
        /// How fast long delays become improbable: with 1 slowly, with 3 fast.
        shape: f64,
    },
}

/// How many times the least a heavy tail may be.
const LONGEST_TAIL: f64 = 1_000.0;

/// How many uniform numbers are summed for a normal one: the sum of twelve has a variance of one.
const SUMMANDS: u32 = 12;

impl Latency {
    /// Returns the shortest delay there is.
    pub fn least(&self) -> Duration {
        match *self {
            Self::Constant(delay) => delay,
            Self::Uniform { least, .. }
            | Self::Exponential { least, .. }
            | Self::HeavyTail { least, .. } => least,
            Self::Normal { mean, deviation } => mean.saturating_sub(deviation * (SUMMANDS / 2)),
        }
    }

    /// Returns the least delay in nanoseconds.
    pub(crate) fn least_nanos(&self) -> u64 {
        nanos(self.least())
    }

    /// Says whether there is nothing to decide.
    pub(crate) fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_))
    }

    /// Draws what comes on top of the least delay, in nanoseconds.
    pub(crate) fn draw_extra(&self, stream: &mut Stream) -> u64 {
        let least = nanos(self.least());
        let delay = match *self {
            Self::Constant(_) => least,
            Self::Uniform { most, .. } => {
                let span = nanos(most).saturating_sub(least);
                least + stream.below(span.saturating_add(1))
            }
            Self::Normal { mean, deviation } => {
                let sum: f64 = (0..SUMMANDS).map(|_| unit(stream)).sum();
                let offset = (sum - f64::from(SUMMANDS) / 2.0) * nanos(deviation) as f64;
                (nanos(mean) as f64 + offset).max(0.0) as u64
            }
            Self::Exponential { mean, .. } => {
                let extra = -natural_logarithm(1.0 - unit(stream)) * nanos(mean) as f64;
                least.saturating_add(extra as u64)
            }
            Self::HeavyTail { shape, .. } => {
                let exponent = -natural_logarithm(1.0 - unit(stream)) / shape.max(0.01);
                (least as f64 * exponential(exponent).min(LONGEST_TAIL)) as u64
            }
        };
        delay.saturating_sub(least)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Draws a number from 0 to 1, exclusive, in steps of 2^-53.
fn unit(stream: &mut Stream) -> f64 {
    const STEPS: u64 = 1 << 53;
    stream.below(STEPS) as f64 / STEPS as f64
}

// The standard library's functions may differ in the last bit from platform to platform. These use
// only what IEEE 754 rounds exactly: the basic operations.

/// Returns the natural logarithm of a number from 2^-53 to 1.
fn natural_logarithm(number: f64) -> f64 {
    let (mut mantissa, mut halvings) = (number, 0_u32);
    while mantissa < 0.75 {
        mantissa *= 2.0;
        halvings += 1;
    }
    // ln m = 2 artanh((m - 1) / (m + 1)), where the series converges fast near 1.
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let (mut term, mut sum) = (ratio, 0.0);
    for odd in (1_u32..40).step_by(2) {
        sum += term / f64::from(odd);
        term *= square;
    }
    2.0 * sum - f64::from(halvings) * std::f64::consts::LN_2
}

/// Returns e to the power of a number that is not negative; what is too large is infinite.
fn exponential(number: f64) -> f64 {
    let halvings = 20;
    let small = number / f64::from(1_u32 << halvings);
    let mut power = 1.0 + small * (1.0 + small / 2.0 * (1.0 + small / 3.0));
    for _ in 0..halvings {
        power *= power;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Domain;

    #[test]
    fn the_logarithm_and_the_exponential_are_those_of_the_books() {
        for step in 1..1_000 {
            let number = f64::from(step) / 1_000.0;
            assert!((natural_logarithm(number) - number.ln()).abs() < 1e-12);
            let power = f64::from(step) / 100.0;
            assert!((exponential(power) / power.exp() - 1.0).abs() < 1e-7);
        }
    }

    #[test]
    fn every_distribution_has_its_mean() {
        let ms = Duration::from_millis;
        let mut stream = Stream::new(1, Domain::Net);
        let mut mean = |latency: Latency| {
            let draws = 20_000;
            let extra: u64 = (0..draws).map(|_| latency.draw_extra(&mut stream)).sum();
            nanos(latency.least()) as f64 / 1e6 + extra as f64 / f64::from(draws) / 1e6
        };
        let near = |is: f64, should: f64| assert!((is - should).abs() < 0.1, "{is} {should}");
        near(mean(Latency::Constant(ms(3))), 3.0);
        near(
            mean(Latency::Uniform {
                least: ms(2),
                most: ms(6),
            }),
            4.0,
        );
        near(
            mean(Latency::Normal {
                mean: ms(20),
                deviation: ms(2),
            }),
            20.0,
        );
        near(
            mean(Latency::Exponential {
                least: ms(1),
                mean: ms(4),
            }),
            5.0,
        );
        near(
            mean(Latency::HeavyTail {
                least: ms(2),
                shape: 3.0,
            }),
            3.0,
        );
    }

    #[test]
    fn the_same_stream_gives_the_same_delays_for_ever() {
        let mut stream = Stream::new(7, Domain::Net);
        let latency = Latency::HeavyTail {
            least: Duration::from_millis(1),
            shape: 1.5,
        };
        let delays: Vec<u64> = (0..4).map(|_| latency.draw_extra(&mut stream)).collect();
        assert_eq!(delays.len(), 4);
        assert!(delays.iter().all(|delay| *delay < 1_000_000_000));
    }
}
