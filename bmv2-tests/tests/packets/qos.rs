//! Differentiated services (RFC 3270, RFC 5462) and ECN (RFC 5129), as table data.

use crate::dut::{Drop, Dut, Ftn, IPV4_BELOW, Ilm, NOTHING_BELOW, PIPE, Path, SHORT_PIPE, UNIFORM};
use crate::frame::{IPV4, IPV6, Ipv4, MPLS, entry, forwarded, ipv6, received, stack};

/// Expedited forwarding (RFC 3246) and two assured forwarding PHBs (RFC 2597).
const EF: u64 = 46;
const AF11: u64 = 10;
const AF13: u64 = 14;

/// `tc_to_phb` of a map.
fn tc(dut: &Dut, map: u64, tc: u64, phb: u64, congestion: u64) {
    let arguments = [("phb", phb), ("congestion", congestion)];
    dut.add(
        "tc_to_phb",
        &[("qos_map", map), ("tc", tc)],
        "set_phb",
        &arguments,
    );
}

/// `phb_encoding` of a map.
fn codes(dut: &Dut, map: u64, (phb, congestion): (u64, u64), (tc, dscp): (u64, u64)) {
    let key = [("qos_map", map), ("phb", phb), ("congestion", congestion)];
    dut.add(
        "phb_encoding",
        &key,
        "set_codes",
        &[("tc", tc), ("dscp", dscp), ("pcp", 2)],
    );
}

fn swap_with_map(dut: &Dut, label: u32, map: u64, out: &[u32], out_map: u8) {
    let group = dut.group_of(&[Path {
        qos_map: out_map,
        ..Path::new(out, 2)
    }]);
    dut.ilm_as(
        0,
        label,
        "swap",
        &[("path_group", group.0.into()), ("qos_map", map)],
    );
}

fn packet(dscp: u8) -> Ipv4 {
    Ipv4::to([10, 2, 0, 2]).dscp(dscp)
}

/// RFC 3270 section 3: an E-LSP's TC tells the PHB by a map of the LSP, or else of the interface; the
/// outgoing LSP encodes it by a map of its own.
#[test]
fn an_e_lsp_maps_tc_to_phb_and_phb_to_tc() {
    let dut = Dut::new();
    tc(&dut, 1, 5, EF, 0);
    tc(&dut, 2, 5, AF11, 0);
    codes(&dut, 3, (EF, 0), (7, EF));
    codes(&dut, 3, (AF11, 0), (1, AF11));
    swap_with_map(&dut, 100, 1, &[200], 3);
    swap_with_map(&dut, 101, 0, &[201], 3);
    dut.interface(4, 0, true, 0, 0, 2);
    let send = |port, label| {
        dut.send(
            port,
            &received(MPLS, &[&stack(&[label], 5, 64), &packet(0).octets()]),
        )
    };
    let out = |label, tc| forwarded(MPLS, &[&stack(&[label], tc, 63), &packet(0).octets()]);
    send(1, 100).is_forwarded(2, &out(200, 7));
    send(4, 100).is_forwarded(2, &out(200, 7));
    send(4, 101).is_forwarded(2, &out(201, 1));
    // Without a map on either side the TC is what it was.
    send(1, 101).is_forwarded(2, &out(201, 5));
}

/// RFC 3270 section 4: an L-LSP's label tells the class, its TC the drop precedence only.
#[test]
fn an_l_lsp_has_one_class_and_its_tc_the_drop_precedence() {
    let dut = Dut::new();
    for value in 0..8 {
        tc(&dut, 11, value, if value < 4 { AF11 } else { AF13 }, 0);
        tc(&dut, 12, value, EF, 0);
    }
    codes(&dut, 3, (AF11, 0), (1, AF11));
    codes(&dut, 3, (AF13, 0), (3, AF13));
    codes(&dut, 3, (EF, 0), (5, EF));
    swap_with_map(&dut, 100, 11, &[200], 3);
    swap_with_map(&dut, 101, 12, &[201], 3);
    for value in 0..8u8 {
        let send = |label| {
            dut.send(
                1,
                &received(MPLS, &[&stack(&[label], value, 64), &packet(0).octets()]),
            )
        };
        let out = |label, tc| forwarded(MPLS, &[&stack(&[label], tc, 63), &packet(0).octets()]);
        send(100).is_forwarded(2, &out(200, if value < 4 { 1 } else { 3 }));
        send(101).is_forwarded(2, &out(201, 5));
    }
}

