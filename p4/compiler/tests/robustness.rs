//! No program, however broken, makes the compiler panic or hang.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use p4_compiler::{Options, Report, Source, compile};

/// A generator of numbers that are the same in every run (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit.max(1) as u64) as usize
    }
}

/// Names, numbers, and single symbols.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = if word(first) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        tokens.push(&rest[..length]);
        rest = &rest[length..];
    }
    tokens
}

fn mutate(tokens: &[&str], random: &mut Random) -> String {
    let mut tokens = tokens.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(tokens.len());
        let other = tokens[random.below(tokens.len())];
        match random.below(4) {
            0 => {
                tokens.remove(at);
            }
            1 => tokens.insert(at, other),
            2 => tokens[at] = other,
            _ => {
                let end = (at + random.below(30)).min(tokens.len());
                tokens.drain(at..end);
            }
        }
        if tokens.is_empty() {
            break;
        }
    }
    tokens.concat()
}

fn check(text: String, include: PathBuf) {
    let options = Options {
        include_directories: vec![include],
        ..Options::default()
    };
    let name = "mutant.p4".to_owned();
    // Whether it compiles does not matter here, only that there is an answer.
    let _ = compile(&Source::Text { name, text }, &options);
}

fn mutants_of(program: &Path, count: usize) {
    let text = fs::read_to_string(program).unwrap();
    let tokens = tokens(&text);
    let include = program.parent().unwrap().join("include");
    let mut random = Random(tokens.len() as u64);
    for _ in 0..count {
        check(mutate(&tokens, &mut random), include.clone());
    }
}

#[test]
fn mutants_of_the_test_programs_get_an_answer() {
    for name in [
        "expressions",
        "calls",
        "tables",
        "parsers",
        "warnings",
        "types",
    ] {
        mutants_of(&Path::new("tests/ui").join(name).with_extension("p4"), 60);
    }
}

#[test]
fn mutants_of_whole_programs_get_an_answer() {
    for name in ["language", "loops", "router"] {
        mutants_of(
            &Path::new("tests/accepted").join(name).with_extension("p4"),
            150,
        );
    }
}

/// `first`, then for each level from 1 what `next` makes of the level and the one below it.
fn levels(first: &str, count: usize, next: impl Fn(usize, usize) -> String) -> String {
    let mut text = format!("{first}\n");
    for level in 1..count {
        text.push_str(&next(level, level - 1));
        text.push('\n');
    }
    text
}

#[test]
fn sizes_without_bounds_are_refused() {
    let cases = [
        (
            "typedef bit<99999999999999999999> t;".to_owned(),
            "a width is between 1 and 2048 bits",
        ),
        (
            "const int x = 1 << 4294967295;".to_owned(),
            "too large to work with",
        ),
        (
            format!("const int x = {}1;", "99999999 * ".repeat(320)),
            "too large to work with",
        ),
        (
            format!("const int x = {};", "9".repeat(100_000)),
            "more than 2000 digits",
        ),
        (
            "header h { bit<8> a; } typedef h[4000000000] t;".to_owned(),
            "a header stack has between 1 and 1024 elements",
        ),
        (
            levels("struct s0 { bit<8> a; bit<8> b; }", 64, |level, below| {
                format!("struct s{level} {{ s{below} a; s{below} b; }}")
            }),
            "this type has more than",
        ),
        (
            levels("struct s0 { bit<8> a; }", 200, |level, below| {
                format!("struct s{level} {{ s{below} a; }}")
            }),
            "this type is nested more than",
        ),
        (
            levels("const string s0 = \"abcd\";", 60, |level, below| {
                format!("const string s{level} = s{below} ++ s{below};")
            }),
            "a string has at most",
        ),
        (
            levels("struct t0 { bit<8> a; bit<8> b; }", 13, |level, below| {
                format!("struct t{level} {{ t{below} a; t{below} b; }}")
            }) + &levels("const t12 c0 = ...;", 1000, |level, below| {
                format!("const t12 c{level} = c{below};")
            }),
            "the constants of this program stand for more than",
        ),
        (
            levels("bit<8> f0() { return 1; }", 60, |level, below| {
                format!("bit<8> f{level}() {{ return f{below}() + f{below}(); }}")
            }),
            "with all that is used in it, this has more than",
        ),
        (
            levels("control c0() { apply { } }", 60, |level, below| {
                format!("control c{level}() {{ apply {{ c{below}.apply(); c{below}.apply(); }} }}")
            }),
            "with all that is used in it, this has more than",
        ),
        (
            "control c(inout bit<8> x)(bit<32> n) { apply { x = (bit<8>) n; } }\n".to_owned()
                + "control d(inout bit<8> x) {\n"
                + &(0..3000)
                    .map(|n| format!("c({n}) c{n};\n"))
                    .collect::<String>()
                + "apply { } }\n",
            "parsers and controls, counted with each set of constructor arguments",
        ),
        (
            format!("const bool x = {}true;", "(".repeat(100_000)),
            "nested more than 400 deep",
        ),
        (
            format!("const bool x = true{};", " == true".repeat(100_000)),
            "nested more than 400 deep",
        ),
        (
            format!("control c() {{ apply {{ {}", "if (true) {".repeat(50_000)),
            "nested more than 400 deep",
        ),
        (
            format!(
                "control c() {{ apply {{ {}",
                "if (true) { } else ".repeat(50_000)
            ),
            "nested more than 400 deep",
        ),
        (
            format!(
                "typedef {}bit<8>{} t;",
                "tuple<".repeat(100_000),
                ">".repeat(100_000)
            ),
            "nested more than 400 deep",
        ),
    ];
    for (text, message) in cases {
        let name = "large.p4".to_owned();
        let start = text[..text.len().min(80)].to_owned();
        let reports = compile(&Source::Text { name, text }, &Options::default()).unwrap_err();
        let messages: Vec<&str> = reports.iter().map(Report::message).collect();
        assert!(
            messages.iter().any(|found| found.contains(message)),
            "{start}: {messages:?}"
        );
    }
}

