//! The wire format of LDP (RFC 5036 section 3).

mod captures;
