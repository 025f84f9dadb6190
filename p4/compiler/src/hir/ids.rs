//! Ids of the arenas of a program.

use std::ops::{Index, IndexMut};

use super::decl::{
    Action, Control, ExternFunction, ExternObject, Function, Instance, Parser, Program, Table,
    ValueSet, Var,
};
use super::types::{EnumDecl, NewTypeDecl, StructDecl};

macro_rules! ids {
    ($($(#[$doc:meta])* $id:ident => $arena:ident : $target:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $id(pub u32);

        impl $id {
            /// The position in the arena.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl Index<$id> for Program {
            type Output = $target;

            fn index(&self, id: $id) -> &$target {
                &self.$arena[id.index()]
            }
        }

        impl IndexMut<$id> for Program {
            fn index_mut(&mut self, id: $id) -> &mut $target {
                &mut self.$arena[id.index()]
            }
        }
    )*};
}

ids! {
    /// A struct or header type.
    StructId => structs: StructDecl;
    /// An enumeration, serialisable or not.
    EnumId => enums: EnumDecl;
    /// A newtype made by `type`.
    NewTypeId => newtypes: NewTypeDecl;
    /// An extern object type such as `register`.
    ExternId => extern_objects: ExternObject;
    /// An extern function such as `mark_to_drop`.
    ExternFunctionId => extern_functions: ExternFunction;
    /// A function with a body.
    FunctionId => functions: Function;
    /// A parameter or a local variable.
    VarId => vars: Var;
    /// An action, of a control or at the top level.
    ActionId => actions: Action;
    /// A table.
    TableId => tables: Table;
    /// A parser, with its constructor parameters of value types bound.
    ParserId => parsers: Parser;
    /// A control, with its constructor parameters of value types bound.
    ControlId => controls: Control;
    /// An instance of an extern object, a parser or a control.
    InstanceId => instances: Instance;
    /// A value set of a parser.
    ValueSetId => value_sets: ValueSet;
}

/// A type; equal ids are equal types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub u32);

/// A state of a parser: its position in [`Parser::states`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateId(pub u32);

impl StateId {
    /// The position in [`Parser::states`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A member of the type `error`: its position in [`Program::errors`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorId(pub u32);

impl ErrorId {
    /// The position in [`Program::errors`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
