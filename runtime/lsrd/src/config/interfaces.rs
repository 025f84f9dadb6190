//! The checks of `[[interface]]`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use forwarding::{LabelSpace, QosMap, VlanId};
use ipnet::IpNet;

use super::circuits::vlan;
use super::lsps::label_space;
use super::named::Named;
use super::problem::{Problems, Span};
use super::section::{At, Section, text};
use super::{InterfaceConfig, qos};

/// `IFNAMSIZ` of Linux, 16, less the closing NUL.
const MAX_NAME: usize = 15;
/// The smallest MTU of IPv4 (RFC 791, 3.2) and of IPv6 (RFC 8200, 5).
pub(super) const MIN_MTU_IPV4: u64 = 68;
const MIN_MTU_IPV6: u64 = 1280;
/// The largest MTU of a TAP in Linux: 65535 less the Ethernet header.
pub(super) const MAX_MTU: u64 = 65521;
/// The largest frame payload that the P4 program counts.
const MAX_FRAME_PAYLOAD: u64 = 65534;

/// The interfaces that were read so far, and where their unique values stand.
pub(super) struct Interfaces {
    router_id: Option<Ipv4Addr>,
    max_port: u64,
    read: Vec<InterfaceConfig>,
    names: BTreeMap<String, Span>,
    places: BTreeMap<(u16, u16), Span>,
    macs: BTreeMap<[u8; 6], (u16, Span)>,
    addresses: Vec<(u16, At<IpNet>)>,
    /// A broken interface still counts as a name that exists: one mistake, one message.
    broken: Vec<String>,
}

