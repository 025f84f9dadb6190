//! A run as a value.

mod check;

pub use check::{Place, Problem};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::clock::Time;
use crate::faults::{self, Class, Fault, FaultKind};
use crate::place::line_of;
use crate::rng::Rng;
use crate::router::{EgressLabel, Families, Settings};
use crate::topology::{Shape, Topology};

/// All that makes a run what it is. In TOML it is a test that can be kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// Only the loopbacks of so many routers are prefixes, the first ones; `None`: those of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loopbacks: Option<usize>,
    /// Prefixes behind each router, besides its loopback.
    #[serde(default)]
    pub prefixes: usize,
    /// The prefixes of links are FECs, too.
    #[serde(default)]
    pub link_prefixes: bool,
    /// The families of the prefixes, and of routers of which nothing else is said.
    #[serde(default)]
    pub families: Families,
    /// Until when faults begin.
    pub until: Time,
    /// Milliseconds between packets; 0: there are none.
    #[serde(default)]
    pub probe_every: u64,
    /// The routers and links.
    pub topology: Topology,
    /// Routers with a configuration of their own.
    #[serde(default, rename = "router")]
    pub settings: Vec<RouterSettings>,
    /// The faults.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
}

/// The configuration of a router.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouterSettings {
    /// Which one.
    pub number: usize,
    /// Its configuration.
    pub settings: Settings,
}

/// What is no scenario.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// It is no TOML, or not of this form.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// It cannot be run.
    #[error("{}{problem}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
    Problem {
        /// Where in the text that is, if it is at one place.
        line: Option<usize>,
        /// What is wrong.
        problem: Problem,
    },
}

/// What kinds of scenarios are made from seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The fewest routers.
    pub least_routers: usize,
    /// The most.
    pub most_routers: usize,
    /// The shape; `None`: any.
    pub shape: Option<Shape>,
    /// A given topology, in place of routers and shape.
    pub topology: Option<Topology>,
    /// Only the loopbacks of so many routers are prefixes, the first ones; `None`: those of all.
    pub loopbacks: Option<usize>,
    /// Prefixes behind each router; `None`: some number, and link prefixes or not.
    pub prefixes: Option<usize>,
    /// Kinds of faults.
    pub classes: Vec<Class>,
    /// How many.
    pub faults: usize,
    /// For how long they begin, in seconds.
    pub seconds: u64,
    /// Milliseconds between packets.
    pub probe_every: u64,
    /// Routers have configurations of all kinds; else all have the defaults.
    pub mixed: bool,
    /// All networks that are made have a second topology; else a third of those that are mixed.
    pub multi_topology: bool,
}

impl Default for Options {
    /// Mixed faults on 20 to 50 routers.
    fn default() -> Self {
        Self {
            least_routers: 20,
            most_routers: 50,
            shape: None,
            topology: None,
            loopbacks: None,
            prefixes: None,
            classes: Class::ALL.to_vec(),
            faults: 16,
            seconds: 600,
            probe_every: 50,
            mixed: true,
            multi_topology: false,
        }
    }
}

impl Scenario {
    /// When faults begin: the network has come up.
    pub const START: Time = Time::seconds(40);

