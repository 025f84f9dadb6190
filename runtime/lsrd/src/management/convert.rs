//! From the daemon's state to the messages of the management interface.

use std::sync::atomic::Ordering;

use dataplane::{ConnectionState, Counters, PuntReason};
use forwarding::{
    Fec, FtnAction, IlmAction, MacAddress, Nhlfe, PathGroup, Payload, Protocol, State, TtlModel,
    UnresolvedNextHop,
};
use northbound::v1::{
    self, EntryStatus, Owner, entry_status, ftn_entry, ilm_entry, nhlfe::Resolution, static_lsp,
    target::Role,
};
use p4runtime_client::CounterValue;

use super::Shown;
use crate::config::{Config, IlmOperation, NextHop};

/// The ILM. `lfib`: only what forwards, without entries that another owner's stand before.
pub(super) fn ilm(shown: &Shown<'_>, counters: &Option<Counters>, lfib: bool) -> Vec<v1::IlmEntry> {
    let views = shown
        .router
        .forwarding()
        .ilm_views(&shown.status.programmed);
    let views = views.filter(|view| !lfib || is_chosen(&view.state));
    let entries = views.map(|view| {
        let chosen = is_chosen(&view.state);
        let counter = counters
            .as_ref()
            .filter(|_| chosen)
            .and_then(|all| all.ilm.get(view.key));
        let (operation, payload, vrf, ttl_model) = match view.action {
            IlmAction::Forward {
                paths,
                payload,
                ttl_model,
            } => {
                let operation = match paths.pops_labels() {
                    true => ilm_entry::Operation::PopAndForward,
                    false => ilm_entry::Operation::Swap,
                };
                (operation, *payload, 0, *ttl_model)
            }
            IlmAction::PopAndLookUpIp {
                vrf,
                payload,
                ttl_model,
            } => (
                ilm_entry::Operation::PopAndLookUpIp,
                Some(*payload),
                vrf.0,
                *ttl_model,
            ),
            IlmAction::PopAndLookUpLabel { ttl_model } => {
                (ilm_entry::Operation::PopAndLookUpLabel, None, 0, *ttl_model)
            }
            IlmAction::ExplicitNull { payload, ttl_model } => (
                ilm_entry::Operation::ExplicitNull,
                Some(*payload),
                0,
                *ttl_model,
            ),
            IlmAction::Punt => (ilm_entry::Operation::Punt, None, 0, TtlModel::default()),
        };
        v1::IlmEntry {
            name: view.owner.name.to_string(),
            label_space: view.key.label_space.0.into(),
            label: view.key.label.value(),
            operation: operation.into(),
            payload: self::payload(payload).into(),
            vrf: vrf.into(),
            ttl_model: self::ttl_model(ttl_model).into(),
            nhlfes: nhlfes(
                shown,
                view.action.path_group().map(AsRef::as_ref),
                &view.unresolved,
                counters,
            ),
            status: Some(status(&view.state)),
            counter: counter.map(self::counter),
            owner: match view.owner.protocol {
                Protocol::Local => Owner::SpecialPurposeLabel,
                protocol => owner(protocol),
            }
            .into(),
        }
    });
    entries.collect()
}

/// The FTN. `lfib`: only what pushes labels, without entries that another owner's stand before.
pub(super) fn ftn(shown: &Shown<'_>, counters: &Option<Counters>, lfib: bool) -> Vec<v1::FtnEntry> {
    let views = shown
        .router
        .forwarding()
        .ftn_views(&shown.status.programmed);
    let views = views.filter(|view| {
        let pushes = view
            .action
            .path_group()
            .is_some_and(|group| group.pushes_labels());
        !lfib || (pushes && is_chosen(&view.state))
    });
    let entries = views.map(|view| {
        let chosen = is_chosen(&view.state);
        let counter = counters
            .as_ref()
            .filter(|_| chosen)
            .and_then(|all| all.ftn.get(view.key));
        let group = view.action.path_group();
        let (vrf, fec) = match view.key {
            Fec::Prefix { vrf, prefix } => (vrf.0, prefix.to_string()),
            other => (0, other.to_string()),
        };
        let ttl_model = group.and_then(|group| Some(group.paths().first()?.nhlfe.ttl_model()));
        v1::FtnEntry {
            name: view.owner.name.to_string(),
            vrf: vrf.into(),
            fec,
            operation: match view.action {
                FtnAction::Forward(_) => ftn_entry::Operation::Forward,
                FtnAction::ToRouter => ftn_entry::Operation::ToRouter,
                FtnAction::Glean => ftn_entry::Operation::Glean,
                FtnAction::Discard => ftn_entry::Operation::Discard,
            }
            .into(),
            ttl_model: self::ttl_model(ttl_model.unwrap_or_default()).into(),
            nhlfes: nhlfes(shown, group.map(AsRef::as_ref), &view.unresolved, counters),
            status: Some(status(&view.state)),
            counter: counter.map(self::counter),
            owner: owner(view.owner.protocol).into(),
        }
    });
    entries.collect()
}

