//! The extern functions of v1model.

use crate::diagnostic::Diagnostic;
use crate::hir::{self, Arg, Call, Const};
use crate::source::Span;

use super::super::ir::{
    Checksum, Expr, ExprKind, FieldRef, HeaderRef, PrimitiveParam, Stmt, StmtKind,
};
use super::assign::push;
use super::expr::unsupported;
use super::objects::primitive;
use super::value::Value;
use super::{Block, Elaborator, Lowered};

impl Elaborator<'_> {
    /// A call of an extern function.
    pub(super) fn extern_function(
        &mut self,
        name: &str,
        call: &Call,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Option<Value>> {
        let span = call.span;
        match name {
            "verify_checksum"
            | "verify_checksum_with_payload"
            | "update_checksum"
            | "update_checksum_with_payload" => self.checksum(name, call, out)?,
            "verify" => self.verify(call, out)?,
            "log_msg" => self.log_message(call, out)?,
            "assert" | "assume" => {
                let condition = self.argument(call, 0, out)?;
                let name = if name == "assert" { "assert" } else { "assume" };
                primitive(name, vec![PrimitiveParam::Condition(condition)], span, out);
            }
            // The front end has checked it.
            "static_assert" => return Ok(Some(Value::Scalar(Expr::bool(true)))),
            _ if !matches!(self.block, Block::Ingress | Block::Egress) => {
                let text = format!("a call of `{name}` outside ingress and egress");
                return Err(unsupported(span, &text));
            }
            "mark_to_drop" => self.mark_to_drop(call, out)?,
            "hash" => self.hash(call, out)?,
            "random" => {
                let (target, after) = self.result(call, 0, out)?;
                let mut params = vec![PrimitiveParam::Target(target)];
                for position in [1, 2] {
                    let bound = self.argument(call, position, out)?;
                    params.push(PrimitiveParam::Value(self.simple(bound, span, out)));
                }
                primitive("modify_field_rng_uniform", params, span, out);
                self.store(after, span, out)?;
            }
            "digest" => self.digest(call, out)?,
            "truncate" => {
                let length = self.argument(call, 0, out)?;
                let length = self.simple(length, span, out);
                primitive("truncate", vec![PrimitiveParam::Value(length)], span, out);
            }
            "clone" => self.clone_packet(call, None, out)?,
            "clone_preserving_field_list" => {
                let list = constant_number(call, 2)?;
                self.clone_packet(call, Some(list), out)?;
            }
            "resubmit_preserving_field_list" => {
                self.only_in(Block::Ingress, name, span)?;
                let list = PrimitiveParam::FieldList(Some(constant_number(call, 0)?));
                primitive("resubmit", vec![list], span, out);
            }
            "recirculate_preserving_field_list" => {
                self.only_in(Block::Egress, name, span)?;
                let list = PrimitiveParam::FieldList(Some(constant_number(call, 0)?));
                primitive("recirculate", vec![list], span, out);
            }
            _ => return Err(unsupported(span, &format!("the extern function `{name}`"))),
        }
        Ok(None)
    }

    fn only_in(&self, block: Block, name: &str, span: Span) -> Lowered<()> {
        if self.block == block {
            return Ok(());
        }
        let place = if block == Block::Ingress {
            "ingress"
        } else {
            "egress"
        };
        Err(Diagnostic::error(span, format!("`{name}` can be called in {place} only")).into())
    }

    /// `mark_to_drop(standard_metadata)`: BMv2 takes the header that the fields are in.
    fn mark_to_drop(&mut self, call: &Call, out: &mut Vec<Stmt>) -> Lowered<()> {
        let value = match call.args.first() {
            Some(Arg::Expr(expr)) => self.eval(expr, out)?,
            _ => return Err(unsupported(call.span, "`mark_to_drop` without argument")),
        };
        let Value::Struct(members) = value else {
            return Err(unsupported(call.span, "`mark_to_drop` of this"));
        };
        match members.first() {
            Some(Value::Scalar(Expr {
                kind:
                    ExprKind::Field(FieldRef::Header {
                        header: header @ HeaderRef::Instance(_),
                        ..
                    }),
                ..
            })) => {
                let params = vec![PrimitiveParam::Header(header.clone())];
                primitive("mark_to_drop", params, call.span, out);
                Ok(())
            }
            _ => Err(Diagnostic::error(
                call.span,
                "`mark_to_drop` works on the standard metadata of the pipeline only",
            )
            .into()),
        }
    }

    /// The scalars of an argument, in order; headers stand for their fields.
    fn scalars(&mut self, expr: &hir::Expr, out: &mut Vec<Stmt>) -> Lowered<Vec<Expr>> {
        let value = self.eval(expr, out)?;
        let mut scalars = Vec::new();
        self.collect(&value, expr.ty, expr.span, &mut scalars)?;
        Ok(scalars)
    }

    fn collect(
        &self,
        value: &Value,
        ty: hir::TypeId,
        span: Span,
        scalars: &mut Vec<Expr>,
    ) -> Lowered<()> {
        match value {
            Value::Scalar(expr) => scalars.push(expr.clone()),
            Value::Struct(members) | Value::HeaderOf(members) => {
                for (member, ty) in members
                    .iter()
                    .zip(self.member_types(ty).unwrap_or_default())
                {
                    self.collect(member, ty, span, scalars)?;
                }
            }
            Value::Header(header) => {
                for member in self.header_members(header, ty, span)? {
                    member.for_each_scalar(&mut |expr| scalars.push(expr.clone()));
                }
            }
            Value::Stack(_) | Value::InvalidHeader | Value::String(_) => {
                return Err(unsupported(span, "this value in a list of fields"));
            }
        }
        Ok(())
    }

    fn hash(&mut self, call: &Call, out: &mut Vec<Stmt>) -> Lowered<()> {
        let span = call.span;
        let (target, after) = self.result(call, 0, out)?;
        let algorithm = self.hash_algorithm(call.args.get(1), span)?;
        let base = self.argument(call, 2, out)?;
        let base = self.simple(base, span, out);
        let data = expression(call, 3)?;
        let mut input = Vec::new();
        for scalar in self.scalars(data, out)? {
            input.push(self.simple(scalar, data.span, out));
        }
        let max = self.argument(call, 4, out)?;
        let max = self.simple(max, span, out);
        let params = vec![
            PrimitiveParam::Target(target),
            PrimitiveParam::Value(base),
            PrimitiveParam::Calculation { algorithm, input },
            PrimitiveParam::Value(max),
        ];
        primitive("modify_field_with_hash_based_offset", params, span, out);
        self.store(after, span, out)
    }

    fn digest(&mut self, call: &Call, out: &mut Vec<Stmt>) -> Lowered<()> {
        let span = call.span;
        self.only_in(Block::Ingress, "digest", span)?;
        let receiver = self.argument(call, 0, out)?;
        let receiver = self.simple(receiver, span, out);
        let data = expression(call, 1)?;
        let name = match self.program.struct_decl(data.ty) {
            Some(decl) => decl.control_plane_name.clone(),
            None => "digest".to_owned(),
        };
        // BMv2 reads the fields at the end of ingress; the digest has the values of now.
        let mut elements = Vec::new();
        for scalar in self.scalars(data, out)? {
            let ty = scalar.ty;
            let copy = self.temporary("tmp", ty);
            push(out, StmtKind::Assign(copy.clone(), scalar), data.span);
            elements.push(Expr::field(copy, ty));
        }
        let params = vec![
            PrimitiveParam::Value(receiver),
            PrimitiveParam::LearnList { name, elements },
        ];
        primitive("generate_digest", params, span, out);
        Ok(())
    }

    fn clone_packet(&mut self, call: &Call, list: Option<u32>, out: &mut Vec<Stmt>) -> Lowered<()> {
        let span = call.span;
        let name = match self.enum_argument(call.args.first(), span)? {
            "I2E" => {
                self.only_in(Block::Ingress, "clone(CloneType.I2E, ...)", span)?;
                "clone_ingress_pkt_to_egress"
            }
            _ => {
                self.only_in(Block::Egress, "clone(CloneType.E2E, ...)", span)?;
                "clone_egress_pkt_to_egress"
            }
        };
        let session = self.argument(call, 1, out)?;
        let session = self.simple(session, span, out);
        let params = vec![
            PrimitiveParam::Value(session),
            PrimitiveParam::FieldList(list),
        ];
        primitive(name, params, span, out);
        Ok(())
    }

    fn log_message(&mut self, call: &Call, out: &mut Vec<Stmt>) -> Lowered<()> {
        let Some(Const::String(text)) = call
            .args
            .first()
            .and_then(Arg::expr)
            .and_then(hir::Expr::constant)
        else {
            return Err(unsupported(
                call.span,
                "a log message that is no string literal",
            ));
        };
        let text = text.clone();
        let values = match call.args.get(1) {
            Some(Arg::Expr(data)) => self.scalars(data, out)?,
            _ => Vec::new(),
        };
        let params = vec![PrimitiveParam::String(text), PrimitiveParam::Vector(values)];
        primitive("log_msg", params, call.span, out);
        Ok(())
    }

    fn checksum(&mut self, name: &str, call: &Call, out: &mut Vec<Stmt>) -> Lowered<()> {
        let span = call.span;
        let verify = name.starts_with("verify");
        let block = if verify {
            Block::VerifyChecksum
        } else {
            Block::UpdateChecksum
        };
        if self.block != block {
            let control = if verify {
                "VerifyChecksum"
            } else {
                "ComputeChecksum"
            };
            let text = format!("`{name}` can be called in the control for {control} only");
            return Err(Diagnostic::error(span, text).into());
        }
        let condition = self.argument(call, 0, out)?;
        let data = expression(call, 1)?;
        let input = self.scalars(data, out)?;
        for scalar in &input {
            if !matches!(scalar.kind, ExprKind::Field(_) | ExprKind::Int(_)) {
                return Err(Diagnostic::error(
                    data.span,
                    format!(
                        "the data of `{name}` may hold fields and constants only on this target"
                    ),
                )
                .help("compute the value in ingress or egress and keep it in metadata")
                .into());
            }
        }
        let place = self.place(expression(call, 2)?, out)?;
        let Some((target, _)) = Self::whole_field(&place) else {
            return Err(unsupported(span, "a checksum that is no field"));
        };
        let checksum = Checksum {
            verify,
            condition,
            input,
            payload: name.ends_with("_with_payload"),
            target: target.clone(),
            algorithm: self.hash_algorithm(call.args.get(3), span)?,
        };
        push(out, StmtKind::Checksum(checksum), span);
        Ok(())
    }
}

/// The expression at a position of the arguments.
fn expression(call: &Call, position: usize) -> Lowered<&hir::Expr> {
    call.args
        .get(position)
        .and_then(Arg::expr)
        .ok_or_else(|| Diagnostic::error(call.span, "an argument is missing here").into())
}

/// A number known at compile time at a position of the arguments.
fn constant_number(call: &Call, position: usize) -> Lowered<u32> {
    match expression(call, position)?.constant() {
        Some(Const::Int(value)) => u32::try_from(value).ok(),
        _ => None,
    }
    .ok_or_else(|| {
        Diagnostic::error(
            call.span,
            "the field list must be a number known at compile time",
        )
        .into()
    })
}
