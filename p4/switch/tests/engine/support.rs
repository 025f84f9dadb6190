//! A switch with one of the programs of `programs/`.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bmv2_json::Document;
use p4_switch::control::{
    ActionCall, ControlError, EntryAction, EntryKey, KeyMatch, PortNumber, TableEntry,
};
use p4_switch::{Clock, Events, State, Switch, SwitchConfig};

/// The programs, as p4c compiled them.
pub(crate) const TABLES: &str = include_str!("programs/tables.json");
pub(crate) const HEADERS: &str = include_str!("programs/headers.json");
pub(crate) const COPIES: &str = include_str!("programs/copies.json");
pub(crate) const NUMBERS: &str = include_str!("programs/numbers.json");

/// The CPU port of the tests.
pub(crate) const CPU: PortNumber = 510;

/// A switch whose clock stands still.
pub(crate) struct Bench {
    pub(crate) switch: Switch,
    pub(crate) events: Events,
    clock: Arc<Clock>,
}

impl Bench {
    pub(crate) fn new(program: &str) -> Self {
        Self::with_threads(program, NonZeroUsize::MIN)
    }

    /// As `new`, with so many threads for the ports.
    pub(crate) fn with_threads(program: &str, threads: NonZeroUsize) -> Self {
        let clock = Arc::new(Clock::manual());
        let (switch, events) = Switch::new(SwitchConfig {
            cpu_port: Some(CPU),
            clock: clock.clone(),
            threads,
            ..SwitchConfig::default()
        });
        switch.load(&document(program)).unwrap();
        Self {
            switch,
            events,
            clock,
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Sends a packet, and gives what comes out.
    pub(crate) fn process(&self, packet: &[u8]) -> Vec<(PortNumber, Vec<u8>)> {
        self.switch.process(1, packet)
    }

    pub(crate) fn write<T>(
        &self,
        f: impl FnOnce(&mut State) -> Result<T, ControlError>,
    ) -> Result<T, ControlError> {
        self.switch.write(f)
    }

    pub(crate) fn read<T>(&self, f: impl FnOnce(&State) -> Result<T, ControlError>) -> T {
        self.switch.read(f).unwrap()
    }

    pub(crate) fn insert(
        &self,
        table: &str,
        matches: Vec<KeyMatch>,
        priority: u32,
        action: EntryAction,
    ) -> Result<(), ControlError> {
        let entry = TableEntry {
            key: EntryKey { matches, priority },
            action,
        };
        self.write(|state| state.insert_entry(&format!("TestIngress.{table}"), &entry))
    }
}

pub(crate) fn document(program: &str) -> Document {
    Document::from_json(program.as_bytes()).unwrap()
}

pub(crate) fn exact(value: u64) -> KeyMatch {
    KeyMatch::Exact(value.to_be_bytes().to_vec())
}

pub(crate) fn ternary(value: u64, mask: u64) -> KeyMatch {
    KeyMatch::Ternary {
        value: value.to_be_bytes().to_vec(),
        mask: mask.to_be_bytes().to_vec(),
    }
}

pub(crate) fn range(low: u64, high: u64) -> KeyMatch {
    KeyMatch::Range {
        low: low.to_be_bytes().to_vec(),
        high: high.to_be_bytes().to_vec(),
    }
}

pub(crate) fn prefix(value: &[u8], prefix_length: u32) -> KeyMatch {
    KeyMatch::Lpm {
        value: value.to_vec(),
        prefix_length,
    }
}

pub(crate) fn call(name: &str, arguments: &[u64]) -> ActionCall {
    let arguments = arguments
        .iter()
        .map(|argument| argument.to_be_bytes().to_vec())
        .collect();
    let name = if name == "NoAction" {
        name.to_owned()
    } else {
        format!("TestIngress.{name}")
    };
    ActionCall::new(name, arguments)
}

/// The action that writes a number to the packet.
pub(crate) fn answer(value: u64) -> EntryAction {
    EntryAction::Action(call("answer", &[value]))
}

/// A packet of `tables.p4`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) test: u8,
    pub(crate) small: u8,
    pub(crate) medium: u16,
    pub(crate) address: u32,
    pub(crate) wide: u128,
    pub(crate) entropy: u32,
}

impl Request {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.test, self.small];
        bytes.extend(self.medium.to_be_bytes());
        bytes.extend(self.address.to_be_bytes());
        bytes.extend(self.wide.to_be_bytes());
        bytes.extend(self.entropy.to_be_bytes());
        bytes.extend([0; 4]);
        bytes
    }

    /// The result that the program wrote; `None` if it dropped the packet.
    pub(crate) fn ask(&self, bench: &Bench) -> Option<u32> {
        let out = bench.process(&self.bytes());
        let (port, packet) = out.first()?;
        assert_eq!((out.len(), *port, packet.len()), (1, 2, 32));
        Some(u32::from_be_bytes(packet[28..].try_into().unwrap()))
    }
}

/// Pairs of packets from a file of `vectors/`.
pub(crate) fn vectors(text: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    text.lines()
        .map(|line| {
            let (input, output) = line.split_once(' ').unwrap();
            (unhex(input), unhex(output))
        })
        .collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}
