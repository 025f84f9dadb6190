//! LDP, as it stands.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use ::ldp::LdpIdentifier;
use ::ldp::engine::{
    AdjacencyView, ErrorCounts, Event, IgpSyncState, InterfaceFamilyView, InterfaceView, Ldp,
    MessageCounts, NeighbourView, ParametersView, RestartView, Role, SessionState, Severity,
    Statistics, Subject, TargetedOrigin,
};
use ::ldp::label::{BindingView, LocalLabel, UpstreamState};
use northbound::v1;
use tonic::Status;

use crate::ldp::driver::Status as Sockets;

fn lsr(ldp: &Ldp, sockets: &Sockets, now: Instant) -> Option<v1::Ldp> {
    let lsr = ldp.lsr(now);
    let mut problems = sockets.problems.clone();
    if let Some(other) = &lsr.duplicate_lsr_id {
        problems.push(format!(
            "{} on {} has this router's LSR Id {} too: give one of them another router-id",
            other.source, other.interface, other.lsr_id
        ));
    }
    Some(v1::Ldp {
        running: true,
        identifier: lsr.identifier.to_string(),
        ipv4_transport: word(lsr.ipv4_transport),
        ipv6_transport: word(lsr.ipv6_transport),
        problems,
        adjacencies: lsr.adjacencies as u64,
        operational_sessions: lsr.operational_sessions as u64,
        restarting_for: lsr.restarting_for,
        labels: sockets.labels as u64,
    })
}

/// `show ldp discovery`.
pub(in super::super) fn ldp_discovery(
    ldp: &mut Ldp,
    sockets: &Sockets,
    now: Instant,
) -> v1::ShowLdpDiscoveryResponse {
    let discards = ldp.lsr(now).hellos_discarded;
    let discards = [
        ("not to be read", discards.malformed),
        (
            "no LDP on the interface, or not of this family",
            discards.not_enabled,
        ),
        (
            "to another address than that of all routers",
            discards.wrong_destination,
        ),
        ("hop limit not 255", discards.hop_limit),
        ("source not of the right scope", discards.wrong_source),
        ("no possible transport address", discards.wrong_transport),
        ("another transport preference", discards.preference_mismatch),
        ("authentication missing or wrong", discards.authentication),
        ("replayed", discards.replayed),
        ("with this router's LSR Id", discards.own_lsr_id),
        (
            "with another LDP Identifier than the session of their source",
            discards.source_has_session,
        ),
        ("targeted, and not accepted", discards.targeted_not_accepted),
        ("more adjacencies than the limit", discards.too_many),
    ];
    let discards = discards.into_iter().filter(|(_, hellos)| *hellos > 0);
    v1::ShowLdpDiscoveryResponse {
        ldp: lsr(ldp, sockets, now),
        adjacencies: ldp.adjacencies(now).iter().map(adjacency).collect(),
        targeted_peers: ldp
            .targeted_peers(now)
            .into_iter()
            .map(|peer| v1::LdpTargetedPeer {
                address: peer.address.to_string(),
                origin: match peer.origin {
                    TargetedOrigin::Configured => "configured",
                    TargetedOrigin::Application => "application",
                    TargetedOrigin::Answered => "answered",
                }
                .into(),
                requesters: peer
                    .requesters
                    .iter()
                    .map(|name| name.to_string())
                    .collect(),
                neighbour: word(peer.neighbour),
                reason: peer.reason.unwrap_or_default(),
                source: word(peer.source),
                hello_hold_time: peer.hello_hold_time.into(),
                hello_interval: peer.hello_interval,
                applications: peer.applications.into_iter().map(u32::from).collect(),
                hellos_sent: peer.hellos_sent,
                hellos_received: peer.hellos_received,
            })
            .collect(),
        discards: discards
            .map(|(reason, hellos)| v1::LdpDiscard {
                reason: reason.into(),
                hellos,
            })
            .collect(),
    }
}

