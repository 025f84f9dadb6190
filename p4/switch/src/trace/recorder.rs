//! Writes down what the engine does.

use super::value::{hex, show, show_field};
use super::{NamedValue, Trace, TraceEvent};
use crate::control::{EntryKey, KeyMatch, PortNumber};
use crate::engine::{PassKind, TableLookup, Tracer};
use crate::number::{bytes_to_words, words_for};
use crate::program::{Checksum, Conditional, KeyElement, ParseState, Program};
use crate::state::CallRef;

/// A trace in the making.
#[derive(Debug)]
pub(crate) struct Recorder {
    trace: Trace,
}

impl Recorder {
    pub(crate) fn new(port: PortNumber, packet: &[u8]) -> Self {
        Self {
            trace: Trace {
                port,
                packet: hex(packet),
                events: Vec::new(),
            },
        }
    }

    pub(crate) fn finish(self) -> Trace {
        self.trace
    }

    fn push(&mut self, event: TraceEvent) {
        self.trace.events.push(event);
    }
}

impl Tracer for Recorder {
    const ON: bool = true;

    fn pass(&mut self, kind: PassKind, program: &Program, words: &[u64], length: usize) {
        let instance_type = words[program.standard.instance_type.word as usize];
        let reason = match (kind, instance_type) {
            (PassKind::Ingress, 4) => "recirculated",
            (PassKind::Ingress, 6) => "resubmitted",
            (PassKind::Ingress, _) => "received",
            (PassKind::Egress(_), 1) => "ingress clone",
            (PassKind::Egress(_), 2) => "egress clone",
            (PassKind::Egress(_), 5) => "replica",
            (PassKind::Egress(_), _) => "unicast",
        };
        let reason = reason.to_owned();
        self.push(match kind {
            PassKind::Ingress => TraceEvent::Ingress { reason, length },
            PassKind::Egress(port) => TraceEvent::Egress { port, reason },
        });
    }

    fn state(&mut self, state: &ParseState) {
        self.push(TraceEvent::State {
            name: state.name.clone(),
        });
    }

    fn extracted(&mut self, program: &Program, words: &[u64], header: u32) {
        let layout = &program.layout.headers[header as usize];
        let fields = layout
            .fields
            .iter()
            .map(|item| NamedValue {
                name: item.name.clone(),
                value: show_field(&program.layout, words, &item.field),
            })
            .collect();
        self.push(TraceEvent::Extracted {
            header: layout.name.clone(),
            fields,
        });
    }

    fn parsed(&mut self, program: &Program, error: u32, bytes: usize) {
        let errors = &program.parser.errors;
        let error = (error != errors.no_error).then(|| {
            errors
                .names
                .iter()
                .find(|(value, _)| *value == error)
                .map_or_else(|| format!("error {error}"), |(_, name)| name.clone())
        });
        self.push(TraceEvent::Parsed { error, bytes });
    }

    fn checksum(&mut self, checksum: &Checksum, computed: u64, found: Option<u64>) {
        self.push(TraceEvent::Checksum {
            name: checksum.name.clone(),
            computed: format!("0x{computed:04x}"),
            found: found.map(|found| format!("0x{found:04x}")),
        });
    }

    fn pipeline(&mut self, name: &'static str) {
        self.push(TraceEvent::Pipeline {
            name: name.to_owned(),
        });
    }

    fn pipeline_done(&mut self, name: &'static str, packet: &[u8]) {
        self.push(TraceEvent::PipelineDone {
            name: name.to_owned(),
            packet: hex(packet),
        });
    }

    fn condition(&mut self, conditional: &Conditional, holds: bool) {
        self.push(TraceEvent::Condition {
            name: conditional.name.clone(),
            source: conditional.source.clone(),
            holds,
        });
    }

    fn table(&mut self, lookup: TableLookup<'_>) {
        let table = lookup.table;
        let key = if lookup.key.is_empty() {
            Vec::new()
        } else {
            table
                .key
                .iter()
                .map(|element| NamedValue {
                    name: element.name.clone(),
                    value: show(&element.name, &element.unpack(lookup.key), element.width),
                })
                .collect()
        };
        let hit = lookup.entry.map(|entry| {
            let key = lookup.state.key_of(table, entry);
            show_key(&table.key, &key)
        });
        self.push(TraceEvent::Table {
            name: table.name.to_string(),
            key,
            hit,
            selection: lookup.selection,
        });
    }

    fn action(&mut self, program: &Program, call: CallRef<'_>) {
        let action = &program.actions[call.action as usize];
        let arguments = action
            .parameters
            .iter()
            .map(|parameter| {
                let words = parameter.value(call.arguments);
                NamedValue {
                    name: parameter.name.clone(),
                    value: show(&parameter.name, &words, parameter.width),
                }
            })
            .collect();
        self.push(TraceEvent::Action {
            name: action.name.to_string(),
            arguments,
        });
    }

    fn operation(&mut self, text: &dyn Fn() -> String) {
        let text = text();
        if !text.is_empty() {
            self.push(TraceEvent::Operation { text });
        }
    }

    fn note(&mut self, text: &dyn Fn() -> String) {
        self.push(TraceEvent::Note { text: text() });
    }

    fn dropped(&mut self, reason: &'static str) {
        self.push(TraceEvent::Dropped {
            reason: reason.to_owned(),
        });
    }

    fn sent(&mut self, port: PortNumber, bytes: &[u8]) {
        self.push(TraceEvent::Sent {
            port,
            packet: hex(bytes),
        });
    }
}

/// The key of an entry.
fn show_key(elements: &[KeyElement], key: &EntryKey) -> String {
    let mut parts: Vec<String> = elements
        .iter()
        .zip(&key.matches)
        .map(|(element, given)| {
            let value = |bytes: &[u8]| {
                let mut words = vec![0; words_for(element.width)];
                bytes_to_words(bytes, &mut words);
                show(&element.name, &words, element.width)
            };
            match given {
                KeyMatch::Exact(bytes) => value(bytes),
                KeyMatch::Lpm {
                    value: bytes,
                    prefix_length,
                } => format!("{}/{prefix_length}", value(bytes)),
                KeyMatch::Ternary { value: bytes, mask } => {
                    if mask.iter().map(|byte| byte.count_ones()).sum::<u32>() == element.width {
                        value(bytes)
                    } else {
                        format!("{} &&& 0x{}", value(bytes), hex(mask))
                    }
                }
                KeyMatch::Range { low, high } => format!("{} .. {}", value(low), value(high)),
                KeyMatch::Valid(valid) => valid.to_string(),
                KeyMatch::Any => "_".to_owned(),
            }
        })
        .collect();
    if key.priority > 0 {
        parts.push(format!("priority {}", key.priority));
    }
    parts.join(", ")
}
