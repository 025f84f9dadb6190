//! An LSR of nothing but label distribution, and what an observer sees of it.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ldp::label::{
    IlmOperation, LabelDistribution, LabelEvent, LabelOutput, LabelledNextHop, LfibChange, NextHop,
    PeerParameters, Policy, Preserved, Route,
};
use ldp::packet::{
    AddressMessage, AdvertisementDiscipline, Body, Capabilities, FecElement, LabelAbortRequest,
    LabelMapping, LabelRelease, LabelRequest, LabelWithdraw, Notification, Status, StatusCode,
};
use ldp::{LdpIdentifier, PrefixFec};
use mpls::Label;
use smallvec::SmallVec;

/// The peer 192.0.2.n.
pub(crate) fn peer(n: u8) -> LdpIdentifier {
    LdpIdentifier::platform(Ipv4Addr::new(192, 0, 2, n))
}

/// An address of peer n: 10.0.0.n.
pub(crate) fn address(n: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, n))
}

pub(crate) fn fec(text: &str) -> PrefixFec {
    text.parse().unwrap()
}

pub(crate) fn label(value: u32) -> Label {
    Label::new(value).unwrap()
}

/// A route by peers' addresses.
pub(crate) fn via(peers: &[u8]) -> Option<Route> {
    Some(Route {
        next_hops: peers
            .iter()
            .map(|n| NextHop {
                interface: Arc::from(format!("eth{n}")),
                address: address(*n),
            })
            .collect(),
        ..Route::default()
    })
}

/// A connected route.
pub(crate) fn connected() -> Option<Route> {
    Some(Route {
        egress: true,
        ..Route::default()
    })
}

pub(crate) fn parameters() -> PeerParameters {
    PeerParameters {
        advertisement: AdvertisementDiscipline::DownstreamUnsolicited,
        loop_detection: false,
        capabilities: Capabilities::default(),
        targeted_only: false,
        recovery_time: None,
        ipv4: true,
        ipv6: true,
        signal_mtu: false,
    }
}

pub(crate) fn on_demand() -> PeerParameters {
    PeerParameters {
        advertisement: AdvertisementDiscipline::DownstreamOnDemand,
        ..parameters()
    }
}

pub(crate) fn mapping(of: &str, value: u32) -> LabelMapping {
    LabelMapping {
        fec: vec![FecElement::Prefix(fec(of))],
        label: label(value),
        request_id: None,
        hop_count: None,
        path_vector: None,
        mtu: None,
        entropy_label_capable: false,
        status: None,
        forwarded: Vec::new(),
    }
}

pub(crate) fn request(of: &str) -> LabelRequest {
    LabelRequest {
        fec: vec![FecElement::Prefix(fec(of))],
        hop_count: None,
        path_vector: None,
        forwarded: Vec::new(),
    }
}

pub(crate) fn release(of: &str, value: u32) -> LabelRelease {
    LabelRelease {
        fec: vec![FecElement::Prefix(fec(of))],
        label: Some(label(value)),
        status: None,
    }
}

/// The answer to a Label Withdraw without Label TLV: appendix A.1.5, LWd.2.
pub(crate) fn answer(of: &str) -> LabelRelease {
    LabelRelease {
        fec: vec![FecElement::Prefix(fec(of))],
        label: None,
        status: None,
    }
}

pub(crate) fn withdraw(of: &str, value: u32) -> LabelWithdraw {
    LabelWithdraw {
        fec: vec![FecElement::Prefix(fec(of))],
        label: Some(label(value)),
    }
}

pub(crate) fn abort(of: &str, request_id: u32) -> LabelAbortRequest {
    LabelAbortRequest {
        fec: vec![FecElement::Prefix(fec(of))],
        request_id,
    }
}

