//! What the switch takes, and what it refuses.

use p4runtime_client::Schema;

use crate::HardwareProfile;

/// How much fits the switch: the smaller of the hardware profile's and the program's figures.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are those of the profile's sizes and depths.
pub struct Capacity {
    pub interface: u32,
    pub station_mac: u32,
    pub control_packet: u32,
    pub ilm: u32,
    pub ftn_ipv4: u32,
    pub ftn_ipv6: u32,
    pub nhlfe: u32,
    pub path_group: u32,
    pub path_group_members: u32,
    pub path_group_max_members: u32,
    pub pushed_labels: u8,
    /// How many ILM tables each label goes into.
    pub ilm_tables: u8,
}

impl Capacity {
    /// The capacity by the profile and, where it is known, the program that the switch runs. A
    /// program that was compiled with another profile may have smaller tables.
    pub fn new(profile: &HardwareProfile, program: Option<&Schema>) -> Self {
        let size = |table: &str, profile: u32| {
            let table = program.and_then(|schema| schema.table(table).ok());
            match table.map(|table| table.size) {
                None | Some(0) => profile,
                Some(size) => profile.min(u32::try_from(size).unwrap_or(u32::MAX)),
            }
        };
        let selector = program
            .and_then(|schema| schema.table("path_group").ok())
            .and_then(|table| table.implementation.clone());
        let limit = |profile: u32, program: Option<u64>| match program {
            None | Some(0) => profile,
            Some(program) => profile.min(u32::try_from(program).unwrap_or(u32::MAX)),
        };
        let sizes = &profile.sizes;
        Self {
            interface: size("port_config", sizes.interface),
            station_mac: size("station_mac", sizes.station_mac),
            control_packet: size("control_packet", sizes.control_packet),
            ilm: size("ilm", sizes.ilm),
            ftn_ipv4: size("ftn_ipv4", sizes.ftn_ipv4),
            ftn_ipv6: size("ftn_ipv6", sizes.ftn_ipv6),
            nhlfe: size("nhlfe", sizes.nhlfe),
            path_group: size("path_group", sizes.path_group),
            path_group_members: limit(
                sizes.path_bucket,
                selector.as_ref().map(|selector| selector.size),
            ),
            path_group_max_members: limit(
                128,
                selector
                    .as_ref()
                    .map(|selector| selector.max_group_size.into()),
            ),
            pushed_labels: profile.depths.pushed_labels,
            ilm_tables: profile.depths.pops,
        }
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
        table: &'static str,
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
    /// A path group has more members than the switch takes.
    #[error("its next hops' weights add up to {weights}, but the switch takes {most} a group")]
    TooManyMembers {
        /// Sum of the weights.
        weights: u32,
        /// What the switch takes.
        most: u32,
    },
    /// Some next hops of a label swap and others pop, and what is below the label is not known.
    #[error(
        "some of its next hops swap and others pop the label: say what is below it (payload ipv4 \
         or ipv6)"
    )]
    PayloadNeeded,
    /// A FEC of a kind that the program has no table for.
    #[error("the P4 program has no table for FECs of this kind")]
    UnsupportedFec,
    /// An action that the program does not have.
    #[error("the P4 program has no such action")]
    UnsupportedAction,
    /// The switch refused it, or something that it needs.
    #[error("{entry}: {reason}")]
    Switch {
        /// The entry of the switch's table that was refused.
        entry: String,
        /// What the switch says.
        reason: String,
    },
}
