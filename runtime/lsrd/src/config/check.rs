//! Checks a configuration as a whole.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use super::circuits::Circuits;
use super::interfaces::{Interfaces, is_ipv4_unicast};
use super::lsps::{Limits, Referred, StaticLsps};
use super::named::Named;
use super::problem::Problems;
use super::section::Section;
use super::switch::{ParsedSwitch, switch};
use super::topologies::Topologies;
use super::{
    Config, ConfigError, capacity, labels, ldp, mpls_policy, ports, protection, punt, qos,
    static_routes, tunnels, upstream,
};

/// The longest path of a Unix socket: `sun_path` of Linux, 108 octets, less the closing NUL.
const MAX_SOCKET_PATH: usize = 107;
const DEFAULT_SOCKET: &str = "/run/p4lsr/lsrd.sock";
const DEFAULT_STATE_DIRECTORY: &str = "/var/lib/p4lsr";
const DEFAULT_RESTART_HOLD: u64 = 30;
/// Ports are 9 bits wide in the P4 program.
const MAX_PORT: u64 = 511;

pub(super) fn check(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let mut problems = Problems::new(&path.display().to_string(), text);
    let (document, syntax_errors) = DeTable::parse_recoverable(text);
    for error in &syntax_errors {
        let span = error.span().unwrap_or(0..0);
        problems.add(&span, format!("not TOML: {}", error.message()), "here", "");
    }
    if !syntax_errors.is_empty() {
        // What the parser guessed behind a syntax error would only cause false messages.
        return Err(problems.into_error(path));
    }
    // A missing key of the file itself is shown at its first octet.
    let mut root = Section::new("the configuration", document.get_ref(), 0..0);
    let router_id = router_id(&mut root, &mut problems);
    let restart_hold = root
        .integer("restart-hold", 0..=3600, "seconds", &mut problems)
        .map_or(DEFAULT_RESTART_HOLD, |hold| hold.value);
    let base = path.parent().unwrap_or(Path::new(""));
    let switch = switch(&mut root, base, &mut problems);
    let management_socket = management(&mut root, base, &mut problems);
    let state_directory = root.text("state-directory", &mut problems);
    let state_directory = state_directory.map_or(DEFAULT_STATE_DIRECTORY, |given| given.value);
    let metrics = metrics(&mut root, &mut problems);
    let mpls = mpls_policy::read(&mut root, &mut problems);
    let punt = punt::read(&mut root, &mut problems);

    let profile = switch.as_ref().and_then(|switch| switch.profile.as_ref());
    let max_port = profile.map_or(MAX_PORT, |profile| u64::from(profile.ports.max));
    let limits = Limits {
        // When the profile cannot be read: what is not known is not refused.
        pushed_labels: profile.map_or(usize::MAX, |p| usize::from(p.depths.pushed_labels)),
    };
    let mut qos_maps = Named::new("[[qos-map]]");
    for section in root.tables("qos-map", "[[qos-map]]", &mut problems) {
        qos::read(&mut qos_maps, section, &mut problems);
    }
    let mut interfaces = Interfaces::new(router_id, max_port);
    for section in root.tables("interface", "[[interface]]", &mut problems) {
        interfaces.read(section, &qos_maps, &mut problems);
    }
    let links = ports::read(&mut root, &interfaces, &mut problems);
    let mut circuits = Circuits::new();
    for section in root.tables(
        "attachment-circuit",
        "[[attachment-circuit]]",
        &mut problems,
    ) {
        circuits.read(section, &interfaces, &qos_maps, &mut problems);
    }
    let mut protections = Named::new("[[protection]]");
    for section in root.tables("protection", "[[protection]]", &mut problems) {
        protection::read(&mut protections, section, &mut problems);
    }
    let mut tunnels = Named::new("[[tunnel]]");
    for section in root.tables("tunnel", "[[tunnel]]", &mut problems) {
        tunnels::read(&mut tunnels, &interfaces, section, &mut problems);
    }
    let mut tunnel_ends = Named::new("[[tunnel-end]]");
    for section in root.tables("tunnel-end", "[[tunnel-end]]", &mut problems) {
        tunnels::read_end(&mut tunnel_ends, &interfaces, section, &mut problems);
    }
    let mut upstream_spaces = Vec::new();
    let name = "[[upstream-label-space]]";
    for section in root.tables("upstream-label-space", name, &mut problems) {
        upstream_spaces.extend(upstream::read(&interfaces, section, &mut problems));
    }
    let referred = Referred {
        interfaces: &interfaces,
        circuits: &circuits.named,
        maps: &qos_maps,
        protections: &protections,
        tunnels: &tunnels,
        limits,
    };
    let of_tunnels = tunnel_ends.iter().map(|(_, end)| end.label_space);
    let of_upstream = upstream_spaces.iter().map(|space| space.label_space);
    let mut lsps = StaticLsps::new(referred, of_tunnels.chain(of_upstream));
    if let Some(all) = root.table("static-lsp", "static-lsp", &mut problems) {
        lsps.read_all(all, &mut problems);
    }
    let loopback_addresses = static_routes::loopback(&mut root, &mut problems);
    let mut topologies = Topologies::default();
    let tables = root.tables("topology", "[[topology]]", &mut problems);
    topologies.read_all(tables, &interfaces, &mut problems);
    let static_routes = static_routes::read(&mut root, &interfaces, &topologies, &mut problems);
    let labels = labels::read(&mut root, &mut problems);
    let mut ldp = ldp::read(
        &mut root,
        router_id,
        &interfaces,
        &loopback_addresses,
        &labels,
        base.join(state_directory),
        &mut problems,
    );
    if let Some(ldp) = &mut ldp {
        ldp.engine.capabilities.topologies = topologies.ids();
    }
    root.finish(&mut problems);

    let static_lsps = lsps.read;
    if ldp.is_some() {
        labels.check(&static_lsps, &mut problems);
    }
    let switch = switch.and_then(ParsedSwitch::complete);
    // Whatever is missing below was told as a problem.
    match (router_id, switch, management_socket) {
        (Some(router_id), Some(switch), Some(management_socket)) if problems.is_empty() => {
            let config = Config {
                path: path.to_owned(),
                router_id,
                switch,
                management_socket,
                metrics,
                restart_hold: Duration::from_secs(restart_hold),
                links,
                mpls,
                punt,
                qos_maps: qos_maps.into_vec(),
                interfaces: interfaces.into_vec(),
                circuits: values(circuits.named),
                protections: values(protections),
                tunnels: values(tunnels),
                tunnel_ends: values(tunnel_ends),
                upstream_spaces,
                static_lsps,
                loopback_addresses,
                topologies: topologies.into_vec(),
                static_routes,
                ldp,
            };
            capacity::check(&config, &mut problems);
            match problems.is_empty() {
                true => Ok(config),
                false => Err(problems.into_error(path)),
            }
        }
        _ => Err(problems.into_error(path)),
    }
}

