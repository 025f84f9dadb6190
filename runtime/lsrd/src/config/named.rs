//! Things that the operator gives a name, and that other parts of the file refer to by it.

use std::collections::BTreeMap;

use super::problem::{Problems, Span};
use super::section::{At, Section, suggestion};

/// The things of one kind that were read so far, in the order of the file.
#[derive(Debug)]
pub(super) struct Named<T> {
    /// How the operator calls them: `[[qos-map]]`.
    kind: &'static str,
    read: Vec<(String, T)>,
    /// Every name that was given, also those of things with mistakes: one mistake, one message.
    names: BTreeMap<String, Span>,
}

impl<T> Named<T> {
    /// None read yet.
    pub(super) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            read: Vec::new(),
            names: BTreeMap::new(),
        }
    }

    /// Reads the name of a new one.
    pub(super) fn name(
        &mut self,
        section: &mut Section<'_, '_>,
        example: &str,
        problems: &mut Problems,
    ) -> Option<String> {
        let name = section.need_text("name", example, problems)?;
        if name.value.trim().is_empty() {
            let kind = self.kind;
            problems.add(
                &name.span,
                format!("the name of {kind} is empty"),
                "empty",
                "give it a name",
            );
            return None;
        }
        if let Some(earlier) = self.names.get(name.value) {
            let (kind, name_) = (self.kind, name.value);
            problems.add_conflict(
                &name.span,
                earlier,
                format!("two {kind} have the name `{name_}`"),
                ("again here", "first here"),
                "give each its own name",
            );
            return None;
        }
        self.names.insert(name.value.to_owned(), name.span);
        Some(name.value.to_owned())
    }

    /// Takes one without mistakes.
    pub(super) fn insert(&mut self, name: String, value: T) {
        self.read.push((name, value));
    }

    /// How many were read without mistakes.
    pub(super) fn len(&self) -> usize {
        self.read.len()
    }

    /// All of them with their names, in the order of the file.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.read.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The one that a key of another part of the file names, with its position; none when the key
    /// is absent or names none.
    pub(super) fn referred(
        &self,
        key: &'static str,
        section: &mut Section<'_, '_>,
        problems: &mut Problems,
    ) -> Option<At<(usize, &T)>> {
        let given = section.text(key, problems)?;
        let found = self
            .read
            .iter()
            .enumerate()
            .find(|(_, (name, _))| name == given.value);
        if let Some((position, (_, value))) = found {
            return Some(At {
                value: (position, value),
                span: given.span,
            });
        }
        if !self.names.contains_key(given.value) {
            let known: Vec<&str> = self.names.keys().map(String::as_str).collect();
            let remedy = match known.is_empty() {
                true => format!("add {} with this name", self.kind),
                false => suggestion(given.value, &known),
            };
            problems.add(
                &given.span,
                format!("no {} has the name `{}`", self.kind, given.value),
                "not configured",
                remedy,
            );
        }
        None
    }

    /// Ends the reading.
    pub(super) fn into_vec(self) -> Vec<(String, T)> {
        self.read
    }
}
