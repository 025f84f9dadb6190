//! Extern objects: counters, meters, registers, action profiles and selectors.

use crate::diagnostic::Diagnostic;
use crate::hir::{Arg, Call, Const, InstanceId, InstanceKind, ObjectRef};
use crate::source::Span;

use super::super::ir::{
    Expr, FieldRef, Object, ObjectId, ObjectKind, Primitive, PrimitiveParam, ScalarType, Stmt,
    StmtKind, Unit,
};
use super::assign::push;
use super::expr::unsupported;
use super::value::{Place, Value};
use super::{Block, Elaborator, Lowered};

impl Elaborator<'_> {
    /// Declares an instance if it is one of an extern object.
    pub(super) fn declare_object(
        &mut self,
        id: InstanceId,
        prefix: &str,
    ) -> Lowered<Option<ObjectId>> {
        let program = self.program;
        let instance = &program[id];
        let InstanceKind::Extern {
            object,
            type_args,
            args,
            ..
        } = &instance.kind
        else {
            return Ok(None);
        };
        let span = instance.span;
        let type_name = program[*object].name.as_str();
        let number = |position: usize| constant_number(args, position, span);
        let kind = match type_name {
            "counter" => ObjectKind::Counter(number(0)?),
            "direct_counter" => ObjectKind::DirectCounter(None),
            "meter" => ObjectKind::Meter(number(0)?, self.unit(args, 1, span)?),
            "direct_meter" => {
                let unit = self.unit(args, 0, span)?;
                ObjectKind::DirectMeter {
                    unit,
                    table: None,
                    target: None,
                }
            }
            "register" => {
                let element = type_args.first().and_then(|ty| self.scalar_type(*ty));
                let Some(ScalarType::Bits { width, .. }) = element else {
                    return Err(unsupported(
                        span,
                        "a register of anything but bit<W> or int<W>",
                    ));
                };
                let size = number(0)?;
                if size == 0 {
                    return Err(unsupported(span, "a register without elements"));
                }
                ObjectKind::Register(size, width)
            }
            "action_profile" => ObjectKind::Profile(number(0)?),
            "action_selector" => ObjectKind::Selector {
                size: number(1)?,
                algorithm: self.hash_algorithm(args.first(), span)?,
                input: None,
            },
            other => {
                let text = format!(
                    "objects of the extern type `{other}` are not supported on this target"
                );
                return Err(Diagnostic::error(span, text).into());
            }
        };
        let new = ObjectId(self.flat.objects.len());
        let name = crate::p4info::object_name(program, id, prefix);
        self.flat.objects.push(Object { name, kind, span });
        Ok(Some(new))
    }

    /// The name of the member of an enumeration that a constant argument is.
    pub(super) fn enum_argument(&self, arg: Option<&Arg>, span: Span) -> Lowered<&str> {
        let member = arg
            .and_then(Arg::expr)
            .and_then(|expr| match expr.constant() {
                Some(Const::Enum(index)) => match self.program.ty(expr.ty) {
                    crate::hir::Type::Enum(id) => self.program[*id].members.get(*index),
                    _ => None,
                },
                _ => None,
            });
        member.map(|member| member.name.as_str()).ok_or_else(|| {
            Diagnostic::error(
                span,
                "a member of an enumeration is needed as a constant here",
            )
            .into()
        })
    }

    /// A hash algorithm in BMv2's spelling.
    pub(super) fn hash_algorithm(&self, arg: Option<&Arg>, span: Span) -> Lowered<&'static str> {
        let name = self.enum_argument(arg, span)?;
        let known = [
            "crc32",
            "crc32_custom",
            "crc16",
            "crc16_custom",
            "random",
            "identity",
            "csum16",
            "xor16",
        ];
        known
            .into_iter()
            .find(|known| *known == name)
            .ok_or_else(|| unsupported(span, &format!("the hash algorithm `{name}`")))
    }

    fn unit(&self, args: &[Arg], position: usize, span: Span) -> Lowered<Unit> {
        match self.enum_argument(args.get(position), span)? {
            "packets" => Ok(Unit::Packets),
            _ => Ok(Unit::Bytes),
        }
    }

    /// A call of a method of an extern object.
    pub(super) fn extern_method(
        &mut self,
        object: ObjectRef,
        type_name: &str,
        method: &str,
        call: &Call,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Option<Value>> {
        match type_name {
            "packet_in" => return self.packet_in(method, call, out),
            "packet_out" => return self.packet_out(method, call, out).map(|()| None),
            _ => {}
        }
        let span = call.span;
        if !matches!(self.block, Block::Ingress | Block::Egress) {
            let text = format!("`{type_name}.{method}` outside ingress and egress");
            return Err(unsupported(span, &text));
        }
        let id = self.object(object, span)?;
        match (type_name, method) {
            ("counter", "count") => {
                let index = self.argument(call, 0, out)?;
                let index = self.simple(index, span, out);
                let params = vec![PrimitiveParam::Object(id), PrimitiveParam::Value(index)];
                primitive("count", params, span, out);
            }
            // BMv2 counts in the table, whatever the action does.
            ("direct_counter", "count") => {}
            ("meter", "execute_meter") => {
                let index = self.argument(call, 0, out)?;
                let index = self.simple(index, span, out);
                let (target, after) = self.result(call, 1, out)?;
                let params = vec![
                    PrimitiveParam::Object(id),
                    PrimitiveParam::Value(index),
                    PrimitiveParam::Target(target),
                ];
                primitive("execute_meter", params, span, out);
                self.store(after, span, out)?;
            }
            ("direct_meter", "read") => self.direct_meter_read(id, call, out)?,
            ("register", "read") => {
                let (target, after) = self.result(call, 0, out)?;
                let index = self.argument(call, 1, out)?;
                let index = self.simple(index, span, out);
                let params = vec![
                    PrimitiveParam::Target(target),
                    PrimitiveParam::Object(id),
                    PrimitiveParam::Value(index),
                ];
                primitive("register_read", params, span, out);
                self.store(after, span, out)?;
            }
            ("register", "write") => {
                let index = self.argument(call, 0, out)?;
                let index = self.simple(index, span, out);
                let value = self.argument(call, 1, out)?;
                let value = self.simple(value, span, out);
                let params = vec![
                    PrimitiveParam::Object(id),
                    PrimitiveParam::Value(index),
                    PrimitiveParam::Value(value),
                ];
                primitive("register_write", params, span, out);
            }
            _ => return Err(unsupported(span, &format!("`{type_name}.{method}`"))),
        }
        Ok(None)
    }

    /// BMv2 writes the colour when the table is applied, before the action runs.
    fn direct_meter_read(&mut self, id: ObjectId, call: &Call, out: &mut Vec<Stmt>) -> Lowered<()> {
        let place = match call.args.first() {
            Some(Arg::Expr(expr)) => self.place(expr, out)?,
            _ => Place::Nowhere,
        };
        let Some((field, ty)) = Self::whole_field(&place).map(|(field, ty)| (field.clone(), ty))
        else {
            return Err(unsupported(call.span, "reading a direct meter into this"));
        };
        let ObjectKind::DirectMeter { target, .. } = &mut self.flat.objects[id.0].kind else {
            return Err(unsupported(call.span, "`read` of this object"));
        };
        match target {
            None => *target = Some(field),
            Some(first) if *first == field => {}
            // The colour is in the first target already.
            Some(first) => {
                let value = Expr::field(first.clone(), ty);
                push(out, StmtKind::Assign(field, value), call.span);
            }
        }
        Ok(())
    }

    /// The value of the argument at a position.
    pub(super) fn argument(
        &mut self,
        call: &Call,
        position: usize,
        out: &mut Vec<Stmt>,
    ) -> Lowered<Expr> {
        match call.args.get(position) {
            Some(Arg::Expr(expr)) => self.eval_scalar(expr, out),
            _ => Err(Diagnostic::error(call.span, "an argument is missing here").into()),
        }
    }

    /// The field that a result at a position is written to, and where it goes from there.
    pub(super) fn result(
        &mut self,
        call: &Call,
        position: usize,
        out: &mut Vec<Stmt>,
    ) -> Lowered<(FieldRef, Option<(Place, Value)>)> {
        let Some(arg) = call.args.get(position) else {
            return Err(Diagnostic::error(call.span, "an argument is missing here").into());
        };
        let (place, ty) = match arg {
            Arg::Expr(expr) => (
                self.place(expr, out)?,
                self.expect_scalar_type(expr.ty, expr.span)?,
            ),
            _ => {
                let ty = call.type_args.first().copied();
                let ty = ty
                    .and_then(|ty| self.scalar_type(ty))
                    .unwrap_or(ScalarType::bits(32));
                (Place::Nowhere, ty)
            }
        };
        match Self::whole_field(&place) {
            Some((field @ FieldRef::Scalar(_), _)) => Ok((field.clone(), None)),
            Some((
                field @ FieldRef::Header {
                    header: super::ir::HeaderRef::Instance(_),
                    ..
                },
                _,
            )) => Ok((field.clone(), None)),
            _ => {
                let field = self.temporary("tmp", ty);
                let value = Value::Scalar(Expr::field(field.clone(), ty));
                Ok((field, Some((place, value))))
            }
        }
    }

    /// Writes a result to where it goes.
    pub(super) fn store(
        &mut self,
        after: Option<(Place, Value)>,
        span: Span,
        out: &mut Vec<Stmt>,
    ) -> Lowered<()> {
        match after {
            Some((place, value)) => self.assign(&place, value, span, out),
            None => Ok(()),
        }
    }

    /// Gives direct meters that no action reads a field to write to: BMv2 demands one.
    pub(super) fn finish_meters(&mut self) {
        for index in 0..self.flat.objects.len() {
            if let ObjectKind::DirectMeter {
                table: Some(_),
                target: None,
                ..
            } = self.flat.objects[index].kind
            {
                let unread = self.temporary("tmp", ScalarType::bits(2));
                if let ObjectKind::DirectMeter { target, .. } = &mut self.flat.objects[index].kind {
                    *target = Some(unread);
                }
            }
        }
    }
}

/// Appends a primitive.
pub(super) fn primitive(
    name: &'static str,
    params: Vec<PrimitiveParam>,
    span: Span,
    out: &mut Vec<Stmt>,
) {
    push(out, StmtKind::Primitive(Primitive { name, params }), span);
}

/// A constant argument of a constructor.
fn constant_number(args: &[Arg], position: usize, span: Span) -> Lowered<u64> {
    let number = args
        .get(position)
        .and_then(Arg::expr)
        .and_then(|expr| match expr.constant() {
            Some(Const::Int(value)) => u64::try_from(value).ok(),
            _ => None,
        });
    number.ok_or_else(|| {
        Diagnostic::error(span, "a size known at compile time is needed here").into()
    })
}
