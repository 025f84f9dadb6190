//! Checks a configuration as a whole.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dataplane::HardwareProfile;
use p4runtime_client::{Address, Pipeline};
use toml::de::DeTable;

use super::interfaces::{Interfaces, is_ipv4_unicast};
use super::lsps::{Limits, StaticLsps};
use super::problem::Problems;
use super::section::{At, Section};
use super::{Config, ConfigError, SwitchConfig};

/// The longest path of a Unix socket: `sun_path` of Linux, 108 octets, less the closing NUL.
const MAX_SOCKET_PATH: usize = 107;
const DEFAULT_SOCKET: &str = "/run/p4lsr/lsrd.sock";
const DEFAULT_RESTART_HOLD: u64 = 30;
/// When the profile cannot be read: what is not known is not refused.
const NO_LIMITS: Limits = Limits {
    pushed_labels: usize::MAX,
    weights: u64::MAX,
};
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

    let profile = switch.as_ref().and_then(|switch| switch.profile.as_ref());
    let max_port = profile.map_or(MAX_PORT, |profile| u64::from(profile.ports.max));
    let limits = profile.map_or(NO_LIMITS, |profile| Limits {
        pushed_labels: usize::from(profile.depths.pushed_labels),
        weights: u64::from(profile.sizes.path_group_max_members),
    });
    let mut interfaces = Interfaces::new(router_id, max_port);
    for section in root.tables("interface", "[[interface]]", &mut problems) {
        interfaces.read(section, &mut problems);
    }
    let mut lsps = StaticLsps::new(&interfaces, limits);
    if let Some(mut all) = root.table("static-lsp", "static-lsp", &mut problems) {
        for section in all.tables("ftn", "[[static-lsp.ftn]]", &mut problems) {
            lsps.read_ftn(section, &mut problems);
        }
        for section in all.tables("ilm", "[[static-lsp.ilm]]", &mut problems) {
            lsps.read_ilm(section, &mut problems);
        }
        for section in all.tables(
            "cross-connect",
            "[[static-lsp.cross-connect]]",
            &mut problems,
        ) {
            lsps.read_cross_connect(section, &mut problems);
        }
        all.finish(&mut problems);
    }
    root.finish(&mut problems);

    let StaticLsps {
        ftn,
        ilm,
        cross_connects,
        ..
    } = lsps;
    let switch = switch.and_then(ParsedSwitch::complete);
    // Whatever is missing below was told as a problem.
    match (router_id, switch, management_socket) {
        (Some(router_id), Some(switch), Some(management_socket)) if problems.is_empty() => {
            Ok(Config {
                path: path.to_owned(),
                router_id,
                switch,
                management_socket,
                restart_hold: Duration::from_secs(restart_hold),
                interfaces: interfaces.into_vec(),
                ftn,
                ilm,
                cross_connects,
            })
        }
        _ => Err(problems.into_error(path)),
    }
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

/// The `[switch]` table as far as it could be read.
struct ParsedSwitch {
    address: Option<Address>,
    device_id: u64,
    election_id: u64,
    profile: Option<HardwareProfile>,
    p4info: Option<PathBuf>,
    device_config: Option<PathBuf>,
}

impl ParsedSwitch {
    fn complete(self) -> Option<SwitchConfig> {
        Some(SwitchConfig {
            address: self.address?,
            device_id: self.device_id,
            election_id: self.election_id,
            profile: self.profile?,
            p4info: self.p4info?,
            device_config: self.device_config?,
        })
    }
}

fn switch(
    root: &mut Section<'_, '_>,
    base: &Path,
    problems: &mut Problems,
) -> Option<ParsedSwitch> {
    if root.get("switch").is_none() {
        problems.add(
            &root.span,
            "the configuration lacks the table [switch]",
            "",
            "add [switch] with address, profile, p4info and device-config",
        );
        return None;
    }
    let mut section = root.table("switch", "[switch]", problems)?;
    let address = switch_address(&mut section, problems);
    let ids = 1..=u64::MAX >> 1;
    let device_id = section.integer("device-id", ids.clone(), "device ids", problems);
    let election_id = section.integer("election-id", ids, "election ids", problems);
    let profile = file(
        &mut section,
        "profile",
        "profile = \"p4-switch.toml\"",
        base,
        problems,
    )
    .and_then(|file| profile(&file, problems));
    let p4info = file(
        &mut section,
        "p4info",
        "p4info = \"mpls.p4info.txtpb\"",
        base,
        problems,
    );
    let device_config = file(
        &mut section,
        "device-config",
        "device-config = \"mpls.json\"",
        base,
        problems,
    );
    section.finish(problems);
    if let (Some(p4info), Some(device_config)) = (&p4info, &device_config) {
        check_program(p4info, device_config, problems);
    }
    Some(ParsedSwitch {
        address,
        device_id: device_id.map_or(1, |id| id.value),
        election_id: election_id.map_or(1, |id| id.value),
        profile,
        p4info: p4info.map(|file| file.value),
        device_config: device_config.map(|file| file.value),
    })
}

fn switch_address(section: &mut Section<'_, '_>, problems: &mut Problems) -> Option<Address> {
    let example = "address = \"http://127.0.0.1:9559\"";
    let given = section.need_text("address", example, problems)?;
    match given.value.parse() {
        Ok(address) => Some(address),
        Err(_) => {
            problems.add(
                &given.span,
                format!("`{}` is not the address of a P4Runtime server", given.value),
                "neither http://HOST:PORT nor unix:///PATH",
                example,
            );
            None
        }
    }
}

/// A file that must be there; its path is relative to `base`.
fn file(
    section: &mut Section<'_, '_>,
    key: &'static str,
    example: &str,
    base: &Path,
    problems: &mut Problems,
) -> Option<At<PathBuf>> {
    let given = section.need_text(key, example, problems)?;
    let path = base.join(given.value);
    if let Err(error) = std::fs::File::open(&path) {
        let remedy = match key {
            "profile" => "name one of the files of hw-profiles",
            _ => {
                "p4-compiler writes it: p4-compiler p4/mpls.p4 --profile PROFILE -o mpls.json \
                 --p4runtime-files mpls.p4info.txtpb"
            }
        };
        problems.add(
            &given.span,
            format!("cannot read `{key}`: {}: {error}", path.display()),
            "this file",
            remedy,
        );
        return None;
    }
    Some(At {
        value: path,
        span: given.span,
    })
}

fn profile(file: &At<PathBuf>, problems: &mut Problems) -> Option<HardwareProfile> {
    match HardwareProfile::load(&file.value) {
        Ok(profile) => Some(profile),
        Err(error) => {
            problems.add(
                &file.span,
                format!("cannot use {error}"),
                "this file",
                "name one of the files of hw-profiles",
            );
            None
        }
    }
}

/// The P4Info must be one, of a program that has the tables of mpls.p4.
fn check_program(p4info: &At<PathBuf>, device_config: &At<PathBuf>, problems: &mut Problems) {
    let error = match Pipeline::load(&p4info.value, &device_config.value) {
        Ok(pipeline) => dataplane::check_program(pipeline.schema())
            .err()
            .map(|e| e.to_string()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(error) = error {
        problems.add(
            &p4info.span,
            format!("`p4info` is not that of mpls.p4: {error}"),
            "this file",
            "compile p4/mpls.p4 with p4-compiler",
        );
    }
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
