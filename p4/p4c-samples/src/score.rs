//! The results, and how they are shown.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, Table};
use serde::Serialize;

/// What the compiler says of a program.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Compilation {
    /// It compiles.
    Compiled,
    /// It is refused.
    Refused {
        /// The first error.
        reason: String,
        /// The line that it points at.
        line: Option<u32>,
    },
    /// The compiler panicked, or refused it without a word.
    Panicked(String),
}

/// What came of a program's packets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StfResult {
    /// The packets came out that should.
    Passed,
    /// They did not.
    Failed(String),
    /// There was nothing to run.
    NotCompiled,
}

/// What came of comparing a program's P4Info with that of p4c.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GoldenResult {
    /// They are the same message.
    Equal,
    /// They are not.
    Different(String),
    /// There was nothing to compare.
    NotCompiled,
}

/// All that is known of a program.
#[derive(Debug, Serialize)]
pub(crate) struct SampleResult {
    /// The name of its file.
    pub(crate) name: String,
    /// Whether a compiler must refuse it.
    pub(crate) must_fail: bool,
    /// Whether it is for v1model.
    pub(crate) v1model: bool,
    /// What the compiler says.
    pub(crate) compilation: Compilation,
    /// How long that took.
    #[serde(rename = "compile_milliseconds", serialize_with = "milliseconds")]
    pub(crate) compile_time: Duration,
    /// Why p4-switch does not load it, if it compiles.
    pub(crate) load_error: Option<String>,
    /// What came of its packets; `None` if there are none to run.
    pub(crate) stf: Option<StfResult>,
    /// What came of its P4Info; `None` if p4c's is not there.
    pub(crate) p4info: Option<GoldenResult>,
}

fn milliseconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 1e5).round() / 100.0)
}

impl SampleResult {
    fn refusal(&self) -> Option<&str> {
        match &self.compilation {
            Compilation::Refused { reason, .. } => Some(reason),
            Compilation::Compiled | Compilation::Panicked(_) => None,
        }
    }

    fn is_compiled(&self) -> bool {
        matches!(self.compilation, Compilation::Compiled)
    }

    /// What came out wrong.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Compilation::Panicked(message) = &self.compilation {
            faults.push(format!("panic: {message}"));
        }
        if let Some(reason) = &self.load_error {
            faults.push(format!("p4-switch does not load it: {reason}"));
        }
        if let Some(StfResult::Failed(reason)) = &self.stf {
            faults.push(format!("packets: {reason}"));
        }
        if let Some(GoldenResult::Different(reason)) = &self.p4info {
            faults.push(format!("P4Info: {reason}"));
        }
        faults
    }
}

/// Counts for one kind of sample.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Counts {
    programs: usize,
    compiled: usize,
    right: usize,
    wrong: usize,
    refused: usize,
}

/// The results of all programs.
#[derive(Debug)]
pub(crate) struct Score {
    results: Vec<SampleResult>,
}

#[derive(Serialize)]
struct Summary {
    stf: Counts,
    p4info: Counts,
    samples: Counts,
    must_fail: Counts,
}

#[derive(Serialize)]
struct Json<'a> {
    summary: Summary,
    programs: &'a [SampleResult],
}

impl Score {
    pub(crate) fn new(results: Vec<SampleResult>) -> Self {
        Self { results }
    }

    /// Whether nothing came out wrong.
    pub(crate) fn is_clean(&self) -> bool {
        self.results.iter().all(|result| result.faults().is_empty())
    }

    /// Counts the programs that `outcome` says something of: whether they are right.
    fn count(&self, outcome: impl Fn(&SampleResult) -> Option<Option<bool>>) -> Counts {
        let mut counts = Counts::default();
        for result in &self.results {
            let Some(outcome) = outcome(result) else {
                continue;
            };
            counts.programs += 1;
            counts.compiled += usize::from(result.is_compiled());
            counts.refused += usize::from(result.refusal().is_some());
            match outcome {
                Some(true) => counts.right += 1,
                Some(false) => counts.wrong += 1,
                None => {}
            }
        }
        counts
    }

