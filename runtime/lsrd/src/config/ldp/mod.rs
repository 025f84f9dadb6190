//! The checks of `[ldp]` (RFC 5036).

mod discovery;
mod filters;
mod keys;
mod neighbours;
mod policy;

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ::ldp::engine::{
    self, Bounded, CapabilityConfig, GracefulRestartConfig, LsrId, Preference, SessionConfig,
};
use ::ldp::packet::AdvertisementDiscipline;
use ipnet::IpNet;
use ldp_lfib::LspSettings;

use super::LdpConfig;
use super::interfaces::{Interfaces, is_ipv4_unicast, is_ipv6_unicast};
use super::labels::Labels;
use super::problem::Problems;
use super::section::{At, Section};

const PREFERENCES: &[(&str, Preference)] =
    &[("ipv4", Preference::Ipv4), ("ipv6", Preference::Ipv6)];
/// The discipline that is proposed, and whether it is insisted on.
const DISCIPLINES: &[(&str, (AdvertisementDiscipline, bool))] = &[
    (
        "downstream-unsolicited",
        (AdvertisementDiscipline::DownstreamUnsolicited, false),
    ),
    (
        "downstream-on-demand",
        (AdvertisementDiscipline::DownstreamOnDemand, false),
    ),
    (
        "downstream-on-demand-only",
        (AdvertisementDiscipline::DownstreamOnDemand, true),
    ),
];

/// Reads `[ldp]` with all that is below it. `None`: the router runs no LDP, or something is wrong.
pub(super) fn read(
    root: &mut Section<'_, '_>,
    router_id: Option<Ipv4Addr>,
    interfaces: &Interfaces,
    loopback: &[IpNet],
    labels: &Labels,
    state_directory: PathBuf,
    problems: &mut Problems,
) -> Option<LdpConfig> {
    let mut section = root.table("ldp", "[ldp]", problems)?;
    // A wrong router id was told; what else is wrong is told all the same.
    let lsr_id = LsrId::new(router_id.unwrap_or(Ipv4Addr::new(192, 0, 2, 1))).ok()?;
    let mut config = engine::LdpConfig::new(lsr_id);
    config.ipv4_transport = match transport("transport-address", false, &mut section, problems) {
        Some(IpAddr::V4(address)) => Some(address),
        _ => None,
    };
    config.ipv6_transport = match transport("ipv6-transport-address", true, &mut section, problems)
    {
        Some(IpAddr::V6(address)) => Some(address),
        _ => None,
    };
    // An address that stays while links go (RFC 5036, 2.5.2 leaves the choice): the router id where it
    // is an address, which the state machine knows best, else one of the loopback.
    for address in loopback.iter().map(IpNet::addr) {
        match address {
            IpAddr::V4(address) if !loopback.contains(&IpNet::from(IpAddr::V4(lsr_id.get()))) => {
                config.ipv4_transport.get_or_insert(address);
            }
            IpAddr::V4(_) => {}
            IpAddr::V6(address) => {
                config.ipv6_transport.get_or_insert(address);
            }
        }
    }
    let preference = section.word("transport-preference", PREFERENCES, problems);
    config.transport_preference = preference.map_or(Preference::default(), |given| given.value);
    config.require_session_keys = section.boolean("require-keys", false, problems);
    config.session = session(&mut section, problems);
    config.capabilities = capabilities(&mut section, problems);
    let what = "seconds from a connection to its session";
    let key = "session-establishment-time";
    if let Some(time) = seconds(key, 1..=3600, what, &mut section, problems) {
        config.limits.establishment_time = time;
    }
    config.graceful_restart = graceful_restart(&mut section, problems);
    let own: Vec<IpAddr> = [IpAddr::V4(lsr_id.get())]
        .into_iter()
        .chain(loopback.iter().map(IpNet::addr))
        .collect();
    discovery::read(&mut config, &mut section, interfaces, &own, problems);
    config.peers = neighbours::read(&mut section, lsr_id.get(), problems);
    config.labels = policy::read(lsr_id.get(), &mut section, problems);
    let settings = LspSettings {
        tunnel_model: super::lsps::tunnel_model("ttl-model", &mut section, problems),
        entropy_label: config.labels.entropy_label_capable,
    };
    section.finish(problems);
    Some(LdpConfig {
        engine: config,
        lsps: settings,
        labels: labels.manager(),
        state_directory,
    })
}

