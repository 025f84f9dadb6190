//! What is wrong with a configuration, told with file, line, column and remedy.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};
use thiserror::Error;

/// A byte range of the configuration's text.
pub(crate) type Span = Range<usize>;

/// One thing that is wrong at one place of the file.
#[derive(Debug, Error, Diagnostic)]
#[error("{message}")]
pub struct Problem {
    message: String,
    #[source_code]
    source_code: NamedSource<Arc<str>>,
    #[label(collection)]
    places: Vec<LabeledSpan>,
    #[help]
    remedy: Option<String>,
}

impl Problem {
    /// Where the problem stands in the file, as a byte offset; problems are shown in this order.
    fn offset(&self) -> usize {
        self.places.first().map_or(0, LabeledSpan::offset)
    }
}

/// Collects the problems of one file while it is checked as a whole.
pub(crate) struct Problems {
    source_code: NamedSource<Arc<str>>,
    found: Vec<Problem>,
}

impl Problems {
    /// No problem yet in the file of this name and text.
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let source_code = NamedSource::new(name, Arc::from(text));
        Self {
            source_code,
            found: Vec::new(),
        }
    }

    /// Adds a problem at `span`; `mark` is written under the source line.
    pub(crate) fn add(
        &mut self,
        span: &Span,
        message: impl Into<String>,
        mark: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(message.into(), vec![labeled(span, mark)], remedy.into());
    }

    /// Adds a problem between two places: `span` contradicts what stands at `earlier`.
    pub(crate) fn add_conflict(
        &mut self,
        span: &Span,
        earlier: &Span,
        message: impl Into<String>,
        marks: (&str, &str),
        remedy: impl Into<String>,
    ) {
        let main = LabeledSpan::new_primary_with_span(Some(marks.0.to_owned()), span.clone());
        let places = vec![main, labeled(earlier, marks.1)];
        self.push(message.into(), places, remedy.into());
    }

    fn push(&mut self, message: String, places: Vec<LabeledSpan>, remedy: String) {
        let remedy = (!remedy.is_empty()).then_some(remedy);
        let source_code = self.source_code.clone();
        self.found.push(Problem {
            message,
            source_code,
            places,
            remedy,
        });
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The error that tells all problems, in the order of the file.
    pub(crate) fn into_error(mut self, path: &Path) -> ConfigError {
        self.found.sort_by_key(Problem::offset);
        ConfigError::Invalid {
            path: path.to_owned(),
            problems: self.found,
        }
    }
}

fn labeled(span: &Span, text: impl Into<String>) -> LabeledSpan {
    let text = text.into();
    LabeledSpan::new((!text.is_empty()).then_some(text), span.start, span.len())
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file was read, and something in it is wrong.
    #[error("{}", summary(path, problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong, in the order of the file.
        problems: Vec<Problem>,
    },
}

fn summary(path: &Path, problems: &[Problem]) -> String {
    match problems {
        [one] => format!("{}: {one}", path.display()),
        many => format!(
            "{}: {} problems; the first: {}",
            path.display(),
            many.len(),
            many.first().map_or("", |problem| &problem.message)
        ),
    }
}

impl ConfigError {
    /// The error for people: each problem with its source line and remedy, then a summary line.
    ///
    /// `color` asks for the colours of a terminal.
    pub fn report(&self, color: bool) -> String {
        match self {
            ConfigError::Read { .. } => format!("{self}\n"),
            ConfigError::Invalid { path, problems } => {
                let mut text = String::new();
                for problem in problems {
                    render(problem, color, &mut text);
                    text.push('\n');
                }
                let count = match problems.len() {
                    1 => "1 problem".to_owned(),
                    several => format!("{several} problems"),
                };
                text.push_str(&format!("{}: {count}\n", path.display()));
                text
            }
        }
    }
}

fn render(problem: &Problem, color: bool, out: &mut impl fmt::Write) {
    let theme = if color {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_wrap_lines(false);
    if handler.render_report(out, problem).is_err() {
        // Writing into a String cannot fail; a span outside the text would be our own mistake,
        // and then the bare message still tells what is wrong.
        let _ = writeln!(out, "{}", problem.message);
    }
}