    fn summary(&self) -> Summary {
        let answered = |result: &SampleResult| {
            let panicked = matches!(result.compilation, Compilation::Panicked(_));
            Some(!panicked && result.load_error.is_none())
        };
        Summary {
            stf: self.count(|result| {
                result.stf.as_ref().map(|stf| match stf {
                    StfResult::Passed => Some(true),
                    StfResult::Failed(_) => Some(false),
                    StfResult::NotCompiled => None,
                })
            }),
            p4info: self.count(|result| {
                result.p4info.as_ref().map(|p4info| match p4info {
                    GoldenResult::Equal => Some(true),
                    GoldenResult::Different(_) => Some(false),
                    GoldenResult::NotCompiled => None,
                })
            }),
            samples: self.count(|result| (!result.must_fail).then(|| answered(result))),
            must_fail: self.count(|result| result.must_fail.then(|| answered(result))),
        }
    }

    /// All results.
    pub(crate) fn to_json(&self) -> String {
        let json = Json {
            summary: self.summary(),
            programs: &self.results,
        };
        // The types hold nothing that JSON cannot.
        serde_json::to_string_pretty(&json)
            .unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"))
    }

    /// Prints the score, what came out wrong, and what was refused and why.
    pub(crate) fn print(&self, reasons: bool) {
        let faults: Vec<[String; 2]> = self
            .results
            .iter()
            .flat_map(|result| {
                let faults = result.faults().into_iter();
                faults.map(|fault| [result.name.clone(), fault])
            })
            .collect();
        show("Wrong results", &["Program", "What is wrong"], faults);

        let accepted = self
            .results
            .iter()
            .filter(|result| result.must_fail && result.is_compiled())
            .map(|result| [result.name.clone()])
            .collect();
        show(
            "Accepted, although p4c refuses them",
            &["Program"],
            accepted,
        );

        let refused = |result: &&SampleResult| {
            !result.must_fail && (result.stf.is_some() || (reasons && result.v1model))
        };
        let refusals = self
            .results
            .iter()
            .filter(refused)
            .filter_map(|result| Some([result.name.clone(), result.refusal()?.to_owned()]))
            .collect();
        let title = if reasons {
            "Refused programs for v1model"
        } else {
            "Refused programs with packets (--reasons lists all)"
        };
        show(title, &["Program", "Reason"], refusals);
        show(
            "Why programs for v1model were refused",
            &["Programs", "Reason", "For example"],
            self.histogram(),
        );
        self.print_summary();
    }

    /// The reasons for refusing programs for v1model, most frequent first. Reasons that differ in
    /// names only are one.
    fn histogram(&self) -> Vec<[String; 3]> {
        let mut histogram: BTreeMap<String, (usize, &str, &str)> = BTreeMap::new();
        for result in &self.results {
            if let Some(reason) = result.refusal()
                && !result.must_fail
                && result.v1model
            {
                let entry = histogram.entry(without_names(reason));
                entry.or_insert((0, reason, &result.name)).0 += 1;
            }
        }
        let mut list: Vec<_> = histogram.into_iter().collect();
        list.sort_by_key(|(_, (count, ..))| std::cmp::Reverse(*count));
        list.into_iter()
            .map(|(reason, (count, whole, example))| {
                let reason = if count == 1 { whole.to_owned() } else { reason };
                [count.to_string(), reason, example.to_owned()]
            })
            .collect()
    }

