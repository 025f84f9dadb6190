//! Ethernet frames and the label stack in them.

use forwarding::MacAddress;
use mpls::{DecodeError, LabelStack, LabelStackEntry};

/// Octets of an Ethernet header without tag.
pub const ETHERNET_HEADER: usize = 14;
/// Octets of an 802.1Q tag.
const TAG: usize = 4;
/// EtherType of an 802.1Q tag.
const ETHER_TYPE_VLAN: u16 = 0x8100;
/// The VLAN identifier in an 802.1Q tag's control information.
const VLAN_ID: u16 = 0x0fff;
/// EtherType of IPv4.
pub const ETHER_TYPE_IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const ETHER_TYPE_IPV6: u16 = 0x86dd;
/// EtherType of MPLS (RFC 3032, 5), since RFC 5332 also of multicast on most links.
pub const ETHER_TYPE_MPLS: u16 = 0x8847;
/// EtherType of MPLS with upstream-assigned labels (RFC 5332, 3).
pub const ETHER_TYPE_MPLS_UPSTREAM: u16 = 0x8848;

/// Why a frame cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Shorter than an Ethernet header.
    #[error("{0} octets are no Ethernet frame")]
    TooShort(usize),
    /// The label stack is malformed.
    #[error(transparent)]
    LabelStack(#[from] DecodeError),
}

/// An Ethernet frame with at most one 802.1Q tag, without frame check sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    octets: &'a [u8],
    vlan: u16,
    header: usize,
}

impl<'a> Frame<'a> {
    /// The frame in these octets.
    ///
    /// # Errors
    /// There are less octets than an Ethernet header, with its tag, has.
    pub fn parse(octets: &'a [u8]) -> Result<Self, FrameError> {
        let too_short = || FrameError::TooShort(octets.len());
        let header = octets.get(..ETHERNET_HEADER).ok_or_else(too_short)?;
        if u16::from_be_bytes([header[12], header[13]]) != ETHER_TYPE_VLAN {
            return Ok(Self {
                octets,
                vlan: 0,
                header: ETHERNET_HEADER,
            });
        }
        let header = octets.get(..ETHERNET_HEADER + TAG).ok_or_else(too_short)?;
        Ok(Self {
            octets,
            vlan: u16::from_be_bytes([header[14], header[15]]) & VLAN_ID,
            header: header.len(),
        })
    }

    /// The destination address.
    pub fn destination(&self) -> MacAddress {
        let mut mac = [0; 6];
        mac.copy_from_slice(&self.octets[..6]);
        MacAddress(mac)
    }

    /// The VLAN of the frame: 0 without a tag, and with one that only has a priority (IEEE 802.1Q,
    /// 9.6).
    pub fn vlan(&self) -> u16 {
        self.vlan
    }

    /// The EtherType behind the tag.
    pub fn ether_type(&self) -> u16 {
        u16::from_be_bytes([self.octets[self.header - 2], self.octets[self.header - 1]])
    }

    /// What follows the Ethernet header and the tag.
    pub fn payload(&self) -> &'a [u8] {
        &self.octets[self.header..]
    }

    /// The frame without its tag.
    pub fn untagged(&self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(self.octets.len());
        frame.extend_from_slice(&self.octets[..12]);
        frame.extend_from_slice(&self.octets[self.header - 2..]);
        frame
    }

    /// The frame with the tag of `vlan` in place of its own; 0 is no tag.
    pub fn tagged(&self, vlan: u16) -> Vec<u8> {
        let mut frame = Vec::with_capacity(self.octets.len() + TAG);
        frame.extend_from_slice(&self.octets[..12]);
        push_tag(&mut frame, vlan);
        frame.extend_from_slice(&self.octets[self.header - 2..]);
        frame
    }
}

/// Builds a frame with the tag of `vlan`; 0 is no tag.
pub fn build(
    destination: MacAddress,
    source: MacAddress,
    vlan: u16,
    ether_type: u16,
    payload: &[&[u8]],
) -> Vec<u8> {
    let length = payload.iter().map(|part| part.len()).sum::<usize>();
    let mut frame = Vec::with_capacity(ETHERNET_HEADER + TAG + length);
    frame.extend_from_slice(&destination.0);
    frame.extend_from_slice(&source.0);
    push_tag(&mut frame, vlan);
    frame.extend_from_slice(&ether_type.to_be_bytes());
    for part in payload {
        frame.extend_from_slice(part);
    }
    frame
}

fn push_tag(frame: &mut Vec<u8>, vlan: u16) {
    if vlan != 0 {
        frame.extend_from_slice(&ETHER_TYPE_VLAN.to_be_bytes());
        frame.extend_from_slice(&(vlan & VLAN_ID).to_be_bytes());
    }
}

/// A packet with the label stack with which it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received<'a> {
    /// The label stack; `None` when it arrived without labels.
    pub stack: Option<LabelStack>,
    /// What is below the stack, or behind the Ethernet header.
    pub payload: &'a [u8],
}

