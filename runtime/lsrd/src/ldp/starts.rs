//! How many times LDP was started in the life of the router: Hellos with authentication have a
//! sequence number that never falls, "even when the router has been reset" (RFC 7349, 2.3), whatever
//! the clock says.
//!
//! The number stands in a file of the state directory, which outlives the machine's restarts. Routers
//! that share the file do each other no harm: all of them only make it grow.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use tracing::warn;

use crate::replace::replace_durably;

const FILE: &str = "ldp-starts";

/// Counts a start, at a time in seconds since 1970, and gives its number: larger than those of all
/// starts before, and no less than the time. Where no file can be kept it is the time alone, and the
/// operator is warned.
pub(super) fn count(directory: &Path, time: u64) -> u32 {
    let (number, kept) = next(directory, time);
    if let Err(error) = kept {
        let directory = directory.display();
        warn!(
            %directory, %error,
            "the starts of LDP cannot be counted: sequence numbers of Hellos (RFC 7349) go by the clock, \
             and neighbours discard them when it was set back. Let `state-directory` be a directory that \
             lsrd may write"
        );
    }
    number
}

fn next(directory: &Path, time: u64) -> (u32, io::Result<()>) {
    // A time beyond 32 bits is that of a clock that is wrong.
    let time = u32::try_from(time).unwrap_or(0);
    match read(&directory.join(FILE)) {
        // At the end of the 32 bits, in the year 2106, new keys are due (RFC 7349, 2.3).
        Ok(last) => {
            let number = last.map_or(time, |last| last.saturating_add(1).max(time));
            (number, store(directory, number))
        }
        // What cannot be read is not written over: it may be a larger number.
        Err(error) => (time, Err(error)),
    }
}

fn read(file: &Path) -> io::Result<Option<u32>> {
    match fs::read_to_string(file) {
        Ok(text) => text
            .trim()
            .parse()
            .map(Some)
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn store(directory: &Path, number: u32) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    // It is on the disk before a Hello has the number.
    replace_durably(&directory.join(FILE), format!("{number}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7349 section 2.3: the sequence number strictly increases, also over a cold restart with a clock
    /// that was set back.
    #[test]
    fn the_number_grows_with_each_start_whatever_the_clock_says() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("state");
        let times = [1_000, 1_000, 500, 0, 2_000, u64::MAX];
        let numbers = times.map(|time| count(&directory, time));
        assert_eq!(numbers, [1_000, 1_001, 1_002, 1_003, 2_000, 2_001]);
    }

    #[test]
    fn without_a_file_that_can_be_kept_the_clock_counts() {
        let folder = tempfile::tempdir().unwrap();
        // A file where the directory would be.
        let directory = folder.path().join("state");
        fs::write(&directory, "").unwrap();
        let (number, kept) = next(&directory, 1_000);
        assert_eq!(number, 1_000);
        kept.unwrap_err();
    }

    #[test]
    fn a_broken_file_is_left_for_the_operator() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        fs::write(&file, "many").unwrap();
        let (number, kept) = next(folder.path(), 1_000);
        assert_eq!(number, 1_000);
        assert_eq!(kept.unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(fs::read_to_string(&file).unwrap(), "many");
    }
}
