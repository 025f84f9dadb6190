//! The interfaces.

use dataplane::Counters;
use forwarding::MacAddress;
use northbound::v1;

use super::super::Shown;
use super::{counter, qos_map};

/// The interfaces.
pub(in super::super) fn interfaces(
    shown: &Shown<'_>,
    counters: &Option<Counters>,
) -> Vec<v1::Interface> {
    let kernel = shown.router.kernel();
    let ports = shown.router.switchovers().ports(shown.router.config());
    let interfaces = shown.router.config().interfaces.iter().map(|interface| {
        let index = kernel.index(&interface.name);
        let link = index.and_then(|index| kernel.links.get(&index));
        let addresses = kernel.addresses.iter().filter(|(of, _)| Some(*of) == index);
        let neighbours = kernel
            .neighbours
            .iter()
            .filter(|((of, _), _)| Some(*of) == index);
        let neighbours = neighbours.filter_map(|((_, address), neighbour)| {
            Some(v1::Neighbour {
                address: address.to_string(),
                mac: MacAddress(neighbour.resolved()?).to_string(),
                state: neighbour.state_name().to_owned(),
            })
        });
        let received = counters
            .as_ref()
            .and_then(|all| all.interfaces.get(interface.name.as_str()));
        let (punted_to_kernel, sent_by_kernel) = shown.io.tap_counts(interface.place());
        v1::Interface {
            name: interface.name.clone(),
            port: interface.port.into(),
            mac: MacAddress(interface.mac).to_string(),
            mtu: link.map_or(interface.mtu, |link| link.mtu),
            mpls: interface.mpls,
            vrf: interface.vrf.into(),
            label_space: interface.label_space.into(),
            index: index.unwrap_or(0),
            up: link.is_some_and(|link| link.up),
            addresses: addresses.map(|(_, address)| address.to_string()).collect(),
            neighbours: neighbours.collect(),
            received: received.map(counter),
            punted_to_kernel,
            sent_by_kernel,
            vlan: interface.vlan.into(),
            mpls_mtu: interface.mpls_mtu,
            qos_map: qos_map(shown.router.config(), interface.qos_map),
            port_up: ports.get(&interface.port).is_none_or(|port| port.up),
        }
    });
    interfaces.collect()
}
