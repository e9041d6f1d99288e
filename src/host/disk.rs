//! A disk that survives a crash, but for what was not synced.
//!
//! Every host has one. What a program has written it reads back at once; but when the host loses
//! its power, each write since the last sync of its file is kept, lost or torn, and the latest
//! changes of names may be undone: decisions of the plan, whose default is that everything is kept.
//!
//! ```
//! use simrun::host::{self, disk};
//!
//! # simrun::run(async {
//! let store = host::start("store", || async {
//!     if let Ok(saved) = disk::read("state").await {
//!         assert_eq!(saved, b"saved");
//!         return;
//!     }
//!     let file = disk::File::create("state").await.unwrap();
//!     file.write_at(b"saved", 0).await.unwrap();
//!     file.sync().await.unwrap();
//!     disk::sync_names().await.unwrap();
//! });
//! store.join().await.unwrap();
//! store.crash();
//! store.restart();
//! store.join().await.unwrap();
//! # });
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use super::current;
use crate::chance::{TaskPath, decide_fault};
use crate::event_loop::core::{self, Core};

/// The disks of a run, by host; that of code on no host has no name.
#[derive(Default)]
struct Disks(RefCell<BTreeMap<String, Disk>>);

#[derive(Default)]
struct Disk {
    /// What each name stands for now.
    names: BTreeMap<String, u64>,
    /// What they stood for before each change that was not synced.
    before: Vec<BTreeMap<String, u64>>,
    files: BTreeMap<u64, Contents>,
    next: u64,
    /// How often the host has lost its power: files that were open then are not any more.
    crashes: u64,
    /// How probable it is that a write that was not synced does not survive.
    loss: Option<f64>,
}

#[derive(Default)]
struct Contents {
    synced: Vec<u8>,
    now: Vec<u8>,
    /// What was done since the last sync.
    changes: Vec<Change>,
}

enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Resize(usize),
}

/// Half of what was not synced does not survive, unless it is set.
const LOSS: f64 = 0.5;

/// What may become of a write: it is kept, which is the default, or lost, or only its beginning is
/// kept.
const LOST: u64 = 1;
const TORN: u64 = 2;

impl Contents {
    fn apply(to: &mut Vec<u8>, change: &Change, keep: usize) {
        match change {
            Change::Write { at, bytes } => {
                let end = at + keep;
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*at..end].copy_from_slice(&bytes[..keep]);
            }
            Change::Resize(length) => to.resize(*length, 0),
        }
    }

    fn change(&mut self, change: Change) {
        let whole = change.length();
        Self::apply(&mut self.now, &change, whole);
        self.changes.push(change);
    }
}

impl Change {
    fn length(&self) -> usize {
        match self {
            Self::Write { bytes, .. } => bytes.len(),
            Self::Resize(_) => 0,
        }
    }
}

fn not_found(name: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("there is no file `{name}`"),
    )
}

/// Acts on the disk of the host that the code runs on.
fn with<R>(act: impl FnOnce(&mut Disk) -> R) -> R {
    let core = core::current();
    let host = current().map_or_else(String::new, |host| host.name().to_owned());
    let disks = core.extension::<Disks>();
    let disks = &mut *disks.0.borrow_mut();
    act(disks.entry(host).or_default())
}

impl Disk {
    fn find(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| not_found(name))
    }

    fn rename(&mut self, change: impl FnOnce(&mut BTreeMap<String, u64>)) {
        self.before.push(self.names.clone());
        change(&mut self.names);
    }

    fn create(&mut self, name: &str) -> u64 {
        if let Some(file) = self.names.get(name) {
            return *file;
        }
        self.next += 1;
        let file = self.next;
        self.files.insert(file, Contents::default());
        self.rename(|names| {
            names.insert(name.to_owned(), file);
        });
        file
    }
}

/// A file on the disk of the host that has opened it.
///
/// ```
/// use simrun::host::disk::File;
///
/// # simrun::run(async {
/// let log = File::open_or_create("log").await.unwrap();
/// log.append(b"one\n").await.unwrap();
/// log.append(b"two\n").await.unwrap();
/// log.sync().await.unwrap();
/// assert_eq!(log.read_at(4, 100).await.unwrap(), b"two\n");
/// log.set_len(4).await.unwrap();
/// assert_eq!(log.len().await.unwrap(), 4);
/// # });
/// ```
#[derive(Debug)]
pub struct File {
    file: u64,
    crashes: u64,
}

impl File {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// If there is none of that name.
    pub async fn open(name: &str) -> io::Result<Self> {
        with(|disk| {
            let file = disk.find(name)?;
            let crashes = disk.crashes;
            Ok(Self { file, crashes })
        })
    }

    /// Makes an empty file, or empties the one that there is.
    ///
    /// # Errors
    ///
    /// None yet.
    pub async fn create(name: &str) -> io::Result<Self> {
        let file = Self::open_or_create(name).await?;
        file.set_len(0).await?;
        Ok(file)
    }

