//! The checks of `[punt]`: how fast packets of each class come up to lsrd (RFC 6192).

use std::collections::BTreeMap;

use dataplane::{PuntRate, PuntReason};

use super::problem::Problems;
use super::section::Section;

/// Reads `[punt]`: for each class that it names, `{ rate = PACKETS_PER_SECOND, burst = PACKETS }`.
pub(super) fn read(
    root: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> BTreeMap<PuntReason, PuntRate> {
    let mut rates = BTreeMap::new();
    let Some(mut section) = root.table("punt", "[punt]", problems) else {
        return rates;
    };
    for reason in PuntReason::ALL {
        let Some(mut class) = section.table(reason.name(), "a class of [punt]", problems) else {
            continue;
        };
        let (range, what) = (0..=1_000_000, "packets a second");
        let rate = class.need_integer("rate", "rate = 1000", range, what, problems);
        let burst = class.integer("burst", 1..=1_000_000, "packets at once", problems);
        class.finish(problems);
        if let Some(rate) = rate {
            let rate = rate.value as u32;
            // A fifth of a second.
            let burst = burst.map_or((rate / 5).max(1), |burst| burst.value as u32);
            rates.insert(reason, PuntRate { rate, burst });
        }
    }
    section.finish(problems);
    rates
}
