//! Parsers, controls and packages (specification, sections 13 to 16).

use std::sync::Arc;

use super::{Kind, Parsed, Parser};
use crate::syntax::ast::{
    Annotations, BlockType, Control, Decl, Local, SelectCase, State, Transition, ValueSet,
};

impl Parser<'_> {
    /// The head of a parser, control or package, with its keyword. The caller gives the scope.
    fn head(&mut self, annotations: Annotations, what: &str) -> Parsed<BlockType> {
        self.advance();
        let name = self.name(what)?;
        // In the scope around it as well, for what comes behind.
        if let Some(outer) = self.scopes.first_mut() {
            outer.insert(name.name.clone(), true);
        }
        let type_params = self.type_params()?;
        let params = self.params()?;
        Ok(BlockType {
            annotations,
            name,
            type_params,
            params,
        })
    }

    pub(super) fn package(&mut self, annotations: Annotations) -> Parsed<Decl> {
        let head = self.scoped(|p| p.head(annotations, "the name of a package"))?;
        self.expect(";")?;
        Ok(Decl::PackageType(head))
    }

    pub(super) fn parser(&mut self, annotations: Annotations) -> Parsed<Decl> {
        self.scoped(|p| {
            let head = p.head(annotations, "the name of a parser")?;
            if p.accept(";") {
                return Ok(Decl::ParserType(head));
            }
            let constructor_params = if p.at("(") { p.params()? } else { Vec::new() };
            p.expect("{")?;
            let (mut locals, mut states) = (Vec::new(), Vec::new());
            while !p.accept("}") {
                let annotations = p.annotations()?;
                if p.at("state") && p.is_name(p.token_at(1)) && p.at_ahead(2, "{") {
                    states.push(p.state(annotations)?);
                } else {
                    locals.push(p.local(annotations)?);
                }
            }
            let parser = crate::syntax::ast::Parser {
                head,
                constructor_params,
                locals,
                states,
            };
            Ok(Decl::Parser(Arc::new(parser)))
        })
    }

    pub(super) fn control(&mut self, annotations: Annotations) -> Parsed<Decl> {
        self.scoped(|p| {
            let head = p.head(annotations, "the name of a control")?;
            if p.accept(";") {
                return Ok(Decl::ControlType(head));
            }
            let constructor_params = if p.at("(") { p.params()? } else { Vec::new() };
            p.expect("{")?;
            let mut locals = Vec::new();
            while !(p.at("apply") && (p.at_ahead(1, "{") || p.at_ahead(1, "@"))) {
                let annotations = p.annotations()?;
                if p.at("}") {
                    return Err(p.expected("`apply` and the body of the control"));
                }
                locals.push(p.local(annotations)?);
            }
            p.expect("apply")?;
            p.annotations()?;
            let body = p.block()?;
            p.expect("}")?;
            Ok(Decl::Control(Arc::new(Control {
                head,
                constructor_params,
                locals,
                body,
            })))
        })
    }

    /// A declaration inside a parser or control.
    fn local(&mut self, annotations: Annotations) -> Parsed<Local> {
        let start = self.span();
        Ok(match self.token().kind {
            Kind::Keyword("const") => Local::Constant(self.constant(annotations)?),
            Kind::Keyword("action") => Local::Action(self.action(annotations)?),
            Kind::Keyword("table") => Local::Table(self.table(annotations)?),
            Kind::Keyword("value_set") => Local::ValueSet(self.value_set(annotations)?),
            _ => {
                if !(self.at_type(0) || self.is_name(self.token())) {
                    return Err(self.expected("a declaration"));
                }
                let ty = self.type_ref()?;
                if self.at("(") {
                    Local::Instantiation(self.instantiation(annotations, ty, start)?)
                } else if self.at_ahead(1, "(") || self.at_ahead(1, "<") {
                    Local::Function(self.function(annotations, ty)?)
                } else {
                    Local::Variable(self.variable(annotations, ty)?)
                }
            }
        })
    }

    fn value_set(&mut self, annotations: Annotations) -> Parsed<ValueSet> {
        self.expect("value_set")?;
        self.expect("<")?;
        let element = self.type_ref()?;
        self.expect(">")?;
        self.expect("(")?;
        let size = self.expression()?;
        self.expect(")")?;
        let name = self.name("the name of a value set")?;
        self.expect(";")?;
        self.declare(&name, false);
        Ok(ValueSet {
            annotations,
            element,
            size,
            name,
        })
    }

    fn state(&mut self, annotations: Annotations) -> Parsed<State> {
        self.expect("state")?;
        let name = self.name("the name of a state")?;
        self.expect("{")?;
        let (body, transition) = self.scoped(|p| {
            let body = p.stmts(|p| p.at("}") || p.at("transition"))?;
            let transition = if p.accept("transition") {
                Some(p.transition()?)
            } else {
                None
            };
            Ok((body, transition))
        })?;
        self.expect("}")?;
        Ok(State {
            annotations,
            name,
            body,
            transition,
        })
    }

    fn transition(&mut self) -> Parsed<Transition> {
        let start = self.span();
        if !self.accept("select") {
            let next = self.name("`select` or the name of a state")?;
            self.expect(";")?;
            return Ok(Transition::Direct(next));
        }
        self.expect("(")?;
        let exprs = self.list(")", Self::expression)?;
        self.expect("{")?;
        let mut cases = Vec::new();
        while !self.accept("}") {
            let keys = self.key_set()?;
            self.expect(":")?;
            let next = self.name("the name of a state")?;
            self.expect(";")?;
            cases.push(SelectCase { keys, next });
        }
        Ok(Transition::Select {
            exprs,
            cases,
            span: self.span_from(start),
        })
    }
}
