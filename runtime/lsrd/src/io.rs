//! The tasks that carry packets between the TAPs and the switch.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use dataplane::{Handle, HandleError, PacketOut, PuntReason, Punted};
use tokio::sync::{Notify, mpsc};
use tracing::{debug, warn};

use crate::kernel::tap::{FrameBuffer, Tap};
use crate::packet::counters::PacketCounters;
use crate::packet::frame::Frame;
use crate::packet::origin::{Origin, originate};
use crate::packet::punt::{Decision, PuntHandler};
use crate::packet::queue::PuntQueues;
use crate::packet::view::{PortVlan, RouterView};

/// The TAP of an interface, and its counts.
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
    /// The TAPs by port of the switch and VLAN.
    pub taps: ArcSwap<BTreeMap<PortVlan, Arc<TapPort>>>,
    /// Counts since lsrd started.
    pub counters: Arc<PacketCounters>,
    /// What the switch punted and waits to be handled.
    waiting: Mutex<PuntQueues<PuntReason, Punted>>,
    /// Told when something waits.
    arrived: Notify,
    switch: Handle,
}

impl PacketIo {
    /// Without any TAP yet.
    pub fn new(switch: Handle) -> Self {
        let classes = PuntReason::ALL.map(|reason| (reason, reason.priority()));
        Self {
            view: ArcSwap::default(),
            taps: ArcSwap::default(),
            counters: Arc::default(),
            waiting: Mutex::new(PuntQueues::new(classes)),
            arrived: Notify::new(),
            switch,
        }
    }

    /// Carries what the switch punts, until its driver ends.
    pub async fn carry_punted(self: Arc<Self>, packets: mpsc::Receiver<Punted>) {
        tokio::select! {
            () = self.sort_punted(packets) => {}
            () = self.handle_punted() => {}
        }
    }

    /// Puts what the switch punts into the queue of its class.
    async fn sort_punted(&self, mut packets: mpsc::Receiver<Punted>) {
        while let Some(punted) = packets.recv().await {
            let reason = punted.reason;
            self.counters.count_punt(reason, punted.frame.len());
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.push(reason, punted).is_err() {
                self.counters.count_dropped(reason);
            }
            drop(waiting);
            self.arrived.notify_one();
        }
    }

    /// Handles what waits, by its priority.
    async fn handle_punted(&self) {
        let mut handler = PuntHandler::new(Arc::clone(&self.counters), Instant::now());
        loop {
            let next = self
                .waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            let Some(punted) = next else {
                self.arrived.notified().await;
                continue;
            };
            let decision = handler.handle(&self.view.load(), &punted, Instant::now());
            match decision {
                Decision::ToKernel(place, frame) => self.to_kernel(place, &frame).await,
                Decision::AsReceived(port, frames) => {
                    for frame in frames {
                        let frame = Bytes::from(frame);
                        self.send(PacketOut::AsReceivedOn { port, frame }).await;
                    }
                }
                Decision::Discard => {}
            }
            // A flood must not keep the packets that arrive meanwhile from being sorted.
            tokio::task::yield_now().await;
        }
    }

    async fn to_kernel(&self, place: PortVlan, frame: &[u8]) {
        let Some(tap) = self.taps.load().get(&place).cloned() else {
            return;
        };
        match tap.tap.send(frame).await {
            Ok(()) => PacketCounters::count(&tap.to_kernel),
            // A TAP that is down takes nothing; whoever took it down knows why.
            Err(error) => debug!(interface = tap.tap.name(), %error, "the TAP takes no frame"),
        }
    }

    /// Carries what the kernel sends on one TAP. Returns when the TAP is gone, with the reason.
    pub async fn carry_originated(
        self: Arc<Self>,
        place: PortVlan,
        tap: Arc<TapPort>,
    ) -> io::Error {
        let mut buffer = FrameBuffer::new();
        loop {
            let frame = match tap.tap.receive(&mut buffer).await {
                Ok(length) => buffer.frame(length),
                Err(error) => return error,
            };
            PacketCounters::count(&tap.from_kernel);
            let packet = match originate(&self.view.load(), place, frame) {
                Origin::AsIs => PacketOut::ToPort {
                    port: place.port,
                    frame: with_tag(frame, place.vlan),
                },
                Origin::Labelled { port, frame } => PacketOut::ToPort {
                    port,
                    frame: frame.into(),
                },
                Origin::BySwitch { port, frame } => PacketOut::AsReceivedOn {
                    port,
                    frame: frame.into(),
                },
                Origin::TooBig(place, frame) => {
                    PacketCounters::count(&self.counters.icmp_sent);
                    self.to_kernel(place, &frame).await;
                    continue;
                }
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
    pub fn tap_counts(&self, place: PortVlan) -> (u64, u64) {
        match self.taps.load().get(&place) {
            Some(tap) => (
                tap.to_kernel.load(Ordering::Relaxed),
                tap.from_kernel.load(Ordering::Relaxed),
            ),
            None => (0, 0),
        }
    }
}

/// The frame with the tag of an interface.
fn with_tag(octets: &[u8], vlan: u16) -> Bytes {
    match Frame::parse(octets) {
        Ok(frame) if vlan != 0 => frame.tagged(vlan).into(),
        _ => Bytes::copy_from_slice(octets),
    }
}
