//! The Label Information Base: what is known of each FEC (RFC 5036 section 2.7).
//!
//! There are many FECs, so that their records are small: peers are numbers, and routes are shared in
//! [`super::next_hop::Groups`].

use std::net::Ipv4Addr;
use std::time::Instant;

use mpls::Label;
use smallvec::SmallVec;

use super::hop::Hop;
use super::next_hop::GroupIndex;
use super::peer::Peer;
use crate::PrefixFec;
use crate::packet::{AddressFamily, TypedWildcard, UnknownTlv};

/// Where a FEC's record is.
pub(super) type FecIndex = usize;

/// Where a peer's record is; small, as every binding holds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PeerIndex(pub(super) u32);

impl PeerIndex {
    /// No peer.
    pub(super) const NONE: Self = Self(u32::MAX);

    /// The place in the list of peers.
    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

/// The local label of a FEC that is not a null label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Local {
    /// There is none.
    None,
    /// The label manager was asked for one.
    Requested,
    /// The label manager had none: SL.13's record of a mapping that is needed.
    NoResources,
    /// This one.
    Bound(Label),
}

/// A mapping that a peer sent.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) peer: PeerIndex,
    pub(super) label: Label,
    pub(super) hop_count: Option<u8>,
    pub(super) mtu: Option<u16>,
    pub(super) entropy_label_capable: bool,
    pub(super) stale: bool,
    /// What few mappings have.
    pub(super) rare: Option<Box<Rare>>,
}

/// What few mappings have, kept to tell it to peers that come up later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rare {
    /// Only where loops are detected.
    pub(super) path_vector: Option<Vec<Ipv4Addr>>,
    /// Unknown TLVs that go along.
    pub(super) forwarded: Vec<UnknownTlv>,
}

impl Received {
    /// The path vector.
    pub(super) fn path_vector(&self) -> Option<&[Ipv4Addr]> {
        self.rare.as_ref()?.path_vector.as_deref()
    }

    /// Unknown TLVs that go along when it is propagated.
    pub(super) fn forwarded(&self) -> &[UnknownTlv] {
        self.rare.as_ref().map_or(&[], |rare| &rare.forwarded)
    }
}

/// What was sent to a peer about one label.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) peer: PeerIndex,
    pub(super) label: Label,
    /// The peer holds the mapping.
    pub(super) advertised: bool,
    /// The peer released it, and did not ask for it since. While Label Withdraws are not answered: a
    /// Label Release came that may be the answer.
    pub(super) released: bool,
    /// It released it because it saw a loop.
    pub(super) looped: bool,
    /// More than one mapping was sent since the peer last was known to hold none: a Label Release may be
    /// about the one before.
    pub(super) repeated: bool,
    /// How many answers to Label Withdraws for the FEC are to come until the one to this label's came; 0:
    /// it is not being withdrawn. Answers come in the order of the Label Withdraws.
    pub(super) withdraws: u8,
    pub(super) hop_count: Option<u8>,
    pub(super) mtu: Option<u16>,
    pub(super) entropy_label_capable: bool,
    /// A digest of the path vector and of the unknown TLVs that were received for it; 0 for none.
    pub(super) path_digest: u32,
}

impl Sent {
    /// The peer may still send packets with the label.
    pub(super) fn holds(&self) -> bool {
        self.advertised || self.withdraws > 0
    }

    /// The peer released it by itself.
    pub(super) fn is_released(&self) -> bool {
        self.released && !self.holds()
    }

    /// A Label Withdraw is sent, as the last of those that are not answered; `before` of them were.
    pub(super) fn withdraw(&mut self, before: u8) {
        self.advertised = false;
        self.released = false;
        self.looped = false;
        self.repeated = false;
        self.withdraws = before.saturating_add(1);
    }
}

/// What an incoming label does in the LFIB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IlmKind {
    Forward,
    Egress,
}

/// What of a FEC is in the LFIB.
#[derive(Debug, Clone, Default)]
pub(super) struct Installed {
    /// The next hops' group; it is kept as long as this says so.
    pub(super) group: Option<GroupIndex>,
    pub(super) hops: SmallVec<[Hop; 2]>,
    pub(super) ftn: bool,
    pub(super) ilm: Option<(Label, IlmKind)>,
}

