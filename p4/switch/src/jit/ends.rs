//! What comes before ingress and after egress in native code: all that a packet needs there which just
//! comes in and leaves.

use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::function::Function;
use super::lane::Lane;
use super::live::needed;
use super::native::{Context, NOT_DEPARSED, NOT_UNICAST};
use crate::engine::Pass;
use crate::number::low_mask;
use crate::program::{Field, Op, ParseOp, Program};

/// Whether code can set the PHV for a new packet: it cannot read the clock.
pub(super) fn begins(program: &Program) -> bool {
    program.standard.ingress_timestamp.is_none()
}

/// Whether the program has such an operation.
fn has(program: &Program, wanted: impl Fn(&Op) -> bool) -> bool {
    let of_actions = program.actions.iter().flat_map(|action| &action.ops);
    let of_parser = program.parser.states.iter().flat_map(|state| &state.ops);
    let of_parser = of_parser.filter_map(|op| match op {
        ParseOp::Run(op) => Some(op),
        _ => None,
    });
    of_actions.chain(of_parser).any(|op| wanted(&op.op))
}

/// Whether a packet can be dropped by an operation that fails.
fn can_abort(program: &Program) -> bool {
    has(program, |op| matches!(op, Op::Assert { .. }))
        || program.actions.iter().any(|action| action.loops)
}

impl Function<'_, '_> {
    /// The parser, the checksums that are verified, and the errors of both. Gives how many octets
    /// were parsed.
    pub(super) fn arrival(&mut self) -> Value {
        let standard = &self.program.standard;
        self.begin();
        let parsed = self.parser();
        let parsed = Lane::Value {
            value: parsed,
            bits: 64,
        };
        let octets = self.cut(parsed, 32);
        let octets = self.value(octets);
        let right = self.verify_checksums(Some(octets));
        if let Some(field) = &standard.parser_error {
            let error = self.shift_right(parsed, 32);
            let error = self.cut(error, field.width);
            self.write(field.word, error);
        }
        if let Some(field) = &standard.checksum_error {
            let right = Lane::Value {
                value: right,
                bits: 1,
            };
            let wrong = self.xor(right, Lane::Constant(1));
            self.write(field.word, wrong);
        }
        octets
    }

    /// The deparser, if nothing but to leave is left to a packet behind egress. Gives how many octets
    /// the headers take, otherwise [`NOT_DEPARSED`].
    pub(super) fn departure(&mut self) -> Value {
        let egress_spec = self.program.standard.egress_spec;
        let (plain, end) = (self.block(), self.block());
        let result = self.builder.append_block_param(end, types::I64);
        let dropped = self.is_drop_port(&egress_spec);
        let any = self.or_aborted_or_cloned(dropped);
        let not = self.constant(NOT_DEPARSED);
        self.builder.ins().brif(any, end, &[not.into()], plain, &[]);
        self.enter(plain);
        let octets = self.deparser();
        self.builder.ins().jump(end, &[octets.into()]);
        self.enter(end);
        result
    }

    /// Whether a field of a port is the port that drops.
    fn is_drop_port(&mut self, field: &Field) -> Value {
        let drop_port = u64::from(self.target.drop_port);
        let port = self.read(field.word, field.width);
        let port = self.value(port);
        let dropped = self.compare(IntCC::Equal, port, drop_port);
        self.builder.ins().uextend(types::I64, dropped)
    }

    /// Adds to other flags those that the program can set: the packet is to be dropped, or was cloned.
    fn or_aborted_or_cloned(&mut self, mut any: Value) -> Value {
        if can_abort(self.program) {
            any = self.or_flag(any, offset_of!(Pass, abort));
        }
        if has(self.program, |op| matches!(op, Op::Clone { .. })) {
            any = self.or_flag(any, offset_of!(Pass, cloned));
        }
        any
    }

    /// Adds a flag of the packet to others.
    fn or_flag(&mut self, any: Value, at: usize) -> Value {
        let flag = self.read_pass(types::I8, at);
        let flag = self.builder.ins().uextend(types::I64, flag);
        self.builder.ins().bor(any, flag)
    }

