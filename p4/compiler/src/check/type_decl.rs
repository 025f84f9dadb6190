//! Declarations of types (specification, section 7.2), of `error` members and of match kinds.

use num_bigint::BigInt;

use super::Checker;
use super::scope::Symbol;
use super::types::Extent;
use crate::hir::{
    EnumDecl, EnumId, EnumMember, Field, NewTypeDecl, NewTypeId, StructDecl, StructId, StructKind,
    Type,
};
use crate::syntax::ast::{self, Ident};

impl Checker<'_> {
    pub(super) fn struct_declaration(&mut self, decl: &ast::Struct) {
        let what = match decl.kind {
            ast::StructKind::Struct => "struct",
            ast::StructKind::Header => "header",
            ast::StructKind::Union => {
                self.unsupported(decl.name.span, "the header union");
                return self.declare(&decl.name, Symbol::Bad);
            }
        };
        if !decl.type_params.is_empty() {
            self.unsupported(decl.name.span, &format!("the generic {what}"));
            return self.declare(&decl.name, Symbol::Bad);
        }
        let mut fields: Vec<Field> = Vec::with_capacity(decl.fields.len());
        let mut extent = Extent::default();
        for field in &decl.fields {
            let mut ty = self.value_type(&field.ty);
            if matches!(self.ty(ty), Type::Int | Type::String) {
                let message = format!("a field cannot have the type {}", self.show(ty));
                self.error(field.ty.span, message);
                ty = self.unknown;
            }
            if decl.kind == ast::StructKind::Header && !self.fits_in_header(ty) {
                let message = format!("a header cannot have a field of type {}", self.show(ty));
                self.error(field.ty.span, message);
            }
            if let Some(before) = fields
                .iter()
                .find(|before| *before.name == *field.name.name)
            {
                let (first, message) = (
                    before.span,
                    format!("the {what} has two fields named `{}`", field.name.name),
                );
                let diagnostic = crate::diagnostic::Diagnostic::error(field.name.span, message);
                self.diagnostics
                    .push(diagnostic.label(first, "the first one"));
            }
            let annotations = self.annotations(&field.annotations);
            extent = Self::sum([extent, self.extent(ty)].into_iter());
            fields.push(Field {
                name: field.name.name.to_string(),
                ty,
                annotations,
                span: field.name.span,
            });
        }
        extent.depth += 1;
        let id = StructId(self.program.structs.len() as u32);
        let (kind, ty) = match decl.kind {
            ast::StructKind::Header => (StructKind::Header, Type::Header(id)),
            _ => (StructKind::Struct, Type::Struct(id)),
        };
        let ty = self.intern(ty);
        let annotations = self.annotations(&decl.annotations);
        let name = decl.name.name.to_string();
        let control_plane_name = annotations.name.clone().unwrap_or_else(|| name.clone());
        let span = decl.name.span;
        self.program.structs.push(StructDecl {
            kind,
            name,
            control_plane_name,
            fields,
            annotations,
            ty,
            span,
        });
        self.extents.insert(id, extent);
        let ty = self.bounded(ty, span);
        self.declare(&decl.name, Symbol::Type(ty));
    }

    pub(super) fn enum_declaration(&mut self, decl: &ast::Enum) {
        let representation = decl
            .representation
            .as_ref()
            .map(|ty| (self.resolve_type(ty), ty.span));
        let mut value_type = None;
        if let Some((ty, span)) = representation {
            match self.ty(self.program.underlying(ty)) {
                Type::Bit(_) | Type::Signed(_) => value_type = Some(ty),
                Type::Unknown => return self.declare(&decl.name, Symbol::Bad),
                _ => {
                    let message = format!(
                        "the values of an enumeration are `bit` or `int`, not {}",
                        self.show(ty)
                    );
                    self.error(span, message);
                    return self.declare(&decl.name, Symbol::Bad);
                }
            }
        }
        let id = EnumId(self.program.enums.len() as u32);
        let ty = self.intern(Type::Enum(id));
        let annotations = self.annotations(&decl.annotations);
        let (name, span) = (decl.name.name.to_string(), decl.name.span);
        let mut members: Vec<EnumMember> = Vec::with_capacity(decl.members.len());
        for (member, value) in &decl.members {
            if members.iter().any(|before| *before.name == *member.name) {
                let message = format!("the enumeration has two members named `{}`", member.name);
                self.error(member.span, message);
            }
            let value = self.enum_value(member, value.as_ref(), value_type);
            members.push(EnumMember {
                name: member.name.to_string(),
                value,
                annotations: Default::default(),
                span: member.span,
            });
        }
        let representation = value_type;
        self.program.enums.push(EnumDecl {
            name,
            representation,
            members,
            annotations,
            ty,
            span,
        });
        self.declare(&decl.name, Symbol::Type(ty));
    }

    fn enum_value(
        &mut self,
        member: &Ident,
        value: Option<&ast::Expr>,
        representation: Option<crate::hir::TypeId>,
    ) -> Option<BigInt> {
        match (value, representation) {
            (Some(value), Some(ty)) => {
                let base = self.program.underlying(ty);
                self.constant_of_type(value, base, "the value of a member")
            }
            (Some(value), None) => {
                self.error_with_help(
                    value.span,
                    "only the members of a serialisable enumeration have values",
                    "give the enumeration a type: `enum bit<8> E { A = 1 }`",
                );
                None
            }
            (None, Some(_)) => {
                let message = format!("the member `{}` needs a value", member.name);
                self.error(member.span, message);
                Some(BigInt::ZERO)
            }
            (None, None) => None,
        }
    }

    pub(super) fn typedef(&mut self, decl: &ast::Typedef) {
        let base = self.resolve_type(&decl.ty);
        let annotations = self.annotations(&decl.annotations);
        if !decl.new {
            return self.declare(&decl.name, Symbol::Type(base));
        }
        match self.ty(self.program.underlying(base)) {
            Type::Bit(_) | Type::Signed(_) | Type::Bool => {}
            Type::Unknown => return self.declare(&decl.name, Symbol::Bad),
            _ => {
                let message = format!("`type` makes no new type of {}", self.show(base));
                self.error(decl.ty.span, message);
                return self.declare(&decl.name, Symbol::Bad);
            }
        }
        let id = NewTypeId(self.program.newtypes.len() as u32);
        let ty = self.intern(Type::NewType(id));
        let (name, span) = (decl.name.name.to_string(), decl.name.span);
        self.program.newtypes.push(NewTypeDecl {
            name,
            base,
            annotations,
            ty,
            span,
        });
        self.declare(&decl.name, Symbol::Type(ty));
    }

    pub(super) fn error_members(&mut self, members: &[Ident]) {
        for member in members {
            if self
                .program
                .errors
                .iter()
                .any(|known| **known == *member.name)
            {
                let message = format!("`error.{}` is declared twice", member.name);
                self.error(member.span, message);
            } else {
                self.program.errors.push(member.name.to_string());
            }
        }
    }

    pub(super) fn match_kinds(&mut self, members: &[Ident]) {
        for member in members {
            if self
                .program
                .match_kinds
                .iter()
                .any(|known| **known == *member.name)
            {
                self.error(
                    member.span,
                    format!("the match kind `{}` is declared twice", member.name),
                );
            } else {
                self.program.match_kinds.push(member.name.to_string());
            }
        }
    }
}
