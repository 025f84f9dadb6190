//! Ports: counters, state, capture; and Linux interfaces, in a network namespace of the test.

use std::sync::Arc;

use p4_switch::control::{ControlError, PortEvent, PortState};
use p4_switch::port::{Capture, LinuxPorts, MemoryPort, PortError, ReceiveError};

use crate::support::{Bench, COPIES, CPU};

#[test]
fn packets_go_from_port_to_port_and_are_counted() {
    let bench = Bench::new(COPIES);
    let out = Arc::new(MemoryPort::new("out"));
    let input = bench
        .switch
        .add_port(1, Arc::new(MemoryPort::new("in")), PortState::Up, None)
        .unwrap();
    bench
        .switch
        .add_port(2, out.clone(), PortState::Up, None)
        .unwrap();
    input.receive(&[0; 20]);
    assert_eq!(out.take().unwrap().len(), 20);
    assert!(out.take().is_none());
    input.receive_failed(ReceiveError::Oversized);
    let ports = bench.switch.ports();
    assert_eq!((ports[0].number, ports[0].name.as_str()), (1, "in"));
    let statistics = ports[0].statistics;
    assert_eq!(
        (statistics.received_packets, statistics.received_bytes),
        (1, 20)
    );
    assert_eq!(statistics.receive_oversized, 1);
    let statistics = ports[1].statistics;
    assert_eq!((statistics.sent_packets, statistics.sent_bytes), (1, 20));
}

#[test]
fn a_port_number_is_given_once_and_not_that_of_cpu_or_drop() {
    let bench = Bench::new(COPIES);
    let port = Arc::new(MemoryPort::new("p"));
    let add = |number| {
        bench
            .switch
            .add_port(number, port.clone(), PortState::Up, None)
            .map(|_| ())
    };
    add(1).unwrap();
    assert!(matches!(add(1), Err(ControlError::AlreadyExists { .. })));
    for number in [CPU, 511] {
        assert!(matches!(add(number), Err(ControlError::Invalid { .. })));
    }
    bench.switch.remove_port(1).unwrap();
    let gone = bench.switch.remove_port(1);
    assert!(matches!(gone, Err(ControlError::NotFound { .. })));
    add(1).unwrap();
}

#[test]
fn changes_of_a_port_s_state_are_told_once() {
    let mut bench = Bench::new(COPIES);
    let port = bench
        .switch
        .add_port(3, Arc::new(MemoryPort::new("p")), PortState::Up, None)
        .unwrap();
    for state in [
        PortState::Up,
        PortState::Down,
        PortState::Down,
        PortState::Up,
    ] {
        port.set_state(state);
    }
    let mut events = Vec::new();
    while let Ok(event) = bench.events.ports.try_recv() {
        events.push(event);
    }
    let event = |state| PortEvent { port: 3, state };
    assert_eq!(events, [event(PortState::Down), event(PortState::Up)]);
}

#[test]
fn what_a_port_receives_and_sends_is_captured() {
    let bench = Bench::new(COPIES);
    let directory = tempfile::tempdir().unwrap();
    let capture = Capture::create(directory.path(), "p").unwrap();
    let port = bench
        .switch
        .add_port(
            2,
            Arc::new(MemoryPort::new("p")),
            PortState::Up,
            Some(capture),
        )
        .unwrap();
    port.receive(&[0; 33]);
    // The files can be read while the port goes on: each has its header and the packet's.
    for name in ["p_in.pcap", "p_out.pcap"] {
        let length = std::fs::metadata(directory.path().join(name))
            .unwrap()
            .len();
        assert_eq!(length, 24 + 16 + 33);
    }
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    let bench = Bench::new(COPIES);
    let ports = LinuxPorts::new(bench.switch.clone()).unwrap();
    let error = ports.open(1, "no-such-if0", None).unwrap_err();
    assert!(
        matches!(&error, PortError::NoInterface(name) if name == "no-such-if0"),
        "{error}"
    );
}
