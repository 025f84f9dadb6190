//! Packets through compiled programs: what is computed is what the P4-16 specification (version
//! 1.2.5) says. Sections are those of the specification.

mod support;

use std::collections::HashSet;

use p4_switch::control::{
    ActionCall, EntryAction, EntryKey, EntryRef, KeyMatch, SetAction, TableEntry,
};
use support::{Program, ingress};

#[test]
fn arithmetic_on_bits_is_modulo_the_width() {
    // Section 8.6: "all operations wrap around".
    assert_eq!(
        ingress("hdr.h.a = hdr.h.a + hdr.h.b;", &[0xff, 2, 0, 0]),
        [1, 2, 0, 0]
    );
    assert_eq!(
        ingress("hdr.h.a = hdr.h.a - hdr.h.b;", &[1, 2, 0, 0]),
        [0xff, 2, 0, 0]
    );
    assert_eq!(
        ingress("hdr.h.a = hdr.h.a * hdr.h.b;", &[0x80, 3, 0, 0]),
        [0x80, 3, 0, 0]
    );
    assert_eq!(
        ingress("hdr.h.a = ~hdr.h.a;", &[0x0f, 0, 0, 0]),
        [0xf0, 0, 0, 0]
    );
    assert_eq!(
        ingress("hdr.h.a = -hdr.h.a;", &[1, 0, 0, 0]),
        [0xff, 0, 0, 0]
    );
}

#[test]
fn an_intermediate_result_is_cut_before_it_is_used() {
    // 0xff + 1 is 0 in eight bits; only then it is compared and widened.
    let statements = "if (hdr.h.a + 1 == 0) { hdr.h.c = (bit<16>)(hdr.h.a + hdr.h.b) + 1; }";
    assert_eq!(
        ingress(statements, &[0xff, 0xff, 0, 0]),
        [0xff, 0xff, 0, 0xff]
    );
    assert_eq!(
        ingress("hdr.h.c = (bit<16>)(hdr.h.a << 1 >> 1);", &[0xff, 0, 0, 0]),
        [0xff, 0, 0, 0x7f]
    );
}

#[test]
fn saturating_operators_stop_at_the_ends_of_the_range() {
    assert_eq!(
        ingress("hdr.h.a = hdr.h.a |+| hdr.h.b;", &[0xf0, 0x20, 0, 0]),
        [0xff, 0x20, 0, 0]
    );
    assert_eq!(
        ingress("hdr.h.a = hdr.h.a |-| hdr.h.b;", &[0x10, 0x20, 0, 0]),
        [0, 0x20, 0, 0]
    );
    let signed = "hdr.h.a = (bit<8>)((int<8>)hdr.h.a |-| (int<8>)hdr.h.b);";
    assert_eq!(ingress(signed, &[0x81, 0x7f, 0, 0]), [0x80, 0x7f, 0, 0]);
}

#[test]
fn signed_numbers_are_extended_compared_and_shifted_with_their_sign() {
    let widen = "hdr.h.c = (bit<16>)(int<16>)(int<8>)hdr.h.a;";
    assert_eq!(ingress(widen, &[0xfe, 0, 0, 0]), [0xfe, 0, 0xff, 0xfe]);
    let compare = "if ((int<8>)hdr.h.a < (int<8>)hdr.h.b) { hdr.h.c = 1; }";
    assert_eq!(ingress(compare, &[0x80, 0x7f, 0, 0]), [0x80, 0x7f, 0, 1]);
    assert_eq!(ingress(compare, &[0x7f, 0x80, 0, 0]), [0x7f, 0x80, 0, 0]);
    let shift = "hdr.h.a = (bit<8>)((int<8>)hdr.h.a >> 2);";
    assert_eq!(ingress(shift, &[0xf0, 0, 0, 0]), [0xfc, 0, 0, 0]);
}

#[test]
fn a_number_without_a_width_takes_that_of_the_other_operand_before_it_is_compared() {
    // Section 8.9.2: the implicit cast comes first, and -1 is 255 as a bit<8>.
    let statements = "
        if (8w255 == -1) { hdr.h.a[0:0] = 1; }
        if (-1 == 8w255) { hdr.h.a[1:1] = 1; }
        if (4w8 > -1) { hdr.h.a[2:2] = 1; }
        if (hdr.h.b == -1) { hdr.h.a[3:3] = 1; }
        hdr.h.c = (bit<16>)(true ? 8w1 : -1);";
    assert_eq!(ingress(statements, &[0, 0xff, 9, 9]), [0b1011, 0xff, 0, 1]);
}

