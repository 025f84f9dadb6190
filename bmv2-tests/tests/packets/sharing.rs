//! Load sharing over a path group (RFC 7325 section 2.4.5).

use std::collections::BTreeMap;

use crate::dut::{Dut, Ftn, Ilm};
use crate::frame::{IPV4, IPV6, Ipv4, MPLS, entry, ipv6, received, stack};

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

/// The ports that frames leave by, in their order.
fn ports(dut: &Dut, frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<u16> {
    let port = |frame: Vec<u8>| dut.send(1, &frame).frames[0].0;
    frames.into_iter().map(port).collect()
}

fn labelled(labels: &[u32]) -> Vec<u8> {
    received(
        MPLS,
        &[&stack(labels, 0, 64), &Ipv4::to([10, 2, 0, 2]).octets()],
    )
}

fn all_equal(ports: &[u16]) -> bool {
    ports.windows(2).all(|pair| pair[0] == pair[1])
}

fn four_ways(dut: &Dut) -> crate::dut::Group {
    dut.group(&[(&[201], 2), (&[202], 3), (&[203], 4), (&[204], 5)])
}

/// RFC 7325 section 2.4.5.1, T#12: special-purpose labels share no load, nor does what is behind an
/// extension label (RFC 7274) or an entropy label (RFC 6790).
#[test]
fn special_purpose_labels_do_not_decide_the_path() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Swap(four_ways(&dut)));
    let special = (0..15)
        .filter(|&label| label != 7)
        .map(|label| labelled(&[100, label, 500]));
    assert!(all_equal(&ports(&dut, special)));
    let extended = (0..20).map(|label| labelled(&[100, 15, 1000 + label, 2000 + 7 * label]));
    assert!(all_equal(&ports(&dut, extended)));
    let behind = (0..20).map(|label| labelled(&[100, 7, 5000, 2000 + 7 * label]));
    assert!(all_equal(&ports(&dut, behind)));
    let entropy = (0..40).map(|label| labelled(&[100, 7, 5000 + 7 * label, 500]));
    assert!(!all_equal(&ports(&dut, entropy)));
}

/// RFC 7325 section 2.4.5.1, T#23: a label popped at the penultimate hop decides, one popped at its
/// LSP's end does not; then what is below does, IP only if the FEC is known to be IP (RFC 9790).
#[test]
fn a_label_popped_at_the_penultimate_hop_decides_one_popped_at_the_end_does_not() {
    let dut = Dut::new();
    let ways = dut.group(&[(&[], 2), (&[], 3), (&[], 4), (&[], 5)]);
    for label in 100..130 {
        dut.ilm(label, Ilm::PopForward(ways, 0, crate::dut::PIPE));
        dut.ilm(label + 100, Ilm::PopLabel(crate::dut::PIPE));
        dut.ilm(
            label + 200,
            Ilm::PopIp(0, crate::dut::IPV4_BELOW, crate::dut::PIPE),
        );
        dut.ilm(
            label + 300,
            Ilm::PopForward(ways, crate::dut::IPV4_BELOW, crate::dut::PIPE),
        );
    }
    dut.ilm(500, Ilm::Swap(four_ways(&dut)));
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(ways));
    assert!(!all_equal(&ports(
        &dut,
        (100..130).map(|label| labelled(&[label, 900]))
    )));
    assert!(all_equal(&ports(
        &dut,
        (200..230).map(|label| labelled(&[label, 500, 900]))
    )));
    assert!(all_equal(&ports(
        &dut,
        (300..330).map(|label| labelled(&[label]))
    )));
    let flows = |label: u32| {
        let flow = move |port| {
            let ip = Ipv4::to([10, 2, 0, 2]).src_port(port).octets();
            received(MPLS, &[&stack(&[label], 0, 64), &ip])
        };
        (1000..1040).map(flow)
    };
    assert!(
        !all_equal(&ports(&dut, flows(300))),
        "IP at the end of an LSP"
    );
    assert!(
        !all_equal(&ports(&dut, flows(400))),
        "IP below a label that PHP takes off"
    );
    let swap = |port| {
        let ip = Ipv4::to([10, 2, 0, 2]).src_port(port).octets();
        received(MPLS, &[&stack(&[500, 900], 0, 64), &ip])
    };
    assert!(
        all_equal(&ports(&dut, (1000..1040).map(swap))),
        "no guess below a swapped label"
    );
}

