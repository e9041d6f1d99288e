//! Shards: files with the runs of some seeds of a campaign, a line each.
//!
//! The first line says which campaign it is, the scenario's text and all, so that a merge needs
//! nothing else. The last one is only there if all runs are: a file that was cut off is found out.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::work::Work;
use crate::explore::{ForProfile, ProfileLine, Ran, RanLine};

/// Rises when older files can no longer be read.
const FORMAT: u32 = 1;

/// What files of shards are called at the end.
const EXTENSION: &str = "shard";

/// Every so many seeds one, beginning with this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Share {
    /// From 1.
    pub(super) number: u64,
    pub(super) of: u64,
}

impl Default for Share {
    fn default() -> Self {
        Self { number: 1, of: 1 }
    }
}

impl Share {
    /// Reads `2/7`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let shape = "a shard is written as in `1/8`: which one, and of how many";
        let (number, of) = text.split_once('/').ok_or(shape)?;
        let read = |text: &str| text.parse::<u64>().map_err(|_| shape.to_owned());
        let share = Self {
            number: read(number)?,
            of: read(of)?,
        };
        match (1..=share.of).contains(&share.number) {
            true => Ok(share),
            false => Err(shape.to_owned()),
        }
    }
}

/// The first line of a file: which campaign it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    format: u32,
    r#type: String,
    /// The version of the crate.
    pub(super) simrun: String,
    pub(super) file: String,
    pub(super) text: String,
    pub(super) programs: Vec<String>,
    pub(super) strategies: Vec<String>,
    pub(super) seeds: Range<u64>,
    pub(super) share: Share,
}

/// The last line of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct End {
    runs: u64,
    profile: ProfileLine,
}

impl Header {
    pub(super) fn new(work: &Work, seeds: Range<u64>, share: Share) -> Self {
        let source = &work.model.source;
        Self {
            format: FORMAT,
            r#type: "shard".to_owned(),
            simrun: env!("CARGO_PKG_VERSION").to_owned(),
            file: source.name.clone(),
            text: source.text.clone(),
            programs: work.programs.names().map(str::to_owned).collect(),
            strategies: work.strategies.iter().map(ToString::to_string).collect(),
            seeds,
            share,
        }
    }

    /// Returns the first seed of the shard, how far the next one is, and how many there are.
    pub(super) fn own_seeds(&self) -> (u64, u64, u64) {
        let (Range { start, end }, Share { number, of }) = (self.seeds.clone(), self.share);
        let first = start.saturating_add(number - 1);
        (first, of, end.saturating_sub(first).div_ceil(of))
    }

    fn name(&self) -> String {
        let (Range { start, end }, Share { number, of }) = (&self.seeds, self.share);
        format!("seeds-{start}-{end}-{number}-of-{of}.{EXTENSION}")
    }

    /// Says what tells it apart from another one, if they do not belong together.
    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        if self.simrun != other.simrun {
            Some("another version of simrun")
        } else if self.text != other.text || self.file != other.file {
            Some("another scenario")
        } else if self.programs != other.programs {
            Some("other programs in Rust")
        } else if self.strategies != other.strategies {
            Some("other strategies")
        } else {
            None
        }
    }
}

/// A file that is being written. It has its name only when it is complete.
pub(super) struct Writer {
    out: BufWriter<File>,
    path: PathBuf,
    unfinished: PathBuf,
    runs: u64,
}

impl Writer {
    pub(super) fn create(folder: &Path, header: &Header) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(header.name());
        let unfinished = path.with_extension("unfinished");
        let mut writer = Self {
            out: BufWriter::new(File::create(&unfinished)?),
            path,
            unfinished,
            runs: 0,
        };
        writer.line(header)?;
        Ok(writer)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }

    /// Adds a run.
    pub(super) fn add(&mut self, ran: &Ran) -> io::Result<()> {
        self.runs += 1;
        self.line(&RanLine::from(ran))
    }

    /// Ends the file, and returns how many runs are in it and where it is.
    pub(super) fn end(mut self, profiled: &ForProfile) -> io::Result<(u64, PathBuf)> {
        let (runs, profile) = (self.runs, ProfileLine::from(profiled));
        self.line(&End { runs, profile })?;
        self.out.flush()?;
        fs::rename(&self.unfinished, &self.path)?;
        Ok((runs, self.path))
    }
}

/// A file that was read.
pub(super) struct Shard {
    pub(super) header: Header,
    pub(super) runs: Vec<RanLine>,
    pub(super) profile: ProfileLine,
}

impl Shard {
    /// Reads a file. An error says what is wrong with it.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| super::input::reason(&error))?;
        let mut lines = BufReader::new(file).lines();
        let mut line = || {
            let line = lines.next().transpose();
            line.map_err(|error| super::input::reason(&error))
        };
        let no_shard = || "it is no shard of a campaign".to_owned();
        let first = line()?.ok_or_else(no_shard)?;
        let header: Header = serde_json::from_str(&first).map_err(|_| no_shard())?;
        if header.r#type != "shard" {
            return Err(no_shard());
        }
        if header.format != FORMAT {
            return Err("it was written by another version of simrun".to_owned());
        }
        let cut = || "it was cut off: make its runs again".to_owned();
        let mut runs = Vec::new();
        loop {
            let text = line()?.ok_or_else(cut)?;
            if let Ok(ran) = serde_json::from_str(&text) {
                runs.push(ran);
                continue;
            }
            if let Ok(end) = serde_json::from_str::<End>(&text) {
                let is_whole = end.runs == runs.len() as u64;
                let profile = end.profile;
                let shard = Self {
                    header,
                    runs,
                    profile,
                };
                return if is_whole { Ok(shard) } else { Err(cut()) };
            }
            return Err(cut());
        }
    }

    /// Returns the files of shards among what was named: files, and all of a folder.
    pub(super) fn find(path: &Path) -> io::Result<Vec<PathBuf>> {
        if !path.is_dir() {
            return Ok(vec![path.to_owned()]);
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == EXTENSION)
            {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }
}
