//! Runs the programs.

use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use p4_compiler::{Compiled, Options, Report, Severity, Source, compile};
use p4_switch::{Switch, SwitchConfig};
use p4runtime_proto::convert::{p4info_from_text, p4info_to_text};

use crate::programs::{Program, Programs};
use crate::score::{Compilation, GoldenResult, SampleResult, StfResult};
use crate::stf;

/// Runs all programs, `jobs` at a time.
pub(crate) fn all(programs: &Programs, jobs: usize) -> Vec<SampleResult> {
    // A panic is a result like others: it is counted and named, and its backtrace would only
    // disturb the progress bar.
    std::panic::set_hook(Box::new(|_| {}));
    let progress = ProgressBar::new(programs.list.len() as u64).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(programs.list.len()) {
            scope.spawn(|| {
                while let Some(program) = programs.list.get(next.fetch_add(1, Ordering::Relaxed)) {
                    progress.set_message(program.name.clone());
                    let result = one(program);
                    results
                        .lock()
                        .unwrap_or_else(|error| error.into_inner())
                        .push(result);
                    progress.inc(1);
                }
            });
        }
    });
    progress.finish_and_clear();
    drop(std::panic::take_hook());
    let mut results = results
        .into_inner()
        .unwrap_or_else(|error| error.into_inner());
    results.sort_by(|a, b| (a.must_fail, &a.name).cmp(&(b.must_fail, &b.name)));
    results
}

fn one(program: &Program) -> SampleResult {
    let start = Instant::now();
    let compiled =
        catch_unwind(|| compile(&Source::File(program.path.clone()), &Options::default()));
    let duration = start.elapsed();
    let (compilation, compiled) = match compiled {
        Ok(Ok(compiled)) => (Compilation::Compiled, Some(compiled)),
        Ok(Err(reports)) => (refusal(&reports), None),
        Err(panic) => (Compilation::Panicked(panic_message(&*panic)), None),
    };
    let compiled = compiled.as_ref();
    SampleResult {
        name: program.name.clone(),
        must_fail: program.must_fail,
        v1model: program.v1model,
        stf: program.stf.as_ref().map(|path| match compiled {
            None => StfResult::NotCompiled,
            Some(compiled) => match fs::read_to_string(path) {
                Ok(text) => packets(&text, compiled),
                Err(error) => StfResult::Failed(format!("cannot read its STF file: {error}")),
            },
        }),
        p4info: program.p4info.as_ref().map(|path| match compiled {
            None => GoldenResult::NotCompiled,
            Some(compiled) => match fs::read_to_string(path) {
                Ok(text) => golden(&text, compiled),
                Err(error) => GoldenResult::Different(format!("cannot read p4c's: {error}")),
            },
        }),
        load_error: compiled.and_then(load_error),
        compilation,
        compile_time: duration.max(Duration::from_micros(1)),
    }
}

/// Why p4-switch does not load what was compiled.
fn load_error(compiled: &Compiled) -> Option<String> {
    let load = AssertUnwindSafe(|| {
        let (switch, _events) = Switch::new(SwitchConfig::default());
        switch.verify(&compiled.bmv2)
    });
    match catch_unwind(load) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(panic) => Some(format!("p4-switch panicked: {}", panic_message(&*panic))),
    }
}

/// The first error: those behind it often follow from it.
fn refusal(reports: &[Report]) -> Compilation {
    let first = reports
        .iter()
        .find(|report| report.level() == Severity::Error);
    match first {
        Some(report) => Compilation::Refused {
            reason: report.message().to_owned(),
            line: report.location().map(|location| location.line),
        },
        // An error without a message would leave the user without a way to go on.
        None => Compilation::Panicked("it was refused without a reason".to_owned()),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

fn packets(text: &str, compiled: &Compiled) -> StfResult {
    let run = AssertUnwindSafe(|| stf::run(text, &compiled.bmv2));
    match catch_unwind(run) {
        Ok(Ok(())) => StfResult::Passed,
        Ok(Err(error)) => StfResult::Failed(error.to_string()),
        Err(panic) => StfResult::Failed(format!("p4-switch panicked: {}", panic_message(&*panic))),
    }
}

/// Compares the P4Info as a message.
fn golden(text: &str, compiled: &Compiled) -> GoldenResult {
    let expected = match p4info_from_text(text) {
        Ok(expected) => expected,
        Err(error) => return GoldenResult::Different(error.to_string()),
    };
    if expected == compiled.p4info {
        return GoldenResult::Equal;
    }
    match (p4info_to_text(&expected), p4info_to_text(&compiled.p4info)) {
        (Ok(expected), Ok(ours)) => GoldenResult::Different(difference(&expected, &ours)),
        (Err(error), _) | (_, Err(error)) => GoldenResult::Different(error.to_string()),
    }
}

/// The first line in which two texts differ.
fn difference(expected: &str, ours: &str) -> String {
    let mut expected = expected.lines();
    let mut ours = ours.lines();
    for line in 1.. {
        match (expected.next(), ours.next()) {
            (None, None) => break,
            (theirs, own) if theirs == own => {}
            (theirs, own) => {
                let theirs = theirs.unwrap_or("nothing").trim();
                let own = own.unwrap_or("nothing").trim();
                return format!("line {line}: p4c has `{theirs}`, p4-compiler `{own}`");
            }
        }
    }
    "the messages differ, but not their texts".to_owned()
}
