//! What steps are called, and which of them may wait.

use super::tree::Act;

impl Act {
    /// Returns the word with which the step begins.
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Self::Log(_) => "log",
            Self::Return(_) => "return",
            Self::Raise(_) => "raise",
            Self::Expect { .. } => "expect",
            Self::Fail(_) => "fail",
            Self::Value(_) => "=",
            Self::If { .. } => "if",
            Self::Loop(_) => "loop",
            Self::While(..) => "while",
            Self::Repeat { .. } => "repeat",
            Self::For { .. } => "for",
            Self::Break => "break",
            Self::Continue => "continue",
            Self::Try { .. } => "try",
            Self::Retry { .. } => "retry",
            Self::Within { .. } => "within",
            Self::Reschedule { .. } => "reschedule",
            Self::Group { .. } => "group",
            Self::With { .. } => "with",
            Self::CallSoon(_) => "call_soon",
            Self::CallLater { .. } => "call_later",
            Self::Inline(_) => "call",
            Self::Spawn { .. } => "spawn",
            Self::Await(_) => "await",
            Self::Cancel { .. } => "cancel",
            Self::Uncancel => "uncancel",
            Self::Sleep(_) => "sleep",
            Self::Yield => "yield",
            Self::Gather { .. } => "gather",
            Self::Wait { .. } | Self::WaitUntil { .. } => "wait",
            Self::WaitFor { .. } => "wait_for",
            Self::Shield(_) => "shield",
            Self::Completed { .. } => "completed",
            Self::Set { .. } => "set",
            Self::FailFuture { .. } => "fail_future",
            Self::Acquire(_) => "acquire",
            Self::Release(_) => "release",
            Self::Clear(_) => "clear",
            Self::Notify { .. } => "notify",
            Self::NotifyAll(_) => "notify_all",
            Self::Reset(_) => "reset",
            Self::Abort(_) => "abort",
            Self::Put { .. } => "put",
            Self::Get(_) => "get",
            Self::PutNow { .. } => "put_now",
            Self::GetNow(_) => "get_now",
            Self::Join(_) => "join",
            Self::Done(_) => "done",
            Self::ShutDown { .. } => "shut_down",
            Self::ToThread { .. } => "to_thread",
            Self::SpawnThread(_) => "spawn_thread",
            Self::Start(_) => "start",
            Self::Communicate { .. } => "communicate",
            Self::Signal { .. } => "signal",
            Self::Kill(_) => "kill",
            Self::Terminate(_) => "terminate",
            Self::Pipe { .. } => "pipe",
            Self::Exit(_) => "exit",
            Self::OnSignal { .. } => "on_signal",
            Self::Listen { .. } => "listen",
            Self::Accept(_) => "accept",
            Self::Serve { .. } => "serve",
            Self::Connect { .. } => "connect",
            Self::Send { .. } => "send",
            Self::Recv(_) => "recv",
            Self::Write { .. } => "write",
            Self::Drain(_) => "drain",
            Self::Read { .. } => "read",
            Self::ReadUntil { .. } => "read_until",
            Self::ReadAll(_) => "read_all",
            Self::WriteEof(_) => "write_eof",
            Self::Close(_) => "close",
            Self::PauseReading(_) => "pause_reading",
            Self::ResumeReading(_) => "resume_reading",
            Self::Limits { .. } => "limits",
            Self::Bind(_) => "bind",
            Self::SendTo { .. } => "send_to",
            Self::RecvFrom(_) => "recv_from",
            Self::Resolve(_) => "resolve",
            Self::WriteFile { .. } => "write_file",
            Self::AppendFile { .. } => "append_file",
            Self::ReadFile(_) => "read_file",
            Self::SyncFile(_) => "sync_file",
            Self::SyncFiles => "sync_files",
            Self::RenameFile { .. } => "rename_file",
            Self::RemoveFile(_) => "remove_file",
            Self::ListFiles => "list_files",
            Self::Fault(fault) => fault.kind.word(),
        }
    }

    /// Says whether the step may wait for something. One that may not is done at once: nothing
    /// else can happen in between.
    pub(crate) fn may_wait(&self) -> bool {
        !matches!(
            self,
            Self::Log(_)
                | Self::Return(_)
                | Self::Raise(_)
                | Self::Expect { .. }
                | Self::Fail(_)
                | Self::Value(_)
                | Self::Break
                | Self::Continue
                | Self::Reschedule { .. }
                | Self::CallSoon(_)
                | Self::CallLater { .. }
                | Self::Spawn { .. }
                | Self::Cancel { .. }
                | Self::Uncancel
                | Self::Set { .. }
                | Self::FailFuture { .. }
                | Self::Release(_)
                | Self::Clear(_)
                | Self::Notify { .. }
                | Self::NotifyAll(_)
                | Self::PutNow { .. }
                | Self::GetNow(_)
                | Self::Done(_)
                | Self::ShutDown { .. }
                | Self::SpawnThread(_)
                | Self::Signal { .. }
                | Self::Kill(_)
                | Self::Terminate(_)
                | Self::OnSignal { .. }
                | Self::Write { .. }
                | Self::WriteEof(_)
                | Self::Close(_)
                | Self::PauseReading(_)
                | Self::ResumeReading(_)
                | Self::Limits { .. }
        )
    }
}
