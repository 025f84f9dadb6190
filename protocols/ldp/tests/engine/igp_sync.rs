//! LDP-IGP synchronization (RFC 5443, RFC 6138).

use ldp::engine::{Families, IgpSyncDelay, IgpSyncState, LdpConfig, Output};
use ldp::packet::{AddressFamily, Body, Capabilities, Notification, TypedWildcard};

use crate::support::network::Network;
use crate::support::script::Script;
use crate::support::{config, seconds};

fn synchronized(mut config: LdpConfig, delay: u64) -> LdpConfig {
    for interface in config.interfaces.values_mut() {
        interface.igp_sync_delay = Some(IgpSyncDelay::new(delay).expect("in range"));
    }
    config
}

fn state(script: &Script) -> IgpSyncState {
    script.ldp.interfaces(script.clock.now)[0].igp_sync
}

fn told(script: &mut Script) -> Vec<bool> {
    script
        .other
        .drain(..)
        .filter_map(|output| match output {
            Output::IgpSync { achieved, .. } => Some(achieved),
            _ => None,
        })
        .collect()
}

fn script(delay: u64) -> Script {
    Script::new(synchronized(
        config("1.1.1.1", &[("eth0", Families::IPV4)]),
        delay,
    ))
}

/// RFC 5443 section 2: the link has its normal metric when LDP is fully operational: the session is up and
/// the labels have been exchanged, as the peer says by End-of-LIB (RFC 5919 section 5.1).
#[test]
fn it_is_achieved_with_the_peers_end_of_lib() {
    let mut script = script(100);
    assert_eq!(state(&script), IgpSyncState::NotAchieved);
    assert_eq!(told(&mut script), [false]);
    let mut initialization = script.initialization();
    initialization.capabilities = Capabilities {
        unrecognized_notification: true,
        ..Capabilities::default()
    };
    let id = script.operational_with(initialization);
    assert_eq!(state(&script), IgpSyncState::WaitingForLabels);
    assert_eq!(told(&mut script), Vec::<bool>::new());
    script.send(
        id,
        Body::Notification(Box::new(Notification::end_of_lib(TypedWildcard::Prefix {
            family: AddressFamily::Ipv4,
            topology: ldp::MultiTopologyId::DEFAULT,
        }))),
    );
    assert_eq!(state(&script), IgpSyncState::Achieved);
    assert_eq!(told(&mut script), [true]);
    // The session goes down: not any more.
    let now = script.now();
    script.ldp.handle_closed(id, "reset".to_owned(), now);
    script.drain();
    assert_eq!(state(&script), IgpSyncState::NotAchieved);
    assert_eq!(told(&mut script), [false]);
}

/// RFC 5443 section 2: a timer bounds the time that labels are waited for. faults-seen 10e: a peer announces
/// End-of-LIB and never sends it.
#[test]
fn a_peer_that_sends_no_end_of_lib_is_waited_for_no_longer_than_the_delay() {
    let mut script = script(10);
    let mut initialization = script.initialization();
    initialization.capabilities.unrecognized_notification = true;
    script.operational_with(initialization);
    told(&mut script);
    script.pass(std::time::Duration::from_millis(9900));
    assert_eq!(state(&script), IgpSyncState::WaitingForLabels);
    script.pass(std::time::Duration::from_millis(200));
    assert_eq!(state(&script), IgpSyncState::Achieved);
    assert_eq!(told(&mut script), [true]);
}

/// A delay of zero: the session counts.
#[test]
fn without_a_delay_the_session_counts() {
    let mut script = script(0);
    script.operational();
    assert_eq!(state(&script), IgpSyncState::Achieved);
}

/// Without the configuration nothing is told.
#[test]
fn without_the_configuration_nothing_is_told() {
    let mut script = Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]));
    script.operational();
    assert_eq!(state(&script), IgpSyncState::Disabled);
    assert_eq!(told(&mut script), Vec::<bool>::new());
}

/// RFC 6138: on a link with several neighbours each of them counts.
#[test]
fn on_a_broadcast_link_all_neighbours_have_to_be_ready() {
    let mut network = Network::default();
    let interface = [("eth0", Families::IPV4)];
    let a = network.router(synchronized(config("1.1.1.1", &interface), 5), &[]);
    let b = network.router(config("2.2.2.2", &interface), &[]);
    let c = network.router(config("3.3.3.3", &interface), &[]);
    network.link(&[
        (a, "eth0", &["10.0.0.1/24"]),
        (b, "eth0", &["10.0.0.2/24"]),
        (c, "eth0", &["10.0.0.3/24"]),
    ]);
    network.run(seconds(12));
    assert_eq!(network.nodes[a].igp_sync.get("eth0"), Some(&true));
    network.silent.insert(c);
    network.run(seconds(200));
    assert!(network.operational(a, b) && !network.operational(a, c));
    assert_eq!(network.nodes[a].igp_sync.get("eth0"), Some(&false));
}
