//! Scenario files: from a name to a text, or to a reason why there is none.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::scenario::source::Source;

/// A scenario is text that someone wrote; what is longer than this is something else.
const MAX_LENGTH: u64 = 64 << 20;

/// Reads a file, or standard input where its name is `-`. An error says why that cannot be done.
pub(super) fn read(path: &Path, stdin: &mut dyn Read) -> Result<Source, String> {
    let bytes = if path == Path::new("-") {
        read_some(stdin)
    } else {
        if path.is_dir() {
            return Err("it is a folder: name the files in it".to_owned());
        }
        File::open(path).and_then(|mut file| read_some(&mut file))
    };
    let bytes = bytes.map_err(|error| reason(&error))?;
    if bytes.len() as u64 > MAX_LENGTH {
        return Err(format!("it is longer than {} MiB", MAX_LENGTH >> 20));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let end = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..end].split(|byte| *byte == b'\n').count();
        format!("it is not UTF-8: line {line} has a byte that is no part of a character")
    })?;
    Ok(Source::new(name(path), text))
}

/// Returns what a file is called in reports.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "<stdin>".to_owned()
    } else {
        path.display().to_string()
    }
}

fn read_some(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_LENGTH + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns an error as we write errors: without capitals and the system's number.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// Returns the scenarios of a folder and of those in it that may have snapshots, in order.
///
/// Hidden folders and `target` hold nothing of the user's own, and links may lead round in circles.
pub(super) fn search(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let (entry, is_hidden) = entry.map(|entry| {
                let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
                (entry, hidden)
            })?;
            let (kind, path) = (entry.file_type()?, entry.path());
            if kind.is_dir() && !is_hidden && entry.file_name() != "target" {
                folders.push(path);
            } else if kind.is_file() && path.extension() == Some(OsStr::new("toml")) {
                found.push(path);
            }
        }
    }
    found.retain(|path| fs::read_to_string(path).is_ok_and(|text| may_have_snapshots(&text)));
    found.sort();
    Ok(found)
}

/// Says whether a file looks like a scenario with a `[snapshot]` table: other tools write TOML too.
fn may_have_snapshots(text: &str) -> bool {
    let has = |table: &str| {
        text.lines()
            .any(|line| line.trim_start().starts_with(table))
    };
    has("[snapshot") && (has("[task") || has("[host"))
}
