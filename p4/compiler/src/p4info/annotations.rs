//! Annotations and documentation as P4Info carries them.

use p4runtime_proto::p4::config::v1 as pb;

use crate::hir::{Annotation, AnnotationBody, AnnotationToken, AnnotationValue, Annotations};

/// Annotations that other fields of P4Info stand for.
const ELSEWHERE: [&str; 4] = ["name", "id", "brief", "description"];

/// The unstructured annotations as text, but for those that `skip` names.
pub(super) fn unstructured(annotations: &Annotations, skip: &[&str]) -> Vec<String> {
    annotations
        .all
        .iter()
        .filter(|annotation| !ELSEWHERE.contains(&annotation.name.as_str()))
        .filter(|annotation| !skip.contains(&annotation.name.as_str()))
        .filter_map(text)
        .collect()
}

/// An unstructured annotation as p4c prints it: its tokens with a space between them.
fn text(annotation: &Annotation) -> Option<String> {
    match &annotation.body {
        AnnotationBody::Empty => Some(format!("@{}", annotation.name)),
        AnnotationBody::Unstructured { tokens, .. } if tokens.is_empty() => {
            Some(format!("@{}", annotation.name))
        }
        AnnotationBody::Unstructured { tokens, text } => Some(format!(
            "@{}({})",
            annotation.name,
            tokens_text(tokens, text)
        )),
        AnnotationBody::Expressions(_) | AnnotationBody::KeyValues(_) => None,
    }
}

fn tokens_text(tokens: &[AnnotationToken], source: &str) -> String {
    let mut rest = source;
    let mut printed = Vec::with_capacity(tokens.len());
    for token in tokens {
        rest = skip_space(rest);
        let length = match token {
            AnnotationToken::String(_) => literal_length(rest),
            // A number keeps the base that it is written in.
            AnnotationToken::Integer(_) => rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len()),
            AnnotationToken::Word(word) | AnnotationToken::Symbol(word) => word.len(),
        };
        let (own, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = behind;
        printed.push(match token {
            AnnotationToken::String(value) => format!("\"{value}\""),
            _ => own.to_owned(),
        });
    }
    printed.join(" ")
}

/// The text without the white space and comments in front.
fn skip_space(mut text: &str) -> &str {
    loop {
        let trimmed = text.trim_start();
        let end = if trimmed.starts_with("//") {
            trimmed.find('\n').map(|end| end + 1)
        } else if trimmed.starts_with("/*") {
            trimmed.find("*/").map(|end| end + 2)
        } else {
            return trimmed;
        };
        text = end.and_then(|end| trimmed.get(end..)).unwrap_or_default();
    }
}

/// The length of the string literal at the start of a text, quotes included.
fn literal_length(text: &str) -> usize {
    let mut escaped = false;
    for (position, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return position + 1,
            _ => {}
        }
    }
    text.len()
}

/// The structured annotations.
pub(super) fn structured(annotations: &Annotations) -> Vec<pb::StructuredAnnotation> {
    use pb::structured_annotation::Body;
    let bodies = annotations.all.iter().filter_map(|annotation| {
        let body = match &annotation.body {
            AnnotationBody::Expressions(values) => Body::ExpressionList(pb::ExpressionList {
                expressions: values.iter().map(expression).collect(),
            }),
            AnnotationBody::KeyValues(pairs) => Body::KvPairList(pb::KeyValuePairList {
                kv_pairs: pairs
                    .iter()
                    .map(|(key, value)| pb::KeyValuePair {
                        key: key.clone(),
                        value: Some(expression(value)),
                    })
                    .collect(),
            }),
            AnnotationBody::Empty | AnnotationBody::Unstructured { .. } => return None,
        };
        Some((annotation, body))
    });
    bodies
        .map(|(annotation, body)| pb::StructuredAnnotation {
            name: annotation.name.clone(),
            body: Some(body),
            source_location: None,
        })
        .collect()
}

fn expression(value: &AnnotationValue) -> pb::Expression {
    use pb::expression::Value;
    let value = match value {
        AnnotationValue::String(text) => Some(Value::StringValue(text.clone())),
        AnnotationValue::Integer(number) => i64::try_from(number).ok().map(Value::Int64Value),
        AnnotationValue::Bool(flag) => Some(Value::BoolValue(*flag)),
    };
    pb::Expression { value }
}

/// `@brief` and `@description`.
pub(super) fn documentation(annotations: &Annotations) -> Option<pb::Documentation> {
    if annotations.brief.is_none() && annotations.description.is_none() {
        return None;
    }
    Some(pb::Documentation {
        brief: annotations.brief.clone().unwrap_or_default(),
        description: annotations.description.clone().unwrap_or_default(),
    })
}

/// The number in an annotation such as `@max_group_size(8)`.
pub(crate) fn number(annotations: &Annotations, name: &str) -> Option<i64> {
    match &annotations.get(name)?.body {
        AnnotationBody::Unstructured { tokens, .. } => match tokens.as_slice() {
            [AnnotationToken::Integer(value)] => i64::try_from(value).ok(),
            _ => None,
        },
        AnnotationBody::Expressions(values) => match values.as_slice() {
            [AnnotationValue::Integer(value)] => i64::try_from(value).ok(),
            _ => None,
        },
        _ => None,
    }
}

/// The text in an annotation such as `@selector_size_semantics("sum_of_weights")`.
pub(super) fn string<'a>(annotations: &'a Annotations, name: &str) -> Option<&'a str> {
    match &annotations.get(name)?.body {
        AnnotationBody::Unstructured { tokens, .. } => match tokens.as_slice() {
            [AnnotationToken::String(value)] => Some(value),
            _ => None,
        },
        _ => None,
    }
}

/// The pairs in an annotation such as `@pkginfo(name = "p", version = "1")`.
pub(super) fn pairs(annotations: &Annotations, name: &str) -> Vec<(String, AnnotationValue)> {
    let Some(annotation) = annotations.get(name) else {
        return Vec::new();
    };
    match &annotation.body {
        AnnotationBody::KeyValues(pairs) => pairs.clone(),
        AnnotationBody::Unstructured { tokens, .. } => tokens
            .split(|token| *token == AnnotationToken::Symbol(",".to_owned()))
            .filter_map(|pair| match pair {
                [
                    AnnotationToken::Word(key),
                    AnnotationToken::Symbol(equals),
                    value,
                ] if equals == "=" => {
                    let value = match value {
                        AnnotationToken::String(text) => AnnotationValue::String(text.clone()),
                        AnnotationToken::Integer(number) => {
                            AnnotationValue::Integer(number.clone())
                        }
                        _ => return None,
                    };
                    Some((key.clone(), value))
                }
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}
