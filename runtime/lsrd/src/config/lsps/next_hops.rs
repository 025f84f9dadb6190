//! The next hops of static LSPs: NHLFEs, with their weights and backups.

use std::net::IpAddr;
use std::sync::Arc;

use forwarding::{
    NextHop, Nhlfe, NhlfeError, Path, PathGroup, Payload, QosMapId, Replication, TunnelModel,
};
use toml::de::{DeTable, DeValue};

use super::super::interfaces::{is_ipv4_unicast, is_ipv6_unicast, is_link_local};
use super::super::problem::{Problems, Span};
use super::super::section::{At, Section, wrong_type};
use super::super::{InterfaceConfig, ProtectionKind, protection};
use super::StaticLsps;

/// How an LSP's NHLFEs are alike.
#[derive(Clone, Copy)]
pub(super) struct Alike {
    /// What is below the labels, where it is known.
    pub(super) payload: Option<Payload>,
    pub(super) tunnel_model: TunnelModel,
    pub(super) qos_map: QosMapId,
    pub(super) control_word: bool,
    /// The multicast group whose packets a next hop without labels may be addressed to.
    pub(super) group: Option<IpAddr>,
}

/// Where the packets of an LSP go.
pub(super) enum Paths {
    /// To one path each.
    Group(Arc<PathGroup>),
    /// To both paths of 1+1 protection.
    Both(Arc<Replication>),
}

const EXAMPLE: &str = "[{ interface = \"core0\", address = \"10.0.12.2\", labels = [100] }]";