impl Interfaces {
    /// None read yet. Ports are at most `max_port`.
    pub(super) fn new(router_id: Option<Ipv4Addr>, max_port: u64) -> Self {
        Self {
            router_id,
            max_port,
            read: Vec::new(),
            names: BTreeMap::new(),
            places: BTreeMap::new(),
            macs: BTreeMap::new(),
            addresses: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// The interface of this name, if it was configured without a mistake.
    pub(super) fn get(&self, name: &str) -> Option<&InterfaceConfig> {
        self.read.iter().find(|interface| interface.name == name)
    }

    /// The interface of this name; without it a problem is told.
    pub(super) fn find(
        &self,
        name: &At<&str>,
        problems: &mut Problems,
    ) -> Option<&InterfaceConfig> {
        if !self.has(name.value) {
            let known: Vec<_> = self.read.iter().map(|i| i.name.as_str()).collect();
            let remedy = match known.is_empty() {
                true => "add an [[interface]] with this name".to_owned(),
                false => format!("configured: {}", known.join(", ")),
            };
            problems.add(
                &name.span,
                format!("interface `{}` is not configured", name.value),
                "no [[interface]] has this name",
                remedy,
            );
        }
        self.get(name.value)
    }

    /// Whether an interface of the VRF has the address.
    pub(super) fn is_own(&self, address: IpAddr, vrf: u16) -> bool {
        self.addresses
            .iter()
            .any(|(of, own)| *of == vrf && own.value.addr() == address)
    }

    /// Where the interface at a port stands in the file: that of a VLAN, or any of the port.
    pub(super) fn at(&self, port: u16, vlan: Option<u16>) -> Option<&Span> {
        let mut places = self.places.iter();
        places
            .find(|((of, on), _)| *of == port && vlan.is_none_or(|vlan| *on == vlan))
            .map(|(_, span)| span)
    }

    /// Whether the name was configured, with mistakes or without.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some() || self.broken.iter().any(|broken| broken == name)
    }

    /// All interfaces without a mistake.
    pub(super) fn all(&self) -> &[InterfaceConfig] {
        &self.read
    }

    /// Whether some interface was read with a mistake.
    pub(super) fn any_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// Ends the reading.
    pub(super) fn into_vec(self) -> Vec<InterfaceConfig> {
        self.read
    }

    /// Reads one `[[interface]]`.
    pub(super) fn read(
        &mut self,
        mut section: Section<'_, '_>,
        maps: &Named<QosMap>,
        problems: &mut Problems,
    ) {
        let name = section.need_text("name", "name = \"core0\"", problems);
        let name = name.and_then(|name| self.name(&name, problems));
        let port = self.place(&mut section, problems);
        let vrf = section
            .integer("vrf", 0..=u64::from(u16::MAX), "VRF numbers", problems)
            .map_or(0, |vrf| vrf.value as u16);
        let label_space = label_space("label-space", &mut section, problems);
        if let Some(space) = &label_space
            && space.value >= LabelSpace::FIRST_CONTEXT
        {
            problems.add(
                &space.span,
                format!("{} is a context label space", space.value),
                "not the space of an interface",
                "interfaces have the platform's space, 0, or one of 1 to 32767",
            );
        }
        let label_space = label_space.map_or(0, |space| space.value.0);
        let addresses = self.addresses(&mut section, vrf, problems);
        let has_ipv6 = addresses
            .iter()
            .any(|address| matches!(address, IpNet::V6(_)));
        let (min_mtu, what) = match has_ipv6 {
            true => (
                MIN_MTU_IPV6,
                "the MTU of an interface with IPv6 (RFC 8200, section 5)",
            ),
            false => (MIN_MTU_IPV4, "the MTU of an interface"),
        };
        let mtu = section.integer("mtu", min_mtu..=MAX_MTU, what, problems);
        let mtu = mtu.map_or(1500, |mtu| mtu.value as u32);
        let mpls_mtu = section
            .integer(
                "mpls-mtu",
                MIN_MTU_IPV4..=MAX_FRAME_PAYLOAD,
                "the largest labelled packet, with its labels (RFC 3032, section 3.1)",
                problems,
            )
            .map_or(mtu, |mtu| mtu.value as u32);
        let qos_map = qos::reference(maps, &mut section, problems);
        let mac = self.mac(&mut section, port.as_ref(), problems);
        let mpls = section.boolean("mpls", false, problems);
        let duplicate_address_detection =
            section.boolean("duplicate-address-detection", true, problems);
        section.finish(problems);

        let (Some(name), Some(port), Some(mac)) = (name.clone(), port, mac) else {
            self.broken.extend(name);
            return;
        };
        self.read.push(InterfaceConfig {
            name,
            port: port.value.0,
            vlan: port.value.1,
            addresses,
            mpls,
            mtu,
            mpls_mtu,
            qos_map,
            mac,
            vrf,
            label_space,
            duplicate_address_detection,
        });
    }

    fn name(&mut self, name: &At<&str>, problems: &mut Problems) -> Option<String> {
        let text = name.value;
        if text.len() > MAX_NAME {
            problems.add(
                &name.span,
                format!("the interface name `{text}` is too long"),
                format!("{} octets", text.len()),
                format!("Linux allows {MAX_NAME} octets"),
            );
        } else if text.is_empty()
            || text == "."
            || text == ".."
            || text.contains(|c: char| c == '/' || c == ':' || c == '%' || c.is_whitespace())
        {
            problems.add(
                &name.span,
                format!("`{text}` cannot be the name of an interface"),
                "not a name of Linux",
                "use letters, digits, `-`, `_` and `.`, for example \"core0\"",
            );
        } else if let Some(earlier) = self.names.get(text) {
            problems.add_conflict(
                &name.span,
                earlier,
                format!("two interfaces have the name `{text}`"),
                ("again here", "first here"),
                "give each interface its own name",
            );
        } else {
            self.names.insert(text.to_owned(), name.span.clone());
            return Some(text.to_owned());
        }
        self.broken.push(text.to_owned());
        None
    }

    /// The port and the VLAN, 0 for frames without tag.
    fn place(
        &mut self,
        section: &mut Section<'_, '_>,
        problems: &mut Problems,
    ) -> Option<At<(u16, u16)>> {
        let port = self.port_number(section, problems);
        let vlan = vlan(section, problems).ok()?.map_or(0, VlanId::value);
        let At { value: port, span } = port?;
        let place = (port as u16, vlan);
        if let Some(earlier) = self.places.get(&place) {
            let what = match vlan {
                0 => format!("two interfaces use port {port} without a VLAN"),
                vlan => format!("two interfaces use VLAN {vlan} of port {port}"),
            };
            problems.add_conflict(
                &span,
                earlier,
                what,
                ("again here", "first here"),
                "each interface has a port of the switch, or a VLAN on one, of its own",
            );
            return None;
        }
        self.places.insert(place, span.clone());
        Some(At { value: place, span })
    }

    /// The key `port`.
    pub(super) fn port_number(
        &self,
        section: &mut Section<'_, '_>,
        problems: &mut Problems,
    ) -> Option<At<u64>> {
        let (range, what) = (0..=self.max_port, "ports of the hardware profile");
        section.need_integer("port", "port = 1", range, what, problems)
    }

    fn addresses(
        &mut self,
        section: &mut Section<'_, '_>,
        vrf: u16,
        problems: &mut Problems,
    ) -> Vec<IpNet> {
        let Some(list) = section.list("addresses", problems) else {
            return Vec::new();
        };
        let mut addresses = Vec::new();
        for value in list.value {
            let Some(given) = text("each of `addresses`", value, problems) else {
                continue;
            };
            let Some(address) = interface_address(&given, problems) else {
                continue;
            };
            let earlier = self.addresses.iter().find(|(other_vrf, other)| {
                *other_vrf == vrf && overlap(&other.value, &address.value)
            });
            if let Some((_, earlier)) = earlier {
                problems.add_conflict(
                    &address.span,
                    &earlier.span,
                    format!(
                        "{} overlaps {}",
                        address.value.trunc(),
                        earlier.value.trunc()
                    ),
                    ("this prefix", "and this one"),
                    "within a VRF each interface has connected prefixes of its own",
                );
            }
            addresses.push(address.value);
            self.addresses.push((vrf, address));
        }
        addresses
    }

    fn mac(
        &mut self,
        section: &mut Section<'_, '_>,
        place: Option<&At<(u16, u16)>>,
        problems: &mut Problems,
    ) -> Option<[u8; 6]> {
        let (mac, span) = match section.text("mac", problems) {
            Some(given) => match parse_mac(given.value) {
                Some(mac) if mac[0] & 1 == 0 && mac != [0; 6] => (mac, given.span),
                parsed => {
                    let mark = match parsed {
                        Some(_) => "a group address or all zeroes",
                        None => "not six octets in hexadecimal",
                    };
                    problems.add(
                        &given.span,
                        format!("`{}` is not the MAC address of a station", given.value),
                        mark,
                        "write a unicast address, for example \"02:00:00:00:00:01\"",
                    );
                    return None;
                }
            },
            // Locally administered, unique in the network as far as router identifiers are.
            None => {
                let [a, b, c, d] = self.router_id?.octets();
                let place = place?;
                ([0x02, a, b, c, d, place.value.0 as u8], place.span.clone())
            }
        };
        // The VLANs of one port may share its address: they are different links.
        let port = place.map(|place| place.value.0);
        if let Some((_, earlier)) = self
            .macs
            .get(&mac)
            .filter(|(other, _)| Some(*other) != port)
        {
            problems.add_conflict(
                &span,
                earlier,
                "two interfaces have the same MAC address",
                ("again here", "first here"),
                "give one of them a `mac` of its own",
            );
            return None;
        }
        self.macs.insert(mac, (port?, span));
        Some(mac)
    }
}

fn overlap(a: &IpNet, b: &IpNet) -> bool {
    // Every interface may have addresses of the link-local prefix.
    if [a, b].iter().any(|net| is_link_local(net.addr())) {
        return a == b && !is_link_local(a.addr());
    }
    a.contains(&b.network()) || b.contains(&a.network())
}

/// fe80::/10 (RFC 4291, 2.5.6): on every link.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

fn interface_address(given: &At<&str>, problems: &mut Problems) -> Option<At<IpNet>> {
    let mut refuse = |mark: &str, remedy: String| {
        problems.add(
            &given.span,
            format!("`{}` is not the address of an interface", given.value),
            mark,
            remedy,
        );
        None
    };
    let Ok(net) = given.value.parse::<IpNet>() else {
        let remedy = match given.value.parse::<IpAddr>() {
            Ok(address @ IpAddr::V4(_)) => format!("add the prefix length, as in \"{address}/24\""),
            Ok(address @ IpAddr::V6(_)) => format!("add the prefix length, as in \"{address}/64\""),
            Err(_) => {
                "write address/length, as in \"10.0.12.1/24\" or \"2001:db8:12::1/64\"".into()
            }
        };
        return refuse("not address/length", remedy);
    };
    match net {
        IpNet::V4(net) => {
            let address = net.addr();
            if net.prefix_len() == 0 || !is_ipv4_unicast(address) {
                return refuse("not a unicast address", "use a unicast address".into());
            }
            // RFC 3021: a /31 has two hosts and neither network nor broadcast address.
            if net.prefix_len() < 31 && (address == net.network() || address == net.broadcast()) {
                let mark = match address == net.network() {
                    true => "the address of the network itself",
                    false => "the broadcast address of the network",
                };
                let mut hosts = net.hosts();
                let (first, last) = (hosts.next(), hosts.next_back());
                let remedy = match (first, last) {
                    (Some(first), Some(last)) => format!("hosts have {first} to {last}"),
                    _ => String::new(),
                };
                return refuse(mark, remedy);
            }
        }
        IpNet::V6(net) => {
            let address = net.addr();
            if net.prefix_len() == 0 || !is_ipv6_unicast(address) {
                return refuse("not a unicast address", "use a unicast address".into());
            }
            // RFC 6164: a /127 has two hosts and no Subnet-Router anycast address.
            if net.prefix_len() < 127 && address == net.network() {
                return refuse(
                    "the Subnet-Router anycast address (RFC 4291, 2.6.1)",
                    format!("use another address of {}", net.trunc()),
                );
            }
        }
    }
    Some(At {
        value: net,
        span: given.span.clone(),
    })
}

/// Whether a host can have this IPv4 address: not 0/8, loopback, multicast, class E or broadcast.
pub(super) fn is_ipv4_unicast(address: Ipv4Addr) -> bool {
    let first = address.octets()[0];
    first != 0 && first < 224 && !address.is_loopback()
}

/// Whether a host can have this IPv6 address on a link.
pub(super) fn is_ipv6_unicast(address: Ipv6Addr) -> bool {
    !address.is_unspecified()
        && !address.is_multicast()
        && !address.is_loopback()
        && address.to_ipv4_mapped().is_none()
}

fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut octets = text.split([':', '-']);
    for byte in &mut mac {
        let octet = octets.next().filter(|octet| octet.len() == 2)?;
        *byte = u8::from_str_radix(octet, 16).ok()?;
    }
    octets.next().is_none().then_some(mac)
}
