//! Declarations.

use super::annotation::Annotations;
use super::expr::{Arg, Const, Expr, KeySet, ObjectRef};
use super::ids::{
    ActionId, ControlId, ExternId, InstanceId, ParserId, StateId, TableId, TypeId, ValueSetId,
    VarId,
};
use super::stmt::{Block, Stmt};
use super::types::{EnumDecl, NewTypeDecl, StructDecl, StructKind, Type, TypeTable};
use crate::source::Span;

/// A whole program for the v1model architecture.
#[derive(Debug, Clone)]
pub struct Program {
    /// All types.
    pub types: TypeTable,
    /// Structs and headers, in the order of the source (core.p4 and v1model.p4 included).
    pub structs: Vec<StructDecl>,
    /// Enumerations.
    pub enums: Vec<EnumDecl>,
    /// Newtypes.
    pub newtypes: Vec<NewTypeDecl>,
    /// The members of `error`, in the order of declaration.
    pub errors: Vec<String>,
    /// The members of `match_kind`, in the order of declaration.
    pub match_kinds: Vec<String>,
    /// Extern object types.
    pub extern_objects: Vec<ExternObject>,
    /// Extern functions.
    pub extern_functions: Vec<ExternFunction>,
    /// Functions with a body.
    pub functions: Vec<Function>,
    /// Parameters and local variables of everything.
    pub vars: Vec<Var>,
    /// Actions of all controls, and those at the top level.
    pub actions: Vec<Action>,
    /// Tables of all controls.
    pub tables: Vec<Table>,
    /// Parsers.
    pub parsers: Vec<Parser>,
    /// Controls.
    pub controls: Vec<Control>,
    /// Instances of everything.
    pub instances: Vec<Instance>,
    /// Value sets of all parsers.
    pub value_sets: Vec<ValueSet>,
    /// The extern objects that are instantiated at the top level.
    pub top_level_instances: Vec<InstanceId>,
    /// The instantiation of `V1Switch` named `main`.
    pub main: V1Switch,
}

/// `V1Switch(Parser(), VerifyChecksum(), Ingress(), Egress(), ComputeChecksum(), Deparser()) main`.
///
/// The six are instances of kind [`InstanceKind::Parser`] or [`InstanceKind::Control`]. The
/// control plane sees what is inside one of them under the name of its parser or control
/// ([`Parser::control_plane_name`], [`Control::control_plane_name`]), not of the instance.
#[derive(Debug, Clone)]
pub struct V1Switch {
    /// The type of the headers (H).
    pub headers: TypeId,
    /// The type of the user metadata (M).
    pub metadata: TypeId,
    /// The parser.
    pub parser: InstanceId,
    /// The control that verifies checksums.
    pub verify_checksum: InstanceId,
    /// The ingress pipeline.
    pub ingress: InstanceId,
    /// The egress pipeline.
    pub egress: InstanceId,
    /// The control that computes checksums.
    pub compute_checksum: InstanceId,
    /// The deparser.
    pub deparser: InstanceId,
    /// The annotations of the instantiation (`@pkginfo`, `@platform_property`).
    pub annotations: Annotations,
    /// The instantiation.
    pub span: Span,
}

/// A name that the control plane sees: the source name, or what `@name` says instead.
///
/// What is declared inside a control has its name under the name of that control, unless it is
/// absolute (`@name(".x")`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ControlPlaneName {
    /// The name, without the leading dot of an absolute name.
    pub name: String,
    /// Whether no prefix is put before it.
    pub absolute: bool,
}

impl ControlPlaneName {
    /// The name of a declaration with this source name and these annotations.
    pub fn new(source_name: &str, annotations: &Annotations) -> Self {
        let name = annotations.name.as_deref().unwrap_or(source_name);
        match name.strip_prefix('.') {
            Some(rest) => Self {
                name: rest.to_owned(),
                absolute: true,
            },
            None => Self {
                name: name.to_owned(),
                absolute: false,
            },
        }
    }

    /// The whole name below `prefix` (the path of control and instance names, joined by dots;
    /// empty at the top level).
    pub fn under(&self, prefix: &str) -> String {
        if self.absolute || prefix.is_empty() {
            self.name.clone()
        } else {
            format!("{prefix}.{}", self.name)
        }
    }
}

