//! One next hop of a FEC, as it is in the LFIB.

use mpls::Label;

use super::store::{PeerIndex, Received};

/// The peer at a next hop, its label, whether it can take entropy labels, and the MTU of the LSP from there
/// on where it is less than what the link takes.
///
/// There are some for each FEC, so that all of it is in one number: 20 bits of the label, one of the
/// capability, 16 of the MTU, and 27 of the peer's place, more than there can be sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hop(u64);

impl Hop {
    const CAPABLE: u64 = 1 << 20;
    const MTU_SHIFT: u32 = 21;
    const PEER_SHIFT: u32 = 37;
    const NO_PEER: u32 = u32::MAX >> 5;
    /// No link takes more.
    const NO_MTU: u16 = u16::MAX;

    /// A next hop of which no label is known.
    pub(super) const UNLABELLED: Self = Self(u64::MAX);

    /// A next hop with a label of its peer. Packets of more than `mtu` octets below the label do not get
    /// through the LSP, although the link takes them.
    pub(super) fn labelled(received: &Received, mtu: Option<u16>) -> Self {
        let capable = if received.entropy_label_capable {
            Self::CAPABLE
        } else {
            0
        };
        let mtu = u64::from(mtu.unwrap_or(Self::NO_MTU)) << Self::MTU_SHIFT;
        let peer = u64::from(received.peer.0) << Self::PEER_SHIFT;
        Self(u64::from(received.label.value()) | capable | mtu | peer)
    }

    /// The peer that gave the label.
    pub(super) fn peer(self) -> PeerIndex {
        // 27 bits are left.
        match (self.0 >> Self::PEER_SHIFT) as u32 {
            Self::NO_PEER => PeerIndex::NONE,
            peer => PeerIndex(peer),
        }
    }

    /// The label.
    pub(super) fn label(self) -> Option<Label> {
        if self.peer() == PeerIndex::NONE {
            return None;
        }
        // 20 bits are left.
        Label::new((self.0 & (Self::CAPABLE - 1)) as u32).ok()
    }

    /// Whether entropy labels are fine.
    pub(super) fn entropy_label_capable(self) -> bool {
        self.label().is_some() && self.0 & Self::CAPABLE != 0
    }

    /// The MTU of the LSP, in octets below the label, where it is less than what the link takes.
    pub(super) fn mtu(self) -> Option<u16> {
        // The cast takes the 16 bits of it.
        let mtu = (self.0 >> Self::MTU_SHIFT) as u16;
        (self.label().is_some() && mtu != Self::NO_MTU).then_some(mtu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(peer: u32, label: Label, entropy_label_capable: bool) -> Received {
        Received {
            peer: PeerIndex(peer),
            label,
            hop_count: None,
            mtu: None,
            entropy_label_capable,
            stale: false,
            rare: None,
        }
    }

    /// All that a hop says comes out as it went in, up to the last value of each.
    #[test]
    fn what_goes_in_comes_out() {
        let labels = [0, 3, 16, (1 << 20) - 1].map(|label| Label::new(label).unwrap());
        for label in labels {
            for peer in [0, 1, (1 << 27) - 2] {
                for capable in [false, true] {
                    for mtu in [None, Some(0), Some(1400), Some(u16::MAX - 1)] {
                        let hop = Hop::labelled(&received(peer, label, capable), mtu);
                        assert_eq!(hop.peer(), PeerIndex(peer));
                        assert_eq!(hop.label(), Some(label));
                        assert_eq!(hop.entropy_label_capable(), capable);
                        assert_eq!(hop.mtu(), mtu);
                    }
                }
            }
        }
        let none = Hop::UNLABELLED;
        assert_eq!((none.peer(), none.label()), (PeerIndex::NONE, None));
        assert_eq!((none.entropy_label_capable(), none.mtu()), (false, None));
    }
}
