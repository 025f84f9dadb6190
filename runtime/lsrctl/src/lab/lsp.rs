//! The LSPs of a lab as its routers hold them: each FTN entry that pushes labels, followed from
//! ILM to ILM. Nothing here comes from the topology file but which interface leads where.

use std::collections::HashMap;
use std::fmt;

use northbound::v1;
use northbound::v1::ilm_entry::Operation;
use serde::Serialize;

use super::topology::Topology;

/// A label switched path is given up as a loop after this many routers.
const MAX_HOPS: usize = 64;

/// The name of an LSP that LDP made: it has none of its own.
const LDP: &str = "LDP";

/// An LSP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LspTrace {
    /// The name that its ingress gives it.
    pub name: String,
    /// The FEC.
    pub fec: String,
    /// Whether packets of the lab's hosts use it: it leads from a router with a host to another one's.
    pub between_hosts: bool,
    /// What each router does, from the ingress LER on.
    pub hops: Vec<LspHop>,
}

/// What one router does with the packets of an LSP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LspHop {
    /// The router.
    pub router: String,
    /// The operation.
    pub operation: LabelOperation,
    /// The label that the packet arrives with, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_in: Option<u32>,
    /// The labels that the router pushes or swaps in, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels_out: Vec<u32>,
    /// The interface that it leaves by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The next hop's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hop: Option<String>,
}

/// A label operation (RFC 3031, section 3.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelOperation {
    /// Push labels on an IP packet.
    Push,
    /// Replace the top label.
    Swap,
    /// Pop, and forward to the next hop (penultimate hop popping).
    Pop,
    /// Pop, and look the IP packet up.
    PopAndLookUpIp,
    /// Pop, and look the next label up.
    PopAndLookUpLabel,
    /// Pop an explicit null label.
    ExplicitNull,
    /// Pop, and deliver the Ethernet frame to an attachment circuit: the end of a pseudowire.
    PopToAttachmentCircuit,
    /// Send a copy by each branch of a point-to-multipoint LSP; the branches are not followed.
    Replicate,
    /// Discard what has the label.
    Discard,
    /// Hand the packet to lsrd.
    Punt,
    /// Forward without labels: the egress LER of an LSP with penultimate hop popping.
    Ip,
    /// There is no entry for the label: the LSP is broken here.
    UnknownLabel,
}

impl LspTrace {
    /// Whether LDP made it.
    pub fn of_ldp(&self) -> bool {
        self.name == LDP
    }

    /// Whether packets arrive at the end of the LSP.
    pub fn is_whole(&self) -> bool {
        self.hops.len() < MAX_HOPS
            && self.hops.iter().all(|hop| {
                !matches!(
                    hop.operation,
                    LabelOperation::UnknownLabel | LabelOperation::Discard
                )
            })
    }
}

impl fmt::Display for LspHop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |labels: &[u32]| {
            labels
                .iter()
                .map(u32::to_string)
                .collect::<Vec<_>>()
                .join(",")
        };
        let label_in = self
            .label_in
            .map(|label| label.to_string())
            .unwrap_or_default();
        write!(formatter, "{} ", self.router)?;
        match self.operation {
            LabelOperation::Push if self.labels_out.is_empty() => formatter.write_str("IP"),
            LabelOperation::Push => write!(formatter, "push {}", list(&self.labels_out)),
            LabelOperation::Swap => write!(formatter, "swap {label_in}/{}", list(&self.labels_out)),
            LabelOperation::Pop => write!(formatter, "pop {label_in}"),
            LabelOperation::PopAndLookUpIp => write!(formatter, "pop {label_in}, IP"),
            LabelOperation::PopAndLookUpLabel => write!(formatter, "pop {label_in}, next label"),
            LabelOperation::ExplicitNull => write!(formatter, "pop explicit null {label_in}, IP"),
            LabelOperation::PopToAttachmentCircuit => {
                write!(formatter, "pop {label_in}, attachment circuit")
            }
            LabelOperation::Replicate => write!(formatter, "replicate {label_in}"),
            LabelOperation::Discard => write!(formatter, "discard {label_in}"),
            LabelOperation::Punt => write!(formatter, "punt {label_in}"),
            LabelOperation::Ip => formatter.write_str("IP"),
            LabelOperation::UnknownLabel => write!(formatter, "drops unknown label {label_in}"),
        }
    }
}

