//! A second topology (RFC 7307): LSPs of its own, and routers that get it wrong are found.

mod support;

use forwarding::{Fec, IlmAction, VrfId};
use ldp::{MultiTopologyId, PrefixFec};
use simulator::clock::Time;
use simulator::faults::{Fault, FaultKind};
use simulator::invariants;
use simulator::network::{Invariant, Network};
use simulator::router::{Action, Boot, EgressLabel, Protocol, Settings};
use simulator::topology::{Link, Topology};
use simulator::{Options, RouterSettings, Scenario};

use support::{Hooked, Hooks};

const ID: MultiTopologyId = MultiTopologyId(3996);

/// A ring of five routers, of which one is without the second topology. In that the link between routers 0 and 1 is
/// a long one.
fn ring(egress_label: EgressLabel) -> Scenario {
    let links = (0..5).map(|router| Link {
        multi_topology_metric: Some(if router == 0 { 9 } else { 1 }),
        ..Link::new(router, (router + 1) % 5)
    });
    let topology = Topology {
        routers: 6,
        multi_topology_id: Some(ID.0),
        links: links.chain([Link::new(3, 5)]).collect(),
    };
    let options = Options {
        topology: Some(topology),
        prefixes: Some(1),
        faults: 0,
        seconds: 20,
        mixed: false,
        ..Options::default()
    };
    let mut scenario = Scenario::generate(5, &options);
    scenario.settings = (0..6)
        .map(|number| RouterSettings {
            number,
            settings: Settings {
                egress_label,
                multi_topology: number != 5,
                ..Settings::default()
            },
        })
        .collect();
    scenario
}

/// The FEC of a router's loopback in the second topology, and its number among the prefixes.
fn second(network: &Network, router: usize) -> (PrefixFec, usize) {
    let fec = PrefixFec {
        topology: ID,
        ..network.prefixes[router].fec
    };
    let mut prefixes = network.prefixes.iter();
    (fec, prefixes.position(|of| of.fec == fec).unwrap())
}

/// RFC 7307 section 3: by routes of its own, with labels of its own, in the FTN of the VRF with its number.
#[test]
fn a_second_topology_has_lsps_of_its_own() {
    for egress_label in [
        EgressLabel::Implicit,
        EgressLabel::Explicit,
        EgressLabel::Real,
    ] {
        let scenario = ring(egress_label);
        let report = scenario.run(&mut ());
        assert_eq!(report.violation, None, "{report}");
        assert_eq!(report.fecs, 24);
        let mut network = scenario.network();
        network.run_until(Time::seconds(35));
        invariants::settled(&network).unwrap();
        let (fec, number) = second(&network, 1);
        let router = &network.routers[0];
        assert_ne!(router.routes[1], router.routes[number]);
        let ftn = router.switch.ftn();
        let entry = |vrf| ftn.get(&Fec::prefix(vrf, fec.prefix));
        assert!(entry(VrfId(ID.0)).is_some());
        assert_ne!(entry(VrfId(ID.0)), entry(VrfId::DEFAULT));
        // Router 5 has nothing of it.
        let without = &network.routers[5];
        assert_eq!(without.routes[number], None);
        let label = |fec| without.protocols[0].local_label(fec);
        assert_eq!(
            (label(fec), label(network.prefixes[1].fec).is_some()),
            (None, true)
        );
    }
}

/// RFC 7307 section 3.5.2: a router loses the topology and gets it again, by a Capability message or, without
/// Dynamic Capability Announcement, with new sessions.
#[test]
fn a_router_loses_the_topology_and_gets_it_again() {
    for dynamic_capabilities in [true, false] {
        let mut scenario = ring(EgressLabel::Implicit);
        for of in &mut scenario.settings {
            of.settings.dynamic_capabilities = dynamic_capabilities;
        }
        let settings = Settings {
            multi_topology: false,
            ..scenario.settings[2].settings.clone()
        };
        let kind = FaultKind::Configure {
            router: 2,
            settings,
        };
        scenario.faults = vec![Fault {
            at: Time::seconds(50),
            until: Time::seconds(200),
            kind,
        }];
        scenario.until = Time::seconds(220);
        let mut network = scenario.network();
        network.run_until(Time::seconds(49));
        let (fec, number) = second(&network, 1);
        let links = |network: &Network| network.routers[0].routes[number].clone();
        let before = links(&network);
        network.run_until(Time::seconds(199));
        invariants::settled(&network).unwrap();
        // Now there is but the long link.
        assert_ne!(links(&network), before);
        assert_eq!(network.routers[2].protocols[0].local_label(fec), None);
        let lost = network.counters().sessions_lost;
        assert_eq!(lost > 0, !dynamic_capabilities, "{lost}");
        network.run_until(Time::seconds(219));
        invariants::settled(&network).unwrap();
        assert_eq!(links(&network), before);
        let report = scenario.run(&mut ());
        assert_eq!(report.violation, None, "{report}");
    }
}

fn hooked(boot: &Boot<'_>, hooks: Hooks) -> Box<dyn Protocol> {
    Box::new(Hooked::new(simulator::router::ldp(boot), hooks))
}

/// Binds the FECs of the topology as if they were of the default one.
fn mixes_fecs(boot: &Boot<'_>) -> Box<dyn Protocol> {
    let hooks = Hooks {
        action: Some(|mut action| {
            if let Action::Ftn {
                fec: Fec::Prefix { vrf, .. },
                ..
            } = &mut action
            {
                *vrf = VrfId::DEFAULT;
            }
            action
        }),
        ..Hooks::default()
    };
    hooked(boot, hooks)
}

/// Looks the packets of an LSP that ends there up in the default topology.
fn looks_up_elsewhere(boot: &Boot<'_>) -> Box<dyn Protocol> {
    let hooks = Hooks {
        action: Some(|mut action| {
            if let Action::Ilm {
                action: Some(IlmAction::PopAndLookUpIp { vrf, .. }),
                ..
            } = &mut action
            {
                *vrf = VrfId::DEFAULT;
            }
            action
        }),
        ..Hooks::default()
    };
    hooked(boot, hooks)
}

/// Takes the routes of the default topology for those of the second one.
fn mixes_routes(boot: &Boot<'_>) -> Box<dyn Protocol> {
    let hooks = Hooks {
        routes_of_default_in: boot.settings.multi_topology.then_some(ID),
        ..Hooks::default()
    };
    hooked(boot, hooks)
}

/// Announces the topology, whatever is configured.
fn has_it_always(boot: &Boot<'_>) -> Box<dyn Protocol> {
    let settings = Settings {
        multi_topology: true,
        ..boot.settings.clone()
    };
    simulator::router::ldp(&Boot {
        settings: &settings,
        ..*boot
    })
}

#[test]
fn routers_that_mix_topologies_up_are_found() {
    type Start = fn(&Boot<'_>) -> Box<dyn Protocol>;
    let scenario = ring(EgressLabel::Real);
    let cases: [(Start, Invariant); 4] = [
        (mixes_fecs, Invariant::RightEgress),
        (looks_up_elsewhere, Invariant::RightEgress),
        (mixes_routes, Invariant::AllNextHops),
        (has_it_always, Invariant::TopologyIsShared),
    ];
    for (start, invariant) in cases {
        let report = scenario.run_in(scenario.network_of(&[start]), &mut ());
        let violation = report.violation.expect("it is found");
        assert_eq!(violation.invariant, invariant, "{}", violation.text);
    }
}