pub(crate) fn notification(code: u32, message_id: u32) -> Notification {
    Notification {
        status: Status {
            code: StatusCode(code),
            fatal: false,
            forward: false,
            message_id,
            message_type: 0x0401,
        },
        extended_status: None,
        returned_pdu: None,
        returned_message: None,
        returned_tlvs: Vec::new(),
        fec: Vec::new(),
        request_id: None,
    }
}

pub(crate) const LOOP_DETECTED: u32 = 0x0B;
pub(crate) const UNKNOWN_FEC: u32 = 0x0C;
pub(crate) const NO_ROUTE: u32 = 0x0D;
pub(crate) const NO_LABEL_RESOURCES: u32 = 0x0E;
pub(crate) const LABEL_RESOURCES_AVAILABLE: u32 = 0x0F;
pub(crate) const LABEL_REQUEST_ABORTED: u32 = 0x15;
pub(crate) const END_OF_LIB: u32 = 0x2F;

/// An LSR whose label manager gives 100, 101 and so on, and takes labels back.
pub(crate) struct Lsr {
    pub(crate) labels: LabelDistribution,
    pub(crate) now: Instant,
    pub(crate) next_label: u32,
    /// The label manager has no labels.
    pub(crate) exhausted: bool,
    /// Labels in use, and their FECs.
    pub(crate) allocated: BTreeMap<Label, PrefixFec>,
    pub(crate) ilm: BTreeMap<Label, (PrefixFec, IlmOperation)>,
    pub(crate) ftn: BTreeMap<PrefixFec, SmallVec<[LabelledNextHop; 1]>>,
    /// All that came out and was not looked at.
    pub(crate) sent: VecDeque<(LdpIdentifier, Option<u32>, Body)>,
    pub(crate) changes: Vec<LfibChange>,
    pub(crate) events: Vec<LabelEvent>,
    pub(crate) ended: Vec<(LdpIdentifier, Status)>,
    pub(crate) allocations: usize,
    message_id: u32,
}

impl Lsr {
    pub(crate) fn new(change: impl FnOnce(&mut Policy)) -> Self {
        let mut policy = Policy::new(Ipv4Addr::new(192, 0, 2, 1));
        change(&mut policy);
        let now = Instant::now();
        Self {
            labels: LabelDistribution::new(policy, now),
            now,
            next_label: 100,
            exhausted: false,
            allocated: BTreeMap::new(),
            ilm: BTreeMap::new(),
            ftn: BTreeMap::new(),
            sent: VecDeque::new(),
            changes: Vec::new(),
            events: Vec::new(),
            ended: Vec::new(),
            allocations: 0,
            message_id: 0,
        }
    }

    /// Does all that label distribution asks for.
    pub(crate) fn settle(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.labels.poll_output() {
            outputs += 1;
            assert!(outputs < 10_000, "there is no end of it: {output:?}");
            match output {
                LabelOutput::Send { peer, id, body } => self.sent.push_back((peer, id, body)),
                LabelOutput::End { peer, status } => self.ended.push((peer, status)),
                LabelOutput::Allocate { fec } => {
                    let result = if self.exhausted {
                        Err("none left".to_owned())
                    } else {
                        let label = label(self.next_label);
                        self.next_label += 1;
                        self.allocations += 1;
                        assert_eq!(self.allocated.insert(label, fec), None);
                        Ok(label)
                    };
                    self.labels.label_allocated(fec, result, self.now);
                }
                LabelOutput::Deallocate { fec, label } => {
                    assert_eq!(self.allocated.remove(&label), Some(fec), "{label} of {fec}");
                    assert!(
                        !self.ilm.contains_key(&label),
                        "{label} is still in the LFIB"
                    );
                }
                LabelOutput::Lfib(change) => self.change(change),
                LabelOutput::Event(event) => self.events.push(event),
            }
        }
    }

