//! What is checked can fail: routers that do wrong are found.

mod support;

use std::sync::Arc;
use std::time::Duration;

use forwarding::{FtnAction, IlmAction, Nhlfe, Path, PathGroup, TunnelModel};
use mpls::Label;
use simulator::clock::Time;
use simulator::faults::{Fault, FaultKind};
use simulator::invariants;
use simulator::network::Invariant;
use simulator::router::{Action, Boot, EgressLabel, Protocol, Settings};
use simulator::topology::Shape;
use simulator::{Options, RouterSettings, Scenario};

use support::{Hooked, Hooks};

/// A network of the default configuration, without faults.
fn plain(shape: Shape, routers: usize) -> Scenario {
    let options = Options {
        least_routers: routers,
        most_routers: routers,
        shape: Some(shape),
        prefixes: Some(1),
        faults: 0,
        seconds: 20,
        mixed: false,
        ..Options::default()
    };
    Scenario::generate(5, &options)
}

fn fault(at: u64, until: u64, kind: FaultKind) -> Fault {
    Fault {
        at: Time::seconds(at),
        until: Time::seconds(until),
        kind,
    }
}

fn hooked(boot: &Boot<'_>, hooks: Hooks) -> Box<dyn Protocol> {
    Box::new(Hooked::new(simulator::router::ldp(boot), hooks))
}

