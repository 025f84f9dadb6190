//! A BMv2 JSON document through the loader of p4-switch, and packets through what it takes.
//! Whatever the document, it is refused or it runs: no panic, no endless loop.

#![no_main]

use bmv2_json::Document;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use p4_switch::{Switch, SwitchConfig};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

fuzz_target!(|text: &[u8]| {
    let Ok(document) = Document::from_json(text) else {
        return;
    };
    let (switch, _events) = Switch::new(SwitchConfig {
        cpu_port: Some(510),
        ..SwitchConfig::default()
    });
    if switch.load(&document).is_err() {
        return;
    }
    let packet: Vec<u8> = (0..96).collect();
    for length in [0, 14, 96] {
        let _ = switch.process(1, &packet[..length]);
    }
    let _ = switch.trace(1, &packet);
    let _ = switch.packet_out(&packet);
});

/// All nodes of a document, by where they stand.
fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                paths(item, &format!("{path}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                paths(member, &format!("{path}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// Changes one node: to another of the document, or to a value of its own kind.
fn mutate_node(document: &mut Value, random: &mut SmallRng) {
    let mut found = Vec::new();
    paths(document, "", &mut found);
    let pick = |random: &mut SmallRng| found[random.random_range(0..found.len())].clone();
    let other = document.pointer(&pick(random)).cloned();
    let Some(node) = document.pointer_mut(&pick(random)) else {
        return;
    };
    let numbers = [
        0,
        1,
        2,
        7,
        8,
        63,
        64,
        65,
        255,
        1 << 16,
        u64::from(u32::MAX),
        u64::MAX,
    ];
    match (random.random_range(0..4), node) {
        (0, Value::Array(items)) if !items.is_empty() => {
            let at = random.random_range(0..items.len());
            items.remove(at);
        }
        (1, Value::Array(items)) if !items.is_empty() => {
            let at = random.random_range(0..items.len());
            items.push(items[at].clone());
        }
        (2, Value::Array(items)) if items.len() > 1 => {
            let (a, b) = (
                random.random_range(0..items.len()),
                random.random_range(0..items.len()),
            );
            items.swap(a, b);
        }
        (0, Value::Object(members)) if !members.is_empty() => {
            let at = random.random_range(0..members.len());
            if let Some(name) = members.keys().nth(at).cloned() {
                members.shift_remove(&name);
            }
        }
        (1 | 2, Value::Number(number)) => {
            let old = number.as_u64().unwrap_or(0);
            let new = match random.random_range(0..3) {
                0 => old.wrapping_add(1),
                1 => old.wrapping_sub(1),
                _ => numbers[random.random_range(0..numbers.len())],
            };
            *number = new.into();
        }
        (0, Value::Bool(value)) => *value = !*value,
        (0, node) => *node = Value::Null,
        (_, node) => *node = other.unwrap_or(Value::Null),
    }
}

// Most mutations keep the text JSON, so that they get past the reader.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = SmallRng::seed_from_u64(seed.into());
    if random.random_bool(0.9)
        && let Ok(mut document) = serde_json::from_slice::<Value>(&data[..size])
    {
        for _ in 0..random.random_range(1..4) {
            mutate_node(&mut document, &mut random);
        }
        let text = document.to_string();
        if text.len() <= max_size {
            data[..text.len()].copy_from_slice(text.as_bytes());
            return text.len();
        }
    }
    fuzzer_mutate(data, size, max_size)
});