#[test]
fn a_number_becomes_a_newtype_where_it_is_assigned() {
    let program = Program {
        types: "type bit<8> id_t; const id_t NOBODY = 7;",
        ingress: "id_t x = 3; hdr.h.a = (bit<8>) x; x = 5; hdr.h.b = (bit<8>) x;
                  x = NOBODY; hdr.h.c = (bit<16>) (bit<8>) x;",
        ..Program::default()
    };
    assert_eq!(program.output(&[0, 0, 0, 0]), [3, 5, 0, 7]);
    for refused in [
        "id_t x = 8w3;",
        "id_t x = 3; x = x + 1;",
        "id_t x = 3; hdr.h.a = x;",
    ] {
        let program = Program {
            ingress: refused,
            ..program
        };
        assert!(program.error().contains("id_t"), "{refused}");
    }
}

#[test]
fn slices_are_read_and_written() {
    assert_eq!(
        ingress("hdr.h.a = hdr.h.c[11:4];", &[0, 0, 0xab, 0xcd]),
        [0xbc, 0, 0xab, 0xcd]
    );
    assert_eq!(
        ingress("hdr.h.c[11:4] = hdr.h.a;", &[0x12, 0, 0xff, 0xff]),
        [0x12, 0, 0xf1, 0x2f]
    );
    assert_eq!(
        ingress("hdr.h.c[15:15] = 1;", &[0, 0, 0, 0]),
        [0, 0, 0x80, 0]
    );
}

#[test]
fn concatenation_puts_the_left_operand_into_the_high_bits() {
    assert_eq!(
        ingress("hdr.h.c = hdr.h.a ++ hdr.h.b;", &[0x12, 0x34, 0, 0]),
        [0x12, 0x34, 0x12, 0x34]
    );
    let odd = "hdr.h.c = 1w1 ++ hdr.h.a[2:0] ++ hdr.h.b ++ 4w5;";
    assert_eq!(ingress(odd, &[0x07, 0xff, 0, 0]), [0x07, 0xff, 0xff, 0xf5]);
}

#[test]
fn booleans_are_stored_and_cast() {
    let statements = "bool x = hdr.h.a == 5; bool y = !x;
        hdr.h.b = x ? 8w1 : 8w2; hdr.h.c = (bit<16>)(bit<1>)y;";
    assert_eq!(ingress(statements, &[5, 0, 9, 9]), [5, 1, 0, 0]);
    assert_eq!(ingress(statements, &[6, 0, 9, 9]), [6, 2, 0, 1]);
}

#[test]
fn the_right_operand_of_and_and_or_runs_only_if_it_matters() {
    let program = Program {
        types: "bool touch(inout bit<8> x) { x = x + 1; return true; }",
        ingress: "if (hdr.h.a == 1 && touch(hdr.h.b)) { hdr.h.c = 1; }
                  if (hdr.h.a == 1 || touch(hdr.h.b)) { hdr.h.c = hdr.h.c + 2; }",
        ..Program::default()
    };
    assert_eq!(program.output(&[1, 0, 0, 0]), [1, 1, 0, 3]);
    assert_eq!(program.output(&[2, 0, 0, 0]), [2, 1, 0, 2]);
}

#[test]
fn operands_are_evaluated_from_left_to_right() {
    // Section 8.1: what the function does to `a` comes after the left operand was read.
    let program = Program {
        types: "bit<8> next(inout bit<8> x) { x = x + 1; return x; }",
        ingress: "hdr.h.b = hdr.h.a + next(hdr.h.a) + next(hdr.h.a);",
        ..Program::default()
    };
    assert_eq!(program.output(&[10, 0, 0, 0]), [12, 10 + 11 + 12, 0, 0]);
}

#[test]
fn out_and_inout_arguments_are_copied_back_when_the_call_ends() {
    // Section 6.8: the callee works on copies; the last parameter is copied back last.
    let program = Program {
        types: "void both(inout bit<8> x, inout bit<8> y) { x = x + 1; y = y + 2; }
                void first(in bit<8> x, out bit<8> y) { y = 7; y = y + x; }",
        ingress: "both(hdr.h.a, hdr.h.a); first(hdr.h.b, hdr.h.b);",
        ..Program::default()
    };
    assert_eq!(program.output(&[10, 1, 0, 0]), [12, 8, 0, 0]);
}