    /// The scenario of a seed.
    pub fn generate(seed: u64, options: &Options) -> Self {
        let mut rng = Rng::new(seed, 10);
        let routers = rng.between(options.least_routers as u64, options.most_routers as u64);
        let any = rng.pick(&Shape::CHOSEN).copied().unwrap_or(Shape::Ring);
        let shape = options.shape.unwrap_or(any);
        let mut of_shape = Rng::new(seed, 11);
        let mut topology = match &options.topology {
            Some(topology) => topology.clone(),
            None => {
                let mut topology = shape.make(routers as usize, &mut of_shape);
                if options.mixed {
                    narrow_links(&mut topology, &mut Rng::new(seed, 14));
                }
                topology
            }
        };
        let some = rng.below(3);
        let link_prefixes = rng.chance(0.3);
        let mut settings: Vec<Settings> = (0..topology.routers)
            .map(|_| settings(options, &mut rng))
            .collect();
        let families = network_wide(options, &mut settings, &mut Rng::new(seed, 13));
        let mut of_second = Rng::new(seed, 15);
        let has_second = options.mixed && of_second.chance(1.0 / 3.0) || options.multi_topology;
        if options.topology.is_none() && has_second {
            second_topology(&mut topology, &mut of_second);
        }
        if topology.multi_topology_id.is_some() && options.mixed {
            for settings in &mut settings {
                settings.multi_topology = of_second.chance(0.8);
                settings.dynamic_capabilities = of_second.chance(0.7);
            }
        }
        let until = Self::START + std::time::Duration::from_secs(options.seconds);
        let mut of_faults = Rng::new(seed, 12);
        let faults = faults::schedule(
            &topology,
            &settings,
            &options.classes,
            options.faults,
            (Self::START, until),
            &mut of_faults,
        );
        let settings = settings.into_iter().enumerate();
        let settings = settings.filter(|(_, settings)| *settings != Settings::of_network(families));
        Self {
            seed,
            loopbacks: options.loopbacks,
            prefixes: options.prefixes.unwrap_or(some),
            link_prefixes: options.prefixes.is_none() && link_prefixes,
            families,
            until,
            probe_every: options.probe_every,
            settings: settings
                .map(|(number, settings)| RouterSettings { number, settings })
                .collect(),
            topology,
            faults,
        }
    }

    /// Leaves the second topology away, if there is one.
    pub fn without_multi_topology(&mut self) {
        self.topology.multi_topology_id = None;
        for link in &mut self.topology.links {
            link.multi_topology_metric = None;
        }
        let faults = self.faults.iter_mut();
        let of_faults = faults.filter_map(|fault| match &mut fault.kind {
            FaultKind::Configure { settings, .. } => Some(settings),
            _ => None,
        });
        let of_routers = self.settings.iter_mut().map(|of| &mut of.settings);
        for settings in of_routers.chain(of_faults) {
            settings.multi_topology = true;
        }
    }

    /// Makes all prefixes and routers those of other families, but where a fault gives a router others.
    pub fn set_families(&mut self, families: Families) {
        let before = std::mem::replace(&mut self.families, families);
        for of in &mut self.settings {
            of.settings.families = families;
        }
        for fault in &mut self.faults {
            if let FaultKind::Configure { settings, .. } = &mut fault.kind
                && settings.families == before
            {
                settings.families = families;
            }
        }
    }

    /// Reads a scenario in TOML. Its faults are put in the order of their beginnings.
    ///
    /// # Errors
    /// The text is no scenario.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let mut scenario: Self = toml::from_str(text)?;
        if let Err(problem) = scenario.check() {
            let table = problem.table();
            let line = table.and_then(|(path, number)| line_of(text, path, number));
            return Err(ScenarioError::Problem { line, problem });
        }
        scenario.faults.sort_by_key(|fault| fault.at);
        Ok(scenario)
    }

    /// The scenario in TOML.
    pub fn text(&self) -> String {
        // There is no map in it without text as keys, and no value that TOML has not.
        toml::to_string(self).unwrap_or_else(|error| format!("# it cannot be written: {error}\n"))
    }

    /// The configuration of each router.
    pub fn all_settings(&self) -> Vec<Settings> {
        let mut all = vec![Settings::of_network(self.families); self.topology.routers];
        for of in &self.settings {
            if let Some(settings) = all.get_mut(of.number) {
                *settings = of.settings.clone();
            }
        }
        all
    }
}

/// In some networks some links are narrow.
fn narrow_links(topology: &mut Topology, rng: &mut Rng) {
    if !rng.chance(0.3) {
        return;
    }
    for link in &mut topology.links {
        if rng.chance(0.3) {
            link.bandwidth = rng.between(256_000, 100_000_000);
        }
    }
}

