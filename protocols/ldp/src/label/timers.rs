//! What has its time, and Timeout of Deferred Label Request (RFC 5036 appendix A.1.15).

use super::LabelDistribution;
use super::store::{FecIndex, PeerIndex};

/// What is to be done at a time. Each is looked at again then: it may have been settled otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A deferred Label Request.
    Deferred(FecIndex, PeerIndex),
    /// A Label Abort Request that is not answered.
    Abort(FecIndex, PeerIndex),
    /// A Label Withdraw to which a Label Release came that is not plainly the answer.
    Withdraw(FecIndex, PeerIndex),
    /// Stale bindings of a peer.
    Stale(PeerIndex),
    /// The End-of-LIB of a peer.
    EndOfLib(PeerIndex),
    /// Labels are asked for again.
    AllocationRetry,
    /// The forwarding state from before a restart of this LSR.
    Holding,
}

impl LabelDistribution {
    /// Does what is due.
    pub(super) fn expire(&mut self) {
        while let Some((at, timer)) = self.timers.first().copied()
            && at <= self.now
        {
            self.timers.pop_first();
            match timer {
                Timer::Deferred(index, peer) => self.deferred_request_times_out(index, peer),
                Timer::Abort(index, peer) => self.abort_times_out(index, peer),
                Timer::Withdraw(index, peer) => self.withdraw_times_out(index, peer, at),
                Timer::Stale(index) => self.staleness_times_out(index),
                Timer::EndOfLib(index) => self.end_of_lib_times_out(index),
                Timer::AllocationRetry => self.retry_allocation(),
                Timer::Holding => self.end_holding(),
            }
        }
    }

    /// Timeout of Deferred Label Request (appendix A.1.15).
    fn deferred_request_times_out(&mut self, index: FecIndex, peer: PeerIndex) {
        let now = self.now;
        let requests = self
            .fecs
            .get_mut(index)
            .and_then(|record| record.requests.as_mut());
        let Some(requests) = requests else {
            return;
        };
        // TO.1.
        let before = requests.deferred.len();
        requests
            .deferred
            .retain(|(other, at)| *other != peer || at.is_none_or(|at| at > now));
        if requests.deferred.len() != before {
            // TO.2 and TO.3 follow when the FEC is settled. It was needed, so that it is needed.
            requests.wanted = true;
            self.mark(index);
        }
    }

    /// A peer does not answer a Label Abort Request: the request is forgotten (section 3.5.9.1).
    fn abort_times_out(&mut self, index: FecIndex, peer: PeerIndex) {
        let now = self.now;
        let Some(requests) = self
            .fecs
            .get_mut(index)
            .and_then(|record| record.requests.as_mut())
        else {
            return;
        };
        let mut forgotten = Vec::new();
        requests.sent.retain(|sent| {
            let over = sent.peer == peer && sent.aborted.is_some_and(|at| at <= now);
            if over {
                forgotten.push(sent.id);
            }
            !over
        });
        for id in forgotten {
            self.requests.remove(&(peer, id));
        }
        self.mark(index);
    }

    fn staleness_times_out(&mut self, index: PeerIndex) {
        let Some(peer) = self.peers.get(index.place()) else {
            return;
        };
        if peer.stale_until.is_none_or(|until| until > self.now) {
            return;
        }
        if peer.up {
            self.end_recovery(index);
        } else {
            // It did not come back.
            let id = peer.id;
            self.remove_stale(index, |_, _| true);
            self.remove_peer(id, None);
        }
    }

    /// No End-of-LIB came for a while, and no mapping either (RFC 5919 section 4.1).
    fn end_of_lib_times_out(&mut self, index: PeerIndex) {
        let Some(peer) = self.peers.get(index.place()) else {
            return;
        };
        if peer.synchronized || !peer.up {
            return;
        }
        let due = peer.last_mapping + self.policy.end_of_lib_timeout;
        if due <= self.now {
            self.synchronized(index);
        } else {
            self.timers.insert((due, Timer::EndOfLib(index)));
        }
    }
}