/// What was read, without the names: the values have them too.
fn values<T>(named: Named<T>) -> Vec<T> {
    named
        .into_vec()
        .into_iter()
        .map(|(_, value)| value)
        .collect()
}

fn router_id(root: &mut Section<'_, '_>, problems: &mut Problems) -> Option<Ipv4Addr> {
    let given = root.need_text("router-id", "router-id = \"10.255.0.1\"", problems)?;
    match given.value.parse() {
        Ok(id) if is_ipv4_unicast(id) => Some(id),
        _ => {
            problems.add(
                &given.span,
                format!("`{}` is not a router identifier", given.value),
                "not four octets of a unicast address",
                "write an address of this router, for example \"10.255.0.1\"",
            );
            None
        }
    }
}

fn metrics(root: &mut Section<'_, '_>, problems: &mut Problems) -> Option<SocketAddr> {
    let mut section = root.table("metrics", "[metrics]", problems)?;
    let example = "listen = \"127.0.0.1:9102\"";
    let given = section.need_text("listen", example, problems);
    section.finish(problems);
    let given = given?;
    let address = given.value.parse().ok();
    if address.is_none() {
        problems.add(
            &given.span,
            format!("`{}` is not an address with a port", given.value),
            "not address:port",
            format!("write {example}, or \"[::1]:9102\""),
        );
    }
    address
}

fn management(root: &mut Section<'_, '_>, base: &Path, problems: &mut Problems) -> Option<PathBuf> {
    let Some(mut section) = root.table("management", "[management]", problems) else {
        // A wrong type was told by table().
        return root
            .get("management")
            .is_none()
            .then(|| PathBuf::from(DEFAULT_SOCKET));
    };
    let socket = section.text("socket", problems);
    let wrong_type = socket.is_none() && section.get("socket").is_some();
    section.finish(problems);
    let Some(socket) = socket else {
        return (!wrong_type).then(|| PathBuf::from(DEFAULT_SOCKET));
    };
    let path = base.join(socket.value);
    if socket.value.is_empty() || path.as_os_str().len() > MAX_SOCKET_PATH {
        problems.add(
            &socket.span,
            format!("`{}` cannot be the path of a Unix socket", path.display()),
            format!("{} octets", path.as_os_str().len()),
            format!("Linux allows 1 to {MAX_SOCKET_PATH} octets"),
        );
        return None;
    }
    Some(path)
}
