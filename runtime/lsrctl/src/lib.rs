//! The operator's command line, and labs.

pub mod cli;
pub mod lab;
