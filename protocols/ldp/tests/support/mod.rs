//! Engines under a virtual clock: [`network`] connects them with each other, [`script`] with a peer that
//! a test plays.

#![allow(dead_code, reason = "each test binary uses a part of what is here")]

pub(crate) mod network;
pub(crate) mod script;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use ldp::engine::{Families, InterfaceConfig, InterfaceState, LdpConfig, LsrId};

/// An address, as text.
pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Seconds.
pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A prefix, as text.
pub(crate) fn net(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

/// A configuration with the RFCs' defaults and these interfaces.
pub(crate) fn config(lsr_id: &str, interfaces: &[(&str, Families)]) -> LdpConfig {
    let id = LsrId::new(lsr_id.parse().expect("four octets")).expect("not zero");
    let mut config = LdpConfig::new(id);
    for (name, families) in interfaces {
        config.interfaces.insert(
            (*name).into(),
            InterfaceConfig {
                families: *families,
                ..InterfaceConfig::default()
            },
        );
    }
    config
}

/// An interface that is up.
pub(crate) fn up(addresses: &[&str]) -> InterfaceState {
    InterfaceState {
        up: true,
        mtu: 1500,
        mpls_mtu: 1500,
        addresses: addresses.iter().map(|text| net(text)).collect(),
    }
}

/// A virtual clock: it shows what it is set to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    pub(crate) now: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        let start = Instant::now();
        Self { start, now: start }
    }
}

impl Clock {
    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.start
    }
}
