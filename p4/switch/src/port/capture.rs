//! Capture of what a port receives and sends, in pcap files with nanoseconds.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{DataLink, TsResolution};

/// The longest packet that is written.
const SNAPLEN: u32 = 262_144;

/// The pcap files that the packets of a port are written to, those that it received and those that
/// it sent.
#[derive(Debug)]
pub struct Capture {
    received: CaptureFile,
    sent: CaptureFile,
}

impl Capture {
    /// Makes the files `NAME_in.pcap` and `NAME_out.pcap`, as simple_switch calls them, in a
    /// directory, or empties them.
    ///
    /// # Errors
    ///
    /// If a file cannot be made or written to.
    pub fn create(directory: &Path, name: &str) -> io::Result<Self> {
        let file = |end| CaptureFile::create(&directory.join(format!("{name}_{end}.pcap")));
        Ok(Self {
            received: file("in")?,
            sent: file("out")?,
        })
    }

    /// Writes a packet that was received, with the time of now. It reaches the file with the next
    /// `flush`.
    pub(crate) fn received(&self, packet: &[u8]) {
        self.received.write(packet);
    }

    /// As `received`, for a packet that was sent.
    pub(crate) fn sent(&self, packet: &[u8]) {
        self.sent.write(packet);
    }

    /// Writes what is buffered to the files, so that they can be read while packets go on.
    pub(crate) fn flush(&self) {
        self.received.flush();
        self.sent.flush();
    }
}

/// A pcap file.
#[derive(Debug)]
struct CaptureFile {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    writer: PcapWriter<Buffer>,
    buffer: Buffer,
    /// Whether writing failed, so that it is not tried again.
    failed: bool,
}

/// What is not written to the file yet.
#[derive(Debug, Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        // The bytes are whole whatever the thread that held the lock did.
        self.0.lock().unwrap_or_else(|error| error.into_inner())
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl CaptureFile {
    fn create(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        let buffer = Buffer::default();
        let header = PcapHeader {
            snaplen: SNAPLEN,
            datalink: DataLink::ETHERNET,
            ts_resolution: TsResolution::NanoSecond,
            ..PcapHeader::default()
        };
        let writer = PcapWriter::with_header(buffer.clone(), header).map_err(io::Error::other)?;
        let capture = Self {
            inner: Mutex::new(Inner {
                file,
                writer,
                buffer,
                failed: false,
            }),
        };
        capture.lock().flush()?;
        Ok(capture)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // At worst a record is cut short.
        self.inner.lock().unwrap_or_else(|error| error.into_inner())
    }

    fn write(&self, packet: &[u8]) {
        let time = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let shown = &packet[..packet.len().min(SNAPLEN as usize)];
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let record = PcapPacket::new(time, length, shown);
        let mut inner = self.lock();
        if !inner.failed
            && let Err(error) = inner.writer.write_packet(&record)
        {
            inner.fail(&error);
        }
    }

    fn flush(&self) {
        let mut inner = self.lock();
        if !inner.failed
            && let Err(error) = inner.flush()
        {
            inner.fail(&error);
        }
    }
}

impl Inner {
    fn flush(&mut self) -> io::Result<()> {
        let mut bytes = self.buffer.bytes();
        if !bytes.is_empty() {
            self.file.write_all(&bytes)?;
            bytes.clear();
        }
        Ok(())
    }

    fn fail(&mut self, error: &dyn std::error::Error) {
        self.failed = true;
        tracing::error!("the capture of a port ends: {error}");
    }
}

#[cfg(test)]
mod tests {
    use pcap_file::pcap::PcapReader;

    use super::*;

    fn packets(path: &Path) -> Vec<Vec<u8>> {
        let mut reader = PcapReader::new(File::open(path).unwrap()).unwrap();
        assert_eq!(reader.header().ts_resolution, TsResolution::NanoSecond);
        let mut packets = Vec::new();
        while let Some(packet) = reader.next_packet() {
            packets.push(packet.unwrap().data.into_owned());
        }
        packets
    }

    #[test]
    fn what_is_captured_can_be_read_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let capture = Capture::create(directory.path(), "eth1").unwrap();
        capture.received(&[1, 2, 3]);
        capture.received(&[4; 2000]);
        capture.sent(&[5]);
        capture.flush();
        let (received, sent) = ("eth1_in.pcap", "eth1_out.pcap");
        let read = |name: &str| packets(&directory.path().join(name));
        assert_eq!(read(received), [vec![1, 2, 3], vec![4; 2000]]);
        assert_eq!(read(sent), [[5]]);
    }
}
