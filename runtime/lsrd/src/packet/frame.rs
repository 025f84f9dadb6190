//! Ethernet frames and the label stack in them.

use forwarding::MacAddress;
use mpls::{DecodeError, LabelStack, LabelStackEntry};

/// Octets of an Ethernet header.
pub const ETHERNET_HEADER: usize = 14;
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

/// An Ethernet frame without VLAN tag and without frame check sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    octets: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame in these octets.
    ///
    /// # Errors
    /// There are less octets than an Ethernet header has.
    pub fn parse(octets: &'a [u8]) -> Result<Self, FrameError> {
        match octets.len() >= ETHERNET_HEADER {
            true => Ok(Self { octets }),
            false => Err(FrameError::TooShort(octets.len())),
        }
    }

    /// The destination address.
    pub fn destination(&self) -> MacAddress {
        let mut mac = [0; 6];
        mac.copy_from_slice(&self.octets[..6]);
        MacAddress(mac)
    }

    /// The EtherType.
    pub fn ether_type(&self) -> u16 {
        u16::from_be_bytes([self.octets[12], self.octets[13]])
    }

    /// What follows the Ethernet header.
    pub fn payload(&self) -> &'a [u8] {
        &self.octets[ETHERNET_HEADER..]
    }
}

/// Builds a frame.
pub fn build(
    destination: MacAddress,
    source: MacAddress,
    ether_type: u16,
    payload: &[&[u8]],
) -> Vec<u8> {
    let length = payload.iter().map(|part| part.len()).sum::<usize>();
    let mut frame = Vec::with_capacity(ETHERNET_HEADER + length);
    frame.extend_from_slice(&destination.0);
    frame.extend_from_slice(&source.0);
    frame.extend_from_slice(&ether_type.to_be_bytes());
    for part in payload {
        frame.extend_from_slice(part);
    }
    frame
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
}
