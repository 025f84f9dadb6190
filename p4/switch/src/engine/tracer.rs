//! Where a trace of a packet hooks into the engine.

use super::Machine;
use crate::control::PortNumber;
use crate::program::{Checksum, Conditional, ParseState, Program, Table};
use crate::state::{CallRef, TableState};

/// What an engine is told to write down. Calls stand behind `if T::ON`, so that packets that are
/// not traced pay nothing.
pub(crate) trait Tracer: Sized {
    /// Whether anything is written down.
    const ON: bool;

    /// The machine as compiled code takes it, which writes nothing down.
    fn untraced<'m, 'a>(
        _machine: &'m mut Machine<'a, Self>,
    ) -> Option<&'m mut Machine<'a, NoTrace>> {
        None
    }

    fn pass(&mut self, _kind: PassKind, _program: &Program, _words: &[u64], _length: usize) {}
    fn state(&mut self, _state: &ParseState) {}
    fn extracted(&mut self, _program: &Program, _words: &[u64], _header: u32) {}
    fn parsed(&mut self, _program: &Program, _error: u32, _bytes: usize) {}
    fn checksum(&mut self, _checksum: &Checksum, _computed: u64, _found: Option<u64>) {}
    fn pipeline(&mut self, _name: &'static str) {}
    fn pipeline_done(&mut self, _name: &'static str, _packet: &[u8]) {}
    fn condition(&mut self, _conditional: &Conditional, _holds: bool) {}
    fn table(&mut self, _lookup: TableLookup<'_>) {}
    fn action(&mut self, _program: &Program, _call: CallRef<'_>) {}
    fn operation(&mut self, _text: &dyn Fn() -> String) {}
    fn note(&mut self, _text: &dyn Fn() -> String) {}
    fn dropped(&mut self, _reason: &'static str) {}
    fn sent(&mut self, _port: PortNumber, _bytes: &[u8]) {}
}

/// What a lookup in a table came to.
pub(crate) struct TableLookup<'a> {
    pub(crate) table: &'a Table,
    pub(crate) state: &'a TableState,
    pub(crate) key: &'a [u64],
    pub(crate) entry: Option<&'a crate::state::Entry>,
    /// The member, group or hash that was selected.
    pub(crate) selection: Option<String>,
}

/// Why a packet goes through a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PassKind {
    /// A new packet, or one that was resubmitted or recirculated.
    Ingress,
    /// On its way to a port.
    Egress(PortNumber),
}

/// Nothing is written down.
#[derive(Debug)]
pub(crate) struct NoTrace;

impl Tracer for NoTrace {
    const ON: bool = false;

    fn untraced<'m, 'a>(machine: &'m mut Machine<'a, Self>) -> Option<&'m mut Machine<'a, Self>> {
        Some(machine)
    }
}
