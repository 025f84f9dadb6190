//! Protection domains and ports.

use forwarding::PathRole;
use northbound::v1::{self, ProtectionPath, protection::Kind};

use super::super::Shown;
use crate::config::{Config, ProtectionConfig, ProtectionKind, StaticLsp};
use crate::router::CarrierSource;

/// The protection domains, and the ports.
pub(in super::super) fn protection(shown: &Shown<'_>) -> v1::ShowProtectionResponse {
    let config = shown.router.config();
    let switchovers = shown.router.switchovers();
    let domains = config.protections.iter().map(|domain| {
        let path = match switchovers.selected(&domain.name) {
            PathRole::Working => ProtectionPath::Working,
            PathRole::Protecting => ProtectionPath::Protecting,
        };
        let kind = match domain.kind {
            ProtectionKind::OneToOne => Kind::OneToOne,
            ProtectionKind::OnePlusOne => Kind::OnePlusOne,
        };
        let lsps = config.static_lsps.iter();
        v1::Protection {
            name: domain.name.clone(),
            id: domain.id.value().into(),
            kind: kind.into(),
            path: path.into(),
            lsps: lsps
                .filter(|lsp| belongs_to(lsp, domain))
                .map(|lsp| lsp.name.clone())
                .collect(),
        }
    });
    let ports = switchovers.ports(config).into_iter();
    let ports = ports.map(|(port, state)| v1::Port {
        port: port.into(),
        up: state.up,
        link: config.links.get(&port).cloned().unwrap_or_default(),
        carrier: state.carrier,
        held_down: state.held_down,
        interfaces: users(config, port),
        carrier_source: match state.source {
            None => v1::port::CarrierSource::Nobody,
            Some(CarrierSource::Gnmi) => v1::port::CarrierSource::Gnmi,
            Some(CarrierSource::Netlink) => v1::port::CarrierSource::Netlink,
        }
        .into(),
    });
    v1::ShowProtectionResponse {
        domains: domains.collect(),
        ports: ports.collect(),
    }
}

/// The interfaces and attachment circuits of a port.
fn users(config: &Config, port: u16) -> Vec<String> {
    let interfaces = config.interfaces.iter();
    let interfaces = interfaces
        .filter(|interface| interface.port == port)
        .map(|interface| interface.name.clone());
    let circuits = config.circuits.iter();
    let circuits = circuits
        .filter(|circuit| circuit.circuit.port == port)
        .map(|circuit| circuit.name.clone());
    interfaces.chain(circuits).collect()
}

fn belongs_to(lsp: &StaticLsp, domain: &ProtectionConfig) -> bool {
    let of_ftn = lsp.ftn.as_ref().and_then(|(_, action)| action.path_group());
    let of_ilm = lsp.ilm.as_ref().and_then(|(_, action)| action.path_group());
    let heads = of_ftn.into_iter().chain(of_ilm);
    let tail = lsp.ilm.as_ref().and_then(|(_, action)| action.tail_end());
    heads
        .filter_map(|group| group.protection())
        .chain(tail.map(|tail| tail.protection))
        .any(|id| id == domain.id)
}
