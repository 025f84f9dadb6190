//! Resilient hashing: which bucket of a path group is whose.
//!
//! The switch picks a bucket by the low bits of the flow hash, so the number of buckets is a power
//! of two. When a member comes or goes, only as many buckets change hands as must.

/// Buckets of a set at the most: the bucket numbers of mpls.p4 have 10 bits.
const MAX_BUCKETS: u16 = 1024;

/// Buckets for each member at the least, so that the flows of a member that goes are spread over
/// the others.
const BUCKETS_PER_MEMBER: usize = 8;

/// By how much of its weight a member's share of the buckets may differ, in percent, where the
/// number of buckets allows it.
const TOLERANCE: u64 = 5;

/// How many buckets a member should have.
///
/// The share is `share / unit` buckets; all members of a set have the same unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quota {
    share: u64,
    unit: u64,
}

impl Quota {
    fn floor(self) -> u64 {
        self.share / self.unit
    }

    fn ceil(self) -> u64 {
        self.share.div_ceil(self.unit)
    }

    /// The smallest number of buckets within the tolerance.
    fn tolerated_least(self) -> u64 {
        (self.share * (100 - TOLERANCE)).div_ceil(self.unit * 100)
    }

    /// The largest number of buckets within the tolerance.
    fn tolerated_most(self) -> u64 {
        self.share * (100 + TOLERANCE) / (self.unit * 100)
    }

    /// The smallest number of buckets that is left alone.
    fn least(self) -> u64 {
        self.floor().min(self.tolerated_least()).max(1)
    }

    /// The largest number of buckets that is left alone.
    fn most(self) -> u64 {
        self.ceil().max(self.tolerated_most())
    }

    /// How many buckets are missing, in parts of the unit; negative for a surplus.
    fn missing(self, count: u64) -> i64 {
        // Shares and counts are at most 1024 * 128 * 255, far within the type.
        self.share as i64 - (count * self.unit) as i64
    }
}

/// The quotas of members with these weights. A member whose share is less than a bucket gets one:
/// a path that is configured carries traffic.
fn quotas(weights: &[u16], buckets: u16) -> Vec<Quota> {
    let mut small = vec![false; weights.len()];
    loop {
        let rest = u64::from(buckets) - small.iter().filter(|small| **small).count() as u64;
        let large = weights.iter().zip(&small).filter(|(_, small)| !**small);
        let unit = large
            .map(|(weight, _)| u64::from(*weight))
            .sum::<u64>()
            .max(1);
        let quota = |(weight, small): (&u16, &bool)| {
            let share = if *small {
                unit
            } else {
                u64::from(*weight) * rest
            };
            Quota { share, unit }
        };
        let quotas: Vec<_> = weights.iter().zip(&small).map(quota).collect();
        let mut changed = false;
        for (quota, small) in quotas.iter().zip(&mut small) {
            if !*small && quota.share < quota.unit {
                *small = true;
                changed = true;
            }
        }
        if !changed {
            return quotas;
        }
    }
}

/// Which member has each bucket of a set, by its place in `weights`: as many buckets as keep every
/// share within 5 % of its weight, where 1024 do, and no fewer than `previous` has.
///
/// `previous` says who has each bucket now, `None` for a member that is gone; its length is a power
/// of two, or 0 for a new set. Of the flows of members that stay, as few move as can be. Without
/// a member there is no bucket.
pub fn share_buckets(previous: &[Option<usize>], weights: &[u16]) -> Vec<usize> {
    if weights.is_empty() {
        return Vec::new();
    }
    // No set has more than 1024 buckets.
    let held = previous.len().min(MAX_BUCKETS.into()) as u16;
    assign(previous, weights, bucket_count(weights).max(held))
}

/// The smallest number of buckets that keeps every member's share within 5 % of its weight, where
/// 1024 do.
fn bucket_count(weights: &[u16]) -> u16 {
    if weights.len() <= 1 {
        return 1;
    }
    let least = (weights.len() * BUCKETS_PER_MEMBER).next_power_of_two();
    let mut count = least.min(MAX_BUCKETS.into()) as u16;
    while count < MAX_BUCKETS && !fits(weights, count) {
        count *= 2;
    }
    count
}

/// Whether all shares can be within the tolerance at once.
fn fits(weights: &[u16], buckets: u16) -> bool {
    let unit: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    let quotas = weights.iter().map(|weight| Quota {
        share: u64::from(*weight) * u64::from(buckets),
        unit,
    });
    let bounds = quotas.map(|quota| (quota.tolerated_least(), quota.tolerated_most()));
    let (mut least, mut most) = (0, 0);
    for (smallest, largest) in bounds {
        if smallest > largest {
            return false;
        }
        least += smallest;
        most += largest;
    }
    (least..=most).contains(&buckets.into())
}

