//! Which words of the PHV a new packet needs set: those that may be read before they are written, by
//! liveness analysis from the deparser back to the parser.
//!
//! A header that is valid has had all its fields written, by who made it valid. So what reads fields only of
//! headers that are valid reads nothing here: keys, checksums and hashes, copies of headers, the deparser.
//! Whether headers are valid is always set. What is not said here to read less reads everything.

use std::collections::HashMap;

use super::action::MOVED_WORDS;
use super::control::{actions, only_action};
use crate::program::{
    Action, Arithmetic, Boolean, CalculationPart, Condition, Expression, Extraction, Field,
    FieldListElement, FieldTarget, HeaderRef, KeyPart, KeySource, Next, Node, Op, OpAt, ParseOp,
    Program, Table, TableKind,
};

/// A set of words of the PHV.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Words(Vec<u64>);

impl Words {
    fn none(program: &Program) -> Self {
        Self(vec![0; program.layout.words.div_ceil(64)])
    }

    fn insert(&mut self, word: u32) {
        if let Some(bits) = self.0.get_mut(word as usize / 64) {
            *bits |= 1 << (word % 64);
        }
    }

    fn remove(&mut self, word: u32) {
        if let Some(bits) = self.0.get_mut(word as usize / 64) {
            *bits &= !(1 << (word % 64));
        }
    }

    fn contains(&self, word: u32) -> bool {
        let bits = self.0.get(word as usize / 64);
        bits.is_some_and(|bits| bits >> (word % 64) & 1 == 1)
    }

    fn add(&mut self, others: &Self) {
        for (bits, others) in self.0.iter_mut().zip(&others.0) {
            *bits |= others;
        }
    }

    fn add_all(&mut self) {
        self.0.fill(u64::MAX);
    }

    fn read(&mut self, field: &Field) {
        let start = field.word - u32::from(field.variable);
        (start..field.range().end as u32).for_each(|word| self.insert(word));
    }

    fn written(&mut self, field: &Field) {
        if !field.variable {
            let words = field.range();
            (words.start as u32..words.end as u32).for_each(|word| self.remove(word));
        }
    }
}

struct Analysis<'p> {
    program: &'p Program,
    /// Before each node.
    nodes: HashMap<Node, Words>,
}

/// Whether each word has to be set.
pub(super) fn needed(program: &Program) -> Vec<bool> {
    let mut analysis = Analysis {
        program,
        nodes: HashMap::new(),
    };
    let words = analysis.before_parser();
    (0..program.layout.words as u32)
        .map(|word| words.contains(word))
        .collect()
}

impl<'p> Analysis<'p> {
    /// What the switch itself reads, or who looks at the PHV whenever that may be.
    fn always(&self) -> Words {
        let program = self.program;
        let layout = &program.layout;
        let mut words = Words::none(program);
        for header in &layout.headers {
            words.insert(header.start);
            if header.variable.is_some() || header.words > MOVED_WORDS {
                (header.start..header.start + header.words).for_each(|word| words.insert(word));
            }
        }
        layout
            .stacks
            .iter()
            .for_each(|stack| words.insert(stack.next));
        let union_stacks = layout.union_stacks.iter();
        union_stacks.for_each(|stack| words.insert(stack.next));
        let standard = &program.standard;
        let fields = [
            &standard.ingress_port,
            &standard.packet_length,
            &standard.instance_type,
            &standard.egress_spec,
            &standard.egress_port,
        ];
        let optional = [
            &standard.parser_error,
            &standard.checksum_error,
            &standard.multicast_group,
            &standard.egress_rid,
            &standard.ingress_timestamp,
            &standard.egress_timestamp,
            &standard.enqueue_timestamp,
            &standard.enqueue_depth,
            &standard.dequeue_delay,
            &standard.dequeue_depth,
        ];
        let optional = optional.into_iter().flatten();
        fields
            .into_iter()
            .chain(optional)
            .for_each(|field| words.read(field));
        let lists = program.field_lists.values().chain(program.digests.values());
        for element in lists.flat_map(|list| &list.elements) {
            if let FieldListElement::Field(field) = element {
                words.read(field);
            }
        }
        words
    }