/// The direction of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// None: action data, a value known at compile time, or an extern object.
    None,
    /// `in`.
    In,
    /// `out`.
    Out,
    /// `inout`.
    InOut,
}

impl Direction {
    /// Whether the callee writes it.
    pub fn writes(self) -> bool {
        matches!(self, Direction::Out | Direction::InOut)
    }
}

/// A parameter or local variable.
#[derive(Debug, Clone)]
pub struct Var {
    /// The name in the source; different variables may share it.
    pub name: String,
    /// The type.
    pub ty: TypeId,
    /// Parameter or local variable.
    pub kind: VarKind,
    /// Its annotations.
    pub annotations: Annotations,
    /// Where its name stands.
    pub span: Span,
}

/// Whether a variable is a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VarKind {
    /// A parameter with its direction. Of an action's parameters those without direction come
    /// from the control plane (action data).
    Param(Direction),
    /// A constructor parameter of an extern type.
    ConstructorParam,
    /// A local variable.
    Local,
}

/// An extern object type, or rather its declaration: parameter types may be [`Type::Param`].
#[derive(Debug, Clone)]
pub struct ExternObject {
    /// The name.
    pub name: String,
    /// The names of its type parameters.
    pub type_params: Vec<String>,
    /// The constructors.
    pub constructors: Vec<ExternFunction>,
    /// The methods, overloads each on its own.
    pub methods: Vec<ExternFunction>,
    /// Its annotations.
    pub annotations: Annotations,
    /// Where its name stands.
    pub span: Span,
}

/// An extern function, or a method or constructor of an extern object.
#[derive(Debug, Clone)]
pub struct ExternFunction {
    /// The name.
    pub name: String,
    /// The names of its own type parameters.
    pub type_params: Vec<String>,
    /// The parameters.
    pub params: Vec<ExternParam>,
    /// The type of the result.
    pub result: TypeId,
    /// Its annotations.
    pub annotations: Annotations,
    /// Where its name stands.
    pub span: Span,
}

/// A parameter of an extern function or method.
#[derive(Debug, Clone)]
pub struct ExternParam {
    /// The name.
    pub name: String,
    /// The type.
    pub ty: TypeId,
    /// The direction.
    pub direction: Direction,
    /// Whether an argument may be left out (`@optional`).
    pub optional: bool,
    /// The value that stands in when no argument is given.
    pub default: Option<Expr>,
}

/// A function with a body.
#[derive(Debug, Clone)]
pub struct Function {
    /// The name.
    pub name: String,
    /// The parameters.
    pub params: Vec<VarId>,
    /// The type of the result.
    pub result: TypeId,
    /// The body.
    pub body: Block,
    /// Its annotations.
    pub annotations: Annotations,
    /// Where its name stands.
    pub span: Span,
}

/// An action.
#[derive(Debug, Clone)]
pub struct Action {
    /// The name in the source.
    pub name: String,
    /// The name for the control plane.
    pub control_plane_name: ControlPlaneName,
    /// The control that declares it; `None` at the top level.
    pub control: Option<ControlId>,
    /// The parameters: first those with a direction, then action data.
    pub params: Vec<VarId>,
    /// The body.
    pub body: Block,
    /// Its annotations.
    pub annotations: Annotations,
    /// Where its name stands.
    pub span: Span,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// The name in the source.
    pub name: String,
    /// The name for the control plane.
    pub control_plane_name: ControlPlaneName,
    /// The control that declares it.
    pub control: ControlId,
    /// The key, in the order of the source, `selector` fields among them.
    pub key: Vec<KeyElement>,
    /// The actions. A table that names no default action has `NoAction` as its default, added to
    /// the end with `@defaultonly` if it is not in the list.
    pub actions: Vec<TableAction>,
    /// The default action.
    pub default_action: DefaultAction,
    /// `size`; `None` if the program does not say.
    pub size: Option<u64>,
    /// `entries`; `None` if there is no such property.
    pub entries: Option<Entries>,
    /// `implementation`: an `action_profile` or `action_selector`.
    pub implementation: Option<InstanceId>,
    /// `counters`: a `direct_counter`.
    pub counters: Option<InstanceId>,
    /// `meters`: a `direct_meter`.
    pub meters: Option<InstanceId>,
    /// `support_timeout`: entries may have an idle timeout.
    pub support_timeout: bool,
    /// Properties that v1model does not know.
    pub other_properties: Vec<TableProperty>,
    /// Its annotations.
    pub annotations: Annotations,
    /// Where its name stands.
    pub span: Span,
}

