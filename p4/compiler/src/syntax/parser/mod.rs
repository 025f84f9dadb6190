//! A recursive-descent parser for P4-16 (specification, appendix G).
//!
//! P4's grammar cannot be parsed without knowing which names are types (`(T) - 1` is a cast if
//! `T` is one): the parser keeps a scope of names for that, and for nothing else.

mod annotation;
mod block;
mod decl;
mod expr;
mod stmt;
mod table;
mod types;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::ast::{Expr, ExprKind, Ident, Path, Program, TypeExpr, TypeKind};
use super::lexer::{self, Kind, Token};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;

/// Statements, expressions and types may be nested so deep. Passes over the tree recurse, so
/// this is what keeps them from exhausting the stack.
const DEPTH_LIMIT: u32 = 400;

/// The error of a construct that cannot be parsed.
type Parsed<T> = Result<T, Box<Diagnostic>>;

/// Parses a preprocessed program. After an error it goes on with the next statement or
/// declaration, so there may be several.
pub(crate) fn parse(text: &str, diagnostics: &mut Diagnostics) -> Program {
    let (tokens, errors) = lexer::tokens(text);
    for (span, message) in errors {
        diagnostics.push(Diagnostic::error(span, message));
    }
    let mut parser = Parser {
        text,
        tokens,
        position: 0,
        depth: 0,
        scopes: vec![HashMap::new()],
        no_type_args: HashSet::new(),
        diagnostics,
    };
    parser.program()
}

struct Parser<'a> {
    text: &'a str,
    /// The last one is [`Kind::End`].
    tokens: Vec<Token>,
    position: usize,
    depth: u32,
    /// For each name in scope whether it is a type, innermost scope last.
    scopes: Vec<HashMap<Arc<str>, bool>>,
    /// The positions of `<` that were found not to begin type arguments.
    no_type_args: HashSet<usize>,
    diagnostics: &'a mut Diagnostics,
}

/// Keywords that may also be names (specification, section 6.4.1).
const SOFT_KEYWORDS: [&str; 8] = [
    "actions", "apply", "entries", "key", "list", "priority", "state", "type",
];

impl<'a> Parser<'a> {
    fn token(&self) -> Token {
        self.token_at(0)
    }

    /// The token `ahead` positions further on.
    fn token_at(&self, ahead: usize) -> Token {
        let last = self.tokens.len() - 1;
        self.tokens[(self.position + ahead).min(last)]
    }

    fn span(&self) -> Span {
        self.token().span
    }

    /// From `start` to the end of the token before the current one.
    fn span_from(&self, start: Span) -> Span {
        let before = self.tokens[self.position.saturating_sub(1)].span;
        if before.end < start.end {
            start
        } else {
            start.to(before)
        }
    }

