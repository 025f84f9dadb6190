//! The checks of `[[attachment-circuit]]`.

use std::collections::BTreeMap;

use forwarding::{AttachmentCircuit, QosMap, VlanId};

use super::CircuitConfig;
use super::interfaces::{Interfaces, MAX_MTU, MIN_MTU_IPV4};
use super::named::Named;
use super::problem::{Problems, Span};
use super::qos;
use super::section::Section;

/// The attachment circuits that were read so far.
pub(super) struct Circuits {
    pub(super) named: Named<CircuitConfig>,
    /// Where each port and VLAN was given to a circuit.
    places: BTreeMap<(u16, Option<VlanId>), Span>,
}

impl Circuits {
    /// None read yet.
    pub(super) fn new() -> Self {
        Self {
            named: Named::new("[[attachment-circuit]]"),
            places: BTreeMap::new(),
        }
    }

    /// Reads one `[[attachment-circuit]]`.
    pub(super) fn read(
        &mut self,
        mut section: Section<'_, '_>,
        interfaces: &Interfaces,
        maps: &Named<QosMap>,
        problems: &mut Problems,
    ) {
        let name = self
            .named
            .name(&mut section, "name = \"customer-a\"", problems);
        let port = interfaces.port_number(&mut section, problems);
        let vlan = vlan(&mut section, problems);
        let qos_map = qos::reference(maps, &mut section, problems);
        let mtu = section
            .integer(
                "mtu",
                MIN_MTU_IPV4..=MAX_MTU,
                "the MTU of a circuit: octets behind Ethernet header and tag",
                problems,
            )
            .map_or(1500, |mtu| mtu.value as u16);
        section.finish(problems);
        let (Some(name), Some(port), Ok(vlan)) = (name, port, vlan) else {
            return;
        };
        let circuit = AttachmentCircuit {
            port: port.value as u16,
            vlan,
        };
        if self.is_free(circuit, &port.span, interfaces, problems) {
            let config = CircuitConfig {
                name: name.clone(),
                circuit,
                mtu,
                qos_map,
            };
            self.named.insert(name, config);
        }
    }

    /// A circuit without VLAN has the whole port; one with a VLAN has that VLAN.
    fn is_free(
        &mut self,
        circuit: AttachmentCircuit,
        span: &Span,
        interfaces: &Interfaces,
        problems: &mut Problems,
    ) -> bool {
        let AttachmentCircuit { port, vlan } = circuit;
        let earlier_circuit = self
            .places
            .iter()
            .find(|((of, on), _)| *of == port && (vlan.is_none() || on.is_none() || *on == vlan));
        let earlier = match earlier_circuit {
            Some((_, earlier)) => Some(("attachment circuit", earlier)),
            None => interfaces
                .at(port, vlan.map(VlanId::value))
                .map(|earlier| ("interface", earlier)),
        };
        if let Some((what, earlier)) = earlier {
            let remedy = match vlan {
                None => {
                    "without `vlan` a circuit has the whole port: give it a VLAN of its own, \
                         or another port"
                }
                Some(_) => "use another VLAN, or another port",
            };
            problems.add_conflict(
                span,
                earlier,
                format!("{circuit} belongs to an {what} already"),
                ("again here", "first here"),
                remedy,
            );
            return false;
        }
        self.places.insert((port, vlan), span.clone());
        true
    }
}

/// The key `vlan`: none when it is absent, an error when it is wrong.
pub(super) fn vlan(
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Result<Option<VlanId>, ()> {
    if section.get("vlan").is_none() {
        return Ok(None);
    }
    let what = "VLAN identifiers of IEEE 802.1Q";
    match section.integer("vlan", 1..=4094, what, problems) {
        Some(vlan) => VlanId::new(vlan.value as u16).map(Some).map_err(|_| ()),
        None => Err(()),
    }
}
