//! The operator's command line, and labs.
//!
//! - [`cli`]: the words of the command line.
//! - [`clear`]: what is ended so that it comes up anew.
//! - [`show`]: what a label switching router does, as tables or JSON.
//! - [`switchover`]: ports and protecting paths.
//! - [`lab`]: networks of label switching routers on one machine.

pub mod clear;
pub mod cli;
pub mod lab;
pub mod ldp;
pub mod show;
pub mod switchover;

/// The runtime for the questions to one lsrd: one thread is enough.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))
}
