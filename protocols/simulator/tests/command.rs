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
    assert_eq!(json["runs"][0]["counters"]["session_ends"], 4);
    assert_eq!(json["summary"]["broken"], serde_json::json!([]));
    let svg = std::fs::read_to_string(plot).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("start (1)"));
    assert!(svg.contains(">seed 1</text>"));
}

/// Of a second topology, in a file or for all seeds, there are as many FECs again.
#[test]
fn a_network_has_a_second_topology_if_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let topology = directory.path().join("topology.toml");
    let text = "routers = 3\nmulti_topology_id = 3996\n[[link]]\na = 0\nb = 1\nmulti_topology_metric = 2\n\
                [[link]]\na = 1\nb = 2\n";
    std::fs::write(&topology, text).unwrap();
    let file = topology.display().to_string();
    for (arguments, fecs) in [
        (["--topology", &file].as_slice(), 6),
        (&["--routers", "3", "--multi-topology"], 6),
        (&["--routers", "3"], 3),
    ] {
        let run = ["--json", "--plain", "--faults", "none", "--prefixes", "0"];
        let output = simulator().args(run).args(arguments).assert().success();
        let json: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
        assert_eq!(json["runs"][0]["fecs"], fecs);
    }
    simulator()
        .args(["--multi-topology", "--topology", &file])
        .assert()
        .failure();
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

/// The command fails and says why.
fn refused(arguments: &[&str], why: &str) {
    simulator()
        .args(arguments)
        .assert()
        .failure()
        .stderr(predicate::str::contains(why))
        .stderr(predicate::str::contains("panicked").not());
}

#[test]
fn what_cannot_be_is_said() {
    refused(&["--faults", "flood"], "is no kind of fault");
    refused(&["--topology", "/nowhere/at/all.toml"], "all.toml");
    refused(&["--routers", "0"], "0 is not in 1..=60000");
    refused(&["--prefixes", "101"], "101 is not in 0..=100");
    refused(&["--loopbacks", "0"], "leaves no FEC");
    refused(&["--loopbacks", "0", "--prefixes", "0"], "leaves no FEC");
    for hours in ["0", "-1", "nan", "inf", "1e9"] {
        let hours = format!("--hours={hours}");
        refused(&[&hours], "more than 0 and at most 100000");
    }
    refused(&["--seeds", "0"], "0 is not in 1..");
    refused(&["--seconds", "0"], "0 is not in 1..");
    refused(
        &["--faults", "none", "--fault-count", "3"],
        "leave --fault-count away",
    );
    refused(
        &["--seed", "9223372036854775808"],
        "is not in 0..=9223372036854775807",
    );
}

#[test]
fn what_would_be_ignored_is_refused() {
    let scenario: &[&[&str]] = &[
        &["--faults", "none"],
        &["--hours", "5"],
        &["--plain"],
        &["--seconds", "5"],
        &["--probe-every", "5"],
        &["--loopbacks", "5"],
        &["--prefixes", "5"],
        &["--fault-count", "5"],
        &["--seed", "5"],
        &["--scale"],
    ];
    for more in scenario {
        refused(
            &[&["--scenario", "f.toml"], *more].concat(),
            "cannot be used with",
        );
    }
    let scale: &[&[&str]] = &[
        &["--seeds", "2"],
        &["--plot", "f.svg"],
        &["--hours", "2"],
        &["--faults", "cut"],
        &["--seconds", "2"],
    ];
    for more in scale {
        refused(&[&["--scale"], *more].concat(), "cannot be used with");
    }
}

#[test]
fn a_file_that_is_no_scenario_is_named_with_the_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bad.toml");
    let text = "seed = 1\nuntil = 60.0\n[topology]\nrouters = 2\n[[topology.link]]\na = 0\nb = 5\n";
    std::fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    refused(&["--scenario", path], "bad.toml");
    refused(&["--scenario", path], "line 5: link 0 goes to router 5");
    std::fs::write(&file, "routers = 2\n[[link]]\na = 0\nb = 5\n").unwrap();
    refused(
        &["--topology", path],
        "bad.toml: line 2: link 0 goes to router 5",
    );
}

/// With a time and no number of seeds there are as many as there is time for, but one at least.
#[test]
fn seeds_are_run_for_a_time() {
    let small = [
        "--routers",
        "3",
        "--shape",
        "line",
        "--fault-count",
        "1",
        "--quiet",
        "--hours",
        "0.01",
    ];
    simulator()
        .args(small)
        .args(["--seed", "77", "--seconds", "1"])
        .assert()
        .success()
        .stdout(predicate::str::starts_with("the first seed is 77\n"))
        .stdout(predicate::str::is_match(r"\n\d+ seeds from 77 on, \d+ faults").unwrap());
    simulator()
        .args(small)
        .args(["--seed", "77", "--seconds", "1000", "--seeds", "2"])
        .assert()
        .success()
        .stdout(predicate::str::contains("2 seeds from 77 on, 2 faults"));
    simulator()
        .args(small)
        .assert()
        .success()
        .stdout(predicate::str::contains("\nseed 1, 1 fault"));
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

/// `--scale` in a network of two routers with these links, and the JSON that it prints.
fn scale_of(links: &str) -> (assert_cmd::assert::Assert, serde_json::Value) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("topology.toml");
    std::fs::write(&file, format!("routers = 2\n{links}")).unwrap();
    let run = simulator()
        .arg("--scale")
        .arg("--topology")
        .arg(&file)
        .assert();
    let json = serde_json::from_slice(&run.get_output().stdout).unwrap();
    (run, json)
}

/// Neighbours have one session, however many links they have.
#[test]
fn parallel_links_are_one_session_of_those_that_scale_waits_for() {
    let (run, json) = scale_of("[[link]]\na = 0\nb = 1\n[[link]]\na = 1\nb = 0\n");
    run.success();
    assert_eq!(json["sessions"], 1);
    assert!(json["seconds_in_the_network"].as_f64().unwrap() < 5.0);
}

/// Over a link on which everything takes longer than it is waited no session comes up.
#[test]
fn a_network_that_does_not_come_up_has_no_time_and_is_no_success() {
    let (run, json) = scale_of("[[link]]\na = 0\nb = 1\ndelay = 100000000\n");
    run.code(1).stderr(predicate::str::contains(
        "did not come up within 60.000 s: 0 of 1 session",
    ));
    assert_eq!(json["seconds_in_the_network"], serde_json::Value::Null);
}