/// What breaks with such routers.
fn breaks(scenario: &Scenario, start: fn(&Boot<'_>) -> Box<dyn Protocol>) -> Option<Invariant> {
    let report = scenario.run_in(scenario.network_of(&[start]), &mut ());
    report.violation.map(|violation| violation.invariant)
}

/// Ends all its sessions every 97 seconds.
fn restless(boot: &Boot<'_>) -> Box<dyn Protocol> {
    let hooks = Hooks {
        clears_every: Some((Duration::from_secs(97), boot.now)),
        ..Hooks::default()
    };
    hooked(boot, hooks)
}

/// Between two ends of its sessions all is well, and one look at it finds nothing.
#[test]
fn sessions_that_come_and_go_without_a_fault_are_found() {
    let scenario = plain(Shape::Line, 4);
    assert_eq!(breaks(&scenario, restless), Some(Invariant::StaysSettled));
    assert_eq!(breaks(&scenario, simulator::router::ldp), None);
}

/// The first path of a group alone.
fn first(group: &PathGroup) -> Arc<PathGroup> {
    Arc::new(PathGroup::single(group.paths()[0].nhlfe.clone()))
}

fn first_path_of_ftn(action: FtnAction) -> FtnAction {
    match action {
        FtnAction::Forward(group) => FtnAction::Forward(first(&group)),
        other => other,
    }
}

fn first_path_of_ilm(mut action: IlmAction) -> IlmAction {
    if let IlmAction::Forward { paths, .. } = &mut action {
        *paths = first(paths);
    }
    action
}

/// Uses one of several next hops, with and without a label.
fn single_path(boot: &Boot<'_>) -> Box<dyn Protocol> {
    let hooks = Hooks {
        action: Some(|action| match action {
            Action::Ftn { fec, action } => Action::Ftn {
                fec,
                action: action.map(first_path_of_ftn),
            },
            Action::Ilm { label, fec, action } => Action::Ilm {
                label,
                fec,
                action: action.map(first_path_of_ilm),
            },
            other => other,
        }),
        ..Hooks::default()
    };
    hooked(boot, hooks)
}

/// All packets arrive by one of two equal ways, too.
#[test]
fn an_equal_cost_next_hop_that_is_not_used_is_found() {
    let scenario = plain(Shape::Ring, 4);
    assert_eq!(breaks(&scenario, single_path), Some(Invariant::AllNextHops));
    assert_eq!(breaks(&scenario, simulator::router::ldp), None);
}

/// Three restarts, one after the other: of a router in the middle, of one at the end, in good order.
fn restarts(graceful_restart: bool) -> Scenario {
    let mut scenario = plain(Shape::Grid, 6);
    let restart = |at, until, router, shut_down| {
        let kind = FaultKind::DaemonRestart { router, shut_down };
        fault(at, until, kind)
    };
    scenario.faults = vec![
        restart(50, 52, 1, false),
        restart(100, 160, 0, false),
        restart(400, 490, 4, true),
    ];
    scenario.until = Time::seconds(700);
    scenario.settings = (0..6)
        .map(|number| RouterSettings {
            number,
            settings: Settings {
                graceful_restart,
                ..Settings::default()
            },
        })
        .collect();
    scenario.probe_every = 5;
    scenario
}

/// RFC 3478: with graceful restart no packet is lost. Without it some are.
#[test]
fn a_graceful_restart_loses_no_packet_and_another_does() {
    let report = restarts(true).run(&mut ());
    assert_eq!(report.violation, None, "{report}");
    let mut network = restarts(false).network();
    network.run_until(Time::seconds(49));
    invariants::settled(&network).unwrap();
    network.expect_no_loss(true);
    network.run_until(Time::seconds(300));
    let violation = network.violations.first().unwrap();
    assert_eq!(violation.invariant, Invariant::RestartLosesNothing);
}

/// What was bound before graceful restart was configured is kept, too, once new sessions have negotiated it: the
/// labels of the egress stay as they are then, and nothing tells of them.
#[test]
fn graceful_restart_that_is_configured_later_keeps_all_bindings() {
    let mut scenario = restarts(false);
    for (router, of) in scenario.settings.iter_mut().enumerate() {
        of.settings.egress_label = EgressLabel::Real;
        let settings = Settings {
            graceful_restart: true,
            ..of.settings.clone()
        };
        let kind = FaultKind::Configure { router, settings };
        scenario.faults.push(fault(41, 699, kind));
        let clear = FaultKind::Clear { router };
        scenario.faults.push(fault(42, 43, clear));
    }
    scenario.faults.sort_by_key(|fault| fault.at);
    let mut network = scenario.network();
    network.run_until(Time::seconds(49));
    invariants::settled(&network).unwrap();
    network.expect_no_loss(true);
    network.run_until(Time::seconds(690));
    assert_eq!(network.violations, []);
}

/// The label after each one.
fn next_label(action: FtnAction) -> FtnAction {
    let FtnAction::Forward(group) = action else {
        return action;
    };
    let paths = group.paths().iter().map(|path| {
        let labels = path.nhlfe.labels().iter();
        let labels = labels.map(|label| Label::new(label.value() + 1).unwrap());
        let next_hop = path.nhlfe.next_hop().clone();
        let nhlfe = Nhlfe::new(next_hop, labels, TunnelModel::default()).unwrap();
        Path::new(nhlfe, path.weight)
    });
    FtnAction::Forward(Arc::new(PathGroup::new(paths).unwrap()))
}

/// Sends packets of a FEC with the label after the right one, which is another FEC's.
fn off_by_one(boot: &Boot<'_>) -> Box<dyn Protocol> {
    let hooks = Hooks {
        action: Some(|action| match action {
            Action::Ftn { fec, action } => Action::Ftn {
                fec,
                action: action.map(next_label),
            },
            other => other,
        }),
        ..Hooks::default()
    };
    hooked(boot, hooks)
}

/// Without any packet that shows it.
#[test]
fn an_entry_into_the_lsp_of_another_fec_is_found_without_packets() {
    let mut scenario = plain(Shape::Line, 5);
    scenario.probe_every = 0;
    assert_eq!(breaks(&scenario, off_by_one), Some(Invariant::RightEgress));
    assert_eq!(breaks(&scenario, simulator::router::ldp), None);
}

/// Says that it holds something, of FECs or of sessions.
fn holds_fecs(boot: &Boot<'_>) -> Box<dyn Protocol> {
    let hooks = Hooks {
        remains: vec!["1 FEC".to_owned()],
        ..Hooks::default()
    };
    hooked(boot, hooks)
}

fn holds_sessions(boot: &Boot<'_>) -> Box<dyn Protocol> {
    let hooks = Hooks {
        remains_of_sessions: vec!["1 neighbour".to_owned()],
        ..Hooks::default()
    };
    hooked(boot, hooks)
}

#[test]
fn what_is_left_is_found() {
    let scenario = plain(Shape::Line, 3);
    for start in [holds_fecs, holds_sessions] {
        let report = scenario.run_in(scenario.network_of(&[start]), &mut ());
        let violation = report.violation.unwrap();
        assert_eq!(violation.invariant, Invariant::NothingIsLeft);
    }
    // And the real tables are not empty while there are FECs and sessions.
    let mut network = scenario.network();
    network.run_until(Time::seconds(35));
    for router in &network.routers {
        assert!(!router.protocols[0].remains().is_empty());
        assert!(!router.protocols[0].remains_of_sessions().is_empty());
    }
}

/// Its Hellos propose another hold time, of as many octets.
fn other_octets(boot: &Boot<'_>) -> Box<dyn Protocol> {
    let hooks = Hooks {
        action: Some(|mut action| {
            if let Action::Datagram { datagram, .. } = &mut action
                && datagram.octets.len() > 23
            {
                datagram.octets[23] ^= 1;
            }
            action
        }),
        ..Hooks::default()
    };
    hooked(boot, hooks)
}

/// Two runs whose messages differ in what they say, and not in when they come or how long they are, are not one.
#[test]
fn what_messages_say_is_in_the_trace() {
    let mut scenario = plain(Shape::Line, 2);
    scenario.probe_every = 0;
    let trace = |start: fn(&Boot<'_>) -> Box<dyn Protocol>| {
        let mut network = scenario.network_of(&[start]);
        // The next Hellos are due later.
        network.run_until(Time::seconds(3));
        (network.events, network.trace)
    };
    let (same, other) = (trace(simulator::router::ldp), trace(other_octets));
    assert_eq!(same, trace(simulator::router::ldp));
    assert_eq!(same.0, other.0);
    assert_ne!(same.1, other.1);
}

/// A fault that acts only as it begins is measured from then, and not again when it is said to be over.
#[test]
fn what_a_reset_takes_is_measured_as_it_happens() {
    let mut scenario = plain(Shape::Line, 4);
    scenario.faults = vec![fault(50, 250, FaultKind::Reset { router: 1 })];
    scenario.until = Time::seconds(300);
    let report = scenario.run(&mut ());
    assert_eq!(report.violation, None, "{report}");
    let after: Vec<_> = report.convergences.iter().map(|of| of.after).collect();
    assert_eq!(after, ["start", "reset", "withdrawal", "shutdown"]);
    assert!(report.convergences[1].seconds < 60.0, "{report}");
}

/// A run that is broken ends when it breaks, and says what happened until then.
#[test]
fn the_report_of_a_broken_run_is_of_the_time_until_it_broke() {
    let mut scenario = plain(Shape::Line, 4);
    scenario.faults = vec![
        fault(45, 60, FaultKind::Clear { router: 1 }),
        fault(50, 9_000, FaultKind::Withdraw { router: 0 }),
        fault(8_000, 9_000, FaultKind::Reset { router: 0 }),
    ];
    scenario.until = Time::seconds(9_000);
    let mut network = scenario.network();
    network.run_until(Time::seconds(44));
    network.expect_no_loss(true);
    network.run_until(Time::seconds(9_000));
    assert!(network.now() < Time::seconds(8_000), "{}", network.now());
    let report = scenario.run_in(network, &mut ());
    assert!(report.violation.is_some());
    assert!(report.seconds < 8_000.0, "{report}");
    assert!(report.counters.messages > 0, "{report}");
    assert!(!report.faults.contains_key("reset"), "{report}");
    assert!(report.faults.contains_key("clear"), "{report}");
}

/// A network that does not come to rest after a fault is found before the next one.
#[test]
fn what_a_fault_leaves_behind_is_found_between_faults() {
    let mut scenario = plain(Shape::Line, 3);
    scenario.faults = vec![
        fault(50, 60, FaultKind::Withdraw { router: 0 }),
        fault(20_000, 20_001, FaultKind::Withdraw { router: 0 }),
    ];
    scenario.until = Time::seconds(20_002);
    scenario.probe_every = 0;
    let report = scenario.run_in(scenario.network_of(&[forgetful]), &mut ());
    assert!(report.violation.is_some(), "{report}");
    assert!((60.0..2_000.0).contains(&report.seconds), "{report}");
}

/// Binds each FEC once, and never again.
fn forgetful(boot: &Boot<'_>) -> Box<dyn Protocol> {
    let hooks = Hooks {
        binds_once: true,
        ..Hooks::default()
    };
    hooked(boot, hooks)
}