/// A Label Request of a peer that is not answered yet.
#[derive(Debug, Clone)]
pub(super) struct RequestReceived {
    pub(super) peer: PeerIndex,
    pub(super) id: u32,
    pub(super) hop_count: Option<u8>,
    pub(super) path_vector: Option<Vec<Ipv4Addr>>,
    /// Unknown TLVs that go along.
    pub(super) forwarded: Vec<UnknownTlv>,
}

/// A Label Request to a peer that is outstanding.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestSent {
    pub(super) peer: PeerIndex,
    pub(super) id: u32,
    /// A Label Abort Request was sent, which the peer has to answer until then.
    pub(super) aborted: Option<Instant>,
}

/// The Message IDs of Label Requests that are not answered.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    pub(super) sent: SmallVec<[u32; 1]>,
    pub(super) received: SmallVec<[u32; 1]>,
}

/// What few FECs have: requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests {
    pub(super) received: Vec<RequestReceived>,
    pub(super) sent: Vec<RequestSent>,
    /// Peers that have no label resources: SLRq.6's record.
    pub(super) postponed: Vec<PeerIndex>,
    /// Peers that have no route, and when they are asked again, if ever: NoNH.2's record.
    pub(super) deferred: Vec<(PeerIndex, Option<Instant>)>,
    /// The next hop has to be asked although its labels come unsolicited (NH.13).
    pub(super) wanted: bool,
}

impl Requests {
    /// Drops all that there is about a peer, and gives what was outstanding.
    pub(super) fn forget(&mut self, peer: PeerIndex) -> Outstanding {
        let mut outstanding = Outstanding::default();
        self.sent.retain(|sent| {
            let is_other = sent.peer != peer;
            if !is_other {
                outstanding.sent.push(sent.id);
            }
            is_other
        });
        self.received.retain(|request| {
            let is_other = request.peer != peer;
            if !is_other {
                outstanding.received.push(request.id);
            }
            is_other
        });
        self.postponed.retain(|postponed| *postponed != peer);
        self.deferred.retain(|(deferred, _)| *deferred != peer);
        outstanding
    }

    fn is_empty(&self) -> bool {
        self.received.is_empty()
            && self.sent.is_empty()
            && self.postponed.is_empty()
            && self.deferred.is_empty()
            && !self.wanted
    }
}

/// A FEC.
#[derive(Debug)]
pub(super) struct Fec {
    pub(super) fec: PrefixFec,
    /// The next hops of its route.
    pub(super) group: Option<GroupIndex>,
    /// Where it is among the members of the group.
    pub(super) position: u32,
    /// Its route is that of a shorter prefix (RFC 5283 section 5).
    pub(super) covered: bool,
    /// It is waiting to be settled.
    pub(super) dirty: bool,
    pub(super) local: Local,
    /// Ordered by peer.
    pub(super) received: SmallVec<[Received; 1]>,
    /// Ordered by peer and label.
    pub(super) sent: SmallVec<[Sent; 1]>,
    pub(super) installed: Installed,
    pub(super) requests: Option<Box<Requests>>,
}

impl Fec {
    /// Nothing is known of it yet.
    pub(super) fn new(fec: PrefixFec) -> Self {
        Self {
            fec,
            group: None,
            position: 0,
            covered: false,
            dirty: false,
            local: Local::None,
            received: SmallVec::new(),
            sent: SmallVec::new(),
            installed: Installed::default(),
            requests: None,
        }
    }

    /// The record has nothing to say, and nothing refers to it.
    pub(super) fn is_empty(&self) -> bool {
        self.group.is_none()
            && !self.dirty
            && matches!(self.local, Local::None)
            && self.received.is_empty()
            && self.sent.is_empty()
            && self.requests.is_none()
            && !self.installed.ftn
            && self.installed.ilm.is_none()
    }

    /// The address family.
    pub(super) fn family(&self) -> AddressFamily {
        family(&self.fec)
    }

    /// Whether it is one of all prefixes of this type.
    pub(super) fn is_of(&self, wildcard: &TypedWildcard) -> bool {
        wildcard.includes(self.family(), self.fec.topology)
    }

