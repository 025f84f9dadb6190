//! Assignments of any type, as assignments of scalars and headers.

use num_bigint::BigInt;

use crate::diagnostic::Diagnostic;
use crate::hir::{self, BinaryOp, ExprKind, UnaryOp};
use crate::source::Span;

use super::super::fold::ones;
use super::super::ir::{self, Expr, FieldRef, HeaderRef, ScalarType, Stmt, StmtKind};
use super::value::{Place, Storage, Value};
use super::{Elaborator, Lowered};

impl Elaborator<'_> {
    /// Where an l-value is stored.
    pub(super) fn place(&mut self, expr: &hir::Expr, out: &mut Vec<Stmt>) -> Lowered<Place> {
        let ExprKind::Slice { base, hi, lo } = &expr.kind else {
            return Ok(Place::Whole(self.eval(expr, out)?));
        };
        match self.place(base, out)? {
            Place::Whole(Value::Scalar(Expr {
                kind: ir::ExprKind::Field(field),
                ty,
            })) => Ok(Place::Slice {
                field,
                ty,
                hi: *hi,
                lo: *lo,
            }),
            Place::Slice {
                field,
                ty,
                lo: outer,
                ..
            } => Ok(Place::Slice {
                field,
                ty,
                hi: hi + outer,
                lo: lo + outer,
            }),
            _ => Err(not_assignable(expr.span)),
        }
    }

    /// The same place, whatever is written before it is used: an index that is known only at run
    /// time is saved.
    pub(super) fn pinned(
        &mut self,
        place: Place,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Place> {
        match place {
            Place::Whole(Value::Header(header)) => {
                let header = self.pinned_header(header, span, out)?;
                Ok(Place::Whole(Value::Header(header)))
            }
            Place::Whole(Value::Scalar(Expr {
                kind: ir::ExprKind::Field(field),
                ty,
            })) => {
                let field = self.pinned_field(field, span, out)?;
                Ok(Place::Whole(Value::Scalar(Expr::field(field, ty))))
            }
            Place::Slice { field, ty, hi, lo } => {
                let field = self.pinned_field(field, span, out)?;
                Ok(Place::Slice { field, ty, hi, lo })
            }
            place => Ok(place),
        }
    }

    fn pinned_field(
        &mut self,
        field: FieldRef,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<FieldRef> {
        match field {
            FieldRef::Header { header, field } => {
                let header = self.pinned_header(header, span, out)?;
                Ok(FieldRef::Header { header, field })
            }
            field => Ok(field),
        }
    }

    fn pinned_header(
        &mut self,
        header: HeaderRef,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<HeaderRef> {
        match header {
            HeaderRef::Element(stack, index) => {
                let index = self.saved(Value::Scalar(*index), span, out)?;
                let index = self.scalar(index, span)?;
                Ok(HeaderRef::Element(stack, Box::new(index)))
            }
            header => Ok(header),
        }
    }

    /// The field that a scalar place is, if it is one as a whole.
    pub(super) fn whole_field(place: &Place) -> Option<(&FieldRef, ScalarType)> {
        match place {
            Place::Whole(Value::Scalar(Expr {
                kind: ir::ExprKind::Field(field),
                ty,
            })) => Some((field, *ty)),
            _ => None,
        }
    }

    /// Assigns `value` to `place`.
    pub(super) fn assign(
        &mut self,
        place: &Place,
        value: Value,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        match place {
            Place::Nowhere => Ok(()),
            Place::Slice { field, ty, hi, lo } => {
                let value = self.scalar(value, span)?;
                let value = insert_bits(Expr::field(field.clone(), *ty), value, *hi, *lo);
                push(out, StmtKind::Assign(field.clone(), value), span);
                Ok(())
            }
            Place::Whole(target) => {
                let value = self.unalias(target, value, span, out)?;
                self.assign_whole(target, value, span, out)
            }
        }
    }

    /// Saves what is read from the target of an aggregate before the first part is written.
    fn unalias(
        &mut self,
        target: &Value,
        value: Value,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Value> {
        let parts = match (target, &value) {
            (_, Value::HeaderOf(members)) => members.len().max(2),
            (Value::Struct(_), Value::Struct(members)) => members.len(),
            _ => 0,
        };
        if parts < 2 || *target == value {
            return Ok(value);
        }
        let written = Storage::of(target, &self.flat);
        if !written.overlaps(&Storage::of(&value, &self.flat)) {
            return Ok(value);
        }
        self.saved(value, span, out)
    }

    /// A copy of a value in temporaries.
    pub(super) fn saved(
        &mut self,
        value: Value,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Value> {
        match value {
            Value::Scalar(expr) => {
                let reads = Storage::of(&Value::Scalar(expr.clone()), &self.flat);
                if reads.only(&self.temporaries) {
                    return Ok(Value::Scalar(expr));
                }
                let field = self.temporary("tmp", expr.ty);
                let ty = expr.ty;
                push(out, StmtKind::Assign(field.clone(), expr), span);
                Ok(Value::Scalar(Expr::field(field, ty)))
            }
            Value::Struct(members) => members
                .into_iter()
                .map(|member| self.saved(member, span, out))
                .collect::<Lowered<Vec<_>>>()
                .map(Value::Struct),
            Value::HeaderOf(members) => members
                .into_iter()
                .map(|member| self.saved(member, span, out))
                .collect::<Lowered<Vec<_>>>()
                .map(Value::HeaderOf),
            Value::Header(source) => {
                let ty = self.stored_type(&source);
                let name = self.names.unique("tmp_hdr");
                let copy = HeaderRef::Instance(self.new_header(name, ty, false));
                push(out, StmtKind::AssignHeader(copy.clone(), source), span);
                Ok(Value::Header(copy))
            }
            Value::Stack(source) => {
                let ty = self.flat.stacks[source.0].ty;
                let size = self.flat.stacks[source.0].elements.len();
                let name = self.names.unique("tmp_stack");
                let elements = (0..size)
                    .map(|index| self.new_header(format!("{name}[{index}]"), ty, false))
                    .collect();
                let copy = ir::StackId(self.flat.stacks.len());
                self.flat.stacks.push(ir::Stack { name, ty, elements });
                push(out, StmtKind::AssignStack(copy, source), span);
                Ok(Value::Stack(copy))
            }
            Value::InvalidHeader | Value::String(_) => Ok(value),
        }
    }

    /// The header type of a stored header.
    pub(super) fn stored_type(&self, header: &HeaderRef) -> ir::HeaderTypeId {
        match header {
            HeaderRef::Instance(id) => self.flat.headers[id.0].ty,
            HeaderRef::Next(stack) | HeaderRef::Last(stack) | HeaderRef::Element(stack, _) => {
                self.flat.stacks[stack.0].ty
            }
        }
    }

    fn assign_whole(
        &mut self,
        target: &Value,
        value: Value,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        match (target, value) {
            (target, value) if *target == value => Ok(()),
            (
                Value::Scalar(Expr {
                    kind: ir::ExprKind::Field(field),
                    ..
                }),
                Value::Scalar(expr),
            ) => {
                check_writable(field, span)?;
                push(out, StmtKind::Assign(field.clone(), expr), span);
                Ok(())
            }
            (Value::Struct(targets), Value::Struct(values)) if targets.len() == values.len() => {
                for (target, value) in targets.iter().zip(values) {
                    self.assign_whole(target, value, span, out)?;
                }
                Ok(())
            }
            (Value::Header(target), Value::Header(source)) => {
                check_header_writable(target, span)?;
                push(out, StmtKind::AssignHeader(target.clone(), source), span);
                Ok(())
            }
            (Value::Header(target), Value::InvalidHeader) => {
                check_header_writable(target, span)?;
                push(out, StmtKind::RemoveHeader(target.clone()), span);
                Ok(())
            }
            (Value::Header(target), Value::HeaderOf(values)) => {
                check_header_writable(target, span)?;
                push(out, StmtKind::AddHeader(target.clone()), span);
                let mut scalars = Vec::new();
                for value in &values {
                    value.for_each_scalar(&mut |expr| scalars.push(expr.clone()));
                }
                for (field, expr) in scalars.into_iter().enumerate() {
                    let field = FieldRef::Header {
                        header: target.clone(),
                        field,
                    };
                    push(out, StmtKind::Assign(field, expr), span);
                }
                Ok(())
            }
            (Value::Stack(target), Value::Stack(source)) => {
                push(out, StmtKind::AssignStack(*target, source), span);
                Ok(())
            }
            _ => Err(not_assignable(span)),
        }
    }
}

/// Appends a statement.
pub(super) fn push(out: &mut Vec<Stmt>, kind: StmtKind, span: Span) {
    out.push(Stmt { kind, span });
}

fn not_assignable(span: Span) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(
        span,
        "this assignment is not supported on this target",
    ))
}

fn check_writable(field: &FieldRef, span: Span) -> Lowered<()> {
    match field {
        FieldRef::Header { header, .. } => check_header_writable(header, span),
        FieldRef::Scalar(_) => Ok(()),
    }
}

/// BMv2 has a name for the last element of a stack only to read it.
fn check_header_writable(header: &HeaderRef, span: Span) -> Lowered<()> {
    match header {
        HeaderRef::Instance(_) | HeaderRef::Element(..) => Ok(()),
        HeaderRef::Next(_) | HeaderRef::Last(_) => {
            let text =
                "writing to `next` or `last` of a header stack is not supported on this target";
            Err(Diagnostic::error(span, text)
                .help("`next` can be extracted to, and `last` can be read")
                .into())
        }
    }
}

/// `base` with `value` in its bits `hi` to `lo`.
fn insert_bits(base: Expr, value: Expr, hi: u32, lo: u32) -> Expr {
    let ty = base.ty;
    let bits = ScalarType::bits(ty.width());
    let mask: BigInt = ones(hi - lo + 1) << lo;
    let keep = ones(ty.width()) ^ &mask;
    let kept = Expr::binary(
        BinaryOp::BitAnd,
        base.cast(bits),
        Expr::int(keep, bits),
        bits,
    );
    let amount = Expr::int(lo, ScalarType::bits(32));
    let shifted = Expr::binary(BinaryOp::Shl, value.cast(bits), amount, bits);
    let new = Expr::binary(BinaryOp::BitAnd, shifted, Expr::int(mask, bits), bits);
    Expr::binary(BinaryOp::BitOr, kept, new, bits).cast(ty)
}

impl Expr {
    /// `!self`.
    pub(super) fn negated(self) -> Self {
        Expr::unary(UnaryOp::Not, self)
    }

    /// `self && other`.
    pub(super) fn and(self, other: Expr) -> Self {
        Expr::binary(BinaryOp::And, self, other, ScalarType::Bool)
    }

    /// `self || other`.
    pub(super) fn or(self, other: Expr) -> Self {
        Expr::binary(BinaryOp::Or, self, other, ScalarType::Bool)
    }
}
