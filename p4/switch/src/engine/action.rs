//! Actions.

use std::sync::atomic::Ordering;

use rand::RngExt;

use super::evaluate::assign;
use super::{MAX_STEPS, Machine, Tracer};
use crate::number::{low_mask, words_for};
use crate::program::{Action, Field, FieldTarget, HeaderRef, Op, OpAt};
use crate::state::{CallRef, bump};

impl<'a, T: Tracer> Machine<'a, T> {
    /// Runs an action.
    pub(super) fn run(&mut self, call: CallRef<'_>) {
        let program = self.program;
        let action = &program.actions[call.action as usize];
        if T::ON {
            self.tracer.action(program, call);
        }
        self.run_ops(&action.ops, call.arguments, Some(action));
    }

    /// Runs one operation outside of an action: in the parser or deparser.
    pub(super) fn run_one(&mut self, op: &OpAt) {
        self.run_ops(std::slice::from_ref(op), &[], None);
    }

    pub(crate) fn run_ops(&mut self, ops: &[OpAt], arguments: &[u64], action: Option<&Action>) {
        let mut next = 0;
        let mut steps = 0;
        while let Some(op) = ops.get(next) {
            next += 1;
            if action.is_some_and(|action| action.loops) {
                steps += 1;
                if steps > MAX_STEPS {
                    bump(&self.state.drops.step_limit);
                    self.pass.abort = true;
                    return;
                }
            }
            match &op.op {
                Op::Jump(to) => next = *to as usize,
                Op::JumpIfZero { value, to } => {
                    if self.scope(arguments).is_zero(value) {
                        next = *to as usize;
                    }
                }
                Op::JumpUnless { condition, to } => {
                    if !self.scope(arguments).holds(condition) {
                        next = *to as usize;
                    }
                }
                _ => self.execute(op, arguments),
            }
            if T::ON {
                self.trace_op(op, arguments);
            }
            if self.pass.abort {
                return;
            }
        }
    }

    /// Runs an operation that is no jump.
    #[inline]
    pub(crate) fn execute(&mut self, op: &OpAt, arguments: &[u64]) {
        let words = &mut self.worker.words;
        match &op.op {
            Op::SetWord { to, value } => words[*to as usize] = *value,
            Op::CopyWord { to, from, mask } => {
                words[*to as usize] = words[*from as usize] & mask;
            }
            Op::CopyParameter {
                to,
                word,
                shift,
                mask,
            } => words[*to as usize] = arguments[*word as usize] >> shift & mask,
            Op::AddWord {
                to,
                from,
                addend,
                mask,
            } => words[*to as usize] = words[*from as usize].wrapping_add(*addend) & mask,
            Op::CopyField { to, from } => {
                words.copy_within(from.range(), to.range().start);
            }
            Op::Assign { to, value } => {
                if let Some(to) = self.target(to, arguments) {
                    let layout = &self.program.layout;
                    let registers = &self.state.registers;
                    assign(
                        layout,
                        &mut self.worker.words,
                        arguments,
                        registers,
                        &to,
                        value,
                    );
                }
            }
            Op::AssignVariable { to, from } => {
                // The word before the value holds the length.
                let from = from.range();
                let to = to.range();
                words.copy_within(from.start - 1..from.end, to.start - 1);
            }
            Op::AssignHeader { to, from } => {
                if let (Some(to), Some(from)) =
                    (self.header(to, arguments), self.header(from, arguments))
                {
                    self.copy_header(to, from);
                }
            }
            Op::AssignStack { to, from } => self.copy_stack(*to, *from),
            Op::AssignUnion { to, from } => self.copy_union(*to, *from),
            Op::AssignUnionStack { to, from } => self.copy_union_stack(*to, *from),
            Op::AddHeader(header) => {
                if let Some(header) = self.header(header, arguments) {
                    self.add_header(header);
                }
            }
            Op::AddHeaderFast(header) => {
                if let Some(header) = self.header(header, arguments) {
                    self.mark_valid(header);
                }
            }
            Op::RemoveHeader(header) => {
                if let Some(header) = self.header(header, arguments) {
                    self.remove_header(header);
                }
            }
            Op::Push { stack, count } => {
                let count = self.scope(arguments).to_u64(count);
                self.push(*stack, count);
            }
            Op::Pop { stack, count } => {
                let count = self.scope(arguments).to_u64(count);
                self.pop(*stack, count);
            }
            Op::PushUnion { stack, count } => {
                let count = self.scope(arguments).to_u64(count);
                self.shift_unions(*stack, count, true);
            }
            Op::PopUnion { stack, count } => {
                let count = self.scope(arguments).to_u64(count);
                self.shift_unions(*stack, count, false);
            }
            Op::MarkToDrop {
                egress_spec,
                multicast_group,
            } => {
                self.set(egress_spec, u64::from(self.drop_port));
                if let Some(group) = multicast_group {
                    self.set(group, 0);
                }
            }
            _ => self.execute_extern(op, arguments),
        }
    }

