//! Parsers (specification, section 13).

use std::collections::HashMap;
use std::sync::Arc;

use super::scope::Symbol;
use super::{Checker, Place};
use crate::hir::{
    ControlPlaneName, KeySet, NextState, Parser, ParserId, SelectCase, State, StateId, Transition,
    Type, TypeId, ValueSet, ValueSetId, VarId,
};
use crate::source::Span;
use crate::syntax::ast::{self, Ident, Local};
use crate::warning::WarningClass;

type States = HashMap<Arc<str>, StateId>;

impl Checker<'_> {
    /// Checks a parser in the scope of its constructor parameters.
    pub(super) fn parser(&mut self, parser: &ast::Parser, objects: Vec<VarId>) -> ParserId {
        let params = self.params(&parser.head.params);
        // What it declares may have the names of parameters.
        self.scoped(|c| c.parser_body(parser, params, objects))
    }

    fn parser_body(
        &mut self,
        parser: &ast::Parser,
        params: Vec<VarId>,
        objects: Vec<VarId>,
    ) -> ParserId {
        let head = &parser.head;
        let mut locals = Vec::new();
        let mut value_sets = Vec::new();
        for local in &parser.locals {
            match local {
                Local::Constant(constant) => self.constant_declaration(constant),
                Local::Variable(variable) => locals.extend(self.variable(variable)),
                Local::Instantiation(instantiation) => self.local_instance(instantiation),
                Local::ValueSet(set) => value_sets.extend(self.value_set(set)),
                Local::Action(action) => {
                    self.error(action.name.span, "a parser cannot declare an action");
                }
                Local::Table(table) => {
                    self.error(table.name.span, "a parser cannot declare a table");
                }
                Local::Function(function) => {
                    let span = function.prototype.name.span;
                    self.unsupported(span, "a function inside a parser");
                }
            }
        }
        let names = self.state_names(&parser.states);
        let start = names.get("start").copied();
        if start.is_none() {
            let message = format!("the parser `{}` has no state `start`", head.name.name);
            self.error(head.name.span, message);
        }
        let states: Vec<State> = parser
            .states
            .iter()
            .map(|state| self.state(state, &names))
            .collect();
        if let Some(start) = start {
            self.check_reach(head, &states, start);
        }
        let annotations = self.annotations(&head.annotations);
        let id = ParserId(self.program.parsers.len() as u32);
        self.program.parsers.push(Parser {
            name: head.name.name.to_string(),
            control_plane_name: ControlPlaneName::new(&head.name.name, &annotations),
            params,
            constructor_params: objects,
            locals,
            instances: std::mem::take(&mut self.instances),
            value_sets,
            states,
            start: start.unwrap_or(StateId(0)),
            annotations,
            span: head.name.span,
        });
        id
    }

    /// A parser that never ends is an error; a state that nothing leads to is odd.
    fn check_reach(&mut self, head: &ast::BlockType, states: &[State], start: StateId) {
        let mut reached = vec![false; states.len()];
        let mut ends = false;
        let mut todo = vec![start];
        while let Some(id) = todo.pop() {
            let Some(state) = states.get(id.index()) else {
                continue;
            };
            if std::mem::replace(&mut reached[id.index()], true) {
                continue;
            }
            let mut go = |next: NextState| match next {
                NextState::State(state) => todo.push(state),
                NextState::Accept | NextState::Reject => ends = true,
            };
            match &state.transition {
                Transition::Direct(next) => go(*next),
                Transition::Select { cases, .. } => {
                    let all = |keys: &[KeySet]| keys.iter().all(|key| matches!(key, KeySet::Any));
                    if !cases.iter().any(|case| all(&case.keys)) {
                        go(NextState::Reject);
                    }
                    cases.iter().for_each(|case| go(case.next));
                }
            }
        }
        if !ends {
            let message = format!(
                "the parser `{}` never reaches `accept` or `reject`",
                head.name.name
            );
            self.error(head.name.span, message);
        }
        for (state, reached) in states.iter().zip(reached) {
            if !reached {
                let message = format!("no transition leads to the state `{}`", state.name);
                self.warning(WarningClass::Unreachable, state.span, message);
            }
        }
    }

    fn state_names(&mut self, states: &[ast::State]) -> States {
        let mut names = States::new();
        for (index, state) in states.iter().enumerate() {
            let name = &state.name;
            if matches!(&*name.name, "accept" | "reject") {
                let message = format!("the state `{}` is there without being declared", name.name);
                self.error(name.span, message);
            } else if names
                .insert(name.name.clone(), StateId(index as u32))
                .is_some()
            {
                self.error(
                    name.span,
                    format!("the state `{}` is declared twice", name.name),
                );
            }
        }
        names
    }

    fn state(&mut self, state: &ast::State, names: &States) -> State {
        let (body, transition) = self.at_place(Place::ParserState, |c| {
            c.scoped(|c| {
                c.count_statement();
                let body = c.block(&state.body);
                let transition = match &state.transition {
                    Some(transition) => c.transition(transition, names),
                    None => Transition::Direct(NextState::Reject),
                };
                (body, transition)
            })
        });
        let annotations = self.annotations(&state.annotations);
        State {
            name: state.name.name.to_string(),
            control_plane_name: ControlPlaneName::new(&state.name.name, &annotations),
            body,
            transition,
            annotations,
            span: state.name.span,
        }
    }

    fn next_state(&mut self, name: &Ident, names: &States) -> NextState {
        match &*name.name {
            "accept" => NextState::Accept,
            "reject" => NextState::Reject,
            other => match names.get(other) {
                Some(state) => NextState::State(*state),
                None => {
                    self.error(
                        name.span,
                        format!("there is no state `{other}` in this parser"),
                    );
                    NextState::Reject
                }
            },
        }
    }

    fn transition(&mut self, transition: &ast::Transition, names: &States) -> Transition {
        let (exprs, cases, span) = match transition {
            ast::Transition::Direct(name) => {
                return Transition::Direct(self.next_state(name, names));
            }
            ast::Transition::Select { exprs, cases, span } => (exprs, cases, *span),
        };
        let exprs: Vec<_> = match exprs.as_slice() {
            // `select({a, b})` is `select(a, b)`.
            [
                ast::Expr {
                    kind: ast::ExprKind::List(items),
                    ..
                },
            ] => items.iter(),
            exprs => exprs.iter(),
        }
        .map(|expr| self.expr(expr))
        .collect();
        let types: Vec<TypeId> = exprs.iter().map(|expr| expr.ty).collect();
        for expr in &exprs {
            self.selectable(expr.ty, expr.span);
        }
        let mut checked = Vec::with_capacity(cases.len());
        for case in cases {
            let keys = self.key_sets(&case.keys, &types);
            let next = self.next_state(&case.next, names);
            if let Some(keys) = keys {
                checked.push(SelectCase {
                    keys,
                    next,
                    span: case.keys.span.to(case.next.span),
                });
            }
        }
        Transition::Select {
            exprs,
            cases: checked,
            span,
        }
    }

    fn selectable(&mut self, ty: TypeId, span: Span) {
        let fits = matches!(
            self.ty(self.program.underlying(ty)),
            Type::Bit(_)
                | Type::Signed(_)
                | Type::Bool
                | Type::Enum(_)
                | Type::Error
                | Type::Unknown
        );
        if !fits {
            let message = format!("`select` does not work on {}", self.show(ty));
            self.error(span, message);
        }
    }

    fn value_set(&mut self, set: &ast::ValueSet) -> Option<ValueSetId> {
        let element = self.value_type(&set.element);
        let size = self.constant_integer(&set.size, "the size of a value set");
        let annotations = self.annotations(&set.annotations);
        let (Some(size), false) = (size, self.is_unknown(element)) else {
            self.declare(&set.name, Symbol::Bad);
            return None;
        };
        let Ok(size) = u64::try_from(&size) else {
            self.error(
                set.size.span,
                format!("{size} is not the size of a value set"),
            );
            self.declare(&set.name, Symbol::Bad);
            return None;
        };
        let id = ValueSetId(self.program.value_sets.len() as u32);
        self.program.value_sets.push(ValueSet {
            name: set.name.name.to_string(),
            control_plane_name: ControlPlaneName::new(&set.name.name, &annotations),
            element,
            size,
            annotations,
            span: set.name.span,
        });
        self.declare(&set.name, Symbol::ValueSet(id));
        Some(id)
    }
}
