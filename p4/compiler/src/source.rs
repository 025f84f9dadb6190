//! Places in the source, and the way from the preprocessed text back to files.

use std::sync::Arc;

/// A stretch of the preprocessed text, by byte offsets; [`SourceMap`] leads from it to files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte behind the last.
    pub end: u32,
}

impl Span {
    /// From the start of `self` to the end of `other`.
    pub fn to(self, other: Span) -> Span {
        Span {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// A file that was read, or a text that stands in for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId(pub u32);

/// A stretch of one file, by byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileSpan {
    /// The file.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// The byte behind the last.
    pub end: u32,
}

/// A place as people read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location<'a> {
    /// The name of the file as it was given, or as an `#include` found it.
    pub file: &'a str,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

#[derive(Debug)]
struct File {
    name: Arc<str>,
    text: Arc<str>,
    /// The offset of the first byte of each line.
    lines: Vec<u32>,
    /// The `#include` that brought it in.
    included_at: Option<FileSpan>,
}

/// Where a stretch of the preprocessed text comes from.
#[derive(Debug, Clone)]
struct Segment {
    /// Its first byte in the preprocessed text; it ends where the next begins.
    start: u32,
    origin: FileSpan,
    /// For what a macro expanded to: the macro, and the place of its definition if it has one.
    /// All of the stretch then stands for the place where the macro was used.
    expansion: Option<Expansion>,
}

/// The macro that a piece of text came out of.
#[derive(Debug, Clone)]
pub struct Expansion {
    /// The macro's name.
    pub name: Arc<str>,
    /// Where it is defined; nowhere for `__FILE__` and `__LINE__`.
    pub definition: Option<FileSpan>,
    /// Where the text itself stands: in the body of a macro, or in an argument.
    pub spelling: Option<FileSpan>,
}

/// All that was read, and where each byte of the preprocessed text comes from.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Vec<File>,
    text: String,
    segments: Vec<Segment>,
}

impl SourceMap {
    /// Takes in a file; `included_at` is the `#include` that names it.
    pub(crate) fn add_file(
        &mut self,
        name: &str,
        text: &str,
        included_at: Option<FileSpan>,
    ) -> FileId {
        let mut lines = vec![0];
        lines.extend(
            text.bytes()
                .enumerate()
                .filter(|(_, b)| *b == b'\n')
                .map(|(i, _)| i as u32 + 1),
        );
        self.files.push(File {
            name: name.into(),
            text: text.into(),
            lines,
            included_at,
        });
        FileId(self.files.len() as u32 - 1)
    }

    /// The name of a file.
    pub fn file_name(&self, file: FileId) -> &str {
        &self.files[file.0 as usize].name
    }

    /// The text of a file.
    pub fn file_text(&self, file: FileId) -> Arc<str> {
        self.files[file.0 as usize].text.clone()
    }

    /// The `#include` that brought a file in.
    pub fn included_at(&self, file: FileId) -> Option<FileSpan> {
        self.files[file.0 as usize].included_at
    }

    /// The preprocessed text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The part of the preprocessed text that a span covers.
    pub fn fragment(&self, span: Span) -> &str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    /// Appends text that stands in a file.
    pub(crate) fn push_verbatim(&mut self, text: &str, file: FileId, offset: u32) {
        let start = self.text.len() as u32;
        let continues = self.segments.last().is_some_and(|last| {
            last.expansion.is_none()
                && last.origin.file == file
                && last.origin.start + (start - last.start) == offset
        });
        if !continues {
            let origin = FileSpan {
                file,
                start: offset,
                end: offset,
            };
            self.segments.push(Segment {
                start,
                origin,
                expansion: None,
            });
        }
        self.text.push_str(text);
    }

    /// Appends text that a macro expanded to at `use_site`.
    pub(crate) fn push_expansion(&mut self, text: &str, use_site: FileSpan, expansion: Expansion) {
        let start = self.text.len() as u32;
        self.segments.push(Segment {
            start,
            origin: use_site,
            expansion: Some(expansion),
        });
        self.text.push_str(text);
    }

    fn segment(&self, position: u32) -> Option<&Segment> {
        let index = self
            .segments
            .partition_point(|segment| segment.start <= position);
        self.segments.get(index.checked_sub(1)?)
    }

