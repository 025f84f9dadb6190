use super::*;
use crate::hir::BinaryOp;
use crate::syntax::ast::{Decl, KeySetKind, Local, PropertyValue, StmtKind, Transition};

fn parse_all(text: &str) -> (Program, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let program = parse(text, &mut diagnostics);
    let messages = diagnostics
        .into_vec()
        .into_iter()
        .map(|d| d.message().to_owned())
        .collect();
    (program, messages)
}

fn parse_ok(text: &str) -> Program {
    let (program, messages) = parse_all(text);
    assert_eq!(messages, Vec::<String>::new(), "{text}");
    program
}

/// The operators of an expression in prefix form.
fn shape(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Int(literal) => literal.value.to_string(),
        ExprKind::Path(path) => path.name.name.to_string(),
        ExprKind::Binary { op, left, right } => {
            format!("({op:?} {} {})", shape(left), shape(right))
        }
        ExprKind::Unary { op, operand } => format!("({op:?} {})", shape(operand)),
        ExprKind::Cast { operand, .. } => format!("(cast {})", shape(operand)),
        ExprKind::Conditional {
            condition,
            then,
            otherwise,
        } => {
            format!(
                "(? {} {} {})",
                shape(condition),
                shape(then),
                shape(otherwise)
            )
        }
        ExprKind::Call {
            callee,
            type_args,
            args,
        } => {
            let args = args.iter().filter_map(|arg| arg.value.as_ref()).map(shape);
            let args = args.collect::<Vec<_>>().join(" ");
            format!("({}<{}> {args})", shape(callee), type_args.len())
        }
        ExprKind::Member { base, name } => format!("{}.{}", shape(base), name.name),
        ExprKind::Type(_) => "type".to_owned(),
        other => format!("{other:?}"),
    }
}

fn expr(text: &str) -> String {
    let program = parse_ok(&format!("struct T {{ }} const bit<8> x = {text};"));
    match &program.decls[1] {
        Decl::Constant(constant) => shape(&constant.value),
        other => panic!("{other:?}"),
    }
}

#[test]
fn operators_bind_as_the_specification_says() {
    assert_eq!(expr("a + b * c"), "(Add a (Mul b c))");
    assert_eq!(expr("a == b & c"), "(Eq a (BitAnd b c))");
    assert_eq!(expr("a << 2 ++ b"), "(Shl a (Concat 2 b))");
    assert_eq!(expr("a >> 2 > b"), "(Gt (Shr a 2) b)");
    assert_eq!(expr("a - b - c"), "(Sub (Sub a b) c)");
    assert_eq!(expr("a || b && !c"), "(Or a (And b (Not c)))");
    assert_eq!(expr("a ? b : c ? d : e"), "(? a b (? c d e))");
}

#[test]
fn casts_and_generic_calls_depend_on_types() {
    assert_eq!(expr("(T) - 1"), "(cast (Neg 1))");
    assert_eq!(expr("(a) - 1"), "(Sub a 1)");
    assert_eq!(expr("(bit<8>) a + 1"), "(Add (cast a) 1)");
    assert_eq!(expr("f<T>(a)"), "(f<1> a)");
    assert_eq!(
        expr("p.lookahead<bit<(4 > 3 ? 1 : 2)>>()"),
        "(p.lookahead<1> )"
    );
    assert_eq!(expr("a < b"), "(Lt a b)");
    assert_eq!(expr("error.NoMatch"), "type.NoMatch");
}

#[test]
fn a_type_parameter_shadows_only_inside() {
    let program = parse_ok(
        "extern E<T> { E(); T get<U>(in U u); }
         action a(bit<8> T) { bit<8> y = (T) - 1; }",
    );
    let Decl::Action(action) = &program.decls[1] else {
        panic!()
    };
    let StmtKind::Variable(variable) = &action.body[0].kind else {
        panic!()
    };
    assert_eq!(shape(variable.init.as_ref().unwrap()), "(Sub T 1)");
}

