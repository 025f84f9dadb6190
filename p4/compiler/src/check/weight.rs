//! How large a program becomes once everything is inlined.
//!
//! Parsers, controls, actions and functions have no calls on the target: whatever lowers the
//! program writes their bodies where they are used. Each may use the one before twice, so that a
//! short program stands for one of any size; such a program is refused here.

use std::collections::HashMap;

use super::Checker;
use crate::hir::{ActionId, ControlId, FunctionId, InstanceId, InstanceKind, ParserId};
use crate::source::Span;

/// Statements, with those of everything that is used in them.
const STATEMENT_LIMIT: u64 = 300_000;

/// Values that constants, initialisers and default values stand for, in the whole program.
const VALUE_LIMIT: u64 = 3_000_000;

/// How often controls and parsers may be checked with other values of their constructor
/// parameters.
const SPECIALISATION_LIMIT: usize = 2_000;

/// What has a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Body {
    Function(FunctionId),
    Action(ActionId),
    Parser(ParserId),
    Control(ControlId),
}

/// The sizes of bodies.
#[derive(Debug, Default)]
pub(super) struct Weights {
    bodies: HashMap<Body, u64>,
    /// The statements of the body that is being checked, so far.
    current: u64,
    /// The values that constants stood for so far.
    values: u64,
    specialisations: usize,
    refused: bool,
}

impl Checker<'_> {
    /// Checks a body and gives its size besides.
    pub(super) fn weighed<T>(&mut self, check: impl FnOnce(&mut Self) -> T) -> (T, u64) {
        let outer = std::mem::take(&mut self.weights.current);
        let result = check(self);
        let weight = std::mem::replace(&mut self.weights.current, outer);
        (result, weight)
    }

    pub(super) fn set_weight(&mut self, body: Body, weight: u64) {
        self.weights.bodies.insert(body, weight);
    }

    /// Counts a statement.
    pub(super) fn count_statement(&mut self) {
        self.weights.current = self.weights.current.saturating_add(1);
    }

    /// Counts the use of a body.
    pub(super) fn count_use(&mut self, body: Body, span: Span) {
        let weight = self.weights.bodies.get(&body).copied().unwrap_or(1);
        self.weights.current = self.weights.current.saturating_add(weight);
        if self.weights.current > STATEMENT_LIMIT {
            let message = format!(
                "with all that is used in it, this has more than {STATEMENT_LIMIT} statements"
            );
            self.refuse_size(span, message);
        }
    }

    pub(super) fn count_instance_use(&mut self, instance: InstanceId, span: Span) {
        match self.program[instance].kind {
            InstanceKind::Parser { parser, .. } => self.count_use(Body::Parser(parser), span),
            InstanceKind::Control { control, .. } => self.count_use(Body::Control(control), span),
            InstanceKind::Extern { .. } => {}
        }
    }

    /// Counts the values of an aggregate; whether there may be so many.
    pub(super) fn count_values(&mut self, count: u64, span: Span) -> bool {
        self.weights.values = self.weights.values.saturating_add(count);
        if self.weights.values <= VALUE_LIMIT {
            return true;
        }
        let message =
            format!("the constants of this program stand for more than {VALUE_LIMIT} values");
        self.refuse_size(span, message);
        false
    }

    /// Counts a check of a parser or control; whether there may be so many.
    pub(super) fn count_specialisation(&mut self, span: Span) -> bool {
        self.weights.specialisations += 1;
        if self.weights.specialisations <= SPECIALISATION_LIMIT {
            return true;
        }
        let message = format!(
            "there are more than {SPECIALISATION_LIMIT} parsers and controls, counted with each set of \
             constructor arguments"
        );
        self.refuse_size(span, message);
        false
    }

    /// One such error is enough.
    fn refuse_size(&mut self, span: Span, message: String) {
        if !std::mem::replace(&mut self.weights.refused, true) {
            self.error(span, message);
        }
    }
}