/// A field of a table's key.
#[derive(Debug, Clone)]
pub struct KeyElement {
    /// The value to look up.
    pub expr: Expr,
    /// The match kind: `exact`, `ternary`, `lpm`, `range`, `optional` or `selector`.
    pub match_kind: String,
    /// The name for the control plane: `@name`, or derived from the expression as the
    /// specification says (section 14.2.1.1).
    pub name: String,
    /// Its annotations.
    pub annotations: Annotations,
    /// Where the expression stands.
    pub span: Span,
}

/// An action in the list of a table.
#[derive(Debug, Clone)]
pub struct TableAction {
    /// The action.
    pub action: ActionId,
    /// The arguments for the parameters with a direction, in their order (so they are as many
    /// as there are such parameters).
    pub args: Vec<Arg>,
    /// `@tableonly`, `@defaultonly` and others of the list element.
    pub annotations: Annotations,
    /// Whether the front end put it there (`NoAction`).
    pub implicit: bool,
    /// Where it stands.
    pub span: Span,
}

/// The default action of a table.
#[derive(Debug, Clone)]
pub struct DefaultAction {
    /// The position in [`Table::actions`].
    pub action: usize,
    /// The values of the action data, constants in the order of the parameters.
    pub data: Vec<Expr>,
    /// Whether it is `const`.
    pub constant: bool,
    /// Whether the program says nothing and `NoAction` stands in.
    pub implicit: bool,
    /// Where it stands (the table's name if it is implicit).
    pub span: Span,
}

/// The entries that the program puts into a table.
#[derive(Debug, Clone)]
pub struct Entries {
    /// Whether the property is `const`: the control plane may not change the table.
    pub constant: bool,
    /// The entries, in the order of the source.
    pub entries: Vec<Entry>,
}

/// An entry that the program puts into a table.
#[derive(Debug, Clone)]
pub struct Entry {
    /// One for each element of the key, `selector` ones excepted.
    pub key: Vec<KeySet>,
    /// The position in [`Table::actions`].
    pub action: usize,
    /// The values of the action data, constants in the order of the parameters.
    pub data: Vec<Expr>,
    /// The priority that the entry states, or that the specification (section 14.2.1.4) derives
    /// for it. `None` in a `const` list, where the first entry that matches wins, and in tables
    /// whose match kinds need none. For its meaning see [`Entry::largest_priority_wins`].
    pub priority: Option<u64>,
    /// Whether an entry with a larger priority goes before one with a smaller.
    pub largest_priority_wins: bool,
    /// Whether this entry is `const`.
    pub constant: bool,
    /// Its annotations.
    pub annotations: Annotations,
    /// Where it stands.
    pub span: Span,
}

/// A table property that neither the specification nor v1model defines.
#[derive(Debug, Clone)]
pub struct TableProperty {
    /// Its name.
    pub name: String,
    /// Its value, if it is a constant.
    pub value: Option<Const>,
    /// Where its name stands.
    pub span: Span,
}

/// A parser.
#[derive(Debug, Clone)]
pub struct Parser {
    /// The name in the source.
    pub name: String,
    /// The name for the control plane, of what is inside.
    pub control_plane_name: ControlPlaneName,
    /// The parameters.
    pub params: Vec<VarId>,
    /// The constructor parameters of extern types; those of value types are already bound.
    pub constructor_params: Vec<VarId>,
    /// Local variables ([`super::StmtKind::VarDecl`]), set up whenever the parser starts.
    pub locals: Vec<Stmt>,
    /// The instances that it declares, those of direct invocations included.
    pub instances: Vec<InstanceId>,
    /// Its value sets.
    pub value_sets: Vec<ValueSetId>,
    /// The states, without `accept` and `reject`.
    pub states: Vec<State>,
    /// The state named `start`.
    pub start: StateId,
    /// Its annotations.
    pub annotations: Annotations,
    /// Where its name stands.
    pub span: Span,
}

