//! Calculations, checksums and the deparser.

use rand::RngExt;

use super::bits::Writer;
use super::{Machine, Tracer};
use crate::program::{Algorithm, CalculationPart, HeaderId, Layout};

impl<'a, T: Tracer> Machine<'a, T> {
    /// The result of a calculation.
    pub(crate) fn calculate(&mut self, calculation: u32) -> u64 {
        let calculation = &self.program.calculations[calculation as usize];
        let with_payload = calculation.payload;
        self.hash(&calculation.algorithm, &calculation.input, with_payload)
    }

    /// The result of a calculation of which this is the input.
    pub(crate) fn hash_octets(&mut self, calculation: u32, input: &[u8]) -> u64 {
        let calculation = &self.program.calculations[calculation as usize];
        let random = &mut self.worker.random;
        calculation
            .algorithm
            .compute(input, &mut || random.random())
    }

    /// Writes a header to this place of `Worker::headers`, and gives where it ends.
    pub(crate) fn emit_header(&mut self, header: HeaderId, at: usize) -> usize {
        let worker = &mut *self.worker;
        worker.out.clear();
        let mut writer = Writer::new(&mut worker.out);
        write_header(&self.program.layout, &worker.words, header, &mut writer);
        writer.finish();
        let end = at + worker.out.len();
        if let Some(place) = worker.headers.get_mut(at..end) {
            place.copy_from_slice(&worker.out);
        }
        end
    }

    /// The hash that selects a member of a group.
    pub(super) fn selector_hash(&mut self, profile: u32) -> u64 {
        match &self.program.profiles[profile as usize].selector {
            Some(selector) => self.hash(&selector.algorithm, &selector.input, false),
            None => 0,
        }
    }

    fn hash(&mut self, algorithm: &Algorithm, input: &[CalculationPart], payload: bool) -> u64 {
        let layout = &self.program.layout;
        let worker = &mut *self.worker;
        worker.hash_input.clear();
        let mut writer = Writer::new(&mut worker.hash_input);
        for part in input {
            match part {
                CalculationPart::Field(field) => {
                    let header = &layout.headers[field.header as usize];
                    if worker.words[header.start as usize] == 0 {
                        continue;
                    }
                    let width = if field.variable {
                        worker.words[field.word as usize - 1] as u32
                    } else {
                        field.width
                    };
                    writer.push_words(&worker.words[field.range()], width);
                }
                CalculationPart::Constant { words, width } => writer.push_words(words, *width),
                CalculationPart::Header(header) => {
                    if worker.words[layout.headers[*header as usize].start as usize] != 0 {
                        write_header(layout, &worker.words, *header, &mut writer);
                    }
                }
            }
        }
        writer.finish();
        if payload {
            worker.hash_input.extend_from_slice(self.payload);
        }
        let random = &mut worker.random;
        algorithm.compute(&worker.hash_input, &mut || random.random())
    }

    /// Verifies the checksums; whether all are right.
    pub(super) fn verify_checksums(&mut self) -> bool {
        if let Some(code) = self.code
            && let Some(machine) = T::untraced(self)
        {
            return machine.run_checksums(code);
        }
        let program = self.program;
        let mut right = true;
        for checksum in program.checksums.iter().filter(|checksum| checksum.verify) {
            let holds = match &checksum.condition {
                None => true,
                Some(condition) => self.scope(&[]).holds(condition),
            };
            if !holds || !self.is_valid(checksum.target.header) {
                continue;
            }
            let computed = self.calculate(checksum.calculation);
            let found = self.get(&checksum.target);
            right &= computed == found;
            if T::ON {
                self.tracer.checksum(checksum, computed, Some(found));
            }
        }
        right
    }

    fn update_checksums(&mut self) {
        let program = self.program;
        for checksum in program.checksums.iter().filter(|checksum| checksum.update) {
            let holds = match &checksum.condition {
                None => true,
                Some(condition) => self.scope(&[]).holds(condition),
            };
            if !holds {
                continue;
            }
            let computed = self.calculate(checksum.calculation);
            self.set(&checksum.target, computed);
            if T::ON {
                self.tracer.checksum(checksum, computed, None);
            }
        }
    }

    /// Puts the packet together again in `Worker::out`.
    pub(super) fn deparse(&mut self) {
        if let Some(code) = self.code
            && let Some(machine) = T::untraced(self)
        {
            let octets = machine.run_deparser(code);
            self.put_together(octets);
            return;
        }
        let program = self.program;
        self.update_checksums();
        for op in &program.deparser.ops {
            self.run_one(op);
        }
        self.assemble();
        self.cut();
    }

    /// As [`Machine::assemble`], when code has left so many octets of headers in `Worker::headers`.
    pub(super) fn put_together(&mut self, octets: usize) {
        let worker = &mut *self.worker;
        worker.out.clear();
        worker.out.extend_from_slice(&worker.headers[..octets]);
        worker.out.extend_from_slice(self.payload);
        self.cut();
    }

    /// The packet of which code has left so many octets of headers in `Worker::headers`, put together there.
    #[inline]
    pub(super) fn whole(&mut self, octets: usize) -> &[u8] {
        let headers = &mut self.worker.headers;
        let end = octets + self.payload.len();
        if headers.len() < end {
            headers.resize(end, 0);
        }
        headers[octets..end].copy_from_slice(self.payload);
        &headers[..end]
    }

    /// Cuts the packet to the length that was asked for.
    fn cut(&mut self) {
        if let Some(length) = self.pass.truncate {
            self.worker.out.truncate(length);
        }
    }

    /// Writes the headers that are valid now, and the payload, to `Worker::out`.
    pub(super) fn assemble(&mut self) {
        let program = self.program;
        let worker = &mut *self.worker;
        worker.out.clear();
        let mut writer = Writer::new(&mut worker.out);
        for header in &program.deparser.order {
            let start = program.layout.headers[*header as usize].start;
            if worker.words[start as usize] != 0 {
                write_header(&program.layout, &worker.words, *header, &mut writer);
            }
        }
        writer.finish();
        worker.out.extend_from_slice(self.payload);
    }
}

fn write_header(layout: &Layout, words: &[u64], header: HeaderId, writer: &mut Writer<'_>) {
    for item in &layout.headers[header as usize].fields {
        let field = item.field;
        if field.variable {
            let width = words[field.word as usize - 1] as u32;
            writer.push_words(&words[field.range()], width.min(field.width));
        } else if field.width <= 64 {
            writer.push(words[field.word as usize], field.width);
        } else {
            writer.push_words(&words[field.range()], field.width);
        }
    }
}
