//! gNMI for ports, as Stratum serves it: the paths of openconfig-interfaces, at the address of the
//! P4Runtime server.
//!
//! An interface has the name of its network interface; `state/id` is the port's number in the P4
//! program. Read: `state/{name,id,ifindex,admin-status,oper-status,last-change,counters/*}` and
//! `config/{name,enabled}`; written: `config/enabled`. Sections in the documentation are those of
//! the gNMI Specification 0.10.0.

mod leaves;
mod service;
mod set;
mod subscribe;
mod subscription;

use tokio::sync::watch;

use crate::Switch;

/// Paths of one Get or subscription.
const MOST_PATHS: usize = 256;

/// The gNMI service of a switch. Clones are the same service.
#[derive(Clone)]
pub(crate) struct Gnmi {
    switch: Switch,
    stopped: watch::Sender<bool>,
}

impl Gnmi {
    /// The service of this switch.
    pub(crate) fn new(switch: Switch) -> Self {
        Self {
            switch,
            stopped: watch::Sender::new(false),
        }
    }

    /// Ends all subscriptions.
    pub(crate) fn shut_down(&self) {
        self.stopped.send_replace(true);
    }
}
