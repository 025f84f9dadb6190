//! The command line as the shell sees it.

use assert_cmd::Command;
use predicates::prelude::*;

fn lsrctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lsrctl"));
    command.env_remove("LSRCTL_SOCKET");
    command
}

#[test]
fn help_names_every_command() {
    let help = lsrctl().arg("--help").assert().success();
    let text = String::from_utf8_lossy(&help.get_output().stdout).into_owned();
    for command in ["show", "reload", "lab", "completions"] {
        assert!(
            text.contains(&format!("\n  {command} ")),
            "{command} in:\n{text}"
        );
    }
    let help = lsrctl().args(["show", "--help"]).assert().success();
    let text = String::from_utf8_lossy(&help.get_output().stdout).into_owned();
    for subject in [
        "lfib",
        "ftn",
        "ilm",
        "interfaces",
        "target",
        "static-lsps",
        "version",
    ] {
        assert!(
            text.contains(&format!("\n  {subject} ")),
            "{subject} in:\n{text}"
        );
    }
}

#[test]
fn completions_are_for_each_shell() {
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef lsrctl"),
        ("fish", "complete -c lsrctl"),
    ] {
        lsrctl()
            .args(["completions", shell])
            .assert()
            .success()
            .stdout(predicate::str::contains(word));
    }
}

#[test]
fn nobody_answers_is_said_with_the_remedy() {
    for arguments in [
        &["show", "lfib"][..],
        &["show", "target", "--json"],
        &["reload"],
    ] {
        lsrctl()
            .args(arguments)
            .args(["--socket", "/nonexistent/lsrd.sock"])
            .assert()
            .failure()
            .stdout("")
            .stderr(
                "lsrctl: no lsrd answers on /nonexistent/lsrd.sock: is it running? (--socket)\n",
            );
    }
}

#[test]
fn the_environment_names_the_socket_too() {
    lsrctl()
        .env("LSRCTL_SOCKET", "/nonexistent/other.sock")
        .args(["show", "ilm"])
        .assert()
        .failure()
        .stderr(predicate::str::contains("/nonexistent/other.sock"));
}

#[test]
fn a_mistyped_subject_is_corrected() {
    lsrctl()
        .args(["show", "interface"])
        .assert()
        .failure()
        .stderr(predicate::str::contains("interfaces"));
}

#[test]
fn a_pause_of_watch_has_a_lower_bound() {
    lsrctl()
        .args(["show", "lfib", "--watch", "0"])
        .assert()
        .failure()
        .stderr(predicate::str::contains("at least 0.1 seconds"));
}
