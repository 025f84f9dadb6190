//! From the typed tree to the flat program: everything is inlined, every value taken apart.
//!
//! The elaborator walks the tree as the program would run it. A variable, parameter or instance
//! is bound to storage or to a value; a call is replaced by the body of what is called. What has
//! side effects becomes statements before the expression that it stands in, in the order of
//! evaluation that the specification (section 6.6 and 8.1) prescribes.

mod actions;
mod assign;
mod call;
mod expr;
mod externs;
mod objects;
mod operators;
mod packet;
mod parser;
mod select;
mod stmt;
mod storage;
mod tables;
mod value;

use std::collections::{HashMap, HashSet};

use crate::diagnostic::Diagnostic;
use crate::hir::{self, ActionId, InstanceId, InstanceKind, ObjectRef, TableId, TypeId, VarId};
use crate::source::Span;

use super::ir;
use super::names::Names;
use value::{Place, Value};

/// What was lowered, or why it cannot be.
pub(super) type Lowered<T> = Result<T, Box<Diagnostic>>;

/// The type of the metadata that the architecture and the program share.
pub(super) const STANDARD_METADATA_TYPE: &str = "standard_metadata_t";
/// Its name in BMv2.
pub(super) const STANDARD_METADATA: &str = "standard_metadata";

/// The part of the program that is being elaborated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// The parser.
    Parser,
    /// Ingress.
    Ingress,
    /// Egress.
    Egress,
    /// The deparser.
    Deparser,
    /// The control that verifies checksums.
    VerifyChecksum,
    /// The control that updates checksums.
    UpdateChecksum,
}

/// What the names in a parser, control or function mean.
#[derive(Debug, Default)]
struct Frame {
    /// The instances from the top down to this one; empty for a function.
    path: Vec<InstanceId>,
    /// Their names for the control plane, joined by dots.
    prefix: String,
    /// Variables and parameters.
    vars: HashMap<VarId, Value>,
    /// Constructor parameters of extern types.
    objects: HashMap<VarId, ir::ObjectId>,
    /// Extern objects that are declared here.
    instances: HashMap<InstanceId, ir::ObjectId>,
    /// Tables that were elaborated.
    tables: HashMap<TableId, TableUse>,
    /// The values of the parameters at the first call.
    arguments: Vec<Value>,
}

/// A table in its frame.
#[derive(Debug, Clone)]
struct TableUse {
    /// The table.
    table: ir::TableId,
    /// What computes the keys that are not fields; it runs before each application.
    setup: Vec<ir::Stmt>,
}

/// Where `return` goes, and where it leaves its value.
#[derive(Debug, Clone)]
struct ReturnTarget {
    label: ir::Label,
    value: Option<Place>,
}

/// Where `break` and `continue` go.
#[derive(Debug, Clone, Copy)]
struct LoopTarget {
    broken: ir::Label,
    continued: ir::Label,
}

/// The state of elaboration.
struct Elaborator<'p> {
    program: &'p hir::Program,
    flat: ir::Program,
    names: Names,
    diagnostics: Vec<Diagnostic>,
    block: Block,
    /// Whether the body of an action is being elaborated.
    in_action: bool,
    /// The frames of what is being inlined; the last is the innermost.
    frames: Vec<Frame>,
    /// Frames of control instances that were applied before.
    finished: HashMap<Vec<InstanceId>, Frame>,
    /// Extern objects of the top level.
    globals: HashMap<InstanceId, ir::ObjectId>,
    header_types: HashMap<TypeId, ir::HeaderTypeId>,
    /// Scalars that are written once.
    temporaries: HashSet<ir::ScalarId>,
    /// Where `return` goes, innermost last.
    returns: Vec<ReturnTarget>,
    /// Where `break` and `continue` go, innermost loop last.
    loops: Vec<LoopTarget>,
    /// How many returns were open where the outermost loop outside an action began.
    pipeline_loop: Option<usize>,
    /// What copies results back when `exit` leaves the calls around it, innermost last.
    copy_outs: Vec<Vec<(Place, Value)>>,
    labels: usize,
    /// The variables that an action uses without declaring them.
    captures: HashMap<ActionId, HashSet<VarId>>,
    /// Value sets by the path of the parser that declares them.
    value_sets: HashMap<(Vec<InstanceId>, hir::ValueSetId), usize>,
    /// Names of parser states.
    state_names: Names,
    /// The parser state for a `select` without match, once there is one.
    no_match: Option<usize>,
}

