//! The command line of lsrd as the shell sees it.

use assert_cmd::Command;
use predicates::prelude::*;

mod common;

fn lsrd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lsrd"));
    command
        .env_remove("RUST_LOG")
        .current_dir(common::program_directory());
    command
}

fn case(name: &str) -> String {
    format!("{}/tests/config/{name}.toml", env!("CARGO_MANIFEST_DIR"))
}

/// A copy of a configuration beside profile and program, as paths in it are relative to it.
fn copy(name: &str) -> String {
    let to = common::program_directory().join(format!("{name}.toml"));
    std::fs::copy(case(name), &to).unwrap();
    format!("{name}.toml")
}

#[test]
fn check_accepts_a_good_configuration() {
    lsrd()
        .args(["--check", "--config", &copy("valid")])
        .assert()
        .success()
        .stdout("valid.toml: 3 interfaces, 0 attachment circuits, 8 static LSPs: no problem\n");
}

#[test]
fn check_and_start_refuse_a_bad_configuration_with_its_line() {
    let copy = copy("duplicate-label");
    for arguments in [&["--check"][..], &[]] {
        lsrd()
            .args(arguments)
            .args(["--config", &copy])
            .assert()
            .code(1)
            .stdout("")
            .stderr(predicate::str::contains(
                "label 100 is used twice in label space 0",
            ))
            .stderr(predicate::str::contains("duplicate-label.toml:22:9"))
            .stderr(predicate::str::ends_with(
                "duplicate-label.toml: 1 problem\n",
            ));
    }
}

#[test]
fn a_missing_file_is_named() {
    lsrd()
        .args(["--check", "--config", "nowhere.toml"])
        .assert()
        .code(1)
        .stderr(predicate::str::starts_with(
            "cannot read the configuration nowhere.toml: No such",
        ));
}

#[test]
fn help_and_version() {
    let help = lsrd().arg("--help").assert().success();
    let text = String::from_utf8_lossy(&help.get_output().stdout).into_owned();
    for option in [
        "--config",
        "--check",
        "--log-level",
        "--log-format",
        "--remove-interfaces-on-exit",
    ] {
        assert!(text.contains(option), "{option} in:\n{text}");
    }
    lsrd()
        .arg("--version")
        .assert()
        .success()
        .stdout(predicate::str::starts_with("lsrd "));
}

#[test]
fn a_wrong_log_level_is_an_error() {
    lsrd()
        .args(["--log-level", "lsrd=loud", "--config", &copy("valid")])
        .assert()
        .code(2)
        .stderr(predicate::str::contains("--log-level lsrd=loud"));
}