#[test]
fn nesting_up_to_the_limit_compiles() {
    let include = Path::new("tests/accepted/include").to_owned();
    for (open, inner, close) in [
        ("x = ~(", "x", ");"),
        ("x = (", "x", ") + 1;"),
        ("if (x == 1) {", "x = 2;", "}"),
        ("if (x == 1) { x = 2; } else ", "{ x = 3; }", ""),
    ] {
        let depth = 120;
        let nested = match open.strip_prefix("x = ") {
            Some(open) => {
                let close = close.trim_end_matches(';');
                format!("x = {}{inner}{};", open.repeat(depth), close.repeat(depth))
            }
            None => format!("{}{inner}{}", open.repeat(depth), close.repeat(depth)),
        };
        let text = format!(
            "#include \"begin.p4\"\n\
             control TheIngress(inout headers_t hdr, inout metadata_t meta,\n\
                                inout standard_metadata_t std) {{\n\
             bit<32> x = meta.hash; apply {{ {nested} meta.hash = x; }} }}\n\
             #include \"end.p4\"\n"
        );
        let options = Options {
            include_directories: vec![include.clone()],
            ..Options::default()
        };
        let name = "deep.p4".to_owned();
        if let Err(reports) = compile(&Source::Text { name, text }, &options) {
            panic!("{open}: {}", reports[0].render());
        }
    }
}

#[test]
fn warnings_about_many_variables_and_branches_take_no_longer_than_compiling() {
    let fields: String = (0..60).map(|n| format!("bit<8> f{n}; ")).collect();
    let variables: String = (0..600).map(|n| format!("s v{n};\n")).collect();
    let branches: String = (0..600)
        .map(|n| format!("if (meta.hash == {n}) {{ v{n}.f0 = 1; }} else {{ v{n}.f1 = 2; }}\n"))
        .collect();
    let text = format!(
        "#include \"begin.p4\"\nstruct s {{ {fields} }}\n\
         control TheIngress(inout headers_t hdr, inout metadata_t meta,\n\
         inout standard_metadata_t std) {{ apply {{ {variables} {branches} }} }}\n\
         #include \"end.p4\"\n"
    );
    let options = Options {
        include_directories: vec![Path::new("tests/accepted/include").to_owned()],
        ..Options::default()
    };
    let name = "branches.p4".to_owned();
    let start = Instant::now();
    if let Err(reports) = compile(&Source::Text { name, text }, &options) {
        panic!("{}", reports[0].render());
    }
    // It takes about a second; it took minutes when each branch had sets of its own.
    assert!(start.elapsed() < Duration::from_secs(40));
}
