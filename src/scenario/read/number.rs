//! Numbers with units: durations, percents, bandwidths.

use std::ops::Range;
use std::time::Duration;

/// What is wrong with a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not one.
    Malformed,
    NoUnit,
    /// The unit, and the one that was probably meant.
    Unit(String, Option<&'static str>),
    TooLarge,
    /// Finer than a nanosecond.
    TooFine,
}

/// Units of time, and how many nanoseconds each has.
const TIMES: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
];

/// What people write instead.
const TIMES_MEANT: [(&str, &str); 19] = [
    ("µs", "us"),
    ("μs", "us"),
    ("usec", "us"),
    ("msec", "ms"),
    ("msecs", "ms"),
    ("millis", "ms"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("S", "s"),
    ("MS", "ms"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("hour", "h"),
    ("hours", "h"),
    ("hr", "h"),
];

/// Units of bandwidth, and how many bytes a second each is, times eight.
const RATES: [(&str, u64); 7] = [
    ("B/s", 8),
    ("kB/s", 8_000),
    ("MB/s", 8_000_000),
    ("GB/s", 8_000_000_000),
    ("kbit/s", 1_000),
    ("Mbit/s", 1_000_000),
    ("Gbit/s", 1_000_000_000),
];

/// The longest duration: the clock counts nanoseconds, and sums of durations must fit too.
const LONGEST: u128 = 100 * 365 * 24 * 3_600 * 1_000_000_000;

/// A number as it is written: digits without their point, and how many stood behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal {
    digits: u128,
    places: u32,
}

impl Decimal {
    /// Reads digits, perhaps with a point or with `_` between them.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| {
            let plain = text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'_');
            plain && text.starts_with(|first: char| first.is_ascii_digit())
        };
        if !digits(whole) || !digits(fraction) {
            return Err(Fault::Malformed);
        }
        let fraction = fraction.trim_end_matches(['0', '_']);
        let places = fraction.bytes().filter(u8::is_ascii_digit).count();
        let all = format!("{whole}{fraction}").replace('_', "");
        let digits = all.parse().map_err(|_| Fault::TooLarge)?;
        let places = u32::try_from(places).map_err(|_| Fault::TooFine)?;
        Ok(Self { digits, places })
    }

    pub(super) fn as_f64(self) -> f64 {
        // Parsed rather than divided: the nearest number to what is written.
        format!("{}e-{}", self.digits, self.places)
            .parse()
            .unwrap_or(f64::NAN)
    }

    /// Multiplies, if the product is whole.
    fn times(self, unit: u64) -> Result<u128, Fault> {
        let product = self
            .digits
            .checked_mul(u128::from(unit))
            .ok_or(Fault::TooLarge)?;
        let Some(divisor) = 10_u128.checked_pow(self.places) else {
            return Err(Fault::TooFine);
        };
        if product % divisor != 0 {
            return Err(Fault::TooFine);
        }
        Ok(product / divisor)
    }
}

/// Returns the duration of so many units.
pub(super) fn duration(number: Decimal, unit: &str) -> Result<Duration, Fault> {
    let Some((_, nanos)) = TIMES.iter().find(|(name, _)| *name == unit) else {
        let meant = TIMES_MEANT.iter().find(|(name, _)| *name == unit);
        return Err(Fault::Unit(unit.to_owned(), meant.map(|(_, meant)| *meant)));
    };
    let nanos = number.times(*nanos)?;
    if nanos > LONGEST {
        return Err(Fault::TooLarge);
    }
    let nanos = u64::try_from(nanos).map_err(|_| Fault::TooLarge)?;
    Ok(Duration::from_nanos(nanos))
}

/// Returns the probability of a percent, from 0 to 1.
pub(super) fn percent(number: Decimal) -> Result<f64, Fault> {
    let percent = number.as_f64();
    if percent > 100.0 {
        return Err(Fault::TooLarge);
    }
    Ok(percent / 100.0)
}

/// Reads `5ms`.
pub(super) fn read_duration(text: &str) -> Result<Duration, Fault> {
    let (number, unit) = split(text)?;
    if unit.is_empty() {
        return Err(Fault::NoUnit);
    }
    duration(number, unit)
}

/// Reads `5%`.
pub(super) fn read_percent(text: &str) -> Result<f64, Fault> {
    match split(text)? {
        (number, "%") => percent(number),
        (_, "") => Err(Fault::NoUnit),
        (_, unit) => Err(Fault::Unit(unit.to_owned(), Some("%"))),
    }
}

/// Reads `10MB/s` as bytes per second.
pub(super) fn read_rate(text: &str) -> Result<u64, Fault> {
    let (number, unit) = split(text)?;
    if unit.is_empty() {
        return Err(Fault::NoUnit);
    }
    let Some((_, bits)) = RATES.iter().find(|(name, _)| *name == unit) else {
        let meant = RATES.iter().find(|(name, _)| {
            let plain = name.trim_end_matches("/s");
            name.eq_ignore_ascii_case(unit) || plain.eq_ignore_ascii_case(unit)
        });
        return Err(Fault::Unit(unit.to_owned(), meant.map(|(name, _)| *name)));
    };
    let bits = number.times(*bits)?;
    u64::try_from(bits / 8).map_err(|_| Fault::TooLarge)
}

/// Reads `0..1000` as the numbers from the first to before the last, of which there may be none.
pub(crate) fn seeds(text: &str) -> Option<Range<u64>> {
    let (first, end) = text.split_once("..")?;
    Some(first.parse().ok()?..end.parse().ok()?)
}

/// Parts a number from its unit.
pub(super) fn split(text: &str) -> Result<(Decimal, &str), Fault> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    Ok((Decimal::read(number)?, unit))
}

/// Lists the units of time, for messages.
pub(super) const TIME_UNITS: &str = "ns, us, ms, s, m, h";

/// Lists the units of bandwidth, for messages.
pub(super) const RATE_UNITS: &str = "B/s, kB/s, MB/s, GB/s, kbit/s, Mbit/s, Gbit/s";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        assert_eq!(read_duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(read_duration("0.000000001s"), Ok(Duration::from_nanos(1)));
        assert_eq!(read_duration("0.1ns"), Err(Fault::TooFine));
        assert_eq!(read_duration("1_000us"), Ok(Duration::from_millis(1)));
        assert_eq!(read_duration("5"), Err(Fault::NoUnit));
        assert_eq!(read_duration("5 ms"), Err(Fault::Unit(" ms".into(), None)));
        assert_eq!(
            read_duration("5sec"),
            Err(Fault::Unit("sec".into(), Some("s")))
        );
        assert_eq!(read_duration("9999999999999h"), Err(Fault::TooLarge));
        assert_eq!(read_duration("ms"), Err(Fault::Malformed));
    }

    #[test]
    fn percents_are_of_a_hundred() {
        assert_eq!(read_percent("1%"), Ok(0.01));
        assert_eq!(read_percent("0.1%"), Ok(0.001));
        assert_eq!(read_percent("101%"), Err(Fault::TooLarge));
        assert_eq!(read_percent("1"), Err(Fault::NoUnit));
    }

    #[test]
    fn rates_are_bytes_per_second() {
        assert_eq!(read_rate("10MB/s"), Ok(10_000_000));
        assert_eq!(read_rate("1.5kbit/s"), Ok(187));
        assert_eq!(
            read_rate("10mb"),
            Err(Fault::Unit("mb".into(), Some("MB/s")))
        );
    }
}
