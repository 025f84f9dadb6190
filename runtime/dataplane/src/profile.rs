//! Hardware profiles: what a target can hold.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{PuntRate, PuntReason};

/// A hardware profile: a file of `hw-profiles/`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardwareProfile {
    /// The name of the target.
    pub name: String,
    /// What the P4 program is compiled to, such as `bmv2-json`.
    pub target: String,
    /// Entries of each table.
    pub sizes: Sizes,
    /// Labels that the program handles at a time.
    pub depths: Depths,
    /// Numbers of ports.
    pub ports: Ports,
    /// Rates at which packets go up to the daemon.
    pub punt: PuntRates,
}

/// Entries of each table at the most.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// Router interfaces, and attachment circuits that are a VLAN of a port.
    pub interface: u32,
    /// Attachment circuits that are a whole port.
    pub attachment_port: u32,
    /// MAC addresses of the router, on all ports together.
    pub station_mac: u32,
    /// Rules for control packets.
    pub control_packet: u32,
    /// Upstream LSRs that assign labels.
    pub upstream_context: u32,
    /// Incoming labels, in each of the ILM tables.
    pub ilm: u32,
    /// 1+1 protection domains that end here.
    pub tail_selector: u32,
    /// Traffic classes of all QoS maps together.
    pub tc_to_phb: u32,
    /// DSCPs of all QoS maps together.
    pub dscp_to_phb: u32,
    /// DSCPs of all routing topologies together.
    pub topology: u32,
    /// Tail ends of MPLS over IP, for each IP version.
    pub tunnel_end: u32,
    /// FECs of IPv4.
    pub ftn_ipv4: u32,
    /// FECs of IPv6.
    pub ftn_ipv6: u32,
    /// Path groups.
    pub path_group: u32,
    /// Buckets of all path groups together: 1 for a group of one path, and at least 8 a path
    /// for others.
    pub path_bucket: u32,
    /// 1:1 protection domains.
    pub protection_state: u32,
    /// Ports that are down.
    pub port_state: u32,
    /// Rules for services.
    pub service_class: u32,
    /// Branches of all point-to-multipoint LSPs together.
    pub branch: u32,
    /// NHLFEs.
    pub nhlfe: u32,
    /// IP tunnels.
    pub tunnel_encapsulation: u32,
    /// Code points of all QoS maps together.
    pub phb_encoding: u32,
    /// Congestion marks of all QoS maps together.
    pub congestion_mark: u32,
}

/// Labels that the program handles at a time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Depths {
    /// Labels that the parser takes apart.
    pub parsed_labels: u8,
    /// Labels that an NHLFE pushes.
    pub pushed_labels: u8,
    /// Labels of one packet that are looked up: the number of ILM tables.
    pub pops: u8,
}

/// Numbers of ports.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// The port of PacketIn and PacketOut.
    pub cpu: u16,
    /// The port that drops.
    pub drop: u16,
    /// The largest port with an interface; the smallest is 0.
    pub max: u16,
}

/// The rate of each punt reason.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // The names are those of PuntReason.
pub struct PuntRates {
    pub control: PuntRate,
    pub to_router: PuntRate,
    pub ttl_expired: PuntRate,
    pub unknown_label: PuntRate,
    pub glean: PuntRate,
    pub label_action: PuntRate,
    pub no_route: PuntRate,
    pub ldp: PuntRate,
    pub rsvp: PuntRate,
    pub bfd: PuntRate,
    pub lsp_ping: PuntRate,
    pub g_ach: PuntRate,
    pub router_alert: PuntRate,
    pub mtu_exceeded: PuntRate,
}

impl PuntRates {
    /// The rate of a reason.
    pub fn of(&self, reason: PuntReason) -> PuntRate {
        match reason {
            PuntReason::Control => self.control,
            PuntReason::ToRouter => self.to_router,
            PuntReason::TtlExpired => self.ttl_expired,
            PuntReason::UnknownLabel => self.unknown_label,
            PuntReason::Glean => self.glean,
            PuntReason::LabelAction => self.label_action,
            PuntReason::NoRoute => self.no_route,
            PuntReason::Ldp => self.ldp,
            PuntReason::Rsvp => self.rsvp,
            PuntReason::Bfd => self.bfd,
            PuntReason::LspPing => self.lsp_ping,
            PuntReason::GAch => self.g_ach,
            PuntReason::RouterAlert => self.router_alert,
            PuntReason::MtuExceeded => self.mtu_exceeded,
        }
    }
}

/// A profile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file cannot be read.
    #[error("hardware profile {path}: {source}: name a file of hw-profiles/")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not TOML, or not a profile; the parser's words show line and column.
    #[error("hardware profile {path}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: Box<toml::de::Error>,
    },
    /// A value is outside what the P4 program can do.
    #[error("hardware profile {path}: {key} = {value}: {reason}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The key, such as `depths.pops`.
        key: &'static str,
        /// Its value.
        value: u32,
        /// What it must be.
        reason: &'static str,
    },
}

