//! Programs that the compiler takes, and what the typed tree says of them.

use std::path::Path;

use p4_compiler::hir::{Const, Expr, ExprKind, InstanceKind, Program, StmtKind, Table};
use p4_compiler::{
    Analysis, Options, Report, Source, WarningAction, WarningClass, WarningRule, analyse, compile,
};

fn options() -> Options {
    Options {
        include_directories: vec![Path::new("tests/accepted/include").to_owned()],
        // What BMv2 does not do is not what these tests are about.
        warnings: vec![WarningRule {
            class: Some(WarningClass::Unsupported),
            action: WarningAction::Ignore,
        }],
        ..Options::default()
    }
}

fn source(name: &str) -> Source {
    Source::File(Path::new("tests/accepted").join(name).with_extension("p4"))
}

fn program(name: &str) -> Program {
    match analyse(&source(name), &options()) {
        Ok(Analysis {
            program, warnings, ..
        }) => {
            let warnings: Vec<String> = warnings.iter().map(Report::render).collect();
            assert!(warnings.is_empty(), "{}", warnings.join("\n"));
            program
        }
        Err(reports) => {
            let reports: Vec<String> = reports.iter().map(Report::render).collect();
            panic!("{}", reports.join("\n"));
        }
    }
}

fn table<'p>(program: &'p Program, name: &str) -> &'p Table {
    program
        .tables
        .iter()
        .find(|table| table.name == name)
        .unwrap()
}

fn number(expr: &Expr) -> i64 {
    match expr.constant() {
        Some(Const::Int(value)) => i64::try_from(value).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn whole_programs_compile() {
    for name in ["language", "loops", "router"] {
        if let Err(reports) = compile(&source(name), &options()) {
            let reports: Vec<String> = reports.iter().map(Report::render).collect();
            panic!("{name}: {}", reports.join("\n"));
        }
    }
}

#[test]
fn keys_have_the_names_that_the_control_plane_sees() {
    let program = program("language");
    let names = |table_name: &str| -> Vec<(String, String)> {
        let key = &table(&program, table_name).key;
        key.iter()
            .map(|element| (element.name.clone(), element.match_kind.clone()))
            .collect()
    };
    let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    assert_eq!(
        names("ilm"),
        pairs(&[("label", "exact"), ("hdr.mpls[0].$valid$", "exact")])
    );
    assert_eq!(
        names("ftn"),
        pairs(&[
            ("hdr.ethernet.dst[47:24]", "ternary"),
            ("std.ingress_port & 0x1f", "range"),
            ("meta.vrf", "optional"),
        ])
    );
}

#[test]
fn entries_get_their_priorities_and_typed_data() {
    let program = program("language");
    let entries = table(&program, "ftn").entries.as_ref().unwrap();
    let priorities: Vec<_> = entries.entries.iter().map(|entry| entry.priority).collect();
    assert_eq!(priorities, [Some(2), Some(1)]);
    assert!(
        entries
            .entries
            .iter()
            .all(|entry| entry.largest_priority_wins && !entry.constant)
    );
    let data: Vec<i64> = entries
        .entries
        .iter()
        .map(|entry| number(&entry.data[0]))
        .collect();
    assert_eq!(data, [100, 200]);
    assert_eq!(program.type_name(entries.entries[0].data[0].ty), "bit<20>");
    let fixed = table(&program, "fixed_entries").entries.as_ref().unwrap();
    assert!(fixed.constant && fixed.entries.iter().all(|entry| entry.priority.is_none()));
}

#[test]
fn a_table_without_a_default_action_has_no_action() {
    let program = program("language");
    let nhlfe = table(&program, "nhlfe");
    let default = &nhlfe.default_action;
    assert!(default.implicit && !default.constant);
    let action = &nhlfe.actions[default.action];
    assert!(action.implicit && action.annotations.default_only);
    assert_eq!(program[action.action].name, "NoAction");
    // A list that has it already gets no second one.
    assert_eq!(table(&program, "ftn").actions.len(), 2);
}

#[test]
fn constructor_values_are_bound_in_a_control_of_their_own() {
    let program = program("language");
    let InstanceKind::Control { control, .. } = program[program.main.ingress].kind else {
        panic!("the ingress is a control")
    };
    let instances = &program[control].instances;
    let named = |name: &str| {
        let found = instances
            .iter()
            .find(|instance| program[**instance].name == name);
        &program[*found.unwrap()]
    };
    let (InstanceKind::Control { control: a, .. }, InstanceKind::Control { control: b, .. }) =
        (&named("hash_a").kind, &named("hash_b").kind)
    else {
        panic!("both are controls")
    };
    assert_ne!(a, b);
    let condition = |id: &p4_compiler::hir::ControlId| {
        let stmts = &program[*id].body.stmts;
        stmts.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::If { condition, .. } => condition.constant().cloned(),
            _ => None,
        })
    };
    assert_eq!(condition(a), Some(Const::Bool(true)));
    assert_eq!(condition(b), Some(Const::Bool(false)));
    // `Count.apply(...)` has an instance that is named as the control.
    assert!(named("Count").anonymous);
    assert_eq!(
        named("Count").control_plane_name.under("TheIngress"),
        "TheIngress.Count"
    );
}

#[test]
fn initialisers_become_lists_of_all_fields() {
    let program = program("language");
    let push = program
        .actions
        .iter()
        .find(|action| action.name == "push")
        .unwrap();
    assert_eq!(
        push.control_plane_name.under("TheIngress"),
        "TheIngress.push_one"
    );
    let StmtKind::Assign { target, value } = &push.body.stmts[2].kind else {
        panic!("the last statement is an assignment")
    };
    let ExprKind::List(fields) = &value.kind else {
        panic!("its value is a list")
    };
    assert_eq!((target.ty, fields.len()), (value.ty, 4));
    assert_eq!(number(&fields[3]), 64);
    assert_eq!(program.type_name(fields[3].ty), "bit<8>");
}

#[test]
fn annotations_of_p4runtime_are_read() {
    let program = program("router");
    let header = program
        .structs
        .iter()
        .find(|decl| decl.name == "packet_in_t")
        .unwrap();
    assert_eq!(
        header.annotations.controller_header.as_deref(),
        Some("packet_in")
    );
    assert_eq!(header.fields[0].annotations.id, Some(1));
    let metadata = program
        .structs
        .iter()
        .find(|decl| decl.name == "metadata_t")
        .unwrap();
    assert_eq!(metadata.fields[0].annotations.field_lists, [1]);
}
