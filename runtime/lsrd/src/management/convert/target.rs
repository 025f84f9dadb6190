//! The switch.

use std::sync::atomic::Ordering;

use dataplane::{ConnectionState, Counters, PuntReason};
use forwarding::State;
use northbound::v1::{self, target::Role};
use p4runtime_client::CounterValue;

use super::super::Shown;
use super::counter;

/// The switch.
pub(in super::super) fn target(shown: &Shown<'_>, counters: &Option<Counters>) -> v1::Target {
    let status = &shown.status;
    let config = shown.router.config();
    let (role, primary) = match &status.connection {
        ConnectionState::Connecting | ConnectionState::Retrying { .. } => (Role::NotConnected, 0),
        ConnectionState::Backup { primary } => (Role::Backup, *primary),
        ConnectionState::Synchronising | ConnectionState::Ready => {
            (Role::Primary, config.switch.election_id.into())
        }
    };
    let last_error = match &status.connection {
        ConnectionState::Synchronising | ConnectionState::Ready => String::new(),
        state => state.to_string(),
    };
    let forwarding = shown.router.forwarding();
    let states = forwarding
        .ilm_views(&status.programmed)
        .map(|view| view.state);
    let pending = states
        .chain(
            forwarding
                .ftn_views(&status.programmed)
                .map(|view| view.state),
        )
        .filter(|state| *state == State::Pending)
        .count();
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let packets = &shown.io.counters;
    v1::Target {
        address: status.address.to_string(),
        device_id: status.device_id,
        role: role.into(),
        election_id: config.switch.election_id,
        // Election ids have 128 bits; lsrd's have 64.
        primary_election_id: u64::try_from(primary).unwrap_or(u64::MAX),
        p4runtime_version: status.api_version.clone().unwrap_or_default(),
        program: shown.program.name.clone(),
        architecture: shown.program.architecture.clone(),
        pipeline_cookie: shown.program.cookie,
        pipeline_loaded: status.connection == ConnectionState::Ready,
        profile: status.profile.clone(),
        tables: status
            .usage
            .iter()
            .map(|(table, usage)| v1::TableUse {
                table: (*table).to_owned(),
                entries: usage.entries.into(),
                size: usage.size.into(),
            })
            .collect(),
        last_error,
        entries_pending: pending as u64,
        entries_refused: status.programmed.refused.len() as u64,
        in_sync: status.in_sync,
        packet_ins: PuntReason::ALL
            .into_iter()
            .map(|reason| v1::PuntCount {
                reason: reason.name().to_owned(),
                packets: packets.punts(reason).packets,
                offered: counters
                    .as_ref()
                    .and_then(|all| all.punts.get(&reason))
                    .map(counter),
            })
            .collect(),
        packet_outs: count(&packets.packet_outs),
        packet_outs_failed: count(&packets.packet_outs_failed) + count(&packets.no_next_hop),
        packet_ins_malformed: count(&packets.malformed),
        packet_ins_overrun: status.packets_in_dropped,
        icmp_errors_sent: count(&packets.icmp_sent),
        icmp_errors_suppressed: count(&packets.icmp_suppressed),
        fragmented: count(&packets.fragmented),
        too_big: count(&packets.too_big),
        drops: counters
            .iter()
            .flat_map(|all| &all.drops)
            .map(drop_count)
            .collect(),
        connections: status.connections,
        updates_written: status.updates_written + status.switchover_updates_written,
        restart_hold: status.restart_hold,
        problems: status
            .problems
            .iter()
            .chain(&status.switchover_problems)
            .cloned()
            .collect(),
    }
}

fn drop_count((reason, value): (&dataplane::DropReason, &CounterValue)) -> v1::DropCount {
    v1::DropCount {
        reason: reason.name().to_owned(),
        counter: Some(counter(value)),
    }
}
