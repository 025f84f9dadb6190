//! The engine's configuration, as a router's settings say it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{Ipv4Net, Ipv6Net};
use ldp::MultiTopologyId;
use ldp::engine::{
    AcceptTargeted, GracefulRestartConfig, HelloHoldTime, InterfaceConfig, KeepAliveTime,
    LdpConfig, LsrId, MaxPduLength, TargetedPeerConfig,
};
use ldp::label::{ControlMode, EgressLabel as Null, RetentionMode};
use ldp::packet::AdvertisementDiscipline;

use crate::network::{loopback_ipv6, router_id};
use crate::router::settings::{EgressLabel, Families, Settings};

/// The configuration of the engine of a router with this identifier, these interfaces at links, and in a network
/// with this second topology, if there is one. It was started so often before.
pub(super) fn configuration(
    lsr_id: LsrId,
    interfaces: &[(Arc<str>, usize)],
    multi_topology: Option<MultiTopologyId>,
    settings: &Settings,
    starts: u32,
) -> LdpConfig {
    let mut config = LdpConfig::new(lsr_id);
    let hold = HelloHoldTime::new(settings.hello_hold_time.into());
    let on_link = InterfaceConfig {
        hello_hold_time: hold.unwrap_or(InterfaceConfig::default().hello_hold_time),
        families: ldp::engine::Families {
            ipv4: settings.families.ipv4(),
            ipv6: settings.families.ipv6(),
        },
        ..InterfaceConfig::default()
    };
    config.interfaces = interfaces
        .iter()
        .filter(|(_, link)| !settings.disabled_links.contains(link))
        .map(|(name, _)| (Arc::clone(name), on_link.clone()))
        .collect::<BTreeMap<_, _>>();
    config.ipv6_transport = Some(loopback_ipv6(lsr_id.get()));
    if settings.families == Families::DualStackPreferringIpv4 {
        config.transport_preference = ldp::engine::Preference::Ipv4;
    }
    // Of the two families of dual-stack routers one or the other is that of targeted Hellos.
    let target = |router: &usize| {
        let address = router_id(*router);
        match settings.families {
            Families::Ipv4 => IpAddr::V4(address),
            Families::Ipv6 => IpAddr::V6(loopback_ipv6(address)),
            _ if router.is_multiple_of(2) => IpAddr::V4(address),
            _ => IpAddr::V6(loopback_ipv6(address)),
        }
    };
    config.targeted_peers = settings
        .targeted
        .iter()
        .map(|router| (target(router), TargetedPeerConfig::default()))
        .collect();
    config.accept_targeted = AcceptTargeted::From {
        prefixes: vec![Ipv4Net::default().into(), Ipv6Net::default().into()],
        answer: TargetedPeerConfig::default(),
    };
    if let Ok(time) = KeepAliveTime::new(settings.keepalive_time.into()) {
        config.session.keepalive_time = time;
    }
    if let Ok(length) = MaxPduLength::new(settings.max_pdu_length.into()) {
        config.session.max_pdu_length = length;
    }
    if settings.on_demand {
        config.session.advertisement = AdvertisementDiscipline::DownstreamOnDemand;
    }
    let labels = &mut config.labels;
    if settings.ordered {
        labels.control = ControlMode::Ordered;
    }
    if settings.conservative {
        labels.retention = RetentionMode::Conservative;
    }
    labels.egress_label_ipv4 = match settings.egress_label {
        EgressLabel::Implicit => Null::ImplicitNull,
        EgressLabel::Explicit => Null::ExplicitNull,
        EgressLabel::Real => Null::Real,
    };
    labels.egress_label_ipv6 = labels.egress_label_ipv4;
    labels.split_horizon = settings.split_horizon;
    labels.loop_detection.enabled = settings.loop_detection;
    labels.advertise.otherwise = !settings.advertise_nothing;
    labels.accept.otherwise = !settings.accept_nothing;
    config.graceful_restart = settings
        .graceful_restart
        .then(GracefulRestartConfig::default);
    config.capabilities.dynamic_announcement = settings.dynamic_capabilities;
    let topologies = multi_topology.filter(|_| settings.multi_topology);
    config.capabilities.topologies = topologies.into_iter().collect();
    config.boot_count = starts;
    config
}
