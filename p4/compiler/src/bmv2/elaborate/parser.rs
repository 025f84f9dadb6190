//! Parsers: states, and the branches, scopes and parsers inside them.
//!
//! A parser state of BMv2 has no branches. A statement that branches ends the state that it
//! stands in; the branches and what comes after them are states of their own.

use std::collections::HashMap;

use crate::diagnostic::Diagnostic;
use crate::hir::{self, Arg, InstanceId, InstanceKind, NextState};
use crate::source::Span;

use super::super::ir::{Label, ParserOp, State, Stmt, StmtKind, Transition};
use super::assign::push;
use super::expr::unsupported;
use super::value::{Storage, Value};
use super::{Elaborator, Frame, Lowered};

impl Elaborator<'_> {
    /// The parser of the package.
    pub(super) fn top_parser(&mut self, id: InstanceId, args: &[Option<Value>]) -> Lowered<()> {
        let program = self.program;
        let InstanceKind::Parser { parser, .. } = program[id].kind else {
            let text = "a parser is expected as the first argument of the package";
            return Err(Diagnostic::error(program[id].span, text).into());
        };
        let parser = &program[parser];
        let mut frame = self.frame(id, parser.name.clone())?;
        super::bind_top(&mut frame, &parser.params, args);
        self.parser_states(frame, parser, "", None);
        Ok(())
    }

    /// `instance.apply(...)` of a parser.
    pub(super) fn apply_parser(
        &mut self,
        id: InstanceId,
        args: &[Arg],
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        let program = self.program;
        let InstanceKind::Parser { parser, .. } = program[id].kind else {
            return Err(Diagnostic::error(span, "a parser is expected here").into());
        };
        let parser = &program[parser];
        let binding = self.bind(&parser.params, args, &Storage::default(), span, out)?;
        let prefix = self
            .frames
            .last()
            .map(|frame| frame.prefix.clone())
            .unwrap_or_default();
        let mut frame = self.frame(id, program[id].control_plane_name.under(&prefix))?;
        frame.vars.extend(binding.vars);
        frame.objects.extend(binding.objects);
        let name = format!("{}_", program[id].name);
        let end = self.new_state(&format!("{name}accept"));
        let start = self.parser_states(frame, parser, &name, Some(end));
        push(out, StmtKind::Parse(ParserOp::Parser { start, end }), span);
        self.copy_back(&binding.copy_out, span, out)
    }

    /// The states of a parser whose parameters are bound in `frame`; the first one. `accept` is
    /// where its `accept` goes.
    fn parser_states(
        &mut self,
        frame: Frame,
        parser: &hir::Parser,
        prefix: &str,
        accept: Option<usize>,
    ) -> usize {
        self.frames.push(frame);
        let mut setup = Vec::new();
        self.stmts(&parser.locals, &mut setup);
        let before = (!setup.is_empty()).then(|| self.new_state(&format!("{prefix}start")));
        // The first state of the package's parser comes first.
        let mut order: Vec<usize> = (0..parser.states.len()).collect();
        order.sort_by_key(|&index| index != parser.start.index());
        let mut ids = vec![0; parser.states.len()];
        for index in order {
            ids[index] = self.new_state(&format!("{prefix}{}", parser.states[index].name));
        }
        let next = |next: NextState| match next {
            NextState::Accept => accept,
            NextState::Reject => None,
            NextState::State(id) => ids.get(id.index()).copied(),
        };
        let start = ids.get(parser.start.index()).copied().unwrap_or_default();
        if let Some(before) = before {
            self.recover(|this| {
                let end = this.split(&setup, before, &mut HashMap::new())?;
                this.goto(end, Some(start));
                Ok(())
            });
        }
        for (state, &id) in parser.states.iter().zip(&ids) {
            self.recover(|this| {
                let mut body = Vec::new();
                this.stmts(&state.body.stmts, &mut body);
                let end = this.split(&body, id, &mut HashMap::new())?;
                if let Some(end) = end {
                    this.transition(&state.transition, end, &next)?;
                }
                Ok(())
            });
        }
        self.frames.pop();
        before.unwrap_or(start)
    }

    /// A new state without anything in it.
    pub(super) fn new_state(&mut self, name: &str) -> usize {
        let name = self.state_names.unique(name);
        self.flat.states.push(State {
            name,
            ops: Vec::new(),
            key: Vec::new(),
            transitions: Vec::new(),
        });
        self.flat.states.len() - 1
    }

    fn goto(&mut self, from: Option<usize>, next: Option<usize>) {
        if let Some(from) = from {
            self.flat.states[from]
                .transitions
                .push(Transition::Default(next));
        }
    }

    /// Puts statements into states, beginning in `state`. The state in which they end, if they
    /// do.
    pub(super) fn split(
        &mut self,
        stmts: &[Stmt],
        mut state: usize,
        labels: &mut HashMap<Label, usize>,
    ) -> Lowered<Option<usize>> {
        for stmt in stmts {
            match &stmt.kind {
                StmtKind::If {
                    condition,
                    then,
                    otherwise,
                    ..
                } => {
                    let mut ops = Vec::new();
                    let field = self.condition_field(condition.clone(), stmt.span, &mut ops);
                    self.flat.states[state].ops.append(&mut ops);
                    let name = self.flat.states[state].name.clone();
                    let then_state = self.new_state(&format!("{name}_true"));
                    let otherwise_state = self.new_state(&format!("{name}_false"));
                    let join = self.new_state(&format!("{name}_join"));
                    let from = &mut self.flat.states[state];
                    from.key.push(field);
                    from.transitions.push(Transition::Value {
                        value: 1.into(),
                        mask: None,
                        bytes: 1,
                        next: Some(then_state),
                    });
                    from.transitions
                        .push(Transition::Default(Some(otherwise_state)));
                    let end = self.split(then, then_state, labels)?;
                    self.goto(end, Some(join));
                    let end = self.split(otherwise, otherwise_state, labels)?;
                    self.goto(end, Some(join));
                    state = join;
                }
                StmtKind::Scope(label, body) => {
                    let name = self.flat.states[state].name.clone();
                    let join = self.new_state(&format!("{name}_join"));
                    labels.insert(*label, join);
                    let end = self.split(body, state, labels)?;
                    self.goto(end, Some(join));
                    state = join;
                }
                StmtKind::Leave(label) => {
                    self.goto(Some(state), labels.get(label).copied());
                    return Ok(None);
                }
                StmtKind::Parse(ParserOp::Parser { start, end }) => {
                    self.goto(Some(state), Some(*start));
                    state = *end;
                }
                StmtKind::Exit
                | StmtKind::Repeat(_)
                | StmtKind::Apply(..)
                | StmtKind::RunAction(_)
                | StmtKind::Emit(_)
                | StmtKind::Checksum(_) => {
                    return Err(unsupported(stmt.span, "this statement in a parser"));
                }
                StmtKind::Assign(..)
                | StmtKind::AssignHeader(..)
                | StmtKind::AssignStack(..)
                | StmtKind::AddHeader(_)
                | StmtKind::RemoveHeader(_)
                | StmtKind::Push(..)
                | StmtKind::Pop(..)
                | StmtKind::Primitive(_)
                | StmtKind::Parse(_) => self.flat.states[state].ops.push(stmt.clone()),
            }
        }
        Ok(Some(state))
    }
}
