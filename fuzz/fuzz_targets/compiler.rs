//! Source text through the whole compiler. Whatever the text, there is an answer: no panic, no
//! endless loop, no memory without bound.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use p4_compiler::{Options, Source, compile};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// Where the seeds find what they include.
const INCLUDE: [&str; 3] = [
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../p4/compiler/tests/accepted/include"
    ),
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../p4/compiler/tests/ui/include"
    ),
    concat!(env!("CARGO_MANIFEST_DIR"), "/../p4"),
];

fuzz_target!(|text: &str| {
    // A file of this machine is not part of the input.
    if text.contains("/dev") || text.contains("/proc") || text.contains("/sys") {
        return;
    }
    let options = Options {
        include_directories: INCLUDE.iter().map(Into::into).collect(),
        ..Options::default()
    };
    let source = Source::Text {
        name: "fuzz.p4".to_owned(),
        text: text.to_owned(),
    };
    match compile(&source, &options) {
        Ok(compiled) => {
            // What was compiled is well formed.
            bmv2_json::Document::from_json(compiled.bmv2.to_json().as_bytes())
                .expect("the compiler's JSON is valid");
        }
        Err(reports) => {
            assert!(!reports.is_empty(), "refused without a reason");
            for report in reports {
                // Its place must lie in the text.
                let _ = report.render();
            }
        }
    }
});

/// Names, numbers, and single symbols.
fn tokens(text: &str) -> Vec<&str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
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

/// Removes, repeats, replaces and moves tokens.
fn mutate_tokens(text: &str, random: &mut SmallRng) -> String {
    let mut tokens = tokens(text);
    for _ in 0..random.random_range(1..4) {
        if tokens.is_empty() {
            break;
        }
        let at = random.random_range(0..tokens.len());
        let other = tokens.choose(random).copied().unwrap_or_default();
        match random.random_range(0..5) {
            0 => {
                tokens.remove(at);
            }
            1 => tokens.insert(at, other),
            2 => tokens[at] = other,
            3 => {
                let end = (at + random.random_range(1..30)).min(tokens.len());
                tokens.drain(at..end);
            }
            _ => {
                let end = (at + random.random_range(1..30)).min(tokens.len());
                let copy = tokens[at..end].to_vec();
                let to = random.random_range(0..=tokens.len());
                tokens.splice(to..to, copy);
            }
        }
    }
    tokens.concat()
}

// Half of the mutations keep the tokens of the language whole, so that they get past the lexer.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = SmallRng::seed_from_u64(seed.into());
    if random.random_bool(0.5)
        && let Ok(text) = str::from_utf8(&data[..size])
    {
        let mutated = mutate_tokens(text, &mut random);
        let mutated = mutated.as_bytes();
        if mutated.len() <= max_size {
            data[..mutated.len()].copy_from_slice(mutated);
            return mutated.len();
        }
    }
    fuzzer_mutate(data, size, max_size)
});
