//! What is known at a place of the program: what may be uninitialized, and which headers are
//! invalid.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use crate::hir::{Expr, ExprKind, Program, Type, TypeId, VarId};

/// Variables with more parts than this are not followed.
const LEAF_LIMIT: usize = 64;

/// A scalar part of a variable, by its position among all of them.
pub(super) type Leaf = (VarId, usize);

/// A header: a variable, or a field of one.
pub(super) type HeaderPath = (VarId, Vec<usize>);

/// What is known where the program can be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// What some way to this place leaves unwritten.
    pub(super) unwritten: BTreeSet<Leaf>,
    /// What is invalid on every way to this place.
    pub(super) invalid: BTreeSet<HeaderPath>,
}

impl Facts {
    fn join(mut self, other: Self) -> Self {
        self.unwritten.extend(other.unwritten);
        self.invalid.retain(|path| other.invalid.contains(path));
        self
    }
}

/// Facts, or `None` where the program cannot be.
pub(super) type State = Option<Facts>;

/// What is known where two ways meet.
pub(super) fn join(a: State, b: State) -> State {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.join(b)),
        (a, None) => a,
        (None, b) => b,
    }
}

/// How many scalar parts a value has that are there from the start or not. Headers, stacks and
/// what cannot be written part by part have none: a header comes to life invalid.
pub(super) fn leaves(program: &Program, ty: TypeId) -> usize {
    match program.ty(ty) {
        Type::Struct(decl) => program[*decl]
            .fields
            .iter()
            .map(|field| leaves(program, field.ty))
            .sum(),
        Type::Tuple(members) => members.iter().map(|ty| leaves(program, *ty)).sum(),
        Type::Bool
        | Type::Bit(_)
        | Type::Signed(_)
        | Type::Error
        | Type::Enum(_)
        | Type::NewType(_) => 1,
        _ => 0,
    }
}

/// The variable that an expression is a part of, and which of its scalar parts it is. `None` for
/// what is in a header or is no part of a variable.
pub(super) fn place(program: &Program, expr: &Expr) -> Option<(VarId, Range<usize>)> {
    let part = |base: &Expr, before: usize, ty: TypeId| {
        let (var, whole) = place(program, base)?;
        let start = whole.start + before;
        Some((var, start..start + leaves(program, ty)))
    };
    match &expr.kind {
        ExprKind::Var(var) => {
            let count = leaves(program, program[*var].ty);
            (count <= LEAF_LIMIT).then_some((*var, 0..count))
        }
        ExprKind::Field { base, field } => match program.ty(base.ty) {
            Type::Struct(decl) => {
                let before = program[*decl].fields[..*field].iter();
                let before = before.map(|field| leaves(program, field.ty)).sum();
                part(base, before, expr.ty)
            }
            _ => None,
        },
        ExprKind::TupleElement { base, index } => match program.ty(base.ty) {
            Type::Tuple(members) => {
                let before = members[..*index].iter();
                let before = before.map(|ty| leaves(program, *ty)).sum();
                part(base, before, expr.ty)
            }
            _ => None,
        },
        // Who writes a slice after the other means the whole.
        ExprKind::Slice { base, .. } => place(program, base),
        _ => None,
    }
}

/// The path to a header, or to a struct with headers in it; `None` behind an index.
pub(super) fn path(expr: &Expr) -> Option<HeaderPath> {
    match &expr.kind {
        ExprKind::Var(var) => Some((*var, Vec::new())),
        ExprKind::Field { base, field } => {
            let (var, mut fields) = path(base)?;
            fields.push(*field);
            Some((var, fields))
        }
        _ => None,
    }
}

/// The variable that an l-value is a part of.
pub(super) fn root(expr: &Expr) -> Option<VarId> {
    match &expr.kind {
        ExprKind::Var(var) => Some(*var),
        ExprKind::Field { base, .. }
        | ExprKind::TupleElement { base, .. }
        | ExprKind::StackElement { base, .. }
        | ExprKind::StackNext(base)
        | ExprKind::StackLast(base)
        | ExprKind::Slice { base, .. } => root(base),
        _ => None,
    }
}

impl Facts {
    /// A variable comes to life without a value.
    pub(super) fn declare(&mut self, program: &Program, var: VarId) {
        let ty = program[var].ty;
        let count = leaves(program, ty);
        if count <= LEAF_LIMIT {
            self.unwritten.extend((0..count).map(|leaf| (var, leaf)));
        }
        self.forget(&(var, Vec::new()));
        if program.is_header(ty) {
            self.invalid.insert((var, Vec::new()));
        }
    }

    /// An l-value is written.
    pub(super) fn write(&mut self, program: &Program, target: &Expr) {
        if let Some((var, parts)) = place(program, target) {
            for part in parts {
                self.unwritten.remove(&(var, part));
            }
        }
        match (path(target), root(target)) {
            (Some(path), _) => self.forget(&path),
            (None, Some(var)) => self.forget(&(var, Vec::new())),
            (None, None) => {}
        }
    }

    /// Nothing is known any longer of a header, and of those inside and around it.
    pub(super) fn forget(&mut self, path: &HeaderPath) {
        self.invalid.retain(|known| {
            known.0 != path.0 || !(known.1.starts_with(&path.1) || path.1.starts_with(&known.1))
        });
    }

    /// Variables are written somewhere else.
    pub(super) fn written_elsewhere(&mut self, vars: &HashSet<VarId>) {
        self.unwritten.retain(|(var, _)| !vars.contains(var));
        self.invalid.retain(|(var, _)| !vars.contains(var));
    }
}
