//! The program between the typed tree and BMv2 JSON: everything inlined, every value a scalar.
//!
//! There are no structs, no scopes and no calls left; storage is a list of header instances,
//! header stacks and fields of the `scalars` header. Statements keep their nesting; the only
//! jumps are [`StmtKind::Leave`], to the end of an enclosing [`StmtKind::Scope`], and back to the
//! start of a [`StmtKind::Repeat`].

use num_bigint::BigInt;

use crate::source::Span;

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(super) struct $name(pub(super) usize);
    )*};
}

index! {
    /// A header type: its position in [`Program::header_types`].
    HeaderTypeId;
    /// A header instance: its position in [`Program::headers`].
    HeaderId;
    /// A header stack: its position in [`Program::stacks`].
    StackId;
    /// A scalar: its position in [`Program::scalars`].
    ScalarId;
    /// An action: its position in [`Program::actions`].
    ActionId;
    /// A table: its position in [`Program::tables`].
    TableId;
    /// An extern object: its position in [`Program::objects`].
    ObjectId;
    /// The end of a [`StmtKind::Scope`].
    Label;
}

/// The type of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ScalarType {
    /// A boolean, stored as one bit.
    Bool,
    /// `bit<width>`, or `int<width>` if signed.
    Bits {
        /// Width in bits.
        width: u32,
        /// Two's complement.
        signed: bool,
    },
    /// A member of `error`, stored in 32 bits.
    Error,
    /// `varbit`: the largest width in bits.
    Varbit(u32),
}

impl ScalarType {
    /// `bit<width>`.
    pub(super) fn bits(width: u32) -> Self {
        ScalarType::Bits {
            width,
            signed: false,
        }
    }

    /// The width in bits of a field that stores it.
    pub(super) fn width(self) -> u32 {
        match self {
            ScalarType::Bool => 1,
            ScalarType::Bits { width, .. } | ScalarType::Varbit(width) => width,
            ScalarType::Error => 32,
        }
    }

    /// Whether it is two's complement.
    pub(super) fn signed(self) -> bool {
        matches!(self, ScalarType::Bits { signed: true, .. })
    }
}

/// A header type of BMv2; also of metadata.
#[derive(Debug, Clone)]
pub(super) struct HeaderType {
    /// Its name.
    pub(super) name: String,
    /// Its fields.
    pub(super) fields: Vec<HeaderField>,
}

/// A field of a header type.
#[derive(Debug, Clone)]
pub(super) struct HeaderField {
    /// Its name.
    pub(super) name: String,
    /// Its type.
    pub(super) ty: ScalarType,
}

/// A header instance.
#[derive(Debug, Clone)]
pub(super) struct Header {
    /// Its name.
    pub(super) name: String,
    /// Its type.
    pub(super) ty: HeaderTypeId,
    /// Whether it is metadata: always valid and never in the packet.
    pub(super) metadata: bool,
}

/// A header stack.
#[derive(Debug, Clone)]
pub(super) struct Stack {
    /// Its name.
    pub(super) name: String,
    /// The type of its elements.
    pub(super) ty: HeaderTypeId,
    /// Its elements.
    pub(super) elements: Vec<HeaderId>,
}

/// A field of the `scalars` header: user metadata, a local variable or a temporary.
#[derive(Debug, Clone)]
pub(super) struct Scalar {
    /// Its name.
    pub(super) name: String,
    /// Its type.
    pub(super) ty: ScalarType,
}

/// A field that can be read and written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum FieldRef {
    /// A scalar.
    Scalar(ScalarId),
    /// A field of a header.
    Header {
        /// Which header.
        header: HeaderRef,
        /// The position of the field in the header's type.
        field: usize,
    },
}

/// A header.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum HeaderRef {
    /// A header instance.
    Instance(HeaderId),
    /// The element that a parser extracts next (`stack.next`).
    Next(StackId),
    /// The element that a parser extracted last (`stack.last`).
    Last(StackId),
    /// An element with an index that is known only at run time.
    Element(StackId, Box<Expr>),
}