    /// The operations that are more than a change of the PHV.
    fn execute_extern(&mut self, op: &OpAt, arguments: &[u64]) {
        let state = self.state;
        let scope = self.scope(arguments);
        match &op.op {
            // An index out of bounds does nothing, as in BMv2.
            Op::Count { array, index } => {
                let index = scope.to_u64(index);
                if let Some(counter) = at(&state.counters[*array as usize], index) {
                    counter.count(self.pass.ingress_length as u64, state.alone);
                }
            }
            Op::ExecuteMeter { array, index, to } => {
                let index = scope.to_u64(index);
                if let Some(meter) = at(&state.meters[*array as usize], index) {
                    let bytes = self.pass.ingress_length as u64;
                    let by_bytes = self.program.meters[*array as usize].bytes;
                    let cost = if by_bytes { bytes } else { 1 };
                    let colour = meter.execute(self.clock.microseconds(), cost, bytes);
                    self.write(to, colour);
                }
            }
            Op::RegisterRead { to, array, index } => {
                let index = scope.to_u64(index);
                let target = &mut self.worker.words[to.range()];
                state.registers[*array as usize].with(index, |words| {
                    for (i, word) in target.iter_mut().enumerate() {
                        *word = words.get(i).copied().unwrap_or(0);
                    }
                    crate::number::cut(target, to.width);
                });
            }
            Op::RegisterWrite {
                array,
                index,
                value,
            } => {
                let array = *array as usize;
                let index = scope.to_u64(index);
                let mut words = [0; 8];
                let count = words_for(self.program.registers[array].width);
                if count <= words.len() {
                    scope.to_words(value, &mut words[..count]);
                    state.registers[array].write(index, |to| to.copy_from_slice(&words[..count]));
                } else {
                    let mut words = vec![0; count];
                    scope.to_words(value, &mut words);
                    state.registers[array].write(index, |to| to.copy_from_slice(&words));
                }
            }
            Op::Hash {
                to,
                base,
                calculation,
                size,
            } => {
                let base = scope.to_u64(base);
                // BMv2 takes 0 for 1.
                let size = scope.to_u64(size).max(1);
                let to = self.target(to, arguments);
                let hash = self.calculate(*calculation);
                if let Some(to) = to {
                    self.write(&to, (hash % size).wrapping_add(base));
                }
            }
            Op::Random { to, low, high } => {
                let (low, high) = (scope.to_u64(low), scope.to_u64(high));
                // BMv2 writes nothing if the limits are the wrong way round.
                if let Some(to) = self.target(to, arguments)
                    && low <= high
                {
                    let value = self.worker.random.random_range(low..=high);
                    self.write(&to, value);
                }
            }
            Op::Digest { list } => self.pass.digest = scope.to_u64(list),
            Op::Clone { session, list } => {
                self.pass.clone = (scope.to_u64(session), scope.to_u64(list));
                self.pass.cloned = true;
            }
            Op::Resubmit { list } => self.pass.resubmit = scope.to_u64(list),
            Op::Recirculate { list } => self.pass.recirculate = scope.to_u64(list),
            Op::Truncate { length } => {
                let length = usize::try_from(scope.to_u64(length)).unwrap_or(usize::MAX);
                let old = self.pass.truncate.unwrap_or(usize::MAX);
                self.pass.truncate = Some(old.min(length));
            }
            Op::Exit => self.pass.exit = true,
            Op::Assert { condition, assume } if scope.is_zero(condition) => {
                self.failed_assertion(op, *assume);
            }
            Op::LogMessage {
                format,
                arguments: values,
            } => {
                let values: Vec<String> =
                    values.iter().map(|value| scope.to_decimal(value)).collect();
                let message = fill_in(format, &values);
                tracing::info!(target: "p4_switch::log_msg", "{message}");
                if T::ON {
                    self.tracer.note(&|| format!("log_msg: {message}"));
                }
            }
            // Jumps were done by the caller, a lookahead is done by the parser, and the others in
            // `execute`.
            _ => {}
        }
    }

