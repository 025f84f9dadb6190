//! From the syntax tree to the typed, resolved tree: names, types, constants, calls.
//!
//! The program is checked in the order of the source, for P4 knows no use before declaration
//! (parser states excepted). What is wrong gets an error and the type [`Type::Unknown`], which
//! fits everywhere, so that one mistake gives one error.

mod action;
mod annotation;
mod argument;
mod arithmetic;
mod call;
mod constant;
mod control;
mod convert;
mod entry;
mod expr;
mod extern_decl;
mod infer;
mod instance;
mod key_name;
mod key_set;
mod loops;
mod member;
mod method;
mod operator;
mod package;
mod packet;
mod parser;
mod plus_slice;
mod scope;
mod stmt;
mod table;
mod type_decl;
mod types;
mod weight;

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::hir::{self, Expr, ExprKind, Program, StructId, Type, TypeId, VarId};
use crate::source::Span;
use crate::syntax::ast::{self, Decl, Ident};
use crate::warning::WarningClass;
use instance::Block;
use package::{BlockSignature, PackageSignature};
use scope::{Scope, Symbol};
use types::Extent;
use weight::Weights;

/// Checks a program. `None` if there are errors.
pub(crate) fn check(ast: &ast::Program, diagnostics: &mut Diagnostics) -> Option<Program> {
    let mut checker = Checker::new(diagnostics);
    for decl in &ast.decls {
        if checker.diagnostics.too_many() {
            break;
        }
        checker.declaration(decl);
    }
    checker.finish()
}

/// Where a statement or expression stands; what is allowed depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    TopLevel,
    /// The declarations of a parser or control.
    Locals,
    ParserState,
    ControlBody,
    Action,
    Function,
}

struct Checker<'a> {
    /// What has been checked so far.
    program: Program,
    diagnostics: &'a mut Diagnostics,
    globals: Scope,
    /// The scopes inside the current declaration, innermost last.
    locals: Vec<Scope>,
    place: Place,
    /// How many loops the statement at hand is in.
    loops: usize,
    /// The type of the result of the function that is being checked.
    result: Option<TypeId>,
    /// Parsers and controls as they are declared.
    blocks: Vec<Block>,
    block_signatures: Vec<BlockSignature>,
    packages: Vec<PackageSignature>,
    /// The values of parameters that have one for when no argument is given.
    defaults: HashMap<VarId, Expr>,
    /// How large structs and headers are.
    extents: HashMap<StructId, Extent>,
    /// The instances that the current parser or control has so far.
    instances: Vec<hir::InstanceId>,
    weights: Weights,
    unknown: TypeId,
    has_main: bool,
}

impl<'a> Checker<'a> {
    fn new(diagnostics: &'a mut Diagnostics) -> Self {
        let mut program = Program::empty();
        let unknown = program.types.intern(Type::Unknown);
        Self {
            program,
            diagnostics,
            globals: Scope::default(),
            locals: Vec::new(),
            place: Place::TopLevel,
            loops: 0,
            result: None,
            blocks: Vec::new(),
            block_signatures: Vec::new(),
            packages: Vec::new(),
            defaults: HashMap::new(),
            extents: HashMap::new(),
            instances: Vec::new(),
            weights: Weights::default(),
            unknown,
            has_main: false,
        }
    }

    fn declaration(&mut self, decl: &Decl) {
        match decl {
            Decl::Constant(constant) => self.constant_declaration(constant),
            Decl::Struct(decl) => self.struct_declaration(decl),
            Decl::Enum(decl) => self.enum_declaration(decl),
            Decl::Typedef(decl) => self.typedef(decl),
            Decl::Error(members) => self.error_members(members),
            Decl::MatchKind(members) => self.match_kinds(members),
            Decl::Extern(decl) => self.extern_object(decl),
            Decl::ExternFunction(prototype) => self.extern_function(prototype),
            Decl::Function(function) => self.function(function),
            Decl::Action(action) => {
                self.action(action, None);
            }
            Decl::ParserType(head) => self.block_type(head, true),
            Decl::ControlType(head) => self.block_type(head, false),
            Decl::PackageType(head) => self.package_type(head),
            Decl::Parser(parser) => {
                self.block_declaration(instance::BlockAst::Parser(parser.clone()))
            }
            Decl::Control(control) => {
                self.block_declaration(instance::BlockAst::Control(control.clone()));
            }
            Decl::Instantiation(instantiation) => self.top_level_instance(instantiation),
        }
    }

    fn finish(mut self) -> Option<Program> {
        self.warn_unused_blocks();
        if !self.has_main && !self.diagnostics.has_errors() {
            let message = "the program instantiates no package named `main`";
            self.diagnostics
                .push(Diagnostic::error_without_place(message).help(
                    "a v1model program ends in `V1Switch(Parser(), VerifyChecksum(), Ingress(), \
                 Egress(), ComputeChecksum(), Deparser()) main;`",
                ));
        }
        (!self.diagnostics.has_errors()).then_some(self.program)
    }

    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(span, message));
    }

    fn error_with_help(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::error(span, message).help(help));
    }

    fn warning(&mut self, class: WarningClass, span: Span, message: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::warning(class, span, message));
    }

    /// The error that something valid is beyond what this compiler does.
    fn unsupported(&mut self, span: Span, what: &str) {
        self.error(span, format!("{what} is not supported"));
    }

    /// An expression that stands for one with an error.
    fn bad_expr(&self, span: Span) -> Expr {
        Expr {
            kind: ExprKind::InvalidHeader,
            ty: self.unknown,
            span,
        }
    }

    fn ty(&self, id: TypeId) -> &Type {
        self.program.types.get(id)
    }

    fn is_unknown(&self, id: TypeId) -> bool {
        id == self.unknown
    }

    fn intern(&mut self, ty: Type) -> TypeId {
        self.program.types.intern(ty)
    }

    /// The type as it is written in P4, in back-quotes.
    fn show(&self, ty: TypeId) -> String {
        format!("`{}`", self.program.type_name(ty))
    }

    /// Runs a check in a scope of its own.
    fn scoped<T>(&mut self, check: impl FnOnce(&mut Self) -> T) -> T {
        self.locals.push(Scope::default());
        let result = check(self);
        self.locals.pop();
        result
    }

    /// Runs a check with another [`Place`].
    fn at_place<T>(&mut self, place: Place, check: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.place, place);
        let result = check(self);
        self.place = before;
        result
    }

    /// Puts a name into the innermost scope.
    fn declare(&mut self, name: &Ident, symbol: Symbol) {
        let scope = self.locals.last_mut().unwrap_or(&mut self.globals);
        if let Some(before) = scope.insert(name, symbol) {
            let message = format!("`{}` is declared twice", name.name);
            self.diagnostics
                .push(Diagnostic::error(name.span, message).label(before, "the first declaration"));
        }
    }

    /// What a name means here.
    fn lookup(&self, path: &ast::Path) -> Option<&Symbol> {
        let name = &path.name.name;
        if path.absolute {
            return self.globals.get(name);
        }
        let locals = self.locals.iter().rev().find_map(|scope| scope.get(name));
        locals.or_else(|| self.globals.get(name))
    }
}
