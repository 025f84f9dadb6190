//! Types.

use std::collections::HashMap;

use num_bigint::BigInt;

use super::annotation::Annotations;
use super::ids::{EnumId, ExternId, NewTypeId, StructId, TypeId};
use crate::source::Span;

/// A type of P4-16 (specification, section 7).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// No value: the return type of a method or function without result.
    Void,
    /// `bool`.
    Bool,
    /// `int`: integers of arbitrary precision, known at compile time.
    Int,
    /// `bit<W>`: the width in bits.
    Bit(u32),
    /// `int<W>`: two's complement; the width in bits.
    Signed(u32),
    /// `varbit<W>`: the largest width in bits.
    Varbit(u32),
    /// `error`.
    Error,
    /// `match_kind`.
    MatchKind,
    /// `string`: known at compile time.
    String,
    /// An enumeration; [`EnumDecl::representation`] says whether it is serialisable.
    Enum(EnumId),
    /// A newtype made by `type`.
    NewType(NewTypeId),
    /// A struct.
    Struct(StructId),
    /// A header.
    Header(StructId),
    /// A header stack.
    Stack {
        /// The type of an element: always a header.
        element: TypeId,
        /// How many elements it has; at least 1.
        size: u32,
    },
    /// A tuple, also the type of a list expression `{a, b}` that nothing gives another type.
    Tuple(Vec<TypeId>),
    /// An extern object type with its type arguments.
    Extern {
        /// The object type.
        object: ExternId,
        /// One for each type parameter of the object type.
        args: Vec<TypeId>,
    },
    /// A type parameter: only inside the declarations of extern objects and extern functions.
    /// The name, and the position among the type parameters in scope (those of the object type
    /// first, then those of the method).
    Param {
        /// Its name in the source.
        name: String,
        /// Its position.
        index: u32,
    },
    /// A type that an error made unknown. A program that compiled without errors has none.
    Unknown,
}

/// All types of a program; equal types have equal ids.
#[derive(Debug, Clone, Default)]
pub struct TypeTable {
    types: Vec<Type>,
    ids: HashMap<Type, TypeId>,
}

impl TypeTable {
    /// The id of a type, new if it was not in the table yet.
    pub fn intern(&mut self, ty: Type) -> TypeId {
        if let Some(&id) = self.ids.get(&ty) {
            return id;
        }
        let id = TypeId(self.types.len() as u32);
        self.types.push(ty.clone());
        self.ids.insert(ty, id);
        id
    }

    /// The type with this id.
    pub fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0 as usize]
    }

    /// All types, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (TypeId, &Type)> {
        self.types
            .iter()
            .enumerate()
            .map(|(index, ty)| (TypeId(index as u32), ty))
    }
}

/// Whether a [`StructDecl`] is a struct or a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StructKind {
    /// `struct`.
    Struct,
    /// `header`.
    Header,
}

/// A struct or a header.
#[derive(Debug, Clone)]
pub struct StructDecl {
    /// Which of the two.
    pub kind: StructKind,
    /// The name in the source.
    pub name: String,
    /// The name that the control plane sees (the source name, or what `@name` says).
    pub control_plane_name: String,
    /// The fields, in the order of the source.
    pub fields: Vec<Field>,
    /// Its annotations.
    pub annotations: Annotations,
    /// The type itself ([`Type::Struct`] or [`Type::Header`]).
    pub ty: TypeId,
    /// Where its name stands.
    pub span: Span,
}

/// A field of a struct or header.
#[derive(Debug, Clone)]
pub struct Field {
    /// The name in the source.
    pub name: String,
    /// The type.
    pub ty: TypeId,
    /// Its annotations (`@field_list` among them).
    pub annotations: Annotations,
    /// Where its name stands.
    pub span: Span,
}

/// An enumeration.
#[derive(Debug, Clone)]
pub struct EnumDecl {
    /// The name in the source.
    pub name: String,
    /// The type of the values of a serialisable enumeration: `bit<W>` or `int<W>`, or a newtype
    /// of one. `None` when it is not serialisable.
    pub representation: Option<TypeId>,
    /// The members, in the order of the source.
    pub members: Vec<EnumMember>,
    /// Its annotations.
    pub annotations: Annotations,
    /// The type itself.
    pub ty: TypeId,
    /// Where its name stands.
    pub span: Span,
}

/// A member of an enumeration.
#[derive(Debug, Clone)]
pub struct EnumMember {
    /// The name in the source.
    pub name: String,
    /// The value, in a serialisable enumeration.
    pub value: Option<BigInt>,
    /// Its annotations.
    pub annotations: Annotations,
    /// Where its name stands.
    pub span: Span,
}

/// A newtype: `type bit<9> PortId_t;`.
#[derive(Debug, Clone)]
pub struct NewTypeDecl {
    /// The name in the source.
    pub name: String,
    /// The type that it is made of (may be a newtype again).
    pub base: TypeId,
    /// Its annotations (`@p4runtime_translation` among them).
    pub annotations: Annotations,
    /// The type itself.
    pub ty: TypeId,
    /// Where its name stands.
    pub span: Span,
}
