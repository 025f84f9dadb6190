//! Frames to send into a lab.

use etherparse::PacketBuilder;

/// A label stack entry's 32 bits (RFC 3032, section 2.1).
pub fn entry(label: u32, bottom_of_stack: bool, ttl: u8) -> [u8; 4] {
    (label << 12 | u32::from(bottom_of_stack) << 8 | u32::from(ttl)).to_be_bytes()
}

/// A label stack of these labels, outermost first, all with one TTL and with its bottom marked.
pub fn stack(labels: &[u32], ttl: u8) -> Vec<u8> {
    let last = labels.len() - 1;
    let entries = labels.iter().enumerate();
    entries
        .flat_map(|(index, label)| entry(*label, index == last, ttl))
        .collect()
}

/// A frame with labels to a MAC address.
pub fn labelled(destination: [u8; 6], stack: &[u8], payload: &[u8]) -> Vec<u8> {
    ethernet(destination, 0x8847, [stack, payload].concat().as_slice())
}

/// A frame of an EtherType to a MAC address.
pub fn ethernet(destination: [u8; 6], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    const SOURCE: [u8; 6] = [0x02, 0, 0, 0, 0, 0x99];
    let mut frame = destination.to_vec();
    frame.extend(SOURCE);
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

/// An IPv4 packet with an ICMP echo request.
pub fn echo_request(source: [u8; 4], destination: [u8; 4], ttl: u8, sequence: u16) -> Vec<u8> {
    const IDENTIFIER: u16 = 0x4c53;
    let builder =
        PacketBuilder::ipv4(source, destination, ttl).icmpv4_echo_request(IDENTIFIER, sequence);
    let payload = [0x5a; 32];
    let mut packet = Vec::with_capacity(builder.size(payload.len()));
    builder
        .write(&mut packet, &payload)
        .expect("a Vec takes all");
    packet
}