/// A second topology with metrics of its own, of most links (RFC 7307, RFC 5120).
fn second_topology(topology: &mut Topology, rng: &mut Rng) {
    // The experimental ones (RFC 7307 section 9).
    let least = Topology::MOST_MULTI_TOPOLOGY_ID - 99;
    let id = rng.between(least.into(), Topology::MOST_MULTI_TOPOLOGY_ID.into());
    topology.multi_topology_id = Some(id as u16);
    for link in &mut topology.links {
        let most = 3 * u64::from(link.metric);
        link.multi_topology_metric = rng.chance(0.9).then(|| rng.between(1, most) as u32);
    }
}

/// What all routers of a network have in common. Gives the families of its prefixes.
fn network_wide(options: &Options, settings: &mut [Settings], rng: &mut Rng) -> Families {
    if !options.mixed {
        return Families::default();
    }
    // Loops are found best where all routers look for them (RFC 5036 section 2.8).
    let loop_detection = rng.chance(0.2);
    let families = match rng.below(8) {
        0 | 1 => Families::Ipv6,
        2 => Families::DualStack,
        3 => Families::DualStackPreferringIpv4,
        _ => Families::Ipv4,
    };
    let targets = rng.chance(0.3);
    let routers = settings.len();
    for (number, settings) in settings.iter_mut().enumerate() {
        settings.loop_detection |= loop_detection;
        settings.families = families;
        if targets && rng.chance(0.2) {
            let some = (0..2).map(|_| rng.below(routers));
            settings.targeted = some.filter(|other| *other != number).collect();
        }
    }
    families
}

fn settings(options: &Options, rng: &mut Rng) -> Settings {
    let mut settings = Settings::default();
    if !options.mixed {
        return settings;
    }
    settings.ordered = rng.chance(0.2);
    settings.split_horizon = rng.chance(0.3);
    settings.conservative = rng.chance(0.15);
    settings.loop_detection = rng.chance(0.1);
    settings.on_demand = rng.chance(0.1);
    settings.graceful_restart = rng.chance(0.8);
    let labels = [EgressLabel::Explicit, EgressLabel::Real];
    if rng.chance(0.3) {
        settings.egress_label = rng.pick(&labels).copied().unwrap_or_default();
    }
    if rng.chance(0.3) {
        settings.hello_hold_time = rng.between(3, 40) as u16;
        settings.keepalive_time = rng.between(9, 200) as u16;
    }
    if rng.chance(0.1) {
        settings.max_pdu_length = rng.between(1152, 4096) as u16;
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_reads_back_as_it_was_written() {
        for seed in 0..20 {
            let scenario = Scenario::generate(seed, &Options::default());
            let text = scenario.text();
            assert_eq!(Scenario::parse(&text).unwrap(), scenario, "{text}");
        }
    }

    /// Of those networks some routers have all of it, and some nothing; faults take it away and give it.
    #[test]
    fn a_third_of_the_networks_have_a_second_topology() {
        let made = (0..60).map(|seed| Scenario::generate(seed, &Options::default()));
        let (with, without): (Vec<_>, Vec<_>) =
            made.partition(|scenario| scenario.topology.multi_topology_id.is_some());
        assert!((10..=30).contains(&with.len()), "{}", with.len());
        let changed = |scenario: &Scenario| {
            let mut faults = scenario.faults.iter();
            let all = scenario.all_settings();
            faults.any(|fault| match &fault.kind {
                FaultKind::Configure { router, settings } => {
                    settings.multi_topology != all[*router].multi_topology
                }
                _ => false,
            })
        };
        assert!(with.iter().any(changed));
        for mut scenario in with {
            let settings = scenario.all_settings();
            assert!(settings.iter().any(|of| of.multi_topology));
            let links = &scenario.topology.links;
            assert!(
                links
                    .iter()
                    .any(|link| link.multi_topology_metric.is_some())
            );
            scenario.without_multi_topology();
            scenario.check().unwrap();
        }
        for scenario in without {
            assert!(!changed(&scenario));
            scenario.check().unwrap();
        }
    }
}
