//! What a subscription wants, and what of it is news.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gnmi_proto::gnmi::{
    Encoding, Notification, Path, Subscription, SubscriptionList, SubscriptionMode, Update,
};
use gnmi_proto::path::to_text;
use tokio::time::Instant;
use tonic::Status;

use super::MOST_PATHS;
use super::leaves::{Class, Leaf, LeafName, LeafValue, absolute, encode, now, under};
use super::service::{check_models, target_of};
use crate::control::PortInfo;

/// The shortest time from one sample to the next that a client may ask for.
const SHORTEST: Duration = Duration::from_millis(100);
/// The time between two samples if the client leaves it to us.
const DEFAULT: Duration = Duration::from_secs(10);
/// Leaves that one subscription can be told of, those that several of its paths cover counted for
/// each: what it was told of each is remembered.
const MOST_LEAVES: usize = 16_384;

/// The paths that a client wants to hear of, and what it has been told.
#[derive(Debug)]
pub(super) struct Wanted {
    target: Option<Path>,
    encoding: Encoding,
    updates_only: bool,
    paths: Vec<WantedPath>,
    /// Leaves that the client was told of, those of all paths.
    leaves: usize,
}

#[derive(Debug)]
struct WantedPath {
    path: Path,
    on_change: bool,
    sample: Option<Sample>,
    /// What is told again though it has not changed.
    heartbeat: Option<Timer>,
    told: BTreeMap<LeafName, LeafValue>,
}

#[derive(Debug)]
struct Sample {
    timer: Timer,
    suppress_redundant: bool,
}

/// Something that is done at an interval.
#[derive(Debug)]
struct Timer {
    interval: Duration,
    next: Instant,
}

impl Timer {
    /// From now on.
    fn new(interval: Duration) -> Self {
        Self {
            interval,
            next: Instant::now() + interval,
        }
    }

    /// Whether it is due; it is not again before the next time. Times that were missed while the
    /// client was slow are left out.
    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.next <= now;
        while self.next <= now {
            self.next += self.interval;
        }
        due
    }
}

/// What leaves are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    /// Those that tell of every change.
    Changing,
    /// Those that are sampled.
    Sampled,
}

/// Which leaves are looked at, and whether they are told though they have not changed.
#[derive(Debug, Clone, Copy)]
struct Look {
    which: Which,
    again: bool,
}

impl Wanted {
    /// Checks what a client wants (section 3.5.1.2).
    pub(super) fn new(list: &SubscriptionList, streams: bool) -> Result<Self, Status> {
        check_models(&list.use_models)?;
        let encoding = Encoding::try_from(list.encoding)
            .map_err(|_| Status::invalid_argument("there is no such encoding"))?;
        // So that the client hears of it now, and not with the first leaf.
        encode(&LeafValue::Bool(true), encoding)?;
        if list.subscription.len() > MOST_PATHS {
            return Err(Status::resource_exhausted(format!(
                "a subscription has at most {MOST_PATHS} paths"
            )));
        }
        let prefix = list.prefix.as_ref();
        let paths = list
            .subscription
            .iter()
            .map(|subscription| WantedPath::new(prefix, subscription, streams))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            target: target_of(prefix),
            encoding,
            updates_only: list.updates_only,
            paths,
            leaves: 0,
        })
    }

    /// What a subscription starts with: what there is now, unless the client wants changes only.
    pub(super) fn start(
        &mut self,
        ports: &[PortInfo],
    ) -> impl Iterator<Item = Result<Notification, Status>> {
        let tells = !self.updates_only;
        // What is left out is looked at all the same, so that it is known.
        let news = self.everything(ports);
        news.filter(move |news| tells || news.is_err())
    }

    /// What there is now: the answer to a poll.
    pub(super) fn everything(
        &mut self,
        ports: &[PortInfo],
    ) -> impl Iterator<Item = Result<Notification, Status>> {
        let all = Look {
            which: Which::All,
            again: true,
        };
        self.collect(ports, move |_| Some(all))
    }

    /// What has changed of what tells of every change.
    pub(super) fn changes(
        &mut self,
        ports: &[PortInfo],
    ) -> impl Iterator<Item = Result<Notification, Status>> {
        let changed = Look {
            which: Which::Changing,
            again: false,
        };
        self.collect(ports, move |path| path.on_change.then_some(changed))
    }

    /// When the next sample or heartbeat is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let timers = self.paths.iter().flat_map(|path| {
            let sample = path.sample.as_ref().map(|sample| &sample.timer);
            sample.into_iter().chain(&path.heartbeat)
        });
        timers.map(|timer| timer.next).min()
    }

    /// The samples and heartbeats that are due.
    pub(super) fn due(
        &mut self,
        ports: &[PortInfo],
    ) -> impl Iterator<Item = Result<Notification, Status>> {
        let now = Instant::now();
        self.collect(ports, move |path| path.due(now))
    }

    /// The news of each path, made as they are taken: many at a time would take much memory.
    fn collect(
        &mut self,
        ports: &[PortInfo],
        mut look: impl FnMut(&mut WantedPath) -> Option<Look>,
    ) -> impl Iterator<Item = Result<Notification, Status>> {
        let (target, encoding, leaves) = (&self.target, self.encoding, &mut self.leaves);
        self.paths.iter_mut().filter_map(move |path| {
            let look = look(path)?;
            let before = path.told.len();
            let (found, delete) = path.news(ports, look);
            *leaves = *leaves - before + path.told.len();
            if *leaves > MOST_LEAVES {
                return Some(Err(Status::resource_exhausted(format!(
                    "the paths of a subscription cover at most {MOST_LEAVES} leaves"
                ))));
            }
            if found.is_empty() && delete.is_empty() {
                return None;
            }
            let update = found.into_iter().map(|leaf| {
                Ok(Update {
                    val: Some(encode(&leaf.value, encoding)?),
                    path: Some(leaf.path),
                    ..Update::default()
                })
            });
            let update = update.collect::<Result<_, Status>>();
            Some(update.map(|update| Notification {
                timestamp: now(),
                prefix: target.clone(),
                update,
                delete,
                ..Notification::default()
            }))
        })
    }
}