/// Elaborates a whole program.
pub(super) fn elaborate(program: &hir::Program) -> Result<ir::Program, Vec<Diagnostic>> {
    let mut elaborator = Elaborator {
        program,
        flat: ir::Program::default(),
        names: Names::default(),
        diagnostics: Vec::new(),
        block: Block::Parser,
        in_action: false,
        frames: vec![Frame::default()],
        finished: HashMap::new(),
        globals: HashMap::new(),
        header_types: HashMap::new(),
        temporaries: HashSet::new(),
        returns: Vec::new(),
        loops: Vec::new(),
        pipeline_loop: None,
        copy_outs: Vec::new(),
        labels: 0,
        captures: HashMap::new(),
        value_sets: HashMap::new(),
        state_names: Names::default(),
        no_match: None,
    };
    if let Err(diagnostic) = elaborator.run() {
        elaborator.diagnostics.push(*diagnostic);
    }
    if elaborator.diagnostics.is_empty() {
        Ok(elaborator.flat)
    } else {
        Err(elaborator.diagnostics)
    }
}

impl<'p> Elaborator<'p> {
    fn run(&mut self) -> Lowered<()> {
        let program = self.program;
        let main = &program.main;
        self.flat.errors = program.errors.clone();
        self.flat.enums = program
            .enums
            .iter()
            .filter(|decl| decl.representation.is_none())
            .map(|decl| {
                (
                    decl.name.clone(),
                    decl.members.iter().map(|m| m.name.clone()).collect(),
                )
            })
            .collect();
        // Variables are numbered from 0, never called as the scalars themselves.
        for name in ["scalars", STANDARD_METADATA, "accept", "reject"] {
            self.names.unique(name);
        }
        let metadata = self.interface(main.metadata, true, main.span)?;
        let standard = self.standard_metadata(main.span)?;
        let headers = self.interface(main.headers, false, main.span)?;
        for &instance in &program.top_level_instances {
            if let Some(object) = self.declare_object(instance, "")? {
                self.globals.insert(instance, object);
            }
        }

        let all = [
            Some(headers.clone()),
            Some(metadata.clone()),
            Some(standard),
        ];
        let hm = [Some(headers.clone()), Some(metadata)];
        let mut with_packet = vec![None];
        with_packet.extend(all.iter().cloned());

        self.block = Block::Parser;
        self.top_parser(main.parser, &with_packet)?;
        self.block = Block::VerifyChecksum;
        self.flat.verify_checksum = self.top_control(main.verify_checksum, &hm)?.body;
        self.block = Block::Ingress;
        self.flat.ingress = self.top_control(main.ingress, &all)?;
        self.block = Block::Egress;
        self.flat.egress = self.top_control(main.egress, &all)?;
        self.block = Block::UpdateChecksum;
        self.flat.update_checksum = self.top_control(main.compute_checksum, &hm)?.body;
        self.block = Block::Deparser;
        self.flat.deparser = self.top_control(main.deparser, &[None, Some(headers)])?;
        self.finish_meters();
        Ok(())
    }

    /// Storage for the standard metadata, and the names by which simple_switch knows its fields.
    fn standard_metadata(&mut self, span: Span) -> Lowered<Value> {
        let program = self.program;
        let Some(decl) = program
            .structs
            .iter()
            .find(|decl| decl.name == STANDARD_METADATA_TYPE)
        else {
            let text =
                format!("there is no type `{STANDARD_METADATA_TYPE}`; is v1model.p4 included?");
            return Err(Diagnostic::error(span, text).into());
        };
        let ty = self.header_type(decl.ty, span)?;
        let header = self.new_header(STANDARD_METADATA.to_owned(), ty, true);
        let header = ir::HeaderRef::Instance(header);
        for (field, declared) in decl.fields.iter().enumerate() {
            if let Some(alias) = declared.annotations.get("alias")
                && let hir::AnnotationBody::Unstructured { tokens, .. } = &alias.body
                && let [hir::AnnotationToken::String(alias)] = tokens.as_slice()
            {
                let field = ir::FieldRef::Header {
                    header: header.clone(),
                    field,
                };
                self.flat.aliases.push((alias.clone(), field));
            }
        }
        self.header_members(&header, decl.ty, span)
            .map(Value::Struct)
    }

