//! Calls of functions, controls and actions: their bodies take their place.
//!
//! A parameter is bound to its argument itself where that cannot be told from the copying in
//! and out that the specification (section 6.8) describes: when nothing else that the callee
//! can reach shares storage with the argument. Otherwise it gets storage of its own.

use crate::diagnostic::Diagnostic;
use crate::hir::{self, Arg, Call, Callee, Direction, InstanceId, InstanceKind, VarId, VarKind};
use crate::source::Span;

use super::super::ir::{Expr, HeaderRef, ObjectId, Stmt, StmtKind};
use super::assign::push;
use super::value::{Place, Storage, Value};
use super::{Elaborator, Frame, Lowered, ReturnTarget};

/// The parameters of a call, bound.
#[derive(Debug, Default)]
pub(super) struct Binding {
    /// What each parameter with a value is bound to.
    pub(super) vars: Vec<(VarId, Value)>,
    /// The extern objects that parameters of extern types stand for. A packet is none: it needs
    /// no name.
    pub(super) objects: Vec<(VarId, ObjectId)>,
    /// What is copied back when the call ends.
    pub(super) copy_out: Vec<(Place, Value)>,
}

/// An argument that was evaluated.
enum Evaluated {
    In(Value),
    Out(Place),
    Object(Option<ObjectId>),
}