#[test]
fn a_function_returns_from_inside_of_its_branches() {
    let program = Program {
        types: "bit<8> size(in bit<8> x) {
                    if (x == 0) { return 1; } else if (x < 10) { return 2; }
                    if (x < 20) { return 3; }
                    return 4;
                }",
        ingress: "hdr.h.b = size(hdr.h.a);",
        ..Program::default()
    };
    for (value, size) in [(0, 1), (9, 2), (19, 3), (20, 4)] {
        assert_eq!(program.output(&[value, 0, 0, 0]), [value, size, 0, 0]);
    }
}

#[test]
fn return_leaves_a_control_and_exit_leaves_the_pipeline() {
    let program = Program {
        blocks: "control Inner(inout headers_t hdr, in bit<8> how) { apply {
                     if (how == 1) { return; }
                     if (how == 2) { exit; }
                     hdr.h.b = 1;
                 } }",
        ingress_locals: "Inner() inner;",
        ingress: "inner.apply(hdr, hdr.h.a); hdr.h.c = 1;",
        ..Program::default()
    };
    assert_eq!(program.output(&[0, 0, 0, 0]), [0, 1, 0, 1]);
    assert_eq!(program.output(&[1, 0, 0, 0]), [1, 0, 0, 1]);
    assert_eq!(program.output(&[2, 0, 0, 0]), [2, 0, 0, 0]);
}

#[test]
fn an_instance_that_is_applied_twice_has_its_tables_once() {
    let program = Program {
        blocks: "control Inner(inout headers_t hdr) {
                     action more() { hdr.h.b = hdr.h.b + 1; }
                     apply { more(); }
                 }
                 control Outer(inout headers_t hdr) {
                     Inner() inner;
                     apply { inner.apply(hdr); if (hdr.h.a == 1) { inner.apply(hdr); } }
                 }",
        ingress_locals: "Outer() first; Outer() second;",
        ingress: "first.apply(hdr); second.apply(hdr);",
        ..Program::default()
    };
    assert_eq!(program.output(&[0, 0, 0, 0]), [0, 2, 0, 0]);
    assert_eq!(program.output(&[1, 0, 0, 0]), [1, 4, 0, 0]);
}

#[test]
fn structs_and_tuples_are_assigned_as_if_at_once() {
    let program = Program {
        types: "struct pair_t { bit<8> x; bit<8> y; }",
        ingress: "pair_t p = { hdr.h.a, hdr.h.b }; p = { p.y, p.x };
                  hdr.h.a = p.x; hdr.h.b = p.y;
                  pair_t q = p; if (q == p) { hdr.h.c = 1; }",
        ..Program::default()
    };
    assert_eq!(program.output(&[1, 2, 0, 0]), [2, 1, 0, 1]);
}

#[test]
fn a_header_initialiser_makes_the_header_valid() {
    let program = Program {
        headers: "h_t h; h_t g;",
        ingress: "hdr.g = { 1, 2, 3 }; hdr.h.setInvalid();
                  if (hdr.g.isValid() && !hdr.h.isValid()) { hdr.g.a = 9; }",
        deparser: "packet.emit(hdr.h); packet.emit(hdr.g);",
        ..Program::default()
    };
    assert_eq!(program.output(&[7, 7, 7, 7, 8]), [9, 2, 0, 3, 8]);
}

#[test]
fn a_select_matches_values_masks_ranges_and_several_fields() {
    let program = Program {
        headers: "h_t h; h_t g;",
        parser: "state start {
                     packet.extract(hdr.h);
                     transition select(hdr.h.a, hdr.h.c) {
                         (1, 0x1234): one;
                         (2 .. 5, _): two;
                         (0x80 &&& 0xf0, 0 &&& 0xff): three;
                         (_, 7): accept;
                         default: four;
                     }
                 }
                 state one { meta.m = 1; transition accept; }
                 state two { meta.m = 2; transition accept; }
                 state three { meta.m = 3; transition accept; }
                 state four { meta.m = 4; transition accept; }",
        ingress: "hdr.h.b = meta.m;",
        ..Program::default()
    };
    for (a, c, state) in [
        (1, [0x12, 0x34], 1),
        (1, [0x12, 0x35], 4),
        (2, [0, 9], 2),
        (5, [0, 9], 2),
        (6, [0, 9], 4),
        (0x8f, [0x55, 0], 3),
        (0x8f, [0x55, 1], 4),
        (9, [0, 7], 0),
    ] {
        assert_eq!(program.output(&[a, 0, c[0], c[1]]), [a, state, c[0], c[1]]);
    }
}