    fn text_of(&self, token: Token) -> &'a str {
        &self.text[token.span.start as usize..token.span.end as usize]
    }

    fn advance(&mut self) -> Token {
        let token = self.token();
        if self.position + 1 < self.tokens.len() {
            self.position += 1;
        }
        token
    }

    /// Whether the current token is this keyword or symbol.
    fn at(&self, text: &str) -> bool {
        self.at_ahead(0, text)
    }

    fn at_ahead(&self, ahead: usize, text: &str) -> bool {
        match self.token_at(ahead).kind {
            Kind::Keyword(found) | Kind::Symbol(found) => found == text,
            _ => false,
        }
    }

    fn accept(&mut self, text: &str) -> bool {
        let found = self.at(text);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, text: &str) -> Parsed<Span> {
        if self.at(text) {
            Ok(self.advance().span)
        } else {
            Err(self.expected(&format!("`{text}`")))
        }
    }

    /// The error that something else was expected here.
    fn expected(&self, what: &str) -> Box<Diagnostic> {
        let token = self.token();
        let found = match token.kind {
            Kind::End => "the program ends".to_owned(),
            Kind::PragmaEnd => "the line ends".to_owned(),
            Kind::Keyword(text) => format!("there is the keyword `{text}`"),
            Kind::Unknown => format!("there is {:?}, which begins no token", self.text_of(token)),
            _ => format!("there is `{}`", self.text_of(token)),
        };
        Box::new(Diagnostic::error(
            token.span,
            format!("expected {what}, but {found}"),
        ))
    }

    fn error(span: Span, message: impl Into<String>) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(span, message))
    }

    /// Runs a parser one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_LIMIT {
            let message = format!("this is nested more than {DEPTH_LIMIT} deep");
            return Err(Self::error(self.span(), message));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    fn expr_node(&self, kind: ExprKind, start: Span) -> Parsed<Expr> {
        let expr = Expr::new(kind, self.span_from(start));
        if expr.height > DEPTH_LIMIT {
            let message = format!("this expression is nested more than {DEPTH_LIMIT} deep");
            return Err(Self::error(expr.span, message));
        }
        Ok(expr)
    }

    fn type_node(&self, kind: TypeKind, start: Span) -> Parsed<TypeExpr> {
        let ty = TypeExpr::new(kind, self.span_from(start));
        if ty.height > DEPTH_LIMIT {
            let message = format!("this type is nested more than {DEPTH_LIMIT} deep");
            return Err(Self::error(ty.span, message));
        }
        Ok(ty)
    }

    /// Whether the token can be a name.
    fn is_name(&self, token: Token) -> bool {
        match token.kind {
            Kind::Ident => true,
            Kind::Keyword(text) => SOFT_KEYWORDS.contains(&text),
            _ => false,
        }
    }

    fn ident(&mut self, token: Token) -> Ident {
        Ident {
            name: self.text_of(token).into(),
            span: token.span,
        }
    }

    /// A name; `what` says what it names.
    fn name(&mut self, what: &str) -> Parsed<Ident> {
        let token = self.token();
        if !self.is_name(token) {
            return Err(self.expected(what));
        }
        self.advance();
        Ok(self.ident(token))
    }

    /// `x` or `.x`.
    fn path(&mut self, what: &str) -> Parsed<Path> {
        let absolute = self.accept(".");
        Ok(Path {
            absolute,
            name: self.name(what)?,
        })
    }

    /// `item, item` up to `close`, which is taken in too; a comma may stand before it.
    fn list<T>(
        &mut self,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        while !self.at(close) {
            items.push(item(self)?);
            if !self.accept(",") {
                break;
            }
        }
        if !self.at(close) {
            return Err(self.expected(&format!("`,` or `{close}`")));
        }
        self.advance();
        Ok(items)
    }

    fn declare(&mut self, name: &Ident, is_type: bool) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.name.clone(), is_type);
        }
    }

    fn declare_types(&mut self, names: &[Ident]) {
        names.iter().for_each(|name| self.declare(name, true));
    }

    /// Runs a parser in a scope of its own.
    fn scoped<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let scopes = self.scopes.len();
        self.scopes.push(HashMap::new());
        let result = parse(self);
        self.scopes.truncate(scopes);
        result
    }

    fn is_type_name(&self, name: &str) -> bool {
        self.scopes
            .iter()
            .rev()
            .find_map(|scope| scope.get(name))
            .copied()
            .unwrap_or(false)
    }

    /// Whether a type begins `ahead` tokens further on.
    fn at_type(&self, ahead: usize) -> bool {
        let token = self.token_at(ahead);
        match token.kind {
            Kind::Ident => self.is_type_name(self.text_of(token)),
            Kind::Keyword(text) => types::BASE_TYPES.contains(&text),
            Kind::Symbol(".") => {
                let name = self.token_at(ahead + 1);
                let top = self.scopes.first();
                name.kind == Kind::Ident
                    && top
                        .and_then(|top| top.get(self.text_of(name)))
                        .copied()
                        .unwrap_or(false)
            }
            _ => false,
        }
    }

    /// After an error in what began at the token `start`: goes behind the `;` or the closing
    /// brace that ends it.
    fn recover(&mut self, start: usize) {
        let mut braces = 0i64;
        for token in &self.tokens[start..self.position] {
            match token.kind {
                Kind::Symbol("{") => braces += 1,
                Kind::Symbol("}") => braces -= 1,
                _ => {}
            }
        }
        loop {
            match self.token().kind {
                Kind::End => return,
                Kind::Symbol("{") => braces += 1,
                // The brace of what is around it.
                Kind::Symbol("}") if braces <= 0 => return,
                Kind::Symbol("}") => {
                    braces -= 1;
                    if braces == 0 {
                        self.advance();
                        return;
                    }
                }
                Kind::Symbol(";") if braces <= 0 => {
                    self.advance();
                    return;
                }
                _ => {}
            }
            self.advance();
        }
    }

    fn program(&mut self) -> Program {
        let mut program = Program::default();
        while self.token().kind != Kind::End && !self.diagnostics.too_many() {
            if self.accept(";") {
                continue;
            }
            let start = self.position;
            match self.declaration() {
                Ok(decl) => program.decls.extend(decl),
                Err(error) => {
                    self.diagnostics.push(*error);
                    self.scopes.truncate(1);
                    self.depth = 0;
                    self.recover(start);
                    if self.position == start || self.at("}") {
                        self.advance();
                    }
                }
            }
        }
        program
    }
}

#[cfg(test)]
mod tests;
