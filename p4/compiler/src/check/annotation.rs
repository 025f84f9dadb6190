//! Annotations: those that P4Runtime and v1model define are read here (specification, appendix
//! C; P4Runtime specification, sections 6.3 and 8).

use num_bigint::BigInt;

use super::Checker;
use super::scope::Symbol;
use crate::hir::{
    Annotation, AnnotationBody, AnnotationToken, AnnotationValue, Annotations, Const, ExprKind,
    TranslatedType, Translation, Type,
};
use crate::source::Span;
use crate::syntax::ast;

impl Checker<'_> {
    pub(super) fn annotations(&mut self, list: &[ast::Annotation]) -> Annotations {
        let mut result = Annotations::default();
        for annotation in list {
            let body = self.annotation_body(&annotation.body);
            self.known_annotation(&annotation.name, &body, annotation.span, &mut result);
            result.all.push(Annotation {
                name: annotation.name.to_string(),
                body,
                span: annotation.span,
            });
        }
        result
    }

    fn annotation_body(&mut self, body: &ast::AnnotationBody) -> AnnotationBody {
        match body {
            ast::AnnotationBody::Empty => AnnotationBody::Empty,
            ast::AnnotationBody::Unstructured { tokens, text } => AnnotationBody::Unstructured {
                tokens: tokens.clone(),
                text: text.clone(),
            },
            ast::AnnotationBody::Expressions(exprs) => AnnotationBody::Expressions(
                exprs
                    .iter()
                    .map(|expr| self.annotation_value(expr))
                    .collect(),
            ),
            ast::AnnotationBody::KeyValues(pairs) => AnnotationBody::KeyValues(
                pairs
                    .iter()
                    .map(|(key, value)| (key.name.to_string(), self.annotation_value(value)))
                    .collect(),
            ),
        }
    }

    fn annotation_value(&mut self, expr: &ast::Expr) -> AnnotationValue {
        let value = self.expr(expr);
        match value.kind {
            ExprKind::Const(Const::Int(value)) => AnnotationValue::Integer(value),
            ExprKind::Const(Const::Bool(value)) => AnnotationValue::Bool(value),
            ExprKind::Const(Const::String(value)) => AnnotationValue::String(value),
            _ => {
                if !self.is_unknown(value.ty) {
                    let message = "an annotation holds integers, booleans and strings that are \
                                   known at compile time";
                    self.error(expr.span, message);
                }
                AnnotationValue::Bool(false)
            }
        }
    }

    fn known_annotation(
        &mut self,
        name: &str,
        body: &AnnotationBody,
        span: Span,
        result: &mut Annotations,
    ) {
        let items = items(body);
        let one_string = || match items.as_slice() {
            [Item::String(text)] => Some(text.clone()),
            _ => None,
        };
        let usage = match name {
            "name" => match one_string() {
                Some(text) => {
                    result.name.get_or_insert(text);
                    None
                }
                None => Some("@name(\"...\")"),
            },
            "id" => match items.as_slice() {
                [Item::Integer(value)] if u32::try_from(value).is_ok() => {
                    result.id = u32::try_from(value).ok();
                    None
                }
                _ => Some("@id(a number of 32 bits)"),
            },
            "hidden" => {
                result.hidden = true;
                (!items.is_empty()).then_some("@hidden")
            }
            "tableonly" => {
                result.table_only = true;
                (!items.is_empty()).then_some("@tableonly")
            }
            "defaultonly" => {
                result.default_only = true;
                (!items.is_empty()).then_some("@defaultonly")
            }
            "field_list" => self.field_lists(&items, result),
            "controller_header" => match one_string() {
                Some(text) => {
                    result.controller_header = Some(text);
                    None
                }
                None => Some("@controller_header(\"packet_in\")"),
            },
            "brief" => match one_string() {
                Some(text) => {
                    result.brief = Some(text);
                    None
                }
                None => Some("@brief(\"...\")"),
            },
            "description" => match one_string() {
                Some(text) => {
                    result.description = Some(text);
                    None
                }
                None => Some("@description(\"...\")"),
            },
            "p4runtime_translation" => match translation(&items) {
                Some(translation) => {
                    result.translation = Some(translation);
                    None
                }
                None => Some("@p4runtime_translation(\"uri\", string) or (\"uri\", bit<W>)"),
            },
            _ => None,
        };
        if let Some(usage) = usage {
            self.error(span, format!("this annotation should be `{usage}`"));
        }
    }

    /// The numbers of `@field_list(1, N)`; constants may stand in for them.
    fn field_lists(&mut self, items: &[Item], result: &mut Annotations) -> Option<&'static str> {
        for part in items.split(|item| *item == Item::Symbol(",".to_owned())) {
            let value = match part {
                [Item::Integer(value)] => Some(value.clone()),
                [Item::Word(name)] => self.named_integer(name),
                [Item::Word(name), Item::Symbol(dot), Item::Word(member)] if dot == "." => {
                    self.member_integer(name, member)
                }
                _ => None,
            };
            match value.as_ref().and_then(|value| u8::try_from(value).ok()) {
                Some(value) => result.field_lists.push(u32::from(value)),
                None => return Some("@field_list(numbers of 8 bits)"),
            }
        }
        None
    }

    fn named(&self, name: &str) -> Option<&Symbol> {
        let mut scopes = self
            .locals
            .iter()
            .rev()
            .chain(std::iter::once(&self.globals));
        scopes.find_map(|scope| scope.get(name))
    }

    /// The value of a member of a serialisable enumeration.
    fn member_integer(&self, name: &str, member: &str) -> Option<BigInt> {
        let Symbol::Type(ty) = self.named(name)? else {
            return None;
        };
        let Type::Enum(decl) = self.ty(*ty) else {
            return None;
        };
        let member = self.program[*decl]
            .members
            .iter()
            .find(|known| known.name == member)?;
        member.value.clone()
    }

    /// The value of a constant by its name.
    fn named_integer(&self, name: &str) -> Option<BigInt> {
        match self.named(name)? {
            Symbol::Constant(expr) => match &expr.kind {
                ExprKind::Const(Const::Int(value)) => Some(value.clone()),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A part of the body of an annotation, structured or not.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    String(String),
    Integer(BigInt),
    Word(String),
    Symbol(String),
}

fn items(body: &AnnotationBody) -> Vec<Item> {
    match body {
        AnnotationBody::Empty | AnnotationBody::KeyValues(_) => Vec::new(),
        AnnotationBody::Unstructured { tokens, .. } => {
            let mut items: Vec<Item> = Vec::new();
            for token in tokens {
                let item = match token {
                    AnnotationToken::String(text) => Item::String(text.clone()),
                    AnnotationToken::Integer(value) => Item::Integer(value.clone()),
                    AnnotationToken::Word(text) => Item::Word(text.clone()),
                    AnnotationToken::Symbol(text) => Item::Symbol(text.clone()),
                };
                items.push(item);
                // `"a" ++ "b"`
                if let [.., Item::String(a), Item::Symbol(symbol), Item::String(b)] =
                    items.as_slice()
                    && symbol == "++"
                {
                    let joined = Item::String(format!("{a}{b}"));
                    items.truncate(items.len() - 3);
                    items.push(joined);
                }
            }
            items
        }
        AnnotationBody::Expressions(values) => {
            let mut items = Vec::new();
            for value in values {
                if !items.is_empty() {
                    items.push(Item::Symbol(",".to_owned()));
                }
                items.push(match value {
                    AnnotationValue::String(text) => Item::String(text.clone()),
                    AnnotationValue::Integer(value) => Item::Integer(value.clone()),
                    AnnotationValue::Bool(value) => Item::Word(value.to_string()),
                });
            }
            items
        }
    }
}

fn translation(items: &[Item]) -> Option<Translation> {
    let (first, rest) = items.split_first()?;
    let Item::String(uri) = first else {
        return None;
    };
    let (comma, rest) = rest.split_first()?;
    if *comma != Item::Symbol(",".to_owned()) {
        return None;
    }
    let is = |item: &Item, text: &str| match item {
        Item::Word(found) | Item::Symbol(found) => found == text,
        _ => false,
    };
    let bits = |value: &BigInt| u32::try_from(value).ok().filter(|bits| *bits > 0);
    let controller_type = match rest {
        [only] if is(only, "string") => TranslatedType::String,
        [Item::String(text)] if text.is_empty() => TranslatedType::String,
        [Item::Integer(value)] => TranslatedType::Bits(bits(value)?),
        [bit, open, Item::Integer(value), close]
            if is(bit, "bit") && is(open, "<") && is(close, ">") =>
        {
            TranslatedType::Bits(bits(value)?)
        }
        _ => return None,
    };
    Some(Translation {
        uri: uri.clone(),
        controller_type,
    })
}