    fn print_summary(&self) {
        let Summary {
            stf,
            p4info,
            samples,
            must_fail,
        } = self.summary();
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header([
            "p4c's samples",
            "programs",
            "compiled",
            "refused",
            "right",
            "wrong",
        ]);
        for (name, counts) in [
            ("packets (STF), v1model", &stf),
            ("P4Info, v1model", &p4info),
            ("samples of all architectures: an answer", &samples),
            ("programs with errors: an answer", &must_fail),
        ] {
            let numbers = [
                counts.programs,
                counts.compiled,
                counts.refused,
                counts.right,
                counts.wrong,
            ];
            let mut row = vec![Cell::new(name)];
            row.extend(numbers.map(|number| Cell::new(number).set_alignment(CellAlignment::Right)));
            table.add_row(row);
        }
        println!("{table}");
        let slowest = self.results.iter().max_by_key(|result| result.compile_time);
        if let Some(slowest) = slowest {
            let time = slowest.compile_time.as_secs_f64();
            println!(
                "The slowest to compile was {} with {time:.2} s.",
                slowest.name
            );
        }
    }
}

/// A table under a title; nothing if there are no rows.
fn show<const N: usize>(title: &str, header: &[&str; N], rows: Vec<[String; N]>) {
    if rows.is_empty() {
        return;
    }
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(comfy_table::ContentArrangement::Dynamic)
        .set_header(header.to_vec());
    let count = rows.len();
    table.add_rows(rows);
    println!("{title} ({count}):\n{table}\n");
}

/// A message with `...` in place of each name in back-quotes.
fn without_names(message: &str) -> String {
    let parts: Vec<&str> = message.split('`').collect();
    let part = |(index, part): (usize, &&str)| {
        // What stands between two back-quotes, but not behind an unpaired one.
        let quoted = index % 2 == 1 && index + 1 < parts.len();
        if quoted { "..." } else { part }.to_owned()
    };
    let parts: Vec<String> = parts
        .iter()
        .enumerate()
        .map(|(i, p)| part((i, p)))
        .collect();
    parts.join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(compilation: Compilation) -> SampleResult {
        SampleResult {
            name: "a.p4".to_owned(),
            must_fail: false,
            v1model: true,
            compilation,
            compile_time: Duration::from_millis(3),
            load_error: None,
            stf: None,
            p4info: None,
        }
    }

    #[test]
    fn each_wrong_result_is_a_fault() {
        let clean = |change: &dyn Fn(&mut SampleResult)| {
            let mut result = result(Compilation::Compiled);
            change(&mut result);
            Score::new(vec![result]).is_clean()
        };
        assert!(clean(&|_| {}));
        assert!(clean(&|r| r.stf = Some(StfResult::Passed)));
        assert!(!clean(&|r| r.stf = Some(StfResult::Failed(String::new()))));
        assert!(!clean(&|r| r.load_error = Some(String::new())));
        assert!(!clean(
            &|r| r.p4info = Some(GoldenResult::Different(String::new()))
        ));
        assert!(!clean(
            &|r| r.compilation = Compilation::Panicked(String::new())
        ));
        assert!(clean(&|r| {
            r.compilation = Compilation::Refused {
                reason: "no".to_owned(),
                line: None,
            };
            r.stf = Some(StfResult::NotCompiled);
        }));
    }

    #[test]
    fn names_are_left_out_of_reasons() {
        assert_eq!(without_names("`a` has no `b`"), "`...` has no `...`");
        assert_eq!(without_names("no names"), "no names");
        assert_eq!(without_names("one ` alone"), "one ` alone");
    }

    #[test]
    fn programs_are_counted_once_for_each_kind() {
        let mut passed = result(Compilation::Compiled);
        passed.stf = Some(StfResult::Passed);
        let mut refused = result(Compilation::Refused {
            reason: "no".to_owned(),
            line: None,
        });
        refused.stf = Some(StfResult::NotCompiled);
        let summary = Score::new(vec![passed, refused]).summary();
        let expected = Counts {
            programs: 2,
            compiled: 1,
            right: 1,
            wrong: 0,
            refused: 1,
        };
        assert_eq!(summary.stf, expected);
        assert_eq!(summary.samples.right, 2);
        assert_eq!(summary.p4info.programs, 0);
    }
}
