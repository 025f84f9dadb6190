//! Frames as octets, written out so that a test can also write wrong ones.

/// The router's address on every port.
pub(crate) const ROUTER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
/// A neighbour that sends to the router.
pub(crate) const NEIGHBOUR: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
/// The next hop that NHLFEs of the tests name.
pub(crate) const NEXT_HOP: [u8; 6] = [0x02, 0, 0, 0, 0, 0x03];

pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const IPV6: u16 = 0x86dd;
pub(crate) const MPLS: u16 = 0x8847;

/// One label stack entry (RFC 3032 section 2.1).
pub(crate) fn entry(label: u32, tc: u8, bottom: bool, ttl: u8) -> [u8; 4] {
    (label << 12 | u32::from(tc) << 9 | u32::from(bottom) << 8 | u32::from(ttl)).to_be_bytes()
}

/// A stack of these labels with one TC and TTL, the S bit in the last.
pub(crate) fn stack(labels: &[u32], tc: u8, ttl: u8) -> Vec<u8> {
    let last = labels.len().wrapping_sub(1);
    labels
        .iter()
        .enumerate()
        .flat_map(|(index, &label)| entry(label, tc, index == last, ttl))
        .collect()
}

/// A frame with this EtherType and what follows it.
pub(crate) fn ethernet(dst: [u8; 6], src: [u8; 6], ether_type: u16, parts: &[&[u8]]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend(dst);
    frame.extend(src);
    frame.extend(ether_type.to_be_bytes());
    for part in parts {
        frame.extend_from_slice(part);
    }
    frame
}

/// From the neighbour to the router.
pub(crate) fn received(ether_type: u16, parts: &[&[u8]]) -> Vec<u8> {
    ethernet(ROUTER, NEIGHBOUR, ether_type, parts)
}

/// From the router to the next hop.
pub(crate) fn forwarded(ether_type: u16, parts: &[&[u8]]) -> Vec<u8> {
    ethernet(NEXT_HOP, ROUTER, ether_type, parts)
}

/// The Internet checksum (RFC 1071).
pub(crate) fn internet_checksum(octets: &[u8]) -> u16 {
    let mut sum: u32 = octets
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded to 16 bits")
}

/// An IPv4 packet of which a test sets what matters to it.
#[derive(Debug, Clone)]
pub(crate) struct Ipv4 {
    pub(crate) dscp: u8,
    pub(crate) ecn: u8,
    pub(crate) ttl: u8,
    pub(crate) src: [u8; 4],
    pub(crate) dst: [u8; 4],
    pub(crate) protocol: u8,
    pub(crate) src_port: u16,
    pub(crate) options: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Ipv4 {
    pub(crate) fn to(dst: [u8; 4]) -> Self {
        Self {
            dscp: 0,
            ecn: 0,
            ttl: 64,
            src: [10, 1, 0, 2],
            dst,
            protocol: 17,
            src_port: 40000,
            options: Vec::new(),
            payload: b"what the packet carries".to_vec(),
        }
    }

    pub(crate) fn ttl(mut self, ttl: u8) -> Self {
        self.ttl = ttl;
        self
    }

    pub(crate) fn dscp(mut self, dscp: u8) -> Self {
        self.dscp = dscp;
        self
    }

    pub(crate) fn ecn(mut self, ecn: u8) -> Self {
        self.ecn = ecn;
        self
    }

    pub(crate) fn protocol(mut self, protocol: u8) -> Self {
        self.protocol = protocol;
        self
    }

    pub(crate) fn src_port(mut self, port: u16) -> Self {
        self.src_port = port;
        self
    }

    pub(crate) fn options(mut self, options: &[u8]) -> Self {
        assert_eq!(options.len() % 4, 0, "options are padded to 32 bits");
        self.options = options.to_vec();
        self
    }

    /// The packet: to port 9 (discard), as UDP without a checksum.
    pub(crate) fn octets(&self) -> Vec<u8> {
        let header_length = 20 + self.options.len();
        let total_length = header_length + 8 + self.payload.len();
        let mut packet = vec![0x40 | (header_length / 4) as u8, self.dscp << 2 | self.ecn];
        packet.extend((total_length as u16).to_be_bytes());
        packet.extend([0x12, 0x34, 0, 0, self.ttl, self.protocol, 0, 0]);
        packet.extend(self.src);
        packet.extend(self.dst);
        packet.extend(&self.options);
        let checksum = internet_checksum(&packet);
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        packet.extend(self.src_port.to_be_bytes());
        packet.extend(9u16.to_be_bytes());
        packet.extend(((8 + self.payload.len()) as u16).to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(&self.payload);
        packet
    }
}

/// An IPv6 packet with a UDP header whose checksum no router looks at.
pub(crate) fn ipv6(dst: [u8; 16], hop_limit: u8, traffic_class: u8, src_port: u16) -> Vec<u8> {
    let payload = b"what the packet carries";
    let length = 8 + payload.len() as u16;
    let mut packet = vec![0x60 | traffic_class >> 4, traffic_class << 4, 0, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([17, hop_limit]);
    packet.extend([0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    packet.extend(dst);
    packet.extend(src_port.to_be_bytes());
    packet.extend(9u16.to_be_bytes());
    packet.extend(length.to_be_bytes());
    packet.extend([0xab, 0xcd]);
    packet.extend(payload);
    packet
}

/// The frame with an 802.1Q tag.
pub(crate) fn tagged(frame: &[u8], vlan_id: u16, pcp: u8) -> Vec<u8> {
    let control = u16::from(pcp) << 13 | vlan_id;
    [
        &frame[..12],
        &[0x81, 0],
        &control.to_be_bytes(),
        &frame[12..],
    ]
    .concat()
}