    /// The preprocessed text with a line marker (`# line "file"`) wherever the lines do not follow
    /// one another in one file, as the C preprocessor writes it.
    pub fn text_with_line_markers(&self) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut expected: Option<(FileId, u32)> = None;
        let mut start = 0u32;
        for line in self.text.split_inclusive('\n') {
            if !line.trim().is_empty()
                && let Some(origin) = self.origin(start)
            {
                let number = self.file_location(origin).line;
                match expected {
                    Some((file, next)) if file == origin.file && next == number => {}
                    Some((file, next))
                        if file == origin.file && (1..8).contains(&number.saturating_sub(next)) =>
                    {
                        (next..number).for_each(|_| out.push('\n'));
                    }
                    _ => out.push_str(&format!("# {number} {:?}\n", self.file_name(origin.file))),
                }
                out.push_str(line);
                expected = Some((origin.file, number + 1));
            }
            start += line.len() as u32;
        }
        out
    }

    /// Where a byte of the preprocessed text stands, as the start and the end of a stretch: one
    /// byte, or the whole use of a macro.
    fn origin(&self, position: u32) -> Option<FileSpan> {
        let segment = self.segment(position)?;
        if segment.expansion.is_some() {
            return Some(segment.origin);
        }
        let FileSpan { file, start, .. } = segment.origin;
        let start = start + (position - segment.start);
        Some(FileSpan {
            file,
            start,
            end: start + 1,
        })
    }

    /// The stretch of a file that a span stands for. A span over several files or back and forth
    /// stands for the place where it starts.
    pub fn file_span(&self, span: Span) -> Option<FileSpan> {
        let first = self.origin(span.start)?;
        let last = self.origin(span.end.max(span.start + 1) - 1)?;
        let limit = self.files[first.file.0 as usize].text.len() as u32;
        let end = if last.file == first.file && last.end >= first.end {
            last.end
        } else {
            first.end
        };
        // The end of the program stands behind the last byte of the file.
        let start = first.start.min(limit);
        Some(FileSpan {
            start,
            end: end.clamp(start, limit),
            ..first
        })
    }

    /// The macro that the start of a span came out of.
    pub fn expansion(&self, span: Span) -> Option<&Expansion> {
        self.segment(span.start)?.expansion.as_ref()
    }

    /// File, line and column of the start of a stretch of a file.
    pub fn file_location(&self, span: FileSpan) -> Location<'_> {
        let file = &self.files[span.file.0 as usize];
        let line = file
            .lines
            .partition_point(|start| *start <= span.start)
            .max(1)
            - 1;
        let before = file
            .text
            .get(file.lines[line] as usize..span.start as usize)
            .unwrap_or_default();
        Location {
            file: &file.name,
            line: line as u32 + 1,
            column: before.chars().count() as u32 + 1,
        }
    }

    /// File, line and column of the start of a span; `None` for an empty program.
    pub fn location(&self, span: Span) -> Option<Location<'_>> {
        Some(self.file_location(self.file_span(span)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(map: &SourceMap, start: u32, end: u32) -> (&str, u32, u32) {
        let location = map.location(Span { start, end }).unwrap();
        (location.file, location.line, location.column)
    }

    #[test]
    fn verbatim_text_keeps_its_lines_and_columns() {
        let mut map = SourceMap::default();
        let file = map.add_file("a.p4", "one\ntwo three\n", None);
        map.push_verbatim("one\n", file, 0);
        map.push_verbatim("three\n", file, 8);
        assert_eq!(at(&map, 0, 3), ("a.p4", 1, 1));
        assert_eq!(at(&map, 4, 9), ("a.p4", 2, 5));
        assert_eq!(map.fragment(Span { start: 4, end: 9 }), "three");
    }

    #[test]
    fn an_expansion_stands_at_the_use_of_its_macro() {
        let mut map = SourceMap::default();
        let file = map.add_file("a.p4", "x = SIZE;", None);
        map.push_verbatim("x = ", file, 0);
        let use_site = FileSpan {
            file,
            start: 4,
            end: 8,
        };
        let expansion = Expansion {
            name: "SIZE".into(),
            definition: None,
            spelling: None,
        };
        map.push_expansion("1024 + 1", use_site, expansion);
        map.push_verbatim(";", file, 8);
        assert_eq!(at(&map, 11, 12), ("a.p4", 1, 5));
        assert_eq!(map.file_span(Span { start: 4, end: 12 }), Some(use_site));
        assert_eq!(
            map.expansion(Span { start: 5, end: 6 }).map(|e| &*e.name),
            Some("SIZE")
        );
        assert_eq!(at(&map, 12, 13), ("a.p4", 1, 9));
    }

    #[test]
    fn a_span_behind_the_end_stays_inside_the_file() {
        let mut map = SourceMap::default();
        let file = map.add_file("a.p4", "ab", None);
        map.push_verbatim("ab", file, 0);
        for start in [2, 3, 9] {
            let span = map.file_span(Span { start, end: start }).unwrap();
            assert_eq!((span.start, span.end), (2, 2));
        }
        assert_eq!(SourceMap::default().location(Span::default()), None);
    }
}
