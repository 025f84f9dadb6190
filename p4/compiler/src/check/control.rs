//! Controls (specification, section 14).

use super::{Checker, Place};
use crate::hir::{Block, Control, ControlId, ControlPlaneName, VarId};
use crate::syntax::ast::{self, Local};

impl Checker<'_> {
    /// Checks a control in the scope of its constructor parameters.
    pub(super) fn control(&mut self, control: &ast::Control, objects: Vec<VarId>) -> ControlId {
        let head = &control.head;
        let annotations = self.annotations(&head.annotations);
        let id = ControlId(self.program.controls.len() as u32);
        let params = self.params(&head.params);
        // Its actions and tables name it before it is complete.
        self.program.controls.push(Control {
            name: head.name.name.to_string(),
            control_plane_name: ControlPlaneName::new(&head.name.name, &annotations),
            params,
            constructor_params: objects,
            locals: Vec::new(),
            instances: Vec::new(),
            actions: Vec::new(),
            tables: Vec::new(),
            body: Block::default(),
            annotations,
            span: head.name.span,
        });
        // What it declares may have the names of parameters.
        self.scoped(|c| c.control_locals(control, id));
        self.program[id].instances = std::mem::take(&mut self.instances);
        id
    }

    fn control_locals(&mut self, control: &ast::Control, id: ControlId) {
        for local in &control.locals {
            match local {
                Local::Constant(constant) => self.constant_declaration(constant),
                Local::Variable(variable) => {
                    let stmt = self.variable(variable);
                    self.program[id].locals.extend(stmt);
                }
                Local::Instantiation(instantiation) => self.local_instance(instantiation),
                Local::Action(action) => {
                    let action = self.action(action, Some(id));
                    self.program[id].actions.push(action);
                }
                Local::Table(table) => {
                    let table = self.table(table, id);
                    self.program[id].tables.extend(table);
                }
                Local::ValueSet(set) => {
                    self.error(set.name.span, "a control cannot declare a value set");
                }
                Local::Function(function) => {
                    let span = function.prototype.name.span;
                    self.unsupported(span, "a function inside a control");
                }
            }
        }
        let body = self.at_place(Place::ControlBody, |c| c.scoped(|c| c.block(&control.body)));
        self.program[id].body = body;
    }
}
