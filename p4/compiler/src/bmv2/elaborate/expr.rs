//! Expressions.

use num_bigint::BigInt;

use crate::diagnostic::Diagnostic;
use crate::hir::{self, BinaryOp, Const, ExprKind, TypeId, VarId};
use crate::source::Span;

use super::super::ir::{self, AfterTable, Expr, FieldRef, HeaderRef, ScalarType, Stmt, StmtKind};
use super::assign::push;
use super::value::{Place, Storage, Value};
use super::{Elaborator, Lowered};

impl Elaborator<'_> {
    /// The value of an expression. What it does besides is appended to `out`.
    pub(super) fn eval(&mut self, expr: &hir::Expr, out: &mut Vec<Stmt>) -> Lowered<Value> {
        match &expr.kind {
            ExprKind::Const(constant) => self.constant(constant, expr.ty, expr.span),
            ExprKind::Var(var) => self.var(*var, expr.span),
            ExprKind::Field { base, field } => self.member(base, *field, out),
            ExprKind::TupleElement { base, index } => self.member(base, *index, out),
            ExprKind::StackElement { base, index } => {
                // The stack is a place: it is the index that has a value.
                let stack = self.stack(base, out)?;
                let index = self.eval_scalar(index, out)?;
                Ok(Value::Header(self.element(stack, index, expr.span)?))
            }
            ExprKind::StackNext(base) => Ok(Value::Header(HeaderRef::Next(self.stack(base, out)?))),
            ExprKind::StackLast(base) => Ok(Value::Header(HeaderRef::Last(self.stack(base, out)?))),
            ExprKind::StackLastIndex(base) => {
                let stack = self.stack(base, out)?;
                let ty = ScalarType::bits(32);
                Ok(Value::Scalar(Expr {
                    kind: ir::ExprKind::LastIndex(stack),
                    ty,
                }))
            }
            ExprKind::Slice { base, hi, lo } => {
                let base = self.eval_scalar(base, out)?;
                Ok(Value::Scalar(Expr::slice(base, *hi, *lo)))
            }
            ExprKind::Unary { op, operand } => {
                let operand = self.eval_scalar(operand, out)?;
                Ok(Value::Scalar(Expr::unary(*op, operand)))
            }
            ExprKind::Binary { op, left, right } => self.eval_binary(*op, left, right, expr, out),
            ExprKind::Conditional {
                condition,
                then,
                otherwise,
            } => self.eval_conditional(condition, then, otherwise, expr, out),
            ExprKind::Cast(operand) => {
                let value = self.eval(operand, out)?;
                match (value, self.scalar_type(expr.ty)) {
                    (Value::Scalar(value), Some(ty)) => Ok(Value::Scalar(value.cast(ty))),
                    (value, None) => Ok(value),
                    _ => Err(unsupported(expr.span, "this cast")),
                }
            }
            ExprKind::List(items) => self.eval_list(items, expr, out),
            ExprKind::InvalidHeader => Ok(Value::InvalidHeader),
            ExprKind::IsValid(base) => match self.eval(base, out)? {
                Value::Header(HeaderRef::Next(_) | HeaderRef::Last(_)) => {
                    let text = "`isValid` of `next` or `last` of a header stack";
                    Err(unsupported(expr.span, text))
                }
                Value::Header(header) => {
                    let kind = ir::ExprKind::IsValid(header);
                    Ok(Value::Scalar(Expr {
                        kind,
                        ty: ScalarType::Bool,
                    }))
                }
                Value::HeaderOf(_) => Ok(Value::Scalar(Expr::bool(true))),
                Value::InvalidHeader => Ok(Value::Scalar(Expr::bool(false))),
                _ => Err(unsupported(expr.span, "`isValid` of this")),
            },
            ExprKind::TableHit(table) => self.eval_hit(*table, true, expr.span, out),
            ExprKind::TableMiss(table) => self.eval_hit(*table, false, expr.span, out),
            ExprKind::Call(call) => self
                .call(call, out)?
                .ok_or_else(|| Diagnostic::error(expr.span, "this call has no value").into()),
        }
    }

    /// The value of an expression of a scalar type.
    pub(super) fn eval_scalar(&mut self, expr: &hir::Expr, out: &mut Vec<Stmt>) -> Lowered<Expr> {
        let value = self.eval(expr, out)?;
        self.scalar(value, expr.span)
    }

    /// The scalar that a value is.
    pub(super) fn scalar(&self, value: Value, span: Span) -> Lowered<Expr> {
        match value {
            Value::Scalar(expr) => Ok(expr),
            _ => Err(unsupported(
                span,
                "a struct, header or string where a scalar is needed",
            )),
        }
    }

    /// The values of several expressions, from left to right. A value is saved if what comes
    /// after it has side effects.
    pub(super) fn eval_all(
        &mut self,
        exprs: &[&hir::Expr],
        out: &mut Vec<Stmt>,
    ) -> Lowered<Vec<Value>> {
        let mut values: Vec<Value> = Vec::with_capacity(exprs.len());
        for expr in exprs {
            let mut effects = Vec::new();
            let value = self.eval(expr, &mut effects)?;
            if self.disturb(&effects) {
                for earlier in &mut values {
                    let saved = self.saved(earlier.clone(), expr.span, out)?;
                    *earlier = saved;
                }
            }
            out.append(&mut effects);
            values.push(value);
        }
        Ok(values)
    }

    /// A value known at compile time.
    pub(super) fn constant(&self, constant: &Const, ty: TypeId, span: Span) -> Lowered<Value> {
        Ok(match constant {
            Const::Bool(value) => Value::Scalar(Expr::bool(*value)),
            // An `int` stands only where the width does not matter.
            Const::Int(value) => {
                let ty = self.scalar_type(ty).unwrap_or(ScalarType::bits(32));
                Value::Scalar(Expr::int(value.clone(), ty))
            }
            Const::Error(id) => Value::Scalar(Expr::int(id.0, ScalarType::Error)),
            Const::Enum(index) => {
                let ty = self.expect_scalar_type(ty, span)?;
                Value::Scalar(Expr::int(BigInt::from(*index), ty))
            }
            Const::String(text) => Value::String(text.clone()),
        })
    }

    /// What a variable is bound to.
    fn var(&self, var: VarId, span: Span) -> Lowered<Value> {
        let found = self.frames.last().and_then(|frame| frame.vars.get(&var));
        found.cloned().ok_or_else(|| {
            let text = format!(
                "`{}` cannot be used as a value here",
                self.program[var].name
            );
            Diagnostic::error(span, text).into()
        })
    }

    fn stack(&mut self, expr: &hir::Expr, out: &mut Vec<Stmt>) -> Lowered<ir::StackId> {
        match self.eval(expr, out)? {
            Value::Stack(stack) => Ok(stack),
            _ => Err(unsupported(expr.span, "this header stack")),
        }
    }

    /// The element of a stack at an index.
    fn element(&self, stack: ir::StackId, index: Expr, span: Span) -> Lowered<HeaderRef> {
        let elements = &self.flat.stacks[stack.0].elements;
        match index.as_int() {
            Some(value) => usize::try_from(value)
                .ok()
                .and_then(|index| elements.get(index))
                .map(|element| HeaderRef::Instance(*element))
                .ok_or_else(|| {
                    let text = format!("the header stack has no element {value}");
                    Diagnostic::error(span, text).into()
                }),
            None => Ok(HeaderRef::Element(stack, Box::new(index))),
        }
    }

    /// A member of a struct, header or tuple.
    fn member(&mut self, base: &hir::Expr, index: usize, out: &mut Vec<Stmt>) -> Lowered<Value> {
        let value = match self.eval(base, out)? {
            Value::Struct(members) | Value::HeaderOf(members) => members.into_iter().nth(index),
            Value::Header(HeaderRef::Next(_)) => {
                return Err(unsupported(
                    base.span,
                    "a field of `next` of a header stack",
                ));
            }
            Value::Header(header) => self
                .header_members(&header, base.ty, base.span)?
                .into_iter()
                .nth(index),
            Value::InvalidHeader => {
                return Err(unsupported(
                    base.span,
                    "a field of a header that is never valid",
                ));
            }
            _ => None,
        };
        value.ok_or_else(|| unsupported(base.span, "this member"))
    }

    fn eval_list(
        &mut self,
        items: &[hir::Expr],
        expr: &hir::Expr,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Value> {
        let values = self.eval_all(&items.iter().collect::<Vec<_>>(), out)?;
        match self.program.ty(self.program.underlying(expr.ty)) {
            hir::Type::Struct(_) | hir::Type::Tuple(_) => Ok(Value::Struct(values)),
            hir::Type::Header(_) => Ok(Value::HeaderOf(values)),
            _ => Err(unsupported(expr.span, "a list of this type")),
        }
    }

    /// `then` if the condition holds, else `otherwise`; only one of them is evaluated.
    fn eval_conditional(
        &mut self,
        condition: &hir::Expr,
        then: &hir::Expr,
        otherwise: &hir::Expr,
        expr: &hir::Expr,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Value> {
        let condition_value = self.eval_scalar(condition, out)?;
        match condition_value.as_bool() {
            Some(true) => return self.eval(then, out),
            Some(false) => return self.eval(otherwise, out),
            None => {}
        }
        let (mut then_effects, mut otherwise_effects) = (Vec::new(), Vec::new());
        let then_value = self.eval(then, &mut then_effects)?;
        let otherwise_value = self.eval(otherwise, &mut otherwise_effects)?;
        if let (Value::Scalar(a), Value::Scalar(b)) = (&then_value, &otherwise_value)
            && then_effects.is_empty()
            && otherwise_effects.is_empty()
        {
            return Ok(Value::Scalar(Expr::mux(
                condition_value,
                a.clone(),
                b.clone(),
            )));
        }
        let result = self.variable("tmp", expr.ty, expr.span)?;
        let place = Place::Whole(result.clone());
        self.assign(&place, then_value, expr.span, &mut then_effects)?;
        self.assign(&place, otherwise_value, expr.span, &mut otherwise_effects)?;
        let kind = StmtKind::If {
            condition: condition_value,
            condition_span: condition.span,
            then: then_effects,
            otherwise: otherwise_effects,
        };
        push(out, kind, expr.span);
        Ok(result)
    }

    fn eval_binary(
        &mut self,
        op: BinaryOp,
        left: &hir::Expr,
        right: &hir::Expr,
        expr: &hir::Expr,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Value> {
        if matches!(op, BinaryOp::And | BinaryOp::Or) {
            return self.eval_short_circuit(op, left, right, expr, out);
        }
        let mut values = self.eval_all(&[left, right], out)?;
        let (Some(b), Some(a)) = (values.pop(), values.pop()) else {
            return Err(unsupported(expr.span, "this operation"));
        };
        match (op, a, b) {
            (_, Value::Scalar(a), Value::Scalar(b)) => {
                let ty = self.expect_scalar_type(expr.ty, expr.span)?;
                super::operators::check(op, &a, &b, expr.span)?;
                Ok(Value::Scalar(Expr::binary(op, a, b, ty)))
            }
            (BinaryOp::Eq, a, b) => Ok(Value::Scalar(self.equal(&a, &b, left.ty, expr.span)?)),
            (BinaryOp::Ne, a, b) => Ok(Value::Scalar(
                self.equal(&a, &b, left.ty, expr.span)?.negated(),
            )),
            _ => Err(unsupported(
                expr.span,
                "this operation on structs or headers",
            )),
        }
    }

    /// `&&` and `||`: the right operand is evaluated only if the left one does not decide.
    fn eval_short_circuit(
        &mut self,
        op: BinaryOp,
        left: &hir::Expr,
        right: &hir::Expr,
        expr: &hir::Expr,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Value> {
        let left_value = self.eval_scalar(left, out)?;
        if left_value.as_bool() == Some(op == BinaryOp::Or) {
            return Ok(Value::Scalar(left_value));
        }
        let mut effects = Vec::new();
        let right_value = self.eval_scalar(right, &mut effects)?;
        if effects.is_empty() {
            return Ok(Value::Scalar(Expr::binary(
                op,
                left_value,
                right_value,
                ScalarType::Bool,
            )));
        }
        let name = self.names.unique("tmp");
        let result = self.new_scalar(name, ScalarType::Bool);
        let read = Expr::field(result.clone(), ScalarType::Bool);
        push(out, StmtKind::Assign(result.clone(), left_value), left.span);
        push(
            &mut effects,
            StmtKind::Assign(result, right_value),
            right.span,
        );
        let (then, otherwise) = match op {
            BinaryOp::And => (effects, Vec::new()),
            _ => (Vec::new(), effects),
        };
        let kind = StmtKind::If {
            condition: read.clone(),
            condition_span: left.span,
            then,
            otherwise,
        };
        push(out, kind, expr.span);
        Ok(Value::Scalar(read))
    }

    /// Whether two values of a type that is not scalar are equal.
    fn equal(&self, a: &Value, b: &Value, ty: TypeId, span: Span) -> Lowered<Expr> {
        let members = |elaborator: &Self, a: &[Value], b: &[Value]| {
            let types = elaborator.member_types(ty).unwrap_or_default();
            let mut all = Expr::bool(true);
            for ((a, b), ty) in a.iter().zip(b).zip(types) {
                all = all.and(elaborator.equal(a, b, ty, span)?);
            }
            Ok(all)
        };
        match (a, b) {
            (Value::Scalar(a), Value::Scalar(b)) => Ok(Expr::binary(
                BinaryOp::Eq,
                a.clone(),
                b.clone(),
                ScalarType::Bool,
            )),
            (Value::Struct(a), Value::Struct(b)) => members(self, a, b),
            (Value::Stack(a), Value::Stack(b)) => {
                let hir::Type::Stack { element, .. } = *self.program.ty(ty) else {
                    return Err(unsupported(span, "this comparison"));
                };
                let elements = |stack: &ir::StackId| self.flat.stacks[stack.0].elements.clone();
                let mut all = Expr::bool(true);
                for (a, b) in elements(a).into_iter().zip(elements(b)) {
                    let a = Value::Header(HeaderRef::Instance(a));
                    let b = Value::Header(HeaderRef::Instance(b));
                    all = all.and(self.equal(&a, &b, element, span)?);
                }
                Ok(all)
            }
            // Headers are equal if both are invalid, or both valid with the same fields.
            _ => {
                let (valid_a, fields_a) = self.header_parts(a, ty, span)?;
                let (valid_b, fields_b) = self.header_parts(b, ty, span)?;
                let neither = valid_a.clone().negated().and(valid_b.clone().negated());
                let both = valid_a.and(valid_b);
                let same = match (fields_a, fields_b) {
                    (Some(a), Some(b)) => members(self, &a, &b)?,
                    _ => Expr::bool(false),
                };
                Ok(neither.or(both.and(same)))
            }
        }
    }

    fn header_parts(
        &self,
        header: &Value,
        ty: TypeId,
        span: Span,
    ) -> Lowered<(Expr, Option<Vec<Value>>)> {
        match header {
            Value::Header(stored) => {
                let valid = Expr {
                    kind: ir::ExprKind::IsValid(stored.clone()),
                    ty: ScalarType::Bool,
                };
                Ok((valid, Some(self.header_members(stored, ty, span)?)))
            }
            Value::HeaderOf(members) => Ok((Expr::bool(true), Some(members.clone()))),
            Value::InvalidHeader => Ok((Expr::bool(false), None)),
            _ => Err(unsupported(span, "this comparison")),
        }
    }

    /// `table.apply().hit` or `.miss` as a value.
    fn eval_hit(
        &mut self,
        table: hir::TableId,
        value_on_hit: bool,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Value> {
        let name = self.names.unique("tmp");
        let result = self.new_scalar(name, ScalarType::Bool);
        let set = |value| Stmt {
            kind: StmtKind::Assign(result.clone(), Expr::bool(value)),
            span,
        };
        let hit = vec![set(value_on_hit)];
        let miss = vec![set(!value_on_hit)];
        self.apply_table(table, AfterTable::Hit { hit, miss }, span, out)?;
        Ok(Value::Scalar(Expr::field(result, ScalarType::Bool)))
    }

    /// The expression, or if it is not simply a field or a constant a temporary with its value.
    pub(super) fn simple(&mut self, expr: Expr, span: Span, out: &mut Vec<Stmt>) -> Expr {
        match &expr.kind {
            ir::ExprKind::Int(_)
            | ir::ExprKind::Bool(_)
            | ir::ExprKind::ActionData(_)
            | ir::ExprKind::Field(FieldRef::Scalar(_))
            | ir::ExprKind::Field(FieldRef::Header {
                header: HeaderRef::Instance(_),
                ..
            }) => expr,
            _ => {
                let ty = expr.ty;
                let field = self.temporary("tmp", ty);
                push(out, StmtKind::Assign(field.clone(), expr), span);
                Expr::field(field, ty)
            }
        }
    }

    /// Whether statements can change what was read before them: more than new temporaries.
    pub(super) fn disturb(&self, effects: &[Stmt]) -> bool {
        !effects.iter().all(|stmt| match &stmt.kind {
            StmtKind::Assign(FieldRef::Scalar(id), _) => self.temporaries.contains(id),
            _ => false,
        })
    }

    /// Whether a value can change when something else is written.
    pub(super) fn is_stable(&self, value: &Value) -> bool {
        Storage::of(value, &self.flat).only(&self.temporaries)
    }
}

/// The error for what this target or this compiler cannot do.
pub(super) fn unsupported(span: Span, what: &str) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(
        span,
        format!("{what} is not supported on this target"),
    ))
}
