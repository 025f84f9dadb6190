//! Values that are read before they are written, and fields of headers that are invalid.
//!
//! Each body is looked at on its own. What a control's actions write counts as written where a
//! table or action is called, on whichever way that happens; an action itself may rely on the
//! variables of its control.

use std::collections::{HashMap, HashSet};

use super::flow::{Effort, Facts, State, join, leaves, path, place, root};
use super::{is_silenced, warn};
use crate::diagnostic::Diagnostics;
use crate::hir::visit::{Visitor, walk_block};
use crate::hir::{
    ActionId, Annotations, Arg, Block, Call, Callee, Const, Direction, Expr, ExprKind, ExternParam,
    InstanceId, InstanceKind, NextState, Parser, Program, Stmt, StmtKind, TableId, Transition,
    VarId, VarKind,
};
use crate::source::Span;
use crate::warning::WarningClass;

/// More work than this is not done: so many elements of the sets are copied. What was found until
/// then is said.
const EFFORT_LIMIT: usize = 2_000_000;

/// A parser whose states were looked at more often than this is given up.
const ROUNDS_LIMIT: usize = 20_000;

pub(super) fn lint(program: &Program, diagnostics: &mut Diagnostics) {
    let writes = Writes::new(program);
    let mut flow = Flow {
        program,
        diagnostics,
        writes: &writes,
        effort: Effort::new(EFFORT_LIMIT),
        returned: None,
        loops: Vec::new(),
        quiet: false,
    };
    for function in &program.functions {
        flow.body(&function.name, &function.params, &[], &function.body);
    }
    for action in &program.actions {
        flow.body(&action.name, &action.params, &[], &action.body);
    }
    for control in &program.controls {
        flow.body(
            &control.name,
            &control.params,
            &control.locals,
            &control.body,
        );
    }
    for parser in &program.parsers {
        flow.parser(parser);
    }
}

/// A loop is gone round so often at most.
const LOOP_ROUNDS: usize = 4;

/// The variables that actions write, those of the actions that they call included.
struct Writes {
    actions: HashMap<ActionId, HashSet<VarId>>,
}

impl Writes {
    fn new(program: &Program) -> Self {
        let mut writes = Self {
            actions: HashMap::new(),
        };
        // An action calls only actions that are declared before it.
        for (index, action) in program.actions.iter().enumerate() {
            let mut collector = Collector {
                known: &writes.actions,
                vars: HashSet::new(),
            };
            walk_block(&mut collector, &action.body);
            let vars = collector.vars;
            writes.actions.insert(ActionId(index as u32), vars);
        }
        writes
    }

    fn of_table(&self, program: &Program, table: TableId) -> HashSet<VarId> {
        let mut vars = HashSet::new();
        for listed in &program[table].actions {
            if let Some(written) = self.actions.get(&listed.action) {
                vars.extend(written);
            }
            let targets = listed.args.iter().filter_map(Arg::expr).filter_map(root);
            vars.extend(targets);
        }
        vars
    }
}

/// Finds what a body writes; an argument counts whatever its direction.
struct Collector<'a> {
    known: &'a HashMap<ActionId, HashSet<VarId>>,
    vars: HashSet<VarId>,
}

impl Visitor for Collector<'_> {
    fn stmt(&mut self, stmt: &Stmt) -> bool {
        match &stmt.kind {
            StmtKind::Assign { target, .. }
            | StmtKind::SetValid(target)
            | StmtKind::SetInvalid(target)
            | StmtKind::PushFront { stack: target, .. }
            | StmtKind::PopFront { stack: target, .. } => self.vars.extend(root(target)),
            StmtKind::CallAction { action, .. } => {
                if let Some(written) = self.known.get(action) {
                    self.vars.extend(written);
                }
            }
            _ => {}
        }
        true
    }

    fn arg(&mut self, arg: &Arg) {
        self.vars.extend(arg.expr().and_then(root));
    }
}

/// What is known where a loop is left, and where a round of it is.
#[derive(Default)]
struct Jumps {
    broken: State,
    continued: State,
}

struct Flow<'a> {
    program: &'a Program,
    diagnostics: &'a mut Diagnostics,
    writes: &'a Writes,
    effort: Effort,
    /// What is known where the body at hand returns.
    returned: State,
    /// The loops around the statement at hand, innermost last.
    loops: Vec<Jumps>,
    /// Whether nothing is to be said yet, for not all ways are known.
    quiet: bool,
}

