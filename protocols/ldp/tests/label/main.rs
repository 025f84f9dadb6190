//! Label distribution, section by section of the RFCs.

mod lsr;

mod control;
mod filters;
mod forwarded;
mod lfib;
mod loops;
mod mapping;
mod mtu;
mod multi_topology;
mod network;
mod on_demand;
mod release;
mod restart;
mod typed_wildcard;
mod withdraw;
