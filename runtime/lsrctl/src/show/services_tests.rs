use northbound::v1::{FtnEntry, IlmEntry, entry_status::State, ftn_entry, ilm_entry};

use super::*;

fn nhlfe(interface: &str, labels: &[u32], packets: u64) -> Nhlfe {
    Nhlfe {
        interface: interface.into(),
        next_hop: "10.0.12.2".into(),
        labels: labels.to_vec(),
        weight: 1,
        resolution: v1::nhlfe::Resolution::NeighbourResolved.into(),
        counter: Some(Counter {
            packets,
            bytes: packets * 100,
        }),
        ..Nhlfe::default()
    }
}

fn cells(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.starts_with('│'))
        .skip(1)
        .map(|line| {
            let cells = line.trim_matches('│').split('┆').map(str::trim);
            cells.collect::<Vec<_>>().join(" | ")
        })
        .collect()
}

fn installed() -> Option<EntryStatus> {
    Some(EntryStatus {
        state: State::Installed.into(),
        error: String::new(),
    })
}

#[test]
fn a_pseudowire_shows_both_directions() {
    let answer = v1::ShowPseudowiresResponse {
        pseudowires: vec![v1::Pseudowire {
            name: "a-b".into(),
            attachment_circuit: "customer-a".into(),
            port: 3,
            vlan: 100,
            to_network: Some(FtnEntry {
                fec: "customer-a".into(),
                operation: ftn_entry::Operation::Forward.into(),
                nhlfes: vec![Nhlfe {
                    control_word: true,
                    ..nhlfe("core0", &[100, 3001], 7)
                }],
                status: installed(),
                counter: Some(Counter {
                    packets: 7,
                    bytes: 700,
                }),
                ..FtnEntry::default()
            }),
            from_network: Some(IlmEntry {
                label: 3000,
                operation: ilm_entry::Operation::PopToAttachmentCircuit.into(),
                attachment_circuit: "customer-a".into(),
                control_word: true,
                status: installed(),
                ..IlmEntry::default()
            }),
        }],
    };
    assert_eq!(
        cells(&pseudowires(&answer, false)),
        [
            "a-b | customer-a port 3 VLAN 100 | push 100 3001, control word | core0 | 10.0.12.2 | \
             installed | 7 | 700",
            " |  | pop 3000 with control word, to customer-a |  |  | installed | - | -",
        ]
    );
}

#[test]
fn each_branch_of_a_point_to_multipoint_lsp_has_its_counter() {
    let answer = v1::ShowPointToMultipointResponse {
        lsps: vec![v1::PointToMultipoint {
            name: "tv".into(),
            ftn: None,
            ilm: Some(IlmEntry {
                label: 500,
                operation: ilm_entry::Operation::Replicate.into(),
                nhlfes: vec![nhlfe("core0", &[501], 9), nhlfe("core1", &[502], 8)],
                bud: true,
                next_label_space: 32768,
                status: installed(),
                local_counter: Some(Counter {
                    packets: 7,
                    bytes: 700,
                }),
                ..IlmEntry::default()
            }),
        }],
    };
    assert_eq!(
        cells(&point_to_multipoint(&answer, false)),
        [
            "tv | label 500 | copy, swap 500 → 501 | core0 | 10.0.12.2 | installed | 9 | 900",
            " |  | copy, swap 500 → 502 | core1 | 10.0.12.2 |  | 8 | 800",
            " |  | copy, look up 500 in space 32768 |  |  |  | 7 | 700",
        ]
    );
}

#[test]
fn tunnels_show_head_ends_and_tail_ends() {
    let answer = v1::ShowTunnelsResponse {
        tunnels: vec![v1::Tunnel {
            name: "to-pe2".into(),
            encapsulation: "mpls-in-udp".into(),
            local: "192.0.2.1".into(),
            remote: "192.0.2.2".into(),
            ttl: 64,
            dscp: 0,
            next_hop: Some(nhlfe("core0", &[], 0)),
        }],
        ends: vec![],
    };
    let text = tunnels(&answer, false);
    let head = "to-pe2 | mpls-in-udp | 192.0.2.1 | 192.0.2.2 | 64 | 0 | core0 | 10.0.12.2";
    assert_eq!(cells(&text), [head]);
    assert!(text.ends_with("no tunnel ends here"), "{text}");
}

#[test]
fn a_qos_map_shows_what_it_says() {
    let answer = v1::ShowQosMapsResponse {
        maps: vec![v1::QosMap {
            name: "core".into(),
            id: 1,
            tc_to_phb: vec![v1::qos_map::TrafficClassToPhb {
                tc: 5,
                phb: 46,
                congestion: true,
            }],
            phb_to_codes: vec![v1::qos_map::PhbToCodes {
                phb: 46,
                congestion: false,
                tc: 5,
                dscp: 46,
                pcp: 5,
            }],
            ..v1::QosMap::default()
        }],
    };
    assert_eq!(
        cells(&qos_maps(&answer, false)),
        [
            "core | TC 5 | PHB 46 congested",
            " | PHB 46 | TC 5, DSCP 46, PCP 5",
        ]
    );
}

#[test]
fn a_topology_shows_whose_packets_it_has() {
    let mut answer = v1::ShowTopologiesResponse::default();
    assert!(topologies(&answer, false).contains("no topology is configured"));
    answer.topologies.push(v1::Topology {
        id: 3996,
        routing_table: 103,
        dscp: vec![44, 46],
        fecs: 12,
        labelled_fecs: 10,
    });
    let row = "3996 | 103 | 44, 46 | 12 | 10";
    assert_eq!(cells(&topologies(&answer, false)), [row]);
}
