//! p4/mpls.p4 on a switch, with its tables full.

use std::path::PathBuf;

use bmv2_json::Document;
use p4_compiler::{Define, Options, Source};
use p4_switch::control::{
    ActionCall, ControlError, EntryAction, EntryKey, KeyMatch, TableEntry, TableInfo,
};
use p4_switch::{Engine, State, Switch, SwitchConfig};

use crate::frame::ROUTER;

/// Labels that are bound, from 16 on, unless a benchmark is about how many they are.
pub(crate) const ILM: u32 = 10_000;
/// Prefixes that are bound.
pub(crate) const FTN: u32 = 100_000;
/// Path groups of one NHLFE each.
pub(crate) const GROUPS: u32 = 1_000;
/// The ports in use: 1 to this.
pub(crate) const PORTS: u32 = 8;

const NEXT_HOP: u64 = 0x0200_0000_0002;

/// What the path groups do: those of each kind are a part of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// One label: 600 of the groups.
    OneLabel,
    /// Four labels: 200 of the groups.
    FourLabels,
    /// None: 200 of the groups.
    Unlabelled,
}

impl Next {
    fn of(group: u32) -> Self {
        match group % 5 {
            0..3 => Self::OneLabel,
            3 => Self::FourLabels,
            _ => Self::Unlabelled,
        }
    }
}

/// What a label leads to.
pub(crate) fn next_of_label(label: u32) -> Next {
    Next::of(label - 16)
}

/// The prefix of an FTN entry and its length: nine in ten /24, as in a full table about the most are, the
/// others shorter or longer.
pub(crate) fn prefix(index: u32) -> (u32, u32) {
    let length = match index % 20 {
        0 => 20 + index / 20 % 4,
        1 => 25 + index / 20 % 8,
        _ => 24,
    };
    // Neighbours in the table are none in the address space.
    let network = index.wrapping_mul(2_654_435_761) & 0x00ff_ffff;
    // 11.0.0.0/8 to 74.0.0.0/8: no address that the program treats apart.
    let place = (11 + (index & 63)) << 24 | network & 0x00ff_ff00;
    let mask = u32::MAX << (32 - length);
    (place & mask, length)
}

/// What a prefix leads to.
pub(crate) fn next_of_prefix(index: u32) -> Next {
    Next::of(index)
}

/// Writes entries as runtime/dataplane does, but without P4Runtime in between.
struct Writer<'a> {
    state: &'a mut State,
    tables: Vec<TableInfo>,
    /// Labels that are bound.
    labels: u32,
}

