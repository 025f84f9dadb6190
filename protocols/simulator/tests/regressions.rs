//! Scenarios that broke an invariant once, made small. What was wrong is told with each.

use simulator::Scenario;

fn check(text: &str) {
    let scenario = Scenario::parse(text).unwrap();
    let report = scenario.run(&mut ());
    assert!(report.violation.is_none(), "{report}");
}

/// Seed 16. A router without graceful restart started anew, and dealt out the labels of before to other
/// FECs while its neighbour had not noticed: packets went into wrong LSPs. The label manager now starts at
/// another block.
#[test]
fn labels_of_before_a_restart_do_not_meet_other_fecs() {
    check(
        r#"seed = 16
prefixes = 0
link_prefixes = true
until = 640.0
probe_every = 50
[topology]
routers = 7
[[topology.link]]
a = 0
b = 1
[[topology.link]]
a = 1
b = 2
[[topology.link]]
a = 2
b = 3
[[topology.link]]
a = 3
b = 4
[[topology.link]]
a = 3
b = 5
[[topology.link]]
a = 4
b = 6
[[router]]
number = 3
[router.settings]
graceful_restart = false
max_pdu_length = 2260
[[router]]
number = 4
[router.settings]
conservative = true
[[router]]
number = 5
[router.settings]
ordered = true
conservative = true
loop_detection = true
hello_hold_time = 16
keepalive_time = 50
[[fault]]
at = 382.796432
until = 383.587661
kind = "router-crash"
router = 3
switch = false
"#,
    );
}
