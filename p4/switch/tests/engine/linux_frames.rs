//! Frames that a host leaves to its hardware, and long ones, at ports over Linux interfaces.

use std::os::fd::AsRawFd;
use std::time::Duration;

use p4_switch::port::LinuxPorts;
use rtnetlink::{Handle, LinkUnspec};

use crate::linux::{PATIENCE, Peer, inside, make_link, run, until};
use crate::support::{Bench, COPIES};

/// `virtio_net_hdr` of a frame whose checksum is to be completed, and that is to be cut into TCP
/// over IPv4 with so much payload if that is not 0 (Virtual I/O Device 1.2, section 5.1.6).
fn virtio(header_length: u16, size: u16, start: u16, offset: u16) -> Vec<u8> {
    const NEEDS_CHECKSUM: u8 = 1;
    const TCP_OVER_IPV4: u8 = 1;
    let kind = if size == 0 { 0 } else { TCP_OVER_IPV4 };
    let mut header = vec![NEEDS_CHECKSUM, kind];
    for value in [header_length, size, start, offset] {
        header.extend(value.to_ne_bytes());
    }
    header
}

/// A TCP segment in an Ethernet frame that is a packet of `copies.p4` as well. The checksum is the
/// sum of the pseudo header, as a host leaves it to its hardware.
fn tcp(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![12, 0x77, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
    let length = 40 + payload.len() as u16;
    frame.extend([0x45, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0, 1, 0, 2, 0, 0, 0, 100, 0, 0, 0, 0, 0x50, 0x18, 0, 9]);
    // 0a00 + 0001 + 0a00 + 0002 + 0006, and the length of TCP header and payload.
    let sum = 0x1409_u16.wrapping_add(length - 20);
    frame.extend(sum.to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}

/// Whether the checksum of the TCP segment in an IPv4 packet is right (RFC 9293 section 3.1).
fn is_right(frame: &[u8]) -> bool {
    let mut summed = frame[26..34].to_vec();
    summed.extend([0, 6]);
    summed.extend(((frame.len() - 34) as u16).to_be_bytes());
    summed.extend(&frame[34..]);
    let words = summed.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        u32::from(u16::from_be_bytes([pair[0], low]))
    });
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    (folded & 0xffff) + (folded >> 16) == 0xffff
}

/// Lets a socket send frames with a `virtio_net_hdr` before them.
fn with_header(peer: &Peer) {
    let on: libc::c_int = 1;
    // SAFETY: the pointer and length are those of `on`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            peer.0.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_VNET_HDR,
            std::ptr::from_ref(&on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

async fn set_mtu(netlink: &Handle, name: &str, mtu: u32) {
    let index = nix::net::if_::if_nametoindex(name).unwrap();
    let message = LinkUnspec::new_with_index(index).mtu(mtu).build();
    netlink.link().set(message).execute().await.unwrap();
}

/// A switch with the ports 1 (ins) and 2 (outs), and the other ends of their links. Frames cross
/// it when this is given.
async fn pair() -> (Bench, LinuxPorts, Handle, Peer, Peer) {
    let (connection, netlink, _) = rtnetlink::new_connection().unwrap();
    tokio::spawn(connection);
    make_link(&netlink, "in").await;
    make_link(&netlink, "out").await;
    let bench = Bench::new(COPIES);
    let ports = LinuxPorts::new(bench.switch.clone()).unwrap();
    ports.open(1, "ins", None).unwrap();
    ports.open(2, "outs", None).unwrap();
    let (input, output) = (Peer::open("inp"), Peer::open("outp"));
    let mut frame = vec![12, 0x77, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0x12, 0x34];
    frame.extend([0; 46]);
    let crossed = (0..20).any(|_| {
        input.send(&frame);
        output.receive(12, Duration::from_millis(500)).is_some()
    });
    assert!(crossed);
    // What was sent before the kernel knew of the carrier.
    while output.receive(12, Duration::from_millis(300)).is_some() {}
    (bench, ports, netlink, input, output)
}

#[test]
fn what_a_host_leaves_to_hardware_is_done() {
    if !inside("linux_frames::what_a_host_leaves_to_hardware_is_done") {
        return;
    }
    run(async {
        let (bench, _ports, _netlink, input, output) = pair().await;
        with_header(&input);
        // A checksum that is not complete.
        let whole = tcp(&[0xab; 100]);
        input.send(&[virtio(0, 0, 34, 16), whole.clone()].concat());
        let received = output.receive(12, PATIENCE).unwrap();
        assert_eq!(received[16..50], whole[16..50]);
        assert!(is_right(&received), "{received:02x?}");

        // A segment of 3,500 bytes, to be cut every 1,000.
        let payload: Vec<u8> = (0..3500_u32).map(|n| n as u8).collect();
        input.send(&[virtio(54, 1000, 34, 16), tcp(&payload)].concat());
        for (index, part) in payload.chunks(1000).enumerate() {
            let received = output.receive(12, PATIENCE).unwrap();
            assert_eq!(received[54..], *part, "part {index}");
            let sequence = 100 + 1000 * index as u32;
            assert_eq!(received[38..42], sequence.to_be_bytes());
            assert!(is_right(&received), "part {index}");
        }
        let seen = bench.switch.ports()[0].statistics;
        assert_eq!((seen.receive_oversized, seen.receive_errors), (0, 0));
    });
}

#[test]
fn long_frames_cross_links_that_carry_them() {
    if !inside("linux_frames::long_frames_cross_links_that_carry_them") {
        return;
    }
    run(async {
        let (bench, _ports, netlink, input, output) = pair().await;
        let mut frame = vec![12, 0x77, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0x12, 0x34];
        frame.extend((0..9000_u32).map(|n| n as u8));
        for name in ["ins", "inp"] {
            set_mtu(&netlink, name, 9000).await;
        }
        // The link that it is to leave by does not carry it: it is counted, and others go on.
        input.send(&frame);
        let too_long = || bench.switch.ports()[1].statistics.send_too_long;
        until("a frame counted as too long", || too_long() == 1).await;
        input.send(&frame[..1000]);
        assert_eq!(output.receive(12, PATIENCE).unwrap().len(), 1000);

        for name in ["outs", "outp"] {
            set_mtu(&netlink, name, 9000).await;
        }
        input.send(&frame);
        let received = output.receive(12, PATIENCE).unwrap();
        assert_eq!(received.len(), 9014);
        assert_eq!(received[16..], frame[16..]);
        assert_eq!(too_long(), 1);
    });
}
