//! Entries as switches take them: where the packets get that they send on.
//!
//! Packets are sent now and then and only somewhere; here each entry is looked at when it counts.

use forwarding::{EntryKey, IlmAction, IlmKey, Nhlfe};
use ldp::PrefixFec;
use mpls::Label;

use super::{Invariant, Network};
use crate::router::prefix_fec;

impl Network {
    /// A switch has taken these entries: their packets get into LSPs of their own FEC, and those of neighbours
    /// get into the LSPs that they are meant for.
    pub(super) fn written(&mut self, number: usize, keys: &[EntryKey]) {
        let strays = keys.iter().find_map(|key| self.strays(number, key));
        if let Some((router, text)) = strays {
            self.broken(router, Invariant::RightEgress, &text);
        }
    }

    /// The router that sends packets astray for an entry that a switch has taken, and in which way.
    fn strays(&self, number: usize, key: &EntryKey) -> Option<(usize, String)> {
        let switch = &self.routers[number].switch;
        match key {
            EntryKey::Ftn(of) => {
                let fec = prefix_fec(of)?;
                let mut nhlfes = switch.ftn().get(of)?.nhlfes();
                let text = nhlfes.find_map(|nhlfe| self.goes_astray(number, fec, nhlfe, false));
                Some((number, text?))
            }
            EntryKey::Ilm(key) => {
                let (action, fec) = switch.ilm().get(key)?;
                if key.label.is_reserved() {
                    return None;
                }
                let swaps = matches!(action, IlmAction::Forward { .. });
                let mut nhlfes = action.nhlfes();
                let text = nhlfes.find_map(|nhlfe| self.goes_astray(number, *fec, nhlfe, swaps));
                match text {
                    Some(text) => Some((number, text)),
                    None if switch.stood_for_another(key.label) => {
                        self.neighbour_strays(number, key.label)
                    }
                    None => None,
                }
            }
        }
    }

    /// A label stands for another FEC than before: the neighbour that still sends packets of the former one
    /// with it.
    fn neighbour_strays(&self, number: usize, label: Label) -> Option<(usize, String)> {
        let links = &self.links_of[number];
        let mut neighbours = links
            .iter()
            .filter_map(|link| self.other_end(*link, number));
        neighbours.find_map(|neighbour| {
            let switch = &self.routers[neighbour].switch;
            let pushes = |nhlfe: &&Nhlfe| nhlfe.labels().first() == Some(&label);
            let ftn = switch.ftn().iter();
            let ftn = ftn.filter_map(|(of, action)| Some((prefix_fec(of)?, action.nhlfes())));
            let mut ftn = ftn.flat_map(|(fec, nhlfes)| {
                nhlfes.filter(pushes).map(move |nhlfe| (fec, nhlfe, false))
            });
            let ilm = switch.ilm().values();
            let mut ilm = ilm.flat_map(|(action, fec)| {
                let nhlfes = action.nhlfes().filter(pushes);
                nhlfes.map(|nhlfe| (*fec, nhlfe, true))
            });
            let astray = |(fec, nhlfe, swaps)| self.goes_astray(neighbour, fec, nhlfe, swaps);
            let text = ftn.find_map(astray).or_else(|| ilm.find_map(astray))?;
            Some((neighbour, text))
        })
    }

