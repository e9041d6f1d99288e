//! Campaigns: many runs of a scenario, and the shortest of those that fail.

use insta::assert_snapshot;

use super::{Answer, folder, scenario, simrun};

/// Two customers of one account, of whom each looks before the other takes.
const RACE: &str = "\
if balance >= 80 {
  log who \"sees enough\"
  sleep 1ms..3ms
  if balance >= 80 {
    yield
    balance = balance + -80
  }
}";

fn race() -> String {
    let main = "a = spawn withdraw(\"ada\")\nb = spawn withdraw(\"bob\")\ngather a b\n\
                expect balance >= 0, \"the account is overdrawn\"";
    let text = scenario("Two customers, one account", main);
    format!("{text}\n\"withdraw(who)\" = '''\n{RACE}\n'''\n[shared]\nbalance = 100\n")
}

/// Two tasks read, go on, and write: in asyncio's order the one that begins late does so in time.
fn lost_update() -> String {
    let main = "a = spawn add(1)\nb = spawn add(6)\ngather a b\n\
                expect sum == 2, \"an addition is lost\"";
    let add = "repeat late {\nyield\n}\nseen = sum\nyield\nsum = seen + 1";
    let text = scenario("A lost update", main);
    format!("{text}\n\"add(late)\" = '''\n{add}\n'''\n[shared]\nsum = 0\n")
}

fn explore(line: &str, text: &str) -> Answer {
    let line = format!("explore {line} -");
    simrun(line.split_whitespace()).answer_to(text.as_bytes())
}

#[test]
fn the_first_failure_is_told_in_its_shortest_run() {
    let answer = explore("--seeds 0..1000 --jobs 2", &race());
    answer.is(1);
    assert_snapshot!(answer.stdout);
}

#[test]
fn the_line_that_it_ends_with_makes_the_run_that_fails() {
    let answer = explore("--seeds 0..1000", &race());
    let line = answer.stdout.lines().last().unwrap();
    let words = line
        .split_whitespace()
        .skip_while(|word| *word != "simrun")
        .skip(1);
    let again = simrun(words).answer_to(race().as_bytes());
    again.is(1);
    assert!(again.stderr.contains("overdrawn") || again.stdout.contains("overdrawn"));
}

#[test]
fn a_seed_that_fails_in_a_campaign_makes_the_same_run_alone() {
    let folder = folder("alone");
    std::fs::write(folder.join("lost.toml"), lost_update()).unwrap();
    let object = |line: &str| -> serde_json::Value {
        let words = line.split_whitespace();
        let answer = simrun(words).within(&folder).answer();
        serde_json::from_str(&answer.is(1).stdout).unwrap()
    };
    for strategy in ["portfolio", "surw", "pos", "pct", "starve", "urw", "random"] {
        let line = "explore --no-save --format json --seeds 1..300 --keep-going lost.toml";
        let campaign = object(&format!("{line} --strategy {strategy}"));
        let failure = &campaign["failures"][0];
        let replay = failure["replay"].as_str().unwrap();
        assert!(replay.starts_with("simrun --seed "), "{replay}");
        let line = replay.strip_prefix("simrun ").unwrap().replace('\'', "");
        let alone = object(&format!("--format json {line}"));
        assert_eq!(alone["fingerprint"], failure["fingerprint"], "{strategy}");
    }
}

#[test]
fn what_comes_of_it_does_not_depend_on_how_many_runs_are_made_at_a_time() {
    let json = |jobs: u32| {
        let line = format!("--format json --keep-going --runs 200 --jobs {jobs}");
        explore(&line, &race()).stdout
    };
    let one = json(1);
    assert_eq!(one, json(16));
    let object: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!(object["runs"], 200);
    let failure = &object["failures"][0];
    assert_eq!(failure["message"], "the account is overdrawn");
    let shortest = failure["shortest"]["plan"].as_array().unwrap();
    assert!(shortest.len() < failure["plan"].as_array().unwrap().len());
}

#[test]
fn a_deadlock_is_told_in_the_scenario_s_own_places() {
    let locks = "[lock]\nleft = {}\nright = {}\n";
    let text = scenario("Two locks", "gather one() other()");
    let one = "one = '''\nwith left {\n  yield\n  with right {\n  }\n}\n'''";
    let other = "other = '''\nwith right {\n  yield\n  with left {\n  }\n}\n'''";
    let answer = explore("--runs 20", &format!("{text}\n{one}\n{other}\n{locks}"));
    answer.is(1);
    assert!(!answer.stdout.contains(".rs:"), "{}", answer.stdout);
    assert!(
        answer.stdout.contains("they wait in a ring"),
        "{}",
        answer.stdout
    );
}

