//! Label distribution: 50,000 FECs from one peer, and a flap of its session.
//!
//! `cargo bench -p ldp --bench labels`

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use ldp::label::{LabelDistribution, LabelOutput, NextHop, PeerParameters, Policy, Route};
use ldp::packet::{
    AddressMessage, AdvertisementDiscipline, Body, Capabilities, FecElement, LabelMapping,
};
use ldp::{LdpIdentifier, PrefixFec};
use mpls::Label;

const FECS: u32 = 50_000;

fn main() {
    divan::main();
}

fn peer() -> LdpIdentifier {
    LdpIdentifier::platform(Ipv4Addr::new(192, 0, 2, 2))
}

fn address() -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2))
}

fn fec(n: u32) -> PrefixFec {
    let address = Ipv4Addr::from_bits(0x1400_0000 + n);
    PrefixFec::from(ipnet::IpNet::from(IpAddr::V4(address)))
}

fn parameters() -> PeerParameters {
    PeerParameters {
        advertisement: AdvertisementDiscipline::DownstreamUnsolicited,
        loop_detection: false,
        capabilities: Capabilities::default(),
        targeted_only: false,
        recovery_time: None,
        ipv4: true,
        ipv6: true,
        signal_mtu: false,
    }
}

/// An LSR and its label manager.
struct Lsr {
    labels: LabelDistribution,
    next_label: u32,
    now: Instant,
    allocated: usize,
    changes: usize,
    messages: usize,
}

impl Lsr {
    /// All routes go by the peer, whose session is not up.
    fn with_routes() -> Self {
        let now = Instant::now();
        let mut lsr = Self {
            labels: LabelDistribution::new(Policy::new(Ipv4Addr::new(192, 0, 2, 1)), now),
            next_label: 16,
            now,
            allocated: 0,
            changes: 0,
            messages: 0,
        };
        let interface: Arc<str> = "eth0".into();
        for n in 0..FECS {
            let next_hop = NextHop {
                interface: interface.clone(),
                address: address(),
            };
            let route = Route {
                next_hops: std::iter::once(next_hop).collect(),
                ..Route::default()
            };
            lsr.labels.route_changed(fec(n), Some(route), now);
        }
        lsr.drain();
        lsr
    }

    fn drain(&mut self) {
        while let Some(output) = self.labels.poll_output() {
            match output {
                LabelOutput::Allocate { fec } => {
                    let label = Label::new(self.next_label).expect("a label");
                    self.next_label += 1;
                    self.allocated += 1;
                    self.labels.label_allocated(fec, Ok(label), self.now);
                }
                LabelOutput::Lfib(change) => {
                    black_box(&change);
                    self.changes += 1;
                }
                LabelOutput::Send { body, .. } => {
                    black_box(&body);
                    self.messages += 1;
                }
                other => {
                    black_box(&other);
                }
            }
        }
    }

    fn up(&mut self) {
        self.labels.peer_up(peer(), parameters(), self.now);
        let addresses = vec![address()];
        let message = Body::Address(AddressMessage { addresses });
        self.labels.receive(peer(), 1, message, self.now);
    }

    fn map(&mut self, mappings: Vec<Body>) {
        for (id, body) in (2..).zip(mappings) {
            self.labels.receive(peer(), id, body, self.now);
        }
        self.drain();
    }
}

fn mappings() -> Vec<Body> {
    (0..FECS)
        .map(|n| {
            Body::LabelMapping(LabelMapping {
                fec: vec![FecElement::Prefix(fec(n))],
                label: Label::new(100_000 + n).expect("a label"),
                request_id: None,
                hop_count: None,
                path_vector: None,
                mtu: None,
                entropy_label_capable: false,
                status: None,
                forwarded: Vec::new(),
            })
        })
        .collect()
}

/// The session comes up and brings all mappings; all FECs are advertised, and go in the LFIB.
#[divan::bench(sample_count = 20)]
fn receive_advertise_and_bind(bencher: divan::Bencher<'_, '_>) {
    bencher
        .with_inputs(|| (Lsr::with_routes(), mappings()))
        .bench_local_values(|(mut lsr, mappings)| {
            lsr.up();
            lsr.map(mappings);
            assert_eq!(lsr.changes, 2 * FECS as usize);
            assert_eq!(lsr.messages, FECS as usize);
            lsr
        });
}

/// The session of the next hop goes and comes: all leaves the LFIB and comes again, and no label is allocated.
#[divan::bench(sample_count = 20)]
fn flap_of_the_session(bencher: divan::Bencher<'_, '_>) {
    bencher
        .with_inputs(|| {
            let mut lsr = Lsr::with_routes();
            lsr.up();
            lsr.map(mappings());
            lsr.allocated = 0;
            (lsr, mappings())
        })
        .bench_local_values(|(mut lsr, mappings)| {
            lsr.labels.peer_down(peer(), None, lsr.now);
            lsr.drain();
            lsr.up();
            lsr.map(mappings);
            assert_eq!(lsr.allocated, 0);
            lsr
        });
}

/// The session goes and comes before anyone looks, and the peer says the same again: nothing in the LFIB
/// changes.
#[divan::bench(sample_count = 20)]
fn quick_flap_of_the_session(bencher: divan::Bencher<'_, '_>) {
    bencher
        .with_inputs(|| {
            let mut lsr = Lsr::with_routes();
            lsr.up();
            lsr.map(mappings());
            (lsr.allocated, lsr.changes) = (0, 0);
            (lsr, mappings())
        })
        .bench_local_values(|(mut lsr, mappings)| {
            lsr.labels.peer_down(peer(), None, lsr.now);
            lsr.up();
            lsr.map(mappings);
            assert_eq!((lsr.allocated, lsr.changes), (0, 0));
            lsr
        });
}
