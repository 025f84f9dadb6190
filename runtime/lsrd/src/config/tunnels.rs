//! The checks of `[[tunnel]]` and `[[tunnel-end]]`: MPLS in UDP (RFC 7510), in GRE and in IP (RFC
//! 4023).

use std::net::IpAddr;

use forwarding::{Dscp, LabelSpace, NextHop, Tunnel, TunnelEnd, TunnelKind, VrfId};
use ipnet::IpNet;

use super::interfaces::{Interfaces, is_ipv4_unicast, is_ipv6_unicast};
use super::lsps::{label_space, next_hop_address, vrf};
use super::named::Named;
use super::problem::Problems;
use super::section::{At, Section, text};
use super::{TunnelConfig, TunnelEndConfig, qos};

const KINDS: &[(&str, TunnelKind)] = &[
    ("mpls-in-udp", TunnelKind::Udp),
    ("mpls-in-gre", TunnelKind::Gre),
    ("mpls-in-ip", TunnelKind::Ip),
];
/// As hosts do (RFC 1700).
const DEFAULT_TTL: u8 = 64;

/// Reads one `[[tunnel]]`.
pub(super) fn read(
    tunnels: &mut Named<TunnelConfig>,
    interfaces: &Interfaces,
    mut section: Section<'_, '_>,
    problems: &mut Problems,
) {
    let name = tunnels.name(&mut section, "name = \"to-pe2\"", problems);
    let kind = kind(&mut section, problems);
    let local = address("local", "local = \"192.0.2.1\"", &mut section, problems);
    let remote = address("remote", "remote = \"192.0.2.2\"", &mut section, problems);
    let ttl = section
        .integer("ttl", 1..=255, "TTLs of the outer header", problems)
        .map_or(DEFAULT_TTL, |ttl| ttl.value as u8);
    let dscp = match section.get("dscp") {
        Some(_) => qos::dscp(&mut section, problems),
        None => Some(Dscp::default()),
    };
    let next_hop = next_hop(interfaces, &mut section, problems);
    let zero_checksum = section.boolean("udp-zero-checksum", false, problems);
    section.finish(problems);
    let (Some(name), Some(kind), Some(local), Some(remote), Some(dscp), Some(next_hop)) =
        (name, kind, local, remote, dscp, next_hop)
    else {
        return;
    };
    // RFC 7510 section 3.1: over IPv6 it is the operator who decides to do without.
    if kind == TunnelKind::Udp && remote.value.is_ipv6() && !zero_checksum {
        problems.add(
            &remote.span,
            "MPLS in UDP over IPv6 needs a UDP checksum, which switches do not compute",
            "an IPv6 address",
            "write udp-zero-checksum = true if the network meets RFC 7510, section 3.1, or use \
             encapsulation = \"mpls-in-gre\"",
        );
        return;
    }
    match Tunnel::new(kind, local.value, remote.value, ttl, dscp) {
        Ok(tunnel) => {
            let config = TunnelConfig {
                name: name.clone(),
                tunnel,
                next_hop,
            };
            tunnels.insert(name, config);
        }
        Err(error) => problems.add_conflict(
            &remote.span,
            &local.span,
            error.to_string(),
            ("this version", "and this one"),
            "use two addresses of the same IP version",
        ),
    }
}