impl Flow<'_> {
    fn warn(
        &mut self,
        class: WarningClass,
        annotations: &Annotations,
        span: Span,
        message: String,
    ) {
        if !self.quiet && !is_silenced(annotations, class) {
            warn(self.diagnostics, class, span, message);
        }
    }

    fn body(&mut self, name: &str, params: &[VarId], locals: &[Stmt], body: &Block) {
        let mut state = Some(Facts::new(&self.effort));
        self.declare_out(params, &mut state);
        for stmt in locals {
            self.stmt(stmt, &mut state);
        }
        self.returned = None;
        self.block(body, &mut state);
        let end = join(state, self.returned.take());
        self.check_out(name, params, end);
    }

    fn declare_out(&self, params: &[VarId], state: &mut State) {
        let Some(facts) = state else { return };
        for &param in params {
            // A header that is an `out` parameter is invalid at first (specification, 6.8), but
            // who reads it there mostly has a reason.
            if self.program[param].kind == VarKind::Param(Direction::Out) {
                facts.declare(self.program, param);
                facts.forget(&(param, Vec::new()));
            }
        }
    }

    fn check_out(&mut self, name: &str, params: &[VarId], end: State) {
        let Some(facts) = end else { return };
        for &param in params {
            let var = &self.program[param];
            let open = facts.has_unwritten(param);
            if open && var.kind == VarKind::Param(Direction::Out) {
                let message = format!(
                    "the out parameter `{}` may be uninitialized when `{name}` ends",
                    var.name
                );
                let class = WarningClass::UninitializedOutParam;
                self.warn(class, &var.annotations, var.span, message);
            }
        }
    }

    /// The states of a parser, until nothing changes any more; only then it is said what is wrong.
    fn parser(&mut self, parser: &Parser) {
        let mut start = Some(Facts::new(&self.effort));
        self.declare_out(&parser.params, &mut start);
        self.quiet = true;
        for stmt in &parser.locals {
            self.stmt(stmt, &mut start);
        }
        let mut entry: Vec<State> = vec![None; parser.states.len()];
        entry[parser.start.0 as usize] = start;
        let mut open = vec![parser.start.0 as usize];
        let mut rounds = 0;
        while let Some(index) = open.pop() {
            rounds += 1;
            if rounds > ROUNDS_LIMIT {
                self.quiet = false;
                return;
            }
            let mut state = entry[index].clone();
            for next in self.parser_state(parser, index, &mut state) {
                if let NextState::State(id) = next {
                    let id = id.0 as usize;
                    let joined = join(entry[id].clone(), state.clone());
                    if joined != entry[id] {
                        entry[id] = joined;
                        open.push(id);
                    }
                }
            }
        }
        self.quiet = false;
        let mut end = None;
        for (index, mut state) in entry.into_iter().enumerate() {
            let next = self.parser_state(parser, index, &mut state);
            if next.contains(&NextState::Accept) {
                end = join(end, state);
            }
        }
        self.check_out(&parser.name, &parser.params, end);
    }

    /// Runs through a state, and says where it may go.
    fn parser_state(&mut self, parser: &Parser, index: usize, state: &mut State) -> Vec<NextState> {
        let declared = &parser.states[index];
        self.block(&declared.body, state);
        match &declared.transition {
            Transition::Direct(next) => vec![*next],
            Transition::Select { exprs, cases, .. } => {
                for expr in exprs {
                    self.read(expr, state);
                }
                cases.iter().map(|case| case.next).collect()
            }
        }
    }

    fn block(&mut self, block: &Block, state: &mut State) {
        for stmt in &block.stmts {
            // What comes after `return` and `exit` does not run.
            if state.is_none() || self.effort.is_spent() {
                *state = None;
                return;
            }
            self.stmt(stmt, state);
        }
    }

    fn stmt(&mut self, stmt: &Stmt, state: &mut State) {
        match &stmt.kind {
            StmtKind::Assign { target, value } => {
                self.read(value, state);
                self.write(target, state);
            }
            StmtKind::VarDecl { var, init } => match init {
                Some(init) => {
                    self.read(init, state);
                    if let Some(facts) = state {
                        facts.written_elsewhere(&HashSet::from([*var]));
                    }
                }
                None => {
                    if let Some(facts) = state {
                        facts.declare(self.program, *var);
                    }
                }
            },
            StmtKind::Call(call) => self.call(call, state),
            StmtKind::CallAction { action, args } => {
                let params = self.program[*action].params.clone();
                let writes = self.writes;
                self.args(&params, args, state, |state| {
                    if let (Some(facts), Some(vars)) = (state, writes.actions.get(action)) {
                        facts.written_elsewhere(vars);
                    }
                });
            }
            StmtKind::ApplyTable(table) => self.apply(*table, state),
            StmtKind::ApplyControl { instance, args }
            | StmtKind::ApplyParser { instance, args } => {
                let params = self.params(*instance);
                self.args(&params, args, state, |_| {});
            }
            StmtKind::SetValid(header) => self.write(header, state),
            StmtKind::SetInvalid(header) => {
                if let (Some(facts), Some(path)) = (state, path(header)) {
                    facts.invalidate(path);
                }
            }
            StmtKind::PushFront { stack, .. } | StmtKind::PopFront { stack, .. } => {
                self.write(stack, state);
            }
            StmtKind::If {
                condition,
                then,
                otherwise,
            } => {
                self.read(condition, state);
                let mut other = match condition.constant() {
                    Some(Const::Bool(true)) => None,
                    _ => state.clone(),
                };
                if let Some(Const::Bool(false)) = condition.constant() {
                    *state = None;
                }
                self.block(then, state);
                self.block(otherwise, &mut other);
                *state = join(state.take(), other);
            }
            StmtKind::Block(block) => self.block(block, state),
            StmtKind::SwitchAction { table, cases } => {
                self.apply(*table, state);
                let bodies = cases.iter().map(|case| (&case.body, case.default));
                self.cases(bodies.collect(), state);
            }
            StmtKind::SwitchValue { value, cases } => {
                self.read(value, state);
                let bodies = cases.iter().map(|case| (&case.body, case.default));
                self.cases(bodies.collect(), state);
            }
            StmtKind::Return(value) => {
                if let Some(value) = value {
                    self.read(value, state);
                }
                self.returned = join(self.returned.take(), state.take());
            }
            StmtKind::Loop {
                condition,
                body,
                update,
            } => self.rounds(condition, body, update, state),
            StmtKind::Break => {
                if let Some(jumps) = self.loops.last_mut() {
                    jumps.broken = join(jumps.broken.take(), state.take());
                }
            }
            StmtKind::Continue => {
                if let Some(jumps) = self.loops.last_mut() {
                    jumps.continued = join(jumps.continued.take(), state.take());
                }
            }
            StmtKind::Exit => *state = None,
        }
    }

    /// Goes round a loop until nothing changes any more; only then it is said what is wrong.
    fn rounds(&mut self, condition: &Expr, body: &Block, update: &Block, state: &mut State) {
        let quiet = std::mem::replace(&mut self.quiet, true);
        let returned = self.returned.clone();
        let mut head = state.take();
        for _ in 0..LOOP_ROUNDS {
            let mut end = head.clone();
            self.round(condition, body, update, &mut end);
            let joined = join(head.clone(), end);
            if joined == head {
                break;
            }
            head = joined;
        }
        self.quiet = quiet;
        self.returned = returned;
        let mut end = head.clone();
        let broken = self.round(condition, body, update, &mut end);
        // The condition is false at the end; it was looked at already.
        *state = join(join(head, end), broken);
    }

    /// Goes round a loop once; what is known where it is left by `break`.
    fn round(
        &mut self,
        condition: &Expr,
        body: &Block,
        update: &Block,
        state: &mut State,
    ) -> State {
        self.loops.push(Jumps::default());
        self.read(condition, state);
        self.block(body, state);
        let jumps = self.loops.pop().unwrap_or_default();
        *state = join(state.take(), jumps.continued);
        self.block(update, state);
        jumps.broken
    }

    fn cases(&mut self, cases: Vec<(&Block, bool)>, state: &mut State) {
        let before = state.take();
        let has_default = cases.iter().any(|(_, default)| *default);
        let mut after = if has_default { None } else { before.clone() };
        for (body, _) in cases {
            let mut state = before.clone();
            self.block(body, &mut state);
            after = join(after, state);
        }
        *state = after;
    }

    fn params(&self, instance: InstanceId) -> Vec<VarId> {
        match self.program[instance].kind {
            InstanceKind::Parser { parser, .. } => self.program[parser].params.clone(),
            InstanceKind::Control { control, .. } => self.program[control].params.clone(),
            InstanceKind::Extern { .. } => Vec::new(),
        }
    }

    fn apply(&mut self, table: TableId, state: &mut State) {
        let program = self.program;
        for element in &program[table].key {
            self.read(&element.expr, state);
        }
        if let Some(facts) = state {
            facts.written_elsewhere(&self.writes.of_table(program, table));
        }
    }

    /// Arguments: those that are read, then what the call does itself, then those that are
    /// written.
    fn args(
        &mut self,
        params: &[VarId],
        args: &[Arg],
        state: &mut State,
        call: impl FnOnce(&mut State),
    ) {
        let direction = |param: &VarId| match self.program[*param].kind {
            VarKind::Param(direction) => direction,
            VarKind::ConstructorParam | VarKind::Local => Direction::None,
        };
        let directions: Vec<Direction> = params.iter().map(direction).collect();
        self.directed(&directions, args, state, call);
    }

    fn directed(
        &mut self,
        directions: &[Direction],
        args: &[Arg],
        state: &mut State,
        call: impl FnOnce(&mut State),
    ) {
        let exprs = || {
            let pairs = directions.iter().zip(args);
            pairs.filter_map(|(direction, arg)| Some((*direction, arg.expr()?)))
        };
        for (direction, expr) in exprs() {
            if direction != Direction::Out {
                self.read(expr, state);
            }
        }
        call(state);
        for (direction, expr) in exprs() {
            if direction.writes() {
                self.write(expr, state);
            }
        }
    }

    fn call(&mut self, call: &Call, state: &mut State) {
        let program = self.program;
        let extern_directions = |params: &[ExternParam]| -> Vec<Direction> {
            params.iter().map(|p| p.direction).collect()
        };
        let directions = match &call.callee {
            Callee::Function(id) => {
                let params = program[*id].params.clone();
                return self.args(&params, &call.args, state, |_| {});
            }
            Callee::ExternFunction(id) => extern_directions(&program[*id].params),
            Callee::ExternMethod {
                extern_object,
                method,
                ..
            } => extern_directions(&program[*extern_object].methods[*method].params),
        };
        self.directed(&directions, &call.args, state, |_| {});
    }

    fn write(&mut self, target: &Expr, state: &mut State) {
        self.indices(target, state);
        if let ExprKind::Field { base, .. } = &target.kind {
            self.check_valid(base, "writes", target.span, state);
        }
        if let Some(facts) = state {
            facts.write(self.program, target);
        }
    }

    /// A field of a header is read or written.
    fn check_valid(&mut self, header: &Expr, does: &str, span: Span, state: &mut State) {
        let Some(facts) = state else { return };
        if let Some(path) = path(header).filter(|path| facts.is_invalid(path)) {
            facts.forget(&path);
            let annotations = self.program[path.0].annotations.clone();
            let message = format!("this {does} a field of a header that is invalid");
            self.warn(WarningClass::InvalidHeader, &annotations, span, message);
        }
    }

    /// The indices in an l-value are read.
    fn indices(&mut self, target: &Expr, state: &mut State) {
        match &target.kind {
            ExprKind::StackElement { base, index } => {
                self.indices(base, state);
                self.read(index, state);
            }
            ExprKind::Field { base, .. }
            | ExprKind::TupleElement { base, .. }
            | ExprKind::StackNext(base)
            | ExprKind::StackLast(base)
            | ExprKind::Slice { base, .. } => self.indices(base, state),
            _ => {}
        }
    }

    fn read(&mut self, expr: &Expr, state: &mut State) {
        let Some(facts) = state else { return };
        if let Some((var, parts)) = place(self.program, expr) {
            let whole = leaves(self.program, self.program[var].ty);
            let open = parts
                .clone()
                .filter(|part| facts.is_unwritten((var, *part)));
            let open = open.count();
            if open > 0 {
                let name = &self.program[var].name;
                let message = if open < parts.len() {
                    format!("`{name}` may not be completely initialized")
                } else if parts.len() < whole {
                    format!("this part of `{name}` may be uninitialized")
                } else {
                    format!("`{name}` may be uninitialized")
                };
                let annotations = &self.program[var].annotations.clone();
                let class = WarningClass::UninitializedUse;
                self.warn(class, annotations, expr.span, message);
                // Once is enough.
                if let Some(facts) = state {
                    facts.wrote(var, parts);
                }
            }
            return;
        }
        match &expr.kind {
            ExprKind::Field { base, .. } => {
                self.check_valid(base, "reads", expr.span, state);
                self.read(base, state);
            }
            ExprKind::TupleElement { base, .. }
            | ExprKind::StackNext(base)
            | ExprKind::StackLast(base)
            | ExprKind::StackLastIndex(base)
            | ExprKind::Slice { base, .. }
            | ExprKind::Unary { operand: base, .. }
            | ExprKind::Cast(base) => self.read(base, state),
            // Whether a header is valid is always known.
            ExprKind::IsValid(base) => self.indices(base, state),
            ExprKind::StackElement { base, index } => {
                self.read(base, state);
                self.read(index, state);
            }
            ExprKind::Binary { left, right, .. } => {
                self.read(left, state);
                self.read(right, state);
            }
            ExprKind::Conditional {
                condition,
                then,
                otherwise,
            } => {
                self.read(condition, state);
                let mut other = state.clone();
                self.read(then, state);
                self.read(otherwise, &mut other);
                *state = join(state.take(), other);
            }
            ExprKind::List(items) => {
                for item in items {
                    self.read(item, state);
                }
            }
            ExprKind::Call(call) => self.call(call, state),
            ExprKind::TableHit(table) | ExprKind::TableMiss(table) => self.apply(*table, state),
            ExprKind::Const(_) | ExprKind::Var(_) | ExprKind::InvalidHeader => {}
        }
    }
}
