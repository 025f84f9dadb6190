//! The syntax tree: the program as it is written.

use std::sync::Arc;

use super::lexer::IntLiteral;
use crate::hir::{AnnotationToken, BinaryOp, Direction, UnaryOp};
use crate::source::Span;

/// A name and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ident {
    pub(crate) name: Arc<str>,
    pub(crate) span: Span,
}

/// A use of a name: `x`, or `.x` for the one at the top level.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    pub(crate) absolute: bool,
    pub(crate) name: Ident,
}

#[derive(Debug, Clone)]
pub(crate) struct Annotation {
    pub(crate) name: Arc<str>,
    pub(crate) body: AnnotationBody,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum AnnotationBody {
    Empty,
    Unstructured {
        tokens: Vec<AnnotationToken>,
        text: String,
    },
    Expressions(Vec<Expr>),
    KeyValues(Vec<(Ident, Expr)>),
}

pub(crate) type Annotations = Vec<Annotation>;

/// A type as it is written.
#[derive(Debug, Clone)]
pub(crate) struct TypeExpr {
    pub(crate) kind: TypeKind,
    pub(crate) span: Span,
    /// How many nodes the longest way down has.
    pub(crate) height: u32,
}

#[derive(Debug, Clone)]
pub(crate) enum TypeKind {
    Void,
    Bool,
    Error,
    MatchKind,
    String,
    Int,
    /// `bit<W>`; `bit` alone has no width and means one bit.
    Bit(Option<Box<Expr>>),
    Signed(Box<Expr>),
    Varbit(Box<Expr>),
    Named {
        path: Path,
        args: Vec<TypeExpr>,
    },
    Stack {
        element: Box<TypeExpr>,
        size: Box<Expr>,
    },
    Tuple(Vec<TypeExpr>),
    List(Box<TypeExpr>),
    /// `_` as a type argument: to be inferred.
    DontCare,
}

#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
    /// How many nodes the longest way down has.
    pub(crate) height: u32,
}

