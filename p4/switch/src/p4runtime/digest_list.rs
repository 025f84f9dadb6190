//! Gathers digests into lists (section 9.8), without clock or stream: the caller says what time
//! it is.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use p4runtime_proto::p4::v1::{DigestList, P4Data, digest_entry::Config};
use prost::Message;

/// Longest list where the client sets no limit.
const MAX_LIST_SIZE: usize = 1024;

/// The digests that are on their way to the primary controller.
#[derive(Default)]
pub(crate) struct DigestLists {
    digests: BTreeMap<u32, Lists>,
    last_list_id: u64,
}

#[derive(Default)]
struct Lists {
    config: Config,
    gathered: Vec<P4Data>,
    /// When the first of the gathered ones came.
    since: Option<Instant>,
    /// Lists that the client has not acknowledged.
    sent: Vec<Sent>,
    /// What stands in `gathered` and `sent`, serialized.
    known: HashSet<Vec<u8>>,
}

struct Sent {
    list_id: u64,
    at: Instant,
    data: Vec<P4Data>,
}

impl DigestLists {
    /// Takes over which digests to report, and how.
    pub(crate) fn configure(&mut self, configs: Vec<(u32, Config)>) {
        let mut old = std::mem::take(&mut self.digests);
        for (id, config) in configs {
            let mut lists = old.remove(&id).unwrap_or_default();
            lists.config = config;
            self.digests.insert(id, lists);
        }
    }

    /// Takes a digest; gives the list that it completes. A digest that is not enabled, or that
    /// the client has been told of and not acknowledged, is passed over.
    pub(crate) fn push(&mut self, now: Instant, id: u32, data: P4Data) -> Option<DigestList> {
        let lists = self.digests.get_mut(&id)?;
        lists.forget(now);
        if !lists.known.insert(data.encode_to_vec()) {
            return None;
        }
        lists.gathered.push(data);
        lists.since.get_or_insert(now);
        let limit = usize::try_from(lists.config.max_list_size).unwrap_or(0);
        let limit = if limit == 0 { MAX_LIST_SIZE } else { limit };
        let full = lists.gathered.len() >= limit || lists.config.max_timeout_ns == 0;
        full.then(|| lists.send(now, id, &mut self.last_list_id))
    }

    /// The next time at which [`DigestLists::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.digests.values().filter_map(Lists::deadline).min()
    }

    /// Gives the lists whose first digest has waited long enough.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<DigestList> {
        let due = |lists: &Lists| lists.deadline().is_some_and(|deadline| deadline <= now);
        self.digests
            .iter_mut()
            .filter(|(_, lists)| due(lists))
            .map(|(id, lists)| lists.send(now, *id, &mut self.last_list_id))
            .collect()
    }

    /// The client has handled a list.
    pub(crate) fn acknowledge(&mut self, id: u32, list_id: u64) {
        if let Some(lists) = self.digests.get_mut(&id) {
            lists.forget_sent(|sent| sent.list_id == list_id);
        }
    }
}

impl Lists {
    fn deadline(&self) -> Option<Instant> {
        Some(self.since? + nanoseconds(self.config.max_timeout_ns))
    }

    fn send(&mut self, now: Instant, id: u32, last_list_id: &mut u64) -> DigestList {
        *last_list_id += 1;
        self.since = None;
        let data = std::mem::take(&mut self.gathered);
        self.sent.push(Sent {
            list_id: *last_list_id,
            at: now,
            data: data.clone(),
        });
        // Without a time to wait for acknowledgements nothing is remembered.
        self.forget(now);
        DigestList {
            digest_id: id,
            list_id: *last_list_id,
            data,
            timestamp: since_epoch(),
        }
    }

    /// Forgets lists that were sent too long ago.
    fn forget(&mut self, now: Instant) {
        let timeout = nanoseconds(self.config.ack_timeout_ns);
        self.forget_sent(|sent| now.duration_since(sent.at) >= timeout);
    }

    fn forget_sent(&mut self, done: impl Fn(&Sent) -> bool) {
        let known = &mut self.known;
        self.sent.retain(|sent| {
            let done = done(sent);
            if done {
                for data in &sent.data {
                    known.remove(&data.encode_to_vec());
                }
            }
            !done
        });
    }
}

/// Nanoseconds since the epoch, as timestamps of notifications are.
pub(crate) fn since_epoch() -> i64 {
    let epoch = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(epoch.as_nanos()).unwrap_or(i64::MAX)
}

/// A time that was checked not to be negative when it was written.
fn nanoseconds(count: i64) -> Duration {
    Duration::from_nanos(u64::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use p4runtime_proto::p4::v1::p4_data::Data;

    use super::*;

    fn data(value: u8) -> P4Data {
        P4Data {
            data: Some(Data::Bitstring(vec![value])),
        }
    }

    fn lists(max_list_size: i32, max_timeout_ms: i64, ack_timeout_ms: i64) -> DigestLists {
        let mut lists = DigestLists::default();
        let config = Config {
            max_timeout_ns: max_timeout_ms * 1_000_000,
            max_list_size,
            ack_timeout_ns: ack_timeout_ms * 1_000_000,
        };
        lists.configure(vec![(7, config)]);
        lists
    }

    #[test]
    fn a_list_is_sent_when_it_has_max_list_size_distinct_digests() {
        let (mut lists, now) = (lists(2, 1000, 0), Instant::now());
        assert_eq!(lists.push(now, 7, data(1)), None);
        assert_eq!(
            lists.push(now, 7, data(1)),
            None,
            "a duplicate does not count"
        );
        let list = lists.push(now, 7, data(2)).unwrap();
        assert_eq!((list.digest_id, list.data), (7, vec![data(1), data(2)]));
    }

    #[test]
    fn a_list_is_sent_when_max_timeout_has_passed_since_its_first_digest() {
        let (mut lists, now) = (lists(0, 10, 0), Instant::now());
        assert_eq!(lists.push(now, 7, data(1)), None);
        let due = lists.poll_timeout().unwrap();
        assert_eq!(due - now, Duration::from_millis(10));
        assert_eq!(lists.handle_timeout(now), []);
        assert_eq!(lists.handle_timeout(due)[0].data, [data(1)]);
        assert_eq!(lists.poll_timeout(), None);
    }

    #[test]
    fn a_digest_is_not_repeated_until_it_is_acknowledged_or_ack_timeout_has_passed() {
        let (mut lists, now) = (lists(1, 0, 50), Instant::now());
        let first = lists.push(now, 7, data(1)).unwrap();
        assert_eq!(lists.push(now, 7, data(1)), None);
        lists.acknowledge(7, first.list_id);
        let second = lists.push(now, 7, data(1)).unwrap();
        assert_ne!(first.list_id, second.list_id);
        assert_eq!(lists.push(now, 7, data(1)), None);
        let later = now + Duration::from_millis(50);
        assert!(lists.push(later, 7, data(1)).is_some());
    }

    #[test]
    fn without_ack_timeout_every_digest_is_reported() {
        let (mut lists, now) = (lists(1, 0, 0), Instant::now());
        assert!(lists.push(now, 7, data(1)).is_some());
        assert!(lists.push(now, 7, data(1)).is_some());
    }

    #[test]
    fn a_digest_that_is_not_enabled_is_passed_over() {
        assert_eq!(lists(1, 0, 0).push(Instant::now(), 8, data(1)), None);
    }
}
