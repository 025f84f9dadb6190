//! The texts of errors and warnings: each program in `tests/ui` against the text beside it.
//!
//! `UPDATE_EXPECTED=1 cargo test` writes the texts anew; look at the difference before you keep it.

use std::fs;
use std::path::{Path, PathBuf};

use p4_compiler::{Options, Report, Severity, Source, analyse};

fn programs(directory: &Path) -> Vec<PathBuf> {
    let mut programs: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "p4"))
        .collect();
    programs.sort();
    assert!(!programs.is_empty());
    programs
}

fn render(reports: &[Report]) -> String {
    let texts: Vec<String> = reports.iter().map(Report::render).collect();
    // Blanks at the ends of lines are nothing that anyone sees.
    let text = texts.join("\n");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// Compares what each program of a folder gives with the text beside it.
fn compare(directory: &Path, reports_of: impl Fn(&Path, &Options) -> Vec<Report>) {
    let options = Options {
        include_directories: vec![directory.join("include")],
        ..Options::default()
    };
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut different = Vec::new();
    for program in programs(directory) {
        let expected_path = program.with_extension("expected");
        let text = render(&reports_of(&program, &options));
        if update {
            fs::write(&expected_path, &text).unwrap();
        } else if fs::read_to_string(&expected_path).unwrap_or_default() != text {
            println!("{text}");
            different.push(program);
        }
    }
    assert!(
        different.is_empty(),
        "other texts than expected: {different:?}"
    );
}

// The folders are relative, so that the file names in the texts are the same everywhere.

#[test]
fn errors_read_as_expected() {
    compare(Path::new("tests/ui"), |program, options| {
        let reports = match analyse(&Source::File(program.to_owned()), options) {
            Ok(_) => panic!("{} has no errors", program.display()),
            Err(reports) => reports,
        };
        let mut levels = reports.iter().map(Report::level);
        assert!(
            levels.any(|level| level == Severity::Error),
            "{} is refused without an error",
            program.display()
        );
        reports
    });
}

#[test]
fn warnings_read_as_expected() {
    compare(
        Path::new("tests/ui/warned"),
        |program, options| match analyse(&Source::File(program.to_owned()), options) {
            Ok(analysis) => analysis.warnings,
            Err(reports) => panic!("{}: {}", program.display(), reports[0].render()),
        },
    );
}
