//! Graceful restart (RFC 3478), as the LSR that restarts and as its helper.

use ldp::engine::{
    Families, GracefulRestartConfig, LdpConfig, Output, RestartTime, RestartView, SessionState,
};
use ldp::packet::{
    AddressMessage, Body, FaultTolerance, FecElement, Initialization, LabelMapping, StatusCode,
};
use mpls::Label;

use crate::support::network::Network;
use crate::support::script::{PEER, Script, notification};
use crate::support::{address, config, net, seconds};

fn restarting(lsr_id: &str, preserved: bool) -> LdpConfig {
    let mut config = config(lsr_id, &[("eth0", Families::IPV4)]);
    config.graceful_restart = Some(GracefulRestartConfig {
        neighbour_liveness_time: RestartTime::new(100).expect("in range"),
        maximum_recovery_time: RestartTime::new(50).expect("in range"),
        forwarding_state_preserved: preserved,
        ..GracefulRestartConfig::default()
    });
    config
}

/// The peer's Initialization with these times in seconds.
fn initialization(script: &Script, reconnect: u32, recovery: u32) -> Initialization {
    Initialization {
        fault_tolerance: Some(FaultTolerance {
            flags: 1,
            reconnect_timeout: reconnect * 1000,
            recovery_time: recovery * 1000,
        }),
        ..script.initialization()
    }
}

/// A helper whose peer bound label 100 to 10.9.0.0/16.
fn helper(reconnect: u32) -> (Script, ldp::engine::ConnectionId) {
    let mut script = Script::new(restarting("1.1.1.1", false));
    let id = script.operational_with(initialization(&script, reconnect, 0));
    bind(&mut script, id);
    (script, id)
}

fn bind(script: &mut Script, id: ldp::engine::ConnectionId) {
    script.send(
        id,
        Body::Address(AddressMessage {
            addresses: vec![address("10.0.0.9")],
        }),
    );
    let fec = FecElement::Prefix(net("10.9.0.0/16").into());
    let label = Label::new(100).expect("a label");
    script.send(id, Body::LabelMapping(LabelMapping::new(vec![fec], label)));
    assert_eq!(script.ldp.labels().counters().received, 1);
}

fn lose(script: &mut Script, id: ldp::engine::ConnectionId) {
    let now = script.now();
    script.ldp.handle_closed(id, "reset".to_owned(), now);
    script.drain();
}

fn held(script: &Script) -> usize {
    script.ldp.labels().counters().received
}

/// Section 3.1: without preserved forwarding state the Recovery Time is 0; the L flag says that graceful
/// restart is supported (section 2).
#[test]
fn an_lsr_without_preserved_forwarding_state_announces_no_recovery_time() {
    let mut script = Script::new(restarting("1.1.1.1", false));
    assert!(
        script
            .other
            .contains(&Output::ForwardingStateHoldingExpired),
        "nothing of before is held"
    );
    let id = script.operational();
    let parameters = fault_tolerance(&mut script, id).expect("it is announced");
    assert_eq!(
        (
            parameters.flags,
            parameters.reconnect_timeout,
            parameters.recovery_time
        ),
        (1, 120_000, 0)
    );
}

fn fault_tolerance(script: &mut Script, id: ldp::engine::ConnectionId) -> Option<FaultTolerance> {
    script.taken(id).into_iter().find_map(|body| match body {
        Body::Initialization(initialization) => initialization.fault_tolerance,
        _ => None,
    })
}

/// Section 2: by a Recovery Time of 0 the peer would delete what it kept of a session that was lost while
/// this LSR did not restart. Behind the FT Reconnect Timeout it has deleted it anyway.
#[test]
fn a_session_that_comes_back_without_a_restart_announces_that_the_state_is_held() {
    for (later, expected) in [(1, 120_000), (119, 120_000), (121, 0)] {
        let (mut script, id) = helper(120);
        script.taken(id);
        lose(&mut script, id);
        script.pass(seconds(later));
        let id = script.operational_with(initialization(&script, 120, 60));
        let parameters = fault_tolerance(&mut script, id).expect("it is announced");
        assert_eq!(parameters.recovery_time, expected, "after {later} s");
    }
}