/// A state of a parser.
#[derive(Debug, Clone)]
pub struct State {
    /// The name in the source.
    pub name: String,
    /// The name for the control plane.
    pub control_plane_name: ControlPlaneName,
    /// The statements.
    pub body: Block,
    /// Where it goes then. A state without `transition` goes to `reject`.
    pub transition: Transition,
    /// Its annotations.
    pub annotations: Annotations,
    /// Where its name stands.
    pub span: Span,
}

/// How a parser state ends.
#[derive(Debug, Clone)]
pub enum Transition {
    /// Always to the same state.
    Direct(NextState),
    /// To the state of the first case that matches; if none does, to `reject` with
    /// `error.NoMatch`.
    Select {
        /// The values.
        exprs: Vec<Expr>,
        /// The cases, in the order of the source.
        cases: Vec<SelectCase>,
        /// The `select` expression.
        span: Span,
    },
}

/// Where a transition goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NextState {
    /// `accept`.
    Accept,
    /// `reject`.
    Reject,
    /// Another state.
    State(StateId),
}

/// A case of a `select`.
#[derive(Debug, Clone)]
pub struct SelectCase {
    /// One for each expression of the `select` (but see [`KeySet::ValueSet`]).
    pub keys: Vec<KeySet>,
    /// Where it goes.
    pub next: NextState,
    /// Where it stands.
    pub span: Span,
}

/// A value set of a parser.
#[derive(Debug, Clone)]
pub struct ValueSet {
    /// The name in the source.
    pub name: String,
    /// The name for the control plane.
    pub control_plane_name: ControlPlaneName,
    /// The type of its members: a scalar, a struct or a tuple.
    pub element: TypeId,
    /// How many members it can hold.
    pub size: u64,
    /// Its annotations.
    pub annotations: Annotations,
    /// Where its name stands.
    pub span: Span,
}

/// A control.
#[derive(Debug, Clone)]
pub struct Control {
    /// The name in the source.
    pub name: String,
    /// The name for the control plane, of what is inside.
    pub control_plane_name: ControlPlaneName,
    /// The parameters.
    pub params: Vec<VarId>,
    /// The constructor parameters of extern types; those of value types are already bound.
    pub constructor_params: Vec<VarId>,
    /// Local variables ([`super::StmtKind::VarDecl`]), set up whenever the control is applied.
    pub locals: Vec<Stmt>,
    /// The instances that it declares, those of direct invocations and of table properties
    /// included.
    pub instances: Vec<InstanceId>,
    /// Its actions.
    pub actions: Vec<ActionId>,
    /// Its tables.
    pub tables: Vec<TableId>,
    /// The body of `apply`.
    pub body: Block,
    /// Its annotations.
    pub annotations: Annotations,
    /// Where its name stands.
    pub span: Span,
}

/// An instance of an extern object, parser or control.
#[derive(Debug, Clone)]
pub struct Instance {
    /// The name in the source. An instance without one is named after what made it: a direct
    /// invocation after its control or parser, a constructor call in a table property after the
    /// table, an argument of `V1Switch` after its control or parser.
    pub name: String,
    /// The name for the control plane.
    pub control_plane_name: ControlPlaneName,
    /// Whether the source gives it no name.
    pub anonymous: bool,
    /// Whether its type is a typedef of a generic extern type with its type arguments. p4c leaves
    /// such objects out of P4Info.
    pub typedef_of_generic: bool,
    /// What it is an instance of.
    pub kind: InstanceKind,
    /// Its annotations (of the table property, if that made it).
    pub annotations: Annotations,
    /// Where its name, or the constructor call, stands.
    pub span: Span,
}

/// What an instance is an instance of.
#[derive(Debug, Clone)]
pub enum InstanceKind {
    /// An extern object.
    Extern {
        /// Its type.
        object: ExternId,
        /// The type arguments of its type, written or inferred.
        type_args: Vec<TypeId>,
        /// The position of the constructor in [`ExternObject::constructors`].
        constructor: usize,
        /// One for each parameter of the constructor: constants (or objects).
        args: Vec<Arg>,
    },
    /// A parser.
    Parser {
        /// Which.
        parser: ParserId,
        /// One for each of [`Parser::constructor_params`].
        objects: Vec<ObjectRef>,
    },
    /// A control.
    Control {
        /// Which.
        control: ControlId,
        /// One for each of [`Control::constructor_params`].
        objects: Vec<ObjectRef>,
    },
}

