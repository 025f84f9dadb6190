//! The topology file: hosts, routers, links and LSPs of a lab (TOML; docs/lab.md describes it).
//!
//! [`Topology::parse`] reads and checks a file as a whole; what it returns has no dangling name in
//! it. [`Topology::router_configuration`] writes the configuration of one lsrd.

mod check;
mod router_config;
mod routes;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::error::LabError;

pub use router_config::RouterFiles;

/// How TTL and traffic class travel through an LSP (RFC 3443).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum TtlModel {
    /// The routers of the LSP are hops of the IP packet (RFC 3443, section 3.1).
    #[default]
    Uniform,
    /// The LSP is one hop of the IP packet (RFC 3443, section 3.2).
    Pipe,
}

impl fmt::Display for TtlModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Uniform => "uniform",
            Self::Pipe => "pipe",
        })
    }
}

/// Whether the routers run LDP.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Ldp {
    /// They do or do not.
    Runs(bool),
    /// They do, with these keys of `[ldp]`.
    With(toml::Table),
}

impl Default for Ldp {
    fn default() -> Self {
        Self::Runs(false)
    }
}

impl Ldp {
    /// Whether the routers run it.
    pub fn runs(&self) -> bool {
        *self != Self::Runs(false)
    }
}

/// Where routers that run LDP have their routes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Igp {
    /// The lab computes the shortest ways and writes them into the configurations.
    #[default]
    Static,
    /// OSPF: FRR's zebra and ospfd run in each router's namespace, on its TAPs.
    Ospf,
}

/// A checked topology.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Topology {
    /// The lab's name; `--name` overrides it.
    pub name: String,
    /// The TTL model of every LSP that does not say its own.
    #[serde(default)]
    pub ttl_model: TtlModel,
    /// LDP, if the routers run it: `true`, or keys of lsrd's `[ldp]` that all of them have.
    #[serde(default)]
    pub ldp: Ldp,
    /// What tells the routers the ways through the topology, if they run LDP.
    #[serde(default)]
    pub igp: Igp,
    /// The hosts.
    #[serde(default, rename = "host")]
    pub hosts: Vec<Host>,
    /// The label switching routers.
    #[serde(default, rename = "router")]
    pub routers: Vec<Router>,
    /// The links between them.
    #[serde(default, rename = "link")]
    pub links: Vec<Link>,
    /// The static LSPs.
    #[serde(default, rename = "lsp")]
    pub lsps: Vec<Lsp>,
    /// A link that is cut while packets flow.
    pub cut: Option<Cut>,
}

/// A link that `lsrctl lab run` cuts while packets flow from the first host to the last one.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cut {
    /// One end of it: `pe1:eth2`.
    pub at: Spanned<String>,
}

/// A host: a network namespace with addresses and a default route.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Host {
    /// Its name.
    pub name: Spanned<String>,
}

/// A label switching router: a network namespace with one switch and one lsrd.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Router {
    /// Its name.
    pub name: Spanned<String>,
    /// Its router id, unique in the lab.
    pub router_id: Spanned<Ipv4Addr>,
    /// Its addresses that belong to no link, if it runs LDP; without this its router id.
    #[serde(default)]
    pub loopbacks: Vec<Spanned<IpAddr>>,
    /// Lines of lsrd's own configuration, added to what the lab writes: for what a topology file
    /// has no words for.
    #[serde(default)]
    pub configuration: String,
}

/// A point-to-point Ethernet link.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Link {
    /// One end.
    pub a: LinkEnd,
    /// The other end.
    pub b: LinkEnd,
    /// The largest IP packet without labels that the link is configured for, in bytes. Links
    /// between routers carry the labels on top of it: their Ethernet MTU is larger.
    #[serde(default = "default_mtu")]
    pub mtu: Spanned<u16>,
    /// The largest labelled packet with its labels, in bytes (RFC 3032, section 3.1). Without it:
    /// what the Ethernet link takes.
    pub mpls_mtu: Option<Spanned<u16>>,
    /// What the way by this link costs, if the routers run LDP: 1 without it.
    pub cost: Option<Spanned<u16>>,
    /// Whether the routers switch labels on this link. Without it: on links between routers.
    pub mpls: Option<bool>,
}