    /// The mapping that a peer sent.
    pub(super) fn received_from(&self, peer: PeerIndex) -> Option<&Received> {
        let place = self.received_place(peer).ok()?;
        self.received.get(place)
    }

    fn received_place(&self, peer: PeerIndex) -> Result<usize, usize> {
        // A peer that is new is the last one: with many peers a search touches much memory.
        match self.received.last() {
            None => return Err(0),
            Some(last) if last.peer < peer => return Err(self.received.len()),
            Some(_) => {}
        }
        self.received
            .binary_search_by_key(&peer, |received| received.peer)
    }

    /// Records a mapping; the one that the same peer sent before is returned.
    pub(super) fn record(&mut self, received: Received) -> Option<Received> {
        match self.received_place(received.peer) {
            Ok(place) => self
                .received
                .get_mut(place)
                .map(|old| std::mem::replace(old, received)),
            Err(place) => {
                self.received.insert(place, received);
                None
            }
        }
    }

    /// Forgets the mapping that a peer sent.
    pub(super) fn forget(&mut self, peer: PeerIndex) -> Option<Received> {
        let place = self.received_place(peer).ok()?;
        let received = self.received.remove(place);
        if self.received.is_empty() {
            self.received.shrink_to_fit();
        }
        Some(received)
    }

    /// What was sent to a peer: a range of [`Self::sent`].
    pub(super) fn sent_to(&self, peer: PeerIndex) -> std::ops::Range<usize> {
        if self.sent.last().is_none_or(|last| last.peer < peer) {
            return self.sent.len()..self.sent.len();
        }
        let start = self.sent.partition_point(|sent| sent.peer < peer);
        let count = self
            .sent
            .iter()
            .skip(start)
            .take_while(|sent| sent.peer == peer)
            .count();
        start..start + count
    }

    /// How many Label Withdraws for the FEC a peer has not answered.
    pub(super) fn withdraws_to(&self, peer: PeerIndex) -> u8 {
        let sent = self.sent.get(self.sent_to(peer)).unwrap_or_default();
        sent.iter().map(|sent| sent.withdraws).max().unwrap_or(0)
    }

    /// How many labels a peer holds.
    pub(super) fn held_by(&self, peer: PeerIndex) -> usize {
        let sent = self.sent.get(self.sent_to(peer)).unwrap_or_default();
        sent.iter().filter(|sent| sent.holds()).count()
    }

    /// A peer held so many labels, and may hold fewer now: it is counted, and what says nothing any more is
    /// dropped.
    pub(super) fn no_longer_held(&mut self, peer: &mut Peer, index: PeerIndex, before: usize) {
        peer.sent = peer.sent.saturating_sub(before - self.held_by(index));
        self.tidy_sent();
    }

    /// A peer asks for the FEC: that it released a label of it before says nothing any more (RFC 5036 appendix
    /// A.1.4, note 1).
    pub(super) fn forget_release(&mut self, peer: PeerIndex) {
        let range = self.sent_to(peer);
        let mut forgotten = false;
        for sent in self.sent.get_mut(range).unwrap_or_default() {
            if sent.is_released() {
                sent.released = false;
                sent.looped = false;
                forgotten = true;
            }
        }
        if forgotten {
            self.tidy_sent();
        }
    }

    /// Drops what says nothing any more of what was sent.
    pub(super) fn tidy_sent(&mut self) {
        self.sent.retain(|sent| sent.holds() || sent.released);
    }

    /// Some peer may send packets with this label.
    pub(super) fn is_held(&self, label: Label) -> bool {
        self.sent
            .iter()
            .any(|sent| sent.label == label && sent.holds())
    }

    /// The record of requests, made if there is none.
    pub(super) fn requests_mut(&mut self) -> &mut Requests {
        self.requests.get_or_insert_default()
    }

    /// Drops the record of requests if it says nothing.
    pub(super) fn tidy_requests(&mut self) {
        if self
            .requests
            .as_ref()
            .is_some_and(|requests| requests.is_empty())
        {
            self.requests = None;
        }
    }
}

/// The address family of a FEC.
pub(super) fn family(fec: &PrefixFec) -> AddressFamily {
    match fec.prefix {
        ipnet::IpNet::V4(_) => AddressFamily::Ipv4,
        ipnet::IpNet::V6(_) => AddressFamily::Ipv6,
    }
}
