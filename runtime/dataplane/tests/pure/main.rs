//! Translation and reconciliation, without a switch.

mod reconcile;
mod support;
mod translate;
