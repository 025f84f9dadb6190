//! Tokens (specification, section 6.4).

use num_bigint::BigInt;

use crate::source::Span;

/// What a token is. Keywords and symbols carry their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ident,
    Integer,
    /// A string literal, closed.
    String,
    Keyword(&'static str),
    Symbol(&'static str),
    /// A character that begins no token; only an annotation may have it.
    Unknown,
    /// The end of the line of an `@pragma`.
    PragmaEnd,
    End,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

const KEYWORDS: [&str; 49] = [
    "_",
    "abstract",
    "action",
    "actions",
    "apply",
    "bit",
    "bool",
    "break",
    "const",
    "continue",
    "control",
    "default",
    "else",
    "entries",
    "enum",
    "error",
    "exit",
    "extern",
    "false",
    "for",
    "header",
    "header_union",
    "if",
    "in",
    "inout",
    "int",
    "key",
    "list",
    "match_kind",
    "out",
    "package",
    "parser",
    "priority",
    "return",
    "select",
    "state",
    "string",
    "struct",
    "switch",
    "table",
    "this",
    "transition",
    "true",
    "tuple",
    "type",
    "typedef",
    "value_set",
    "varbit",
    "void",
];

/// All symbols; a longer one stands before its beginnings.
const SYMBOLS: [&str; 51] = [
    "|+|=", "|-|=", "<<=", "|+|", "|-|", "&&&", "...", "{#}", "..", "<<", "&&", "||", "==", "!=",
    ">=", "<=", "++", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "+:", "+", "-", "*", "/",
    "%", "|", "&", "^", "~", "(", ")", "[", "]", "{", "}", "<", ">", "!", ":", ",", "?", ".", "=",
    ";", "@",
];

/// Cuts the text into tokens; the last one is [`Kind::End`]. What is no token is an
/// [`Kind::Unknown`]; an unclosed string is an error.
pub(super) fn tokens(text: &str) -> (Vec<Token>, Vec<(Span, String)>) {
    let mut tokens = Vec::new();
    let mut errors = Vec::new();
    let mut position = 0;
    let mut in_pragma = false;
    while let Some(first) = text[position..].chars().next() {
        let rest = &text[position..];
        let span = |length: usize| Span {
            start: position as u32,
            end: (position + length) as u32,
        };
        let (kind, length) = match first {
            '\n' if in_pragma => {
                in_pragma = false;
                (Some(Kind::PragmaEnd), 1)
            }
            c if c.is_ascii_whitespace() || c == '\u{b}' => (None, 1),
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = run(rest, |c| c.is_ascii_alphanumeric() || c == '_');
                (Some(word(&rest[..length])), length)
            }
            '0'..='9' => {
                let length = run(rest, |c| c.is_ascii_alphanumeric() || c == '_');
                (Some(Kind::Integer), length)
            }
            '"' => match string_end(rest) {
                Some(length) => (Some(Kind::String), length),
                None => {
                    errors.push((span(1), "this string is not closed".to_owned()));
                    (None, rest.len())
                }
            },
            _ if rest.starts_with("@pragma") => {
                in_pragma = true;
                (Some(Kind::Symbol("@pragma")), "@pragma".len())
            }
            _ => match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
                Some(symbol) => (Some(Kind::Symbol(symbol)), symbol.len()),
                None => (Some(Kind::Unknown), first.len_utf8()),
            },
        };
        if let Some(kind) = kind {
            tokens.push(Token {
                kind,
                span: span(length),
            });
        }
        position += length;
    }
    let end = Span {
        start: text.len() as u32,
        end: text.len() as u32,
    };
    if in_pragma {
        tokens.push(Token {
            kind: Kind::PragmaEnd,
            span: end,
        });
    }
    tokens.push(Token {
        kind: Kind::End,
        span: end,
    });
    (tokens, errors)
}

fn run(text: &str, wanted: fn(char) -> bool) -> usize {
    text.find(|c| !wanted(c)).unwrap_or(text.len())
}

