//! What the command's exit codes mean.
//!
//! | code | name | |
//! |---|---|---|
//! | 0 | [`PASSED`] | every run passed; a regression passes now; two runs are the same |
//! | 1 | [`FAILED`] | a run or a regression fails, a snapshot is not what it was, two runs differ |
//! | 2 | [`USAGE`] | the command line makes no sense, or a file is no scenario |
//! | 3 | [`UNDECIDED`] | a limit ended a run; a plan does not fit; something was never so |
//! | 4 | [`NONDETERMINISTIC`] | two runs of one seed differ |
//!
//! Of several files the worst counts: 2 before 4, for something was not even tried; 4 before 1, for
//! no other result can be relied on; 1 before 3; 3 before 0.
//!
//! ```
//! use simrun::cli::exit_code;
//!
//! assert_eq!(exit_code::worst(exit_code::UNDECIDED, exit_code::FAILED), exit_code::FAILED);
//! assert_eq!(exit_code::worst(exit_code::PASSED, exit_code::UNDECIDED), exit_code::UNDECIDED);
//! ```

/// Every run passed. Of a replay: it passes now. Of a diff: the two runs are the same.
pub const PASSED: u8 = 0;
/// A run failed, or a snapshot is not what it was. Of a replay: it fails, in whatever way. Of a
/// diff: the two runs differ.
pub const FAILED: u8 = 1;
/// The command line makes no sense, or a file is no scenario, or cannot be read or written.
pub const USAGE: u8 = 2;
/// A limit of steps, of virtual time or of real time ended a run before it was over. Of a replay:
/// the run passes, but the program has left its decisions, so nothing is known. Of a campaign: no
/// run has failed, but what must hold sometimes did not in any.
pub const UNDECIDED: u8 = 3;
/// Two runs of one seed differ.
pub const NONDETERMINISTIC: u8 = 4;

/// From the best to the worst.
const ORDER: [u8; 5] = [PASSED, UNDECIDED, FAILED, NONDETERMINISTIC, USAGE];

/// Returns the worse of two codes; one that is not known is worse than all.
///
/// ```
/// use simrun::cli::exit_code::{self, worst};
///
/// let codes = [exit_code::PASSED, exit_code::FAILED, exit_code::NONDETERMINISTIC];
/// assert_eq!(codes.into_iter().fold(exit_code::PASSED, worst), exit_code::NONDETERMINISTIC);
/// ```
pub fn worst(a: u8, b: u8) -> u8 {
    let rank = |code| {
        ORDER
            .iter()
            .position(|known| *known == code)
            .unwrap_or(ORDER.len())
    };
    if rank(a) < rank(b) { b } else { a }
}
