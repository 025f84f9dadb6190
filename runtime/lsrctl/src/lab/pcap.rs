//! pcap files of captured frames.

use std::io;
use std::time::Duration;

use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{DataLink, TsResolution};

use super::capture::Captured;

/// Writes frames one by one.
#[derive(Debug)]
pub struct Writer<W: io::Write> {
    inner: PcapWriter<W>,
}

impl<W: io::Write> Writer<W> {
    /// Writes the header of the file.
    pub fn new(output: W) -> io::Result<Self> {
        let header = PcapHeader {
            datalink: DataLink::ETHERNET,
            ts_resolution: TsResolution::NanoSecond,
            ..PcapHeader::default()
        };
        Ok(Self {
            inner: PcapWriter::with_header(output, header).map_err(error)?,
        })
    }

    /// Writes one frame.
    pub fn write(&mut self, frame: &Captured) -> io::Result<()> {
        let length = u32::try_from(frame.octets.len()).unwrap_or(u32::MAX);
        let time: Duration = frame.time;
        let packet = PcapPacket::new(time, length, &frame.octets);
        self.inner.write_packet(&packet).map(drop).map_err(error)
    }
}

/// A whole file in memory.
pub fn encode(frames: &[Captured]) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::new())?;
    for frame in frames {
        writer.write(frame)?;
    }
    Ok(writer.inner.into_writer())
}

fn error(error: pcap_file::PcapError) -> io::Error {
    match error {
        pcap_file::PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}
