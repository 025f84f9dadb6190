//! Scopes and what names mean.

use std::collections::HashMap;
use std::sync::Arc;

use crate::hir::{
    ActionId, Expr, ExternFunctionId, ExternId, FunctionId, InstanceId, TableId, TypeId,
    ValueSetId, VarId,
};
use crate::source::Span;
use crate::syntax::ast::Ident;

/// What a name means.
#[derive(Debug, Clone)]
pub(super) enum Symbol {
    /// A type that needs no arguments.
    Type(TypeId),
    /// An extern object type.
    Extern(ExternId),
    /// A parser or control type: its position in `block_signatures`.
    BlockType(usize),
    /// A package: its position in `packages`.
    Package(usize),
    /// A parser or control: its position in `blocks`.
    Block(usize),
    /// A value known at compile time.
    Constant(Expr),
    Var(VarId),
    Action(ActionId),
    Table(TableId),
    Instance(InstanceId),
    Functions(Vec<FunctionRef>),
    ValueSet(ValueSetId),
    /// Something with an error, about which nothing more needs to be said.
    Bad,
}

impl Symbol {
    /// The kind of thing that it is, with article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Symbol::Type(_) | Symbol::Extern(_) | Symbol::BlockType(_) => "a type",
            Symbol::Package(_) => "a package",
            Symbol::Block(_) => "a parser or control",
            Symbol::Constant(_) => "a constant",
            Symbol::Var(_) => "a variable",
            Symbol::Action(_) => "an action",
            Symbol::Table(_) => "a table",
            Symbol::Instance(_) => "an instance",
            Symbol::Functions(_) => "a function",
            Symbol::ValueSet(_) => "a value set",
            Symbol::Bad => "something with an error",
        }
    }
}

/// One of the functions of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FunctionRef {
    Extern(ExternFunctionId),
    Defined(FunctionId),
}

#[derive(Debug, Default)]
pub(super) struct Scope {
    names: HashMap<Arc<str>, (Symbol, Span)>,
}

impl Scope {
    pub(super) fn get(&self, name: &str) -> Option<&Symbol> {
        self.names.get(name).map(|(symbol, _)| symbol)
    }

    /// Gives the place of an earlier declaration if there is one; functions of one name add up.
    pub(super) fn insert(&mut self, name: &Ident, symbol: Symbol) -> Option<Span> {
        match (self.names.get_mut(&name.name), symbol) {
            (Some((Symbol::Functions(known), _)), Symbol::Functions(new)) => {
                known.extend(new);
                None
            }
            (Some((_, span)), _) => Some(*span),
            (None, symbol) => {
                self.names.insert(name.name.clone(), (symbol, name.span));
                None
            }
        }
    }

    /// The names, to find the one that was meant.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(|name| &**name)
    }
}
