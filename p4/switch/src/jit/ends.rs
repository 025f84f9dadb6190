//! What comes before ingress and after egress in native code: all that a packet needs there which just
//! comes in and leaves.

use std::mem::offset_of;

use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::function::Function;
use super::lane::Lane;
use super::native::{Helper, NOT_DEPARSED};
use crate::engine::Pass;

impl Function<'_, '_> {
    /// The parser, the checksums that are verified, and the errors of both. Gives how many octets
    /// were parsed.
    pub(super) fn arrival(&mut self) -> Value {
        let standard = &self.program.standard;
        let parsed = self.parser();
        let parsed = Lane::Value {
            value: parsed,
            bits: 64,
        };
        let octets = self.cut(parsed, 32);
        let octets = self.value(octets);
        let checksums = self.program.checksums.iter();
        let calculations = &self.program.calculations;
        if checksums
            .filter(|checksum| checksum.verify)
            .any(|checksum| calculations[checksum.calculation as usize].payload)
        {
            self.call(Helper::Parsed, &[octets]);
        }
        let right = self.verify_checksums();
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
        let abort = self.read_pass(types::I8, offset_of!(Pass, abort));
        let cloned = self.read_pass(types::I8, offset_of!(Pass, cloned));
        let either = self.builder.ins().bor(abort, cloned);
        let either = self.builder.ins().uextend(types::I64, either);
        let drop_port = u64::from(self.target.drop_port);
        let port = self.read(egress_spec.word, egress_spec.width);
        let port = self.value(port);
        let dropped = self.compare(
            cranelift_codegen::ir::condcodes::IntCC::Equal,
            port,
            drop_port,
        );
        let dropped = self.builder.ins().uextend(types::I64, dropped);
        let any = self.builder.ins().bor(either, dropped);
        let not = self.constant(NOT_DEPARSED);
        self.builder.ins().brif(any, end, &[not.into()], plain, &[]);
        self.enter(plain);
        let octets = self.deparser();
        self.builder.ins().jump(end, &[octets.into()]);
        self.enter(end);
        result
    }
}
