//! Declarations that nothing uses.

use std::collections::HashSet;

use super::{is_silenced, warn};
use crate::diagnostic::Diagnostics;
use crate::hir::visit::{Visitor, walk_block, walk_expr, walk_stmt};
use crate::hir::{
    ActionId, Annotations, Arg, Call, Callee, Expr, ExprKind, InstanceId, KeySet, ObjectRef,
    Program, Stmt, StmtKind, TableId, Transition, VarId, VarKind,
};
use crate::source::Span;
use crate::warning::WarningClass;

/// The places of the declarations that are used.
struct Used<'p> {
    program: &'p Program,
    spans: HashSet<Span>,
}

impl Used<'_> {
    fn var(&mut self, id: VarId) {
        self.spans.insert(self.program[id].span);
    }

    fn action(&mut self, id: ActionId) {
        self.spans.insert(self.program[id].span);
    }

    fn table(&mut self, id: TableId) {
        self.spans.insert(self.program[id].span);
    }

    fn instance(&mut self, id: InstanceId) {
        self.spans.insert(self.program[id].span);
    }

    fn object(&mut self, object: ObjectRef) {
        match object {
            ObjectRef::Instance(id) => self.instance(id),
            ObjectRef::Param(id) => self.var(id),
        }
    }

    fn program(&mut self) {
        let program = self.program;
        for function in &program.functions {
            walk_block(self, &function.body);
        }
        for action in &program.actions {
            walk_block(self, &action.body);
        }
        for instance in &program.instances {
            self.constructed(&instance.kind);
        }
        for parser in &program.parsers {
            for stmt in &parser.locals {
                walk_stmt(self, stmt);
            }
            for state in &parser.states {
                walk_block(self, &state.body);
                let Transition::Select { exprs, cases, .. } = &state.transition else {
                    continue;
                };
                for expr in exprs {
                    walk_expr(self, expr);
                }
                for key in cases.iter().flat_map(|case| &case.keys) {
                    if let KeySet::ValueSet(id) = key {
                        self.spans.insert(program[*id].span);
                    }
                }
            }
        }
        for control in &program.controls {
            for stmt in &control.locals {
                walk_stmt(self, stmt);
            }
            walk_block(self, &control.body);
        }
        for table in &program.tables {
            for element in &table.key {
                walk_expr(self, &element.expr);
            }
            for listed in &table.actions {
                self.action(listed.action);
                for arg in &listed.args {
                    self.arg(arg);
                    if let Some(expr) = arg.expr() {
                        walk_expr(self, expr);
                    }
                }
            }
            let objects = [table.implementation, table.counters, table.meters];
            for id in objects.into_iter().flatten() {
                self.instance(id);
            }
        }
    }

    fn constructed(&mut self, kind: &crate::hir::InstanceKind) {
        use crate::hir::InstanceKind;
        match kind {
            InstanceKind::Extern { args, .. } => {
                for arg in args {
                    self.arg(arg);
                }
            }
            InstanceKind::Parser { objects, .. } | InstanceKind::Control { objects, .. } => {
                for object in objects {
                    self.object(*object);
                }
            }
        }
    }
}

impl Visitor for Used<'_> {
    fn stmt(&mut self, stmt: &Stmt) -> bool {
        match &stmt.kind {
            StmtKind::CallAction { action, .. } => self.action(*action),
            StmtKind::ApplyTable(table) | StmtKind::SwitchAction { table, .. } => {
                self.table(*table);
            }
            StmtKind::ApplyControl { instance, .. } | StmtKind::ApplyParser { instance, .. } => {
                self.instance(*instance);
            }
            _ => {}
        }
        true
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Var(id) => self.var(*id),
            ExprKind::TableHit(id) | ExprKind::TableMiss(id) => self.table(*id),
            _ => {}
        }
    }

    fn call(&mut self, call: &Call) {
        match &call.callee {
            Callee::Function(id) => {
                self.spans.insert(self.program[*id].span);
            }
            Callee::ExternFunction(_) => {}
            Callee::ExternMethod { object, .. } => self.object(*object),
        }
    }

    fn arg(&mut self, arg: &Arg) {
        if let Arg::Object(object) = arg {
            self.object(*object);
        }
    }
}

pub(super) fn lint(program: &Program, diagnostics: &mut Diagnostics) {
    let mut used = Used {
        program,
        spans: HashSet::new(),
    };
    used.program();
    let class = WarningClass::Unused;
    let mut check = |what: &str, name: &str, annotations: &Annotations, span: Span| {
        if !used.spans.contains(&span) && !is_silenced(annotations, class) {
            let message = format!("the {what} `{name}` is unused");
            warn(diagnostics, class, span, message);
        }
    };
    for function in &program.functions {
        check(
            "function",
            &function.name,
            &function.annotations,
            function.span,
        );
    }
    for action in &program.actions {
        check("action", &action.name, &action.annotations, action.span);
    }
    for table in &program.tables {
        check("table", &table.name, &table.annotations, table.span);
    }
    for set in &program.value_sets {
        check("value set", &set.name, &set.annotations, set.span);
    }
    for var in &program.vars {
        // Parameters belong to what others expect of a block.
        if var.kind == VarKind::Local {
            check("variable", &var.name, &var.annotations, var.span);
        }
    }
    for declared in program
        .parsers
        .iter()
        .map(|parser| &parser.instances)
        .chain(program.controls.iter().map(|control| &control.instances))
        .chain([&program.top_level_instances])
    {
        for &id in declared {
            let instance = &program[id];
            if !instance.anonymous {
                check(
                    "instance",
                    &instance.name,
                    &instance.annotations,
                    instance.span,
                );
            }
        }
    }
}
