//! Translation and reconciliation, without a switch.

mod paths;
mod reconcile;
mod services;
mod support;
mod translate;
