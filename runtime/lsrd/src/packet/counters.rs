//! What lsrd counts of the packets between the switch and the router's IP stack.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use dataplane::PuntReason;
use mpls::Label;

/// Label stacks that are told apart; packets with others are counted together.
const STACKS: usize = 64;

/// What came of one punt class.
#[derive(Debug, Default)]
struct ClassCounters {
    packets: AtomicU64,
    octets: AtomicU64,
    dropped: AtomicU64,
}

/// What came of one punt class, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassCounts {
    /// Packets from the switch, those dropped included.
    pub packets: u64,
    /// Their octets, from the Ethernet header on.
    pub octets: u64,
    /// Packets that were dropped because the queue of the class was full.
    pub dropped: u64,
}

/// Packets that came up for their labels, which no protocol takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackCount {
    /// Why they came.
    pub reason: PuntReason,
    /// Their labels, outermost first; empty for all stacks beyond those that are told apart.
    pub labels: Vec<Label>,
    /// How many.
    pub packets: u64,
}

/// Counts of packet handling since lsrd started.
#[derive(Debug, Default)]
pub struct PacketCounters {
    /// Packets that could not be understood.
    pub malformed: AtomicU64,
    /// ICMP errors that were sent.
    pub icmp_sent: AtomicU64,
    /// ICMP errors that were not sent for their rate.
    pub icmp_suppressed: AtomicU64,
    /// Packets that were too big and left as fragments.
    pub fragmented: AtomicU64,
    /// Packets that were too big and ended here without an ICMP error.
    pub too_big: AtomicU64,
    /// Packets that the kernel sent into an LSP without a usable next hop.
    pub no_next_hop: AtomicU64,
    /// Packets to the switch.
    pub packet_outs: AtomicU64,
    /// Packets that could not be sent to the switch.
    pub packet_outs_failed: AtomicU64,
    classes: [ClassCounters; PuntReason::ALL.len()],
    stacks: Mutex<BTreeMap<(PuntReason, Vec<Label>), u64>>,
}

impl PacketCounters {
    /// Adds one to a count.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a packet from the switch.
    pub fn count_punt(&self, reason: PuntReason, octets: usize) {
        if let Some(class) = self.class(reason) {
            Self::count(&class.packets);
            class.octets.fetch_add(octets as u64, Ordering::Relaxed);
        }
    }

    /// Counts a packet for which the queue of its class had no room.
    pub fn count_dropped(&self, reason: PuntReason) {
        if let Some(class) = self.class(reason) {
            Self::count(&class.dropped);
        }
    }

    /// What came for this reason.
    pub fn punts(&self, reason: PuntReason) -> ClassCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        self.class(reason)
            .map(|class| ClassCounts {
                packets: of(&class.packets),
                octets: of(&class.octets),
                dropped: of(&class.dropped),
            })
            .unwrap_or_default()
    }

    fn class(&self, reason: PuntReason) -> Option<&ClassCounters> {
        let position = PuntReason::ALL.iter().position(|known| *known == reason)?;
        self.classes.get(position)
    }

    /// Counts a packet that came up for its labels.
    pub fn count_stack(&self, reason: PuntReason, labels: Vec<Label>) {
        let mut stacks = self.stacks.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (reason, labels);
        let key = match stacks.len() < STACKS || stacks.contains_key(&key) {
            true => key,
            false => (reason, Vec::new()),
        };
        *stacks.entry(key).or_default() += 1;
    }

    /// The packets that came up for their labels.
    pub fn stacks(&self) -> Vec<StackCount> {
        let stacks = self.stacks.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = stacks.iter().map(|((reason, labels), packets)| StackCount {
            reason: *reason,
            labels: labels.clone(),
            packets: *packets,
        });
        counts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_counts_packets_octets_and_drops() {
        let counters = PacketCounters::default();
        counters.count_punt(PuntReason::Glean, 64);
        counters.count_punt(PuntReason::Glean, 100);
        counters.count_dropped(PuntReason::Glean);
        let expected = ClassCounts {
            packets: 2,
            octets: 164,
            dropped: 1,
        };
        assert_eq!(counters.punts(PuntReason::Glean), expected);
        assert_eq!(counters.punts(PuntReason::Control), ClassCounts::default());
    }

    #[test]
    fn many_label_stacks_do_not_fill_the_memory() {
        let counters = PacketCounters::default();
        for value in 0..1000 {
            let label = Label::new(16 + value).unwrap();
            counters.count_stack(PuntReason::LabelAction, vec![label]);
        }
        let stacks = counters.stacks();
        assert_eq!(stacks.len(), STACKS + 1);
        let others = stacks.iter().find(|count| count.labels.is_empty());
        assert_eq!(others.unwrap().packets, 1000 - STACKS as u64);
    }
}
