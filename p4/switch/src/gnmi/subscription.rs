//! What a subscription wants, and what of it is news.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gnmi_proto::gnmi::{
    Encoding, Notification, Path, Subscription, SubscriptionList, SubscriptionMode, Update,
};
use gnmi_proto::path::to_text;
use tokio::time::Instant;
use tonic::Status;

use super::leaves::{Class, Leaf, LeafValue, absolute, encode, now, under};
use super::service::{check_models, target_of};
use crate::control::PortInfo;

/// The shortest time from one sample to the next that a client may ask for.
const SHORTEST: Duration = Duration::from_millis(100);
/// The time between two samples if the client leaves it to us.
const DEFAULT: Duration = Duration::from_secs(10);
/// Paths of one subscription.
const MOST_PATHS: usize = 256;

/// The paths that a client wants to hear of, and what it has been told.
#[derive(Debug)]
pub(super) struct Wanted {
    target: Option<Path>,
    encoding: Encoding,
    updates_only: bool,
    paths: Vec<WantedPath>,
}

#[derive(Debug)]
struct WantedPath {
    path: Path,
    on_change: bool,
    sample: Option<Sample>,
    told: BTreeMap<String, (Path, LeafValue)>,
}

#[derive(Debug)]
struct Sample {
    interval: Duration,
    next: Instant,
    suppress_redundant: bool,
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
        })
    }

    /// What a subscription starts with: what there is now, unless the client wants changes only.
    pub(super) fn start(&mut self, ports: &[PortInfo]) -> Result<Vec<Notification>, Status> {
        let news = self.everything(ports)?;
        Ok(if self.updates_only { Vec::new() } else { news })
    }

    /// What there is now: the answer to a poll.
    pub(super) fn everything(&mut self, ports: &[PortInfo]) -> Result<Vec<Notification>, Status> {
        for path in &mut self.paths {
            path.told.clear();
        }
        self.collect(ports, |_| Some(Which::All))
    }

    /// What has changed of what tells of every change.
    pub(super) fn changes(&mut self, ports: &[PortInfo]) -> Result<Vec<Notification>, Status> {
        self.collect(ports, |path| path.on_change.then_some(Which::Changing))
    }

    /// When the next sample is due.
    pub(super) fn next_sample(&self) -> Option<Instant> {
        let samples = self.paths.iter().filter_map(|path| path.sample.as_ref());
        samples.map(|sample| sample.next).min()
    }

    /// The samples that are due.
    pub(super) fn samples(&mut self, ports: &[PortInfo]) -> Result<Vec<Notification>, Status> {
        let time = Instant::now();
        self.collect(ports, |path| {
            let on_change = path.on_change;
            let sample = path.sample.as_mut().filter(|sample| sample.next <= time)?;
            // Those that were missed while the client was slow are left out.
            while sample.next <= time {
                sample.next += sample.interval;
            }
            if !sample.suppress_redundant {
                path.told.retain(|_, _| false);
            }
            Some(if on_change {
                Which::Sampled
            } else {
                Which::All
            })
        })
    }

    fn collect(
        &mut self,
        ports: &[PortInfo],
        mut which: impl FnMut(&mut WantedPath) -> Option<Which>,
    ) -> Result<Vec<Notification>, Status> {
        let mut news = Vec::new();
        for path in &mut self.paths {
            let Some(which) = which(path) else {
                continue;
            };
            let (leaves, delete) = path.news(ports, which);
            if leaves.is_empty() && delete.is_empty() {
                continue;
            }
            let update = leaves
                .into_iter()
                .map(|leaf| {
                    Ok(Update {
                        val: Some(encode(&leaf.value, self.encoding)?),
                        path: Some(leaf.path),
                        ..Update::default()
                    })
                })
                .collect::<Result<_, Status>>()?;
            news.push(Notification {
                timestamp: now(),
                prefix: self.target.clone(),
                update,
                delete,
                ..Notification::default()
            });
        }
        Ok(news)
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
        let counters = path.elem.iter().any(|elem| elem.name == "counters");
        if streams && mode == SubscriptionMode::OnChange && counters {
            return invalid("counters change with every packet: SAMPLE gives them".to_owned());
        }
        let sampled = streams && mode != SubscriptionMode::OnChange;
        Ok(Self {
            on_change: streams && mode != SubscriptionMode::Sample,
            sample: sampled.then(|| Sample {
                interval,
                next: Instant::now() + interval,
                suppress_redundant: subscription.suppress_redundant,
            }),
            path,
            told: BTreeMap::new(),
        })
    }

    /// The leaves that have another value than the client was told, and the paths of those that
    /// are gone.
    fn news(&mut self, ports: &[PortInfo], which: Which) -> (Vec<Leaf>, Vec<Path>) {
        let counter = |leaf: &Leaf| leaf.class == Class::Counter;
        let mut there = BTreeSet::new();
        let mut news = Vec::new();
        for leaf in under(ports, &self.path) {
            let name = to_text(&leaf.path);
            there.insert(name.clone());
            let wanted = match which {
                Which::All => true,
                Which::Changing => !counter(&leaf),
                Which::Sampled => counter(&leaf),
            };
            if !wanted {
                continue;
            }
            let value = (leaf.path.clone(), leaf.value.clone());
            if self.told.get(&name) != Some(&value) {
                self.told.insert(name, value);
                news.push(leaf);
            }
        }
        let gone: Vec<String> = self
            .told
            .keys()
            .filter(|name| !there.contains(*name))
            .cloned()
            .collect();
        let gone = gone
            .iter()
            .filter_map(|name| self.told.remove(name))
            .map(|(path, _)| path)
            .collect();
        (news, gone)
    }
}
