//! Popping: penultimate hop popping, the LSP's egress, explicit null.

use crate::dut::{Drop, Dut, Ftn, IPV4_BELOW, IPV6_BELOW, Ilm, NOTHING_BELOW, PIPE, UNIFORM};
use crate::frame::{IPV4, IPV6, Ipv4, MPLS, entry, forwarded, ipv6, received, stack};

const DST6: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// RFC 3031 section 3.16 and RFC 3443 section 3.3: PHP in the uniform model hands the label's TTL to
/// the IP header, and the IPv4 checksum is right again.
#[test]
fn php_in_the_uniform_model_hands_the_ttl_to_ip() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::PopForward(dut.path(&[]), IPV4_BELOW, UNIFORM));
    dut.ilm(101, Ilm::PopForward(dut.path(&[]), IPV6_BELOW, UNIFORM));
    let packet = Ipv4::to([10, 2, 0, 2]);
    dut.send(
        1,
        &received(MPLS, &[&stack(&[100], 0, 31), &packet.octets()]),
    )
    .is_forwarded(2, &forwarded(IPV4, &[&packet.clone().ttl(30).octets()]));
    dut.send(
        1,
        &received(MPLS, &[&stack(&[101], 0, 31), &ipv6(DST6, 64, 0, 7)]),
    )
    .is_forwarded(2, &forwarded(IPV6, &[&ipv6(DST6, 30, 0, 7)]));
}

/// RFC 3443 section 3.3: PHP in the pipe model leaves the inner TTL alone.
#[test]
fn php_in_the_pipe_model_leaves_the_inner_ttl() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::PopForward(dut.path(&[]), IPV4_BELOW, PIPE));
    let packet = Ipv4::to([10, 2, 0, 2]).ttl(1).octets();
    dut.send(1, &received(MPLS, &[&stack(&[100], 0, 31), &packet]))
        .is_forwarded(2, &forwarded(IPV4, &[&packet]));
}

/// RFC 1812 section 5.2.2: a penultimate hop that writes the TTL into an IPv4 header does not make a
/// damaged one look right; where it writes nothing (RFC 3443 section 3.3) the header is not its business.
#[test]
fn php_does_not_repair_a_damaged_ip_header() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::PopForward(dut.path(&[]), IPV4_BELOW, UNIFORM));
    dut.ilm(101, Ilm::PopForward(dut.path(&[]), IPV4_BELOW, PIPE));
    let good = Ipv4::to([10, 2, 0, 2]).options(&[1; 4]).octets();
    let mut checksum = good.clone();
    checksum[10] ^= 1;
    let mut version = good.clone();
    version[0] = 0x44;
    for packet in [checksum, version, good[..22].to_vec()] {
        let frame = |label| received(MPLS, &[&stack(&[label], 0, 64), &packet]);
        dut.send(1, &frame(100)).is_dropped(Drop::IpHeader);
        dut.send(1, &frame(101))
            .is_forwarded(2, &forwarded(IPV4, &[&packet]));
    }
}

/// RFC 3031 section 3.16: only the top label is popped; the label below stays.
#[test]
fn php_pops_one_label_of_many() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::PopForward(dut.path(&[]), NOTHING_BELOW, UNIFORM));
    dut.ilm(101, Ilm::PopForward(dut.path(&[]), NOTHING_BELOW, PIPE));
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    let below = [entry(555, 2, false, 200), entry(556, 1, true, 201)].concat();
    dut.send(
        1,
        &received(MPLS, &[&entry(101, 7, false, 50), &below, &packet]),
    )
    .is_forwarded(2, &forwarded(MPLS, &[&below, &packet]));
    // RFC 3270 section 2.6.2: in the uniform model the TC goes on as the TTL does.
    let uniform = [entry(555, 7, false, 49), entry(556, 1, true, 201)].concat();
    dut.send(
        1,
        &received(MPLS, &[&entry(100, 7, false, 50), &below, &packet]),
    )
    .is_forwarded(2, &forwarded(MPLS, &[&uniform, &packet]));
}

/// RFC 9790 section 3: what lies below the stack is known from the FEC and never guessed.
#[test]
fn a_popped_packet_is_only_forwarded_as_what_its_fec_says() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::PopForward(dut.path(&[]), NOTHING_BELOW, UNIFORM));
    dut.ilm(101, Ilm::PopForward(dut.path(&[]), IPV6_BELOW, UNIFORM));
    dut.ilm(102, Ilm::PopIp(0, IPV6_BELOW, UNIFORM));
    dut.ftn4(0, [0, 0, 0, 0], 0, Ftn::Forward(dut.path(&[])));
    dut.ftn6(0, [0; 16], 0, Ftn::Forward(dut.path(&[])));
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    for label in [100, 101, 102] {
        dut.send(1, &received(MPLS, &[&stack(&[label], 0, 64), &packet]))
            .is_dropped(Drop::LabelPayload);
    }
}

