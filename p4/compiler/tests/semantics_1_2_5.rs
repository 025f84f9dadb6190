//! Packets through compiled programs that use what version 1.2.5 of the P4-16 specification brought:
//! compound assignments, slices with an offset and a width, loops. Sections are those of the
//! specification.

mod support;

use support::{Program, ingress};

#[test]
fn a_compound_assignment_evaluates_its_index_once() {
    // Section 12.1 (version 1.2.5): the l-value of `op=` is evaluated once.
    let program = Program {
        headers: "h_t h; h_t[4] s;",
        blocks: "bit<8> next(inout bit<8> x) { x = x + 1; return x; }",
        parser: "state start { packet.extract(hdr.s.next); packet.extract(hdr.s.next);
                               packet.extract(hdr.s.next); transition accept; }",
        ingress: "meta.m = 0; hdr.s[next(meta.m)].a |= 0x80; hdr.s[0].b = meta.m;",
        deparser: "packet.emit(hdr.s);",
        ..Program::default()
    };
    assert_eq!(
        program.output(&[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]),
        [1, 1, 0, 0, 0x82, 0, 0, 0, 3, 0, 0, 0]
    );
}

#[test]
fn slices_have_offsets_that_are_known_when_the_program_runs() {
    // Section 8.6 (version 1.2.5): `x[offset +: width]`. c = 0x1234, b is the offset.
    let read = |b: u8| ingress("hdr.h.a = hdr.h.c[hdr.h.b +: 8];", &[0, b, 0x12, 0x34])[0];
    assert_eq!(
        [read(0), read(4), read(8), read(12), read(99)],
        [0x34, 0x23, 0x12, 0x01, 0]
    );
    let write = |b: u8| {
        let out = ingress(
            "hdr.h.c[hdr.h.b +: 4] = hdr.h.a[3:0];",
            &[0xf, b, 0x12, 0x34],
        );
        u16::from_be_bytes([out[2], out[3]])
    };
    assert_eq!(
        [write(0), write(5), write(12), write(14), write(40)],
        [0x123f, 0x13f4, 0xf234, 0xd234, 0x1234]
    );
    let signed = "int<16> s = (int<16>) hdr.h.c; hdr.h.a = s[hdr.h.b +: 8];
                  s[hdr.h.b +: 4] = 0; hdr.h.c = (bit<16>) s;";
    assert_eq!(ingress(signed, &[0, 12, 0x82, 0x34]), [8, 12, 0x02, 0x34]);
    let constant = "hdr.h.c[4 +: 8] = 0xaa; hdr.h.a = hdr.h.c[2 + 2 +: 8];";
    assert_eq!(
        ingress(constant, &[0, 0, 0x12, 0x34]),
        [0xaa, 0, 0x1a, 0xa4]
    );
}

#[test]
fn what_is_assigned_to_a_moving_slice_is_evaluated_once_and_first() {
    let program = Program {
        blocks: "bit<4> take(inout bit<16> x) { x = x + 1; return 0xf; }
                 bit<8> next(inout bit<8> x) { x = x + 4; return x; }",
        ingress: "hdr.h.c[next(hdr.h.b) +: 4] = take(hdr.h.c);",
        ..Program::default()
    };
    assert_eq!(program.output(&[0, 0, 0x12, 0x34]), [0, 4, 0x12, 0xf5]);
}

#[test]
fn loops_run_in_actions_and_between_tables() {
    // Section 12.8 (version 1.2.5).
    let sum = "for (bit<8> i = 1; i <= hdr.h.a; i = i + 1) { hdr.h.c = hdr.h.c + (bit<16>) i; }";
    assert_eq!(ingress(sum, &[10, 0, 0, 0]), [10, 0, 0, 55]);
    assert_eq!(ingress(sum, &[0, 0, 0, 7]), [0, 0, 0, 7]);
    let in_action = format!("action go() {{ {sum} }}");
    let program = Program {
        ingress_locals: &in_action,
        ingress: "if (hdr.h.b == 1) { go(); } hdr.h.b = 9;",
        ..Program::default()
    };
    assert_eq!(program.output(&[4, 1, 0, 0]), [4, 9, 0, 10]);
    assert_eq!(program.output(&[4, 0, 0, 0]), [4, 9, 0, 0]);
    // Several variables and updates; what comes behind the loop runs once.
    let two = "for (bit<8> i = 0, bit<8> j = 10; i < j; i = i + 1, j = j - 1) { hdr.h.a = i; }
               hdr.h.c = hdr.h.c + 1;";
    assert_eq!(ingress(two, &[0, 0, 0, 0]), [4, 0, 0, 1]);
}

#[test]
fn break_and_continue_belong_to_the_innermost_loop() {
    let statements = "
        for (bit<8> i = 0; i < 6; i = i + 1) {
            if (i == 1) { continue; }
            for (bit<8> j = 0; ; j = j + 1) {
                if (j == 3) { break; }
                hdr.h.c = hdr.h.c + 1;
            }
            if (i == 4) { break; }
            hdr.h.b = hdr.h.b + 1;
        }
        hdr.h.a = 7;";
    let statements = statements.replace("j = 0; ;", "j = 0; true;");
    // i is 0, 2, 3 and 4.
    assert_eq!(ingress(&statements, &[0, 0, 0, 0]), [7, 3, 0, 12]);
}

#[test]
fn a_loop_over_a_range_ends_at_its_end() {
    let statements = "
        for (bit<8> i in 250 .. 255) { hdr.h.c = hdr.h.c + 1; i = 0; }
        for (bit<8> i in 5 .. 4) { hdr.h.a = 1; }
        for (bit<8> i in hdr.h.b .. hdr.h.b + 2) { hdr.h.c = hdr.h.c + (bit<16>) i << 8; }";
    let statements = statements.replace("(bit<16>) i << 8", "((bit<16>) i << 8)");
    assert_eq!(ingress(&statements, &[0, 3, 0, 0]), [0, 3, 12, 6]);
}

#[test]
fn exit_and_calls_work_inside_of_loops() {
    let program = |body: &'static str| Program {
        blocks: "bit<8> twice(in bit<8> x) { if (x > 100) { return 0; } return x + x; }",
        ingress_locals: "action add() { hdr.h.c = hdr.h.c + 1; }",
        ingress: body,
        ..Program::default()
    };
    let calls = "for (bit<8> i = 0; i < 3; i = i + 1) { add(); hdr.h.a = twice(hdr.h.a); }";
    assert_eq!(program(calls).output(&[30, 0, 0, 0]), [0, 0, 0, 3]);
    let exit = "for (bit<8> i = 0; i < 3; i = i + 1) { add(); if (i == 1) { exit; } } hdr.h.b = 1;";
    assert_eq!(program(exit).output(&[0, 0, 0, 0]), [0, 0, 0, 2]);
}
