//! `show protection`.

use comfy_table::Cell;
use northbound::v1::{self, ProtectionPath, port::CarrierSource, protection::Kind};

use super::tables::{or_nothing, table};

/// `show protection`.
pub(super) fn protection(answer: &v1::ShowProtectionResponse, terminal: bool) -> String {
    let mut domains = table(&["Protection", "Kind", "Path in use", "LSPs"], terminal);
    for domain in &answer.domains {
        domains.add_row(vec![
            Cell::new(&domain.name),
            Cell::new(match domain.kind() {
                Kind::OneToOne => "1:1",
                Kind::OnePlusOne => "1+1",
            }),
            Cell::new(match domain.path() {
                ProtectionPath::Working => "working",
                ProtectionPath::Protecting => "protecting",
            }),
            Cell::new(domain.lsps.join(", ")),
        ]);
    }
    let mut ports = table(
        &[">Port", "State", "Told by", "Link", "Interfaces"],
        terminal,
    );
    for port in &answer.ports {
        let link = match (port.link.as_str(), port.carrier) {
            ("", Some(false)) => "no carrier".to_owned(),
            ("", _) => "-".to_owned(),
            (link, Some(true)) => link.to_owned(),
            (link, Some(false)) => format!("{link}: no carrier"),
            (link, None) => format!("{link}: not there"),
        };
        let source = match port.carrier_source() {
            CarrierSource::Nobody => "-",
            CarrierSource::Gnmi => "gNMI",
            CarrierSource::Netlink => "netlink",
        };
        let state = match (port.up, port.held_down) {
            (true, _) => "up",
            (false, true) => "down by the operator",
            (false, false) => "down",
        };
        ports.add_row(vec![
            Cell::new(port.port),
            Cell::new(state),
            Cell::new(source),
            Cell::new(link),
            Cell::new(port.interfaces.join(", ")),
        ]);
    }
    format!(
        "{}\n\n{}",
        or_nothing(domains, "no protection domain is configured"),
        or_nothing(ports, "no port is in use")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_says_why_it_is_down() {
        let port = |up, carrier, held_down| v1::Port {
            port: 1,
            up,
            link: "eth1".into(),
            carrier,
            held_down,
            interfaces: vec!["core0".into()],
            carrier_source: CarrierSource::Gnmi.into(),
        };
        let text = |port| {
            let answer = v1::ShowProtectionResponse {
                domains: Vec::new(),
                ports: vec![port],
            };
            protection(&answer, false)
        };
        assert!(text(port(true, Some(true), false)).contains(" up "));
        assert!(text(port(true, Some(true), false)).contains(" gNMI "));
        assert!(text(port(false, Some(false), false)).contains("eth1: no carrier"));
        assert!(text(port(false, Some(true), true)).contains("down by the operator"));
        assert!(text(port(true, None, false)).contains("eth1: not there"));
        assert!(text(port(true, None, false)).contains("no protection domain is configured"));
    }
}
