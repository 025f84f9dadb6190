//! Actions: primitives, and jumps between them.

use std::collections::HashMap;

use bmv2_json::{Action, Primitive, RuntimeData, Value};

use super::super::ir::{self, Label, PrimitiveParam, Stmt, StmtKind};
use super::expr::plain;
use super::{Emitted, Emitter};
use crate::diagnostic::Diagnostic;

/// The primitives of an action while its jumps have no targets yet.
#[derive(Default)]
struct Code {
    primitives: Vec<Primitive>,
    /// Jumps: the position, and where to.
    jumps: Vec<(usize, Target)>,
    /// Where each target is, once it is known.
    targets: HashMap<Target, usize>,
    next: usize,
}

/// Where a jump goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Target {
    /// The end of a scope; nested scopes may share a label.
    Scope(usize),
    /// The start of an `else`, or the end of an `if`.
    Branch(usize),
    /// The end of the action.
    End,
}

impl Code {
    fn fresh(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn place(&mut self, target: Target) {
        self.targets.insert(target, self.primitives.len());
    }
}

impl Emitter<'_> {
    /// Adds an action and gives its id.
    pub(super) fn add_action(&mut self, action: &ir::Action) -> Emitted<u32> {
        let mut code = Code::default();
        let scopes = vec![(action.label, Target::End)];
        self.code(&action.body, &mut code, &scopes)?;
        // A jump from the end of the action to its end is left out.
        while let Some(&(position, Target::End)) = code.jumps.last()
            && position + 1 == code.primitives.len()
            && code.primitives[position].op == "_jump"
        {
            code.jumps.pop();
            code.primitives.pop();
        }
        let end = code.primitives.len();
        for (position, target) in code.jumps {
            let offset = code
                .targets
                .get(&target)
                .map_or(end, |offset| (*offset).min(end));
            code.primitives[position]
                .parameters
                .push(plain(offset as u32));
        }
        let id = self.document.actions.len() as u32;
        self.document.actions.push(Action {
            name: action.name.clone(),
            id,
            runtime_data: action
                .params
                .iter()
                .map(|(name, bitwidth)| RuntimeData {
                    name: name.clone(),
                    bitwidth: *bitwidth,
                })
                .collect(),
            primitives: code.primitives,
        });
        Ok(id)
    }

    fn code(&mut self, body: &[Stmt], code: &mut Code, scopes: &[(Label, Target)]) -> Emitted<()> {
        for stmt in body {
            match &stmt.kind {
                StmtKind::If {
                    condition,
                    then,
                    otherwise,
                    ..
                } => {
                    let end = Target::Branch(code.fresh());
                    let start_of_else = Target::Branch(code.fresh());
                    let on_false = if otherwise.is_empty() {
                        end
                    } else {
                        start_of_else
                    };
                    code.jumps.push((code.primitives.len(), on_false));
                    let condition = self.values().data(condition);
                    code.primitives
                        .push(self.primitive("_jump_if_zero", vec![condition], stmt));
                    self.code(then, code, scopes)?;
                    if !otherwise.is_empty() {
                        code.jumps.push((code.primitives.len(), end));
                        code.primitives
                            .push(self.primitive("_jump", Vec::new(), stmt));
                        code.place(start_of_else);
                        self.code(otherwise, code, scopes)?;
                    }
                    code.place(end);
                }
                StmtKind::Scope(label, inner) => {
                    let end = Target::Scope(code.fresh());
                    let mut scopes = scopes.to_vec();
                    scopes.push((*label, end));
                    self.code(inner, code, &scopes)?;
                    code.place(end);
                }
                StmtKind::Repeat(inner) => {
                    let start = Target::Branch(code.fresh());
                    code.place(start);
                    self.code(inner, code, scopes)?;
                    code.jumps.push((code.primitives.len(), start));
                    code.primitives
                        .push(self.primitive("_jump", Vec::new(), stmt));
                }
                StmtKind::Leave(label) => {
                    let target = scopes.iter().rev().find(|(scope, _)| scope == label);
                    let target = target.map_or(Target::End, |(_, target)| *target);
                    code.jumps.push((code.primitives.len(), target));
                    code.primitives
                        .push(self.primitive("_jump", Vec::new(), stmt));
                }
                StmtKind::Exit => {
                    code.primitives
                        .push(self.primitive("exit", Vec::new(), stmt));
                    code.jumps.push((code.primitives.len(), Target::End));
                    code.primitives
                        .push(self.primitive("_jump", Vec::new(), stmt));
                }
                _ => {
                    let primitive = self.simple(stmt)?;
                    code.primitives.push(primitive);
                }
            }
        }
        Ok(())
    }

