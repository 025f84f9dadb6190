use super::*;

fn run(text: &str) -> (String, Vec<String>) {
    run_with(text, &Options::default())
}

fn run_with(text: &str, options: &Options) -> (String, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let source = Source::Text {
        name: "test.p4".to_owned(),
        text: text.to_owned(),
    };
    let map = preprocess(&source, options, &mut diagnostics);
    let lines: Vec<&str> = map
        .text()
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    let messages = diagnostics
        .into_vec()
        .into_iter()
        .map(|diagnostic| {
            let report = diagnostic.into_report(&map);
            match report.location() {
                Some(at) => format!("{}:{}: {}", at.line, at.column, report.message()),
                None => report.message().to_owned(),
            }
        })
        .collect();
    (lines.join("\n"), messages)
}

fn text(program: &str) -> String {
    let (text, messages) = run(program);
    assert_eq!(messages, Vec::<String>::new());
    text
}

#[test]
fn macros_expand() {
    assert_eq!(text("#define N 4\nbit<N> x = N; // N"), "bit<4> x = 4;");
    assert_eq!(text("#define A B\n#define B A\nA B"), "A B");
    assert_eq!(
        text("#define F(x, y) x + y\nF(1, (2, 3)) F"),
        "1 + (2, 3) F"
    );
    assert_eq!(text("#define F(x) [x]\n#define G F\nG(1) G"), "[1] F");
    assert_eq!(text("#define F(x) x x\nF(F(a))"), "a a a a");
    assert_eq!(text("#define E\nE a E").trim(), "a");
}

#[test]
fn stringize_and_paste() {
    assert_eq!(text("#define S(x) #x\nS(a  + \"b\")"), "\"a + \\\"b\\\"\"");
    assert_eq!(
        text("#define P(a, b) a##b\nP(x, 1) P(8, w0) P(+, +)"),
        "x1 8w0 ++"
    );
    assert_eq!(
        text("#define V(f, ...) f(__VA_ARGS__)\nV(g, 1, 2) V(g)"),
        "g(1, 2) g()"
    );
}

#[test]
fn an_expansion_does_not_grow_together_with_its_neighbours() {
    assert_eq!(text("#define M -1\nx = -M+M;"), "x = - -1+ -1;");
    assert_eq!(text("#define W 8\nW W"), "8 8");
    assert_eq!(
        text("#define T bit<8>\nregister<T>(1) r;"),
        "register<bit<8> >(1) r;"
    );
}

#[test]
fn conditionals_choose() {
    assert_eq!(
        text("#if defined(X) || 0\na\n#elif 1\nb\n#else\nc\n#endif"),
        "b"
    );
    assert_eq!(
        text("#ifndef X\n#define X 3\n#endif\n#if X > 2\nX\n#endif"),
        "3"
    );
    assert_eq!(
        text("#if 0\n#if 1\na\n#else\nb\n#endif\n#error no\n/* \n#else */ c\n#endif\nd"),
        "d"
    );
    assert_eq!(text("#ifdef __TARGET_BMV2__\nbmv2\n#endif"), "bmv2");
}

#[test]
fn options_define_and_undefine() {
    let options = Options {
        defines: vec![
            Define::Define("A".to_owned()),
            Define::Define("F(x)=x+1".to_owned()),
            Define::Define("B=2".to_owned()),
            Define::Undefine("A".to_owned()),
        ],
        ..Options::default()
    };
    assert_eq!(
        run_with("A B F(3)", &options),
        ("A 2 3+1".to_owned(), Vec::new())
    );
}

#[test]
fn file_and_line() {
    assert_eq!(text("\n__FILE__ __LINE__"), "\"test.p4\" 2");
    assert_eq!(text("#define HERE __LINE__\n\nHERE"), "3");
}