/// An expression without side effects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Expr {
    /// What it is.
    pub(super) kind: ExprKind,
    /// Its type.
    pub(super) ty: ScalarType,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum ExprKind {
    /// A number (of type bits or error).
    Int(BigInt),
    /// A boolean.
    Bool(bool),
    /// The value of a field.
    Field(FieldRef),
    /// The action data at this position.
    ActionData(usize),
    /// Whether a header is valid.
    IsValid(HeaderRef),
    /// The index of the last element of a stack.
    LastIndex(StackId),
    /// The next bits of the packet, as many as the type has.
    Lookahead,
    /// `-e`, `~e` or `!e`.
    Unary(UnaryOp, Box<Expr>),
    /// `a op b`.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `condition ? then : otherwise`.
    Mux(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A conversion to the expression's type.
    Cast(Box<Expr>),
    /// `base[hi:lo]`.
    Slice {
        /// The value.
        base: Box<Expr>,
        /// The highest bit.
        hi: u32,
        /// The lowest bit.
        lo: u32,
    },
}

pub(super) use crate::hir::{BinaryOp, UnaryOp};

/// A statement.
#[derive(Debug, Clone)]
pub(super) struct Stmt {
    /// What it is.
    pub(super) kind: StmtKind,
    /// Where it comes from.
    pub(super) span: Span,
}

/// What a statement is.
#[derive(Debug, Clone)]
pub(super) enum StmtKind {
    /// A field gets a value.
    Assign(FieldRef, Expr),
    /// A header gets the fields and validity of another of its type.
    AssignHeader(HeaderRef, HeaderRef),
    /// A stack gets the elements of another of its type.
    AssignStack(StackId, StackId),
    /// A header becomes valid.
    AddHeader(HeaderRef),
    /// A header becomes invalid.
    RemoveHeader(HeaderRef),
    /// The elements of a stack move away from the front by so many.
    Push(StackId, u32),
    /// The elements of a stack move towards the front by so many.
    Pop(StackId, u32),
    /// An operation of the architecture.
    Primitive(Primitive),
    /// A branch.
    If {
        /// A boolean.
        condition: Expr,
        /// Where it stands.
        condition_span: Span,
        /// What runs if it is true.
        then: Vec<Stmt>,
        /// What runs if it is false.
        otherwise: Vec<Stmt>,
    },
    /// Statements that [`StmtKind::Leave`] can leave.
    Scope(Label, Vec<Stmt>),
    /// Goes on behind the scope with this label.
    Leave(Label),
    /// Runs again and again, until [`StmtKind::Leave`] leaves it. Applies no tables.
    Repeat(Vec<Stmt>),
    /// Ends the pipeline.
    Exit,
    /// Applies a table. Only in ingress and egress, outside actions.
    Apply(TableId, AfterTable),
    /// Runs an action without parameters. Only in ingress and egress, outside actions.
    RunAction(ActionId),
    /// An operation of the parser.
    Parse(ParserOp),
    /// Appends a header to the packet. Only in the deparser.
    Emit(HeaderRef),
    /// A checksum. Only in the checksum controls.
    Checksum(Checksum),
}

/// What depends on the result of a table.
#[derive(Debug, Clone)]
pub(super) enum AfterTable {
    /// Nothing.
    Nothing,
    /// One branch for a hit, one for a miss.
    Hit {
        /// What runs if an entry matched.
        hit: Vec<Stmt>,
        /// What runs if none did.
        miss: Vec<Stmt>,
    },
    /// A branch for each of some actions.
    Switch {
        /// The actions (positions in [`Table::actions`]) and what runs if one of them ran.
        cases: Vec<(Vec<usize>, Vec<Stmt>)>,
        /// What runs otherwise.
        default: Vec<Stmt>,
    },
}

/// An operation of the architecture.
#[derive(Debug, Clone)]
pub(super) struct Primitive {
    /// Its name in BMv2.
    pub(super) name: &'static str,
    /// Its parameters.
    pub(super) params: Vec<PrimitiveParam>,
}

/// A parameter of a [`Primitive`].
#[derive(Debug, Clone)]
pub(super) enum PrimitiveParam {
    /// A value.
    Value(Expr),
    /// A condition, given as data.
    Condition(Expr),
    /// A field that the primitive writes.
    Target(FieldRef),
    /// A header.
    Header(HeaderRef),
    /// A counter, meter or register array.
    Object(ObjectId),
    /// A calculation over these values.
    Calculation {
        /// Its algorithm, in BMv2's spelling.
        algorithm: &'static str,
        /// Its input.
        input: Vec<Expr>,
    },
    /// A field list, by the number of its `@field_list`; none has no fields.
    FieldList(Option<u32>),
    /// A learn list.
    LearnList {
        /// The name of its type.
        name: String,
        /// Its fields.
        elements: Vec<Expr>,
    },
    /// A string.
    String(String),
    /// Values in a list.
    Vector(Vec<Expr>),
}

/// An operation of the parser.
#[derive(Debug, Clone)]
pub(super) enum ParserOp {
    /// Extracts a header of fixed size.
    Extract(HeaderRef),
    /// Extracts a header with a varbit field of so many bits.
    ExtractVariable(HeaderRef, Expr),
    /// Skips so many bits.
    Advance(Expr),
    /// Goes to `reject` with an error if the condition is false.
    Verify(Expr, Expr),
    /// Goes through the states of another parser. Only before states are split.
    Parser {
        /// Its first state.
        start: usize,
        /// The state that its `accept` goes to.
        end: usize,
    },
}

/// A checksum.
#[derive(Debug, Clone)]
pub(super) struct Checksum {
    /// Whether it is verified or updated.
    pub(super) verify: bool,
    /// When.
    pub(super) condition: Expr,
    /// Over what.
    pub(super) input: Vec<Expr>,
    /// Whether the payload follows.
    pub(super) payload: bool,
    /// Its field.
    pub(super) target: FieldRef,
    /// Its algorithm, in BMv2's spelling.
    pub(super) algorithm: &'static str,
}

/// An action.
#[derive(Debug, Clone)]
pub(super) struct Action {
    /// The name that the control plane sees; several copies of an action share it.
    pub(super) name: String,
    /// The action data: name and width in bits.
    pub(super) params: Vec<(String, u32)>,
    /// What it does.
    pub(super) body: Vec<Stmt>,
    /// The scope of the whole body: what `return` leaves.
    pub(super) label: Label,
}

/// A table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// The name that the control plane sees.
    pub(super) name: String,
    /// Its key, without the fields of its selector.
    pub(super) key: Vec<Key>,
    /// Its actions.
    pub(super) actions: Vec<ActionId>,
    /// The action that runs on a miss, and its data.
    pub(super) default_action: (usize, Vec<BigInt>),
    /// Whether the control plane may not change the default action.
    pub(super) default_is_const: bool,
    /// How many entries it holds.
    pub(super) size: u64,
    /// Its entries; none if it has no such property.
    pub(super) entries: Option<Vec<Entry>>,
    /// Its action profile or selector.
    pub(super) implementation: Option<ObjectId>,
    /// Its direct counter.
    pub(super) counter: Option<ObjectId>,
    /// Its direct meter.
    pub(super) meter: Option<ObjectId>,
    /// Whether its entries have an idle timeout.
    pub(super) support_timeout: bool,
    /// Where its name stands.
    pub(super) span: Span,
}

