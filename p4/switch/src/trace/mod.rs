//! Traces of packets.
use crate::program::{OpAt, Program};
pub(crate) fn describe(_p: &Program, _w: &[u64], _a: &[u64], _op: &OpAt) -> String {
    String::new()
}
