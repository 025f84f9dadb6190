//! KeepAlive (RFC 5036 sections 2.5.6 and 3.5.4).

use ldp::engine::{Families, SessionState};
use ldp::packet::{Body, StatusCode};

use crate::support::script::{PEER, Script};
use crate::support::{config, seconds};

fn operational(keepalive_time: u16) -> (Script, ldp::engine::ConnectionId) {
    let mut script = Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]));
    let mut initialization = script.initialization();
    initialization.keepalive_time = keepalive_time;
    let id = script.operational_with(initialization);
    script.taken(id);
    (script, id)
}

/// Section 2.5.6: the KeepAlive Timer is reset whenever a PDU is received, of any message.
#[test]
fn any_pdu_restarts_the_keepalive_timer() {
    let (mut script, id) = operational(9);
    for _ in 0..10 {
        script.pass(seconds(5));
        script.say(script.hello());
        script.send(
            id,
            Body::Address(ldp::packet::AddressMessage {
                addresses: vec![crate::support::address("10.0.0.9")],
            }),
        );
    }
    assert_eq!(script.state(), SessionState::Operational);
}

/// Section 2.5.6: it is PDUs that count. Half a PDU and then nothing is none.
#[test]
fn half_a_pdu_and_then_nothing_is_no_pdu() {
    let (mut script, id) = operational(9);
    let pdu = script.pdu(PEER, vec![Body::KeepAlive]);
    let (half, rest) = pdu.split_at(pdu.len() / 2);
    script.octets(id, half);
    script.pass(seconds(8));
    script.octets(id, &rest[..1]);
    assert_eq!(script.state(), SessionState::Operational);
    script.pass(seconds(1));
    let (statuses, closed) = script.answer(id);
    assert_eq!(statuses, [StatusCode::KEEPALIVE_TIMER_EXPIRED]);
    assert!(closed);
}

/// Section 3.5.4.1: a KeepAlive is sent if no other message was sent within the period; each KeepAlive Time
/// has at least one.
#[test]
fn the_peer_gets_a_message_in_each_keepalive_time() {
    let (mut script, id) = operational(3);
    for _ in 0..20 {
        script.send(id, Body::KeepAlive);
        script.say(script.hello());
        script.pass(std::time::Duration::from_millis(2900));
        assert!(!script.taken(id).is_empty());
    }
}

/// A peer that acknowledges nothing of what it is sent does not hold memory for ever, although it sends
/// KeepAlives.
#[test]
fn a_peer_that_takes_nothing_for_a_keepalive_time_loses_its_session() {
    let (mut script, id) = operational(9);
    script.writes = false;
    for _ in 0..10 {
        script.send(id, Body::KeepAlive);
        script.say(script.hello());
        script.pass(seconds(3));
    }
    assert!(script.closed(id));
    let down = script.neighbour().last_down.expect("a reason");
    assert!(down.contains("took nothing"), "{down}");
}
