//! Parser, header stacks, fields of variable length, checksums, parser errors, deparser.

use crate::support::{Bench, HEADERS, vectors};

const NO_ERROR: u8 = 0;
const PACKET_TOO_SHORT: u8 = 1;
const STACK_OUT_OF_BOUNDS: u8 = 2;
const HEADER_TOO_SHORT: u8 = 3;
const NOT_WELCOME: u8 = 4;
const OTHER_ERROR: u8 = 5;

/// What the program reports: the error, the checksum error, and the packet without the report.
struct Report {
    error: u8,
    checksum_error: u8,
    packet: Vec<u8>,
}

fn report(bench: &Bench, packet: &[u8]) -> Report {
    let out = bench.process(packet);
    let [(2, bytes)] = &out[..] else {
        panic!("{out:?}")
    };
    Report {
        error: bytes[5],
        checksum_error: bytes[6],
        packet: [&bytes[..2], &bytes[8..]].concat(),
    }
}

fn error(packet: &[u8]) -> u8 {
    report(&Bench::new(HEADERS), packet).error
}

#[test]
fn simple_switch_sends_the_same() {
    let bench = Bench::new(HEADERS);
    for (input, output) in vectors(include_str!("vectors/headers.txt")) {
        assert_eq!(bench.process(&input), [(2, output)], "{input:02x?}");
    }
}

#[test]
fn a_stack_is_parsed_until_its_last_element() {
    let report = report(&Bench::new(HEADERS), &[1, 0, 0x10, 0x20, 0x31, 0xaa]);
    assert_eq!(report.error, NO_ERROR);
    assert_eq!(report.packet, [1, 0, 0x10, 0x20, 0x31, 0xaa]);
}

#[test]
fn a_stack_that_is_full_stops_the_parser_with_stack_out_of_bounds() {
    let packet = [1, 0, 2, 4, 6, 8, 0x0a, 0x0d];
    let report = report(&Bench::new(HEADERS), &packet);
    assert_eq!(report.error, STACK_OUT_OF_BOUNDS);
    // What was not parsed is payload.
    assert_eq!(report.packet, packet);
}

#[test]
fn a_packet_that_ends_too_soon_stops_the_parser_with_packet_too_short() {
    for packet in [
        &[1, 0, 2][..],
        &[5, 0, 1, 2, 3],
        &[6, 0, 1],
        &[9, 0, 1],
        &[7, 9, 1, 2, 3],
    ] {
        assert_eq!(error(packet), PACKET_TOO_SHORT, "{packet:?}");
    }
    // Not even the first header.
    let out = Bench::new(HEADERS).process(&[1]);
    assert_eq!(out.len(), 1);
}

#[test]
fn an_empty_packet_is_processed() {
    let out = Bench::new(HEADERS).process(&[]);
    assert_eq!(out, [(2, vec![0, 0, 0, PACKET_TOO_SHORT, 0, 6])]);
}

#[test]
fn push_front_moves_the_elements_and_the_last_falls_off() {
    let bench = Bench::new(HEADERS);
    let two = report(&bench, &[2, 0x55, 0x10, 0x21, 0xaa]);
    assert_eq!(two.packet, [2, 0x55, 0xaa, 0x10, 0x21, 0xaa]);
    let four = report(&bench, &[2, 0x55, 0x10, 0x20, 0x30, 0x41]);
    assert_eq!(four.packet, [2, 0x55, 0xaa, 0x10, 0x20, 0x30]);
}

#[test]
fn pop_front_moves_the_elements_and_the_first_are_gone() {
    let bench = Bench::new(HEADERS);
    let three = report(&bench, &[3, 0, 0x10, 0x20, 0x31, 0xaa]);
    assert_eq!(three.packet, [3, 0, 0x31, 0xaa]);
    let one = report(&bench, &[3, 0, 0x11, 0xaa]);
    assert_eq!(one.packet, [3, 0, 0xaa]);
}

#[test]
fn a_field_of_variable_length_is_extracted_copied_and_written() {
    let bench = Bench::new(HEADERS);
    for length in [0_u8, 1, 7, 8, 9, 40] {
        let mut packet = vec![4, 0, length];
        packet.extend((0..length).map(|i| i ^ 0xa5));
        packet.push(0xee);
        let report = report(&bench, &packet);
        assert_eq!(report.error, NO_ERROR);
        let header = &packet[2..3 + usize::from(length)];
        // Written twice, then the payload.
        assert_eq!(
            report.packet,
            [&packet[..2], header, header, &[0xee]].concat()
        );
    }
}

#[test]
fn a_header_longer_than_its_type_stops_the_parser_with_header_too_short() {
    let mut packet = vec![4, 0, 41];
    packet.extend([0; 41]);
    assert_eq!(error(&packet), HEADER_TOO_SHORT);
}

