//! The command line of `p4-compiler`.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;

fn command() -> Command {
    let mut command = Command::cargo_bin("p4-compiler").unwrap();
    command.env("NO_COLOR", "1");
    command
}

fn router() -> &'static str {
    "tests/accepted/router.p4"
}

#[test]
fn it_writes_the_json_and_the_p4info_in_each_format() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    command()
        .args([
            router(),
            "--std",
            "p4-16",
            "-o",
            &path("router.json"),
            "--p4runtime-files",
        ])
        .arg(format!(
            "{},{},{}",
            path("a.txtpb"),
            path("a.json"),
            path("a.bin")
        ))
        .assert()
        .success()
        .stderr("");
    let read = |name: &str| fs::read(directory.path().join(name)).unwrap();
    bmv2_json::Document::from_json(&read("router.json")).unwrap();
    let text = String::from_utf8(read("a.txtpb")).unwrap();
    assert!(text.contains("name: \"RouterIngress.routes\""), "{text}");
    assert!(
        String::from_utf8(read("a.json"))
            .unwrap()
            .contains("RouterIngress.routes")
    );
    let binary: p4runtime_proto::p4::config::v1::P4Info =
        prost::Message::decode(read("a.bin").as_slice()).unwrap();
    assert_eq!(binary.tables.len(), 1);
}

#[test]
fn macros_come_from_options_and_from_a_profile() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("small.toml");
    fs::write(&profile, "[sizes]\nilm = 4096\n[ports]\ncpu = 510\n").unwrap();
    let program = directory.path().join("x.p4");
    fs::write(&program, "ILM_SIZE CPU_PORT A B C\n").unwrap();
    command()
        .arg("-E")
        .args([
            "-DA=1",
            "-D",
            "B",
            "-UA",
            "-DILM_SIZE=7",
            "-DC=x",
            "-UC",
            "-DC=y",
        ])
        .arg("--profile")
        .args([&profile, &program])
        .assert()
        .success()
        .stdout(predicate::str::ends_with("\n7 510 A 1 y\n"));
}

#[test]
fn an_error_shows_its_place_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.json");
    command()
        .args(["tests/ui/no_main.p4", "-o"])
        .arg(&output)
        .assert()
        .code(1)
        .stderr(predicate::str::contains(
            "instantiates no package named `main`",
        ));
    assert!(!output.exists());
    command()
        .args(["tests/ui/syntax.p4", "-I", "tests/ui/include"])
        .assert()
        .code(1)
        .stderr(predicate::str::contains("syntax.p4:2:26"));
}

#[test]
fn bad_usage_says_what_is_wrong() {
    command()
        .arg("/nonexistent/x.p4")
        .assert()
        .code(1)
        .stderr(predicate::str::contains("cannot read /nonexistent/x.p4"));
    command()
        .args([router(), "--p4runtime-files", "x.yaml"])
        .assert()
        .code(2)
        .stderr(predicate::str::contains(".txtpb, .txt, .json or .bin"));
    command()
        .args([router(), "--std", "p4-14"])
        .assert()
        .code(2);
    command()
        .args([router(), "-o", "/nonexistent/x.json"])
        .assert()
        .code(1)
        .stderr(predicate::str::contains("cannot write /nonexistent/x.json"));
    command()
        .args([router(), "--profile"])
        .arg(Path::new("/nonexistent.toml"))
        .assert()
        .code(1)
        .stderr(predicate::str::contains("/nonexistent.toml"));
}

#[test]
fn warnings_are_shown_silenced_or_errors() {
    let program = "tests/ui/warned/unused.p4";
    let shown = |text: &'static str| predicate::str::contains(text);
    let unused = "the action `drop` is unused";
    command()
        .args([program, "--target", "bmv2", "--arch", "v1model"])
        .assert()
        .success()
        .stderr(shown(unused).and(shown("--Wwarn=unused")));
    for silent in [
        &["--Wdisable"] as &[&str],
        &["--Wdisable=unused"],
        &["--Werror", "--Wdisable=unused"],
    ] {
        command()
            .arg(program)
            .args(silent)
            .assert()
            .success()
            .stderr("");
    }
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("out.json");
    for fatal in [
        &["--Werror"] as &[&str],
        &["--Werror=unused"],
        &["--Wdisable", "--Werror=unused"],
    ] {
        command()
            .arg(program)
            .args(fatal)
            .arg("-o")
            .arg(&output)
            .assert()
            .code(1)
            .stderr(shown(unused).and(shown("--Werror=unused")));
        assert!(!output.exists());
    }
    command()
        .args([program, "--Wdisable=unsed"])
        .assert()
        .code(1)
        .stderr(shown("there is no class of warnings `unsed`"));
}

#[test]
fn it_explains_itself_and_completes() {
    command()
        .arg("--help")
        .assert()
        .success()
        .stdout(predicate::str::contains("Examples:").and(predicate::str::contains("--Werror")));
    command()
        .args(["--completions", "bash"])
        .assert()
        .success()
        .stdout(predicate::str::contains("--p4runtime-files"));
    command().assert().code(2);
}

#[test]
#[cfg(unix)]
fn an_input_without_end_is_refused() {
    command()
        .args(["/dev/zero", "-E"])
        .assert()
        .code(1)
        .stderr(predicate::str::contains("it has more than"));
}