    /// Opens a file, which is made if there is none.
    ///
    /// # Errors
    ///
    /// None yet.
    pub async fn open_or_create(name: &str) -> io::Result<Self> {
        Ok(with(|disk| Self {
            file: disk.create(name),
            crashes: disk.crashes,
        }))
    }

    fn with<R>(&self, act: impl FnOnce(&mut Contents) -> R) -> io::Result<R> {
        with(|disk| {
            let open = disk.crashes == self.crashes;
            let contents = disk.files.get_mut(&self.file).filter(|_| open);
            let contents = contents.ok_or_else(|| {
                let text = "the file was opened before its host lost its power";
                io::Error::new(io::ErrorKind::NotFound, text)
            })?;
            Ok(act(contents))
        })
    }

    /// Writes bytes at a place; what lies between there and the end of the file is zero.
    ///
    /// # Errors
    ///
    /// If the file was opened before the host lost its power.
    pub async fn write_at(&self, bytes: &[u8], at: usize) -> io::Result<()> {
        let bytes = bytes.to_vec();
        self.with(|contents| contents.change(Change::Write { at, bytes }))
    }

    /// Writes bytes at the end.
    ///
    /// # Errors
    ///
    /// As [`write_at`](Self::write_at).
    pub async fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let bytes = bytes.to_vec();
        self.with(|contents| {
            let at = contents.now.len();
            contents.change(Change::Write { at, bytes });
        })
    }

    /// Reads up to so many bytes from a place on.
    ///
    /// # Errors
    ///
    /// As [`write_at`](Self::write_at).
    pub async fn read_at(&self, at: usize, count: usize) -> io::Result<Vec<u8>> {
        self.with(|contents| {
            let rest = contents.now.get(at..).unwrap_or_default();
            rest[..count.min(rest.len())].to_vec()
        })
    }

    /// Returns how long the file is.
    ///
    /// # Errors
    ///
    /// As [`write_at`](Self::write_at).
    pub async fn len(&self) -> io::Result<usize> {
        self.with(|contents| contents.now.len())
    }

    /// Says whether the file is empty.
    ///
    /// # Errors
    ///
    /// As [`write_at`](Self::write_at).
    pub async fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len().await? == 0)
    }

    /// Cuts the file, or makes it longer with zeros.
    ///
    /// # Errors
    ///
    /// As [`write_at`](Self::write_at).
    pub async fn set_len(&self, length: usize) -> io::Result<()> {
        self.with(|contents| {
            if contents.now.len() != length {
                contents.change(Change::Resize(length));
            }
        })
    }

    /// Makes what was written survive a crash. The file's name is another matter: see
    /// [`sync_names`].
    ///
    /// # Errors
    ///
    /// As [`write_at`](Self::write_at).
    pub async fn sync(&self) -> io::Result<()> {
        self.with(|contents| {
            contents.synced.clone_from(&contents.now);
            contents.changes.clear();
        })
    }
}

/// Reads a whole file.
///
/// # Errors
///
/// If there is none of that name.
///
/// ```
/// use simrun::host::disk;
///
/// # simrun::run(async {
/// disk::write("motd", b"hello").await.unwrap();
/// assert_eq!(disk::read("motd").await.unwrap(), b"hello");
/// assert!(disk::read("nothing").await.is_err());
/// # });
/// ```
pub async fn read(name: &str) -> io::Result<Vec<u8>> {
    File::open(name).await?.read_at(0, usize::MAX).await
}

/// Writes a whole file, which replaces what was there. It is not synced.
///
/// # Errors
///
/// None yet.
///
/// A file that must survive a crash, or stay what it was, is written under another name first:
///
/// ```
/// use simrun::host::disk::{self, File};
///
/// async fn save(name: &str, bytes: &[u8]) -> std::io::Result<()> {
///     let new = format!("{name}.new");
///     disk::write(&new, bytes).await?;
///     File::open(&new).await?.sync().await?;
///     disk::rename(&new, name).await?;
///     disk::sync_names().await
/// }
///
/// # simrun::run(async {
/// save("state", b"one").await.unwrap();
/// save("state", b"two").await.unwrap();
/// assert_eq!(disk::read("state").await.unwrap(), b"two");
/// # });
/// ```
pub async fn write(name: &str, bytes: &[u8]) -> io::Result<()> {
    File::create(name).await?.write_at(bytes, 0).await
}

/// Gives a file another name; a file that had that name is gone. Nobody sees a moment in between.
///
/// # Errors
///
/// If there is none of that name.
///
/// ```
/// use simrun::host::disk;
///
/// # simrun::run(async {
/// disk::write("new", b"hello").await.unwrap();
/// disk::rename("new", "old").await.unwrap();
/// assert_eq!(disk::list().await, ["old"]);
/// # });
/// ```
pub async fn rename(from: &str, to: &str) -> io::Result<()> {
    with(|disk| {
        let file = disk.find(from)?;
        disk.rename(|names| {
            names.remove(from);
            names.insert(to.to_owned(), file);
        });
        Ok(())
    })
}