/// The interfaces.
pub(super) fn interfaces(shown: &Shown<'_>, counters: &Option<Counters>) -> Vec<v1::Interface> {
    let kernel = shown.router.kernel();
    let interfaces = shown.router.config().interfaces.iter().map(|interface| {
        let index = kernel.index(&interface.name);
        let link = index.and_then(|index| kernel.links.get(&index));
        let addresses = kernel.addresses.iter().filter(|(of, _)| Some(*of) == index);
        let neighbours = kernel
            .neighbours
            .iter()
            .filter(|((of, _), _)| Some(*of) == index);
        let neighbours = neighbours.filter_map(|((_, address), neighbour)| {
            Some(v1::Neighbour {
                address: address.to_string(),
                mac: MacAddress(neighbour.resolved()?).to_string(),
                state: neighbour.state_name().to_owned(),
            })
        });
        let received = counters
            .as_ref()
            .and_then(|all| all.ports.get(&interface.port));
        let (punted_to_kernel, sent_by_kernel) = shown.io.tap_counts(interface.port);
        v1::Interface {
            name: interface.name.clone(),
            port: interface.port.into(),
            mac: MacAddress(interface.mac).to_string(),
            mtu: link.map_or(interface.mtu, |link| link.mtu),
            mpls: interface.mpls,
            vrf: interface.vrf.into(),
            label_space: interface.label_space.into(),
            index: index.unwrap_or(0),
            up: link.is_some_and(|link| link.up),
            addresses: addresses.map(|(_, address)| address.to_string()).collect(),
            neighbours: neighbours.collect(),
            received: received.map(counter),
            punted_to_kernel,
            sent_by_kernel,
        }
    });
    interfaces.collect()
}

/// The switch.
pub(super) fn target(shown: &Shown<'_>, counters: &Option<Counters>) -> v1::Target {
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
                packets: packets.punts(reason),
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
        drops: counters
            .iter()
            .flat_map(|all| &all.drops)
            .map(drop_count)
            .collect(),
        connections: status.connections,
        updates_written: status.updates_written,
        restart_hold: status.restart_hold,
        problems: status.problems.clone(),
    }
}

fn drop_count((reason, value): (&dataplane::DropReason, &CounterValue)) -> v1::DropCount {
    v1::DropCount {
        reason: reason.name().to_owned(),
        counter: Some(counter(value)),
    }
}

/// The static LSPs as configured.
pub(super) fn static_lsps(config: &Config) -> Vec<v1::StaticLsp> {
    let ftn = config.ftn.iter().map(|ftn| v1::StaticLsp {
        name: ftn.name.clone(),
        kind: static_lsp::Kind::Ftn.into(),
        fec: ftn.fec.to_string(),
        vrf: ftn.vrf.into(),
        ttl_model: ttl_model(ftn.ttl_model).into(),
        next_hops: ftn.next_hops.iter().map(configured_hop).collect(),
        ..v1::StaticLsp::default()
    });
    let ilm = config.ilm.iter().map(|ilm| {
        let (operation, payload, vrf) = match ilm.operation {
            IlmOperation::PopAndLookUpIp { vrf, payload } => {
                (ilm_entry::Operation::PopAndLookUpIp, Some(payload), vrf)
            }
            IlmOperation::PopAndLookUpLabel => (ilm_entry::Operation::PopAndLookUpLabel, None, 0),
            IlmOperation::Punt => (ilm_entry::Operation::Punt, None, 0),
        };
        v1::StaticLsp {
            name: ilm.name.clone(),
            kind: static_lsp::Kind::Ilm.into(),
            label: ilm.label.value(),
            label_space: ilm.label_space.into(),
            vrf: vrf.into(),
            ttl_model: ttl_model(ilm.ttl_model).into(),
            payload: self::payload(payload).into(),
            operation: operation.into(),
            ..v1::StaticLsp::default()
        }
    });
    let cross_connects = config.cross_connects.iter().map(|connect| {
        let pops = connect.next_hops.iter().any(|hop| hop.labels.is_empty());
        let operation = match pops {
            true => ilm_entry::Operation::PopAndForward,
            false => ilm_entry::Operation::Swap,
        };
        v1::StaticLsp {
            name: connect.name.clone(),
            kind: static_lsp::Kind::CrossConnect.into(),
            label: connect.label.value(),
            label_space: connect.label_space.into(),
            ttl_model: ttl_model(connect.ttl_model).into(),
            payload: payload(connect.payload).into(),
            operation: operation.into(),
            next_hops: connect.next_hops.iter().map(configured_hop).collect(),
            ..v1::StaticLsp::default()
        }
    });
    ftn.chain(ilm).chain(cross_connects).collect()
}