fn session(section: &mut Section<'_, '_>, problems: &mut Problems) -> SessionConfig {
    let mut session = SessionConfig::default();
    let what = "seconds between signs of life (RFC 5036, section 3.5.3)";
    set(
        &mut session.keepalive_time,
        "keepalive-time",
        what,
        section,
        problems,
    );
    let what = "octets of a PDU (RFC 5036, section 3.5.3)";
    set(
        &mut session.max_pdu_length,
        "max-pdu-length",
        what,
        section,
        problems,
    );
    let what = "seconds before the next attempt (RFC 5036, section 2.5.3)";
    let initial = set(
        &mut session.initial_backoff,
        "initial-backoff",
        what,
        section,
        problems,
    );
    set(
        &mut session.maximum_backoff,
        "maximum-backoff",
        what,
        section,
        problems,
    );
    let (first, most) = (session.initial_backoff.get(), session.maximum_backoff.get());
    if let Some(span) = initial.filter(|_| first > most) {
        problems.add(
            &span,
            format!("`initial-backoff` {first} is above `maximum-backoff` {most}"),
            "the delay grows from this one",
            format!("set maximum-backoff = {first}, or more"),
        );
    }
    if let Some(discipline) = section.word("advertisement", DISCIPLINES, problems) {
        (session.advertisement, session.insist_on_advertisement) = discipline.value;
    }
    session.signal_mtu = section.boolean("signal-mtu", false, problems);
    session
}

/// Reads `[ldp.capabilities]` (RFC 5561).
fn capabilities(section: &mut Section<'_, '_>, problems: &mut Problems) -> CapabilityConfig {
    let mut capabilities = CapabilityConfig::default();
    let Some(mut section) = section.table("capabilities", "[ldp.capabilities]", problems) else {
        return capabilities;
    };
    for (key, announced) in [
        (
            "dynamic-announcement",
            &mut capabilities.dynamic_announcement,
        ),
        ("typed-wildcard", &mut capabilities.typed_wildcard),
        (
            "unrecognized-notification",
            &mut capabilities.unrecognized_notification,
        ),
    ] {
        *announced = section.boolean(key, *announced, problems);
    }
    section.finish(problems);
    capabilities
}

fn graceful_restart(
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Option<GracefulRestartConfig> {
    let mut section = section.table("graceful-restart", "[ldp.graceful-restart]", problems)?;
    let mut restart = GracefulRestartConfig::default();
    let what = "seconds (RFC 3478, section 3)";
    let problems_ = problems;
    let mut read = |value: &mut _, key| set(value, key, what, &mut section, problems_);
    read(&mut restart.reconnect_timeout, "reconnect-time");
    read(
        &mut restart.forwarding_state_holding_time,
        "forwarding-state-holding-time",
    );
    read(
        &mut restart.neighbour_liveness_time,
        "neighbour-liveness-time",
    );
    read(&mut restart.maximum_recovery_time, "maximum-recovery-time");
    section.finish(problems_);
    Some(restart)
}

/// A time in seconds.
fn seconds(
    key: &'static str,
    range: RangeInclusive<u64>,
    what: &str,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Option<Duration> {
    let given = section.integer(key, range, what, problems)?;
    Some(Duration::from_secs(given.value))
}

/// A number within what the RFC allows takes the place of the default. Gives where it stands.
fn set<const LEAST: u32, const MOST: u32>(
    value: &mut Bounded<LEAST, MOST>,
    key: &'static str,
    what: &str,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Option<super::problem::Span> {
    let (given, span) = bounded(key, what, section, problems)?;
    *value = given;
    Some(span)
}

/// A number within what the RFC allows.
fn bounded<const LEAST: u32, const MOST: u32>(
    key: &'static str,
    what: &str,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Option<(Bounded<LEAST, MOST>, super::problem::Span)> {
    let range = u64::from(LEAST)..=u64::from(MOST);
    let At { value, span } = section.integer(key, range, what, problems)?;
    Some((Bounded::new(value).ok()?, span))
}

/// An address of this router that sessions come from.
fn transport(
    key: &'static str,
    ipv6: bool,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Option<IpAddr> {
    let given = section.text(key, problems)?;
    let right = |address: &IpAddr| match address {
        IpAddr::V4(address) => !ipv6 && is_ipv4_unicast(*address),
        // RFC 7552, 5.1: a global address.
        IpAddr::V6(address) => {
            ipv6 && is_ipv6_unicast(*address) && !address.is_unicast_link_local()
        }
    };
    let address = given.value.parse().ok().filter(right);
    if address.is_none() {
        let example = if ipv6 { "2001:db8::1" } else { "10.255.0.1" };
        problems.add(
            &given.span,
            format!("`{}` cannot be the address of LDP's sessions", given.value),
            if ipv6 {
                "not a unicast IPv6 address that is valid beyond the link"
            } else {
                "not a unicast IPv4 address"
            },
            format!("write an address of this router, such as {key} = \"{example}\""),
        );
    }
    address
}
