//! Warnings about programs that have no errors, but hardly mean what they say.
//!
//! Parsers and controls with constructor parameters are in the tree once for each set of
//! arguments. What is said of a declaration holds for all of them: declarations are told apart by
//! where they stand.

mod covered;
mod flow;
mod target;
mod uninitialized;
mod unused;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::hir::{AnnotationBody, AnnotationToken, AnnotationValue, Annotations, Program};
use crate::source::Span;
use crate::warning::WarningClass;

/// Looks for all of it.
pub(crate) fn lint(program: &Program, diagnostics: &mut Diagnostics) {
    unused::lint(program, diagnostics);
    covered::lint(program, diagnostics);
    uninitialized::lint(program, diagnostics);
    target::lint(program, diagnostics);
}

fn warn(diagnostics: &mut Diagnostics, class: WarningClass, span: Span, message: String) {
    diagnostics.push(Diagnostic::warning(class, span, message));
}

/// Whether `@noWarn("...")` says that a class of warnings is not wanted for a declaration.
fn is_silenced(annotations: &Annotations, class: WarningClass) -> bool {
    let named = |text: &str| text.replace('_', "-") == class.name();
    annotations.all.iter().any(|annotation| {
        annotation.name == "noWarn"
            && match &annotation.body {
                AnnotationBody::Unstructured { tokens, .. } => tokens
                    .iter()
                    .any(|token| matches!(token, AnnotationToken::String(text) if named(text))),
                AnnotationBody::Expressions(values) => values
                    .iter()
                    .any(|value| matches!(value, AnnotationValue::String(text) if named(text))),
                AnnotationBody::Empty | AnnotationBody::KeyValues(_) => false,
            }
    })
}
