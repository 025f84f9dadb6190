//! Types (specification, section 7).

use super::{Kind, Parsed, Parser};
use crate::hir::Direction;
use crate::syntax::ast::{Expr, Ident, Param, TypeExpr, TypeKind};

/// Keywords that begin a type.
pub(super) const BASE_TYPES: [&str; 10] = [
    "bit",
    "bool",
    "error",
    "int",
    "list",
    "match_kind",
    "string",
    "tuple",
    "varbit",
    "void",
];

impl Parser<'_> {
    pub(super) fn type_ref(&mut self) -> Parsed<TypeExpr> {
        self.nested(|p| {
            let start = p.span();
            let mut ty = p.base_or_named_type()?;
            while p.accept("[") {
                let size = Box::new(p.expression()?);
                p.expect("]")?;
                ty = p.type_node(
                    TypeKind::Stack {
                        element: Box::new(ty),
                        size,
                    },
                    start,
                )?;
            }
            Ok(ty)
        })
    }

    fn base_or_named_type(&mut self) -> Parsed<TypeExpr> {
        let start = self.span();
        let token = self.token();
        let kind = match token.kind {
            Kind::Keyword("list") if !self.at_ahead(1, "<") => return self.named_type(),
            Kind::Keyword(keyword) if BASE_TYPES.contains(&keyword) => {
                self.advance();
                match keyword {
                    "bool" => TypeKind::Bool,
                    "error" => TypeKind::Error,
                    "match_kind" => TypeKind::MatchKind,
                    "string" => TypeKind::String,
                    "void" => TypeKind::Void,
                    "bit" => TypeKind::Bit(self.optional_width()?),
                    "int" => match self.optional_width()? {
                        Some(width) => TypeKind::Signed(width),
                        None => TypeKind::Int,
                    },
                    "varbit" => match self.optional_width()? {
                        Some(width) => TypeKind::Varbit(width),
                        None => return Err(self.expected("`<` and the width of the `varbit`")),
                    },
                    "tuple" => TypeKind::Tuple(self.type_args()?),
                    _ => {
                        self.expect("<")?;
                        let element = Box::new(self.type_arg()?);
                        self.expect(">")?;
                        TypeKind::List(element)
                    }
                }
            }
            _ => return self.named_type(),
        };
        self.type_node(kind, start)
    }

    /// A named type, with type arguments if there are any.
    pub(super) fn named_type(&mut self) -> Parsed<TypeExpr> {
        let start = self.span();
        let path = self.path("a type")?;
        let args = if self.at("<") {
            self.type_args()?
        } else {
            Vec::new()
        };
        self.type_node(TypeKind::Named { path, args }, start)
    }

    fn optional_width(&mut self) -> Parsed<Option<Box<Expr>>> {
        if !self.accept("<") {
            return Ok(None);
        }
        let width = self.expression_without_greater()?;
        self.expect(">")?;
        Ok(Some(Box::new(width)))
    }

    /// `<T, U>`
    pub(super) fn type_args(&mut self) -> Parsed<Vec<TypeExpr>> {
        self.expect("<")?;
        self.list(">", Self::type_arg)
    }

    fn type_arg(&mut self) -> Parsed<TypeExpr> {
        let start = self.span();
        if self.accept("_") {
            return self.type_node(TypeKind::DontCare, start);
        }
        self.type_ref()
    }

    /// `<T, U>` in a declaration, or nothing.
    pub(super) fn type_params(&mut self) -> Parsed<Vec<Ident>> {
        if !self.accept("<") {
            return Ok(Vec::new());
        }
        let params = self.list(">", |p| p.name("a type parameter"))?;
        self.declare_types(&params);
        Ok(params)
    }

    /// The name in a declaration, with the sizes of stacks behind it (`T x[4]`).
    pub(super) fn declarator(&mut self, ty: TypeExpr, what: &str) -> Parsed<(Ident, TypeExpr)> {
        let start = ty.span;
        let name = self.name(what)?;
        let mut ty = ty;
        while self.accept("[") {
            let size = Box::new(self.expression()?);
            self.expect("]")?;
            ty = self.type_node(
                TypeKind::Stack {
                    element: Box::new(ty),
                    size,
                },
                start,
            )?;
        }
        Ok((name, ty))
    }

    /// `(direction T x, ...)`; declares the names.
    pub(super) fn params(&mut self) -> Parsed<Vec<Param>> {
        self.expect("(")?;
        let params = self.list(")", |p| {
            let annotations = p.annotations()?;
            let direction = if p.accept("in") {
                Direction::In
            } else if p.accept("out") {
                Direction::Out
            } else if p.accept("inout") {
                Direction::InOut
            } else {
                Direction::None
            };
            let ty = p.type_ref()?;
            let (name, ty) = p.declarator(ty, "the name of a parameter")?;
            let default = if p.accept("=") {
                Some(p.expression()?)
            } else {
                None
            };
            Ok(Param {
                annotations,
                direction,
                ty,
                name,
                default,
            })
        })?;
        params
            .iter()
            .for_each(|param| self.declare(&param.name, false));
        Ok(params)
    }
}
