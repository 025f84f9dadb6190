//! Statements.

use super::expr::{Arg, Call, Const, Expr};
use super::ids::{ActionId, InstanceId, TableId, VarId};
use crate::source::Span;

/// A statement.
#[derive(Debug, Clone)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// Where it stands.
    pub span: Span,
    /// The annotations of a block (empty for other statements).
    pub annotations: super::annotation::Annotations,
}

/// Statements in the order in which they run.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// The statements.
    pub stmts: Vec<Stmt>,
}

/// What a statement is.
#[derive(Debug, Clone)]
pub enum StmtKind {
    /// `target = value`. Compound assignments (`+=`) are written out.
    Assign {
        /// An l-value.
        target: Expr,
        /// A value of the same type.
        value: Expr,
    },
    /// A local variable comes to life. Without `init` its value is undefined; a header is
    /// invalid.
    VarDecl {
        /// The variable.
        var: VarId,
        /// Its first value.
        init: Option<Expr>,
    },
    /// A call whose result, if any, is not used.
    Call(Call),
    /// An action called like a procedure.
    CallAction {
        /// The action.
        action: ActionId,
        /// One for each parameter of the action.
        args: Vec<Arg>,
    },
    /// `table.apply()`.
    ApplyTable(TableId),
    /// `instance.apply(...)` of a control. A direct invocation `C.apply(...)` has an instance of
    /// its own, named as the control is.
    ApplyControl {
        /// The instance.
        instance: InstanceId,
        /// One for each parameter of the control.
        args: Vec<Arg>,
    },
    /// `instance.apply(...)` of a parser, in a parser state.
    ApplyParser {
        /// The instance.
        instance: InstanceId,
        /// One for each parameter of the parser.
        args: Vec<Arg>,
    },
    /// `header.setValid()`.
    SetValid(Expr),
    /// `header.setInvalid()`.
    SetInvalid(Expr),
    /// `stack.push_front(count)`.
    PushFront {
        /// The stack.
        stack: Expr,
        /// How many elements.
        count: u32,
    },
    /// `stack.pop_front(count)`.
    PopFront {
        /// The stack.
        stack: Expr,
        /// How many elements.
        count: u32,
    },
    /// `if`.
    If {
        /// A boolean; a constant one is kept as it is.
        condition: Expr,
        /// What runs if it is true.
        then: Block,
        /// What runs if it is false (maybe empty).
        otherwise: Block,
    },
    /// A block with its own scope.
    Block(Block),
    /// `switch (table.apply().action_run)`: applies the table, then runs at most one case.
    SwitchAction {
        /// The table.
        table: TableId,
        /// The cases with a body; labels that fall through stand before the labels of the body
        /// that they fall to.
        cases: Vec<SwitchCase<usize>>,
    },
    /// `switch` over a value.
    SwitchValue {
        /// The value.
        value: Expr,
        /// The cases.
        cases: Vec<SwitchCase<Const>>,
    },
    /// `for`: the statements before it stand before this one, in a block of their own.
    Loop {
        /// A boolean, evaluated before each round.
        condition: Expr,
        /// What runs in each round.
        body: Block,
        /// What runs after each round, also one that `continue` ended.
        update: Block,
    },
    /// `break`: leaves the innermost loop.
    Break,
    /// `continue`: ends the round of the innermost loop.
    Continue,
    /// `return`.
    Return(Option<Expr>),
    /// `exit`.
    Exit,
}

/// A case of a `switch`.
///
/// The labels of [`StmtKind::SwitchAction`] are positions in [`super::Table::actions`].
#[derive(Debug, Clone)]
pub struct SwitchCase<Label> {
    /// The labels, any of which selects the case.
    pub labels: Vec<Label>,
    /// Whether `default` is among the labels.
    pub default: bool,
    /// What runs.
    pub body: Block,
    /// Where the first label stands.
    pub span: Span,
}
