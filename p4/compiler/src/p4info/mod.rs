//! P4Info: what a program shows to the control plane (P4Runtime specification, "P4Info Message").
//!
//! It is made of the typed program before anything is lowered, so that all names are those of the
//! source. Names, ids and the order of objects are p4c's.

mod annotations;
mod ids;
mod objects;
mod package;
mod tables;
mod tree;
mod types;

use std::collections::HashMap;

use p4runtime_proto::p4::config::v1 as pb;
use pb::p4_ids::Prefix;

use crate::diagnostic::Diagnostic;
use crate::hir::{ActionId, Annotations, InstanceKind, Program};
use crate::source::Span;
pub(crate) use annotations::number as annotation_number;
use ids::{IdError, Symbols};
pub(crate) use tree::object_name;
use tree::{Place, Tree};
use types::Types;

/// What was generated, or why it cannot be.
type Generated<T> = Result<T, Box<Diagnostic>>;

/// The state of generation.
struct Generator<'p> {
    program: &'p Program,
    tree: Tree,
    symbols: Symbols,
    types: Types<'p>,
    info: pb::P4Info,
    /// Names that were made up for digests whose type has none, by the digest's position.
    digest_names: Vec<String>,
}

/// Generates the P4Info of a program.
///
/// # Errors
///
/// A diagnostic for ids that collide or have a wrong prefix, and for what P4Info cannot describe.
pub fn generate(program: &Program) -> Result<pb::P4Info, Vec<Diagnostic>> {
    let tree = Tree::new(program);
    let mut generator = Generator {
        program,
        tree,
        symbols: Symbols::default(),
        types: Types::new(program),
        info: pb::P4Info::default(),
        digest_names: Vec::new(),
    };
    match generator.run() {
        Ok(()) => Ok(generator.info),
        Err(diagnostic) => Err(vec![*diagnostic]),
    }
}

impl Generator<'_> {
    fn run(&mut self) -> Generated<()> {
        self.name_digests();
        self.collect()?;
        let main = self.program.main.span;
        self.symbols
            .assign()
            .map_err(|error| id_error(error, main))?;
        self.actions()?;
        for place in self.tree.order.clone() {
            match place {
                Place::Table(index) => self.table(index)?,
                Place::Object(index) => self.object(index),
            }
        }
        self.value_sets()?;
        self.digests();
        self.controller_headers()?;
        if self.tree.calls_extern_functions {
            self.types.touch();
        }
        self.info.type_info = self.types.info.take();
        self.info.pkg_info = Some(self.package());
        Ok(())
    }

    /// Makes all objects known, so that ids and aliases can be computed.
    fn collect(&mut self) -> Generated<()> {
        let program = self.program;
        let tree = std::mem::take(&mut self.tree);
        let mut names = Names::default();
        for action in &tree.actions {
            let decl = &program[action.item.id];
            // An action of the top level is the same one wherever it is used.
            let shared = decl.control.is_none().then_some(action.item.id);
            names.check(Prefix::Action, &action.item.name, shared, decl.span)?;
            self.add(
                Prefix::Action,
                &action.item.name,
                decl.annotations.id,
                decl.span,
            )?;
        }
        for table in &tree.tables {
            let decl = &program[table.item.id];
            names.check(Prefix::Table, &table.item.name, None, decl.span)?;
            self.add(
                Prefix::Table,
                &table.item.name,
                decl.annotations.id,
                decl.span,
            )?;
        }
        for object in &tree.objects {
            let decl = &program[object.id];
            if let Some(kind) = self.object_kind(object.id) {
                names.check(kind, &object.name, None, decl.span)?;
                let id = if decl.anonymous {
                    None
                } else {
                    decl.annotations.id
                };
                self.add(kind, &object.name, id, decl.span)?;
            }
        }
        for set in &tree.value_sets {
            let decl = &program[set.id];
            names.check(Prefix::ValueSet, &set.name, None, decl.span)?;
            self.add(Prefix::ValueSet, &set.name, decl.annotations.id, decl.span)?;
        }
        for decl in &program.structs {
            if decl.annotations.controller_header.is_some() {
                // The id is that of the type, the name that of the annotation.
                let name = decl.control_plane_name.trim_start_matches('.');
                self.add(
                    Prefix::ControllerHeader,
                    name,
                    decl.annotations.id,
                    decl.span,
                )?;
            }
        }
        for name in self.digest_names.clone() {
            self.add(Prefix::Digest, &name, None, program.main.span)?;
        }
        self.tree = tree;
        Ok(())
    }

    fn add(&mut self, kind: Prefix, name: &str, id: Option<u32>, span: Span) -> Generated<()> {
        self.symbols
            .add(kind, name, id)
            .map_err(|error| id_error(error, span))
    }

    /// The kind of an extern object; `None` if the control plane does not see it.
    fn object_kind(&self, id: crate::hir::InstanceId) -> Option<Prefix> {
        let InstanceKind::Extern { object, .. } = self.program[id].kind else {
            return None;
        };
        match self.program[object].name.as_str() {
            "counter" => Some(Prefix::Counter),
            "direct_counter" => Some(Prefix::DirectCounter),
            "meter" => Some(Prefix::Meter),
            "direct_meter" => Some(Prefix::DirectMeter),
            "register" => Some(Prefix::Register),
            "action_profile" | "action_selector" => Some(Prefix::ActionProfile),
            _ => None,
        }
    }

    fn preamble(
        &self,
        kind: Prefix,
        name: &str,
        annotations: &Annotations,
        skip: &[&str],
    ) -> pb::Preamble {
        pb::Preamble {
            id: self.symbols.id(kind, name),
            name: name.to_owned(),
            alias: self.symbols.alias(name),
            annotations: annotations::unstructured(annotations, skip),
            doc: annotations::documentation(annotations),
            structured_annotations: annotations::structured(annotations),
            ..Default::default()
        }
    }
}

/// The names that were seen, to find those that the control plane could not tell apart.
#[derive(Default)]
struct Names {
    seen: HashMap<(u8, String), (Option<ActionId>, Span)>,
}

impl Names {
    /// Refuses a name that another object of the same kind has. Objects that are `shared` and the
    /// same are one.
    fn check(
        &mut self,
        kind: Prefix,
        name: &str,
        shared: Option<ActionId>,
        span: Span,
    ) -> Generated<()> {
        let key = (kind as u8, name.to_owned());
        match self.seen.insert(key, (shared, span)) {
            None => Ok(()),
            Some((Some(before), _)) if shared == Some(before) => Ok(()),
            Some((_, before)) => {
                let what = match kind {
                    Prefix::Action => "action",
                    Prefix::Table => "table",
                    Prefix::ValueSet => "value set",
                    _ => "extern object",
                };
                let text =
                    format!("the control plane would see more than one {what} named `{name}`");
                Err(Diagnostic::error(span, text)
                    .label(before, "the other one")
                    .help("give one of them another name with `@name`")
                    .into())
            }
        }
    }
}

fn id_error(error: IdError, span: Span) -> Box<Diagnostic> {
    let help = match &error {
        IdError::Duplicate { .. } => "give each object an `@id` of its own",
        IdError::Prefix { .. } => "leave the prefix (the highest 8 bits) out, or correct it",
        IdError::Exhausted { .. } => "give some objects an `@id`",
    };
    Box::new(Diagnostic::error(span, error.to_string()).help(help))
}
