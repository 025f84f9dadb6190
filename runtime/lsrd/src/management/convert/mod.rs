//! From the daemon's state to the messages of the management interface.

mod interfaces;
mod ldp;
mod lfib;
mod protection;
mod punt;
mod services;
mod target;
mod topologies;

use forwarding::{AttachmentCircuit, Payload, Protocol, QosMapId, State, TunnelModel};
use northbound::v1::{self, EntryStatus, Owner, entry_status};
use p4runtime_client::CounterValue;

use crate::config::Config;

pub(super) use interfaces::interfaces;
pub(super) use ldp::{
    clear_ldp, ldp_bindings, ldp_capabilities, ldp_discovery, ldp_events, ldp_interfaces,
    ldp_neighbour, ldp_neighbours, ldp_statistics, targeted_address, targeted_applications,
};
pub(crate) use ldp::{ldp_errors, ldp_messages};
pub(super) use lfib::{ftn, ilm, static_lsps};
pub(super) use protection::protection;
pub(super) use punt::punt;
pub(super) use services::{point_to_multipoint, pseudowires, qos_maps, tunnels};
pub(super) use target::target;
pub(super) use topologies::topologies;

/// The name of a QoS map; empty for the one that every switch has.
fn qos_map(config: &Config, id: QosMapId) -> String {
    let position = usize::from(id.0).checked_sub(1);
    let map = position.and_then(|position| config.qos_maps.get(position));
    map.map(|(name, _)| name.clone()).unwrap_or_default()
}

/// The name of a protection domain.
fn protection_name(config: &Config, id: forwarding::ProtectionId) -> String {
    let domain = config.protections.iter().find(|domain| domain.id == id);
    domain.map(|domain| domain.name.clone()).unwrap_or_default()
}

/// The name of an attachment circuit.
fn circuit_name(config: &Config, circuit: AttachmentCircuit) -> String {
    let named = config
        .circuits
        .iter()
        .find(|named| named.circuit == circuit);
    named.map_or_else(|| circuit.to_string(), |named| named.name.clone())
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
        Protocol::Ldp => Owner::Ldp,
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

fn ttl_model(model: TunnelModel) -> v1::TtlModel {
    match model {
        TunnelModel::Uniform => v1::TtlModel::Uniform,
        TunnelModel::Pipe => v1::TtlModel::Pipe,
        TunnelModel::ShortPipe => v1::TtlModel::ShortPipe,
    }
}

fn counter(value: &CounterValue) -> v1::Counter {
    v1::Counter {
        packets: value.packets,
        bytes: value.octets,
    }
}
