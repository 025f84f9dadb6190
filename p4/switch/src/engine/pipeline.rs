//! A packet's way through the switch: parser, ingress, replication, egress, deparser
//! (`targets/simple_switch/simple_switch.cpp` of behavioral-model).

use std::collections::VecDeque;

use super::{MAX_COPIES, MAX_PASSES, Machine, NoTrace, Pass, PassKind, Tracer, Worker};
use crate::clock::Clock;
use crate::control::{Digest, PortNumber};
use crate::jit::{Functions, Way};
use crate::number::words_to_bytes;
use crate::program::{FieldList, FieldListElement};
use crate::state::{State, bump};

/// `standard_metadata.instance_type`.
mod instance_type {
    pub(super) const NORMAL: u64 = 0;
    pub(super) const INGRESS_CLONE: u64 = 1;
    pub(super) const EGRESS_CLONE: u64 = 2;
    pub(super) const RECIRCULATED: u64 = 4;
    pub(super) const REPLICATION: u64 = 5;
    pub(super) const RESUBMITTED: u64 = 6;
}

/// One of the two pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    Ingress,
    Egress,
}

/// Where packets and digests go.
pub(crate) trait Outputs {
    fn packet(&mut self, port: PortNumber, bytes: &[u8]);
    fn digest(&mut self, digest: Digest);
}

/// What packets are run with.
#[derive(Clone, Copy)]
pub(crate) struct Environment<'a> {
    pub(crate) state: &'a State,
    /// The program in native code, if packets are to run in it.
    pub(crate) code: Option<&'a Functions>,
    pub(crate) clock: &'a Clock,
    pub(crate) drop_port: PortNumber,
    /// Another number whenever the state was written.
    pub(crate) version: u64,
}

/// Packets that wait for a pipeline.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    pub(super) waiting: VecDeque<Job>,
    /// Jobs of the packet that was received.
    pub(super) count: usize,
}

#[derive(Debug)]
pub(super) struct Job {
    kind: JobKind,
    /// The PHV: for ingress the metadata only.
    words: Vec<u64>,
    /// For ingress the whole packet, for egress the payload.
    bytes: Vec<u8>,
    pass: Pass,
    /// How often the packet was resubmitted or recirculated before.
    passes: u32,
}

#[derive(Debug, Clone, Copy)]
enum JobKind {
    Ingress,
    Egress(PortNumber),
}

impl Worker {
    /// Runs a packet that was received through the switch.
    pub(crate) fn receive(
        &mut self,
        environment: Environment<'_>,
        port: PortNumber,
        packet: &[u8],
        outputs: &mut impl Outputs,
    ) {
        if let Some(code) = environment.code.filter(|code| code.has_arrival()) {
            self.look_at(environment);
            self.run(environment, code, port, packet, outputs);
            return;
        }
        self.receive_with(environment, port, packet, outputs, &mut NoTrace);
    }

    /// Runs a packet in native code, as far as that goes.
    #[inline]
    pub(super) fn run(
        &mut self,
        environment: Environment<'_>,
        code: &Functions,
        port: PortNumber,
        packet: &[u8],
        outputs: &mut impl Outputs,
    ) {
        let mut quiet = NoTrace;
        self.jobs.count = 0;
        let mut machine = environment.machine(self, Pass::of(packet), &mut quiet, packet);
        if let Some(way) = machine.run_all(code, port, packet) {
            machine.go_on(way, packet, outputs);
        }
        if !self.jobs.waiting.is_empty() {
            self.finish_jobs(environment, outputs, &mut NoTrace);
        }
    }

    /// As `receive`, written down by a tracer.
    pub(crate) fn receive_with<T: Tracer>(
        &mut self,
        environment: Environment<'_>,
        port: PortNumber,
        packet: &[u8],
        outputs: &mut impl Outputs,
        tracer: &mut T,
    ) {
        self.look_at(environment);
        self.jobs.count = 0;
        let mut machine = environment.machine(self, Pass::of(packet), tracer, packet);
        machine.begin(port);
        machine.arrive(packet);
        machine.forward(packet, 0, outputs);
        self.finish_jobs(environment, outputs, tracer);
    }

    /// Forgets what was found in tables if they were written since.
    pub(super) fn look_at(&mut self, environment: Environment<'_>) {
        if self.version != environment.version {
            self.version = environment.version;
            self.last.clear();
            self.ahead.clear();
        }
    }

