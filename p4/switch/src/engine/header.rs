//! Headers: validity, copies, stacks and unions.

use super::{Machine, Tracer};
use crate::program::{HeaderId, StackId, UnionId, UnionStackId};

impl<T: Tracer> Machine<'_, T> {
    pub(super) fn is_valid(&self, header: HeaderId) -> bool {
        let start = self.program.layout.headers[header as usize].start;
        self.worker.words[start as usize] != 0
    }

    /// Makes a header valid; of a union no other member stays valid.
    pub(super) fn mark_valid(&mut self, header: HeaderId) {
        let layout = &self.program.layout;
        let definition = &layout.headers[header as usize];
        if let Some(union) = definition.union {
            for member in &layout.unions[union as usize].members {
                let start = layout.headers[*member as usize].start;
                self.worker.words[start as usize] = 0;
            }
        }
        self.worker.words[definition.start as usize] = 1;
    }

    pub(super) fn mark_invalid(&mut self, header: HeaderId) {
        let start = self.program.layout.headers[header as usize].start;
        self.worker.words[start as usize] = 0;
    }

    /// Size of a header on the wire, with its field of variable length.
    pub(super) fn header_bytes(&self, header: HeaderId) -> u64 {
        let definition = &self.program.layout.headers[header as usize];
        let variable = match definition.variable {
            None => 0,
            Some(field) => {
                let field = definition.fields[field as usize].field;
                self.worker.words[field.word as usize - 1] / 8
            }
        };
        u64::from(definition.bytes) + variable
    }

    /// `setValid()`: the fields of a header that was not valid become 0.
    pub(super) fn add_header(&mut self, header: HeaderId) {
        if !self.is_valid(header) {
            let range = self.program.layout.headers[header as usize].range();
            self.worker.words[range].fill(0);
            self.mark_valid(header);
            self.pass.packet_length += self.header_bytes(header);
        }
    }

    /// `setInvalid()`.
    pub(super) fn remove_header(&mut self, header: HeaderId) {
        if self.is_valid(header) {
            let bytes = self.header_bytes(header);
            self.pass.packet_length = self.pass.packet_length.saturating_sub(bytes);
            self.mark_invalid(header);
        }
    }

    /// Copies a header with its validity.
    pub(super) fn copy_header(&mut self, to: HeaderId, from: HeaderId) {
        if !self.is_valid(from) {
            self.mark_invalid(to);
            return;
        }
        if to != from {
            let layout = &self.program.layout;
            let (to_range, from_range) = (
                layout.headers[to as usize].range(),
                layout.headers[from as usize].range(),
            );
            self.worker.words.copy_within(from_range, to_range.start);
        }
        self.mark_valid(to);
    }

    pub(super) fn copy_stack(&mut self, to: StackId, from: StackId) {
        let stacks = &self.program.layout.stacks;
        let (to, from) = (&stacks[to as usize], &stacks[from as usize]);
        self.worker.words[to.next as usize] = self.worker.words[from.next as usize];
        for (to, from) in to.elements.iter().zip(&from.elements) {
            self.copy_header(*to, *from);
        }
    }

    pub(super) fn copy_union(&mut self, to: UnionId, from: UnionId) {
        let unions = &self.program.layout.unions;
        let (to, from) = (&unions[to as usize], &unions[from as usize]);
        for (to, from) in to.members.iter().zip(&from.members) {
            self.copy_header(*to, *from);
        }
    }

    pub(super) fn copy_union_stack(&mut self, to: UnionStackId, from: UnionStackId) {
        let stacks = &self.program.layout.union_stacks;
        let (to, from) = (&stacks[to as usize], &stacks[from as usize]);
        self.worker.words[to.next as usize] = self.worker.words[from.next as usize];
        for (to, from) in to.elements.iter().zip(&from.elements) {
            self.copy_union(*to, *from);
        }
    }

    /// Moves the elements of a stack towards the end; the first ones become invalid.
    pub(super) fn push(&mut self, stack: StackId, count: u64) {
        let stack = &self.program.layout.stacks[stack as usize];
        let size = stack.elements.len();
        let count = usize::try_from(count).unwrap_or(size).min(size);
        let next = &mut self.worker.words[stack.next as usize];
        *next = (*next + count as u64).min(size as u64);
        let (start, stride) = (stack.start as usize, stack.stride as usize);
        let words = &mut self.worker.words;
        words.copy_within(
            start..start + (size - count) * stride,
            start + count * stride,
        );
        for element in 0..count {
            words[start + element * stride] = 0;
        }
    }

    /// Moves the elements of a stack towards the start; the last ones become invalid.
    pub(super) fn pop(&mut self, stack: StackId, count: u64) {
        let stack = &self.program.layout.stacks[stack as usize];
        let size = stack.elements.len();
        let count = usize::try_from(count).unwrap_or(size).min(size);
        let next = &mut self.worker.words[stack.next as usize];
        *next = next.saturating_sub(count as u64);
        let (start, stride) = (stack.start as usize, stack.stride as usize);
        let words = &mut self.worker.words;
        if count == 0 {
            return;
        }
        for element in 0..size - count {
            let to = start + element * stride;
            let from = to + count * stride;
            // The fields of a header that is not valid are nothing to anyone.
            if words[from] == 0 {
                words[to] = 0;
            } else {
                words.copy_within(from..from + stride, to);
            }
        }
        for element in size - count..size {
            words[start + element * stride] = 0;
        }
    }

    /// As `push` and `pop`, for a stack of unions.
    pub(super) fn shift_unions(&mut self, stack: UnionStackId, count: u64, push: bool) {
        let stack = &self.program.layout.union_stacks[stack as usize];
        let size = stack.elements.len();
        let count = usize::try_from(count).unwrap_or(size).min(size);
        let next = &mut self.worker.words[stack.next as usize];
        *next = if push {
            (*next + count as u64).min(size as u64)
        } else {
            next.saturating_sub(count as u64)
        };
        let kept = size - count;
        if push {
            for i in (0..kept).rev() {
                self.copy_union(stack.elements[i + count], stack.elements[i]);
            }
        } else {
            for i in 0..kept {
                self.copy_union(stack.elements[i], stack.elements[i + count]);
            }
        }
        let gone = if push { 0..count } else { kept..size };
        for union in &stack.elements[gone] {
            for member in &self.program.layout.unions[*union as usize].members {
                self.mark_invalid(*member);
            }
        }
    }
}
