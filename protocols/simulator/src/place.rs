//! Where in a text of TOML something is.

use toml::de::{DeArray, DeTable};

/// The line, from 1 on, at which a table of an array of tables begins. `None`: there is no such one.
pub(crate) fn line_of(text: &str, path: &[&str], number: usize) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let (array, tables) = path.split_last()?;
    let mut table = root.get_ref();
    for name in tables {
        table = table.get(*name)?.get_ref().as_table()?;
    }
    let array: &DeArray<'_> = table.get(*array)?.get_ref().as_array()?;
    let begin = array.get(number)?.span().start;
    Some(text.get(..begin)?.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_table_is_that_of_its_head() {
        let text = "a = 1\n[b]\n[[b.c]]\nd = 1\n\n[[b.c]]\nd = 2\n";
        assert_eq!(line_of(text, &["b", "c"], 0), Some(3));
        assert_eq!(line_of(text, &["b", "c"], 1), Some(6));
        assert_eq!(line_of(text, &["b", "c"], 2), None);
        assert_eq!(line_of(text, &["a"], 0), None);
        assert_eq!(
            line_of("c = [\n { d = 1 },\n { d = 2 } ]", &["c"], 1),
            Some(3)
        );
    }
}
