//! From text to the syntax tree (specification, section 6 and appendix G).

pub(crate) mod ast;
mod lexer;
mod parser;

pub(crate) use lexer::IntLiteral;
pub(crate) use parser::parse;