    fn change(&mut self, change: LfibChange) {
        match change.clone() {
            LfibChange::BindFtn { fec, next_hops } => {
                assert!(next_hops.iter().any(|hop| hop.label.is_some()));
                let before = self.ftn.insert(fec, next_hops.clone());
                assert_ne!(before, Some(next_hops), "nothing changed for {fec}");
            }
            LfibChange::UnbindFtn { fec } => {
                assert!(self.ftn.remove(&fec).is_some(), "{fec} was not bound");
            }
            LfibChange::BindIlm {
                label,
                fec,
                operation,
            } => {
                assert_eq!(self.allocated.get(&label), Some(&fec));
                let before = self.ilm.insert(label, (fec, operation.clone()));
                assert_ne!(
                    before,
                    Some((fec, operation)),
                    "nothing changed for {label}"
                );
            }
            LfibChange::UnbindIlm { label, fec } => {
                let before = self.ilm.remove(&label);
                assert_eq!(
                    before.map(|(fec, _)| fec),
                    Some(fec),
                    "{label} was not bound"
                );
            }
        }
        self.changes.push(change);
    }

    /// It has restarted, and the switch still has these labels, for a minute.
    pub(crate) fn restarted(&mut self, labels: &[(PrefixFec, u32)]) {
        let labels = labels.iter().map(|(of, value)| (*of, label(*value)));
        let labels: Vec<_> = labels.collect();
        for (of, label) in &labels {
            self.allocated.insert(*label, *of);
            self.ilm.insert(*label, (*of, IlmOperation::Egress));
        }
        let ftns = Vec::new();
        let preserved = Preserved { labels, ftns };
        self.labels
            .adopt_labels(preserved, Duration::from_secs(60), self.now);
    }

    pub(crate) fn up(&mut self, n: u8) {
        self.up_with(n, parameters());
    }

    /// A session comes up, and the peer tells its address.
    pub(crate) fn up_with(&mut self, n: u8, parameters: PeerParameters) {
        self.labels.peer_up(peer(n), parameters, self.now);
        let addresses = vec![address(n)];
        self.receive(n, Body::Address(AddressMessage { addresses }));
    }

    pub(crate) fn down(&mut self, n: u8) {
        self.labels.peer_down(peer(n), None, self.now);
        self.settle();
    }

    pub(crate) fn receive(&mut self, n: u8, body: Body) -> u32 {
        self.message_id += 1;
        let id = self.message_id;
        self.labels.receive(peer(n), id, body, self.now);
        self.settle();
        id
    }

    pub(crate) fn route(&mut self, of: &str, route: Option<Route>) {
        self.labels.route_changed(fec(of), route, self.now);
        self.settle();
    }

    pub(crate) fn map(&mut self, n: u8, of: &str, value: u32) {
        self.receive(n, Body::LabelMapping(mapping(of, value)));
    }

    pub(crate) fn policy(&mut self, change: impl FnOnce(&mut Policy)) {
        let mut policy = self.labels.policy().clone();
        change(&mut policy);
        self.labels.set_policy(policy, self.now);
        self.settle();
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        let mut timeouts = 0;
        while self.labels.poll_timeout().is_some_and(|at| at <= self.now) {
            timeouts += 1;
            assert!(timeouts < 1000, "time does not pass");
            self.labels.handle_timeout(self.now);
            self.settle();
        }
    }

    /// What a peer was sent since the last time, in order.
    pub(crate) fn take(&mut self, n: u8) -> Vec<Body> {
        let (taken, left) = std::mem::take(&mut self.sent)
            .into_iter()
            .partition(|(to, _, _)| *to == peer(n));
        self.sent = left;
        let taken: VecDeque<(LdpIdentifier, Option<u32>, Body)> = taken;
        taken.into_iter().map(|(_, _, body)| body).collect()
    }

    /// The same in words, as a short form for comparisons.
    pub(crate) fn said(&mut self, n: u8) -> Vec<String> {
        self.take(n).iter().map(short).collect()
    }

