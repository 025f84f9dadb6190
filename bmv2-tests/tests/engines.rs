//! The compiled engine of p4-switch does what its interpreter does: over all programs that the
//! repository has, random entries and random packets, the same comes out, and the same is counted.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use bmv2_json::{Document, MatchType};
use p4_switch::control::{
    ActionCall, ActionInfo, ActionSet, CloneSession, CounterValue, Digest, EntryAction, EntryKey,
    EntryRef, Group, GroupMember, KeyInfo, KeyMatch, MeterConfig, PortNumber, Replica, SetAction,
    TableEntry, TableInfo,
};
use p4_switch::{Clock, Engine, Events, State, Switch, SwitchConfig};
use proptest::prelude::*;

/// A program, by its name.
type Named = (String, Document);

fn compile(path: &Path) -> Named {
    let source = p4_compiler::Source::File(path.to_owned());
    let include = path.parent().map(|directory| directory.join("include"));
    let options = p4_compiler::Options {
        include_directories: include.into_iter().collect(),
        ..p4_compiler::Options::default()
    };
    let compiled = p4_compiler::compile(&source, &options)
        .unwrap_or_else(|reports| panic!("{}: {reports:?}", path.display()));
    (
        path.display().to_string(),
        document(&compiled.bmv2.to_json()),
    )
}

fn document(json: &str) -> Document {
    Document::from_json(json.as_bytes()).expect("a document")
}

/// The files of a directory that end so.
fn files(directory: &str, ending: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(directory);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    files.sort();
    files
}

static PROGRAMS: LazyLock<Vec<Named>> = LazyLock::new(|| {
    let json = [
        "p4/switch/tests/engine/programs",
        "p4/switch/tests/p4runtime",
    ]
    .into_iter()
    .flat_map(|directory| files(directory, "json"))
    .map(|path| {
        let json = std::fs::read_to_string(&path).expect("a document");
        (path.display().to_string(), document(&json))
    });
    let p4 = ["p4", "p4/compiler/tests/accepted"]
        .into_iter()
        .flat_map(|directory| files(directory, "p4"))
        .map(|path| compile(&path));
    json.chain(p4).collect()
});

/// Random numbers, of which a test case has a list.
struct Source<'a> {
    numbers: std::iter::Cycle<std::slice::Iter<'a, u32>>,
    /// So that the list does not simply come again.
    count: u32,
}

impl<'a> Source<'a> {
    fn new(numbers: &'a [u32]) -> Self {
        Self {
            numbers: numbers.iter().cycle(),
            count: 0,
        }
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.count = self.count.wrapping_add(1);
        let number = self.numbers.next().copied().unwrap_or(0);
        let mixed = (number ^ self.count).wrapping_mul(0x9e37_79b1);
        (mixed ^ mixed >> 15) % limit
    }

    /// A number of so many bits, small ones more often.
    fn value(&mut self, width: u32) -> Vec<u8> {
        let mut octets = vec![0; width.div_ceil(8) as usize];
        if self.below(4) == 0 {
            octets.fill_with(|| self.below(256) as u8);
        } else if let Some(last) = octets.last_mut() {
            *last = self.below(8) as u8;
        }
        if let Some(first) = octets.first_mut()
            && !width.is_multiple_of(8)
        {
            *first &= (1 << (width % 8)) - 1;
        }
        octets
    }

    fn key(&mut self, element: &KeyInfo) -> KeyMatch {
        let width = element.width;
        match element.match_type {
            MatchType::Valid => KeyMatch::Valid(self.below(2) == 1),
            MatchType::Exact => KeyMatch::Exact(self.value(width)),
            MatchType::Lpm => KeyMatch::Lpm {
                value: self.value(width),
                prefix_length: 1 + self.below(width),
            },
            MatchType::Ternary if self.below(3) == 0 => KeyMatch::Any,
            MatchType::Ternary => KeyMatch::Exact(self.value(width)),
            MatchType::Range => {
                let (first, second) = (self.value(width), self.value(width));
                KeyMatch::Range {
                    low: first.clone().min(second.clone()),
                    high: first.max(second),
                }
            }
        }
    }

    fn call(&mut self, actions: &[ActionInfo]) -> ActionCall {
        let action = &actions[self.below(actions.len() as u32) as usize];
        let parameters = action.parameters.iter();
        let arguments = parameters.map(|parameter| self.value(parameter.width));
        ActionCall::new(&*action.name, arguments.collect())
    }

