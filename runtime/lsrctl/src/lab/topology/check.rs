//! Checks of a topology file that its syntax cannot express.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use miette::NamedSource;
use toml::Spanned;

use super::{LabelWord, LinkEnd, Lsp, Topology};
use crate::lab::error::{LabError, TopologyError};

/// The largest switch port (hw-profiles: port 510 is the CPU port, 511 the drop port).
const MAX_PORT: u16 = 509;

/// The smallest MTU of a link that carries IPv6 (RFC 8200, section 5).
const MIN_MTU: u16 = 1280;

pub(super) fn fault(
    file: &str,
    text: &str,
    span: Option<Range<usize>>,
    message: &str,
    remedy: Option<&str>,
) -> LabError {
    LabError::Topology(Box::new(TopologyError {
        message: message.to_owned(),
        source_code: NamedSource::new(file, text.to_owned()).with_language("TOML"),
        span: span.map(Into::into),
        remedy: remedy.map(str::to_owned),
    }))
}

pub(super) fn check(topology: &Topology, file: &str, text: &str) -> Result<(), LabError> {
    Checker {
        topology,
        file,
        text,
    }
    .check()
}

struct Checker<'a> {
    topology: &'a Topology,
    file: &'a str,
    text: &'a str,
}

impl Checker<'_> {
    fn fault(&self, span: Range<usize>, message: String, remedy: &str) -> LabError {
        fault(self.file, self.text, Some(span), &message, Some(remedy))
    }

    fn check(&self) -> Result<(), LabError> {
        if !is_name(&self.topology.name) {
            let message = format!("{:?} is no name for a lab", self.topology.name);
            return Err(fault(self.file, self.text, None, &message, Some(NAME_RULE)));
        }
        self.check_nodes()?;
        self.check_links()?;
        self.check_cut()?;
        let mut names = HashSet::new();
        let mut bindings = HashMap::new();
        for lsp in &self.topology.lsps {
            self.check_unique(&mut names, &lsp.name, "LSP")?;
            self.check_lsp(lsp, &mut bindings)?;
        }
        Ok(())
    }

    fn check_nodes(&self) -> Result<(), LabError> {
        let mut names = HashSet::new();
        let hosts = self.topology.hosts.iter().map(|host| &host.name);
        for name in hosts.chain(self.topology.routers.iter().map(|router| &router.name)) {
            if !is_name(name.get_ref()) || name.get_ref().len() > 12 {
                let message = format!("{:?} is no name for a node", name.get_ref());
                return Err(self.fault(name.span(), message, NAME_RULE));
            }
            self.check_unique(&mut names, name, "node")?;
        }
        let mut ids = HashSet::new();
        let mut loopbacks = HashSet::new();
        for router in &self.topology.routers {
            for loopback in &router.loopbacks {
                if !loopbacks.insert(*loopback.get_ref()) {
                    let message = format!("loopback {} is used twice", loopback.get_ref());
                    let remedy = "give each router addresses of its own";
                    return Err(self.fault(loopback.span(), message, remedy));
                }
            }
            if !ids.insert(router.router_id.get_ref()) {
                let message = format!("router id {} is used twice", router.router_id.get_ref());
                let remedy = "give each router an id of its own";
                return Err(self.fault(router.router_id.span(), message, remedy));
            }
        }
        Ok(())
    }

    fn check_cut(&self) -> Result<(), LabError> {
        let Some(cut) = &self.topology.cut else {
            return Ok(());
        };
        let mut ends = self
            .topology
            .links
            .iter()
            .flat_map(|link| [&link.a, &link.b]);
        if ends.any(|end| end.label() == *cut.at.get_ref()) {
            return Ok(());
        }
        let message = format!("{:?} is no end of a link", cut.at.get_ref());
        let remedy = "write node:interface, such as \"pe1:eth2\"";
        Err(self.fault(cut.at.span(), message, remedy))
    }

    fn check_links(&self) -> Result<(), LabError> {
        let mut interfaces = HashSet::new();
        let mut addresses = HashSet::new();
        for end in self
            .topology
            .links
            .iter()
            .flat_map(|link| [&link.a, &link.b])
        {
            self.check_end(end)?;
            if !interfaces.insert((end.node.get_ref(), end.interface.get_ref())) {
                let message = format!("{} is an end of two links", end.label());
                let remedy = "a link joins two interfaces; give this end another interface";
                return Err(self.fault(end.interface.span(), message, remedy));
            }
            for address in end.all_addresses() {
                if !addresses.insert(address.get_ref().addr()) {
                    let message = format!("address {} is used twice", address.get_ref().addr());
                    let remedy = "give each interface an address of its own";
                    return Err(self.fault(address.span(), message, remedy));
                }
            }
        }
        for link in &self.topology.links {
            if *link.mtu.get_ref() < MIN_MTU {
                let message = format!("an MTU of {} bytes", link.mtu.get_ref());
                let remedy = "IPv6 needs 1280 bytes at least (RFC 8200, section 5)";
                return Err(self.fault(link.mtu.span(), message, remedy));
            }
            if let Some(cost) = link.cost.as_ref().filter(|cost| *cost.get_ref() == 0) {
                let message = "a link that costs nothing".to_owned();
                return Err(self.fault(cost.span(), message, "a cost is 1 to 65535"));
            }
            if link.a.node.get_ref() == link.b.node.get_ref() {
                let message = format!("a link from {} to itself", link.a.node.get_ref());
                let remedy = "a link joins two nodes";
                return Err(self.fault(link.b.node.span(), message, remedy));
            }
        }
        self.check_neighbours_once()
    }

    /// The TAP of a router's interface is named after the neighbour, so two links between the
    /// same two nodes would need the same name.
    fn check_neighbours_once(&self) -> Result<(), LabError> {
        let mut pairs = HashSet::new();
        for link in &self.topology.links {
            let (a, b) = (link.a.node.get_ref(), link.b.node.get_ref());
            let pair = if a < b { (a, b) } else { (b, a) };
            if !pairs.insert(pair) {
                let message = format!("a second link between {a} and {b}");
                let remedy = "labs have at most one link between two nodes";
                return Err(self.fault(link.a.node.span(), message, remedy));
            }
        }
        Ok(())
    }

    fn check_end(&self, end: &LinkEnd) -> Result<(), LabError> {
        let node = end.node.get_ref();
        if !self.topology.nodes().any(|known| known == node) {
            let message = format!("there is no host or router {node:?}");
            let known: Vec<_> = self.topology.nodes().collect();
            let remedy = format!("the file has {}", known.join(", "));
            return Err(self.fault(end.node.span(), message, &remedy));
        }
        let interface = end.interface.get_ref();
        if self.topology.is_router(node) {
            if end.port().is_none_or(|port| port > MAX_PORT) {
                let message = format!("{interface:?} names no switch port");
                let remedy = "a router's interfaces are eth1 (port 1 of its switch) to eth509";
                return Err(self.fault(end.interface.span(), message, remedy));
            }
        } else if !is_name(interface) || interface.len() > 15 || interface == "lo" {
            let message = format!("{interface:?} is no name for an interface");
            return Err(self.fault(end.interface.span(), message, NAME_RULE));
        }
        self.check_vlans(end)
    }

    fn check_vlans(&self, end: &LinkEnd) -> Result<(), LabError> {
        let mut seen = HashSet::new();
        for vlan in &end.vlans {
            let id = *vlan.id.get_ref();
            if !(1..=4094).contains(&id) || !seen.insert(id) {
                let message = format!("VLAN {id} of {} is no VLAN of its own", end.label());
                let remedy =
                    "each VLAN of an interface has an identifier from 1 to 4094 of its own";
                return Err(self.fault(vlan.id.span(), message, remedy));
            }
            // Of a host the VLAN's device is eth1.100, of its router the TAP is h1.100.
            let longest = end.interface.get_ref().len().max(end.node.get_ref().len());
            if longest + format!(".{id}").len() > 15 {
                let message = format!("the device of VLAN {id} of {} has no name", end.label());
                let remedy =
                    "Linux allows 15 characters: give the node or interface a shorter name";
                return Err(self.fault(vlan.id.span(), message, remedy));
            }
        }
        let router = self.topology.is_router(end.node.get_ref());
        let of_vlans = end.vlans.iter();
        let circuits = of_vlans.map(|vlan| (&vlan.attachment_circuit, &vlan.addresses));
        let whole = std::iter::once((&end.attachment_circuit, &end.addresses));
        for (circuit, addresses) in whole.chain(circuits) {
            let Some(circuit) = circuit else { continue };
            if !router || !addresses.is_empty() {
                let message = format!("{:?} cannot be an attachment circuit", circuit.get_ref());
                let remedy = "an attachment circuit is at a router, which has no address on it";
                return Err(self.fault(circuit.span(), message, remedy));
            }
        }
        Ok(())
    }

    fn check_lsp<'a>(
        &self,
        lsp: &'a Lsp,
        bindings: &mut HashMap<(&'a str, u32), &'a str>,
    ) -> Result<(), LabError> {
        let path = lsp.path.get_ref();
        if path.len() < 2 {
            let message = format!(
                "the path of {} has fewer than two routers",
                lsp.name.get_ref()
            );
            let remedy = "a path goes from the ingress LER to the egress LER";
            return Err(self.fault(lsp.path.span(), message, remedy));
        }
        let labels = lsp.labels.get_ref();
        if labels.len() != path.len() - 1 {
            let message = format!(
                "{} has {} labels for a path of {} routers",
                lsp.name.get_ref(),
                labels.len(),
                path.len()
            );
            let remedy = "one label for each router after the first: the label it binds to the FEC";
            return Err(self.fault(lsp.labels.span(), message, remedy));
        }
        self.check_path(lsp)?;
        for (index, (router, label)) in path[1..].iter().zip(labels).enumerate() {
            match label.get_ref() {
                LabelWord::Label(number) => {
                    let owner = bindings.insert((router.get_ref(), *number), lsp.name.get_ref());
                    if let Some(owner) = owner {
                        let message = format!(
                            "label {number} of {} is bound to {owner} already",
                            router.get_ref()
                        );
                        let remedy = "a label means one thing in a label space (RFC 3031, 3.14)";
                        return Err(self.fault(label.span(), message, remedy));
                    }
                }
                LabelWord::ImplicitNull | LabelWord::ExplicitNull if index + 1 < labels.len() => {
                    let message =
                        format!("{} is not the last router of the path", router.get_ref());
                    let remedy = "only the egress LER binds implicit or explicit null";
                    return Err(self.fault(label.span(), message, remedy));
                }
                LabelWord::ImplicitNull | LabelWord::ExplicitNull => {}
            }
        }
        Ok(())
    }

    fn check_path(&self, lsp: &Lsp) -> Result<(), LabError> {
        let path = lsp.path.get_ref();
        let mut seen = HashSet::new();
        for router in path {
            if !self.topology.is_router(router.get_ref()) {
                let message = format!("{:?} is no router", router.get_ref());
                let remedy = "an LSP goes through routers of this file only";
                return Err(self.fault(router.span(), message, remedy));
            }
            if !seen.insert(router.get_ref()) {
                let message = format!("{} is in the path twice", router.get_ref());
                return Err(self.fault(router.span(), message, "a loop cannot be an LSP"));
            }
        }
        for pair in path.windows(2) {
            let (from, to) = (pair[0].get_ref(), &pair[1]);
            let Some((_, far, link)) = self
                .topology
                .ends_of(from)
                .find(|(_, far, _)| far.node.get_ref() == to.get_ref())
            else {
                let message = format!("no link joins {from} and {}", to.get_ref());
                let remedy = "each router of a path needs a link to the next one";
                return Err(self.fault(to.span(), message, remedy));
            };
            if !self.topology.carries_labels(link) {
                let message = format!("the link from {from} to {} carries no labels", to.get_ref());
                return Err(self.fault(to.span(), message, "set mpls = true on the link"));
            }
            if far.address_like(lsp.fec.get_ref()).is_none() {
                let message = format!("{} has no address of the FEC's family", far.label());
                let remedy = "the next hop of an LSP is the next router's address on the link";
                return Err(self.fault(to.span(), message, remedy));
            }
        }
        Ok(())
    }

    fn check_unique<'a>(
        &self,
        seen: &mut HashSet<&'a str>,
        name: &'a Spanned<String>,
        what: &str,
    ) -> Result<(), LabError> {
        if seen.insert(name.get_ref()) {
            return Ok(());
        }
        let message = format!("{what} {:?} is defined twice", name.get_ref());
        Err(self.fault(name.span(), message, "give each a name of its own"))
    }
}

const NAME_RULE: &str = "names are lower-case letters, digits and hyphens, at most 12 characters";

/// Whether a word can stand in file names, interface names and messages without quoting.
fn is_name(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with('-')
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
