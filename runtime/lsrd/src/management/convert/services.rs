//! Pseudowires, point-to-multipoint LSPs, IP tunnels and QoS maps.

use dataplane::Counters;
use forwarding::{EntryKey, Fec, NextHopProblem, QosMap};
use northbound::v1::{self, nhlfe::Resolution};

use super::super::Shown;
use super::{circuit_name, counter, lfib};
use crate::config::{Config, StaticLspKind};

/// The entries of the running LFIB, to be found by their keys.
struct Entries {
    ftn: Vec<v1::FtnEntry>,
    ilm: Vec<v1::IlmEntry>,
}

impl Entries {
    fn new(shown: &Shown<'_>, counters: &Option<Counters>) -> Self {
        Self {
            ftn: lfib::ftn(shown, counters, false),
            ilm: lfib::ilm(shown, counters, false),
        }
    }

    /// The FTN and the ILM entry of a static LSP.
    fn of(&self, name: &str, keys: &[EntryKey], config: &Config) -> Found {
        let mut found = Found::default();
        for key in keys {
            match key {
                EntryKey::Ftn(fec) => {
                    let text = match fec {
                        Fec::MulticastGroup { group, .. } => group.to_string(),
                        Fec::AttachmentCircuit(circuit) => circuit_name(config, *circuit),
                        other => other.to_string(),
                    };
                    let mut entries = self.ftn.iter();
                    let entry = entries.find(|entry| entry.name == name && entry.fec == text);
                    found.ftn = entry.cloned();
                }
                EntryKey::Ilm(key) => {
                    let mut entries = self.ilm.iter();
                    let entry = entries.find(|entry| {
                        entry.name == name
                            && entry.label == key.label.value()
                            && entry.label_space == u32::from(key.label_space.0)
                    });
                    found.ilm = entry.cloned();
                }
            }
        }
        found
    }
}

#[derive(Default)]
struct Found {
    ftn: Option<v1::FtnEntry>,
    ilm: Option<v1::IlmEntry>,
}

/// The static LSPs of a kind with their entries.
fn lsps(
    shown: &Shown<'_>,
    counters: &Option<Counters>,
    kind: StaticLspKind,
) -> Vec<(String, Found)> {
    let config = shown.router.config();
    let entries = Entries::new(shown, counters);
    let lsps = config.static_lsps.iter().filter(|lsp| lsp.kind == kind);
    let found = lsps.map(|lsp| {
        let ftn = lsp.ftn.as_ref().map(|(fec, _)| EntryKey::Ftn(fec.clone()));
        let ilm = lsp.ilm.as_ref().map(|(key, _)| EntryKey::Ilm(*key));
        let keys: Vec<EntryKey> = ftn.into_iter().chain(ilm).collect();
        (lsp.name.clone(), entries.of(&lsp.name, &keys, config))
    });
    found.collect()
}

/// The pseudowires.
pub(in super::super) fn pseudowires(
    shown: &Shown<'_>,
    counters: &Option<Counters>,
) -> Vec<v1::Pseudowire> {
    let config = shown.router.config();
    let found = lsps(shown, counters, StaticLspKind::Pseudowire).into_iter();
    let pseudowires = found.map(|(name, found)| {
        let circuit = found.ftn.as_ref().and_then(|ftn| {
            let mut circuits = config.circuits.iter();
            circuits.find(|circuit| circuit.name == ftn.fec)
        });
        let place = circuit.map(|circuit| circuit.circuit);
        v1::Pseudowire {
            name,
            attachment_circuit: circuit.map(|c| c.name.clone()).unwrap_or_default(),
            port: place.map_or(0, |place| place.port.into()),
            vlan: place
                .and_then(|place| place.vlan)
                .map_or(0, |vlan| vlan.value().into()),
            to_network: found.ftn,
            from_network: found.ilm,
        }
    });
    pseudowires.collect()
}

/// The point-to-multipoint LSPs.
pub(in super::super) fn point_to_multipoint(
    shown: &Shown<'_>,
    counters: &Option<Counters>,
) -> Vec<v1::PointToMultipoint> {
    let found = lsps(shown, counters, StaticLspKind::PointToMultipoint).into_iter();
    let lsps = found.map(|(name, found)| v1::PointToMultipoint {
        name,
        ftn: found.ftn,
        ilm: found.ilm,
    });
    lsps.collect()
}

