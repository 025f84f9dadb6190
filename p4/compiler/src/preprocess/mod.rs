//! The preprocessor (specification, section 5.6 and appendix; it works as that of C does):
//! `#include`, `#define`, `#undef`, `#if` and its kin, `#error`, `#warning`, object-like and
//! function-like macros with `#` and `##`, `__FILE__` and `__LINE__`.

mod condition;
mod macros;
mod scan;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Diagnostics, Place, Severity};
use crate::options::{Define, Options, Source};
use crate::source::{Expansion, FileId, FileSpan, SourceMap};
use macros::{Macro, Macros, Token, scan_tokens};
use scan::{Kind, Scanner};

/// The files that `#include` finds without a directory for them.
const BUILT_IN: [(&str, &str); 2] = [
    ("core.p4", include_str!("../../include/core.p4")),
    ("v1model.p4", include_str!("../../include/v1model.p4")),
];

/// `#include` goes at most so deep, as in GCC.
const INCLUDE_LIMIT: usize = 200;

/// The preprocessed text may have at most so many bytes.
const TEXT_LIMIT: usize = 64 << 20;

/// A file may have at most so many bytes.
const FILE_LIMIT: u64 = 32 << 20;

/// Preprocesses a program. The text and where it comes from are in the source map.
pub(crate) fn preprocess(
    source: &Source,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> SourceMap {
    let mut preprocessor = Preprocessor {
        options,
        sources: SourceMap::default(),
        macros: Macros::new(),
        diagnostics,
        including: Vec::new(),
        in_string: false,
        stopped: false,
    };
    preprocessor.command_line();
    match source {
        Source::File(path) => match read(path) {
            Ok(text) => {
                let directory = path.parent().map(Path::to_owned);
                preprocessor.file(&path.display().to_string(), &text, directory, None);
            }
            Err(reason) => {
                let message = format!("cannot read {}: {reason}", path.display());
                preprocessor
                    .diagnostics
                    .push(Diagnostic::error_without_place(message));
            }
        },
        Source::Text { name, text } => preprocessor.file(name, text, None, None),
    }
    preprocessor.sources
}

/// Whether a string literal has its closing quote.
fn is_closed(literal: &str) -> bool {
    let inner = literal.strip_prefix('"').unwrap_or(literal);
    inner.strip_suffix('"').is_some_and(|inner| {
        let backslashes = inner.bytes().rev().take_while(|byte| *byte == b'\\');
        backslashes.count() % 2 == 0
    })
}

fn read(path: &Path) -> Result<String, String> {
    // The size that a device or pipe states says nothing.
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(format!("it has more than {FILE_LIMIT} bytes"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..offset]
            .iter()
            .filter(|b| **b == b'\n')
            .count()
            + 1;
        format!("line {line} is not UTF-8 text")
    })
}

/// One `#if` with all that belongs to it.
struct Conditional {
    place: FileSpan,
    /// Whether the text goes through here.
    active: bool,
    /// Whether a branch was taken already, or none may be.
    taken: bool,
    /// Whether `#else` was seen.
    has_else: bool,
}

struct Include {
    directory: Option<PathBuf>,
    name: String,
}

struct Preprocessor<'a> {
    options: &'a Options,
    sources: SourceMap,
    macros: Macros,
    diagnostics: &'a mut Diagnostics,
    /// The files that are being read, the innermost last.
    including: Vec<Include>,
    /// Whether a string goes on from the line before. P4 has such strings, C has not: as in C their
    /// parts are text in which macros are replaced, but what looks like a comment is part of them.
    in_string: bool,
    /// Whether an error makes it pointless to go on.
    stopped: bool,
}