/// RFC 3270 section 3.3: the ingress takes the PHB from the DSCP by the interface's map; RFC 2474 section
/// 4.2.2: without one the class selector becomes the TC. The DSCP itself stays.
#[test]
fn the_ingress_maps_dscp_to_tc() {
    let dut = Dut::new();
    let key = [("qos_map", 4), ("dscp", 26)];
    dut.add("dscp_to_phb", &key, "set_dscp_phb", &[("phb", EF)]);
    codes(&dut, 3, (EF, 0), (6, EF));
    dut.interface(4, 0, true, 0, 0, 4);
    let group = dut.group_of(&[Path {
        qos_map: 3,
        ..Path::new(&[201, 200], 2)
    }]);
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(group));
    dut.ftn6(0, [0x20; 16], 8, Ftn::Forward(group));
    let out = |tc, dscp| {
        forwarded(
            MPLS,
            &[&stack(&[201, 200], tc, 63), &packet(dscp).ttl(63).octets()],
        )
    };
    let send = |port, dscp| dut.send(port, &received(IPV4, &[&packet(dscp).octets()]));
    send(4, 26).is_forwarded(2, &out(6, 26));
    send(4, 34).is_forwarded(2, &out(4, 34));
    send(1, 26).is_forwarded(2, &out(3, 26));
    let out6 = forwarded(
        MPLS,
        &[
            &stack(&[201, 200], 6, 63),
            &ipv6([0x20; 16], 63, 26 << 2, 7),
        ],
    );
    dut.send(4, &received(IPV6, &[&ipv6([0x20; 16], 64, 26 << 2, 7)]))
        .is_forwarded(2, &out6);
}

/// RFC 3270 section 2.6: what the end of an LSP does to the header below: in the uniform model it gets
/// the LSP's PHB, in the pipe models it stays; in the short pipe model it also decides the treatment.
#[test]
fn the_tunnelling_models_differ_at_the_end_of_the_lsp() {
    for (model, dscp, next_tc) in [(UNIFORM, EF as u8, 5), (PIPE, 10, 5), (SHORT_PIPE, 10, 1)] {
        let dut = Dut::new();
        tc(&dut, 1, 6, EF, 0);
        codes(&dut, 3, (EF, 0), (5, EF));
        codes(&dut, 3, (AF11, 0), (1, AF11));
        let to_ip = dut.group_of(&[Path {
            qos_map: 3,
            ..Path::new(&[], 2)
        }]);
        let to_lsp = dut.group_of(&[Path {
            qos_map: 3,
            ..Path::new(&[200], 2)
        }]);
        let pop = |label, vrf| {
            let arguments = [
                ("vrf", vrf),
                ("payload", IPV4_BELOW.into()),
                ("model", model.into()),
                ("qos_map", 1),
                ("protection", 0),
                ("protecting", 0),
            ];
            dut.ilm_as(0, label, "pop_and_look_up_ip", &arguments);
        };
        pop(100, 1);
        pop(101, 2);
        let php = [
            ("path_group", to_ip.0.into()),
            ("payload", IPV4_BELOW.into()),
            ("model", model.into()),
            ("qos_map", 1),
        ];
        dut.ilm_as(0, 102, "pop_and_forward", &php);
        dut.ftn4(1, [10, 2, 0, 0], 16, Ftn::Forward(to_ip));
        dut.ftn4(2, [10, 2, 0, 0], 16, Ftn::Forward(to_lsp));
        let send = |label| {
            let ip = packet(10).ttl(64).octets();
            dut.send(1, &received(MPLS, &[&stack(&[label], 6, 64), &ip]))
        };
        let out = packet(dscp).ttl(63).octets();
        send(100).is_forwarded(2, &forwarded(IPV4, &[&out]));
        send(101).is_forwarded(2, &forwarded(MPLS, &[&stack(&[200], next_tc, 63), &out]));
        let ttl = if model == UNIFORM { 63 } else { 64 };
        send(102).is_forwarded(2, &forwarded(IPV4, &[&packet(dscp).ttl(ttl).octets()]));
    }
}

/// The same where a label is exposed: RFC 3270 section 2.6.2.
#[test]
fn the_tunnelling_models_differ_where_a_label_is_exposed() {
    for (model, expected) in [
        (UNIFORM, entry(555, 6, true, 49)),
        (PIPE, entry(555, 2, true, 90)),
    ] {
        let dut = Dut::new();
        dut.ilm(100, Ilm::PopForward(dut.path(&[]), NOTHING_BELOW, model));
        dut.ilm(101, Ilm::PopLabel(model));
        dut.ilm(555, Ilm::Swap(dut.path(&[666])));
        let frame = |top| {
            let labels = [entry(top, 6, false, 50), entry(555, 2, true, 90)].concat();
            received(MPLS, &[&labels, &packet(0).octets()])
        };
        dut.send(1, &frame(100))
            .is_forwarded(2, &forwarded(MPLS, &[&expected, &packet(0).octets()]));
        let swapped = if model == UNIFORM {
            entry(666, 6, true, 49)
        } else {
            entry(666, 2, true, 89)
        };
        dut.send(1, &frame(101))
            .is_forwarded(2, &forwarded(MPLS, &[&swapped, &packet(0).octets()]));
    }
}

