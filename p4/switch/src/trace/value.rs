//! Values in the form that people read.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use num_bigint::BigInt;

use crate::number::{Number, words_to_bytes};
use crate::program::{Field, Layout};

/// A value of `width` bits, in the form that its name and width suggest.
pub(super) fn show(name: &str, words: &[u64], width: u32) -> String {
    let bytes = words_to_bytes(words, width);
    let last = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    let is_address = ["addr", "mac", "ip"].iter().any(|part| last.contains(part))
        || ["src", "dst", "spa", "tpa", "sha", "tha"].contains(&last.as_str());
    if is_address {
        match bytes.len() {
            4 if width == 32 => {
                if let Ok(bytes) = <[u8; 4]>::try_from(&bytes[..]) {
                    return Ipv4Addr::from(bytes).to_string();
                }
            }
            6 if width == 48 => {
                let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                return parts.join(":");
            }
            16 if width == 128 => {
                if let Ok(bytes) = <[u8; 16]>::try_from(&bytes[..]) {
                    return Ipv6Addr::from(bytes).to_string();
                }
            }
            _ => {}
        }
    }
    if width > 64 {
        return format!("0x{}", hex(&bytes));
    }
    let value = words.first().copied().unwrap_or(0);
    if last.contains("type") || last.contains("checksum") || last.contains("flags") {
        format!("0x{value:0digits$x}", digits = width.div_ceil(4) as usize)
    } else if value < 10 {
        value.to_string()
    } else {
        format!("{value} (0x{value:x})")
    }
}

/// The value of a field.
pub(super) fn show_field(layout: &Layout, words: &[u64], field: &Field) -> String {
    let width = if field.variable {
        words[field.word as usize - 1] as u32
    } else {
        field.width
    };
    if field.signed {
        return BigInt::from_signed_words(&words[field.range()], width).to_string();
    }
    show(&name_of(layout, field.word), &words[field.range()], width)
}

/// The name of the field that starts at a word.
pub(super) fn name_of(layout: &Layout, word: u32) -> String {
    for header in &layout.headers {
        if !header.range().contains(&(word as usize)) {
            continue;
        }
        let field = header.fields.iter().find(|field| field.field.word == word);
        return match field {
            // The compiler's own metadata, whose fields are named after the program's.
            Some(field) if header.name == "scalars" => field.name.clone(),
            Some(field) => format!("{}.{}", header.name, field.name),
            None => format!("{}.$valid$", header.name),
        };
    }
    layout
        .stacks
        .iter()
        .find(|stack| stack.next == word)
        .map_or_else(
            || format!("word {word}"),
            |stack| format!("{}.next", stack.name),
        )
}

/// The field that starts at a word.
pub(super) fn field_at(layout: &Layout, word: u32) -> Option<Field> {
    let header = layout
        .headers
        .iter()
        .find(|header| header.range().contains(&(word as usize)))?;
    let field = header
        .fields
        .iter()
        .find(|field| field.field.word == word)?;
    Some(field.field)
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::show;

    #[test]
    fn values_are_shown_as_what_they_are() {
        assert_eq!(show("ipv4.dst_addr", &[0x0a00_0001], 32), "10.0.0.1");
        assert_eq!(
            show("ethernet.srcAddr", &[0x0002_0304_0506], 48),
            "00:02:03:04:05:06"
        );
        assert_eq!(show("ipv6.dst_addr", &[1, 0x2001 << 48], 128), "2001::1");
        assert_eq!(show("ethernet.etherType", &[0x8847], 16), "0x8847");
        assert_eq!(show("mpls.label", &[100], 20), "100 (0x64)");
        assert_eq!(show("mpls.bos", &[1], 1), "1");
        assert_eq!(show("meta.wide", &[5, 0], 72), "0x000000000000000005");
    }
}
