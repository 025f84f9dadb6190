//! All of an LSR's LDP, from octets to octets: 50,000 FECs from one peer, advertised to another one, and a
//! flap of the first one's session.
//!
//! `cargo bench -p ldp --bench session`

mod peer;

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::ItemsCount;
use ldp::LdpIdentifier;
use ldp::engine::{ConnectionId, InterfaceConfig, InterfaceState, Ldp, LdpConfig, LsrId, Output};
use ldp::label::{NextHop, Route};
use mpls::Label;

use peer::{LOCAL, connect, fec, mappings};

const FECS: u32 = 50_000;
const DOWNSTREAM: LdpIdentifier = LdpIdentifier::platform(Ipv4Addr::new(9, 9, 9, 9));
const UPSTREAM: LdpIdentifier = LdpIdentifier::platform(Ipv4Addr::new(7, 7, 7, 7));

fn main() {
    divan::main();
}

fn address(host: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, host))
}

#[derive(Default)]
struct Counts {
    lfib: usize,
    allocated: usize,
    sent: usize,
}

struct Lsr {
    ldp: Ldp,
    now: Instant,
    next_label: u32,
}

impl Lsr {
    /// All routes go by the downstream peer.
    fn new() -> Self {
        let id = LsrId::new(LOCAL).expect("not zero");
        let mut config = LdpConfig::new(id);
        config
            .interfaces
            .insert("eth0".into(), InterfaceConfig::default());
        let now = Instant::now();
        let mut ldp = Ldp::new(config, 1, now);
        ldp.handle_router_addresses(vec![LOCAL.into()], now);
        let state = InterfaceState {
            up: true,
            mtu: 1500,
            mpls_mtu: 1500,
            addresses: vec!["10.0.0.1/24".parse().expect("a prefix")],
        };
        ldp.handle_interface("eth0", state, now);
        for number in 0..FECS {
            let route = Route {
                next_hops: [NextHop {
                    interface: "eth0".into(),
                    address: address(9),
                }]
                .into_iter()
                .collect(),
                ..Route::default()
            };
            ldp.handle_route(fec(number), Some(route), now);
        }
        let mut lsr = Self {
            ldp,
            now,
            next_label: 100,
        };
        lsr.drain();
        lsr
    }

    fn drain(&mut self) -> Counts {
        let mut counts = Counts::default();
        while let Some(output) = self.ldp.poll_output() {
            match output {
                Output::AllocateLabel { fec } => {
                    counts.allocated += 1;
                    let label = Label::new(self.next_label).expect("labels are left");
                    self.next_label += 1;
                    self.ldp.handle_label_allocated(fec, Ok(label), self.now);
                }
                Output::Lfib(change) => {
                    black_box(change);
                    counts.lfib += 1;
                }
                Output::Send { id, octets } => {
                    counts.sent += octets.len();
                    self.ldp.handle_written(id, octets.len(), self.now);
                }
                _ => {}
            }
        }
        counts
    }

    fn session(&mut self, peer: LdpIdentifier, host: u8) -> ConnectionId {
        connect(&mut self.ldp, peer, address(host), self.now)
    }

    /// Octets as they come from a socket.
    fn octets(&mut self, id: ConnectionId, octets: &[u8]) -> Counts {
        let mut all = Counts::default();
        for part in octets.chunks(65_536) {
            self.ldp.handle_octets(id, part, self.now);
            let counts = self.drain();
            all.lfib += counts.lfib;
            all.allocated += counts.allocated;
            all.sent += counts.sent;
        }
        all
    }
}

/// From the first octet of 50,000 mappings to the last LFIB change.
#[divan::bench]
fn receive_mappings(bencher: Bencher<'_, '_>) {
    let octets = mappings(DOWNSTREAM, FECS);
    bencher
        .counter(ItemsCount::new(FECS))
        .with_inputs(|| {
            let mut lsr = Lsr::new();
            let id = lsr.session(DOWNSTREAM, 9);
            lsr.drain();
            (lsr, id)
        })
        .bench_local_values(|(mut lsr, id)| {
            let counts = lsr.octets(id, &octets);
            assert!(counts.lfib >= FECS as usize);
            lsr
        });
}

/// A session comes up, and gets 50,000 mappings.
#[divan::bench]
fn advertise_mappings(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(FECS))
        .with_inputs(Lsr::new)
        .bench_local_values(|mut lsr| {
            lsr.session(UPSTREAM, 7);
            let counts = lsr.drain();
            assert!(counts.sent > FECS as usize * 20);
            lsr
        });
}

/// The session with a peer that holds 50,000 labels of this LSR goes down and comes up again: no label is
/// allocated, and no LFIB entry changes.
#[divan::bench]
fn flap(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(FECS))
        .with_inputs(|| {
            let mut lsr = Lsr::new();
            let id = lsr.session(UPSTREAM, 7);
            lsr.drain();
            (lsr, id)
        })
        .bench_local_values(|(mut lsr, id)| {
            lsr.ldp.handle_closed(id, "reset".to_owned(), lsr.now);
            let down = lsr.drain();
            lsr.now += Duration::from_secs(2);
            lsr.ldp.handle_timeout(lsr.now);
            lsr.session(UPSTREAM, 7);
            let up = lsr.drain();
            assert_eq!(down.allocated + up.allocated + down.lfib + up.lfib, 0);
            lsr
        });
}
