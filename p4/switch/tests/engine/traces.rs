//! Traces.

use std::sync::{Arc, Mutex};

use p4_switch::LiveTrace;
use p4_switch::trace::TraceEvent;

use crate::support::{Bench, COPIES, HEADERS, Request, TABLES, answer, prefix};

#[test]
fn a_trace_tells_the_way_of_a_packet() {
    let bench = Bench::new(TABLES);
    bench
        .insert(
            "by_prefix",
            vec![crate::support::exact(1), prefix(&[10, 0, 0, 0], 8)],
            0,
            answer(42),
        )
        .unwrap();
    let request = Request {
        test: 3,
        small: 1,
        address: 0x0a00_0001,
        ..Request::default()
    };
    let trace = bench.switch.trace(1, &request.bytes());
    let table = trace
        .events
        .iter()
        .find_map(|event| match event {
            TraceEvent::Table { name, key, hit, .. } if name == "TestIngress.by_prefix" => {
                Some((key[1].value.clone(), hit.clone()))
            }
            _ => None,
        })
        .unwrap();
    assert_eq!(
        table,
        ("10.0.0.1".to_owned(), Some("1, 10.0.0.0/8".to_owned()))
    );
    assert!(trace.events.iter().any(|event| matches!(
        event,
        TraceEvent::Action { name, arguments }
            if name == "TestIngress.answer" && arguments[0].value == "42 (0x2a)"
    )));
    let sent = trace.events.last().unwrap();
    assert!(matches!(sent, TraceEvent::Sent { port: 2, .. }), "{sent:?}");

    let text = trace.to_string();
    for line in [
        "packet of 32 bytes in at port 1\n",
        "  state start\n",
        "    request: test=3 small=1 medium=0 address=10.0.0.1",
        "  table TestIngress.by_prefix [hdr.request.small=1, hdr.request.address=10.0.0.1]: HIT 1, 10.0.0.0/8\n",
        "    TestIngress.answer(value=42 (0x2a))\n",
        "      request.result = 42 (0x2a)\n",
        "packet of 32 bytes out of port 2\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn a_trace_changes_nothing_of_what_comes_out() {
    let bench = Bench::new(HEADERS);
    for (input, output) in crate::support::vectors(include_str!("vectors/headers.txt")) {
        let trace = bench.switch.trace(1, &input);
        let hex: String = output.iter().map(|byte| format!("{byte:02x}")).collect();
        let sent = trace.events.iter().find_map(|event| match event {
            TraceEvent::Sent { packet, .. } => Some(packet),
            _ => None,
        });
        assert_eq!(sent, Some(&hex));
    }
}

#[test]
fn a_trace_names_the_error_of_the_parser() {
    let bench = Bench::new(HEADERS);
    let text = bench.switch.trace(1, &[8, 13, 0]).to_string();
    assert!(
        text.contains("stopped with NotWelcome after 2 bytes"),
        "{text}"
    );
    let text = bench.switch.trace(1, &[6, 0, 1, 2, 3, 4, 5, 6]).to_string();
    assert!(text.contains("is WRONG: 0x0506, computed 0xfbf9"), "{text}");
}

#[test]
fn a_trace_follows_all_copies() {
    let bench = Bench::new(COPIES);
    let mut packet = vec![4, 2];
    packet.extend([0; 14]);
    let text = bench.switch.trace(1, &packet).to_string();
    assert_eq!(text.matches("parser (recirculated").count(), 2, "{text}");
    let text = bench.switch.trace(1, &[7; 16]).to_string();
    assert!(text.contains("DROPPED by the ingress pipeline"), "{text}");
}

#[test]
fn a_trace_can_be_read_by_programs() {
    let bench = Bench::new(COPIES);
    let trace = bench.switch.trace(1, &[0; 16]);
    let json = serde_json::to_value(&trace).unwrap();
    assert_eq!(json["port"], 1);
    assert_eq!(json["events"][0]["event"], "ingress");
    assert_eq!(json["events"][0]["reason"], "received");
}

#[test]
fn packets_that_come_in_are_traced_while_it_is_asked_for() {
    let bench = Bench::new(COPIES);
    let port = Arc::new(p4_switch::port::MemoryPort::new("p"));
    let up = p4_switch::control::PortState::Up;
    let handles = [3, 4].map(|number| {
        bench
            .switch
            .add_port(number, port.clone(), up, None)
            .unwrap()
    });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    bench.switch.set_live_trace(Some(LiveTrace {
        ports: vec![3],
        sink: Box::new(move |trace| sink.lock().unwrap().push(trace.port)),
    }));
    for handle in &handles {
        handle.receive(&[0; 16]);
    }
    bench.switch.set_live_trace(None);
    handles[0].receive(&[0; 16]);
    assert_eq!(*seen.lock().unwrap(), [3]);
}

#[test]
fn without_a_program_a_trace_is_empty() {
    let (switch, _events) = p4_switch::Switch::new(p4_switch::SwitchConfig::default());
    assert!(switch.trace(1, &[0; 16]).events.is_empty());
    assert!(switch.process(1, &[0; 16]).is_empty());
}
