//! Topologies besides the default one: RFC 7307.

use ldp::MultiTopologyId;
use std::time::Duration;

use ldp::label::{ControlMode, PeerParameters, RetentionMode};
use ldp::packet::{
    AddressFamily, Body, Capabilities, FecElement, LabelRelease, LabelRequest, LabelWithdraw,
    TypedWildcard,
};

use crate::lsr::*;

const TOPOLOGY: MultiTopologyId = MultiTopologyId(5);
/// A FEC of the topology.
const FEC: &str = "198.51.100.0/24 topology 5";

/// A peer that announced the topology for IPv4, too.
fn with_topology(parameters: PeerParameters) -> PeerParameters {
    PeerParameters {
        capabilities: Capabilities {
            multi_topology: vec![TypedWildcard::Prefix {
                family: AddressFamily::Ipv4,
                topology: TOPOLOGY,
            }],
            ..parameters.capabilities
        },
        ..parameters
    }
}

/// What was negotiated with peer 2 changes.
fn change(lsr: &mut Lsr, parameters: PeerParameters) {
    let now = lsr.now;
    lsr.labels.peer_parameters_changed(peer(2), parameters, now);
    lsr.settle();
}

/// Section 3.5: FECs of a topology go to peers that announced it.
#[test]
fn multi_topology_fecs_go_to_peers_of_the_topology() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.up_with(3, with_topology(parameters()));
    lsr.route(FEC, via(&[2]));
    assert_eq!(lsr.said(2), [""; 0]);
    assert_eq!(lsr.said(3), [format!("map {FEC} 100")]);
}

/// Section 3.5.2: an LSR whose peer gives up a topology "cleans up all the LSPs of all non-default MTs locally"; "Each
/// side of the node sends a label release to its peer once it receives the label release [withdraw] messages even though
/// each side has already cleaned up all the LSPs locally".
#[test]
fn bindings_of_a_topology_that_is_given_up_are_not_used() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up_with(2, with_topology(parameters()));
    lsr.map(2, FEC, 500);
    assert_eq!(lsr.labels.peer(peer(2)).unwrap().received, 1);
    change(&mut lsr, parameters());
    assert_eq!(lsr.labels.peer(peer(2)).unwrap().received, 0);
    assert_eq!(lsr.said(2), [""; 0]);
    lsr.receive(2, Body::LabelWithdraw(withdraw(FEC, 500)));
    assert_eq!(lsr.said(2), [format!("release {FEC} 500")]);
}

/// Section 3.5.1: "An LDP speaker MUST NOT send messages containing MT FEC elements unless the peer has said it can
/// handle it". That is so on demand, and where a label that was released is asked for again (RFC 5036 appendix A.1.7,
/// NH.13).
#[test]
fn a_peer_is_asked_for_fecs_of_topologies_that_it_announced_only() {
    for announced in [false, true] {
        let of = |parameters| match announced {
            true => with_topology(parameters),
            false => parameters,
        };
        let expected = match announced {
            true => vec![format!("request {FEC}")],
            false => vec![],
        };
        let mut lsr = Lsr::new(|_| {});
        lsr.up_with(2, of(on_demand()));
        lsr.route(FEC, via(&[2]));
        assert_eq!(lsr.said(2), expected);

        let mut lsr = Lsr::new(|policy| policy.retention = RetentionMode::Conservative);
        lsr.up_with(2, of(parameters()));
        lsr.up_with(3, with_topology(parameters()));
        lsr.route(FEC, via(&[3]));
        lsr.said(2);
        lsr.route(FEC, via(&[2]));
        let mut said = lsr.said(2);
        said.retain(|said| said.starts_with("request"));
        assert_eq!(said, expected);
    }
}

/// Section 3.5.2: a peer that has no label resources is asked later (RFC 5036 section 3.5.8.1), unless the topology is
/// lost meanwhile.
#[test]
fn a_topology_that_is_lost_is_not_asked_for_when_there_are_labels_again() {
    let capable = PeerParameters {
        capabilities: Capabilities {
            typed_wildcard: true,
            ..Capabilities::default()
        },
        ..parameters()
    };
    for lost_before_the_answer in [false, true] {
        let mut lsr = Lsr::new(|_| {});
        lsr.up_with(2, capable.clone());
        change(&mut lsr, with_topology(capable.clone()));
        let id = lsr.request_id(2);
        assert_eq!(lsr.said(2), ["request *Ipv4/5"]);
        let no_resources = Body::Notification(Box::new(notification(NO_LABEL_RESOURCES, id)));
        if lost_before_the_answer {
            change(&mut lsr, capable.clone());
            lsr.receive(2, no_resources);
        } else {
            lsr.receive(2, no_resources);
            change(&mut lsr, capable.clone());
        }
        let available = notification(LABEL_RESOURCES_AVAILABLE, 0);
        lsr.receive(2, Body::Notification(Box::new(available)));
        assert_eq!(lsr.said(2), [""; 0]);
    }
}

