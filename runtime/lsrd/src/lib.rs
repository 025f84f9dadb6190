//! The label switching router daemon.
