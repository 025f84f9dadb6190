//! Storage for headers, metadata, variables and temporaries.

use crate::diagnostic::Diagnostic;
use crate::hir::{self, Type, TypeId};
use crate::source::Span;

use super::super::ir::{
    Expr, FieldRef, Header, HeaderField, HeaderId, HeaderRef, HeaderType, HeaderTypeId, Scalar,
    ScalarId, ScalarType, Stack, StackId,
};
use super::value::Value;
use super::{Elaborator, Lowered};

/// The width of an enumeration that is not serialisable, as in p4c for this target.
const ENUM_WIDTH: u32 = 32;

impl Elaborator<'_> {
    /// The type of a scalar; `None` if values of the type have members, or none at all.
    pub(super) fn scalar_type(&self, ty: TypeId) -> Option<ScalarType> {
        match *self.program.ty(self.program.underlying(ty)) {
            Type::Bool => Some(ScalarType::Bool),
            Type::Bit(width) => Some(ScalarType::bits(width)),
            Type::Signed(width) => Some(ScalarType::Bits {
                width,
                signed: true,
            }),
            Type::Varbit(width) => Some(ScalarType::Varbit(width)),
            Type::Error => Some(ScalarType::Error),
            Type::Enum(_) => Some(ScalarType::bits(ENUM_WIDTH)),
            _ => None,
        }
    }

    /// The type of a scalar, or an error that says where one is expected.
    pub(super) fn expect_scalar_type(&self, ty: TypeId, span: Span) -> Lowered<ScalarType> {
        self.scalar_type(ty).ok_or_else(|| {
            Diagnostic::error(span, "a value of a scalar type is expected here").into()
        })
    }

    /// The type of a scalar that is stored: BMv2 has no fields without bits.
    fn stored_scalar_type(&self, ty: TypeId, span: Span) -> Lowered<ScalarType> {
        let ty = self.expect_scalar_type(ty, span)?;
        if ty.width() == 0 {
            let text = "a field or variable of zero bits is not supported on this target";
            return Err(Diagnostic::error(span, text).into());
        }
        Ok(ty)
    }

    /// The types of the members of a struct, header or tuple.
    pub(super) fn member_types(&self, ty: TypeId) -> Option<Vec<TypeId>> {
        match self.program.ty(self.program.underlying(ty)) {
            Type::Struct(id) | Type::Header(id) => Some(
                self.program[*id]
                    .fields
                    .iter()
                    .map(|field| field.ty)
                    .collect(),
            ),
            Type::Tuple(members) => Some(members.clone()),
            _ => None,
        }
    }

    /// The value of a member of a stored header, whose fields begin at `first`.
    pub(super) fn header_member(
        &self,
        header: &HeaderRef,
        ty: TypeId,
        first: &mut usize,
        span: Span,
    ) -> Lowered<Value> {
        if let Some(members) = self.member_types(ty) {
            return members
                .into_iter()
                .map(|member| self.header_member(header, member, first, span))
                .collect::<Lowered<Vec<_>>>()
                .map(Value::Struct);
        }
        let scalar = self.expect_scalar_type(ty, span)?;
        let field = FieldRef::Header {
            header: header.clone(),
            field: *first,
        };
        *first += 1;
        Ok(Value::Scalar(Expr::field(field, scalar)))
    }

    /// The members of a stored header of this type.
    pub(super) fn header_members(
        &self,
        header: &HeaderRef,
        ty: TypeId,
        span: Span,
    ) -> Lowered<Vec<Value>> {
        let mut first = 0;
        self.member_types(ty)
            .unwrap_or_default()
            .into_iter()
            .map(|member| self.header_member(header, member, &mut first, span))
            .collect()
    }

    /// The BMv2 header type for a P4 header (or, for metadata, struct).
    pub(super) fn header_type(&mut self, ty: TypeId, span: Span) -> Lowered<HeaderTypeId> {
        if let Some(&id) = self.header_types.get(&ty) {
            return Ok(id);
        }
        let Some(decl) = self.program.struct_decl(ty) else {
            return Err(Diagnostic::error(span, "a header is expected here").into());
        };
        let mut fields = Vec::new();
        for field in &decl.fields {
            self.add_header_fields(&field.name, field.ty, field.span, &mut fields)?;
        }
        if decl.kind == hir::StructKind::Header {
            check_header(decl, &fields)?;
        }
        let id = HeaderTypeId(self.flat.header_types.len());
        self.flat.header_types.push(HeaderType {
            name: decl.control_plane_name.trim_start_matches('.').to_owned(),
            fields,
        });
        self.header_types.insert(ty, id);
        Ok(id)
    }

    fn add_header_fields(
        &self,
        name: &str,
        ty: TypeId,
        span: Span,
        fields: &mut Vec<HeaderField>,
    ) -> Lowered<()> {
        if let Type::Struct(id) = self.program.ty(self.program.underlying(ty)) {
            for field in &self.program[*id].fields {
                let name = format!("{name}.{}", field.name);
                self.add_header_fields(&name, field.ty, field.span, fields)?;
            }
            return Ok(());
        }
        let ty = self.stored_scalar_type(ty, span)?;
        fields.push(HeaderField {
            name: name.to_owned(),
            ty,
        });
        Ok(())
    }

    /// A new header instance.
    pub(super) fn new_header(
        &mut self,
        name: String,
        ty: HeaderTypeId,
        metadata: bool,
    ) -> HeaderId {
        let id = HeaderId(self.flat.headers.len());
        self.flat.headers.push(Header { name, ty, metadata });
        id
    }

    /// A new scalar, and the field that it is.
    pub(super) fn new_scalar(&mut self, name: String, ty: ScalarType) -> FieldRef {
        let id = ScalarId(self.flat.scalars.len());
        self.flat.scalars.push(Scalar { name, ty });
        FieldRef::Scalar(id)
    }

    /// A new temporary: written once, before all that reads it.
    pub(super) fn temporary(&mut self, name: &str, ty: ScalarType) -> FieldRef {
        let name = self.names.unique(name);
        let field = self.new_scalar(name, ty);
        if let FieldRef::Scalar(id) = field {
            self.temporaries.insert(id);
        }
        field
    }

    /// Storage for a variable of this type. `name` is not taken yet, nor is anything below it.
    pub(super) fn storage(&mut self, name: &str, ty: TypeId, span: Span) -> Lowered<Value> {
        let program = self.program;
        match program.ty(program.underlying(ty)) {
            Type::Struct(id) => program[*id]
                .fields
                .iter()
                .map(|field| self.storage(&format!("{name}.{}", field.name), field.ty, field.span))
                .collect::<Lowered<Vec<_>>>()
                .map(Value::Struct),
            Type::Tuple(members) => members
                .iter()
                .enumerate()
                .map(|(index, member)| self.storage(&format!("{name}.f{index}"), *member, span))
                .collect::<Lowered<Vec<_>>>()
                .map(Value::Struct),
            Type::Header(_) => {
                let header_type = self.header_type(ty, span)?;
                let header = self.new_header(name.to_owned(), header_type, false);
                Ok(Value::Header(HeaderRef::Instance(header)))
            }
            Type::Stack { element, size } => {
                let header_type = self.header_type(*element, span)?;
                let elements = (0..*size)
                    .map(|index| self.new_header(format!("{name}[{index}]"), header_type, false))
                    .collect();
                let id = StackId(self.flat.stacks.len());
                self.flat.stacks.push(Stack {
                    name: name.to_owned(),
                    ty: header_type,
                    elements,
                });
                Ok(Value::Stack(id))
            }
            Type::String => {
                Err(Diagnostic::error(span, "a variable of type `string` is not supported").into())
            }
            _ => {
                let ty = self.stored_scalar_type(ty, span)?;
                let field = self.new_scalar(name.to_owned(), ty);
                Ok(Value::Scalar(Expr::field(field, ty)))
            }
        }
    }

    /// Storage for a variable that the program calls `name`.
    pub(super) fn variable(&mut self, name: &str, ty: TypeId, span: Span) -> Lowered<Value> {
        let name = self.names.numbered(name);
        self.storage(&name, ty, span)
    }

    /// Storage for the headers or the user metadata: the fields of a struct, named as p4c names
    /// them. A struct without structs in it keeps the names of its fields, prefixed with that of
    /// the struct for metadata; in other structs the path and a running number make the name.
    pub(super) fn interface(&mut self, ty: TypeId, metadata: bool, span: Span) -> Lowered<Value> {
        let Type::Struct(id) = *self.program.ty(ty) else {
            let text = "headers and metadata must be structs for this target";
            return Err(Diagnostic::error(span, text).into());
        };
        let decl = &self.program[id];
        let nested = decl
            .fields
            .iter()
            .any(|field| matches!(self.program.ty(field.ty), Type::Struct(_)));
        let mut count = nested.then_some(0usize);
        let prefix = if metadata {
            format!("{}.", decl.control_plane_name.trim_start_matches('.'))
        } else {
            String::new()
        };
        self.interface_struct(decl, &prefix, "", &[], &mut count)
    }

    fn interface_struct(
        &mut self,
        decl: &hir::StructDecl,
        prefix: &str,
        path: &str,
        outer_lists: &[u32],
        count: &mut Option<usize>,
    ) -> Lowered<Value> {
        let program = self.program;
        let mut members = Vec::with_capacity(decl.fields.len());
        for field in &decl.fields {
            let lists = [outer_lists, &field.annotations.field_lists].concat();
            let path = format!("{path}_{}", field.name);
            if let Type::Struct(id) = *program.ty(field.ty) {
                members.push(self.interface_struct(&program[id], prefix, &path, &lists, count)?);
                continue;
            }
            let name = match count {
                Some(count) => {
                    *count += 1;
                    format!("{path}{}", *count - 1)
                }
                None => {
                    let name = field.annotations.name.as_deref().unwrap_or(&field.name);
                    name.trim_start_matches('.').to_owned()
                }
            };
            let is_scalar = self.scalar_type(field.ty).is_some();
            let name = if is_scalar {
                format!("{prefix}{name}")
            } else {
                name
            };
            let name = self.names.unique(&name);
            let value = self.storage(&name, field.ty, field.span)?;
            if let Value::Scalar(Expr {
                kind: super::super::ir::ExprKind::Field(storage),
                ..
            }) = &value
            {
                self.add_to_field_lists(storage, &lists);
            }
            members.push(value);
        }
        Ok(Value::Struct(members))
    }
}

/// What BMv2 demands of a header.
fn check_header(decl: &hir::StructDecl, fields: &[HeaderField]) -> Lowered<()> {
    let varbits = fields
        .iter()
        .filter(|field| matches!(field.ty, ScalarType::Varbit(_)))
        .count();
    if varbits > 1 {
        let text = format!("the header `{}` has more than one varbit field", decl.name);
        return Err(Diagnostic::error(decl.span, text)
            .help("BMv2 supports headers with at most one field of variable length")
            .into());
    }
    let width: u64 = fields.iter().map(|field| u64::from(field.ty.width())).sum();
    if !width.is_multiple_of(8) {
        let text = format!(
            "the fields of the header `{}` have {width} bits in total",
            decl.name
        );
        return Err(Diagnostic::error(decl.span, text)
            .help("BMv2 supports only headers with a multiple of 8 bits: add a padding field")
            .into());
    }
    Ok(())
}
