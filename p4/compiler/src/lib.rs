//! A compiler from P4-16 for the v1model architecture to P4Info and BMv2 JSON.

pub mod diagnostic;
pub mod hir;
pub mod options;
mod preprocess;
pub mod source;
mod syntax;