fn adjacency(view: &AdjacencyView) -> v1::LdpAdjacency {
    v1::LdpAdjacency {
        neighbour: view.neighbour.to_string(),
        interface: word(view.interface.as_deref()),
        family: view.family.to_string(),
        source: view.source.to_string(),
        transport: view.transport.to_string(),
        hold_time: view.hold_time.unwrap_or(0),
        proposed_hold_time: view.proposed_hold_time.into(),
        peer_hold_time: view.peer_hold_time.into(),
        expires_in: view.expires_in,
        up_for: view.up_for,
        hellos_received: view.hellos_received,
        gtsm: view.gtsm,
        dual_stack: word(view.dual_stack),
        configuration_sequence: view.configuration_sequence,
        authenticated: view.authenticated,
    }
}

/// `show ldp neighbors`.
pub(in super::super) fn ldp_neighbours(
    ldp: &mut Ldp,
    sockets: &Sockets,
    now: Instant,
) -> v1::ShowLdpNeighboursResponse {
    let neighbours = ldp.neighbours(now);
    v1::ShowLdpNeighboursResponse {
        ldp: lsr(ldp, sockets, now),
        neighbours: neighbours
            .iter()
            .map(|view| {
                let labels = ldp.labels().peer(view.identifier);
                let mut shown = neighbour(view);
                if let Some(labels) = labels {
                    shown.labels_received = labels.received as u64;
                    shown.labels_sent = labels.sent as u64;
                }
                shown
            })
            .collect(),
        discarded: ldp
            .discarded_sources(now)
            .into_iter()
            .map(|of| v1::LdpDiscardedSource {
                source: of.source.to_string(),
                interface: of.interface.to_string(),
                targeted: of.targeted,
                neighbour: word(of.neighbour),
                reason: of.reason,
                hellos: of.hellos,
                age: of.age,
            })
            .collect(),
    }
}

fn neighbour(view: &NeighbourView) -> v1::LdpNeighbour {
    let restart = match view.graceful_restart {
        None => None,
        Some(RestartView::Reconnecting { remaining }) => Some(("reconnecting", remaining)),
        Some(RestartView::Recovering { remaining }) => Some(("recovering", remaining)),
    };
    v1::LdpNeighbour {
        identifier: view.identifier.to_string(),
        state: session_state(view.state).into(),
        reason: view.reason.clone().unwrap_or_default(),
        role: match view.role {
            None => "",
            Some(Role::Active) => "active",
            Some(Role::Passive) => "passive",
        }
        .into(),
        local: word(view.local),
        remote: word(view.remote),
        up_for: view.up_for,
        parameters: view.parameters.as_ref().map(parameters),
        next_attempt_in: view.next_attempt_in,
        naks: view.naks,
        sessions_lost: view.sessions_lost,
        last_down: view.last_down.clone().unwrap_or_default(),
        gtsm: view.gtsm,
        authentication: view.authentication.unwrap_or_default().into(),
        graceful_restart: restart.map(|(state, _)| state.into()).unwrap_or_default(),
        graceful_restart_remaining: restart.map(|(_, remaining)| remaining),
        queued: view.queued as u64,
        adjacencies: view.adjacencies.iter().map(adjacency).collect(),
        addresses: view.addresses.iter().map(ToString::to_string).collect(),
        labels_received: 0,
        labels_sent: 0,
    }
}

fn session_state(state: SessionState) -> &'static str {
    match state {
        SessionState::NonExistent => "non-existent",
        SessionState::Initialized => "initialized",
        SessionState::OpenRec => "openrec",
        SessionState::OpenSent => "opensent",
        SessionState::Operational => "operational",
    }
}

fn parameters(view: &ParametersView) -> v1::LdpParameters {
    v1::LdpParameters {
        keepalive_time: view.keepalive_time.into(),
        proposed_keepalive_time: view.proposed_keepalive_time.into(),
        peer_keepalive_time: view.peer_keepalive_time.into(),
        expires_in: view.expires_in,
        next_keepalive_in: view.next_keepalive_in,
        max_pdu_length: view.max_pdu_length.into(),
        advertisement: view.advertisement.into(),
        loop_detection: view.loop_detection,
        peer_loop_detection: view.peer_loop_detection,
        peer_reconnect_timeout: view.peer_reconnect_timeout,
        peer_recovery_time: view.peer_recovery_time,
        end_of_lib_received: words(&view.end_of_lib_received),
        end_of_lib_sent: words(&view.end_of_lib_sent),
    }
}

