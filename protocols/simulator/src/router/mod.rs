//! A router: its protocol engines, its label manager, its LFIB, and its switch.

mod ldp;
mod pipeline;
mod protocol;
mod settings;
mod switch;

pub use ldp::start as ldp;
pub use ldp_lfib::ftn_key;
pub use pipeline::Pipeline;
pub use protocol::{
    Accepted, Action, Boot, Counters, Datagram, Interface, NextHop, Protocol, Route,
};
pub use settings::{EgressLabel, Families, Settings};
pub use switch::{Speed, Switch};

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::ldp::{MultiTopologyId, PrefixFec};
use forwarding::{
    Fec, Forwarding, FtnAction, InterfaceName, LabelManager, LabelManagerConfig, LabelSpace,
    MacAddress, Nhlfe, Owner, Path, PathGroup, Protocol as Source, SpecialPurposeLabels,
};
use ipnet::IpNet;
use mpls::{Label, LabelRange};
use rustc_hash::FxHashMap;

use crate::clock::Time;
use crate::igp::Links;

/// Starts a protocol's engine.
pub type Factory = fn(&Boot<'_>) -> Box<dyn Protocol>;

/// A router.
pub struct Router {
    /// Its identifier, the address of its loopback.
    pub id: Ipv4Addr,
    /// Its interfaces.
    pub interfaces: Vec<Interface>,
    /// The IPv4 address at the other end of each.
    pub neighbours: Vec<forwarding::NextHop>,
    /// The link-local IPv6 address there.
    pub ipv6_neighbours: Vec<forwarding::NextHop>,
    /// Its configuration.
    pub settings: Settings,
    /// It had the second topology at some time: what is under way to it may be of that.
    pub had_multi_topology: bool,
    /// Its engines, while the daemon runs.
    pub protocols: Vec<Box<dyn Protocol>>,
    /// Whose label is whose.
    pub labels: LabelManager,
    /// What the switch should forward by.
    pub forwarding: Forwarding,
    /// The switch.
    pub switch: Switch,
    /// A real switch that holds what `switch` holds, if there is one.
    pub pipeline: Option<Box<dyn Pipeline>>,
    /// The switch has power.
    pub switch_on: bool,
    /// The host has power.
    pub host_on: bool,
    /// The daemon runs.
    pub running: bool,
    /// What each engine kept for the next start.
    pub kept: Vec<Option<String>>,
    /// Since when the daemon does not run, after it did.
    pub stopped_at: Option<Time>,
    /// Until when the switch may forward by what neighbours do not hold for it any more: the daemon was away
    /// for longer than they wait.
    pub outdated_until: Time,
    /// Until when the daemon is stopped.
    pub paused_until: Time,
    /// Since when it is.
    pub paused_since: Option<Time>,
    /// How far its clock is ahead.
    pub ahead: Duration,
    /// How many times the daemon was started.
    pub starts: u32,
    /// The next call of timeouts that is in the queue.
    pub wake: Option<Time>,
    /// What the kernel knows: the route of each prefix. Without links the router is an owner.
    pub routes: Vec<Option<Links>>,
    /// What each label stands for, of those bound in the ILM.
    pub bound: BTreeMap<Label, PrefixFec>,
    allocated: FxHashMap<Label, PrefixFec>,
    /// The label manager had none for somebody.
    starved: bool,
    /// No more labels than these are dealt out.
    most_labels: Option<usize>,
    groups: FxHashMap<(bool, Links), Arc<PathGroup>>,
}

impl Router {
    /// A router that is switched off.
    pub fn new(id: Ipv4Addr, settings: Settings, prefixes: usize) -> Self {
        Self {
            id,
            interfaces: Vec::new(),
            neighbours: Vec::new(),
            ipv6_neighbours: Vec::new(),
            most_labels: None,
            labels: LabelManager::new(label_manager_config(&settings)),
            had_multi_topology: settings.multi_topology,
            settings,
            protocols: Vec::new(),
            forwarding: Forwarding::new(),
            switch: Switch::default(),
            pipeline: None,
            switch_on: true,
            host_on: true,
            running: false,
            kept: Vec::new(),
            stopped_at: None,
            outdated_until: Time::ZERO,
            paused_until: Time::ZERO,
            paused_since: None,
            ahead: Duration::ZERO,
            starts: 0,
            wake: None,
            routes: vec![None; prefixes],
            bound: BTreeMap::new(),
            allocated: FxHashMap::default(),
            starved: false,
            groups: FxHashMap::default(),
        }
    }

    /// Whether it has a topology: all have the default one.
    pub fn has_topology(&self, topology: MultiTopologyId) -> bool {
        topology == MultiTopologyId::DEFAULT || self.settings.multi_topology
    }

    /// It has other settings from now on. Those of its engines are not changed.
    pub fn set_settings(&mut self, settings: Settings) {
        self.had_multi_topology |= settings.multi_topology;
        self.settings = settings;
    }

    /// The daemon ends, at once.
    pub fn stop(&mut self) {
        if self.running {
            self.kept = self.protocols.iter().map(|of| of.kept()).collect();
        }
        self.running = false;
        self.protocols.clear();
        self.wake = None;
        self.bound.clear();
        self.allocated.clear();
        self.starved = false;
        self.switch.disconnect();
    }

    /// The daemon starts: all but the engines' inputs, which follow.
    pub fn start(
        &mut self,
        factories: &[Factory],
        multi_topology: Option<MultiTopologyId>,
        seed: u64,
        now: Instant,
    ) {
        let kept = std::mem::take(&mut self.kept);
        // As many blocks on as no router needs before it starts anew.
        let block = self.starts.wrapping_mul(61);
        self.labels = LabelManager::new(label_manager_config(&self.settings)).starting_at(block);
        self.forwarding = Forwarding::new();
        self.bind_own();
        self.switch.disconnect();
        self.protocols = factories
            .iter()
            .enumerate()
            .map(|(number, start)| {
                start(&Boot {
                    router_id: self.id,
                    interfaces: &self.interfaces,
                    settings: &self.settings,
                    multi_topology,
                    seed,
                    starts: self.starts,
                    kept: kept.get(number).and_then(Option::as_deref),
                    now,
                })
            })
            .collect();
        self.starts += 1;
        self.running = true;
        self.wake = None;
    }

    fn bind_own(&mut self) {
        for (key, action) in SpecialPurposeLabels::default().bindings(LabelSpace::PLATFORM) {
            // The meaning of a special-purpose label is always allowed.
            let _ = self.forwarding.bind_ilm(Source::Local.into(), key, action);
        }
        for interface in &self.interfaces {
            let name = InterfaceName::from(&*interface.name);
            self.forwarding.set_interface(name, interface.up);
        }
        for (number, neighbour) in self.neighbours.iter().enumerate() {
            let [high, low] = (number as u16).to_be_bytes();
            let mac = MacAddress([2, 0, 0, 0, high, low]);
            self.forwarding.set_neighbour(neighbour.clone(), mac);
            if let Some(neighbour) = self.ipv6_neighbours.get(number) {
                self.forwarding.set_neighbour(neighbour.clone(), mac);
            }
        }
    }

    /// The kernel's route of a prefix goes into the LFIB, as packets without labels are forwarded.
    pub fn bind_route(&mut self, of: PrefixFec, host: bool, links: Option<&Links>) {
        let fec = ftn_key(of);
        let owner = |source: Source| Owner::from(source);
        match links {
            None => {
                self.forwarding.unbind_ftn(&owner(Source::Kernel), &fec);
                self.forwarding.unbind_ftn(&owner(Source::Local), &fec);
            }
            Some(links) if links.is_empty() => {
                self.forwarding.unbind_ftn(&owner(Source::Kernel), &fec);
                let action = if host {
                    FtnAction::ToRouter
                } else {
                    FtnAction::Glean
                };
                self.forwarding.bind_ftn(owner(Source::Local), fec, action);
            }
            Some(links) => {
                self.forwarding.unbind_ftn(&owner(Source::Local), &fec);
                if let Some(group) = self.group(is_ipv6(&of.prefix), links) {
                    let action = FtnAction::Forward(group);
                    self.forwarding.bind_ftn(owner(Source::Kernel), fec, action);
                }
            }
        }
    }

    fn group(&mut self, ipv6: bool, links: &Links) -> Option<Arc<PathGroup>> {
        let key = (ipv6, links.clone());
        if let Some(group) = self.groups.get(&key) {
            return Some(Arc::clone(group));
        }
        let paths = links.iter().filter_map(|link| {
            let place = self.place_of(*link as usize)?;
            let next_hop = self.neighbours_of(ipv6).get(place)?.clone();
            Some(Path::new(Nhlfe::unlabelled(next_hop), 1))
        });
        let group = Arc::new(PathGroup::new(paths).ok()?);
        self.groups.insert(key, Arc::clone(&group));
        Some(group)
    }

    fn neighbours_of(&self, ipv6: bool) -> &[forwarding::NextHop] {
        if ipv6 {
            &self.ipv6_neighbours
        } else {
            &self.neighbours
        }
    }

    /// The interface by which a next hop is reached.
    pub fn interface_to(&self, next_hop: &forwarding::NextHop) -> Option<&Interface> {
        let neighbours = self.neighbours_of(next_hop.address.is_ipv6());
        let place = neighbours.iter().position(|of| of == next_hop)?;
        self.interfaces.get(place)
    }

    /// Fewer labels are dealt out for a time; `None`: all there are. Gives whether somebody waits for one.
    pub fn limit_labels(&mut self, most: Option<usize>) -> bool {
        let more = self.most_labels != most && most.is_none_or(|most| most > self.labels_in_use());
        self.most_labels = most;
        more && std::mem::take(&mut self.starved)
    }

    /// Which of its interfaces is at a link.
    pub fn place_of(&self, link: usize) -> Option<usize> {
        self.interfaces
            .iter()
            .position(|interface| interface.link == link)
    }

    /// A route as the engines know it.
    pub fn route(&self, ipv6: bool, links: &Links) -> Route {
        links
            .iter()
            .filter_map(|link| {
                let place = self.place_of(*link as usize)?;
                Some(NextHop {
                    interface: Arc::clone(&self.interfaces.get(place)?.name),
                    address: self.neighbours_of(ipv6).get(place)?.address,
                })
            })
            .collect()
    }

    /// A protocol asks for a label.
    ///
    /// # Errors
    /// There is none.
    pub fn allocate(
        &mut self,
        source: Source,
        fec: PrefixFec,
        now: Instant,
    ) -> Result<Result<Label, String>, String> {
        if self
            .most_labels
            .is_some_and(|most| most <= self.labels_in_use())
        {
            self.starved = true;
            return Ok(Err("no more labels are dealt out for now".to_owned()));
        }
        let asked = self.protocols.iter().map(|of| of.hold_down(now)).max();
        self.labels.set_neighbours_time(asked.unwrap_or_default());
        match self.labels.allocate(&source.into(), now) {
            Ok(label) => match self.allocated.insert(label, fec) {
                Some(other) => Err(format!("label {label} is allocated to {fec} and {other}")),
                None => Ok(Ok(label)),
            },
            Err(error) => {
                self.starved = true;
                Ok(Err(error.to_string()))
            }
        }
    }

    /// A protocol has a label again that it had before a restart.
    ///
    /// # Errors
    /// The label is another's.
    pub fn adopt(&mut self, source: Source, fec: PrefixFec, label: Label) -> Result<(), String> {
        let is_free = self.labels.adopt(label, &source.into());
        match self.allocated.insert(label, fec) {
            None if is_free => Ok(()),
            _ => Err(format!(
                "label {label} of {fec} is not free after a restart"
            )),
        }
    }

    /// A protocol gives a label back. Gives whether somebody waits for one.
    ///
    /// # Errors
    /// The label is not in use, or is in use in the ILM.
    pub fn release(
        &mut self,
        source: Source,
        fec: PrefixFec,
        label: Label,
        now: Instant,
    ) -> Result<bool, String> {
        if let Some(bound) = self.bound.get(&label) {
            return Err(format!(
                "label {label} of {fec} is released while it is bound to {bound}"
            ));
        }
        self.labels.release(label, &source.into(), now);
        match self.allocated.remove(&label) {
            Some(known) if known == fec => Ok(std::mem::take(&mut self.starved)),
            Some(known) => Err(format!(
                "label {label} of {known} is released as one of {fec}"
            )),
            None => Err(format!(
                "label {label} of {fec} is released and was not in use"
            )),
        }
    }

    /// Labels that are in use.
    pub fn labels_in_use(&self) -> usize {
        self.allocated.len()
    }

    /// For how long after the daemon has ended neighbours let no label that they gave it stand for another FEC: as
    /// long as they wait for it, or as long as labels are held down.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(if self.settings.graceful_restart {
            120
        } else {
            60
        })
    }

    /// Whether the label manager had too few labels.
    pub fn is_starved(&self) -> bool {
        self.starved
    }
}

/// The FEC of an entry of the FTN, if it is one of a prefix: [`ftn_key`] the other way round.
pub fn prefix_fec(key: &Fec) -> Option<PrefixFec> {
    match *key {
        Fec::Prefix { vrf, prefix } => Some(PrefixFec {
            topology: MultiTopologyId(vrf.0),
            prefix,
        }),
        _ => None,
    }
}

/// Whether a prefix is of IPv6.
pub fn is_ipv6(prefix: &IpNet) -> bool {
    matches!(prefix, IpNet::V6(_))
}

fn label_manager_config(settings: &Settings) -> LabelManagerConfig {
    let mut config = LabelManagerConfig::default();
    if settings.labels > 0 {
        let first = config.dynamic_range.first();
        let last = Label::new(first.value().saturating_add(settings.labels - 1));
        if let Ok(range) = LabelRange::new(first, last.unwrap_or(Label::MAX)) {
            config.dynamic_range = range;
        }
    }
    config
}
