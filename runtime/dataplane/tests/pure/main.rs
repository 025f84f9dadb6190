//! Translation and reconciliation, without a switch.

mod limits;
mod paths;
mod reconcile;
mod services;
mod support;
mod translate;
