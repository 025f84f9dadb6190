//! Small networks of which each router has the real P4 program in p4-switch's engine.
#![cfg(feature = "pipeline")]

#[path = "../src/compile.rs"]
mod compile;

use std::sync::Arc;

use p4_switch::control::{EntryAction, TableEntry};
use simulator::clock::Time;
use simulator::network::Invariant;
use simulator::pipeline::RealSwitch;
use simulator::topology::Shape;
use simulator::{Options, Scenario, invariants};

fn options() -> Options {
    Options {
        least_routers: 4,
        most_routers: 8,
        faults: 6,
        seconds: 120,
        probe_every: 100,
        ..Options::default()
    }
}

/// What the LFIB says and what mpls.p4 does is the same for each packet, while things go wrong too.
#[test]
fn the_real_pipeline_forwards_as_the_lfib_says() {
    let program = compile::program().unwrap();
    let mut delivered = 0;
    for seed in 1..=4 {
        let options = Options {
            multi_topology: seed % 2 == 0,
            ..options()
        };
        let scenario = Scenario::generate(seed, &options);
        let mut network = scenario.network();
        program.install(&mut network).unwrap();
        let report = scenario.run_in(network, &mut ());
        assert!(report.violation.is_none(), "seed {seed}: {report}");
        delivered += report.packets.labelled;
        // The pipeline picks the ways, so it may be another run than without; the network is the same.
        assert_eq!(report.routers, scenario.topology.routers);
    }
    assert!(delivered > 100, "{delivered} labelled packets");
}

/// What is checked can break: a switch that lost an entry, and one of which an entry does something else.
#[test]
fn a_pipeline_that_holds_something_else_is_noticed() {
    let program = Arc::new(compile::program().unwrap());
    let options = Options {
        shape: Some(Shape::Line),
        faults: 0,
        mixed: false,
        ..options()
    };
    let mut network = Scenario::generate(1, &options).network();
    let real = RealSwitch::new(Arc::clone(&program), None).unwrap();
    let switch = real.switch().clone();
    network.routers[1].pipeline = Some(Box::new(real));
    network.run_until(Time::seconds(35));
    invariants::settled(&network).unwrap();

    let (table, mut entry) = switch
        .read(|state| {
            let tables = state.tables();
            let table = tables.iter().find(|table| table.name.ends_with(".nhlfe"));
            let table = table.expect("mpls.p4 has the table nhlfe");
            let entries = state.entries(&table.name)?;
            let pushes = |of: &TableEntry| matches!(&of.action, EntryAction::Action(call) if call.name.ends_with("push_1"));
            let entry = entries.into_iter().find(pushes);
            Ok((table.name.clone(), entry.expect("an LSP leads through router 1")))
        })
        .unwrap();
    let right = entry.clone();
    let EntryAction::Action(call) = &mut entry.action else {
        panic!("the table has no action profile");
    };
    // A bit of some argument, be it the label or the MAC address of the next hop.
    for argument in &mut call.arguments {
        if let Some(octet) = argument.last_mut() {
            *octet ^= 1;
        }
    }
    switch
        .write(|state| state.modify_entry(&table, &entry))
        .unwrap();
    let (invariant, text) = invariants::settled(&network).unwrap_err();
    assert_eq!(invariant, Invariant::SwitchHoldsLfib, "{text}");
    assert!(invariants::lsps(&network).is_err());
    switch
        .write(|state| state.modify_entry(&table, &right))
        .unwrap();
    invariants::settled(&network).unwrap();
    switch
        .write(|state| state.delete_entry(&table, &right.key))
        .unwrap();
    assert!(invariants::settled(&network).is_err());
}
