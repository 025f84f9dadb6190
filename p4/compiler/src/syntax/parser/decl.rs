//! Declarations at the top level, and types.

use super::{Kind, Parsed, Parser};
use crate::syntax::ast::{
    Action, Annotations, Decl, Enum, Extern, Field, Function, Ident, Instantiation, Prototype,
    Struct, StructKind, TypeExpr, TypeKind, Typedef,
};

impl Parser<'_> {
    /// A declaration at the top level. A forward declaration of an extern gives none.
    pub(super) fn declaration(&mut self) -> Parsed<Option<Decl>> {
        let annotations = self.annotations()?;
        let Kind::Keyword(keyword) = self.token().kind else {
            return self.function_or_instantiation(annotations).map(Some);
        };
        Ok(Some(match keyword {
            "const" => Decl::Constant(self.constant(annotations)?),
            "action" => Decl::Action(self.action(annotations)?),
            "parser" => self.parser(annotations)?,
            "control" => self.control(annotations)?,
            "package" => self.package(annotations)?,
            "struct" | "header" | "header_union" => Decl::Struct(self.struct_like(annotations)?),
            "enum" => Decl::Enum(self.enumeration(annotations)?),
            "typedef" | "type" => return self.typedef(annotations, keyword == "type"),
            "extern" => return self.extern_declaration(annotations),
            "error" if self.at_ahead(1, "{") => {
                self.advance();
                Decl::Error(self.names("a member of `error`")?)
            }
            "match_kind" if self.at_ahead(1, "{") => {
                self.advance();
                Decl::MatchKind(self.names("a match kind")?)
            }
            _ => return self.function_or_instantiation(annotations).map(Some),
        }))
    }

    /// `{ a, b }`
    fn names(&mut self, what: &str) -> Parsed<Vec<Ident>> {
        self.expect("{")?;
        self.list("}", |p| p.name(what))
    }

    fn function_or_instantiation(&mut self, annotations: Annotations) -> Parsed<Decl> {
        let start = self.span();
        let known = self.at_type(0) || self.is_name(self.token());
        if !known {
            return Err(self.expected("a declaration"));
        }
        let result = self.type_ref()?;
        if self.at("(") {
            return Ok(Decl::Instantiation(self.instantiation(
                annotations,
                result,
                start,
            )?));
        }
        Ok(Decl::Function(self.function(annotations, result)?))
    }

    /// What follows the type of an instantiation.
    pub(super) fn instantiation(
        &mut self,
        annotations: Annotations,
        ty: TypeExpr,
        start: crate::source::Span,
    ) -> Parsed<Instantiation> {
        self.expect("(")?;
        let args = self.arguments()?;
        let name = self.name("the name of the instance")?;
        if self.at("=") {
            let message = "implementations of abstract methods are not supported";
            return Err(Self::error(self.span(), message));
        }
        self.expect(";")?;
        self.declare(&name, false);
        Ok(Instantiation {
            annotations,
            ty,
            args,
            name,
            span: self.span_from(start),
        })
    }

    /// What follows the type of the result of a function.
    pub(super) fn function(
        &mut self,
        annotations: Annotations,
        result: TypeExpr,
    ) -> Parsed<Function> {
        let (function, name) = self.scoped(|p| {
            let prototype = p.prototype(annotations, result)?;
            let name = prototype.name.clone();
            let body = p.block()?;
            let end = p.tokens[p.position - 1].span;
            Ok((
                Function {
                    prototype,
                    body,
                    end,
                },
                name,
            ))
        })?;
        self.declare(&name, false);
        Ok(function)
    }

    /// What follows the type of the result in the head of a function. The caller gives the
    /// scope for its parameters.
    fn prototype(&mut self, annotations: Annotations, result: TypeExpr) -> Parsed<Prototype> {
        let name = self.name("the name of a function")?;
        let type_params = self.type_params()?;
        let params = self.params()?;
        Ok(Prototype {
            annotations,
            result,
            name,
            type_params,
            params,
        })
    }

    pub(super) fn action(&mut self, annotations: Annotations) -> Parsed<Action> {
        self.expect("action")?;
        let name = self.name("the name of an action")?;
        self.declare(&name, false);
        self.scoped(|p| {
            let params = p.params()?;
            Ok(Action {
                annotations,
                name,
                params,
                body: p.block()?,
            })
        })
    }

    fn struct_like(&mut self, annotations: Annotations) -> Parsed<Struct> {
        let kind = match self.advance().kind {
            Kind::Keyword("struct") => StructKind::Struct,
            Kind::Keyword("header") => StructKind::Header,
            _ => StructKind::Union,
        };
        let name = self.name("the name of a type")?;
        self.declare(&name, true);
        self.scoped(|p| {
            let type_params = p.type_params()?;
            p.expect("{")?;
            let mut fields = Vec::new();
            while !p.accept("}") {
                let annotations = p.annotations()?;
                let ty = p.type_ref()?;
                let (name, ty) = p.declarator(ty, "the name of a field")?;
                p.expect(";")?;
                fields.push(Field {
                    annotations,
                    ty,
                    name,
                });
            }
            Ok(Struct {
                annotations,
                kind,
                name,
                type_params,
                fields,
            })
        })
    }

    fn enumeration(&mut self, annotations: Annotations) -> Parsed<Enum> {
        self.expect("enum")?;
        let representation = if self.is_name(self.token()) && self.at_ahead(1, "{") {
            None
        } else {
            Some(self.type_ref()?)
        };
        let name = self.name("the name of an enumeration")?;
        self.declare(&name, true);
        self.expect("{")?;
        let members = self.list("}", |p| {
            let name = p.name("a member of the enumeration")?;
            let value = if p.accept("=") {
                Some(p.expression()?)
            } else {
                None
            };
            Ok((name, value))
        })?;
        Ok(Enum {
            annotations,
            representation,
            name,
            members,
        })
    }

    fn typedef(&mut self, annotations: Annotations, new: bool) -> Parsed<Option<Decl>> {
        self.advance();
        if self.at("struct") || self.at("header") || self.at("header_union") || self.at("enum") {
            let message = "a `typedef` of a type that is declared in it is not supported";
            let error = Self::error(self.span(), message);
            return Err(Box::new(
                error.help("declare the type first, then name it in the typedef"),
            ));
        }
        let ty = self.type_ref()?;
        let (name, ty) = self.declarator(ty, "the name of a type")?;
        self.expect(";")?;
        self.declare(&name, true);
        Ok(Some(Decl::Typedef(Typedef {
            annotations,
            new,
            ty,
            name,
        })))
    }

    fn extern_declaration(&mut self, annotations: Annotations) -> Parsed<Option<Decl>> {
        self.expect("extern")?;
        if self.is_name(self.token()) && self.at_ahead(1, ";") {
            let name = self.name("the name of an extern")?;
            self.declare(&name, true);
            self.advance();
            return Ok(None);
        }
        if self.at_extern_object() {
            return Ok(Some(Decl::Extern(self.extern_object(annotations)?)));
        }
        let (prototype, name) = self.scoped(|p| {
            let result = p.result_type()?;
            let prototype = p.prototype(annotations, result)?;
            let name = prototype.name.clone();
            Ok((prototype, name))
        })?;
        self.expect(";")?;
        self.declare(&name, false);
        Ok(Some(Decl::ExternFunction(prototype)))
    }

    /// The type of the result; it may be a type parameter that comes only afterwards.
    fn result_type(&mut self) -> Parsed<TypeExpr> {
        let start = self.span();
        if self.is_name(self.token()) && self.is_name(self.token_at(1)) && !self.at_type(0) {
            let path = self.path("a type")?;
            return self.type_node(
                TypeKind::Named {
                    path,
                    args: Vec::new(),
                },
                start,
            );
        }
        self.type_ref()
    }

    /// Whether `Name {` or `Name<T, U> {` comes.
    fn at_extern_object(&self) -> bool {
        if !self.is_name(self.token()) {
            return false;
        }
        let mut ahead = 1;
        if self.at_ahead(1, "<") {
            while !self.at_ahead(ahead, ">") {
                if self.token_at(ahead).kind == Kind::End || self.at_ahead(ahead, "(") {
                    return false;
                }
                ahead += 1;
            }
            ahead += 1;
        }
        self.at_ahead(ahead, "{")
    }

    fn extern_object(&mut self, annotations: Annotations) -> Parsed<Extern> {
        let name = self.name("the name of an extern")?;
        self.declare(&name, true);
        self.scoped(|p| {
            let type_params = p.type_params()?;
            p.expect("{")?;
            let mut methods = Vec::new();
            let mut abstract_method = None;
            while !p.accept("}") {
                let annotations = p.annotations()?;
                let start = p.span();
                if p.accept("abstract") {
                    abstract_method.get_or_insert(start);
                }
                let method = p.scoped(|p| {
                    let constructs = p.at_ahead(1, "(");
                    let result = if constructs {
                        p.type_node(TypeKind::Void, start)?
                    } else {
                        p.result_type()?
                    };
                    p.prototype(annotations, result)
                })?;
                p.expect(";")?;
                methods.push(method);
            }
            Ok(Extern {
                annotations,
                name,
                type_params,
                methods,
                abstract_method,
            })
        })
    }
}
