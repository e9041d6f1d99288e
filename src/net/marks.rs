//! Water marks: when a protocol is to pause what it writes, and when it may go on.

/// How much may be buffered before a protocol is paused, unless it is set: asyncio's 64 KiB.
const HIGH: usize = 64 << 10;

/// How many times the low mark the high one is, where only one of them is set: asyncio's.
const RATIO: usize = 4;

/// The marks of a transport's write buffer, and on which side of them it is.
#[derive(Debug)]
pub(super) struct Marks {
    high: usize,
    low: usize,
    is_above: bool,
}

impl Default for Marks {
    fn default() -> Self {
        let (high, low, is_above) = (HIGH, HIGH / RATIO, false);
        Self {
            high,
            low,
            is_above,
        }
    }
}

impl Marks {
    /// Returns the low mark and the high one.
    pub(super) fn limits(&self) -> (usize, usize) {
        (self.low, self.high)
    }

    /// Sets the marks; what is not given follows from what is.
    ///
    /// # Panics
    ///
    /// If the high mark is below the low one.
    #[track_caller]
    pub(super) fn set(&mut self, high: Option<usize>, low: Option<usize>) {
        let high = match (high, low) {
            (Some(high), _) => high,
            (None, Some(low)) => low * RATIO,
            (None, None) => HIGH,
        };
        let low = low.unwrap_or(high / RATIO);
        assert!(
            high >= low,
            "the high mark ({high}) must not be below the low one ({low})"
        );
        (self.high, self.low) = (high, low);
    }

    /// Looks whether so much in the buffer is too much.
    pub(super) fn rise(&mut self, size: usize) {
        self.is_above |= size > self.high;
    }

    /// Looks whether so little in the buffer is little enough.
    pub(super) fn fall(&mut self, size: usize) {
        self.is_above &= size > self.low;
    }

    /// Says whether the protocol is to pause.
    pub(super) fn is_above(&self) -> bool {
        self.is_above
    }
}
