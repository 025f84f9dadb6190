//! The parser.

use bmv2_json::{
    Expression, ExtractTarget, HexString, ParseState, ParseValueSet, Parser, ParserOp, Transition,
    Value,
};

use super::super::ir::{self, HeaderRef, StmtKind};
use super::{Emitted, Emitter};
use crate::diagnostic::Diagnostic;

impl Emitter<'_> {
    /// Emits the parser and its value sets.
    pub(super) fn parser(&mut self) -> Emitted<()> {
        let program = self.program;
        for (set, id) in program.value_sets.iter().zip(0u32..) {
            self.document.parse_vsets.push(ParseValueSet {
                name: set.name.clone(),
                id,
                compressed_bitwidth: set.width,
                max_size: Some(set.size),
            });
        }
        let mut states = Vec::with_capacity(program.states.len());
        for (state, id) in program.states.iter().zip(0u32..) {
            let mut ops = Vec::with_capacity(state.ops.len());
            for stmt in &state.ops {
                ops.push(self.parser_op(stmt)?);
            }
            states.push(ParseState {
                name: state.name.clone(),
                id,
                parser_ops: ops,
                transitions: state
                    .transitions
                    .iter()
                    .map(|t| self.transition(t))
                    .collect(),
                transition_key: state
                    .key
                    .iter()
                    .map(|key| self.values().field(key))
                    .collect(),
            });
        }
        let init_state = program.states.first().map(|state| state.name.clone());
        self.document.parsers.push(Parser {
            name: "parser".to_owned(),
            id: 0,
            init_state: init_state.unwrap_or_default(),
            parse_states: states,
        });
        Ok(())
    }

    fn parser_op(&mut self, stmt: &ir::Stmt) -> Emitted<ParserOp> {
        let values = self.values();
        match &stmt.kind {
            // `set` can do what `assign` cannot: look ahead.
            StmtKind::Assign(target, value) if !matches!(value.ty, ir::ScalarType::Varbit(_)) => {
                Ok(ParserOp::Set(values.target(target), values.data(value)))
            }
            StmtKind::Parse(op) => match op {
                ir::ParserOp::Extract(header) => Ok(ParserOp::Extract((self.extract(header),))),
                ir::ParserOp::ExtractVariable(header, size) => {
                    let size = Value::expression(Expression::Value(values.inner(size)));
                    Ok(ParserOp::ExtractVl(self.extract(header), size))
                }
                ir::ParserOp::Advance(bits) => Ok(ParserOp::Advance((values.inner(bits),))),
                ir::ParserOp::Verify(condition, error) => Ok(ParserOp::Verify(
                    values.inner(condition),
                    values.inner(error),
                )),
                ir::ParserOp::Parser { .. } => {
                    let text = "this parser is not supported here on this target";
                    Err(Diagnostic::error(stmt.span, text).into())
                }
            },
            _ => Ok(ParserOp::Primitive((self.simple(stmt)?,))),
        }
    }

    fn extract(&self, header: &HeaderRef) -> ExtractTarget {
        match header {
            HeaderRef::Instance(id) => {
                ExtractTarget::Regular(self.program.headers[id.0].name.clone())
            }
            HeaderRef::Next(stack) | HeaderRef::Last(stack) | HeaderRef::Element(stack, _) => {
                ExtractTarget::Stack(self.program.stacks[stack.0].name.clone())
            }
        }
    }

    fn transition(&self, transition: &ir::Transition) -> Transition {
        let name = |next: &Option<usize>| next.map(|next| self.program.states[next].name.clone());
        match transition {
            ir::Transition::Default(next) => Transition::Default {
                next_state: name(next),
            },
            ir::Transition::Value {
                value,
                mask,
                bytes,
                next,
            } => Transition::Value {
                value: HexString::new(value, *bytes as usize),
                mask: mask
                    .as_ref()
                    .map(|mask| HexString::new(mask, *bytes as usize)),
                next_state: name(next),
            },
            ir::Transition::ValueSet { set, next } => Transition::ValueSet {
                value_set: self.program.value_sets[*set].name.clone(),
                mask: None,
                next_state: name(next),
            },
        }
    }
}
