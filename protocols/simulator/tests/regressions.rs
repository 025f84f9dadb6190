//! Scenarios that broke an invariant once, made small. What was wrong is told with each.

use simulator::Scenario;

/// With links between these pairs of routers.
fn check_with(links: &[(usize, usize)], text: &str) {
    let link = |(a, b): &(usize, usize)| format!("[[topology.link]]\na = {a}\nb = {b}\n");
    let links: String = links.iter().map(link).collect();
    check(&format!("{text}{links}"));
}

fn check(text: &str) {
    let scenario = Scenario::parse(text).unwrap();
    let report = scenario.run(&mut ());
    assert!(report.violation.is_none(), "{report}");
}

/// The links of routers in a row.
fn chain(routers: usize) -> Vec<(usize, usize)> {
    (1..routers).map(|router| (router - 1, router)).collect()
}

/// Seed 18. Under conservative retention a route came and went twice: the second Label Request was not
/// sent because the first was being aborted, and nothing remembered that one was needed (RFC 5036 section
/// 3.5.9.1, RFC 3031 section 5.1.2.2).
#[test]
fn a_request_is_made_again_after_its_abort() {
    check_with(
        &chain(23),
        r#"seed = 18
prefixes = 0
link_prefixes = false
until = 640.0
probe_every = 0
[topology]
routers = 23
[[router]]
number = 8
[router.settings]
conservative = true
egress_label = "real"
graceful_restart = false
[[fault]]
at = 316.997303
until = 322.324256
kind = "cut"
link = 7
forth = true
back = true
detected = false
"#,
    );
}

