//! Errors and warnings, and how they are shown.

use std::fmt;
use std::sync::Arc;

use miette::{LabeledSpan, NamedSource, SourceCode};

use crate::source::{FileSpan, SourceMap, Span};
use crate::warning::{WarningAction, WarningClass, WarningRule};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is compiled.
    Error,
    /// The program is compiled, but hardly means what it says.
    Warning,
}

/// A place in the program: before or after preprocessing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the preprocessed text.
    Span(Span),
    /// In a file.
    File(FileSpan),
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Place::Span(span)
    }
}

impl From<FileSpan> for Place {
    fn from(span: FileSpan) -> Self {
        Place::File(span)
    }
}

/// An error or warning, with its places still as spans. [`Report`] is what users see.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) place: Option<Place>,
    pub(crate) labels: Vec<(Place, String)>,
    pub(crate) help: Option<String>,
    /// What a warning is about.
    pub(crate) class: Option<WarningClass>,
}

impl Diagnostic {
    /// An error at a place of the program.
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, Some(span.into()), message.into())
    }

    /// A warning at a place of the program.
    pub fn warning(class: WarningClass, span: Span, message: impl Into<String>) -> Self {
        Self {
            class: Some(class),
            ..Self::new(Severity::Warning, Some(span.into()), message.into())
        }
    }

    /// An error that no place of the program causes, such as a file that cannot be read.
    pub fn error_without_place(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, None, message.into())
    }

    pub(crate) fn new(severity: Severity, place: Option<Place>, message: String) -> Self {
        Self {
            severity,
            message,
            place,
            labels: Vec::new(),
            help: None,
            class: None,
        }
    }

    /// Points at a further place, with a text for it.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push((span.into(), text.into()));
        self
    }

    pub(crate) fn label_at(mut self, place: Place, text: impl Into<String>) -> Self {
        self.labels.push((place, text.into()));
        self
    }

    /// Says what to do about it.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Says what to do about it, if there is something to say.
    pub(crate) fn maybe_help(mut self, text: Option<String>) -> Self {
        self.help = text;
        self
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The name of the file that it is about.
    pub(crate) fn file<'s>(&self, sources: &'s SourceMap) -> Option<&'s str> {
        let span = match self.place? {
            Place::Span(span) => sources.file_span(span)?,
            Place::File(span) => span,
        };
        Some(sources.file_name(span.file))
    }

    /// The diagnostic with the source lines that it speaks of.
    pub(crate) fn into_report(self, sources: &SourceMap) -> Report {
        let resolve = |place: Place| match place {
            Place::Span(span) => sources.file_span(span),
            Place::File(span) => Some(span),
        };
        let main = self.place.and_then(resolve);
        let mut labels = Vec::new();
        let mut elsewhere = Vec::new();
        for (place, text) in self.labels {
            match (resolve(place), main) {
                (Some(span), Some(main)) if span.file == main.file => labels.push((span, text)),
                (Some(span), _) => elsewhere.push((span, text)),
                (None, _) => {}
            }
        }
        let mut notes = Vec::new();
        if let Some(Place::Span(span)) = self.place
            && let Some(expansion) = sources.expansion(span)
        {
            notes.push(match expansion.definition {
                Some(definition) => {
                    let at = sources.file_location(definition);
                    let name = &expansion.name;
                    format!(
                        "in the expansion of macro `{name}`, defined at {}:{}",
                        at.file, at.line
                    )
                }
                None => format!("in the expansion of macro `{}`", expansion.name),
            });
            match (expansion.spelling, main) {
                (Some(spelling), Some(main)) if spelling.file == main.file => {
                    if spelling != main {
                        labels.push((spelling, "the text comes from here".to_owned()));
                    }
                }
                (Some(spelling), _) => {
                    elsewhere.push((spelling, "the text comes from here".to_owned()));
                }
                (None, _) => {}
            }
        }
        let mut includer = main.and_then(|main| sources.included_at(main.file));
        while let Some(span) = includer {
            let at = sources.file_location(span);
            notes.push(format!("included at {}:{}", at.file, at.line));
            includer = sources.included_at(span.file);
        }
        notes.extend(self.help);
        let location = main.map(|main| {
            let at = sources.file_location(main);
            ReportLocation {
                file: at.file.to_owned(),
                line: at.line,
                column: at.column,
            }
        });
        let mut report = Report::new(self.severity, self.message, location, sources, main, labels);
        report.class = self.class;
        report.help = (!notes.is_empty()).then(|| notes.join("\n"));
        report.related = elsewhere
            .into_iter()
            .map(|(span, text)| {
                let severity = Severity::Warning;
                let mut related =
                    Report::new(severity, text, None, sources, Some(span), Vec::new());
                related.advice = true;
                related
            })
            .collect();
        report
    }
}

