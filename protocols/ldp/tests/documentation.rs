//! docs/ldp.md names the tests that check each requirement: they must be there.

use std::collections::BTreeSet;
use std::path::Path;

/// The tests of the Rust files of a directory and those below it, as `file::test`.
fn collect(directory: &Path, tests: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = path.file_stem().and_then(|stem| stem.to_str());
            let file = file.expect("a name");
            let mut is_test = false;
            for line in std::fs::read_to_string(&path).expect("text").lines() {
                let line = line.trim();
                let function = line.strip_prefix("async ").unwrap_or(line);
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    is_test = true;
                } else if let Some(name) = function.strip_prefix("fn ") {
                    let name = name.split('(').next().unwrap_or_default();
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
        "src",
        "tests",
        "../../runtime/forwarding/src",
        "../../runtime/forwarding/tests",
        "../../runtime/dataplane/tests",
        "../../runtime/ldp-lfib/src",
        "../../runtime/lsrd/src",
        "../../runtime/lsrd/tests",
        "../../bmv2-tests/tests",
    ] {
        collect(&root.join(directory), &mut tests);
    }
    let page = std::fs::read_to_string(root.join("../../docs/ldp.md")).expect("the page");
    let mut rows = 0;
    // How many cells the rows of the table have, if it names tests.
    let mut cells_of_table = None;
    for line in page.lines() {
        if !line.starts_with('|') {
            cells_of_table = None;
            continue;
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let last = cells.last().copied().unwrap_or_default();
        if last == "Tests" {
            cells_of_table = Some(cells.len());
            continue;
        }
        let Some(expected) = cells_of_table.filter(|_| !line.starts_with("|--")) else {
            continue;
        };
        rows += 1;
        assert_eq!(cells.len(), expected, "{line}");
        let named: Vec<&str> = (last.split('`').skip(1).step_by(2))
            .filter(|name| name.contains("::"))
            .collect();
        assert!(!named.is_empty(), "no test checks: {line}");
        for name in named {
            assert!(tests.contains(name), "there is no test {name}");
        }
    }
    assert!(rows > 180, "{rows} requirements were found");
}