#[test]
fn a_select_without_match_signals_no_match() {
    // Section 13.6.
    let program = Program {
        parser: "state start {
                     packet.extract(hdr.h);
                     transition select(hdr.h.a) { 1: accept; }
                 }",
        ingress: "if (standard_metadata.parser_error == error.NoMatch) { hdr.h.b = 1; }",
        ..Program::default()
    };
    assert_eq!(program.output(&[1, 0, 0, 0]), [1, 0, 0, 0]);
    assert_eq!(program.output(&[2, 0, 0, 0]), [2, 1, 0, 0]);
}

#[test]
fn verify_signals_its_error() {
    let program = Program {
        types: "error { Strange }",
        parser: "state start {
                     packet.extract(hdr.h);
                     verify(hdr.h.a < 10, error.Strange);
                     transition accept;
                 }",
        ingress: "if (standard_metadata.parser_error == error.Strange) { hdr.h.b = 1; }",
        ..Program::default()
    };
    assert_eq!(program.output(&[9, 0, 0, 0]), [9, 0, 0, 0]);
    assert_eq!(program.output(&[10, 0, 0, 0]), [10, 1, 0, 0]);
}

#[test]
fn branches_functions_and_parsers_inside_a_parser_become_states() {
    let program = Program {
        types: "bit<8> twice(in bit<8> x) { if (x > 100) { return 0; } return x + x; }
                parser Sub(packet_in packet, out h_t h, in bit<8> kind, out bit<8> seen) {
                    state start {
                        transition select(kind) { 2: two; default: accept; }
                    }
                    state two { packet.extract(h); seen = h.a; transition accept; }
                }",
        headers: "h_t h; h_t g;",
        parser: "Sub() sub;
                 state start {
                     packet.extract(hdr.h);
                     bit<8> kind = hdr.h.a;
                     if (kind == 3) { kind = 2; meta.m = 1; } else { meta.m = 2; }
                     bit<8> seen;
                     sub.apply(packet, hdr.g, kind, seen);
                     hdr.h.b = twice(kind);
                     transition accept;
                 }",
        ingress: "hdr.h.c = (bit<16>)meta.m;",
        deparser: "packet.emit(hdr.h); packet.emit(hdr.g);",
        ..Program::default()
    };
    assert_eq!(
        program.output(&[3, 0, 0, 0, 9, 9, 9, 9]),
        [3, 4, 0, 1, 9, 9, 9, 9]
    );
    assert_eq!(program.output(&[101, 0, 0, 0, 9]), [101, 0, 0, 2, 9]);
}

/// A stack of labels of one byte, the last of which has its highest bit set.
const LABELS: Program<'static> = Program {
    types: "header label_t { bit<1> last; bit<7> label; }",
    header: "bit<8> count;",
    headers: "h_t h; label_t[4] labels;",
    metadata: "bit<8> m;",
    blocks: "",
    parser: "state start { packet.extract(hdr.h); transition labels; }
             state labels {
                 packet.extract(hdr.labels.next);
                 meta.m = (bit<8>)hdr.labels.lastIndex;
                 transition select(hdr.labels.last.last) { 0: labels; default: accept; }
             }",
    verify: "",
    ingress_locals: "",
    ingress: "",
    egress: "",
    compute: "",
    deparser: "packet.emit(hdr.h); packet.emit(hdr.labels);",
};

#[test]
fn a_parser_fills_a_stack_and_the_deparser_emits_its_valid_elements() {
    let program = Program {
        ingress: "hdr.h.count = meta.m + 1;",
        ..LABELS
    };
    assert_eq!(
        program.output(&[0, 1, 2, 0x83, 0xaa]),
        [3, 1, 2, 0x83, 0xaa]
    );
}

#[test]
fn push_and_pop_move_the_elements_of_a_stack() {
    // Section 8.18: what is pushed is invalid, and what is pushed out at the end is lost.
    let push = Program {
        ingress: "hdr.labels.push_front(2); hdr.labels[0].setValid();
                  hdr.labels[0].last = 0; hdr.labels[0].label = 0x55;",
        ..LABELS
    };
    assert_eq!(push.output(&[0, 1, 2, 0x83, 0xaa]), [0, 0x55, 1, 2, 0xaa]);
    let pop = Program {
        ingress: "hdr.labels.pop_front(2);",
        ..LABELS
    };
    assert_eq!(pop.output(&[0, 1, 2, 0x83, 0xaa]), [0, 0x83, 0xaa]);
}

