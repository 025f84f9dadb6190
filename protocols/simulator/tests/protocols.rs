//! Another protocol beside LDP.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use ldp::PrefixFec;
use mpls::Label;
use simulator::clock::Time;
use simulator::network::{Network, NetworkConfig};
use simulator::router::{
    self, Action, Boot, Counters, Datagram, Families, Interface, Protocol, Route, Settings,
};
use simulator::topology::{Link, Topology};

const PORT: u16 = 4000;

/// Greets once over each interface, and counts who greets, and what else comes.
#[derive(Default)]
struct Greeter {
    actions: Vec<Action>,
    greetings: u64,
    strange: u64,
}

fn greeter(_boot: &Boot<'_>) -> Box<dyn Protocol> {
    Box::new(Greeter::default())
}

impl Protocol for Greeter {
    fn name(&self) -> &'static str {
        "Greeter"
    }

    fn owner(&self) -> forwarding::Protocol {
        forwarding::Protocol::Static
    }

    fn udp_ports(&self) -> &'static [u16] {
        &[PORT]
    }

    fn configure(&mut self, _settings: &Settings, _now: Instant) {}

    fn interface(&mut self, interface: &Interface, _now: Instant) {
        let datagram = Datagram {
            source: interface.address.addr(),
            destination: IpAddr::V4(Ipv4Addr::new(224, 0, 0, 1)),
            destination_port: PORT,
            hop_limit: 1,
            octets: b"hello".to_vec(),
        };
        self.actions.push(Action::Datagram {
            interface: Some(Arc::clone(&interface.name)),
            datagram,
        });
    }

    fn addresses(&mut self, _addresses: &[IpAddr], _now: Instant) {}

    fn route(&mut self, _fec: PrefixFec, _route: Option<&Route>, _now: Instant) {}

    fn label(&mut self, _fec: PrefixFec, _label: Result<Label, String>, _now: Instant) {}

    fn datagram(&mut self, _interface: &str, datagram: &Datagram, _now: Instant) {
        if datagram.octets == b"hello" {
            self.greetings += 1;
        } else {
            self.strange += 1;
        }
    }

    fn shut_down(&mut self, _now: Instant) {}

    fn timeout(&mut self, _now: Instant) {}

    fn next_timeout(&self) -> Option<Instant> {
        None
    }

    fn poll(&mut self) -> Option<Action> {
        self.actions.pop()
    }

    fn local_label(&self, _fec: PrefixFec) -> Option<Label> {
        None
    }

    fn advertised(&self, _fec: PrefixFec, _to: Ipv4Addr) -> Option<Label> {
        None
    }

    fn local_labels(&self) -> Vec<(PrefixFec, Label)> {
        Vec::new()
    }

    fn counters(&self, _now: Instant) -> Counters {
        Counters {
            messages: self.greetings,
            octets: self.strange,
            ..Counters::default()
        }
    }

    fn remains(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A datagram is for the protocols that take its port, and for no other.
#[test]
fn an_engine_gets_the_datagrams_of_its_ports_alone() {
    let config = NetworkConfig {
        seed: 1,
        topology: Topology {
            routers: 2,
            multi_topology_id: None,
            links: vec![Link::new(0, 1)],
        },
        settings: vec![Settings::default(); 2],
        loopbacks: None,
        prefixes: 0,
        link_prefixes: false,
        families: Families::Ipv4,
        faults: Vec::new(),
        probe_every: None,
    };
    let mut network = Network::new(config, &[router::ldp, greeter]);
    network.run_until(Time::seconds(20));
    let counters = network.counters_by_protocol();
    let names: Vec<_> = counters.keys().copied().collect();
    assert_eq!(names, ["Greeter", "LDP"]);
    // Whichever of the two started first found nobody. No Hello of LDP came to it.
    assert_eq!(
        (counters["Greeter"].messages, counters["Greeter"].octets),
        (1, 0)
    );
    assert_eq!(counters["LDP"].sessions, 2);
    assert_eq!(network.counters().messages, 1 + counters["LDP"].messages);
}
