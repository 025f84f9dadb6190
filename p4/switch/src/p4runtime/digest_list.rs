//! Gathers digests into lists (section 9.8), without clock or stream: the caller says what time
//! it is.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use p4runtime_proto::p4::v1::{DigestList, P4Data, digest_entry::Config};
use prometheus_client::metrics::counter::Counter;
use prost::Message;

use super::pieces::PIECE;

/// Longest list where the client sets no limit.
const MAX_LIST_SIZE: usize = 1024;

/// Most digests of one kind that are gathered or that the client has not acknowledged, and their
/// bytes. More are dropped (section 9.8: if the client cannot handle as many).
const MOST_KNOWN: usize = 65_536;
const MOST_KNOWN_BYTES: usize = 16 << 20;

/// The digests that are on their way to the primary controller.
#[derive(Default)]
pub(crate) struct DigestLists {
    digests: BTreeMap<u32, Lists>,
    last_list_id: u64,
    dropped: Counter,
}

/// A digest, serialized.
type Serialized = Arc<[u8]>;

#[derive(Default)]
struct Lists {
    config: Config,
    gathered: Vec<P4Data>,
    /// Bytes of these.
    bytes: usize,
    /// When the first of the gathered ones came.
    since: Option<Instant>,
    /// Lists that the client has not acknowledged, by id, which is also by time.
    sent: BTreeMap<u64, Sent>,
    /// What stands in `gathered` and `sent`.
    known: HashSet<Serialized>,
    /// Bytes of these.
    known_bytes: usize,
}

struct Sent {
    at: Instant,
    digests: Vec<Serialized>,
}

impl DigestLists {
    /// Counts the digests that are dropped.
    pub(crate) fn count_dropped(&mut self, dropped: Counter) {
        self.dropped = dropped;
    }

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
        let serialized: Serialized = data.encode_to_vec().into();
        if lists.known.contains(&serialized) {
            return None;
        }
        let bytes = serialized.len();
        if lists.known.len() >= MOST_KNOWN || lists.known_bytes + bytes > MOST_KNOWN_BYTES {
            let dropped = self.dropped.inc() + 1;
            if dropped.is_power_of_two() {
                tracing::warn!(
                    dropped,
                    "the controller does not acknowledge digests, more of them are dropped"
                );
            }
            return None;
        }
        lists.known.insert(serialized);
        lists.known_bytes += bytes;
        lists.gathered.push(data);
        lists.bytes += bytes;
        lists.since.get_or_insert(now);
        let limit = usize::try_from(lists.config.max_list_size).unwrap_or(0);
        let limit = if limit == 0 { MAX_LIST_SIZE } else { limit };
        let full = lists.gathered.len() >= limit
            || lists.bytes >= PIECE
            || lists.config.max_timeout_ns == 0;
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
        if let Some(lists) = self.digests.get_mut(&id)
            && let Some(sent) = lists.sent.remove(&list_id)
        {
            lists.forget_digests(&sent);
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
        self.bytes = 0;
        let data = std::mem::take(&mut self.gathered);
        let known = |data: &P4Data| self.known.get(&data.encode_to_vec()[..]).cloned();
        let digests = data.iter().filter_map(known).collect();
        self.sent.insert(*last_list_id, Sent { at: now, digests });
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
        while let Some(oldest) = self.sent.first_entry()
            && now.duration_since(oldest.get().at) >= timeout
        {
            let sent = oldest.remove();
            self.forget_digests(&sent);
        }
    }

    fn forget_digests(&mut self, sent: &Sent) {
        for digest in &sent.digests {
            self.known.remove(digest);
            self.known_bytes -= digest.len();
        }
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

    fn numbered(number: u32, length: usize) -> P4Data {
        let mut value = vec![0; length];
        value[..4].copy_from_slice(&number.to_be_bytes());
        P4Data {
            data: Some(Data::Bitstring(value)),
        }
    }

    /// Each digest a list of its own, none acknowledged: the time must not grow with their number.
    #[test]
    fn more_digests_than_the_limit_are_dropped_and_counted_until_some_are_acknowledged() {
        let (mut lists, now) = (lists(1, 0, 3_600_000), Instant::now());
        let dropped = Counter::default();
        lists.count_dropped(dropped.clone());
        let most = u32::try_from(MOST_KNOWN).unwrap();
        let sent = (0..most + 10)
            .filter_map(|number| lists.push(now, 7, numbered(number, 4)))
            .map(|list| list.list_id)
            .collect::<Vec<_>>();
        assert_eq!((sent.len(), dropped.get()), (MOST_KNOWN, 10));
        assert!(
            now.elapsed() < Duration::from_secs(20),
            "{:?}",
            now.elapsed()
        );
        lists.acknowledge(7, sent[100]);
        assert!(lists.push(now, 7, numbered(most, 4)).is_some());
        assert_eq!(lists.push(now, 7, numbered(most + 1, 4)), None);
        let later = now + Duration::from_secs(3600);
        assert!(lists.push(later, 7, numbered(most + 1, 4)).is_some());
        assert_eq!(dropped.get(), 11);
    }

    #[test]
    fn lists_and_what_is_remembered_of_them_have_a_limit_in_bytes() {
        let (mut lists, now) = (
            lists(i32::MAX, i64::MAX / 1_000_000, 3_600_000),
            Instant::now(),
        );
        let mut bytes = 0;
        for number in 0..300 {
            if let Some(list) = lists.push(now, 7, numbered(number, PIECE / 10)) {
                assert!(list.encoded_len() < 2 * PIECE);
                bytes += list.encoded_len();
            }
        }
        assert!((MOST_KNOWN_BYTES - 2 * PIECE..=MOST_KNOWN_BYTES + PIECE).contains(&bytes));
    }

    #[test]
    fn a_digest_that_is_not_enabled_is_passed_over() {
        assert_eq!(lists(1, 0, 0).push(Instant::now(), 8, data(1)), None);
    }
}