#[test]
fn without_a_failure_it_says_what_is_left_open() {
    let answer = explore(
        "--runs 50 --strategy random",
        &scenario("Nothing", "sleep 1ms"),
    );
    answer.is(0);
    assert!(answer.stdout.contains("0 failures in"), "{}", answer.stdout);
    assert!(answer.stdout.contains("at 95 %"), "{}", answer.stdout);
}

#[test]
fn what_fails_in_every_order_is_told_in_its_shortest_run() {
    let answer = explore("--exhaustive", &lost_update());
    let told = &answer.is(1).stdout;
    assert!(told.contains("an addition is lost"), "{told}");
    assert!(told.contains("shortest run that fails"), "{told}");
    let answer = explore("--exhaustive --format json", &lost_update());
    let object: serde_json::Value = serde_json::from_str(&answer.is(1).stdout).unwrap();
    assert_eq!(
        (&object["type"], &object["complete"]),
        (&"exhaustive".into(), &true.into())
    );
    assert_eq!(object["failures"][0]["kind"], "check");
    assert!(object["failures"][0]["shortest"].is_object());
}

#[test]
fn every_order_of_a_small_scenario_is_made() {
    let text = scenario("Three tasks", "gather three() three() three()");
    let text = format!("{text}\nthree = '''\nyield\nyield\n'''\n");
    let every = explore("--interleavings --runs 10000", &text);
    every.is(0);
    let certificate = "0 failures in 8,484 of 8,484 interleavings, complete";
    assert!(every.stdout.contains(certificate), "{}", every.stdout);
    let reduced = explore("--exhaustive", &text);
    reduced.is(0);
    let certificate = "0 failures in 1 of 1 traces, complete";
    assert!(reduced.stdout.contains(certificate), "{}", reduced.stdout);
}

#[test]
fn seeds_that_are_none_are_refused() {
    let answer = explore("--seeds 5..5", "");
    answer.is(2);
    assert!(
        answer.stderr.contains("no seed in this range"),
        "{}",
        answer.stderr
    );
}

/// Explores, and returns what is written.
fn json(folder: &std::path::Path, line: &str) -> String {
    let call = simrun(line.split_whitespace()).within(folder);
    call.answer().stdout
}

#[test]
fn shards_of_every_kind_add_up_to_the_same_bytes() {
    let folder = folder("shards");
    std::fs::write(folder.join("lost.toml"), lost_update()).unwrap();
    let whole = "explore --no-save lost.toml --seeds 0..200 --keep-going --format json";
    let whole = json(&folder, whole);
    assert!(whole.contains("\"runs\":200"), "{whole}");
    for of in [1, 2, 7, 64] {
        // In some order that is not theirs.
        for number in (1..=of).map(|number| number * 3 % of + 1).chain(1..=of) {
            let jobs = number % 3 + 1;
            let shard = format!(
                "explore lost.toml --seeds 0..200 --shard {number}/{of} --into s{of} --jobs {jobs}"
            );
            simrun(shard.split_whitespace())
                .within(&folder)
                .answer()
                .is(0);
        }
        let merged = json(&folder, &format!("merge s{of} --format json"));
        assert_eq!(merged, whole, "{of}");
    }
    // Parts of the range, some of them twice, and folders in another order.
    for (into, seeds) in [
        ("high", "90..200"),
        ("low", "0..100"),
        ("middle", "50..151"),
    ] {
        let line = format!("explore lost.toml --seeds {seeds} --into {into}");
        simrun(line.split_whitespace())
            .within(&folder)
            .answer()
            .is(0);
    }
    let merged = json(&folder, "merge high s7 low middle --format json");
    assert_eq!(merged, whole);
    let told = simrun(["merge", "high", "low"]).within(&folder).answer();
    let alone = "explore --no-save lost.toml --seeds 0..200 --keep-going";
    let last = |text: &str| text.lines().last().map(str::to_owned);
    assert_eq!(last(&told.is(1).stdout), last(&json(&folder, alone)));
}

