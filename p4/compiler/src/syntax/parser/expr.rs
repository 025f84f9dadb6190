//! Expressions (specification, section 8).

use super::{Kind, Parsed, Parser};
use crate::hir::{BinaryOp, UnaryOp};
use crate::source::Span;
use crate::syntax::ast::{Argument, Expr, ExprKind, KeySet, KeySetKind, TypeExpr, TypeKind};
use crate::syntax::lexer::{self, IntLiteral};

/// How tightly the operators bind; `? :` binds looser than all.
const LOWEST: u32 = 1;

fn binary_operator(symbol: &str) -> Option<(BinaryOp, u32)> {
    use BinaryOp::*;
    Some(match symbol {
        "||" => (Or, 2),
        "&&" => (And, 3),
        "==" => (Eq, 4),
        "!=" => (Ne, 4),
        "<" => (Lt, 5),
        ">" => (Gt, 5),
        "<=" => (Le, 5),
        ">=" => (Ge, 5),
        "|" => (BitOr, 6),
        "^" => (BitXor, 7),
        "&" => (BitAnd, 8),
        "<<" => (Shl, 9),
        ">>" => (Shr, 9),
        "++" => (Concat, 10),
        "+" => (Add, 10),
        "-" => (Sub, 10),
        "|+|" => (AddSat, 10),
        "|-|" => (SubSat, 10),
        "*" => (Mul, 11),
        "/" => (Div, 11),
        "%" => (Mod, 11),
        _ => return None,
    })
}

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.operators(LOWEST, true)
    }

    /// An expression between `<` and `>`: a `>` outside parentheses ends it.
    pub(super) fn expression_without_greater(&mut self) -> Parsed<Expr> {
        self.operators(LOWEST, false)
    }

    /// The operator at the current token and how many tokens it has: `>>` comes as two.
    fn operator(&self, greater: bool) -> Option<(BinaryOp, u32, usize)> {
        let token = self.token();
        let Kind::Symbol(symbol) = token.kind else {
            return None;
        };
        if symbol == ">" {
            if !greater {
                return None;
            }
            let next = self.token_at(1);
            if next.kind == Kind::Symbol(">") && next.span.start == token.span.end {
                return binary_operator(">>").map(|(op, level)| (op, level, 2));
            }
        }
        binary_operator(symbol).map(|(op, level)| (op, level, 1))
    }

    fn operators(&mut self, lowest: u32, greater: bool) -> Parsed<Expr> {
        self.nested(|p| {
            let start = p.span();
            let mut left = p.prefix()?;
            while let Some((op, level, length)) = p.operator(greater) {
                if level < lowest {
                    break;
                }
                (0..length).for_each(|_| {
                    p.advance();
                });
                let right = Box::new(p.operators(level + 1, greater)?);
                left = p.expr_node(
                    ExprKind::Binary {
                        op,
                        left: Box::new(left),
                        right,
                    },
                    start,
                )?;
            }
            if lowest == LOWEST && p.accept("?") {
                let then = Box::new(p.operators(LOWEST, true)?);
                p.expect(":")?;
                let otherwise = Box::new(p.operators(LOWEST, greater)?);
                let condition = Box::new(left);
                left = p.expr_node(
                    ExprKind::Conditional {
                        condition,
                        then,
                        otherwise,
                    },
                    start,
                )?;
            }
            Ok(left)
        })
    }

    fn prefix(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let op = match self.token().kind {
            Kind::Symbol("!") => Some(UnaryOp::Not),
            Kind::Symbol("~") => Some(UnaryOp::BitNot),
            Kind::Symbol("-") => Some(UnaryOp::Neg),
            Kind::Symbol("+") => None,
            Kind::Symbol("(") if self.at_cast() => {
                self.advance();
                let ty = self.type_ref()?;
                self.expect(")")?;
                let operand = Box::new(self.nested(Self::prefix)?);
                return self.expr_node(ExprKind::Cast { ty, operand }, start);
            }
            _ => return self.postfix(),
        };
        self.advance();
        let operand = Box::new(self.nested(Self::prefix)?);
        let kind = match op {
            Some(op) => ExprKind::Unary { op, operand },
            None => ExprKind::Plus(operand),
        };
        self.expr_node(kind, start)
    }

    /// Whether the parenthesis at the current token encloses a type.
    fn at_cast(&self) -> bool {
        if !self.at_type(1) {
            return false;
        }
        let name = if self.at_ahead(1, ".") { 2 } else { 1 };
        let is_base = matches!(self.token_at(name).kind, Kind::Keyword(_));
        if is_base {
            return !self.at_ahead(name + 1, ".");
        }
        // `(T.member)` and `(T(...))` are expressions.
        self.at_ahead(name + 1, ")") || self.at_ahead(name + 1, "<") || self.at_ahead(name + 1, "[")
    }

    /// A name with members, indices and calls behind it.
    pub(super) fn postfix_expression(&mut self) -> Parsed<Expr> {
        self.nested(Self::postfix)
    }

    fn postfix(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let mut expr = self.primary()?;
        loop {
            if self.accept(".") {
                let name = self.name("the name of a member")?;
                expr = self.expr_node(
                    ExprKind::Member {
                        base: Box::new(expr),
                        name,
                    },
                    start,
                )?;
            } else if self.accept("[") {
                expr = self.index(expr, start)?;
            } else if self.accept("(") {
                let args = self.arguments()?;
                expr = self.call(expr, Vec::new(), args, start)?;
            } else if self.at("<")
                && matches!(expr.kind, ExprKind::Path(_) | ExprKind::Member { .. })
            {
                let Some(type_args) = self.call_type_args() else {
                    return Ok(expr);
                };
                self.expect("(")?;
                let args = self.arguments()?;
                expr = self.call(expr, type_args, args, start)?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn call(
        &mut self,
        callee: Expr,
        type_args: Vec<TypeExpr>,
        args: Vec<Argument>,
        start: Span,
    ) -> Parsed<Expr> {
        self.expr_node(
            ExprKind::Call {
                callee: Box::new(callee),
                type_args,
                args,
            },
            start,
        )
    }

    /// `<T, U>` before the arguments of a call. `None`, without moving on, if the `<` is the
    /// operator: a generic call must have types and then `>(`.
    fn call_type_args(&mut self) -> Option<Vec<TypeExpr>> {
        let position = self.position;
        if self.no_type_args.contains(&position) || !(self.at_type(1) || self.at_ahead(1, "_")) {
            return None;
        }
        let depth = self.depth;
        if let Ok(args) = self.type_args()
            && self.at("(")
        {
            return Some(args);
        }
        self.depth = depth;
        self.position = position;
        self.no_type_args.insert(position);
        None
    }

    /// What stands between brackets: the opening one is taken in already.
    fn index(&mut self, base: Expr, start: Span) -> Parsed<Expr> {
        let base = Box::new(base);
        let first = Box::new(self.expression()?);
        let kind = if self.accept(":") {
            ExprKind::Slice {
                base,
                hi: first,
                lo: Box::new(self.expression()?),
            }
        } else if self.accept("+:") {
            ExprKind::PlusSlice {
                base,
                lo: first,
                width: Box::new(self.expression()?),
            }
        } else {
            ExprKind::Index { base, index: first }
        };
        self.expect("]")?;
        self.expr_node(kind, start)
    }

    /// The arguments of a call: the opening parenthesis is taken in already.
    pub(super) fn arguments(&mut self) -> Parsed<Vec<Argument>> {
        self.list(")", |p| {
            let start = p.span();
            let mut name = None;
            if p.is_name(p.token()) && p.at_ahead(1, "=") {
                name = Some(p.name("the name of a parameter")?);
                p.advance();
            }
            let value = if p.accept("_") {
                None
            } else {
                Some(p.expression()?)
            };
            Ok(Argument {
                name,
                value,
                span: p.span_from(start),
            })
        })
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let token = self.token();
        let start = token.span;
        let text = self.text_of(token);
        let kind = match token.kind {
            Kind::Integer => {
                self.advance();
                ExprKind::Int(IntLiteral::parse(text).map_err(|m| Self::error(start, m))?)
            }
            Kind::String => {
                self.advance();
                ExprKind::String(lexer::unquote(text))
            }
            Kind::Keyword("true" | "false") => {
                self.advance();
                ExprKind::Bool(text == "true")
            }
            Kind::Keyword("this") => {
                self.advance();
                ExprKind::This
            }
            Kind::Symbol("...") => {
                self.advance();
                ExprKind::Dots
            }
            Kind::Symbol("{#}") => {
                self.advance();
                ExprKind::Invalid
            }
            Kind::Symbol("(") => {
                self.advance();
                let mut inner = self.expression()?;
                self.expect(")")?;
                inner.span = self.span_from(start);
                return Ok(inner);
            }
            Kind::Symbol("{") => {
                self.advance();
                self.braces()?
            }
            Kind::Keyword("error") => {
                self.advance();
                if !self.at(".") {
                    return Err(self.expected("`.` and a member of `error`"));
                }
                ExprKind::Type(self.type_node(TypeKind::Error, start)?)
            }
            _ if self.at_type(0) && matches!(token.kind, Kind::Ident | Kind::Symbol(_)) => {
                let ty = self.named_type()?;
                match ty.kind {
                    TypeKind::Named { path, args } if args.is_empty() => ExprKind::Path(path),
                    _ => ExprKind::Type(ty),
                }
            }
            Kind::Symbol(".") => ExprKind::Path(self.path("a name")?),
            _ if self.is_name(token) => ExprKind::Path(self.path("a name")?),
            _ => return Err(self.expected("an expression")),
        };
        self.expr_node(kind, start)
    }

    /// A list or struct expression: the opening brace is taken in already.
    fn braces(&mut self) -> Parsed<ExprKind> {
        if !(self.is_name(self.token()) && self.at_ahead(1, "=")) {
            return Ok(ExprKind::List(self.list("}", Self::expression)?));
        }
        let mut fields = Vec::new();
        let mut dots = None;
        while !self.at("}") {
            if self.at("...") {
                dots = Some(self.advance().span);
                self.accept(",");
                break;
            }
            let name = self.name("the name of a field")?;
            self.expect("=")?;
            fields.push((name, self.expression()?));
            if !self.accept(",") {
                break;
            }
        }
        if !self.at("}") {
            return Err(self.expected("`,` or `}`"));
        }
        self.advance();
        Ok(ExprKind::Struct { fields, dots })
    }

    /// What a value is compared with (specification, section 8.14).
    pub(super) fn key_set(&mut self) -> Parsed<KeySet> {
        let start = self.span();
        if self.at("(") {
            let position = self.position;
            let depth = self.depth;
            self.advance();
            if let Ok(parts) = self.list(")", Self::simple_key_set) {
                let tuple = match parts.as_slice() {
                    [only] => !matches!(only.kind, KeySetKind::Value(_)),
                    parts => !parts.is_empty(),
                };
                if tuple && (self.at(":") || self.at(")")) {
                    let kind = KeySetKind::Tuple(parts);
                    return Ok(KeySet {
                        kind,
                        span: self.span_from(start),
                    });
                }
            }
            // A parenthesis of an expression.
            self.position = position;
            self.depth = depth;
        }
        self.simple_key_set()
    }

    fn simple_key_set(&mut self) -> Parsed<KeySet> {
        let start = self.span();
        let kind = if self.accept("default") || self.accept("_") {
            KeySetKind::Any
        } else {
            let first = self.expression()?;
            if self.accept("&&&") {
                KeySetKind::Mask(first, self.expression()?)
            } else if self.accept("..") {
                KeySetKind::Range(first, self.expression()?)
            } else {
                KeySetKind::Value(first)
            }
        };
        Ok(KeySet {
            kind,
            span: self.span_from(start),
        })
    }
}
