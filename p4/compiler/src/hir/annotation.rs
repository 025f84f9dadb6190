//! Annotations (specification, section 20), those that P4Runtime and v1model define already read.

use crate::source::Span;

/// The annotations of a declaration.
#[derive(Debug, Clone, Default)]
pub struct Annotations {
    /// Every annotation, known or not, in the order of the source.
    pub all: Vec<Annotation>,
    /// `@name("...")`: as written, so with the leading dot of an absolute name.
    pub name: Option<String>,
    /// `@id(...)`: as written; P4Info adds or checks the prefix of the resource type.
    pub id: Option<u32>,
    /// `@hidden`: the control plane does not see it.
    pub hidden: bool,
    /// `@tableonly`: on an action of a table, not for the default action.
    pub table_only: bool,
    /// `@defaultonly`: on an action of a table, for the default action only.
    pub default_only: bool,
    /// `@field_list(...)`: the field lists that preserve this metadata field.
    pub field_lists: Vec<u32>,
    /// `@controller_header("packet_in")`: the name of the controller packet metadata.
    pub controller_header: Option<String>,
    /// `@p4runtime_translation(...)`.
    pub translation: Option<Translation>,
    /// `@brief("...")`.
    pub brief: Option<String>,
    /// `@description("...")`.
    pub description: Option<String>,
}

impl Annotations {
    /// The first annotation of that name.
    pub fn get(&self, name: &str) -> Option<&Annotation> {
        self.all.iter().find(|annotation| annotation.name == name)
    }

    /// Whether there is an annotation of that name.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// `@p4runtime_translation(uri, controller type)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// The URI that names the translation.
    pub uri: String,
    /// The type of the values that the controller sees.
    pub controller_type: TranslatedType,
}

/// The controller's side of a translated type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TranslatedType {
    /// `bit<W>`, or the older form with only W: the width in bits.
    Bits(u32),
    /// `string`.
    String,
}

/// One annotation.
#[derive(Debug, Clone)]
pub struct Annotation {
    /// The name, without `@`.
    pub name: String,
    /// What stands behind the name.
    pub body: AnnotationBody,
    /// The whole annotation.
    pub span: Span,
}

/// What stands behind the name of an annotation.
#[derive(Debug, Clone)]
pub enum AnnotationBody {
    /// Nothing.
    Empty,
    /// `( ... )`: any tokens, with balanced parentheses.
    Unstructured {
        /// The tokens; a string literal without its quotes and escapes.
        tokens: Vec<AnnotationToken>,
        /// The text between the parentheses as it stands in the source.
        text: String,
    },
    /// `[a, b]`.
    Expressions(Vec<AnnotationValue>),
    /// `[a = b, ...]`.
    KeyValues(Vec<(String, AnnotationValue)>),
}

/// A token of an unstructured annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnnotationToken {
    /// A string literal, unquoted.
    String(String),
    /// An integer literal: its value.
    Integer(num_bigint::BigInt),
    /// An identifier or keyword.
    Word(String),
    /// Any other token, as in the source.
    Symbol(String),
}

/// A value in a structured annotation: a constant expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnnotationValue {
    /// A string.
    String(String),
    /// An integer.
    Integer(num_bigint::BigInt),
    /// A boolean.
    Bool(bool),
}