impl Preprocessor<'_> {
    fn report(&mut self, severity: Severity, place: FileSpan, message: String) {
        self.diagnostics
            .push(Diagnostic::new(severity, Some(place.into()), message));
    }

    fn error(&mut self, place: FileSpan, message: impl Into<String>) {
        self.report(Severity::Error, place, message.into());
    }

    /// The macros of the command line, as a file of their own.
    fn command_line(&mut self) {
        let mut text = String::from("#define __TARGET_BMV2__ 1\n");
        for define in &self.options.defines {
            match define {
                Define::Define(definition) => match definition.split_once('=') {
                    Some((name, value)) => text.push_str(&format!("#define {name} {value}\n")),
                    None => text.push_str(&format!("#define {definition} 1\n")),
                },
                Define::Undefine(name) => text.push_str(&format!("#undef {name}\n")),
            }
        }
        self.file("<command line>", &text, None, None);
    }

    fn file(
        &mut self,
        name: &str,
        text: &str,
        directory: Option<PathBuf>,
        included_at: Option<FileSpan>,
    ) {
        let file = self.sources.add_file(name, text, included_at);
        self.including.push(Include {
            directory,
            name: name.to_owned(),
        });
        let mut scanner = Scanner::new(text);
        let mut conditionals: Vec<Conditional> = Vec::new();
        while !self.stopped && scanner.position() < text.len() {
            let start = scanner.position();
            let mut first = scanner.next_piece();
            if first.is_some_and(|piece| piece.kind == Kind::Space) {
                first = scanner.next_piece();
            }
            let active = conditionals
                .last()
                .is_none_or(|conditional| conditional.active);
            match first {
                Some(piece) if &text[piece.start..piece.end] == "#" => {
                    self.directive(&mut scanner, file, piece.start, &mut conditionals);
                    self.emit_verbatim("\n", file, scanner.position().saturating_sub(1));
                }
                _ if active => {
                    scanner.seek(start);
                    self.text_line(&mut scanner, file);
                }
                _ => {
                    scanner.seek(start);
                    scanner.skip_line();
                }
            }
            if self.sources.text().len() > TEXT_LIMIT {
                let place = FileSpan {
                    file,
                    start: start as u32,
                    end: start as u32 + 1,
                };
                self.error(place, "the program is too long once preprocessed");
                self.stopped = true;
            }
        }
        if let Some(open) = conditionals.last()
            && !self.stopped
        {
            self.error(open.place, "this `#if` has no `#endif`");
        }
        // What the next file begins with must not grow together with the end of this one.
        if !text.ends_with('\n') {
            self.emit_verbatim("\n", file, text.len());
        }
        self.including.pop();
    }

    fn emit_verbatim(&mut self, text: &str, file: FileId, offset: usize) {
        self.sources.push_verbatim(text, file, offset as u32);
    }

    /// One line of text, or more if the arguments of a macro go on.
    fn text_line(&mut self, scanner: &mut Scanner<'_>, file: FileId) {
        let text = scanner.text();
        while let Some(piece) = scanner.next_piece() {
            let piece_text = &text[piece.start..piece.end];
            match piece.kind {
                Kind::Newline => {
                    self.emit_verbatim("\n", file, piece.start);
                    return;
                }
                Kind::Space if piece_text.trim().is_empty() => {
                    self.emit_verbatim(piece_text, file, piece.start);
                }
                Kind::Space if self.in_string && piece_text.contains('/') => {
                    // A quote in it ends the string nevertheless.
                    self.in_string = piece_text.matches('"').count().is_multiple_of(2);
                    self.emit_verbatim(piece_text, file, piece.start);
                }
                // A comment or a line continuation.
                Kind::Space => self.emit_verbatim(" ", file, piece.start),
                Kind::Ident if self.macros.is_defined(piece_text) => {
                    let place = FileSpan {
                        file,
                        start: piece.start as u32,
                        end: piece.end as u32,
                    };
                    self.macro_use(piece_text, place, scanner);
                }
                _ => {
                    if piece.kind == Kind::String && !is_closed(piece_text) {
                        self.in_string = !self.in_string;
                    }
                    self.emit_verbatim(piece_text, file, piece.start);
                }
            }
            if self.stopped {
                return;
            }
        }
    }

    fn builtin(&self, name: &str, place: FileSpan) -> Option<String> {
        let location = self.sources.file_location(place);
        match name {
            "__LINE__" => Some(location.line.to_string()),
            "__FILE__" => Some(format!("{:?}", location.file)),
            _ => None,
        }
    }

    fn macro_use(&mut self, name: &str, place: FileSpan, scanner: &mut Scanner<'_>) {
        let first = scan_tokens(&mut Scanner::new(name), None, name.len());
        let definition = self.macros.get(name).map(|found| found.definition);
        let tokens = match first.into_iter().next() {
            Some(mut first) => {
                first.spelling = Some(place);
                self.macros.expand_use(first, scanner, place.file)
            }
            None => Ok(Vec::new()),
        };
        let tokens = match tokens {
            Ok(tokens) => tokens,
            Err(message) => {
                self.error(place, message);
                self.stopped = true;
                return;
            }
        };
        if let [only] = tokens.as_slice()
            && only.spelling == Some(place)
            && self.macros.get(name).is_some()
        {
            // A function-like macro without arguments is a plain name.
            self.emit_verbatim(name, place.file, place.start as usize);
            return;
        }
        let use_site = FileSpan {
            end: scanner.position() as u32,
            ..place
        };
        for token in tokens {
            let text = match self.builtin(&token.text, place) {
                Some(text) if token.kind == Kind::Ident => text,
                _ => token.text.to_string(),
            };
            let gap = token.space || (token.seam && joins(self.sources.text(), &text));
            let expansion = Expansion {
                name: name.into(),
                definition,
                spelling: token.spelling,
            };
            let text = if gap { format!(" {text}") } else { text };
            self.sources.push_expansion(&text, use_site, expansion);
        }
        // What follows the macro must not grow together with its text.
        let rest = &scanner.text()[scanner.position()..];
        if joins(self.sources.text(), rest) {
            let expansion = Expansion {
                name: name.into(),
                definition,
                spelling: None,
            };
            self.sources.push_expansion(" ", use_site, expansion);
        }
    }

    fn directive(
        &mut self,
        scanner: &mut Scanner<'_>,
        file: FileId,
        hash: usize,
        conditionals: &mut Vec<Conditional>,
    ) {
        let tokens = scan_tokens(scanner, Some(file), scanner.text().len());
        let end = scanner.position();
        // The end of the line.
        scanner.next_piece();
        let line = &scanner.text()[hash..end];
        let trimmed = hash + line.trim_end().len();
        let place = FileSpan {
            file,
            start: hash as u32,
            end: trimmed as u32,
        };
        let Some((name, rest)) = tokens.split_first() else {
            return;
        };
        let rest = rest.to_vec();
        let active = conditionals
            .last()
            .is_none_or(|conditional| conditional.active);
        match &*name.text {
            "if" | "ifdef" | "ifndef" => {
                let value = active && self.condition(&name.text, rest, place);
                conditionals.push(Conditional {
                    place,
                    active: active && value,
                    taken: !active || value,
                    has_else: false,
                });
            }
            "elif" | "else" | "endif" => {
                self.continue_conditional(&name.text, rest, place, conditionals);
            }
            _ if !active => {}
            "include" => {
                let raw = name
                    .spelling
                    .map_or("", |span| &scanner.text()[span.end as usize..end]);
                self.include(raw, rest, place);
            }
            "define" => self.define(&rest, place),
            "undef" => match rest.as_slice() {
                [name] if name.kind == Kind::Ident => self.macros.undefine(&name.text),
                _ => self.error(place, "`#undef` needs the name of a macro"),
            },
            "error" | "warning" => {
                let is_error = &*name.text == "error";
                let severity = if is_error {
                    Severity::Error
                } else {
                    Severity::Warning
                };
                let text = line[line.find(&*name.text).unwrap_or(0) + name.text.len()..].trim();
                self.report(severity, place, format!("#{} {text}", name.text));
                self.stopped |= is_error;
            }
            // Pragmas are for other compilers; line markers come from another preprocessor.
            "pragma" | "line" => {}
            _ if name.kind == Kind::Number => {}
            other => {
                let message = format!("`#{other}` is no directive of the preprocessor");
                self.error(place, message);
            }
        }
    }

    fn define(&mut self, tokens: &[Token], place: FileSpan) {
        match Macro::parse(tokens) {
            Ok((name, definition)) => {
                if let Some(old) = self.macros.get(&name)
                    && !old.same_as(&definition)
                {
                    let message = format!("macro `{name}` is defined again, and differently");
                    let diagnostic = Diagnostic::new(
                        Severity::Warning,
                        Some(definition.definition.into()),
                        message,
                    )
                    .label_at(Place::File(old.definition), "the definition before");
                    self.diagnostics.push(diagnostic);
                }
                self.macros.define(name, definition);
            }
            Err(message) => self.error(place, message),
        }
    }

    fn condition(&mut self, directive: &str, tokens: Vec<Token>, place: FileSpan) -> bool {
        if directive != "if" && directive != "elif" {
            return match tokens.as_slice() {
                [name] if name.kind == Kind::Ident => {
                    self.macros.is_defined(&name.text) == (directive == "ifdef")
                }
                _ => {
                    self.error(place, format!("`#{directive}` needs the name of a macro"));
                    false
                }
            };
        }
        let result = self
            .replace_defined(tokens)
            .and_then(|tokens| self.macros.expand(tokens))
            .and_then(|tokens| condition::evaluate(&tokens));
        result.unwrap_or_else(|message| {
            self.error(place, message);
            false
        })
    }

    /// Replaces `defined X` and `defined(X)` by 1 or 0.
    fn replace_defined(&self, tokens: Vec<Token>) -> Result<Vec<Token>, String> {
        let mut out = Vec::with_capacity(tokens.len());
        let mut rest = tokens.as_slice();
        while let Some((token, tail)) = rest.split_first() {
            rest = tail;
            if &*token.text != "defined" {
                out.push(token.clone());
                continue;
            }
            let name = match rest {
                [open, name, close, ..] if &*open.text == "(" && &*close.text == ")" => {
                    rest = &rest[3..];
                    name
                }
                [name, ..] => {
                    rest = &rest[1..];
                    name
                }
                [] => return Err("`defined` needs the name of a macro".to_owned()),
            };
            if name.kind != Kind::Ident {
                return Err("`defined` needs the name of a macro".to_owned());
            }
            let value = if self.macros.is_defined(&name.text) {
                "1"
            } else {
                "0"
            };
            out.push(Token {
                kind: Kind::Number,
                text: value.into(),
                ..token.clone()
            });
        }
        Ok(out)
    }

    fn continue_conditional(
        &mut self,
        directive: &str,
        tokens: Vec<Token>,
        place: FileSpan,
        conditionals: &mut Vec<Conditional>,
    ) {
        let Some(current) = conditionals.last_mut() else {
            return self.error(place, format!("`#{directive}` without `#if`"));
        };
        if directive == "endif" {
            conditionals.pop();
            return;
        }
        if current.has_else {
            return self.error(place, format!("`#{directive}` after `#else`"));
        }
        if directive == "else" {
            current.has_else = true;
            current.active = !current.taken;
            current.taken = true;
            return;
        }
        let value = !current.taken && self.condition("elif", tokens, place);
        if let Some(current) = conditionals.last_mut() {
            current.active = value;
            current.taken |= value;
        }
    }

    fn include(&mut self, raw: &str, tokens: Vec<Token>, place: FileSpan) {
        let mut wanted = raw.trim().to_owned();
        if !wanted.starts_with(['"', '<']) {
            match self.macros.expand(tokens) {
                Ok(tokens) => {
                    wanted.clear();
                    for token in tokens {
                        wanted.push_str(if token.space && !wanted.is_empty() {
                            " "
                        } else {
                            ""
                        });
                        wanted.push_str(&token.text);
                    }
                }
                Err(message) => return self.error(place, message),
            }
        }
        let quoted = wanted.starts_with('"');
        let close = if quoted { '"' } else { '>' };
        let name = wanted
            .get(1..)
            .and_then(|rest| rest.split_once(close))
            .map(|(name, _)| name);
        let name = match name {
            Some(name) if wanted.starts_with(['"', '<']) && !name.is_empty() => name.to_owned(),
            _ => return self.error(place, "`#include` needs a file as \"name\" or <name>"),
        };
        if self.including.len() > INCLUDE_LIMIT {
            let chain: Vec<&str> = self
                .including
                .iter()
                .rev()
                .take(4)
                .map(|i| &*i.name)
                .collect();
            let message = format!(
                "`#include` is nested more than {INCLUDE_LIMIT} deep: {} include one another",
                chain.join(", ")
            );
            self.error(place, message);
            self.stopped = true;
            return;
        }
        let mut directories: Vec<PathBuf> = Vec::new();
        if quoted && let Some(current) = self.including.last() {
            directories.extend(current.directory.clone());
        }
        directories.extend(self.options.include_directories.iter().cloned());
        for directory in &directories {
            let path = directory.join(&name);
            if !path.is_file() {
                continue;
            }
            match read(&path) {
                Ok(text) => {
                    let directory = path.parent().map(Path::to_owned);
                    self.file(&path.display().to_string(), &text, directory, Some(place));
                }
                Err(reason) => {
                    self.error(place, format!("cannot read {}: {reason}", path.display()));
                    self.stopped = true;
                }
            }
            return;
        }
        if let Some((name, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            return self.file(name, text, None, Some(place));
        }
        let searched: Vec<String> = directories
            .iter()
            .map(|directory| match directory.display().to_string() {
                text if text.is_empty() => ".".to_owned(),
                text => text,
            })
            .collect();
        let message = format!("there is no file `{name}` to include");
        let help = if searched.is_empty() {
            "no directory was searched; name one with -I".to_owned()
        } else {
            format!(
                "searched in: {}; name further directories with -I",
                searched.join(", ")
            )
        };
        self.diagnostics
            .push(Diagnostic::new(Severity::Error, Some(place.into()), message).help(help));
        self.stopped = true;
    }
}

/// Whether the end of `before` and the start of `after` would become one token.
fn joins(before: &str, after: &str) -> bool {
    let (Some(a), Some(b)) = (before.chars().next_back(), after.chars().next()) else {
        return false;
    };
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let operator = |c: char| "+-*/%&|^<>=!.:".contains(c);
    (word(a) && word(b)) || (operator(a) && operator(b))
}

#[cfg(test)]
mod tests;