impl<'a> Received<'a> {
    /// Puts the popped entries back on top of what the frame still has.
    ///
    /// When the last popped entry has the S bit, what follows the Ethernet header is the payload,
    /// whatever its EtherType says.
    ///
    /// # Errors
    /// The label stack has no bottom.
    pub fn new(popped: &[LabelStackEntry], frame: Frame<'a>) -> Result<Self, FrameError> {
        let ended = popped.last().is_some_and(|entry| entry.bottom_of_stack);
        let labelled = match popped.last() {
            Some(_) => !ended,
            None => matches!(
                frame.ether_type(),
                ETHER_TYPE_MPLS | ETHER_TYPE_MPLS_UPSTREAM
            ),
        };
        let mut entries = popped.to_vec();
        let mut payload = frame.payload();
        if labelled {
            let (rest, below) = LabelStack::decode(payload)?;
            entries.extend_from_slice(&rest);
            payload = below;
        }
        if entries.is_empty() {
            return Ok(Self {
                stack: None,
                payload,
            });
        }
        let count = entries.len();
        let stack = LabelStack::new(entries)
            .map_err(|_| DecodeError::NoBottomOfStack { entries: count })?;
        Ok(Self {
            stack: Some(stack),
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use mpls::{Label, TrafficClass};

    use super::*;

    fn entry(label: u32, bottom_of_stack: bool) -> LabelStackEntry {
        LabelStackEntry {
            label: Label::new(label).unwrap(),
            traffic_class: TrafficClass::new(0).unwrap(),
            bottom_of_stack,
            ttl: 1,
        }
    }

    fn mpls_frame(octets: &[u8]) -> Vec<u8> {
        build(
            MacAddress([2; 6]),
            MacAddress([4; 6]),
            0,
            ETHER_TYPE_MPLS,
            &[octets],
        )
    }

    #[test]
    fn popped_entries_stand_on_top_of_those_that_are_left() {
        let below = entry(200, true).encode();
        let octets = mpls_frame(&[&below[..], b"payload"].concat());
        let frame = Frame::parse(&octets).unwrap();
        let received = Received::new(&[entry(100, false)], frame).unwrap();
        let labels: Vec<u32> = received
            .stack
            .unwrap()
            .iter()
            .map(|entry| entry.label.value())
            .collect();
        assert_eq!(labels, [100, 200]);
        assert_eq!(received.payload, b"payload");
    }

    #[test]
    fn after_the_bottom_was_popped_the_rest_is_payload_whatever_the_ether_type_says() {
        let octets = mpls_frame(b"\x45payload");
        let frame = Frame::parse(&octets).unwrap();
        let received = Received::new(&[entry(100, true)], frame).unwrap();
        assert_eq!(received.stack.unwrap().len(), 1);
        assert_eq!(received.payload, b"\x45payload");
    }

    #[test]
    fn a_packet_without_labels_has_no_stack() {
        let octets = build(
            MacAddress([2; 6]),
            MacAddress([4; 6]),
            0,
            ETHER_TYPE_IPV4,
            &[b"ip"],
        );
        let received = Received::new(&[], Frame::parse(&octets).unwrap()).unwrap();
        assert_eq!(
            received,
            Received {
                stack: None,
                payload: b"ip"
            }
        );
    }

    #[test]
    fn a_stack_without_bottom_is_an_error() {
        let endless = entry(100, false).encode();
        for octets in [&endless[..], &[], &endless[..3]] {
            let octets = mpls_frame(octets);
            assert!(Received::new(&[], Frame::parse(&octets).unwrap()).is_err());
        }
        assert_eq!(Frame::parse(&[0; 13]), Err(FrameError::TooShort(13)));
        // Two bottoms: the switch said something that cannot be.
        let octets = mpls_frame(&entry(200, true).encode());
        let popped = [entry(100, true), entry(101, false)];
        assert!(Received::new(&popped, Frame::parse(&octets).unwrap()).is_err());
    }

    #[test]
    fn a_tag_comes_off_and_goes_on() {
        let (to, from) = (MacAddress([2; 6]), MacAddress([4; 6]));
        let untagged = build(to, from, 0, ETHER_TYPE_IPV4, &[b"ip"]);
        let tagged = build(to, from, 100, ETHER_TYPE_IPV4, &[b"ip"]);
        let frame = Frame::parse(&tagged).unwrap();
        assert_eq!((frame.vlan(), frame.ether_type()), (100, ETHER_TYPE_IPV4));
        assert_eq!(frame.payload(), b"ip");
        assert_eq!(frame.untagged(), untagged);
        let frame = Frame::parse(&untagged).unwrap();
        assert_eq!(frame.vlan(), 0);
        assert_eq!(frame.tagged(100), tagged);
        assert_eq!(frame.tagged(0), untagged);
        // Priority 7 in front of the identifier; and a tag of VLAN 0.
        let mut priority = tagged.clone();
        priority[14] |= 0xe0;
        assert_eq!(Frame::parse(&priority).unwrap().vlan(), 100);
        priority[14..16].copy_from_slice(&[0xe0, 0]);
        assert_eq!(Frame::parse(&priority).unwrap().vlan(), 0);
        assert_eq!(Frame::parse(&tagged[..17]), Err(FrameError::TooShort(17)));
    }
}
