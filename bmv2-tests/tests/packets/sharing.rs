//! Load sharing over a path group (RFC 7325 section 2.4.5).

use std::collections::BTreeMap;

use crate::dut::{Dut, Ftn, Ilm};
use crate::frame::{IPV4, Ipv4, MPLS, entry, received, stack};

/// RFC 7325 section 2.4.5.1: packets of one flow stay in order, so they take one path; many flows use
/// every path.
#[test]
fn flows_stay_on_their_path_and_use_all_paths() {
    let dut = Dut::new();
    let group = dut.group(&[(&[201], 2), (&[202], 3), (&[203], 4)]);
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(group));
    dut.ilm(100, Ilm::Swap(group));
    let mut ip_flows = BTreeMap::<u16, usize>::new();
    let mut label_flows = BTreeMap::<u16, usize>::new();
    for flow in 0..90u16 {
        let ip = received(
            IPV4,
            &[&Ipv4::to([10, 2, 0, 2]).src_port(20000 + flow * 7).octets()],
        );
        let inner = entry(5000 + u32::from(flow) * 3, 0, true, 9);
        let labelled = received(MPLS, &[&entry(100, 0, false, 64), &inner, &[0; 20]]);
        for (frame, flows) in [(ip, &mut ip_flows), (labelled, &mut label_flows)] {
            let first = dut.send(1, &frame).frames[0].0;
            assert_eq!(
                dut.send(1, &frame).frames[0].0,
                first,
                "a flow left its path"
            );
            *flows.entry(first).or_default() += 1;
        }
    }
    for flows in [ip_flows, label_flows] {
        assert_eq!(
            flows.keys().copied().collect::<Vec<_>>(),
            [2, 3, 4],
            "{flows:?}"
        );
        assert!(flows.values().all(|&count| count >= 10), "{flows:?}");
    }
}

/// RFC 7325 section 2.4.5.1, T#11: neither TC, TTL nor S moves a flow, and nothing below the stack of a
/// labelled packet does.
#[test]
fn only_labels_decide_the_path_of_a_labelled_packet() {
    let dut = Dut::new();
    dut.ilm(
        100,
        Ilm::Swap(dut.group(&[(&[201], 2), (&[202], 3), (&[203], 4), (&[204], 5)])),
    );
    let port_of = |tc: u8, ttl: u8, port: u16| {
        let packet = Ipv4::to([10, 2, 0, 2]).src_port(port).octets();
        dut.send(1, &received(MPLS, &[&stack(&[100, 777], tc, ttl), &packet]))
            .frames[0]
            .0
    };
    let first = port_of(0, 64, 1000);
    for step in 1..30u8 {
        assert_eq!(port_of(step % 8, 2 + step, 1000 + u16::from(step)), first);
    }
}