/// One end of a link.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinkEnd {
    /// The host or router.
    pub node: Spanned<String>,
    /// The interface in its namespace. A router's is `eth1` for the switch's port 1, and so on.
    pub interface: Spanned<String>,
    /// Its addresses with the prefix lengths.
    #[serde(default)]
    pub addresses: Vec<Spanned<IpNet>>,
    /// The VLANs on it.
    #[serde(default)]
    pub vlans: Vec<VlanEnd>,
    /// At a router: the name of the attachment circuit that the interface as a whole is. Then the
    /// router has no addresses on it.
    pub attachment_circuit: Option<Spanned<String>>,
}

/// A VLAN on one end of a link.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VlanEnd {
    /// The VLAN identifier (IEEE 802.1Q), 1 to 4094.
    pub id: Spanned<u16>,
    /// Its addresses with the prefix lengths.
    #[serde(default)]
    pub addresses: Vec<Spanned<IpNet>>,
    /// At a router: the name of the attachment circuit that the VLAN is.
    pub attachment_circuit: Option<Spanned<String>>,
    /// At a router: the label space of the VLAN (RFC 3031, section 3.14).
    #[serde(default)]
    pub label_space: u16,
}

impl VlanEnd {
    /// The VLAN and its addresses.
    pub(super) fn plan(&self) -> (u16, Vec<IpNet>) {
        let addresses = self.addresses.iter();
        let addresses = addresses.map(|address| *address.get_ref());
        (*self.id.get_ref(), addresses.collect())
    }
}

/// A static LSP.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lsp {
    /// Its name.
    pub name: Spanned<String>,
    /// The address prefix whose packets it carries.
    pub fec: Spanned<IpNet>,
    /// The routers from the ingress LER to the egress LER.
    pub path: Spanned<Vec<Spanned<String>>>,
    /// The label that each router after the first binds to the FEC.
    pub labels: Spanned<Vec<Spanned<LabelWord>>>,
    /// Its TTL model, when it is not the lab's.
    pub ttl_model: Option<TtlModel>,
}

/// A label in the topology file: a number, or one of the two special-purpose labels that an
/// egress binds instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelWord {
    /// An ordinary label, 16 to 1,048,575.
    Label(u32),
    /// Label 3: the router before pops (RFC 3032, section 2.1).
    ImplicitNull,
    /// Label 0 for IPv4, 2 for IPv6 (RFC 3032, section 2.1).
    ExplicitNull,
}

impl<'de> Deserialize<'de> for LabelWord {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Number(u32),
            Word(String),
        }
        const EXPECTED: &str =
            "expected a label from 16 to 1048575, \"implicit-null\" or \"explicit-null\"";
        match Raw::deserialize(deserializer).map_err(|_| serde::de::Error::custom(EXPECTED))? {
            Raw::Number(label) if (16..=0xf_ffff).contains(&label) => Ok(Self::Label(label)),
            Raw::Number(label) => Err(serde::de::Error::custom(format!(
                "label {label} cannot be bound to a FEC: {EXPECTED}"
            ))),
            Raw::Word(word) => match word.as_str() {
                "implicit-null" => Ok(Self::ImplicitNull),
                "explicit-null" => Ok(Self::ExplicitNull),
                _ => Err(serde::de::Error::custom(format!(
                    "{word:?} is no label: {EXPECTED}"
                ))),
            },
        }
    }
}

fn default_mtu() -> Spanned<u16> {
    Spanned::new(0..0, 1500)
}

/// The Ethernet MTU of a link between routers: room for any label stack on a packet of
/// [`Link::mtu`] bytes (RFC 3032, section 3).
const CORE_ETHERNET_MTU: u16 = 9000;

