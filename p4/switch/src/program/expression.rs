//! Expressions, with the number type that each is evaluated with.

use num_bigint::BigInt;

use super::{Field, HeaderId, StackId, UnionId, UnionStackId};

/// The number type that an expression is evaluated with: the smallest that gives the right bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Bits64,
    Bits128,
    Bits256,
    Bits512,
    Unbounded,
}

/// An arithmetic expression.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) class: Class,
    pub(crate) node: Arithmetic,
}

/// A node of an arithmetic expression.
#[derive(Debug)]
pub(crate) enum Arithmetic {
    Constant(i64),
    BigConstant(Box<BigInt>),
    /// A field that is signed or wider than 64 bits.
    Field(Field),
    /// An unsigned field of at most 64 bits.
    Word {
        word: u32,
        width: u32,
    },
    /// A parameter of the action: its first word, and its width in bits.
    Parameter {
        word: u32,
        shift: u32,
        width: u32,
    },
    /// A field of the last element of a stack, given by the field of the first element.
    StackLast {
        stack: StackId,
        field: Field,
    },
    /// A field of a member of the last element of a stack of unions.
    UnionStackLast {
        stack: UnionStackId,
        member: u32,
        field: u32,
        width: u32,
    },
    /// A field of a header that is only known at run time.
    Access {
        header: Box<HeaderRef>,
        field: u32,
        width: u32,
    },
    /// A register.
    Register {
        array: u32,
        index: Box<Expression>,
        width: u32,
    },
    Add(Box<[Arithmetic; 2]>),
    Subtract(Box<[Arithmetic; 2]>),
    Multiply(Box<[Arithmetic; 2]>),
    Divide(Box<[Arithmetic; 2]>),
    Modulo(Box<[Arithmetic; 2]>),
    And(Box<[Arithmetic; 2]>),
    Or(Box<[Arithmetic; 2]>),
    Xor(Box<[Arithmetic; 2]>),
    ShiftLeft(Box<[Arithmetic; 2]>),
    ShiftRight(Box<[Arithmetic; 2]>),
    ShiftLeftBy(Box<Arithmetic>, u32),
    ShiftRightBy(Box<Arithmetic>, u32),
    Complement(Box<Arithmetic>),
    Negate(Box<Arithmetic>),
    TwoComplement(Box<Arithmetic>, u32),
    SaturateSigned(Box<Arithmetic>, u32),
    SaturateUnsigned(Box<Arithmetic>, u32),
    Conditional(Box<(Condition, Arithmetic, Arithmetic)>),
    FromBoolean(Box<Condition>),
    /// Index of the last element that was extracted into a stack.
    LastIndex(u32),
    /// Number of elements that were extracted into a stack: the word of its `next`.
    StackSize(u32),
}

/// A header that may only be known at run time.
#[derive(Debug)]
pub(crate) enum HeaderRef {
    Fixed(HeaderId),
    /// An element of a stack; there is none if the index is too large.
    Element {
        stack: StackId,
        index: Expression,
    },
    /// A member of an element of a stack of unions.
    UnionElement {
        stack: UnionStackId,
        index: Expression,
        member: u32,
    },
}

/// A Boolean expression, with the forms that are frequent put in front.
#[derive(Debug)]
pub(crate) enum Condition {
    Constant(bool),
    /// A word of the PHV is not zero: `isValid()` above all.
    WordNotZero(u32),
    /// A word of the PHV is equal to a constant.
    WordEquals(u32, u64),
    /// Something else.
    Other(Box<Boolean>),
}

/// A node of a Boolean expression.
#[derive(Debug)]
pub(crate) enum Boolean {
    Not(Condition),
    And(Condition, Condition),
    Or(Condition, Condition),
    Equal(Condition, Condition),
    Choose(Condition, Condition, Condition),
    Compare {
        comparison: Comparison,
        class: Class,
        left: Arithmetic,
        right: Arithmetic,
    },
    NotZero(Expression),
    Valid(HeaderRef),
    ValidUnion(UnionId),
    ValidUnionElement {
        stack: UnionStackId,
        index: Expression,
    },
    /// Both headers are valid and have the same fields.
    HeadersEqual(HeaderRef, HeaderRef),
    /// Both unions have the same member valid, with the same fields.
    UnionsEqual(UnionId, UnionId),
}

/// How two numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What is assigned to.
#[derive(Debug)]
pub(crate) enum FieldTarget {
    Fixed(Field),
    /// A field, by its index, of a header that is only known at run time. Nothing is written if
    /// there is no such header.
    Access {
        header: HeaderRef,
        field: u32,
    },
}
