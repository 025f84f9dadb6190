//! Ethernet pseudowires (RFC 4448): attachment circuits by port and by VLAN, with and without control
//! word.

use crate::dut::{Drop, Dut, Group, Ilm, PIPE, Path, Punt};
use crate::frame::{IPV4, Ipv4, MPLS, entry, ethernet, forwarded, received, stack, tagged};

const CUSTOMER_1: [u8; 6] = [0x02, 0xc, 0, 0, 0, 1];
const CUSTOMER_2: [u8; 6] = [0x02, 0xc, 0, 0, 0, 2];
const CONTROL_WORD: [u8; 4] = [0; 4];

/// Frames of which the first octets look like IPv4, IPv6, a control word, MPLS, and nothing.
fn customer_frames() -> Vec<Vec<u8>> {
    let packet = Ipv4::to([192, 0, 2, 1]).octets();
    let mut frames = vec![
        ethernet(CUSTOMER_2, CUSTOMER_1, IPV4, &[&packet]),
        ethernet([0x45; 6], CUSTOMER_1, 0x0806, &[&[7; 46]]),
        ethernet([0x60, 0, 0, 0, 0, 1], CUSTOMER_1, 0x1234, &[&[0x60; 60]]),
        ethernet(
            [0; 6],
            CUSTOMER_1,
            MPLS,
            &[&stack(&[16, 17], 7, 1), &packet],
        ),
        ethernet([0xff; 6], CUSTOMER_1, 0x88cc, &[&[0; 46]]),
    ];
    frames.push(tagged(&frames[0], 77, 3));
    frames
}

/// A path group into the tunnel of a pseudowire.
fn pseudowire(dut: &Dut, control_word: bool) -> Group {
    dut.group_of(&[Path {
        control_word,
        model: PIPE,
        ..Path::new(&[300, 200], 2)
    }])
}

/// RFC 4448 section 4.4.1: the whole port is the service: every frame travels as it is, with its tags.
#[test]
fn a_port_is_an_attachment_circuit() {
    for control_word in [false, true] {
        let dut = Dut::new();
        dut.attach_port(6, pseudowire(&dut, control_word));
        dut.ilm(200, Ilm::PopAttachment(dut.attachment(6, 0), control_word));
        let word: &[u8] = if control_word { &CONTROL_WORD } else { &[] };
        for frame in customer_frames() {
            let tc = if frame[12] == 0x81 { 3 } else { 0 };
            let labels = stack(&[300, 200], tc, 255);
            dut.send(6, &frame)
                .is_forwarded(2, &forwarded(MPLS, &[&labels, word, &frame]));
            // And back, behind a penultimate hop that has taken the tunnel label off.
            dut.send(1, &received(MPLS, &[&stack(&[200], 0, 9), word, &frame]))
                .is_forwarded(6, &frame);
        }
    }
}

/// RFC 4448 section 4.4.1, raw mode: a tag that delimits the service is taken off at the one end and put
/// on at the other, where it may be another.
#[test]
fn a_vlan_is_an_attachment_circuit() {
    let dut = Dut::new();
    let group = u64::from(pseudowire(&dut, true).0);
    let key = [("ingress_port", 4), ("vlan_id", 50)];
    dut.add(
        "interface",
        &key,
        "attachment_circuit",
        &[("path_group", group), ("qos_map", 0)],
    );
    dut.ilm(200, Ilm::PopAttachment(dut.attachment(4, 60), true));
    for frame in customer_frames() {
        let labels = stack(&[300, 200], 5, 255);
        dut.send(4, &tagged(&frame, 50, 5))
            .is_forwarded(2, &forwarded(MPLS, &[&labels, &CONTROL_WORD, &frame]));
        let labelled = received(MPLS, &[&stack(&[200], 5, 9), &CONTROL_WORD, &frame]);
        dut.send(1, &labelled)
            .is_forwarded(4, &tagged(&frame, 60, 5));
    }
    // Other VLANs of the port are other services.
    let other = tagged(&customer_frames()[0], 51, 0);
    dut.send(4, &other).is_dropped(Drop::NoInterface);
}

/// RFC 4385 section 5: where the FEC has a control word, a first nibble of 1 is the pseudowire's
/// associated channel, for the daemon; anything else is an error. Without one there is no such test.
#[test]
fn the_first_nibble_tells_the_associated_channel_from_data() {
    let dut = Dut::new();
    let circuit = dut.attachment(5, 0);
    dut.ilm(200, Ilm::PopAttachment(circuit, true));
    dut.ilm(201, Ilm::PopAttachment(circuit, false));
    let frame = &customer_frames()[0];
    let channel = [0x10, 0, 0, 0x07, 1, 2, 3, 4];
    let labelled = received(MPLS, &[&stack(&[200], 0, 9), &channel]);
    assert_eq!(dut.send(1, &labelled).punted(Punt::GAch).frame, labelled);
    let wrong = received(MPLS, &[&stack(&[200], 0, 9), &[0x20, 0, 0, 0], frame]);
    dut.send(1, &wrong).is_dropped(Drop::ControlWord);
    let short = received(MPLS, &[&stack(&[200], 0, 9), &[0, 0]]);
    dut.send(1, &short).is_dropped(Drop::ControlWord);
    dut.send(1, &received(MPLS, &[&stack(&[201], 0, 9), frame]))
        .is_forwarded(5, frame);
}

/// RFC 6790 and RFC 6391 have the entropy label above or below; RFC 8469: with a control word, as here
/// always, a customer's address cannot be taken for an IP header.
#[test]
fn an_entropy_label_on_a_pseudowire_is_removed_at_its_end() {
    let dut = Dut::new();
    let path = Path {
        control_word: true,
        model: PIPE,
        entropy: 1,
        ..Path::new(&[300, 200], 2)
    };
    dut.attach_port(6, dut.group_of(&[path]));
    dut.ilm(300, Ilm::PopLabel(PIPE));
    dut.ilm(200, Ilm::PopAttachment(dut.attachment(5, 0), true));
    let frame = &customer_frames()[0];
    let out = dut.send(6, frame).frames[0].1.clone();
    assert_eq!(out[14..18], entry(300, 0, false, 255));
    assert_eq!(out[18..22], entry(7, 0, false, 255));
    assert_eq!(out[26..30], entry(200, 0, true, 255));
    assert_eq!(out[34..], *frame);
    // What one end sends the other end takes.
    dut.send(1, &received(MPLS, &[&out[14..]]))
        .is_forwarded(5, frame);
}

/// Two attachment circuits of one router, and an expired pseudowire label (RFC 5085 section 5.1.3: the
/// third type of control channel).
#[test]
fn local_circuits_and_expired_labels() {
    let dut = Dut::new();
    dut.attach_port(6, dut.attachment(5, 80));
    let frame = &customer_frames()[0];
    dut.send(6, frame).is_forwarded(5, &tagged(frame, 80, 0));
    let tagged_frame = tagged(frame, 9, 6);
    dut.send(6, &tagged_frame)
        .is_forwarded(5, &tagged(&tagged_frame, 80, 6));
    dut.ilm(200, Ilm::PopAttachment(dut.attachment(5, 0), true));
    let expired = received(MPLS, &[&stack(&[200], 0, 1), &CONTROL_WORD, frame]);
    dut.send(1, &expired).punted(Punt::TtlExpired);
}