#[test]
fn tables_keep_all_their_parts() {
    let program = parse_ok(
        "control c(inout bit<8> x) {
            table t {
                key = { x : exact @name(\"k\"); x & 3 : ternary; }
                actions = { @tableonly a(x); NoAction; }
                const default_action = NoAction();
                size = 4;
                const entries = {
                    (1, 2 &&& 3) : a(4);
                    priority = 10 : (default, 1 .. 2) : a(5) @x;
                    const (1) : NoAction();
                }
            }
            apply { t.apply(); }
        }",
    );
    let Decl::Control(control) = &program.decls[0] else {
        panic!()
    };
    let Local::Table(table) = &control.locals[0] else {
        panic!()
    };
    let names: Vec<_> = table
        .properties
        .iter()
        .map(|p| (&*p.name.name, p.constant))
        .collect();
    assert_eq!(
        names,
        [
            ("key", false),
            ("actions", false),
            ("default_action", true),
            ("size", false),
            ("entries", true)
        ]
    );
    let PropertyValue::Entries(entries) = &table.properties[4].value else {
        panic!()
    };
    let KeySetKind::Tuple(parts) = &entries[0].keys.kind else {
        panic!()
    };
    assert!(matches!(parts[1].kind, KeySetKind::Mask(..)));
    assert!(entries[1].priority.is_some());
    assert!(entries[2].constant && matches!(entries[2].keys.kind, KeySetKind::Value(_)));
}

#[test]
fn parsers_have_states_and_select() {
    let program = parse_ok(
        "parser p(packet_in b, out H h)(bit<8> n) {
            value_set<bit<16>>(4) vs;
            state start { b.extract(h.e); transition select(h.e.t, h.x) { (1, _) : next; vs : accept; default : reject; } }
            state next { h.y = 1; h.y += 2; h.y >>= 1; transition accept; }
        }",
    );
    let Decl::Parser(parser) = &program.decls[0] else {
        panic!()
    };
    let Some(Transition::Select { exprs, cases, .. }) = &parser.states[0].transition else {
        panic!()
    };
    assert_eq!((exprs.len(), cases.len()), (2, 3));
    let ops: Vec<_> = parser.states[1]
        .body
        .iter()
        .filter_map(|stmt| match &stmt.kind {
            StmtKind::OpAssign { op, .. } => Some(*op),
            _ => None,
        })
        .collect();
    assert_eq!(ops, [BinaryOp::Add, BinaryOp::Shr]);
}

#[test]
fn several_errors_come_in_one_run() {
    let (program, messages) = parse_all(
        "struct S { bit<8> }
         control c() { apply { x = ; y = 1; z + 1; } }
         header H { bit<8> f; }
         foo;",
    );
    assert_eq!(
        messages,
        [
            "expected the name of a field, but there is `}`",
            "expected an expression, but there is `;`",
            "expected an assignment or a call, but there is `+`",
            "expected the name of a function, but there is `;`",
        ]
    );
    assert_eq!(program.decls.len(), 2);
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    for text in [
        format!(
            "const bit<8> x = {}1{};",
            "(".repeat(100_000),
            ")".repeat(100_000)
        ),
        format!("const bit<8> x = {}1;", "-".repeat(100_000)),
        format!("const bit<8> x = 1{};", "+1".repeat(100_000)),
        format!("const bit<8> x = a{};", ".a".repeat(100_000)),
        format!("const {}bit<8>", "tuple<".repeat(100_000)),
        format!("control c() {{ apply {}", "{".repeat(100_000)),
        format!("control c() {{ apply {{ {}", "if (a) ".repeat(100_000)),
        format!("const bit<8> x = {};", "a<bit<(".repeat(10_000)),
    ] {
        let (_, messages) = crate::on_large_stack(|| parse_all(&text));
        assert!(!messages.is_empty());
    }
}

#[test]
fn truncated_programs_are_errors() {
    let text = "@name(\"x\") header H { bit<8> f; } control c(in H h)(bit<8> n) { \
                action a(bit<8> b) { h.f = (bit<8>) {1, 2}[3:0]; } table t { key = { h.f : exact; } \
                actions = { a(1); } const entries = { (1, 2 .. 3) : a(4); } } \
                apply { switch (t.apply().action_run) { a: { exit; } default: { } } } }";
    parse_ok(text);
    for end in (0..text.len()).step_by(1) {
        parse_all(&text[..end]);
    }
}
