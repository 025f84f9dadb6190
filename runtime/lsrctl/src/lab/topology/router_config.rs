//! lsrd's configuration file for each router of a topology (docs/configuration.md).

use std::fmt::Write as _;
use std::path::Path;

use ipnet::IpNet;
use toml::{Spanned, Value};

use super::{Igp, LabelWord, Ldp, Link, LinkEnd, Lsp, Router, Topology, TtlModel};

/// The files that a router's configuration names.
#[derive(Debug, Clone, Copy)]
pub struct RouterFiles<'a> {
    /// The switch's gRPC address as a URL.
    pub switch_address: &'a str,
    /// The hardware profile.
    pub profile: &'a Path,
    /// The P4Info in the text format.
    pub p4info: &'a Path,
    /// The switch's own form of the program (BMv2 JSON).
    pub device_config: &'a Path,
    /// Where lsrd listens for lsrctl.
    pub management_socket: &'a Path,
    /// Where lsrd keeps what outlives its restarts.
    pub state_directory: &'a Path,
}

impl Topology {
    /// The name of the TAP interface at a router's end of a link: what the router's kernel uses.
    pub fn tap_name(far: &LinkEnd) -> String {
        format!("to-{}", far.node.get_ref())
    }

    /// The name of the TAP interface of a VLAN at a router's end of a link.
    pub fn vlan_tap_name(far: &LinkEnd, vlan: u16) -> String {
        format!("{}.{vlan}", far.node.get_ref())
    }

    /// Writes the configuration of `router`; `ttl_model` is for LSPs that say none.
    pub fn router_configuration(
        &self,
        router: &Router,
        files: RouterFiles<'_>,
        ttl_model: TtlModel,
    ) -> String {
        let mut text = String::new();
        text.push_str("# Written by lsrctl lab.\n");
        line(
            &mut text,
            "router-id",
            router.router_id.get_ref().to_string(),
        );
        line(
            &mut text,
            "state-directory",
            path_text(files.state_directory),
        );
        let name = router.name.get_ref();
        if self.ldp.runs() {
            let loopbacks = self.loopbacks(name).into_iter();
            let loopbacks: Vec<_> = loopbacks.map(|net| net.addr().to_string()).collect();
            line(&mut text, "loopback-addresses", loopbacks);
        }
        section(&mut text, "[switch]");
        line(&mut text, "address", files.switch_address);
        line(&mut text, "device-id", 1);
        line(&mut text, "election-id", 1);
        line(&mut text, "profile", path_text(files.profile));
        line(&mut text, "p4info", path_text(files.p4info));
        line(&mut text, "device-config", path_text(files.device_config));
        section(&mut text, "[management]");
        line(&mut text, "socket", path_text(files.management_socket));
        for (end, far, link) in self.ends_of(name) {
            // The topology has been checked: a router's interface names its port.
            let Some(port) = end.port() else { continue };
            section(&mut text, "[[port]]");
            line(&mut text, "port", i64::from(port));
            line(&mut text, "link", end.interface.get_ref().as_str());
            match &end.attachment_circuit {
                Some(circuit) => attachment_circuit(&mut text, circuit, port, None, link),
                // Tagged frames alone.
                None if end.addresses.is_empty() && !end.vlans.is_empty() => {}
                None => {
                    section(&mut text, "[[interface]]");
                    line(&mut text, "name", Self::tap_name(far));
                    line(&mut text, "port", i64::from(port));
                    self.interface(&mut text, &end.addresses, link);
                }
            }
            for vlan in &end.vlans {
                let id = *vlan.id.get_ref();
                if let Some(circuit) = &vlan.attachment_circuit {
                    attachment_circuit(&mut text, circuit, port, Some(id), link);
                    continue;
                }
                section(&mut text, "[[interface]]");
                line(&mut text, "name", Self::vlan_tap_name(far, id));
                line(&mut text, "port", i64::from(port));
                line(&mut text, "vlan", i64::from(id));
                line(&mut text, "label-space", i64::from(vlan.label_space));
                self.interface(&mut text, &vlan.addresses, link);
            }
        }
        for lsp in &self.lsps {
            let model = lsp.ttl_model.unwrap_or(ttl_model);
            if let Some(hop) = lsp
                .path
                .get_ref()
                .iter()
                .position(|hop| hop.get_ref() == name)
            {
                self.write_lsp_hop(&mut text, lsp, hop, model);
            }
        }
        self.write_ldp(&mut text, name, ttl_model);
        if !router.configuration.is_empty() {
            let _ = write!(text, "\n{}", router.configuration);
        }
        text
    }

    /// `[ldp]`, and the routes that it makes LSPs of.
    fn write_ldp(&self, text: &mut String, router: &str, ttl_model: TtlModel) {
        if !self.ldp.runs() {
            return;
        }
        section(text, "[ldp]");
        line(text, "ttl-model", ttl_model.to_string());
        if let Ldp::With(keys) = &self.ldp {
            let keys = keys.iter().filter(|(key, _)| *key != "ttl-model");
            for (key, value) in keys {
                line(text, key, value.clone());
            }
        }
        if self.igp != Igp::Static {
            return;
        }
        for (prefix, hops) in self.static_routes(router) {
            section(text, "[[static-route]]");
            line(text, "prefix", prefix.to_string());
            let hops = hops.into_iter().map(|(interface, address)| {
                let mut table = toml::Table::new();
                table.insert("interface".into(), interface.into());
                table.insert("address".into(), address.to_string().into());
                Value::from(table)
            });
            line(text, "next-hops", hops.collect::<Vec<_>>());
        }
    }

