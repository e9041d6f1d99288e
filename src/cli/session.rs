//! One call of the command: what it is given, and what has come of it so far.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::arguments::Manner;
use super::outside::{Colour, Outside};
use super::{exit_code, input};
use crate::report::{BAD, BOLD, Looked, Paint, WARN};
use crate::scenario::Programs;
use crate::scenario::diagnostic::{Diagnostic, Severity};
use crate::scenario::model::Model;
use crate::scenario::read::read;
use crate::scenario::render::render;
use crate::scenario::source::Source;

/// One call of the command.
pub(super) struct Session<'a> {
    pub(super) outside: Outside<'a>,
    pub(super) programs: Programs,
    code: u8,
}

/// A scenario file that was read, or why it could not be.
pub(super) struct Opened {
    file: String,
    unreadable: Option<String>,
    source: Option<Source>,
    diagnostics: Vec<Diagnostic>,
    /// There is none if the file has mistakes.
    pub(super) model: Option<Arc<Model>>,
}

impl Opened {
    pub(super) fn looked(&self) -> Looked<'_> {
        Looked {
            file: &self.file,
            unreadable: self.unreadable.as_deref(),
            source: self.source.as_ref(),
            diagnostics: &self.diagnostics,
        }
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(outside: Outside<'a>, programs: Programs) -> Self {
        let code = exit_code::PASSED;
        Self {
            outside,
            programs,
            code,
        }
    }

    /// Counts a result: of all, the worst is the command's.
    pub(super) fn count(&mut self, code: u8) {
        self.code = exit_code::worst(self.code, code);
    }

    /// Reads a scenario and says what is wrong with it.
    pub(super) fn open(&mut self, path: &Path, manner: Manner) -> Opened {
        self.open_as(path, input::name(path), manner)
    }

    /// Reads a scenario that reports are to call by another name.
    pub(super) fn open_as(&mut self, path: &Path, name: String, manner: Manner) -> Opened {
        let mut opened = Opened {
            file: name,
            unreadable: None,
            source: None,
            diagnostics: Vec::new(),
            model: None,
        };
        match input::read(path, self.outside.stdin) {
            Ok(source) => {
                let source = Source::new(opened.file.as_str(), source.text);
                let (model, diagnostics) = read(source.clone(), &self.programs);
                opened.diagnostics = diagnostics;
                opened.source = Some(source);
                let is_sound = opened.looked().is_sound();
                opened.model = model.filter(|_| is_sound).map(Arc::new);
                if is_sound && opened.model.is_none() {
                    opened.unreadable = Some("it is no scenario".to_owned());
                }
            }
            Err(reason) => {
                opened.unreadable = Some(reason);
            }
        }
        if let Some(reason) = &opened.unreadable {
            let name = input::name(path);
            self.complain(manner.color, format_args!("cannot read `{name}`: {reason}"));
        }
        self.show_diagnostics(&opened, manner);
        if opened.model.is_none() {
            self.count(exit_code::USAGE);
        }
        opened
    }

    fn show_diagnostics(&mut self, opened: &Opened, manner: Manner) {
        let paint = self.outside.paint_stderr(manner.color);
        let mut diagnostics = opened.diagnostics.clone();
        diagnostics.retain(|one| !manner.quiet || one.severity == Severity::Error);
        if let Some(source) = &opened.source
            && !diagnostics.is_empty()
        {
            let text = render(source, &diagnostics, paint.is_coloured());
            self.outside.say(format_args!("{}\n", text.trim_end()));
        }
    }

    /// Says that something cannot be done.
    pub(super) fn complain(&mut self, colour: Colour, what: impl Display) {
        let paint = self.outside.paint_stderr(colour);
        self.outside.say(format_args!(
            "{}{}{what}",
            paint.on(BAD, "error"),
            bold_colon(paint)
        ));
    }

    /// Says that something looks wrong.
    pub(super) fn warn(&mut self, colour: Colour, what: impl Display) {
        let paint = self.outside.paint_stderr(colour);
        let word = paint.on(WARN, "warning");
        self.outside
            .say(format_args!("{word}{}{what}", bold_colon(paint)));
    }

    /// Ends the command and returns its exit code.
    pub(super) fn end(mut self, done: io::Result<()>) -> u8 {
        match done.and_then(|()| self.outside.stdout.flush()) {
            Ok(()) => {}
            // Whoever read the result has read enough of it.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => {
                let reason = input::reason(&error);
                self.complain(
                    Colour::Auto,
                    format_args!("cannot write the result: {reason}"),
                );
                self.count(exit_code::USAGE);
            }
        }
        self.code
    }
}

fn bold_colon(paint: Paint) -> String {
    paint.on(BOLD, ": ")
}
