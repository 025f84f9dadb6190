//! The lowering of a typed program to BMv2 JSON.
//!
//! It has two steps. [`elaborate`] walks the tree as the program would run and makes of it a flat
//! program ([`ir`]): parsers, controls, functions and actions inlined, structs taken apart into
//! scalars, every call an operation of the target. [`emit`] writes that program down in BMv2's
//! terms: tables and conditions with their successors, actions of primitives with jumps, and
//! expressions with masks, since BMv2 computes with integers of any size.
//!
//! Shape and names follow p4c's back end for simple_switch, so that documents of the two can be
//! compared and tools for the one work with the other.

mod elaborate;
mod emit;
mod fold;
mod ir;
mod names;

use bmv2_json::Document;

use crate::diagnostic::Diagnostic;
use crate::hir;
use crate::source::SourceMap;

/// Lowers a program to a BMv2 JSON document.
///
/// # Errors
///
/// A diagnostic for each construct that BMv2 or this compiler does not support, with its place.
pub fn lower(program: &hir::Program, sources: &SourceMap) -> Result<Document, Vec<Diagnostic>> {
    let flat = elaborate::elaborate(program)?;
    emit::emit(&flat, sources, program.main.span)
}
