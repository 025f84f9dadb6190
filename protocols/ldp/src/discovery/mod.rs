//! Discovery: Hello adjacencies of links and of targeted peers (RFC 5036 section 2.4, RFC 7552 section 5).

mod acceptance;
mod adjacency;
mod family;
mod hold;

pub use acceptance::{
    ALL_ROUTERS_IPV4, ALL_ROUTERS_IPV6, HelloDiscard, check_link_datagram, check_preference,
    check_targeted_datagram, transport_address,
};
pub use adjacency::{Adjacency, AdjacencyKey, Scope};
pub use family::Family;
pub use hold::{LINK_HOLD_TIME, TARGETED_HOLD_TIME, hello_interval, negotiated_hold_time};
