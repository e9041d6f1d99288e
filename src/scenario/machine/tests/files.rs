//! Steps about files.

use super::{fails, passes, play_seed};
use crate::scenario::record::Verdict;

#[test]
fn files_are_written_renamed_and_removed() {
    passes(
        r#"
[file]
"old.txt" = "from before"

[task]
main = '''
x = read_file "old.txt"
log x
write_file "a" "one "
append_file "a" "two"
sync_file "a"
x = read_file "a"
log x
rename_file "a" "b"
remove_file "old.txt"
sync_files
x = list_files
log x
try {
  read_file "a"
} on file as e {
  log e
}
'''
"#,
        &[
            "from before",
            "one two",
            "[\"b\"]",
            "file: there is no file `a`",
        ],
    );
}

#[test]
fn an_error_that_nobody_handles_fails_the_run() {
    let text = "[task]\nmain = '''\nremove_file \"none\"\n'''\n";
    fails(text, "error", "there is no file `none`");
}

#[test]
fn what_was_synced_survives_a_crash_and_the_rest_may_not() {
    let text = r#"
[host]
store = { start = "store" }
boss = { start = "boss", daemon = true }

[file]
"store:saved" = "0"

[shared]
starts = 0

[task]
store = '''
starts = starts + 1
x = read_file "saved"
names = list_files
log starts x names
if starts == 1 {
  write_file "saved" "1"
  sync_file "saved"
  write_file "lost" "2"
  sleep 1h
}
'''
boss = '''
sleep 1s
restart store
'''
"#;
    let mut ends = std::collections::BTreeSet::new();
    for seed in 1..20 {
        let record = play_seed(text, seed);
        assert!(matches!(record.verdict, Verdict::Passed), "{record:#?}");
        let lines = super::lines(&record);
        assert_eq!(lines[0], "1 0 [\"saved\"]");
        assert!(lines[1].starts_with("2 1 "), "{lines:?}");
        ends.insert(lines[1].to_owned());
    }
    assert!(ends.len() > 1, "{ends:?}");
}