/// The neighbour towards the remote end.
fn next_hop(
    interfaces: &Interfaces,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Option<NextHop> {
    let name = section.need_text("interface", "interface = \"core0\"", problems);
    let address = section.need_text("next-hop", "next-hop = \"10.0.12.2\"", problems);
    let interface = interfaces.find(&name?, problems)?;
    let address = next_hop_address(&address?, interface, problems)?;
    Some(NextHop::new(interface.name.as_str(), address))
}

/// Reads one `[[tunnel-end]]`.
pub(super) fn read_end(
    ends: &mut Named<TunnelEndConfig>,
    interfaces: &Interfaces,
    mut section: Section<'_, '_>,
    problems: &mut Problems,
) {
    let name = ends.name(&mut section, "name = \"from-pe2\"", problems);
    let kind = kind(&mut section, problems);
    let local = address("local", "local = \"192.0.2.1\"", &mut section, problems);
    let vrf = vrf(&mut section, problems).map_or(0, |vrf| vrf.value);
    let label_space = label_space("label-space", &mut section, problems)
        .map_or(LabelSpace::PLATFORM, |space| space.value);
    let sources = sources(&mut section, local.as_ref(), problems);
    section.finish(problems);
    let (Some(name), Some(kind), Some(local), Some(sources)) = (name, kind, local, sources) else {
        return;
    };
    if !interfaces.any_broken() && !interfaces.is_own(local.value, vrf) {
        problems.add(
            &local.span,
            format!("{} is no address of this router", local.value),
            "packets to it pass through",
            "write an address of an [[interface]] in the VRF of the tunnel",
        );
    }
    let ends_here = sources.into_iter().map(|source| TunnelEnd {
        vrf: VrfId(vrf),
        kind,
        destination: local.value,
        source,
    });
    let config = TunnelEndConfig {
        name: name.clone(),
        ends: ends_here.collect(),
        label_space,
    };
    ends.insert(name, config);
}

/// The accepted senders: prefixes of the version of `local`, or the word "any".
fn sources(
    section: &mut Section<'_, '_>,
    local: Option<&At<IpAddr>>,
    problems: &mut Problems,
) -> Option<Vec<Option<IpNet>>> {
    if section.get("sources").is_none() {
        section.missing(
            "sources",
            "sources = [\"192.0.2.2/32\"], or sources = [\"any\"] (RFC 4023, section 8 warns of it)",
            problems,
        );
        return None;
    }
    let list = section.list("sources", problems)?;
    let mut sources = Vec::new();
    for value in list.value {
        let given = text("each of `sources`", value, problems)?;
        if given.value == "any" {
            sources.push(None);
            continue;
        }
        let prefix: Option<IpNet> = given.value.parse().ok();
        let fits = |prefix: &IpNet| {
            local.is_none_or(|local| local.value.is_ipv4() == prefix.addr().is_ipv4())
        };
        match prefix.filter(fits) {
            Some(prefix) => sources.push(Some(prefix.trunc())),
            None => {
                problems.add(
                    &given.span,
                    format!("`{}` is not a prefix of senders", given.value),
                    "not prefix/length of the local address's version",
                    "write prefix/length, as in \"192.0.2.0/24\", or \"any\"",
                );
                return None;
            }
        }
    }
    if sources.is_empty() {
        problems.add(
            &list.span,
            "`sources` is empty: nobody could send",
            "empty",
            "name the senders",
        );
        return None;
    }
    Some(sources)
}

fn kind(section: &mut Section<'_, '_>, problems: &mut Problems) -> Option<TunnelKind> {
    if section.get("encapsulation").is_none() {
        section.missing("encapsulation", "encapsulation = \"mpls-in-udp\"", problems);
        return None;
    }
    let kind = section.word("encapsulation", KINDS, problems)?;
    Some(kind.value)
}

fn address(
    key: &'static str,
    example: &str,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Option<At<IpAddr>> {
    let given = section.need_text(key, example, problems)?;
    let unicast = |address: &IpAddr| match address {
        IpAddr::V4(address) => is_ipv4_unicast(*address),
        IpAddr::V6(address) => is_ipv6_unicast(*address),
    };
    match given.value.parse().ok().filter(unicast) {
        Some(address) => Some(At {
            value: address,
            span: given.span,
        }),
        None => {
            problems.add(
                &given.span,
                format!("`{}` cannot be the end of a tunnel", given.value),
                "not a unicast address",
                example,
            );
            None
        }
    }
}