#[test]
fn errors_have_their_place() {
    let cases = [
        ("#if 1\n", "1:1: this `#if` has no `#endif`"),
        ("#endif", "1:1: `#endif` without `#if`"),
        ("#if 1\n#else\n#else\n#endif", "3:1: `#else` after `#else`"),
        ("a\n  #error stop here", "2:3: #error stop here"),
        ("#warning old", "1:1: #warning old"),
        ("#foo", "1:1: `#foo` is no directive of the preprocessor"),
        (
            "#include <no.p4>",
            "1:1: there is no file `no.p4` to include",
        ),
        (
            "#include no",
            "1:1: `#include` needs a file as \"name\" or <name>",
        ),
        (
            "#define F(x) x\nF(1, 2)",
            "2:1: macro `F` takes 1 argument, not 2",
        ),
        (
            "#define F(x) x\nF(1",
            "2:1: the arguments of macro `F` have no closing `)`",
        ),
        (
            "#define A 1\n#define A 2",
            "2:9: macro `A` is defined again, and differently",
        ),
        (
            "#define P(a) a ## +\nP(x)",
            "2:1: `##` cannot make one token of `x` and `+`",
        ),
        ("#if 1 +\n#endif", "1:1: the condition ends too early"),
        (
            "#define defined 1",
            "1:1: `defined` cannot be the name of a macro",
        ),
        ("#define ##", "1:1: `#define` needs the name of a macro"),
        (
            "#define A ## b",
            "1:1: `##` cannot stand at an end of a macro",
        ),
        ("#undef", "1:1: `#undef` needs the name of a macro"),
        (
            "#ifdef 1\n#endif",
            "1:1: `#ifdef` needs the name of a macro",
        ),
    ];
    for (program, message) in cases {
        assert_eq!(run(program).1, [message], "{program}");
    }
}

#[test]
fn an_include_loop_ends() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.p4"), "#include \"b.p4\"\n").unwrap();
    std::fs::write(directory.path().join("b.p4"), "#include \"a.p4\"\n").unwrap();
    let options = Options {
        include_directories: vec![directory.path().to_owned()],
        ..Options::default()
    };
    let (_, messages) = run_with("#include \"a.p4\"", &options);
    assert_eq!(messages.len(), 1);
    assert!(messages[0].contains("include one another"), "{messages:?}");
}

#[test]
fn growth_without_end_is_stopped() {
    let mut program = String::from("#define M0 x x x x x x x x x x\n");
    for level in 1..30 {
        let inner = format!("M{} ", level - 1).repeat(10);
        program.push_str(&format!("#define M{level} {inner}\n"));
    }
    program.push_str("M29\n");
    assert_eq!(
        run(&program).1,
        ["31:1: the macros of this program expand to far too much text"]
    );
}

#[test]
fn built_in_headers_are_found() {
    let (text, messages) = run("#include <core.p4>\n#include <v1model.p4>\n");
    assert_eq!(messages, Vec::<String>::new());
    assert!(text.contains("package V1Switch"));
}

#[test]
fn line_markers_lead_back_to_the_files() {
    let mut diagnostics = Diagnostics::default();
    let program = "#define A \\\n 1\na\nA\n".to_owned();
    let source = Source::Text {
        name: "test.p4".to_owned(),
        text: program,
    };
    let map = preprocess(&source, &Options::default(), &mut diagnostics);
    assert_eq!(map.text_with_line_markers(), "# 3 \"test.p4\"\na\n1\n");
}

#[test]
fn what_looks_like_a_comment_in_a_string_of_several_lines_is_part_of_it() {
    let program = "#define N 4
@a(\"
  // not 'a' comment
  x != N; /* nor this */
#ifdef NEVER
  left out
#endif
  \") b // a comment
@c(\"d\\\"\") e // another
";
    assert_eq!(
        text(program),
        "@a(\"
  // not 'a' comment
  x != 4; /* nor this */
  \") b // a comment
@c(\"d\\\"\") e"
    );
}