    /// What is the same for an interface and one of a VLAN.
    fn interface(&self, text: &mut String, addresses: &[Spanned<IpNet>], link: &Link) {
        let addresses = addresses
            .iter()
            .map(|address| address.get_ref().to_string());
        line(text, "addresses", addresses.collect::<Vec<_>>());
        let mpls = self.carries_labels(link);
        line(text, "mpls", mpls);
        line(text, "mtu", i64::from(*link.mtu.get_ref()));
        if mpls {
            line(text, "mpls-mtu", i64::from(self.mpls_mtu(link)));
        }
        // The checks have seen that no address is used twice.
        line(text, "duplicate-address-detection", false);
    }

    /// What one router of an LSP's path is told: FTN entry, cross-connect, or pop at the egress.
    fn write_lsp_hop(&self, text: &mut String, lsp: &Lsp, hop: usize, ttl_model: TtlModel) {
        let labels = lsp.labels.get_ref();
        let payload = if matches!(lsp.fec.get_ref(), IpNet::V4(_)) {
            "ipv4"
        } else {
            "ipv6"
        };
        let incoming = hop.checked_sub(1).map(|index| *labels[index].get_ref());
        let next = labels.get(hop).map(|label| *label.get_ref());
        match (incoming, next) {
            (None, Some(next)) => {
                section(text, "[[static-lsp.ftn]]");
                line(text, "name", lsp.name.get_ref().as_str());
                line(text, "fec", lsp.fec.get_ref().to_string());
                line(text, "ttl-model", ttl_model.to_string());
                line(text, "next-hops", vec![self.next_hop(lsp, hop, next)]);
            }
            (Some(LabelWord::Label(label)), Some(next)) => {
                section(text, "[[static-lsp.cross-connect]]");
                line(text, "name", lsp.name.get_ref().as_str());
                line(text, "label", i64::from(label));
                line(text, "label-space", i64::from(self.label_space(lsp, hop)));
                line(text, "payload", payload);
                line(text, "ttl-model", ttl_model.to_string());
                line(text, "next-hops", vec![self.next_hop(lsp, hop, next)]);
            }
            (Some(LabelWord::Label(label)), None) => {
                section(text, "[[static-lsp.ilm]]");
                line(text, "name", lsp.name.get_ref().as_str());
                line(text, "label", i64::from(label));
                line(text, "label-space", i64::from(self.label_space(lsp, hop)));
                line(text, "operation", "pop-and-look-up-ip");
                line(text, "payload", payload);
                line(text, "ttl-model", ttl_model.to_string());
            }
            // Implicit null never arrives, and lsrd knows explicit null without being told.
            (Some(LabelWord::ImplicitNull | LabelWord::ExplicitNull), _) | (None, None) => {}
        }
    }

    /// The label space of the interface by which an LSP comes to a router of its path.
    fn label_space(&self, lsp: &Lsp, hop: usize) -> u16 {
        let path = lsp.path.get_ref();
        let Some(before) = hop.checked_sub(1).map(|before| path[before].get_ref()) else {
            return 0;
        };
        let mut links = self.ends_of(before);
        let own = links.find(|(_, far, _)| far.node.get_ref() == path[hop].get_ref());
        let of_vlan = own.and_then(|(_, own, _)| {
            let (vlan, _) = own.address_like(lsp.fec.get_ref())?;
            let mut vlans = own.vlans.iter();
            vlans.find(|known| Some(*known.id.get_ref()) == vlan)
        });
        of_vlan.map_or(0, |vlan| vlan.label_space)
    }

    fn next_hop(&self, lsp: &Lsp, hop: usize, label: LabelWord) -> toml::Table {
        let path = lsp.path.get_ref();
        let (from, to) = (path[hop].get_ref(), path[hop + 1].get_ref());
        let mut table = toml::Table::new();
        let mut links = self.ends_of(from);
        if let Some((_, far, _)) = links.find(|(_, far, _)| far.node.get_ref() == to)
            && let Some((vlan, address)) = far.address_like(lsp.fec.get_ref())
        {
            let name = match vlan {
                None => Self::tap_name(far),
                Some(vlan) => Self::vlan_tap_name(far, vlan),
            };
            table.insert("interface".into(), name.into());
            table.insert("address".into(), address.addr().to_string().into());
        }
        let label = match label {
            LabelWord::Label(label) => Value::from(i64::from(label)),
            LabelWord::ImplicitNull => "implicit-null".into(),
            LabelWord::ExplicitNull => "explicit-null".into(),
        };
        table.insert("labels".into(), vec![label].into());
        table
    }
}

fn attachment_circuit(
    text: &mut String,
    name: &Spanned<String>,
    port: u16,
    vlan: Option<u16>,
    link: &Link,
) {
    section(text, "[[attachment-circuit]]");
    line(text, "name", name.get_ref().as_str());
    line(text, "port", i64::from(port));
    if let Some(vlan) = vlan {
        line(text, "vlan", i64::from(vlan));
    }
    line(text, "mtu", i64::from(*link.mtu.get_ref()));
}

fn section(text: &mut String, header: &str) {
    let _ = write!(text, "\n{header}\n");
}

fn line(text: &mut String, key: &str, value: impl Into<Value>) {
    let _ = writeln!(text, "{key} = {}", value.into());
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}