/// Where a [`Report`] points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportLocation {
    /// The name of the file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// An error or warning with the source lines that it speaks of; shown by `miette`.
#[derive(Debug, Clone)]
pub struct Report {
    severity: Severity,
    message: String,
    location: Option<ReportLocation>,
    source: Option<Arc<NamedSource<Arc<str>>>>,
    labels: Vec<LabeledSpan>,
    help: Option<String>,
    class: Option<WarningClass>,
    related: Vec<Report>,
    /// A place that another report mentions.
    advice: bool,
}

impl Report {
    fn new(
        severity: Severity,
        message: String,
        location: Option<ReportLocation>,
        sources: &SourceMap,
        main: Option<FileSpan>,
        further: Vec<(FileSpan, String)>,
    ) -> Self {
        let bytes = |span: FileSpan| (span.start as usize, (span.end - span.start) as usize);
        let mut labels = Vec::new();
        let mut source = None;
        if let Some(main) = main {
            labels.push(LabeledSpan::new_primary_with_span(None, bytes(main)));
            let text = sources.file_text(main.file);
            source = Some(Arc::new(NamedSource::new(
                sources.file_name(main.file),
                text,
            )));
        }
        labels.extend(
            further
                .into_iter()
                .map(|(span, text)| LabeledSpan::new_with_span(Some(text), bytes(span))),
        );
        let (help, related) = (None, Vec::new());
        Self {
            severity,
            message,
            location,
            source,
            labels,
            help,
            class: None,
            related,
            advice: false,
        }
    }

    /// How bad it is.
    pub fn level(&self) -> Severity {
        self.severity
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What a warning is about, also one that a rule made an error.
    pub fn class(&self) -> Option<WarningClass> {
        self.class
    }

    /// Where it is wrong; `None` if no place of the program causes it.
    pub fn location(&self) -> Option<&ReportLocation> {
        self.location.as_ref()
    }

    /// The report as text without colours, with the source lines.
    pub fn render(&self) -> String {
        let theme = miette::GraphicalTheme::unicode_nocolor();
        let handler = miette::GraphicalReportHandler::new_themed(theme).with_width(100);
        let mut text = String::new();
        if handler.render_report(&mut text, self).is_err() {
            // Writing to a string does not fail; a place outside its text would.
            text.clone_from(&self.message);
        }
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            _ if self.advice => miette::Severity::Advice,
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        // As p4c shows it: the flag that speaks of the class.
        let flag = if self.severity == Severity::Error {
            "--Werror"
        } else {
            "--Wwarn"
        };
        self.class
            .map(|class| Box::new(format!("{flag}={class}")) as Box<dyn fmt::Display>)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source
            .as_deref()
            .map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(
            self.related
                .iter()
                .map(|report| report as &dyn miette::Diagnostic),
        ))
    }
}

/// The diagnostics of one run. More than [`Diagnostics::LIMIT`] errors end the run.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    list: Vec<Diagnostic>,
    errors: usize,
}

impl Diagnostics {
    /// So many errors are shown at most: those behind them are rarely of use.
    const LIMIT: usize = 50;

    /// Takes in a diagnostic. The same message at the same place is kept once.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if diagnostic.is_error() {
            self.errors += 1;
        }
        let known = self
            .list
            .iter()
            .any(|known| known.place == diagnostic.place && known.message == diagnostic.message);
        let alike = self
            .list
            .iter()
            .filter(|known| known.severity == diagnostic.severity)
            .count();
        if !known && alike < Self::LIMIT {
            self.list.push(diagnostic);
        }
    }

    /// Keeps some of them.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.list.retain(keep);
        self.errors = self.list.iter().filter(|kept| kept.is_error()).count();
    }

    /// Does with the warnings what the rules say.
    pub(crate) fn apply(&mut self, rules: &[WarningRule]) {
        let errors = &mut self.errors;
        self.list.retain_mut(|diagnostic| {
            if diagnostic.is_error() {
                return true;
            }
            match WarningRule::action(rules, diagnostic.class) {
                WarningAction::Ignore => return false,
                WarningAction::Warn => {}
                WarningAction::Error => {
                    diagnostic.severity = Severity::Error;
                    *errors += 1;
                }
            }
            true
        });
    }

    /// Whether there was an error.
    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether so many errors have come up that the rest is not worth looking at.
    pub(crate) fn too_many(&self) -> bool {
        self.errors >= Self::LIMIT
    }

    /// The diagnostics, in the order in which they came up.
    pub(crate) fn into_vec(self) -> Vec<Diagnostic> {
        self.list
    }
}
