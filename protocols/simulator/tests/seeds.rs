//! Seeds that nobody has seen before, for a fixed number of them; and that a seed is one run.

use simulator::topology::Shape;
use simulator::{Options, Scenario};

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

/// The first seed of fresh ones is that of `SIMULATOR_SEED`, or made of the time; it is printed.
#[test]
fn fresh_seeds_break_no_invariant() {
    let given = std::env::var("SIMULATOR_SEED").ok();
    let first: u64 = given.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
        since.map_or(1, |since| since.as_millis() as u64)
    });
    for seed in first..first + 10 {
        eprintln!("seed {seed} (SIMULATOR_SEED={seed} runs it again)");
        check(&Scenario::generate(seed, &options()));
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