/// Gives each of `buckets` buckets to a member, by its place in `weights`, which is not empty.
///
/// `previous` says which member has each bucket now; its length is a power of two. With fewer
/// buckets than there are to be, each one stands for all that have its number in their low bits:
/// there the flows are.
fn assign(previous: &[Option<usize>], weights: &[u16], buckets: u16) -> Vec<usize> {
    let quotas = quotas(weights, buckets);
    let mut owners: Vec<Option<usize>> = (0..usize::from(buckets))
        .map(|bucket| *previous.get(bucket % previous.len().max(1))?)
        .collect();
    let mut counts = vec![0u64; weights.len()];
    for owner in owners.iter().flatten() {
        counts[*owner] += 1;
    }
    // Buckets that are free go first to who must have more, then to who misses most.
    for owner in owners.iter_mut().filter(|owner| owner.is_none()) {
        let member = most_in_need(&quotas, &counts);
        counts[member] += 1;
        *owner = Some(member);
    }
    // Then no more than what puts everyone within bounds.
    let mut from_end = owners.len();
    loop {
        let outside = |member: usize| {
            counts[member] < quotas[member].least() || counts[member] > quotas[member].most()
        };
        if !(0..weights.len()).any(outside) {
            break;
        }
        let taker = most_in_need(&quotas, &counts);
        let giver = most_to_spare(&quotas, &counts);
        if taker == giver {
            break;
        }
        // The giver has more buckets than its share, so one of them is found.
        let found = (0..owners.len())
            .map(|step| (from_end + owners.len() - 1 - step) % owners.len())
            .find(|bucket| owners[*bucket] == Some(giver));
        let Some(bucket) = found else { break };
        from_end = bucket;
        owners[bucket] = Some(taker);
        counts[giver] -= 1;
        counts[taker] += 1;
    }
    owners.into_iter().flatten().collect()
}

/// Who gets the next bucket.
fn most_in_need(quotas: &[Quota], counts: &[u64]) -> usize {
    let need = |member: &usize| {
        let (quota, count) = (quotas[*member], counts[*member]);
        // Of equal ones the first.
        (
            count < quota.least(),
            quota.missing(count),
            std::cmp::Reverse(*member),
        )
    };
    (0..quotas.len()).max_by_key(need).unwrap_or(0)
}