    /// The Message ID of the latest Label Request to a peer.
    pub(crate) fn request_id(&self, n: u8) -> u32 {
        let latest = self.sent.iter().rev().find_map(|(to, id, body)| {
            (*to == peer(n) && matches!(body, Body::LabelRequest(_))).then_some(*id)
        });
        latest.flatten().expect("a Label Request was sent")
    }

    /// The labels of a FEC's next hops as ingress.
    pub(crate) fn pushed(&self, of: &str) -> Vec<Option<u32>> {
        self.ftn.get(&fec(of)).map_or_else(Vec::new, |hops| {
            hops.iter().map(|hop| hop.label.map(Label::value)).collect()
        })
    }

    /// The labels that an incoming label is swapped for; `None` for none.
    pub(crate) fn swapped(&self, value: u32) -> Option<Vec<u32>> {
        match &self.ilm.get(&label(value))?.1 {
            IlmOperation::Egress => Some(Vec::new()),
            IlmOperation::Forward(hops) => Some(
                hops.iter()
                    .map(|hop| hop.label.expect("transit packets have a label").value())
                    .collect(),
            ),
        }
    }

    /// Nothing is left of anything.
    pub(crate) fn is_clean(&self) -> bool {
        let counters = self.labels.counters();
        counters == ldp::label::Counters::default()
            && self.allocated.is_empty()
            && self.ilm.is_empty()
            && self.ftn.is_empty()
    }
}

fn elements(fec: &[FecElement]) -> String {
    let all: Vec<String> = fec
        .iter()
        .map(|element| match element {
            FecElement::Wildcard => "*".to_owned(),
            FecElement::Prefix(fec) => fec.to_string(),
            FecElement::TypedWildcard(ldp::packet::TypedWildcard::Prefix { family, topology }) => {
                format!("*{family:?}/{topology}")
            }
            FecElement::Ignored { kind, .. } | FecElement::Unknown { kind, .. } => {
                format!("type {kind}")
            }
        })
        .collect();
    all.join(" ")
}

fn number(label: Option<Label>) -> String {
    label.map_or("any".to_owned(), |label| label.value().to_string())
}

/// A message in words.
pub(crate) fn short(body: &Body) -> String {
    match body {
        Body::LabelMapping(m) => {
            let mut text = format!("map {} {}", elements(&m.fec), m.label.value());
            if let Some(id) = m.request_id {
                text += &format!(" for {id}");
            }
            if let Some(count) = m.hop_count {
                text += &format!(" hops {count}");
            }
            if let Some(path) = &m.path_vector {
                text += &format!(" path {path:?}");
            }
            if let Some(mtu) = m.mtu {
                text += &format!(" mtu {mtu}");
            }
            if m.entropy_label_capable {
                text += " elc";
            }
            text
        }
        Body::LabelRequest(m) => {
            let mut text = format!("request {}", elements(&m.fec));
            if let Some(count) = m.hop_count {
                text += &format!(" hops {count}");
            }
            if let Some(path) = &m.path_vector {
                text += &format!(" path {path:?}");
            }
            text
        }
        Body::LabelWithdraw(m) => format!("withdraw {} {}", elements(&m.fec), number(m.label)),
        Body::LabelRelease(m) => {
            let status = m.status.map_or(String::new(), |status| {
                format!(" status {:#x}", status.code.0)
            });
            format!("release {} {}{status}", elements(&m.fec), number(m.label))
        }
        Body::LabelAbortRequest(m) => format!("abort {} {}", elements(&m.fec), m.request_id),
        Body::Notification(m) => {
            let mut text = format!("notify {:#x}", m.status.code.0);
            if m.status.message_id != 0 {
                text += &format!(" of {}", m.status.message_id);
            }
            if !m.fec.is_empty() {
                text += &format!(" {}", elements(&m.fec));
            }
            if let Some(id) = m.request_id {
                text += &format!(" request {id}");
            }
            text
        }
        other => format!("{other:?}"),
    }
}