/// Section 3.3: labels are not used again for the sum of the FT Reconnect Timeout, the Recovery Time and the KeepAlive Time (180 s) that
/// the neighbour announced; also while it is away, and not for as long as one likes.
#[test]
fn labels_are_held_down_for_as_long_as_neighbours_may_use_them() {
    for (reconnect, recovery, expected) in [(0, 0, 0), (100, 80, 360), (4_000_000, 0, 600)] {
        let mut script = Script::new(restarting("1.1.1.1", false));
        let id = script.operational_with(initialization(&script, reconnect, recovery));
        let longest = |script: &Script| script.ldp.longest_restart(script.now());
        assert_eq!(longest(&script), seconds(expected));
        lose(&mut script, id);
        assert_eq!(longest(&script), seconds(expected));
        script.pass(seconds(600));
        assert_eq!(longest(&script), seconds(0));
    }
}

/// Section 3.1: the Recovery Time is the current value of the MPLS Forwarding State Holding timer; when that
/// expires, what is still stale is deleted.
#[test]
fn the_recovery_time_is_what_is_left_of_the_forwarding_state_holding_timer() {
    let mut script = Script::new(restarting("1.1.1.1", true));
    script.pass(seconds(30));
    assert!(
        !script
            .other
            .contains(&Output::ForwardingStateHoldingExpired)
    );
    let id = script.operational();
    let parameters = fault_tolerance(&mut script, id).expect("it is announced");
    assert_eq!(parameters.recovery_time, 90_000);
    script.pass(seconds(89));
    assert!(
        script.ldp.lsr(script.now()).restarting_for.is_some()
            && !script
                .other
                .contains(&Output::ForwardingStateHoldingExpired)
    );
    script.pass(seconds(1));
    assert!(
        script
            .other
            .contains(&Output::ForwardingStateHoldingExpired)
    );
    assert_eq!(script.ldp.lsr(script.now()).restarting_for, None);
}

/// Section 2: without the configuration there is no FT Session TLV.
#[test]
fn without_graceful_restart_there_is_no_ft_session_tlv() {
    let mut script = Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]));
    let id = script.operational_with(initialization(&script, 120, 0));
    assert_eq!(fault_tolerance(&mut script, id), None);
    bind(&mut script, id);
    lose(&mut script, id);
    assert_eq!(held(&script), 0);
}

/// Section 3.3: the stale bindings are kept for the lesser of the FT Reconnect Timeout and the Neighbor
/// Liveness Timer; then they are deleted.
#[test]
fn bindings_are_kept_for_the_lesser_of_reconnect_timeout_and_liveness_timer() {
    for (reconnect, kept) in [(20, 20), (120, 100)] {
        let (mut script, id) = helper(reconnect);
        lose(&mut script, id);
        assert_eq!(held(&script), 1);
        assert!(matches!(
            script.neighbour().graceful_restart,
            Some(RestartView::Reconnecting { .. })
        ));
        // Also when the adjacency goes: the peer says no Hello while it restarts.
        script.pass(seconds(kept) - std::time::Duration::from_millis(10));
        assert_eq!(held(&script), 1, "{reconnect}");
        assert_eq!(script.state(), SessionState::NonExistent);
        script.pass(std::time::Duration::from_millis(20));
        assert_eq!(held(&script), 0, "{reconnect}");
        assert!(script.ldp.neighbours(script.now()).is_empty());
    }
}

/// Section 2: an FT Reconnect Timeout of 0: the peer does not preserve its forwarding state.
#[test]
fn a_reconnect_timeout_of_zero_keeps_nothing() {
    let (mut script, id) = helper(0);
    lose(&mut script, id);
    assert_eq!(held(&script), 0);
}

/// RFC 5036 section 3.5.1.1: a peer that ends the session with a Notification does not restart: all state is
/// discarded.
#[test]
fn a_session_that_the_peer_ends_by_a_shutdown_keeps_nothing() {
    let (mut script, id) = helper(120);
    script.send(id, notification(StatusCode::SHUTDOWN));
    assert_eq!(held(&script), 0);
}