impl HardwareProfile {
    /// Reads a profile.
    ///
    /// # Errors
    /// The file cannot be read, is not a profile, or has a value out of range.
    pub fn load(path: &Path) -> Result<Self, ProfileError> {
        let text = std::fs::read_to_string(path).map_err(|source| ProfileError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// Reads a profile from its text; the path is for errors.
    ///
    /// # Errors
    /// The text is not a profile, or has a value out of range.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text).map_err(|source| ProfileError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let checks = profile.checks();
        match checks.into_iter().find(|(_, _, fits, _)| !fits) {
            None => Ok(profile),
            Some((key, value, _, reason)) => Err(ProfileError::Value {
                path: path.to_owned(),
                key,
                value,
                reason,
            }),
        }
    }

    fn checks(&self) -> Vec<(&'static str, u32, bool, &'static str)> {
        let Self {
            sizes,
            depths,
            ports,
            ..
        } = self;
        let positive = [
            ("sizes.interface", sizes.interface),
            ("sizes.attachment_port", sizes.attachment_port),
            ("sizes.station_mac", sizes.station_mac),
            ("sizes.control_packet", sizes.control_packet),
            ("sizes.upstream_context", sizes.upstream_context),
            ("sizes.ilm", sizes.ilm),
            ("sizes.tail_selector", sizes.tail_selector),
            ("sizes.tc_to_phb", sizes.tc_to_phb),
            ("sizes.dscp_to_phb", sizes.dscp_to_phb),
            ("sizes.topology", sizes.topology),
            ("sizes.tunnel_end", sizes.tunnel_end),
            ("sizes.ftn_ipv4", sizes.ftn_ipv4),
            ("sizes.ftn_ipv6", sizes.ftn_ipv6),
            ("sizes.path_group", sizes.path_group),
            ("sizes.path_bucket", sizes.path_bucket),
            ("sizes.protection_state", sizes.protection_state),
            ("sizes.port_state", sizes.port_state),
            ("sizes.service_class", sizes.service_class),
            ("sizes.branch", sizes.branch),
            ("sizes.nhlfe", sizes.nhlfe),
            ("sizes.tunnel_encapsulation", sizes.tunnel_encapsulation),
            ("sizes.phb_encoding", sizes.phb_encoding),
            ("sizes.congestion_mark", sizes.congestion_mark),
        ];
        let mut checks: Vec<_> = positive
            .into_iter()
            .map(|(key, value)| (key, value, value > 0, "a table has at least one entry"))
            .collect();
        let depth = |key, value: u8, most: u8, reason| {
            (key, u32::from(value), (1..=most).contains(&value), reason)
        };
        let port = |key, value: u16, fits, reason| (key, u32::from(value), fits, reason);
        checks.extend([
            depth(
                "depths.parsed_labels",
                depths.parsed_labels,
                8,
                "the parser of mpls.p4 takes 1 to 8 labels apart",
            ),
            depth(
                "depths.pushed_labels",
                depths.pushed_labels,
                4,
                "an NHLFE of mpls.p4 pushes 1 to 4 labels",
            ),
            depth(
                "depths.pops",
                depths.pops,
                3,
                "mpls.p4 has 1 to 3 ILM tables",
            ),
            port("ports.cpu", ports.cpu, ports.cpu < 512, "ports have 9 bits"),
            port(
                "ports.drop",
                ports.drop,
                ports.drop < 512,
                "ports have 9 bits",
            ),
            port("ports.max", ports.max, ports.max < 512, "ports have 9 bits"),
            port(
                "ports.cpu",
                ports.cpu,
                ports.cpu > ports.max && ports.cpu != ports.drop,
                "the CPU port lies above ports.max and is not the drop port",
            ),
            port(
                "ports.drop",
                ports.drop,
                ports.drop > ports.max,
                "the drop port lies above ports.max",
            ),
        ]);
        checks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(name: &str) -> (PathBuf, String) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hw-profiles");
        let path = root.join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        (path, text)
    }

    #[test]
    fn the_shipped_profiles_are_valid() {
        for name in ["p4-switch", "bmv2"] {
            let (path, _) = shipped(&format!("{name}.toml"));
            let profile = HardwareProfile::load(&path).unwrap();
            assert_eq!(profile.name, name);
            assert_eq!(profile.target, "bmv2-json");
            // What lsrd takes, however many classes are flooded at once.
            let rates = PuntReason::ALL.map(|reason| profile.punt.of(reason).rate);
            assert!(rates.iter().sum::<u32>() <= 15_000, "{name}");
        }
    }

    #[test]
    fn errors_name_file_line_and_remedy() {
        let (_, text) = shipped("bmv2.toml");
        let path = Path::new("x.toml");
        let error = |text: &str| HardwareProfile::parse(text, path).unwrap_err().to_string();
        let wrong = error(&text.replace("pushed_labels = 4", "pushed_labels = 5"));
        assert_eq!(
            wrong,
            "hardware profile x.toml: depths.pushed_labels = 5: an NHLFE of mpls.p4 pushes 1 to 4 \
             labels"
        );
        let wrong = error(&text.replace("ilm = 16384", "ilm = \"many\""));
        assert!(wrong.contains("line") && wrong.contains("ilm"), "{wrong}");
        let wrong = error(&text.replace("pops = 3", "pops = 3\npop = 3"));
        assert!(wrong.contains("unknown field `pop`"), "{wrong}");
        let wrong = error(&text.replace("cpu = 510", "cpu = 511"));
        assert!(wrong.contains("not the drop port"), "{wrong}");
        let wrong = error(&text.replace("ilm = 16384", "ilm = 0"));
        assert!(wrong.contains("sizes.ilm = 0"), "{wrong}");
        let missing = HardwareProfile::load(Path::new("/nonexistent.toml")).unwrap_err();
        assert!(missing.to_string().contains("hw-profiles/"));
    }
}