#[test]
fn the_last_element_of_a_stack_is_copied_as_a_whole() {
    let program = |extracts: &'static str| Program {
        headers: "h_t[3] s; h_t copy;",
        parser: extracts,
        deparser: "packet.emit(hdr.copy);",
        ..Program::default()
    };
    let twice = "state start { packet.extract(hdr.s.next); packet.extract(hdr.s.next);
                               hdr.copy = hdr.s.last; transition accept; }";
    assert_eq!(
        program(twice).output(&[1, 2, 0, 3, 4, 5, 0, 6, 7]),
        [4, 5, 0, 6, 7]
    );
    // Section 8.18: reading `last` of an empty stack is an error.
    let never = "state start { hdr.copy = hdr.s.last; transition accept; }";
    assert_eq!(program(never).output(&[1, 2]), [1, 2]);
}

#[test]
fn a_full_stack_signals_stack_out_of_bounds() {
    let program = Program {
        ingress: "if (standard_metadata.parser_error == error.StackOutOfBounds) {
                      hdr.h.count = 0xee;
                  }",
        ..LABELS
    };
    assert_eq!(program.output(&[0, 1, 2, 3, 4, 0x85])[0], 0xee);
}

#[test]
fn lookahead_reads_bits_and_headers_without_moving() {
    let program = Program {
        types: "header head_t { bit<4> version; bit<4> length; }",
        parser: "state start {
                     head_t head = packet.lookahead<head_t>();
                     meta.m = (bit<8>)head.length;
                     transition select(packet.lookahead<bit<4>>()) { 4: four; default: accept; }
                 }
                 state four { packet.extract(hdr.h); transition accept; }",
        ingress: "if (hdr.h.isValid()) { hdr.h.b = meta.m; }",
        ..Program::default()
    };
    assert_eq!(program.output(&[0x4a, 0, 0, 0]), [0x4a, 0x0a, 0, 0]);
    assert_eq!(program.output(&[0x6a, 0, 0, 0]), [0x6a, 0, 0, 0]);
}

#[test]
fn a_varbit_field_has_the_length_that_was_extracted() {
    let program = Program {
        types: "header options_t { varbit<64> data; }",
        headers: "h_t h; options_t options;",
        parser: "state start {
                     packet.extract(hdr.h);
                     packet.extract(hdr.options, (bit<32>)hdr.h.a * 8);
                     transition accept;
                 }",
        ingress: "if (standard_metadata.parser_error == error.HeaderTooShort) { hdr.h.b = 1; }
                  if (hdr.h.a == 2) { hdr.options.setInvalid(); }",
        deparser: "packet.emit(hdr.h); packet.emit(hdr.options);",
        ..Program::default()
    };
    assert_eq!(
        program.output(&[3, 0, 0, 0, 7, 8, 9, 1]),
        [3, 0, 0, 0, 7, 8, 9, 1]
    );
    assert_eq!(
        program.output(&[2, 0, 0, 0, 7, 8, 9, 1]),
        [2, 0, 0, 0, 9, 1]
    );
    assert_eq!(
        program.output(&[9, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9])[..2],
        [9, 1]
    );
}

/// A table on the first field, with constant entries.
const TABLE: &str = "
    action set(bit<8> value) { hdr.h.b = value; }
    action add() { hdr.h.b = hdr.h.b + 1; return; }
    action nothing() { }
    table t {
        key = { hdr.h.a: ternary; }
        actions = { set; add; nothing; }
        const entries = {
            1: set(0x11);
            2: add();
            0x80 &&& 0xf0: set(0x22);
            0x88: set(0x33);
        }
        const default_action = nothing();
    }";

#[test]
fn the_first_constant_entry_that_matches_wins() {
    let program = Program {
        ingress_locals: TABLE,
        ingress: "t.apply();",
        ..Program::default()
    };
    assert_eq!(program.output(&[1, 0, 0, 0]), [1, 0x11, 0, 0]);
    assert_eq!(program.output(&[2, 5, 0, 0]), [2, 6, 0, 0]);
    assert_eq!(program.output(&[0x88, 0, 0, 0]), [0x88, 0x22, 0, 0]);
    assert_eq!(program.output(&[3, 5, 0, 0]), [3, 5, 0, 0]);
}