/// RFC 3031 section 3.16 without PHP: the egress pops, and the IP header decides in the LSP's VRF.
#[test]
fn the_egress_looks_up_ip_in_the_vrf_of_the_label() {
    let dut = Dut::new();
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Discard);
    dut.ftn4(5, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[])));
    dut.ilm(100, Ilm::PopIp(5, IPV4_BELOW, UNIFORM));
    dut.ilm(101, Ilm::PopIp(5, IPV4_BELOW, PIPE));
    let packet = Ipv4::to([10, 2, 0, 2]);
    dut.send(
        1,
        &received(MPLS, &[&stack(&[100], 0, 20), &packet.octets()]),
    )
    .is_forwarded(2, &forwarded(IPV4, &[&packet.clone().ttl(19).octets()]));
    // RFC 3443 section 3.3: in the pipe model it is the inner TTL that is decremented.
    dut.send(
        1,
        &received(MPLS, &[&stack(&[101], 0, 20), &packet.octets()]),
    )
    .is_forwarded(2, &forwarded(IPV4, &[&packet.clone().ttl(63).octets()]));
    // A label that promises IP has nothing but IP below it.
    dut.send(
        1,
        &received(MPLS, &[&stack(&[100, 200], 0, 20), &packet.octets()]),
    )
    .is_dropped(Drop::LabelPayload);
}

/// RFC 3032 section 2.1: IPv4 and IPv6 Explicit NULL are popped, and the packet is forwarded by its IP
/// header.
#[test]
fn explicit_null_at_the_bottom_is_popped_for_ip() {
    let dut = Dut::new();
    dut.explicit_nulls();
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[])));
    dut.ftn6(0, DST6, 48, Ftn::Forward(dut.path(&[])));
    let packet = Ipv4::to([10, 2, 0, 2]);
    dut.send(1, &received(MPLS, &[&stack(&[0], 0, 20), &packet.octets()]))
        .is_forwarded(2, &forwarded(IPV4, &[&packet.clone().ttl(19).octets()]));
    dut.send(
        1,
        &received(MPLS, &[&stack(&[2], 0, 20), &ipv6(DST6, 64, 0, 7)]),
    )
    .is_forwarded(2, &forwarded(IPV6, &[&ipv6(DST6, 19, 0, 7)]));
}

/// RFC 4182 section 2: explicit null may stand anywhere in the stack; RFC 3443 section 3 and RFC 3270
/// section 2.6.2: in the uniform model its TTL and TC go on in the label below.
#[test]
fn explicit_null_above_another_label_uncovers_it() {
    let dut = Dut::new();
    dut.explicit_nulls();
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    for null in [0, 2] {
        let labels = [entry(null, 4, false, 20), entry(100, 3, true, 99)].concat();
        dut.send(1, &received(MPLS, &[&labels, &packet]))
            .is_forwarded(2, &forwarded(MPLS, &[&entry(200, 4, true, 19), &packet]));
    }
}

/// RFC 3031 section 3.10: after a pop the new top label may be the router's own again, and again. Three
/// labels are looked up in one pass; a packet with more comes round, as often as the program allows.
#[test]
fn labels_are_popped_and_looked_up_again() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::PopLabel(UNIFORM));
    dut.ilm(101, Ilm::PopLabel(PIPE));
    dut.ilm(300, Ilm::Swap(dut.path(&[400])));
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    for pops in 1..=16 {
        for (label, swapped) in [
            (100, entry(400, 2, true, 8)),
            (101, entry(400, 1, true, 76)),
        ] {
            let top = entry(label, 2, false, 9);
            let below = entry(label, 5, false, 30).repeat(pops - 1);
            let bottom = entry(300, 1, true, 77);
            let outcome = dut.send(1, &received(MPLS, &[&top, &below, &bottom, &packet]));
            // Five passes of three labels each, the last of which has to be the swapped one.
            if pops < 15 {
                outcome.is_forwarded(2, &forwarded(MPLS, &[&swapped, &packet]));
            } else {
                outcome.is_dropped(Drop::TooManyPops);
            }
        }
    }
    let no_more = entry(100, 0, true, 9);
    dut.send(1, &received(MPLS, &[&no_more, &packet]))
        .is_dropped(Drop::LabelStack);
}