#[derive(Debug, Clone)]
pub(crate) enum ExprKind {
    Int(IntLiteral),
    String(String),
    Bool(bool),
    Path(Path),
    /// A type before a dot, or the type of a constructor call with type arguments.
    Type(TypeExpr),
    This,
    /// `...`
    Dots,
    /// `{#}`
    Invalid,
    List(Vec<Expr>),
    Struct {
        fields: Vec<(Ident, Expr)>,
        dots: Option<Span>,
    },
    Member {
        base: Box<Expr>,
        name: Ident,
    },
    Index {
        base: Box<Expr>,
        index: Box<Expr>,
    },
    Slice {
        base: Box<Expr>,
        hi: Box<Expr>,
        lo: Box<Expr>,
    },
    /// `base[lo +: width]`
    PlusSlice {
        base: Box<Expr>,
        lo: Box<Expr>,
        width: Box<Expr>,
    },
    Unary {
        op: UnaryOp,
        operand: Box<Expr>,
    },
    /// `+x`
    Plus(Box<Expr>),
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Conditional {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    Cast {
        ty: TypeExpr,
        operand: Box<Expr>,
    },
    Call {
        callee: Box<Expr>,
        type_args: Vec<TypeExpr>,
        args: Vec<Argument>,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Argument {
    /// The name of the parameter, if it is given.
    pub(crate) name: Option<Ident>,
    /// `None` for `_`.
    pub(crate) value: Option<Expr>,
    pub(crate) span: Span,
}

/// What a value is compared with, in `select` and in table entries.
#[derive(Debug, Clone)]
pub(crate) struct KeySet {
    pub(crate) kind: KeySetKind,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum KeySetKind {
    /// `default` or `_`.
    Any,
    Value(Expr),
    Mask(Expr, Expr),
    Range(Expr, Expr),
    Tuple(Vec<KeySet>),
}

#[derive(Debug, Clone)]
pub(crate) struct Param {
    pub(crate) annotations: Annotations,
    pub(crate) direction: Direction,
    pub(crate) ty: TypeExpr,
    pub(crate) name: Ident,
    pub(crate) default: Option<Expr>,
}

#[derive(Debug, Clone)]
pub(crate) struct Stmt {
    pub(crate) kind: StmtKind,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum StmtKind {
    Empty,
    Variable(Variable),
    Constant(Constant),
    Assign {
        target: Expr,
        value: Expr,
    },
    /// `target op= value`
    OpAssign {
        op: BinaryOp,
        target: Expr,
        value: Expr,
    },
    /// A call.
    Expr(Expr),
    If {
        condition: Expr,
        then: Box<Stmt>,
        otherwise: Option<Box<Stmt>>,
    },
    Block {
        annotations: Annotations,
        stmts: Vec<Stmt>,
    },
    Switch {
        value: Expr,
        cases: Vec<SwitchCase>,
    },
    Return(Option<Expr>),
    Exit,
    /// `for (init; condition; update) body`
    For {
        init: Vec<Stmt>,
        condition: Expr,
        update: Vec<Stmt>,
        body: Box<Stmt>,
    },
    /// `for (variable in values) body`; the variable has no first value.
    ForIn {
        variable: Box<Variable>,
        values: KeySet,
        body: Box<Stmt>,
    },
    Break,
    Continue,
}

#[derive(Debug, Clone)]
pub(crate) struct SwitchCase {
    /// `None` for `default`.
    pub(crate) label: Option<Expr>,
    /// A case without a body falls through to the next one.
    pub(crate) body: Option<Stmt>,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) annotations: Annotations,
    pub(crate) ty: TypeExpr,
    pub(crate) name: Ident,
    pub(crate) init: Option<Expr>,
}

#[derive(Debug, Clone)]
pub(crate) struct Constant {
    pub(crate) annotations: Annotations,
    pub(crate) ty: TypeExpr,
    pub(crate) name: Ident,
    pub(crate) value: Expr,
}

#[derive(Debug, Clone)]
pub(crate) struct Instantiation {
    pub(crate) annotations: Annotations,
    pub(crate) ty: TypeExpr,
    pub(crate) args: Vec<Argument>,
    pub(crate) name: Ident,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct Prototype {
    pub(crate) annotations: Annotations,
    pub(crate) result: TypeExpr,
    pub(crate) name: Ident,
    pub(crate) type_params: Vec<Ident>,
    pub(crate) params: Vec<Param>,
}

#[derive(Debug, Clone)]
pub(crate) struct Action {
    pub(crate) annotations: Annotations,
    pub(crate) name: Ident,
    pub(crate) params: Vec<Param>,
    pub(crate) body: Vec<Stmt>,
}

#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) prototype: Prototype,
    pub(crate) body: Vec<Stmt>,
    /// The closing brace of the body.
    pub(crate) end: Span,
}

/// The kind of a struct-like type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StructKind {
    Struct,
    Header,
    Union,
}

#[derive(Debug, Clone)]
pub(crate) struct Struct {
    pub(crate) annotations: Annotations,
    pub(crate) kind: StructKind,
    pub(crate) name: Ident,
    pub(crate) type_params: Vec<Ident>,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) annotations: Annotations,
    pub(crate) ty: TypeExpr,
    pub(crate) name: Ident,
}

#[derive(Debug, Clone)]
pub(crate) struct Enum {
    pub(crate) annotations: Annotations,
    pub(crate) representation: Option<TypeExpr>,
    pub(crate) name: Ident,
    pub(crate) members: Vec<(Ident, Option<Expr>)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Typedef {
    pub(crate) annotations: Annotations,
    /// `type` and not `typedef`.
    pub(crate) new: bool,
    pub(crate) ty: TypeExpr,
    pub(crate) name: Ident,
}

#[derive(Debug, Clone)]
pub(crate) struct Extern {
    pub(crate) annotations: Annotations,
    pub(crate) name: Ident,
    pub(crate) type_params: Vec<Ident>,
    /// Constructors have the name of the object.
    pub(crate) methods: Vec<Prototype>,
    /// The first abstract method, if there is one.
    pub(crate) abstract_method: Option<Span>,
}

/// The head of a parser, control or package: its type.
#[derive(Debug, Clone)]
pub(crate) struct BlockType {
    pub(crate) annotations: Annotations,
    pub(crate) name: Ident,
    pub(crate) type_params: Vec<Ident>,
    pub(crate) params: Vec<Param>,
}

#[derive(Debug, Clone)]
pub(crate) struct ValueSet {
    pub(crate) annotations: Annotations,
    pub(crate) element: TypeExpr,
    pub(crate) size: Expr,
    pub(crate) name: Ident,
}

#[derive(Debug, Clone)]
pub(crate) enum Local {
    Constant(Constant),
    Variable(Variable),
    Instantiation(Instantiation),
    ValueSet(ValueSet),
    Action(Action),
    Table(Table),
    Function(Function),
}

#[derive(Debug, Clone)]
pub(crate) struct Parser {
    pub(crate) head: BlockType,
    pub(crate) constructor_params: Vec<Param>,
    pub(crate) locals: Vec<Local>,
    pub(crate) states: Vec<State>,
}

#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) annotations: Annotations,
    pub(crate) name: Ident,
    pub(crate) body: Vec<Stmt>,
    pub(crate) transition: Option<Transition>,
}

#[derive(Debug, Clone)]
pub(crate) enum Transition {
    Direct(Ident),
    Select {
        exprs: Vec<Expr>,
        cases: Vec<SelectCase>,
        span: Span,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct SelectCase {
    pub(crate) keys: KeySet,
    pub(crate) next: Ident,
}

#[derive(Debug, Clone)]
pub(crate) struct Control {
    pub(crate) head: BlockType,
    pub(crate) constructor_params: Vec<Param>,
    pub(crate) locals: Vec<Local>,
    pub(crate) body: Vec<Stmt>,
}

#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) annotations: Annotations,
    pub(crate) name: Ident,
    pub(crate) properties: Vec<Property>,
}

#[derive(Debug, Clone)]
pub(crate) struct Property {
    pub(crate) annotations: Annotations,
    pub(crate) constant: bool,
    pub(crate) name: Ident,
    pub(crate) value: PropertyValue,
}

#[derive(Debug, Clone)]
pub(crate) enum PropertyValue {
    Key(Vec<KeyElement>),
    Actions(Vec<ActionRef>),
    Entries(Vec<Entry>),
    Expr(Expr),
}

#[derive(Debug, Clone)]
pub(crate) struct KeyElement {
    pub(crate) expr: Expr,
    pub(crate) match_kind: Ident,
    pub(crate) annotations: Annotations,
}

#[derive(Debug, Clone)]
pub(crate) struct ActionRef {
    pub(crate) annotations: Annotations,
    pub(crate) path: Path,
    /// `None` without parentheses.
    pub(crate) args: Option<Vec<Argument>>,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) constant: bool,
    pub(crate) priority: Option<Expr>,
    pub(crate) keys: KeySet,
    pub(crate) action: ActionRef,
    pub(crate) annotations: Annotations,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum Decl {
    Constant(Constant),
    Struct(Struct),
    Enum(Enum),
    Typedef(Typedef),
    Error(Vec<Ident>),
    MatchKind(Vec<Ident>),
    Extern(Extern),
    ExternFunction(Prototype),
    Function(Function),
    Action(Action),
    ParserType(BlockType),
    ControlType(BlockType),
    PackageType(BlockType),
    Parser(Arc<Parser>),
    Control(Arc<Control>),
    Instantiation(Instantiation),
}

/// A program: its declarations in the order of the source.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) decls: Vec<Decl>,
}

fn tallest<'a, T: 'a>(items: impl IntoIterator<Item = &'a T>, height: impl Fn(&T) -> u32) -> u32 {
    items.into_iter().map(height).max().unwrap_or(0)
}

impl TypeExpr {
    pub(crate) fn new(kind: TypeKind, span: Span) -> Self {
        let below = match &kind {
            TypeKind::Bit(Some(width)) | TypeKind::Signed(width) | TypeKind::Varbit(width) => {
                width.height
            }
            TypeKind::Named { args, .. } | TypeKind::Tuple(args) => tallest(args, |ty| ty.height),
            TypeKind::Stack { element, size } => element.height.max(size.height),
            TypeKind::List(element) => element.height,
            _ => 0,
        };
        Self {
            kind,
            span,
            height: below + 1,
        }
    }
}

impl Expr {
    pub(crate) fn new(kind: ExprKind, span: Span) -> Self {
        let below = match &kind {
            ExprKind::Type(ty) => ty.height,
            ExprKind::List(items) => tallest(items, |item| item.height),
            ExprKind::Struct { fields, .. } => tallest(fields, |(_, value)| value.height),
            ExprKind::Member { base, .. } => base.height,
            ExprKind::Index { base, index } => base.height.max(index.height),
            ExprKind::Slice { base, hi: a, lo: b }
            | ExprKind::PlusSlice {
                base,
                lo: a,
                width: b,
            }
            | ExprKind::Conditional {
                condition: base,
                then: a,
                otherwise: b,
            } => base.height.max(a.height).max(b.height),
            ExprKind::Unary { operand, .. } | ExprKind::Plus(operand) => operand.height,
            ExprKind::Binary { left, right, .. } => left.height.max(right.height),
            ExprKind::Cast { ty, operand } => ty.height.max(operand.height),
            ExprKind::Call {
                callee,
                type_args,
                args,
            } => {
                let value = |arg: &Argument| arg.value.as_ref().map_or(0, |value| value.height);
                let args = tallest(args, value).max(tallest(type_args, |ty| ty.height));
                callee.height.max(args)
            }
            _ => 0,
        };
        Self {
            kind,
            span,
            height: below + 1,
        }
    }
}
