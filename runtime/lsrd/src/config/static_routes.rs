//! The checks of `loopback-addresses` and `[[static-route]]`: a router without an IGP.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ::ldp::PrefixFec;
use forwarding::NextHop;
use ipnet::IpNet;

use super::interfaces::{Interfaces, is_ipv4_unicast, is_ipv6_unicast};
use super::lsps::next_hop_address;
use super::problem::{Problems, Span};
use super::section::{Section, text};
use super::topologies::Topologies;

const NEXT_HOPS: &str = "next-hops = [{ interface = \"core0\", address = \"10.0.12.2\" }]";

/// Reads `loopback-addresses`: the router's addresses that belong to no link.
pub(super) fn loopback(root: &mut Section<'_, '_>, problems: &mut Problems) -> Vec<IpNet> {
    let Some(list) = root.list("loopback-addresses", problems) else {
        return Vec::new();
    };
    let mut addresses = Vec::new();
    for value in list.value {
        let Some(given) = text("each of `loopback-addresses`", value, problems) else {
            continue;
        };
        let host = |net: &IpNet| {
            let unicast = match net.addr() {
                IpAddr::V4(address) => is_ipv4_unicast(address),
                IpAddr::V6(address) => is_ipv6_unicast(address) && !address.is_unicast_link_local(),
            };
            unicast && net.prefix_len() == net.max_prefix_len()
        };
        let address: Option<IpAddr> = given.value.parse().ok();
        let net = address
            .map(IpNet::from)
            .or_else(|| given.value.parse().ok());
        match net.filter(host) {
            Some(net) => addresses.push(net),
            None => problems.add(
                &given.span,
                format!(
                    "`{}` is not an address of the router as a whole",
                    given.value
                ),
                "not a single unicast address",
                "write an address, such as \"10.255.0.1\" or \"2001:db8::1\"",
            ),
        }
    }
    addresses
}

/// Reads all `[[static-route]]`: next hops with their weights, by prefix and topology.
pub(super) fn read(
    root: &mut Section<'_, '_>,
    interfaces: &Interfaces,
    topologies: &Topologies,
    problems: &mut Problems,
) -> BTreeMap<PrefixFec, Vec<(NextHop, u16)>> {
    let mut routes = BTreeMap::new();
    let mut seen: BTreeMap<PrefixFec, Span> = BTreeMap::new();
    for mut section in root.tables("static-route", "[[static-route]]", problems) {
        let prefix = section.need_text("prefix", "prefix = \"10.255.0.2/32\"", problems);
        let topology = topologies.referred(&mut section, problems);
        let hops = section.tables("next-hops", "a next hop", problems);
        match section.get("next-hops") {
            None => section.missing("next-hops", NEXT_HOPS, problems),
            Some(given)
                if given
                    .get_ref()
                    .as_array()
                    .is_some_and(|list| list.is_empty()) =>
            {
                problems.add(
                    &given.span(),
                    "a static route has at least one next hop",
                    "none here",
                    format!("write one, as in {NEXT_HOPS}"),
                );
            }
            Some(_) => {}
        }
        let mut next_hops = Vec::new();
        for hop in hops {
            next_hops.extend(next_hop(hop, interfaces, problems));
        }
        section.finish(problems);
        let (Some(given), Some(topology)) = (prefix, topology) else {
            continue;
        };
        let Ok(prefix) = given.value.parse::<IpNet>() else {
            problems.add(
                &given.span,
                format!("`{}` is not a prefix", given.value),
                "not prefix/length",
                "write prefix/length, as in \"10.255.0.2/32\"",
            );
            continue;
        };
        let prefix = prefix.trunc();
        if prefix.addr().is_multicast() || prefix.addr().is_loopback() {
            problems.add(
                &given.span,
                format!("`{}` is not a prefix of unicast destinations", given.value),
                "no route leads there",
                "write the prefix of hosts or routers, as in \"10.255.0.2/32\"",
            );
            continue;
        }
        let fec = PrefixFec { topology, prefix };
        if let Some(earlier) = seen.insert(fec, given.span.clone()) {
            problems.add_conflict(
                &given.span,
                &earlier,
                format!("there are two static routes for {fec}"),
                ("again here", "first here"),
                "one route has several next hops, among which the traffic is shared",
            );
            continue;
        }
        if !next_hops.is_empty() {
            routes.insert(fec, next_hops);
        }
    }
    routes
}

fn next_hop(
    mut section: Section<'_, '_>,
    interfaces: &Interfaces,
    problems: &mut Problems,
) -> Option<(NextHop, u16)> {
    let name = section.need_text("interface", "interface = \"core0\"", problems);
    let address = section.need_text("address", "address = \"10.0.12.2\"", problems);
    let weight = section.integer("weight", 1..=255, "weights of next hops", problems);
    section.finish(problems);
    let interface = interfaces.find(&name?, problems)?;
    let address = next_hop_address(&address?, interface, problems)?;
    // At most 255.
    let weight = weight.map_or(1, |weight| weight.value as u16);
    Some((NextHop::new(interface.name.as_str(), address), weight))
}
