//! Which interfaces and peers LDP finds (RFC 5036, 2.4; RFC 7552, 5).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ::ldp::engine::{
    AcceptTargeted, Families, HelloHoldTime, HelloInterval, IgpSyncDelay, InterfaceConfig,
    InterfaceTransport, LdpConfig, TargetedPeerConfig,
};
use forwarding::LabelSpace;
use ipnet::IpNet;

use super::super::InterfaceConfig as RouterInterface;
use super::super::interfaces::{Interfaces, is_ipv4_unicast, is_ipv6_unicast};
use super::super::problem::{Problems, Span};
use super::super::section::{Section, integer, text};
use super::{bounded, keys};

const TRANSPORTS: &[(&str, InterfaceTransport)] = &[
    ("router", InterfaceTransport::Router),
    ("interface", InterfaceTransport::Interface),
];
const AUTHENTICATION: &str = "hello-authentication";
const HOLD: &str = "seconds without a Hello, 65535 for ever (RFC 5036, section 3.5.2)";
const INTERVAL: &str = "seconds between Hellos (RFC 5036, section 3.5.2.1)";

/// Reads what is said of interfaces and targeted peers. `own_addresses`: those of this router as a whole.
pub(super) fn read(
    config: &mut LdpConfig,
    section: &mut Section<'_, '_>,
    interfaces: &Interfaces,
    own_addresses: &[IpAddr],
    problems: &mut Problems,
) {
    let mut common = InterfaceConfig {
        families: families(section, problems).unwrap_or(Families::DUAL),
        ..InterfaceConfig::default()
    };
    hello_times(
        ["hello-hold-time", "hello-interval"],
        (&mut common.hello_hold_time, &mut common.hello_interval),
        section,
        problems,
    );
    let mut targeted = TargetedPeerConfig::default();
    hello_times(
        ["targeted-hello-hold-time", "targeted-hello-interval"],
        (&mut targeted.hello_hold_time, &mut targeted.hello_interval),
        section,
        problems,
    );
    let key = "targeted-hello-authentication";
    targeted.hello_authentication = keys::hello(key, section, problems);
    config.interfaces = read_interfaces(section, &common, interfaces, problems);
    config.requested_targeted = targeted.clone();
    config.targeted_peers = read_targeted(section, &targeted, own_addresses, problems);
    let accepted = prefixes("accept-targeted", section, problems);
    if !accepted.is_empty() {
        config.accept_targeted = AcceptTargeted::From {
            prefixes: accepted,
            answer: targeted,
        };
    }
}

/// Why LDP cannot run on an interface.
fn obstacle(interface: &RouterInterface) -> Option<&'static str> {
    if !interface.mpls {
        Some("it has no labels: add mpls = true to the [[interface]]")
    } else if interface.vrf != 0 {
        Some("it is in a VRF: LDP distributes labels for the global routes")
    } else if interface.label_space != LabelSpace::PLATFORM.0 {
        Some(
            "it has a label space of its own: LDP's labels are of the platform's (RFC 5036, 2.2.1)",
        )
    } else {
        None
    }
}

fn read_interfaces(
    section: &mut Section<'_, '_>,
    common: &InterfaceConfig,
    interfaces: &Interfaces,
    problems: &mut Problems,
) -> BTreeMap<Arc<str>, InterfaceConfig> {
    let all = interfaces.all().iter();
    let possible = all.filter(|interface| obstacle(interface).is_none());
    let mut read: BTreeMap<Arc<str>, InterfaceConfig> = possible
        .map(|interface| (interface.name.as_str().into(), common.clone()))
        .collect();
    let mut seen: BTreeMap<String, Span> = BTreeMap::new();
    for mut own in section.tables("interface", "[[ldp.interface]]", problems) {
        let name = own.need_text("name", "name = \"core0\"", problems);
        let mut settings = InterfaceConfig {
            families: families(&mut own, problems).unwrap_or(common.families),
            ..common.clone()
        };
        hello_times(
            ["hello-hold-time", "hello-interval"],
            (&mut settings.hello_hold_time, &mut settings.hello_interval),
            &mut own,
            problems,
        );
        settings.gtsm = own.boolean("ttl-security", true, problems);
        let transport = own.word("transport-address", TRANSPORTS, problems);
        settings.transport = transport.map_or(common.transport, |given| given.value);
        let what = "seconds until the labels of a peer count as complete (RFC 5443)";
        let delay = bounded("igp-sync-delay", what, &mut own, problems);
        settings.igp_sync_delay = delay.map(|(delay, _): (IgpSyncDelay, _)| delay);
        settings.hello_authentication = keys::hello(AUTHENTICATION, &mut own, problems);
        let enabled = own.boolean("enabled", true, problems);
        own.finish(problems);
        let Some(name) = name else { continue };
        if let Some(earlier) = seen.insert(name.value.to_owned(), name.span.clone()) {
            problems.add_conflict(
                &name.span,
                &earlier,
                format!("[[ldp.interface]] is there twice for `{}`", name.value),
                ("again here", "first here"),
                "leave one of them out",
            );
            continue;
        }
        let Some(interface) = interfaces.find(&name, problems) else {
            continue;
        };
        match (enabled, obstacle(interface)) {
            (false, _) => {
                read.remove(name.value);
            }
            (true, None) => {
                read.insert(name.value.into(), settings);
            }
            (true, Some(reason)) => problems.add(
                &name.span,
                format!("LDP cannot run on interface `{}`", name.value),
                "of this [[interface]]",
                reason,
            ),
        }
    }
    read
}

