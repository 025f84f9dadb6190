//! A log's output that never fails.
//!
//! A full disk or a closed pipe is no reason for a router to stop, nor for a line on the standard
//! error that may be the same full disk: `eprintln!` panics there. What cannot be written is counted,
//! and one line says so as soon as something can be written again.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// An output of which each write is one line or a few, all of it or none. Clones share it.
#[derive(Debug)]
pub struct LogOutput<W> {
    shared: Arc<Mutex<Shared<W>>>,
}

#[derive(Debug)]
struct Shared<W> {
    output: W,
    /// Lines that could not be written since the last one that could.
    missing: u64,
    /// Why, for the first of them.
    reason: Option<io::Error>,
    /// The last line is there in part only.
    torn: bool,
}

impl<W: Write> LogOutput<W> {
    /// An output that writes to `output`.
    pub fn new(output: W) -> Self {
        let shared = Shared {
            output,
            missing: 0,
            reason: None,
            torn: false,
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
        }
    }
}

impl<W> Clone for LogOutput<W> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<W: Write> Write for LogOutput<W> {
    /// Writes all of it, or counts it. Never an error.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.write(lines);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Shared<W> {
    fn write(&mut self, lines: &[u8]) {
        let result = self.tell_missing().and_then(|()| self.write_whole(lines));
        if let Err(error) = result {
            let count = lines.iter().filter(|octet| **octet == b'\n').count() as u64;
            self.missing += count.max(1);
            self.reason.get_or_insert(error);
        }
    }

    fn tell_missing(&mut self) -> io::Result<()> {
        let Some(reason) = &self.reason else {
            return Ok(());
        };
        let missing = match self.missing {
            1 => "1 line of the log is missing".to_owned(),
            missing => format!("{missing} lines of the log are missing"),
        };
        let line = format!("{missing}: {reason}\n");
        self.write_whole(line.as_bytes())?;
        self.missing = 0;
        self.reason = None;
        Ok(())
    }

    fn write_whole(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.torn {
            self.write_all(b"\n")?;
            self.torn = false;
        }
        self.write_all(lines)
    }

    /// `Write::write_all`, but for what it notes when a part was written.
    fn write_all(&mut self, mut octets: &[u8]) -> io::Result<()> {
        while !octets.is_empty() {
            match self.output.write(octets) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    octets = octets.get(written..).unwrap_or_default();
                    self.torn = !octets.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with so many octets left.
    #[derive(Default)]
    struct Disk {
        space: usize,
        written: Vec<u8>,
    }

    impl Write for &mut Disk {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let length = octets.len().min(self.space);
            if length == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.space -= length;
            self.written.extend(&octets[..length]);
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn write(shared: &mut Shared<&mut Disk>, line: &str) {
        shared.write(line.as_bytes());
    }

    #[test]
    fn what_has_no_place_is_counted_and_told_once() {
        let mut disk = Disk {
            space: 13,
            ..Disk::default()
        };
        let mut shared = Shared {
            output: &mut disk,
            missing: 0,
            reason: None,
            torn: false,
        };
        write(&mut shared, "the first\n");
        write(&mut shared, "the second\n");
        write(&mut shared, "the third\nand its end\n");
        shared.output.space = 1000;
        write(&mut shared, "the fourth\n");
        write(&mut shared, "the fifth\n");
        let text = String::from_utf8(disk.written).unwrap();
        let reason = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(
            text,
            format!(
                "the first\nthe\n3 lines of the log are missing: {reason}\nthe fourth\nthe fifth\n"
            )
        );
    }

    #[test]
    fn the_writer_of_a_log_never_fails() {
        let mut disk = Disk::default();
        let mut output = LogOutput::new(&mut disk);
        assert_eq!(output.write(b"a line\n").unwrap(), 7);
        output.write_all(b"another\n").unwrap();
        let mut shared = output.shared.lock().unwrap();
        assert_eq!(shared.missing, 2);
        shared.output.space = 100;
        write(&mut shared, "there\n");
        drop(shared);
        drop(output);
        let text = String::from_utf8(disk.written).unwrap();
        assert!(
            text.starts_with("2 lines of the log are missing: "),
            "{text}"
        );
        assert!(text.ends_with("\nthere\n"), "{text}");
    }
}
