//! The ways through a topology: what an IGP would find out, for labs that run LDP without one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Igp, LinkEnd, Topology};

/// A next hop: the TAP, and the neighbour's address.
pub(super) type StaticHop = (String, IpAddr);

/// A way from a router to a neighbouring router in one address family.
struct Edge<'a> {
    to: &'a str,
    tap: String,
    address: IpAddr,
    cost: u32,
}

impl Topology {
    /// The prefixes that a router is the way out to: those of its links, and its loopbacks.
    pub(super) fn own_prefixes(&self, router: &str) -> BTreeSet<IpNet> {
        let of_links = self
            .ends_of(router)
            .flat_map(|(end, _, _)| end.all_addresses())
            .map(|address| address.get_ref().trunc());
        of_links.chain(self.loopbacks(router)).collect()
    }

    /// The addresses of a router that belong to no link, as prefixes.
    pub(in super::super) fn loopbacks(&self, router: &str) -> BTreeSet<IpNet> {
        let routers = self.routers.iter();
        let Some(router) = routers
            .into_iter()
            .find(|known| known.name.get_ref() == router)
        else {
            return BTreeSet::new();
        };
        match router.loopbacks.as_slice() {
            [] => [IpNet::from(IpAddr::from(*router.router_id.get_ref()))].into(),
            given => given.iter().map(|of| IpNet::from(*of.get_ref())).collect(),
        }
    }

    /// The prefixes that others are the way out to, and not this router.
    pub fn remote_prefixes(&self, router: &str) -> BTreeSet<IpNet> {
        let own = self.own_prefixes(router);
        let all = self.routers.iter();
        let all = all.flat_map(|other| self.own_prefixes(other.name.get_ref()));
        // OSPF is OSPFv2: it knows IPv4 alone (RFC 2328).
        let known = |prefix: &IpNet| self.igp == Igp::Static || matches!(prefix, IpNet::V4(_));
        all.filter(|prefix| !own.contains(prefix) && known(prefix))
            .collect()
    }

    /// The neighbours with which a router has links with labels: those that it has LDP sessions with.
    pub fn labelled_neighbours(&self, router: &str) -> BTreeSet<&str> {
        let Some(router) = self.nodes().find(|node| *node == router) else {
            return BTreeSet::new();
        };
        let ends = self.ends_of(router);
        let ends = ends.filter(|(end, far, link)| {
            self.is_router(far.node.get_ref())
                && self.carries_labels(link)
                && end.all_addresses().next().is_some()
        });
        ends.map(|(_, far, _)| far.node.get_ref().as_str())
            .collect()
    }

    /// The shortest ways from a router to each prefix that it is not the way out to itself: of
    /// several, all.
    pub(super) fn static_routes(&self, router: &str) -> BTreeMap<IpNet, Vec<StaticHop>> {
        let own = self.own_prefixes(router);
        let mut owners: BTreeMap<IpNet, Vec<&str>> = BTreeMap::new();
        for other in &self.routers {
            let name = other.name.get_ref().as_str();
            for prefix in self.own_prefixes(name) {
                owners.entry(prefix).or_default().push(name);
            }
        }
        let mut routes = BTreeMap::new();
        for (prefix, owners) in owners {
            if own.contains(&prefix) {
                continue;
            }
            let ipv6 = matches!(prefix, IpNet::V6(_));
            let distances = self.distances(&owners, ipv6);
            let Some(distance) = distances.get(router) else {
                continue;
            };
            let hops: Vec<StaticHop> = self
                .edges(router, ipv6)
                .into_iter()
                .filter(|edge| distances.get(edge.to).map(|far| far + edge.cost) == Some(*distance))
                .map(|edge| (edge.tap, edge.address))
                .collect();
            if !hops.is_empty() {
                routes.insert(prefix, hops);
            }
        }
        routes
    }

    /// What the way from each router to the nearest of `owners` costs.
    fn distances<'a>(&'a self, owners: &[&'a str], ipv6: bool) -> BTreeMap<&'a str, u32> {
        let mut distances: BTreeMap<&str, u32> = owners.iter().map(|own| (*own, 0)).collect();
        // No way has more links than there are routers.
        for _ in &self.routers {
            let known: Vec<(&str, u32)> = distances.iter().map(|(at, far)| (*at, *far)).collect();
            for (router, distance) in known {
                for edge in self.edges(router, ipv6) {
                    let by_here = distance + edge.cost;
                    let best = distances.entry(edge.to).or_insert(by_here);
                    *best = by_here.min(*best);
                }
            }
        }
        distances
    }

    fn edges<'a>(&'a self, router: &str, ipv6: bool) -> Vec<Edge<'a>> {
        let ends = self
            .links
            .iter()
            .flat_map(|link| [(&link.a, &link.b, link), (&link.b, &link.a, link)])
            .filter(|(end, _, _)| end.node.get_ref() == router);
        let mut edges = Vec::new();
        for (end, far, link) in ends {
            let cost = link
                .cost
                .as_ref()
                .map_or(1, |cost| u32::from(*cost.get_ref()));
            let to = far.node.get_ref().as_str();
            if !self.is_router(to) {
                continue;
            }
            for (tap, address) in addresses(end, far, ipv6) {
                edges.push(Edge {
                    to,
                    tap,
                    address,
                    cost,
                });
            }
        }
        edges
    }
}

/// The TAPs at one end with the addresses at the other: of the link itself, and of each VLAN.
fn addresses(end: &LinkEnd, far: &LinkEnd, ipv6: bool) -> Vec<StaticHop> {
    let find = |addresses: &[toml::Spanned<IpNet>]| {
        let mut addresses = addresses.iter().map(|address| address.get_ref().addr());
        addresses.find(|address| address.is_ipv6() == ipv6)
    };
    let mut hops = Vec::new();
    if let (Some(_), Some(address)) = (find(&end.addresses), find(&far.addresses)) {
        hops.push((Topology::tap_name(far), address));
    }
    for vlan in &end.vlans {
        let id = *vlan.id.get_ref();
        let mut others = far.vlans.iter();
        let other = others.find(|other| *other.id.get_ref() == id);
        if let Some(address) = other.and_then(|other| find(&other.addresses))
            && find(&vlan.addresses).is_some()
        {
            hops.push((Topology::vlan_tap_name(far, id), address));
        }
    }
    hops
}
