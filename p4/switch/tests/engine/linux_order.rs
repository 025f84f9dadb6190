//! The order of packets, with several threads for the ports.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use p4_switch::port::LinuxPorts;

use crate::linux::{PATIENCE, Peer, inside, make_link, run};
use crate::support::{Bench, COPIES};

/// Flows that come in at each port.
const FLOWS: u8 = 4;
/// Packets of a flow that are on their way at once.
const AT_ONCE: u16 = 25;
/// How often that many are sent.
const ROUNDS: u16 = 100;

/// A packet of `copies.p4`, with the number of its port, its flow, and its place in the flow.
fn packet(port: u8, flow: u8, place: u16) -> Vec<u8> {
    let mut packet = vec![12, 0x77, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0x12, 0x34, 0, 0];
    packet.extend([port, flow]);
    packet.extend(place.to_be_bytes());
    packet.resize(60, 0);
    packet
}

#[test]
fn packets_of_a_flow_stay_in_their_order() {
    if !inside("linux_order::packets_of_a_flow_stay_in_their_order") {
        return;
    }
    run(async {
        let (connection, netlink, _) = rtnetlink::new_connection().unwrap();
        tokio::spawn(connection);
        for name in ["one", "two", "out"] {
            make_link(&netlink, name).await;
        }
        let threads = NonZeroUsize::new(2).unwrap();
        let bench = Bench::with_threads(COPIES, threads);
        let ports = LinuxPorts::new(bench.switch.clone()).unwrap();
        // The first two belong to different threads.
        for (number, name) in [(1, "ones"), (3, "twos"), (2, "outs")] {
            ports.open(number, name, None).unwrap();
        }
        let (inputs, output) = (["onep", "twop"].map(Peer::open), Peer::open("outp"));
        for input in &inputs {
            // Until the kernel has seen the carrier, it drops what is sent.
            let crossed = (0..20).any(|_| {
                input.send(&packet(0, 0, 0));
                output.receive(12, Duration::from_millis(500)).is_some()
            });
            assert!(crossed);
        }
        while output.receive(12, Duration::from_millis(300)).is_some() {}

        let mut next = [[0_u16; FLOWS as usize]; 2];
        for round in 0..ROUNDS {
            for place in round * AT_ONCE..(round + 1) * AT_ONCE {
                for flow in 0..FLOWS {
                    for (port, input) in (0..).zip(&inputs) {
                        input.send(&packet(port, flow, place));
                    }
                }
            }
            let end = Instant::now() + PATIENCE;
            while next
                .iter()
                .flatten()
                .any(|next| *next < (round + 1) * AT_ONCE)
            {
                assert!(Instant::now() < end, "lost in round {round}: {next:?}");
                let received = output.receive(12, PATIENCE).unwrap();
                let place = u16::from_be_bytes([received[18], received[19]]);
                let next = &mut next[usize::from(received[16])][usize::from(received[17])];
                assert_eq!(place, *next, "round {round}");
                *next += 1;
            }
        }
    });
}
