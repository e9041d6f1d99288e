//! Values of flags: lengths of time, strategies.

use std::ops::Range;
use std::time::Duration;

use crate::Strategy;
use crate::scenario::read;
use crate::strategy::ParseStrategyError;

/// Units, the longer names first: `ms` ends with `s`.
const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a length of time, as scenarios write it: `5ms`, `1.5s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let shape = "a length of time is a number with a unit, such as 5ms, 1.5s or 2h";
    let unit = UNITS.iter().find_map(|(unit, nanos)| {
        let number = text.strip_suffix(unit)?;
        let is_number = number.ends_with(|c: char| c.is_ascii_digit());
        is_number.then_some((number, u128::from(*nanos)))
    });
    let (number, nanos) = unit.ok_or(shape)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = u32::try_from(part.len()).unwrap_or(u32::MAX);
    let scale = 10_u128.checked_pow(digits).ok_or(shape)?;
    let read = |text: &str| -> Result<u128, String> {
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u64>().ok().filter(|_| is_plain);
        number.map(u128::from).ok_or_else(|| shape.to_owned())
    };
    let total = read(whole)? * nanos + read(part)? * nanos / scale;
    let total = u64::try_from(total);
    total
        .map(Duration::from_nanos)
        .map_err(|_| "virtual time ends after 584 years".to_owned())
}

/// Reads a number of steps.
pub(super) fn steps(text: &str) -> Result<u64, String> {
    let steps = text.parse();
    steps.map_err(|_| format!("a number of steps is at most {}", u64::MAX))
}

/// Reads a range of seeds, the last of which does not belong to it.
pub(super) fn seeds(text: &str) -> Result<Range<u64>, String> {
    match read::seeds(text) {
        Some(seeds) if !seeds.is_empty() => Ok(seeds),
        Some(_) => Err("there is no seed in this range".to_owned()),
        None => Err("seeds are written as in `0..1000`".to_owned()),
    }
}

/// Reads a strategy's name.
pub(super) fn strategy(text: &str) -> Result<Strategy, String> {
    text.parse()
        .map_err(|error: ParseStrategyError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_units() {
        let millis = |text| duration(text).map(|length| length.as_micros());
        assert_eq!(millis("5ms"), Ok(5_000));
        assert_eq!(millis("1.5s"), Ok(1_500_000));
        assert_eq!(millis("2m"), Ok(120_000_000));
        assert_eq!(millis("0us"), Ok(0));
        assert_eq!(duration("0.000000001s"), Ok(Duration::from_nanos(1)));
        for wrong in [
            "", "5", "ms", "-5ms", "5 ms", ".5s", "5.s", "1e3s", "5d", "+1s", "é5ms",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        for long in [
            "584942417356h",
            "99999999999999999999s",
            &format!("1.{:0>60}s", 1),
        ] {
            assert!(duration(long).is_err(), "{long}");
        }
    }
}