#[test]
fn fields_that_do_not_start_at_bytes_are_read_and_written() {
    let bench = Bench::new(HEADERS);
    // a = 5, b = 0x1234, c = 0, d = 0x7f...f, e = -3.
    let packet = [
        5, 0, 0xb2, 0x34, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfd, 0x99,
    ];
    let report = report(&bench, &packet);
    assert_eq!(report.error, NO_ERROR);
    // d wraps around to 0, c becomes 1 since e is negative, and e becomes -2.
    let expected = [5, 0, 0xb2, 0x34, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0x99];
    assert_eq!(report.packet, expected);
}

#[test]
fn checksums_are_verified_and_updated() {
    let bench = Bench::new(HEADERS);
    // 1234 + 5678 = 68ac, and its complement is 9753.
    let right = report(&bench, &[6, 0, 0x12, 0x34, 0x56, 0x78, 0x97, 0x53]);
    assert_eq!((right.error, right.checksum_error), (NO_ERROR, 0));
    assert_eq!(right.packet, [6, 0, 0x12, 0x35, 0x56, 0x78, 0x97, 0x52]);
    let wrong = report(&bench, &[6, 0, 0x12, 0x34, 0x56, 0x78, 0x97, 0x54]);
    assert_eq!((wrong.error, wrong.checksum_error), (NO_ERROR, 1));
}

#[test]
fn advance_skips_bytes_that_the_deparser_does_not_write() {
    let bench = Bench::new(HEADERS);
    let report = report(
        &bench,
        &[7, 3, 0xaa, 0xbb, 0xcc, 1, 2, 3, 4, 0xfb, 0xf9, 0xee],
    );
    assert_eq!(report.packet[..6], [7, 3, 1, 2, 3, 4]);
    assert_eq!(report.packet.len(), 9);
}

#[test]
fn verify_stops_the_parser_with_the_program_s_error() {
    assert_eq!(error(&[8, 13, 0, 0, 0, 0, 0, 0]), NOT_WELCOME);
    assert_eq!(error(&[8, 14, 0, 0, 0, 0, 0, 0]), NO_ERROR);
}

#[test]
fn a_lookahead_reads_without_taking() {
    let bench = Bench::new(HEADERS);
    let masked = report(&bench, &[9, 1, 0x01, 0x77, 0, 0, 0, 0]);
    assert_eq!(masked.packet[1], 0x77);
    assert_eq!(masked.packet.len(), 8);
    let none = report(&bench, &[9, 3, 0x02, 0x77]);
    assert_eq!(none.packet, [9, 0x77, 0x02, 0x77]);
}

#[test]
fn the_length_of_the_packet_follows_headers_that_are_added() {
    let out = Bench::new(HEADERS).process(&[0, 0, 1, 2, 3]);
    // 5 bytes came in, the report has 6.
    assert_eq!(out[0].1[7], 11);
}

#[test]
fn a_value_set_is_matched_as_the_control_plane_fills_it() {
    let bench = Bench::new(HEADERS);
    let set = "TestParser.favourites";
    let chosen = |argument| {
        let report = report(&bench, &[10, argument, 0, 0, 0, 0]);
        // Only a value of the set goes on to the header that is too long for the packet.
        report.error == PACKET_TOO_SHORT
    };
    assert_eq!([7, 8].map(chosen), [false, false]);
    bench
        .write(|state| state.set_value_set(set, &[vec![7], vec![0, 9]]))
        .unwrap();
    assert_eq!([7, 8, 9].map(chosen), [true, false, true]);
    let mut values = bench.read(|state| state.value_set(set));
    values.sort();
    assert_eq!(values, [[7], [9]]);
    bench.write(|state| state.set_value_set(set, &[])).unwrap();
    assert!(!chosen(7));
    let too_many = bench.write(|state| {
        let values: Vec<Vec<u8>> = (0..5).map(|value| vec![value]).collect();
        state.set_value_set(set, &values)
    });
    assert!(too_many.is_err());
}

#[test]
fn a_loop_in_the_parser_that_takes_nothing_ends() {
    let mut document = crate::support::document(HEADERS);
    let states = &mut document.parsers[0].parse_states;
    let start = states
        .iter_mut()
        .find(|state| state.name == "start")
        .unwrap();
    start.parser_ops.clear();
    start.transition_key.clear();
    start.transitions = vec![bmv2_json::Transition::Default {
        next_state: Some("start".to_owned()),
    }];
    let bench = Bench::new(HEADERS);
    bench.switch.load(&document).unwrap();
    let out = bench.process(&[1, 2, 3]);
    assert_eq!(out[0].1[3], OTHER_ERROR);
}
