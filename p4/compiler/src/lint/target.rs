//! What BMv2 does otherwise than the language says.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::hir::{NextState, Program, Table, Transition};
use crate::warning::WarningClass;

pub(super) fn lint(program: &Program, diagnostics: &mut Diagnostics) {
    for state in program.parsers.iter().flat_map(|parser| &parser.states) {
        let span = match &state.transition {
            Transition::Direct(NextState::Reject) => Some(state.span),
            Transition::Direct(_) => None,
            Transition::Select { cases, .. } => cases
                .iter()
                .find(|case| case.next == NextState::Reject)
                .map(|case| case.span),
        };
        if let Some(span) = span {
            let message = "BMv2 does not drop a packet that the parser rejects";
            diagnostics.push(
                Diagnostic::warning(WarningClass::Unsupported, span, message).help(
                    "the packet goes on to ingress as on `accept`, without an error in \
                     `parser_error`; `verify` sets one that ingress can look at",
                ),
            );
        }
    }
    for table in &program.tables {
        indirect_default(program, table, diagnostics);
    }
}

/// The default action of a table with an action profile is in no BMv2 JSON.
fn indirect_default(program: &Program, table: &Table, diagnostics: &mut Diagnostics) {
    let default = &table.default_action;
    let does_nothing = table.actions.get(default.action).is_none_or(|listed| {
        let action = &program[listed.action];
        action.body.stmts.is_empty()
    });
    if table.implementation.is_none() || does_nothing {
        return;
    }
    let message = format!(
        "BMv2 has no default action for `{}`, whose actions are in an action profile",
        table.name
    );
    diagnostics.push(
        Diagnostic::warning(WarningClass::Unsupported, default.span, message)
            .help("a packet that misses runs no action: act on `apply().miss` instead"),
    );
}