/// How a field of a key matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MatchKind {
    /// All bits.
    Exact,
    /// The longest prefix.
    Lpm,
    /// The bits of a mask.
    Ternary,
    /// Between two values.
    Range,
}

/// A field of a key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// How it matches.
    pub(super) kind: MatchKind,
    /// The name that the control plane sees.
    pub(super) name: String,
    /// What is looked up.
    pub(super) target: KeyTarget,
    /// Width in bits.
    pub(super) width: u32,
    /// The bits of the target that count.
    pub(super) mask: Option<BigInt>,
}

/// What a key looks up.
#[derive(Debug, Clone)]
pub(super) enum KeyTarget {
    /// A field.
    Field(FieldRef),
    /// The validity of a header.
    Valid(HeaderRef),
}

/// An entry of a table.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// One for each field of the key.
    pub(super) key: Vec<EntryKey>,
    /// The position of the action in the table's list.
    pub(super) action: usize,
    /// The action data.
    pub(super) data: Vec<BigInt>,
    /// The smallest goes first.
    pub(super) priority: u64,
    /// Whether it is constant among others that are not.
    pub(super) constant: bool,
    /// Where it stands.
    pub(super) span: Span,
}

/// What an entry compares with.
#[derive(Debug, Clone)]
pub(super) enum EntryKey {
    /// A value.
    Exact(BigInt),
    /// A value, and how many of its first bits count.
    Lpm(BigInt, u32),
    /// A value and the bits that count.
    Ternary(BigInt, BigInt),
    /// The lowest and the highest value.
    Range(BigInt, BigInt),
}

/// What an extern object counts or measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Packets.
    Packets,
    /// Bytes.
    Bytes,
}

/// An extern object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// The name that the control plane sees.
    pub(super) name: String,
    /// What it is.
    pub(super) kind: ObjectKind,
    /// Where its name stands.
    pub(super) span: Span,
}