fn configured_hop(hop: &NextHop) -> v1::Nhlfe {
    v1::Nhlfe {
        interface: hop.interface.clone(),
        next_hop: hop.address.to_string(),
        labels: hop.labels.iter().map(|label| label.value()).collect(),
        weight: hop.weight.into(),
        // As configured: whether it is resolved is told by the LFIB.
        resolution: Resolution::NeighbourResolved.into(),
        ..v1::Nhlfe::default()
    }
}

fn nhlfes(
    shown: &Shown<'_>,
    group: Option<&PathGroup>,
    unresolved: &[UnresolvedNextHop],
    counters: &Option<Counters>,
) -> Vec<v1::Nhlfe> {
    let lfib = shown.router.forwarding().lfib();
    let paths = group.map_or(&[][..], PathGroup::paths);
    let nhlfes = paths.iter().map(|path| {
        let nhlfe: &Nhlfe = &path.nhlfe;
        let problem = unresolved
            .iter()
            .find(|problem| problem.next_hop == *nhlfe.next_hop());
        let resolution = match problem.map(|problem| problem.problem) {
            None => Resolution::NeighbourResolved,
            Some(forwarding::NextHopProblem::NeighbourUnresolved) => {
                Resolution::NeighbourUnresolved
            }
            Some(
                forwarding::NextHopProblem::NoInterface | forwarding::NextHopProblem::InterfaceDown,
            ) => Resolution::InterfaceDown,
        };
        let mac = lfib.resolved.get(nhlfe.next_hop());
        v1::Nhlfe {
            interface: nhlfe.next_hop().interface.to_string(),
            next_hop: nhlfe.next_hop().address.to_string(),
            labels: nhlfe.labels().iter().map(|label| label.value()).collect(),
            weight: path.weight.into(),
            resolution: resolution.into(),
            mac: mac.map(ToString::to_string).unwrap_or_default(),
            counter: counters
                .as_ref()
                .and_then(|all| all.nhlfe.get(nhlfe))
                .map(counter),
        }
    });
    nhlfes.collect()
}

fn is_chosen(state: &State) -> bool {
    !matches!(state, State::NotPreferred { .. } | State::Conflict { .. })
}

fn status(state: &State) -> EntryStatus {
    use entry_status::State as Shown;
    let (word, error) = match state {
        State::Installed => (Shown::Installed, String::new()),
        State::Pending => (Shown::Pending, String::new()),
        State::NextHopUnresolved(_) => (Shown::Unresolved, state.to_string()),
        State::NotPreferred { by } => (Shown::NotPreferred, format!("{by} is preferred")),
        State::Conflict { with } => (Shown::Conflict, format!("{with} was there first")),
        State::Refused(reason) => (Shown::Refused, reason.clone()),
    };
    EntryStatus {
        state: word.into(),
        error,
    }
}

fn owner(protocol: Protocol) -> Owner {
    match protocol {
        Protocol::Static => Owner::StaticLsp,
        Protocol::Local => Owner::LocalAddress,
        Protocol::Connected => Owner::ConnectedPrefix,
        Protocol::Neighbour => Owner::Neighbour,
        Protocol::Kernel => Owner::KernelRoute,
        _ => Owner::Nobody,
    }
}

fn payload(payload: Option<Payload>) -> v1::Payload {
    match payload {
        None => v1::Payload::NotKnown,
        Some(Payload::Ipv4) => v1::Payload::Ipv4,
        Some(Payload::Ipv6) => v1::Payload::Ipv6,
    }
}

fn ttl_model(model: TtlModel) -> v1::TtlModel {
    match model {
        TtlModel::Uniform => v1::TtlModel::Uniform,
        TtlModel::Pipe => v1::TtlModel::Pipe,
        TtlModel::ShortPipe => v1::TtlModel::ShortPipe,
    }
}

fn counter(value: &CounterValue) -> v1::Counter {
    v1::Counter {
        packets: value.packets,
        bytes: value.octets,
    }
}