/// The IP tunnels.
pub(in super::super) fn tunnels(
    shown: &Shown<'_>,
    counters: &Option<Counters>,
) -> v1::ShowTunnelsResponse {
    let config = shown.router.config();
    let lfib = shown.router.forwarding().lfib();
    let heads = config.tunnels.iter().map(|named| {
        let next_hop = &named.next_hop;
        let resolution = match lfib.problem(next_hop) {
            None => Resolution::NeighbourResolved,
            Some(NextHopProblem::NeighbourUnresolved) => Resolution::NeighbourUnresolved,
            Some(_) => Resolution::InterfaceDown,
        };
        let mac = lfib.resolved.get(next_hop);
        v1::Tunnel {
            name: named.name.clone(),
            encapsulation: named.tunnel.kind().to_string(),
            local: named.tunnel.source().to_string(),
            remote: named.tunnel.destination().to_string(),
            ttl: named.tunnel.ttl().into(),
            dscp: named.tunnel.dscp().value().into(),
            next_hop: Some(v1::Nhlfe {
                interface: next_hop.interface.to_string(),
                next_hop: next_hop.address.to_string(),
                resolution: resolution.into(),
                mac: mac.map(ToString::to_string).unwrap_or_default(),
                ..v1::Nhlfe::default()
            }),
        }
    });
    let ends = config.tunnel_ends.iter().map(|named| {
        let counted = named.ends.iter().filter_map(|end| {
            let counters = counters.as_ref()?;
            counters.tunnel_ends.get(end).map(counter)
        });
        let sum = counted.reduce(|a, b| v1::Counter {
            packets: a.packets + b.packets,
            bytes: a.bytes + b.bytes,
        });
        let first = named.ends.first();
        let sources = named.ends.iter().map(|end| match end.source {
            Some(source) => source.to_string(),
            None => "any".to_owned(),
        });
        v1::TunnelEnd {
            name: named.name.clone(),
            encapsulation: first.map(|end| end.kind.to_string()).unwrap_or_default(),
            local: first
                .map(|end| end.destination.to_string())
                .unwrap_or_default(),
            sources: sources.collect(),
            vrf: first.map_or(0, |end| end.vrf.0.into()),
            label_space: named.label_space.0.into(),
            counter: sum,
        }
    });
    v1::ShowTunnelsResponse {
        tunnels: heads.collect(),
        ends: ends.collect(),
    }
}

/// The QoS maps.
pub(in super::super) fn qos_maps(config: &Config) -> Vec<v1::QosMap> {
    let maps = (1..).zip(&config.qos_maps);
    maps.map(|(id, (name, map))| qos_map(id, name, map))
        .collect()
}

fn qos_map(id: u32, name: &str, map: &QosMap) -> v1::QosMap {
    use v1::qos_map::{CongestionMark, DscpToPhb, PhbToCodes, TrafficClassToPhb};
    let tc_to_phb = map.from_traffic_class.iter();
    let dscp_to_phb = map.from_dscp.iter();
    let phb_to_codes = map.to_codes.iter();
    let marks = map.mark_congestion.iter();
    v1::QosMap {
        name: name.to_owned(),
        id,
        tc_to_phb: tc_to_phb
            .map(|(tc, behaviour)| TrafficClassToPhb {
                tc: tc.value().into(),
                phb: behaviour.phb.value().into(),
                congestion: behaviour.congestion,
            })
            .collect(),
        dscp_to_phb: dscp_to_phb
            .map(|(dscp, phb)| DscpToPhb {
                dscp: dscp.value().into(),
                phb: phb.value().into(),
            })
            .collect(),
        phb_to_codes: phb_to_codes
            .map(|(behaviour, codes)| PhbToCodes {
                phb: behaviour.phb.value().into(),
                congestion: behaviour.congestion,
                tc: codes.traffic_class.value().into(),
                dscp: codes.dscp.value().into(),
                pcp: codes.pcp.value().into(),
            })
            .collect(),
        congestion_marks: marks
            .map(|(tc, marked)| CongestionMark {
                tc: tc.value().into(),
                marked: marked.value().into(),
            })
            .collect(),
    }
}