    fn before_parser(&mut self) -> Words {
        let program = self.program;
        let always = self.always();
        let mut live = always.clone();
        for checksum in program.checksums.iter().filter(|checksum| checksum.update) {
            if let Some(condition) = &checksum.condition {
                self.condition(condition, &mut live);
            }
            self.calculation(checksum.calculation, &mut live);
        }
        let end = live.clone();
        let live = self.operations(&program.deparser.ops, live, &end);
        let live = self.pipeline(program.egress.start, live);
        let mut end = self.pipeline(program.ingress.start, live);
        for checksum in program.checksums.iter().filter(|checksum| checksum.verify) {
            if let Some(condition) = &checksum.condition {
                self.condition(condition, &mut end);
            }
            self.calculation(checksum.calculation, &mut end);
        }
        let states = &program.parser.states;
        let mut before = vec![Words::none(program); states.len()];
        loop {
            let mut changed = false;
            for index in (0..states.len()).rev() {
                let words = self.parser_state(index, &before, &end);
                changed |= before[index] != words;
                before[index] = words;
            }
            if !changed {
                break;
            }
        }
        let mut live = end;
        if let Some(start) = program.parser.start {
            live.add(&before[start as usize]);
        }
        live.add(&always);
        live
    }

    /// What is read behind the start of a state of the parser.
    fn parser_state(&self, index: usize, before: &[Words], end: &Words) -> Words {
        let state = &self.program.parser.states[index];
        // Each operation may end the parser.
        let mut live = end.clone();
        for next in super::parser::successors(state) {
            live.add(&before[next as usize]);
        }
        for part in &state.key {
            match part {
                KeyPart::Field(field) => live.read(field),
                // An element that was extracted.
                KeyPart::StackLast { .. } | KeyPart::Lookahead { .. } => {}
                KeyPart::UnionStackLast { .. } => live.add_all(),
            }
        }
        for op in state.ops.iter().rev() {
            match op {
                ParseOp::Extract(Extraction::Header(header)) => {
                    let header = &self.program.layout.headers[*header as usize];
                    header
                        .fields
                        .iter()
                        .for_each(|item| live.written(&item.field));
                }
                ParseOp::Extract(_) => {}
                ParseOp::ExtractVariable(_, length) | ParseOp::Advance(length) => {
                    self.number(&length.node, &mut live);
                }
                ParseOp::Verify { condition, error } => {
                    self.condition(condition, &mut live);
                    self.number(&error.node, &mut live);
                }
                ParseOp::Run(OpAt { op, .. }) => self.operation(op, &mut live),
            }
            live.add(end);
        }
        live
    }

    /// What is read behind the start of a pipeline if this is read behind its end.
    fn pipeline(&mut self, start: Next, end: Words) -> Words {
        self.nodes.clear();
        // The loader has made sure that there are no loops.
        let mut open: Vec<Node> = start.into_iter().collect();
        while let Some(node) = open.last().copied() {
            let unknown = self.successors(node).into_iter().flatten();
            let before = open.len();
            open.extend(unknown.filter(|next| !self.nodes.contains_key(next)));
            if open.len() == before {
                open.pop();
                let words = self.node(node, &end);
                self.nodes.insert(node, words);
            }
        }
        self.behind(start, &end)
    }

    fn behind(&self, next: Next, end: &Words) -> Words {
        let node = next.and_then(|node| self.nodes.get(&node));
        node.unwrap_or(end).clone()
    }

    fn successors(&self, node: Node) -> Vec<Next> {
        match node {
            Node::Conditional(index) => {
                let conditional = &self.program.conditionals[index as usize];
                vec![conditional.then, conditional.otherwise]
            }
            Node::Table(index) => {
                let table = &self.program.tables[index as usize];
                let ids = actions(self.program, table);
                let mut all: Vec<Next> = ids.iter().map(|id| table.next[*id as usize]).collect();
                all.extend(table.next_hit);
                all.extend(table.next_miss);
                all.push(table.next_default);
                all
            }
        }
    }

    fn node(&self, node: Node, end: &Words) -> Words {
        match node {
            Node::Conditional(index) => {
                let conditional = &self.program.conditionals[index as usize];
                let mut live = self.behind(conditional.then, end);
                live.add(&self.behind(conditional.otherwise, end));
                self.condition(&conditional.condition, &mut live);
                live
            }
            Node::Table(index) => self.table(&self.program.tables[index as usize], end),
        }
    }

