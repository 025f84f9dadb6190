//! A scenario that breaks an invariant is made smaller.

use crate::network::Invariant;
use crate::router::Families;
use crate::scenario::Scenario;
use crate::topology::Topology;

/// The smallest scenario that is found that breaks the same invariant, in at most this many runs. `told` is
/// told of each one that is smaller.
pub fn shrink(
    scenario: &Scenario,
    invariant: Invariant,
    runs: usize,
    told: &mut dyn FnMut(&Scenario),
) -> Scenario {
    let mut shrinker = Shrinker {
        best: scenario.clone(),
        invariant,
        runs,
        told,
    };
    loop {
        let before = shrinker.runs;
        let mut smaller = shrinker.fewer_faults();
        smaller |= shrinker.fewer_routers();
        smaller |= shrinker.fewer_links();
        smaller |= shrinker.plainer();
        if !smaller || shrinker.runs == 0 || shrinker.runs == before {
            return shrinker.best;
        }
    }
}

struct Shrinker<'a> {
    best: Scenario,
    invariant: Invariant,
    runs: usize,
    told: &'a mut dyn FnMut(&Scenario),
}

impl Shrinker<'_> {
    /// Takes a scenario if it breaks the invariant, too.
    fn try_one(&mut self, scenario: Scenario) -> bool {
        if self.runs == 0 || scenario == self.best {
            return false;
        }
        self.runs -= 1;
        let violation = scenario.run(&mut ()).violation;
        let breaks = violation.is_some_and(|of| of.invariant == self.invariant);
        if breaks {
            (self.told)(&scenario);
            self.best = scenario;
        }
        breaks
    }

    /// Without halves, quarters, and so on of the faults.
    fn fewer_faults(&mut self) -> bool {
        let mut smaller = false;
        let mut size = self.best.faults.len().div_ceil(2);
        while size > 0 && self.runs > 0 {
            let mut at = 0;
            while at < self.best.faults.len() {
                let mut scenario = self.best.clone();
                let to = (at + size).min(scenario.faults.len());
                scenario.faults.drain(at..to);
                if self.try_one(scenario) {
                    smaller = true;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        smaller
    }

    /// Without some routers, in halves, quarters, and so on.
    fn fewer_routers(&mut self) -> bool {
        let mut smaller = false;
        let mut size = self.best.topology.routers / 2;
        while size > 0 && self.runs > 0 {
            let mut at = 0;
            while at < self.best.topology.routers && self.best.topology.routers > 2 {
                let to = at + size;
                let without = without(&self.best, |router| !(at..to).contains(&router), |_| true);
                if without.is_some_and(|scenario| self.try_one(scenario)) {
                    smaller = true;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        smaller
    }

    fn fewer_links(&mut self) -> bool {
        let mut smaller = false;
        let mut at = 0;
        while at < self.best.topology.links.len() && self.runs > 0 {
            let without = without(&self.best, |_| true, |link| link != at);
            if without.is_some_and(|scenario| self.try_one(scenario)) {
                smaller = true;
            } else {
                at += 1;
            }
        }
        smaller
    }

    /// Without prefixes and particular configurations.
    fn plainer(&mut self) -> bool {
        let mut smaller = false;
        let mut change = |shrinker: &mut Self, change: fn(&mut Scenario)| {
            let mut scenario = shrinker.best.clone();
            change(&mut scenario);
            smaller |= shrinker.try_one(scenario);
        };
        change(self, Scenario::without_multi_topology);
        change(self, |scenario| scenario.settings.clear());
        change(self, |scenario| scenario.link_prefixes = false);
        change(self, |scenario| scenario.prefixes = 0);
        change(self, |scenario| scenario.probe_every = 0);
        change(self, |scenario| {
            for link in &mut scenario.topology.links {
                link.bandwidth = 0;
            }
        });
        for families in [Families::Ipv6, Families::Ipv4] {
            let mut scenario = self.best.clone();
            scenario.set_families(families);
            smaller |= self.best.families != families && self.try_one(scenario);
        }
        let mut at = 0;
        while at < self.best.settings.len() && self.runs > 0 {
            let mut scenario = self.best.clone();
            scenario.settings.remove(at);
            if self.try_one(scenario) {
                smaller = true;
            } else {
                at += 1;
            }
        }
        smaller
    }
}

/// The scenario with only some routers and links; `None`: it would not be in one piece.
fn without(
    scenario: &Scenario,
    keep_router: impl Fn(usize) -> bool,
    keep_link: impl Fn(usize) -> bool,
) -> Option<Scenario> {
    let old = &scenario.topology;
    let mut routers = vec![None; old.routers];
    let mut count = 0;
    for (number, new) in routers.iter_mut().enumerate() {
        if keep_router(number) {
            *new = Some(count);
            count += 1;
        }
    }
    let mut links = vec![None; old.links.len()];
    let mut kept = Vec::new();
    for (number, link) in old.links.iter().enumerate() {
        if let (Some(a), Some(b), true) = (routers[link.a], routers[link.b], keep_link(number)) {
            links[number] = Some(kept.len());
            let mut link = *link;
            (link.a, link.b) = (a, b);
            kept.push(link);
        }
    }
    let topology = Topology {
        routers: count,
        links: kept,
        ..*old
    };
    if count < 2
        || !topology
            .piece_of(0, |_| true)
            .iter()
            .all(|reached| *reached)
    {
        return None;
    }
    let router = |number: usize| routers.get(number).copied().flatten();
    let link = |number: usize| links.get(number).copied().flatten();
    let faults = scenario.faults.iter().filter_map(|fault| {
        let kind = fault.kind.renumbered(router, link)?;
        Some(crate::faults::Fault {
            kind,
            ..fault.clone()
        })
    });
    let settings = scenario.settings.iter().filter_map(|of| {
        Some(crate::scenario::RouterSettings {
            number: router(of.number)?,
            settings: of.settings.renumbered(router, link),
        })
    });
    Some(Scenario {
        topology,
        faults: faults.collect(),
        settings: settings.collect(),
        ..scenario.clone()
    })
}

/// A test that can be pasted into `tests/regressions.rs`.
pub fn as_test(scenario: &Scenario, text: &str) -> String {
    format!(
        "/// {text}\n#[test]\nfn seed_{}() {{\n    check(\n        r#\"\n{}\"#,\n    );\n}}\n",
        scenario.seed,
        scenario.text()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Options;

    #[test]
    fn without_a_router_the_others_keep_their_links_and_faults() {
        let options = Options {
            least_routers: 6,
            most_routers: 6,
            shape: Some(crate::topology::Shape::Ring),
            faults: 40,
            ..Options::default()
        };
        let scenario = Scenario::generate(1, &options);
        let smaller = without(&scenario, |router| router != 2, |_| true).unwrap();
        assert_eq!(smaller.topology.routers, 5);
        assert_eq!(smaller.topology.links.len(), 4);
        assert!(smaller.faults.len() < scenario.faults.len());
        // It is a scenario again.
        assert_eq!(Scenario::parse(&smaller.text()).unwrap(), smaller);
        assert!(without(&smaller, |router| router != 3, |_| true).is_none());
    }
}