impl Writer<'_> {
    fn add(
        &mut self,
        table: &str,
        matches: Vec<KeyMatch>,
        action: &str,
        arguments: &[(&str, u64)],
    ) -> Result<(), ControlError> {
        let suffix = format!(".{table}");
        let info = self.tables.iter().find(|info| info.name.ends_with(&suffix));
        let info = info.unwrap_or_else(|| panic!("mpls.p4 has a table {table}"));
        let suffix = format!(".{action}");
        let action = info
            .actions
            .iter()
            .find(|info| info.name.ends_with(&suffix));
        let action = action.unwrap_or_else(|| panic!("{table} has an action {suffix}"));
        let value = |name: &str| {
            let argument = arguments.iter().find(|argument| argument.0 == name);
            argument.map_or(0, |argument| argument.1)
        };
        let values = action
            .parameters
            .iter()
            .map(|parameter| value(&parameter.name).to_be_bytes().to_vec())
            .collect();
        let entry = TableEntry {
            key: EntryKey {
                matches,
                priority: 0,
            },
            action: EntryAction::Action(ActionCall::new(&*action.name, values)),
        };
        let name = info.name.clone();
        match self.state.insert_entry(&name, &entry) {
            // Short prefixes of several numbers can be the same.
            Err(ControlError::AlreadyExists { .. }) if table == "ftn_ipv4" => Ok(()),
            other => other,
        }
    }

    fn fill(&mut self) -> Result<(), ControlError> {
        for port in 1..=PORTS {
            let interface = [("mpls_enabled", 1), ("vrf", 0), ("label_space", 0)];
            let key = vec![exact(port), exact(0_u32)];
            self.add("interface", key, "set_interface", &interface)?;
            let key = vec![exact(port), KeyMatch::Exact(ROUTER.to_vec())];
            self.add("station_mac", key, "admit", &[])?;
        }
        for index in 0..GROUPS {
            let (group, nhlfe) = (index + 1, index + 1);
            let shift = [("hash_shift", 7)];
            self.add("path_group", vec![exact(group)], "set_path_group", &shift)?;
            let bucket = [
                ("nhlfe", nhlfe.into()),
                ("port", u64::from(1 + index % PORTS)),
                ("max_length", 1500),
            ];
            let key = vec![exact(group), exact(0_u32), exact(0_u32)];
            self.add("path_bucket", key, "set_nhlfe", &bucket)?;
            let action = match Next::of(index) {
                Next::OneLabel => "push_1",
                Next::FourLabels => "push_4",
                Next::Unlabelled => "forward_unlabelled",
            };
            let label = u64::from(100_000 + index);
            let arguments = [
                ("src_mac", u64::from_be_bytes(padded(ROUTER))),
                ("dst_mac", NEXT_HOP),
                ("label_1", label),
                ("label_2", label + 1_000),
                ("label_3", label + 2_000),
                ("label_4", label + 3_000),
            ];
            self.add("nhlfe", vec![exact(nhlfe)], action, &arguments)?;
        }
        for index in 0..self.labels {
            let action = match next_of_label(16 + index) {
                Next::Unlabelled => "pop_and_forward",
                Next::OneLabel | Next::FourLabels => "swap",
            };
            let group = [
                ("path_group", u64::from(1 + index % GROUPS)),
                ("payload", 1),
            ];
            for table in ["ilm", "ilm_second", "ilm_third"] {
                // One label is swapped where there are that many.
                if index < ILM || table == "ilm" {
                    let key = vec![exact(0_u32), exact(16 + index)];
                    self.add(table, key, action, &group)?;
                }
            }
        }
        for index in 0..FTN {
            let (value, prefix_length) = prefix(index);
            let value = value.to_be_bytes().to_vec();
            let key = vec![
                exact(0_u32),
                KeyMatch::Lpm {
                    value,
                    prefix_length,
                },
            ];
            let group = [("path_group", u64::from(1 + index % GROUPS))];
            self.add("ftn_ipv4", key, "forward_fec", &group)?;
        }
        Ok(())
    }
}

fn exact(value: u32) -> KeyMatch {
    KeyMatch::Exact(value.to_be_bytes().to_vec())
}

fn padded(mac: [u8; 6]) -> [u8; 8] {
    let [a, b, c, d, e, f] = mac;
    [0, 0, a, b, c, d, e, f]
}

/// p4/mpls.p4 with tables of these sizes and ILMs of so many labels, compiled.
pub(crate) fn program(labels: u32) -> Document {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../p4/mpls.p4"));
    let sizes = [
        format!("ILM_SIZE={labels}"),
        format!("FTN_IPV4_SIZE={FTN}"),
        format!("PATH_GROUP_SIZE={GROUPS}"),
    ];
    let options = Options {
        defines: sizes.map(Define::Define).to_vec(),
        ..Options::default()
    };
    let compiled = p4_compiler::compile(&Source::File(path), &options)
        .unwrap_or_else(|reports| panic!("mpls.p4 does not compile: {reports:?}"));
    Document::from_json(compiled.bmv2.to_json().as_bytes()).expect("what the compiler wrote")
}

/// A switch with the program and its entries, of them so many labels.
pub(crate) fn switch(labels: u32, engine: Engine) -> Switch {
    let config = SwitchConfig {
        cpu_port: Some(510),
        engine,
        ..SwitchConfig::default()
    };
    let (switch, _events) = Switch::new(config);
    switch.load(&program(labels)).expect("mpls.p4 runs");
    switch
        .write(|state| {
            let tables = state.tables();
            Writer {
                state,
                tables,
                labels,
            }
            .fill()
        })
        .expect("the entries fit");
    switch
}