    /// Processes the copies of a packet.
    pub(super) fn finish_jobs<T: Tracer>(
        &mut self,
        environment: Environment<'_>,
        outputs: &mut impl Outputs,
        tracer: &mut T,
    ) {
        while let Some(job) = self.jobs.waiting.pop_front() {
            self.words.clone_from(&job.words);
            let mut machine = environment.machine(self, job.pass, tracer, &job.bytes);
            match job.kind {
                JobKind::Ingress => {
                    machine.arrive(&job.bytes);
                    machine.forward(&job.bytes, job.passes, outputs);
                }
                JobKind::Egress(port) => machine.egress(port, job.passes, outputs),
            }
        }
    }
}

impl<'a> Environment<'a> {
    pub(super) fn machine<'m, T: Tracer>(
        self,
        worker: &'m mut Worker,
        pass: Pass,
        tracer: &'m mut T,
        payload: &'m [u8],
    ) -> Machine<'m, T>
    where
        'a: 'm,
    {
        Machine {
            program: &self.state.program,
            state: self.state,
            code: self.code,
            clock: self.clock,
            drop_port: self.drop_port,
            worker,
            pass,
            tracer,
            payload,
        }
    }
}

impl<'a, T: Tracer> Machine<'a, T> {
    /// Sets the PHV for a packet that came in at a port.
    pub(crate) fn begin(&mut self, port: PortNumber) {
        self.reset();
        let standard = &self.program.standard;
        self.set(&standard.ingress_port, u64::from(port));
        self.set(&standard.packet_length, self.pass.packet_length);
        self.set(&standard.instance_type, instance_type::NORMAL);
        if let Some(timestamp) = &standard.ingress_timestamp {
            self.set(timestamp, self.clock.microseconds());
        }
    }

    /// Ingress and what follows, up to where the packet leaves or waits.
    pub(super) fn forward(&mut self, packet: &'a [u8], passes: u32, outputs: &mut impl Outputs) {
        if let Some(port) = self.ingress(packet, passes, outputs) {
            self.egress(port, passes, outputs);
        }
    }

    /// Ingress, for a packet that was parsed. Gives the port of a packet that goes on to egress at once:
    /// the one that is unicast, if nothing waits before it.
    fn ingress(
        &mut self,
        packet: &'a [u8],
        passes: u32,
        outputs: &mut impl Outputs,
    ) -> Option<PortNumber> {
        if self.pass.abort {
            self.drop_packet("by a failed assertion", None);
            return None;
        }
        let unicast = match (self.code, T::untraced(self)) {
            (Some(code), Some(machine)) => machine.run_ingress(code),
            _ => {
                self.interpret(Control::Ingress);
                None
            }
        };
        match unicast {
            Some(port) => self.queue(port, passes),
            None => self.behind_ingress(packet, passes, outputs),
        }
    }

    /// As [`Machine::ingress`], for a packet that has gone through the pipeline.
    fn behind_ingress(
        &mut self,
        packet: &'a [u8],
        passes: u32,
        outputs: &mut impl Outputs,
    ) -> Option<PortNumber> {
        let program = self.program;
        let standard = &program.standard;
        self.pass.exit = false;
        if self.pass.abort {
            self.drop_packet(
                "by a failed assertion or an action that takes too long",
                None,
            );
            return None;
        }

        let egress_spec = self.get(&standard.egress_spec);
        let group = standard.multicast_group.map_or(0, |field| self.get(&field));
        if std::mem::take(&mut self.pass.cloned) {
            let (session, list) = self.pass.clone;
            self.clone_ingress(packet, session, list, passes);
        }
        if self.pass.digest != 0 {
            self.send_digest(outputs);
        }
        if self.pass.resubmit != 0 {
            self.resubmit(packet, passes);
            return None;
        }
        if group != 0 {
            self.set(&standard.instance_type, instance_type::REPLICATION);
            self.multicast(group, passes);
            return None;
        }
        if egress_spec == u64::from(self.drop_port) {
            self.drop_packet("by the ingress pipeline", Some(true));
            return None;
        }
        self.set(&standard.instance_type, instance_type::NORMAL);
        // egress_spec has 9 bits in v1model.
        let port = u32::try_from(egress_spec).unwrap_or(u32::MAX);
        self.enqueued();
        self.queue(port, passes)
    }

    /// Gives the port of a unicast packet, or lets the packet wait if others do.
    fn queue(&mut self, port: PortNumber, passes: u32) -> Option<PortNumber> {
        if self.worker.jobs.waiting.is_empty() {
            return Some(port);
        }
        self.wait(JobKind::Egress(port), passes);
        None
    }

