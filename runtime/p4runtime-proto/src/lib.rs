//! P4Runtime 1.5 messages and gRPC services.

#[allow(missing_docs)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/p4runtime.rs"));
}
pub use generated::{google, p4};