#[test]
fn shards_that_do_not_belong_together_are_refused() {
    let folder = folder("strangers");
    std::fs::write(folder.join("lost.toml"), lost_update()).unwrap();
    std::fs::write(folder.join("race.toml"), race()).unwrap();
    let make = |line: &str| {
        let line = format!("explore {line}");
        simrun(line.split_whitespace())
            .within(&folder)
            .answer()
            .is(0);
    };
    let refused = |line: &str, why: &str| {
        let line = format!("merge {line}");
        let answer = simrun(line.split_whitespace()).within(&folder).answer();
        assert!(answer.is(2).stderr.contains(why), "{answer}");
        assert_eq!(answer.stdout, "");
    };
    make("lost.toml --seeds 0..20 --into a");
    make("race.toml --seeds 20..40 --into b");
    make("lost.toml --seeds 20..40 --strategy pos --into c");
    make("lost.toml --seeds 30..40 --into d");
    make("lost.toml --seeds 40..60 --shard 2/2 --into d");
    refused(
        "a b",
        "does not belong to the others: it is of another scenario",
    );
    refused("a c", "other strategies");
    refused(
        "a d",
        "of the seeds 0..60 some are missing: 20..30, 40..41, 42..43",
    );
    refused("e", "there is no such file");
    refused("lost.toml", "it is no shard of a campaign");
    let shard = folder.join("a/seeds-0-20-1-of-1.shard");
    let text = std::fs::read_to_string(&shard).unwrap();
    std::fs::write(&shard, &text[..text.len() / 2]).unwrap();
    refused("a", "it was cut off");
    std::fs::write(&shard, text.replace("\"simrun\":\"", "\"simrun\":\"9")).unwrap();
    refused("a", "is of simrun 9");
    let changed = text.replacen("\"steps\":", "\"steps\":1", 1);
    std::fs::write(&shard, text).unwrap();
    std::fs::write(folder.join("a/other.shard"), changed).unwrap();
    let answer = simrun(["merge", "a"]).within(&folder).answer();
    assert!(
        answer.is(4).stderr.contains("the runs of seed 0"),
        "{answer}"
    );
}

#[test]
fn a_shard_needs_a_folder() {
    let answer = explore("--shard 1/2", &race());
    assert!(answer.is(2).stderr.contains("--into"), "{answer}");
    for wrong in ["0/2", "3/2", "1", "1/0"] {
        let answer = explore(&format!("--into x --shard {wrong}"), &race());
        assert!(answer.is(2).stderr.contains("1/8"), "{answer}");
    }
}

#[test]
fn how_far_it_has_come_is_no_part_of_the_result() {
    let line = "--for 600ms --keep-going --progress --jobs 2";
    let answer = explore(line, &scenario("Nothing", "sleep 1ms"));
    assert!(answer.is(0).stderr.contains("runs, "), "{answer}");
    assert!(answer.stderr.contains("/s, 0 failed, 1 traces"), "{answer}");
    assert!(!answer.stdout.contains("/s"), "{answer}");
}

#[test]
fn runs_in_processes_of_their_own_come_to_the_same() {
    let folder = folder("isolated");
    std::fs::write(folder.join("lost.toml"), lost_update()).unwrap();
    let line = "explore --no-save lost.toml --runs 100 --keep-going --format json --isolate";
    let own = json(&folder, &format!("{line} never"));
    assert_eq!(own, json(&folder, &format!("{line} always")));
    assert_eq!(own, json(&folder, &format!("{line} always --jobs 5")));
    let line = "explore --no-save lost.toml --runs 100 --isolate";
    assert_eq!(
        json(&folder, &format!("{line} never")),
        json(&folder, &format!("{line} always"))
    );
}

#[test]
fn what_is_never_so_although_it_should_be_sometimes_is_undecided() {
    let check = "[check]\n\"it is six\" = \"sometimes sum == 6\"\n\
                 \"it is one\" = \"sometimes sum == 1\"\n";
    let main = "sum = 1\nyield";
    let text = scenario("Sums", main) + "\n[shared]\nsum = 0\n" + check;
    let answer = explore("--runs 300 --keep-going", &text);
    let stdout = &answer.is(3).stdout;
    assert!(
        stdout.contains("sometimes `it is six`: never in 300 runs"),
        "{answer}"
    );
    assert!(
        stdout.contains("sometimes `it is one`: in 300 of 300 runs"),
        "{answer}"
    );
    assert!(
        stdout.contains("should be sometimes:\n  it is six  at <stdin>:"),
        "{answer}"
    );
    explore("--runs 100 --keep-going", &text).is(0);
    explore("--runs 300 --keep-going --isolate always", &text).is(3);
}