#[test]
fn hit_miss_and_action_run_choose_a_branch() {
    let hit = Program {
        ingress_locals: TABLE,
        ingress: "if (t.apply().hit) { hdr.h.c = 1; } else { hdr.h.c = 2; }",
        ..Program::default()
    };
    assert_eq!(hit.output(&[2, 0, 0, 0]), [2, 1, 0, 1]);
    assert_eq!(hit.output(&[3, 0, 0, 0]), [3, 0, 0, 2]);
    let miss = Program {
        ingress: "bool hot = hdr.h.a == 2; if (hot && !t.apply().miss) { hdr.h.c = 1; }",
        ..hit
    };
    assert_eq!(miss.output(&[2, 0, 0, 0]), [2, 1, 0, 1]);
    assert_eq!(miss.output(&[1, 0, 0, 0]), [1, 0, 0, 0]);
    let run = Program {
        ingress: "switch (t.apply().action_run) {
                      set:
                      add: { hdr.h.c = 1; }
                      default: { hdr.h.c = 2; }
                  }",
        ..hit
    };
    assert_eq!(run.output(&[1, 0, 0, 0]), [1, 0x11, 0, 1]);
    assert_eq!(run.output(&[2, 0, 0, 0]), [2, 1, 0, 1]);
    assert_eq!(run.output(&[3, 0, 0, 0]), [3, 0, 0, 2]);
}

#[test]
fn a_switch_over_a_value_runs_one_case() {
    let program = Program {
        ingress: "switch (hdr.h.a) {
                      1:
                      2: { hdr.h.b = 0x12; hdr.h.a = 3; }
                      3: { hdr.h.b = 0x33; }
                      default: { hdr.h.b = 0xdd; }
                  }",
        ..Program::default()
    };
    for (a, out) in [
        (1, [3, 0x12]),
        (2, [3, 0x12]),
        (3, [3, 0x33]),
        (4, [4, 0xdd]),
    ] {
        assert_eq!(program.output(&[a, 0, 0, 0])[..2], out);
    }
}

#[test]
fn branches_and_jumps_in_an_action_work() {
    let program = Program {
        ingress_locals: "action classify(in bit<8> x, out bit<8> kind) {
                             kind = 0;
                             if (x < 10) { kind = 1; if (x == 5) { return; } kind = 2; }
                             else if (x > 200) { exit; }
                             kind = kind + 0x10;
                         }
                         action act() { classify(hdr.h.a, hdr.h.b); hdr.h.c = 1; }
                         table t { actions = { act; } const default_action = act(); }",
        ingress: "t.apply();",
        ..Program::default()
    };
    assert_eq!(program.output(&[5, 9, 0, 0]), [5, 1, 0, 1]);
    assert_eq!(program.output(&[6, 9, 0, 0]), [6, 0x12, 0, 1]);
    assert_eq!(program.output(&[50, 9, 0, 0]), [50, 0x10, 0, 1]);
    // `exit` ends the action too, but copies results back.
    assert_eq!(program.output(&[201, 9, 0, 0]), [201, 0, 0, 0]);
}

