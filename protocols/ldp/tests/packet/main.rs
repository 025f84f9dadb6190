//! The wire format of LDP (RFC 5036 section 3).

mod authentication;
mod builder;
mod capability;
mod captures;
mod fec;
mod malformed;
mod octets;
mod round_trip;
mod status;
mod strategies;
mod stream;
