//! Expressions.

use num_bigint::BigInt;

use super::ids::{
    ErrorId, ExternFunctionId, ExternId, FunctionId, InstanceId, TableId, TypeId, ValueSetId, VarId,
};
use crate::source::Span;

/// An expression.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its type.
    pub ty: TypeId,
    /// Where it stands. A constant has the place of the expression that was folded.
    pub span: Span,
}

impl Expr {
    /// The value, when it is known at compile time and not an aggregate.
    pub fn constant(&self) -> Option<&Const> {
        match &self.kind {
            ExprKind::Const(value) => Some(value),
            _ => None,
        }
    }
}

/// What an expression is.
///
/// What can be written to (an l-value; specification, section 6.6) is a [`Var`](ExprKind::Var),
/// or a [`Field`](ExprKind::Field), [`TupleElement`](ExprKind::TupleElement),
/// [`StackElement`](ExprKind::StackElement),
/// [`StackNext`](ExprKind::StackNext), [`StackLast`](ExprKind::StackLast) or
/// [`Slice`](ExprKind::Slice) of one.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// A value known at compile time.
    Const(Const),
    /// A parameter or local variable.
    Var(VarId),
    /// A field of a struct or header.
    Field {
        /// The struct or header.
        base: Box<Expr>,
        /// The position of the field in its declaration.
        field: usize,
    },
    /// An element of a tuple.
    TupleElement {
        /// The tuple.
        base: Box<Expr>,
        /// Its position; always inside the tuple.
        index: usize,
    },
    /// `stack[index]`.
    StackElement {
        /// The stack.
        base: Box<Expr>,
        /// The index: any unsigned integer; a constant index is inside the stack.
        index: Box<Expr>,
    },
    /// `stack.next`: only in parsers.
    StackNext(Box<Expr>),
    /// `stack.last`: only in parsers.
    StackLast(Box<Expr>),
    /// `stack.lastIndex`, a `bit<32>`: only in parsers.
    StackLastIndex(Box<Expr>),
    /// `base[hi:lo]`; `hi >= lo`, both inside the width.
    Slice {
        /// A `bit` or `int` value.
        base: Box<Expr>,
        /// The highest bit.
        hi: u32,
        /// The lowest bit.
        lo: u32,
    },
    /// An operator with one operand.
    Unary {
        /// The operator.
        op: UnaryOp,
        /// The operand.
        operand: Box<Expr>,
    },
    /// An operator with two operands.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// The left operand.
        left: Box<Expr>,
        /// The right operand.
        right: Box<Expr>,
    },
    /// `condition ? then : otherwise`.
    Conditional {
        /// A boolean.
        condition: Box<Expr>,
        /// The value if it is true.
        then: Box<Expr>,
        /// The value if it is false.
        otherwise: Box<Expr>,
    },
    /// A conversion to the type of this expression: between `bit` and `int` of any widths,
    /// `bit<1>` and `bool`, newtype or serialisable enumeration and what they are made of.
    Cast(Box<Expr>),
    /// All members of a struct, header (which it makes valid) or tuple, in order.
    List(Vec<Expr>),
    /// `{#}`: an invalid header.
    InvalidHeader,
    /// `header.isValid()`.
    IsValid(Box<Expr>),
    /// `table.apply().hit` (applies the table).
    TableHit(TableId),
    /// `table.apply().miss` (applies the table).
    TableMiss(TableId),
    /// A call of a function or of an extern method that returns a value.
    Call(Call),
}

/// A value known at compile time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Const {
    /// A boolean.
    Bool(bool),
    /// A number of a `bit`, `int`, newtype or serialisable enumeration type; in its range.
    Int(BigInt),
    /// A string.
    String(String),
    /// A member of `error`.
    Error(ErrorId),
    /// A member of an enumeration that is not serialisable: its position.
    Enum(usize),
}

/// An operator with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `~`
    BitNot,
    /// `!`
    Not,
}

/// An operator with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each variant is the operator of that name
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    /// `|+|`
    AddSat,
    /// `|-|`
    SubSat,
    Shl,
    Shr,
    BitAnd,
    BitOr,
    BitXor,
    And,
    Or,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// `++`
    Concat,
}

/// A call of a function, extern function or extern method.
#[derive(Debug, Clone)]
pub struct Call {
    /// What is called.
    pub callee: Callee,
    /// The type arguments of the function or method (not of its object), written or inferred.
    pub type_args: Vec<TypeId>,
    /// One for each parameter, in the order of the declaration.
    pub args: Vec<Arg>,
    /// The whole call.
    pub span: Span,
}

/// What is called.
#[derive(Debug, Clone)]
pub enum Callee {
    /// A function with a body.
    Function(FunctionId),
    /// An extern function, overload chosen.
    ExternFunction(ExternFunctionId),
    /// A method of an extern object, overload chosen.
    ExternMethod {
        /// The object.
        object: ObjectRef,
        /// Its type's declaration.
        extern_object: ExternId,
        /// The position of the method in [`super::ExternObject::methods`].
        method: usize,
    },
}

/// Where an extern object comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectRef {
    /// A declared (or anonymous) instance.
    Instance(InstanceId),
    /// A parameter of an extern type: of a parser or control (`packet_in`), or of its
    /// constructor; the latter are bound by [`super::InstanceKind`].
    Param(VarId),
}

/// An argument.
#[derive(Debug, Clone)]
pub enum Arg {
    /// A value for a parameter that is `in` or has no direction; an l-value for one that is
    /// `out` or `inout`.
    Expr(Expr),
    /// An extern object for a parameter of an extern type.
    Object(ObjectRef),
    /// `_` for an `out` parameter: what is written is lost.
    DontCare,
    /// Nothing for a parameter that is `@optional`.
    Absent,
}

impl Arg {
    /// The expression, if it is one.
    pub fn expr(&self) -> Option<&Expr> {
        match self {
            Arg::Expr(expr) => Some(expr),
            _ => None,
        }
    }
}

/// What a value is compared with in `select` and in table entries.
#[derive(Debug, Clone)]
pub enum KeySet {
    /// `default` or `_`: every value.
    Any,
    /// One value, a constant.
    Value(Expr),
    /// `value &&& mask`.
    Mask {
        /// The value.
        value: Expr,
        /// The mask: a set bit is compared.
        mask: Expr,
    },
    /// `low .. high`, both included.
    Range {
        /// The smallest value.
        low: Expr,
        /// The largest value.
        high: Expr,
    },
    /// The values that the control plane puts into a value set. It stands for all of the
    /// `select`'s expressions when the element type of the value set is a struct or tuple, and
    /// is then the only member of the case's list.
    ValueSet(ValueSetId),
}