/// Section 3.5.2, and RFC 7552 section 7.2: an answer to a Label Request may not come once the topology or the family is
/// lost. When it is back, the next hop is asked again, whatever became of the request.
#[test]
fn what_was_asked_for_before_a_loss_is_asked_for_again() {
    let of_ipv4 = PeerParameters {
        ipv6: false,
        ..on_demand()
    };
    for (of, has, lost) in [
        (FEC, with_topology(on_demand()), on_demand()),
        ("2001:db8::/32", on_demand(), of_ipv4),
    ] {
        for answer in [None, Some(0x31), Some(NO_ROUTE), Some(NO_LABEL_RESOURCES)] {
            let mut lsr = Lsr::new(|_| {});
            lsr.up_with(2, has.clone());
            lsr.route(of, via(&[2]));
            let id = lsr.request_id(2);
            assert_eq!(lsr.said(2), [format!("request {of}")]);
            if let Some(code) = answer {
                lsr.receive(2, Body::Notification(Box::new(notification(code, id))));
            }
            change(&mut lsr, lost.clone());
            let available = notification(LABEL_RESOURCES_AVAILABLE, 0);
            lsr.receive(2, Body::Notification(Box::new(available)));
            assert_eq!(lsr.said(2), [""; 0], "{of} {answer:?}");
            change(&mut lsr, has.clone());
            assert_eq!(lsr.said(2), [format!("request {of}")], "{of} {answer:?}");
        }
    }
}

/// RFC 5036 section 3.5.8.1: a Label Request is answered. That of a topology that is lost meanwhile is refused, and does
/// not count any more.
#[test]
fn requests_of_a_topology_that_is_lost_are_refused() {
    let mut lsr = Lsr::new(|policy| {
        policy.control = ControlMode::Ordered;
        policy.max_requests_per_peer = 1;
    });
    lsr.up_with(2, with_topology(on_demand()));
    lsr.up_with(3, with_topology(on_demand()));
    lsr.route(FEC, via(&[3]));
    for _ in 0..2 {
        let id = lsr.receive(2, Body::LabelRequest(request(FEC)));
        assert_eq!(lsr.said(2), [""; 0]);
        change(&mut lsr, on_demand());
        assert_eq!(lsr.said(2), [format!("notify {NO_ROUTE:#x} of {id}")]);
        change(&mut lsr, with_topology(on_demand()));
    }
}

/// RFC 3478 section 3.3, RFC 7307 section 3.5: a peer that restarted may come back without the topology. What it bound
/// there is not used any more; the rest is stale as ever. That is so for a family, too (RFC 7552 section 7.2).
#[test]
fn a_peer_that_comes_back_without_the_topology_loses_its_bindings_there() {
    let recovering = PeerParameters {
        recovery_time: Some(Duration::from_secs(60)),
        ..parameters()
    };
    let of_ipv4 = PeerParameters {
        ipv6: false,
        ..recovering.clone()
    };
    for (of, after) in [(FEC, recovering.clone()), ("2001:db8::/32", of_ipv4)] {
        let mut lsr = Lsr::new(|_| {});
        lsr.up_with(2, with_topology(recovering.clone()));
        for (of, value) in [(of, 500), ("198.51.100.0/24", 501)] {
            lsr.route(of, via(&[2]));
            lsr.map(2, of, value);
        }
        assert_eq!(lsr.pushed(of), [Some(500)]);
        let (now, hold) = (lsr.now, Duration::from_secs(60));
        lsr.labels.peer_down(peer(2), Some(hold), now);
        lsr.settle();
        lsr.said(2);
        lsr.up_with(2, after);
        assert_eq!(lsr.pushed(of), [], "{of}");
        assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(501)]);
        assert_eq!(lsr.labels.peer(peer(2)).unwrap().received, 1);
        // The labels are those of a session that is gone.
        let said = lsr.said(2);
        assert!(said.iter().all(|said| said.starts_with("map")), "{said:?}");
    }
}

