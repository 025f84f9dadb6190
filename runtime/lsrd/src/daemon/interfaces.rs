//! The TAPs of the running configuration, and the tasks that read them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rtnetlink::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::{debug, error, info, warn};

use crate::config::{Config, InterfaceConfig};
use crate::io::{PacketIo, TapPort};
use crate::kernel::tap::Tap;
use crate::kernel::{KernelError, interface};
use crate::packet::view::PortVlan;
use crate::router::Router;

/// A TAP that was opened and is not read yet.
pub(super) struct Opened {
    place: PortVlan,
    tap: Tap,
}

struct Open {
    place: PortVlan,
    tap: Tap,
    /// The task that reads it, once it does.
    reader: Option<JoinHandle<()>>,
}

/// The open TAPs by name.
pub(super) struct Interfaces {
    netlink: Handle,
    open: BTreeMap<String, Open>,
    lost: mpsc::UnboundedReceiver<String>,
    lose: mpsc::UnboundedSender<String>,
}

impl Interfaces {
    pub(super) fn new(netlink: Handle) -> Self {
        let (lose, lost) = mpsc::unbounded_channel();
        Self {
            netlink,
            open: BTreeMap::new(),
            lost,
            lose,
        }
    }

    /// Opens the TAPs of the configuration that are not open, and sets all of them up as
    /// configured.
    pub(super) async fn open_missing(
        &mut self,
        config: &Config,
    ) -> Result<Vec<Opened>, KernelError> {
        let mut opened = Vec::new();
        for interface in &config.interfaces {
            if let Some(open) = self.open.get(&interface.name)
                && open.place == interface.place()
            {
                interface::configure(&self.netlink, interface).await?;
                continue;
            }
            opened.push(self.open_one(interface).await?);
        }
        for Opened { place, tap } in &opened {
            if let Some(former) = self.open.insert(
                tap.name().to_owned(),
                Open {
                    place: *place,
                    tap: tap.clone(),
                    reader: None,
                },
            ) {
                former.stop();
            }
        }
        Ok(opened)
    }

    async fn open_one(&self, config: &InterfaceConfig) -> Result<Opened, KernelError> {
        // The same TAP at another port is open already.
        let tap = match self.open.get(&config.name) {
            Some(open) => open.tap.clone(),
            None => Tap::open(&config.name)?,
        };
        let index = interface::configure(&self.netlink, config).await?;
        info!(interface = %config.name, index, place = %config.place(), "interface set up");
        Ok(Opened {
            place: config.place(),
            tap,
        })
    }

    /// Starts to read the TAPs that were opened, and gives packet handling all of them.
    pub(super) fn carry(&mut self, io: &Arc<PacketIo>, opened: Vec<Opened>) {
        let mut taps = BTreeMap::new();
        let former = io.taps.load_full();
        for open in self.open.values() {
            let kept = former
                .get(&open.place)
                .filter(|kept| kept.tap.is_same(&open.tap));
            let tap = match kept {
                Some(kept) => Arc::clone(kept),
                None => Arc::new(TapPort::new(open.tap.clone())),
            };
            taps.insert(open.place, tap);
        }
        io.taps.store(Arc::new(taps.clone()));
        for Opened { place, tap } in opened {
            let (Some(open), Some(shared)) = (self.open.get_mut(tap.name()), taps.get(&place))
            else {
                continue;
            };
            let (io, shared, lose) = (Arc::clone(io), Arc::clone(shared), self.lose.clone());
            open.reader = Some(tokio::spawn(async move {
                let name = shared.tap.name().to_owned();
                let error = io.carry_originated(place, shared).await;
                warn!(interface = %name, %error, "the TAP is gone; it is made again");
                // The daemon may be ending.
                let _ = lose.send(name);
            }));
        }
    }

    /// Gives each TAP the carrier of its port, as far as that is known. What the operator took down
    /// for forwarding keeps its own.
    pub(super) async fn follow_carriers(&self, router: &Router) {
        let kernel = router.kernel();
        let ports = router.switchovers().ports(router.config());
        for (name, open) in &self.open {
            let Some(index) = kernel.index(name) else {
                continue;
            };
            let Some(link) = kernel.links.get(&index) else {
                continue;
            };
            let port = ports.get(&open.place.port);
            let carrier = port.and_then(|port| port.carrier).unwrap_or(true);
            if link.carrier == carrier {
                continue;
            }
            match interface::set_carrier(&self.netlink, index, carrier).await {
                Ok(()) => info!(interface = %name, carrier, "the TAP follows its port"),
                Err(error) => debug!(interface = %name, %error, "the TAP keeps its carrier"),
            }
        }
    }

    /// The TAPs that were lost since this was asked last. They are closed.
    pub(super) fn take_lost(&mut self) -> Vec<String> {
        let mut lost = Vec::new();
        while let Ok(name) = self.lost.try_recv() {
            if let Some(open) = self.open.remove(&name) {
                open.stop();
            }
            lost.push(name);
        }
        lost
    }

    /// Removes the TAPs that are not in the configuration.
    pub(super) async fn close_all_but(&mut self, config: &Config) {
        let gone: Vec<String> = self
            .open
            .keys()
            .filter(|name| config.interface(name).is_none())
            .cloned()
            .collect();
        for name in gone {
            if let Some(open) = self.open.remove(&name) {
                open.stop();
            }
            self.remove(&name).await;
        }
    }

    /// Removes the TAPs of a refused configuration that the running one does not have.
    pub(super) async fn remove_new(&mut self, refused: &Config, running: &Config) {
        for interface in &refused.interfaces {
            if running.interface(&interface.name).is_none() {
                if let Some(open) = self.open.remove(&interface.name) {
                    open.stop();
                }
                self.remove(&interface.name).await;
            }
        }
    }

    /// Removes all TAPs.
    pub(super) async fn remove_all(&mut self) {
        for (name, open) in std::mem::take(&mut self.open) {
            open.stop();
            self.remove(&name).await;
        }
    }

    async fn remove(&self, name: &str) {
        match interface::remove(&self.netlink, name).await {
            Ok(()) => info!(interface = %name, "interface removed"),
            Err(error) => error!(%error, "an interface stays"),
        }
    }

    /// Stops reading.
    pub(super) async fn stop(self) {
        for open in self.open.into_values() {
            if let Some(reader) = open.reader {
                reader.abort();
                // It was aborted: there is no result.
                let _ = reader.await;
            }
        }
    }
}

impl Open {
    fn stop(self) {
        if let Some(reader) = self.reader {
            reader.abort();
        }
    }
}
