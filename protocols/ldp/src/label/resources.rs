//! Local labels, and Detect Local Label Resources Have Become Available (RFC 5036 appendix A.1.13).

use mpls::Label;

use super::message::{advisory, send_notification, status};
use super::store::Local;
use super::timers::Timer;
use super::{LabelDistribution, LabelEvent, LabelOutput};
use crate::PrefixFec;

impl LabelDistribution {
    /// The answer of the label manager (SL.1, SL.2).
    pub(super) fn take_label(&mut self, fec: PrefixFec, label: Result<Label, String>) {
        let index = self.index.get(&fec).copied();
        let record = index.and_then(|index| self.fecs.get_mut(index));
        let asked = record.filter(|record| record.local == Local::Requested);
        let (Some(index), Some(record)) = (index, asked) else {
            // Nobody asked: it goes back.
            if let Ok(label) = label {
                self.output
                    .push_back(LabelOutput::Deallocate { fec, label });
            }
            return;
        };
        self.counted.allocating = self.counted.allocating.saturating_sub(1);
        let label = match label {
            Ok(label) if label.is_reserved() => Err(format!(
                "{label} has a special purpose (RFC 9017 section 2)"
            )),
            label => label,
        };
        match label {
            Ok(label) => {
                record.local = Local::Bound(label);
                self.counted.labels += 1;
                self.mark(index);
                if !self.without_labels.is_empty() || self.told_no_resources {
                    self.local_label_resources_available();
                }
            }
            Err(reason) => {
                // SL.13; SL.9 to SL.12 follow when the FEC is settled.
                record.local = Local::NoResources;
                self.without_labels.insert(index);
                let event = LabelEvent::NoLabel { fec, reason };
                self.output.push_back(LabelOutput::Event(event));
                self.mark(index);
                self.arm_allocation_retry();
            }
        }
    }

    /// Some time later it is tried again.
    pub(super) fn arm_allocation_retry(&mut self) {
        if self.allocation_retry.is_none() {
            let at = self.now + self.policy.allocation_retry;
            self.allocation_retry = Some(at);
            self.timers.insert((at, Timer::AllocationRetry));
        }
    }

    /// One FEC asks for a label. If it gets one, the others ask too.
    pub(super) fn retry_allocation(&mut self) {
        self.allocation_retry = None;
        let Some(index) = self.without_labels.pop_first() else {
            if self.told_no_resources {
                self.local_label_resources_available();
            }
            return;
        };
        if let Some(record) = self.fecs.get_mut(index)
            && record.local == Local::NoResources
        {
            record.local = Local::Requested;
            self.counted.allocating += 1;
            self.output
                .push_back(LabelOutput::Allocate { fec: record.fec });
        }
    }

    /// Detect Local Label Resources Have Become Available (appendix A.1.13).
    pub(super) fn local_label_resources_available(&mut self) {
        // ResA.1 to ResA.4.
        self.told_no_resources = false;
        for (_, peer) in &mut self.peers {
            if std::mem::take(&mut peer.told_no_resources) {
                let status = advisory(status::LABEL_RESOURCES_AVAILABLE, 0, 0);
                send_notification(&mut self.output, peer, status);
            }
        }
        // ResA.5 to ResA.8.
        for index in std::mem::take(&mut self.without_labels) {
            if let Some(record) = self.fecs.get_mut(index)
                && record.local == Local::NoResources
            {
                record.local = Local::None;
            }
            self.mark(index);
        }
    }
}
