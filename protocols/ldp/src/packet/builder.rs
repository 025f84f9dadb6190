//! Messages packed in PDUs (RFC 5036 section 3.1: a PDU has one message or more).

use super::pdu::{
    EncodeError, MIN_PDU_LENGTH, PDU_HEADER_LENGTH, PROTOCOL_VERSION, VERSION_AND_LENGTH,
};
use super::tlv::patch_length;
use super::{Body, Message, UnknownTlv};
use crate::LdpIdentifier;

/// Packs messages in PDUs, as many in each as fit: a PDU for each message would be thousands of PDUs where
/// tens do.
///
/// A PDU, with all of its header, is never longer than the maximum PDU length. RFC 5036 does not quite say
/// whether that length counts the four octets that the PDU Length field does not count; so every
/// receiver takes the PDU.
#[derive(Debug, Clone)]
pub struct PduBuilder {
    identifier: LdpIdentifier,
    max_pdu_length: usize,
    /// PDUs; the last one is open, and its length is not written.
    octets: Vec<u8>,
    /// Where the open PDU starts.
    open: usize,
    pdus: usize,
}

impl PduBuilder {
    /// A builder of PDUs from this LSR with this maximum PDU length.
    pub fn new(identifier: LdpIdentifier, max_pdu_length: u16) -> Self {
        Self {
            identifier,
            max_pdu_length: usize::from(max_pdu_length)
                .max(VERSION_AND_LENGTH + usize::from(MIN_PDU_LENGTH)),
            octets: Vec::new(),
            open: 0,
            pdus: 0,
        }
    }

    /// Sets the maximum PDU length that was negotiated, for the messages from here on.
    pub fn set_max_pdu_length(&mut self, length: u16) {
        self.close();
        self.open = self.octets.len();
        self.max_pdu_length =
            usize::from(length).max(VERSION_AND_LENGTH + usize::from(MIN_PDU_LENGTH));
    }

    /// Appends a message.
    ///
    /// # Errors
    /// It does not fit a PDU. Nothing is appended then.
    #[inline]
    pub fn push(&mut self, id: u32, body: &Body) -> Result<(), EncodeError> {
        self.append(id, body, &[])
    }

    /// Appends a message with the unknown TLVs that it may have.
    ///
    /// # Errors
    /// It does not fit a PDU. Nothing is appended then.
    pub fn push_message(&mut self, message: &Message) -> Result<(), EncodeError> {
        self.append(message.id, &message.body, &message.unknown)
    }

    fn append(&mut self, id: u32, body: &Body, unknown: &[UnknownTlv]) -> Result<(), EncodeError> {
        let end = self.octets.len();
        if end == self.open {
            self.put_header();
        }
        let start = self.octets.len();
        if let Err(error) = body.encode_message(id, unknown, &mut self.octets) {
            self.octets.truncate(end);
            return Err(error);
        }
        let length = self.octets.len() - start;
        if PDU_HEADER_LENGTH + length > self.max_pdu_length {
            self.octets.truncate(end);
            return Err(EncodeError::MessageTooLong {
                message: body.name(),
                length,
                room: self.max_pdu_length - PDU_HEADER_LENGTH,
            });
        }
        if end == self.open {
            self.pdus += 1;
        } else if self.octets.len() - self.open > self.max_pdu_length {
            // The message is the first one of another PDU, whose header goes before it.
            self.put_header();
            if let Some(tail) = self.octets.get_mut(start..) {
                tail.rotate_right(PDU_HEADER_LENGTH);
            }
            let full = start - self.open - VERSION_AND_LENGTH;
            patch_length(&mut self.octets, self.open + 2, full);
            self.open = start;
            self.pdus += 1;
        }
        Ok(())
    }

    /// Appends the header of a PDU; its length comes when it is known.
    fn put_header(&mut self) {
        self.octets
            .extend_from_slice(&PROTOCOL_VERSION.to_be_bytes());
        self.octets.extend_from_slice(&[0; 2]);
        self.octets.extend_from_slice(&self.identifier.octets());
    }

    /// Writes the length of the open PDU, if there is one.
    fn close(&mut self) {
        let length = self.octets.len() - self.open;
        if let Some(length) = length.checked_sub(VERSION_AND_LENGTH) {
            patch_length(&mut self.octets, self.open + 2, length);
        }
    }

    /// Whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Octets of all PDUs so far.
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// How many PDUs there are so far.
    pub fn pdus(&self) -> usize {
        self.pdus
    }

    /// The octets of all PDUs, complete. The builder is empty then.
    pub fn take(&mut self) -> Vec<u8> {
        self.close();
        self.open = 0;
        self.pdus = 0;
        std::mem::take(&mut self.octets)
    }
}
