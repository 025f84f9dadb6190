//! What cannot be seen from outside: that no record is left behind.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use mpls::Label;

use super::*;
use crate::packet::{
    AddressMessage, AdvertisementDiscipline, Capabilities, FecElement, LabelMapping, LabelRequest,
};

const PEER: LdpIdentifier = LdpIdentifier::platform(Ipv4Addr::new(192, 0, 2, 2));

fn settle(labels: &mut LabelDistribution, now: Instant) {
    let mut next = 16;
    while let Some(output) = labels.poll_output() {
        if let LabelOutput::Allocate { fec } = output {
            labels.label_allocated(fec, Ok(Label::new(next).unwrap()), now);
            next += 1;
        }
    }
}

/// RFC 5036 appendix A: bindings, requests, addresses and next hops all go with the session and the routes.
#[test]
fn when_all_is_gone_no_record_is_left() {
    let mut now = Instant::now();
    let mut policy = Policy::new(Ipv4Addr::new(192, 0, 2, 1));
    policy.longest_match = true;
    let mut labels = LabelDistribution::new(policy, now);
    let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
    let fec: PrefixFec = "198.51.100.0/24".parse::<ipnet::IpNet>().unwrap().into();
    let inner: PrefixFec = "198.51.100.1/32".parse::<ipnet::IpNet>().unwrap().into();
    let parameters = PeerParameters {
        advertisement: AdvertisementDiscipline::DownstreamOnDemand,
        loop_detection: false,
        capabilities: Capabilities::default(),
        targeted_only: false,
        recovery_time: None,
        ipv4: true,
        ipv6: true,
        signal_mtu: false,
    };
    labels.peer_up(PEER, parameters, now);
    labels.adjacency_changed(PEER, "eth0", address, true, now);
    let addresses = vec![address];
    labels.receive(PEER, 1, Body::Address(AddressMessage { addresses }), now);
    let next_hop = NextHop {
        interface: "eth0".into(),
        address,
    };
    let route = Route {
        next_hops: std::iter::once(next_hop).collect(),
        ..Route::default()
    };
    labels.route_changed(fec, Some(route), now);
    settle(&mut labels, now);
    assert_eq!(labels.requests.len(), 1);
    let mapping = LabelMapping {
        fec: vec![FecElement::Prefix(inner)],
        label: Label::new(500).unwrap(),
        request_id: None,
        hop_count: None,
        path_vector: None,
        mtu: None,
        entropy_label_capable: false,
        status: None,
        forwarded: Vec::new(),
    };
    labels.receive(PEER, 2, Body::LabelMapping(mapping), now);
    let request = LabelRequest {
        fec: vec![FecElement::Prefix(inner)],
        hop_count: None,
        path_vector: None,
        forwarded: Vec::new(),
    };
    labels.receive(PEER, 3, Body::LabelRequest(request), now);
    settle(&mut labels, now);
    assert_eq!(labels.counters().ftn, 1);
    assert_eq!(labels.groups.len(), 1);

    labels.peer_down(PEER, None, now);
    labels.route_changed(fec, None, now);
    settle(&mut labels, now);
    now += Duration::from_secs(3600);
    labels.handle_timeout(now);
    settle(&mut labels, now);
    assert_eq!(labels.counters(), Counters::default());
    assert_eq!(labels.groups.len(), 0);
    assert!(labels.addresses.is_empty());
    assert!(labels.index.is_empty() && labels.unrouted.is_empty());
    assert!(labels.requests.is_empty() && labels.without_labels.is_empty());
    assert!(labels.walks.is_empty() && labels.owing.is_empty() && labels.timers.is_empty());
}