impl Elaborator<'_> {
    /// A call of a function or of something of the architecture, and its value.
    pub(super) fn call(&mut self, call: &Call, out: &mut Vec<Stmt>) -> Lowered<Option<Value>> {
        match call.callee {
            Callee::Function(id) => self.call_function(id, call, out),
            Callee::ExternFunction(id) => {
                let name = &self.program[id].name;
                self.extern_function(name, call, out)
            }
            Callee::ExternMethod {
                object,
                extern_object,
                method,
            } => {
                let decl = &self.program[extern_object];
                self.extern_method(object, &decl.name, &decl.methods[method].name, call, out)
            }
        }
    }

    fn call_function(
        &mut self,
        id: hir::FunctionId,
        call: &Call,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Option<Value>> {
        let function = &self.program[id];
        let binding = self.bind(
            &function.params,
            &call.args,
            &Storage::default(),
            call.span,
            out,
        )?;
        let mut frame = Frame::default();
        frame.vars.extend(binding.vars);
        frame.objects.extend(binding.objects);
        self.frames.push(frame);
        self.copy_outs.push(binding.copy_out.clone());
        let result = self.function_body(function, call.span, out);
        self.copy_outs.pop();
        self.frames.pop();
        let mut result = result?;
        if !binding.copy_out.is_empty()
            && let Some(value) = result.take()
        {
            // The value may read what is copied back.
            result = Some(self.saved(value, call.span, out)?);
        }
        self.copy_back(&binding.copy_out, call.span, out)?;
        Ok(result)
    }

    fn function_body(
        &mut self,
        function: &hir::Function,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Option<Value>> {
        // With a single return, at the end, its value needs no storage.
        if let Some((last, before)) = function.body.stmts.split_last()
            && let hir::StmtKind::Return(Some(value)) = &last.kind
            && !before.iter().any(super::stmt::returns)
        {
            self.stmts(before, out);
            return self.eval(value, out).map(Some);
        }
        let label = self.label();
        let void = matches!(self.program.ty(function.result), hir::Type::Void);
        let result = if void {
            None
        } else {
            Some(self.variable("retval", function.result, span)?)
        };
        let value = result.clone().map(Place::Whole);
        self.returns.push(ReturnTarget { label, value });
        let mut body = Vec::new();
        self.stmts(&function.body.stmts, &mut body);
        self.returns.pop();
        out.extend(super::stmt::scope(label, body, span));
        Ok(result)
    }

    /// Binds parameters to arguments. `reach` is what the callee can write or read besides.
    pub(super) fn bind(
        &mut self,
        params: &[VarId],
        args: &[Arg],
        reach: &Storage,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Binding> {
        let evaluated = self.evaluate_args(params, args, out)?;
        let storages: Vec<Storage> = evaluated
            .iter()
            .map(|arg| match arg {
                Evaluated::In(value) => Storage::of(value, &self.flat),
                Evaluated::Out(place) => Storage::of_place(place, &self.flat),
                Evaluated::Object(_) => Storage::default(),
            })
            .collect();
        let shared = |index: usize| {
            let storage = &storages[index];
            storage.is_dynamic()
                || storage.overlaps(reach)
                || evaluated
                    .iter()
                    .zip(&storages)
                    .enumerate()
                    .any(|(other, (arg, its))| {
                        other != index && matches!(arg, Evaluated::Out(_)) && storage.overlaps(its)
                    })
        };
        let shared: Vec<bool> = (0..evaluated.len()).map(shared).collect();

        let mut binding = Binding::default();
        for ((&param, arg), shared) in params.iter().zip(evaluated).zip(shared) {
            match arg {
                Evaluated::Object(object) => {
                    binding.objects.extend(object.map(|object| (param, object)));
                }
                Evaluated::In(value) if !shared || self.is_stable(&value) => {
                    binding.vars.push((param, value));
                }
                Evaluated::In(value) => {
                    let copy = self.parameter_storage(param)?;
                    self.assign(&Place::Whole(copy.clone()), value, span, out)?;
                    binding.vars.push((param, copy));
                }
                Evaluated::Out(place) => {
                    let place = self.pinned(place, span, out)?;
                    let inout = self.program[param].kind == VarKind::Param(Direction::InOut);
                    let bound = match &place {
                        Place::Whole(value) if !shared => value.clone(),
                        _ => {
                            let copy = self.parameter_storage(param)?;
                            if inout {
                                let value = self.read(&place);
                                self.assign(&Place::Whole(copy.clone()), value, span, out)?;
                            }
                            binding.copy_out.push((place, copy.clone()));
                            copy
                        }
                    };
                    if !inout {
                        self.invalidate(&bound, span, out);
                    }
                    binding.vars.push((param, bound));
                }
            }
        }
        Ok(binding)
    }

    fn evaluate_args(
        &mut self,
        params: &[VarId],
        args: &[Arg],
        out: &mut Vec<Stmt>,
    ) -> Lowered<Vec<Evaluated>> {
        let mut evaluated: Vec<Evaluated> = Vec::with_capacity(args.len());
        for (&param, arg) in params.iter().zip(args) {
            let writes = matches!(self.program[param].kind, VarKind::Param(d) if d.writes());
            let mut effects = Vec::new();
            let value = match arg {
                Arg::Object(object) => {
                    let span = self.program[param].span;
                    Evaluated::Object(self.object(*object, span).ok())
                }
                Arg::Absent => Evaluated::Object(None),
                Arg::DontCare => Evaluated::Out(Place::Nowhere),
                Arg::Expr(expr) if writes => Evaluated::Out(self.place(expr, &mut effects)?),
                Arg::Expr(expr) => Evaluated::In(self.eval(expr, &mut effects)?),
            };
            if self.disturb(&effects) {
                let span = self.program[param].span;
                for earlier in &mut evaluated {
                    match earlier {
                        Evaluated::In(value) => *value = self.saved(value.clone(), span, out)?,
                        Evaluated::Out(place) => *place = self.pinned(place.clone(), span, out)?,
                        Evaluated::Object(_) => {}
                    }
                }
            }
            out.append(&mut effects);
            evaluated.push(value);
        }
        Ok(evaluated)
    }

    fn parameter_storage(&mut self, param: VarId) -> Lowered<Value> {
        let var = &self.program[param];
        self.variable(&var.name, var.ty, var.span)
    }

    /// What stands in a place.
    pub(super) fn read(&self, place: &Place) -> Value {
        match place {
            Place::Whole(value) => value.clone(),
            Place::Slice { field, ty, hi, lo } => {
                let base = Expr::field(field.clone(), *ty);
                Value::Scalar(Expr::slice(base, *hi, *lo))
            }
            Place::Nowhere => Value::Struct(Vec::new()),
        }
    }

    /// Makes the headers in a value invalid, as those of an `out` parameter are at first.
    pub(super) fn invalidate(&mut self, value: &Value, span: Span, out: &mut Vec<Stmt>) {
        value.for_each_header(&self.flat, &mut |header| {
            push(out, StmtKind::RemoveHeader(header), span);
        });
    }

    /// Copies results back.
    pub(super) fn copy_back(
        &mut self,
        copies: &[(Place, Value)],
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        for (place, value) in copies {
            self.assign(place, value.clone(), span, out)?;
        }
        Ok(())
    }

    /// `instance.apply(...)` of a control.
    pub(super) fn apply_control(
        &mut self,
        id: InstanceId,
        args: &[Arg],
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        let program = self.program;
        let InstanceKind::Control { control, .. } = program[id].kind else {
            return Err(Diagnostic::error(span, "a control is expected here").into());
        };
        let control = &program[control];
        let binding = self.bind(&control.params, args, &Storage::default(), span, out)?;
        let values: Vec<Value> = binding
            .vars
            .iter()
            .map(|(_, value)| value.clone())
            .collect();

        let mut path = self
            .frames
            .last()
            .map(|frame| frame.path.clone())
            .unwrap_or_default();
        path.push(id);
        let frame = match self.finished.remove(&path) {
            // What the first application bound holds for the tables, which exist once.
            Some(frame) if frame.arguments == values || frame.tables.is_empty() => Some(frame),
            Some(_) => {
                let text = format!(
                    "the control instance `{}` has tables and is applied with different arguments",
                    program[id].name
                );
                return Err(Diagnostic::error(span, text)
                    .help("make an instance for each set of arguments")
                    .into());
            }
            None => None,
        };
        let mut frame = match frame {
            Some(frame) => frame,
            None => {
                let prefix = self
                    .frames
                    .last()
                    .map(|frame| frame.prefix.clone())
                    .unwrap_or_default();
                self.frame(id, program[id].control_plane_name.under(&prefix))?
            }
        };
        frame.vars.extend(binding.vars);
        frame.objects.extend(binding.objects);
        frame.arguments = values;
        self.copy_outs.push(binding.copy_out.clone());
        let (body, frame) = self.control_body(frame, control);
        self.copy_outs.pop();
        self.finished.insert(path, frame);
        out.extend(body);
        self.copy_back(&binding.copy_out, span, out)
    }

    /// The statements of a control whose parameters are bound in `frame`.
    pub(super) fn control_body(
        &mut self,
        frame: Frame,
        control: &hir::Control,
    ) -> (Vec<Stmt>, Frame) {
        self.frames.push(frame);
        let label = self.label();
        self.returns.push(ReturnTarget { label, value: None });
        let mut body = Vec::new();
        self.stmts(&control.locals, &mut body);
        self.stmts(&control.body.stmts, &mut body);
        self.returns.pop();
        let frame = self.frames.pop().unwrap_or_default();
        (super::stmt::scope(label, body, control.span), frame)
    }

    /// Whether a header can be handed to a primitive of BMv2 that changes it.
    pub(super) fn header_operand(
        &mut self,
        expr: &hir::Expr,
        out: &mut Vec<Stmt>,
    ) -> Lowered<HeaderRef> {
        match self.eval(expr, out)? {
            Value::Header(header @ (HeaderRef::Instance(_) | HeaderRef::Element(..))) => Ok(header),
            _ => Err(super::expr::unsupported(
                expr.span,
                "changing the validity of this header",
            )),
        }
    }
}