    fn action(&mut self, table: &TableInfo) -> EntryAction {
        match (&table.action_profile, self.below(3)) {
            (None, _) => EntryAction::Action(self.call(&table.actions)),
            (Some(_), 0) => EntryAction::Member(self.below(4)),
            (Some(_), 1) => EntryAction::Group(self.below(2)),
            (Some(_), _) => EntryAction::ActionSet(ActionSet {
                actions: (0..3)
                    .map(|_| SetAction {
                        action: self.call(&table.actions),
                        weight: 1 + self.below(3),
                        watch_port: None,
                    })
                    .collect(),
                at_random: self.below(2) == 0,
                group_action: (self.below(2) == 0).then(|| self.call(&table.actions)),
            }),
        }
    }

    /// Writes random state. What the switch refuses is left out.
    fn fill(&mut self, state: &mut State) {
        let tables = state.tables();
        for table in &tables {
            if let Some(profile) = &table.action_profile {
                for member in 0..4 {
                    let call = self.call(&table.actions);
                    let _ = state.insert_member(profile, member, &call);
                }
                for group in 0..2 {
                    let members = (0..3).map(|_| GroupMember {
                        member: self.below(4),
                        weight: 1 + self.below(3),
                        watch_port: None,
                    });
                    let group_of = Group {
                        members: members.collect(),
                        max_size: 0,
                    };
                    let _ = state.insert_group(profile, group, &group_of);
                }
            }
            for _ in 0..if table.key.is_empty() { 0 } else { 24 } {
                let entry = TableEntry {
                    key: EntryKey {
                        matches: table.key.iter().map(|key| self.key(key)).collect(),
                        priority: if table.has_priority {
                            1 + self.below(100)
                        } else {
                            0
                        },
                    },
                    action: self.action(table),
                };
                let _ = state.insert_entry(&table.name, &entry);
                if table.meter.is_some() && self.below(2) == 0 {
                    let meter = Some(self.meter());
                    let _ = state.set_direct_meter(&table.name, &EntryRef::Key(entry.key), meter);
                }
            }
            if table.action_profile.is_none() && self.below(4) == 0 && !table.actions.is_empty() {
                let call = self.call(&table.actions);
                let _ = state.set_default_action(&table.name, Some(&call));
            }
        }
        for (name, size) in state.meters() {
            for index in 0..size.min(16) {
                let meter = Some(self.meter());
                let _ = state.set_meter(&name, index, meter);
            }
        }
        for set in state.value_sets() {
            let members: Vec<Vec<u8>> = (0..4).map(|_| self.value(8)).collect();
            let _ = state.set_value_set(&set, &members);
        }
        let replicas = |count: u32| -> Vec<Replica> {
            let replica = |instance| Replica {
                port: 2 + instance,
                instance: instance as u16,
            };
            (0..count).map(replica).collect()
        };
        for id in 1..8 {
            let session = CloneSession {
                replicas: replicas(1 + id % 2).into_iter().map(Into::into).collect(),
                packet_length: 40 * (id % 2),
            };
            let _ = state.insert_clone_session(id, &session);
            let _ = state.insert_multicast_group(id as u16, &replicas(id % 3));
        }
    }

    fn meter(&mut self) -> MeterConfig {
        MeterConfig {
            cir: 1,
            cburst: u64::from(self.below(3)),
            pir: 1,
            pburst: u64::from(self.below(200)),
            eburst: u64::from(self.below(3)),
        }
    }
}

/// A switch of one engine.
struct Side {
    switch: Switch,
    events: Events,
}

/// All that a packet can change.
#[derive(Debug, PartialEq)]
struct Traces {
    counters: Vec<CounterValue>,
    registers: Vec<Vec<u8>>,
    drops: String,
    digests: Vec<Digest>,
}

impl Side {
    fn new(engine: Engine, program: &Document, numbers: &[u32]) -> Self {
        let (switch, events) = Switch::new(SwitchConfig {
            cpu_port: Some(510),
            clock: Arc::new(Clock::manual()),
            engine,
            ..SwitchConfig::default()
        });
        switch.load(program).expect("a program that runs");
        switch
            .write(|state| {
                Source::new(numbers).fill(state);
                Ok(())
            })
            .expect("a program is there");
        Self { switch, events }
    }

