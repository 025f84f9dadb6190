//! What the switch tells controllers without being asked: packets, digests, idle entries.

use std::sync::Arc;
use std::time::{Duration, Instant};

use p4runtime_proto::p4::v1::{self, stream_message_response::Update as Outgoing};
use tokio::sync::mpsc;

use super::entity::encode_digest;
use super::packet_io::encode_packet_in;
use super::pieces::pieces;
use super::service::Shared;
use crate::control::{CpuPacket, Digest, PortEvent};

/// How often entries are looked at whose timeout may have passed, and how exact their times are.
const IDLE_INTERVAL: Duration = Duration::from_millis(10);

/// Carries packets from the switch to the primary controllers.
pub(super) async fn send_packets(shared: Arc<Shared>, mut packets: mpsc::Receiver<CpuPacket>) {
    while let Some(packet) = packets.recv().await {
        let schema = shared.schema();
        let header = schema
            .as_ref()
            .and_then(|schema| schema.packet_in.as_deref());
        match encode_packet_in(header, &packet.bytes) {
            Ok(packet) => shared.controllers().packet_in(&packet),
            Err(error) => tracing::warn!(%error, "PacketIn"),
        }
    }
}

/// Carries digests from the switch to the primary controllers.
pub(super) async fn send_digests(shared: Arc<Shared>, mut digests: mpsc::Receiver<Digest>) {
    loop {
        let deadline = shared.digests().poll_timeout();
        let timeout = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        let lists = tokio::select! {
            digest = digests.recv() => match digest {
                Some(digest) => take_digest(&shared, &digest).into_iter().collect(),
                None => return,
            },
            () = timeout => shared.digests().handle_timeout(Instant::now()),
            () = shared.digests_changed.notified() => Vec::new(),
        };
        let Some(schema) = shared.schema() else {
            continue;
        };
        for list in lists {
            shared.controllers().notify_primaries(|access| {
                access
                    .allows(&schema, Some(list.digest_id))
                    .then(|| Outgoing::Digest(list.clone()))
            });
        }
    }
}

fn take_digest(shared: &Shared, digest: &Digest) -> Option<v1::DigestList> {
    let schema = shared.schema()?;
    let known = schema.digest_named(&digest.name)?;
    match encode_digest(&schema, &known.type_spec, &digest.fields) {
        Ok(data) => shared.digests().push(Instant::now(), known.object.id, data),
        Err(error) => {
            tracing::warn!(%error, digest = digest.name, "digest");
            None
        }
    }
}

pub(super) async fn log_ports(mut ports: mpsc::UnboundedReceiver<PortEvent>) {
    while let Some(event) = ports.recv().await {
        tracing::info!(port = event.port, state = ?event.state, "port");
    }
}

/// Tells the primary controllers of entries that have been idle too long (section 16.4).
pub(super) async fn send_idle(shared: Arc<Shared>) {
    let mut there = shared.idle_timeouts.subscribe();
    let mut interval = tokio::time::interval(IDLE_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    // The sender is in `shared`.
    while there.wait_for(|there| *there).await.is_ok() {
        interval.tick().await;
        shared.clock.tick();
        let expired = shared.device.write().await.expired();
        let Some(schema) = shared.schema() else {
            continue;
        };
        for (table, entries) in expired {
            for table_entry in pieces(entries) {
                let notification = v1::IdleTimeoutNotification {
                    table_entry,
                    timestamp: super::digest_list::since_epoch(),
                };
                shared.controllers().notify_primaries(|access| {
                    access
                        .allows(&schema, Some(table))
                        .then(|| Outgoing::IdleTimeoutNotification(notification.clone()))
                });
            }
        }
    }
}