    /// A primitive with the place that it comes from.
    fn primitive(&self, op: &str, parameters: Vec<Value>, stmt: &Stmt) -> Primitive {
        Primitive {
            op: op.to_owned(),
            parameters,
            source_info: self.source_info(stmt.span),
        }
    }

    /// A statement that is one primitive.
    pub(super) fn simple(&mut self, stmt: &Stmt) -> Emitted<Primitive> {
        let values = self.values();
        let (op, parameters) = match &stmt.kind {
            StmtKind::Assign(target, value) => {
                let op = match value.ty {
                    ir::ScalarType::Varbit(_) => "assign_VL",
                    _ => "assign",
                };
                (op, vec![values.target(target), values.data(value)])
            }
            StmtKind::AssignHeader(target, source) => (
                "assign_header",
                vec![values.header(target), values.header(source)],
            ),
            StmtKind::AssignStack(target, source) => (
                "assign_header_stack",
                vec![self.stack(*target), self.stack(*source)],
            ),
            StmtKind::AddHeader(header) => ("add_header", vec![values.header(header)]),
            StmtKind::RemoveHeader(header) => ("remove_header", vec![values.header(header)]),
            StmtKind::Push(stack, count) => ("push", vec![self.stack(*stack), plain(*count)]),
            StmtKind::Pop(stack, count) => ("pop", vec![self.stack(*stack), plain(*count)]),
            StmtKind::Primitive(primitive) => {
                let mut parameters = Vec::with_capacity(primitive.params.len());
                for param in &primitive.params {
                    parameters.push(self.parameter(param, stmt)?);
                }
                (primitive.name, parameters)
            }
            _ => {
                let text = "this statement is not supported here on this target";
                return Err(Diagnostic::error(stmt.span, text).into());
            }
        };
        Ok(self.primitive(op, parameters, stmt))
    }

    fn stack(&self, stack: ir::StackId) -> Value {
        Value::HeaderStack(self.program.stacks[stack.0].name.clone())
    }

    fn parameter(&mut self, param: &PrimitiveParam, stmt: &Stmt) -> Emitted<Value> {
        let values = self.values();
        Ok(match param {
            PrimitiveParam::Value(expr) | PrimitiveParam::Condition(expr) => values.data(expr),
            PrimitiveParam::Target(field) => values.target(field),
            PrimitiveParam::Header(header) => values.header(header),
            PrimitiveParam::Object(id) => {
                let object = &self.program.objects[id.0];
                let name = object.name.clone();
                match object.kind {
                    ir::ObjectKind::Meter(..) => Value::MeterArray(name),
                    ir::ObjectKind::Register(..) => Value::RegisterArray(name),
                    _ => Value::CounterArray(name),
                }
            }
            PrimitiveParam::Calculation { algorithm, input } => {
                Value::Calculation(self.calculation(algorithm, input, false, None, stmt.span)?)
            }
            PrimitiveParam::FieldList(number) => plain(self.field_list(*number)),
            PrimitiveParam::LearnList { name, elements } => {
                plain(self.learn_list(name, elements, stmt.span))
            }
            PrimitiveParam::String(text) => Value::String(text.clone()),
            PrimitiveParam::Vector(exprs) => {
                Value::ParametersVector(exprs.iter().map(|expr| values.data(expr)).collect())
            }
        })
    }
}
