//! The MTU (RFC 3032 section 3): what would be too long behind the push goes to the daemon.

use p4runtime_client::Operation;

use crate::dut::{Drop, Dut, Ftn, IPV4_BELOW, Ilm, Path, Punt, UNIFORM};
use crate::frame::{IPV4, Ipv4, MPLS, entry, forwarded, received, stack, tagged};

fn packet(length: usize) -> Ipv4 {
    let mut packet = Ipv4::to([10, 2, 0, 2]);
    packet.payload = vec![0x5a; length - 28];
    packet
}

/// RFC 3032 section 3.2: the limit is that of the packet with its labels; lsrd reports it less the labels
/// that remain. A packet of just the length passes, in every way through the router.
#[test]
fn a_packet_that_is_too_long_goes_to_the_daemon_with_the_limit() {
    let dut = Dut::new();
    let limited = |labels| {
        dut.group_of(&[Path {
            max_length: 200,
            ..Path::new(labels, 2)
        }])
    };
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(limited(&[300, 200])));
    dut.ilm(100, Ilm::Swap(limited(&[200])));
    dut.ilm(101, Ilm::PopForward(limited(&[]), IPV4_BELOW, UNIFORM));
    dut.ilm(102, Ilm::PopIp(0, IPV4_BELOW, UNIFORM));
    dut.interface(1, 10, true, 0, 0, 0);
    // Unlabelled, and at the end of an LSP.
    for labels in [vec![], vec![102]] {
        let ether_type = if labels.is_empty() { IPV4 } else { MPLS };
        let frame = |length| {
            received(
                ether_type,
                &[&stack(&labels, 0, 64), &packet(length).octets()],
            )
        };
        assert_eq!(dut.send(1, &frame(200)).frames.len(), 1);
        for frame in [frame(201), tagged(&frame(201), 10, 0)] {
            let outcome = dut.send(1, &frame);
            assert_eq!(outcome.dropped, [Drop::MtuExceeded]);
            let punted = outcome.punted(Punt::MtuExceeded);
            assert_eq!(
                (punted.max_length, punted.popped.len()),
                (200, labels.len())
            );
            let original = packet(201).octets();
            assert!(
                punted.frame.ends_with(&original),
                "the packet is as it came"
            );
        }
    }
    // Labelled: the label that is replaced is off, those below count.
    for label in [100, 101] {
        let frame = |length| {
            received(
                MPLS,
                &[&stack(&[label, 500], 0, 64), &packet(length).octets()],
            )
        };
        assert_eq!(dut.send(1, &frame(196)).frames.len(), 1);
        let punted = dut.send(1, &frame(197)).punted(Punt::MtuExceeded);
        assert_eq!(punted.popped, [entry(label, 0, false, 64)]);
        assert_eq!(punted.max_length, 200);
        let below = [entry(500, 0, true, 64).to_vec(), packet(197).octets()].concat();
        assert_eq!(punted.frame, received(MPLS, &[&below]));
    }
}

/// Each NHLFE has its own limit, the backup too.
#[test]
fn a_backup_has_its_own_limit() {
    let dut = Dut::new();
    let backup = dut.nhlfe(&Path::new(&[777, 200], 4));
    let path = Path {
        max_length: 200,
        backup: (backup, 4, 150),
        ..Path::new(&[200], 2)
    };
    dut.ilm(100, Ilm::Swap(dut.group_of(&[path])));
    dut.add("port_state", &[("port", 2)], "port_down", &[]);
    let frame = |length| received(MPLS, &[&stack(&[100], 0, 64), &packet(length).octets()]);
    let out = forwarded(MPLS, &[&stack(&[777, 200], 0, 63), &packet(150).octets()]);
    dut.send(1, &frame(150)).is_forwarded(4, &out);
    assert_eq!(
        dut.send(1, &frame(151))
            .punted(Punt::MtuExceeded)
            .max_length,
        150
    );
}

/// RFC 4448 section 4.8: a pseudowire has a limit and nobody to tell. RFC 3032 section 3: a P2MP LSP has
/// that of its narrowest branch.
#[test]
fn pseudowires_and_branches_have_limits() {
    let dut = Dut::new();
    let group = dut.group_of(&[Path {
        max_length: 300,
        ..Path::new(&[200], 2)
    }]);
    dut.attach_port(6, group);
    assert_eq!(dut.send(6, &[2; 300]).frames.len(), 1);
    dut.send(6, &[2; 301]).is_dropped(Drop::MtuExceeded);
    dut.branches(5, &[Path::new(&[201], 2)]);
    let arguments = [("multicast_group", 5), ("max_length", 100), ("qos_map", 0)];
    dut.ilm_as(0, 100, "replicate", &arguments);
    let frame = |length| received(MPLS, &[&stack(&[100], 0, 64), &packet(length).octets()]);
    assert_eq!(dut.send(1, &frame(100)).frames.len(), 1);
    let outcome = dut.send(1, &frame(101));
    assert!(outcome.frames.is_empty());
    assert_eq!(outcome.punted(Punt::MtuExceeded).max_length, 100);
}

/// A bucket may change its limit in place, as when an interface's MTU changes.
#[test]
fn a_limit_changes_in_place() {
    let dut = Dut::new();
    let path = Path::new(&[200], 2);
    let group = dut.group_of(&[path]);
    dut.ilm(100, Ilm::Swap(group));
    let frame = received(MPLS, &[&stack(&[100], 0, 64), &packet(150).octets()]);
    assert_eq!(dut.send(1, &frame).frames.len(), 1);
    let narrow = Path {
        max_length: 149,
        ..path
    };
    dut.bucket(Operation::Modify, group, 0, 0, dut.nhlfe(&path), &narrow);
    dut.send(1, &frame).punted(Punt::MtuExceeded);
}

/// What the daemon submits, a fragment for one, is as long as it is on the link.
#[test]
fn a_submitted_packet_that_just_fits_passes() {
    let dut = Dut::new();
    let group = dut.group_of(&[Path {
        max_length: 200,
        ..Path::new(&[200], 2)
    }]);
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(group));
    dut.ilm(100, Ilm::Swap(group));
    let submit = |frame: &[u8]| dut.packet_out_as_received_on(1, frame);
    let labelled = |length| received(MPLS, &[&stack(&[100], 0, 64), &packet(length).octets()]);
    assert_eq!(
        submit(&received(IPV4, &[&packet(200).octets()]))
            .frames
            .len(),
        1
    );
    assert_eq!(submit(&labelled(200)).frames.len(), 1);
    submit(&received(IPV4, &[&packet(201).octets()])).punted(Punt::MtuExceeded);
    submit(&labelled(201)).punted(Punt::MtuExceeded);
    // Nor may a header claim octets that are not there (RFC 1812 section 5.2.2).
    let packet = packet(150).octets();
    submit(&received(IPV4, &[&packet[..149]])).is_dropped(Drop::IpHeader);
}