impl WantedPath {
    fn new(
        prefix: Option<&Path>,
        subscription: &Subscription,
        streams: bool,
    ) -> Result<Self, Status> {
        let path = absolute(prefix, &subscription.path.clone().unwrap_or_default())?;
        let invalid = |reason: String| {
            Err(Status::invalid_argument(format!(
                "{}: {reason}",
                to_text(&path)
            )))
        };
        let mode = SubscriptionMode::try_from(subscription.mode)
            .map_err(|_| Status::invalid_argument("there is no such mode of a subscription"))?;
        let given = Duration::from_nanos(subscription.sample_interval);
        let interval = if given.is_zero() { DEFAULT } else { given };
        if streams && interval < SHORTEST {
            return invalid(format!("a sample_interval is at least {SHORTEST:?}"));
        }
        let beat = Duration::from_nanos(subscription.heartbeat_interval);
        if streams && !beat.is_zero() && beat < SHORTEST {
            return invalid(format!("a heartbeat_interval is at least {SHORTEST:?}"));
        }
        let counters = path.elem.iter().any(|elem| elem.name == "counters");
        if streams && mode == SubscriptionMode::OnChange && counters {
            return invalid("counters change with every packet: SAMPLE gives them".to_owned());
        }
        let sampled = streams && mode != SubscriptionMode::OnChange;
        Ok(Self {
            on_change: streams && mode != SubscriptionMode::Sample,
            heartbeat: (streams && !beat.is_zero()).then(|| Timer::new(beat)),
            sample: sampled.then(|| Sample {
                timer: Timer::new(interval),
                suppress_redundant: subscription.suppress_redundant,
            }),
            path,
            told: BTreeMap::new(),
        })
    }

    /// What is told at this time (section 3.5.1.5.2).
    fn due(&mut self, now: Instant) -> Option<Look> {
        let heartbeat = self.heartbeat.as_mut();
        let beats = heartbeat.is_some_and(|timer| timer.is_due(now));
        let sample = self.sample.as_mut();
        let sample = sample.and_then(|sample| sample.timer.is_due(now).then_some(&*sample));
        if beats {
            return Some(Look {
                which: Which::All,
                again: true,
            });
        }
        let again = !sample?.suppress_redundant;
        let which = if self.on_change {
            Which::Sampled
        } else {
            Which::All
        };
        Some(Look { which, again })
    }

    /// The leaves that have another value than the client was told, or all that are looked at if
    /// they are told again; and the paths of those that are gone.
    fn news(&mut self, ports: &[PortInfo], look: Look) -> (Vec<Leaf>, Vec<Path>) {
        let counter = |leaf: &Leaf| leaf.class == Class::Counter;
        let mut there = BTreeSet::new();
        let mut news = Vec::new();
        for leaf in under(ports, &self.path) {
            there.insert(leaf.name.clone());
            let wanted = match look.which {
                Which::All => true,
                Which::Changing => !counter(&leaf),
                Which::Sampled => counter(&leaf),
            };
            if !wanted {
                continue;
            }
            let before = self.told.insert(leaf.name.clone(), leaf.value.clone());
            if look.again || before.as_ref() != Some(&leaf.value) {
                news.push(leaf);
            }
        }
        let gone = self.told.keys().filter(|name| !there.contains(*name));
        let gone: Vec<LeafName> = gone.cloned().collect();
        for name in &gone {
            self.told.remove(name);
        }
        let gone = gone.iter().map(LeafName::path).collect();
        (news, gone)
    }
}
