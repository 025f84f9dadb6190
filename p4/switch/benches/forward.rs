//! How long the engine takes for a packet, in memory and on one core: no port, no kernel.
//!
//! `cargo bench -p p4-switch`. What is measured is `Switch::process`: parser, tables, checksum and
//! deparser, with the copy of the packet that it gives back.

use bmv2_json::Document;
use divan::Bencher;
use divan::counter::ItemsCount;
use p4_switch::control::{ActionCall, EntryAction, EntryKey, KeyMatch, TableEntry};
use p4_switch::{Switch, SwitchConfig};

const TABLES: &str = include_str!("../tests/engine/programs/tables.json");
const HEADERS: &str = include_str!("../tests/engine/programs/headers.json");

fn main() {
    divan::main();
}

fn switch(program: &str) -> Switch {
    let document = Document::from_json(program.as_bytes()).expect("a document that p4c wrote");
    let (switch, _events) = Switch::new(SwitchConfig::default());
    switch.load(&document).expect("a program that runs");
    switch
}

/// Fills a table of `tables.p4` with entries.
fn fill(switch: &Switch, table: &str, keys: impl Iterator<Item = Vec<KeyMatch>>, priority: u32) {
    switch
        .write(|state| {
            for matches in keys {
                let entry = TableEntry {
                    key: EntryKey { matches, priority },
                    action: EntryAction::Action(ActionCall::new(
                        "TestIngress.answer",
                        vec![vec![1]],
                    )),
                };
                state.insert_entry(&format!("TestIngress.{table}"), &entry)?;
            }
            Ok(())
        })
        .expect("entries that fit the table");
}

/// A packet of `tables.p4`, of 64 bytes.
fn request(test: u8) -> Vec<u8> {
    let mut packet = vec![test, 1, 0, 1, 10, 0, 0, 1];
    packet.resize(64, 0);
    packet
}

fn measure(bencher: Bencher<'_, '_>, switch: &Switch, packet: &[u8]) {
    assert_eq!(switch.process(1, packet).len(), 1);
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| switch.process(1, divan::black_box(packet)));
}

#[divan::bench]
fn exact_hit(bencher: Bencher<'_, '_>) {
    let switch = switch(TABLES);
    let exact = |value: u16| KeyMatch::Exact(value.to_be_bytes().to_vec());
    fill(
        &switch,
        "by_exact",
        (0..4).map(|medium| vec![exact(1), exact(medium)]),
        0,
    );
    measure(bencher, &switch, &request(1));
}

#[divan::bench]
fn longest_prefix_of_1000(bencher: Bencher<'_, '_>) {
    let switch = switch(TABLES);
    let keys = (0..1000_u32).map(|i| {
        vec![
            KeyMatch::Exact(vec![1]),
            KeyMatch::Lpm {
                value: (10 << 24 | i << 8).to_be_bytes().to_vec(),
                prefix_length: 24,
            },
        ]
    });
    fill(&switch, "by_prefix", keys, 0);
    measure(bencher, &switch, &request(3));
}

#[divan::bench]
fn ternary_last_of_100(bencher: Bencher<'_, '_>) {
    let switch = switch(TABLES);
    let keys = (0..100_u16).rev().map(|i| {
        vec![
            KeyMatch::Ternary {
                value: (i + 1).to_be_bytes().to_vec(),
                mask: vec![0xff, 0xff],
            },
            KeyMatch::Any,
            KeyMatch::Exact(vec![1]),
        ]
    });
    fill(&switch, "by_mask", keys, 1);
    measure(bencher, &switch, &request(5));
}

#[divan::bench]
fn parse_a_stack_of_four_and_push(bencher: Bencher<'_, '_>) {
    let mut packet = vec![2, 5, 2, 4, 6, 9];
    packet.resize(64, 0);
    measure(bencher, &switch(HEADERS), &packet);
}

#[divan::bench]
fn verify_and_update_a_checksum(bencher: Bencher<'_, '_>) {
    let mut packet = vec![6, 0, 0x12, 0x34, 0x56, 0x78, 0x97, 0x53];
    packet.resize(64, 0);
    measure(bencher, &switch(HEADERS), &packet);
}
