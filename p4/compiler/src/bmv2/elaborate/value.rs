//! Values and places while expressions are taken apart.

use std::collections::HashSet;

use super::super::ir::{
    Expr, ExprKind, FieldRef, HeaderId, HeaderRef, Program, ScalarId, ScalarType, StackId,
};

/// A value, taken apart as far as its type says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A scalar.
    Scalar(Expr),
    /// A struct or tuple.
    Struct(Vec<Value>),
    /// A header that is stored somewhere.
    Header(HeaderRef),
    /// A valid header with these fields.
    HeaderOf(Vec<Value>),
    /// A header that is not valid.
    InvalidHeader,
    /// A header stack.
    Stack(StackId),
    /// A string.
    String(String),
}

/// What can be assigned to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// All of something: the scalars in the value are fields, the headers are stored.
    Whole(Value),
    /// Bits of a field.
    Slice {
        /// The field.
        field: FieldRef,
        /// Its type.
        ty: ScalarType,
        /// The highest bit.
        hi: u32,
        /// The lowest bit.
        lo: u32,
    },
    /// `_`: nothing is kept.
    Nowhere,
}

/// Stretches of storage, to see whether two values share any.
#[derive(Debug, Default)]
pub(super) struct Storage {
    scalars: HashSet<ScalarId>,
    headers: HashSet<HeaderId>,
    fields: HashSet<(HeaderId, usize)>,
    /// An element that is known only at run time.
    dynamic: bool,
}

impl Storage {
    /// What a value is stored in or reads.
    pub(super) fn of(value: &Value, program: &Program) -> Self {
        let mut storage = Storage::default();
        storage.add(value, program);
        storage
    }

    /// What a place is stored in.
    pub(super) fn of_place(place: &Place, program: &Program) -> Self {
        let mut storage = Storage::default();
        match place {
            Place::Whole(value) => storage.add(value, program),
            Place::Slice { field, .. } => storage.add_field(field, program),
            Place::Nowhere => {}
        }
        storage
    }

    /// Adds what a value is stored in or reads.
    pub(super) fn add(&mut self, value: &Value, program: &Program) {
        match value {
            Value::Scalar(expr) => self.add_expr(expr, program),
            Value::Struct(members) | Value::HeaderOf(members) => {
                for member in members {
                    self.add(member, program);
                }
            }
            Value::Header(header) => self.add_header(header, program),
            Value::Stack(stack) => self.add_stack(*stack, program),
            Value::InvalidHeader | Value::String(_) => {}
        }
    }

    fn add_stack(&mut self, stack: StackId, program: &Program) {
        self.headers.extend(&program.stacks[stack.0].elements);
    }

    fn add_header(&mut self, header: &HeaderRef, program: &Program) {
        match header {
            HeaderRef::Instance(id) => {
                self.headers.insert(*id);
            }
            HeaderRef::Next(stack) | HeaderRef::Last(stack) => {
                self.dynamic = true;
                self.add_stack(*stack, program);
            }
            HeaderRef::Element(stack, index) => {
                self.dynamic = true;
                self.add_stack(*stack, program);
                self.add_expr(index, program);
            }
        }
    }

    fn add_field(&mut self, field: &FieldRef, program: &Program) {
        match field {
            FieldRef::Scalar(id) => {
                self.scalars.insert(*id);
            }
            FieldRef::Header {
                header: HeaderRef::Instance(id),
                field,
            } => {
                self.fields.insert((*id, *field));
            }
            FieldRef::Header { header, .. } => self.add_header(header, program),
        }
    }

    fn add_expr(&mut self, expr: &Expr, program: &Program) {
        match &expr.kind {
            ExprKind::Field(field) => self.add_field(field, program),
            ExprKind::IsValid(header) => self.add_header(header, program),
            ExprKind::LastIndex(stack) => self.add_stack(*stack, program),
            // It reads the packet, and so must stay where it is.
            ExprKind::Lookahead => self.dynamic = true,
            _ => expr.for_each_operand(&mut |operand| self.add_expr(operand, program)),
        }
    }

    /// Whether an element is among them that is known only at run time.
    pub(super) fn is_dynamic(&self) -> bool {
        self.dynamic
    }

    /// Whether only these scalars are stored or read.
    pub(super) fn only(&self, scalars: &HashSet<ScalarId>) -> bool {
        !self.dynamic
            && self.headers.is_empty()
            && self.fields.is_empty()
            && self.scalars.is_subset(scalars)
    }

    /// Whether a piece of storage is in both.
    pub(super) fn overlaps(&self, other: &Storage) -> bool {
        let field_in = |fields: &HashSet<(HeaderId, usize)>, headers: &HashSet<HeaderId>| {
            fields.iter().any(|(header, _)| headers.contains(header))
        };
        !self.scalars.is_disjoint(&other.scalars)
            || !self.headers.is_disjoint(&other.headers)
            || !self.fields.is_disjoint(&other.fields)
            || field_in(&self.fields, &other.headers)
            || field_in(&other.fields, &self.headers)
    }
}

impl Expr {
    /// Calls `f` with each operand.
    pub(in super::super) fn for_each_operand<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        match &self.kind {
            ExprKind::Unary(_, operand)
            | ExprKind::Cast(operand)
            | ExprKind::Slice { base: operand, .. } => f(operand),
            ExprKind::Binary(_, left, right) => {
                f(left);
                f(right);
            }
            ExprKind::Mux(condition, then, otherwise) => {
                f(condition);
                f(then);
                f(otherwise);
            }
            ExprKind::Int(_)
            | ExprKind::Bool(_)
            | ExprKind::Field(_)
            | ExprKind::ActionData(_)
            | ExprKind::IsValid(_)
            | ExprKind::LastIndex(_)
            | ExprKind::Lookahead => {}
        }
    }
}

impl Value {
    /// Calls `f` with each scalar, in the order of the fields.
    pub(super) fn for_each_scalar<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        match self {
            Value::Scalar(expr) => f(expr),
            Value::Struct(members) | Value::HeaderOf(members) => {
                for member in members {
                    member.for_each_scalar(f);
                }
            }
            Value::Header(_) | Value::Stack(_) | Value::InvalidHeader | Value::String(_) => {}
        }
    }

    /// Calls `f` with each stored header, those of stacks among them.
    pub(super) fn for_each_header(&self, program: &Program, f: &mut dyn FnMut(HeaderRef)) {
        match self {
            Value::Header(header) => f(header.clone()),
            Value::Stack(stack) => {
                for element in &program.stacks[stack.0].elements {
                    f(HeaderRef::Instance(*element));
                }
            }
            Value::Struct(members) => {
                for member in members {
                    member.for_each_header(program, f);
                }
            }
            Value::Scalar(_) | Value::HeaderOf(_) | Value::InvalidHeader | Value::String(_) => {}
        }
    }
}
