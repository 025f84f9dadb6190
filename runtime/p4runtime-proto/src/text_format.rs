//! Prints messages in the text format exactly as protoc's C++ library does by default, which is
//! how p4c writes P4Info: one element of a repeated field a block, fields in order of number.
//! (prost-reflect prints repeated fields as lists, which reads, but does not compare with p4c's.)

use prost_reflect::{DynamicMessage, Kind, MapKey, Value};

/// The text format of `message`, indented by two blanks.
pub(crate) fn print(message: &DynamicMessage) -> String {
    let mut text = String::new();
    print_fields(&mut text, message, 0);
    text
}

fn print_fields(text: &mut String, message: &DynamicMessage, indent: usize) {
    let mut fields: Vec<_> = message.fields().collect();
    fields.sort_by_key(|(field, _)| field.number());
    for (field, value) in fields {
        let (name, kind) = (field.name(), field.kind());
        match value {
            Value::List(elements) => {
                for element in elements {
                    print_field(text, name, &kind, element, indent);
                }
            }
            Value::Map(entries) => {
                let Kind::Message(entry) = &kind else {
                    continue; // A map field has a message kind, its entry.
                };
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by_key(|(key, _)| (*key).clone());
                for (key, value) in entries {
                    let mut message = DynamicMessage::new(entry.clone());
                    message.set_field(&entry.map_entry_key_field(), key_value(key));
                    message.set_field(&entry.map_entry_value_field(), value.clone());
                    print_field(text, name, &kind, &Value::Message(message), indent);
                }
            }
            value => print_field(text, name, &kind, value, indent),
        }
    }
}

fn print_field(text: &mut String, name: &str, kind: &Kind, value: &Value, indent: usize) {
    let blanks = "  ".repeat(indent);
    if let Value::Message(message) = value {
        text.push_str(&format!("{blanks}{name} {{\n"));
        print_fields(text, message, indent + 1);
        text.push_str(&format!("{blanks}}}\n"));
    } else {
        text.push_str(&format!("{blanks}{name}: {}\n", scalar(kind, value)));
    }
}

fn scalar(kind: &Kind, value: &Value) -> String {
    match (kind, value) {
        (Kind::Enum(enumeration), Value::EnumNumber(number)) => enumeration
            .get_value(*number)
            .map_or_else(|| number.to_string(), |value| value.name().to_owned()),
        (_, Value::String(string)) => quoted(string.as_bytes()),
        (_, Value::Bytes(bytes)) => quoted(bytes),
        // Numbers and booleans.
        (_, value) => value.to_string(),
    }
}

fn key_value(key: &MapKey) -> Value {
    match key {
        MapKey::Bool(value) => Value::Bool(*value),
        MapKey::I32(value) => Value::I32(*value),
        MapKey::I64(value) => Value::I64(*value),
        MapKey::U32(value) => Value::U32(*value),
        MapKey::U64(value) => Value::U64(*value),
        MapKey::String(value) => Value::String(value.clone()),
    }
}

/// A quoted string; what is not printable ASCII as octal escapes.
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in bytes {
        match byte {
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b'"' => text.push_str("\\\""),
            b'\'' => text.push_str("\\'"),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\{byte:03o}")),
        }
    }
    text.push('"');
    text
}
