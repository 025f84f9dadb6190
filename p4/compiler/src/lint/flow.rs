//! What is known at a place of the program: what may be uninitialized, and which headers are
//! invalid.

use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::rc::Rc;

use crate::hir::{Expr, ExprKind, Program, Type, TypeId, VarId};

/// Variables with more parts than this are not followed.
const LEAF_LIMIT: usize = 64;

/// A scalar part of a variable, by its position among all of them.
pub(super) type Leaf = (VarId, usize);

/// A header: a variable, or a field of one.
pub(super) type HeaderPath = (VarId, Vec<usize>);

/// How much work may still be done: how many elements of sets may be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Effort(Rc<Cell<usize>>);

impl Effort {
    pub(super) fn new(limit: usize) -> Self {
        Self(Rc::new(Cell::new(limit)))
    }

    fn spend(&self, elements: usize) {
        self.0.set(self.0.get().saturating_sub(elements));
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

/// What is known where the program can be. The sets are shared until one of two ways changes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// What some way to this place leaves unwritten.
    unwritten: Rc<BTreeSet<Leaf>>,
    /// What is invalid on every way to this place.
    invalid: Rc<BTreeSet<HeaderPath>>,
    effort: Effort,
}

impl Facts {
    /// Nothing is known.
    pub(super) fn new(effort: &Effort) -> Self {
        Self {
            unwritten: Rc::default(),
            invalid: Rc::default(),
            effort: effort.clone(),
        }
    }

    fn unwritten_mut(&mut self) -> &mut BTreeSet<Leaf> {
        if Rc::strong_count(&self.unwritten) > 1 {
            self.effort.spend(self.unwritten.len());
        }
        Rc::make_mut(&mut self.unwritten)
    }

    fn invalid_mut(&mut self) -> &mut BTreeSet<HeaderPath> {
        if Rc::strong_count(&self.invalid) > 1 {
            self.effort.spend(self.invalid.len());
        }
        Rc::make_mut(&mut self.invalid)
    }

    fn join(mut self, other: Self) -> Self {
        if !Rc::ptr_eq(&self.unwritten, &other.unwritten) {
            self.effort.spend(other.unwritten.len());
            self.unwritten_mut().extend(other.unwritten.iter().copied());
        }
        if !Rc::ptr_eq(&self.invalid, &other.invalid) {
            self.effort.spend(self.invalid.len());
            self.invalid_mut()
                .retain(|path| other.invalid.contains(path));
        }
        self
    }

    /// Whether some way leaves a part unwritten.
    pub(super) fn is_unwritten(&self, part: Leaf) -> bool {
        self.unwritten.contains(&part)
    }

    /// Whether some way leaves a part of a variable unwritten.
    pub(super) fn has_unwritten(&self, var: VarId) -> bool {
        self.unwritten
            .range((var, 0)..=(var, usize::MAX))
            .next()
            .is_some()
    }

    /// Whether a header is invalid on every way.
    pub(super) fn is_invalid(&self, path: &HeaderPath) -> bool {
        self.invalid.contains(path)
    }

    /// Parts of a variable are written.
    pub(super) fn wrote(&mut self, var: VarId, parts: Range<usize>) {
        for part in parts {
            if self.unwritten.contains(&(var, part)) {
                self.unwritten_mut().remove(&(var, part));
            }
        }
    }

    /// A header is made invalid.
    pub(super) fn invalidate(&mut self, path: HeaderPath) {
        self.forget(&path);
        self.invalid_mut().insert(path);
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

/// How many scalar parts a value has that are there from the start or not; more than
/// [`LEAF_LIMIT`] are not counted. Headers, stacks and what cannot be written part by part have
/// none: a header comes to life invalid.
pub(super) fn leaves(program: &Program, ty: TypeId) -> usize {
    match program.ty(ty) {
        Type::Struct(decl) => sum(program, program[*decl].fields.iter().map(|field| field.ty)),
        Type::Tuple(members) => sum(program, members.iter().copied()),
        Type::Bool
        | Type::Bit(_)
        | Type::Signed(_)
        | Type::Error
        | Type::Enum(_)
        | Type::NewType(_) => 1,
        _ => 0,
    }
}

fn sum(program: &Program, types: impl Iterator<Item = TypeId>) -> usize {
    let mut count = 0;
    for ty in types {
        count += leaves(program, ty);
        if count > LEAF_LIMIT {
            return LEAF_LIMIT + 1;
        }
    }
    count
}

/// The variable that an expression is a part of, and which of its scalar parts it is. `None` for
/// what is in a header or is no part of a variable.
pub(super) fn place(program: &Program, expr: &Expr) -> Option<(VarId, Range<usize>)> {
    let part = |whole: (VarId, Range<usize>), before: usize| {
        let start = whole.1.start + before;
        (whole.0, start..start + leaves(program, expr.ty))
    };
    match &expr.kind {
        ExprKind::Var(var) => {
            let count = leaves(program, program[*var].ty);
            (count <= LEAF_LIMIT).then_some((*var, 0..count))
        }
        ExprKind::Field { base, field } => match program.ty(base.ty) {
            Type::Struct(decl) => {
                let whole = place(program, base)?;
                let before = program[*decl].fields[..*field].iter();
                Some(part(whole, sum(program, before.map(|field| field.ty))))
            }
            _ => None,
        },
        ExprKind::TupleElement { base, index } => match program.ty(base.ty) {
            Type::Tuple(members) => {
                let whole = place(program, base)?;
                Some(part(whole, sum(program, members[..*index].iter().copied())))
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
        if (1..=LEAF_LIMIT).contains(&count) {
            self.unwritten_mut()
                .extend((0..count).map(|leaf| (var, leaf)));
        }
        self.forget(&(var, Vec::new()));
        if program.is_header(ty) {
            self.invalid_mut().insert((var, Vec::new()));
        }
    }

    /// An l-value is written.
    pub(super) fn write(&mut self, program: &Program, target: &Expr) {
        if let Some((var, parts)) = place(program, target) {
            self.wrote(var, parts);
        }
        match (path(target), root(target)) {
            (Some(path), _) => self.forget(&path),
            (None, Some(var)) => self.forget(&(var, Vec::new())),
            (None, None) => {}
        }
    }

    /// Nothing is known any longer of a header, and of those inside and around it.
    pub(super) fn forget(&mut self, path: &HeaderPath) {
        let concerns = |known: &HeaderPath| {
            known.0 == path.0 && (known.1.starts_with(&path.1) || path.1.starts_with(&known.1))
        };
        let known = self.invalid.range((path.0, Vec::new())..);
        let mut known = known.take_while(|known| known.0 == path.0);
        if known.any(concerns) {
            self.invalid_mut().retain(|known| !concerns(known));
        }
    }

    /// Variables are written somewhere else.
    pub(super) fn written_elsewhere(&mut self, vars: &HashSet<VarId>) {
        for &var in vars {
            if self.has_unwritten(var) {
                self.wrote(var, 0..LEAF_LIMIT);
            }
            self.forget(&(var, Vec::new()));
        }
    }
}
