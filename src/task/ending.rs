//! What the future of a host or the handler of a connection may return.

use crate::error::TaskError;
use crate::never::Never;

/// How a future ends whose value nobody needs: with nothing, or with an error, which someone shall
/// hear of. It may also never end.
///
/// ```
/// use simrun::{TaskError, host};
///
/// # simrun::run(async {
/// let quiet = host::start("quiet", || async {});
/// let broken = host::start("broken", || async { Err::<(), _>("no disk") });
/// assert!(quiet.join().await.is_ok());
/// let error: TaskError = broken.join().await.unwrap_err();
/// assert_eq!(error.to_string(), "no disk");
/// # });
/// ```
pub trait Ending {
    /// Says how it ended.
    ///
    /// # Errors
    ///
    /// If that is how it ended.
    fn ending(self) -> Result<(), TaskError>;
}

impl Ending for () {
    fn ending(self) -> Result<(), TaskError> {
        Ok(())
    }
}

impl Ending for Never {
    fn ending(self) -> Result<(), TaskError> {
        self
    }
}

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> Ending for Result<(), E> {
    fn ending(self) -> Result<(), TaskError> {
        self.map_err(TaskError::new)
    }
}
