//! Reads one TOML table key by key, so that every wrong key and type is told, not only the first.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problems, Span};

/// A value with its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it stands.
    pub(crate) span: Span,
}

/// A table of the file, and which of its keys were asked for.
pub(crate) struct Section<'a, 'i> {
    /// How the operator calls it: `[switch]`, `[[interface]]`.
    name: &'static str,
    table: &'a DeTable<'i>,
    /// Where the table stands: its header or its braces.
    pub(crate) span: Span,
    asked: BTreeSet<&'static str>,
}

impl<'a, 'i> Section<'a, 'i> {
    /// The table `table` that stands at `span`.
    pub(crate) fn new(name: &'static str, table: &'a DeTable<'i>, span: Span) -> Self {
        Self {
            name,
            table,
            span,
            asked: BTreeSet::new(),
        }
    }

    /// The raw value of a key.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.asked.insert(key);
        self.table
            .iter()
            .find(|(name, _)| name.get_ref() == key)
            .map(|(_, value)| value)
    }

    /// Says that a key is missing; `example` shows the line to write.
    pub(crate) fn missing(&self, key: &str, example: &str, problems: &mut Problems) {
        problems.add(
            &self.span,
            format!("{} lacks the key `{key}`", self.name),
            format!("`{key}` is missing"),
            format!("add a line such as: {example}"),
        );
    }

    /// A text.
    pub(crate) fn text(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<At<&'a str>> {
        let value = self.get(key)?;
        text(&format!("`{key}`"), value, problems)
    }

    /// A text that must be there.
    pub(crate) fn need_text(
        &mut self,
        key: &'static str,
        example: &str,
        problems: &mut Problems,
    ) -> Option<At<&'a str>> {
        if self.get(key).is_none() {
            self.missing(key, example, problems);
            return None;
        }
        self.text(key, problems)
    }

    /// A whole number within `range`; `what` names the range's source.
    pub(crate) fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        what: &str,
        problems: &mut Problems,
    ) -> Option<At<u64>> {
        let value = self.get(key)?;
        integer(key, value, range, what, problems)
    }

    /// A whole number that must be there.
    pub(crate) fn need_integer(
        &mut self,
        key: &'static str,
        example: &str,
        range: RangeInclusive<u64>,
        what: &str,
        problems: &mut Problems,
    ) -> Option<At<u64>> {
        if self.get(key).is_none() {
            self.missing(key, example, problems);
            return None;
        }
        self.integer(key, range, what, problems)
    }

    /// `true` or `false`, or the default when the key is absent.
    pub(crate) fn boolean(
        &mut self,
        key: &'static str,
        default: bool,
        problems: &mut Problems,
    ) -> bool {
        let Some(value) = self.get(key) else {
            return default;
        };
        value.get_ref().as_bool().unwrap_or_else(|| {
            wrong_type(&format!("`{key}`"), value, "true or false", problems);
            default
        })
    }

    /// One of a list of words.
    pub(crate) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<At<T>> {
        let given = self.text(key, problems)?;
        let wrong = format!("`{}` is not a value of `{key}`", given.value);
        one_of(given, words, wrong, problems)
    }

    /// The elements of a list; an absent key is an empty list.
    pub(crate) fn list(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<At<&'a [Spanned<DeValue<'i>>]>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Array(list) => Some(At {
                value: list,
                span: value.span(),
            }),
            _ => {
                wrong_type(
                    &format!("`{key}`"),
                    value,
                    "a list, in square brackets",
                    problems,
                );
                None
            }
        }
    }

    /// The tables of a list of tables (`[[name]]` or inline ones).
    pub(crate) fn tables(
        &mut self,
        key: &'static str,
        name: &'static str,
        problems: &mut Problems,
    ) -> Vec<Section<'a, 'i>> {
        let Some(list) = self.list(key, problems) else {
            return Vec::new();
        };
        let mut sections = Vec::new();
        for value in list.value {
            match value.get_ref() {
                DeValue::Table(table) => sections.push(Section::new(name, table, value.span())),
                _ => wrong_type(&format!("`{key}`"), value, "a table", problems),
            }
        }
        sections
    }

    /// A table within this one.
    pub(crate) fn table(
        &mut self,
        key: &'static str,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<Section<'a, 'i>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(name, table, value.span())),
            _ => {
                wrong_type(&format!("`{key}`"), value, "a table", problems);
                None
            }
        }
    }

    /// Ends the table: every key that nobody asked for is unknown.
    pub(crate) fn finish(self, problems: &mut Problems) {
        for key in self.table.keys() {
            let name: &Cow<'_, str> = key.get_ref();
            if self.asked.contains(name.as_ref()) {
                continue;
            }
            let known: Vec<&str> = self.asked.iter().copied().collect();
            problems.add(
                &key.span(),
                format!("unknown key `{name}` in {}", self.name),
                "not known here",
                suggestion(name, &known),
            );
        }
    }
}

/// A text value. `what` names it in the error.
pub(crate) fn text<'a>(
    what: &str,
    value: &'a Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Option<At<&'a str>> {
    match value.get_ref() {
        DeValue::String(text) => Some(At {
            value: text,
            span: value.span(),
        }),
        _ => {
            wrong_type(what, value, "a text, in quotation marks", problems);
            None
        }
    }
}

/// What one of a list of words stands for; `wrong` says that it is none of them.
pub(crate) fn one_of<T: Copy>(
    given: At<&str>,
    words: &[(&str, T)],
    wrong: String,
    problems: &mut Problems,
) -> Option<At<T>> {
    let At { value: word, span } = given;
    if let Some((_, value)) = words.iter().find(|(known, _)| *known == word) {
        return Some(At {
            value: *value,
            span,
        });
    }
    let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
    problems.add(&span, wrong, "not known", suggestion(word, &known));
    None
}

/// A whole number within `range`.
pub(crate) fn integer(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    range: RangeInclusive<u64>,
    what: &str,
    problems: &mut Problems,
) -> Option<At<u64>> {
    let Some(number) = value.get_ref().as_integer() else {
        wrong_type(&format!("`{key}`"), value, "a whole number", problems);
        return None;
    };
    match u64::from_str_radix(number.as_str(), number.radix()) {
        Ok(number) if range.contains(&number) => Some(At {
            value: number,
            span: value.span(),
        }),
        _ => {
            problems.add(
                &value.span(),
                format!("`{key}` is out of range"),
                "out of range",
                format!("{what}: {} to {}", range.start(), range.end()),
            );
            None
        }
    }
}

/// Says that a value has the wrong type.
pub(crate) fn wrong_type(
    what: &str,
    value: &Spanned<DeValue<'_>>,
    wanted: &str,
    problems: &mut Problems,
) {
    problems.add(
        &value.span(),
        format!("{what} must be {wanted}"),
        format!("this is a TOML {}", value.get_ref().type_str()),
        "",
    );
}

/// "did you mean", or the whole list when nothing is near.
pub(crate) fn suggestion(given: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|word| (strsim::jaro_winkler(given, word), word))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, word)) => format!("did you mean `{word}`?"),
        None => format!("known: {}", known.join(", ")),
    }
}
