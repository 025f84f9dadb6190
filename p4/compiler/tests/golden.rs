//! What other tests keep of the compiler's output is what the compiler writes today.
//!
//! `UPDATE_EXPECTED=1 cargo test -p p4-compiler --test golden` writes it anew.

use std::fs;
use std::path::Path;

use p4_compiler::{Options, Source, compile};
use p4runtime_proto::convert::p4info_to_text;

/// Where the tests of p4-switch's P4Runtime server keep their program.
const SERVER: &str = "../switch/tests/p4runtime";

fn assert_fresh(path: &Path, text: &str) {
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(path, text).unwrap();
    }
    let kept = fs::read_to_string(path).unwrap();
    let same = |(kept, new): &(&str, &str)| kept == new;
    let line = kept.lines().zip(text.lines()).take_while(same).count() + 1;
    assert!(
        kept == text,
        "{} is not what the compiler makes of its program now: they differ from line {line} on; \
         UPDATE_EXPECTED=1 writes it anew",
        path.display(),
    );
}

#[test]
fn the_program_of_the_p4runtime_tests_is_fresh() {
    let directory = Path::new(SERVER);
    // The text alone, so that the name in the output has no folder.
    let name = "program.p4".to_owned();
    let text = fs::read_to_string(directory.join(&name)).unwrap();
    let compiled = compile(&Source::Text { name, text }, &Options::default()).unwrap();
    assert_fresh(&directory.join("program.json"), &compiled.bmv2.to_json());
    assert_fresh(
        &directory.join("program.p4info.txt"),
        &p4info_to_text(&compiled.p4info).unwrap(),
    );
}