impl Topology {
    /// Reads and checks a topology file.
    pub fn load(path: &Path) -> Result<Self, LabError> {
        let text = std::fs::read_to_string(path).map_err(|source| LabError::File {
            action: "reading the topology",
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Checks the text of a topology file; `file` is its name for messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, LabError> {
        let topology: Self = toml::from_str(text)
            .map_err(|error| check::fault(file, text, error.span(), error.message(), None))?;
        check::check(&topology, file, text)?;
        Ok(topology)
    }

    /// Gives the lab another name.
    pub fn set_name(&mut self, name: &str) -> Result<(), LabError> {
        name.clone_into(&mut self.name);
        check::check(self, "--name", name)
    }

    /// The names of all nodes, hosts first, each group in the order of the file.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        let hosts = self.hosts.iter().map(|host| host.name.get_ref().as_str());
        hosts.chain(
            self.routers
                .iter()
                .map(|router| router.name.get_ref().as_str()),
        )
    }

    /// Whether `node` is a router of the lab.
    pub fn is_router(&self, node: &str) -> bool {
        self.routers
            .iter()
            .any(|router| router.name.get_ref() == node)
    }

    /// All link ends of a node with the end at the other side and the link.
    pub fn ends_of<'a>(
        &'a self,
        node: &'a str,
    ) -> impl Iterator<Item = (&'a LinkEnd, &'a LinkEnd, &'a Link)> {
        self.links
            .iter()
            .flat_map(|link| [(&link.a, &link.b, link), (&link.b, &link.a, link)])
            .filter(move |(end, _, _)| end.node.get_ref() == node)
    }

    /// The address of a node in a family: the first one of the interfaces, in the file's order.
    pub fn address_of(&self, node: &str, ipv6: bool) -> Option<std::net::IpAddr> {
        self.ends_of(node)
            .flat_map(|(end, _, _)| end.all_addresses())
            .map(|address| address.get_ref().addr())
            .find(|address| address.is_ipv6() == ipv6)
    }

    /// The Ethernet MTU of a link.
    pub fn ethernet_mtu(&self, link: &Link) -> u16 {
        let mtu = *link.mtu.get_ref();
        if self.is_core(link) {
            CORE_ETHERNET_MTU.max(mtu)
        } else {
            mtu
        }
    }

    /// The largest labelled packet of a link, with its labels.
    pub fn mpls_mtu(&self, link: &Link) -> u16 {
        let given = link.mpls_mtu.as_ref().map(|mtu| *mtu.get_ref());
        given.unwrap_or_else(|| self.ethernet_mtu(link))
    }

    /// Whether labels are switched on a link.
    pub fn carries_labels(&self, link: &Link) -> bool {
        link.mpls.unwrap_or_else(|| self.is_core(link))
    }

    fn is_core(&self, link: &Link) -> bool {
        self.is_router(link.a.node.get_ref()) && self.is_router(link.b.node.get_ref())
    }
}

impl LinkEnd {
    /// The switch port of a router's interface: `eth7` is port 7. [`Topology::parse`] has checked
    /// that there is one.
    pub fn port(&self) -> Option<u16> {
        self.interface
            .get_ref()
            .strip_prefix("eth")?
            .parse()
            .ok()
            .filter(|port| *port > 0)
    }

    /// The addresses of the interface and of its VLANs.
    pub fn all_addresses(&self) -> impl Iterator<Item = &Spanned<IpNet>> {
        let of_vlans = self.vlans.iter().flat_map(|vlan| &vlan.addresses);
        self.addresses.iter().chain(of_vlans)
    }

    /// The first address of the family of `like`, and the VLAN that it is on.
    pub fn address_like(&self, like: &IpNet) -> Option<(Option<u16>, IpNet)> {
        let untagged = self.addresses.iter().map(|address| (None, address));
        let tagged = self.vlans.iter().flat_map(|vlan| {
            let id = *vlan.id.get_ref();
            vlan.addresses
                .iter()
                .map(move |address| (Some(id), address))
        });
        untagged
            .chain(tagged)
            .map(|(vlan, address)| (vlan, *address.get_ref()))
            .find(|(_, address)| address.addr().is_ipv6() == like.addr().is_ipv6())
    }

    /// `node:interface`, as commands and pictures name it.
    pub fn label(&self) -> String {
        format!("{}:{}", self.node.get_ref(), self.interface.get_ref())
    }
}
