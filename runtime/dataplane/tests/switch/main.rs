//! The driver with a real p4-switch in this process that runs mpls.p4, compiled by p4-compiler.

mod bmv2;
mod driver;
mod names;
mod services;
mod support;
