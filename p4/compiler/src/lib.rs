//! A compiler from P4-16 for the v1model architecture to P4Info and BMv2 JSON.

pub mod hir;
pub mod source;
