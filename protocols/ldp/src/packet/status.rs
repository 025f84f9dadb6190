//! The Status TLV and the status codes (RFC 5036 sections 3.4.6 and 3.9).

/// The Status TLV, 0x0300.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// What happened. 0 is success.
    pub code: StatusCode,
    /// The E bit: a fatal error, that ends the session.
    pub fatal: bool,
    /// The F bit: the notification is forwarded.
    pub forward: bool,
    /// The message that it is about; 0 for none.
    pub message_id: u32,
    /// The type of that message; 0 for none.
    pub message_type: u16,
}

/// A status code: the 30-bit Status Data (RFC 5036 section 3.9, IANA's LDP Status Code registry).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(pub u32);