/// A fixed sequence of numbers that look random (xorshift), so that a failure can be repeated.
fn random() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// The frame of a flow, by what is random in its addresses and in its source port.
type Flow<'a> = &'a dyn Fn(u64, u16) -> Vec<u8>;

/// Load is shared evenly among 2, 3, 4, 8 and 16 members: by labels, by IPv4 and by IPv6 flows: no member
/// is off its share by more than 20 percent, and chi-squared is below its 0.1 percent level. A perfect
/// hash puts n/k of n flows on each of k members with a deviation of sqrt(n/k): of 1,000 flows over 16
/// members 20 percent are 1.6 deviations, which five runs of six exceed somewhere whatever the hash. So
/// 8 and 16 members get 10,000 flows.
#[test]
fn random_flows_are_shared_evenly() {
    // Quantiles of chi-squared for k - 1 degrees of freedom at 0.999.
    let groups = [
        (2u32, 10.83),
        (3, 13.82),
        (4, 16.27),
        (8, 24.32),
        (16, 37.70),
    ];
    let dut = Dut::new();
    for (members, quantile) in groups {
        let labels: Vec<[u32; 1]> = (0..members).map(|member| [600 + member]).collect();
        let paths: Vec<(&[u32], u16)> = labels.iter().map(|label| (&label[..], 2)).collect();
        let group = dut.group(&paths);
        let (vrf, label) = (members as u16, 100 + members);
        dut.ilm(label, Ilm::Swap(group));
        dut.ftn4(vrf, [0; 4], 0, Ftn::Forward(group));
        dut.ftn6(vrf, [0; 16], 0, Ftn::Forward(group));
        dut.port(1, true, vrf, 0);
        let flows = if members <= 4 || dut.has_kernel_links() {
            1000
        } else {
            10_000
        };
        let kinds: [(&str, Flow<'_>); 3] = [
            ("labels", &|flow, _| {
                labelled(&[label, 16 + (flow % 0xf_0000) as u32])
            }),
            ("IPv4", &|flow, port| {
                let octets = flow.to_be_bytes();
                let mut ip = Ipv4::to([10, octets[0], octets[1], octets[2]]);
                ip.src = [10, 1, octets[3], octets[4]];
                received(IPV4, &[&ip.src_port(port).octets()])
            }),
            ("IPv6", &|flow, port| {
                let mut dst = [0x20; 16];
                dst[8..].copy_from_slice(&flow.to_be_bytes());
                received(IPV6, &[&ipv6(dst, 64, 0, port)])
            }),
        ];
        for (kind, frame) in kinds {
            let mut random = random();
            let frames: Vec<_> = (0..flows)
                .map(|_| frame(random(), random() as u16))
                .collect();
            let mut counts = vec![0u32; members as usize];
            for (_, out) in dut.forward_all(1, &frames) {
                let label = u32::from_be_bytes([0, out[14], out[15], out[16]]) >> 4;
                counts[label as usize - 600] += 1;
            }
            assert_eq!(counts.iter().sum::<u32>(), flows, "{kind}: {counts:?}");
            let mean = f64::from(flows) / f64::from(members);
            let off = counts.iter().map(|&count| (f64::from(count) - mean).abs());
            let chi_squared: f64 = off.clone().map(|off| off.powi(2) / mean).sum();
            let most = off.fold(0.0, f64::max) / mean;
            println!("{kind}, {members} members: chi-squared {chi_squared:.1}, off by {most:.3}");
            assert!(
                chi_squared < quantile,
                "{kind}, {members} members: {counts:?}"
            );
            assert!(
                mean < 250.0 || most <= 0.2,
                "{kind}, {members} members: {counts:?}"
            );
        }
    }
}