#[test]
fn keys_may_be_expressions() {
    let program = Program {
        ingress_locals: "action set(bit<8> value) { hdr.h.b = value; }
                         table t {
                             key = { hdr.h.a + 1: exact @name(\"a\"); hdr.h.isValid(): exact;
                                     hdr.h.c[7:4]: exact @name(\"c\"); hdr.h.c & 0x0f00: exact @name(\"d\"); }
                             actions = { set; NoAction; }
                             const entries = { (0, true, 5, 0x0300): set(0x77); }
                             const default_action = NoAction();
                         }",
        ingress: "t.apply();",
        ..Program::default()
    };
    assert_eq!(
        program.output(&[0xff, 0, 0xf3, 0x5f]),
        [0xff, 0x77, 0xf3, 0x5f]
    );
    assert_eq!(
        program.output(&[0xff, 0, 0xf4, 0x5f]),
        [0xff, 0, 0xf4, 0x5f]
    );
    assert_eq!(
        program.output(&[0xfe, 0, 0xf3, 0x5f]),
        [0xfe, 0, 0xf3, 0x5f]
    );
}

#[test]
fn the_directed_arguments_of_an_action_in_a_table_are_bound_there() {
    let program = Program {
        ingress_locals: "action swap(inout bit<8> x, inout bit<8> y, bit<8> plus) {
                             bit<8> old = x; x = y + plus; y = old;
                         }
                         table t {
                             actions = { swap(hdr.h.a, hdr.h.b); }
                             const default_action = swap(hdr.h.a, hdr.h.b, 5);
                         }",
        ingress: "t.apply();",
        ..Program::default()
    };
    assert_eq!(program.output(&[1, 2, 0, 0]), [7, 1, 0, 0]);
}

#[test]
fn an_action_selector_hashes_its_selector_fields() {
    let program = Program {
        ingress_locals: "action set(bit<8> value) { hdr.h.b = value; }
                         action_selector(HashAlgorithm.crc16, 64, 16) selector_of_t;
                         table t {
                             key = { hdr.h.a: exact; hdr.h.c: selector; }
                             actions = { set; NoAction; }
                             implementation = selector_of_t;
                         }",
        ingress: "t.apply();",
        ..Program::default()
    };
    let switch = program.switch();
    let set = |value| SetAction {
        action: ActionCall::new("I.set", vec![vec![value]]),
        weight: 1,
        watch_port: None,
    };
    let entry = TableEntry {
        key: EntryKey {
            matches: vec![KeyMatch::Exact(vec![1])],
            priority: 0,
        },
        action: EntryAction::ActionSet(vec![set(0x11), set(0x22)].into()),
    };
    switch
        .write(|state| state.insert_entry("I.t", &entry))
        .unwrap();
    let choice = |c: u16| {
        let [high, low] = c.to_be_bytes();
        switch.process(0, &[1, 0, high, low])[0].1[1]
    };
    let choices: Vec<u8> = (0..64).map(choice).collect();
    assert!(choices.iter().all(|choice| [0x11, 0x22].contains(choice)));
    assert!(
        choices.contains(&0x11) && choices.contains(&0x22),
        "{choices:?}"
    );
    assert_eq!(
        choices,
        (0..64).map(choice).collect::<Vec<_>>(),
        "a flow stays where it is"
    );
    assert_eq!(switch.process(0, &[2, 0, 0, 0])[0].1, [2, 0, 0, 0]);
}

/// The checksum of RFC 1071.
fn internet_checksum(bytes: &[u8]) -> [u8; 2] {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

#[test]
fn checksums_are_verified_and_updated_under_their_condition() {
    let program = Program {
        types: "header options_t { varbit<64> data; }",
        header: "bit<8> a; bit<8> length; bit<16> sum;",
        headers: "h_t h; options_t options;",
        parser: "state start {
                     packet.extract(hdr.h);
                     transition select(hdr.h.length) { 0: accept; default: options; }
                 }
                 state options {
                     packet.extract(hdr.options, (bit<32>)hdr.h.length << 3);
                     transition accept;
                 }",
        verify: "verify_checksum(hdr.options.isValid(),
                     { hdr.h.a, hdr.h.length, hdr.options.data }, hdr.h.sum, HashAlgorithm.csum16);",
        ingress: "if (standard_metadata.checksum_error == 1) { hdr.h.a = 0xee; }
                  else { hdr.h.a = hdr.h.a + 1; }",
        compute: "update_checksum(hdr.h.a != 0xee,
                      { hdr.h.a, hdr.h.length, hdr.options.data }, hdr.h.sum, HashAlgorithm.csum16);",
        deparser: "packet.emit(hdr.h); packet.emit(hdr.options);",
        ..Program::default()
    };
    let good = internet_checksum(&[1, 4, 0xde, 0xad, 0xbe, 0xef]);
    let updated = internet_checksum(&[2, 4, 0xde, 0xad, 0xbe, 0xef]);
    assert_eq!(
        program.output(&[1, 4, good[0], good[1], 0xde, 0xad, 0xbe, 0xef]),
        [2, 4, updated[0], updated[1], 0xde, 0xad, 0xbe, 0xef]
    );
    assert_eq!(
        program.output(&[1, 4, 0, 0, 0xde, 0xad, 0xbe, 0xef]),
        [0xee, 4, 0, 0, 0xde, 0xad, 0xbe, 0xef]
    );
    let short = internet_checksum(&[2, 0]);
    assert_eq!(program.output(&[1, 0, 9, 9]), [2, 0, short[0], short[1]]);
}

