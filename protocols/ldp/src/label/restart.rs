//! A restart of this LSR: labels that the switch still forwards are used again (RFC 3478 sections 3.1 and
//! 3.1.2, with the FEC of each label known).

use std::time::{Duration, Instant};

use mpls::Label;
use rustc_hash::FxHashMap;

use super::store::Local;
use super::timers::Timer;
use super::{LabelDistribution, LabelOutput, LfibChange, Preserved};
use crate::PrefixFec;

/// What was preserved.
#[derive(Debug)]
pub(super) struct Adopted {
    /// Until when the forwarding state is held: the MPLS Forwarding State Holding timer.
    until: Instant,
    /// The labels in the switch, and whether a FEC has taken each again.
    labels: FxHashMap<PrefixFec, (Label, bool)>,
    ftns: Vec<PrefixFec>,
}

impl Adopted {
    /// How many labels and FECs it holds.
    pub(super) fn len(&self) -> usize {
        self.labels.len() + self.ftns.len()
    }
}

impl LabelDistribution {
    /// Labels are to be used again.
    pub(super) fn adopt(&mut self, preserved: Preserved, holding: Duration) {
        let until = self.now + holding;
        self.timers.insert((until, Timer::Holding));
        let mut labels = FxHashMap::default();
        for (fec, label) in preserved.labels {
            // A FEC takes one label again. Another that is in the switch for it, from before an earlier
            // restart, is of no use to anybody.
            if let Some((label, _)) = labels.insert(fec, (label, false)) {
                let change = LfibChange::UnbindIlm { label, fec };
                self.output.push_back(LabelOutput::Lfib(change));
                self.output
                    .push_back(LabelOutput::Deallocate { fec, label });
            }
        }
        self.adopted = Some(Adopted {
            until,
            labels,
            ftns: preserved.ftns,
        });
    }

    /// The label that a FEC had before the restart.
    pub(super) fn take_adopted(&mut self, fec: &PrefixFec) -> Option<Label> {
        let (label, taken) = self.adopted.as_mut()?.labels.get_mut(fec)?;
        if std::mem::replace(taken, true) {
            return None;
        }
        Some(*label)
    }

    /// Whether peers that are not back yet since the restart may use a label of before.
    pub(super) fn holds_adopted(&self, fec: &PrefixFec, label: Label) -> bool {
        let adopted = self.adopted.as_ref();
        let had = adopted.and_then(|adopted| adopted.labels.get(fec));
        had.is_some_and(|(had, _)| *had == label)
    }

    /// A label goes back that may be in the switch from before the restart: it is taken out, unless it was
    /// installed since and is out already.
    pub(super) fn give_up_adopted(&mut self, fec: PrefixFec, label: Label, installed: bool) {
        let Some(adopted) = &mut self.adopted else {
            return;
        };
        if adopted
            .labels
            .get(&fec)
            .is_some_and(|(had, _)| *had == label)
        {
            adopted.labels.remove(&fec);
            if !installed {
                let change = LfibChange::UnbindIlm { label, fec };
                self.output.push_back(LabelOutput::Lfib(change));
            }
        }
    }

    /// The MPLS Forwarding State Holding timer expires: what is still stale is removed.
    pub(super) fn end_holding(&mut self) {
        if self
            .adopted
            .as_ref()
            .is_none_or(|adopted| adopted.until > self.now)
        {
            return;
        }
        let Some(adopted) = self.adopted.take() else {
            return;
        };
        // What is queued may still make use of it.
        while self.settle_next() {}
        for (fec, (label, taken)) in adopted.labels {
            let record = self.index.get(&fec).and_then(|index| self.fecs.get(*index));
            let in_use = record.is_some_and(|record| {
                record.local == Local::Bound(label) && record.installed.ilm.is_some()
            });
            if !in_use {
                let change = LfibChange::UnbindIlm { label, fec };
                self.output.push_back(LabelOutput::Lfib(change));
            }
            if !taken {
                self.output
                    .push_back(LabelOutput::Deallocate { fec, label });
            } else if let Some(index) = self.index.get(&fec).copied() {
                // It was held, and nobody may want it.
                self.mark(index);
            }
        }
        for fec in adopted.ftns {
            let in_use = self
                .index
                .get(&fec)
                .and_then(|index| self.fecs.get(*index))
                .is_some_and(|record| record.installed.ftn);
            if !in_use {
                let change = LfibChange::UnbindFtn { fec };
                self.output.push_back(LabelOutput::Lfib(change));
            }
        }
    }
}
