//! Preprocessing tokens of a file.

/// What a preprocessing token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Blanks, comments and line continuations.
    Space,
    /// The end of a line.
    Newline,
    /// A name or keyword.
    Ident,
    /// A number: a digit, then letters, digits and underscores.
    Number,
    /// A string literal with its quotes; the closing one is missing if the line ends before it.
    String,
    /// Any other character.
    Symbol,
}

/// A preprocessing token: a stretch of the text that was scanned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Cuts a text into preprocessing tokens.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn seek(&mut self, position: usize) {
        self.position = position;
    }

    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    /// The length of a line continuation at the start of `rest`, or 0.
    fn continuation(rest: &str) -> usize {
        match rest.as_bytes() {
            [b'\\', b'\n', ..] => 2,
            [b'\\', b'\r', b'\n', ..] => 3,
            _ => 0,
        }
    }

    /// The length of the comment at the start of `rest`, or 0. A comment that is not closed goes
    /// to the end of the text.
    fn comment(rest: &str) -> usize {
        if let Some(text) = rest.strip_prefix("/*") {
            return text.find("*/").map_or(rest.len(), |at| at + 4);
        }
        if !rest.starts_with("//") {
            return 0;
        }
        // A backslash at the end of the line continues the comment.
        let mut end = 0;
        loop {
            let Some(at) = rest[end..].find('\n') else {
                return rest.len();
            };
            end += at;
            if !rest[..end].trim_end_matches('\r').ends_with('\\') {
                return end;
            }
            end += 1;
        }
    }

    fn space(rest: &str) -> usize {
        let mut length = 0;
        loop {
            let tail = &rest[length..];
            let step = match tail.as_bytes().first() {
                Some(b' ' | b'\t' | b'\r' | 0x0b | 0x0c) => 1,
                Some(b'\\') => Self::continuation(tail),
                Some(b'/') => Self::comment(tail),
                _ => 0,
            };
            if step == 0 {
                return length;
            }
            length += step;
        }
    }

    /// The next token; `None` at the end of the text.
    pub(super) fn next_piece(&mut self) -> Option<Piece> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        let run = |wanted: fn(char) -> bool| rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
        let space = Self::space(rest);
        let (kind, length) = if space > 0 {
            (Kind::Space, space)
        } else if first == '\n' {
            (Kind::Newline, 1)
        } else if first.is_ascii_digit() {
            (Kind::Number, run(word))
        } else if word(first) {
            (Kind::Ident, run(word))
        } else if first == '"' {
            (Kind::String, Self::string(rest))
        } else {
            (Kind::Symbol, first.len_utf8())
        };
        let start = self.position;
        self.position += length;
        Some(Piece {
            kind,
            start,
            end: self.position,
        })
    }

    fn string(rest: &str) -> usize {
        let mut escaped = false;
        for (at, byte) in rest.bytes().enumerate().skip(1) {
            match byte {
                b'\n' => return at,
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => return at + 1,
                _ => {}
            }
        }
        rest.len()
    }

    /// Goes to the start of the next line. Comments that begin on this one are part of it.
    pub(super) fn skip_line(&mut self) {
        while let Some(piece) = self.next_piece() {
            if piece.kind == Kind::Newline {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        let mut scanner = Scanner::new(text);
        std::iter::from_fn(|| scanner.next_piece())
            .map(|piece| (piece.kind, &text[piece.start..piece.end]))
            .collect()
    }

    #[test]
    fn comments_and_continuations_are_space() {
        assert_eq!(
            kinds("a/* x\n */b // c \\\n d\n8w0x1f"),
            [
                (Kind::Ident, "a"),
                (Kind::Space, "/* x\n */"),
                (Kind::Ident, "b"),
                (Kind::Space, " // c \\\n d"),
                (Kind::Newline, "\n"),
                (Kind::Number, "8w0x1f"),
            ]
        );
    }

    #[test]
    fn a_string_ends_with_its_line_at_the_latest() {
        assert_eq!(
            kinds("\"a\\\"b\"\"c\nd"),
            [
                (Kind::String, "\"a\\\"b\""),
                (Kind::String, "\"c"),
                (Kind::Newline, "\n"),
                (Kind::Ident, "d"),
            ]
        );
    }

    #[test]
    fn every_text_is_covered_without_gaps() {
        for text in ["/*", "//", "\\", "\"", "é\u{0}#", "1.2", "/", "a\r\nb"] {
            assert_eq!(
                kinds(text).iter().map(|(_, t)| *t).collect::<String>(),
                text
            );
        }
    }
}
