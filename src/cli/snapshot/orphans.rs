//! Snapshots that nothing makes any more.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::file;

/// Returns the snapshots beside `scenarios` that are not among `kept`. Those of other scenarios
/// count only in a folder that was looked at as a whole. A folder among `kept` is passed over: what
/// its scenarios keep is not known.
pub(super) fn find<'a>(
    scenarios: impl Iterator<Item = &'a Path>,
    kept: &BTreeSet<PathBuf>,
    is_whole: impl Fn(&Path) -> bool,
) -> Vec<PathBuf> {
    let mut orphans = BTreeSet::new();
    for scenario in scenarios {
        let folder = file::folder(scenario);
        if kept.contains(&folder) {
            continue;
        }
        let stem = scenario.file_stem().unwrap_or_default().to_string_lossy();
        let own = format!("{stem}@seed-");
        for path in snapshots(&folder) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_looked_for = name.starts_with(&own) || is_whole(&folder);
            if is_looked_for && !kept.contains(&path) && is_ours(&path) {
                orphans.insert(path);
            }
        }
    }
    orphans.into_iter().collect()
}

fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "snap")
        })
        .collect()
}

fn is_ours(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| file::is_ours(&text))
}