/// Section 3.5: labels are distributed for topologies that both LSRs announced. A mapping of a peer that did not, or not
/// any more, is released and not used, as one of a family that the session does not have (RFC 7552 section 7.2).
#[test]
fn a_mapping_of_a_topology_that_the_peer_did_not_announce_is_released() {
    for had in [false, true] {
        let mut lsr = Lsr::new(|_| {});
        lsr.up(2);
        lsr.route(FEC, via(&[2]));
        if had {
            change(&mut lsr, with_topology(parameters()));
            change(&mut lsr, parameters());
        }
        lsr.said(2);
        lsr.map(2, FEC, 500);
        assert_eq!(lsr.said(2), [format!("release {FEC} 500")]);
        assert_eq!(lsr.pushed(FEC), []);
        assert_eq!(lsr.labels.peer(peer(2)).unwrap().received, 0);
    }
}

/// The typed wildcard of IPv4 in Wildcard Topology.
fn all_topologies() -> Vec<FecElement> {
    vec![FecElement::TypedWildcard(TypedWildcard::Prefix {
        family: AddressFamily::Ipv4,
        topology: MultiTopologyId::WILDCARD,
    })]
}

/// Section 4.1: "a wildcard operation that applies to all topologies, it can use a 'Wildcard Topology' MT-ID"; a Label
/// Withdraw with it is "to withdraw all its labels under all topologies from the peer". Those of the default topology
/// are among them, and those of another family are not.
#[test]
fn wildcard_topology_withdraws_and_releases_the_labels_of_all_topologies() {
    let fecs = [FEC, "198.51.100.0/24", "2001:db8::/32"];
    let mut lsr = Lsr::new(|_| {});
    lsr.up_with(2, with_topology(parameters()));
    for (n, of) in fecs.iter().enumerate() {
        lsr.route(of, via(&[2]));
        lsr.map(2, of, 500 + n as u32);
    }
    lsr.said(2);
    let withdraw = LabelWithdraw {
        fec: all_topologies(),
        label: None,
    };
    lsr.receive(2, Body::LabelWithdraw(withdraw));
    assert_eq!(lsr.said(2), ["release *Ipv4/65535 any"]);
    let pushed = fecs.map(|of| lsr.pushed(of));
    assert_eq!(pushed, [vec![], vec![], vec![Some(502)]]);

    assert_eq!(lsr.labels.peer(peer(2)).unwrap().sent, 3);
    let release = LabelRelease {
        fec: all_topologies(),
        label: None,
        status: None,
    };
    lsr.receive(2, Body::LabelRelease(release));
    assert_eq!(lsr.labels.peer(peer(2)).unwrap().sent, 1);
}

/// Sections 4.1 and 4.2, RFC 5918 section 4: a Label Request of all topologies is answered for those that are
/// negotiated, and End-of-LIB follows for each.
#[test]
fn a_request_of_wildcard_topology_is_answered_for_each_topology() {
    let capable = PeerParameters {
        capabilities: Capabilities {
            unrecognized_notification: true,
            ..Capabilities::default()
        },
        ..on_demand()
    };
    let mut lsr = Lsr::new(|_| {});
    lsr.up_with(2, with_topology(capable));
    for of in [
        FEC,
        "198.51.100.0/24",
        "198.51.100.0/24 topology 6",
        "2001:db8::/32",
    ] {
        lsr.route(of, via(&[3]));
    }
    lsr.said(2);
    let request = LabelRequest {
        fec: all_topologies(),
        ..request(FEC)
    };
    let id = lsr.receive(2, Body::LabelRequest(request));
    let mut said = lsr.said(2);
    said.sort();
    let expected = [
        format!("map 198.51.100.0/24 101 for {id}"),
        format!("map {FEC} 100 for {id}"),
        format!("notify {END_OF_LIB:#x} *Ipv4/0"),
        format!("notify {END_OF_LIB:#x} *Ipv4/5"),
    ];
    assert_eq!(said, expected);
}

/// RFC 5919 section 5.2: End-of-LIB of all topologies ends the recovery in each, and completes the advertisement of the
/// family.
#[test]
fn end_of_lib_of_wildcard_topology_is_that_of_each_topology() {
    let recovering = with_topology(PeerParameters {
        recovery_time: Some(Duration::from_secs(60)),
        ipv6: false,
        ..parameters()
    });
    let mut lsr = Lsr::new(|_| {});
    lsr.up_with(2, recovering.clone());
    lsr.map(2, FEC, 500);
    lsr.map(2, "198.51.100.0/24", 501);
    let (now, hold) = (lsr.now, Duration::from_secs(60));
    lsr.labels.peer_down(peer(2), Some(hold), now);
    lsr.up_with(2, recovering);
    let mut end = notification(END_OF_LIB, 0);
    end.fec = all_topologies();
    lsr.receive(2, Body::Notification(Box::new(end)));
    let view = lsr.labels.peer(peer(2)).unwrap();
    assert_eq!((view.received, view.synchronized), (0, true));
}