    /// Sets the PHV for a packet that has just come in, if it has: as `Machine::begin` does.
    fn begin(&mut self) {
        if !begins(self.program) {
            return;
        }
        let (reset, end) = (self.block(), self.block());
        let fresh = self.context_constant(offset_of!(Context, fresh));
        self.branch(fresh, reset, end);
        self.enter(reset);
        self.reset();
        let standard = &self.program.standard;
        let port = self.context_constant(offset_of!(Context, port));
        self.set(&standard.ingress_port, port);
        let length = self.read_pass(types::I64, offset_of!(Pass, packet_length));
        self.set(&standard.packet_length, length);
        self.write(standard.instance_type.word, Lane::ZERO);
        self.jump(end);
        self.enter(end);
    }

    /// Sets metadata and headers to what they are for a new packet, where anything can read them before
    /// they are written.
    fn reset(&mut self) {
        let layout = &self.program.layout;
        let needed = needed(self.program);
        let zero = self.constant(0);
        let zeros = self.builder.ins().splat(types::I64X2, zero);
        let mut words = (0..).zip(&needed);
        while let Some((word, needed)) = words.next() {
            if !*needed {
                continue;
            }
            // What nobody needs may be set all the same.
            match words.next() {
                Some(_) => self.write_two(word, zeros),
                None => self.write(word, Lane::ZERO),
            }
        }
        for (word, value) in (0..).zip(&layout.metadata) {
            if *value != 0 {
                self.write(word, Lane::Constant(*value));
            }
        }
    }

    /// Writes a number to a field of at most 64 bits.
    fn set(&mut self, field: &Field, value: Value) {
        let lane = Lane::Value { value, bits: 64 };
        let lane = self.cut(lane, field.width);
        self.write(field.word, lane);
    }

    /// Behind ingress: gives the port of a packet that just goes there, with the metadata that it enters
    /// egress with; otherwise [`NOT_UNICAST`].
    pub(super) fn unicast(&mut self) -> Value {
        let program = self.program;
        let standard = &program.standard;
        let not = self.constant(NOT_UNICAST);
        let clocks = [
            &standard.enqueue_timestamp,
            &standard.egress_timestamp,
            &standard.dequeue_delay,
        ];
        if clocks.iter().any(|field| field.is_some()) {
            return not;
        }
        let (plain, end) = (self.block(), self.block());
        let result = self.builder.append_block_param(end, types::I64);
        let mut any = self.is_drop_port(&standard.egress_spec);
        if let Some(group) = &standard.multicast_group {
            let group = self.read(group.word, group.width);
            let group = self.value(group);
            any = self.builder.ins().bor(any, group);
        }
        any = self.or_aborted_or_cloned(any);
        if has(program, |op| matches!(op, Op::Exit)) {
            any = self.or_flag(any, offset_of!(Pass, exit));
        }
        let digest = has(program, |op| matches!(op, Op::Digest { .. }));
        let resubmit = has(program, |op| matches!(op, Op::Resubmit { .. }));
        let registers = [
            (digest, offset_of!(Pass, digest)),
            (resubmit, offset_of!(Pass, resubmit)),
        ];
        for (_, at) in registers.iter().filter(|register| register.0) {
            let register = self.read_pass(types::I64, *at);
            any = self.builder.ins().bor(any, register);
        }
        self.builder.ins().brif(any, end, &[not.into()], plain, &[]);
        self.enter(plain);
        let port = self.read(standard.egress_spec.word, standard.egress_spec.width);
        self.write(standard.instance_type.word, Lane::ZERO);
        let depths = [&standard.enqueue_depth, &standard.dequeue_depth];
        for depth in depths.into_iter().flatten() {
            self.write(depth.word, Lane::ZERO);
        }
        let port = self.value(port);
        self.set(&standard.egress_port, port);
        // Not the drop port, so that only egress itself can drop the packet.
        let other = (u64::from(self.target.drop_port) + 1) & low_mask(standard.egress_spec.width);
        self.write(standard.egress_spec.word, Lane::Constant(other));
        let length = self.read_pass(types::I64, offset_of!(Pass, packet_length));
        self.set(&standard.packet_length, length);
        self.builder.ins().jump(end, &[port.into()]);
        self.enter(end);
        result
    }
}
