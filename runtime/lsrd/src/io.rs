//! The tasks that carry packets between the TAPs and the switch.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use dataplane::{Handle, HandleError, PacketOut, Punted};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use crate::kernel::tap::{FrameBuffer, Tap};
use crate::packet::origin::{Origin, originate};
use crate::packet::punt::{Decision, PacketCounters, PuntHandler};
use crate::packet::view::RouterView;

/// The TAP of a port, and its counts.
#[derive(Debug)]
pub struct TapPort {
    /// The TAP.
    pub tap: Tap,
    /// Packets from the switch into the TAP.
    pub to_kernel: AtomicU64,
    /// Packets from the TAP.
    pub from_kernel: AtomicU64,
}

impl TapPort {
    /// A TAP that carried nothing yet.
    pub fn new(tap: Tap) -> Self {
        Self {
            tap,
            to_kernel: AtomicU64::new(0),
            from_kernel: AtomicU64::new(0),
        }
    }
}

/// What the packet tasks share with the daemon.
#[derive(Debug)]
pub struct PacketIo {
    /// The router as it stands.
    pub view: ArcSwap<RouterView>,
    /// The TAPs by port of the switch.
    pub taps: ArcSwap<BTreeMap<u16, Arc<TapPort>>>,
    /// Counts since lsrd started.
    pub counters: Arc<PacketCounters>,
    switch: Handle,
}

impl PacketIo {
    /// Without any TAP yet.
    pub fn new(switch: Handle) -> Self {
        Self {
            view: ArcSwap::default(),
            taps: ArcSwap::default(),
            counters: Arc::default(),
            switch,
        }
    }

    /// Carries what the switch punts, until its driver ends.
    pub async fn carry_punted(self: Arc<Self>, mut packets: mpsc::Receiver<Punted>) {
        let mut handler = PuntHandler::new(Arc::clone(&self.counters), Instant::now());
        while let Some(punted) = packets.recv().await {
            self.counters.count_punt(punted.reason);
            let decision = handler.handle(&self.view.load(), &punted, Instant::now());
            match decision {
                Decision::ToKernel(frame) => self.to_kernel(punted.port, &frame).await,
                Decision::AsReceived(frame) => {
                    let frame = Bytes::from(frame);
                    self.send(PacketOut::AsReceivedOn {
                        port: punted.port,
                        frame,
                    })
                    .await;
                }
                Decision::Discard => {}
            }
        }
    }

    async fn to_kernel(&self, port: u16, frame: &[u8]) {
        let Some(tap) = self.taps.load().get(&port).cloned() else {
            return;
        };
        match tap.tap.send(frame).await {
            Ok(()) => PacketCounters::count(&tap.to_kernel),
            // A TAP that is down takes nothing; whoever took it down knows why.
            Err(error) => debug!(interface = tap.tap.name(), %error, "the TAP takes no frame"),
        }
    }

    /// Carries what the kernel sends on one TAP. Returns when the TAP is gone, with the reason.
    pub async fn carry_originated(self: Arc<Self>, port: u16, tap: Arc<TapPort>) -> io::Error {
        let mut buffer = FrameBuffer::new();
        loop {
            let frame = match tap.tap.receive(&mut buffer).await {
                Ok(length) => buffer.frame(length),
                Err(error) => return error,
            };
            PacketCounters::count(&tap.from_kernel);
            let packet = match originate(&self.view.load(), port, frame) {
                Origin::AsIs => PacketOut::ToPort {
                    port,
                    frame: Bytes::copy_from_slice(frame),
                },
                Origin::Labelled { port, frame } => PacketOut::ToPort {
                    port,
                    frame: frame.into(),
                },
                Origin::NoNextHop => {
                    PacketCounters::count(&self.counters.no_next_hop);
                    continue;
                }
            };
            self.send(packet).await;
        }
    }

    async fn send(&self, packet: PacketOut) {
        match self.switch.send(&packet).await {
            Ok(()) => PacketCounters::count(&self.counters.packet_outs),
            Err(error) => {
                PacketCounters::count(&self.counters.packet_outs_failed);
                match error {
                    // The driver has said so already.
                    HandleError::NotConnected { .. } => debug!(%error, "packet not sent"),
                    error => warn!(%error, "packet not sent"),
                }
            }
        }
    }

    /// Counts of one TAP: packets into the kernel and from it.
    pub fn tap_counts(&self, port: u16) -> (u64, u64) {
        match self.taps.load().get(&port) {
            Some(tap) => (
                tap.to_kernel.load(Ordering::Relaxed),
                tap.from_kernel.load(Ordering::Relaxed),
            ),
            None => (0, 0),
        }
    }
}