/// Follows every FTN entry that pushes labels. `lfibs` has each router's name with its LFIB, in
/// the order of the topology.
pub fn trace(topology: &Topology, lfibs: &[(String, v1::ShowLfibResponse)]) -> Vec<LspTrace> {
    let mut neighbours = HashMap::new();
    for (router, _) in lfibs {
        for (end, far, _) in topology.ends_of(router) {
            let neighbour = far.node.get_ref().as_str();
            neighbours.insert((router.as_str(), Topology::tap_name(far)), neighbour);
            for vlan in &end.vlans {
                let interface = Topology::vlan_tap_name(far, *vlan.id.get_ref());
                neighbours.insert((router.as_str(), interface), neighbour);
            }
        }
    }
    let walker = Walker { lfibs, neighbours };
    let mut traces = Vec::new();
    for (router, lfib) in lfibs {
        let mut ends = topology.ends_of(router);
        let has_host = ends.any(|(_, far, _)| !topology.is_router(far.node.get_ref()));
        for entry in &lfib.ftn {
            let name = match (entry.name.as_str(), entry.owner()) {
                ("", v1::Owner::Ldp) => LDP,
                (name, _) => name,
            };
            let between_hosts = has_host && leads_to_host(topology, &entry.fec);
            for nhlfe in &entry.nhlfes {
                traces.push(LspTrace {
                    name: name.to_owned(),
                    fec: entry.fec.clone(),
                    between_hosts,
                    hops: walker.follow(router, nhlfe),
                });
            }
        }
    }
    traces
}

/// Whether a host has an address of the FEC.
fn leads_to_host(topology: &Topology, fec: &str) -> bool {
    let Ok(prefix) = fec.parse::<ipnet::IpNet>() else {
        return false;
    };
    let hosts = topology.hosts.iter();
    let addresses = hosts
        .flat_map(|host| topology.ends_of(host.name.get_ref()))
        .flat_map(|(end, _, _)| end.all_addresses());
    let mut addresses = addresses.map(|address| address.get_ref().addr());
    addresses.any(|address| prefix.contains(&address))
}

struct Walker<'a> {
    lfibs: &'a [(String, v1::ShowLfibResponse)],
    neighbours: HashMap<(&'a str, String), &'a str>,
}

impl Walker<'_> {
    fn follow(&self, ingress: &str, nhlfe: &v1::Nhlfe) -> Vec<LspHop> {
        let mut hops = vec![sending(ingress, LabelOperation::Push, None, nhlfe)];
        // The stack with its top at the end.
        let mut stack: Vec<u32> = nhlfe.labels.iter().rev().copied().collect();
        // Behind an IP tunnel the next LSR is no neighbour: the trace ends at the tunnel.
        let neighbour = || self.neighbour(ingress, nhlfe);
        let mut at = nhlfe.tunnel.is_empty().then(neighbour).flatten();
        while let Some(router) = at.filter(|_| hops.len() < MAX_HOPS) {
            let Some(lfib) = self.lfib(router) else { break };
            let Some(label) = stack.pop() else {
                hops.push(ending(router, LabelOperation::Ip, None));
                break;
            };
            // The platform's label space first: labs seldom have another.
            let entries = lfib.ilm.iter().filter(|entry| entry.label == label);
            let entry = entries.min_by_key(|entry| entry.label_space);
            let Some(entry) = entry else {
                hops.push(ending(router, LabelOperation::UnknownLabel, Some(label)));
                break;
            };
            let next = entry.nhlfes.first();
            match (entry.operation(), next) {
                (Operation::Swap, Some(next)) => {
                    hops.push(sending(router, LabelOperation::Swap, Some(label), next));
                    stack.extend(next.labels.iter().rev());
                    at = self.neighbour(router, next);
                }
                (Operation::PopAndForward, Some(next)) => {
                    hops.push(sending(router, LabelOperation::Pop, Some(label), next));
                    at = self.neighbour(router, next);
                }
                (Operation::PopAndLookUpLabel, _) => {
                    hops.push(ending(
                        router,
                        LabelOperation::PopAndLookUpLabel,
                        Some(label),
                    ));
                    if stack.is_empty() {
                        break;
                    }
                }
                (Operation::ExplicitNull, _) => {
                    hops.push(ending(router, LabelOperation::ExplicitNull, Some(label)));
                    if stack.is_empty() {
                        break;
                    }
                }
                (Operation::PopAndLookUpIp, _) => {
                    hops.push(ending(router, LabelOperation::PopAndLookUpIp, Some(label)));
                    break;
                }
                (Operation::EntropyLabelIndicator, _) => {
                    // The entropy label below it; the LSP's own labels come after.
                    stack.pop();
                }
                (Operation::PopToAttachmentCircuit, _) => {
                    let operation = LabelOperation::PopToAttachmentCircuit;
                    hops.push(ending(router, operation, Some(label)));
                    break;
                }
                (Operation::Replicate, _) => {
                    hops.push(ending(router, LabelOperation::Replicate, Some(label)));
                    break;
                }
                (Operation::Discard, _) => {
                    hops.push(ending(router, LabelOperation::Discard, Some(label)));
                    break;
                }
                (Operation::Punt, _) => {
                    hops.push(ending(router, LabelOperation::Punt, Some(label)));
                    break;
                }
                (Operation::Unknown | Operation::Swap | Operation::PopAndForward, _) => {
                    hops.push(ending(router, LabelOperation::UnknownLabel, Some(label)));
                    break;
                }
            }
        }
        hops
    }

    fn lfib(&self, router: &str) -> Option<&v1::ShowLfibResponse> {
        self.lfibs
            .iter()
            .find(|(name, _)| name == router)
            .map(|(_, lfib)| lfib)
    }

    fn neighbour(&self, router: &str, nhlfe: &v1::Nhlfe) -> Option<&str> {
        let (router, _) = self.lfibs.iter().find(|(name, _)| name == router)?;
        self.neighbours
            .get(&(router.as_str(), nhlfe.interface.clone()))
            .copied()
    }
}