/// `show ldp capabilities`.
pub(in super::super) fn ldp_capabilities(
    ldp: &mut Ldp,
    sockets: &Sockets,
    now: Instant,
) -> v1::ShowLdpCapabilitiesResponse {
    let neighbours = ldp.neighbours(now).into_iter().map(|view| {
        let (local, peer) = view
            .parameters
            .map(|of| (of.local_capabilities, of.peer_capabilities))
            .unwrap_or_default();
        v1::LdpCapabilities {
            neighbour: view.identifier.to_string(),
            state: session_state(view.state).into(),
            local,
            peer,
        }
    });
    v1::ShowLdpCapabilitiesResponse {
        ldp: lsr(ldp, sockets, now),
        neighbours: neighbours.collect(),
    }
}

/// `show ldp interfaces`.
pub(in super::super) fn ldp_interfaces(
    ldp: &mut Ldp,
    sockets: &Sockets,
    now: Instant,
) -> v1::ShowLdpInterfacesResponse {
    let interfaces = ldp.interfaces(now);
    let families = interfaces
        .iter()
        .flat_map(|of| of.families.iter().map(move |family| interface(of, family)));
    v1::ShowLdpInterfacesResponse {
        ldp: lsr(ldp, sockets, now),
        interfaces: families.collect(),
    }
}

fn interface(of: &InterfaceView, view: &InterfaceFamilyView) -> v1::LdpInterface {
    v1::LdpInterface {
        name: of.name.to_string(),
        family: view.family.to_string(),
        active: view.active,
        reason: view.reason.clone().unwrap_or_default(),
        source: word(view.source),
        transport: word(view.transport),
        hello_hold_time: view.hello_hold_time.into(),
        hello_interval: view.hello_interval,
        next_hello_in: view.next_hello_in,
        adjacencies: view.adjacencies as u64,
        hellos_sent: view.hellos_sent,
        hellos_received: view.hellos_received,
        hellos_discarded: view.hellos_discarded,
        igp_sync: match of.igp_sync {
            IgpSyncState::Disabled => "disabled",
            IgpSyncState::NotAchieved => "not-achieved",
            IgpSyncState::WaitingForLabels => "waiting-for-labels",
            IgpSyncState::Achieved => "achieved",
        }
        .into(),
    }
}

/// `show ldp bindings`.
pub(in super::super) fn ldp_bindings(
    ldp: &mut Ldp,
    sockets: &Sockets,
    now: Instant,
) -> v1::ShowLdpBindingsResponse {
    let mut bindings: Vec<BindingView> = ldp.labels().bindings().collect();
    bindings.sort_by_key(|binding| binding.fec);
    v1::ShowLdpBindingsResponse {
        ldp: lsr(ldp, sockets, now),
        bindings: bindings.into_iter().map(binding).collect(),
    }
}

fn binding(view: BindingView) -> v1::LdpBinding {
    let (local_label, local_state) = match view.local {
        LocalLabel::Bound(label) => (Some(label.value()), ""),
        LocalLabel::None => (None, "none"),
        LocalLabel::Requested => (None, "requested"),
        LocalLabel::NoResources => (None, "no-resources"),
    };
    let mut remote = view.remote;
    remote.sort_by_key(|label| label.peer);
    let mut upstream = view.upstream;
    upstream.sort_by_key(|label| label.peer);
    v1::LdpBinding {
        fec: view.fec.to_string(),
        routed: view.routed,
        egress: view.egress,
        local_label,
        local_state: local_state.into(),
        remote: remote
            .into_iter()
            .map(|label| v1::LdpRemoteLabel {
                neighbour: label.peer.to_string(),
                label: label.label.value(),
                used: label.used,
                stale: label.stale,
                hop_count: label.hop_count.map(u32::from),
                mtu: label.mtu.map(u32::from),
                entropy_label_capable: label.entropy_label_capable,
            })
            .collect(),
        upstream: upstream
            .into_iter()
            .map(|label| v1::LdpUpstreamLabel {
                neighbour: label.peer.to_string(),
                label: label.label.value(),
                state: match label.state {
                    UpstreamState::Advertised => "advertised",
                    UpstreamState::Withdrawing => "withdrawing",
                    UpstreamState::Released => "released",
                }
                .into(),
            })
            .collect(),
        requests_received: words(&view.requests_received),
        requests_sent: words(&view.requests_sent),
    }
}

