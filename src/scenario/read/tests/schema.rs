//! The schema says of a file's tables what the reader says.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use crate::scenario::SCHEMA;

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn value(toml: &DeValue<'_>) -> Value {
    match toml {
        DeValue::String(text) => json!(text),
        DeValue::Integer(integer) => json!(integer.as_str().parse::<i64>().unwrap()),
        DeValue::Float(float) => json!(float.as_str().parse::<f64>().unwrap()),
        DeValue::Boolean(value) => json!(value),
        DeValue::Datetime(date) => json!(date.to_string()),
        DeValue::Array(items) => items.iter().map(|item| value(item.get_ref())).collect(),
        DeValue::Table(table) => Value::Object(object(table)),
    }
}

fn object(table: &DeTable<'_>) -> Map<String, Value> {
    let entries = table.iter();
    entries
        .map(|(key, item)| (key.get_ref().to_string(), value(item.get_ref())))
        .collect()
}

/// Returns what the schema has against a file.
fn mistakes(validator: &Validator, text: &str) -> Vec<String> {
    let document = DeTable::parse(text).unwrap();
    let document = Value::Object(object(document.get_ref()));
    let errors = validator.iter_errors(&document);
    errors.map(|error| error.to_string()).collect()
}

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

#[test]
fn the_schema_is_one() {
    assert!(jsonschema::meta::is_valid(&schema()));
}

#[test]
fn the_schema_accepts_every_right_file() {
    let validator = validator();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for folder in [
        "tests/scenarios/worked",
        "sim-scenarios",
        "sim-scenarios/negative",
    ] {
        for entry in fs::read_dir(root.join(folder)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                let text = fs::read_to_string(&path).unwrap();
                assert_eq!(mistakes(&validator, &text), [""; 0], "{}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 3);
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let validator = validator();
    let rest = "format = 1\nname = \"a\"\n[task]\nmain = 'yield'\n";
    assert_eq!(mistakes(&validator, rest), [""; 0]);
    for wrong in [
        "[run]\nsede = 7",
        "[run]\nuntil = 60",
        "[run]\nuntil = \"60\"",
        "[run]\nstrategy = \"exhaustive\"",
        "[queue]\njobs = 2",
        "[queue]\njobs = { capcity = 2 }",
        "[queue]\n\"two words\" = {}",
        "[lock]\ngate = { permits = 1 }",
        "[semaphore]\nseats = { permits = -1 }",
        "[barrier]\nline = {}",
        "[shared]\npi = 3.14",
        "[host]\na = {}",
        "[host]\na = { start = \"main\", count = 0 }",
        "[host]\na = { start = \"main\", drift = \"5\" }",
        "[link]\na = {}",
        "[link]\n\"a | b\" = {}",
        "[link]\ndefault = { loss = \"1\" }",
        "[link]\ndefault = { bandwidth = \"10mb\" }",
        "[link]\ndefault = { latency = \"normal 5ms\" }",
        "[timeline]\n\"5\" = \"heal\"",
        "[timeline]\n\"6..9s\" = \"heal\"",
        "[timeline]\n\"1s\" = \"kill a\"",
        "[timeline]\n\"1s\" = \"cut\"",
        "[check]\n\"a\" = \"len(jobs) <= 2\"",
        "[check]\n\"a\" = \"eventually len(jobs) <= 2\"",
        "[check]\n\"a\" = \"eventually len(jobs) <= 2 by 10\"",
        "[explore]\nscheduler = [\"random\"]",
        "[explore]\nstrategies = [\"pct 0\"]",
        "[explore]\nseeds = \"10\"",
        "[snapshot]\nshow = [\"logs\"]",
        "[faults]\ncrash = 2",
        "[program]\n\"f(\" = 'yield'",
        "[tasks]\na = 'yield'",
    ] {
        assert!(
            !mistakes(&validator, &format!("{rest}{wrong}\n")).is_empty(),
            "{wrong}"
        );
    }
    assert!(!mistakes(&validator, "name = \"a\"\n[task]\nmain = 'yield'\n").is_empty());
    assert!(
        !mistakes(
            &validator,
            "format = 2\nname = \"a\"\n[task]\nmain = 'yield'\n"
        )
        .is_empty()
    );
    assert!(!mistakes(&validator, "format = 1\nname = \"a\"\n").is_empty());
}
