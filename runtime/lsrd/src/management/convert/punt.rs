//! What came up from the switch, by class.

use dataplane::{Counters, PuntReason};
use northbound::v1;

use super::super::Shown;
use super::counter;

/// The punt classes, and the label stacks that no protocol takes.
pub(in super::super) fn punt(
    shown: &Shown<'_>,
    counters: &Option<Counters>,
) -> v1::ShowPuntResponse {
    let config = shown.router.config();
    let profile = &config.switch.profile.punt;
    let packets = &shown.io.counters;
    let mut reasons = PuntReason::ALL;
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.priority()));
    let classes = reasons.into_iter().map(|reason| {
        let rate = config.punt.get(&reason).copied();
        let rate = rate.unwrap_or_else(|| profile.of(reason));
        let received = packets.punts(reason);
        v1::PuntClass {
            name: reason.name().to_owned(),
            priority: reason.priority().into(),
            rate: rate.rate,
            burst: rate.burst,
            offered: counters
                .as_ref()
                .and_then(|all| all.punts.get(&reason))
                .map(counter),
            received: Some(v1::Counter {
                packets: received.packets,
                bytes: received.octets,
            }),
            dropped: received.dropped,
        }
    });
    let stacks = packets.stacks().into_iter();
    let stacks = stacks.map(|stack| v1::PuntedStack {
        class: stack.reason.name().to_owned(),
        labels: stack.labels.iter().map(|label| label.value()).collect(),
        packets: stack.packets,
    });
    v1::ShowPuntResponse {
        classes: classes.collect(),
        stacks: stacks.collect(),
    }
}