fn sending(
    router: &str,
    operation: LabelOperation,
    label_in: Option<u32>,
    nhlfe: &v1::Nhlfe,
) -> LspHop {
    LspHop {
        router: router.to_owned(),
        operation,
        label_in,
        labels_out: nhlfe.labels.clone(),
        interface: Some(nhlfe.interface.clone()),
        next_hop: Some(nhlfe.next_hop.clone()),
    }
}

fn ending(router: &str, operation: LabelOperation, label_in: Option<u32>) -> LspHop {
    LspHop {
        router: router.to_owned(),
        operation,
        label_in,
        labels_out: Vec::new(),
        interface: None,
        next_hop: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: &str = include_str!("../../../../labs/chain-static.toml");

    fn nhlfe(interface: &str, labels: &[u32]) -> v1::Nhlfe {
        v1::Nhlfe {
            interface: interface.into(),
            labels: labels.to_vec(),
            ..Default::default()
        }
    }

    fn ilm(label: u32, operation: Operation, nhlfes: Vec<v1::Nhlfe>) -> v1::IlmEntry {
        v1::IlmEntry {
            label,
            operation: operation.into(),
            nhlfes,
            ..Default::default()
        }
    }

    fn lfibs(p1: Vec<v1::IlmEntry>, p2: Vec<v1::IlmEntry>) -> Vec<(String, v1::ShowLfibResponse)> {
        let ftn = v1::FtnEntry {
            name: "lsp".into(),
            fec: "10.2.0.0/24".into(),
            nhlfes: vec![nhlfe("to-p1", &[100])],
            ..Default::default()
        };
        let router = |name: &str, ftn, ilm| (name.to_owned(), v1::ShowLfibResponse { ilm, ftn });
        vec![
            router("pe1", vec![ftn], vec![]),
            router("p1", vec![], p1),
            router("p2", vec![], p2),
            router("pe2", vec![], vec![ilm_explicit_null()]),
        ]
    }

    fn ilm_explicit_null() -> v1::IlmEntry {
        ilm(0, Operation::ExplicitNull, vec![])
    }

    fn words(lfibs: &[(String, v1::ShowLfibResponse)]) -> (String, bool) {
        let topology = Topology::parse("chain.toml", CHAIN).unwrap();
        let traces = trace(&topology, lfibs);
        assert_eq!(traces.len(), 1);
        let hops: Vec<_> = traces[0].hops.iter().map(ToString::to_string).collect();
        (hops.join(" → "), traces[0].is_whole())
    }

    #[test]
    fn an_lsp_is_followed_to_its_end() {
        let p1 = vec![ilm(100, Operation::Swap, vec![nhlfe("to-p2", &[200])])];
        let p2 = vec![ilm(
            200,
            Operation::PopAndForward,
            vec![nhlfe("to-pe2", &[])],
        )];
        let expected = "pe1 push 100 → p1 swap 100/200 → p2 pop 200 → pe2 IP";
        assert_eq!(words(&lfibs(p1.clone(), p2)), (expected.into(), true));
        let p2 = vec![ilm(200, Operation::Swap, vec![nhlfe("to-pe2", &[0])])];
        let expected =
            "pe1 push 100 → p1 swap 100/200 → p2 swap 200/0 → pe2 pop explicit null 0, IP";
        assert_eq!(words(&lfibs(p1, p2)), (expected.into(), true));
    }

    #[test]
    fn a_tunnel_in_a_tunnel_is_followed_by_its_stack() {
        let p1 = vec![ilm(100, Operation::Swap, vec![nhlfe("to-p2", &[300, 200])])];
        let p2 = vec![
            ilm(300, Operation::PopAndLookUpLabel, vec![]),
            ilm(200, Operation::PopAndLookUpIp, vec![]),
        ];
        let expected =
            "pe1 push 100 → p1 swap 100/300,200 → p2 pop 300, next label → p2 pop 200, IP";
        assert_eq!(words(&lfibs(p1, p2)), (expected.into(), true));
    }

    #[test]
    fn a_label_without_an_entry_breaks_the_lsp() {
        let p1 = vec![ilm(100, Operation::Swap, vec![nhlfe("to-p2", &[200])])];
        let (words, whole) = words(&lfibs(p1, vec![]));
        assert_eq!(
            words,
            "pe1 push 100 → p1 swap 100/200 → p2 drops unknown label 200"
        );
        assert!(!whole);
    }

    #[test]
    fn a_loop_is_given_up() {
        let p1 = vec![ilm(100, Operation::Swap, vec![nhlfe("to-p2", &[200])])];
        let p2 = vec![ilm(200, Operation::Swap, vec![nhlfe("to-p1", &[100])])];
        assert!(!words(&lfibs(p1, p2)).1);
    }
}