/// Removes a file.
///
/// # Errors
///
/// If there is none of that name.
///
/// A file that is open stays readable, as in Unix.
///
/// ```
/// use simrun::host::disk::{self, File};
///
/// # simrun::run(async {
/// disk::write("lock", b"mine").await.unwrap();
/// let file = File::open("lock").await.unwrap();
/// disk::remove("lock").await.unwrap();
/// assert!(disk::list().await.is_empty());
/// assert_eq!(file.read_at(0, 10).await.unwrap(), b"mine");
/// # });
/// ```
pub async fn remove(name: &str) -> io::Result<()> {
    with(|disk| {
        disk.find(name)?;
        disk.rename(|names| {
            names.remove(name);
        });
        Ok(())
    })
}

/// Returns the names of all files, in order.
///
/// ```
/// use simrun::host::disk;
///
/// # simrun::run(async {
/// disk::write("b", b"").await.unwrap();
/// disk::write("a", b"").await.unwrap();
/// assert_eq!(disk::list().await, ["a", "b"]);
/// # });
/// ```
pub async fn list() -> Vec<String> {
    with(|disk| disk.names.keys().cloned().collect())
}

/// Makes the names of files survive a crash: what syncing a directory does.
///
/// # Errors
///
/// None yet.
///
/// Until then a new file may be gone after a crash, though its contents were synced:
///
/// ```
/// use simrun::host::{self, disk};
/// use simrun::{Sim, Strategy};
///
/// let survives = |seed| {
///     let sim = Sim::new().seed(seed).strategy(Strategy::random());
///     let run = sim.run(|| async {
///         let store = host::start("store", || async {
///             if disk::read("state").await.is_err() {
///                 let file = disk::File::create("state").await.unwrap();
///                 file.sync().await.unwrap();
///                 std::future::pending::<()>().await;
///             }
///         });
///         simrun::time::sleep(simrun::time::secs(1)).await;
///         store.crash_silently();
///         store.restart();
///         let done = simrun::time::timeout(simrun::time::secs(1), store.join()).await;
///         done.is_ok()
///     });
///     run.unwrap()
/// };
/// assert!((0..20).any(survives) && !(0..20).all(survives));
/// ```
pub async fn sync_names() -> io::Result<()> {
    with(|disk| disk.before.clear());
    Ok(())
}

/// Sets how probable it is that a write that was not synced does not survive when this host loses
/// its power: one half, unless it is set.
///
/// # Panics
///
/// Outside a run.
///
/// ```
/// use simrun::host::{self, disk};
///
/// # simrun::run(async {
/// let store = host::start("store", || async {
///     disk::set_loss(0.0); // a disk with a battery
///     if disk::read("state").await.is_err() {
///         disk::write("state", b"hello").await.unwrap();
///         std::future::pending::<()>().await;
///     }
/// });
/// simrun::task::yield_now().await;
/// store.crash_silently();
/// store.restart();
/// store.join().await.unwrap();
/// # });
/// ```
#[track_caller]
pub fn set_loss(probability: f64) {
    with(|disk| disk.loss = Some(probability));
}

/// Puts a file on the disk of a host, or of the program outside any host, as if it had always been
/// there.
#[cfg(feature = "cli")]
pub(crate) fn put(core: &Core, host: &str, name: &str, bytes: &[u8]) {
    let disks = core.extension::<Disks>();
    let disks = &mut *disks.0.borrow_mut();
    let disk = disks.entry(host.to_owned()).or_default();
    let file = disk.create(name);
    disk.before.clear();
    if let Some(contents) = disk.files.get_mut(&file) {
        (contents.synced, contents.now) = (bytes.to_vec(), bytes.to_vec());
    }
}

/// Decides what of a host's disk survives, when the host loses its power.
pub(super) fn lose_power(core: &Rc<Core>, host: &str) {
    let disks = core.extension::<Disks>();
    let disks = &mut *disks.0.borrow_mut();
    let Some(disk) = disks.get_mut(host) else {
        return;
    };
    disk.crashes += 1;
    let loss = disk.loss.unwrap_or(LOSS);
    let decide =
        |what: &str, kinds: u64| decide_fault(core, TaskPath::default(), what, kinds, loss);
    // The latest changes of names are undone, as far back as is decided.
    while let Some(before) = disk.before.pop() {
        if decide(&format!("{host} forgets a name"), 1) == 0 {
            break;
        }
        disk.names = before;
    }
    disk.before.clear();
    for (file, contents) in &mut disk.files {
        for change in std::mem::take(&mut contents.changes) {
            let length = change.length();
            let keep = match decide(&format!("{host} loses a write to file {file}"), TORN) {
                LOST => continue,
                TORN if length > 0 => {
                    let what = format!("{host} tears a write to file {file}");
                    // At least a byte of it is missing.
                    let missing = match length as u64 - 1 {
                        0 => 1,
                        more => 1 + decide(&what, more),
                    };
                    length - missing as usize
                }
                _ => length,
            };
            Contents::apply(&mut contents.synced, &change, keep);
        }
        contents.now.clone_from(&contents.synced);
    }
}