    fn traces(&mut self) -> Traces {
        let mut digests = Vec::new();
        while let Ok(digest) = self.events.digests.try_recv() {
            digests.push(digest);
        }
        let read = self.switch.read(|state| {
            let mut counters = Vec::new();
            for (name, size) in state.counters() {
                for index in 0..size.min(256) {
                    counters.push(state.counter(&name, index)?);
                }
            }
            for table in state.tables().iter().filter(|table| table.has_counters) {
                counters.push(state.direct_counter(&table.name, &EntryRef::Default)?);
                for entry in state.entries(&table.name)? {
                    counters.push(state.direct_counter(&table.name, &EntryRef::Key(entry.key))?);
                }
            }
            let mut registers = Vec::new();
            for (name, size, _) in state.registers() {
                for index in 0..size.min(256) {
                    registers.push(state.register(&name, index)?);
                }
            }
            Ok((counters, registers, format!("{:?}", state.drops())))
        });
        let (counters, registers, drops) = read.expect("what is there");
        Traces {
            counters,
            registers,
            drops,
            digests,
        }
    }
}

/// Octets that parsers branch on, and others.
fn octet() -> impl Strategy<Value = u8> {
    prop_oneof![
        6 => 0_u8..16,
        3 => proptest::sample::select(vec![0x08, 0x45, 0x46, 0x60, 0x81, 0x86, 0x88, 0x47, 0x48, 0xdd, 17, 47, 137]),
        2 => any::<u8>(),
    ]
}

fn packet() -> impl Strategy<Value = (PortNumber, Vec<u8>)> {
    let port = prop_oneof![8 => 0_u32..8, 1 => Just(510)];
    (port, proptest::collection::vec(octet(), 0..160))
}

/// Ethernet, labels and IP, as mpls.p4 takes them, to stations that random entries may have.
fn frame() -> impl Strategy<Value = (PortNumber, Vec<u8>)> {
    let labels = proptest::collection::vec((0_u32..24, 0_u32..8, 0_u32..4), 0..11);
    let kind = 0_u8..6;
    (
        0_u32..8,
        0_u8..8,
        kind,
        labels,
        proptest::collection::vec(octet(), 0..80),
    )
        .prop_map(|(port, station, kind, labels, rest)| {
            let mut frame = vec![0, 0, 0, 0, 0, station, 2, 0, 0, 0, 0, 2];
            if kind >= 4 {
                frame.extend([0x81, 0, 0, station]);
            }
            match kind % 4 {
                0 => frame.extend([0x08, 0x00]),
                1 => frame.extend([0x86, 0xdd]),
                _ => {
                    frame.extend([0x88, 0x47]);
                    for (index, (label, tc, ttl)) in labels.iter().enumerate() {
                        let bottom = u32::from(index + 1 == labels.len());
                        frame.extend((label << 12 | tc << 9 | bottom << 8 | ttl).to_be_bytes());
                    }
                }
            }
            if kind % 4 == 1 || rest.len() % 3 == 1 {
                frame.extend([0x60, 0, 0, 0, 0, 8, 17, 5]);
                frame.extend([0; 32]);
            } else if kind % 4 == 0 || rest.len() % 3 == 0 {
                frame.extend([
                    0x45, 0, 0, 28, 0, 0, 0, 0, 5, 17, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2,
                ]);
            }
            frame.extend(rest);
            (port, frame)
        })
}

fn compare(program: &Named, numbers: &[u32], packets: &[(PortNumber, Vec<u8>)]) {
    let (name, document) = program;
    let mut interpreter = Side::new(Engine::Interpreter, document, numbers);
    let mut compiled = Side::new(Engine::Compiled, document, numbers);
    for (port, packet) in packets {
        let expected = interpreter.switch.process(*port, packet);
        let found = compiled.switch.process(*port, packet);
        assert_eq!(found, expected, "{name}: port {port}, {packet:02x?}");
    }
    assert_eq!(compiled.traces(), interpreter.traces(), "{name}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn both_engines_do_the_same_with_any_program(
        numbers in proptest::collection::vec(any::<u32>(), 64),
        packets in proptest::collection::vec(prop_oneof![packet(), frame()], 200),
    ) {
        for program in PROGRAMS.iter() {
            compare(program, &numbers, &packets);
        }
    }
}

/// No program of the repository is left to the interpreter.
#[test]
fn every_program_is_compiled() {
    for (name, document) in PROGRAMS.iter() {
        let config = SwitchConfig::default();
        let (switch, _events) = Switch::new(config);
        switch.load(document).expect("a program that runs");
        let engine = switch.read(|state| Ok(state.engine())).expect("a program");
        assert_eq!(engine, Engine::Compiled, "{name}");
    }
}
