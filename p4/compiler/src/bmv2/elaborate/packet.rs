//! The packet: what the parser takes from it and the deparser appends to it.

use crate::diagnostic::Diagnostic;
use crate::hir::{self, Arg, Call, TypeId};
use crate::source::Span;

use super::super::ir::{self, Expr, ExprKind, HeaderRef, ParserOp, ScalarType, Stmt, StmtKind};
use super::assign::push;
use super::expr::unsupported;
use super::value::Value;
use super::{Block, Elaborator, Lowered};

impl Elaborator<'_> {
    /// A method of `packet_in`.
    pub(super) fn packet_in(
        &mut self,
        method: &str,
        call: &Call,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Option<Value>> {
        let span = call.span;
        if self.block != Block::Parser {
            return Err(unsupported(span, "reading the packet outside the parser"));
        }
        match method {
            "extract" => {
                let header = self.extract_target(call, out)?;
                let op = if call.args.len() > 1 {
                    let size = self.argument(call, 1, out)?;
                    ParserOp::ExtractVariable(header, size)
                } else {
                    ParserOp::Extract(header)
                };
                push(out, StmtKind::Parse(op), span);
                Ok(None)
            }
            "lookahead" => {
                let Some(&ty) = call.type_args.first() else {
                    return Err(unsupported(span, "this `lookahead`"));
                };
                self.lookahead(ty, span, out).map(Some)
            }
            "advance" => {
                let amount = self.argument(call, 0, out)?;
                push(out, StmtKind::Parse(ParserOp::Advance(amount)), span);
                Ok(None)
            }
            _ => Err(unsupported(span, &format!("`packet_in.{method}`"))),
        }
    }

    fn extract_target(&mut self, call: &Call, out: &mut Vec<Stmt>) -> Lowered<HeaderRef> {
        match call.args.first() {
            Some(Arg::Expr(expr)) => match self.eval(expr, out)? {
                Value::Header(header @ (HeaderRef::Instance(_) | HeaderRef::Next(_))) => Ok(header),
                _ => Err(unsupported(expr.span, "extracting into this")),
            },
            _ => {
                let Some(&ty) = call.type_args.first() else {
                    return Err(unsupported(call.span, "this `extract`"));
                };
                let ty = self.header_type(ty, call.span)?;
                let name = self.names.unique("arg");
                Ok(HeaderRef::Instance(self.new_header(name, ty, false)))
            }
        }
    }

    /// The next bits of the packet as a value of a type.
    fn lookahead(&mut self, ty: TypeId, span: Span, out: &mut Vec<Stmt>) -> Lowered<Value> {
        let width = self
            .program
            .width(ty)
            .and_then(|width| u32::try_from(width).ok());
        let Some(width) = width.filter(|width| *width > 0) else {
            return Err(unsupported(span, "looking ahead for a value of this type"));
        };
        let bits = ScalarType::bits(width);
        let field = self.temporary("tmp", bits);
        let ahead = Expr {
            kind: ExprKind::Lookahead,
            ty: bits,
        };
        push(out, StmtKind::Assign(field.clone(), ahead), span);
        let mut left = width;
        self.unpack(ty, &Expr::field(field, bits), &mut left, span)
    }

    /// A value of a type from the bits of `source` below `left`.
    fn unpack(&mut self, ty: TypeId, source: &Expr, left: &mut u32, span: Span) -> Lowered<Value> {
        if let Some(members) = self.member_types(ty) {
            let members = members
                .into_iter()
                .map(|member| self.unpack(member, source, left, span))
                .collect::<Lowered<Vec<_>>>()?;
            return Ok(if self.program.is_header(ty) {
                Value::HeaderOf(members)
            } else {
                Value::Struct(members)
            });
        }
        let Some(scalar) = self.scalar_type(ty) else {
            let what = format!("`lookahead` of a `{}`", self.program.type_name(ty));
            return Err(unsupported(span, &what));
        };
        if matches!(scalar, ScalarType::Varbit(_) | ScalarType::Error) {
            return Err(unsupported(span, "looking ahead for a value of this type"));
        }
        let width = scalar.width();
        let bits = Expr::slice(source.clone(), *left - 1, *left - width);
        *left -= width;
        Ok(Value::Scalar(bits.cast(scalar)))
    }

    /// `verify(condition, error)`.
    pub(super) fn verify(&mut self, call: &Call, out: &mut Vec<Stmt>) -> Lowered<()> {
        if self.block != Block::Parser {
            return Err(unsupported(call.span, "`verify` outside the parser"));
        }
        let condition = self.argument(call, 0, out)?;
        let error = self.argument(call, 1, out)?;
        push(
            out,
            StmtKind::Parse(ParserOp::Verify(condition, error)),
            call.span,
        );
        Ok(())
    }

    /// A method of `packet_out`.
    pub(super) fn packet_out(
        &mut self,
        method: &str,
        call: &Call,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        if self.block != Block::Deparser || method != "emit" {
            return Err(unsupported(
                call.span,
                "writing the packet outside the deparser",
            ));
        }
        match call.args.first() {
            Some(Arg::Expr(expr)) => {
                let value = self.eval(expr, out)?;
                self.emit(&value, expr, out)
            }
            _ => Err(Diagnostic::error(call.span, "an argument is missing here").into()),
        }
    }

    fn emit(&mut self, value: &Value, expr: &hir::Expr, out: &mut Vec<Stmt>) -> Lowered<()> {
        match value {
            Value::Header(HeaderRef::Instance(_)) | Value::Stack(_) => {
                value.for_each_header(&self.flat, &mut |header| {
                    push(out, StmtKind::Emit(header), expr.span);
                });
                Ok(())
            }
            Value::Struct(members) => members
                .iter()
                .try_for_each(|member| self.emit(member, expr, out)),
            Value::InvalidHeader => Ok(()),
            _ => Err(unsupported(expr.span, "emitting this")),
        }
    }

    /// A condition as a one-bit field that a parser state can select on.
    pub(super) fn condition_field(
        &mut self,
        condition: Expr,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> ir::FieldRef {
        if let ExprKind::Field(field @ ir::FieldRef::Scalar(_)) = &condition.kind {
            return field.clone();
        }
        let field = self.temporary("tmp", ScalarType::Bool);
        push(out, StmtKind::Assign(field.clone(), condition), span);
        field
    }

    /// A value as a field that a parser state can select on.
    pub(super) fn select_field(
        &mut self,
        value: Expr,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<ir::FieldRef> {
        match &value.kind {
            ExprKind::Field(
                field @ (ir::FieldRef::Scalar(_)
                | ir::FieldRef::Header {
                    header: HeaderRef::Instance(_) | HeaderRef::Last(_),
                    ..
                }),
            ) => Ok(field.clone()),
            _ => {
                if let ScalarType::Varbit(_) = value.ty {
                    return Err(unsupported(span, "selecting on a varbit field"));
                }
                let field = self.temporary("tmp", value.ty);
                push(out, StmtKind::Assign(field.clone(), value), span);
                Ok(field)
            }
        }
    }
}
