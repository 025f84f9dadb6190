//! The octets of a session's TCP connection as PDUs (RFC 5036 section 3.1).

use super::pdu::{DEFAULT_MAX_PDU_LENGTH, PDU_HEADER_LENGTH, RawPdu, StreamError};

/// Cuts a stream of octets in PDUs.
///
/// "Not all of it is there yet" is `Ok(None)`, and "this is wrong" is an error: the two are never
/// mixed up. After an error the stream stays in error, and takes no more octets.
///
/// Once [`Self::next_pdu`] gave `None`, less than one PDU is kept, whatever the peer sends.
///
/// A PDU borrows the stream. To change other state while reading it, take the stream out of that state
/// (`std::mem::take`) and put it back.
#[derive(Debug, Clone)]
pub struct PduStream {
    /// Octets that came; the front is read already.
    octets: Vec<u8>,
    /// Octets of the front that are read.
    read: usize,
    max_pdu_length: u16,
    error: Option<StreamError>,
}

impl Default for PduStream {
    fn default() -> Self {
        Self::new()
    }
}

impl PduStream {
    /// An empty stream, with the maximum PDU length that applies before the session is initialized.
    pub const fn new() -> Self {
        Self {
            octets: Vec::new(),
            read: 0,
            max_pdu_length: DEFAULT_MAX_PDU_LENGTH,
            error: None,
        }
    }

    /// Sets the maximum PDU length that was negotiated (RFC 5036 section 3.5.3). It counts for the PDUs
    /// that have not been read.
    pub const fn set_max_pdu_length(&mut self, length: u16) {
        self.max_pdu_length = length;
    }

    /// Appends octets that came from the peer.
    pub fn push(&mut self, octets: &[u8]) {
        if self.error.is_some() {
            return;
        }
        if self.read > 0 {
            // What is left is less than a PDU, if all PDUs have been read.
            self.octets.drain(..self.read);
            self.read = 0;
        }
        self.octets.extend_from_slice(octets);
    }

    /// Gives the memory of what was read back, if nothing else is there: most sessions are silent most of
    /// the time.
    pub fn release(&mut self) {
        if self.unread() == 0 {
            self.octets = Vec::new();
            self.read = 0;
        }
    }

    /// Octets that are kept and not read.
    pub fn unread(&self) -> usize {
        self.octets.len() - self.read
    }

    /// The next PDU; `None`: not all of it is there yet.
    ///
    /// # Errors
    /// The version or the length of the next PDU is wrong; so it is told with the first four octets.
    /// The error stays: where another PDU starts cannot be known any more.
    pub fn next_pdu(&mut self) -> Result<Option<RawPdu<'_>>, StreamError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let unread = self.octets.get(self.read..).unwrap_or_default();
        match RawPdu::parse(unread, self.max_pdu_length) {
            Ok(Some(pdu)) => {
                self.read += pdu.octets().len();
                Ok(Some(pdu))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.error = Some(error);
                Err(error)
            }
        }
    }

    /// The start of what is unread, for the Returned PDU TLV of the notification after an error: the
    /// header, as far as it came (RFC 5036 section 3.5.1).
    pub fn returned_pdu(&self) -> Vec<u8> {
        let unread = self.octets.get(self.read..).unwrap_or_default();
        unread.get(..PDU_HEADER_LENGTH).unwrap_or(unread).to_vec()
    }
}
