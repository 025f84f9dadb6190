//! Random changes of what a peer sends: no panic, and never without an answer or an end. The fuzz target
//! `ldp_session` does more of it.

use ldp::engine::{Families, SessionState};
use ldp::packet::{
    AddressMessage, Body, CapabilityMessage, FecElement, LabelMapping, LabelRelease, LabelRequest,
    LabelWithdraw, Notification, Status, StatusCode,
};
use mpls::Label;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::support::script::{PEER, Script};
use crate::support::{address, config, net};

fn messages(script: &Script) -> Vec<Body> {
    let fec = vec![FecElement::Prefix(net("10.9.0.0/16").into())];
    let label = Label::new(100).expect("a label");
    vec![
        Body::KeepAlive,
        Body::Address(AddressMessage {
            addresses: vec![address("10.0.0.9"), address("10.0.0.10")],
        }),
        Body::LabelMapping(LabelMapping::new(fec.clone(), label)),
        Body::LabelRequest(LabelRequest {
            fec: fec.clone(),
            hop_count: Some(3),
            path_vector: Some(vec![PEER.lsr_id]),
            forwarded: Vec::new(),
        }),
        Body::LabelWithdraw(LabelWithdraw {
            fec: fec.clone(),
            label: Some(label),
        }),
        Body::LabelRelease(LabelRelease {
            fec,
            label: None,
            status: None,
        }),
        Body::Capability(Box::new(CapabilityMessage {
            announced: script.initialization().capabilities,
            ..CapabilityMessage::default()
        })),
        Body::Notification(Box::new(Notification::from(Status::new(
            StatusCode::NO_ROUTE,
        )))),
        Body::Initialization(Box::new(script.initialization())),
    ]
}

/// One to three octets of each PDU are others than they should be, in each state of the session.
#[test]
fn pdus_with_wrong_octets_never_leave_a_session_in_between() {
    let mut rng = SmallRng::seed_from_u64(5036);
    let mut script = Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]));
    let mut id = script.operational();
    let all = messages(&script);
    let mut ended = 0;
    for _ in 0..5_000 {
        let body = all[rng.random_range(0..all.len())].clone();
        let operational = script.state() == SessionState::Operational;
        // A rejected session is closed without a word (RFC 5036 section 2.5.3, 1e and 2a).
        let rejects = matches!(body, Body::Notification(_)) && !operational;
        let mut pdu = script.pdu(PEER, vec![body, Body::KeepAlive]);
        for _ in 0..rng.random_range(1..=3) {
            let at = rng.random_range(0..pdu.len());
            pdu[at] = rng.random();
        }
        let cut = rng.random_range(0..=pdu.len());
        let (first, second) = pdu.split_at(cut);
        script.octets(id, first);
        script.octets(id, second);
        if script.closed(id) {
            ended += 1;
            assert_eq!(script.state(), SessionState::NonExistent);
            let last = script.sent[&id].messages.back().map(|last| &last.body);
            assert!(
                rejects
                    || matches!(last, Some(Body::Notification(notification))
                    if notification.status.fatal
                        || notification.status.code == StatusCode::UNSUPPORTED_CAPABILITY),
                "{last:?}"
            );
            script.say(script.hello());
            id = script.connect_from("9.9.9.9").expect("accepted").id;
            // Half of the sessions stay before they are operational.
            if rng.random() {
                script.send(id, Body::Initialization(Box::new(script.initialization())));
                script.send(id, Body::KeepAlive);
            }
        }
    }
    assert!(ended > 300, "{ended} sessions ended");
}
