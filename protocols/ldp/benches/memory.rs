//! Memory: octets for each binding of a peer, with one session and with a thousand in one process.
//!
//! All that the engine holds counts, from before it is made: the FECs with their routes, this LSR's own
//! labels, sessions and buffers. Each allocation counts as the chunk that glibc makes of it.
//!
//! `cargo bench -p ldp --bench memory`

mod peer;

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use ldp::LdpIdentifier;
use ldp::engine::{HelloHoldTime, InterfaceConfig, InterfaceState, Ldp, LdpConfig, LsrId, Output};
use ldp::label::{NextHop, Route};
use mpls::Label;

use peer::{LOCAL, connect, fec, mappings};

/// Counts what is allocated and not freed.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);

/// The chunk of an allocation in glibc's heap: a word more, a multiple of 16, and at least 32.
fn chunk(layout: Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16).max(32)
}

// SAFETY: all is done by the system's allocator; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        USED.fetch_add(chunk(layout), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(chunk(layout), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    println!(
        "{:<36} {:>10} {:>20} {:>20}",
        "", "bindings", "octets a binding", "without FECs, routes"
    );
    for (sessions, fecs) in [(1, 50_000), (2, 50_000), (1000, 1000)] {
        let empty = USED.load(Ordering::Relaxed);
        let mut lsr = Lsr::new(fecs);
        let before = USED.load(Ordering::Relaxed);
        let begin = Instant::now();
        for peer in 0..sessions {
            lsr.session(peer, fecs);
        }
        let used = USED.load(Ordering::Relaxed);
        let bindings = sessions as usize * fecs as usize;
        let lsr_view = lsr.ldp.lsr(lsr.now);
        assert_eq!(lsr_view.operational_sessions, sessions as usize);
        assert_eq!(lsr.ldp.labels().counters().received, bindings);
        let of_each = |octets: usize| octets as f64 / bindings as f64;
        println!(
            "{:<36} {bindings:>10} {:>20.0} {:>20.0}   in {:.0} ms",
            format!("{sessions} session(s) with {fecs} FECs each"),
            of_each(used - empty),
            of_each(used - before),
            begin.elapsed().as_secs_f64() * 1e3,
        );
    }
}

/// The address of a peer on the link.
fn address(peer: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0A00_0002 + peer))
}

fn identifier(peer: u32) -> LdpIdentifier {
    LdpIdentifier::platform(Ipv4Addr::from_bits(0x6400_0001 + peer))
}

struct Lsr {
    ldp: Ldp,
    now: Instant,
    next_label: u32,
}

impl Lsr {
    /// All routes go by the first peer.
    fn new(fecs: u32) -> Self {
        let id = LsrId::new(LOCAL).expect("not zero");
        let mut config = LdpConfig::new(id);
        config.limits.adjacencies_of_interface = 2000;
        let interface = InterfaceConfig {
            hello_hold_time: HelloHoldTime::new(0xffff).expect("in range"),
            ..InterfaceConfig::default()
        };
        config.interfaces.insert("eth0".into(), interface);
        let now = Instant::now();
        let mut ldp = Ldp::new(config, 1, now);
        ldp.handle_router_addresses(vec![LOCAL.into()], now);
        let state = InterfaceState {
            up: true,
            mtu: 1500,
            mpls_mtu: 1500,
            addresses: vec!["10.0.0.1/8".parse().expect("a prefix")],
        };
        ldp.handle_interface("eth0", state, now);
        let next_hop = NextHop {
            interface: "eth0".into(),
            address: address(0),
        };
        for number in 0..fecs {
            let route = Route {
                next_hops: [next_hop.clone()].into_iter().collect(),
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

    /// Does what LDP wants, and forgets it.
    fn drain(&mut self) {
        while let Some(output) = self.ldp.poll_output() {
            match output {
                Output::AllocateLabel { fec } => {
                    let label = Label::new(self.next_label).expect("labels are left");
                    self.next_label += 1;
                    self.ldp.handle_label_allocated(fec, Ok(label), self.now);
                }
                Output::Send { id, octets } => self.ldp.handle_written(id, octets.len(), self.now),
                _ => {}
            }
        }
    }

    /// A session comes up and brings a label for each FEC.
    fn session(&mut self, peer: u32, fecs: u32) {
        let from = identifier(peer);
        let id = connect(&mut self.ldp, from, address(peer), self.now);
        self.drain();
        for part in mappings(from, fecs).chunks(65_536) {
            self.ldp.handle_octets(id, part, self.now);
            self.drain();
        }
    }
}
