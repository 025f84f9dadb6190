//! The Simple Test Framework (STF) of p4c: what a switch is told, packets for it, and the packets
//! that must come out, one statement a line (p4c's `tools/stf` and `backends/bmv2/bmv2stf.py`).

mod expect;
mod parse;
mod run;

pub(crate) use run::run;

/// Why a program did not do what its STF file says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A line is no statement of STF.
    #[error("line {line} of the STF file: {reason}")]
    Syntax {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The switch does not load the program.
    #[error("p4-switch does not load it: {0}")]
    Load(#[from] p4_switch::LoadError),
    /// The switch does not do what a statement tells it.
    #[error("line {line} of the STF file: {reason}")]
    Refused {
        /// The line of the statement, from 1.
        line: usize,
        /// What the switch says.
        reason: String,
    },
    /// Other packets came out than expected.
    #[error("port {port}: {reason}")]
    Packets {
        /// Where.
        port: u32,
        /// What is different.
        reason: String,
    },
}
