//! Annotations (specification, section 20).

use super::{Kind, Parsed, Parser};
use crate::hir::AnnotationToken;
use crate::syntax::ast::{Annotation, AnnotationBody, Annotations};
use crate::syntax::lexer::{self, IntLiteral};

impl Parser<'_> {
    /// Any number of annotations.
    pub(super) fn annotations(&mut self) -> Parsed<Annotations> {
        let mut annotations = Vec::new();
        while self.at("@") || self.at("@pragma") {
            annotations.push(self.annotation()?);
        }
        Ok(annotations)
    }

    fn annotation(&mut self) -> Parsed<Annotation> {
        let is_pragma = self.at("@pragma");
        let start = self.advance().span;
        let token = self.token();
        if !matches!(token.kind, Kind::Ident | Kind::Keyword(_)) {
            return Err(self.expected("the name of an annotation"));
        }
        self.advance();
        let name = self.text_of(token).into();
        let body = if is_pragma {
            let body = self.unstructured()?;
            if self.token().kind != Kind::PragmaEnd {
                return Err(self.expected("the end of the line of an `@pragma`"));
            }
            self.advance();
            body
        } else if self.accept("(") {
            let body = self.unstructured()?;
            self.expect(")")?;
            body
        } else if self.accept("[") {
            if self.is_name(self.token()) && self.at_ahead(1, "=") {
                AnnotationBody::KeyValues(self.list("]", |p| {
                    let name = p.name("a key")?;
                    p.expect("=")?;
                    Ok((name, p.expression()?))
                })?)
            } else {
                AnnotationBody::Expressions(self.list("]", Self::expression)?)
            }
        } else {
            AnnotationBody::Empty
        };
        Ok(Annotation {
            name,
            body,
            span: self.span_from(start),
        })
    }

    /// Tokens with balanced parentheses.
    fn unstructured(&mut self) -> Parsed<AnnotationBody> {
        let mut tokens = Vec::new();
        let mut open = 0usize;
        let first = self.span();
        loop {
            let token = self.token();
            let text = self.text_of(token);
            tokens.push(match token.kind {
                Kind::End | Kind::PragmaEnd => break,
                Kind::Symbol(")") if open == 0 => break,
                Kind::Symbol(symbol) => {
                    match symbol {
                        "(" => open += 1,
                        ")" => open -= 1,
                        _ => {}
                    }
                    AnnotationToken::Symbol(symbol.to_owned())
                }
                Kind::Ident | Kind::Keyword(_) => AnnotationToken::Word(text.to_owned()),
                Kind::String => AnnotationToken::String(lexer::unquote(text)),
                Kind::Integer => match IntLiteral::parse(text) {
                    Ok(literal) => AnnotationToken::Integer(literal.value),
                    Err(_) => AnnotationToken::Symbol(text.to_owned()),
                },
                Kind::Unknown => AnnotationToken::Symbol(text.to_owned()),
            });
            self.advance();
        }
        let text = if tokens.is_empty() {
            String::new()
        } else {
            let span = self.span_from(first);
            self.text[span.start as usize..span.end as usize].to_owned()
        };
        Ok(AnnotationBody::Unstructured { tokens, text })
    }
}
