//! Which ports are up, and which paths of protection domains are in use.

use std::collections::{BTreeMap, BTreeSet};

use dataplane::Switchover;
use forwarding::{PathRole, ProtectionId};
use serde::{Deserialize, Serialize};

use crate::config::{Config, PortStateSource, ProtectionKind};
use crate::kernel::state::KernelState;
use crate::switch_ports::SwitchPorts;

/// A request for something that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchoverError {
    /// No protection domain has the name.
    #[error("no [[protection]] has the name `{name}`; configured: {known}")]
    NoProtection {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The port has neither an interface nor an attachment circuit.
    #[error("port {0} has neither an [[interface]] nor an [[attachment-circuit]]")]
    NoPort(u16),
}

/// How a port stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortState {
    /// Whether the switch may send by it.
    pub up: bool,
    /// Whether its link has a carrier, where that is known.
    pub carrier: Option<bool>,
    /// Who told of the carrier.
    pub source: Option<CarrierSource>,
    /// Whether the operator took it down.
    pub held_down: bool,
}

/// Who told whether the link of a port has a carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CarrierSource {
    /// The switch, by gNMI.
    Gnmi,
    /// The kernel of this host, by netlink.
    Netlink,
}

/// What the operator and the links say of ports and protection domains.
///
/// As a value of serde it has what the operator said: that outlives lsrd.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Switchovers {
    /// Ports that the operator took down.
    #[serde(default)]
    held_down: BTreeSet<u16>,
    /// Whether the link of each port has a carrier.
    #[serde(skip)]
    carrier: BTreeMap<u16, (bool, CarrierSource)>,
    /// The path in use of each protection domain by its name; the working one if it is not here.
    #[serde(default)]
    selected: BTreeMap<String, PathRole>,
}

impl Switchovers {
    /// Takes a port down for the switch, or lets its link decide again.
    ///
    /// # Errors
    /// The router does not use the port.
    pub fn hold_port(
        &mut self,
        config: &Config,
        port: u16,
        down: bool,
    ) -> Result<(), SwitchoverError> {
        if !ports(config).contains(&port) {
            return Err(SwitchoverError::NoPort(port));
        }
        match down {
            true => self.held_down.insert(port),
            false => self.held_down.remove(&port),
        };
        Ok(())
    }

    /// Switches a protection domain to one of its paths (RFC 6378, 3.1: forced switch).
    ///
    /// # Errors
    /// There is no such domain.
    pub fn select(
        &mut self,
        config: &Config,
        name: &str,
        role: PathRole,
    ) -> Result<(), SwitchoverError> {
        if config.protection(name).is_none() {
            let known: Vec<&str> = config
                .protections
                .iter()
                .map(|domain| domain.name.as_str())
                .collect();
            return Err(SwitchoverError::NoProtection {
                name: name.to_owned(),
                known: match known.is_empty() {
                    true => "none".to_owned(),
                    false => known.join(", "),
                },
            });
        }
        self.selected.insert(name.to_owned(), role);
        Ok(())
    }

    /// The path in use of a protection domain.
    pub fn selected(&self, name: &str) -> PathRole {
        self.selected.get(name).copied().unwrap_or_default()
    }

    /// How each port of the router stands.
    pub fn ports(&self, config: &Config) -> BTreeMap<u16, PortState> {
        let state = |port: u16| {
            let held_down = self.held_down.contains(&port);
            let known = self.carrier.get(&port).copied();
            let carrier = known.map(|(carrier, _)| carrier);
            let state = PortState {
                up: !held_down && carrier.unwrap_or(true),
                carrier,
                source: known.map(|(_, source)| source),
                held_down,
            };
            (port, state)
        };
        ports(config).into_iter().map(state).collect()
    }

    /// What the switch is told.
    pub fn for_switch(&self, config: &Config) -> Switchover {
        let ports = self.ports(config).into_iter();
        let of_kind = |kind: ProtectionKind| -> BTreeMap<ProtectionId, PathRole> {
            let domains = config.protections.iter();
            domains
                .filter(|domain| domain.kind == kind)
                .map(|domain| (domain.id, self.selected(&domain.name)))
                .collect()
        };
        Switchover {
            ports: ports.map(|(port, state)| (port, state.up)).collect(),
            protection: of_kind(ProtectionKind::OneToOne),
            tail_selection: of_kind(ProtectionKind::OnePlusOne),
        }
    }

    /// Takes what the operator said to an earlier lsrd, as far as the configuration still has it.
    pub fn resume(&mut self, config: &Config, earlier: Self) {
        self.held_down = earlier.held_down;
        self.selected = earlier.selected;
        self.forget_all_but(config);
    }

    /// Takes the carriers of the ports: from the switch where it tells them, else from the links of
    /// this host that the configuration names, as far as the configuration lets it.
    pub(super) fn follow_links(
        &mut self,
        config: &Config,
        kernel: &KernelState,
        switch: &SwitchPorts,
    ) {
        let mut carriers = BTreeMap::new();
        let source = config.switch.port_state;
        if source != PortStateSource::Netlink {
            let told = ports(config).into_iter();
            let told = told.filter_map(|port| Some((port, switch.up(port)?)));
            carriers.extend(told.map(|(port, up)| (port, (up, CarrierSource::Gnmi))));
        }
        for (port, link) in &config.links {
            if source == PortStateSource::Gnmi || carriers.contains_key(port) {
                continue;
            }
            let known = kernel
                .index(link)
                .and_then(|index| kernel.links.get(&index));
            let carrier = match known {
                Some(link) => link.carrier,
                // A link that was there is gone.
                None if self.carrier.contains_key(port) => false,
                None => continue,
            };
            carriers.insert(*port, (carrier, CarrierSource::Netlink));
        }
        self.carrier = carriers;
    }

    /// Forgets ports and protection domains that are not in the configuration.
    pub(super) fn forget_all_but(&mut self, config: &Config) {
        let ports = ports(config);
        self.held_down.retain(|port| ports.contains(port));
        self.selected
            .retain(|name, _| config.protection(name).is_some());
    }
}

/// The ports that the router uses.
fn ports(config: &Config) -> BTreeSet<u16> {
    let interfaces = config.interfaces.iter().map(|interface| interface.port);
    let circuits = config.circuits.iter().map(|circuit| circuit.circuit.port);
    interfaces.chain(circuits).collect()
}

#[cfg(test)]
#[path = "switchover_tests.rs"]
mod tests;