/// What an extern object is.
#[derive(Debug, Clone)]
pub(super) enum ObjectKind {
    /// `counter`, with so many elements.
    Counter(u64),
    /// `direct_counter`, with its table.
    DirectCounter(Option<TableId>),
    /// `meter`, with so many elements.
    Meter(u64, Unit),
    /// `direct_meter`.
    DirectMeter {
        /// What it measures.
        unit: Unit,
        /// Its table.
        table: Option<TableId>,
        /// Where it writes the colour.
        target: Option<FieldRef>,
    },
    /// `register`, with so many elements of so many bits.
    Register(u64, u32),
    /// `action_profile`, with so many members.
    Profile(u64),
    /// `action_selector`.
    Selector {
        /// How many members and groups.
        size: u64,
        /// Its hash algorithm, in BMv2's spelling.
        algorithm: &'static str,
        /// The input of the hash, once a table says so.
        input: Option<Vec<Expr>>,
    },
}

/// A parser state.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Its name.
    pub(super) name: String,
    /// What it does: neither branches nor scopes.
    pub(super) ops: Vec<Stmt>,
    /// The fields that it selects on.
    pub(super) key: Vec<FieldRef>,
    /// Where it goes: the first that matches.
    pub(super) transitions: Vec<Transition>,
}

/// A transition of a parser state; `None` ends the parser.
#[derive(Debug, Clone)]
pub(super) enum Transition {
    /// Always.
    Default(Option<usize>),
    /// If the key has this value in the bits of the mask; both cover the whole key, each field
    /// padded to bytes. No mask stands for all bits.
    Value {
        /// The value.
        value: BigInt,
        /// The mask.
        mask: Option<BigInt>,
        /// How many bytes value and mask have.
        bytes: u32,
        /// The state.
        next: Option<usize>,
    },
    /// If the key is in a value set.
    ValueSet {
        /// The position in [`Program::value_sets`].
        set: usize,
        /// The state.
        next: Option<usize>,
    },
}

/// A value set of the parser.
#[derive(Debug, Clone)]
pub(super) struct ValueSet {
    /// The name that the control plane sees.
    pub(super) name: String,
    /// The width of a member in bits.
    pub(super) width: u32,
    /// How many members it can hold.
    pub(super) size: u64,
}

/// A pipeline: ingress or egress.
#[derive(Debug, Clone, Default)]
pub(super) struct Pipeline {
    /// What it does.
    pub(super) body: Vec<Stmt>,
    /// Where its control's name stands.
    pub(super) span: Span,
}

/// A list of metadata fields that a cloned, resubmitted or recirculated packet keeps.
#[derive(Debug, Clone)]
pub(super) struct FieldList {
    /// The number of its `@field_list`.
    pub(super) number: u32,
    /// Its fields.
    pub(super) fields: Vec<FieldRef>,
}

/// A whole program.
#[derive(Debug, Clone, Default)]
pub(super) struct Program {
    /// Header types, metadata types among them, but for that of the scalars.
    pub(super) header_types: Vec<HeaderType>,
    /// Header instances, those of stacks and metadata among them, but for the scalars.
    pub(super) headers: Vec<Header>,
    /// Header stacks.
    pub(super) stacks: Vec<Stack>,
    /// Scalars.
    pub(super) scalars: Vec<Scalar>,
    /// Names by which simple_switch itself knows a field of a metadata header.
    pub(super) aliases: Vec<(String, FieldRef)>,
    /// Field lists.
    pub(super) field_lists: Vec<FieldList>,
    /// Enumerations and their members.
    pub(super) enums: Vec<(String, Vec<String>)>,
    /// Members of `error`.
    pub(super) errors: Vec<String>,
    /// The states of the parser; the first is the start.
    pub(super) states: Vec<State>,
    /// Value sets.
    pub(super) value_sets: Vec<ValueSet>,
    /// Actions.
    pub(super) actions: Vec<Action>,
    /// Tables.
    pub(super) tables: Vec<Table>,
    /// Extern objects.
    pub(super) objects: Vec<Object>,
    /// Ingress.
    pub(super) ingress: Pipeline,
    /// Egress.
    pub(super) egress: Pipeline,
    /// The deparser: only [`StmtKind::Emit`] and primitives.
    pub(super) deparser: Pipeline,
    /// Checksums to verify: only [`StmtKind::Checksum`].
    pub(super) verify_checksum: Vec<Stmt>,
    /// Checksums to update: only [`StmtKind::Checksum`].
    pub(super) update_checksum: Vec<Stmt>,
}