/// Who gives a bucket away.
fn most_to_spare(quotas: &[Quota], counts: &[u64]) -> usize {
    let spare = |member: &usize| {
        let (quota, count) = (quotas[*member], counts[*member]);
        (
            count > quota.most(),
            -quota.missing(count),
            std::cmp::Reverse(*member),
        )
    };
    (0..quotas.len()).max_by_key(spare).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(owners: &[usize], members: usize) -> Vec<u64> {
        let mut counts = vec![0; members];
        for owner in owners {
            counts[*owner] += 1;
        }
        counts
    }

    #[test]
    fn a_single_path_has_one_bucket() {
        assert_eq!(bucket_count(&[7]), 1);
        assert_eq!(assign(&[], &[7], 1), [0]);
    }

    /// The smallest power of two, at least 8 for each member, with all shares within 5 %.
    #[test]
    fn the_number_of_buckets_keeps_shares_within_5_percent() {
        for (weights, expected) in [
            (&[1, 1][..], 16),
            (&[1, 1, 1], 64),
            (&[1; 4], 32),
            (&[1; 8], 64),
            (&[1; 16], 128),
            (&[1; 128], 1024),
            (&[3, 1], 16),
            (&[2, 1], 32),
            (&[255, 1], 256),
        ] {
            assert_eq!(bucket_count(weights), expected, "{weights:?}");
            let owners = assign(&[], weights, expected);
            let sum: u16 = weights.iter().sum();
            for (count, weight) in counts(&owners, weights.len()).iter().zip(weights) {
                let share = f64::from(*weight) / f64::from(sum);
                let got = *count as f64 / f64::from(expected);
                assert!((got / share - 1.0).abs() <= 0.05, "{weights:?}: {got}");
            }
        }
    }

    /// A member that goes: its buckets alone change hands. One that comes: no other gets any.
    #[test]
    fn only_the_flows_of_a_member_that_goes_move() {
        for members in [2usize, 3, 4, 8, 16, 128] {
            let weights = vec![1; members];
            let buckets = bucket_count(&weights);
            let before = assign(&[], &weights, buckets);
            for gone in 0..members {
                let kept: Vec<_> = before
                    .iter()
                    .map(|owner| (*owner != gone).then(|| owner - usize::from(*owner > gone)))
                    .collect();
                let after = assign(&kept, &weights[1..], buckets);
                let moved = kept
                    .iter()
                    .zip(&after)
                    .filter(|(kept, after)| kept.is_some_and(|kept| kept != **after));
                assert_eq!(moved.count(), 0, "{members} members");
                // It comes back as the last one.
                let kept: Vec<_> = after.iter().map(|owner| Some(*owner)).collect();
                let again = assign(&kept, &weights, buckets);
                let others = after
                    .iter()
                    .zip(&again)
                    .filter(|(after, again)| after != again && **again != members - 1);
                assert_eq!(others.count(), 0, "{members} members");
            }
        }
    }

    #[test]
    fn more_buckets_leave_the_flows_where_they_are() {
        let before = assign(&[], &[1, 1], 16);
        let previous: Vec<_> = before.iter().map(|owner| Some(*owner)).collect();
        let after = assign(&previous, &[1, 1], 64);
        for (bucket, owner) in after.iter().enumerate() {
            assert_eq!(*owner, before[bucket % 16]);
        }
    }

    #[test]
    fn a_member_with_less_than_a_bucket_gets_one() {
        let mut weights = vec![255; 18];
        weights.extend([1; 110]);
        let owners = assign(&[], &weights, bucket_count(&weights));
        assert!(counts(&owners, 128).iter().all(|count| *count >= 1));
    }

    #[derive(Debug, Clone)]
    enum Change {
        Join(u16),
        Leave(prop::sample::Index),
        Weigh(prop::sample::Index, u16),
    }

    fn any_change() -> impl Strategy<Value = Change> {
        let weight = || prop_oneof![3 => Just(1u16), 1 => 1u16..=255];
        prop_oneof![
            3 => weight().prop_map(Change::Join),
            2 => any::<prop::sample::Index>().prop_map(Change::Leave),
            1 => (any::<prop::sample::Index>(), weight()).prop_map(|(at, to)| Change::Weigh(at, to)),
        ]
    }

    proptest! {
        /// Whatever members come and go, every share stays within its bounds, and of the flows
        /// whose member stays no more are moved than the bounds ask for.
        #[test]
        fn shares_stay_within_bounds_and_only_what_must_moves(
            first in prop::collection::vec(1u16..=255, 1..6),
            changes in prop::collection::vec(any_change(), 1..24),
        ) {
            // Members by a name that outlives changes.
            let mut members: Vec<(usize, u16)> = first.into_iter().enumerate().collect();
            let mut next = members.len();
            let mut owners: Vec<usize> = Vec::new();
            for change in std::iter::once(None).chain(changes.into_iter().map(Some)) {
                match change {
                    None => {}
                    Some(Change::Join(weight)) if members.len() < 128 => {
                        members.push((next, weight));
                        next += 1;
                    }
                    Some(Change::Leave(at)) if members.len() > 1 => {
                        members.remove(at.index(members.len()));
                    }
                    Some(Change::Weigh(at, weight)) => {
                        let at = at.index(members.len());
                        members[at].1 = weight;
                    }
                    Some(_) => continue,
                }
                let weights: Vec<_> = members.iter().map(|(_, weight)| *weight).collect();
                let buckets = bucket_count(&weights).max(owners.len() as u16);
                let place = |name: usize| members.iter().position(|(member, _)| *member == name);
                let previous: Vec<_> = owners.iter().map(|name| place(*name)).collect();
                let assigned = assign(&previous, &weights, buckets);
                prop_assert_eq!(assigned.len(), usize::from(buckets));

                let quotas = quotas(&weights, buckets);
                for (count, quota) in counts(&assigned, members.len()).iter().zip(&quotas) {
                    prop_assert!((quota.least()..=quota.most()).contains(count));
                }
                // What was there before, at the new number of buckets.
                let kept: Vec<_> = (0..usize::from(buckets))
                    .map(|bucket| *previous.get(bucket % previous.len().max(1))?)
                    .collect();
                let mut held = vec![0u64; members.len()];
                for owner in kept.iter().flatten() {
                    held[*owner] += 1;
                }
                let free = kept.iter().filter(|owner| owner.is_none()).count() as u64;
                let pairs = || held.iter().zip(&quotas);
                let short: u64 = pairs().map(|(held, quota)| quota.least().saturating_sub(*held)).sum();
                let over: u64 = pairs().map(|(held, quota)| held.saturating_sub(quota.most())).sum();
                let moved = kept.iter().zip(&assigned);
                let moved = moved.filter(|(kept, owner)| kept.is_some_and(|kept| kept != **owner));
                prop_assert_eq!(moved.count() as u64, over.max(short.saturating_sub(free)));
                owners = assigned.iter().map(|owner| members[*owner].0).collect();
            }
        }
    }
}
