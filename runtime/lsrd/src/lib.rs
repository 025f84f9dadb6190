//! The label switching router daemon.
//!
//! - [`config`]: the configuration file, checked as a whole.
//! - [`kernel`]: the router's own IP stack: TAPs, addresses, neighbours, routes.
//! - [`packet`]: packets between the switch and that stack.
//! - [`router`]: what configuration and kernel ask of the switch.
//! - [`switch_ports`]: the state of the switch's ports, as the switch tells it.
//! - [`io`]: the tasks that carry packets.
//! - [`ldp`]: LDP's sockets, its routes and labels, and the task that drives it.
//! - [`management`]: what lsrctl asks.
//! - [`metrics`]: what Prometheus asks.
//! - [`daemon`]: all of it together.

pub mod config;
mod convergence;
pub mod daemon;
pub mod io;
pub mod kernel;
pub mod ldp;
pub mod management;
pub mod metrics;
pub mod packet;
mod replace;
pub mod router;
pub mod switch_ports;
