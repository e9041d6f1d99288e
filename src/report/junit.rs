//! JUnit's XML, in the dialect that Jenkins, GitLab and others read: a test case a run.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Format, Human, Looked, Subject};
use crate::scenario::record::Verdict;

/// JUnit's XML. What it says of each run is kept until the end: the totals stand before them.
#[derive(Default)]
pub(crate) struct Junit {
    cases: String,
    tests: usize,
    failures: usize,
    errors: usize,
}

impl Junit {
    fn begin_case(&mut self, name: &str, file: &str) {
        self.tests += 1;
        let (name, file) = (escape(name), escape(file));
        let _ = write!(
            self.cases,
            "    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\""
        );
    }

    fn end_case(&mut self, element: &str, kind: &str, message: &str, text: &str) {
        let (kind, message) = (escape(kind), escape(message));
        // In an attribute a line break would be read as a space; in an element it is one.
        let text = escape(text).replace("&#10;", "\n");
        let _ = write!(
            self.cases,
            ">\n      <{element} type=\"{kind}\" message=\"{message}\">{text}</{element}>\n    \
             </testcase>\n"
        );
    }
}

impl Format for Junit {
    fn run(&mut self, subject: Subject<'_>, _out: &mut dyn Write) -> io::Result<()> {
        let name = format!("{} (seed {})", subject.name, subject.record.seed);
        self.begin_case(&name, &subject.source.name);
        let Some(problem) = subject.problem() else {
            self.cases.push_str("/>\n");
            return Ok(());
        };
        // A run that was cut short says nothing about the program, which is what an error is.
        let element = if matches!(subject.record.verdict, Verdict::Failed(_)) {
            self.failures += 1;
            "failure"
        } else {
            self.errors += 1;
            "error"
        };
        let message = problem.message.lines().next().unwrap_or_default();
        self.end_case(element, problem.kind, message, &Human::text(subject));
        Ok(())
    }

    fn looked(&mut self, looked: Looked<'_>, _out: &mut dyn Write) -> io::Result<()> {
        self.begin_case(looked.file, looked.file);
        if looked.is_sound() {
            self.cases.push_str("/>\n");
            return Ok(());
        }
        self.errors += 1;
        let messages = looked.diagnostics.iter().map(|diagnostic| {
            let place = looked
                .source
                .map(|source| source.place(diagnostic.at.start));
            let (line, column) = place.unwrap_or_default();
            let (code, message) = (diagnostic.code, &diagnostic.message);
            format!("{}:{line}:{column}: {code}: {message}\n", looked.file)
        });
        let text: String = messages.collect();
        let first = looked.diagnostics.first();
        let first = first.map(|diagnostic| diagnostic.message.as_str());
        let message = looked.unreadable.or(first).unwrap_or_default();
        self.end_case("error", "scenario", message, text.trim_end());
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let totals = format!(
            "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
            self.tests, self.failures, self.errors
        );
        let cases = &self.cases;
        write!(
            out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuites name=\"simrun\" {totals}>\n  \
             <testsuite name=\"simrun\" {totals}>\n\
             {cases}  </testsuite>\n\
             </testsuites>\n"
        )
    }
}

/// Returns a text fit for an element and for an attribute. XML has no way to write most control
/// characters, so those are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_say_is_left_out() {
        let text = "a<b> & \"c\"\n\t\u{0}\u{1b}\r\u{ffff}é";
        assert_eq!(escape(text), "a&lt;b&gt; &amp; &quot;c&quot;&#10;&#9;é");
    }
}