    fn table(&self, table: &Table, end: &Words) -> Words {
        if let Some(id) = only_action(self.program, table) {
            let next = table.next_miss.unwrap_or(table.next[id as usize]);
            let live = self.behind(next, end);
            return self.action(id, live, end);
        }
        let after = |by_action: Next| {
            let mut live = self.behind(table.next_hit.unwrap_or(by_action), end);
            live.add(&self.behind(table.next_miss.unwrap_or(by_action), end));
            live
        };
        let mut live = after(table.next_default);
        for id in actions(self.program, table) {
            let behind = after(table.next[id as usize]);
            live.add(&self.action(id, behind, end));
        }
        if let TableKind::WithSelector(profile) = table.kind {
            // Another action of the set may run before.
            live.add_all();
            if let Some(selector) = &self.program.profiles[profile as usize].selector {
                self.parts(&selector.input, &mut live);
            }
        }
        for element in &table.key {
            if let KeySource::Field { field, valid: None } = &element.source {
                live.read(field);
            }
        }
        live
    }

    fn action(&self, id: u32, behind: Words, end: &Words) -> Words {
        let action: &Action = &self.program.actions[id as usize];
        let mut live = behind;
        if action.loops {
            live.add_all();
            return live;
        }
        self.operations(&action.ops, live, end)
    }

    /// What is read behind the start of operations that jump ahead only.
    fn operations(&self, ops: &[OpAt], behind: Words, end: &Words) -> Words {
        // Behind each operation that something jumps to, and behind the last.
        let mut targets: HashMap<usize, Words> = HashMap::new();
        let place = |to: u32| (to as usize).min(ops.len());
        for op in ops {
            if let Op::Jump(to) | Op::JumpIfZero { to, .. } | Op::JumpUnless { to, .. } = &op.op {
                targets.insert(place(*to), behind.clone());
            }
        }
        let mut live = behind;
        for (i, op) in ops.iter().enumerate().rev() {
            let target = |to: u32| targets.get(&place(to));
            match &op.op {
                Op::Jump(to) => {
                    if let Some(words) = target(*to) {
                        live.clone_from(words);
                    }
                }
                Op::JumpIfZero { value, to } => {
                    target(*to).into_iter().for_each(|words| live.add(words));
                    self.number(&value.node, &mut live);
                }
                Op::JumpUnless { condition, to } => {
                    target(*to).into_iter().for_each(|words| live.add(words));
                    self.condition(condition, &mut live);
                }
                Op::Exit => live.add(end),
                Op::Assert { condition, .. } => {
                    live.add(end);
                    self.number(&condition.node, &mut live);
                }
                op => self.operation(op, &mut live),
            }
            if let Some(words) = targets.get_mut(&i) {
                words.clone_from(&live);
            }
        }
        live
    }

    /// Goes back over an operation that does not jump.
    fn operation(&self, op: &Op, live: &mut Words) {
        let mut numbers: Vec<&Expression> = Vec::new();
        match op {
            Op::SetWord { to, .. } | Op::CopyParameter { to, .. } => live.remove(*to),
            Op::CopyWord { to, from, .. } | Op::AddWord { to, from, .. } => {
                live.remove(*to);
                live.insert(*from);
            }
            Op::CopyField { to, from } => {
                live.written(to);
                live.read(from);
            }
            Op::Assign {
                to: FieldTarget::Fixed(to),
                value,
            } => {
                live.written(to);
                numbers.push(value);
            }
            Op::AssignVariable { from, .. } => live.read(from),
            Op::AssignHeader {
                to: HeaderRef::Fixed(_),
                from: HeaderRef::Fixed(_),
            }
            | Op::AddHeader(HeaderRef::Fixed(_))
            | Op::RemoveHeader(HeaderRef::Fixed(_))
            | Op::Nothing => {}
            Op::AddHeaderFast(HeaderRef::Fixed(header)) => {
                let header = &self.program.layout.headers[*header as usize];
                (header.start..header.start + header.words).for_each(|word| live.insert(word));
            }
            Op::Pop { count, .. } => numbers.push(count),
            Op::MarkToDrop {
                egress_spec,
                multicast_group,
            } => {
                live.written(egress_spec);
                multicast_group.iter().for_each(|group| live.written(group));
            }
            Op::Count { index, .. } | Op::ExecuteMeter { index, .. } => numbers.push(index),
            Op::RegisterRead { index, .. } => numbers.push(index),
            Op::RegisterWrite { index, value, .. } => numbers.extend([index, value]),
            Op::Hash {
                to: FieldTarget::Fixed(to),
                base,
                calculation,
                size,
            } => {
                live.written(to);
                self.calculation(*calculation, live);
                numbers.extend([base, size]);
            }
            Op::Digest { list } | Op::Resubmit { list } | Op::Recirculate { list } => {
                numbers.push(list);
            }
            Op::Clone { session, list } => numbers.extend([session, list]),
            Op::Truncate { length } => numbers.push(length),
            Op::LogMessage { arguments, .. } => numbers.extend(arguments),
            Op::Lookahead { to, .. } => live.written(to),
            _ => live.add_all(),
        }
        for number in numbers {
            self.number(&number.node, live);
        }
    }