#[test]
fn a_checksum_with_payload_covers_what_the_parser_left() {
    let program = Program {
        compute: "update_checksum_with_payload(true, { hdr.h.a, hdr.h.b }, hdr.h.c,
                      HashAlgorithm.csum16);",
        ..Program::default()
    };
    let sum = internet_checksum(&[1, 2, 3, 4, 5, 6]);
    assert_eq!(
        program.output(&[1, 2, 0, 0, 3, 4, 5, 6]),
        [1, 2, sum[0], sum[1], 3, 4, 5, 6]
    );
}

#[test]
fn a_hash_lies_between_base_and_base_plus_max() {
    let program = Program {
        ingress: "hash(hdr.h.c, HashAlgorithm.crc16, (bit<16>)100, { hdr.h.a + 1, 8w3 }, (bit<16>)7);",
        ..Program::default()
    };
    let switch = program.switch();
    let mut seen = HashSet::new();
    for a in 0..=255 {
        let out = &switch.process(0, &[a, 0, 0, 0])[0].1;
        let hash = u16::from_be_bytes([out[2], out[3]]);
        assert!((100..107).contains(&hash), "{hash}");
        seen.insert(hash);
    }
    assert_eq!(seen.len(), 7, "{seen:?}");
}

#[test]
fn registers_keep_their_values_from_packet_to_packet() {
    let program = Program {
        ingress_locals: "register<bit<8>>(4) seen;",
        ingress: "bit<8> old; seen.read(old, (bit<32>)hdr.h.a); hdr.h.b = old;
                  seen.write((bit<32>)hdr.h.a, old + 3);",
        ..Program::default()
    };
    let switch = program.switch();
    assert_eq!(switch.process(0, &[2, 0, 0, 0])[0].1, [2, 0, 0, 0]);
    assert_eq!(switch.process(0, &[2, 0, 0, 0])[0].1, [2, 3, 0, 0]);
    assert_eq!(switch.process(0, &[1, 0, 0, 0])[0].1, [1, 0, 0, 0]);
}

#[test]
fn counters_count_by_index_and_by_entry() {
    let program = Program {
        ingress_locals: "counter(4, CounterType.packets) by_index;
                         direct_counter(CounterType.packets_and_bytes) by_entry;
                         table t {
                             key = { hdr.h.a: exact; }
                             actions = { NoAction; }
                             counters = by_entry;
                         }",
        ingress: "by_index.count((bit<32>)hdr.h.b + 1); t.apply();",
        ..Program::default()
    };
    let switch = program.switch();
    let key = EntryKey {
        matches: vec![KeyMatch::Exact(vec![1])],
        priority: 0,
    };
    let entry = TableEntry {
        key: key.clone(),
        action: EntryAction::Action(ActionCall::new("NoAction", Vec::new())),
    };
    switch
        .write(|state| state.insert_entry("I.t", &entry))
        .unwrap();
    let _ = switch.process(0, &[1, 2, 0, 0]);
    let _ = switch.process(0, &[1, 2, 0, 0]);
    let _ = switch.process(0, &[2, 0, 0, 0]);
    let packets = |index| {
        switch
            .read(|state| state.counter("I.by_index", index))
            .unwrap()
            .packets
    };
    assert_eq!(
        [packets(0), packets(1), packets(2), packets(3)],
        [0, 1, 0, 2]
    );
    let reference = EntryRef::Key(key);
    let counted = switch
        .read(|state| state.direct_counter("I.t", &reference))
        .unwrap();
    assert_eq!((counted.packets, counted.bytes), (2, 8));
}

#[test]
fn a_resubmitted_packet_keeps_the_metadata_of_its_field_list() {
    let program = Program {
        metadata: "bit<8> plain; @field_list(1) bit<8> kept;",
        ingress: "if (standard_metadata.instance_type == 0) {
                      meta.plain = 5; meta.kept = 6;
                      resubmit_preserving_field_list(1);
                  } else {
                      hdr.h.a = meta.plain; hdr.h.b = meta.kept;
                  }",
        ..Program::default()
    };
    assert_eq!(program.output(&[1, 1, 1, 1]), [0, 6, 1, 1]);
}

#[test]
fn a_dropped_packet_does_not_come_out() {
    let program = Program {
        ingress: "if (hdr.h.a == 1) { mark_to_drop(standard_metadata); }",
        ..Program::default()
    };
    assert_eq!(program.run(&[1, 0, 0, 0]), []);
    assert_eq!(program.run(&[2, 0, 0, 0]).len(), 1);
}