fn word(text: &str) -> Kind {
    let keyword = KEYWORDS.iter().find(|keyword| **keyword == text);
    keyword.map_or(Kind::Ident, |keyword| Kind::Keyword(keyword))
}

/// The length of the string literal at the start of `rest`.
fn string_end(rest: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The value of a string literal (specification, section 6.4.3.3): `\"` and `\\` stand for the
/// character behind the backslash, `\n` for a line feed; any other backslash for itself.
pub(super) fn unquote(literal: &str) -> String {
    let inner = literal.strip_prefix('"').unwrap_or(literal);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('n')) => {
                out.push('\n');
                chars.next();
            }
            ('\\', Some(&next @ ('"' | '\\'))) => {
                out.push(next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// An integer literal (specification, section 6.4.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IntLiteral {
    /// The value of the digits, not yet cut to the width.
    pub(crate) value: BigInt,
    /// The width in bits and whether it is signed (`8w5`, `8s5`); `None` for type `int`.
    pub(crate) width: Option<(u32, bool)>,
    /// The base of the digits: 2, 8, 10 or 16.
    pub(crate) base: u32,
}

/// Digits of one literal, so many at most.
const DIGIT_LIMIT: usize = 2000;

impl IntLiteral {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not an integer");
        let (width, digits) = match text.find(['w', 's']) {
            Some(at) => {
                let signed = text.as_bytes()[at] == b's';
                let width = text[..at].parse::<u32>();
                let width = width.map_err(|_| format!("`{}` is not a width", &text[..at]))?;
                (Some((width, signed)), &text[at + 1..])
            }
            None => (None, text),
        };
        let (base, digits) = match digits.as_bytes() {
            [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
            [b'0', b'd' | b'D', ..] => (10, &digits[2..]),
            [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
            [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
            _ => (10, digits),
        };
        let digits: String = digits.chars().filter(|c| *c != '_').collect();
        if digits.len() > DIGIT_LIMIT {
            return Err(format!("this integer has more than {DIGIT_LIMIT} digits"));
        }
        let value = BigInt::parse_bytes(digits.as_bytes(), base).ok_or_else(bad)?;
        Ok(Self { value, width, base })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        let (tokens, errors) = tokens(text);
        assert_eq!(errors, []);
        tokens.iter().map(|token| token.kind).collect()
    }

    #[test]
    fn the_longest_symbol_wins() {
        use Kind::{End, Ident, Symbol};
        let expected = [
            Ident,
            Symbol("|+|="),
            Ident,
            Symbol("&&&"),
            Ident,
            Symbol(".."),
            End,
        ];
        assert_eq!(kinds("a |+|= b &&& c .."), expected);
        assert_eq!(
            kinds(">>{#}"),
            [Symbol(">"), Symbol(">"), Symbol("{#}"), End]
        );
        let expected = [
            Symbol("@pragma"),
            Ident,
            Kind::PragmaEnd,
            Symbol("@"),
            Ident,
            End,
        ];
        assert_eq!(kinds("@pragma a\n@b"), expected);
    }

    #[test]
    fn integers_have_width_sign_and_base() {
        let parse = |text| IntLiteral::parse(text).map(|l| (l.value, l.width, l.base));
        assert_eq!(parse("0xFf"), Ok((255.into(), None, 16)));
        assert_eq!(
            parse("8w0b1010_1010"),
            Ok((170.into(), Some((8, false)), 2))
        );
        assert_eq!(parse("4s0o7"), Ok((7.into(), Some((4, true)), 8)));
        assert_eq!(parse("1_0"), Ok((10.into(), None, 10)));
        for text in [
            "0x",
            "8w",
            "12ab",
            "99999999999w1",
            "8w0b2",
            &"9".repeat(3000),
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn strings_keep_their_escapes_apart() {
        assert_eq!(unquote(r#""a\"b\\c\nd\e""#), "a\"b\\c\nd\\e");
        let (_, errors) = tokens("\"abc");
        assert_eq!(errors[0].1, "this string is not closed");
    }
}
