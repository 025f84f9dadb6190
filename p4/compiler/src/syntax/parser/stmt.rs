//! Statements (specification, section 12).

use super::{Kind, Parsed, Parser};
use crate::hir::BinaryOp;
use crate::source::Span;
use crate::syntax::ast::{
    Annotations, Constant, Expr, ExprKind, Stmt, StmtKind, SwitchCase, TypeExpr, Variable,
};

fn compound_operator(symbol: &str) -> Option<BinaryOp> {
    use BinaryOp::*;
    Some(match symbol {
        "+=" => Add,
        "-=" => Sub,
        "*=" => Mul,
        "/=" => Div,
        "%=" => Mod,
        "|+|=" => AddSat,
        "|-|=" => SubSat,
        "<<=" => Shl,
        "&=" => BitAnd,
        "|=" => BitOr,
        "^=" => BitXor,
        _ => return None,
    })
}

impl Parser<'_> {
    /// `{ ... }`
    pub(super) fn block(&mut self) -> Parsed<Vec<Stmt>> {
        self.expect("{")?;
        let stmts = self.scoped(|p| p.stmts(|p| p.at("}")))?;
        self.expect("}")?;
        Ok(stmts)
    }

    /// Statements until `end`. A statement with an error is left out.
    pub(super) fn stmts(&mut self, end: impl Fn(&Self) -> bool) -> Parsed<Vec<Stmt>> {
        let mut stmts = Vec::new();
        while !end(self) && self.token().kind != Kind::End {
            let start = self.position;
            let (depth, scopes) = (self.depth, self.scopes.len());
            match self.statement() {
                Ok(stmt) => stmts.push(stmt),
                Err(error) => {
                    // Without an end of the statement the error is that of what is around it.
                    self.depth = depth;
                    self.scopes.truncate(scopes);
                    let at = self.position;
                    self.recover(start);
                    if self.token().kind == Kind::End
                        || self.position == start
                        || self.diagnostics.too_many()
                    {
                        self.position = at;
                        return Err(error);
                    }
                    self.diagnostics.push(*error);
                }
            }
        }
        Ok(stmts)
    }

    fn stmt_node(&self, kind: StmtKind, start: Span) -> Stmt {
        Stmt {
            kind,
            span: self.span_from(start),
        }
    }

    pub(super) fn statement(&mut self) -> Parsed<Stmt> {
        self.nested(Self::statement_inner)
    }

    fn statement_inner(&mut self) -> Parsed<Stmt> {
        let start = self.span();
        let annotations = self.annotations()?;
        let kind = match self.token().kind {
            Kind::Symbol(";") => {
                self.advance();
                StmtKind::Empty
            }
            Kind::Symbol("{") => StmtKind::Block {
                annotations,
                stmts: self.block()?,
            },
            Kind::Keyword("const") => StmtKind::Constant(self.constant(annotations)?),
            Kind::Keyword("if") => self.conditional()?,
            Kind::Keyword("switch") => self.switch()?,
            Kind::Keyword("return") => {
                self.advance();
                let value = if self.at(";") {
                    None
                } else {
                    Some(self.expression()?)
                };
                self.expect(";")?;
                StmtKind::Return(value)
            }
            Kind::Keyword("exit") => {
                self.advance();
                self.expect(";")?;
                StmtKind::Exit
            }
            Kind::Keyword(word @ ("break" | "continue")) => {
                self.advance();
                self.expect(";")?;
                if word == "break" {
                    StmtKind::Break
                } else {
                    StmtKind::Continue
                }
            }
            Kind::Keyword("for") => self.for_loop()?,
            _ if self.at_declaration() => {
                let ty = self.type_ref()?;
                if self.at("(") {
                    let message = "an object cannot be instantiated inside a block";
                    let error = Self::error(self.span_from(start), message);
                    return Err(Box::new(error.help(
                        "declare the instance among the declarations of the parser or control",
                    )));
                }
                StmtKind::Variable(self.variable(annotations, ty)?)
            }
            _ => self.assignment_or_call()?,
        };
        Ok(self.stmt_node(kind, start))
    }

    /// Whether a declaration of a variable (or instance) begins here.
    fn at_declaration(&self) -> bool {
        let token = self.token();
        match token.kind {
            Kind::Keyword("error") => !self.at_ahead(1, "."),
            Kind::Keyword("list") => self.at_ahead(1, "<"),
            Kind::Keyword(_) => self.at_type(0),
            Kind::Symbol(".") if self.at_type(0) => {
                !self.at_ahead(2, ".") && !self.at_ahead(2, "=")
            }
            // `T.apply()` is a statement; two names are a declaration even if the first one is
            // unknown, which makes for the better error.
            Kind::Ident if self.at_type(0) => !self.at_ahead(1, ".") && !self.at_ahead(1, "="),
            Kind::Ident => self.token_at(1).kind == Kind::Ident,
            _ => false,
        }
    }

    pub(super) fn variable(&mut self, annotations: Annotations, ty: TypeExpr) -> Parsed<Variable> {
        let variable = self.variable_without_semicolon(annotations, ty)?;
        self.expect(";")?;
        Ok(variable)
    }

    fn variable_without_semicolon(
        &mut self,
        annotations: Annotations,
        ty: TypeExpr,
    ) -> Parsed<Variable> {
        let (name, ty) = self.declarator(ty, "the name of a variable")?;
        let init = if self.accept("=") {
            Some(self.expression()?)
        } else {
            None
        };
        self.declare(&name, false);
        Ok(Variable {
            annotations,
            ty,
            name,
            init,
        })
    }

    /// `const T x = value;`
    pub(super) fn constant(&mut self, annotations: Annotations) -> Parsed<Constant> {
        self.expect("const")?;
        let ty = self.type_ref()?;
        let (name, ty) = self.declarator(ty, "the name of a constant")?;
        self.expect("=")?;
        let value = self.expression()?;
        self.expect(";")?;
        self.declare(&name, false);
        Ok(Constant {
            annotations,
            ty,
            name,
            value,
        })
    }

    fn conditional(&mut self) -> Parsed<StmtKind> {
        self.expect("if")?;
        self.expect("(")?;
        let condition = self.expression()?;
        self.expect(")")?;
        let then = Box::new(self.scoped(Self::statement)?);
        let otherwise = if self.accept("else") {
            Some(Box::new(self.scoped(Self::statement)?))
        } else {
            None
        };
        Ok(StmtKind::If {
            condition,
            then,
            otherwise,
        })
    }

    fn switch(&mut self) -> Parsed<StmtKind> {
        self.expect("switch")?;
        self.expect("(")?;
        let value = self.expression()?;
        self.expect(")")?;
        self.expect("{")?;
        let mut cases = Vec::new();
        while !self.accept("}") {
            let start = self.span();
            let label = if self.accept("default") {
                None
            } else {
                Some(self.expression()?)
            };
            let span = self.span_from(start);
            self.expect(":")?;
            let body = if self.at("{") || self.at("@") {
                Some(self.statement()?)
            } else {
                None
            };
            cases.push(SwitchCase { label, body, span });
        }
        Ok(StmtKind::Switch { value, cases })
    }

    fn for_loop(&mut self) -> Parsed<StmtKind> {
        self.expect("for")?;
        self.expect("(")?;
        self.scoped(|p| {
            let annotations = p.annotations()?;
            let mut init = Vec::new();
            if p.at_declaration() {
                let start = p.span();
                let ty = p.type_ref()?;
                let name = p.name("the name of a variable")?;
                if p.accept("in") {
                    p.declare(&name, false);
                    let variable = Box::new(Variable {
                        annotations,
                        ty,
                        name,
                        init: None,
                    });
                    let values = p.key_set()?;
                    p.expect(")")?;
                    let body = Box::new(p.statement()?);
                    return Ok(StmtKind::ForIn {
                        variable,
                        values,
                        body,
                    });
                }
                p.position -= 1;
                let variable = p.variable_without_semicolon(annotations, ty)?;
                init.push(p.stmt_node(StmtKind::Variable(variable), start));
            } else if !p.at(";") {
                init.push(p.simple_statement()?);
            }
            while p.accept(",") {
                init.push(p.simple_statement()?);
            }
            p.expect(";")?;
            let condition = p.expression()?;
            p.expect(";")?;
            let update = p.list(")", Self::simple_statement)?;
            let body = Box::new(p.statement()?);
            Ok(StmtKind::For {
                init,
                condition,
                update,
                body,
            })
        })
    }

    /// A declaration, an assignment or a call in the head of a loop.
    fn simple_statement(&mut self) -> Parsed<Stmt> {
        let start = self.span();
        let kind = if self.at_declaration() {
            let ty = self.type_ref()?;
            StmtKind::Variable(self.variable_without_semicolon(Vec::new(), ty)?)
        } else {
            self.assignment_or_call_without_semicolon()?
        };
        Ok(self.stmt_node(kind, start))
    }

    fn assignment_or_call(&mut self) -> Parsed<StmtKind> {
        let kind = self.assignment_or_call_without_semicolon()?;
        self.expect(";")?;
        Ok(kind)
    }

    fn assignment_or_call_without_semicolon(&mut self) -> Parsed<StmtKind> {
        let target = self.lvalue()?;
        if self.accept("=") {
            return Ok(StmtKind::Assign {
                target,
                value: self.expression()?,
            });
        }
        if let Kind::Symbol(symbol) = self.token().kind {
            let op = match symbol {
                // `>>=` comes as `>` and `>=`.
                ">" if self.at_ahead(1, ">=") => {
                    self.advance();
                    Some(BinaryOp::Shr)
                }
                _ => compound_operator(symbol),
            };
            if let Some(op) = op {
                self.advance();
                return Ok(StmtKind::OpAssign {
                    op,
                    target,
                    value: self.expression()?,
                });
            }
        }
        if !matches!(target.kind, ExprKind::Call { .. }) {
            return Err(self.expected("an assignment or a call"));
        }
        Ok(StmtKind::Expr(target))
    }

    /// What a statement can begin with.
    fn lvalue(&mut self) -> Parsed<Expr> {
        let token = self.token();
        let begins = match token.kind {
            Kind::Symbol("(" | ".") | Kind::Keyword("this") => true,
            _ => self.is_name(token),
        };
        if !begins {
            return Err(self.expected("a statement"));
        }
        self.postfix_expression()
    }
}
