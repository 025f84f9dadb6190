//! Whether the tables of the hardware profile hold what is configured.

use dataplane::Sizes;

use super::problem::Problems;
use super::{Config, ProtectionKind};

/// Tells of every table that is too small. What depends on the network's state, the LFIB, is
/// checked when it is written.
pub(super) fn check(config: &Config, problems: &mut Problems) {
    let Sizes {
        interface,
        attachment_port,
        upstream_context,
        tail_selector,
        tc_to_phb,
        dscp_to_phb,
        protection_state,
        topology,
        tunnel_encapsulation,
        phb_encoding,
        congestion_mark,
        ..
    } = &config.switch.profile.sizes;
    let circuits = |of_vlan: bool| {
        let circuits = config.circuits.iter();
        circuits
            .filter(|circuit| circuit.circuit.vlan.is_some() == of_vlan)
            .count()
    };
    let domains = |kind: ProtectionKind| {
        let domains = config.protections.iter();
        domains.filter(|domain| domain.kind == kind).count()
    };
    let of_maps = |entries: &dyn Fn(&forwarding::QosMap) -> usize| {
        let maps = config.qos_maps.iter();
        maps.map(|(_, map)| entries(map)).sum::<usize>()
    };
    let tables = [
        (
            "interface",
            "interfaces and attachment circuits of a VLAN",
            config.interfaces.len() + circuits(true),
            interface,
        ),
        (
            "attachment_port",
            "attachment circuits of a whole port",
            circuits(false),
            attachment_port,
        ),
        (
            "upstream_context",
            "upstream label spaces",
            config.upstream_spaces.len(),
            upstream_context,
        ),
        (
            "protection_state",
            "1:1 protection domains",
            domains(ProtectionKind::OneToOne),
            protection_state,
        ),
        (
            "tail_selector",
            "1+1 protection domains",
            domains(ProtectionKind::OnePlusOne),
            tail_selector,
        ),
        (
            "tunnel_encapsulation",
            "tunnels",
            config.tunnels.len(),
            tunnel_encapsulation,
        ),
        (
            "topology",
            "DSCPs of topologies",
            config.topologies.iter().map(|of| of.dscps.len()).sum(),
            topology,
        ),
        (
            "tc_to_phb",
            "traffic classes of QoS maps",
            of_maps(&|map| map.from_traffic_class.len()),
            tc_to_phb,
        ),
        (
            "dscp_to_phb",
            "DSCPs of QoS maps",
            of_maps(&|map| map.from_dscp.len()),
            dscp_to_phb,
        ),
        (
            "phb_encoding",
            "code points of QoS maps",
            of_maps(&|map| map.to_codes.len()),
            phb_encoding,
        ),
        (
            "congestion_mark",
            "congestion marks of QoS maps",
            of_maps(&|map| map.mark_congestion.len()),
            congestion_mark,
        ),
    ];
    for (table, what, wanted, size) in tables {
        if wanted as u64 > u64::from(*size) {
            problems.add(
                &(0..0),
                format!("there are {wanted} {what}"),
                "",
                format!("the hardware profile has room for {size} (sizes.{table})"),
            );
        }
    }
}
