//! How many packets a second p4-switch takes through p4/mpls.p4, in memory and on one core, with full
//! tables: 10,000 ILM and 100,000 FTN entries, 1,000 path groups. docs/benchmarks.md has the method.
//!
//! `cargo bench -p bmv2-tests --bench mpls`.

mod frame;
mod router;

use std::cell::RefCell;
use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use p4_switch::{Engine, Switch};

use frame::{Numbers, frame};
use router::{FTN, ILM, Next, next_of_label, next_of_prefix, prefix};

/// The smallest frame of RFC 2544 section 9.1.
const SMALLEST: usize = 64;
/// A frame that has room for 30 labels.
const DEEP: usize = 192;
/// How many different packets there are of each case: so many flows and labels.
const PACKETS: usize = 16_384;
/// How many packets the switch is given at a time.
const BATCH: usize = 256;

fn main() {
    divan::main();
}

/// One switch of each engine for all cases, since all read the same tables.
fn switch(engine: Engine) -> Switch {
    thread_local! {
        static SWITCHES: RefCell<Vec<(Engine, Switch)>> = const { RefCell::new(Vec::new()) };
    }
    SWITCHES.with_borrow_mut(|switches| {
        if let Some((_, switch)) = switches.iter().find(|(known, _)| *known == engine) {
            return switch.clone();
        }
        let switch = router::switch(ILM, engine);
        switches.push((engine, switch.clone()));
        switch
    })
}

fn engine<const INTERPRETED: bool>() -> Engine {
    if INTERPRETED {
        Engine::Interpreter
    } else {
        Engine::Compiled
    }
}

/// Any of so many labels of which the path is of this kind.
fn label(numbers: &mut Numbers, labels: u32, next: Next) -> u32 {
    loop {
        let label = 16 + numbers.below(labels);
        if next_of_label(label) == next {
            return label;
        }
    }
}

/// Any destination of which the path is of this kind.
fn destination(numbers: &mut Numbers, next: Next) -> u32 {
    loop {
        let index = numbers.below(FTN);
        let (value, length) = prefix(index);
        // A longer prefix may lie in a shorter one.
        if length == 24 && next_of_prefix(index) == next {
            return value | numbers.below(1 << (32 - length));
        }
    }
}

/// Measures how long a packet takes. Each must come out, `longer` octets longer than it came.
fn run<const INTERPRETED: bool>(
    bencher: Bencher<'_, '_>,
    size: usize,
    longer: isize,
    make: impl FnMut(&mut Numbers) -> Vec<u8>,
) {
    let switch = switch(engine::<INTERPRETED>());
    run_on(&switch, bencher, size, longer, make);
}

/// As [`run`], on a switch of the caller's own.
fn run_on(
    switch: &Switch,
    bencher: Bencher<'_, '_>,
    size: usize,
    longer: isize,
    mut make: impl FnMut(&mut Numbers) -> Vec<u8>,
) {
    let mut numbers = Numbers::new();
    let octets: Vec<u8> = (0..PACKETS).flat_map(|_| make(&mut numbers)).collect();
    let packets = |start: usize| {
        let frames = octets[start * size..].chunks_exact(size);
        frames.map(|frame| (1, frame))
    };
    let (mut sent, mut right) = (0, 0);
    switch.process_batch(packets(0), |port, frame| {
        sent += 1;
        right +=
            usize::from(port <= router::PORTS && frame.len() == size.wrapping_add_signed(longer));
    });
    // A longer prefix leads some packets elsewhere.
    assert!(
        sent == PACKETS && right * 10 > PACKETS * 9,
        "{sent} sent, {right} of them right"
    );
    let mut start = 0;
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench_local(move || {
            switch.process_batch(packets(start).take(BATCH), |port, frame| {
                black_box((port, frame));
            });
            start = (start + BATCH) % PACKETS;
        });
}

/// Whether the interpreter runs the packets, so that one run gives the ratio of the two.
const ENGINES: [bool; 2] = [false, true];

fn swapped(size: usize, depth: usize, numbers: &mut Numbers) -> Vec<u8> {
    let labels: Vec<u32> = (0..depth)
        .map(|_| label(numbers, ILM, Next::OneLabel))
        .collect();
    frame(size, &labels, 1, numbers)
}

/// A frame of 64 octets with a stack of so many labels, of which the first is swapped.
#[divan::bench(args = [1, 4], consts = ENGINES)]
fn swap<const INTERPRETED: bool>(bencher: Bencher<'_, '_>, depth: usize) {
    run::<INTERPRETED>(bencher, SMALLEST, 0, |numbers| {
        swapped(SMALLEST, depth, numbers)
    });
}

/// The same with stacks of up to 30 labels, in frames of one size.
#[divan::bench(args = [1, 2, 4, 8, 9, 16, 30], consts = ENGINES)]
fn swap_by_depth<const INTERPRETED: bool>(bencher: Bencher<'_, '_>, depth: usize) {
    run::<INTERPRETED>(bencher, DEEP, 0, |numbers| swapped(DEEP, depth, numbers));
}

/// One label is swapped, of so many that are bound.
#[divan::bench(args = [1_000, 10_000, 100_000, 1_000_000])]
fn swap_by_entries(bencher: Bencher<'_, '_>, labels: u32) {
    let switch = router::switch(labels, Engine::Compiled);
    run_on(&switch, bencher, SMALLEST, 0, |numbers| {
        let label = label(numbers, labels, Next::OneLabel);
        frame(SMALLEST, &[label], 1, numbers)
    });
}

/// An IP packet that gets so many labels.
#[divan::bench(args = [1, 4], consts = ENGINES)]
fn push<const INTERPRETED: bool>(bencher: Bencher<'_, '_>, labels: usize) {
    let next = if labels == 1 {
        Next::OneLabel
    } else {
        Next::FourLabels
    };
    run::<INTERPRETED>(bencher, SMALLEST, 4 * labels as isize, |numbers| {
        let destination = destination(numbers, next);
        frame(SMALLEST, &[], destination, numbers)
    });
}

/// Penultimate hop popping of the only label.
#[divan::bench(consts = ENGINES)]
fn pop<const INTERPRETED: bool>(bencher: Bencher<'_, '_>) {
    run::<INTERPRETED>(bencher, SMALLEST, -4, |numbers| {
        let labels = [label(numbers, ILM, Next::Unlabelled)];
        frame(SMALLEST, &labels, 1, numbers)
    });
}

/// IP to IP, without labels.
#[divan::bench(consts = ENGINES)]
fn ip<const INTERPRETED: bool>(bencher: Bencher<'_, '_>) {
    run::<INTERPRETED>(bencher, SMALLEST, 0, |numbers| {
        let destination = destination(numbers, Next::Unlabelled);
        frame(SMALLEST, &[], destination, numbers)
    });
}

/// How long loading the program takes: its JSON is read before.
#[divan::bench(consts = ENGINES, sample_count = 10)]
fn load<const INTERPRETED: bool>(bencher: Bencher<'_, '_>) {
    let program = router::program(ILM);
    let switch = switch(engine::<INTERPRETED>());
    bencher.bench_local(|| switch.verify(&program).expect("it runs"));
}
