//! Tier 5, subprocesses: programs that run beside each other and share pipes.
//!
//! A program is an async function that was [registered](register) under a name. A [`Command`]
//! spawns it as a process of its own: with arguments, an environment, three streams, an id, and
//! everything it makes. Tasks, threads and timers of a process end when it does, whether it
//! returns, [exits](exit) or dies of a [`Signal`]; children go on without it.
//!
//! The types are those of `std::process` and `tokio::process`, and [`Child`] can do what asyncio's
//! `Process` can.
//!
//! | asyncio | here |
//! |---|---|
//! | `create_subprocess_exec` | [`Command::spawn`] |
//! | `process.communicate()`, `wait()`, `terminate()`, `kill()` | [`Child`] has them |
//! | `process.stdin`, `PIPE`, `DEVNULL` | [`Child::stdin`], [`Stdio::piped`], [`Stdio::null`] |
//! | `loop.subprocess_exec`, `SubprocessProtocol` | [`subprocess_exec`], [`SubprocessProtocol`] |
//! | `loop.add_signal_handler` | [`Context::signal`] |
//! | `os.pipe` | [`pipe()`] |
//!
//! ```
//! use futures::io::{AsyncReadExt, AsyncWriteExt, copy};
//! use simrun::process::{self, Command, Context, Stdio};
//!
//! # simrun::run(async {
//! process::register("upper", |mut context: Context| async move {
//!     let mut text = String::new();
//!     context.stdin.read_to_string(&mut text).await?;
//!     context.stdout.write_all(text.to_uppercase().as_bytes()).await
//! });
//! process::register("cat", |mut context: Context| async move {
//!     copy(&mut context.stdin, &mut context.stdout).await.map(|_| ())
//! });
//! let mut cat = Command::new("cat");
//! let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
//! let upper = Command::new("upper").stdin(cat.stdout.take().unwrap()).output();
//! cat.communicate(b"hello").await.unwrap();
//! assert_eq!(upper.await.unwrap().stdout, b"HELLO");
//! # });
//! ```
//!
//! # What goes wrong
//!
//! **A pipe is full.** It holds [64 KiB](PIPE_CAPACITY); a child that writes more waits for someone
//! to read, and a parent that waits for the child's end does not read. [`Child::communicate`] and
//! [`Child::wait_with_output`] do both at once. The report of the deadlock says who holds the pipe:
//!
//! ```
//! use futures::io::AsyncWriteExt;
//! use simrun::Sim;
//! use simrun::process::{self, Command, Context, Stdio};
//!
//! let run = Sim::new().run(|| async {
//!     process::register("chatty", |mut context: Context| async move {
//!         context.stdout.write_all(&[0; 100_000]).await
//!     });
//!     let mut chatty = Command::new("chatty").stdout(Stdio::piped()).spawn().unwrap();
//!     chatty.wait().await
//! });
//! assert!(run.failure().unwrap().deadlock().is_some());
//! ```
//!
//! - **The data never end** for one who reads as long as anyone has the other end of the pipe: a
//!   [`Command`] that was given it and still lives, or another child that has inherited it.
//! - **A task that is cancelled** while it waits for a child leaves the child alone. A child that
//!   shall not survive its handle is [killed on drop](Command::kill_on_drop).
//! - **A child for whose end nobody has waited** is a warning among the run's
//!   [reports](crate::event_loop::ReportKind::Process).
//!
//! # Faults
//!
//! With [`set_faults`], processes cannot be spawned or are killed in the midst of their work, as
//! decisions of the run's plan. Shells are not simulated, nor is stopping a process for a while.

mod child;
mod command;
mod faults;
mod pipe;
mod program;
mod protocol;
mod signal;
mod status;
mod streams;
mod table;

pub use child::{Child, ChildStderr, ChildStdin, ChildStdout, Communicated, Output, WaitForExit};
pub use command::{Command, Stdio};
pub use faults::{Faults, set_faults};
pub use pipe::{PIPE_BUF, PIPE_CAPACITY, PipeReader, PipeWriter, pipe, pipe_with_capacity};
pub use program::{Context, exit, id, parent_id, register};
pub use protocol::{SubprocessProtocol, SubprocessTransport, subprocess_exec};
#[cfg(feature = "cli")]
pub(crate) use signal::listen;
pub use signal::{Receive, Signal, Signals};
pub use status::{ExitStatus, Termination};
pub use streams::{Stderr, Stdin, Stdout};
