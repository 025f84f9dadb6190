//! The LFIB: what packets are to do, and what of that changed (RFC 3031 sections 3.10 to 3.12).

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::hop::Hop;
use super::next_hop::{GroupIndex, Groups};
use super::peer::Peer;
use super::settle::Situation;
use super::store::{Fec, IlmKind, Local};
use super::{
    Counters, IlmOperation, LabelDistribution, LabelOutput, LabelledNextHop, LfibChange, Policy,
};

type NextHops = SmallVec<[LabelledNextHop; 1]>;

/// Who takes the next hops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Packets that get their first label: those of all next hops, with the MTU of the LSP (RFC 3988).
    Ftn,
    /// Packets that come with a label: those of next hops that have one. The MTU is the least of several
    /// ways further on: a packet may take one that carries it, and the ingress was told of the least.
    Ilm,
}

/// The next hops of a group with their labels.
fn next_hops(
    groups: &Groups,
    peers: &slab::Slab<Peer>,
    group: Option<GroupIndex>,
    hops: &[Hop],
    of: For,
) -> NextHops {
    let Some(group) = group.and_then(|group| groups.get(group)) else {
        return SmallVec::new();
    };
    let weights = group.route.weights.iter().copied();
    group
        .route
        .next_hops
        .iter()
        .zip(hops)
        .zip(weights.chain(std::iter::repeat(1)))
        .filter(|((_, hop), _)| of == For::Ftn || hop.label().is_some())
        .map(|((next_hop, hop), weight)| {
            let label = hop.label();
            LabelledNextHop {
                next_hop: next_hop.clone(),
                weight,
                label,
                peer: label
                    .and_then(|_| peers.get(hop.peer().place()))
                    .map(|peer| peer.id),
                entropy_label_capable: hop.entropy_label_capable(),
                mtu: hop.mtu().filter(|_| of == For::Ftn),
            }
        })
        .collect()
}

/// Brings the LFIB to what a FEC's situation asks for: nothing is said that does not change anything.
///
/// Incoming labels are bound before anything else, and before any message tells of them: an upstream
/// peer may send packets as soon as it has the label.
pub(super) fn update(
    fec: &mut Fec,
    situation: &Situation,
    policy: &Policy,
    groups: &mut Groups,
    peers: &slab::Slab<Peer>,
    counters: &mut Counters,
    output: &mut VecDeque<LabelOutput>,
) {
    let ftn = policy.ingress && situation.routed && !situation.egress && situation.labelled;
    let ilm = match fec.local {
        Local::Bound(label) if situation.wants_real_label() || fec.is_held(label) => {
            if situation.egress {
                Some((label, IlmKind::Egress))
            } else if situation.labelled {
                Some((label, IlmKind::Forward))
            } else if policy.forward_unlabelled && situation.routed {
                Some((label, IlmKind::Egress))
            } else {
                None
            }
        }
        _ => None,
    };
    let before = &fec.installed;
    let same_hops = before.group == fec.group && before.hops == situation.hops;
    if before.ftn == ftn && before.ilm == ilm && (same_hops || uses_no_hops(ftn, ilm)) {
        return;
    }
    let id = fec.fec;
    if let Some((label, kind)) = ilm
        && !same_ilm(fec, situation, ilm, same_hops, groups, peers)
    {
        let operation = match kind {
            IlmKind::Egress => IlmOperation::Egress,
            IlmKind::Forward => IlmOperation::Forward(next_hops(
                groups,
                peers,
                fec.group,
                &situation.hops,
                For::Ilm,
            )),
        };
        output.push_back(LabelOutput::Lfib(LfibChange::BindIlm {
            label,
            fec: id,
            operation,
        }));
    }
    if ftn && !(before.ftn && same_hops) {
        output.push_back(LabelOutput::Lfib(LfibChange::BindFtn {
            fec: id,
            next_hops: next_hops(groups, peers, fec.group, &situation.hops, For::Ftn),
        }));
    }
    if before.ftn && !ftn {
        output.push_back(LabelOutput::Lfib(LfibChange::UnbindFtn { fec: id }));
    }
    if let Some((label, _)) = before.ilm
        && ilm.is_none_or(|(other, _)| other != label)
    {
        output.push_back(LabelOutput::Lfib(LfibChange::UnbindIlm { label, fec: id }));
    }
    counters.ftn = counters.ftn + usize::from(ftn) - usize::from(before.ftn);
    counters.ilm = counters.ilm + usize::from(ilm.is_some()) - usize::from(before.ilm.is_some());

    let group = fec.group.filter(|_| !uses_no_hops(ftn, ilm));
    if group != fec.installed.group {
        if let Some(group) = group {
            groups.count_installed(group, true);
        }
        if let Some(group) = fec.installed.group {
            groups.count_installed(group, false);
        }
        fec.installed.group = group;
    }
    fec.installed.ftn = ftn;
    fec.installed.ilm = ilm;
    fec.installed.hops.clear();
    if group.is_some() {
        fec.installed.hops.extend_from_slice(&situation.hops);
    }
}

impl LabelDistribution {
    /// One step of telling the LFIB again. Whether there was one.
    pub(super) fn repeat_next(&mut self) -> bool {
        let Some(place) = self.repeating else {
            return false;
        };
        if let Some(fec) = self.fecs.get(place) {
            repeat(fec, &self.groups, &self.peers, &mut self.output);
        }
        self.repeating = Some(place + 1).filter(|next| *next < self.fecs.capacity());
        true
    }
}

/// Says again what is installed of a FEC.
fn repeat(
    fec: &Fec,
    groups: &Groups,
    peers: &slab::Slab<Peer>,
    output: &mut VecDeque<LabelOutput>,
) {
    let installed = &fec.installed;
    let hops = |of| next_hops(groups, peers, installed.group, &installed.hops, of);
    if let Some((label, kind)) = installed.ilm {
        let operation = match kind {
            IlmKind::Egress => IlmOperation::Egress,
            IlmKind::Forward => IlmOperation::Forward(hops(For::Ilm)),
        };
        output.push_back(LabelOutput::Lfib(LfibChange::BindIlm {
            label,
            fec: fec.fec,
            operation,
        }));
    }
    if installed.ftn {
        output.push_back(LabelOutput::Lfib(LfibChange::BindFtn {
            fec: fec.fec,
            next_hops: hops(For::Ftn),
        }));
    }
}

fn uses_no_hops(ftn: bool, ilm: Option<(mpls::Label, IlmKind)>) -> bool {
    !ftn && !matches!(ilm, Some((_, IlmKind::Forward)))
}

/// Whether the entry of the incoming label stays as it is. Next hops without label and MTUs are not in it, so
/// that they may change.
fn same_ilm(
    fec: &Fec,
    situation: &Situation,
    ilm: Option<(mpls::Label, IlmKind)>,
    same_hops: bool,
    groups: &Groups,
    peers: &slab::Slab<Peer>,
) -> bool {
    let before = &fec.installed;
    if before.ilm != ilm {
        return false;
    }
    same_hops
        || !matches!(ilm, Some((_, IlmKind::Forward)))
        || next_hops(groups, peers, before.group, &before.hops, For::Ilm)
            == next_hops(groups, peers, fec.group, &situation.hops, For::Ilm)
}
