//! The MTU of an LSP (RFC 3988).

use ldp::label::{IlmOperation, LfibChange, LinkMtu, PeerParameters};
use ldp::packet::Body;

use crate::lsr::*;

/// A link that takes IP packets of so many octets, and labelled ones that have two labels more.
fn link(mtu: u16) -> Option<LinkMtu> {
    let labelled = mtu + 8;
    Some(LinkMtu { ip: mtu, labelled })
}

/// RFC 3988 section 2.3: the MTU of an LSP is the least of those on its way, less the label.
#[test]
fn the_mtu_of_the_lsp_is_signalled_and_follows_changes() {
    let mut lsr = Lsr::new(|_| {});
    let signalling = PeerParameters {
        signal_mtu: true,
        ..parameters()
    };
    let now = lsr.now;
    lsr.labels.set_interface_mtu("eth2", link(1500), now);
    lsr.up(2);
    lsr.up_with(3, signalling);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.map(2, "198.51.100.0/24", 500);
    lsr.route("203.0.113.1/32", connected());
    assert_eq!(
        lsr.said(3),
        [
            "map 198.51.100.0/24 100 mtu 1500",
            "map 198.51.100.0/24 100 mtu 1504",
            "map 203.0.113.1/32 3 mtu 65535"
        ]
    );
    let mut smaller = mapping("198.51.100.0/24", 500);
    smaller.mtu = Some(1400);
    lsr.receive(2, Body::LabelMapping(smaller));
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 100 mtu 1400"]);
    lsr.labels.set_interface_mtu("eth2", link(1300), now);
    lsr.settle();
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 100 mtu 1304"]);
    // An implicit null is no label: the packet leaves as IP.
    lsr.map(2, "198.51.100.0/24", 3);
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 100 mtu 1300"]);
}

/// RFC 3988 section 4: the ingress takes the MTU that came with the label. The link's own is no news to it, and
/// packets that come with a label are not limited: the MTU is the least of several ways.
#[test]
fn the_ingress_is_told_the_mtu_of_the_lsp() {
    let mut lsr = Lsr::new(|_| {});
    let now = lsr.now;
    for interface in ["eth2", "eth3"] {
        lsr.labels.set_interface_mtu(interface, link(1500), now);
    }
    lsr.up(2);
    lsr.up(3);
    lsr.up(4);
    let of = "198.51.100.0/24";
    lsr.route(of, via(&[2, 3]));
    lsr.map(3, of, 600);
    let with_mtu = |value, mtu| {
        let mut mapping = mapping(of, value);
        mapping.mtu = Some(mtu);
        Body::LabelMapping(mapping)
    };
    let mtus = |lsr: &Lsr| {
        lsr.ftn[&fec(of)]
            .iter()
            .map(|hop| hop.mtu)
            .collect::<Vec<_>>()
    };
    lsr.receive(2, with_mtu(500, 1400));
    assert_eq!(mtus(&lsr), [Some(1400), None]);
    let bound = lsr.changes.len();
    let ftn_alone = |lsr: &Lsr, from: usize| {
        let ftn = |change: &LfibChange| matches!(change, LfibChange::BindFtn { .. });
        let changes = &lsr.changes[from..];
        changes.len() == 1 && changes.iter().all(ftn)
    };
    // Another MTU, and a label that stays.
    lsr.receive(2, with_mtu(500, 1300));
    assert_eq!(mtus(&lsr), [Some(1300), None]);
    assert!(ftn_alone(&lsr, bound), "{:?}", lsr.changes);
    // A link that takes less than the LSP, and then more.
    lsr.labels.set_interface_mtu("eth2", link(1200), now);
    lsr.settle();
    assert_eq!(mtus(&lsr), [None, None]);
    assert!(ftn_alone(&lsr, bound + 1), "{:?}", lsr.changes);
    lsr.labels.set_interface_mtu("eth2", link(1300), now);
    lsr.settle();
    // Below a label there is room for 1304 octets.
    assert_eq!(mtus(&lsr), [Some(1300), None]);
    assert!(ftn_alone(&lsr, bound + 2), "{:?}", lsr.changes);
    // As much as the link takes, and no limit at all.
    for mtu in [1304, 65535] {
        lsr.receive(2, with_mtu(500, mtu));
        assert_eq!(mtus(&lsr), [None, None]);
    }
    lsr.receive(2, with_mtu(3, 1299));
    assert_eq!(mtus(&lsr), [Some(1299), None]);
    lsr.receive(2, with_mtu(3, 1300));
    assert_eq!(mtus(&lsr), [None, None]);
    let IlmOperation::Forward(hops) = &lsr.ilm[&label(100)].1 else {
        panic!("{:?}", lsr.ilm)
    };
    assert!(hops.iter().all(|hop| hop.mtu.is_none()));
    // All that is told again is the same.
    lsr.receive(2, with_mtu(500, 1000));
    let (ftn, ilm) = (lsr.ftn.clone(), lsr.ilm.clone());
    (lsr.ftn, lsr.ilm) = Default::default();
    lsr.labels.repeat_lfib();
    lsr.settle();
    assert_eq!((&lsr.ftn, &lsr.ilm), (&ftn, &ilm));
}

/// The MTU of an interface whose link is not known limits nothing, but that of the LSP does.
#[test]
fn without_a_known_link_the_mtu_of_the_lsp_counts() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.route("198.51.100.0/24", via(&[2]));
    for (mtu, limit) in [(65535, None), (9000, Some(9000)), (68, Some(68))] {
        let mut smaller = mapping("198.51.100.0/24", 500);
        smaller.mtu = Some(mtu);
        lsr.receive(2, Body::LabelMapping(smaller));
        assert_eq!(lsr.ftn[&fec("198.51.100.0/24")][0].mtu, limit);
    }
}

/// RFC 791 section 3.2, RFC 8200 section 5: no link has an MTU of less than 68 octets for IPv4, or 1280 for IPv6. By a
/// smaller one no packet could pass, so that it is none: neither for the ingress nor for the peers upstream.
#[test]
fn an_mtu_that_no_link_has_is_none() {
    let mut lsr = Lsr::new(|_| {});
    let signalling = PeerParameters {
        signal_mtu: true,
        ..parameters()
    };
    lsr.up(2);
    lsr.up_with(3, signalling);
    for (of, least) in [("198.51.100.0/24", 68), ("2001:db8::/32", 1280)] {
        lsr.route(of, via(&[2]));
        lsr.said(3);
        for (mtu, used) in [
            (0, None),
            (least - 1, None),
            (least, Some(least)),
            (0, None),
        ] {
            let mut told = mapping(of, 500);
            told.mtu = Some(mtu);
            lsr.receive(2, Body::LabelMapping(told));
            assert_eq!(lsr.ftn[&fec(of)][0].mtu, used, "{of} {mtu}");
            let said = lsr.said(3);
            let tells = |mtu: u16| {
                said.iter()
                    .any(|said| said.contains(&format!(" mtu {mtu}")))
            };
            assert!(!tells(0), "{said:?}");
            assert_eq!(tells(least), mtu == least, "{said:?}");
        }
    }
}