    /// Ingress or egress in the interpreter. A trace is shown the packet as it would leave now, without
    /// the checksums that are computed after egress.
    fn interpret(&mut self, control: Control) {
        let (name, pipeline) = match control {
            Control::Ingress => ("ingress", &self.program.ingress),
            Control::Egress => ("egress", &self.program.egress),
        };
        if T::ON {
            self.tracer.pipeline(name);
        }
        self.run_pipeline(pipeline.start);
        if T::ON {
            self.assemble();
            self.tracer.pipeline_done(name, &self.worker.out);
        }
    }

    /// Goes on with a packet, that nothing waits before, from where code took it.
    #[inline]
    pub(super) fn go_on(&mut self, way: Way, packet: &'a [u8], outputs: &mut impl Outputs) {
        match way {
            Way::Deparser(port, octets, kept) => {
                let payload = packet.len() - self.payload.len();
                self.payload = packet
                    .get(payload.saturating_sub(kept)..)
                    .unwrap_or_default();
                if self.pass.truncate.is_none() && self.pass.recirculate == 0 {
                    outputs.packet(port, self.whole(octets));
                } else {
                    self.put_together(octets);
                    self.leave(port, 0, outputs);
                }
            }
            Way::Egress(port) => self.behind_egress(port, 0, outputs),
            Way::Ingress => {
                if let Some(port) = self.behind_ingress(packet, 0, outputs) {
                    self.egress(port, 0, outputs);
                }
            }
        }
    }

    /// The parser, the checksums, and the errors of both.
    fn arrive(&mut self, packet: &'a [u8]) {
        if T::ON {
            let words = &self.worker.words;
            self.tracer
                .pass(PassKind::Ingress, self.program, words, packet.len());
        }
        if let Some(code) = self.code
            && let Some(machine) = T::untraced(self)
            && let Some(octets) = machine.run_arrival(code, None, packet)
        {
            self.payload = packet.get(octets..).unwrap_or_default();
            return;
        }
        let standard = &self.program.standard;
        let parsed = self.parse(packet);
        self.payload = packet.get(parsed.bytes..).unwrap_or_default();
        let right = self.verify_checksums();
        if let Some(field) = &standard.parser_error {
            self.set(field, u64::from(parsed.error));
        }
        if let Some(field) = &standard.checksum_error {
            self.set(field, u64::from(!right));
        }
    }

    /// Egress and deparser.
    fn egress(&mut self, port: PortNumber, passes: u32, outputs: &mut impl Outputs) {
        let program = self.program;
        let standard = &program.standard;
        if T::ON {
            let length = self.pass.packet_length as usize;
            self.tracer
                .pass(PassKind::Egress(port), program, &self.worker.words, length);
        }
        if standard.egress_timestamp.is_some() || standard.dequeue_delay.is_some() {
            let now = self.clock.microseconds();
            if let Some(field) = &standard.egress_timestamp {
                self.set(field, now);
            }
            if let (Some(delay), Some(enqueued)) =
                (&standard.dequeue_delay, &standard.enqueue_timestamp)
            {
                let enqueued = self.get(enqueued);
                self.set(delay, now.saturating_sub(enqueued));
            }
        }
        if let Some(depth) = &standard.dequeue_depth {
            // There is no queue between ingress and egress.
            self.set(depth, 0);
        }
        self.set(&standard.egress_port, u64::from(port));
        // Not the drop port, so that only egress itself can drop the packet.
        self.set(&standard.egress_spec, u64::from(self.drop_port) + 1);
        self.set(&standard.packet_length, self.pass.packet_length);
        let headers = match (self.code, T::untraced(self)) {
            (Some(code), Some(machine)) => machine.run_departure(code),
            _ => {
                self.interpret(Control::Egress);
                None
            }
        };
        match headers {
            Some(octets) => {
                self.put_together(octets);
                self.leave(port, passes, outputs);
            }
            None => self.behind_egress(port, passes, outputs),
        }
    }

    /// What is left to a packet that has gone through egress.
    fn behind_egress(&mut self, port: PortNumber, passes: u32, outputs: &mut impl Outputs) {
        let standard = &self.program.standard;
        self.pass.exit = false;
        if self.pass.abort {
            self.drop_packet(
                "by a failed assertion or an action that takes too long",
                None,
            );
            return;
        }
        if std::mem::take(&mut self.pass.cloned) {
            let (session, list) = self.pass.clone;
            self.clone_egress(session, list, passes);
        }
        if self.get(&standard.egress_spec) == u64::from(self.drop_port) {
            self.drop_packet("by the egress pipeline", Some(false));
            return;
        }
        self.deparse();
        self.leave(port, passes, outputs);
    }

