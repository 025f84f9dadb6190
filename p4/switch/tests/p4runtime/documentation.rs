//! docs/p4runtime.md names the tests that check each requirement: they must be there.

use std::collections::BTreeSet;
use std::path::Path;

/// The tests of the Rust files of a directory and those below it, as `file::test`.
fn collect(directory: &Path, tests: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = path.file_stem().unwrap().to_str().unwrap();
            let mut is_test = false;
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                let line = line.trim().trim_start_matches("async ");
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    is_test = true;
                } else if let Some(name) = line.strip_prefix("fn ") {
                    let name = name.split('(').next().unwrap();
                    if std::mem::take(&mut is_test) {
                        tests.insert(format!("{file}::{name}"));
                    }
                }
            }
        }
    }
}

#[test]
fn each_requirement_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    for directory in [
        "src/p4runtime",
        "src/state",
        "tests/p4runtime",
        "tests/engine",
        "../../runtime/p4runtime-proto/src",
    ] {
        collect(&root.join(directory), &mut tests);
    }
    let page = std::fs::read_to_string(root.join("../../docs/p4runtime.md")).unwrap();
    let mut rows = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        if cells[1] == "Section" {
            continue;
        }
        rows += 1;
        assert_eq!(cells.len(), 7, "{row}");
        let named: Vec<&str> = (cells[4].split('`').skip(1).step_by(2))
            .filter(|name| name.contains("::"))
            .collect();
        assert!(!named.is_empty(), "no test checks: {row}");
        for name in named {
            assert!(tests.contains(name), "there is no test {name}");
        }
    }
    assert!(rows > 50, "{rows} requirements were found");
}
