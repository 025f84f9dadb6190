//! The typed, resolved tree of a P4-16 program (the high-level intermediate representation).
//!
//! The type checker makes it; P4Info generation and the lowering to BMv2 JSON read it. Whoever
//! reads it needs no name resolution, type inference, constant evaluation, default or named
//! arguments, and no overload choice: all of that is done.
//!
//! Everything that has an identity lives in an arena of [`Program`] and is named by an id
//! ([`TypeId`], [`VarId`], [`ControlId`], ...). `program[id]` gives the declaration.
//!
//! What the tree promises:
//!
//! * An expression whose value is known at compile time has the kind [`ExprKind::Const`], unless
//!   its type is a struct, header or tuple: then it is an [`ExprKind::List`] of such constants.
//! * All casts are explicit: both operands of an arithmetic or comparison operator have the same
//!   type (shifts excepted), an assigned value has the type of its target, an argument the type
//!   of its parameter. No expression outside an `int`-typed parameter has the type
//!   [`Type::Int`] (arbitrary precision).
//! * Typedefs are gone. Newtypes (`type`), enumerations and serialisable enumerations are kept;
//!   [`Program::underlying`] strips them.
//! * Parsers and controls are not inlined. A parser or control that has constructor parameters
//!   of a value type occurs once for each distinct set of their values, with the values in place.
//! * Lists of arguments are complete and in the order of the parameters.

mod annotation;
mod decl;
mod expr;
mod ids;
mod stmt;
mod types;
pub(crate) mod visit;

pub use annotation::*;
pub use decl::*;
pub use expr::*;
pub use ids::*;
pub use stmt::*;
pub use types::*;
