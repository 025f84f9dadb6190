//! Whatever comes in, the switch goes on.

use proptest::prelude::*;
use serde_json::Value as Json;

use crate::support::{Bench, COPIES, HEADERS, NUMBERS, TABLES};

const PROGRAMS: [&str; 4] = [TABLES, HEADERS, COPIES, NUMBERS];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_packet_makes_the_engine_panic(
        program in 0_usize..4,
        port in 0_u32..512,
        mut packet in proptest::collection::vec(any::<u8>(), 0..200),
        test in 0_u8..16,
    ) {
        // So that the branches of the programs are taken.
        if let Some(first) = packet.first_mut() {
            *first = test;
        }
        let bench = Bench::new(PROGRAMS[program]);
        let out = bench.switch.process(port, &packet);
        let trace = bench.switch.trace(port, &packet);
        prop_assert!(out.len() <= 2);
        prop_assert!(!trace.to_string().is_empty());
    }

    /// One member of a real document is replaced by something else. What can still be loaded runs.
    #[test]
    fn no_damage_to_a_document_makes_the_loader_or_the_engine_panic(
        program in 0_usize..4, place in 0_usize..9000, other in 0_usize..14,
    ) {
        let mut damaged: Json = serde_json::from_str(PROGRAMS[program]).unwrap();
        let others = [
            serde_json::json!(null), serde_json::json!(-1), serde_json::json!(0),
            serde_json::json!(1), serde_json::json!(4_000_000_000_u32),
            serde_json::json!(u64::MAX), serde_json::json!("x"), serde_json::json!("0xffffffffff"),
            serde_json::json!("-0x1"), serde_json::json!([]), serde_json::json!({}),
            serde_json::json!(true), serde_json::json!(["scalars", "nothing"]),
            serde_json::json!({"type": "hexstr", "value": "0x7fffffff"}),
        ];
        let mut left = place;
        replace(&mut damaged, &mut left, &others[other]);
        if let Ok(document) = bmv2_json::Document::from_value(damaged) {
            let (switch, _events) = p4_switch::Switch::new(p4_switch::SwitchConfig::default());
            if switch.load(&document).is_ok() {
                for test in 0..16 {
                    let mut packet = vec![0x5a; 120];
                    packet[0] = test;
                    let out = switch.process(1, &packet);
                    prop_assert!(out.len() < 5000);
                    prop_assert_eq!(switch.trace(2, &packet[..20]).port, 2);
                }
            }
        }
    }
}

fn replace(json: &mut Json, left: &mut usize, with: &Json) {
    if *left == 0 {
        *json = with.clone();
        *left = usize::MAX;
        return;
    }
    *left -= 1;
    match json {
        Json::Array(list) => list.iter_mut().for_each(|item| replace(item, left, with)),
        Json::Object(map) => map.values_mut().for_each(|item| replace(item, left, with)),
        _ => {}
    }
}
