//! The engine: programs that p4c compiled, packets in, packets out.

mod ahead;
mod classification;
mod copies;
mod headers;
mod linux;
mod linux_frames;
mod linux_order;
mod malformed;
mod numbers;
mod ports;
mod profiles;
mod robustness;
mod support;
mod tables;
mod traces;
