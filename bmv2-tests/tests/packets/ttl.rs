//! TTL expiry (RFC 3032 section 2.4, RFC 3443 section 3.5).

use crate::dut::{Drop, Dut, Ftn, IPV4_BELOW, Ilm, PIPE, Punt, UNIFORM};
use crate::frame::{IPV4, Ipv4, MPLS, entry, received, stack};

/// RFC 3032 section 2.4.2: a packet whose outgoing TTL would be 0 is not forwarded; the daemon gets it
/// with the label that was looked at.
#[test]
fn an_expired_label_goes_to_the_daemon() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    dut.ilm(101, Ilm::PopForward(dut.path(&[]), IPV4_BELOW, UNIFORM));
    dut.ilm(102, Ilm::PopForward(dut.path(&[]), IPV4_BELOW, PIPE));
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    for label in [100, 101, 102] {
        for ttl in [0, 1] {
            let outcome = dut.send(1, &received(MPLS, &[&stack(&[label], 3, ttl), &packet]));
            assert!(
                outcome.frames.is_empty(),
                "label {label}, TTL {ttl}: {outcome:?}"
            );
            let punted = outcome.punted(Punt::TtlExpired);
            assert_eq!(punted.ingress_port, 1);
            assert_eq!(punted.popped, [entry(label, 3, true, ttl)]);
            assert_eq!(punted.frame[14..], packet);
            assert_eq!(outcome.dropped, [Drop::TtlExpired]);
        }
    }
}

/// RFC 3443 section 3.5: under the uniform model the outer TTL is the one that counts; under the pipe
/// model the inner one counts too, after the tunnel.
#[test]
fn the_ttl_in_force_after_a_pop_depends_on_the_model() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::PopLabel(UNIFORM));
    dut.ilm(101, Ilm::PopLabel(PIPE));
    dut.ilm(300, Ilm::Swap(dut.path(&[400])));
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    let labels = |top, top_ttl, inner_ttl| {
        [
            entry(top, 0, false, top_ttl),
            entry(300, 0, true, inner_ttl),
        ]
        .concat()
    };
    let frame = |labels: Vec<u8>| received(MPLS, &[&labels, &packet]);
    // Uniform: the inner TTL is overwritten by the outer one.
    assert_eq!(dut.send(1, &frame(labels(100, 9, 1))).frames.len(), 1);
    // Pipe: the inner TTL expires here, the tunnel's did not.
    let outcome = dut.send(1, &frame(labels(101, 9, 1)));
    assert_eq!(outcome.punted(Punt::TtlExpired).popped.len(), 2);
    // An expired tunnel label stops the packet in both.
    for top in [100, 101] {
        dut.send(1, &frame(labels(top, 1, 9)))
            .punted(Punt::TtlExpired);
    }
}

/// RFC 1812 section 5.3.1: an IP packet with a TTL of 0 or 1 is not forwarded, but one for the router
/// itself is delivered.
#[test]
fn an_expired_ip_packet_is_not_forwarded_but_delivered() {
    let dut = Dut::new();
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[200])));
    dut.ftn4(0, [10, 9, 9, 9], 32, Ftn::ToRouter);
    dut.ilm(100, Ilm::PopIp(0, IPV4_BELOW, UNIFORM));
    for ttl in [0, 1] {
        let transit = received(IPV4, &[&Ipv4::to([10, 2, 0, 2]).ttl(ttl).octets()]);
        let outcome = dut.send(1, &transit);
        assert!(outcome.frames.is_empty());
        assert_eq!(outcome.punted(Punt::TtlExpired).frame, transit);
        let own = received(IPV4, &[&Ipv4::to([10, 9, 9, 9]).ttl(ttl).octets()]);
        assert_eq!(dut.send(1, &own).punted(Punt::ToRouter).frame, own);
        // The same at the end of an LSP, where the label's TTL has run down with the packet.
        let packet = Ipv4::to([10, 9, 9, 9]).octets();
        let labelled = received(MPLS, &[&stack(&[100], 0, ttl), &packet]);
        let punted = dut.send(1, &labelled).punted(Punt::ToRouter);
        assert_eq!(punted.frame, received(IPV4, &[&packet]));
        assert_eq!(punted.popped, [entry(100, 0, true, ttl)]);
    }
}
