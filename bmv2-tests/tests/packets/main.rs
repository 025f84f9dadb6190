//! Packet tests of p4/mpls.p4: this frame in, these entries, that frame out, from the RFC text.
//!
//! Our compiler compiles the program, a p4-switch in this process runs it, and the entries are
//! written through P4Runtime.

mod device;
mod dut;
mod frame;

mod admission;
mod classes;
mod control_plane;
mod egress;
mod ip;
mod malformed;
mod mtu;
mod multipoint;
mod protection;
mod pseudowire;
mod push;
mod qos;
mod sharing;
mod special;
mod swap;
mod topology;
mod ttl;
mod tunnel;
mod vlan;