impl StaticLsps<'_> {
    /// The keys `next-hops`, `protection` and `protecting-next-hops`.
    pub(super) fn paths(
        &self,
        section: &mut Section<'_, '_>,
        alike: Alike,
        problems: &mut Problems,
    ) -> Option<Paths> {
        let working = self.next_hops("next-hops", section, alike, problems);
        let named = section.get("protection").is_some();
        let domain = protection::reference(self.referred.protections, section, problems);
        if section.get("protecting-next-hops").is_none() {
            if let Some(domain) = &domain {
                problems.add(
                    &domain.span,
                    "the protecting path is missing",
                    "protected by nothing",
                    "add protecting-next-hops = [...]",
                );
            }
            let working = working.filter(|_| !named)?;
            return group(PathGroup::new(working.value), &working.span, problems);
        }
        let protecting = self.next_hops("protecting-next-hops", section, alike, problems);
        if !named {
            section.missing("protection", "protection = \"east\"", problems);
        }
        let (working, domain, protecting) = (working?, domain?, protecting?);
        match domain.value.kind {
            ProtectionKind::OneToOne => {
                let (working, span) = (working.value, working.span);
                let protected = PathGroup::protected(working, domain.value.id, protecting.value);
                group(protected, &span, problems)
            }
            ProtectionKind::OnePlusOne => match (&working.value[..], &protecting.value[..]) {
                ([one], [other]) => {
                    match Replication::new([one.nhlfe.clone(), other.nhlfe.clone()], None) {
                        Ok(replication) => Some(Paths::Both(Arc::new(replication))),
                        Err(error) => {
                            let remedy = "the protecting path goes by another next hop";
                            problems.add(&protecting.span, error.to_string(), "", remedy);
                            None
                        }
                    }
                }
                _ => {
                    problems.add_conflict(
                        &protecting.span,
                        &working.span,
                        "1+1 protection sends each packet by one working and one protecting path",
                        ("protecting", "working"),
                        "name one next hop in each, or use a [[protection]] of kind \"one-to-one\"",
                    );
                    None
                }
            },
        }
    }

    /// The next hops of a list.
    pub(super) fn next_hops(
        &self,
        key: &'static str,
        section: &mut Section<'_, '_>,
        alike: Alike,
        problems: &mut Problems,
    ) -> Option<At<Vec<Path>>> {
        if section.get(key).is_none() {
            section.missing(key, &format!("{key} = {EXAMPLE}"), problems);
            return None;
        }
        let list = section.list(key, problems)?;
        if list.value.is_empty() {
            let message = format!("`{key}` is empty");
            let remedy = format!("name one: {key} = {EXAMPLE}");
            problems.add(&list.span, message, "empty", remedy);
            return None;
        }
        let mut paths: Vec<At<Path>> = Vec::new();
        for value in list.value {
            let DeValue::Table(table) = value.get_ref() else {
                let what = format!("each of `{key}`");
                wrong_type(&what, value, "a table, in braces", problems);
                continue;
            };
            let Some(path) = self.path(table, value.span(), alike, problems) else {
                continue;
            };
            if let Some(earlier) = paths
                .iter()
                .find(|earlier| earlier.value.nhlfe == path.nhlfe)
            {
                problems.add_conflict(
                    &value.span(),
                    &earlier.span,
                    "the same next hop twice",
                    ("again here", "first here"),
                    "use `weight` to give a next hop a larger share",
                );
            }
            paths.push(At {
                value: path,
                span: value.span(),
            });
        }
        let complete = paths.len() == list.value.len();
        complete.then(|| At {
            value: paths.into_iter().map(|path| path.value).collect(),
            span: list.span,
        })
    }

    fn path(
        &self,
        table: &DeTable<'_>,
        span: Span,
        alike: Alike,
        problems: &mut Problems,
    ) -> Option<Path> {
        let mut section = Section::new("a next hop", table, span);
        let nhlfe = self.nhlfe(&mut section, alike, problems);
        let weight = section
            .integer("weight", 1..=u64::from(u8::MAX), "weights", problems)
            .map_or(1, |weight| weight.value as u16);
        let backup = section.table("backup", "a backup next hop", problems);
        let wrong = backup.is_none() && section.get("backup").is_some();
        section.finish(problems);
        let backup = match backup {
            Some(mut backup) => {
                let nhlfe = self.nhlfe(&mut backup, alike, problems);
                backup.finish(problems);
                Some(nhlfe?)
            }
            None => None,
        };
        let path = Path::new(nhlfe?, weight);
        match backup {
            Some(backup) => Some(path.with_backup(backup)),
            None => (!wrong).then_some(path),
        }
    }

    /// One NHLFE: `interface` and `address`, or `tunnel`; `labels`, and how they are put on.
    fn nhlfe(
        &self,
        section: &mut Section<'_, '_>,
        alike: Alike,
        problems: &mut Problems,
    ) -> Option<Nhlfe> {
        let span = section.span.clone();
        let named = section.get("tunnel").is_some();
        let tunnel = named.then(|| self.referred.tunnels.referred("tunnel", section, problems));
        let neighbour = match tunnel {
            Some(_) => None,
            None => {
                let name = section.need_text("interface", "interface = \"core0\"", problems);
                let address = section.need_text("address", "address = \"10.0.12.2\"", problems);
                Some((name, address))
            }
        };
        let labels = self.out_labels(section, alike.payload, problems);
        let count = labels.as_ref().map_or(0, |labels| labels.value.len());
        let entropy = section.integer(
            "entropy-label-below",
            1..=count.max(1) as u64,
            "positions of labels, 1 for the outermost (RFC 6790, 4.2)",
            problems,
        );
        let upstream = section.boolean("upstream-assigned", false, problems);
        let (next_hop, tunnel) = match (tunnel, neighbour) {
            (Some(tunnel), _) => {
                let (_, config) = tunnel?.value;
                (config.next_hop.clone(), Some(config.tunnel))
            }
            (None, Some((name, address))) => {
                let hop = self.neighbour(name?, address?, count > 0, alike, problems)?;
                (hop, None)
            }
            (None, None) => return None,
        };
        let build = || -> Result<Nhlfe, NhlfeError> {
            let labels = labels.iter().flat_map(|labels| &labels.value).copied();
            let mut nhlfe = Nhlfe::new(next_hop, labels, alike.tunnel_model)?;
            if let Some(entropy) = &entropy {
                nhlfe = nhlfe.with_entropy_label(entropy.value as u8)?;
            }
            if alike.control_word {
                nhlfe = nhlfe.with_control_word()?;
            }
            if upstream {
                nhlfe = nhlfe.with_upstream_assigned_label()?;
            }
            if let Some(tunnel) = tunnel {
                nhlfe = nhlfe.with_tunnel(tunnel)?;
            }
            Ok(nhlfe.with_qos_map(alike.qos_map))
        };
        labels.as_ref()?;
        match build() {
            Ok(nhlfe) => Some(nhlfe),
            Err(error) => {
                let remedy = "add labels = [...]";
                problems.add(&span, error.to_string(), "this next hop", remedy);
                None
            }
        }
    }

    fn neighbour(
        &self,
        name: At<&str>,
        address: At<&str>,
        labelled: bool,
        alike: Alike,
        problems: &mut Problems,
    ) -> Option<NextHop> {
        let interface = self.referred.interfaces.find(&name, problems)?;
        if labelled && !interface.mpls {
            problems.add(
                &name.span,
                format!("MPLS is not enabled on interface `{}`", name.value),
                "labelled packets cannot leave here",
                format!("set mpls = true on the [[interface]] `{}`", name.value),
            );
        }
        let group = alike
            .group
            .filter(|group| !labelled && address.value.parse() == Ok(*group));
        let address = match group {
            Some(group) => group,
            None => next_hop_address(&address, interface, problems)?,
        };
        Some(NextHop::new(interface.name.as_str(), address))
    }
}