/// `show ldp statistics`: of all, then of each neighbour.
pub(in super::super) fn ldp_statistics(
    ldp: &mut Ldp,
    sockets: &Sockets,
    now: Instant,
) -> v1::ShowLdpStatisticsResponse {
    let all = ldp.lsr(now);
    let mut statistics = vec![counted(String::new(), &all.statistics)];
    let neighbours = ldp.neighbours(now);
    let neighbours = neighbours.iter();
    statistics.extend(neighbours.map(|of| counted(of.identifier.to_string(), &of.statistics)));
    v1::ShowLdpStatisticsResponse {
        ldp: lsr(ldp, sockets, now),
        statistics,
    }
}

/// Messages of one direction with the RFC's names.
pub(crate) fn ldp_messages(counts: &MessageCounts) -> [(&'static str, u64); 13] {
    [
        ("Notification", counts.notification),
        ("Hello", counts.hello),
        ("Initialization", counts.initialization),
        ("KeepAlive", counts.keepalive),
        ("Capability", counts.capability),
        ("Address", counts.address),
        ("Address Withdraw", counts.address_withdraw),
        ("Label Mapping", counts.label_mapping),
        ("Label Request", counts.label_request),
        ("Label Withdraw", counts.label_withdraw),
        ("Label Release", counts.label_release),
        ("Label Abort Request", counts.label_abort_request),
        ("unknown", counts.unknown),
    ]
}

/// What was wrong with what came, with the RFC's names.
pub(crate) fn ldp_errors(counts: &ErrorCounts) -> [(&'static str, u64); 10] {
    [
        ("Bad LDP Identifier", counts.bad_ldp_identifier),
        ("Bad Protocol Version", counts.bad_protocol_version),
        ("Bad PDU Length", counts.bad_pdu_length),
        ("Bad Message Length", counts.bad_message_length),
        ("Bad TLV Length", counts.bad_tlv_length),
        ("Malformed TLV Value", counts.malformed_tlv_value),
        ("Unknown Message Type", counts.unknown_message_type),
        ("Unknown TLV", counts.unknown_tlv),
        (
            "Missing Message Parameters",
            counts.missing_message_parameters,
        ),
        ("other", counts.other),
    ]
}

fn counted(neighbour: String, statistics: &Statistics) -> v1::LdpStatistics {
    let (sent, received) = (&statistics.sent, &statistics.received);
    let both = ldp_messages(sent).into_iter().zip(ldp_messages(received));
    let errors = ldp_errors(&statistics.errors).into_iter();
    v1::LdpStatistics {
        neighbour,
        pdus_sent: sent.pdus,
        pdus_received: received.pdus,
        octets_sent: sent.octets,
        octets_received: received.octets,
        messages: both
            .map(|((kind, sent), (_, received))| v1::LdpMessageCount {
                r#type: kind.into(),
                sent,
                received,
            })
            .collect(),
        errors: errors
            .filter(|(_, count)| *count > 0)
            .map(|(error, count)| v1::LdpErrorCount {
                error: error.into(),
                count,
            })
            .collect(),
    }
}

/// `show ldp events`: of one neighbour, or of all.
pub(in super::super) fn ldp_events(
    neighbour: Option<LdpIdentifier>,
    ldp: &mut Ldp,
    sockets: &Sockets,
    now: Instant,
) -> v1::ShowLdpEventsResponse {
    let mut events: Vec<Event> = match neighbour {
        Some(one) => ldp.events(one),
        None => {
            let all = ldp.neighbours(now);
            all.iter()
                .flat_map(|of| ldp.events(of.identifier))
                .collect()
        }
    };
    events.sort_by_key(|event| event.at);
    v1::ShowLdpEventsResponse {
        ldp: lsr(ldp, sockets, now),
        events: events
            .into_iter()
            .map(|event| v1::LdpEvent {
                age: now.saturating_duration_since(event.at).as_secs_f64(),
                subject: match &event.subject {
                    Subject::Neighbour(identifier) => identifier.to_string(),
                    other => other.to_string(),
                },
                severity: match event.severity {
                    Severity::Debug => "debug",
                    Severity::Info => "info",
                    Severity::Warning => "warning",
                }
                .into(),
                kind: kind(&event),
                text: event.text,
            })
            .collect(),
    }
}

/// The kind of an event, as its JSON form has it.
fn kind(event: &Event) -> String {
    match serde_json::to_value(event.kind) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Ends the session with a neighbour, or with all. Gives how many end.
/// The address of a targeted peer.
pub(in super::super) fn targeted_address(text: &str) -> Result<IpAddr, Status> {
    let unicast = |address: &IpAddr| match address {
        IpAddr::V4(of) => !of.is_unspecified() && !of.is_multicast() && !of.is_broadcast(),
        // RFC 7552, 5.2: not a link-local one.
        IpAddr::V6(of) => !of.is_unspecified() && !of.is_multicast() && !of.is_unicast_link_local(),
    };
    text.parse().ok().filter(unicast).ok_or_else(|| {
        Status::invalid_argument(format!(
            "`{text}` cannot be the address of a targeted peer: give its transport address, such as 10.255.0.9"
        ))
    })
}

/// TA-Ids (RFC 8223, section 2.1).
pub(in super::super) fn targeted_applications(ids: &[u32]) -> Result<Vec<u16>, Status> {
    let id = |id: &u32| u16::try_from(*id).ok().filter(|id| *id > 0);
    let read = |given| {
        id(given).ok_or_else(|| {
            Status::invalid_argument(format!("{given} is no TA-Id: 1 to 65535 (RFC 8223, 2.1)"))
        })
    };
    ids.iter().map(read).collect()
}

pub(in super::super) fn clear_ldp(
    neighbour: Option<LdpIdentifier>,
    ldp: &mut Ldp,
    now: Instant,
) -> Result<u32, Status> {
    let known = ldp.neighbours(now);
    let meant: Vec<&NeighbourView> = known
        .iter()
        .filter(|of| neighbour.is_none_or(|one| one == of.identifier))
        .collect();
    if let (Some(one), []) = (neighbour, &meant[..]) {
        let known: Vec<String> = known.iter().map(|of| of.identifier.to_string()).collect();
        let known = match known.is_empty() {
            true => "none".to_owned(),
            false => known.join(", "),
        };
        return Err(Status::not_found(format!(
            "no neighbour {one}; known: {known}"
        )));
    }
    let sessions = meant
        .iter()
        .filter(|of| of.state != SessionState::NonExistent)
        .count();
    ldp.clear_neighbour(neighbour, now);
    // Neighbours are limited far below.
    Ok(sessions as u32)
}

/// The neighbour that an operator names: an LSR Id or an LDP Identifier; nothing is all.
pub(in super::super) fn ldp_neighbour(text: &str) -> Result<Option<LdpIdentifier>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let (lsr_id, space) = text.split_once(':').unwrap_or((text, "0"));
    match (lsr_id.parse::<Ipv4Addr>(), space.parse()) {
        (Ok(lsr_id), Ok(label_space)) => Ok(Some(LdpIdentifier {
            lsr_id,
            label_space,
        })),
        _ => Err(Status::invalid_argument(format!(
            "`{text}` is no LDP Identifier: write one such as 10.255.0.2 or 10.255.0.2:0"
        ))),
    }
}

fn word(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn words(values: &[impl ToString]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}
