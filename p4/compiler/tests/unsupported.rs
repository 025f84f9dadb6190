//! What the target cannot do is refused by name: never compiled to something else.

mod support;

use support::Program;

fn refused(program: &Program<'_>, words: &str) {
    let error = program.error();
    assert!(error.contains(words), "`{words}` is not in: {error}");
}

#[test]
fn a_header_of_broken_bytes_is_refused() {
    refused(
        &Program {
            header: "bit<8> a; bit<3> b;",
            ..Program::default()
        },
        "the fields of the header `h_t` have 11 bits in total",
    );
}

#[test]
fn a_header_with_two_varbits_is_refused() {
    let program = Program {
        header: "varbit<8> a; varbit<8> b;",
        parser: "state start { transition accept; }",
        ..Program::default()
    };
    refused(&program, "more than one varbit field");
}

#[test]
fn a_key_with_two_prefixes_is_refused() {
    let program = Program {
        ingress_locals: "table t { key = { hdr.h.a: lpm; hdr.h.b: lpm; } actions = { NoAction; } }",
        ingress: "t.apply();",
        ..Program::default()
    };
    refused(&program, "has more than one lpm field");
}

#[test]
fn a_table_with_different_successors_is_refused() {
    let program = Program {
        ingress_locals: "table t { actions = { NoAction; } default_action = NoAction(); }",
        ingress: "if (hdr.h.a == 1) { t.apply(); hdr.h.b = 1; } else { t.apply(); hdr.h.b = 2; }",
        ..Program::default()
    };
    refused(&program, "different successors");
}

#[test]
fn a_table_that_is_applied_twice_on_one_way_is_refused() {
    let program = Program {
        ingress_locals: "table t { actions = { NoAction; } default_action = NoAction(); }",
        ingress: "t.apply(); hdr.h.b = 1; t.apply();",
        ..Program::default()
    };
    refused(&program, "applied twice on one way");
}

#[test]
fn a_condition_in_the_deparser_is_refused() {
    let program = Program {
        deparser: "if (hdr.h.a == 1) { packet.emit(hdr.h); }",
        ..Program::default()
    };
    refused(&program, "a condition in the deparser");
}

#[test]
fn a_computation_in_the_data_of_a_checksum_is_refused() {
    let program = Program {
        compute: "update_checksum(true, { hdr.h.a + 1, hdr.h.b }, hdr.h.c, HashAlgorithm.csum16);",
        ..Program::default()
    };
    refused(&program, "may hold fields and constants only");
}

#[test]
fn an_extern_that_the_target_does_not_have_is_refused() {
    let program = Program {
        types: "extern Meter<T> { Meter(bit<32> n); T go(in T x); }",
        ingress_locals: "Meter<bit<8>>(3) m;",
        ingress: "hdr.h.a = m.go(hdr.h.b);",
        ..Program::default()
    };
    refused(&program, "objects of the extern type `Meter`");
    let function = Program {
        types: "extern void teleport(in bit<8> where);",
        ingress: "teleport(hdr.h.a);",
        ..Program::default()
    };
    refused(&function, "the extern function `teleport`");
}

#[test]
fn what_belongs_to_one_pipeline_is_refused_in_the_other() {
    let resubmit = Program {
        egress: "resubmit_preserving_field_list(1);",
        ..Program::default()
    };
    refused(&resubmit, "can be called in ingress only");
    let recirculate = Program {
        ingress: "recirculate_preserving_field_list(1);",
        ..Program::default()
    };
    refused(&recirculate, "can be called in egress only");
}

#[test]
fn a_wide_shift_amount_is_refused() {
    let program = Program {
        ingress: "hdr.h.a = hdr.h.a << hdr.h.c;",
        ..Program::default()
    };
    refused(&program, "the amount of a shift has 16 bits");
}

#[test]
fn ids_that_collide_or_lie_are_refused() {
    let wrong = Program {
        ingress_locals: "@id(0x01000001) table t { actions = { NoAction; } }",
        ingress: "t.apply();",
        ..Program::default()
    };
    refused(&wrong, "has a wrong prefix");
    let twice = Program {
        ingress_locals: "@id(1) table t { actions = { NoAction; } } @id(1) table u { actions = { NoAction; } }",
        ingress: "t.apply(); u.apply();",
        ..Program::default()
    };
    refused(&twice, "is given to more than one object");
}

#[test]
fn names_that_the_control_plane_could_not_tell_apart_are_refused() {
    let actions = Program {
        ingress_locals: "@name(\".x\") action a() { } @name(\".x\") action b() { }
                         table t { actions = { a; b; } default_action = a(); }",
        ingress: "t.apply();",
        ..Program::default()
    };
    refused(&actions, "more than one action named `x`");
    let tables = Program {
        ingress_locals: "@name(\"t\") table t { actions = { NoAction; } }
                         @name(\"t\") table u { actions = { NoAction; } }",
        ingress: "t.apply(); u.apply();",
        ..Program::default()
    };
    refused(&tables, "more than one table named `I.t`");
}

#[test]
fn a_version_of_v1model_that_there_is_not_is_refused() {
    use p4_compiler::{Define, Options, Source, compile};
    let error = |version: &str| {
        let text = Program::default().text();
        let name = "test.p4".to_owned();
        let options = Options {
            defines: vec![Define::Define(format!("V1MODEL_VERSION={version}"))],
            ..Options::default()
        };
        match compile(&Source::Text { name, text }, &options) {
            Ok(_) => String::new(),
            Err(reports) => reports[reports.len() - 1].message().to_owned(),
        }
    };
    assert_eq!(error("20200408"), "");
    assert_eq!(error("20000101"), "20000101 is no version of v1model");
    assert!(
        error("-5").ends_with("is no version of v1model"),
        "{}",
        error("-5")
    );
}

#[test]
fn loops_that_bmv2_cannot_run_are_refused() {
    let ingress = |locals: &'static str, body: &'static str| Program {
        ingress_locals: locals,
        ingress: body,
        ..Program::default()
    };
    let table = "table t { actions = { NoAction; } default_action = NoAction(); }";
    refused(
        &ingress(table, "for (bit<8> i = 0; i < 3; i = i + 1) { t.apply(); }"),
        "applying a table inside a loop",
    );
    refused(
        &ingress("", "for (bit<8> i = 0; i < 3; i = i + 1) { return; }"),
        "`return` from inside a loop",
    );
    refused(
        &ingress("", "for (bit<8> i in (tuple<bit<8>>) {1}) { }"),
        "a loop over anything but a range",
    );
    refused(&ingress("", "break;"), "`break` is only for loops");
    let parser = Program {
        parser: "state start { for (bit<8> i = 0; i < 3; i = i + 1) { } transition accept; }",
        ..Program::default()
    };
    refused(&parser, "a loop in a parser");
    let compute = Program {
        compute: "for (bit<8> i = 0; i < 3; i = i + 1) { }",
        ..Program::default()
    };
    refused(&compute, "a loop outside ingress and egress");
}