    /// Why packets of a FEC that leave by a next hop now get into another FEC's LSP, or out of theirs too
    /// early; `None`: they do not, or get nowhere.
    fn goes_astray(
        &self,
        number: usize,
        fec: PrefixFec,
        nhlfe: &Nhlfe,
        swaps: bool,
    ) -> Option<String> {
        let router = &self.routers[number];
        let interface = router.interface_to(nhlfe.next_hop())?;
        let peer = self.other_end(interface.link, number)?;
        let end = self.topology.links[interface.link].end_of(number)?;
        let switch = &self.routers[peer].switch;
        if !router.switch_on
            || !self.routers[peer].switch_on
            || !interface.up
            || !router.switch.resolves(nhlfe.next_hop())
            || !self.links[interface.link].wires[end].works
            || self.is_outdated(number)
        {
            return None;
        }
        match nhlfe.labels().first() {
            Some(label) if !label.is_reserved() => {
                let (_, other) = switch.ilm().get(&IlmKey::platform(*label))?;
                (*other != fec).then(|| {
                    format!(
                        "packets to {fec} leave with label {label}, which stands for {other} in the switch of router {peer}"
                    )
                })
            }
            // Without a label they go by their destination, whatever LSP they were in.
            None if !swaps => None,
            _ => {
                let prefix = self.prefixes.iter().find(|prefix| prefix.fec == fec)?;
                (!prefix.owners.contains(&peer))
                    .then(|| format!("the LSP of {fec} ends at router {peer}, which is no egress"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use forwarding::{IlmAction, Owner, Protocol};

    use super::*;
    use crate::clock::Time;
    use crate::topology::Shape;
    use crate::{Options, Scenario};

    /// A line of four routers that has come up, without packets.
    fn line() -> Network {
        let options = Options {
            least_routers: 4,
            most_routers: 4,
            shape: Some(Shape::Line),
            prefixes: Some(0),
            faults: 0,
            seconds: 20,
            probe_every: 0,
            mixed: false,
            ..Options::default()
        };
        let mut network = Scenario::generate(1, &options).network();
        network.run_until(Time::seconds(35));
        crate::invariants::settled(&network).unwrap();
        network
    }

    /// The switch of a router takes an entry for a label, as one of this FEC.
    fn takes(network: &mut Network, router: usize, label: u32, action: IlmAction, fec: PrefixFec) {
        let key = IlmKey::platform(Label::new(label).unwrap());
        let of = &mut network.routers[router];
        let owner = Owner::from(Protocol::Ldp);
        of.forwarding.unbind_ilm(&owner, &key);
        of.forwarding.bind_ilm(owner, key, action).unwrap();
        of.switch.note(&mut of.forwarding);
        let begun = of.switch.begin(&of.forwarding, |_| Some(fec));
        assert!(begun.is_some());
        let starts = of.starts;
        network.switch_writes(router, starts);
    }

    /// The action of the label that a router bound to the first router's address, and the label.
    fn transit(network: &Network, router: usize) -> (Label, IlmAction) {
        let fec = network.prefixes[0].fec;
        let label = network.routers[router].protocols[0].local_label(fec);
        let action = &network.routers[router].switch.ilm()[&IlmKey::platform(label.unwrap())].0;
        (label.unwrap(), action.clone())
    }

    #[test]
    fn an_entry_into_the_lsp_of_another_fec_is_seen_as_it_is_written() {
        let mut network = line();
        let (_, action) = transit(&network, 2);
        let own = network.prefixes[0].fec;
        takes(&mut network, 2, 900_000, action.clone(), own);
        assert_eq!(network.violations, []);
        // The same way, and packets of another FEC.
        let other = network.prefixes[3].fec;
        takes(&mut network, 2, 900_000, action, other);
        assert_eq!(network.violations[0].invariant, Invariant::RightEgress);
    }

    /// The penultimate hop pops; for a FEC of another egress that is too early.
    #[test]
    fn an_entry_that_pops_before_the_egress_is_seen_as_it_is_written() {
        let mut network = line();
        let (_, action) = transit(&network, 1);
        let other = network.prefixes[3].fec;
        takes(&mut network, 1, 900_000, action, other);
        assert_eq!(network.violations[0].invariant, Invariant::RightEgress);
    }

    #[test]
    fn a_label_that_comes_to_stand_for_another_fec_while_a_neighbour_uses_it_is_seen() {
        let mut network = line();
        let (label, _) = transit(&network, 2);
        // The label is said to be of the last router's address, and the way of its packets is that.
        let last = network.prefixes[3].fec;
        let right = network.routers[2].protocols[0].local_label(last).unwrap();
        let right = network.routers[2].switch.ilm()[&IlmKey::platform(right)]
            .0
            .clone();
        takes(&mut network, 2, label.value(), right, last);
        let violation = &network.violations[0];
        assert_eq!(violation.invariant, Invariant::RightEgress);
        assert!(violation.text.starts_with("router 3"), "{}", violation.text);
    }
}
