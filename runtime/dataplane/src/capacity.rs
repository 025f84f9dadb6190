//! What the switch takes, and what it refuses.

use std::collections::BTreeMap;

use p4runtime_client::Schema;

use crate::{HardwareProfile, Table};

/// How much fits the switch: the smaller of the hardware profile's and the program's figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity {
    sizes: BTreeMap<Table, u32>,
    /// Labels that an NHLFE pushes at the most.
    pub pushed_labels: u8,
    /// How many ILM tables each label goes into.
    pub ilm_tables: u8,
    /// The port of copies for the router itself.
    pub cpu_port: u16,
}

impl Capacity {
    /// The capacity by the profile and, where it is known, the program that the switch runs. A
    /// program that was compiled with another profile may have smaller tables.
    pub fn new(profile: &HardwareProfile, program: Option<&Schema>) -> Self {
        let size = |table: Table| {
            let profile = table.size(&profile.sizes);
            let program = program.filter(|_| table.is_in_program());
            let program = program.and_then(|schema| schema.table(table.name()).ok());
            match program.map(|table| table.size) {
                None | Some(0) => profile,
                Some(size) => profile.min(u32::try_from(size).unwrap_or(u32::MAX)),
            }
        };
        Self {
            sizes: Table::ALL.map(|table| (table, size(table))).into(),
            pushed_labels: profile.depths.pushed_labels,
            ilm_tables: profile.depths.pops,
            cpu_port: profile.ports.cpu,
        }
    }

    /// How many entries a table takes.
    pub fn size(&self, table: Table) -> u32 {
        self.sizes.get(&table).copied().unwrap_or(0)
    }

    /// The same with another size of a table.
    pub fn with_size(mut self, table: Table, size: u32) -> Self {
        self.sizes.insert(table, size);
        self
    }
}

/// Why an entry of the LFIB is not in the switch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A table is full.
    #[error(
        "table {table} is full: the switch takes {size} entries; it is installed when space returns"
    )]
    TableFull {
        /// The table.
        table: Table,
        /// Its size.
        size: u32,
    },
    /// An NHLFE has more labels than the switch pushes.
    #[error("it pushes {labels} labels, but the switch pushes {most} at the most")]
    TooManyLabels {
        /// Labels of the NHLFE.
        labels: usize,
        /// Labels that the switch pushes.
        most: u8,
    },
    /// Some next hops of a label swap and others pop, and what is below the label is not known.
    #[error(
        "some of its next hops swap and others pop the label: say what is below it (payload ipv4 \
         or ipv6)"
    )]
    PayloadNeeded,
    /// A point-to-multipoint LSP or a pseudowire without a label.
    #[error("{0} without a label")]
    LabelNeeded(&'static str),
    /// A copy for this router that no label says what to do with.
    #[error("a local branch is looked up by the label of the packet, and here is none")]
    LocalBranch,
    /// The port and VLAN are a router interface.
    #[error("its port and VLAN are those of a router interface")]
    InterfaceInUse,
    /// An action that the program does not have for FECs of this kind.
    #[error("the P4 program has no action \"{0}\" for FECs of this kind")]
    UnsupportedAction(String),
    /// A FEC of a kind that the program has no table for.
    #[error("the P4 program has no table for FECs of this kind")]
    UnsupportedFec,
    /// The ids that the program has for something are all in use.
    #[error("all {most} ids of {what} are in use; it is installed when one is free")]
    NoId {
        /// What the ids are of.
        what: &'static str,
        /// How many there are.
        most: u32,
    },
    /// The switch refused it, or something that it needs.
    #[error("{entry}: {reason}")]
    Switch {
        /// The entry of the switch's table that was refused.
        entry: String,
        /// What the switch says.
        reason: String,
    },
}
