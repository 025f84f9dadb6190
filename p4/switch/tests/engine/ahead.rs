//! Packets in batches over a large table, which the compiled engine looks at ahead: they come out as they
//! do one by one from the interpreter.

use p4_switch::control::{CounterValue, EntryKey, EntryRef, TableEntry};
use p4_switch::{Engine, Switch, SwitchConfig};

use crate::support::{Request, TABLES, answer, document, exact};

/// More entries than a table has that is not looked at ahead.
const ENTRIES: u32 = 20_000;
const PACKETS: u32 = 3_000;

fn key(index: u32) -> EntryKey {
    EntryKey {
        matches: vec![
            exact(u64::from(index >> 16)),
            exact(u64::from(index & 0xffff)),
        ],
        priority: 0,
    }
}

/// Numbers without order (xorshift32).
fn numbers() -> impl FnMut() -> u32 {
    let mut state = 0x9e37_79b9_u32;
    move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    }
}

fn switch(engine: Engine) -> Switch {
    let mut document = document(TABLES);
    for pipeline in &mut document.pipelines {
        for table in &mut pipeline.tables {
            table.max_size = 100_000;
        }
    }
    let (switch, _) = Switch::new(SwitchConfig {
        engine,
        ..SwitchConfig::default()
    });
    switch
        .load_with(&document, |state| {
            (0..ENTRIES).try_for_each(|index| {
                let entry = TableEntry {
                    key: key(index),
                    action: answer(u64::from(index)),
                };
                state.insert_entry("TestIngress.by_exact", &entry)
            })
        })
        .unwrap();
    switch
}

/// A packet of one of several kinds: most ask the large table, some of them in vain.
fn packet(next: &mut impl FnMut() -> u32) -> Vec<u8> {
    let index = next() % (ENTRIES + ENTRIES / 8);
    let request = Request {
        test: if next().is_multiple_of(5) {
            (next() % 14) as u8
        } else {
            1
        },
        small: (index >> 16) as u8,
        medium: index as u16,
        address: next(),
        ..Request::default()
    };
    let mut packet = request.bytes();
    if next().is_multiple_of(50) {
        // Cut short, so that the parser stops.
        packet.truncate((next() % 32) as usize);
    }
    packet
}

#[test]
fn packets_in_batches_come_out_as_they_do_one_by_one() {
    let compiled = switch(Engine::Compiled);
    let interpreted = switch(Engine::Interpreter);
    let mut next = numbers();
    let mut answered = 0;
    for round in 0..4_u32 {
        let packets: Vec<Vec<u8>> = (0..PACKETS).map(|_| packet(&mut next)).collect();
        let mut batched = Vec::new();
        let all = packets.iter().map(|packet| (1, &packet[..]));
        compiled.process_batch(all, |port, packet| batched.push((port, packet.to_vec())));
        let one_by_one: Vec<_> = packets
            .iter()
            .flat_map(|packet| interpreted.process(1, packet))
            .collect();
        assert!(batched == one_by_one, "round {round}");
        answered += batched.len();
        // What was found before must not be used when the entries have changed.
        for switch in [&compiled, &interpreted] {
            switch
                .write(|state| {
                    for index in (0..ENTRIES).filter(|index| index % 7 == round) {
                        state.delete_entry("TestIngress.by_exact", &key(index))?;
                    }
                    for index in (0..ENTRIES).filter(|index| index % 11 == round + 7) {
                        let entry = TableEntry {
                            key: key(index),
                            action: answer(u64::from(index + round)),
                        };
                        // Some are gone.
                        let _ = state.modify_entry("TestIngress.by_exact", &entry);
                    }
                    Ok(())
                })
                .unwrap();
        }
    }
    assert!(answered > 10_000, "{answered} packets came out");
    let counts = |switch: &Switch| -> Vec<CounterValue> {
        let entries = (0..ENTRIES).filter(|index| index % 7 > 3);
        switch
            .read(|state| {
                entries
                    .map(|index| {
                        state.direct_counter("TestIngress.by_exact", &EntryRef::Key(key(index)))
                    })
                    .collect()
            })
            .unwrap()
    };
    let counted = counts(&compiled);
    assert!(counted.iter().any(|count| count.packets > 0));
    assert!(counted == counts(&interpreted));
}
