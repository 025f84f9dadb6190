//! The checks of `[switch]`.

use std::path::{Path, PathBuf};

use dataplane::HardwareProfile;
use p4runtime_client::{Address, Pipeline};

use super::problem::Problems;
use super::section::{At, Section};
use super::{PortStateSource, SwitchConfig};

/// The values of `port-state`.
const PORT_STATE: &[(&str, PortStateSource)] = &[
    ("auto", PortStateSource::Auto),
    ("gnmi", PortStateSource::Gnmi),
    ("netlink", PortStateSource::Netlink),
];

/// The `[switch]` table as far as it could be read.
pub(super) struct ParsedSwitch {
    address: Option<Address>,
    device_id: u64,
    election_id: u64,
    pub(super) profile: Option<HardwareProfile>,
    p4info: Option<PathBuf>,
    device_config: Option<PathBuf>,
    port_state: PortStateSource,
}

impl ParsedSwitch {
    /// The switch, if nothing is missing.
    pub(super) fn complete(self) -> Option<SwitchConfig> {
        Some(SwitchConfig {
            address: self.address?,
            device_id: self.device_id,
            election_id: self.election_id,
            profile: self.profile?,
            p4info: self.p4info?,
            device_config: self.device_config?,
            port_state: self.port_state,
        })
    }
}

/// Reads `[switch]`; its paths are relative to `base`.
pub(super) fn switch(
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
    let port_state = section.word("port-state", PORT_STATE, problems);
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
        port_state: port_state.map_or_else(PortStateSource::default, |word| word.value),
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