/// Maps 1 in and 3 out of a domain in which TC 3 is the mark of the PHB whose TC is 2 (RFC 5129
/// section 2).
fn ecn_domain(dut: &Dut) {
    tc(dut, 1, 2, AF11, 0);
    tc(dut, 1, 3, AF11, 1);
    codes(dut, 3, (AF11, 0), (2, AF11));
    codes(dut, 3, (AF11, 1), (3, AF11));
}

/// RFC 5129 section 4.1: the CE mark of an IP packet goes into every label that is pushed.
#[test]
fn a_ce_mark_goes_into_the_labels() {
    let dut = Dut::new();
    ecn_domain(&dut);
    let group = dut.group_of(&[Path {
        qos_map: 3,
        ..Path::new(&[201, 200], 2)
    }]);
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(group));
    for (ecn, tc) in [(0, 2), (1, 2), (2, 2), (3, 3)] {
        let packet = packet(AF11 as u8).ecn(ecn);
        dut.send(1, &received(IPV4, &[&packet.octets()]))
            .is_forwarded(
                2,
                &forwarded(
                    MPLS,
                    &[
                        &stack(&[201, 200], tc, 63),
                        &packet.clone().ttl(63).octets(),
                    ],
                ),
            );
    }
}

/// RFC 5129 section 4.6: at the end of the LSP the mark becomes CE, and a packet that is not ECN capable
/// is dropped in its place.
#[test]
fn a_marked_label_becomes_ce_or_drops_the_packet() {
    for model in [UNIFORM, PIPE] {
        let dut = Dut::new();
        ecn_domain(&dut);
        let pop = [
            ("vrf", 0),
            ("payload", IPV4_BELOW.into()),
            ("model", model.into()),
            ("qos_map", 1),
            ("protection", 0),
            ("protecting", 0),
        ];
        dut.ilm_as(0, 100, "pop_and_look_up_ip", &pop);
        dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[])));
        let send = |tc, ecn| {
            let ip = packet(AF11 as u8).ecn(ecn).octets();
            dut.send(1, &received(MPLS, &[&stack(&[100], tc, 64), &ip]))
        };
        for (tc, ecn, out) in [
            (2, 0, 0),
            (2, 1, 1),
            (2, 2, 2),
            (2, 3, 3),
            (3, 1, 3),
            (3, 2, 3),
            (3, 3, 3),
        ] {
            let ip = packet(AF11 as u8).ecn(out).ttl(63).octets();
            send(tc, ecn).is_forwarded(2, &forwarded(IPV4, &[&ip]));
        }
        send(3, 0).is_dropped(Drop::NotEcnCapable);
    }
}

/// RFC 5129 section 4.5: a mark goes on in the label that is exposed; in the pipe model that keeps its
/// PHB. Section 4.3 and 4.4: a swap keeps the mark, also in another encoding.
#[test]
fn a_mark_survives_swap_and_pop() {
    let dut = Dut::new();
    ecn_domain(&dut);
    let key = [("qos_map", 3), ("tc", 4)];
    dut.add("congestion_mark", &key, "set_marked_tc", &[("tc", 5)]);
    swap_with_map(&dut, 100, 1, &[200], 3);
    for (label, model) in [(101, UNIFORM), (102, PIPE)] {
        let group = dut.group_of(&[Path {
            qos_map: 3,
            ..Path::new(&[], 2)
        }]);
        let arguments = [
            ("path_group", group.0.into()),
            ("payload", 0),
            ("model", model.into()),
            ("qos_map", 1),
        ];
        dut.ilm_as(0, label, "pop_and_forward", &arguments);
    }
    let send = |label, tc| {
        let labels = [entry(label, tc, false, 50), entry(555, 4, true, 90)].concat();
        let outcome = dut.send(1, &received(MPLS, &[&labels, &packet(0).octets()]));
        let out = &outcome.frames[0].1;
        out[16] >> 1 & 7
    };
    assert_eq!((send(100, 2), send(100, 3)), (2, 3));
    assert_eq!((send(101, 2), send(101, 3)), (2, 3));
    assert_eq!((send(102, 2), send(102, 3)), (4, 5));
}