/// Seed 16. A router without graceful restart started anew, and dealt out the labels of before to other
/// FECs while its neighbour had not noticed: packets went into wrong LSPs. The label manager now starts at
/// another block.
#[test]
fn labels_of_before_a_restart_do_not_meet_other_fecs() {
    check_with(
        &[(0, 1), (1, 2), (2, 3), (3, 4), (3, 5), (4, 6)],
        r#"seed = 16
prefixes = 0
link_prefixes = true
until = 640.0
probe_every = 50
[topology]
routers = 7
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

/// Seed 17. A Label Release that a conservative router sent by itself crossed a Label Withdraw; the answer to that
/// was then taken for a release of the mapping that was sent in between (RFC 5036 appendix A.1.5, LWd.2).
#[test]
fn a_release_that_crosses_a_withdraw_is_not_the_answer() {
    check_with(
        &[(0, 1), (0, 2), (0, 3), (0, 4), (4, 5)],
        r#"seed = 17
prefixes = 0
link_prefixes = false
until = 640.0
probe_every = 0
[topology]
routers = 6
[[router]]
number = 1
[router.settings]
conservative = true
egress_label = "real"
[[fault]]
at = 79.724285
until = 84.597272
kind = "partition"
routers = [0, 4]
"#,
    );
}

/// Seed 114. All peers had released a label because they saw a loop, so that it went back; when the way was
/// another, no new one was asked for (RFC 5036 section 3.4.5.1.2).
#[test]
fn after_a_loop_a_label_is_bound_again() {
    check_with(
        &[
            (0, 1),
            (1, 2),
            (2, 3),
            (3, 4),
            (1, 5),
            (5, 6),
            (2, 6),
            (6, 7),
            (3, 7),
            (7, 8),
            (4, 8),
        ],
        r#"seed = 114
prefixes = 0
link_prefixes = false
until = 640.0
probe_every = 0
[topology]
routers = 9
[[router]]
number = 3
[router.settings]
ordered = true
conservative = true
egress_label = "real"
graceful_restart = false
[[router]]
number = 4
[router.settings]
loop_detection = true
[[router]]
number = 8
[router.settings]
loop_detection = true
[[fault]]
at = 564.12842
until = 605.415294
kind = "switch-crash"
router = 1
"#,
    );
}

/// Seed 21 of restarts alone. A label of before the restart was bound to a FEC and in no entry, for want of a label of
/// the next hop: nothing told of it after the restart, and it was dealt out for another FEC while a neighbour still
/// used it. The label manager now deals out labels of blocks of before last.
#[test]
fn a_label_of_before_a_restart_without_an_entry_does_not_meet_another_fec() {
    check_with(
        &[
            (0, 1),
            (0, 3),
            (3, 4),
            (1, 4),
            (4, 5),
            (2, 5),
            (3, 6),
            (6, 7),
            (4, 7),
        ],
        r#"seed = 21
prefixes = 0
link_prefixes = true
families = "ipv6"
until = 640.0
probe_every = 50
[topology]
routers = 8
[[router]]
number = 1
[router.settings]
split_horizon = true
hello_hold_time = 18
keepalive_time = 72
families = "ipv6"
[[router]]
number = 2
[router.settings]
on_demand = true
hello_hold_time = 37
keepalive_time = 87
families = "ipv6"
[[router]]
number = 3
[router.settings]
egress_label = "explicit"
graceful_restart = false
hello_hold_time = 33
keepalive_time = 120
families = "ipv6"
[[router]]
number = 4
[router.settings]
graceful_restart = false
ordered = true
split_horizon = true
hello_hold_time = 9
keepalive_time = 38
families = "ipv6"
[[router]]
number = 5
[router.settings]
graceful_restart = false
conservative = true
families = "ipv6"
[[router]]
number = 6
[router.settings]
conservative = true
families = "ipv6"
[[router]]
number = 7
[router.settings]
split_horizon = true
egress_label = "real"
families = "ipv6"
[[fault]]
at = 142.434252
until = 190.510773
kind = "daemon-restart"
router = 6
shut_down = false
[[fault]]
at = 438.767264
until = 446.271101
kind = "daemon-restart"
router = 3
shut_down = true
[[fault]]
at = 453.224889
until = 453.919959
kind = "daemon-restart"
router = 6
shut_down = false
"#,
    );
}

/// Seed 970. A daemon that was stopped for four minutes, and cut off from a neighbour before, went on sending by
/// a label that the neighbour had given to another FEC by then. Nobody can tell a daemon that is stopped: what is
/// wrong is the invariant, which counted such packets from the moment in which the daemon went on.
#[test]
fn a_daemon_that_was_stopped_for_long_cannot_know_better() {
    check(
        r#"seed = 970
prefixes = 0
link_prefixes = false
families = "ipv4"
until = 640.0
probe_every = 0
router = []

[topology]
routers = 9

[[topology.link]]
a = 0
b = 3
metric = 8
delay = 4048
bandwidth = 0

[[topology.link]]
a = 0
b = 4
metric = 3
delay = 1467
bandwidth = 0

[[topology.link]]
a = 0
b = 8
metric = 4
delay = 1914
bandwidth = 0

[[topology.link]]
a = 1
b = 2
metric = 5
delay = 2371
bandwidth = 0

[[topology.link]]
a = 1
b = 5
metric = 1
delay = 440
bandwidth = 0

[[topology.link]]
a = 2
b = 7
metric = 1
delay = 266
bandwidth = 0

[[topology.link]]
a = 4
b = 6
metric = 2
delay = 618
bandwidth = 0

[[topology.link]]
a = 5
b = 6
metric = 6
delay = 2734
bandwidth = 0

[[fault]]
at = 465.055021
until = 480.182823
kind = "daemon-restart"
router = 2
shut_down = true

[[fault]]
at = 479.49399
until = 641.159631
kind = "partition"
routers = [0, 1, 2, 4, 5, 6]

[[fault]]
at = 501.856515
until = 722.239767
kind = "pause"
router = 7
"#,
    );
}

/// Seed 5299. What a router had released before it lost a topology it did not get again with the topology: its
/// neighbour took it for released still, and it did not ask (RFC 7307 section 3.5.2).
#[test]
fn a_topology_that_comes_back_is_asked_for() {
    check(
        r#"seed = 5299
until = 640.0
[topology]
routers = 2
multi_topology_id = 4020
[[topology.link]]
a = 0
b = 1
multi_topology_metric = 1
[[fault]]
at = 394.882266
until = 509.930003
kind = "configure"
router = 0
[fault.settings]
accept_nothing = true
multi_topology = false
"#,
    );
}

/// Seed 5134. A router asked for all FECs, for some of which its neighbour had no labels. When that had some it was not
/// asked again (RFC 5036 appendix A.1.12).
#[test]
fn all_fecs_are_asked_for_again_when_there_are_labels() {
    check_with(
        &chain(4),
        r#"seed = 5134
prefixes = 1
until = 640.0
[topology]
routers = 4
[[router]]
number = 1
[router.settings]
loop_detection = true
egress_label = "real"
[[router]]
number = 2
[router.settings]
loop_detection = true
[[fault]]
at = 471.788009
until = 655.266975
kind = "label-exhaustion"
router = 1
labels = 3
[[fault]]
at = 500.607699
until = 542.11144
kind = "configure"
router = 0
[fault.settings]
accept_nothing = true
"#,
    );
}

/// Seed 30223. A router asked for what its neighbour did not advertise just then, by its configuration; later that
/// took it for released still (RFC 5036 appendix A.1.4, note 1).
#[test]
fn what_is_asked_for_in_vain_is_advertised_later() {
    check_with(
        &chain(2),
        r#"seed = 30223
until = 640.0
[topology]
routers = 2
[[fault]]
at = 588.500233
until = 671.806404
kind = "configure"
router = 1
[fault.settings]
accept_nothing = true
[[fault]]
at = 625.104266
until = 674.511423
kind = "configure"
router = 0
[fault.settings]
advertise_nothing = true
"#,
    );
}

/// Seed 71397. A Hello with a wrong bit named another neighbour's LSR Id, and packets for its source got labels of
/// that (RFC 5036 section 2.5.2). The session goes over IPv6, as the Hello.
#[test]
fn a_damaged_hello_of_the_family_of_the_session() {
    check(include_str!("scenarios/71397.toml"));
}

/// Seed 70808. The same, where the session goes over IPv4 and the Hello is one of IPv6.
#[test]
fn a_damaged_hello_of_the_other_family() {
    check(include_str!("scenarios/70808.toml"));
}

/// Seed 602358. A router came back from a crash and learnt late, from a part of the network that had been cut off, that
/// it had taken a link down: its IGP did not say again that the link is up (RFC 2328 section 13.4), and no route
/// went over it any more. LDP had no part in that.
#[test]
fn a_word_of_before_a_crash_that_comes_late_is_answered() {
    check(include_str!("scenarios/602358.toml"));
}
