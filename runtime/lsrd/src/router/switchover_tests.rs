use dataplane::Switchover;

use super::super::tests::{config, kernel};
use super::*;
use crate::config::ProtectionConfig;

fn domain(name: &str, id: u16, kind: ProtectionKind) -> ProtectionConfig {
    ProtectionConfig {
        name: name.into(),
        id: ProtectionId::new(id).unwrap(),
        kind,
    }
}

fn protected() -> Config {
    Config {
        protections: vec![
            domain("east", 1, ProtectionKind::OneToOne),
            domain("west", 2, ProtectionKind::OnePlusOne),
        ],
        links: [(1, "eth0".to_owned())].into(),
        ..config()
    }
}

#[test]
fn rfc_6378_a_switch_moves_the_head_of_one_to_one_and_the_tail_of_one_plus_one() {
    let config = protected();
    let mut switchovers = Switchovers::default();
    let (east, west) = (config.protections[0].id, config.protections[1].id);
    switchovers
        .select(&config, "west", PathRole::Protecting)
        .unwrap();
    let expected = Switchover {
        ports: [(1, true), (2, true)].into(),
        protection: [(east, PathRole::Working)].into(),
        tail_selection: [(west, PathRole::Protecting)].into(),
    };
    assert_eq!(switchovers.for_switch(&config), expected);
    let error = switchovers
        .select(&config, "north", PathRole::Working)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "no [[protection]] has the name `north`; configured: east, west"
    );
    switchovers.forget_all_but(&super::super::tests::config());
    assert_eq!(switchovers.selected("west"), PathRole::Working);
}

#[test]
fn a_port_is_down_without_a_carrier_or_by_the_operator() {
    let config = protected();
    let mut switchovers = Switchovers::default();
    let up = |switchovers: &Switchovers, port| switchovers.ports(&config)[&port].up;
    let mut kernel = kernel();
    switchovers.follow_links(&config, &kernel, &SwitchPorts::Unknown);
    assert!(up(&switchovers, 1) && up(&switchovers, 2));
    let link = kernel.index("eth0").unwrap();
    kernel.links.get_mut(&link).unwrap().carrier = false;
    switchovers.follow_links(&config, &kernel, &SwitchPorts::Unknown);
    assert!(!up(&switchovers, 1) && up(&switchovers, 2));
    // A link that is gone carries nothing either.
    kernel.links.remove(&link);
    switchovers.follow_links(&config, &kernel, &SwitchPorts::Unknown);
    assert!(!up(&switchovers, 1));

    switchovers.hold_port(&config, 2, true).unwrap();
    assert!(!up(&switchovers, 2));
    switchovers.hold_port(&config, 2, false).unwrap();
    assert!(up(&switchovers, 2));
    let error = switchovers.hold_port(&config, 9, true);
    assert_eq!(error, Err(SwitchoverError::NoPort(9)));
}

#[test]
fn what_the_operator_said_is_resumed_as_far_as_it_is_configured() {
    let config = protected();
    let mut switchovers = Switchovers::default();
    switchovers
        .select(&config, "east", PathRole::Protecting)
        .unwrap();
    switchovers.hold_port(&config, 2, true).unwrap();
    let text = serde_json::to_string(&switchovers).unwrap();
    let mut resumed = Switchovers::default();
    resumed.resume(&config, serde_json::from_str(&text).unwrap());
    assert_eq!(resumed.for_switch(&config), switchovers.for_switch(&config));
    let text = text.replace("east", "north");
    resumed.resume(&config, serde_json::from_str(&text).unwrap());
    assert_eq!(resumed.selected("north"), PathRole::Working);
}

#[test]
fn the_switch_tells_of_its_ports_where_it_can_and_may() {
    let mut config = protected();
    let kernel = kernel();
    let told = SwitchPorts::Known([(1, false)].into());
    let state = |config: &Config, told: &SwitchPorts| {
        let mut switchovers = Switchovers::default();
        switchovers.follow_links(config, &kernel, told);
        let state = switchovers.ports(config)[&1];
        (state.up, state.source)
    };
    let (gnmi, netlink) = (Some(CarrierSource::Gnmi), Some(CarrierSource::Netlink));
    for unknown in [SwitchPorts::Unknown, SwitchPorts::Unserved] {
        assert_eq!(state(&config, &unknown), (true, netlink));
    }
    assert_eq!(state(&config, &told), (false, gnmi));
    config.switch.port_state = PortStateSource::Netlink;
    assert_eq!(state(&config, &told), (true, netlink));
    config.switch.port_state = PortStateSource::Gnmi;
    assert_eq!(state(&config, &told), (false, gnmi));
    assert_eq!(state(&config, &SwitchPorts::Unknown), (true, None));
}