fn group(
    group: Result<PathGroup, forwarding::PathGroupError>,
    span: &Span,
    problems: &mut Problems,
) -> Option<Paths> {
    match group {
        Ok(group) => Some(Paths::Group(Arc::new(group))),
        // Told already, with both places.
        Err(forwarding::PathGroupError::Duplicate(_)) => None,
        Err(error) => {
            problems.add(span, error.to_string(), "these next hops", "");
            None
        }
    }
}

/// The address of a neighbour on an interface.
pub(in super::super) fn next_hop_address(
    given: &At<&str>,
    interface: &InterfaceConfig,
    problems: &mut Problems,
) -> Option<IpAddr> {
    let name = &interface.name;
    let mut refuse = |message: String, mark: &str, remedy: String| {
        problems.add(&given.span, message, mark, remedy);
        None
    };
    let address: IpAddr = match given.value.parse() {
        Ok(address) => address,
        Err(_) => {
            return refuse(
                format!("`{}` is not an address", given.value),
                "malformed",
                "write the neighbour's address without a length, as in \"10.0.12.2\"".into(),
            );
        }
    };
    let unicast = match address {
        IpAddr::V4(address) => is_ipv4_unicast(address),
        IpAddr::V6(address) => is_ipv6_unicast(address),
    };
    if !unicast {
        return refuse(
            format!("`{address}` cannot be a next hop"),
            "not a unicast address",
            "write the address of the neighbouring router".into(),
        );
    }
    if interface.addresses.iter().any(|own| own.addr() == address) {
        return refuse(
            format!("`{address}` is this router's own address on {name}"),
            "own address",
            "write the address of the neighbouring router".into(),
        );
    }
    let connected = interface.addresses.iter().any(|own| own.contains(&address));
    if !connected && !is_link_local(address) {
        let prefixes: Vec<String> = interface
            .addresses
            .iter()
            .map(|own| own.trunc().to_string())
            .collect();
        let remedy = match prefixes.is_empty() {
            true => format!("give {name} an address in the next hop's prefix"),
            false => format!("connected on {name}: {}", prefixes.join(", ")),
        };
        return refuse(
            format!("next hop {address} is not on a connected prefix of interface {name}"),
            "not connected",
            remedy,
        );
    }
    Some(address)
}
