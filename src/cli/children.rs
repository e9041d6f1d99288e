//! Runs that are made by other processes, so that one which never ends, or takes its process with
//! it, is a failure as any other.
//!
//! The processes are this command again. Each makes one run at a time. If it dies, the run that it
//! has begun has crashed; if it says nothing for too long, it is killed and the run has hung. Then
//! another process goes on.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::arguments::{CHILD, CampaignFormat};
use super::protocol::{Answer, Ask, Purpose, Tell};
use super::told::Telling;
use super::work::Work;
use crate::Strategy;
use crate::assure::{Failure, FailureKind};
use crate::explore::{Failed, ForProfile, Look, Ran, Runner, Summary};
use crate::time::Instant;

/// A run is ended by its own limit on real time, if it can be; only after this much more is its
/// process killed.
const GRACE: Duration = Duration::from_secs(1);

/// The processes that make the runs of a campaign.
pub(super) struct Children {
    executable: PathBuf,
    file: String,
    text: String,
    strategies: Vec<Strategy>,
    is_steady: bool,
    limit: Duration,
    idle: Mutex<Vec<Child>>,
    /// The runs for the profile that have not come back.
    lost: Mutex<BTreeMap<u64, Failure>>,
    profiled: Mutex<ForProfile>,
}

/// A process, and what it answers.
struct Child {
    process: std::process::Child,
    answers: Receiver<Answer>,
}

impl Children {
    /// Starts the first process.
    pub(super) fn start(executable: PathBuf, work: &Work, limit: Duration) -> io::Result<Self> {
        let source = &work.model.source;
        let children = Self {
            executable,
            file: source.name.clone(),
            text: source.text.clone(),
            strategies: work.strategies.clone(),
            is_steady: work.is_steady,
            limit,
            idle: Mutex::default(),
            lost: Mutex::default(),
            profiled: Mutex::default(),
        };
        let first = children.open()?;
        lock(&children.idle).push(first);
        Ok(children)
    }

    /// Starts a process that has made the profile: without those of its runs that do not come back.
    fn open(&self) -> io::Result<Child> {
        loop {
            let mut child = Child::start(&self.executable)?;
            child.send(&Purpose {
                file: self.file.clone(),
                text: self.text.clone(),
                strategies: self.strategies.iter().map(ToString::to_string).collect(),
                is_steady: self.is_steady,
                limit: self.limit,
                spared: lock(&self.lost).keys().copied().collect(),
            });
            child.send(&Ask::Profile);
            let mut begun = None;
            let ended = loop {
                match child.answer(self.limit) {
                    Ok(Answer::Begins(seed)) => begun = Some(seed),
                    Ok(Answer::Profiled(line)) => {
                        self.has_profile(line.into());
                        return Ok(child);
                    }
                    Ok(_) => {}
                    Err(failure) => break failure,
                }
            };
            let seed = begun.ok_or_else(|| io::Error::other(ended.message().to_owned()))?;
            lock(&self.lost).insert(seed, ended);
        }
    }

    fn has_profile(&self, mut profiled: ForProfile) {
        for (seed, failure) in &*lock(&self.lost) {
            profiled.failures.push(Failed {
                seed: *seed,
                key: failure.key(),
                failure: failure.clone(),
                fingerprint: 0,
            });
        }
        profiled.failures.sort_by_key(|failed| failed.seed);
        *lock(&self.profiled) = profiled;
    }

    /// Has a process look at what has failed, and returns what there is to say, and the exit code.
    /// A failure that takes the process with it is looked at less closely.
    pub(super) fn tell(&self, summary: &Summary, telling: Telling<'_>) -> io::Result<(String, u8)> {
        let mut looks: BTreeMap<usize, Look> = BTreeMap::new();
        loop {
            let mut child = self.open()?;
            child.send(&Ask::Tell(Box::new(Tell {
                summary: summary.into(),
                looks: looks.clone(),
                is_json: telling.format == CampaignFormat::Json,
                program: telling.program.to_owned(),
                file: telling.file.to_owned(),
            })));
            let mut looked = None;
            let ended = loop {
                match child.answer(self.limit) {
                    Ok(Answer::Looks(number)) => looked = Some(number),
                    Ok(Answer::Told(text, code)) => return Ok((text, code)),
                    Ok(_) => {}
                    Err(failure) => break failure,
                }
            };
            let number = looked.ok_or_else(|| io::Error::other(ended.message().to_owned()))?;
            let look = match looks.get(&number) {
                None | Some(Look::Closely) => Look::Briefly,
                Some(Look::Briefly) => Look::Again,
                Some(Look::Again) => Look::Never,
                Some(Look::Never) => return Err(io::Error::other(ended.message().to_owned())),
            };
            looks.insert(number, look);
        }
    }