    /// Behind the deparser.
    fn leave(&mut self, port: PortNumber, passes: u32, outputs: &mut impl Outputs) {
        if self.pass.recirculate != 0 {
            self.recirculate(passes);
            return;
        }
        if T::ON {
            self.tracer.sent(port, &self.worker.out);
        }
        outputs.packet(port, &self.worker.out);
    }

    fn drop_packet(&mut self, reason: &'static str, ingress: Option<bool>) {
        let drops = &self.state.drops;
        match ingress {
            Some(true) => bump(&drops.ingress),
            Some(false) => bump(&drops.egress),
            None => {}
        }
        if T::ON {
            self.tracer.dropped(reason);
        }
    }

    /// What simple_switch writes to a packet that it puts into an egress queue.
    fn enqueued(&mut self) {
        let standard = &self.program.standard;
        if let Some(field) = &standard.enqueue_timestamp {
            let now = self.clock.microseconds();
            self.set(field, now);
        }
        if let Some(field) = &standard.enqueue_depth {
            self.set(field, 0);
        }
    }

    /// Lets the packet as it is now wait for a pipeline.
    fn wait(&mut self, kind: JobKind, passes: u32) {
        let bytes = match kind {
            JobKind::Ingress => self.worker.out.clone(),
            JobKind::Egress(_) => self.payload.to_vec(),
        };
        self.wait_with(kind, bytes, passes);
    }

    fn wait_with(&mut self, kind: JobKind, bytes: Vec<u8>, passes: u32) {
        let jobs = &mut self.worker.jobs;
        if jobs.count >= MAX_COPIES {
            bump(&self.state.drops.loop_limit);
            if T::ON {
                self.tracer.dropped("since it became too many copies");
            }
            return;
        }
        jobs.count += 1;
        jobs.waiting.push_back(Job {
            kind,
            words: self.worker.words.clone(),
            bytes,
            pass: self.pass,
            passes,
        });
    }

    /// Copies for the replicas of a multicast group, or of a clone session.
    fn replicate(&mut self, replicas: &[crate::control::Replica], passes: u32) {
        let saved = self.pass;
        self.pass = Pass {
            ingress_length: saved.ingress_length,
            packet_length: saved.packet_length,
            truncate: saved.truncate,
            ..Pass::default()
        };
        for replica in replicas {
            if let Some(field) = &self.program.standard.egress_rid {
                self.set(field, u64::from(replica.instance));
            }
            self.enqueued();
            self.wait(JobKind::Egress(replica.port), passes);
        }
        self.pass = saved;
    }

    fn multicast(&mut self, group: u64, passes: u32) {
        let state = self.state;
        let replicas = state.replication.group(group);
        if T::ON {
            let copies = replicas.len();
            self.tracer
                .note(&|| format!("multicast group {group}: {copies} copies"));
        }
        if replicas.is_empty() {
            bump(&state.drops.empty_multicast_group);
            if T::ON {
                self.tracer
                    .dropped("since the multicast group has no replicas");
            }
        }
        self.replicate(replicas, passes);
    }

    /// The fields that a copy keeps.
    fn kept(&self, list: u64) -> Vec<(crate::program::Field, Vec<u64>)> {
        let Some(list) = self.program.field_lists.get(&list) else {
            return Vec::new();
        };
        fields(list)
            .map(|field| (*field, self.worker.words[field.range()].to_vec()))
            .collect()
    }

    /// Metadata of a copy: all at their start, but for those of the list and the instance type.
    fn restore(&mut self, kept: Vec<(crate::program::Field, Vec<u64>)>, instance_type: u64) {
        self.reset_metadata();
        for (field, value) in kept {
            self.worker.words[field.range()].copy_from_slice(&value);
        }
        let standard = &self.program.standard;
        self.set(&standard.instance_type, instance_type);
    }