fn read_targeted(
    section: &mut Section<'_, '_>,
    common: &TargetedPeerConfig,
    own_addresses: &[IpAddr],
    problems: &mut Problems,
) -> BTreeMap<IpAddr, TargetedPeerConfig> {
    let mut read: BTreeMap<IpAddr, TargetedPeerConfig> = BTreeMap::new();
    for mut own in section.tables("targeted-peer", "[[ldp.targeted-peer]]", problems) {
        let address = own.need_text("address", "address = \"10.255.0.9\"", problems);
        let mut settings = common.clone();
        hello_times(
            ["hello-hold-time", "hello-interval"],
            (&mut settings.hello_hold_time, &mut settings.hello_interval),
            &mut own,
            problems,
        );
        if let Some(keys) = keys::hello(AUTHENTICATION, &mut own, problems) {
            settings.hello_authentication = Some(keys);
        }
        if let Some(list) = own.list("applications", problems) {
            let range = 1..=u64::from(u16::MAX);
            let what = "TA-Ids (RFC 8223, section 2.1)";
            let ids = list.value.iter();
            let ids =
                ids.filter_map(|id| integer("applications", id, range.clone(), what, problems));
            settings.applications = ids.map(|id| id.value as u16).collect();
        }
        own.finish(problems);
        let Some(given) = address else { continue };
        let unicast = |address: &IpAddr| match address {
            IpAddr::V4(address) => is_ipv4_unicast(*address),
            // RFC 7552, 5.2: not a link-local one.
            IpAddr::V6(address) => is_ipv6_unicast(*address) && !address.is_unicast_link_local(),
        };
        let Some(address) = given.value.parse().ok().filter(unicast) else {
            problems.add(
                &given.span,
                format!("`{}` cannot be the address of a targeted peer", given.value),
                "not a unicast address beyond the link",
                "write the peer's transport address, such as \"10.255.0.9\"",
            );
            continue;
        };
        if own_addresses.contains(&address) {
            problems.add(
                &given.span,
                format!("{address} is an address of this router"),
                "not a peer's",
                "write the peer's transport address, such as \"10.255.0.9\"",
            );
        }
        if read.insert(address, settings).is_some() {
            problems.add(
                &given.span,
                format!("[[ldp.targeted-peer]] is there twice for {address}"),
                "again here",
                "leave one of them out",
            );
        }
    }
    read
}

fn families(section: &mut Section<'_, '_>, problems: &mut Problems) -> Option<Families> {
    let list = section.list("address-families", problems)?;
    let mut families = Families {
        ipv4: false,
        ipv6: false,
    };
    for value in list.value {
        let Some(word) = text("each of `address-families`", value, problems) else {
            continue;
        };
        match word.value {
            "ipv4" => families.ipv4 = true,
            "ipv6" => families.ipv6 = true,
            other => problems.add(
                &word.span,
                format!("`{other}` is not an address family"),
                "not known",
                "known: ipv4, ipv6",
            ),
        }
    }
    if list.value.is_empty() {
        problems.add(
            &list.span,
            "`address-families` is empty",
            "no Hellos at all",
            "write [\"ipv4\"], [\"ipv6\"] or both, or enabled = false",
        );
    }
    Some(families)
}

fn hello_times(
    [hold_key, interval_key]: [&'static str; 2],
    (hold, interval): (&mut HelloHoldTime, &mut Option<HelloInterval>),
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) {
    if let Some((given, _)) = bounded(hold_key, HOLD, section, problems) {
        *hold = given;
    }
    let Some((given, span)) = bounded(interval_key, INTERVAL, section, problems) else {
        return;
    };
    *interval = Some(given);
    // RFC 5036, 3.5.2.1: the interval is a third of the hold time at the most.
    let most = hold.get() / 3;
    if hold.get() != 0xffff && given.get() > most.max(1) {
        problems.add(
            &span,
            format!("`{interval_key}` is more than a third of the hold time of {hold} s"),
            "too long",
            format!("write {} or less (RFC 5036, section 3.5.2.1)", most.max(1)),
        );
    }
}

fn prefixes(
    key: &'static str,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Vec<IpNet> {
    let Some(list) = section.list(key, problems) else {
        return Vec::new();
    };
    let mut prefixes = Vec::new();
    for value in list.value {
        let Some(given) = text(&format!("each of `{key}`"), value, problems) else {
            continue;
        };
        match given.value.parse::<IpNet>() {
            Ok(prefix) => prefixes.push(prefix.trunc()),
            Err(_) => problems.add(
                &given.span,
                format!("`{}` is not a prefix", given.value),
                "not prefix/length",
                "write prefix/length, as in \"10.255.0.0/16\"; \"0.0.0.0/0\" is everybody",
            ),
        }
    }
    prefixes
}
