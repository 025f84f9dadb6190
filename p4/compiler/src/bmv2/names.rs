//! Names that are used once.

use std::collections::HashSet;

/// The names that are taken. A name that is taken already gets a number behind it, as in p4c's
/// output: `x`, `x_0`, `x_1`.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// `base`, or if that is taken `base` with the first free number.
    pub(super) fn unique(&mut self, base: &str) -> String {
        if self.taken.insert(base.to_owned()) {
            return base.to_owned();
        }
        self.numbered(base)
    }

    /// `base` with the first free number: the name of something that a variable of that name
    /// stands for.
    pub(super) fn numbered(&mut self, base: &str) -> String {
        let mut number = 0u32;
        loop {
            let name = format!("{base}_{number}");
            if self.taken.insert(name.clone()) {
                return name;
            }
            number += 1;
        }
    }
}
