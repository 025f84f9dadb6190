//! Files that are written anew as a whole: whoever is interrupted in the middle leaves the former one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Puts a file with this content in the place of the former one.
///
/// # Errors
/// It cannot be written.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content, false)
}

/// As [`replace`], and the content is on the disk when this returns.
///
/// # Errors
/// It cannot be written.
pub(crate) fn replace_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content, true)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

fn write(path: &Path, content: &[u8], durably: bool) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(content)?;
    if durably {
        file.sync_all()?;
    }
    fs::rename(&new, path)
}