    fn session(&mut self, session: u64) -> Option<&'a crate::state::Session> {
        let state = self.state;
        let found = state.replication.session(session);
        if T::ON {
            let copies = found.map_or(0, |session| session.replicas().len());
            self.tracer
                .note(&|| format!("clone session {session}: {copies} copies"));
        }
        if found.is_none() {
            bump(&state.drops.unknown_clone_session);
        }
        found
    }

    /// A clone of the packet as it came in, parsed again.
    fn clone_ingress(&mut self, packet: &'a [u8], session: u64, list: u64, passes: u32) {
        let Some(session) = self.session(session) else {
            return;
        };
        let saved_words = self.worker.words.clone();
        let (saved_pass, saved_payload) = (self.pass, self.payload);
        let kept = self.kept(list);
        let ingress_port = self.get(&self.program.standard.ingress_port);
        self.pass = Pass {
            ingress_length: saved_pass.ingress_length,
            packet_length: packet.len() as u64,
            ..Pass::default()
        };
        self.reset();
        let standard = &self.program.standard;
        // Parsers branch on it.
        self.set(&standard.ingress_port, ingress_port);
        let parsed = {
            let mut quiet = NoTrace;
            let mut machine = Machine {
                program: self.program,
                state: self.state,
                code: if T::ON { None } else { self.code },
                clock: self.clock,
                drop_port: self.drop_port,
                worker: &mut *self.worker,
                pass: self.pass,
                tracer: &mut quiet,
                payload: self.payload,
            };
            machine.parse(packet)
        };
        self.payload = packet.get(parsed.bytes..).unwrap_or_default();
        self.restore(kept, instance_type::INGRESS_CLONE);
        self.cut_clone(session.packet_length);
        self.replicate(session.replicas(), passes);
        self.worker.words = saved_words;
        (self.pass, self.payload) = (saved_pass, saved_payload);
    }

    /// A clone of the packet as it leaves egress.
    fn clone_egress(&mut self, session: u64, list: u64, passes: u32) {
        let Some(session) = self.session(session) else {
            return;
        };
        let saved_words = self.worker.words.clone();
        let (saved_pass, saved_payload) = (self.pass, self.payload);
        let kept = self.kept(list);
        self.restore(kept, instance_type::EGRESS_CLONE);
        self.cut_clone(session.packet_length);
        self.replicate(session.replicas(), passes);
        self.worker.words = saved_words;
        (self.pass, self.payload) = (saved_pass, saved_payload);
    }

    /// Cuts the payload of a clone so that the packet has `length` bytes; headers stay whole.
    fn cut_clone(&mut self, length: u32) {
        if length == 0 {
            return;
        }
        let headers = (self.pass.packet_length as usize).saturating_sub(self.payload.len());
        let keep = (length as usize).saturating_sub(headers);
        if keep < self.payload.len() {
            self.payload = &self.payload[..keep];
            self.pass.packet_length = (headers + keep) as u64;
        }
    }

    fn resubmit(&mut self, packet: &[u8], passes: u32) {
        let list = self.pass.resubmit;
        let kept = self.kept(list);
        self.again(kept, instance_type::RESUBMITTED, packet, passes);
    }

    fn recirculate(&mut self, passes: u32) {
        let list = self.pass.recirculate;
        let kept = self.kept(list);
        let packet = std::mem::take(&mut self.worker.out);
        self.pass.ingress_length = packet.len();
        self.again(kept, instance_type::RECIRCULATED, &packet, passes);
        self.worker.out = packet;
    }

    /// Sends a packet to the parser and ingress once more.
    fn again(
        &mut self,
        kept: Vec<(crate::program::Field, Vec<u64>)>,
        instance_type: u64,
        packet: &[u8],
        passes: u32,
    ) {
        if passes + 1 >= MAX_PASSES {
            bump(&self.state.drops.loop_limit);
            if T::ON {
                self.tracer
                    .dropped("since it was resubmitted or recirculated too often");
            }
            return;
        }
        self.reset();
        self.restore(kept, instance_type);
        let standard = &self.program.standard;
        self.set(&standard.packet_length, packet.len() as u64);
        self.pass = Pass {
            ingress_length: self.pass.ingress_length,
            packet_length: packet.len() as u64,
            ..Pass::default()
        };
        self.wait_with(JobKind::Ingress, packet.to_vec(), passes + 1);
    }

    fn send_digest(&mut self, outputs: &mut impl Outputs) {
        let list = std::mem::take(&mut self.pass.digest);
        let Some(list) = self.program.digests.get(&list) else {
            return;
        };
        let fields = list
            .elements
            .iter()
            .map(|element| match element {
                FieldListElement::Field(field) => {
                    words_to_bytes(&self.worker.words[field.range()], field.width)
                }
                FieldListElement::Constant(bytes) => bytes.clone(),
            })
            .collect();
        if T::ON {
            self.tracer.note(&|| format!("digest {}", list.name));
        }
        outputs.digest(Digest {
            name: list.name.clone(),
            fields,
        });
    }
}

fn fields(list: &FieldList) -> impl Iterator<Item = &crate::program::Field> {
    list.elements.iter().filter_map(|element| match element {
        FieldListElement::Field(field) => Some(field),
        FieldListElement::Constant(_) => None,
    })
}
