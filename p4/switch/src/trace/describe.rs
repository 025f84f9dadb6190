//! What an operation did, in words.

use super::value::{field_at, name_of, show_field};
use crate::engine::Scope;
use crate::program::{Field, FieldTarget, HeaderRef, Op, OpAt, Program};
use crate::state::State;

/// What an operation did; empty if it is not worth a line. The PHV is that after the operation.
pub(crate) fn describe(
    program: &Program,
    state: &State,
    words: &[u64],
    arguments: &[u64],
    op: &OpAt,
) -> String {
    let layout = &program.layout;
    let scope = Scope {
        layout,
        words,
        arguments,
        registers: &state.registers,
    };
    let set = |field: &Field| {
        format!(
            "{} = {}",
            name_of(layout, field.word),
            show_field(layout, words, field)
        )
    };
    let word = |word: u32| match field_at(layout, word) {
        Some(field) => set(&field),
        None => format!("{} = {}", name_of(layout, word), words[word as usize]),
    };
    let header = |header: &HeaderRef| match scope.header(header) {
        Some(header) => layout.headers[header as usize].name.clone(),
        None => "an element outside of the stack".to_owned(),
    };
    let target = |target: &FieldTarget| match target {
        FieldTarget::Fixed(field) => set(field),
        FieldTarget::Access { header, field } => match scope.header(header) {
            Some(header) => set(&layout.headers[header as usize].fields[*field as usize].field),
            None => "nothing, the index is outside of the stack".to_owned(),
        },
    };
    match &op.op {
        Op::SetWord { to, .. }
        | Op::CopyWord { to, .. }
        | Op::CopyParameter { to, .. }
        | Op::AddWord { to, .. } => word(*to),
        Op::CopyField { to, .. } | Op::AssignVariable { to, .. } | Op::Lookahead { to, .. } => {
            set(to)
        }
        Op::Assign { to, .. } => target(to),
        Op::AssignHeader { to, from } => format!("{} = {}", header(to), header(from)),
        Op::AssignStack { to, from } => format!(
            "{} = {}",
            layout.stacks[*to as usize].name, layout.stacks[*from as usize].name
        ),
        Op::AssignUnion { to, from } => format!(
            "{} = {}",
            layout.unions[*to as usize].name, layout.unions[*from as usize].name
        ),
        Op::AssignUnionStack { to, from } => format!(
            "{} = {}",
            layout.union_stacks[*to as usize].name, layout.union_stacks[*from as usize].name
        ),
        Op::AddHeader(h) | Op::AddHeaderFast(h) => format!("{}.setValid()", header(h)),
        Op::RemoveHeader(h) => format!("{}.setInvalid()", header(h)),
        Op::Push { stack, count } => format!(
            "{}.push_front({})",
            layout.stacks[*stack as usize].name,
            scope.to_u64(count)
        ),
        Op::Pop { stack, count } => format!(
            "{}.pop_front({})",
            layout.stacks[*stack as usize].name,
            scope.to_u64(count)
        ),
        Op::PushUnion { stack, count } => format!(
            "{}.push_front({})",
            layout.union_stacks[*stack as usize].name,
            scope.to_u64(count)
        ),
        Op::PopUnion { stack, count } => format!(
            "{}.pop_front({})",
            layout.union_stacks[*stack as usize].name,
            scope.to_u64(count)
        ),
        Op::MarkToDrop { .. } => "mark_to_drop()".to_owned(),
        Op::Count { array, index } => format!(
            "{}.count({})",
            program.counters[*array as usize].name,
            scope.to_u64(index)
        ),
        Op::ExecuteMeter { array, index, to } => format!(
            "{}.execute_meter({}): {}",
            program.meters[*array as usize].name,
            scope.to_u64(index),
            set(to)
        ),
        Op::RegisterRead { array, index, to } => format!(
            "{}.read({}): {}",
            program.registers[*array as usize].name,
            scope.to_u64(index),
            set(to)
        ),
        Op::RegisterWrite {
            array,
            index,
            value,
        } => format!(
            "{}.write({}, {})",
            program.registers[*array as usize].name,
            scope.to_u64(index),
            scope.to_decimal(value)
        ),
        Op::Hash {
            to, calculation, ..
        } => format!(
            "hash {}: {}",
            program.calculations[*calculation as usize].name,
            target(to)
        ),
        Op::Random { to, .. } => format!("random: {}", target(to)),
        Op::Digest { .. } => "digest()".to_owned(),
        Op::Clone { session, .. } => format!("clone(session {})", scope.to_u64(session)),
        Op::Resubmit { .. } => "resubmit()".to_owned(),
        Op::Recirculate { .. } => "recirculate()".to_owned(),
        Op::Truncate { length } => format!("truncate({})", scope.to_u64(length)),
        Op::Exit => "exit".to_owned(),
        Op::Assert { condition, assume } => {
            if scope.is_zero(condition) {
                let what = if *assume { "assume" } else { "assert" };
                format!("{what} failed")
            } else {
                String::new()
            }
        }
        // Noted with its text where it is made.
        Op::LogMessage { .. } => String::new(),
        Op::Jump(_) | Op::JumpIfZero { .. } | Op::JumpUnless { .. } | Op::Nothing => String::new(),
    }
}