impl Program {
    /// The type with this id.
    pub fn ty(&self, id: TypeId) -> &Type {
        self.types.get(id)
    }

    /// The type without newtypes and serialisable enumerations around it.
    pub fn underlying(&self, mut id: TypeId) -> TypeId {
        loop {
            match *self.ty(id) {
                Type::NewType(newtype) => id = self[newtype].base,
                Type::Enum(decl) => match self[decl].representation {
                    Some(representation) => id = representation,
                    None => return id,
                },
                _ => return id,
            }
        }
    }

    /// The width in bits of a value of the type, `varbit` fields at their largest; `None` for
    /// types without a width (such as `int`, `string`, `error`, plain enumerations and externs).
    /// A `bool` has one bit.
    pub fn width(&self, id: TypeId) -> Option<u64> {
        match self.ty(self.underlying(id)) {
            Type::Bool => Some(1),
            Type::Bit(width) | Type::Signed(width) | Type::Varbit(width) => Some(u64::from(*width)),
            Type::Struct(decl) | Type::Header(decl) => self[*decl]
                .fields
                .iter()
                .try_fold(0u64, |sum, field| sum.checked_add(self.width(field.ty)?)),
            Type::Stack { element, size } => self.width(*element)?.checked_mul(u64::from(*size)),
            Type::Tuple(members) => members
                .iter()
                .try_fold(0u64, |sum, ty| sum.checked_add(self.width(*ty)?)),
            _ => None,
        }
    }

    /// The struct or header declaration behind a type.
    pub fn struct_decl(&self, id: TypeId) -> Option<&StructDecl> {
        match self.ty(id) {
            Type::Struct(decl) | Type::Header(decl) => Some(&self[*decl]),
            _ => None,
        }
    }

    /// Whether the type is a header.
    pub fn is_header(&self, id: TypeId) -> bool {
        self.struct_decl(id)
            .is_some_and(|decl| decl.kind == StructKind::Header)
    }
}

impl Program {
    /// A program without declarations; its `main` names instances that are not there yet.
    pub(crate) fn empty() -> Self {
        let mut types = TypeTable::default();
        let void = types.intern(Type::Void);
        let none = InstanceId(u32::MAX);
        Self {
            types,
            structs: Vec::new(),
            enums: Vec::new(),
            newtypes: Vec::new(),
            errors: Vec::new(),
            match_kinds: Vec::new(),
            extern_objects: Vec::new(),
            extern_functions: Vec::new(),
            functions: Vec::new(),
            vars: Vec::new(),
            actions: Vec::new(),
            tables: Vec::new(),
            parsers: Vec::new(),
            controls: Vec::new(),
            instances: Vec::new(),
            value_sets: Vec::new(),
            top_level_instances: Vec::new(),
            main: V1Switch {
                headers: void,
                metadata: void,
                parser: none,
                verify_checksum: none,
                ingress: none,
                egress: none,
                compute_checksum: none,
                deparser: none,
                annotations: Annotations::default(),
                span: Span::default(),
            },
        }
    }

    /// The type as it is written in P4.
    pub fn type_name(&self, id: TypeId) -> String {
        let list = |types: &[TypeId]| {
            types
                .iter()
                .map(|ty| self.type_name(*ty))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self.ty(id) {
            Type::Void => "void".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Int => "int".to_owned(),
            Type::Bit(width) => format!("bit<{width}>"),
            Type::Signed(width) => format!("int<{width}>"),
            Type::Varbit(width) => format!("varbit<{width}>"),
            Type::Error => "error".to_owned(),
            Type::MatchKind => "match_kind".to_owned(),
            Type::String => "string".to_owned(),
            Type::Enum(decl) => self[*decl].name.clone(),
            Type::NewType(decl) => self[*decl].name.clone(),
            Type::Struct(decl) | Type::Header(decl) => self[*decl].name.clone(),
            Type::Stack { element, size } => format!("{}[{size}]", self.type_name(*element)),
            Type::Tuple(members) => format!("tuple<{}>", list(members)),
            Type::Extern { object, args } if args.is_empty() => self[*object].name.clone(),
            Type::Extern { object, args } => format!("{}<{}>", self[*object].name, list(args)),
            Type::Param { name, .. } => name.clone(),
            Type::Unknown => "unknown".to_owned(),
        }
    }
}