    fn add_to_field_lists(&mut self, field: &ir::FieldRef, numbers: &[u32]) {
        for &number in numbers {
            let lists = &mut self.flat.field_lists;
            match lists.iter_mut().find(|list| list.number == number) {
                Some(list) => list.fields.push(field.clone()),
                None => lists.push(ir::FieldList {
                    number,
                    fields: vec![field.clone()],
                }),
            }
        }
    }

    /// A control of the package with its arguments; `None` is a packet.
    fn top_control(&mut self, id: InstanceId, args: &[Option<Value>]) -> Lowered<ir::Pipeline> {
        let InstanceKind::Control { control, .. } = self.program[id].kind else {
            let text = "a control is expected in this place of the package";
            return Err(Diagnostic::error(self.program[id].span, text).into());
        };
        let control = &self.program[control];
        let mut frame = self.frame(id, control.name.clone())?;
        bind_top(&mut frame, &control.params, args);
        let (body, _) = self.control_body(frame, control);
        Ok(ir::Pipeline {
            body,
            span: control.span,
        })
    }

    /// The frame of an instance of a parser or control that is declared in the innermost frame.
    fn frame(&mut self, id: InstanceId, prefix: String) -> Lowered<Frame> {
        let program = self.program;
        let (params, refs, declared) = match &program[id].kind {
            InstanceKind::Control { control, objects } => (
                &program[*control].constructor_params,
                objects,
                &program[*control].instances,
            ),
            InstanceKind::Parser { parser, objects } => (
                &program[*parser].constructor_params,
                objects,
                &program[*parser].instances,
            ),
            InstanceKind::Extern { .. } => {
                let text = "an instance of a parser or control is expected here";
                return Err(Diagnostic::error(program[id].span, text).into());
            }
        };
        let mut path = self
            .frames
            .last()
            .map(|frame| frame.path.clone())
            .unwrap_or_default();
        path.push(id);
        let mut frame = Frame {
            path,
            prefix,
            ..Frame::default()
        };
        for (&param, &object) in params.iter().zip(refs) {
            frame
                .objects
                .insert(param, self.object(object, program[id].span)?);
        }
        for &instance in declared {
            if let Some(object) = self.declare_object(instance, &frame.prefix)? {
                frame.instances.insert(instance, object);
            }
        }
        Ok(frame)
    }

    /// The extern object that is meant.
    fn object(&self, object: ObjectRef, span: Span) -> Lowered<ir::ObjectId> {
        let frame = self.frames.last();
        let found = match object {
            ObjectRef::Instance(id) => frame
                .and_then(|frame| frame.instances.get(&id))
                .or_else(|| self.globals.get(&id)),
            ObjectRef::Param(var) => frame.and_then(|frame| frame.objects.get(&var)),
        };
        found.copied().ok_or_else(|| {
            Diagnostic::error(
                span,
                "this extern object cannot be used here on this target",
            )
            .into()
        })
    }

    fn label(&mut self) -> ir::Label {
        self.labels += 1;
        ir::Label(self.labels - 1)
    }

    /// Runs `f`; an error in it is noted, and the work goes on.
    fn recover<T>(&mut self, f: impl FnOnce(&mut Self) -> Lowered<T>) -> Option<T> {
        match f(self) {
            Ok(value) => Some(value),
            Err(diagnostic) => {
                self.diagnostics.push(*diagnostic);
                None
            }
        }
    }
}

/// Binds the parameters of a parser or control of the package. A packet needs no storage.
fn bind_top(frame: &mut Frame, params: &[VarId], args: &[Option<Value>]) {
    for (&param, arg) in params.iter().zip(args) {
        if let Some(value) = arg {
            frame.vars.insert(param, value.clone());
        }
    }
}
