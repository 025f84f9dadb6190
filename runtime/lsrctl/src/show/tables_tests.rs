use northbound::v1::{
    EntryStatus, Owner, Payload, TableUse, Target, entry_status::State, ftn_entry, ilm_entry,
    nhlfe::Resolution,
};

use super::*;

fn nhlfe(interface: &str, next_hop: &str, labels: &[u32]) -> Nhlfe {
    Nhlfe {
        interface: interface.into(),
        next_hop: next_hop.into(),
        labels: labels.to_vec(),
        weight: 1,
        resolution: Resolution::NeighbourResolved.into(),
        ..Nhlfe::default()
    }
}

fn installed() -> Option<EntryStatus> {
    Some(EntryStatus {
        state: State::Installed.into(),
        error: String::new(),
    })
}

#[test]
fn the_lfib_shows_labels_first_and_then_fecs() {
    let answer = v1::ShowLfibResponse {
        ilm: vec![
            IlmEntry {
                name: "east".into(),
                label: 100,
                operation: ilm_entry::Operation::Swap.into(),
                nhlfes: vec![nhlfe("core1", "10.0.23.3", &[200])],
                status: installed(),
                counter: Some(Counter {
                    packets: 12,
                    bytes: 1176,
                }),
                owner: Owner::StaticLsp.into(),
                ..IlmEntry::default()
            },
            IlmEntry {
                label: 0,
                operation: ilm_entry::Operation::ExplicitNull.into(),
                payload: Payload::Ipv4.into(),
                status: installed(),
                counter: Some(Counter::default()),
                owner: Owner::SpecialPurposeLabel.into(),
                ..IlmEntry::default()
            },
        ],
        ftn: vec![FtnEntry {
            name: "to-pe2".into(),
            fec: "10.2.0.0/24".into(),
            operation: ftn_entry::Operation::Forward.into(),
            nhlfes: vec![
                nhlfe("core0", "10.0.12.2", &[300, 100]),
                Nhlfe {
                    resolution: Resolution::NeighbourUnresolved.into(),
                    weight: 3,
                    mtu: Some(1396),
                    ..nhlfe("core1", "10.0.13.2", &[400])
                },
            ],
            status: Some(EntryStatus {
                state: State::Refused.into(),
                error: "table full".into(),
            }),
            owner: Owner::StaticLsp.into(),
            ..FtnEntry::default()
        }],
    };
    let text = lfib(&answer, false);
    assert_eq!(text.lines().count(), 8, "{text}");
    let lines: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with('│'))
        .map(|line| {
            let cells = line.trim_matches('│').split('┆').map(str::trim);
            cells.collect::<Vec<_>>().join(" | ")
        })
        .collect();
    assert_eq!(
        lines,
        [
            "Incoming | Operation | Interface | Next hop | State | Packets | Bytes | Owner",
            "label 100 | swap 100 → 200 | core1 | 10.0.23.3 | installed | 12 | 1176 | static east",
            "label ipv4-explicit-null(0) | pop ipv4-explicit-null(0), look up IPv4 |  |  | \
             installed | 0 | 0 | reserved",
            "10.2.0.0/24 | push 300 100 | core0 | 10.0.12.2 weight 1 | refused: table full | - | \
             - | static to-pe2",
            " | push 400 | core1 | 10.0.13.2 (not resolved) weight 3, MTU 1396 |  |  |  | ",
        ]
    );
}

#[test]
fn an_empty_table_is_a_sentence() {
    assert_eq!(
        ilm(&v1::ShowIlmResponse::default(), false),
        "the ILM is empty: no incoming label is bound"
    );
    assert_eq!(
        interfaces(&v1::ShowInterfacesResponse::default(), false),
        "no interface is configured"
    );
}

#[test]
fn the_target_says_what_is_wrong() {
    let target = Target {
        address: "http://127.0.0.1:9559".into(),
        device_id: 1,
        last_error: "connection refused".into(),
        tables: vec![TableUse {
            table: "ilm".into(),
            entries: 1,
            size: 4,
        }],
        ..Target::default()
    };
    let text = super::target(
        &v1::ShowTargetResponse {
            target: Some(target),
        },
        false,
    );
    assert!(text.contains("Role         not connected\n"), "{text}");
    assert!(text.contains("Last error   connection refused\n"), "{text}");
    assert!(text.contains("25.0%"), "{text}");
}