    /// simple_switch aborts the process; here the packet is dropped.
    #[cold]
    fn failed_assertion(&mut self, op: &OpAt, assume: bool) {
        let what = if assume { "assume" } else { "assert" };
        let place = match &op.source {
            Some(source) => format!(
                "{} in {}, line {}",
                source.source_fragment, source.filename, source.line
            ),
            None => what.to_owned(),
        };
        let before = self
            .state
            .drops
            .failed_assertions
            .fetch_add(1, Ordering::Relaxed);
        if before == 0 {
            tracing::warn!(
                "{place}: the {what} failed, the packet is dropped; further ones are only counted"
            );
        }
        self.pass.abort = true;
    }

    pub(super) fn header(&self, header: &HeaderRef, arguments: &[u64]) -> Option<u32> {
        match header {
            HeaderRef::Fixed(header) => Some(*header),
            header => self.scope(arguments).header(header),
        }
    }

    fn target(&self, target: &FieldTarget, arguments: &[u64]) -> Option<Field> {
        match target {
            FieldTarget::Fixed(field) => Some(*field),
            FieldTarget::Access { header, field } => {
                let header = self.header(header, arguments)?;
                let layout = &self.program.layout.headers[header as usize];
                Some(layout.fields[*field as usize].field)
            }
        }
    }

    /// Writes a number of 64 bits to a field of any width.
    fn write(&mut self, to: &Field, value: u64) {
        let target = &mut self.worker.words[to.range()];
        target.fill(0);
        if let Some(word) = target.first_mut() {
            *word = value & low_mask(to.width);
        }
    }

    #[cold]
    fn trace_op(&mut self, op: &OpAt, arguments: &[u64]) {
        let (program, state) = (self.program, self.state);
        let words = &self.worker.words;
        self.tracer
            .operation(&|| crate::trace::describe(program, state, words, arguments, op));
    }
}

fn at<V>(array: &[V], index: u64) -> Option<&V> {
    usize::try_from(index)
        .ok()
        .and_then(|index| array.get(index))
}

/// Puts the values in place of the braces of a `log_msg` format.
fn fill_in(format: &str, values: &[String]) -> String {
    let mut message = String::new();
    let mut values = values.iter();
    let mut rest = format;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        if let Some(escaped) = before.strip_suffix('\\') {
            message.push_str(escaped);
            message.push('{');
            rest = &from[1..];
            continue;
        }
        message.push_str(before);
        let Some(close) = from.find('}') else {
            rest = from;
            break;
        };
        message.push_str(values.next().map_or("{}", String::as_str));
        rest = &from[close + 1..];
    }
    message.push_str(rest);
    message.replace("\\}", "}")
}

#[cfg(test)]
mod tests {
    use super::fill_in;

    #[test]
    fn braces_of_a_message_are_filled_in() {
        let values = ["1".to_owned(), "2".to_owned()];
        assert_eq!(fill_in("a={} b={x}.", &values), "a=1 b=2.");
        assert_eq!(fill_in("\\{{}\\}", &values[..1]), "{1}");
        assert_eq!(fill_in("{} {}", &values[..1]), "1 {}");
        assert_eq!(fill_in("open {", &values), "open {");
    }
}
