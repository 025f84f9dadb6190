//! The command, as people use it.

use assert_cmd::Command;
use predicates::prelude::*;

fn simulator() -> Command {
    Command::cargo_bin("simulator").unwrap()
}

#[test]
fn a_run_is_reported_as_json_and_plotted() {
    let directory = tempfile::tempdir().unwrap();
    let plot = directory.path().join("plot.svg");
    let topology = directory.path().join("topology.toml");
    let links = "[[link]]\na = 0\nb = 1\n[[link]]\na = 1\nb = 2\n";
    std::fs::write(&topology, format!("routers = 3\n{links}")).unwrap();
    let output = simulator()
        .args([
            "--json",
            "--faults",
            "cut,reset",
            "--fault-count",
            "3",
            "--plain",
        ])
        .arg("--topology")
        .arg(&topology)
        .arg("--plot")
        .arg(&plot)
        .assert()
        .success();
    let json: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(json["runs"][0]["routers"], 3);
    assert_eq!(json["runs"][0]["counters"]["sessions"], 4);
    assert_eq!(json["summary"]["broken"], serde_json::json!([]));
    let svg = std::fs::read_to_string(plot).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("start (1)"));
}

/// A router that advertises nothing leaves its neighbours without LSPs: that needs two routers and no fault.
#[test]
fn what_breaks_an_invariant_is_made_smaller_and_printed_as_a_test() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("scenario.toml");
    let mut scenario = simulator::Scenario::generate(
        1,
        &simulator::Options {
            least_routers: 9,
            most_routers: 9,
            shape: Some(simulator::topology::Shape::Grid),
            mixed: false,
            ..simulator::Options::default()
        },
    );
    scenario.settings.push(simulator::RouterSettings {
        number: 4,
        settings: simulator::router::Settings {
            advertise_nothing: true,
            ..simulator::router::Settings::default()
        },
    });
    std::fs::write(&file, scenario.text()).unwrap();
    simulator()
        .arg("--scenario")
        .arg(&file)
        .assert()
        .code(1)
        .stdout(predicate::str::contains("BROKEN"))
        .stdout(predicate::str::contains("#[test]\nfn seed_1()"))
        .stdout(predicate::str::contains("routers = 2\n"))
        .stdout(predicate::str::contains("[[fault]]").not());
}

#[test]
fn what_cannot_be_is_said() {
    simulator()
        .args(["--faults", "flood"])
        .assert()
        .failure()
        .stderr(predicate::str::contains("is no kind of fault"));
    simulator()
        .args(["--topology", "/nowhere/at/all.toml"])
        .assert()
        .failure()
        .stderr(predicate::str::contains("all.toml"));
}

#[test]
fn the_scale_of_a_network_is_measured() {
    let output = simulator()
        .args(["--scale", "--routers", "20", "--shape", "clos"])
        .assert()
        .success();
    let json: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(json["bindings"], 20 * 19);
    assert_eq!(json["broken"], serde_json::Value::Null);
}
