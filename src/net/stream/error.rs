//! What can go wrong when a stream is read.

use std::error::Error;
use std::fmt;
use std::io;

/// Why a read gave nothing.
///
/// ```
/// use simrun::net::{self, ReadError, StreamWriter};
///
/// # simrun::run(async {
/// let greet = |_, writer: StreamWriter| async move {
///     writer.write(b"hel");
///     writer.close();
/// };
/// let _server = net::start_server(greet, "127.0.0.1:80").await.unwrap();
/// let (mut reader, _writer) = net::open_connection("127.0.0.1:80").await.unwrap();
/// let error = reader.readexactly(5).await.unwrap_err();
/// assert!(matches!(error, ReadError::Incomplete(rest) if rest.partial == b"hel"));
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The data have ended too early.
    Incomplete(IncompleteRead),
    /// What is read is longer than the reader's limit.
    Overrun(LimitOverrun),
    /// The connection is lost.
    Connection(io::Error),
}

/// The data have ended before all was there that was asked for: asyncio's `IncompleteReadError`.
///
/// See [`ReadError`].
///
/// ```
/// use simrun::net::{IncompleteRead, ReadError};
///
/// fn whole(read: Result<Vec<u8>, ReadError>) -> Result<Vec<u8>, ReadError> {
///     match read {
///         // The last one may lack its separator.
///         Err(ReadError::Incomplete(IncompleteRead { partial, expected: None })) => Ok(partial),
///         other => other,
///     }
/// }
/// # assert!(whole(Ok(Vec::new())).is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompleteRead {
    /// What was there.
    pub partial: Vec<u8>,
    /// How many bytes were asked for, if it was a number.
    pub expected: Option<usize>,
}

/// What is read is longer than the reader's limit: asyncio's `LimitOverrunError`.
///
/// ```
/// use simrun::net::{self, ConnectOptions, ReadError, StreamWriter};
///
/// # simrun::run(async {
/// let greet = |_, writer: StreamWriter| async move { writer.write(b"a long line\n") };
/// let _server = net::start_server(greet, "127.0.0.1:80").await.unwrap();
/// let short = ConnectOptions::new().limit(4);
/// let (mut reader, _writer) = net::open_connection_with(short, "127.0.0.1:80").await.unwrap();
/// let error = reader.readuntil(b"\n").await.unwrap_err();
/// assert!(matches!(error, ReadError::Overrun(_)));
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitOverrun {
    /// How many bytes come before the separator, or are known not to be part of one.
    pub consumed: usize,
    is_found: bool,
}

impl LimitOverrun {
    pub(super) fn new(consumed: usize, is_found: bool) -> Self {
        Self { consumed, is_found }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete(error) => error.fmt(f),
            Self::Overrun(error) => error.fmt(f),
            Self::Connection(error) => error.fmt(f),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connection(error) => error.source(),
            _ => None,
        }
    }
}

impl fmt::Display for IncompleteRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = self.partial.len();
        match self.expected {
            Some(expected) => write!(f, "the data ended after {read} of {expected} bytes"),
            None => write!(f, "the data ended after {read} bytes, without a separator"),
        }
    }
}

impl Error for IncompleteRead {}

impl fmt::Display for LimitOverrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let consumed = self.consumed;
        match self.is_found {
            true => write!(
                f,
                "the separator comes after {consumed} bytes: raise the limit"
            ),
            false => write!(f, "no separator within {consumed} bytes: raise the limit"),
        }
    }
}

impl Error for LimitOverrun {}

impl From<IncompleteRead> for ReadError {
    fn from(error: IncompleteRead) -> Self {
        Self::Incomplete(error)
    }
}

impl From<LimitOverrun> for ReadError {
    fn from(error: LimitOverrun) -> Self {
        Self::Overrun(error)
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Incomplete(error) => Self::new(io::ErrorKind::UnexpectedEof, error),
            ReadError::Overrun(error) => Self::new(io::ErrorKind::InvalidData, error),
            ReadError::Connection(error) => error,
        }
    }
}