    /// Makes a run of one that has not come back.
    fn lost(&self, seed: u64, failure: Failure) -> Ran {
        let place = seed % self.strategies.len() as u64;
        let strategy = match seed {
            0 => Strategy::fifo(),
            _ => self.strategies[place as usize].of_seed(seed),
        };
        Ran {
            seed,
            strategy: strategy.to_string(),
            fingerprint: 0,
            trace: 0,
            steps: 0,
            handoffs: Vec::new(),
            properties: Vec::new(),
            failure: Some((failure.key(), failure)),
        }
    }
}

impl Runner for Children {
    fn run(&self, seed: u64) -> Ran {
        let idle = lock(&self.idle).pop();
        let opened = idle.map_or_else(|| self.open(), Ok);
        let mut child = match opened {
            Ok(child) => child,
            Err(error) => panic!("cannot start a process for runs: {error}"),
        };
        child.send(&Ask::Run(seed));
        loop {
            match child.answer(self.limit) {
                Ok(Answer::Ran(line)) => {
                    lock(&self.idle).push(child);
                    return line.into();
                }
                Ok(_) => {}
                Err(failure) => return self.lost(seed, failure),
            }
        }
    }

    fn profiled(&self) -> ForProfile {
        lock(&self.profiled).clone()
    }
}

impl Child {
    #[expect(
        clippy::disallowed_methods,
        reason = "the thread reads what another process writes, and no run is on it"
    )]
    fn start(executable: &PathBuf) -> io::Result<Self> {
        let mut command = Command::new(executable);
        command.arg(CHILD).stdin(Stdio::piped());
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().expect("it is a pipe");
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n') {
                let Ok(line) = line else { break };
                let line = String::from_utf8_lossy(&line);
                let (printed, answer) = Answer::read(&line);
                if !printed.is_empty() {
                    // What a program prints must not come between the results.
                    let _ = writeln!(io::stderr(), "{printed}");
                }
                if let Some(answer) = answer
                    && sender.send(answer).is_err()
                {
                    break;
                }
            }
        });
        Ok(Self { process, answers })
    }

    /// Sends a line. If that fails the process has died, and its answer will tell.
    fn send(&mut self, line: &impl Serialize) {
        let mut text = serde_json::to_string(line).expect("numbers and texts are JSON");
        text.push('\n');
        if let Some(stdin) = &mut self.process.stdin {
            let _ = stdin
                .write_all(text.as_bytes())
                .and_then(|()| stdin.flush());
        }
    }

    /// Waits for an answer, or says what has become of the process.
    fn answer(&mut self, limit: Duration) -> Result<Answer, Failure> {
        match self.answers.recv_timeout(limit + GRACE) {
            Ok(answer) => Ok(answer),
            Err(RecvTimeoutError::Timeout) => {
                let message = format!("the run has not come back after {limit:?}");
                Err(Failure::new(FailureKind::Hung, message, Instant::ZERO))
            }
            Err(RecvTimeoutError::Disconnected) => {
                let how = match self.process.wait() {
                    Ok(status) => how(status),
                    Err(error) => error.to_string(),
                };
                let message = format!("the run has ended its process: {how}");
                Err(Failure::new(FailureKind::Crashed, message, Instant::ZERO))
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Says how a process has ended.
fn how(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let known = SIGNALS.iter().find(|(number, _)| *number == signal);
        let name = known.map_or(String::new(), |(_, name)| format!(" ({name})"));
        return format!("signal {signal}{name}");
    }
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => "for an unknown reason".to_owned(),
    }
}

/// The signals that end programs with mistakes; these numbers are the same on most systems.
#[cfg(unix)]
const SIGNALS: [(i32, &str); 6] = [
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
];

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