    fn calculation(&self, index: u32, live: &mut Words) {
        self.parts(&self.program.calculations[index as usize].input, live);
    }

    fn parts(&self, parts: &[CalculationPart], live: &mut Words) {
        for part in parts {
            if let CalculationPart::Field(field) = part
                && self.program.layout.headers[field.header as usize].is_metadata
            {
                live.read(field);
            }
        }
    }

    fn condition(&self, condition: &Condition, live: &mut Words) {
        let boolean = match condition {
            Condition::Constant(_) => return,
            Condition::WordNotZero(word) | Condition::WordEquals(word, _) => {
                return live.insert(*word);
            }
            Condition::Other(boolean) => boolean,
        };
        match &**boolean {
            Boolean::Not(condition) => self.condition(condition, live),
            Boolean::And(left, right) | Boolean::Or(left, right) | Boolean::Equal(left, right) => {
                self.condition(left, live);
                self.condition(right, live);
            }
            Boolean::Choose(condition, then, otherwise) => {
                for condition in [condition, then, otherwise] {
                    self.condition(condition, live);
                }
            }
            Boolean::Compare { left, right, .. } => {
                self.number(left, live);
                self.number(right, live);
            }
            Boolean::NotZero(expression) => self.number(&expression.node, live),
            Boolean::Valid(HeaderRef::Fixed(_)) | Boolean::ValidUnion(_) => {}
            Boolean::Valid(_)
            | Boolean::ValidUnionElement { .. }
            | Boolean::HeadersEqual(..)
            | Boolean::UnionsEqual(..) => live.add_all(),
        }
    }

    fn number(&self, node: &Arithmetic, live: &mut Words) {
        match node {
            Arithmetic::Constant(_) | Arithmetic::BigConstant(_) | Arithmetic::Parameter { .. } => {
            }
            Arithmetic::Field(field) => live.read(field),
            Arithmetic::Word { word, .. }
            | Arithmetic::LastIndex(word)
            | Arithmetic::StackSize(word) => live.insert(*word),
            Arithmetic::StackLast { stack, field } => {
                let stack = &self.program.layout.stacks[*stack as usize];
                for index in 0..stack.elements.len() as u32 {
                    live.read(&Field {
                        word: field.word + index * stack.stride,
                        ..*field
                    });
                }
            }
            Arithmetic::UnionStackLast { .. } | Arithmetic::Access { .. } => live.add_all(),
            Arithmetic::Register { index, .. } => self.number(&index.node, live),
            Arithmetic::Add(pair)
            | Arithmetic::Subtract(pair)
            | Arithmetic::Multiply(pair)
            | Arithmetic::Divide(pair)
            | Arithmetic::Modulo(pair)
            | Arithmetic::And(pair)
            | Arithmetic::Or(pair)
            | Arithmetic::Xor(pair)
            | Arithmetic::ShiftLeft(pair)
            | Arithmetic::ShiftRight(pair) => {
                self.number(&pair[0], live);
                self.number(&pair[1], live);
            }
            Arithmetic::ShiftLeftBy(node, _)
            | Arithmetic::ShiftRightBy(node, _)
            | Arithmetic::Complement(node)
            | Arithmetic::Negate(node)
            | Arithmetic::TwoComplement(node, _)
            | Arithmetic::SaturateSigned(node, _)
            | Arithmetic::SaturateUnsigned(node, _) => self.number(node, live),
            Arithmetic::Conditional(choice) => {
                self.condition(&choice.0, live);
                self.number(&choice.1, live);
                self.number(&choice.2, live);
            }
            Arithmetic::FromBoolean(condition) => self.condition(condition, live),
        }
    }
}
