//! Some fixed seeds, and that a seed is one run. Fresh seeds are for `simulator --seconds N`.

use simulator::clock::Time;
use simulator::faults::{Class, Fault, FaultKind};
use simulator::router::{Families, Settings};

use simulator::topology::{Shape, Topology};
use simulator::{Options, RouterSettings, Scenario};

fn options() -> Options {
    Options {
        least_routers: 4,
        most_routers: 12,
        faults: 8,
        seconds: 240,
        ..Options::default()
    }
}

fn check(scenario: &Scenario) {
    let report = scenario.run(&mut ());
    assert!(
        report.violation.is_none(),
        "{report}\nrun it again: simulator --scenario FILE with\n{}",
        scenario.text()
    );
    // It was a run at all.
    assert!(report.counters.sessions > 0, "{report}");
    assert!(report.packets.delivered > 0, "{report}");
}

#[test]
fn some_seeds_break_no_invariant() {
    for seed in 1..=10 {
        check(&Scenario::generate(seed, &options()));
    }
}

/// Daemons that are started anew, and nothing else. Of these seeds 6 lost packets because a label went back that a
/// restarting peer used, and 29 got packets into a wrong LSP because a label without an entry was dealt out again.
#[test]
fn restarts_alone_break_no_invariant() {
    for seed in [6, 29] {
        let options = Options {
            least_routers: 8,
            most_routers: 8,
            classes: vec![Class::DaemonRestart],
            ..Options::default()
        };
        check(&Scenario::generate(seed, &options));
    }
}

#[test]
fn every_shape_comes_up_and_goes_down_without_faults() {
    for shape in Shape::ALL {
        let options = Options {
            shape: Some(shape),
            faults: 0,
            seconds: 10,
            ..options()
        };
        check(&Scenario::generate(7, &options));
    }
}

#[test]
fn one_seed_is_one_run_bit_for_bit() {
    let scenario = Scenario::generate(3, &options());
    let (first, second) = (scenario.run(&mut ()), scenario.run(&mut ()));
    assert_eq!(first.trace, second.trace);
    assert_eq!(first.events, second.events);
    assert_eq!(first.packets, second.packets);
    assert_eq!(first.counters, second.counters);
    assert_eq!(first.convergences, second.convergences);
    let other = Scenario::generate(4, &options()).run(&mut ());
    assert_ne!(first.trace, other.trace);
}

/// A network without faults, of families and with a targeted session between routers that no link connects.
fn quiet(families: Families) -> Scenario {
    let options = Options {
        least_routers: 5,
        most_routers: 5,
        shape: Some(Shape::Line),
        prefixes: Some(1),
        faults: 0,
        seconds: 20,
        mixed: false,
        ..Options::default()
    };
    let mut scenario = Scenario::generate(5, &options);
    scenario.families = families;
    let mut settings = Settings::of_network(families);
    settings.targeted = [2].into();
    scenario.settings = vec![RouterSettings {
        number: 0,
        settings,
    }];
    scenario
}

/// RFC 7552: over IPv6, and as dual-stack routers with one session for each pair of neighbours and LSPs of both
/// families.
#[test]
fn networks_of_all_families_come_up_and_go_down() {
    for (families, fecs) in [
        (Families::Ipv4, 10),
        (Families::Ipv6, 10),
        (Families::DualStack, 20),
        (Families::DualStackPreferringIpv4, 20),
    ] {
        let scenario = quiet(families);
        check(&scenario);
        let report = scenario.run(&mut ());
        assert_eq!(report.fecs, fecs);
        // Four links and a targeted session, of which both ends count.
        assert_eq!(report.counters.sessions, 10, "{report}");
    }
}

/// RFC 5036 appendix A.1.13: while a router has no labels LSPs by it are missing; when it has some again they come
/// about.
#[test]
fn labels_run_out_and_come_back() {
    let mut scenario = quiet(Families::Ipv4);
    let fault = |at, until, kind| Fault {
        at: Time::seconds(at),
        until: Time::seconds(until),
        kind,
    };
    // A prefix that comes back needs a label, and the one that it had is in use no more.
    scenario.faults = vec![
        fault(
            45,
            400,
            FaultKind::LabelExhaustion {
                router: 1,
                labels: 0,
            },
        ),
        fault(50, 100, FaultKind::Withdraw { router: 3 }),
    ];
    scenario.until = Time::seconds(60);
    let mut network = scenario.network();
    network.run_until(Time::seconds(300));
    assert!(network.routers[1].is_starved());
    assert!(simulator::invariants::settled(&network).is_err());
    network.run_until(Time::seconds(410));
    assert!(!network.routers[1].is_starved());
    simulator::invariants::settled(&network).unwrap();
    check(&scenario);
}

/// Equal metrics are equal however great they are: the sums that routers compute do not overflow.
#[test]
fn a_ring_of_the_greatest_metrics_comes_up() {
    let options = Options {
        least_routers: 8,
        most_routers: 8,
        shape: Some(Shape::Ring),
        faults: 0,
        seconds: 5,
        mixed: false,
        ..options()
    };
    let mut scenario = Scenario::generate(2, &options);
    for link in &mut scenario.topology.links {
        link.metric = Topology::MOST_METRIC;
    }
    check(&scenario);
}

/// What is checked can break: a switch that lost an entry, a label that leads elsewhere.
#[test]
fn a_network_that_has_not_come_up_is_not_taken_for_one_that_has() {
    let scenario = Scenario::generate(1, &options());
    let mut network = scenario.network();
    assert!(simulator::invariants::settled(&network).is_err());
    network.run_until(simulator::clock::Time::seconds(35));
    simulator::invariants::settled(&network).unwrap();
    network.routers[0].switch.clear();
    assert!(simulator::invariants::settled(&network).is_err());
    assert!(simulator::invariants::nothing_left(&network).is_err());
    assert!(simulator::invariants::no_session(&network).is_err());
}