/// A session whose KeepAlive Timer expires is one of a peer that may be restarting.
#[test]
fn a_peer_that_falls_silent_is_waited_for() {
    let (mut script, _) = helper(120);
    for _ in 0..19 {
        script.say(script.hello());
        script.pass(seconds(10));
    }
    assert_eq!(script.state(), SessionState::NonExistent);
    assert_eq!(held(&script), 1);
}

/// Section 3.3: a peer that is back without preserved state: the stale bindings are deleted immediately. With
/// preserved state they are kept for the lesser of its Recovery Time and the Maximum Recovery Time.
#[test]
fn stale_bindings_of_a_peer_that_is_back_are_kept_for_its_recovery_time() {
    for (recovery, kept) in [(0, 0), (30, 30), (90, 50)] {
        let (mut script, id) = helper(120);
        lose(&mut script, id);
        script.pass(seconds(5));
        let again = initialization(&script, 120, recovery);
        let _ = script.operational_with(again);
        assert_eq!(held(&script), usize::from(kept > 0), "{recovery}");
        if kept == 0 {
            continue;
        }
        assert!(matches!(
            script.neighbour().graceful_restart,
            Some(RestartView::Recovering { .. })
        ));
        for _ in 0..kept / 10 {
            assert_eq!(held(&script), 1, "{recovery}");
            script.say(script.hello());
            script.pass(seconds(10));
        }
        assert_eq!(held(&script), 0, "{recovery}");
        assert_eq!(script.state(), SessionState::Operational);
    }
}

/// Section 3.3 (b): a binding that comes again is stale no longer.
#[test]
fn a_binding_that_comes_again_stays() {
    let (mut script, id) = helper(120);
    lose(&mut script, id);
    let again = initialization(&script, 120, 20);
    let id = script.operational_with(again);
    bind(&mut script, id);
    for _ in 0..5 {
        script.say(script.hello());
        script.pass(seconds(10));
    }
    assert_eq!(held(&script), 1);
}

/// Both roles together: a restart of one LSR changes nothing in the LFIB of the other.
#[test]
fn a_restart_does_not_change_the_lfib_of_the_helper() {
    let mut network = Network::default();
    let a = network.router(restarting("1.1.1.1", false), &[]);
    let b = network.router(restarting("2.2.2.2", false), &[]);
    network.link(&[(a, "eth0", &["10.0.0.1/24"]), (b, "eth0", &["10.0.0.2/24"])]);
    let fec = net("10.9.0.0/16").into();
    let egress = ldp::label::Route {
        egress: true,
        ..ldp::label::Route::default()
    };
    let via_b = ldp::label::Route {
        next_hops: [ldp::label::NextHop {
            interface: "eth0".into(),
            address: address("10.0.0.2"),
        }]
        .into_iter()
        .collect(),
        ..ldp::label::Route::default()
    };
    network.with(b, |ldp, now| {
        ldp.handle_route(fec, Some(egress.clone()), now)
    });
    network.with(a, |ldp, now| ldp.handle_route(fec, Some(via_b), now));
    network.run(seconds(10));
    assert!(network.operational(a, b));
    assert_eq!(network.nodes[a].ftn.len(), 1);
    let changes = network.nodes[a].lfib_changes;
    network.restart(b, restarting("2.2.2.2", true));
    network.with(b, |ldp, now| ldp.handle_route(fec, Some(egress), now));
    network.run(seconds(60));
    assert!(network.operational(a, b));
    assert_eq!(network.neighbours(a)[0].sessions_lost, 1);
    assert_eq!(network.nodes[a].lfib_changes, changes);
    assert_eq!(network.neighbours(a)[0].graceful_restart, None);
    assert_eq!(
        network.neighbours(a)[0].identifier.lsr_id,
        std::net::Ipv4Addr::new(2, 2, 2, 2)
    );
    assert_ne!(network.neighbours(a)[0].identifier, PEER);
}
